"""Activities made of pages, as apps of fragments are, and the drawer that slides in from the left."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

from vlgym.android.ui.activity import Activity
from vlgym.android.ui.dialogs import AlertDialog
from vlgym.android.ui.edit import EditText
from vlgym.android.ui.material import ActionItem, Toolbar
from vlgym.android.ui.paint import Painter, baseline, text_width
from vlgym.android.ui.pickers import DatePicker
from vlgym.android.ui.scroll import HorizontalScrollView, ScrollView
from vlgym.android.ui.view import MATCH, Column, FrameLayout, Row, Space, View
from vlgym.android.ui.widgets import ImageButton, ImageView, TextView

Page = list[Any]
"""[name, arguments, number]: the number makes the views' state that of this page alone."""


class PagedActivity(Activity):
    """An activity that shows the page on top of a stack; back returns to the one below.

    A page's name is that of a method ``page_<name>()``, which builds it from `args`. Saved: "pages", "numbers".
    """

    first = "home"

    @property
    def tick_ms(self) -> int:
        """Pages say what is today and what is late, so they follow the clock."""
        return 60_000

    @property
    def page(self) -> Page:
        """The page shown."""
        pages: list[Page] = self.saved["pages"]
        return pages[-1]

    @property
    def args(self) -> dict[str, Any]:
        """Plain data of the page shown."""
        args: dict[str, Any] = self.page[1]
        return args

    def on_start(self) -> None:
        """Begin with the first page."""
        self.saved.update(pages=[[self.first, {}, 0]], numbers=0)

    def on_create(self) -> View:
        """Return the page shown."""
        name, _, number = self.page
        return FrameLayout(getattr(self, f"page_{name}")(), width=MATCH, height=MATCH, id=f"content_{number}")

    def open(self, name: str, /, **args: Any) -> None:
        """Show a new page above."""
        self._put(name, args)
        self._turn()

    def replace(self, name: str, /, **args: Any) -> None:
        """Show a new page instead of all others."""
        self.saved["pages"] = []
        self._put(name, args)
        self._turn()

    def _put(self, name: str, args: dict[str, Any]) -> None:
        self.saved["numbers"] += 1
        self.saved["pages"].append([name, args, self.saved["numbers"]])

    def close(self) -> None:
        """Go back to the page below; the last one ends the activity."""
        if len(self.saved["pages"]) > 1:
            self.saved["pages"].pop()
            self._turn()
        else:
            self.finish()

    def _turn(self) -> None:
        self.manager.hide_keyboard()
        self.window.focus_on(None)
        self.invalidate()

    def change(self, **values: Any) -> None:
        """Change plain data of the page and build it anew."""
        self.args.update(values)
        self.invalidate()

    def on_back(self) -> bool:
        """Leave the selection or the search, then the page; an app that is not on its first page goes there."""
        if self.leave_mode():
            return True
        if len(self.saved["pages"]) > 1:
            self.close()
            return True
        if self.page[0] != self.first:
            self.replace(self.first)
            return True
        return False

    # ------------------------------------------------------------ selection, search

    @property
    def chosen(self) -> list[Any]:
        """What is selected on the page, in the order in which it was picked."""
        return list(self.args.get("selected", ()))

    def pick(self, key: Any) -> None:
        """Select something or, if it is selected, no more."""
        chosen = self.chosen
        chosen.remove(key) if key in chosen else chosen.append(key)
        self.change(selected=chosen) if chosen else self.unpick()

    def unpick(self) -> None:
        """Select nothing."""
        self.args.pop("selected", None)
        self.invalidate()

    def selection_bar(self, title: str, *actions: ActionItem) -> View:
        """Return the bar in place of the usual one while something is selected."""
        return Toolbar(
            title,
            *actions,
            on_up=self.unpick,
            up="Cancel selection",
            up_icon="close",
            background="surface_container",
        )

    def search(self) -> None:
        """Begin to search: `args` holds "search" and "words", and the page shows the search bar."""
        self.change(search=True, words="")
        self.manager.focus("search_src_text")

    def search_bar(self, hint: str) -> View:
        """Return the bar in place of the usual one while words are searched."""
        field = EditText(
            "", hint=hint, box="none", action="search", weight=1, id="search_src_text",
            on_text=lambda words: self.change(words=words),
        )  # fmt: skip
        back = ImageButton("arrow_back", content_desc="Close search", on_click=lambda: self.change(search=False))
        return Row(back, field, width=MATCH, height=64, padding=(4, 0, 16, 0))

    def leave_mode(self) -> bool:
        """Leave the selection, else the search; return whether there was one."""
        if "selected" in self.args:
            self.unpick()
        elif self.args.get("search"):
            self.change(search=False)
        else:
            return False
        return True

    # ------------------------------------------------------------ time

    @property
    def now(self) -> datetime:
        """Local time without a zone."""
        return self.state.clock.local().replace(tzinfo=None)

    def local(self, milliseconds: int) -> datetime:
        """Return the local time, without a zone, of milliseconds since 1970."""
        return self.state.clock.local(milliseconds * 1000).replace(tzinfo=None)

    def millis(self, moment: datetime) -> int:
        """Return milliseconds since 1970 of a local time."""
        return round(self.state.clock.from_local(moment).timestamp() * 1000)

    def date_dialog(self, args: dict[str, Any], accept: Callable[[date], object]) -> View:
        """Return a calendar; `args` holds "year", "month", "day" and is changed; `accept` gets the date."""
        shown = args["shown"]

        def pick(year: int, month: int, day: int) -> None:
            args.update(year=year, month=month, day=day)
            self.invalidate()

        def turn(year: int, month: int) -> None:
            args["shown"] = [year, month]
            self.invalidate()

        here = (args["year"], args["month"]) == tuple(shown)
        chosen = date(args["year"], args["month"], args["day"])
        head = TextView(day_words(chosen), style="headline_medium", margin=(24, 0, 24, 12), id="picker_headline")
        calendar = DatePicker(shown[0], shown[1], args["day"] if here else 0, pick, turn)
        ok = self.then(lambda: accept(date(args["year"], args["month"], args["day"])))
        return AlertDialog("", head, calendar, buttons=(("Cancel", self.dismiss), ("OK", ok)), wide=True)

    def ask_date(self, name: str, moment: date, **args: Any) -> None:
        """Open the dialog `name`, which `on_dialog` makes with `date_dialog`."""
        year, month = moment.year, moment.month
        self.show(name, year=year, month=month, day=moment.day, shown=[year, month], **args)

    # ------------------------------------------------------------ drawer

    def open_drawer(self) -> None:
        """Open the drawer; `on_dialog("drawer", ...)` builds it."""
        self.show("drawer", drawer=True)

    def drawer(self, title: str, items: Sequence[DrawerItem | str | None], icon: str = "") -> View:
        """Return the drawer of the activity: places, headings (texts) and lines (None)."""
        rows = [self._drawer_row(item) for item in items]
        mark = ImageView(icon, size=28, colour="primary", margin=(0, 0, 12, 0)) if icon else None
        head = Row(mark, TextView(title, style="title_large"), width=MATCH, height=72, padding=(16, 0))
        top, bottom = self.manager.insets[1], self.manager.insets[3]
        density = self.manager.metrics.density
        panel = Column(
            Space(height=top / density),
            head,
            ScrollView(Column(*rows, width=MATCH), width=MATCH, weight=1, id="drawer_list"),
            Space(height=bottom / density),
            width=316,
            height=MATCH,
            margin=(-16, 0, 0, 0),
            padding=(28, 0, 12, 0),
            background="surface_low",
            radius=16,
            id="navigation_view",
        )
        outside = View(weight=1, height=MATCH, on_click=self.dismiss, ripple=False, id="scrim")
        outside.content_desc = "Close navigation menu"
        return Row(panel, outside, width=MATCH, height=MATCH, align="")

    def _drawer_row(self, item: DrawerItem | str | None) -> View:
        if item is None:
            return View(width=MATCH, height=1, margin=(16, 8), background="outline_variant")
        if isinstance(item, str):
            return TextView(item, style="title_small", colour="on_surface_variant", padding=(16, 16, 16, 8))
        ink = "on_secondary_container" if item.chosen else "on_surface_variant"
        number = TextView(item.number, style="label_large", colour=ink) if item.number else None
        return Row(
            ImageView(item.icon, colour=ink),
            TextView(item.label, style="label_large", colour=ink, weight=1, lines=1),
            number,
            spacing=12,
            width=MATCH,
            height=56,
            padding=(16, 0, 24, 0),
            radius=28,
            background="secondary_container" if item.chosen else "",
            selected=item.chosen,
            on_click=self.then(item.act),
        )


