"""Tiny random models of the families the trainer serves, saved as folders the way a model hub holds them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch

CHATML = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n"
    "{% if m['content'] is string %}{{ m['content'] }}{% else %}{% for c in m['content'] %}"
    "{% if c['type'] == 'image' %}<|vision_start|><|image_pad|><|vision_end|>{% else %}{{ c['text'] }}{% endif %}"
    "{% endfor %}{% endif %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
SMOL = (
    "<|im_start|>{% for m in messages %}{{ m['role'] | capitalize }}"
    "{% if m['content'][0]['type'] == 'image' %}{{ ':' }}{% else %}{{ ': ' }}{% endif %}"
    "{% for c in m['content'] %}{% if c['type'] == 'text' %}{{ c['text'] }}{% elif c['type'] == 'image' %}"
    "{{ '<image>' }}{% endif %}{% endfor %}<end_of_utterance>\n{% endfor %}"
    "{% if add_generation_prompt %}{{ 'Assistant:' }}{% endif %}"
)
SPECIAL = {
    "chatml": ["<|im_start|>", "<|vision_start|>", "<|vision_end|>", "<|image_pad|>", "<|video_pad|>"],
    "smol": ["<|im_start|>", "<fake_token_around_image>", "<image>", "<global-img>"]
    + [f"<row_{r}_col_{c}>" for r in range(1, 4) for c in range(1, 4)],
}
TEXT = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 4096,
}


def tokenizer(kind: str = "chatml", template: str | None = None) -> Any:
    """Return a tokenizer whose decode and encode do not invert each other: it reads "a" "b" as the one id "ab"."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    merges = [("a", "b"), ("c", "d"), ("ab", "cd"), ("t", "h"), ("th", "e"), ("e", "r"), ("i", "n")]
    words = [*letters, *("".join(m) for m in merges), "<unk>"]
    inner = Tokenizer(models.BPE({w: i for i, w in enumerate(words)}, merges, unk_token="<unk>"))
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = decoders.ByteLevel()
    end = "<end_of_utterance>" if kind == "smol" else "<|im_end|>"
    out = PreTrainedTokenizerFast(
        tokenizer_object=inner,
        unk_token="<unk>",
        pad_token="<pad>",
        eos_token=end,
        additional_special_tokens=SPECIAL[kind],
    )
    out.chat_template = template or (SMOL if kind == "smol" else CHATML)
    return out


