"""Our decoder forward against the library's: logits, gradients, cached and ragged contexts, fused weights, adapters."""

from __future__ import annotations

import numpy as np
import pytest
import torch
import transformers as hub

from vlgym_agents.policies.decoder import Decoder, unsupported
from vlgym_agents.policies.kv import Work

BASE = {
    "vocab_size": 50, "hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 3, "num_attention_heads": 4,
    "max_position_embeddings": 512,
}  # fmt: skip
YARN = {"rope_type": "yarn", "rope_theta": 1e4, "factor": 4.0, "original_max_position_embeddings": 64}
LLAMA3 = {
    "rope_type": "llama3", "rope_theta": 1e4, "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
    "original_max_position_embeddings": 64,
}  # fmt: skip


def build(kind: str):
    torch.manual_seed(0)
    if kind == "qwen2":
        config = hub.Qwen2Config(**BASE, num_key_value_heads=4, tie_word_embeddings=True)
    elif kind == "qwen3":
        config = hub.Qwen3Config(**BASE, num_key_value_heads=1, head_dim=16)
    elif kind == "llama-biased":
        config = hub.LlamaConfig(
            **BASE, num_key_value_heads=2, attention_bias=True, mlp_bias=True, rope_parameters=YARN
        )
    else:
        config = hub.LlamaConfig(**BASE, num_key_value_heads=2, rope_parameters=LLAMA3)
    model = hub.AutoModelForCausalLM.from_config(config).eval()
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.05)  # biases and norms too, so that dropping one is seen
    return model


KINDS = ("qwen2", "qwen3", "llama", "llama-biased")
LENGTHS = (7, 20, 20, 13, 1)


@pytest.fixture(params=KINDS, scope="module")
def case(request):
    model = build(request.param)
    ids = [torch.randint(0, 50, (n,), generator=torch.Generator().manual_seed(n)) for n in LENGTHS]
    with torch.no_grad():
        want = [model(one[None]).logits[0] for one in ids]
    return model, Decoder(model.model, model.lm_head), ids, want


def positions(ids):
    return torch.cat([torch.arange(len(one)) for one in ids])


def test_reading_equals_the_library(case):
    _, decoder, ids, want = case
    keep = [np.array([2, 3, 6]), np.array([0, 19]), np.array([0, 19]), np.array([], int), np.array([0])]
    hidden = decoder.read(decoder.embed(torch.cat(ids)), decoder.angles(positions(ids)), LENGTHS, keep)
    torch.testing.assert_close(decoder.logits(hidden), torch.cat([w[k] for w, k in zip(want, keep)]), atol=1e-5, rtol=0)


def test_gradients_equal_the_library(case):
    model, decoder, ids, _ = case
    keep = [np.arange(n) for n in LENGTHS]
    weight = torch.randn(sum(LENGTHS), 50, generator=torch.Generator().manual_seed(1))
    logits = decoder.logits(decoder.read(decoder.embed(torch.cat(ids)), decoder.angles(positions(ids)), LENGTHS, keep))
    mine = torch.autograd.grad((logits * weight).sum(), list(model.parameters()))
    whole = torch.cat([model(one[None]).logits[0] for one in ids])
    theirs = torch.autograd.grad((whole * weight).sum(), list(model.parameters()))
    for (name, _), a, b in zip(model.named_parameters(), mine, theirs):
        torch.testing.assert_close(a, b, atol=2e-5 * float(b.abs().max() + 1), rtol=0, msg=name)


@pytest.mark.parametrize("slots", [[0, 1, 2, 3, 4], [5, 2, 7, 0, 3]], ids=["neighbours", "scattered"])
def test_growing_contexts_equal_one_pass(case, slots):
    """Chunks, single tokens, rows that wait, ragged starts: hidden states are those of a fresh pass."""
    _, decoder, ids, want = case
    cache = decoder.kv(8)
    cache.reserve(8)  # grows in the middle
    at = [0] * 5
    for step in (
        [3, 3, 3, 3, 1],
        [1, 1, 1, 1, 0],
        [1, 5, 5, 2, 0],
        [1, 1, 1, 1, 0],
        [0, 10, 10, 6, 0],
        [1, 0, 0, 0, 0],
    ):
        rows = [i for i, n in enumerate(step) if n]
        cache.reserve(max(at[i] + step[i] for i in rows))
        work = Work(cache, [slots[i] for i in rows])
        parts = [ids[i][at[i] : at[i] + step[i]] for i in rows]
        where = torch.cat([torch.arange(at[i], at[i] + step[i]) for i in rows])
        hidden = decoder.extend(decoder.embed(torch.cat(parts)), decoder.angles(where), work, [step[i] for i in rows])
        work.close()
        for i in rows:
            at[i] += step[i]
            assert cache.lengths[slots[i]] == at[i]
        expected = torch.stack([want[i][at[i] - 1] for i in rows])
        torch.testing.assert_close(decoder.logits(hidden), expected, atol=1e-5, rtol=0)
    assert at == [7, 20, 20, 13, 1]


