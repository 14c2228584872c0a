"""NanoForImageTextToText: stems, body and heads as one registered `transformers` model.

Output ids: V static ids (control ids, then BPE), then pointers: id V + k is candidate k of the turn (layout.py).

Legend: as in layout.py and pack.py; N queries (places whose next token is asked for); d width.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from transformers import AutoConfig, AutoModelForImageTextToText, DynamicCache, GenerationMixin, PreTrainedModel
from transformers.modeling_outputs import CausalLMOutputWithPast

from vlgym_agents.policies.nano.body import Body
from vlgym_agents.policies.nano.config import NanoConfig
from vlgym_agents.policies.nano.layout import Layout, lay_out
from vlgym_agents.policies.nano.pack import Packed
from vlgym_agents.policies.nano.stem import TextStem, steady
from vlgym_agents.policies.nano.tokenizer import ACT, CELL, CONTROLS, PAD
from vlgym_agents.policies.nano.vision import VisionStem


class Heads(nn.Module):
    """What goes in for a sampled token and what comes out as logits of the next."""

    def __init__(self, config: NanoConfig) -> None:
        super().__init__()
        d = config.width
        self.width = d
        self.said = nn.Embedding(CONTROLS, d)
        self.spelt = nn.Linear(d, d)
        self.pointed = nn.Linear(d, d)
        self.say = nn.Linear(d, CONTROLS)
        self.spell = nn.Linear(d, d, bias=False)
        self.ask = nn.Linear(d, d, bias=False)
        self.key = nn.Linear(d, d, bias=False)
        self.shortcut = nn.Linear(d, d, bias=False)
        self.shortcut_ask = nn.Linear(d, d)
        nn.init.normal_(self.said.weight, std=0.5)
        nn.init.zeros_(self.say.weight)
        with torch.no_grad():
            self.key.weight.copy_(self.ask.weight)
            self.shortcut_ask.weight.mul_(0.3)

    def keys(self, hidden: torch.Tensor, stems: torch.Tensor) -> torch.Tensor:
        """Return pointer keys, float [..., 2d], of pieces: from the body, and straight from the stem."""
        return torch.cat([self.key(hidden), self.shortcut(stems)], -1)

    def asks(self, hidden: torch.Tensor) -> torch.Tensor:
        """Return pointer queries, float [..., 2d], scaled."""
        asks = torch.cat([self.ask(hidden), self.shortcut_ask(hidden)], -1)
        return asks * float(self.width**-0.5)

    def match(self, asks: torch.Tensor, keys: torch.Tensor) -> torch.Tensor:
        """Return pointer scores, float [B, Q, K], of queries [B, Q, 2d] against keys [B, K, 2d]."""
        return steady(asks, keys.transpose(1, 2))


class NanoForImageTextToText(PreTrainedModel, GenerationMixin):  # type: ignore[no-untyped-call]
    """Vision-language transformer with pointers; see `forward` for the `transformers` face.

    The policy calls the parts (`observe`, `embed`, `body`, `pointer_logits`, ...) itself.
    """

    config_class = NanoConfig
    main_input_name = "input_ids"
    base_model_prefix = "nano"
    _supports_sdpa = True
    supports_gradient_checkpointing = False

    def __init__(self, config: NanoConfig) -> None:
        super().__init__(config)
        self.vision = VisionStem(config)
        self.stem = TextStem(config)
        self.body = Body(config)
        self.heads = Heads(config)
        if config.value_head:
            self.critic = nn.Sequential(nn.Linear(config.width, config.width), nn.ReLU(), nn.Linear(config.width, 1))
        self.post_init()  # type: ignore[no-untyped-call]

    def _init_weights(self, module: nn.Module) -> None:
        """Every part has initialised itself; only a critic may be absent from a checkpoint that is loaded."""
        if self.config.value_head and module is self.critic[0]:
            module.reset_parameters()  # type: ignore[operator]
        elif self.config.value_head and module is self.critic[2]:
            nn.init.zeros_(module.weight)  # type: ignore[arg-type]
            nn.init.zeros_(module.bias)  # type: ignore[arg-type]

    def get_input_embeddings(self) -> nn.Module:
        """Return the BPE embedding."""
        return self.stem.embed

    # ------------------------------------------------------------------ parts

    def observe(self, packed: Packed, maps: list[torch.Tensor] | None = None) -> torch.Tensor:
        """Return the vectors of packed pieces, float [C, P, d], image cells included.

        Args:
            packed: the observations.
            maps: `vision.maps` of the images, if known already.
        """
        x: torch.Tensor
        x, meaning = self.stem(packed)
        if not packed.pictured:
            return x
        held = self.vision.held(packed, maps)
        spelling = self.vision.spelling(packed.letters)
        vectors, at = [], []
        for c, image in packed.pictured:
            i = packed.opening[c]
            heard = packed.heard[i]
            columns = packed.pixels[image].shape[1] // self.config.cell[1]
            place = (packed.cells[image], columns)
            vectors.append(self.vision(held[image], place, spelling[i][heard], meaning[i][heard]))
            at.append(c * x.shape[1] + torch.nonzero(packed.kinds[c] == CELL)[:, 0])
        return x.flatten(0, 1).index_add(0, torch.cat(at), torch.cat(vectors)).view_as(x)

    def utter(self, ids: torch.Tensor, pointed: torch.Tensor) -> torch.Tensor:
        """Return input vectors, float [n, d], of sampled ids (int64 [n]); `pointed` float [n, d] holds the stem vectors
        of what pointers among them point at (anything elsewhere)."""
        heads, vocabulary = self.heads, self.config.vocab_size
        control, text = ids < CONTROLS, (ids >= CONTROLS) & (ids < vocabulary)
        x = torch.where(control[:, None], heads.said(ids.clamp(max=CONTROLS - 1)), heads.pointed(pointed))
        if bool(text.any()):
            x = torch.where(text[:, None], heads.spelt(self.stem.embed(ids.clamp(max=vocabulary - 1))), x)
        return x

    def embed(self, ids: torch.Tensor, layout: Layout, stems: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return (inputs float [B, L, d], stems laid out the same way, zero where there is no piece).

        Args:
            ids: int64 [B, L].  layout: of those ids.  stems: float [n, d], the pieces' vectors in order.
        """
        b, n = ids.shape
        flat = ids.reshape(-1)
        pieces = torch.as_tensor(layout.pieces, device=ids.device)
        spread = stems.new_zeros(b * n, stems.shape[1]).index_copy(0, pieces, stems)
        spoken = torch.nonzero(flat > ACT)[:, 0]
        if len(spoken):
            turn = torch.as_tensor(layout.turn, device=ids.device).reshape(-1)[spoken]
            choice = (flat[spoken] - self.config.vocab_size).clamp(min=0)
            target = torch.as_tensor(layout.candidates, device=ids.device)[turn, choice]
            x = spread.index_copy(0, spoken, self.utter(flat[spoken], spread[target]))
        else:
            x = spread
        return x.view(b, n, -1), spread.view(b, n, -1)

    def hidden(self, ids: torch.Tensor, layout: Layout, stems: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Return (hidden states, pointer keys), float [B, L, d] and [B, L, 2d], of whole sequences without a cache."""
        x, spread = self.embed(ids, layout, stems)
        end = torch.as_tensor(layout.end, device=ids.device)
        mask = torch.arange(ids.shape[1], device=ids.device) <= end[..., None]
        h = self.body(x, torch.as_tensor(layout.positions, device=ids.device), mask)
        return h, self.heads.keys(h, spread)

    def text_logits(self, hidden: torch.Tensor) -> torch.Tensor:
        """Return logits of BPE ids, float [N, V - CONTROLS]."""
        logits: torch.Tensor = self.heads.spell(hidden) @ self.stem.embed.weight[CONTROLS:].T
        return logits * float(self.config.width**-0.5)

    def values(self, hidden: torch.Tensor) -> torch.Tensor:
        """Return the critic's values, float [n], of hidden states; the body gets no gradient from them."""
        value: torch.Tensor = self.critic(hidden.detach())[..., 0]
        return value

    # ------------------------------------------------------------------ the `transformers` face

    def forward(
        self,
        input_ids: torch.Tensor,
        observations: Packed | None = None,
        attention_mask: torch.Tensor | None = None,
        past_key_values: DynamicCache | None = None,
        use_cache: bool | None = None,
        logits_to_keep: int = 0,
        **_: Any,
    ) -> CausalLMOutputWithPast:
        """Return logits float [B, L, V + max_pointers], minus infinity on ids that no output may be.

        Args:
            input_ids: int64 [B, L], whole sequences (left-padded with 0 if ragged) or, with a cache, the newest ids.
            observations: the chunks in `input_ids`, in order (`NanoPolicy.inputs` makes both).
            attention_mask: accepted for `generate`; padding is read off `input_ids`.
            past_key_values: a cache this model has filled.
            logits_to_keep: only the last so many places; 0 keeps all.
        """
        del attention_mask
        if past_key_values is not None and past_key_values.get_seq_length() > 0:
            return self._continue(input_ids, past_key_values)
        if observations is None:
            raise ValueError("A nano model reads observations: pass observations=..., as made by NanoPolicy.inputs.")
        layout = lay_out(input_ids.cpu().numpy())
        stems = self.observe(observations)[observations.kinds > 0]
        x, spread = self.embed(input_ids, layout, stems)
        device = input_ids.device
        mask = torch.arange(x.shape[1], device=device) <= torch.as_tensor(layout.end, device=device)[..., None]
        seen = input_ids > PAD
        mask = (mask & seen[:, None]) | torch.eye(x.shape[1], dtype=torch.bool, device=device)
        cache = DynamicCache() if use_cache and past_key_values is None else past_key_values
        positions = torch.as_tensor(layout.positions, device=device).clamp(min=0)
        h = self.body(x, positions, mask, None if cache is None else lambda i, k, v: cache.update(k, v, i))
        keys = self.heads.keys(h, spread).flatten(0, 1)
        if cache is not None:
            last = layout.turn[:, -1]
            choice = torch.as_tensor(layout.candidates[last], device=device)
            counts = torch.as_tensor(layout.counts[last], device=device)
            position = positions[:, -1] + 1
            recall = _Recall(keys[choice], spread.flatten(0, 1)[choice], counts, seen, position)
            cache.nano = recall  # type: ignore[attr-defined]
        kept = slice(-logits_to_keep, None) if logits_to_keep else slice(None)
        turn = torch.as_tensor(layout.turn, device=device)[:, kept].clamp(min=0)
        queries = h[:, kept]
        choice = torch.as_tensor(layout.candidates, device=device)[turn]  # [B, L', K]
        pointers = (self.heads.asks(queries)[:, :, None] * keys[choice]).sum(-1)
        return self._output(queries, pointers, torch.as_tensor(layout.counts, device=device)[turn], cache)

    def _continue(self, ids: torch.Tensor, cache: DynamicCache) -> CausalLMOutputWithPast:
        """Decode action ids after what the cache holds."""
        recall: _Recall = cache.nano  # type: ignore[attr-defined]
        b, n = ids.shape
        choice = (ids - self.config.vocab_size).clamp(min=0, max=recall.stems.shape[1] - 1)
        pointed = recall.stems.gather(1, choice[..., None].expand(-1, -1, recall.stems.shape[-1]))
        x = self.utter(ids.reshape(-1), pointed.flatten(0, 1)).view(b, n, -1)
        positions = recall.position[:, None] + torch.arange(n, device=ids.device)
        recall.seen = torch.cat([recall.seen, torch.ones_like(ids, dtype=torch.bool)], 1)
        causal = torch.ones(n, recall.seen.shape[1], dtype=torch.bool, device=ids.device)
        mask = recall.seen[:, None] & causal.tril(recall.seen.shape[1] - n)
        h = self.body(x, positions, mask, lambda i, k, v: cache.update(k, v, i))
        recall.position = recall.position + n
        pointers = self.heads.match(self.heads.asks(h), recall.keys)
        return self._output(h, pointers, recall.counts[:, None].expand(-1, n), cache)

    def _output(
        self, h: torch.Tensor, pointers: torch.Tensor, counts: torch.Tensor, cache: DynamicCache | None
    ) -> CausalLMOutputWithPast:
        """Lay logits out over V + max_pointers ids."""
        width = pointers.shape[-1]
        beyond = torch.arange(width, device=h.device) >= counts[..., None]
        control = self.heads.say(h)
        control = control.masked_fill(torch.arange(CONTROLS, device=h.device) <= ACT, -torch.inf)
        rest = h.new_full((*h.shape[:-1], self.config.max_pointers - width), -torch.inf)
        parts = [control, self.text_logits(h), pointers.masked_fill(beyond, -torch.inf), rest]
        return CausalLMOutputWithPast(logits=torch.cat(parts, -1), past_key_values=cache)

    def prepare_inputs_for_generation(  # type: ignore[override]
        self, input_ids: torch.Tensor, **kwargs: Any
    ) -> dict[str, Any]:
        """Pass the newest id once there is a cache; observations only to the first forward."""
        cache = kwargs.get("past_key_values")
        if cache is not None and cache.get_seq_length() > 0:
            return {"input_ids": input_ids[:, -1:], "past_key_values": cache, "use_cache": True}
        return {
            "input_ids": input_ids,
            "observations": kwargs.get("observations"),
            "past_key_values": cache,
            "use_cache": kwargs.get("use_cache", True),
            "logits_to_keep": 1,
        }


@dataclass(slots=True)
class _Recall:
    """What a cache keeps beside keys and values: the current turn's pointers [B, K, ...], and who is padding."""

    keys: torch.Tensor
    stems: torch.Tensor
    counts: torch.Tensor
    seen: torch.Tensor
    position: torch.Tensor


def register() -> None:
    """Make the Auto classes of `transformers` know the model (idempotent)."""
    AutoConfig.register(NanoConfig.model_type, NanoConfig, exist_ok=True)
    AutoModelForImageTextToText.register(NanoConfig, NanoForImageTextToText, exist_ok=True)
