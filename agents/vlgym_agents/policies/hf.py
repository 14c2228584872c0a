"""Any `transformers` image-text or text model, by hub id or folder, as a policy: full or LoRA, sampler and scorer.

Tokens in, tokens out: an episode's context grows by ids (template pieces, new page, sampled reply) and is never
rendered or tokenised again, so the ids that are trained are the ids that were sampled. If a reply ran into
`max_tokens`, its missing end token is put before the next page, in sampling and scoring alike, and is not trained.
"""

from __future__ import annotations

import contextlib
import copy
import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from vlgym.core.errors import ActionError, VlgymError, require
from vlgym_agents.policies import smollm2
from vlgym_agents.policies.engine import Cache, PackedEngine, Parts, Segment, engine, segment
from vlgym_agents.policies.processors import ImageReader, image_reader
from vlgym_agents.policies.prompt import SYSTEM, Pieces, Tokens, describe, pieces, read_action, write_action
from vlgym_agents.policies.sampling import Suppression, choose, entropy, gather, process
from vlgym_agents.policy import Sample, Sampling, Scores
from vlgym_agents.types import Chunk, Ids, Row

PRESET: dict[str, Any] = {"optim.lr": 1e-6}
"""Learning rate of full training of billions of parameters (ARPO, GiGPO); LoRA wants 1e-5 to 1e-4."""

EXTRA = "vlgym_policy.json"
"""File beside the weights that holds what `transformers` does not: the options and whether there is a value head."""

VALUE = "value_head.safetensors"


class PolicyModule(nn.Module):
    """What the optimiser trains: the model, and the value head if there is one."""

    def __init__(self, model: nn.Module, value_head: nn.Module | None) -> None:
        super().__init__()
        self.model = model
        self.value_head = value_head


def new_critic(hidden: int) -> nn.Module:
    """Return the critic: hidden state [.., d] -> value [.., 1]; zero at the start, so that advantages are returns."""
    head = nn.Sequential(nn.Linear(hidden, hidden), nn.SiLU(), nn.Linear(hidden, 1))
    for parameter in head[2].parameters():
        nn.init.zeros_(parameter)
    return head


