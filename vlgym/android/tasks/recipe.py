"""Tasks with the recipe book: recipes to write down, mend, mark, sort and throw away, and facts to find in them."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

from vlgym.android.state import samples
from vlgym.android.tasks.desk import AppQuestion, AppTask, Rows
from vlgym.android.tasks.phone import Phone
from vlgym.android.tasks.template import Params, Screen, answer, click, enter, launch, long_press, seek

PACKAGE = "com.flauschcode.broccoli"
DB = f"/data/data/{PACKAGE}/databases/broccoli"
FIELDS = ("title", "description", "servings", "preparationTime", "source", "ingredients", "directions")
HINTS = dict(
    zip(FIELDS, ("Title", "Description", "Servings", "Preparation time", "Source", "Ingredients", "Directions"))
)
CATEGORIES = ("Baking", "One pot", "Weekdays")
Recipe = dict[str, str]


class RecipeTask(AppTask):
    """Base: `p["recipes"]` are the recipes to begin with, by title; `p["kinds"]` the category of each, or ""."""

    app = "recipe"
    package = PACKAGE
    least, most = 5, 8

    def book(self, rng: random.Random, count: int = 0) -> list[Recipe]:
        """Draw recipes whose titles differ."""
        count = count or rng.randint(self.least, self.most)
        found: list[Recipe] = samples.several(rng, count, samples.recipe, lambda recipe: recipe["title"])
        return found

    def draw(self, rng: random.Random) -> Params:
        """Draw recipes and one of them."""
        book = self.book(rng)
        return {"title": rng.choice(book)["title"], "recipes": book}

    def setup(self, phone: Phone, p: Params) -> None:
        """Write the recipes."""
        for table in ("recipes_with_categories", "recipes", "categories"):
            phone.execute(DB, f"DELETE FROM {table}")
        for number, name in enumerate(CATEGORIES, 1):
            phone.execute(DB, "INSERT INTO categories VALUES (?, ?)", (number, name))
        kinds = p.get("kinds", [""] * len(p["recipes"]))
        columns = ", ".join(FIELDS)
        for number, (recipe, kind) in enumerate(zip(p["recipes"], kinds), 1):
            phone.execute(
                DB,
                f"INSERT INTO recipes (recipeId, imageName, favorite, {columns})"
                " VALUES (?, '', 0, ?, ?, ?, ?, ?, ?, ?)",
                (number, *(recipe[field] for field in FIELDS)),
            )
            if kind:
                phone.execute(
                    DB, "INSERT INTO recipes_with_categories VALUES (?, ?)", (number, CATEGORIES.index(kind) + 1)
                )

    def rows(self, phone: Phone) -> Rows:
        """Return the recipes now: their columns, whether they are favourites, and their categories."""
        kinds: dict[int, list[str]] = {}
        for number, name in phone.rows(
            DB, "SELECT recipeId, name FROM recipes_with_categories JOIN categories USING (categoryId) ORDER BY name"
        ):
            kinds.setdefault(int(number), []).append(str(name))
        columns = ", ".join(f"IFNULL({field}, '')" for field in FIELDS)
        found = phone.rows(DB, f"SELECT recipeId, {columns}, favorite FROM recipes")
        return sorted((*row[1:8], bool(row[8]), tuple(kinds.get(int(row[0]), ()))) for row in found)

    def after(self, p: Params) -> list[Recipe]:
        """Return the recipes of a success."""
        return list(p["recipes"])

    def liked(self, p: Params) -> Sequence[str]:
        """Return the titles of the favourites of a success."""
        return ()

    def sorted_in(self, p: Params) -> dict[str, str]:
        """Return title -> category of a success."""
        kinds = p.get("kinds", [""] * len(p["recipes"]))
        return {recipe["title"]: kind for recipe, kind in zip(p["recipes"], kinds) if kind}

    def solved(self, phone: Phone, p: Params) -> bool:
        """Return whether exactly the recipes of a success are there."""
        kinds, liked = self.sorted_in(p), self.liked(p)
        wanted = [
            (*(r[field] for field in FIELDS), r["title"] in liked, (kinds[r["title"]],) if r["title"] in kinds else ())
            for r in self.after(p)
        ]
        return self.rows(phone) == sorted(wanted)

    def recipe(self, p: Params, title: str = "") -> Recipe:
        """Return a recipe, by default the one that the task is about."""
        found: Recipe = next(r for r in p["recipes"] if r["title"] == (title or p["title"]))
        return found

    def other(self, p: Params) -> str:
        """Return the title of another recipe."""
        titles: list[str] = [recipe["title"] for recipe in p["recipes"]]
        return titles[titles.index(p["title"]) - 1]

    def to_recipe(self, screen: Screen, title: str) -> Iterator[str]:
        """Open a recipe."""
        yield from launch(screen, "Broccoli")
        yield from seek(screen, title)
        yield click(screen.get(title, clickable=True).index)

    def fill(self, screen: Screen, recipe: Recipe, fields: Sequence[str]) -> Iterator[str]:
        """Fill the empty form."""
        for field in fields:
            yield from seek(screen, HINTS[field])
            yield enter(recipe[field], HINTS[field])


class Add(RecipeTask):
    """A new recipe."""

    name = "RecipeAdd"
    instruction = (
        'Write down a recipe in Broccoli: title "{title}", description "{description}", servings "{servings}", '
        'preparation time "{time}", ingredients "{ingredients}", directions "{directions}".'
    )
    checkpoints = ("open the app", "save a recipe", "done")
    steps = 11

    def draw(self, rng: random.Random) -> Params:
        """Draw recipes and a new one."""
        *book, new = self.book(rng)
        lines = {key: new[key].split("\n") for key in ("ingredients", "directions")}
        new = {
            **new,
            "source": "",
            "ingredients": ", ".join(lines["ingredients"][:2]),
            "directions": lines["directions"][1],
        }
        return {"title": new["title"], "description": new["description"], "servings": new["servings"],
                "time": new["preparationTime"], "ingredients": new["ingredients"], "directions": new["directions"],
                "new": new, "recipes": book}  # fmt: skip

    def after(self, p: Params) -> list[Recipe]:
        """Return the recipes with the new one."""
        return [*p["recipes"], p["new"]]

    def between(self, phone: Phone, p: Params) -> Sequence[bool]:
        """Something has been added."""
        return (len(self.rows(phone)) > len(p["recipes"]),)

    def _write(self, screen: Screen, new: Recipe) -> Iterator[str]:
        yield from launch(screen, "Broccoli")
        yield click("New recipe")
        yield from self.fill(screen, new, [field for field in FIELDS if new[field]])
        yield click("Save")

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Fill the form and save."""
        yield from self._write(screen, p["new"])

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Swap two fields."""
        new = p["new"]
        yield from self._write(screen, {**new, "servings": new["preparationTime"], "preparationTime": new["servings"]})


class AddTwo(RecipeTask):
    """Two recipes in a row."""

    name = "RecipeAddTwo"
    checkpoints = ("open the app", "save the first", "done")
    steps = 15

    def draw(self, rng: random.Random) -> Params:
        """Draw recipes and two new ones."""
        *book, first, second = self.book(rng)
        keys = ("title", "servings", "preparationTime", "source")
        new = [{field: recipe[field] if field in keys else "" for field in FIELDS} for recipe in (first, second)]
        return {"words": [recipe[key] for recipe in new for key in keys], "new": new, "recipes": book}

    def say(self, p: Params) -> str:
        """List the recipes."""
        lines = [
            f'"{r["title"]}" (servings "{r["servings"]}", preparation time "{r["preparationTime"]}", '
            f'source "{r["source"]}")'
            for r in p["new"]
        ]
        return f"Add two recipes to Broccoli: {' and '.join(lines)}."

    def after(self, p: Params) -> list[Recipe]:
        """Return the recipes with the new ones."""
        return [*p["recipes"], *p["new"]]

    def between(self, phone: Phone, p: Params) -> Sequence[bool]:
        """One of them has been saved."""
        return (bool({row[0] for row in self.rows(phone)} & {recipe["title"] for recipe in p["new"]}),)

    def _write(self, screen: Screen, new: Sequence[Recipe]) -> Iterator[str]:
        yield from launch(screen, "Broccoli")
        for place, recipe in enumerate(new):
            if place:
                yield click("Navigate up")
            yield click("New recipe")
            yield from self.fill(screen, recipe, [field for field in FIELDS if recipe[field]])
            yield click("Save")

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Fill the form twice."""
        yield from self._write(screen, p["new"])

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Give the second one the source of nobody."""
        yield from self._write(screen, [p["new"][0], {**p["new"][1], "source": ""}])


class Delete(RecipeTask):
    """A recipe that nobody likes."""

    name = "RecipeDelete"
    instruction = 'Delete the recipe "{title}" from Broccoli.'
    steps = 5

    def after(self, p: Params) -> list[Recipe]:
        """Return the recipes without it."""
        return [recipe for recipe in p["recipes"] if recipe["title"] != p["title"]]

    def _delete(self, screen: Screen, title: str) -> Iterator[str]:
        yield from launch(screen, "Broccoli")
        yield from seek(screen, title)
        yield long_press(screen.get(title, clickable=True).index)
        yield click("Delete")
        yield click(screen.get("Delete", class_name="android.widget.Button").index)

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Hold it, choose Delete."""
        yield from self._delete(screen, p["title"])

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Delete another one."""
        yield from self._delete(screen, self.other(p))


class DeleteWith(RecipeTask):
    """All recipes with something in them."""

    name = "RecipeDeleteWith"
    instruction = "Delete every recipe in Broccoli that needs {ingredient}. Search to find them."
    checkpoints = ("open the app", "delete one of them", "done")
    steps = 13

    def draw(self, rng: random.Random) -> Params:
        """Draw recipes of which two need the ingredient and one only speaks of it elsewhere."""
        ingredient = rng.choice(("capers", "saffron", "walnuts", "horseradish", "polenta", "sesame"))
        book = self.book(rng)
        chosen = rng.sample(range(len(book)), 3)
        for place in chosen[:2]:
            book[place]["ingredients"] += f"\n{rng.choice(('1 handful', '20 g', '2 tbsp'))} {ingredient}"
        book[chosen[2]]["description"] = f"Goes well with {ingredient} on the side."
        book[chosen[2]]["source"] = "Omar"
        titles = sorted((book[place]["title"] for place in chosen[:2]), key=str.lower)
        return {"ingredient": ingredient, "titles": titles, "decoy": book[chosen[2]]["title"], "recipes": book}

    def after(self, p: Params) -> list[Recipe]:
        """Return the recipes without them."""
        return [recipe for recipe in p["recipes"] if recipe["title"] not in p["titles"]]

    def between(self, phone: Phone, p: Params) -> Sequence[bool]:
        """One of them is gone."""
        return (len({row[0] for row in self.rows(phone)} & set(p["titles"])) < 2,)

    def _delete(self, screen: Screen, p: Params, titles: Sequence[str]) -> Iterator[str]:
        yield from launch(screen, "Broccoli")
        yield click("Search")
        yield enter(p["ingredient"])
        yield "press(back)"
        for title in titles:
            yield click(screen.get(title, clickable=True).index)
            yield click("More options")
            yield click("Delete")
            yield click(screen.get("Delete", class_name="android.widget.Button").index)

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Search, look into each, delete."""
        yield from self._delete(screen, p, p["titles"])

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Delete all that the search finds."""
        yield from self._delete(screen, p, (p["decoy"], *p["titles"]))


class Favorite(RecipeTask):
    """A recipe that everybody likes."""

    name = "RecipeFavorite"
    instruction = 'Mark the recipe "{title}" in Broccoli as a favorite.'
    steps = 4

    def liked(self, p: Params) -> Sequence[str]:
        """Return the title."""
        return (p["title"],)

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Open it, touch the heart."""
        yield from self.to_recipe(screen, p["title"])
        yield click("Add to favorites")

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Mark another one too."""
        yield from self.to_recipe(screen, self.other(p))
        yield click("Add to favorites")
        yield click("Navigate up")
        yield from seek(screen, p["title"])
        yield click(screen.get(p["title"], clickable=True).index)
        yield click("Add to favorites")


class ChangeServings(RecipeTask):
    """A recipe for more people."""

    name = "RecipeChangeServings"
    instruction = 'Change the servings of the recipe "{title}" in Broccoli to {servings}.'
    steps = 7

    def draw(self, rng: random.Random) -> Params:
        """Draw recipes, one of them and another number."""
        p = super().draw(rng)
        now = self.recipe(p)["servings"]
        return {"title": p["title"], "servings": rng.choice([n for n in ("5", "7", "9", "10", "12") if n != now]),
                "recipes": p["recipes"]}  # fmt: skip

    def after(self, p: Params) -> list[Recipe]:
        """Return the recipes with the new number."""
        return [{**r, "servings": p["servings"]} if r["title"] == p["title"] else r for r in p["recipes"]]

    def _type(self, screen: Screen, p: Params) -> Iterator[str]:
        yield from self.to_recipe(screen, p["title"])
        yield click("More options")
        yield click("Edit")
        yield f'replace[Servings]("{p["servings"]}")'

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Replace the number and save."""
        yield from self._type(screen, p)
        yield click("Save")

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Leave without saving."""
        yield from self._type(screen, p)
        yield click("Navigate up")
        yield click("Discard")


class Categorise(RecipeTask):
    """A recipe that belongs to a category."""

    name = "RecipeCategorise"
    instruction = 'Put the recipe "{title}" in Broccoli into the category "{category}".'
    steps = 9

    def draw(self, rng: random.Random) -> Params:
        """Draw recipes, one of them and a category."""
        p = super().draw(rng)
        kinds = [rng.choice(("", *CATEGORIES)) if r["title"] != p["title"] else "" for r in p["recipes"]]
        return {"title": p["title"], "category": rng.choice(CATEGORIES), "kinds": kinds, "recipes": p["recipes"]}

    def sorted_in(self, p: Params) -> dict[str, str]:
        """Return the categories with this one."""
        return {**super().sorted_in(p), p["title"]: p["category"]}

    def _put(self, screen: Screen, p: Params, category: str) -> Iterator[str]:
        yield from self.to_recipe(screen, p["title"])
        yield click("More options")
        yield click("Edit")
        yield click("Categories")
        yield click(category)
        yield click("OK")
        yield click("Save")

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Choose the category in the form."""
        yield from self._put(screen, p, p["category"])

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Choose another one."""
        yield from self._put(screen, p, next(name for name in CATEGORIES if name != p["category"]))


class NewCategory(RecipeTask):
    """A category that is missing."""

    name = "RecipeNewCategory"
    instruction = 'Create a category "{category}" in Broccoli.'
    steps = 7

    def draw(self, rng: random.Random) -> Params:
        """Draw recipes and a name."""
        names = ("Picnic", "Breakfast", "Guests", "Winter", "Leftovers", "Snacks", "Grill", "Sundays")
        return {"category": rng.choice(names), "recipes": self.book(rng)}

    def solved(self, phone: Phone, p: Params) -> bool:
        """Return whether it is there, and nothing else is new."""
        names = sorted(str(row[0]) for row in phone.rows(DB, "SELECT name FROM categories"))
        return names == sorted((*CATEGORIES, p["category"])) and super().solved(phone, p)

    def _type(self, screen: Screen, p: Params) -> Iterator[str]:
        yield from launch(screen, "Broccoli")
        yield click("More options")
        yield click("Categories")
        yield click("New category")
        yield enter(p["category"], "Category")

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Type the name and save."""
        yield from self._type(screen, p)
        yield click("Save")

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Cancel."""
        yield from self._type(screen, p)
        yield click("Cancel")


class HowLong(RecipeTask, AppQuestion):
    """How long a dish takes."""

    name = "RecipeHowLong"
    instruction = 'How long does "{title}" take according to Broccoli? Answer as the recipe says it.'
    steps = 4

    def wanted(self, p: Params) -> str:
        """Return the preparation time."""
        return self.recipe(p)["preparationTime"]

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Look it up."""
        yield from self.to_recipe(screen, p["title"])
        yield answer(next(e.text for e in screen.elements if e.text.startswith("Preparation time:")).partition(": ")[2])

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Give the time of another one."""
        times = [recipe["preparationTime"] for recipe in p["recipes"]]
        yield from self.to_recipe(screen, self.other(p))
        yield answer(next((time for time in times if time != self.wanted(p)), "5 h"))


TEMPLATES = (
    Add(), AddTwo(), Delete(), DeleteWith(), Favorite(), ChangeServings(), Categorise(), NewCategory(), HowLong(),
)  # fmt: skip
