"""Drawing on a skia canvas: shapes, icons and text. Fonts and icons come from `envs_assets/android`, nowhere else."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterable
from functools import cache, lru_cache, partial
from pathlib import Path
from types import ModuleType
from typing import Any

from vlgym.core.errors import MissingDependencyError


def _load() -> ModuleType:
    try:
        import skia
    except ImportError as error:
        raise MissingDependencyError(
            'The simulated phone needs skia: pip install "vlgym[android]"'
            f" (and, on a bare Linux, apt-get install libegl1 libgl1 libx11-6). It said: {error}"
        ) from error
    return skia  # type: ignore[no-any-return]


skia = _load()

REGULAR, MEDIUM, LIGHT, BOLD = "Regular", "Medium", "Light", "Bold"
ELLIPSIS = "…"


@cache
def assets() -> Path:
    """Return the folder of the phone's fonts and icons."""
    import envs_assets

    return Path(next(iter(envs_assets.__path__))) / "android"


# ---------------------------------------------------------------- text


@cache
def _typeface(weight: str) -> Any:
    file = assets() / "fonts" / f"Roboto-{weight}.ttf"
    face = skia.FontMgr.New_Custom_Empty().makeFromFile(str(file))  # no font of the machine is looked at
    if face is None:
        raise MissingDependencyError(f"The font {file} is absent or broken; install vlgym again.")
    return face


@lru_cache(256)
def _font(weight: str, size: float) -> Any:
    font = skia.Font(_typeface(weight), size)
    font.setSubpixel(True)
    font.setLinearMetrics(True)
    font.setHinting(skia.FontHinting.kNone)
    font.setEdging(skia.Font.Edging.kAntiAlias)
    return font


def _drawable(text: str) -> str:
    """Return a text as skia takes it: without halves of surrogate pairs, control characters as blanks."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        " " if sign < " " or "\x7f" <= sign < "\xa0" else "\ufffd" if "\ud800" <= sign < "\ue000" else sign
        for sign in text
    )


@lru_cache(16384)
def text_width(text: str, weight: str, size: float) -> float:
    """Return the advance of a line in pixels, at `size` pixels to the em."""
    return float(_font(weight, size).measureText(_drawable(text)))


@lru_cache(256)
def baseline(weight: str, size: float, line: float) -> float:
    """Return how far below the top of a line of height `line` its baseline lies, in pixels."""
    metrics = _font(weight, size).getMetrics()
    return float((line - (metrics.fDescent - metrics.fAscent)) / 2 - metrics.fAscent)


@lru_cache(8192)
def break_lines(text: str, weight: str, size: float, width: float, most: int) -> tuple[str, ...]:
    """Break a text into at most `most` lines no wider than `width` pixels; what is left out becomes an ellipsis."""
    lines: list[str] = []
    for paragraph in text.split("\n"):
        rest = paragraph
        while True:
            fits = _fitting(rest, weight, size, width)
            if len(lines) + 1 == most and (fits < len(rest) or _more_follows(text, lines, rest)):
                return (*lines, _ellipsized(rest, weight, size, width))
            lines.append(rest[:fits].rstrip(" ") if fits < len(rest) else rest)
            rest = rest[fits:].lstrip(" ")
            if not rest:
                break
    return tuple(lines)


def _more_follows(text: str, lines: list[str], rest: str) -> bool:
    return "\n" in text and not text.endswith(rest)


def _fitting(text: str, weight: str, size: float, width: float) -> int:
    """Return how many characters make the next line: up to a blank where possible."""
    if text_width(text, weight, size) <= width:
        return len(text)
    low, high = 1, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if text_width(text[:middle], weight, size) <= width else (low, middle - 1)
    blank = text.rfind(" ", 0, low + 1)
    return blank + 1 if blank > 0 else low


def _ellipsized(text: str, weight: str, size: float, width: float) -> str:
    while text and text_width(text + ELLIPSIS, weight, size) > width:
        text = text[:-1]
    return text.rstrip() + ELLIPSIS


def _sides(box: Any) -> tuple[float, float, float, float]:
    return box.left(), box.top(), box.right(), box.bottom()


@lru_cache(8192)
def _blob(text: str, weight: str, size: float) -> tuple[Any, tuple[float, float, float, float]]:
    """Return a line of glyphs and the box of their ink, from the baseline's beginning."""
    blob = skia.TextBlob.MakeFromString(_drawable(text), _font(weight, size))
    return blob, _sides(blob.bounds())


