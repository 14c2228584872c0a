"""The screen of a call: coming in, going out, going on."""

from __future__ import annotations

from collections.abc import Callable

from vlgym.android.apps.contacts.model import People, shown_number
from vlgym.android.apps.contacts.parts import Avatar
from vlgym.android.apps.dialer.events import follow, hang_up
from vlgym.android.apps.dialer.model import IDLE, RINGING, Calls, spoken
from vlgym.android.ui.activity import Activity
from vlgym.android.ui.view import MATCH, Column, FrameLayout, Row, Space, View
from vlgym.android.ui.widgets import ImageView, TextView

_GREEN = 0xFF1E8E3E
_TONES = ("1 2 3", "4 5 6", "7 8 9", "* 0 #")


class InCallActivity(Activity):
    """The call. Saved: "muted", "speaker", "held", "pad", "tones"."""

    background = "surface_low"

    @property
    def tick_ms(self) -> int:
        """The time of the call runs on."""
        return 1000 if self.state.call["state"] != IDLE else 0

    def on_create(self) -> View:
        """Return who it is, how long it takes, and what can be done."""
        call, calls = self.state.call, Calls(self.state)
        number = str(call["number"])
        found = People(self.state).who(number)
        name = found.name if found is not None else shown_number(number)
        seconds = calls.seconds
        if call["state"] == IDLE:
            status = "Call ended"
        elif call["state"] == RINGING:
            status = "Incoming call"
        else:
            status = "Calling…" if seconds is None else "On hold" if self.saved.get("held") else spoken(seconds)
        head = Column(
            TextView(status, style="title_medium", colour="on_surface_variant", id="contactgrid_status_text"),
            TextView(name, style="headline_large", align="center", lines=2, id="contactgrid_contact_name"),
            TextView(shown_number(number), style="body_large", colour="on_surface_variant") if found else None,
            width=MATCH,
            align="center_horizontal",
            spacing=10,
            padding=(24, 56 if self._tall else 16, 24, 8),
        )
        if call["state"] == RINGING:
            parts: list[View] = [self._picture(name), self._ringing()]
        elif self.saved.get("pad"):
            parts = [Space(weight=1), self._pad(), self._end()]
        else:
            parts = [self._picture(name), self._grid(), self._end()]
        if not self._tall:
            side = Column(*parts[1:], weight=1)
            return Row(Column(head, parts[0], weight=1, height=MATCH), side, width=MATCH, height=MATCH)
        return Column(head, *parts, width=MATCH, height=MATCH)

    def _picture(self, name: str) -> View:
        return FrameLayout(Avatar(name, 132, gravity="center"), width=MATCH, weight=1)

    def _round(
        self, icon: str, label: str, act: Callable[[], object], back: str | int, ink: str, side: float = 72
    ) -> View:
        return Column(
            FrameLayout(
                ImageView(icon, size=30, colour=ink, gravity="center"),
                width=side,
                height=side,
                radius=side / 2,
                background=back,
            ),
            TextView(label, style="label_medium", colour="on_surface_variant", align="center", lines=1),
            spacing=8,
            align="center",
            padding=(8, 4),
            radius=20,
            on_click=act,
            content_desc=label,
            id=label.lower().replace(" ", "_"),
            android_class="android.widget.ImageButton",
        )

    def _ringing(self) -> View:
        def answer() -> None:
            Calls(self.state).answer()
            follow(self.manager)

        return Row(
            self._round("call_end", "Decline", lambda: hang_up(self.manager), "error", "on_error"),
            Space(weight=1),
            self._round("call", "Answer", answer, _GREEN, "white"),
            width=MATCH,
            padding=(56, 24, 56, 72),
        )

    def _end(self) -> View:
        end = self._round("call_end", "End call", lambda: hang_up(self.manager), "error", "on_error")
        return Row(Space(weight=1), end, Space(weight=1), width=MATCH, padding=(0, 16, 0, 40 if self._tall else 8))

    @property
    def _tall(self) -> bool:
        """Whether the phone is held upright."""
        return self.manager.metrics.height > self.manager.metrics.width

    def _grid(self) -> View:
        def cell(icon: str, label: str, key: str) -> View:
            on = bool(self.saved.get(key))
            mark = self._round(
                icon,
                label,
                lambda: self.set(**{key: not on}),
                "primary" if on else "surface_highest",
                "on_primary" if on else "on_surface",
                64,
            )
            mark.checkable, mark.checked = key != "pad", on
            return FrameLayout(Row(mark, gravity="center"), weight=1)

        rows = (
            (("dialpad", "Keypad", "pad"), ("mic_off", "Mute", "muted")),
            (("volume_up", "Speaker", "speaker"), ("pause", "Hold", "held")),
        )
        return Column(
            *(Row(*(cell(*entry) for entry in row), width=MATCH) for row in rows),
            width=MATCH,
            spacing=20 if self._tall else 4,
            padding=(32, 0),
        )

    def _pad(self) -> View:
        def key(sign: str) -> View:
            return FrameLayout(
                TextView(sign, style="headline_medium", gravity="center"),
                weight=1,
                height=60 if self._tall else 44,
                radius=30,
                on_click=lambda: self.set(tones=self.saved.get("tones", "") + sign),
                content_desc=sign,
                android_class="android.widget.Button",
            )

        tones = TextView(
            self.saved.get("tones", "") or " ", style="headline_medium", align="center", width=MATCH, lines=1
        )
        rows = [Row(*map(key, row.split()), width=MATCH) for row in _TONES]
        hide = TextView(
            "Hide", style="label_large", colour="primary", padding=(24, 12), on_click=lambda: self.set(pad=False)
        )
        return Column(tones, *rows, hide, width=MATCH, align="center_horizontal", padding=(40, 0))

    def on_back(self) -> bool:
        """Leave the keypad first; the call goes on behind other screens."""
        if self.saved.get("pad"):
            self.set(pad=False)
            return True
        if self.state.call["state"] != IDLE:
            self.manager.home()
            return True
        return False
