"""Comparing runs: figures worked by hand on made-up run folders, table, page, command, and the benchmark's rules."""

from __future__ import annotations

import json
import math
import re
import sys
from pathlib import Path

import numpy as np
import pytest

from vlgym.core.browser import find_executable
from vlgym.core.errors import VlgymError
from vlgym_agents.compare import cli
from vlgym_agents.compare.figures import Comparison, area, at_budget, average, cost_to, final
from vlgym_agents.compare.page import notes, render, write_page
from vlgym_agents.compare.runs import read
from vlgym_agents.compare.summary import HOW, TITLES, lines, text
from vlgym_agents.docs import results
from vlgym_agents.stats import interquartile_mean, stratified_bootstrap

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))
import methods
from experiments import EXPERIMENTS
from paired import Arm, Claim, Experiment, above, at_most, every, not_above, wins


def fake(
    path: Path, algo: str, seed: int, success: list[float], *, per_step: int = 100, env: str = "e", groups: int = 4
) -> Path:
    """Write a run folder: an evaluation before and after each step; of 10 tasks the 5 "long" ones are failed first."""
    path.mkdir(parents=True)
    options = {"run.env": env, "run.algo": algo, "run.seed": seed, "run.steps": len(success) - 1, "run.model": "toy",
               "rollout.groups": 4, "rollout.group_size": 2, "eval.episodes": 10}  # fmt: skip
    (path / "config.json").write_text(json.dumps({"options": options, "command": ["vlgym-train"]}))
    rows = [
        {"step": k, "env_steps": per_step * k, "tokens": 10 * per_step * k, "optimiser_steps": 1, "groups": groups,
         "success": value, "zero_gradient_groups": 0.5, "seconds": 30.0}
        for k, value in enumerate(success[1:], 1)
    ]  # fmt: skip
    (path / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    names = ["before", *(f"step-{k:06d}" for k in range(1, len(success) - 1)), "after"]
    listed = []
    for k, (name, value) in enumerate(zip(names, success)):
        won = round(10 * value)
        tasks = [{"task": "short" if i < 5 else "long", "seed": i, "success": i < won} for i in range(10)]
        shown = {"value": value, "low": max(value - 0.2, 0), "high": min(value + 0.2, 1), "interval": "Wilson 95%"}
        entry = {"name": name, "step": k, "success": shown, "seconds": 15.0, "episodes": 10}
        (path / f"eval_{name}.json").write_text(json.dumps({**entry, "tasks": tasks}))
        listed.append(json.dumps(entry) + "\n")
    (path / "eval.jsonl").write_text("".join(listed))
    return path


def pair(tmp_path: Path) -> Comparison:
    """Return two methods on two seeds; "b" makes twice the environment steps of "a" in each step."""
    made = [
        fake(tmp_path / "a0", "a", 0, [0.2, 0.4, 0.6]),
        fake(tmp_path / "a1", "a", 1, [0.2, 0.2, 0.4]),
        fake(tmp_path / "b0", "b", 0, [0.2, 0.6, 1.0], per_step=200, groups=8),
        fake(tmp_path / "b1", "b", 1, [0.2, 0.6, 0.8], per_step=200, groups=8),
    ]
    return Comparison.of([read(folder) for folder in made])


# ---------------------------------------------------------------- figures


def test_outcome_by_hand(tmp_path):
    outcome = read(fake(tmp_path / "x", "grpo", 3, [0.2, 0.6, 1.0], groups=6))
    assert (outcome.label, outcome.seed, outcome.env) == ("grpo", 3, "e")
    assert outcome.last("env_steps") == 200
    assert outcome.episodes == 2 * 6 * 2
    assert outcome.extra_groups == 4
    assert outcome.minutes == pytest.approx((2 * 30 + 3 * 15) / 60)
    assert outcome.spent("env_steps", 1) == 100
    assert outcome.spent("episodes", 1) == 12
    assert outcome.mean("zero_gradient_groups") == 0.5
    assert math.isnan(outcome.mean("absent"))


def test_metrics_by_hand(tmp_path):
    """Success 0.2, 0.6, 1.0 at 0, 100, 200 environment steps."""
    outcome = read(fake(tmp_path / "x", "grpo", 0, [0.2, 0.6, 1.0]))
    assert final()(outcome, 0) == 1.0
    assert at_budget()(outcome, 150) == pytest.approx(0.8)
    assert at_budget()(outcome, 500) == 1.0
    assert area()(outcome, 200) == pytest.approx((0.4 + 0.8) / 2)
    assert area()(outcome, 150) == pytest.approx((100 * 0.4 + 50 * 0.7) / 150)
    assert cost_to(0.6)(outcome, 0) == 100
    assert cost_to(0.6, "episodes")(outcome, 0) == 8
    assert cost_to(0.1)(outcome, 0) == 0
    assert cost_to(1.1)(outcome, 0) == 200
    assert final("long")(outcome, 0) == 1.0
    assert at_budget("^long$")(outcome, 100) == pytest.approx(0.2)  # 6 of 10: all short ones and one of 5 long ones
    assert at_budget("short")(outcome, 100) == 1.0
    assert math.isnan(final("none such")(outcome, 0))


def test_comparison_pays_for_every_environment_step(tmp_path):
    """The budget of a seed is that of its cheapest run, 200; "b" is there after one step of its two."""
    found = pair(tmp_path)
    assert found.values("a", at_budget()) == {("e", 0): pytest.approx(0.6), ("e", 1): pytest.approx(0.4)}
    assert found.values("b", at_budget()) == {("e", 0): pytest.approx(0.6), ("e", 1): pytest.approx(0.6)}
    assert found.values("b", final()) == {("e", 0): 1.0, ("e", 1): 0.8}
    apart = found.differences("b", "a", at_budget())
    assert apart == {("e", 0): pytest.approx(0.0), ("e", 1): pytest.approx(0.2)}
    middle = found.difference("b", "a", at_budget())
    assert (middle.value, middle.low, middle.high) == pytest.approx((0.1, 0.0, 0.2))


def test_bootstrap_is_stratified():
    """Each stratum is constant, so resampling within it changes nothing; pooled resampling would."""
    found = stratified_bootstrap([[0.0, 0.0], [1.0, 1.0]])
    assert (found.value, found.low, found.high) == (0.5, 0.5, 0.5)
    wide = stratified_bootstrap([[0.0, 0.0, 1.0, 1.0]])
    assert wide.low < 0.5 < wide.high
    middle = stratified_bootstrap([[0.0, 1.0, 2.0, 100.0]], interquartile_mean)
    assert middle.value == 1.5
    assert math.isnan(stratified_bootstrap([[], []]).value)


def test_runs_that_clash_go_by_their_folders(tmp_path):
    outcomes = [read(fake(tmp_path / name, "grpo", 0, [0.2, 0.4])) for name in ("slow", "fast")]
    assert list(Comparison.of(outcomes).outcomes) == ["slow", "fast"]


@pytest.mark.parametrize("spoil", ["config.json", "metrics.jsonl", "eval_after.json"])
def test_unfinished_folders_are_refused(tmp_path, spoil):
    path = fake(tmp_path / "x", "grpo", 0, [0.2, 0.4])
    (path / spoil).unlink()
    with pytest.raises(VlgymError, match="has not ended" if spoil.startswith("eval") else "holds no run"):
        read(path)


# ---------------------------------------------------------------- table and page


def test_table(tmp_path):
    found = pair(tmp_path)
    first, second = lines(found)
    assert first.cells()[:2] == ("a", "2")
    assert second.better == "1 of 2"
    assert second.env_steps == 400
    assert second.extra_groups == 8
    shown = text(found).splitlines()
    assert all(title in shown[0] for title in TITLES)
    assert "+10.0 [+0.0, +20.0]" in shown[2]


def test_one_run_of_each_has_intervals_over_tasks(tmp_path):
    """5 of 10 tasks more: the interval of the difference comes from the tasks, not from a single seed."""
    made = [fake(tmp_path / "a", "a", 0, [0.2, 0.4]), fake(tmp_path / "b", "b", 0, [0.2, 0.9])]
    first, second = lines(Comparison.of([read(folder) for folder in made]))
    assert (first.final.low, first.final.high) == (pytest.approx(0.2), pytest.approx(0.6))
    assert second.difference.value == pytest.approx(0.5)
    assert 0.1 < second.difference.low < 0.5 < second.difference.high < 0.9


def test_page_is_one_file_and_escapes(tmp_path):
    bad = "<script>alert(1)</script>"
    found = Comparison.of([read(fake(tmp_path / "a", "a", 0, [0.2, 0.4]), bad)])
    page = render(found)
    assert bad not in page
    assert page.count("<script") == 2
    assert not re.search(r"(?:src|href)=\"(?!#)", page)
    assert "{{" not in page
    assert write_page(found, tmp_path / "deep" / "page.html").read_text() == page


def test_notes_say_what_is_not_equal(tmp_path):
    made = [fake(tmp_path / "a", "a", 0, [0.2, 0.4]), fake(tmp_path / "b", "b", 1, [0.2, 0.4, 0.5])]
    found = " ".join(notes(Comparison.of([read(folder) for folder in made])))
    assert "not run with the same environments and seeds" in found
    assert "run.steps: 1, 2" in found
    assert notes(pair(tmp_path / "pair")) == []


@pytest.mark.browser
def test_page_draws(tmp_path):
    from playwright.sync_api import sync_playwright

    path = write_page(pair(tmp_path), tmp_path / "page.html")
    with sync_playwright() as playwright:
        executable = find_executable(playwright.chromium.executable_path)
        browser = playwright.chromium.launch(executable_path=executable, args=["--no-sandbox"])
        page = browser.new_page()
        said: list[str] = []
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto(path.as_uri())
        chart = page.locator(".chart").first
        assert chart.locator("path.band").count() == 2
        assert chart.locator(".legend").inner_text().split() == ["a", "50.0", "%", "b", "90.0", "%"]
        assert said == []
        browser.close()


# ---------------------------------------------------------------- the command


def test_command_on_finished_runs(tmp_path, capsys):
    folders = [str(fake(tmp_path / name, name, 0, [0.2, 0.4])) for name in ("a", "b")]
    assert cli.main([*folders, "--html", str(tmp_path / "page.html")]) == 0
    shown = capsys.readouterr().out
    assert f"Report: {tmp_path / 'page.html'}" in shown
    assert "a" in shown.splitlines()[1]
    assert HOW.split(":")[0] in (tmp_path / "page.html").read_text()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("", "Nothing to compare"),
        ("--algo grpo", "go together"),
        ("--env e --algo grop", "Did you mean 'grpo'"),
        ("--env e --algo grpo --seeds 0", "at least 1"),
        ("nowhere", "holds no run"),
        ("a b -- --steps 2", "there are none"),
    ],
)
def test_command_mistakes_are_one_sentence(words, message, capsys):
    assert cli.main(words.split()) in (1, 2)
    said = capsys.readouterr().err
    assert message in said
    assert said.startswith("vlgym-compare: ")
    assert len(said.splitlines()) == 1


