"""The original's files: rules of the loader, damaged files, builds that are cut off, stores that are shared."""

from __future__ import annotations

import gzip
import json
import os
import pickle
import subprocess
import sys
from collections.abc import Iterator
from hashlib import blake2b
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from vlgym.core.errors import CatalogueError
from vlgym.webshop import catalogue as catalogues
from vlgym.webshop import raw, store, synthetic
from vlgym.webshop.catalogue import open_catalogue
from vlgym.webshop.raw import HumanInstruction, JsonStream, SyntheticInstruction
from vlgym.webshop.types import Product

DATA = Path(os.environ.get("VLGYM_TEST_DATA", Path(__file__).parents[3] / "shared" / "data")) / "webshop"
LUCENE_RESULTS = "ae7f870ab653e91341c503d375f93d63"
"""Digest of the ASINs that Anserini 0.22.1 found over the 1,000 real products for all titles and instructions."""

MUG: dict[str, Any] = {
    "name": "Blue Mug for Tea",
    "full_description": "A mug.",
    "images": ["mug.jpg", "other.jpg"],
    "product_category": "Home › Kitchen › Mugs",
    "small_description": ["Holds 12 oz", "Dishwasher safe"],
    "customization_options": {"Color": [{"value": " Blue/White "}, {"value": "RED"}], "Size": None},
    "asin": "B000000001",
    "category": "garden",
    "query": " Mugs ",
    "pricing": "$1,012.50$2,000.00",
}


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give every test a cache of its own and forget what is open."""
    monkeypatch.setattr(catalogues, "_opened", {})
    monkeypatch.setenv("VLGYM_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def write(folder: Path, products: Any, side: Any = None, human: Any = None) -> Path:
    folder.mkdir(exist_ok=True)
    for name, content in (("items_shuffle", products), ("items_ins_v2", side), ("items_human_ins", human)):
        if content is not None:
            (folder / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")
    return folder


def leftovers(cache: Path) -> list[str]:
    """Names in the cache other than locks."""
    return sorted(p.name for p in cache.rglob("*") if p.parent.name == "webshop" and p.suffix != ".lock")


# --- Rules of the loader ----------------------------------------------------------------------------------------------


def test_a_product_is_what_the_original_makes_of_it(tmp_path: Path) -> None:
    side = {
        "B000000001": {"attributes": ["dishwasher safe"], "instruction": "Find me x", "instruction_attributes": ["y"]}
    }
    told = {
        "instruction": "i want a mug.",
        "attributes": [],
        "instruction_attributes": ["blue"],
        "instruction_options": [],
    }
    catalogue = open_catalogue(write(tmp_path / "data", [MUG], side, {"B000000001": [told, told]}))
    assert catalogue.product(0) == Product(
        asin="B000000001",
        title="Blue Mug for Tea",
        category="garden",
        product_category="Home › Kitchen › Mugs",
        query="mugs",
        description="A mug.",
        bullets=("Holds 12 oz", "Dishwasher safe"),
        attributes=("dishwasher safe",),
        options={"color": ("blue | white", "red")},
        pricing=(1012.5, 2000.0),
        price_tag="$1012.5 to $2000.0",
        image="mug.jpg",
    )
    assert catalogue.synthetic_instruction(0) == SyntheticInstruction("Find me x", ("y",))
    assert catalogue.human_instructions(0) == (HumanInstruction("i want a mug.", ("blue",), ()),) * 2
    assert (catalogue.nouns(0), catalogue.noun_count(0)) == ({"blue", "mug", "tea"}, 3)
    assert catalogue.instructed("human").tolist() == catalogue.instructed("synthetic").tolist() == [0]
    assert (catalogue.index("B000000001"), catalogue.index("b000000001"), catalogue.index("")) == (0, None, None)
    assert list(catalogue.search("blue tea")) == [0]
    assert list(catalogue.search("<a> dishwasher safe")) == list(catalogue.search("<c> garden")) == [0]


def test_what_is_skipped_and_what_is_filled_in(tmp_path: Path) -> None:
    plain = MUG | {"pricing": None, "customization_options": "", "small_description": "one", "images": []}
    products = [
        MUG | {"asin": "nan"},
        MUG | {"asin": "B0000000012"},
        plain,
        MUG,  # the same ASIN again
        plain | {"asin": "B2", "pricing": "$5.00", "full_description": None},
    ]
    catalogue = open_catalogue(write(tmp_path / "data", products))
    assert len(catalogue) == 2
    first, second = catalogue.product(0), catalogue.product(1)
    assert (first.pricing, first.price_tag, first.bullets, first.image, first.options) == (
        (),
        "$100.0",
        ("one",),
        "",
        {},
    )
    assert (second.pricing, second.price_tag, second.description) == ((5.0,), "$5.0", "")
    assert first.attributes == second.attributes == ("DUMMY_ATTR",)
    assert catalogue.synthetic_instruction(0) is None
    assert catalogue.human_instructions(0) == ()


def test_plain_and_packed_files_are_the_same_catalogue(tmp_path: Path) -> None:
    synthetic.write_files(tmp_path / "plain", 30)
    (tmp_path / "packed").mkdir()
    for file in (tmp_path / "plain").iterdir():
        (tmp_path / "packed" / f"{file.name}.gz").write_bytes(gzip.compress(file.read_bytes()))
    plain, packed = open_catalogue(tmp_path / "plain"), open_catalogue(tmp_path / "packed")
    direct = open_catalogue("synthetic:30")
    assert plain.fingerprint == packed.fingerprint == direct.fingerprint
    assert [plain.product(i) for i in range(30)] == [direct.product(i) for i in range(30)]


def test_neighbours_are_found_by_suffix(tmp_path: Path) -> None:
    folder = write(tmp_path / "data", [MUG], {"B000000001": {"attributes": ["big"]}})
    (folder / "items_shuffle_1000.json").write_text(json.dumps([MUG]))
    (folder / "items_ins_v2_1000.json").write_text(json.dumps({"B000000001": {"attributes": ["small"]}}))
    assert open_catalogue(folder / "items_shuffle_1000.json").product(0).attributes == ("small",)
    assert open_catalogue(folder / "items_shuffle.json").product(0).attributes == ("big",)
    assert open_catalogue(folder).product(0).attributes == ("big",)


# --- One object, one store --------------------------------------------------------------------------------------------


def test_the_same_spec_is_the_same_object(tmp_path: Path) -> None:
    folder = write(tmp_path / "data", [MUG])
    catalogue = open_catalogue(folder)
    assert open_catalogue(str(folder / ".." / "data")) is catalogue
    assert pickle.loads(pickle.dumps(catalogue)) is catalogue
    assert open_catalogue("synthetic:20") is open_catalogue("synthetic:20", nouns="builtin")
    assert open_catalogue("synthetic:20:1") is not open_catalogue("synthetic:20")


def test_processes_share_one_store(tmp_path: Path, cache: Path) -> None:
    folder = synthetic.write_files(tmp_path / "data", 40).parent
    code = "import sys; from vlgym.webshop.catalogue import open_catalogue as o; c = o(sys.argv[1]);"
    code += "print(c.fingerprint, *c.search('blue steel'), sorted(c.nouns(3)))"
    run = [sys.executable, "-c", code, str(folder)]
    children = [
        subprocess.Popen(run, stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONHASHSEED": str(seed)})
        for seed in (1, 2)
    ]
    said = {child.communicate(timeout=60)[0] for child in children}
    assert len(said) == 1
    assert open_catalogue(folder).fingerprint in said.pop()
    assert len(leftovers(cache)) == 1


def test_a_damaged_store_is_built_again(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write(tmp_path / "data", [MUG])
    fingerprint = open_catalogue(folder).fingerprint
    (records,) = cache.rglob("records.bin")
    data = bytearray(records.read_bytes())
    data[20] ^= 1
    records.write_bytes(data)
    assert store.load(records.parent) is None
    monkeypatch.setattr(catalogues, "_opened", {})
    assert open_catalogue(folder).fingerprint == fingerprint
    assert blake2b(data).hexdigest() != blake2b(records.read_bytes()).hexdigest()


def test_parts_and_memory_give_the_same_arrays(tmp_path: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "PART", 7)
    monkeypatch.setattr("vlgym.webshop.search.MERGE_POSTINGS", 300)
    folder = synthetic.write_files(tmp_path / "data", 50).parent
    built = open_catalogue(folder)._store
    memory = store.build_in_memory(catalogues._synthetic_records(50, 0, 0))
    assert built.fingerprint == memory.fingerprint
    assert set(built.arrays) == set(memory.arrays)
    for name, values in memory.arrays.items():
        assert np.array_equal(built.arrays[name], values), name
    assert not leftovers(cache)[0].endswith(".building")


@pytest.mark.parametrize("packed", [False, True])
def test_a_build_goes_on_where_it_was_cut_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, packed: bool) -> None:
    monkeypatch.setattr(store, "PART", 6)
    monkeypatch.setattr(raw, "_CHUNK", 500)
    path = synthetic.write_files(tmp_path / "data", 40)
    if packed:
        path.with_suffix(".json.gz").write_bytes(gzip.compress(path.read_bytes()))
        path.unlink()
    cleaned: list[str] = []
    clean = catalogues.clean_product

    def interrupted(record: Any, attributes: Any) -> Any:
        if len(cleaned) == 20:
            raise KeyboardInterrupt
        cleaned.append(record["asin"])
        return clean(record, attributes)

    monkeypatch.setattr(catalogues, "clean_product", interrupted)
    with pytest.raises(KeyboardInterrupt):
        open_catalogue(path.parent)
    monkeypatch.setattr(
        catalogues, "clean_product", lambda *given: (cleaned.append(given[0]["asin"]), clean(*given))[1]
    )
    catalogue = open_catalogue(path.parent)
    assert len(cleaned) == 20 + 40 - 18  # three whole parts were kept
    assert catalogue.fingerprint == open_catalogue("synthetic:40").fingerprint


# --- Damage -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"asin": None}, "field 'asin'"),
        ({"asin": 7}, "field 'asin' must be str, not int '7'"),
        ({"name": ["x"]}, "field 'name' must be str, not list"),
        ({"query": None}, "field 'query'"),
        ({"pricing": "$a"}, "field 'pricing' holds no price: '$a'"),
        ({"pricing": "$" + "9" * 400}, "field 'pricing' is beyond any price"),
        ({"images": "mug.jpg"}, "field 'images' must be list"),
        ({"small_description": ["x", 3]}, "field 'small_description[1]' must be str, not int '3'"),
        ({"customization_options": ["x"]}, "field 'customization_options' must be dict, not list"),
        ({"customization_options": {"Size": "L"}}, "field customization_options['Size'] must be list, not str"),
        ({"customization_options": {"Size": [{"price": 1}]}}, "must hold objects with a string 'value'"),
    ],
)
def test_a_wrong_field_is_named(tmp_path: Path, cache: Path, change: dict[str, Any], says: str) -> None:
    folder = write(tmp_path / "data", [MUG, MUG | {"asin": "B2"} | change])
    with pytest.raises(CatalogueError) as caught:
        open_catalogue(folder)
    assert f"items_shuffle.json, record 1: {says}" in str(caught.value) or says in str(caught.value)
    assert "record 1" in str(caught.value)
    assert leftovers(cache) == []


def test_a_missing_field_is_named(tmp_path: Path) -> None:
    folder = write(tmp_path / "data", [{key: value for key, value in MUG.items() if key != "name"}])
    with pytest.raises(CatalogueError, match=r"items_shuffle\.json, record 0: field 'name' is missing"):
        open_catalogue(folder)


@pytest.mark.parametrize(
    ("side", "human", "says"),
    [
        ([], None, "items_ins_v2.json is not an object keyed by ASIN"),
        ({"B1": 3}, None, "items_ins_v2.json, record 0 (B1): it must be an object, not int"),
        ({"B1": {"attributes": "x"}}, None, "record 0 (B1): field 'attributes' must be list or tuple, not str 'x'"),
        (
            None,
            {"B1": [{"instruction": "x"}]},
            "items_human_ins.json, record 0 (B1): field 'instruction_attributes' is",
        ),
        (None, {"B1": {}}, "items_human_ins.json, record 0 (B1): it must be a list, not dict"),
    ],
)
def test_wrong_neighbours_are_named(tmp_path: Path, cache: Path, side: Any, human: Any, says: str) -> None:
    with pytest.raises(CatalogueError) as caught:
        open_catalogue(write(tmp_path / "data", [MUG], side, human))
    assert says in str(caught.value)
    assert leftovers(cache) == []


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"a": 1}', "is not a list of products"),
        ("", "the file ends there"),
        ("[", "record 0: the file ends there"),
        ("[]", "holds no product"),
        ('[{"asin": "nan"}]', "holds no product"),
        ("[1 2]", "record 0: it must be an object, not int"),
        ("[" * 100_000, "record 0: it is nested too deeply"),
        (json.dumps([MUG])[:-30], "record 0: it is no valid JSON or the file ends within it"),
        (json.dumps([MUG]) + "x", "goes on after its last record"),
        (json.dumps([MUG])[:-1] + json.dumps(MUG) + "]", "record 1: a comma is missing before it"),
    ],
)
def test_damaged_files_are_told(tmp_path: Path, cache: Path, text: str, says: str) -> None:
    path = tmp_path / "items_shuffle.json"
    path.write_text(text)
    with pytest.raises(CatalogueError) as caught:
        open_catalogue(path)
    assert says in str(caught.value)
    assert leftovers(cache) == []


@pytest.mark.parametrize(
    "spec", ["synthetic", "synthetic:", "synthetic:0", "synthetic:-3", "synthetic:x", "synthetic:5:a", ""]
)
def test_malformed_specs_are_told(spec: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CatalogueError, match=r"synthetic:|items_shuffle"):
        open_catalogue(spec)


def test_missing_files_and_backends_are_told(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match=r"No catalogue at .*nowhere"):
        open_catalogue(tmp_path / "nowhere")
    with pytest.raises(CatalogueError, match="Did you mean 'tantivy'"):
        open_catalogue("synthetic:5", backend="tantify")


def test_an_unwritable_cache_stops_files_but_not_small_synthetic_catalogues(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write(tmp_path / "data", [MUG])
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("VLGYM_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(CatalogueError, match="set the environment variable VLGYM_CACHE to a folder you may write"):
        open_catalogue(folder)
    assert len(open_catalogue("synthetic:25")) == 25


BASE = json.dumps([MUG, MUG | {"asin": "B2"}, MUG | {"asin": "B3", "pricing": "$3"}], ensure_ascii=False).encode()
anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
fuzz = settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def opens_or_tells(folder: Path, cache: Path) -> None:
    """Open a catalogue; nothing but CatalogueError may come out, and nothing may be left of a failed build."""
    catalogues._opened.clear()
    before = leftovers(cache)
    told = ""
    try:
        catalogue = open_catalogue(folder)
    except CatalogueError as error:
        told = str(error)
    if told:
        assert "items_" in told
        assert leftovers(cache) == before
    else:
        assert all(catalogue.index(catalogue.product(i).asin) == i for i in range(len(catalogue)))
        list(catalogue.search("blue mug"))


@fuzz
@given(st.data())
def test_damaged_bytes_never_crash_the_loader(tmp_path: Path, cache: Path, data: st.DataObject) -> None:
    content = bytearray(BASE)
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(content) - 1))
        kind = data.draw(st.sampled_from(["cut", "flip", "insert"]))
        if kind == "cut":
            del content[at : at + data.draw(st.integers(1, 400))]
        elif kind == "flip":
            content[at] = data.draw(st.integers(0, 255))
        else:
            content[at:at] = data.draw(st.binary(max_size=6))
        content = content or bytearray(b" ")
    packed = gzip.compress(bytes(content))
    if data.draw(st.booleans()):
        content = bytearray(packed[: data.draw(st.integers(3, len(packed)))])
    (tmp_path / "items_shuffle.json").write_bytes(content)
    opens_or_tells(tmp_path, cache)


@fuzz
@given(st.sampled_from(sorted(MUG)), anything, anything, anything)
def test_wrong_types_never_crash_the_loader(
    tmp_path: Path, cache: Path, key: str, value: Any, side: Any, human: Any
) -> None:
    write(tmp_path, [MUG | {key: value}], {"B000000001": side}, {"B000000001": human})
    opens_or_tells(tmp_path, cache)


# --- Streaming --------------------------------------------------------------------------------------------------------


def elements(path: Path, kind: str = "[") -> Iterator[Any]:
    stream = JsonStream(path, kind)
    try:
        yield from stream
    finally:
        stream.close()


@fuzz
@given(st.lists(anything, max_size=6), st.integers(1, 9), st.sampled_from([None, 1]), st.data())
def test_a_stream_gives_what_json_gives(
    tmp_path: Path, values: list[Any], chunk: int, indent: int | None, data: st.DataObject
) -> None:
    text = json.dumps(values, indent=indent, ensure_ascii=data.draw(st.booleans()))
    (tmp_path / "list.json").write_text(text, encoding="utf-8", errors="replace")
    expected = json.loads((tmp_path / "list.json").read_text(encoding="utf-8"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(raw, "_CHUNK", chunk)
        assert repr(list(elements(tmp_path / "list.json"))) == repr(expected)
        stream = JsonStream(tmp_path / "list.json")
        stop = data.draw(st.integers(0, len(values)))
        for _ in zip(range(stop), stream):
            pass
        if stop:
            rest = JsonStream(tmp_path / "list.json", start=stream.offset, number=stop)
            assert repr(list(rest)) == repr(expected[stop:])
            rest.close()
        stream.close()


def test_an_object_gives_pairs(tmp_path: Path) -> None:
    (tmp_path / "map.json").write_text('\ufeff {"a" : {"x": 1}, "b":[2] , "a": 3}\n')
    assert list(elements(tmp_path / "map.json", "{")) == [("a", {"x": 1}), ("b", [2]), ("a", 3)]


def test_a_stream_holds_little_of_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(raw, "_CHUNK", 2000)
    path = tmp_path / "list.json"
    path.write_text(json.dumps([{"n": n, "text": "x" * 90} for n in range(20_000)]))
    stream, most = JsonStream(path), 0
    for _ in stream:
        most = max(most, len(stream._text))
    assert stream.number == 20_000
    assert most < 6_000 < path.stat().st_size / 300
    stream.close()


# --- The original's data ----------------------------------------------------------------------------------------------


@pytest.mark.skipif(not DATA.exists(), reason="the real products are not here; VLGYM_TEST_DATA names their folder")
def test_the_thousand_real_products() -> None:
    catalogue = open_catalogue(DATA)
    told = catalogue.instructed("synthetic").tolist()
    assert (len(catalogue), len(told)) == (1000, 415)
    assert sum(prod(map(len, catalogue.product(i).options.values())) for i in told) == 6910
    assert sum(not catalogue.product(i).attributes for i in range(1000)) == 185
    queries = [catalogue.product(i).title for i in range(1000)]
    queries += [catalogue.synthetic_instruction(i).instruction for i in told]
    found = [catalogue.search(" ".join(query.lower().split())) for query in queries]
    lines = "\n".join(" ".join(catalogue.product(i).asin for i in rows) for rows in found)
    assert blake2b(lines.encode(), digest_size=16).hexdigest() == LUCENE_RESULTS
