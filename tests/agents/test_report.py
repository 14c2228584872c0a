"""The report: complete, self-contained, unharmed by hostile text, useful for broken runs, usable with the keyboard."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fake_run import write_run

from vlgym.core.browser import find_executable
from vlgym.core.errors import MissingDependencyError, VlgymError
from vlgym_agents.report import payload, write_report
from vlgym_agents.report.page import _gain
from vlgym_agents.report.run import load

HOSTILE = (
    "</script><script>window.hacked=1</script><img src=x onerror='window.hacked=1'>{{script}} \u2028 \ud800 &lt;b&gt;"
)


class Page(HTMLParser):
    """Elements, their attributes and the text of a page, as an HTML parser sees them."""

    def __init__(self, path: Path) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text: dict[str, str] = {}
        self.source = path.read_text(encoding="utf-8")
        self.feed(self.source)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attributes)))

    def handle_data(self, data: str) -> None:
        tag, attributes = self.elements[-1] if self.elements else ("", {})
        name = attributes.get("id") or tag
        self.text[name] = self.text.get(name, "") + data

    @property
    def data(self) -> dict[str, Any]:
        return json.loads(self.text["data"])


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_report(write_run(tmp_path_factory.mktemp("runs") / "full", steps=40, episodes=4))


def test_it_holds_every_step_episode_and_screenshot(report: Path) -> None:
    data = Page(report).data
    assert data["steps"] == list(range(1, 41))
    assert len(data["episodes"]) == 4 * (1 + 4 + 1)
    assert [e["kind"] for e in data["episodes"]] == ["before"] * 4 + ["train"] * 16 + ["after"] * 4
    wanted = {turn["image"] for episode in data["episodes"] for turn in episode["turns"]}
    assert set(data["images"]) == wanted
    titles = [chart["title"] for group in data["curves"] for chart in group["charts"]]
    assert len(titles) == len(set(titles)) == 23
    assert "bank size" in titles  # a metric of the method's own


def test_nan_becomes_a_gap(report: Path) -> None:
    charts = {chart["title"]: chart for group in Page(report).data["curves"] for chart in group["charts"]}
    kl = charts["KL to the reference"]["series"][0]["y"]
    assert [i + 1 for i, value in enumerate(kl) if value is None] == [20, 40]
    assert "KL to the reference" in charts


def test_evaluations_are_points_on_the_curves(report: Path) -> None:
    charts = {chart["title"]: chart for group in Page(report).data["curves"] for chart in group["charts"]}
    points = charts["Success"]["points"]
    assert [point["x"] for point in points] == [0, 20, 40]
    assert all(point["low"] < point["y"] < point["high"] for point in points)
    assert charts["Loss"]["points"] == []


def test_nothing_is_fetched(report: Path) -> None:
    page = Page(report)
    for tag, attributes in page.elements:
        assert tag not in {"link", "iframe", "object", "embed", "base"}, tag
        assert "style" not in attributes
        assert not any(name.startswith("on") for name in attributes)
        for name in ("src", "href", "action", "srcset", "data"):
            assert attributes.get(name, "#").startswith("#"), (tag, attributes)
    policy = next(a["content"] for t, a in page.elements if t == "meta" and "http-equiv" in a)
    assert policy is not None
    assert policy.startswith("default-src 'none'; img-src data:;")
    assert not re.search(r"@import|url\(", page.source)


def test_the_change_is_paired_over_tasks(tmp_path: Path) -> None:
    run = load(write_run(tmp_path / "run", steps=1, images=False, episodes=0))

    def tasks(values: list[int]) -> list[dict[str, Any]]:
        return [{"task": f"t{i}", "seed": 0, "success": bool(value)} for i, value in enumerate(values)]

    easy_and_hard = [1, 0] * 50
    for entry, values in ((run.before, easy_and_hard), (run.after, easy_and_hard)):
        entry["tasks"], entry["success"] = tasks(values), {"value": float(np.mean(values))}
    assert _gain(run, "success") == (0.0, 0.0, 0.0)  # no task changed, however much tasks differ
    run.after["tasks"], run.after["success"] = tasks([1] * 100), {"value": 1.0}
    change, low, high = _gain(run, "success")
    assert change == 0.5
    assert 0.4 <= low < 0.45  # binomial, n = 100, p = 1/2: 0.5 -+ 1.96 * 0.05
    assert 0.55 < high <= 0.6
    run.after["tasks"] = []
    assert _gain(run, "success")[0] == 0.5
    assert np.isnan(_gain(run, "success")[1])


def test_hostile_text_stays_text(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run", steps=2, images=False, episodes=2)
    record = next((folder / "episodes").glob("before-*.json"))
    episode = json.loads(record.read_text())
    episode.update(instruction=HOSTILE, task=HOSTILE, env_error=HOSTILE)
    episode["turns"][0] |= {"words": HOSTILE, "action": HOSTILE, "error": HOSTILE, "text": HOSTILE}
    episode["turns"][0]["info"] = {HOSTILE: HOSTILE}
    record.write_text(json.dumps(episode))
    config = json.loads((folder / "config.json").read_text())
    config["options"]["run.env"] = config["command"][0] = config["versions"]["torch"] = HOSTILE
    config["options"][HOSTILE] = HOSTILE
    (folder / "config.json").write_text(json.dumps(config))
    page = Page(write_report(folder))
    assert [tag for tag, _ in page.elements].count("script") == 2
    assert "img" not in [tag for tag, _ in page.elements]
    assert page.source.count("<script") == page.source.count("</script") == 2
    shown = page.data["episodes"][0]
    assert shown["instruction"] == HOSTILE
    assert shown["turns"][0]["info"] == {HOSTILE: HOSTILE}


def test_images_come_from_the_run_folder_only(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run", steps=1, episodes=1)
    (tmp_path / "secret.png").write_bytes(b"secret")
    record = next((folder / "episodes").glob("after-*.json"))
    episode = json.loads(record.read_text())
    episode["turns"][0]["image"] = "../../secret.png"
    record.write_text(json.dumps(episode))
    data = Page(write_report(folder)).data
    assert "../../secret.png" not in data["images"]
    assert len(data["images"]) > 1


def test_budgets_leave_out_and_say_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_run(tmp_path / "run", steps=20, episodes=2)
    whole = Page(write_report(folder)).data
    size = len(json.dumps(whole["episodes"][0]))
    monkeypatch.setattr(payload, "MAX_TEXT_BYTES", 5 * size)
    monkeypatch.setattr(payload, "MAX_IMAGE_BYTES", 40_000)
    page = Page(write_report(folder))
    kinds = [episode["kind"] for episode in page.data["episodes"]]
    assert 4 <= len(kinds) < len(whole["episodes"])
    assert {"before", "after"} <= set(kinds)  # evaluations go first
    assert "episodes are not in this file" in page.source
    assert page.data["left_out"]
    assert 0 < len(page.data["images"]) < len(whole["images"])


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda run: (run / "metrics.jsonl").unlink(), "No training step was finished"),
        (lambda run: (run / "config.json").unlink(), "what was run is not known"),
        (lambda run: (run / "config.json").write_text("{'"), "config.json could not be read"),
        (lambda run: (run / "eval_before.json").write_text("[1]"), "eval_before.json holds no JSON object"),
        (lambda run: (run / "eval_before.json").unlink(), "There is no evaluation before it."),
        (lambda run: (run / "eval_after.json").unlink(), "there is no evaluation after training"),
        (lambda run: [p.unlink() for p in (run / "episodes").iterdir()], "No episode was kept"),
        (lambda run: next((run / "episodes").glob("*.json")).write_text('{"turns": [{'), "could not be read"),
        (lambda run: (run / "metrics.jsonl").write_bytes(b'{"step": 1}\n\xff\xfe{"st'), "line 2 is not a JSON object"),
    ],
)
def test_missing_and_broken_pieces_still_give_a_report(tmp_path: Path, spoil: Any, sentence: str) -> None:
    folder = write_run(tmp_path / "run", steps=2, images=False, episodes=1)
    spoil(folder)
    assert sentence in Page(write_report(folder)).source


def test_an_unfinished_run_says_how_far_it_came(tmp_path: Path) -> None:
    source = Page(write_report(write_run(tmp_path / "run", steps=7, finished=False, episodes=0))).source
    assert "Not finished: 7 of 100 steps" in source
    assert "line 8 is not a JSON object" in source


def test_an_episode_with_wrong_types_is_shown(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run", steps=1, images=False, episodes=0)
    (folder / "episodes" / "odd.json").write_text(
        '{"turns": [{"words": 7, "reward": NaN, "info": {"x": Infinity}}, 3]}'
    )
    episode = Page(write_report(folder)).data["episodes"][0]
    assert episode["turns"][0]["words"] == "7"
    assert episode["turns"][0]["reward"] is None
    assert episode["turns"][0]["info"] == {"x": "inf"}
    assert len(episode["turns"]) == 1


def test_empty_and_absent_folders(tmp_path: Path) -> None:
    assert "holds no run yet" in Page(write_report(tmp_path)).source
    with pytest.raises(VlgymError, match=r"No run folder at .*nowhere"):
        write_report(tmp_path / "nowhere")


def test_a_target_that_cannot_be_written_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "report.html").mkdir()
    with pytest.raises(VlgymError, match=r"Cannot write .*report\.html"):
        write_report(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["report.html"]


# ---------------------------------------------------------------- in a browser


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    api = pytest.importorskip("playwright.sync_api", reason="needs the extra vlgym[web]")
    with api.sync_playwright() as playwright:
        try:
            executable = find_executable(playwright.chromium.executable_path)
        except MissingDependencyError as error:
            pytest.skip(str(error))
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture
def tab(chromium: Any) -> Iterator[Any]:
    """A page that fails the test on any error, console complaint or request beyond the file itself."""
    page = chromium.new_page(viewport={"width": 1280, "height": 900})
    page.set_default_timeout(10_000)
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on(
        "request",
        lambda request: None if request.url.startswith(("file:", "data:")) else complaints.append(request.url),
    )
    yield page
    page.close()
    assert not complaints


def current(page: Any) -> tuple[str, str]:
    """Return (name of the episode, number of the turn) that are shown, as the address has them."""
    name, _, turn = page.evaluate("location.hash").lstrip("#").partition("/")
    assert page.locator(".strip [aria-current]").inner_text() == turn
    return name, turn


@pytest.mark.browser
def test_keyboard(report: Path, tab: Any) -> None:
    tab.goto(report.as_uri())
    names = [episode["name"] for episode in Page(report).data["episodes"]]
    tab.locator("#list").focus()
    for key, wanted in [
        ("ArrowRight", (names[0], "2")),
        ("ArrowRight", (names[0], "3")),
        ("ArrowLeft", (names[0], "2")),
        ("ArrowDown", (names[1], "1")),
        ("ArrowLeft", (names[1], "1")),
        ("End", (names[-1], "1")),
        ("ArrowDown", (names[-1], "1")),
        ("ArrowUp", (names[-2], "1")),
        ("Home", (names[0], "1")),
    ]:
        tab.keyboard.press(key)
        assert current(tab) == wanted, key
    tab.keyboard.press("f")
    assert tab.locator("#outcome").input_value() == "ok"
    assert set(tab.locator("#list .tag").all_inner_texts()) == {"success"}
    tab.keyboard.press("f")
    assert set(tab.locator("#list .tag").all_inner_texts()) == {"failure"}
    assert tab.locator("#list [aria-selected=true]").count() == 1


@pytest.mark.browser
def test_search_finds_words_and_the_turn_that_has_them(report: Path, tab: Any) -> None:
    tab.goto(report.as_uri())
    tab.keyboard.press("/")
    tab.keyboard.type("reviewz")
    assert 0 < tab.locator("#list li").count() < 24
    assert tab.locator(".action").inner_text().endswith("click[reviewz]")
    assert "reviewz" in tab.locator("mark").all_inner_texts()
    assert "Did you mean 'reviews'?" in tab.locator(".error").inner_text()
    tab.keyboard.press("Escape")
    assert tab.evaluate("document.activeElement.id") == "list"
    tab.keyboard.press("/")
    tab.keyboard.type("nothing says this")
    assert tab.locator("#count").inner_text() == "0 of 24 episodes"
    assert "No episode fits" in tab.locator("#episode").inner_text()


@pytest.mark.browser
def test_an_address_leads_back_to_its_turn(report: Path, tab: Any) -> None:
    name = Page(report).data["episodes"][5]["name"]
    tab.goto(f"{report.as_uri()}#{name}/3")
    assert current(tab) == (name, "3")
    assert tab.locator(".seen img").evaluate("image => image.complete && image.naturalWidth") == 480


@pytest.mark.browser
def test_curves_answer_pointer_keys_and_smoothing(report: Path, tab: Any) -> None:
    tab.goto(report.as_uri())
    charts = tab.locator(".chart")
    assert charts.count() == 23
    first = charts.first
    first.locator("svg").focus()
    tab.keyboard.press("Home")
    tab.keyboard.press("ArrowRight")
    assert first.locator(".now").inner_text().startswith("step 2: ")
    assert charts.nth(1).locator(".now").inner_text().startswith("step 2: ")  # one cursor for all charts
    first.locator("svg").hover(position={"x": 260, "y": 60})
    assert re.match(r"step 3\d: \d+\.\d %", first.locator(".now").inner_text())
    smoothed = first.locator("path:not(.raw)").first.get_attribute("d")
    tab.locator("#smoothing").fill("0")
    raw = first.locator("path").first.get_attribute("d")
    assert raw != smoothed
    assert first.locator("path.raw").count() == 0


@pytest.mark.browser
def test_hostile_text_does_nothing_in_a_browser(tmp_path: Path, tab: Any) -> None:
    folder = write_run(tmp_path / "run", steps=1, images=False, episodes=1)
    for record in (folder / "episodes").glob("*.json"):
        episode = json.loads(record.read_text())
        episode.update(instruction=HOSTILE)
        for turn in episode["turns"]:
            turn.update(words=HOSTILE, text=HOSTILE, action=f"click[{HOSTILE}]", info={"x": HOSTILE})
        record.write_text(json.dumps(episode))
    tab.goto(write_report(folder).as_uri())
    assert "<script>window.hacked=1</script>" in tab.locator(".task").inner_text()
    assert "onerror='window.hacked=1'" in tab.locator(".page").inner_text()
    assert tab.evaluate("window.hacked") is None
    assert tab.locator("#episode img, #episode script").count() == 0


@pytest.mark.browser
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_nothing_overflows_and_text_is_readable(report: Path, tab: Any, width: int, scheme: str) -> None:
    tab.emulate_media(color_scheme=scheme)
    tab.set_viewport_size({"width": width, "height": 844})
    tab.goto(report.as_uri())
    assert tab.evaluate("document.documentElement.scrollWidth") == width
    contrasts = tab.evaluate(CONTRASTS)
    assert min(contrasts.values()) >= 4.5, contrasts


CONTRASTS = """() => {
  const rgb = (text) => text.match(/[\\d.]+/g).slice(0, 4).map(Number);
  const linear = (v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
  const light = ([r, g, b]) => 0.2126 * linear(r / 255) + 0.7152 * linear(g / 255) + 0.0722 * linear(b / 255);
  const back = (node) => {
    for (; node; node = node.parentElement) {
      const colour = rgb(getComputedStyle(node).backgroundColor);
      if (colour.length === 3 || colour[3] > 0) return colour;
    }
    return [255, 255, 255];
  };
  const out = {};
  const selectors = "h1,#h-curves,.note,.facts dt,.results .interval,.results .value,.help,.now,.muted,.tag,.what,"
    + ".meta,.action pre,.page,.strip [aria-current],.bar a";
  for (const selector of selectors.split(",")) {
    const node = document.querySelector(selector);
    const [a, b] = [light(rgb(getComputedStyle(node).color)), light(back(node))].sort((x, y) => y - x);
    out[selector] = (a + 0.05) / (b + 0.05);
  }
  return out;
}"""