def test_command_makes_runs_keeps_them_and_refuses_others(tmp_path, capsys):
    ask = [
        "--env",
        "vlgym_agents.sanity:sanity/Credit-v0",
        "--algo",
        "grpo,rloo",
        "--seeds",
        "1",
        "--out",
        str(tmp_path),
    ]
    small = ["--set", "eval.episodes=4", "--set", "rollout.groups=2", "--set", "rollout.group_size=2"]
    words = ["--model", "tabular", "--steps", "2", *small]
    assert cli.main([*ask, "--", *words]) == 0
    assert "rloo" in capsys.readouterr().out
    assert (tmp_path / "compare.html").exists()
    assert not (tmp_path / "grpo-0" / "checkpoints").exists()
    before = (tmp_path / "grpo-0" / "metrics.jsonl").stat().st_mtime_ns
    assert cli.main([*ask, "--", *words]) == 0
    assert (tmp_path / "grpo-0" / "metrics.jsonl").stat().st_mtime_ns == before
    assert cli.main([*ask, "--", *words, "--steps", "3"]) == 1
    assert "other flags" in capsys.readouterr().err


# ---------------------------------------------------------------- the benchmark


def test_rules_of_claims(tmp_path):
    """At equal environment steps "b" is above "a" by 0 and 0.2; at the end by 0.4 and 0.4."""
    found = pair(tmp_path)
    assert wins("b", "a", final())(found)[0]
    assert not wins("b", "a", at_budget())(found)[0]
    assert wins("b", "a", at_budget(), of=0.5)(found)[0]
    assert wins("a", "b", final(), smaller=True)(found)[0]
    assert above("b", "a", final())(found)[0]
    assert not above("b", "a", at_budget())(found)[0]
    assert not_above("b", "a", at_budget())(found)[0]
    assert at_most("a", "b", cost_to(0.55), share=0.75)(found)[0] is False
    assert at_most("a", "b", final(), share=0.6)(found)[0]
    assert every(wins("b", "a", final()), above("b", "a", final()))(found)[0]
    assert not every(wins("b", "a", final()), above("b", "a", at_budget()))(found)[0]
    verdict = Claim("b is better", wins("b", "a", at_budget())).judge(found)
    assert str(verdict).startswith("DOES NOT HOLD: b is better (1 of 2 seeds")


