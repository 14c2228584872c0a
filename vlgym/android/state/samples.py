"""Believable content from seeded generators: what a phone holds when it is new, and what tasks are about."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from random import Random
from typing import Any

_EXPENSES = {
    1: ("Bank fee", "Key copy", "Parcel postage", "Passport photo", "Locker deposit", "Lost and found fee"),
    2: ("Salary", "Tutoring", "Tax refund", "Bottle deposit", "Flea market", "Birthday money", "Freelance job"),
    3: (
        "Groceries",
        "Bakery",
        "Lunch menu",
        "Farmers market",
        "Pizza night",
        "Coffee beans",
        "Ice cream",
        "Noodle bar",
    ),
    4: ("Rent", "Electricity bill", "Water bill", "Light bulbs", "Wall paint", "Shower curtain", "Door hinge"),
    5: ("Club fee", "Birthday gift", "Wedding flowers", "Team dinner", "Board game evening", "Neighbours' party"),
    6: ("Cinema", "Concert ticket", "Museum pass", "Streaming plan", "Puzzle", "Theatre seats", "Mini golf"),
    7: ("Bus ticket", "Train ride", "Bike repair", "Petrol", "Parking", "Ferry", "Taxi home", "Tram pass"),
    8: ("Winter boots", "Rain jacket", "Socks", "Wool scarf", "Running shoes", "Shirt alteration"),
    9: ("Pharmacy", "Dentist", "Eye test", "Vitamins", "Physiotherapy", "Plasters"),
    10: ("Textbook", "Language course", "Exam fee", "Notebooks", "Workshop", "Calculator"),
    11: ("Food bank", "Animal shelter", "Tree planting", "Rescue boats", "School library"),
}
_NOTES = (
    "with Lena",
    "paid in cash",
    "shared with Omar",
    "for the flat",
    "weekly",
    "last one this year",
    "on the way home",
    "for Mira",
    "half price",
    "to be refunded",
    "by card",
    "for the trip",
)

_VERBS: dict[str, tuple[str, ...]] = {
    "Buy": ("stamps", "birthday candles", "printer paper", "cat food", "a new mop", "hiking socks"),
    "Call": ("the dentist", "Aunt Vera", "the landlord", "the bike shop", "the bank"),
    "Repair": ("the garden gate", "the bathroom tap", "the desk lamp", "the blue bicycle"),
    "Return": ("the library books", "the borrowed drill", "Omar's tent", "the empty bottles"),
    "Write": ("the trip report", "a thank-you card", "the meeting agenda", "to the tax office"),
    "Book": ("train tickets", "a table for six", "the ferry", "an eye test"),
    "Clean": ("the balcony", "the fridge", "the aquarium", "the hiking boots"),
    "Plan": ("the hike", "Mira's birthday", "the school visit", "next week's meals"),
    "Renew": ("the bus pass", "the passport", "the gym card", "the insurance"),
    "Water": ("the tomatoes", "the neighbours' plants", "the lemon tree"),
    "Read": ("chapter four", "the rental contract", "the lab manual"),
    "Sort": ("the holiday photos", "the receipts", "the tool box"),
}
_DETAILS = (
    "Ask about the opening hours first",
    "The number is on the fridge",
    "Take the old one along",
    "Not before the weekend",
    "Omar knows the details",
    "Bring cash",
    "Two of them if they are cheap",
    "See the letter in the drawer",
    "Check the price online",
    "Mira wants to come along",
)

_MAINS = {
    "Tomato": ("1 kg ripe tomatoes", "2 onions"),
    "Lentil": ("250 g red lentils", "2 carrots"),
    "Mushroom": ("400 g mushrooms", "1 leek"),
    "Pumpkin": ("1 small pumpkin", "1 piece of ginger"),
    "Potato": ("800 g potatoes", "1 onion"),
    "Chickpea": ("2 tins of chickpeas", "1 lemon"),
    "Spinach": ("500 g spinach", "1 clove of garlic"),
    "Salmon": ("400 g salmon", "1 bunch of dill"),
    "Chicken": ("4 chicken thighs", "1 lime"),
    "Apple": ("5 sour apples", "50 g raisins"),
    "Plum": ("600 g plums", "1 pinch of cinnamon"),
    "Broccoli": ("1 large broccoli", "40 g almonds"),
    "Pea": ("450 g peas", "1 bunch of mint"),
    "Aubergine": ("2 aubergines", "2 cloves of garlic"),
}
_FORMS = {
    "soup": (
        ("1 litre of vegetable stock", "150 ml cream"),
        ("Simmer everything in the stock until soft.", "Blend until smooth and stir in the cream."),
    ),
    "curry": (
        ("400 ml coconut milk", "2 tbsp curry paste"),
        ("Fry the curry paste for a minute.", "Pour in the coconut milk and simmer gently."),
    ),
    "pie": (
        ("1 sheet of puff pastry", "2 eggs"),
        ("Line a tin with the pastry.", "Bake at 180 degrees for forty minutes."),
    ),
    "salad": (
        ("3 tbsp olive oil", "1 tbsp vinegar"),
        ("Cook the main part and let it cool.", "Toss with oil and vinegar."),
    ),
    "stew": (
        ("2 tbsp tomato paste", "1 bay leaf"),
        ("Brown everything in a wide pot.", "Cover with water and stew for an hour."),
    ),
    "gratin": (
        ("200 g grated cheese", "200 ml cream"),
        ("Layer everything in a dish.", "Cover with cheese and bake until golden."),
    ),
}
_ABOUT = (
    "Warms on rainy days.",
    "Ready before the guests are.",
    "Tastes better on the second day.",
    "A quick one for weekdays.",
    "Good for a crowd.",
    "Needs patience and one pot.",
    "Everybody asks for more.",
    "From the market straight to the table.",
)
_SOURCES = ("Aunt Vera", "Grandma's notebook", "Omar", "Harbour canteen", "Village cookbook", "Own idea")
_PORTIONS, _TIMES = ("1", "2", "3", "4", "6", "8"), ("15 min", "20 min", "30 min", "45 min", "1 h", "90 min", "2 h")

_TOPICS = (
    "garden",
    "budget",
    "reading",
    "travel",
    "workout",
    "meeting",
    "party",
    "moving",
    "course",
    "recipes",
    "repairs",
    "birthday",
    "packing",
    "ideas",
    "interview",
    "allotment",
)
_ENDS = ("plan", "list", "notes", "draft", "log", "thoughts", "checklist")
_SENTENCES = (
    "The key hangs behind the green door.",
    "We meet at nine in front of the station.",
    "Mira brings the projector.",
    "The second offer was cheaper but slower.",
    "Ask for the window seat.",
    "There are twelve chairs in the cellar.",
    "The deadline moved to the last Friday of the month.",
    "Nobody wants to drive at night.",
    "Keep the receipt for the lamp.",
    "The tomatoes need water every evening.",
    "Omar prefers tea.",
    "Room four has the better light.",
    "The bus leaves every twenty minutes.",
    "Invite the neighbours from the first floor.",
    "The red folder holds the contracts.",
    "Start with the hardest question.",
)
_ITEMS = (
    "milk",
    "bread",
    "apples",
    "rice",
    "soap",
    "candles",
    "batteries",
    "honey",
    "oats",
    "tape",
    "string",
    "mustard",
    "pencils",
    "salt",
    "tea",
    "matches",
)


def expense(rng: Random, category: int = 0) -> list[Any]:
    """Return [name, amount in hundredths, category, note]."""
    category = category or rng.randint(1, 11)
    amount = rng.randint(120, 9000) if category != 2 else rng.randint(20, 2400) * 100
    return [rng.choice(_EXPENSES[category]), amount, category, rng.choice(_NOTES)]


def todo(rng: Random) -> str:
    """Return the title of a task."""
    verb = rng.choice(list(_VERBS))
    return f"{verb} {rng.choice(_VERBS[verb])}"


def detail(rng: Random) -> str:
    """Return what is noted beside a task."""
    return rng.choice(_DETAILS)


def recipe(rng: Random) -> dict[str, str]:
    """Return a recipe: the columns of the recipe book."""
    main, form = rng.choice(list(_MAINS)), rng.choice(list(_FORMS))
    extra, steps = _FORMS[form]
    return {
        "title": f"{main} {form}",
        "description": rng.choice(_ABOUT),
        "servings": rng.choice(_PORTIONS),
        "preparationTime": rng.choice(_TIMES),
        "source": rng.choice(_SOURCES),
        "ingredients": "\n".join((*_MAINS[main], *extra, "Salt and pepper")),
        "directions": "\n".join(("Wash and cut everything.", *steps)),
    }


def note_name(rng: Random, ending: str = "") -> str:
    """Return a file name such as "garden_plan.md"."""
    joint = rng.choice(("_", "_", "-"))
    return f"{rng.choice(_TOPICS)}{joint}{rng.choice(_ENDS)}{ending or rng.choice(('.md', '.md', '.txt'))}"


def sentences(rng: Random, count: int) -> list[str]:
    """Return different sentences."""
    return rng.sample(_SENTENCES, count)


def items(rng: Random, count: int) -> list[str]:
    """Return different things to buy."""
    return rng.sample(_ITEMS, count)


def several(rng: Random, count: int, make: Callable[[Random], Any], key: Callable[[Any], Any]) -> list[Any]:
    """Return things that differ in their key."""
    found: dict[Any, Any] = {}
    while len(found) < count:
        thing = make(rng)
        found.setdefault(key(thing), thing)
    return list(found.values())


# ---------------------------------------------------------------- what a new phone holds

_NOON_MS = 1_697_371_200_000
"""Noon of 15 October 2023 in London, milliseconds since 1970."""
_DAY_MS = 86_400_000


def _sql(table: str, rows: Sequence[dict[str, Any]]) -> str:
    lines = []
    for row in rows:
        values = ", ".join(
            str(v) if isinstance(v, int) else "'" + str(v).replace("'", "''") + "'" for v in row.values()
        )
        lines.append(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({values});\n")
    return "".join(lines)


def first_expenses() -> str:
    """Return the SQL of the ledger's first entries."""
    rng = Random("expenses")
    rows = [
        {
            "name": name,
            "amount": amount,
            "category": category,
            "note": note,
            "created_date": _NOON_MS - n * _DAY_MS * 2 // 3,
            "modified_date": _NOON_MS - n * _DAY_MS * 2 // 3,
        }
        for n, (name, amount, category, note) in enumerate(several(rng, 9, expense, lambda e: e[0]))
    ]
    return _sql("expense", rows)