class HFPolicy:
    """See `vlgym_agents.policy.Policy`.

    Attributes:
        name: hub id or folder.
        module: the trained module.
        end: id that ends a reply.
        suppressed: mask of ids that are never sampled: control tokens other than `end`, image placeholders, ids
            without a token.
    """

    def __init__(
        self,
        model: Any,
        tokenizer: Any,
        reader: ImageReader | None = None,
        *,
        name: str = "",
        action_help: str = "",
        value_head: bool = False,
        list_actions: bool = False,
        max_page: int = 2048,
    ) -> None:
        """Wrap a loaded model; `load` is the usual way.

        Args:
            model: a causal or image-text-to-text model of `transformers`, possibly wrapped by peft.
            tokenizer: its tokenizer.
            reader: how it reads images, None for a text model.
            name: for people.
            action_help: the environment's action grammar in words, for the system prompt.
            value_head: add a critic.
            list_actions: put `info["available_actions"]` into the prompt.
            max_page: at most so many ids of page text a turn; the rest is cut.
        """
        self.name = name
        self.reader = reader
        self.action_help, self.list_actions, self.max_page = action_help, list_actions, max_page
        config = model.config
        marks = (
            "image_token_id",
            "video_token_id",
            "image_token_index",
            "vision_start_token_id",
            "vision_end_token_id",
        )
        self.tokens = Tokens(tokenizer, {i for m in marks if isinstance(i := getattr(config, m, None), int)})
        text_pieces = self._pieces_or_none(image=False)
        image_pieces = pieces(self.tokens, image=True) if reader is not None else None
        found = text_pieces or image_pieces
        if found is None:
            pieces(self.tokens, image=False)  # raises the reason
        assert found is not None
        self._pieces = {False: text_pieces, True: image_pieces}
        self.end = found.end
        width = model.get_output_embeddings().weight.shape[0]
        never = (self.tokens.control - {self.end}) | set(range(len(self.tokens), width))
        device = model.get_output_embeddings().weight.device
        self.suppressed = Suppression.of(width, never, [self.end]).to(device)
        hidden = model.get_output_embeddings().weight.shape[1]
        self.module = PolicyModule(model, new_critic(hidden).to(device) if value_head else None)
        text = model.config.get_text_config()
        self.longest = int(getattr(text, "max_position_embeddings", None) or sys.maxsize)
        self.engine = engine(model, reader)
        self._adapter_off = False

    @property
    def critic(self) -> nn.Module | None:
        """The value head."""
        return self.module.value_head

    def _pieces_or_none(self, *, image: bool) -> Pieces | None:
        try:
            return pieces(self.tokens, image=image)
        except VlgymError:
            return None

    # ------------------------------------------------------------------ reading and speaking

    def encode(self, observation: Mapping[str, Any], info: Mapping[str, Any], *, first: bool) -> Chunk:
        """See `Policy.encode`: template pieces, an image if the model reads images, and the page in words.

        Raises:
            VlgymError: a text model meets an observation that is only an image.
        """
        image = observation.get("image") if self.reader is not None else None
        if self.reader is None and "image" in observation and not observation.get("text"):
            raise VlgymError(
                f"{self.name or 'This model'} reads text only, but the observation is an image; make the environment "
                f'with obs_mode="text" or "both", or choose an image-text model.'
            )
        around = self._pieces[image is not None] or self._pieces[image is None]
        assert around is not None
        words = describe(observation, info, first=first, list_actions=self.list_actions)
        page = self.tokens.content(words, self.max_page)
        if first:
            system = self.tokens.content(SYSTEM.format(help=info.get("action_help") or self.action_help).strip())
            if around.opening is None:
                ids = around.first + system + self.tokens.content("\n\n") + page + around.ask
            else:
                ids = around.opening + system + around.first + page + around.ask
        else:
            ids = around.later + page + around.ask
        images: tuple[NDArray[np.uint8], ...] = ()
        if self.reader is not None:
            if image is not None:
                images = (np.ascontiguousarray(image),)
            ids = self._expand(ids, images)
        return Chunk(np.asarray(ids, np.int32), images)

    def _expand(self, ids: list[int], images: Sequence[NDArray[np.uint8]]) -> list[int]:
        """Replace each placeholder of the template by the ids of its image."""
        assert self.reader is not None
        waiting, out = iter(images), []
        for one in ids:
            out += self.reader.expand(next(waiting).shape[:2]) if one == self.reader.placeholder else [one]
        return out

    def demonstrate(self, chunks: Sequence[Chunk], action: str) -> Ids:
        """See `Policy.demonstrate`: ``<action>...</action>`` and the end token."""
        ids = np.asarray([*self.tokens.content(write_action(action)), self.end], np.int32)
        if read_action(self.tokens.decode(ids)) != action:
            raise ActionError(f"The action {action[:80]!r} cannot be written with the tokens of {self.name}.")
        return ids

    # ------------------------------------------------------------------ sampling and scoring

    def session(self, slots: int) -> HFSession:
        """See `Policy.session`."""
        return HFSession(self, slots)

    def score(self, rows: Sequence[Row], sampling: Sampling) -> Scores:
        """See `Policy.score`."""
        with self._weights():
            segments, keep, ids, position = zip(*[self._lay_out(row) for row in rows])
            hidden = self.engine.read(segments, keep)
            device = hidden.device
            logits = self.engine.logits(hidden)
            where = torch.from_numpy(np.concatenate(position)).to(device)
            logprobs = process(logits, sampling, self.suppressed, where)
            chosen = gather(logprobs, torch.from_numpy(np.concatenate(ids)).to(device))
            values = None
            if self.module.value_head is not None:
                values = self._value(hidden.detach())
            return Scores(chosen, entropy(logprobs), values)

    def _lay_out(self, row: Row) -> tuple[Segment, NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Return a row's segment and, per trained token: where it is predicted, its id, its index in the reply."""
        parts: list[Ids] = []
        keep, ids, position = [], [], []
        length = 0
        for k, (chunk, action, trained) in enumerate(zip(row.chunks, row.actions, row.trained)):
            piece = self.join(row.actions[k - 1] if k else None, chunk)
            parts += [piece, action]
            length += len(piece)
            if trained:
                keep.append(np.arange(length - 1, length + len(action) - 1))
                ids.append(action.astype(np.int64))
                position.append(np.arange(len(action)))
            length += len(action)
        images = [image for chunk in row.chunks for image in chunk.images]
        whole, _ = segment(parts, images, self.reader, 0)
        kept = np.concatenate(keep) if keep else np.zeros(0, np.int64)
        end = int(kept[-1]) + 1 if len(kept) else len(whole.ids)  # what predicts nothing need not be read
        if not self._has_image_after(whole, end):
            whole = Segment(whole.ids[:end], whole.positions[..., :end], whole.images)
        where = np.concatenate(position) if position else np.zeros(0, np.int64)
        return whole, kept, np.concatenate(ids) if ids else np.zeros(0, np.int64), where

    def _has_image_after(self, whole: Segment, end: int) -> bool:
        return self.reader is not None and bool((whole.ids[end:] == self.reader.placeholder).any())

    def join(self, before: Ids | None, chunk: Chunk) -> Ids:
        """Return the ids a chunk appends after the reply `before`: the end token first, if the reply lacks it."""
        if before is None or (len(before) and before[-1] == self.end):
            return chunk.ids
        return np.concatenate([np.asarray([self.end], np.int32), chunk.ids])

    def _value(self, hidden: Tensor) -> Tensor:
        head = self.module.value_head
        assert head is not None
        values: Tensor = head(hidden.float())
        return values[..., 0]

    # ------------------------------------------------------------------ weights

    @contextlib.contextmanager
    def _weights(self) -> Iterator[None]:
        """Run without dropout, and with the adapter switched off if this is the reference of an adapted policy."""
        if self.module.training:  # dropout would make the trained distribution another than the sampled one
            self.module.eval()
        model: Any = self.module.model
        with model.disable_adapter() if self._adapter_off else contextlib.nullcontext():
            yield

    def reference(self) -> HFPolicy:
        """Return the base under the adapter (sharing its weights), or a frozen copy of a fully trained model."""
        if hasattr(self.module.model, "disable_adapter"):
            other = copy.copy(self)
            other._adapter_off = True
            return other
        model = copy.deepcopy(self.module.model).requires_grad_(False)
        other = copy.copy(self)
        other.module = PolicyModule(model, None)
        other.engine = engine(model, self.reader)
        return other

    def parameters(self) -> Iterable[nn.Parameter]:
        """See `Policy.parameters`."""
        return [p for p in self.module.parameters() if p.requires_grad]

    def save(self, folder: Path) -> None:
        """Write weights (or the adapter), config, tokenizer, image settings and value head; `load` reads them."""
        from safetensors.torch import save_file

        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        model: Any = self.module.model
        model.save_pretrained(folder)
        self.tokens.tokenizer.save_pretrained(folder)
        if self.reader is not None:
            self.reader.save(folder)
        head = self.module.value_head
        if head is not None:
            save_file({k: v.contiguous() for k, v in head.state_dict().items()}, folder / VALUE)
        (folder / EXTRA).write_text(json.dumps({"base": self.name, "value": head is not None}, indent=1))


class HFSession:
    """See `vlgym_agents.policy.Session`; the last sampled token of a turn is read together with the next page."""

    def __init__(self, policy: HFPolicy, slots: int) -> None:
        self.policy = policy
        self._cache: Cache = policy.engine.cache(slots)
        self._last: list[Ids | None] = [None] * slots
        self._next = np.zeros(slots, np.int64)

    def free(self, slot: int) -> None:
        """See `Session.free`."""
        self._cache.free(slot)
        self._last[slot], self._next[slot] = None, 0

    @torch.no_grad()
    def act(
        self, slots: Sequence[int], chunks: Sequence[Chunk], uniforms: Sequence[np.random.Generator], sampling: Sampling
    ) -> list[Sample]:
        """See `Session.act`."""
        if not slots:
            return []
        with self.policy._weights():
            before = [self._cache.length(slot) for slot in slots]
            hidden = self._read(slots, chunks, sampling)
            ids, logprobs, values, counts = self._sample(hidden, slots, uniforms, sampling)
        samples = []
        for i, slot in enumerate(slots):
            mine = ids[i, : counts[i]]
            self._last[slot] = mine
            text = self.policy.tokens.decode(mine)
            worth = None if self.policy.critic is None else values[i, : counts[i]]
            samples.append(Sample(mine, logprobs[i, : counts[i]], text, read_action(text), worth))
        self._cache.close([b + self._read_counts[i] + int(counts[i]) - 1 for i, b in enumerate(before)])
        return samples

    def _read(self, slots: Sequence[int], chunks: Sequence[Chunk], sampling: Sampling) -> Tensor:
        """Append the chunks, each behind its slot's unread last token; return hidden states [B, d]."""
        segments = []
        for slot, chunk in zip(slots, chunks):
            last = self._last[slot]
            parts = [self.policy.join(last, chunk)] if last is None else [last[-1:], self.policy.join(last, chunk)]
            whole, after = segment(parts, chunk.images, self.policy.reader, int(self._next[slot]))
            if after + sampling.max_tokens > self.policy.longest:
                raise VlgymError(
                    f"The context has grown to {after} tokens and {self.policy.name} takes {self.policy.longest}; "
                    f"shorten episodes, pages (max_page) or images (max_pixels), or set a history window."
                )
            segments.append(whole)
            self._next[slot] = after
        self._read_counts = [len(s.ids) for s in segments]
        return self._cache.open(slots, segments, sampling.max_tokens)

    def _sample(
        self, hidden: Tensor, slots: Sequence[int], uniforms: Sequence[np.random.Generator], sampling: Sampling
    ) -> tuple[Ids, NDArray[np.float32], NDArray[np.float32], NDArray[np.int64]]:
        """Draw tokens until each row has ended; return ids, log-probs, values (each [B, max]) and counts [B]."""
        policy, size = self.policy, len(slots)
        ids = np.zeros((size, sampling.max_tokens), np.int32)
        logprobs, values = np.zeros((2, size, sampling.max_tokens), np.float32)
        counts = np.zeros(size, np.int64)
        rows = np.arange(size)  # the row of each open one
        alive = np.ones(size, bool)  # of the open ones
        slot_index = np.asarray(slots)
        for t in range(sampling.max_tokens):
            lp = process(policy.engine.logits(hidden), sampling, policy.suppressed, t)
            if alive.all():
                chosen = choose(lp, sampling, [uniforms[int(r)] for r in rows])
            else:
                chosen = torch.full((len(rows),), policy.end, device=lp.device)
                live = torch.from_numpy(np.flatnonzero(alive)).to(lp.device)
                chosen[live] = choose(lp[live], sampling, [uniforms[int(r)] for r in rows[alive]])
            drawn, weight = chosen.cpu().numpy(), gather(lp, chosen).cpu().numpy()
            active = rows[alive]
            ids[active, t], logprobs[active, t] = drawn[alive], weight[alive]
            if policy.critic is not None:
                values[active, t] = policy._value(hidden).cpu().numpy()[alive]
            counts[active] += 1
            alive &= drawn != policy.end
            if t + 1 == sampling.max_tokens or not alive.any():
                break
            if alive.mean() <= self._cache.drop_below:
                keep = np.flatnonzero(alive)
                self._cache.drop(keep.tolist())
                chosen, rows, alive = chosen[torch.from_numpy(keep).to(chosen.device)], rows[keep], alive[keep]
            hidden = self._cache.step(chosen, self._next[slot_index[rows]] + t)
        self._next[slot_index] += counts - 1
        return ids, logprobs, values, counts


# ---------------------------------------------------------------------- loading

Dtype = Literal["float32", "bfloat16", "float16"]


def load(
    source: str,
    *,
    action_help: str = "",
    lora_rank: int = 0,
    lora_alpha: float = 0.0,
    dtype: Dtype = "float32",
    max_pixels: int | None = None,
    value_head: bool = False,
    list_actions: bool = False,
    max_page: int = 2048,
    freeze_vision: bool = True,
    recompute: bool = False,
    device: str = "cpu",
) -> HFPolicy:
    """Load a model by hub id or folder.

    Args:
        source: hub id, or folder (also one written by `HFPolicy.save`, adapters included).
        action_help: the environment's action grammar in words.
        lora_rank: train adapters of this rank on all linear layers of the text decoder (0: all weights).
        lora_alpha: scale of the adapters; 0 means twice the rank.
        dtype: of the weights. In half precision sampler and scorer differ by about 1e-2.
        max_pixels: upper limit of an image's area after resizing; None is the model's own.
        value_head: add a critic (see `Scores.values`).
        list_actions: put `info["available_actions"]` into the prompt.
        max_page: at most so many ids of page text a turn.
        freeze_vision: train the text decoder only.
        recompute: keep fewer activations for the backward pass: less memory, a third more time.
        device: where the weights live.

    Raises:
        VlgymError: nothing there, or nothing that `transformers` can load.
    """
    source = smollm2.folder() if source == "smollm2" else source
    model, tokenizer = _load_model(source, getattr(torch, dtype))
    model = model.to(device)
    if freeze_vision and (parts := Parts.of(model)).text is not parts.core:
        inside = set(map(id, parts.text.parameters())) | set(map(id, parts.head.parameters()))
        for parameter in model.parameters():
            parameter.requires_grad_(parameter.requires_grad and id(parameter) in inside)
    if lora_rank and not hasattr(model, "disable_adapter"):
        model = _add_lora(model, lora_rank, lora_alpha or 2.0 * lora_rank)
    reader = image_reader(model.config, source, Tokens(tokenizer, set()), max_pixels, Parts.of(model).features)
    saved = Path(source) / EXTRA
    had_value = saved.exists() and json.loads(saved.read_text())["value"]
    policy = HFPolicy(
        model, tokenizer, reader, name=source, action_help=action_help, value_head=value_head or had_value,
        list_actions=list_actions, max_page=max_page,
    )  # fmt: skip
    if isinstance(policy.engine, PackedEngine):
        policy.engine.decoder.recompute = recompute
    if had_value:
        from safetensors.torch import load_file

        assert policy.module.value_head is not None
        policy.module.value_head.load_state_dict(load_file(Path(source) / VALUE))
    return policy


load_policy = load


def _load_model(source: str, dtype: torch.dtype) -> tuple[Any, Any]:
    """Return (model, tokenizer) of a hub id, a folder, or a folder with an adapter."""
    import transformers as hub

    adapter = Path(source) / "adapter_config.json"
    base = json.loads(adapter.read_text())["base_model_name_or_path"] if adapter.exists() else source
    try:
        config = hub.AutoConfig.from_pretrained(base)
        sees = getattr(config, "vision_config", None) is not None
        kind = hub.AutoModelForImageTextToText if sees else hub.AutoModelForCausalLM
        model = kind.from_pretrained(base, dtype=dtype)
        tokenizer = hub.AutoTokenizer.from_pretrained(source)
    except (OSError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        raise VlgymError(
            f"Cannot load the model {source!r}: {reason} Give a hub id or a folder of transformers."
        ) from error
    if tokenizer.chat_template is None:
        _find_template(source, tokenizer)
    if adapter.exists():
        peft: Any = require("peft", extra="lora", purpose="An adapter")
        model = peft.PeftModel.from_pretrained(model, source, is_trainable=True)
    return model, tokenizer


def _find_template(source: str, tokenizer: Any) -> None:
    """Take the chat template that older image-text models keep with their processor."""
    from transformers.utils.hub import cached_file

    path = cached_file(source, "chat_template.json", _raise_exceptions_for_missing_entries=False)
    if path:
        tokenizer.chat_template = json.loads(Path(path).read_text(encoding="utf-8"))["chat_template"]


def _add_lora(model: Any, rank: int, alpha: float) -> Any:
    """Freeze the model and add adapters to every linear layer of its text decoder."""
    peft: Any = require("peft", extra="lora", purpose="LoRA training")
    inside = {id(m) for m in Parts.of(model).text.modules() if type(m) is nn.Linear}
    names = [name for name, m in model.named_modules() if id(m) in inside]
    return peft.get_peft_model(model, peft.LoraConfig(r=rank, lora_alpha=alpha, target_modules=names, lora_dropout=0.0))
