"""The ledger's screens: overview, entries, one entry, statistics."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from functools import partial
from typing import Any

from vlgym.android.apps.expense.model import INCOME, ORDERS, Category, Expense, Ledger, money, read_money
from vlgym.android.apps.pages import DrawerItem, Field, PagedActivity, confirm, day_words, time_words
from vlgym.android.ui.dialogs import BottomSheet, ChoiceDialog
from vlgym.android.ui.material import ActionItem, Card, Empty, FloatingActionButton, ListItem, Section, Toolbar
from vlgym.android.ui.paint import Painter, text_width
from vlgym.android.ui.scroll import ScrollView
from vlgym.android.ui.view import MATCH, Column, FrameLayout, Row, Space, View
from vlgym.android.ui.widgets import Button, ImageView, Picture, ProgressBar, TextView, ToggleChip

TINTS = (0xFF7A8699, 0xFF2E9E6B, 0xFFE0803A, 0xFF5B6BC0, 0xFFB0559A, 0xFF8A5CC2, 0xFF3F8FC9, 0xFFC2554F, 0xFFD1495B,
         0xFF3A9C9C, 0xFFB58A2B)  # fmt: skip


def _badge(category: Category, size: float = 40) -> View:
    tint = TINTS[(category.id - 1) % len(TINTS)]
    icon = ImageView(category.icon, size=size * 0.55, colour=0xFFFFFFFF, gravity="center")
    return FrameLayout(icon, width=size, height=size, radius=size / 2, background=tint)


class Expenses(PagedActivity):
    """The ledger. Pages: home, logs, entry, statistics."""

    @property
    def ledger(self) -> Ledger:
        """The ledger's data."""
        return Ledger(self.state)

    def _categories(self) -> dict[int, Category]:
        return {category.id: category for category in self.ledger.categories()}

    # ------------------------------------------------------------ overview

    def page_home(self) -> View:
        """Return this month's sums, this week's bars and the latest entries."""
        entries, now = self.ledger.all(), self.now
        month = [entry for entry in entries if self.local(entry.created).strftime("%Y%m") == f"{now:%Y%m}"]
        spent = sum(entry.amount for entry in month if entry.category != INCOME)
        earned = sum(entry.amount for entry in month if entry.category == INCOME)
        sums = Row(
            self._sum("Income", earned, "arrow_upward", "primary_container", "on_primary_container"),
            self._sum("Expense", spent, "payments", "tertiary_container", "on_tertiary_container"),
            width=MATCH,
            spacing=12,
        )
        week = Card(
            TextView("Last 7 days", style="title_small", colour="on_surface_variant"),
            Picture(self._bars, width=MATCH, height=120, content_desc="Expenses of the last 7 days"),
            spacing=12,
        )
        recent = Row(
            TextView("Recent", style="title_medium", weight=1),
            Button("More", kind="text", on_click=lambda: self.open("logs"), id="btn_more"),
            width=MATCH,
            padding=(8, 8, 0, 0),
        )
        rows = [self._row(entry) for entry in entries[:5]]
        nothing = TextView("No expenses yet", style="body_medium", colour="on_surface_variant", padding=(8, 16))
        body = Column(
            TextView(f"{now:%B %Y}", style="title_medium", padding=(8, 4)),
            sums, week, recent, *(rows or [nothing]), width=MATCH, padding=(16, 0, 16, 96), spacing=8,
        )  # fmt: skip
        menu = Toolbar("Pro Expense", on_up=self.open_drawer, up="Open navigation drawer", up_icon="menu")
        page = FrameLayout(
            ScrollView(body, width=MATCH, height=MATCH, id="home"),
            FloatingActionButton("add", "Add expense", lambda: self.edit(0)),
            width=MATCH,
            weight=1,
        )
        return Column(menu, page, width=MATCH, height=MATCH)

    def _sum(self, label: str, amount: int, icon: str, face: str, ink: str) -> View:
        return Card(
            Row(ImageView(icon, size=20, colour=ink), TextView(label, style="label_large", colour=ink), spacing=8),
            TextView(money(amount), style="title_large", colour=ink, lines=1, id=f"tv_{label.lower()}"),
            weight=1,
            background=face,
            spacing=8,
            width=MATCH,
        )

    def _bars(self, p: Painter, left: int, top: int, width: int, height: int) -> None:
        """Draw what was spent on each of the last seven days."""
        today = self.now.date()
        days = [today - timedelta(days=6 - back) for back in range(7)]
        sums = dict.fromkeys(days, 0)
        for entry in self.ledger.all():
            day = self.local(entry.created).date()
            if day in sums and entry.category != INCOME:
                sums[day] += entry.amount
        metrics = self.manager.metrics
        weight, size, line = metrics.type("label_small")
        most, step, room = max(max(sums.values()), 1), width / 7, height - line - metrics.dp(6)
        for place, day in enumerate(days):
            middle, bar = left + step * (place + 0.5), metrics.dp(9)
            rise = max(room * sums[day] / most, metrics.dp(2))
            tint = metrics.colour("primary" if day == today else "primary/0.45")
            p.round(middle - bar, top + room - rise, middle + bar, top + room, metrics.dp(4), tint)
            name = f"{day:%a}"
            ink = metrics.colour("on_surface_variant")
            p.text(name, middle - text_width(name, weight, size) / 2, top + height - metrics.dp(2), weight, size, ink)

    def _row(self, entry: Expense, chosen: bool = False) -> View:
        category = self._categories().get(entry.category) or Category(1, "Others", "more_horiz")
        amount = TextView(
            entry.shown, style="title_small", colour="primary" if entry.category == INCOME else "on_surface"
        )
        selecting = "selected" in self.args
        row = ListItem(
            entry.name or category.name,
            f"{category.name} - {entry.note}" if entry.note else category.name,
            lead=_badge(category),
            trailing=amount,
            padding=(8, 0),
            radius=12,
            selected=chosen,
            background="secondary_container" if chosen else "",
            on_click=partial(self.pick, entry.id) if selecting else partial(self.show, "detail", entry=entry.id),
        )
        if self.page[0] == "logs":
            row.on_long_click = partial(self.pick, entry.id)
        return row

    # ------------------------------------------------------------ entries

    def page_logs(self) -> View:
        """Return the entries under the days they were made on."""
        args = self.args
        chosen = self.chosen
        order, category = args.get("order", 0), args.get("category", 0)
        entries = self.ledger.all(order, category, args.get("words", "") if args.get("search") else "")
        rows: list[View] = []
        last = None
        for entry in entries:
            day = self.local(entry.created).date()
            if order < 2 and day != last:
                rows.append(Section(self._day(day)))
                rows[-1].padding = (8, 16, 8, 8)
            last = day
            rows.append(self._row(entry, entry.id in chosen))
        if category:
            name = self._categories()[category].name
            chip = ToggleChip(f"{name}  x", True, on_change=lambda _: self.change(category=0))
            chip.content_desc = f"Remove filter {name}"
            rows.insert(0, Row(chip, padding=(8, 8)))
        body: View = ScrollView(Column(*rows, width=MATCH, padding=(16, 0, 16, 88)), width=MATCH, height=MATCH)
        body.id = "rv_expense"
        if not entries:
            body = Column(*rows, Empty("No expenses found", "receipt_long"), width=MATCH, height=MATCH)
        add = FloatingActionButton("add", "Add expense", lambda: self.edit(0))
        page = FrameLayout(body, None if chosen else add, width=MATCH, weight=1)
        return Column(self._logs_bar(chosen), page, width=MATCH, height=MATCH)

    def _logs_bar(self, chosen: list[int]) -> View:
        if chosen:
            return self.selection_bar(
                f"{len(chosen)} selected",
                ActionItem("select_all", "Select all", lambda: self.change(selected=[e.id for e in self.ledger.all()])),
                ActionItem("delete", "Delete", lambda: self.show("delete", entries=list(chosen))),
            )
        if self.args.get("search"):
            return self.search_bar("Search expenses")
        return Toolbar(
            "Expense Logs",
            ActionItem("search", "Search", self.search),
            ActionItem("sort", "Sort", lambda: self.show("order")),
            ActionItem("filter_list", "Filter by category", lambda: self.show("filter")),
            on_up=self.on_back,
        )

    def _day(self, day: date) -> str:
        back = (self.now.date() - day).days
        return {0: "Today", 1: "Yesterday"}.get(back, day_words(day))

    # ------------------------------------------------------------ one entry

    def edit(self, number: int) -> None:
        """Open the form for a new entry, or for an old one."""
        entry = self.ledger.get(number)
        made = self.local(entry.created) if entry else self.now
        self.open(
            "entry",
            entry=number,
            category=entry.category if entry else 1,
            name=entry.name if entry else "",
            amount=f"{entry.amount / 100:.2f}".removesuffix(".00") if entry else "",
            note=entry.note if entry else "",
            moment=list(made.timetuple()[:5]) if entry else [],
        )
        if not entry:
            self.manager.focus("edt_name")

    def page_entry(self) -> View:
        """Return the form of an entry."""
        args = self.args
        moment = datetime(*args["moment"]) if args["moment"] else self.now
        chips = [
            ToggleChip(
                category.name, category.id == args["category"], on_change=partial(self._choose_category, category.id)
            )
            for category in self.ledger.categories()
        ]
        when = Row(
            ImageView("calendar_today"),
            TextView(day_words(moment.date()), style="body_large", weight=1, id="tv_date"),
            TextView(time_words(moment), style="body_medium", colour="on_surface_variant"),
            spacing=16,
            width=MATCH,
            min_height=56,
            padding=(16, 0),
            radius=4,
            border="outline",
            content_desc="Date",
            on_click=lambda: self.ask_date("date", moment.date()),
        )
        errors = args.get("errors", {})
        fields = Column(
            Field(args["name"], hint="Name", action="next", id="edt_name"),
            Field(args["amount"], hint="Amount", kind="decimal", action="next", id="edt_amount"),
            self._error(errors.get("amount", "")),
            Field(args["note"], hint="Note", id="edt_note"),
            when,
            width=MATCH,
            spacing=10,
            padding=(16, 4),
        )
        label = TextView("Category", style="label_large", colour="on_surface_variant", padding=(16, 8, 16, 8))
        rows = [Row(*part, spacing=8) for part in (chips[:4], chips[4:7], chips[7:10], chips[10:])]
        kinds = Column(*rows, width=MATCH, spacing=8, padding=(16, 0), id="cv_category")
        save = Button("Save", on_click=self._save, width=MATCH, margin=(16, 16), min_height=48, id="btn_save")
        body = ScrollView(Column(fields, label, kinds, save, width=MATCH), width=MATCH, weight=1)
        title = "Edit Expense" if args["entry"] else "Add Expense"
        return Column(Toolbar(title, on_up=self.close), body, width=MATCH, height=MATCH)

    def _error(self, text: str) -> View | None:
        return TextView(text, style="body_small", colour="error", padding=(16, 0), id="error") if text else None

    def _choose_category(self, number: int, _: bool) -> None:
        self.change(category=number)

    def _save(self) -> None:
        args = self.args
        amount = read_money(self.find("edt_amount").text)
        if amount is None:
            self.change(errors={"amount": "Enter an amount"})
            return
        created = self.millis(datetime(*args["moment"])) if args["moment"] else self.state.clock.now_ms
        name, note = self.find("edt_name").text.strip(), self.find("edt_note").text.strip()
        self.ledger.save(args["entry"], name, amount, args["category"], note, created)
        self.toast("Updated" if args["entry"] else "Saved")
        self.close()

    def _take_date(self, day: date) -> None:
        moment = datetime(*self.args["moment"]) if self.args["moment"] else self.now
        self.change(moment=[day.year, day.month, day.day, moment.hour, moment.minute])

    # ------------------------------------------------------------ statistics

    def page_statistics(self) -> View:
        """Return how much went to each category."""
        spent: dict[int, int] = {}
        for entry in self.ledger.all():
            if entry.category != INCOME:
                spent[entry.category] = spent.get(entry.category, 0) + entry.amount
        total, known = sum(spent.values()), self._categories()
        rows = []
        for number, amount in sorted(spent.items(), key=lambda item: -item[1]):
            category = known.get(number) or Category(1, "Others", "more_horiz")
            words = Row(
                TextView(category.name, style="body_large", weight=1),
                TextView(f"{money(amount)} ({amount / total:.0%})", style="body_medium", colour="on_surface_variant"),
                width=MATCH,
            )
            line = Column(words, ProgressBar(amount / total, height=8), weight=1, spacing=8)
            rows.append(Row(_badge(category), line, spacing=16, width=MATCH, min_height=72))
        bar = Toolbar("Statistics", on_up=self.on_back)
        if not rows:
            return Column(bar, Empty("No expenses yet", "payments"), width=MATCH, height=MATCH)
        head = Row(TextView("Total", style="title_medium", weight=1), TextView(money(total), style="title_medium"),
                   width=MATCH, height=56)  # fmt: skip
        body = ScrollView(Column(head, *rows, width=MATCH, padding=(24, 0, 24, 24)), width=MATCH, weight=1)
        return Column(bar, body, width=MATCH, height=MATCH)

    # ------------------------------------------------------------ dialogs

    def on_dialog(self, name: str, args: dict[str, Any]) -> View:
        """Return details, filters, questions, the calendar and the drawer."""
        if name == "detail":
            return self._detail(args["entry"])
        if name == "date":
            return self.date_dialog(args, self._take_date)
        if name == "order":
            chosen = self.args.get("order", 0)
            return ChoiceDialog(
                "Sort by", ORDERS, chosen, lambda place: self.then(lambda: self.change(order=place))(), self.dismiss
            )
        if name == "filter":
            kinds = [Category(0, "All categories", ""), *self.ledger.categories()]
            place = [kind.id for kind in kinds].index(self.args.get("category", 0))
            return ChoiceDialog(
                "Category",
                [kind.name for kind in kinds],
                place,
                lambda at: self.then(lambda: self.change(category=kinds[at].id))(),
                self.dismiss,
            )
        if name == "delete":
            count = len(args["entries"])
            message = "Delete this expense?" if count == 1 else f"Delete {count} expenses?"
            return confirm("Delete", message, "Delete", self.then(lambda: self._delete(args["entries"])), self.dismiss)
        here = self.page[0]
        places = (("Home", "home", "home"), ("Expense Logs", "receipt_long", "logs"),
                  ("Statistics", "graphic_eq", "statistics"))  # fmt: skip
        return self.drawer(
            "Pro Expense",
            [DrawerItem(label, icon, partial(self._go, page), page == here) for label, icon, page in places],
            "payments",
        )

    def _go(self, page: str) -> None:
        if page != self.page[0]:
            self.open(page)

    def _delete(self, entries: list[int]) -> None:
        self.ledger.delete(entries)
        self.unpick()
        self.toast("Deleted")

    def _detail(self, number: int) -> View:
        entry = self.ledger.get(number)
        if entry is None:
            return BottomSheet(title="Deleted")
        category = self._categories().get(entry.category) or Category(1, "Others", "more_horiz")
        made = self.local(entry.created)
        facts = [("Category", category.name), ("Amount", entry.shown)]
        facts += [("Note", entry.note)] if entry.note else []
        facts.append(("Date", f"{day_words(made.date())}, {time_words(made)}"))
        rows = [
            Row(
                TextView(label, style="body_medium", colour="on_surface_variant", width=96),
                TextView(value, style="body_large", weight=1),
                width=MATCH,
                min_height=40,
            )
            for label, value in facts
        ]
        buttons = Row(
            Space(weight=1),
            Button("Delete", kind="outlined", icon="delete_outline", id="btn_delete",
                   on_click=self.then(lambda: self.show("delete", entries=[number]))),
            Button("Edit", icon="edit", id="btn_edit", on_click=self.then(lambda: self.edit(number))),
            spacing=12, width=MATCH, padding=(0, 16, 0, 0),
        )  # fmt: skip
        head = Row(_badge(category), TextView(entry.name or category.name, style="title_large", lines=2), spacing=16)
        return BottomSheet(Column(head, Space(height=8), *rows, buttons, width=MATCH, padding=(24, 0)))
