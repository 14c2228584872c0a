"""Sampling and training speed against TRL's GRPOTrainer, on three fixed multi-turn jobs, in CPU seconds.

    python benchmarks/trl.py [--quick] [--jobs s1,s2,s3] [--json FILE] [--trl-python PYTHON]

Needs `pip install "trl==1.16.0" datasets accelerate`, here or in the interpreter that --trl-python names. Each side
runs in a process of its own (one torch thread, passive waits) and the two take turns, step by step; the first step of
each is dropped and medians are compared. Same network, same prompts, same observations, same number of sampled
tokens, same loss ("dapo": clipped surrogate, mean over tokens) and one AdamW step on the whole batch.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

TOKENS = 16
"""Sampled tokens a turn; the end of a turn is suppressed before, so that every turn has exactly these."""

PEER = "1.16.0"


@dataclass(frozen=True)
class Job:
    """One fixed setting: `prompts` tasks x `group` episodes x `turns` turns, observations of `chars` characters."""

    prompts: int
    group: int
    turns: int
    chars: int
    layers: int = 4
    hidden: int = 128
    delay: float = 0.0
    """seconds that an environment call takes without using the CPU"""
    learning_rate: float = 1e-4

    @property
    def episodes(self) -> int:
        """Episodes a step."""
        return self.prompts * self.group

    def instruction(self, prompt: int) -> str:
        """Return the task's text (24 characters)."""
        return f"task {prompt:02d} " + "x" * 16

    @property
    def observation(self) -> str:
        """What the environment answers, always."""
        return ("0123456789" * 10)[: self.chars]


JOBS = {
    "s1": Job(prompts=8, group=8, turns=5, chars=16),
    "s2": Job(prompts=4, group=8, turns=8, chars=96),  # long histories
    "s3": Job(prompts=4, group=4, turns=5, chars=16, layers=1, hidden=32, delay=0.1),  # slow environments
}
BARS = {
    "s1_sampling_ratio": 2.0, "s2_sampling_ratio": 3.0, "s3_ratio": 8.0, "s1_step_ratio": 1.5, "s2_step_ratio": 2.0,
}  # fmt: skip


# ---------------------------------------------------------------------- what both sides share


def tokenizer() -> Any:
    """Return a tokenizer of single characters: 95 printable ones, newline, 4 specials."""
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    words = [*map(chr, range(32, 127)), "\n", "<unk>", "<pad>", "<|im_start|>", "<|im_end|>"]
    made = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, unk_token="<unk>"))
    made.pre_tokenizer = pre_tokenizers.Split(Regex(r"[\s\S]"), "isolated")
    made.decoder = decoders.Fuse()
    fast = PreTrainedTokenizerFast(
        tokenizer_object=made, unk_token="<unk>", pad_token="<pad>", eos_token="<|im_end|>",
        additional_special_tokens=["<|im_start|>"], padding_side="left",
    )  # fmt: skip
    # Tool calls are rendered because TRL checks that a template shows them; our side never makes any.
    fast.chat_template = (
        "{% for m in messages %}<|im_start|>{{ m['role'][0] }}\n{{ m['content'] }}"
        "{% if m['tool_calls'] is defined and m['tool_calls'] %}{% for c in m['tool_calls'] %}"
        "{{ c['function']['name'] }} {{ c['function']['arguments'] }}{% endfor %}{% endif %}"
        "<|im_end|>{% endfor %}{% if add_generation_prompt %}<|im_start|>a\n{% endif %}"
    )
    return fast


def network(job: Job, words: Any) -> Any:
    """Return the job's Qwen2, randomly initialised from seed 0 (1,064,064 parameters in s1 and s2)."""
    import torch
    from transformers import Qwen2Config, Qwen2ForCausalLM

    torch.manual_seed(0)
    return Qwen2ForCausalLM(
        Qwen2Config(
            vocab_size=len(words), hidden_size=job.hidden, intermediate_size=4 * job.hidden,
            num_hidden_layers=job.layers, num_attention_heads=4, num_key_value_heads=4, max_position_embeddings=2048,
            tie_word_embeddings=True, eos_token_id=words.eos_token_id, pad_token_id=words.pad_token_id,
            bos_token_id=None,
        )
    )  # fmt: skip


@dataclass
class Clock:
    """CPU seconds of this process and wall seconds, from construction on."""

    def __post_init__(self) -> None:
        self._cpu, self._wall = time.process_time(), time.perf_counter()

    def read(self) -> tuple[float, float]:
        """Return (CPU seconds, wall seconds)."""
        return time.process_time() - self._cpu, time.perf_counter() - self._wall


Record = dict[str, float]


