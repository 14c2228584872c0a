"""Synthetic products."""
from __future__ import annotations
from typing import Any
import random

def generate(number: int, seed: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return product `number` of a seed in the raw schema, with its entry of the attribute file."""
    r = random.Random(number * 7919 + seed)
    kinds = ["running shoes", "console tables", "lip balm", "usb cables", "green tea"]
    cats = ["fashion", "garden", "beauty", "electronics", "grocery"]
    k = r.randrange(5); q = kinds[k]
    attrs = r.sample(["easy clean", "high quality", "long lasting", "eco friendly", "light weight"], 2)
    raw = {
        "name": f"Brand{r.randrange(99)} {q.title()} {' '.join(attrs)}", "full_description": f"A {q} that is {attrs[0]}.",
        "images": [""], "product_category": f"{cats[k]} › {q}", "small_description": [f"{attrs[1]}", "nice"],
        "customization_options": {"Color": [{"value": c} for c in ("Red", "Blue", "Green")[: r.randrange(1, 4)]]} if r.random() < 0.4 else "",
        "asin": f"B{number:09d}", "category": cats[k], "query": q, "page": 1, "pricing": f"${r.randrange(500, 9000) / 100:.2f}",
    }
    entry: dict[str, Any] = {"attributes": attrs}
    if r.random() < 0.415:
        entry |= {"instruction": f"Find me {attrs[0]} {q}", "instruction_attributes": attrs[:1]}
    return raw, entry
