"""A hand-made catalogue in the original's file formats, with the cases that the original treats oddly."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


def product(asin: str, name: str, query: str, **fields: Any) -> dict[str, Any]:
    """Return a raw record; options as group -> values."""
    options = fields.pop("options", {})
    return {
        "asin": asin,
        "name": name,
        "query": query,
        "category": "fashion",
        "product_category": "Clothing › Shoes › Sneakers",
        "full_description": "",
        "small_description": ["first bullet", "second bullet"],
        "pricing": "$19.99",
        "images": ["x.jpg"],
        "customization_options": {group: [{"value": value} for value in values] for group, values in options.items()},
        **fields,
    }


SHOE_OPTIONS = {"Color": ["Red", "Rust Colored"], "Size": ["7", "8"]}
LAMP_OPTIONS = {"Style": ['5" wide', "café", "description", "lamp [new]", "same"], "Finish": ["same", "matte"]}
TABLES, LAMPS = "Home › Furniture › Tables", "Home › Lamps"
PRODUCTS = [
    product("B000000001", "Red canvas sneaker shoe", "sneakers", options=SHOE_OPTIONS),
    product(
        "B000000002",
        "Blue leather sneaker",
        "sneakers",
        pricing="$30.00$50.00",
        full_description="Soft  leather.\nLight.",
    ),
    product("B000000003", "Oak console table", "tables", product_category=TABLES, pricing=""),
    product(
        *("B000000004", "Odd lamp", "lamps"),
        product_category=LAMPS,
        options=LAMP_OPTIONS,
        full_description=" \n ",
        small_description=["", "bright"],
        pricing="$2000.00",
    ),
    *(product(f"C{n:09d}", f"Plain sock number {n}", "socks", pricing=f"${5 + n}.00") for n in range(23)),
]


def wish(instruction: str, attributes: list[str], wanted: list[str]) -> dict[str, Any]:
    """Return an entry of the attribute file."""
    return {"attributes": attributes, "instruction": instruction, "instruction_attributes": wanted}


SHOE = ["light weight", "rubber sole"]
ATTRIBUTES = {
    "B000000001": wish("Find me light weight sneakers with rubber sole", SHOE, SHOE),
    "B000000002": wish("Find me leather sole sneakers", ["leather sole"], ["leather sole"]),
    "B000000003": wish("Find me solid wood tables", ["solid wood"], ["solid wood"]),
    "B000000004": wish("Find me long lasting lamps", ["long lasting"], ["long lasting"]),
    **{f"C{n:09d}": wish(f"Find me soft socks number {n}", ["soft"], ["soft"]) for n in range(23)},
}


def said(instruction: str, attributes: list[str], options: list[str]) -> dict[str, Any]:
    """Return an entry of the file of human instructions."""
    return {"instruction": instruction, "instruction_attributes": attributes, "instruction_options": options}


HUMAN = {
    "B000000001": [
        said("i want red sneakers.", ["light weight"], ["red", "8"]),
        said("skipped", [], []),
        said("rust colored sneakers...", ["rubber sole"], ["rust colored"]),
    ],
    "B000000003": [said("a table", ["solid wood"], [])],
}


def write(folder: Path, *, human: bool = False) -> str:
    """Write the files; return the folder as a catalogue spec."""
    (folder / "items_shuffle.json").write_text(json.dumps(PRODUCTS))
    (folder / "items_ins_v2.json").write_text(json.dumps(ATTRIBUTES))
    if human:
        (folder / "items_human_ins.json").write_text(json.dumps(HUMAN))
    return str(folder)