def record(sampling: tuple[float, float], step: tuple[float, float], tokens: int, episodes: int) -> Record:
    """Return one step's figures under the names that the parent reads."""
    return {
        "sampling_cpu": sampling[0], "sampling_wall": sampling[1], "step_cpu": step[0], "step_wall": step[1],
        "tokens": tokens, "episodes": episodes,
    }  # fmt: skip


# ---------------------------------------------------------------------- TRL's side


def trl_environment(job: Job) -> type:
    """Return the environment as TRL wants it: a tool method, its docstring a schema, and a reward at the end."""
    import asyncio

    class Environment:
        """Pays one point per letter "a" and answers with a constant."""

        def reset(self, **_: Any) -> None:
            self.points = 0.0

        def act(self, text: str) -> str:
            """Act.

            Args:
                text: the action.
            """
            self.points += text.count("a")
            return job.observation

        def get_reward(self) -> float:
            return self.points

    class SlowEnvironment(Environment):
        """The same behind a wait, in TRL's faster way: an asynchronous tool."""

        async def act(self, text: str) -> str:  # type: ignore[override]
            """Act.

            Args:
                text: the action.
            """
            await asyncio.sleep(job.delay)
            return Environment.act(self, text)

    return SlowEnvironment if job.delay else Environment


def trl_arguments(job: Job, folder: str) -> Any:
    """Return the GRPOConfig of a job: one optimiser step on one micro-batch of all episodes."""
    from trl import GRPOConfig

    return GRPOConfig(
        output_dir=folder, per_device_train_batch_size=job.episodes, gradient_accumulation_steps=1,
        num_generations=job.group, max_tool_calling_iterations=job.turns - 1,
        max_completion_length=job.turns * (TOKENS + job.chars + 12),  # TRL's budget counts observations too
        generation_kwargs={"max_new_tokens": TOKENS, "min_new_tokens": TOKENS}, temperature=1.0, beta=0.0,
        loss_type="dapo", learning_rate=job.learning_rate, lr_scheduler_type="constant", max_steps=10**6,
        use_cpu=True, bf16=False, gradient_checkpointing=False, save_strategy="no", report_to=[], disable_tqdm=True,
        logging_steps=10**6,
    )  # fmt: skip


def as_tool_call(words: Any, ids: Any, prefix: Any = None, tools: Any = None) -> dict[str, Any]:
    """Read any completion as one tool call, for a random network cannot write one (stands in for TRL's parser)."""
    call = {"name": "act", "arguments": {"text": words.decode(ids)}}
    return {"role": "assistant", "content": "", "tool_calls": [{"type": "function", "function": call}]}


def trl_side(job: Job, wait: Callable[[], bool], tell: Callable[[Record], None]) -> None:
    """Train with GRPOTrainer; before each step `wait()` for the parent (False = stop), after it `tell` the figures."""
    import trl.trainer.grpo_trainer as module
    from datasets import Dataset
    from transformers import TrainerCallback

    module.parse_response = as_tool_call
    words = tokenizer()
    words.response_schema = {"x": 1}  # any schema: it sends TRL down the path that parses
    prompts = [{"prompt": [{"role": "user", "content": job.instruction(i)}]} for i in range(job.prompts)]
    sampling: list[tuple[float, float]] = []
    clocks: list[Clock] = []

    class Trainer(module.GRPOTrainer):  # type: ignore[misc]
        def _generate(self, *args: Any, **kwargs: Any) -> Any:
            clock = Clock()
            out = super()._generate(*args, **kwargs)
            sampling.append(clock.read())
            return out

    class Turns(TrainerCallback):
        def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            if not wait():
                raise SystemExit
            clocks.append(Clock())

        def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
            step = clocks[-1].read()
            metrics = trainer._metrics["train"]
            assert metrics["tools/call_frequency"][-1] == job.turns - 1
            tell(record(sampling[-1], step, round(metrics["completions/mean_length"][-1] * job.episodes), job.episodes))

    with tempfile.TemporaryDirectory() as folder:
        trainer = Trainer(
            model=network(job, words), args=trl_arguments(job, folder), train_dataset=Dataset.from_list(prompts),
            processing_class=words, environment_factory=trl_environment(job), callbacks=[Turns()],
        )  # fmt: skip
        trainer.train()


# ---------------------------------------------------------------------- our side


def our_environment(job: Job) -> Any:
    """Return the same environment as Gymnasium wants it."""
    import gymnasium

    text = gymnasium.spaces.Text(256)

    class Environment(gymnasium.Env):
        observation_space = gymnasium.spaces.Dict({"text": text})
        action_space = text

        def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Any:
            self.turns = 0
            return {"text": (options or {})["task"]}, {}

        def step(self, action: str) -> Any:
            time.sleep(job.delay)
            self.turns += 1
            return {"text": job.observation}, action.count("a"), self.turns == job.turns, False, {"action_valid": True}

    return Environment()


