"""What ripens when, in a temperate garden of the northern half of the world."""

from __future__ import annotations

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

# name, kind, first and last month; a span may run over the year's end
_CROPS = (
    ("Apple", "Fruit", 8, 11), ("Asparagus", "Vegetable", 4, 6), ("Beetroot", "Vegetable", 7, 11),
    ("Blackberry", "Fruit", 7, 9), ("Broccoli", "Vegetable", 6, 11), ("Brussels sprout", "Vegetable", 10, 2),
    ("Carrot", "Vegetable", 6, 11), ("Cherry", "Fruit", 6, 8), ("Courgette", "Vegetable", 6, 10),
    ("Cucumber", "Vegetable", 6, 9), ("Endive", "Salad", 9, 12), ("Fennel", "Vegetable", 6, 10),
    ("Gooseberry", "Fruit", 6, 8), ("Green bean", "Vegetable", 6, 10), ("Kale", "Vegetable", 10, 3),
    ("Kohlrabi", "Vegetable", 5, 10), ("Lamb's lettuce", "Salad", 10, 4), ("Leek", "Vegetable", 7, 3),
    ("Lettuce", "Salad", 5, 10), ("Parsnip", "Vegetable", 9, 3), ("Pea", "Vegetable", 6, 8),
    ("Pear", "Fruit", 8, 10), ("Plum", "Fruit", 7, 10), ("Potato", "Vegetable", 6, 10),
    ("Pumpkin", "Vegetable", 8, 11), ("Quince", "Fruit", 9, 11), ("Radish", "Salad", 4, 10),
    ("Raspberry", "Fruit", 6, 9), ("Rhubarb", "Fruit", 4, 6), ("Spinach", "Vegetable", 4, 11),
    ("Strawberry", "Fruit", 5, 7), ("Sweetcorn", "Vegetable", 8, 10), ("Tomato", "Vegetable", 7, 10),
    ("White cabbage", "Vegetable", 6, 12),
)  # fmt: skip


def produce(month: int) -> list[tuple[str, str]]:
    """Return name and kind of what is ripe in a month, 1 to 12."""
    return [
        (name, kind)
        for name, kind, first, last in _CROPS
        if (first <= month <= last if first <= last else month >= first or month <= last)
    ]
