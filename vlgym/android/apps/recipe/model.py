"""Rows of the recipe book."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vlgym.android.state import State
    from vlgym.android.state.databases import Database

PACKAGE = "com.flauschcode.broccoli"
FIELDS = ("title", "description", "servings", "preparationTime", "source", "ingredients", "directions")


@dataclass(frozen=True, slots=True)
class Recipe:
    """A row of recipes with its categories."""

    id: int
    title: str
    description: str
    servings: str
    preparationTime: str
    source: str
    ingredients: str
    directions: str
    favorite: bool
    categories: tuple[str, ...]


class Book:
    """The recipes and what changes them."""

    def __init__(self, state: State) -> None:
        self.state = state

    @property
    def database(self) -> Database:
        """The database of the app."""
        return self.state.app_database(PACKAGE, "broccoli")

    def categories(self) -> list[str]:
        """Return the names of the categories."""
        rows = self.database.execute("SELECT name FROM categories ORDER BY lower(name)")
        return [name for (name,) in rows]

    def all(self) -> list[Recipe]:
        """Return the recipes by title."""
        kinds: dict[int, list[str]] = {}
        for recipe, name in self.database.execute(
            "SELECT recipeId, name FROM recipes_with_categories JOIN categories USING (categoryId) ORDER BY lower(name)"
        ):
            kinds.setdefault(recipe, []).append(name)
        columns = ", ".join(f"IFNULL({field}, '')" for field in FIELDS)
        rows = self.database.execute(
            f"SELECT recipeId, {columns}, favorite FROM recipes ORDER BY lower(title), recipeId"
        )
        return [Recipe(*(*row[:8], bool(row[8]), tuple(kinds.get(row[0], ())))) for row in rows]

    def get(self, number: int) -> Recipe | None:
        """Return a recipe."""
        return next((recipe for recipe in self.all() if recipe.id == number), None)

    def save(self, number: int, values: dict[str, str], categories: Iterable[str]) -> int:
        """Change a recipe, or add one if its number is 0; return its number."""
        if number:
            names = ", ".join(f"{name} = ?" for name in values)
            self.database.execute(f"UPDATE recipes SET {names} WHERE recipeId = ?", (*values.values(), number))
        else:
            number = self.database.insert("recipes", {**values, "imageName": "", "favorite": 0})
        self.database.execute("DELETE FROM recipes_with_categories WHERE recipeId = ?", (number,))
        for name in categories:
            self.database.execute(
                "INSERT INTO recipes_with_categories SELECT ?, categoryId FROM categories WHERE name = ?"
                " ORDER BY categoryId LIMIT 1",
                (number, name),
            )
        return number

    def add_category(self, name: str) -> None:
        """Make a category if there is none of that name."""
        if name not in self.categories():
            self.database.insert("categories", {"name": name})

    def rename_category(self, name: str, new: str) -> None:
        """Rename a category."""
        self.database.execute("UPDATE categories SET name = ? WHERE name = ?", (new, name))

    def delete_category(self, name: str) -> None:
        """Delete a category; its recipes stay."""
        self.database.execute(
            "DELETE FROM recipes_with_categories WHERE categoryId IN"
            " (SELECT categoryId FROM categories WHERE name = ?)",
            (name,),
        )
        self.database.execute("DELETE FROM categories WHERE name = ?", (name,))

    def set_favorite(self, number: int, on: bool) -> None:
        """Mark a recipe as a favourite, or not."""
        self.database.execute("UPDATE recipes SET favorite = ? WHERE recipeId = ?", (int(on), number))

    def delete(self, numbers: Sequence[int]) -> None:
        """Delete recipes."""
        for number in numbers:
            self.database.execute("DELETE FROM recipes WHERE recipeId = ?", (number,))