# ---------------------------------------------------------------- icons

_ARGUMENTS = {"M": 2, "L": 2, "H": 1, "V": 1, "C": 6, "S": 4, "Q": 4, "T": 2, "A": 7, "Z": 0}
_TOKEN = re.compile(r"([MLHVCSQTAZmlhvcsqtaz])|([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)")
_ARC_TOKEN = re.compile(r"[\s,]*([01])")


@cache
def _icon_lines() -> dict[str, str]:
    lines = (assets() / "icons.txt").read_text(encoding="utf-8").splitlines()
    return dict(line.split(" ", 1) for line in lines if line)


def has_icon(name: str) -> bool:
    """Return whether `icons.txt` has an icon of that name."""
    return name in _icon_lines()


@lru_cache(1024)
def _icon(name: str, size: float) -> tuple[Any, tuple[float, float, float, float]]:
    """Return an icon's path at a size and the box of its ink."""
    known = _icon_lines()
    if name not in known:
        raise KeyError(f"There is no icon {name!r} in {assets() / 'icons.txt'}.")
    path = svg_path(known[name])
    path.transform(skia.Matrix.Scale(size / 24, size / 24))
    return path, _sides(path.getBounds())


def _commands(data: str) -> list[tuple[str, list[float]]]:
    """Return the commands of SVG path data with their numbers; repeated arguments become commands of their own."""
    found: list[tuple[str, list[float]]] = []
    at, letter = 0, ""
    while at < len(data):
        token = _TOKEN.search(data, at)
        if token is None:
            break
        if token[1]:
            letter, at = token[1], token.end()
            if letter in "Zz":
                found.append((letter, []))
            continue
        numbers: list[float] = []
        for index in range(_ARGUMENTS[letter.upper()]):
            pattern = _ARC_TOKEN if letter in "Aa" and index in (3, 4) else _TOKEN
            token = pattern.match(data, at) if pattern is _ARC_TOKEN else pattern.search(data, at)
            assert token is not None, data
            numbers.append(float(token[token.lastindex or 0]))
            at = token.end()
        found.append((letter, numbers))
        letter = {"M": "L", "m": "l"}.get(letter, letter)
    return found


def svg_path(data: str) -> Any:
    """Return the skia path of SVG path data."""
    path = skia.Path()
    x = y = left = top = 0.0  # pen, start of the contour
    bend = (0.0, 0.0, "")  # last control point and the kind of curve it belongs to
    for letter, n in _commands(data):
        kind, relative = letter.upper(), letter.islower()
        if relative and kind in "MLCSQT":
            n = [value + (y if index % 2 else x) for index, value in enumerate(n)]
        last, bend = bend, (0.0, 0.0, "")
        if kind == "M":
            path.moveTo(n[0], n[1])
            left, top = n[0], n[1]
        elif kind == "Z":
            path.close()
            x, y = left, top
            continue
        elif kind == "H":
            n = [n[0] + x if relative else n[0], y]
            path.lineTo(*n)
        elif kind == "V":
            n = [x, n[0] + y if relative else n[0]]
            path.lineTo(*n)
        elif kind == "L":
            path.lineTo(*n)
        elif kind in "CS":
            if kind == "S":
                n = [*((2 * x - last[0], 2 * y - last[1]) if last[2] == "C" else (x, y)), *n]
            path.cubicTo(*n)
            bend = (n[2], n[3], "C")
        elif kind in "QT":
            if kind == "T":
                n = [*((2 * x - last[0], 2 * y - last[1]) if last[2] == "Q" else (x, y)), *n]
            path.quadTo(*n)
            bend = (n[0], n[1], "Q")
        elif kind == "A":
            if relative:
                n[5:] = [n[5] + x, n[6] + y]
            large = skia.Path.ArcSize.kLarge_ArcSize if n[3] else skia.Path.ArcSize.kSmall_ArcSize
            turn = skia.PathDirection.kCW if n[4] else skia.PathDirection.kCCW
            path.arcTo(n[0], n[1], n[2], large, turn, n[5], n[6])
        x, y = n[-2], n[-1]
    return path