def test_part_of_a_context_can_be_worked_on_and_copied():
    model = build("llama")
    decoder = Decoder(model.model, model.lm_head)
    ids = torch.randint(0, 50, (6,), generator=torch.Generator().manual_seed(0))
    cache = decoder.kv(4)
    cache.reserve(6)

    def extend(work, tokens, start):
        x, where = decoder.embed(tokens.repeat(len(work.slots))), torch.arange(start, start + len(tokens))
        angles = decoder.angles(where.repeat(len(work.slots)))
        return decoder.logits(decoder.extend(x, angles, work, [len(tokens)] * len(work.slots)))

    work = Work(cache, [2])
    extend(work, ids[:4], 0)
    work.close()
    cache.copy(2, [0, 3])
    outer = Work(cache, [0, 3, 2])
    extend(outer, ids[4:5], 4)
    inner = Work(outer, [0, 2])  # the middle row has ended
    logits = extend(inner, ids[5:], 5)
    inner.close()
    outer.close()
    want = model(ids[None]).logits[0, -1]
    torch.testing.assert_close(logits, want.expand(2, -1), atol=1e-5, rtol=0)
    assert cache.lengths[[0, 2]].tolist() == [6, 6]
    again = Work(cache, [2])
    again.lengths -= 1
    torch.testing.assert_close(extend(again, ids[5:], 5)[0], want, atol=1e-5, rtol=0)


def test_fused_weights_are_the_modules_own():
    model = build("qwen2")
    before = {name: p.detach().clone() for name, p in model.named_parameters()}
    decoder = Decoder(model.model, model.lm_head)
    for name, parameter in model.named_parameters():
        assert torch.equal(parameter, before[name]), name
    joint = decoder.layers[0].qkv
    optimiser = torch.optim.AdamW(model.parameters(), lr=0.1)
    model(torch.arange(5)[None]).logits.sum().backward()
    optimiser.step()
    attention = model.model.layers[0].self_attn
    whole = torch.cat([attention.q_proj.weight, attention.k_proj.weight, attention.v_proj.weight])
    assert torch.equal(joint.weight, whole)
    assert not torch.equal(whole, torch.cat([before[f"model.layers.0.self_attn.{n}_proj.weight"] for n in "qkv"]))


def test_weights_moved_behind_its_back_are_found_again():
    model = build("llama")
    decoder = Decoder(model.model, model.lm_head)
    ids = torch.arange(6)
    for parameter in model.parameters():
        parameter.data = parameter.data * 1.5  # new storage: the fused buffers hold stale values
    decoder.refresh()
    hidden = decoder.read(decoder.embed(ids), decoder.angles(torch.arange(6)), [6], [np.arange(6)])
    torch.testing.assert_close(decoder.logits(hidden), model(ids[None]).logits[0], atol=1e-4, rtol=1e-5)


def test_adapters_are_called_not_bypassed():
    peft = pytest.importorskip("peft")
    model = build("llama")
    config = peft.LoraConfig(r=2, target_modules=["q_proj", "v_proj", "up_proj", "down_proj"], init_lora_weights=False)
    wrapped = peft.get_peft_model(model, config)
    decoder = Decoder(model.model, model.lm_head)
    ids = torch.arange(9)

    def mine():
        hidden = decoder.read(decoder.embed(ids), decoder.angles(torch.arange(9)), [9], [np.arange(9)])
        return decoder.logits(hidden)

    with_adapter = mine()
    torch.testing.assert_close(with_adapter, wrapped(ids[None]).logits[0], atol=1e-5, rtol=0)
    with wrapped.disable_adapter():
        base = wrapped(ids[None]).logits[0]
        torch.testing.assert_close(mine(), base, atol=1e-5, rtol=0)
    assert (with_adapter - base).abs().max() > 1e-3
    with_adapter.sum().backward()
    grads = {name for name, p in wrapped.named_parameters() if p.grad is not None}
    assert grads == {name for name, p in wrapped.named_parameters() if "lora_" in name}


def test_unknown_architectures_are_named():
    gpt2 = hub.GPT2LMHeadModel(hub.GPT2Config(n_embd=16, n_layer=1, n_head=2, vocab_size=20))
    assert "GPT2Model" in unsupported(gpt2.transformer)
    with pytest.raises(ValueError, match="GPT2Model"):
        Decoder(gpt2.transformer, gpt2.lm_head)
    gelu = hub.LlamaForCausalLM(hub.LlamaConfig(**BASE, hidden_act="gelu"))
    assert "gelu" in unsupported(gelu.model)
    dynamic = {"rope_type": "dynamic", "rope_theta": 1e4, "factor": 2.0}
    assert "dynamic" in unsupported(hub.LlamaForCausalLM(hub.LlamaConfig(**BASE, rope_parameters=dynamic)).model)
    window = hub.Qwen2Config(**BASE, use_sliding_window=True, sliding_window=8, max_window_layers=1)
    assert "Sliding" in unsupported(hub.Qwen2ForCausalLM(window).model)
