"""Ctrl-C and SIGTERM without half-done updates."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from typing import Any


class Interrupted(KeyboardInterrupt):
    """The run was asked to end; `signum` says by which signal."""

    def __init__(self, signum: int) -> None:
        super().__init__(signum)
        self.signum = signum


class Interrupt:
    """Turns the first signal into `Interrupted` where work can be abandoned, else at the end of the step.

    Inside ``with interrupt:`` the handlers are installed; inside ``with interrupt.abandonable():`` a signal raises at
    once; elsewhere it is remembered until `check`. A second signal raises wherever it arrives.
    """

    def __init__(self) -> None:
        self.signum = 0
        self.hard = False
        self._open = False
        self._previous: dict[int, Any] = {}

    def __enter__(self) -> Interrupt:
        if threading.current_thread() is threading.main_thread():
            for signum in (signal.SIGINT, signal.SIGTERM):
                self._previous[signum] = signal.signal(signum, self._handle)
        return self

    def __exit__(self, *_: object) -> None:
        for signum, handler in self._previous.items():
            signal.signal(signum, handler)
        self._previous.clear()

    def _handle(self, signum: int, _frame: object) -> None:
        self.hard = bool(self.signum) and not self._open
        self.signum = signum
        if self._open or self.hard:
            self._open = False
            raise Interrupted(signum)

    @contextlib.contextmanager
    def abandonable(self) -> Iterator[None]:
        """Let a signal raise at once: nothing done inside is kept if it does."""
        self.check()
        self._open = True
        try:
            yield
        finally:
            self._open = False

    def check(self) -> None:
        """Raise if a signal came."""
        if self.signum:
            raise Interrupted(self.signum)