# ---------------------------------------------------------------- painter


@lru_cache(1024)
def _fill(colour: int) -> Any:
    return skia.Paint(Color=colour, AntiAlias=True)


@lru_cache(1024)
def _stroke(colour: int, width: float) -> Any:
    round_ = skia.Paint.Cap.kRound_Cap
    return skia.Paint(
        Color=colour, AntiAlias=True, Style=skia.Paint.Style.kStroke_Style, StrokeWidth=width, StrokeCap=round_
    )


@lru_cache(64)
def _gradient(colours: tuple[int, ...], x0: float, y0: float, x1: float, y1: float) -> Any:
    points = [skia.Point(x0, y0), skia.Point(x1, y1)]
    return skia.Paint(AntiAlias=True, Dither=False, Shader=skia.GradientShader.MakeLinear(points, list(colours)))


BLACK = 0xFF000000

Op = tuple[Any, ...]
"""One shape: (what draws it on a canvas, left, top, right, bottom, what else it needs). The box holds all its ink;
equal operations draw equal pixels."""
_FAR = 1e9
_EVERYWHERE = (-_FAR, -_FAR, _FAR, _FAR)


def _rect(canvas: Any, op: Op) -> None:
    canvas.drawRect(skia.Rect(*op[1:5]), _fill(op[5]))


def _round(canvas: Any, op: Op) -> None:
    _, left, top, right, bottom, radius, colour, stroke = op
    inset = stroke / 2
    box = skia.Rect(left + inset, top + inset, right - inset, bottom - inset)
    canvas.drawRoundRect(box, radius, radius, _stroke(colour, stroke) if stroke else _fill(colour))


def _circle(canvas: Any, op: Op) -> None:
    x, y, radius, colour, stroke = op[5:]
    canvas.drawCircle(x, y, radius, _stroke(colour, stroke) if stroke else _fill(colour))


def _arc(canvas: Any, op: Op) -> None:
    x, y, radius, start, sweep, colour, stroke = op[5:]
    box = skia.Rect(x - radius, y - radius, x + radius, y + radius)
    canvas.drawArc(box, start, sweep, False, _stroke(colour, stroke))


def _line(canvas: Any, op: Op) -> None:
    x0, y0, x1, y1, colour, width = op[5:]
    canvas.drawLine(x0, y0, x1, y1, _stroke(colour, width))


def _shade(canvas: Any, op: Op) -> None:
    _, left, top, right, bottom, colours = op
    canvas.drawRect(skia.Rect(left, top, right, bottom), _gradient(colours, left, top, left, bottom))


def _glyphs(canvas: Any, op: Op) -> None:
    text, left, base, weight, size, colour = op[5:]
    canvas.drawTextBlob(_blob(text, weight, size)[0], left, base, _fill(colour))


def _letters(canvas: Any, op: Op) -> None:
    _glyphs(canvas, op)


def _symbol(canvas: Any, op: Op) -> None:
    name, left, top, size, colour = op[5:]
    canvas.save()
    canvas.translate(left, top)
    canvas.drawPath(_icon(name, size)[0], _fill(colour))
    canvas.restore()


def _clip(canvas: Any, op: Op) -> None:
    canvas.save()
    canvas.clipRect(skia.Rect(*op[5:9]))


def round_clip(canvas: Any, op: Op) -> None:
    """Clip to a box with round corners; as every clip it concerns all of the canvas."""
    canvas.save()
    canvas.clipRRect(skia.RRect(skia.Rect(*op[5:9]), op[9], op[9]), True)


def _unclip(canvas: Any, op: Op) -> None:
    canvas.restore()


def _other(canvas: Any, op: Op) -> None:
    canvas.save()
    op[5](canvas, *op[6:])
    canvas.restore()


_UNCLIP: Op = (_unclip, *_EVERYWHERE)
FLAT = {_rect, _shade}
CURVED = {_round, _circle, _arc, _line, _symbol, _letters, _other, round_clip}
_LARGE_PX = 128.0
"""Glyphs above this size may be drawn as curves."""


