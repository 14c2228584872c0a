"""Write data/trl_numbers.npz: losses and gradients of TRL's `GRPOTrainer._compute_loss` on a small ragged batch.

    pip install "trl==1.16.0" datasets accelerate && python tests/agents/make_trl_numbers.py

The model handed to the loss is a table of logits, so every entry of the gradient belongs to one token and one word:
what is frozen is TRL's masking, ratio, clipping, KL and aggregation, not a network.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch

FILE = Path(__file__).parent / "data" / "trl_numbers.npz"
ROWS, PROMPT, LENGTH, VOCAB = 5, 3, 9, 7
CLIP_LOW, CLIP_HIGH, BETA = 0.2, 0.28, 0.3


@dataclass(frozen=True)
class Case:
    """One setting of TRL's loss; `old`: random old log-probs (clipping active) instead of ratio 1."""

    name: str
    loss_type: str
    level: str = "token"
    old: bool = False
    beta: float = 0.0
    delta: float | None = None
    kl_correction: bool = True


KINDS = {kind: (kind, "token") for kind in ("grpo", "bnpo", "dr_grpo", "dapo", "cispo")} | {
    "gspo": ("grpo", "sequence")
}
CASES = [
    Case(name + suffix, loss_type, level, old=old, beta=beta)
    for name, (loss_type, level) in KINDS.items()
    for suffix, old, beta in (("", False, 0.0), ("_old", True, 0.0), ("_old_kl", True, BETA))
] + [
    Case("dapo_old_dual", "dapo", old=True, delta=1.5),
    Case("grpo_old_kl_plain", "grpo", old=True, beta=BETA, kl_correction=False),
]


def inputs() -> dict[str, np.ndarray]:
    """Return the batch: ragged rows, two sampled spans with an observation between them, advantages of both signs."""
    rng = np.random.default_rng(7)
    mask = np.ones((ROWS, LENGTH), np.int64)
    tool = np.ones((ROWS, LENGTH), np.int64)
    for i, length in enumerate((9, 6, 8, 3, 9)):
        mask[i, length:] = 0
        tool[i, 2 : 2 + i % 3] = 0
    return {
        "logits": rng.normal(0, 1, (ROWS, LENGTH, VOCAB)).astype(np.float32),
        "ids": rng.integers(0, VOCAB, (ROWS, LENGTH)),
        "completion_mask": mask,
        "tool_mask": tool,
        "advantages": np.array([1.3, -0.7, 0.4, -1.6, 0.0], np.float32),
        # Another centre per row, so that whole sequences of both signs are clipped.
        "old_shift": rng.normal([[-0.7], [0.5], [0.0], [-0.6], [0.3]], 0.4, (ROWS, LENGTH)).astype(np.float32),
        "ref_shift": rng.normal(0, 0.4, (ROWS, LENGTH)).astype(np.float32),
    }


class LogitTable(torch.nn.Module):
    """A "model" that answers TRL's fused forward from a table: logits [ROWS, LENGTH, VOCAB] of the completion."""

    def __init__(self, logits: np.ndarray) -> None:
        super().__init__()
        self.logits = torch.nn.Parameter(torch.from_numpy(logits.copy()))

    def forward(self, input_ids: torch.Tensor, labels: torch.Tensor, **_: Any) -> SimpleNamespace:
        """Return log-probs and entropies [B, prompt + LENGTH], zero on the prompt."""
        table = self.logits.log_softmax(-1)
        chosen = table.gather(-1, input_ids[:, PROMPT:, None]).squeeze(-1)
        prompt = chosen.new_zeros(len(input_ids), PROMPT)
        entropy = -(table.exp() * table).sum(-1)
        return SimpleNamespace(log_probs=torch.cat([prompt, chosen], 1), entropy=torch.cat([prompt, entropy], 1))


