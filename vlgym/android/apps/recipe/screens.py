"""The recipe book's screens: the shelf, one recipe, the form of a recipe, what is in season."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from functools import partial
from typing import Any

from vlgym.android.apps.pages import Field, PagedActivity, chip_row, confirm
from vlgym.android.apps.recipe.model import FIELDS, Book, Recipe
from vlgym.android.apps.recipe.season import MONTHS, produce
from vlgym.android.ui.dialogs import AlertDialog, CheckDialog, PopupMenu
from vlgym.android.ui.edit import EditText
from vlgym.android.ui.material import (
    ActionItem,
    BottomNavigation,
    Destination,
    Empty,
    FloatingActionButton,
    ListItem,
    TabBar,
    Toolbar,
)
from vlgym.android.ui.paint import Painter
from vlgym.android.ui.scroll import ScrollView
from vlgym.android.ui.view import MATCH, Column, FrameLayout, Row, View
from vlgym.android.ui.widgets import ImageView, Picture, TextView, ToggleChip

PLACES = (Destination("Recipes", "menu_book"), Destination("Seasons", "calendar_month"))
ALL, FAVORITES, LOOSE = "All recipes", "Favorites", "Without category"
HINTS = ("Title", "Description", "Servings", "Preparation time", "Source", "Ingredients", "Directions")
_DISHES = ("restaurant", "restaurant_menu", "local_cafe", "cake")
_TINTS = ((0xFFE8A35C, 0xFFC4703A), (0xFF8DB26A, 0xFF5C8A45), (0xFFD98880, 0xFFB0524E), (0xFFE5C15A, 0xFFBD8E2D),
          (0xFF7FA8A3, 0xFF4C7B78), (0xFFB59AC9, 0xFF82639C))  # fmt: skip


def plate(title: str, corner: float = 0.0, **attrs: Any) -> Picture:
    """Return the picture of a recipe that has no photograph; its corners are cut off by a share of its height."""
    number = zlib.crc32(title.encode())
    tints, icon = _TINTS[number % len(_TINTS)], _DISHES[(number >> 9) % len(_DISHES)]

    def draw(p: Painter, left: int, top: int, width: int, height: int) -> None:
        p.clip(left, top, left + width, top + height, height * corner)
        p.gradient(left, top, left + width, top + height, tints)
        side = min(width, height)
        x, y = left + width / 2, top + height / 2
        p.circle(x, y, side * 0.36, 0x33FFFFFF)
        p.circle(x, y, side * 0.28, 0x44FFFFFF)
        p.icon(icon, x - side * 0.19, y - side * 0.19, side * 0.38, 0xFFFFFFFF)
        p.unclip()

    return Picture(draw, **attrs)


class Recipes(PagedActivity):
    """The recipe book. Pages: home, seasons, recipe, edit, categories. Saved besides: "category"."""

    @property
    def foot(self) -> str:  # type: ignore[override]
        """The bar at the foot goes on under the navigation bar."""
        return "surface_container" if self.page[0] in ("home", "seasons") else ""

    @property
    def book(self) -> Book:
        """The data."""
        return Book(self.state)

    # ------------------------------------------------------------ shelf

    def _shown(self) -> list[Recipe]:
        category, words = self.saved.get("category", ALL), ""
        if self.args.get("search"):
            words = str(self.args.get("words", "")).lower()
        return [
            recipe
            for recipe in self.book.all()
            if words in f"{recipe.title}\n{recipe.description}\n{recipe.ingredients}".lower()
            and (
                category == ALL
                or (category == FAVORITES and recipe.favorite)
                or (category == LOOSE and not recipe.categories)
                or category in recipe.categories
            )
        ]

    def page_home(self) -> View:
        """Return the shelf."""
        rows = [self._card(recipe) for recipe in self._shown()]
        body: View = Empty("No recipes found", "menu_book")
        if rows:
            shelf = Column(*rows, width=MATCH, spacing=8, padding=(16, 8, 16, 96))
            body = ScrollView(shelf, width=MATCH, height=MATCH, id="recycler_view")
        add = FloatingActionButton("add", "New recipe", lambda: self.edit(0))
        chosen = self.saved.get("category", ALL)
        names = [ALL, FAVORITES, *self.book.categories(), LOOSE]
        chips = [ToggleChip(n, n == chosen, on_change=lambda _, n=n: self.set(category=n)) for n in names]  # type: ignore[misc]
        bar: View = Toolbar(
            "Recipes",
            ActionItem("search", "Search", self.search),
            ActionItem("more_vert", "More options", lambda: self.menu("menu", "overflow"), "overflow"),
        )
        if self.args.get("search"):
            bar = self.search_bar("Search recipes")
        page = FrameLayout(body, add, width=MATCH, weight=1)
        return Column(bar, chip_row(*chips), page, self._places(0), width=MATCH, height=MATCH)

    def _places(self, here: int) -> View:
        return BottomNavigation(PLACES, here, lambda place: self.replace(("home", "seasons")[place]))

    def _card(self, recipe: Recipe) -> View:
        heart = ImageView("favorite", size=20, colour="error", content_desc="Favorite") if recipe.favorite else None
        about = recipe.description or ", ".join(recipe.categories)
        words = Column(
            Row(TextView(recipe.title, style="title_medium", lines=2, weight=1), heart, width=MATCH, spacing=8),
            TextView(about, colour="on_surface_variant", lines=2) if about else None,
            weight=1,
            spacing=4,
            padding=(16, 8),
        )
        art = plate(recipe.title, 0.125, width=88, height=MATCH)
        return Row(
            art,
            words,
            width=MATCH,
            height=96,
            radius=12,
            background="surface_container",
            on_click=lambda: self.open("recipe", recipe=recipe.id, tab=0),
            on_long_click=lambda: self.show("card", recipe=recipe.id),
        )

    # ------------------------------------------------------------ one recipe

    def page_recipe(self) -> View:
        """Return a recipe: picture, facts, and ingredients or directions."""
        recipe = self.book.get(self.args["recipe"])
        if recipe is None:
            return Column(Toolbar("", on_up=self.close), Empty("This recipe is gone"), width=MATCH, height=MATCH)
        heart = ActionItem(
            "favorite" if recipe.favorite else "favorite_border",
            "Remove from favorites" if recipe.favorite else "Add to favorites",
            lambda: self.book.set_favorite(recipe.id, not recipe.favorite),
            "favorite",
        )
        menu = ActionItem("more_vert", "More options", lambda: self.menu("menu", "overflow"), "overflow")
        facts = [
            self._fact(icon, label, text)
            for icon, label, text in (
                ("group", "Servings", recipe.servings),
                ("schedule", "Preparation time", recipe.preparationTime),
                ("link", "Source", recipe.source),
            )
            if text
        ]
        tab = self.args["tab"]
        lines = [line for line in (recipe.directions if tab else recipe.ingredients).split("\n") if line.strip()]
        steps = [self._line(n, line, tab == 1) for n, line in enumerate(lines, 1)]
        kinds = Row(*(_tag(name) for name in recipe.categories), spacing=8) if recipe.categories else None
        about = Column(
            TextView(recipe.title, style="headline_small", id="title"),
            TextView(recipe.description, colour="on_surface_variant", id="description") if recipe.description else None,
            kinds,
            *facts,
            width=MATCH,
            spacing=8,
            padding=(24, 16, 24, 8),
        )
        tabs = TabBar(("Ingredients", "Directions"), tab, lambda place: self.change(tab=place))
        nothing = TextView("Nothing here yet", colour="on_surface_variant", padding=(24, 16))
        body = Column(
            plate(recipe.title, width=MATCH, height=180, content_desc="Picture of the dish"), about, tabs,
            *(steps or [nothing]), width=MATCH, padding=(0, 0, 0, 32),
        )  # fmt: skip
        bar = Toolbar("", heart, menu, on_up=self.close)
        return Column(bar, ScrollView(body, width=MATCH, weight=1, id="recipe"), width=MATCH, height=MATCH)

    def _fact(self, icon: str, label: str, text: str) -> View:
        return Row(
            ImageView(icon, size=20),
            TextView(f"{label}: {text}", style="body_medium", weight=1, id=label.lower().replace(" ", "_")),
            spacing=12,
            width=MATCH,
        )

    def _line(self, number: int, text: str, numbered: bool) -> View:
        mark: View = ImageView("circle", size=6, margin=(0, 9, 0, 0), colour="primary")
        if numbered:
            mark = TextView(str(number), style="title_small", colour="primary", margin=(0, 2, 0, 0))
        words = TextView(text, style="body_large", weight=1)
        return Row(mark, words, spacing=16, width=MATCH, padding=(24, 8), align="")

    # ------------------------------------------------------------ form

    def edit(self, number: int) -> None:
        """Open the form for a new recipe, or for an old one."""
        recipe = self.book.get(number)
        chosen = self.saved.get("category", ALL)
        kinds = [chosen] if chosen in self.book.categories() else []
        texts = {field: str(getattr(recipe, field)) if recipe else "" for field in FIELDS}
        kinds = list(recipe.categories) if recipe else kinds
        self.open("edit", recipe=number, kinds=kinds, texts=texts, was=list(kinds))

    def page_edit(self) -> View:
        """Return the form of a recipe."""
        args = self.args
        kinds = ListItem(
            "Categories",
            ", ".join(args["kinds"]) or "None",
            icon="label_outline",
            trailing=ImageView("chevron_right"),
            padding=(16, 0),
            radius=4,
            border="outline",
            on_click=lambda: self.show("kinds"),
        )
        fields: list[View] = []
        for field, hint in zip(FIELDS, HINTS):
            long = field in ("ingredients", "directions")
            text = Field(args["texts"][field], hint=hint, kind="multiline" if long else "text", action="next",
                         min_height=120 if long else 56, id=f"new_{field.lower()}")  # fmt: skip
            error = TextView("A recipe needs a title", style="body_small", colour="error", padding=(16, 0))
            fields += [text, error] if field == "title" and args.get("error") else [text]
        fields.insert(len(fields) - 5, kinds)
        body = ScrollView(Column(*fields, width=MATCH, spacing=8, padding=(16, 4, 16, 24)), width=MATCH, weight=1)
        body.id = "form"
        title = "Edit recipe" if args["recipe"] else "New recipe"
        bar = Toolbar(
            title, ActionItem("done", "Save", self._save, "button_save_recipe"), on_up=self._leave, up_icon="close"
        )
        return Column(bar, body, width=MATCH, height=MATCH)

    def _texts(self) -> dict[str, str]:
        return {field: self.find(f"new_{field.lower()}").text.strip() for field in FIELDS}

    def _save(self) -> None:
        texts = self._texts()
        if not texts["title"]:
            self.change(error=True)
            return
        number = self.book.save(self.args["recipe"], texts, self.args["kinds"])
        fresh = not self.args["recipe"]
        self.close()
        if fresh:
            self.open("recipe", recipe=number, tab=0)
        self.toast("Recipe saved")

    def _leave(self) -> None:
        args = self.args
        if self._texts() != args["texts"] or args["kinds"] != args["was"]:
            self.show("discard")
        else:
            self.close()

    def on_back(self) -> bool:
        """Leave the search first; leave the form only after a question."""
        if self.leave_mode():
            return True
        if self.page[0] == "edit":
            self._leave()
            return True
        return super().on_back()

    # ------------------------------------------------------------ categories, seasons

    def page_categories(self) -> View:
        """Return the categories, to add, rename and delete."""
        counts = dict.fromkeys(self.book.categories(), 0)
        for recipe in self.book.all():
            for name in recipe.categories:
                counts[name] = counts.get(name, 0) + 1
        rows = [
            ListItem(
                name,
                f"{count} recipe" + ("" if count == 1 else "s"),
                icon="label_outline",
                on_click=partial(self.show, "category", old=name),
            )
            for name, count in counts.items()
        ]
        body: View = Empty("No categories yet", "label_outline")
        if rows:
            body = ScrollView(Column(*rows, width=MATCH, padding=(0, 0, 0, 96)), width=MATCH, height=MATCH)
        add = FloatingActionButton("add", "New category", lambda: self.show("category", old=""))
        page = FrameLayout(body, add, width=MATCH, weight=1)
        return Column(Toolbar("Categories", on_up=self.close), page, width=MATCH, height=MATCH)

    def page_seasons(self) -> View:
        """Return what is in season in a month."""
        month, first = self.args.get("month", self.now.month), self.now.month - 1
        chips = [
            ToggleChip(name, place == month, on_change=lambda _, place=place: self.change(month=place))  # type: ignore[misc]
            for place, name in (*list(enumerate(MONTHS, 1))[first:], *list(enumerate(MONTHS, 1))[:first])
        ]
        rows = [
            ListItem(name, kind, lead=ImageView("circle", size=16, colour="tertiary" if kind == "Fruit" else "primary"))
            for name, kind in produce(month)
        ]
        body = ScrollView(Column(*rows, width=MATCH), width=MATCH, weight=1, id="season")
        bar = Toolbar("Seasonal calendar")
        return Column(bar, chip_row(*chips), body, self._places(1), width=MATCH, height=MATCH)

    # ------------------------------------------------------------ dialogs

    def on_dialog(self, name: str, args: dict[str, Any]) -> View:
        """Return menus, questions, the choice of categories."""
        if name == "menu" and self.page[0] == "recipe":
            return PopupMenu(self._actions(self.args["recipe"]), args["at"])
        if name == "menu":
            return PopupMenu((("Categories", self.then(lambda: self.open("categories"))),), args["at"])
        if name == "card":
            recipe = self.book.get(args["recipe"])
            loved = bool(recipe and recipe.favorite)
            love = self.then(lambda: self.book.set_favorite(args["recipe"], not loved))
            mark = ("Remove from favorites" if loved else "Add to favorites", love)
            return PopupMenu((mark, *self._actions(args["recipe"])))
        if name == "delete":
            recipe = self.book.get(args["recipe"])
            message = f"Do you really want to delete {recipe.title if recipe else 'it'}?"
            act = self.then(lambda: self._delete(args["recipe"]))
            return confirm("Delete recipe", message, "Delete", act, self.dismiss)
        if name == "discard":
            message = "Your changes have not been saved."
            return confirm("Discard changes?", message, "Discard", self.then(self.close), self.dismiss)
        if name == "category":
            return self._category_dialog(args["old"])
        return self._kinds_dialog()

    def _actions(self, number: int) -> tuple[tuple[str, Callable[[], object]], ...]:
        return (
            ("Edit", self.then(lambda: self.edit(number))),
            ("Delete", self.then(lambda: self.show("delete", recipe=number))),
        )

    def _delete(self, number: int) -> None:
        self.book.delete([number])
        if self.page[0] == "recipe":
            self.close()
        self.toast("Recipe deleted")

    def _category_dialog(self, old: str) -> View:
        field = EditText(old, hint="Category", margin=(24, 8), id="category_name")

        def accept() -> None:
            words = self.find("category_name").text.strip()
            self.dismiss()
            if words and old:
                self.book.rename_category(old, words)
            elif words:
                self.book.add_category(words)

        remove = [("Delete", self.then(lambda: self.book.delete_category(old)))] if old else []
        buttons = (*remove, ("Cancel", self.dismiss), ("Save", accept))
        return AlertDialog("Edit category" if old else "New category", field, buttons=buttons)

    def _kinds_dialog(self) -> View:
        names, kinds = self.book.categories(), self.args["kinds"]

        def toggle(place: int) -> None:
            name = names[place]
            self.change(kinds=[kind for kind in kinds if kind != name] if name in kinds else [*kinds, name])

        chosen = [place for place, name in enumerate(names) if name in kinds]
        return CheckDialog("Categories", names, chosen, toggle, (("OK", self.dismiss),))


def _tag(name: str) -> View:
    words = TextView(name, style="label_medium", colour="on_secondary_container")
    return Row(words, padding=(10, 4), radius=8, background="secondary_container")