def our_policy(job: Job) -> Any:
    """Return our policy on the job's network, shown the bare conversation that TRL's side is shown."""
    import numpy as np

    from vlgym_agents.policies.hf import HFPolicy
    from vlgym_agents.types import Chunk

    class BarePolicy(HFPolicy):
        """Leaves out the system prompt that real environments get."""

        def encode(self, observation: Any, info: Any, *, first: bool) -> Chunk:
            before, after = (self.tokens.control_text(t) for t in ("<|im_start|>u\n", "<|im_end|><|im_start|>a\n"))
            return Chunk(np.asarray([*before, *self.tokens.content(observation["text"]), *after], np.int32))

    words = tokenizer()
    return BarePolicy(network(job, words), words, name="qwen2")


def our_side(job: Job, wait: Callable[[], bool], tell: Callable[[Record], None]) -> None:
    """Collect with `collect`, learn with `Learner` and the parts of grpo; the protocol is that of `trl_side`."""
    import gymnasium
    import numpy as np

    from vlgym_agents.algos.grpo import ClippedObjective, GroupCredit, GrpoOptions, aggregate
    from vlgym_agents.learn import Learner
    from vlgym_agents.options import OptimOptions
    from vlgym_agents.policy import Sampling
    from vlgym_agents.pool import EnvSpec, make_pool
    from vlgym_agents.recipe import Parts, UniformTasks, env_return
    from vlgym_agents.rollout import Request, Rollout, collect

    gymnasium.register("vlgym-bench/Constant-v0", lambda **_: our_environment(job))
    policy = our_policy(job)
    sampling = Sampling(temperature=1.0, max_tokens=TOKENS, min_tokens=TOKENS)
    options = GrpoOptions(aggregation="token_mean")
    tasks = [job.instruction(i) for i in range(job.prompts)]
    parts = Parts(
        sampler=UniformTasks(tasks),
        rewards={"env": env_return},
        credit=GroupCredit(options),
        objective=ClippedObjective(options),
        weigh=aggregate(options),
    )
    optim = OptimOptions(lr=job.learning_rate, weight_decay=0.0, clip_norm=1.0, micro_tokens=10**6)  # one micro-batch
    learner = Learner(policy, parts, optim, sampling=sampling, window=0, steps=10**6)
    pool = make_pool(EnvSpec("vlgym-bench/Constant-v0"), job.episodes)
    step = 0
    while wait():
        clock, step = Clock(), step + 1
        requests = [Request(t, step, p, m, key=(step, p, m)) for p, t in enumerate(tasks) for m in range(job.group)]
        collecting = Clock()
        traces = collect(policy, pool, requests, Rollout(sampling=sampling, batch=job.episodes, version=step))
        collected = collecting.read()
        for trace in traces:
            trace.ret = env_return(trace)
        groups = [traces[i : i + job.group] for i in range(0, len(traces), job.group)]
        learner.update(traces, parts.credit(groups), step, np.random.default_rng(step))
        tell(record(collected, clock.read(), sum(t.n_tokens for t in traces), len(traces)))
    pool.close()


# ---------------------------------------------------------------------- the two processes and their turns