def token_logprobs(logits: torch.Tensor, ids: np.ndarray) -> torch.Tensor:
    """Return log-probs [ROWS, LENGTH] of `ids`."""
    return logits.log_softmax(-1).gather(-1, torch.from_numpy(ids)[..., None]).squeeze(-1)


def trainer(case: Case, folder: str) -> Any:
    """Return a real GRPOTrainer configured as the case says, around a tiny Qwen2 that the loss never calls."""
    from datasets import Dataset
    from tokenizers import Tokenizer, models
    from transformers import PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM
    from trl import GRPOConfig, GRPOTrainer

    words = Tokenizer(models.WordLevel({str(i): i for i in range(VOCAB)}, unk_token="0"))
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=words, unk_token="0", pad_token="1", eos_token="2")
    config = Qwen2Config(
        vocab_size=VOCAB, hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=2,
        num_key_value_heads=2, pad_token_id=1, eos_token_id=2, bos_token_id=None, tie_word_embeddings=True,
    )  # fmt: skip
    args = GRPOConfig(
        output_dir=folder, per_device_train_batch_size=ROWS, num_generations=ROWS, max_completion_length=LENGTH,
        gradient_accumulation_steps=1, loss_type=case.loss_type, importance_sampling_level=case.level, beta=case.beta,
        epsilon=CLIP_LOW, epsilon_high=1 + CLIP_HIGH if case.loss_type == "cispo" else CLIP_HIGH, delta=case.delta,
        use_bias_correction_kl=case.kl_correction, temperature=1.0, use_cpu=True, bf16=False, report_to=[],
        gradient_checkpointing=False, save_strategy="no", disable_tqdm=True,
    )  # fmt: skip
    Qwen2ForCausalLM(config).save_pretrained(f"{folder}/model")  # TRL loads the reference of beta > 0 from a path
    made = GRPOTrainer(
        model=f"{folder}/model",
        reward_funcs=lambda completions, **_: [0.0] * len(completions),
        args=args,
        train_dataset=Dataset.from_list([{"prompt": "3"}]),
        processing_class=tokenizer,
    )
    made.current_gradient_accumulation_steps = 1
    made.model.train()
    return made


def trl_numbers(case: Case, data: dict[str, np.ndarray]) -> tuple[float, np.ndarray]:
    """Return TRL's loss and its gradient with respect to the logits [ROWS, LENGTH, VOCAB]."""
    table = LogitTable(data["logits"])
    tensors = {key: torch.from_numpy(value) for key, value in data.items()}
    lp = token_logprobs(table.logits.detach(), data["ids"])
    mask = tensors["completion_mask"]
    batch = {
        "prompt_ids": torch.full((ROWS, PROMPT), 3),
        "prompt_mask": torch.ones(ROWS, PROMPT, dtype=torch.int64),
        "completion_ids": tensors["ids"],
        "completion_mask": mask,
        "tool_mask": tensors["tool_mask"],
        "advantages": tensors["advantages"],
        "num_items_in_batch": (mask * tensors["tool_mask"]).sum(),
        "ref_per_token_logps": lp + tensors["ref_shift"],
    }
    if case.old:
        batch["old_per_token_logps"] = lp + tensors["old_shift"]
    with tempfile.TemporaryDirectory() as folder:
        loss = trainer(case, folder)._compute_loss(table, batch)
    loss.backward()
    assert table.logits.grad is not None
    return loss.item(), table.logits.grad.numpy()


def main() -> None:
    """Write the file."""
    import trl

    data = inputs()
    out: dict[str, Any] = {"trl_version": trl.__version__, "torch_version": torch.__version__}
    for case in CASES:
        out[f"{case.name}/loss"], out[f"{case.name}/grad"] = trl_numbers(case, data)
    FILE.parent.mkdir(exist_ok=True)
    np.savez_compressed(FILE, **out)
    print(f"{len(CASES)} cases of TRL {trl.__version__} in {FILE} ({FILE.stat().st_size} bytes)")


if __name__ == "__main__":
    main()
