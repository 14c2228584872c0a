"""Walks through the original environment and writes digests of what it shows: the file that test_parity.py replays.

    python tests/webshop/freeze_parity.py --original CHECKOUT --data FOLDER --steps 600 --out
    tests/webshop/parity.json.gz

CHECKOUT is your own checkout of princeton-nlp/WebShop, FOLDER holds items_shuffle_1000.json and items_ins_v2_1000.json
(plain or .gz). The interpreter needs the packages named in benchmarks/original_webshop.py. The file holds no text of a
product: actions are positions in the list of clickables, observations are hashes, queries and nouns are hashes too,
and hits are row numbers (the ranking is compared with Lucene's elsewhere; here both sides get the same hits).
"""

from __future__ import annotations

import argparse
import gzip
import json
import random
import sys
from hashlib import blake2b
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).resolve().parents[2]), str(Path(__file__).resolve().parents[2] / "benchmarks")]

ODD_QUERIES = (
    *(
        '"red" shirt "size"',
        "item_page lamp",
        "search_results chair",
        "done sofa",
        "zzzz",
        " ",
        "<c> beauty",
        "<q> lip balms",
    ),
    *("tab[let", "naïve café ™ crème", "a" * 300, '"color"', "<q>", "the of and", "usb-c's 3.5mm"),
)
BAD_ACTIONS = (
    "click[nonsense]",
    "click[search]",
    "buy now",
    "Click[buy now]",
    "search[]",
    "[x]",
    " click[< prev]",
    "",
    "click[a]b]",
)
NOUN_HASH_BYTES = 5


def digest(text: str) -> str:
    """Return 64 bits of a hash as hex."""
    return blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def noun_hash(noun: str) -> str:
    """Return the hash that stands for a noun."""
    return blake2b(noun.encode(), digest_size=NOUN_HASH_BYTES).hexdigest()


def action_text(code: list[Any], instruction: str, clickables: list[str]) -> str:
    """Return the action that a code stands for: ["click", n], ["words", a, b] (of the instruction) or ["say", text]."""
    if code[0] == "click":
        return f"click[{clickables[code[1]]}]"
    if code[0] == "words":
        return f"search[{' '.join(instruction.split()[code[1] : code[2]])}]"
    return str(code[1])


def choose(rng: random.Random, available: dict[str, Any], words: int) -> list[Any]:
    """Draw the code of the next action."""
    clickables, draw = available["clickables"], rng.random()
    if available["has_search_bar"] or draw < 0.06:
        if rng.random() < 0.25:
            return ["say", f"search[{rng.choice(ODD_QUERIES)}]"]
        start = rng.randrange(words)
        return ["words", start, start + rng.randrange(1, 12)] if rng.random() < 0.6 else ["words", 0, words]
    if draw < 0.12:
        return ["say", rng.choice(BAD_ACTIONS)]
    if "buy now" in clickables and draw < 0.2:
        return ["click", clickables.index("buy now")]
    choices = [
        at
        for at, name in enumerate(clickables)
        if name != "buy now" and rng.random() < (0.15 if name == "back to search" else 1)
    ]
    return ["click", rng.choice(choices or [0])]


def walk(env: Any, position: int, rng: random.Random, limit: int) -> list[list[Any]]:
    """Play one episode; return [code, digest of text_rich, digest of text, digest of clickables, reward, done] per
    step."""
    env.reset(session=position)
    instruction, steps = env.server.goals[position]["instruction_text"], [["start", *look(env), 0.0, False]]
    for _ in range(limit):
        available = env.get_available_actions()
        code = choose(rng, available, len(instruction.split()))
        _, reward, done, _ = env.step(action_text(code, instruction, available["clickables"]))
        steps.append([code, *look(env), float(reward), bool(done)])
        if done:
            break
    env.server.user_sessions.pop(env.session)
    return steps


def look(env: Any) -> list[str]:
    """Return digests of the current page in both text modes and of its clickables."""
    seen = []
    for mode in ("text_rich", "text"):
        env.observation_mode = mode
        seen.append(digest(env.observation))
    return [*seen, digest("\n".join(env.get_available_actions()["clickables"]))]


