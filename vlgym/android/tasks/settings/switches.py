"""Tasks that turn switches of the settings."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

from vlgym.android.tasks.phone import Phone
from vlgym.android.tasks.settings.base import AIRPLANE, RADIOS, START, TOGGLES, Key, SettingsTask, holds, walk
from vlgym.android.tasks.template import Params, Screen, click, launch, seek


class Switch(SettingsTask):
    """One switch, turned on or off; which one the template chooses or the params do."""

    instruction = "Turn {words} {state}."
    checkpoints: tuple[str, ...] = ("open the settings", "turn {words} {state}")

    def __init__(self, name: str, steps: int, *choices: str, loose: tuple[Key, ...] = ()) -> None:
        self.name, self.steps, self.choices, self.loose = name, steps, choices, loose

    def draw(self, rng: random.Random) -> Params:
        """Draw the switch, which way, and another one to go wrong with."""
        words = rng.choice(self.choices)
        safe = [other for other in TOGGLES if other != words and TOGGLES[other].key not in (AIRPLANE, *RADIOS)]
        others = rng.sample(safe, 3)
        return {"words": words, "state": rng.choice(("on", "off")), "wrong": others[0], "already": others[1:]}

    def begin(self, p: Params) -> dict[Key, str]:
        """Return it the other way round; two other switches are not as usual."""
        toggle = TOGGLES[p["words"]]
        swapped = {
            TOGGLES[words].key: TOGGLES[words].off
            if START[TOGGLES[words].key] == TOGGLES[words].on
            else TOGGLES[words].on
            for words in p["already"]
        }
        return {**swapped, toggle.key: toggle.off if p["state"] == "on" else toggle.on}

    def wanted(self, p: Params) -> dict[Key, str]:
        """Return it as it should be."""
        toggle = TOGGLES[p["words"]]
        return {toggle.key: toggle.on if p["state"] == "on" else toggle.off}

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Go there and switch."""
        toggle = TOGGLES[p["words"]]
        yield from walk(screen, *toggle.path)
        yield from seek(screen, toggle.label)
        yield click(toggle.label)

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Touch another switch first."""
        yield from self.solve(screen, {"words": p["wrong"]})
        yield "press(home)"
        yield from launch(screen, "Settings")
        yield from ["press(back)"] * len(TOGGLES[p["wrong"]].path)
        yield from self.solve(screen, p)


class Switches(SettingsTask):
    """Several switches."""

    instruction = "In the settings, {asked}."

    def __init__(self, name: str, steps: int, count: int) -> None:
        self.name, self.steps, self.count = name, steps, count
        self.checkpoints = (*(f"{{part{n}}}" for n in range(count)), "leave everything else as it is")

    def draw(self, rng: random.Random) -> Params:
        """Draw switches of different pages, in the order of the settings' list."""
        pages: dict[str, list[str]] = {}
        for words, toggle in TOGGLES.items():
            if toggle.key not in (AIRPLANE, ("global", "mobile_data")):
                pages.setdefault(toggle.path[0], []).append(words)
        chosen = sorted(rng.sample(range(len(pages)), self.count))
        picked = [rng.choice(list(pages.values())[place]) for place in chosen]
        states = [rng.choice(("on", "off")) for _ in picked]
        parts = [f"turn {words} {state}" for words, state in zip(picked, states)]
        asked = ", ".join(parts[:-1]) + f" and {parts[-1]}"
        named = {f"part{n}": part for n, part in enumerate(parts)}
        return {"switches": picked, "states": states, "asked": asked, **named}

    def _values(self, p: Params, flipped: bool) -> dict[Key, str]:
        found = {}
        for words, state in zip(p["switches"], p["states"]):
            toggle = TOGGLES[words]
            found[toggle.key] = toggle.on if (state == "on") != flipped else toggle.off
        return found

    def begin(self, p: Params) -> dict[Key, str]:
        """Return all the other way round."""
        return self._values(p, flipped=True)

    def wanted(self, p: Params) -> dict[Key, str]:
        """Return all as they should be."""
        return self._values(p, flipped=False)

    def reached(self, phone: Phone, p: Params, answer: str) -> Sequence[bool]:
        """Judge how many of the first ones are right, and all."""
        right = [holds(phone, *item) for item in self.wanted(p).items()]
        return (*(all(right[: n + 1]) for n in range(len(right))), all(right) and self.untouched(phone, p))

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Switch one after the other."""
        yield from launch(screen, "Settings")
        for number, words in enumerate(p["switches"]):
            toggle = TOGGLES[words]
            for title in (*toggle.path, toggle.label):
                yield from seek(screen, title)
                yield click(title)
            if number + 1 < len(p["switches"]):
                yield from ["press(back)"] * len(toggle.path)

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Forget the last one."""
        yield from self.solve(screen, {"switches": p["switches"][:-1]})