def child(side: str, job: Job) -> None:
    """Run one side: a line on stdin asks for a step, a JSON line on the real stdout answers; anything else is noise."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    # This file is called like the library: its folder must not be the first place where `import trl` looks.
    sys.path[:] = [p for p in sys.path if Path(p or ".").resolve() != Path(__file__).resolve().parent]
    import torch
    import transformers

    torch.set_num_threads(1)
    versions = {"torch": torch.__version__, "transformers": transformers.__version__}
    if side == "trl":
        try:
            import datasets  # noqa: F401  (TRL imports it late)
            import trl
        except ImportError as error:
            sys.exit(
                f'The TRL side needs TRL ({error}): pip install "trl=={PEER}" datasets accelerate, or --trl-python.'
            )
        versions["trl"] = trl.__version__
    answers.write(json.dumps(versions) + "\n")

    def wait() -> bool:
        return sys.stdin.readline().strip() == "step"

    def tell(figures: Record) -> None:
        answers.write(json.dumps(figures) + "\n")

    {"trl": trl_side, "vlgym": our_side}[side](job, wait, tell)


class Side:
    """A child process and what it has measured."""

    def __init__(self, name: str, job: Job, python: str) -> None:
        self.name = name
        self.log = tempfile.TemporaryFile("w+")  # noqa: SIM115  (closed with the process)
        environment = {
            **os.environ, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE",
            "TOKENIZERS_PARALLELISM": "false", "TRL_EXPERIMENTAL_SILENCE": "1", "HF_HUB_OFFLINE": "1",
        }  # fmt: skip
        self.process = subprocess.Popen(
            [python, __file__, "--side", name, "--job", json.dumps(asdict(job))],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log, text=True, env=environment,
        )  # fmt: skip
        self.records: list[Record] = []

    def answer(self) -> dict[str, Any]:
        """Return the child's next answer; ends the program with the child's last words if it died."""
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            self.process.wait()
            self.log.seek(0)
            sys.exit(f"The {self.name} side stopped.\n" + "".join(self.log.readlines()[-12:]))
        found: dict[str, Any] = json.loads(line)
        return found

    def step(self) -> None:
        """Let the child do one step."""
        assert self.process.stdin is not None
        self.process.stdin.write("step\n")
        self.process.stdin.flush()
        self.records.append(self.answer())

    def stop(self) -> None:
        """End the child."""
        assert self.process.stdin is not None
        self.process.stdin.close()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()

    def median(self, key: str, drop: int) -> float:
        """Return the median of a figure over all steps but the first `drop`."""
        return float(statistics.median(r[key] for r in self.records[drop:]))


def measure(name: str, job: Job, steps: int, drop: int, trl_python: str) -> dict[str, Any]:
    """Run both sides of a job in turns; return their figures, without the first `drop` steps, and versions."""
    sides = theirs, ours = Side("trl", job, trl_python), Side("vlgym", job, sys.executable)
    try:
        versions = [side.answer() for side in sides]
        for _ in range(drop + steps):
            for side in sides:
                side.step()
    finally:
        for side in sides:
            side.stop()

    def ratio(key: str) -> float:
        return round(theirs.median(key, drop) / ours.median(key, drop), 3)

    if ratio("tokens") != 1:
        sys.exit(f"{name}: unequal work, TRL sampled {ratio('tokens')} times as many tokens a step.")
    figures: dict[str, Any] = {f"{name}_tokens": ours.median("tokens", drop)}
    for side in sides:
        for key in ("sampling_cpu", "sampling_wall", "step_cpu", "step_wall"):
            figures[f"{name}_{side.name}_{key}"] = round(side.median(key, drop), 4)
    if job.delay:
        figures[f"{name}_ratio"] = ratio("sampling_wall")
    else:
        figures[f"{name}_sampling_ratio"], figures[f"{name}_step_ratio"] = ratio("sampling_cpu"), ratio("step_cpu")
    figures |= {"trl": versions[0]["trl"], "torch": versions[1]["torch"], "transformers": versions[1]["transformers"]}
    return figures | {f"trl_{key}": versions[0][key] for key in ("torch", "transformers")}


def lines(name: str, figures: dict[str, float]) -> Iterator[str]:
    """Yield the table rows of a job."""
    slow = f"{name}_ratio" in figures
    for part, unit in [("sampling", "wall s")] if slow else [("sampling", "CPU s"), ("step", "CPU s")]:
        key = f"{name}_ratio" if slow else f"{name}_{part}_ratio"
        kind = "wall" if slow else "cpu"
        theirs, ours = figures[f"{name}_trl_{part}_{kind}"], figures[f"{name}_vlgym_{part}_{kind}"]
        what = "sampling" if part == "sampling" else "whole step"
        yield f"| {name.upper()} | {what}, {unit} | {theirs:.2f} | {ours:.2f} | {figures[key]:.1f}x | {BARS[key]:g}x |"


def main() -> None:
    """Parse arguments, run the jobs, print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one measured step, s2 at half size: about a minute")
    parser.add_argument("--steps", type=int, default=7, help="measured steps of each side (default 7)")
    parser.add_argument("--jobs", default="s1,s2,s3", help="comma-separated subset of s1,s2,s3")
    parser.add_argument("--json", type=Path, help="write the figures there")
    parser.add_argument("--trl-python", default=sys.executable, help="interpreter that has trl (default: this one)")
    parser.add_argument("--side", choices=["trl", "vlgym"], help=argparse.SUPPRESS)
    parser.add_argument("--job", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.side:
        return child(options.side, Job(**json.loads(options.job)))
    names = options.jobs.split(",")
    if unknown := set(names) - set(JOBS):
        parser.error(f"unknown jobs {', '.join(sorted(unknown))}; known: {', '.join(JOBS)}")
    figures: dict[str, Any] = {"quick": int(options.quick)}
    print("| job | what | TRL | vlgym | ratio | bar |\n|---|---|---:|---:|---:|---:|")
    for name in names:
        job, steps, drop = JOBS[name], options.steps, 1
        if options.quick:
            job, steps, drop = replace(job, prompts=2) if name == "s2" else job, 1, int(not job.delay)
        found = measure(name, job, steps, drop, options.trl_python)
        figures |= found
        print("\n".join(lines(name, found)), flush=True)
    print(f"TRL {figures['trl']} (torch {figures['trl_torch']}), vlgym (torch {figures['torch']}), one thread each.")
    if figures["trl"] != PEER:
        print(f"The bars were set against TRL {PEER}.")
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1) + "\n")
    return None


if __name__ == "__main__":
    main()