def draw_purchase(rng: random.Random, position: int, target: int, rows: int, like: list[int]) -> list[Any]:
    """Draw [goal position, row, draws for the options, human]: the goal's product, one of its kind, or any."""
    draw = rng.random()
    row = target if draw < 0.45 else rng.choice(like) if draw < 0.8 else rng.randrange(rows)
    return [position, row, [rng.random() for _ in range(4)], rng.random() < 0.5]


def picked(options: dict[str, Any], draws: list[float], wanted: dict[str, str]) -> dict[str, str]:
    """Return option choices from numbers in [0, 1): below 0.5 the wanted value, below 0.6 none, else any."""
    chosen = {}
    for (group, values), draw in zip(options.items(), draws):
        if draw < 0.5 and wanted.get(group) in values:
            chosen[group] = wanted[group]
        elif draw >= 0.6 and values:
            chosen[group] = values[int((draw - 0.6) / 0.4 * len(values))]
    return chosen


def rewards_of(env: Any, rng: random.Random, count: int) -> tuple[list[Any], set[str]]:
    """Return random purchases with the original's reward and its parts, and the ASINs concerned."""
    from web_agent_site.engine.goal import get_reward

    products, found, asins = env.server.all_products, [], set()
    rows = {product["asin"]: row for row, product in enumerate(products)}
    for _ in range(count):
        position = rng.randrange(len(env.server.goals))
        goal = dict(env.server.goals[position])
        target = rows[goal["asin"]]
        like = [row for row, product in enumerate(products) if product["query"] == goal["query"]]
        purchase = draw_purchase(rng, position, target, len(products), like)
        item = products[purchase[1]]
        chosen = picked(item["options"], purchase[2], goal["goal_options"])
        if purchase[3]:
            goal["goal_options"] = list(goal["goal_options"].values())
        reward, parts = get_reward(
            item, goal, price=env.server.product_prices[item["asin"]], options=chosen, verbose=True
        )
        found.append([*purchase, reward, {name: float(value) for name, value in parts.items()}])
        asins |= {goal["asin"], item["asin"]}
    return found, asins


def nouns_of(env: Any, asins: set[str]) -> dict[str, list[Any]]:
    """Return [number of nouns, hashes of the distinct ones] of products' titles, as the original's tagger has them."""
    from web_agent_site.engine.goal import nlp

    found = {}
    for asin in sorted(asins):
        title = env.server.product_item_dict[asin]["Title"]
        words = [token.text.lower() for token in nlp(title) if token.pos_ in ("NOUN", "PROPN")]
        found[asin] = [len(words), sorted({noun_hash(word) for word in words})]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--original", type=Path, required=True)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=600)
    parser.add_argument("--purchases", type=int, default=150)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args()
    import original_webshop

    from vlgym.webshop.catalogue import open_catalogue
    from vlgym.webshop.goals import GoalBook

    catalogue = open_catalogue(options.data)
    env = original_webshop.load(options.original, options.data, catalogue, GoalBook(catalogue, "synthetic"))
    rng, walks, count, bought = random.Random(options.seed), [], 0, set()
    while count < options.steps:
        position = rng.randrange(len(env.server.goals))
        env.server.show_attrs = rng.random() < 0.3
        steps = walk(env, position, rng, limit=40)
        walks.append({"goal": position, "show_attrs": env.server.show_attrs, "steps": steps})
        count += len(steps)
        if steps[-1][-1]:
            bought |= {env.server.goals[position]["asin"], env.browser.current_url.split("/")[5]}
    hits = {digest(query): rows for query, rows in env.server.search_engine.asked.items()}
    purchases, asins = rewards_of(env, rng, options.purchases)
    frozen = {"walks": walks, "hits": hits, "purchases": purchases, "nouns": nouns_of(env, bought | asins)}
    options.out.write_bytes(gzip.compress(json.dumps(frozen, separators=(",", ":")).encode(), mtime=0))
    print(f"{count} steps of {len(walks)} episodes written to {options.out}.")


if __name__ == "__main__":
    main()
