"""A device without a screen: what the shell needs of one, recorded, over a real State."""

from __future__ import annotations

import threading
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vlgym.android.shell import Shell, ShellResult
from vlgym.android.state import State
from vlgym.android.state.intents import Intent, full_component


class SmallDevice:
    """Keeps a list of started activities and of touches; time and everything else is the State's."""

    def __init__(self, seed: int = 0) -> None:
        self.state = State(seed=seed)
        self.lock = threading.RLock()
        self.seen: list[tuple[Any, ...]] = []
        self.tasks: list[tuple[int, list[str]]] = [(1, [self.state.packages.home()])]
        self.rotation = 0
        self.size = (self.state.width, self.state.height)

    def start_activity(self, what: str | Intent) -> str:
        intent = Intent(component=full_component(what)) if isinstance(what, str) else what
        answers = self.state.packages.resolve(intent)
        if not answers:
            raise LookupError(f"Error: Activity not started, unable to resolve Intent {intent}")
        self.seen.append(("start", answers[0], intent))
        package = answers[0].partition("/")[0]
        for task in self.tasks:
            if task[1][0].partition("/")[0] == package:
                self.tasks.remove(task)
                self.tasks.insert(0, task)
                if task[1][-1] != answers[0]:
                    task[1].append(answers[0])
                break
        else:
            self.tasks.insert(0, (max(number for number, _ in self.tasks) + 1, [answers[0]]))
        return answers[0]

    def foreground(self) -> str:
        return self.tasks[0][1][-1]

    def stack(self) -> list[dict[str, Any]]:
        return [{"id": n, "visible": place == 0, "activities": list(a)} for place, (n, a) in enumerate(self.tasks)]

    def force_stop(self, package: str) -> None:
        self.tasks = [task for task in self.tasks if task[1][0].partition("/")[0] != package]

    def touch(self, kind: str, x: float, y: float) -> None:
        self.seen.append((kind, x, y))

    def tap(self, x: float, y: float) -> None:
        self.seen.append(("tap", x, y))

    def swipe(self, *values: float) -> None:
        self.seen.append(("swipe", *values))

    def key(self, code: int, *, long: bool = False) -> None:
        self.seen.append(("key", code, long))

    def chord(self, *codes: int) -> None:
        self.seen.append(("chord", *codes))

    def text(self, words: str) -> None:
        self.seen.append(("text", words))

    def advance(self, seconds: float) -> None:
        self.state.clock.advance(seconds)

    def screenshot(self, size: tuple[int, int] | None = None) -> NDArray[np.uint8]:
        width, height = size or (4, 3)
        return np.arange(height * width * 3, dtype=np.uint8).reshape(height, width, 3)

    def hierarchy(self) -> str:
        package = self.foreground().partition("/")[0]
        return (
            "<?xml version='1.0' encoding='UTF-8' standalone='yes' ?><hierarchy rotation=\"0\">"
            f'<node class="android.widget.FrameLayout" package="{package}" bounds="[0,0][1080,2400]">'
            f'<node class="android.widget.TextView" package="{package}" text="Wi-Fi" clickable="true" '
            f'resource-id="{package}:id/title" bounds="[40,100][400,160]" /></node></hierarchy>'
        )

    def shell(self, line: str, stdin: bytes = b"") -> ShellResult:
        return Shell(self).run(line, stdin)  # type: ignore[arg-type]