class Painter:
    """Takes down shapes as operations, to be drawn by `play`. Coordinates are display pixels, colours 0xAARRGGBB."""

    __slots__ = ("ops",)

    def __init__(self) -> None:
        self.ops: list[Op] = []

    def rect(self, left: float, top: float, right: float, bottom: float, colour: int) -> None:
        """Fill a rectangle."""
        self.ops.append((_rect, left, top, right, bottom, colour))

    def round(
        self, left: float, top: float, right: float, bottom: float, radius: float, colour: int, stroke: float = 0.0
    ) -> None:
        """Fill a rectangle with round corners, or draw its outline `stroke` wide, inside the box."""
        if radius or stroke:
            self.ops.append((_round, left, top, right, bottom, radius, colour, stroke))
        else:
            self.ops.append((_rect, left, top, right, bottom, colour))

    def circle(self, x: float, y: float, radius: float, colour: int, stroke: float = 0.0) -> None:
        """Fill a circle, or draw its outline."""
        far = radius + stroke
        self.ops.append((_circle, x - far, y - far, x + far, y + far, x, y, radius, colour, stroke))

    def arc(self, x: float, y: float, radius: float, start: float, sweep: float, colour: int, stroke: float) -> None:
        """Draw an arc around (x, y); degrees clockwise from three o'clock."""
        far = radius + stroke
        self.ops.append((_arc, x - far, y - far, x + far, y + far, x, y, radius, start, sweep, colour, stroke))

    def line(self, x0: float, y0: float, x1: float, y1: float, colour: int, width: float) -> None:
        """Draw a line with round ends."""
        box = (min(x0, x1) - width, min(y0, y1) - width, max(x0, x1) + width, max(y0, y1) + width)
        self.ops.append((_line, *box, x0, y0, x1, y1, colour, width))

    def gradient(self, left: float, top: float, right: float, bottom: float, colours: tuple[int, ...]) -> None:
        """Fill a rectangle with colours blended from top to bottom."""
        self.ops.append((_shade, left, top, right, bottom, colours))

    def path(self, data: Any, colour: int) -> None:
        """Fill a skia path, which must not change afterwards."""
        box = data.getBounds()
        draw = partial(_fill_path, data, colour)
        self.other(draw, box.left(), box.top(), box.right(), box.bottom())

    def icon(self, name: str, left: float, top: float, size: float, colour: int) -> None:
        """Draw an icon into a square."""
        _, (x0, y0, x1, y1) = _icon(name, size)
        self.ops.append((_symbol, left + x0, top + y0, left + x1, top + y1, name, left, top, size, colour))

    def text(self, text: str, left: float, base: float, weight: str, size: float, colour: int) -> None:
        """Draw a line of text from `left` on the baseline `base`."""
        if text and not text.isspace():
            _, (x0, y0, x1, y1) = _blob(text, weight, size)
            draw = _letters if size > _LARGE_PX else _glyphs
            box = (left + x0, base + y0, left + x1, base + y1)
            self.ops.append((draw, *box, text, left, base, weight, size, colour))

    def other(
        self, draw: Callable[..., object], left: float, top: float, right: float, bottom: float, *data: Hashable
    ) -> None:
        """Draw by ``draw(canvas, *data)``, a skia canvas, within a box; equal functions and data draw the same."""
        self.ops.append((_other, left, top, right, bottom, draw, *data))

    def clip(self, left: float, top: float, right: float, bottom: float, radius: float = 0.0) -> None:
        """Draw only inside a box from now on, until `unclip`."""
        draw = round_clip if radius else _clip
        self.ops.append((draw, *_EVERYWHERE, left, top, right, bottom, radius))

    def unclip(self) -> None:
        """Undo the last `clip`."""
        self.ops.append(_UNCLIP)


def _fill_path(data: Any, colour: int, canvas: Any) -> None:
    canvas.drawPath(data, _fill(colour))


def play(canvas: Any, ops: Iterable[Op]) -> None:
    """Draw operations on a skia canvas, the lowest first."""
    for op in ops:
        op[0](canvas, op)


class Recording:
    """Records drawing once, to be played back at any scale."""

    __slots__ = ("height", "painter", "width")

    def __init__(self, width: float, height: float) -> None:
        self.width, self.height, self.painter = width, height, Painter()

    def finish(self) -> Any:
        """Return the skia picture."""
        recorder = skia.PictureRecorder()
        play(recorder.beginRecording(skia.Rect(0, 0, self.width, self.height)), self.painter.ops)
        return recorder.finishRecordingAsPicture()
