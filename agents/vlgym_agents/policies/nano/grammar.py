"""What may be said: an automaton over control ids and pointers that spells exactly the families' action text.

    search[ WORD+ ]    click[ ELEMENT ]    tap( CELL )    type(" (WORD | BPE)+ ")    scroll( up|down|left|right )
    back( )   wait( )   stop( )

Sampler and scorer ask the same function, `options`, so they use the same processed distribution.
Source: ours.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from vlgym.core.errors import ActionError
from vlgym_agents.policies.nano.tokenizer import CLOSERS, CONTROL_ID, CONTROL_TEXT, DIRECTIONS, VERBS, NanoTokenizer
from vlgym_agents.policy import Sampling

_WORDS, _ELEMENT, _CELL, _TEXT, _DIRECTION, _NOTHING = range(6)
_FORM = {
    "search[": (_WORDS, "]"),
    "click[": (_ELEMENT, "]"),
    "tap(": (_CELL, ")"),
    'type("': (_TEXT, '")'),
    "scroll(": (_DIRECTION, ")"),
    "back(": (_NOTHING, ")"),
    "wait(": (_NOTHING, ")"),
    "stop(": (_NOTHING, ")"),
}
FORM = {CONTROL_ID[verb]: (kind, CONTROL_ID[closer]) for verb, (kind, closer) in _FORM.items()}
VERB_IDS = tuple(CONTROL_ID[verb] for verb in VERBS)
CLOSER_IDS = tuple(CONTROL_ID[closer] for closer in CLOSERS)
_DIRECTION_IDS = tuple(CONTROL_ID[name] for name in DIRECTIONS)
_FREE = tuple(CONTROL_ID[verb] for verb in ("back(", "wait(", "stop("))
_EDGE = ".,;:!?\"'()[]{}"


@dataclass(frozen=True, slots=True)
class Options:
    """Ids that may come next: some control ids, the pointers in [low, high), and BPE ids if `text`."""

    control: tuple[int, ...]
    low: int = 0
    high: int = 0
    text: bool = False

    @property
    def forced(self) -> int | None:
        """The only id that may come next, if there is one and it is a control id."""
        return self.control[0] if len(self.control) == 1 and self.low == self.high and not self.text else None


@dataclass(frozen=True, slots=True)
class Scope:
    """What a turn can point at: the context's instruction words, then the elements, then the cells of its chunk.

    `tall`: height of the chunk's image over its width.
    """

    verbs: tuple[int, ...]
    words: int
    elements: int
    cells: int
    tall: float = 1.0

    @classmethod
    def of(cls, opening: Mapping[str, Any], chunk: Mapping[str, Any]) -> Scope:
        """Build from the `extra` of the context's first chunk and of the current one."""
        verbs = tuple(chunk["verbs"].tolist())
        return cls(verbs, opening["n_words"], chunk["n_elements"], len(chunk["cells"]), chunk.get("tall", 1.0))

    @property
    def size(self) -> int:
        """Number of pointers."""
        return self.words + self.elements + self.cells


def allowed_verbs(actions: Sequence[str]) -> tuple[int, ...]:
    """Return the ids of the verbs that enumerated actions open with; all verbs if none is enumerated."""
    found = tuple(i for i, verb in zip(VERB_IDS, VERBS) if any(action.startswith(verb) for action in actions))
    return found or VERB_IDS


def options(prefix: Sequence[int], scope: Scope, sampling: Sampling) -> Options:
    """Return what may follow `prefix` (the ids sampled so far this turn).

    The token at the last allowed place is a closer wherever the form permits, so a response is never cut in two;
    `Sampling.min_tokens` holds an optional closer back. An exhausted form leaves only its closer.
    """
    if not prefix:
        return Options(_open(scope, sampling.max_tokens))
    kind, closer = FORM[prefix[0]]
    spoken = len(prefix) - 1
    place = len(prefix)
    last = place >= sampling.max_tokens - 1
    if kind == _NOTHING or (spoken and (kind in (_ELEMENT, _CELL, _DIRECTION) or last)):
        return Options((closer,))
    if kind == _DIRECTION:
        return Options(_DIRECTION_IDS)
    if kind == _ELEMENT:
        return Options((), scope.words, scope.words + scope.elements)
    if kind == _CELL:
        return Options((), scope.words + scope.elements, scope.size)
    closing = (closer,) if spoken and place >= sampling.min_tokens else ()
    return Options(closing, 0, scope.words, text=kind == _TEXT)