def test_results_page_keeps_sections_apart(tmp_path):
    names = list(EXPERIMENTS)[:2]
    experiment = Experiment(
        "A title", "A setting.", (), 2, {"a": Arm("grpo", "method A"), "b": Arm("rloo", "method B")},
        (Claim("b is better at the end", wins("b", "a", final())),),
        {"success": at_budget(), "zero": average("zero_gradient_groups")},
    )  # fmt: skip
    found = pair(tmp_path / "runs")
    verdicts = [claim.judge(found) for claim in experiment.claims]
    shown = methods.section(names[1], experiment, found, verdicts, "a machine")
    assert "- **Holds**: b is better at the end" in shown
    assert re.search(
        r"\| method B \| \*\*0.600 \[0.600, 0.600\]\*\* \| 0.100 \[-?0.000, 0.200\] \| 0.600, 0.600", shown
    )
    for name, words in ((names[1], shown), (names[0], "## Other\n\nmeasured."), (names[1], shown + "again")):
        methods.write_docs(tmp_path, name, words)
    sections = results.sections(tmp_path / "results.md")
    assert list(sections) == names
    assert sections[names[0]] == "## Other\n\nmeasured."
    assert sections[names[1]].endswith("again")


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_experiments_can_be_asked_for(name):
    """Every arm resolves to options, shares its flags with the others, and claims only name arms that exist."""
    from vlgym_agents.cli import _parse
    from vlgym_agents.options import resolve

    experiment = EXPERIMENTS[name]
    configs = {}
    for job in experiment.jobs(1):
        _, layers = _parse([*job.flags, "--seed", "0"])
        configs[job.label] = resolve(layers)
    first = next(iter(configs.values()))
    for cfg in configs.values():
        assert cfg.run.steps == experiment.steps == first.run.steps
        assert cfg.eval == first.eval
        assert cfg.optim == first.optim or cfg.optim.epochs * cfg.optim.minibatches == (
            first.optim.epochs * first.optim.minibatches
        )
    assert experiment.seeds >= 5
    assert experiment.claims


def test_committed_pages_are_up_to_date():
    from vlgym_agents.docs.pages import RESULTS, pages

    folder = Path(__file__).parents[2] / "docs" / "methods"
    wanted = pages(folder)
    stale = [name for name, words in wanted.items() if not (folder / name).exists()]
    stale += [name for name, words in wanted.items() if name not in stale and (folder / name).read_text() != words]
    assert stale == [], "run: python -m vlgym_agents.docs"
    assert {path.name for path in folder.glob("*.md")} - {RESULTS} == set(wanted)


def test_numbers_of_the_interquartile_mean_are_the_table_s(tmp_path):
    values = np.array([0.1, 0.2, 0.3, 0.4, 0.9])
    folders = [fake(tmp_path / f"r{i}", "a", i, [0.0, float(v)]) for i, v in enumerate(values)]
    found = Comparison.of([read(folder) for folder in folders]).interval("a", final())
    assert found.value == pytest.approx(float(interquartile_mean(values)))