class DrawerItem(NamedTuple):
    """A place that a drawer leads to."""

    label: str
    icon: str
    act: Callable[[], object]
    chosen: bool = False
    number: str = ""


def day_words(day: date) -> str:
    """Return a date as "Oct 15, 2023"."""
    return f"{day:%b} {day.day}, {day.year}"


def time_words(moment: datetime, full_day: bool = False) -> str:
    """Return a time of day as "3:34 PM", or "15:34" on a phone with 24 hours."""
    if full_day:
        return f"{moment.hour:02d}:{moment.minute:02d}"
    return f"{moment.hour % 12 or 12}:{moment.minute:02d} {'AM' if moment.hour < 12 else 'PM'}"


def confirm(
    title: str, message: str, yes: str, act: Callable[[], object], cancel: Callable[[], object], no: str = "Cancel"
) -> View:
    """Return a question with two buttons."""
    return AlertDialog(title, message=message, buttons=((no, cancel), (yes, act)))


def chip_row(*chips: View) -> View:
    """Return chips side by side that scroll to the left and right."""
    return HorizontalScrollView(Row(*chips, spacing=8, padding=(16, 0)), width=MATCH, height=48, id="chips")


class FloatingLabel(View):
    """The hint of a field beside it in a frame, small on the field's border once there is a text."""

    width = height = float(MATCH)
    ripple = False

    def hit(self, x: float, y: float) -> View | None:
        """Touches go to the field."""
        return None

    def paint(self, p: Painter) -> None:
        """Draw anew each time: what it shows is the field's."""
        self.draw(p)

    def on_draw(self, p: Painter) -> None:
        """Draw the hint over the border."""
        field = self.parent.children[0] if self.parent is not None else None
        if not isinstance(field, EditText) or not field.display:
            return
        dp = self.metrics.dp
        weight, size, line = self.metrics.type("body_small")
        x, y, wide = field.left + dp(16), field.top - line / 2, text_width(field.hint, weight, size)
        ink = self.metrics.colour("primary" if field.is_focused else "on_surface_variant")
        p.rect(x - dp(4), y, x + wide + dp(4), y + line, self.metrics.colour("surface"))
        p.text(field.hint, x, y + baseline(weight, size, line), weight, size, ink)


def Field(initial: str, **options: Any) -> FrameLayout:
    """Return an outlined `EditText` whose hint stays as a small label on its border."""
    return FrameLayout(EditText(initial, margin=(0, 8, 0, 0), **options), FloatingLabel(), width=MATCH)