def _open(scope: Scope, budget: int) -> tuple[int, ...]:
    """Verbs whose arguments exist here and whose shortest form fits the budget; never empty."""
    has = {_WORDS: scope.words, _ELEMENT: scope.elements, _CELL: scope.cells, _TEXT: 1, _DIRECTION: 1, _NOTHING: 1}
    fits = [v for v in scope.verbs if has[FORM[v][0]] and (budget >= 3 or FORM[v][0] == _NOTHING)]
    return tuple(fits) or _FREE


def is_end(token: int) -> bool:
    """A closer ends the turn."""
    return token in CLOSER_IDS


def spell(ids: Sequence[int], points: Sequence[str], vocabulary: int, tokenizer: NanoTokenizer) -> str:
    """Return the text of sampled ids; neighbouring pointers are joined by a space."""
    parts: list[str] = []
    run: list[int] = []
    pointed = False
    for token in ids:
        if token < vocabulary and token >= len(CONTROL_TEXT):
            run.append(token)
            pointed = False
            continue
        if run:
            parts.append(tokenizer.spell(run))
            run = []
        if token >= vocabulary:
            parts.append((" " if pointed else "") + points[token - vocabulary])
        else:
            parts.append(CONTROL_TEXT[token])
        pointed = token >= vocabulary
    return "".join(parts) + (tokenizer.spell(run) if run else "")


def utter(action: str, scope: Scope, points: Sequence[str], vocabulary: int, tokenizer: NanoTokenizer) -> list[int]:
    """Return the ids that spell `action` (up to letter case and the punctuation around words).

    Raises:
        ActionError: the action cannot be expressed here.
    """
    fits = [
        v for v, (_, c) in _FORM.items() if action.startswith(v) and action.endswith(c) and len(action) >= len(v + c)
    ]
    if not fits:
        raise ActionError(f"The nano policy cannot say {action[:80]!r}; its verbs are {', '.join(VERBS)}.")
    verb, (kind, closer) = fits[0], _FORM[fits[0]]
    body = action[len(verb) : len(action) - len(closer)]
    if CONTROL_ID[verb] not in scope.verbs:
        raise ActionError(f"{verb!r} of {action[:80]!r} is not among the actions on offer.")
    return [CONTROL_ID[verb], *_argument(kind, body, scope, points, vocabulary, tokenizer), CONTROL_ID[closer]]


def _argument(
    kind: int, body: str, scope: Scope, points: Sequence[str], vocabulary: int, tokenizer: NanoTokenizer
) -> list[int]:
    words, elements = points[: scope.words], points[scope.words : scope.words + scope.elements]
    if kind == _NOTHING and not body.strip():
        return []
    if kind == _DIRECTION and body in DIRECTIONS:
        return [CONTROL_ID[body]]
    if kind == _ELEMENT:
        names = [name.lower() for name in elements]
        if body.strip().lower() in names:
            return [vocabulary + scope.words + names.index(body.strip().lower())]
    if kind == _CELL and scope.cells:
        cells = points[scope.words + scope.elements :]
        return [vocabulary + scope.words + scope.elements + _nearest(body, cells, scope.tall)]
    if kind in (_WORDS, _TEXT) and body.strip():
        copied = _copy(body.split(), words)
        if copied is not None and (kind == _WORDS or " ".join(words[i] for i in copied) == body):
            return [vocabulary + i for i in copied]
        if kind == _TEXT:
            return tokenizer.plain(body)
    raise ActionError(f"The nano policy cannot say {body[:80]!r} here: nothing it can point at spells it.")


def _copy(spoken: Sequence[str], words: Sequence[str]) -> list[int] | None:
    """Return word pointers spelling `spoken`, going forward through the instruction if possible; else None."""
    known = [word.lower().strip(_EDGE) for word in words]
    found: list[int] = []
    for word in spoken:
        places = [i for i, name in enumerate(known) if name == word.lower().strip(_EDGE)]
        if not places:
            return None
        ahead = [i for i in places if i > (found[-1] if found else -1)]
        found.append(ahead[0] if ahead else places[0])
    return found


def _nearest(body: str, cells: Sequence[str], tall: float) -> int:
    """Return the cell next to a point, as the eye sees it: in pixels, not in fractions of the sides."""
    try:
        x, y = (float(part) for part in body.split(","))
    except ValueError:
        raise ActionError(f"tap({body[:80]}) needs two numbers, as in tap(0.41, 0.73).") from None
    places = [tuple(float(part) for part in cell.split(",")) for cell in cells]
    return min(range(len(places)), key=lambda i: (places[i][0] - x) ** 2 + (tall * (places[i][1] - y)) ** 2)