def first_recipes() -> str:
    """Return the SQL of the recipe book's first recipes."""
    rng = Random("recipes")
    kinds = ("Baking", "One pot", "Weekdays")
    books = several(rng, 6, recipe, lambda r: r["title"])
    return (
        _sql("categories", [{"name": name} for name in kinds])
        + _sql("recipes", [{**book, "imageName": "", "favorite": int(n == 1)} for n, book in enumerate(books)])
        + _sql("recipes_with_categories", [{"recipeId": n + 1, "categoryId": n % 3 + 1} for n in range(5)])
    )


def first_tasks() -> str:
    """Return the SQL of the to-do list's first tasks."""
    rng = Random("tasks")
    zeros = dict.fromkeys(
        (
            "hideUntil",
            "completed",
            "deleted",
            "estimatedSeconds",
            "elapsedSeconds",
            "timerStart",
            "notificationFlags",
            "lastNotified",
            "collapsed",
            "parent",
        ),
        0,
    )
    made = _NOON_MS - 3 * _DAY_MS
    rows = [
        {
            "title": title,
            "importance": rng.choice((0, 1, 2, 2, 3)),
            "created": made,
            "modified": made,
            "dueDate": rng.choice((0, _NOON_MS + rng.randint(-1, 6) * _DAY_MS)),
            "remoteId": str(71_000 + n),
            **zeros,
        }
        for n, title in enumerate(several(rng, 7, todo, str))
    ]
    return _sql("tasks", rows)


def first_notes(folder: str) -> tuple[tuple[str, bytes], ...]:
    """Return path and contents of the notebook's first files."""
    rng = Random("notes")
    files = {f"{folder}/shopping.md": "# Shopping\n\n" + "".join(f"- [ ] {item}\n" for item in items(rng, 5))}
    for name in several(rng, 4, note_name, str):
        files[f"{folder}/{name}"] = (
            "# " + name.partition(".")[0].replace("_", " ").title() + "\n\n" + "\n".join(sentences(rng, 3)) + "\n"
        )
    files[f"{folder}/archive/last_year.md"] = "\n".join(sentences(rng, 2)) + "\n"
    return tuple((path, text.encode()) for path, text in files.items())