def config(kind: str, words: Any) -> Any:
    """Return the configuration of a tiny model of a family; its vocabulary is padded beyond the tokenizer, as usual."""
    import transformers as hub

    def token(text: str) -> int:
        return int(words.convert_tokens_to_ids(text))

    text = {**TEXT, "vocab_size": len(words) + 5, "pad_token_id": token("<pad>"), "eos_token_id": words.eos_token_id}
    text["bos_token_id"] = None
    if kind == "qwen2":
        return hub.Qwen2Config(**text, tie_word_embeddings=True)
    if kind == "qwen3":
        return hub.Qwen3Config(**text, head_dim=16, tie_word_embeddings=False)
    if kind == "llama":
        return hub.LlamaConfig(**text, tie_word_embeddings=False)
    if kind == "gpt2":  # none of the decoders of our own: the library's forward serves it
        return hub.GPT2Config(
            vocab_size=text["vocab_size"], n_embd=32, n_layer=2, n_head=2, n_positions=2048, bos_token_id=None,
            eos_token_id=words.eos_token_id,
        )  # fmt: skip
    if kind in ("qwen2_vl", "qwen2_5_vl"):
        rope = {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [2, 1, 1]}
        vision = {"depth": 2, "num_heads": 2, "patch_size": 8, "temporal_patch_size": 1, "spatial_merge_size": 2}
        if kind == "qwen2_vl":
            vision |= {"embed_dim": 32, "hidden_size": 32}
        else:
            vision |= {"hidden_size": 32, "out_hidden_size": 32, "intermediate_size": 48, "window_size": 32}
            vision |= {"fullatt_block_indexes": [1]}
        cls = hub.Qwen2VLConfig if kind == "qwen2_vl" else hub.Qwen2_5_VLConfig
        return cls(
            text_config={**text, "rope_parameters": rope},
            vision_config=vision,
            image_token_id=token("<|image_pad|>"),
            video_token_id=token("<|video_pad|>"),
            vision_start_token_id=token("<|vision_start|>"),
            vision_end_token_id=token("<|vision_end|>"),
            tie_word_embeddings=False,
        )
    if kind == "qwen3_vl":
        rope = {"rope_type": "default", "rope_theta": 10000.0, "mrope_section": [4, 2, 2], "mrope_interleaved": True}
        return hub.Qwen3VLConfig(
            text_config={**text, "head_dim": 16, "rope_parameters": rope},
            vision_config={
                "depth": 2, "hidden_size": 32, "out_hidden_size": 32, "intermediate_size": 48, "num_heads": 2,
                "patch_size": 8, "temporal_patch_size": 1, "spatial_merge_size": 2, "num_position_embeddings": 64,
                "deepstack_visual_indexes": [0, 1],
            },
            image_token_id=token("<|image_pad|>"),
            video_token_id=token("<|video_pad|>"),
            vision_start_token_id=token("<|vision_start|>"),
            vision_end_token_id=token("<|vision_end|>"),
            tie_word_embeddings=False,
        )  # fmt: skip
    if kind == "llava":
        return hub.LlavaConfig(
            text_config={**text, "model_type": "llama"},
            vision_config={
                "model_type": "clip_vision_model", "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2,
                "num_attention_heads": 2, "image_size": 32, "patch_size": 8, "projection_dim": 32,
            },
            image_token_index=token("<|image_pad|>"),
            vision_feature_layer=-1,
            vision_feature_select_strategy="default",
        )  # fmt: skip
    assert kind in ("idefics3", "smolvlm")
    cls = hub.Idefics3Config if kind == "idefics3" else hub.SmolVLMConfig
    return cls(
        text_config={**text, "model_type": "llama"},
        vision_config={
            "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 2,
            "image_size": 32, "patch_size": 8,
        },
        image_token_id=token("<image>"),
        scale_factor=2,
        pad_token_id=token("<pad>"),
        tie_word_embeddings=False,
    )  # fmt: skip


VISION = ("qwen2_vl", "qwen2_5_vl", "qwen3_vl", "idefics3", "smolvlm", "llava")

IMAGES = {
    "qwen": {
        "image_processor_type": "Qwen2VLImageProcessor", "patch_size": 8, "temporal_patch_size": 1, "merge_size": 2,
        "size": {"shortest_edge": 256, "longest_edge": 16384},
    },
    "idefics": {
        "image_processor_type": "Idefics3ImageProcessor", "size": {"longest_edge": 64},
        "max_image_size": {"longest_edge": 32}, "do_image_splitting": True,
    },
    "llava": {
        "image_processor_type": "CLIPImageProcessor", "size": {"shortest_edge": 32},
        "crop_size": {"height": 32, "width": 32},
    },
}  # fmt: skip


def save(kind: str, folder: Path) -> Path:
    """Write a tiny random model of a family, its tokenizer and its image settings."""
    from transformers import AutoModelForCausalLM, AutoModelForImageTextToText

    torch.manual_seed(0)
    sees = kind in VISION
    words = tokenizer("smol" if kind in ("idefics3", "smolvlm") else "chatml")
    factory = AutoModelForImageTextToText if sees else AutoModelForCausalLM
    model = factory.from_config(config(kind, words))
    with torch.no_grad():  # initial weights are so small that every token would be as likely as any other
        for name, parameter in model.named_parameters():
            if parameter.ndim > 1:
                # (tied embeddings less: a large one repeats its own token for ever)
                outer = 2.0 if kind == "qwen2" else 12.0
                parameter.mul_(outer if "embed" in name or "head" in name else 3.0)
    model.save_pretrained(folder)
    words.save_pretrained(folder)
    if sees:
        settings = IMAGES[{"q": "qwen", "l": "llava"}.get(kind[0], "idefics")]
        (folder / "preprocessor_config.json").write_text(json.dumps(settings))
    return folder


def screen(rng: np.random.Generator, height: int = 48, width: int = 80) -> np.ndarray:
    """Return a random screenshot: coarse coloured blocks, uint8 [H, W, 3]."""
    blocks = rng.integers(0, 256, (-(-height // 8), -(-width // 8), 3), dtype=np.uint8)
    return np.kron(blocks, np.ones((8, 8, 1), np.uint8))[:height, :width]
