"""Options: layers and their sources, conversion, unknown and unused options."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import pytest
from toy_run import BANDIT, config

from vlgym_agents import registry
from vlgym_agents.options import OptimOptions, RolloutOptions, RunOptions, resolve, table
from vlgym_agents.schema import OptionError, convert, of_callable, of_dataclass, read_toml


def resolved(*layers, **flags):
    return resolve([("flag", {"run.env": BANDIT, "run.model": "toy"}), *layers, ("flag", flags)])


def test_every_option_is_documented():
    for cls in (RunOptions, RolloutOptions, OptimOptions, *(registry.recipe(name).options for name in registry.ALGOS)):
        assert all(option.doc for option in of_dataclass(cls).values()), cls


def test_sources_and_precedence(tmp_path):
    file = tmp_path / "run.toml"
    file.write_text("[rollout]\ngroups = 3\nbatch = 7\n[algo]\nclip_high = 0.5\n")
    c = resolved(("file run.toml", read_toml(file)), **{"rollout.groups": "5"})
    assert (c.rollout.groups, c.rollout.batch, c.algo.clip_high, c.optim.lr) == (5, 7, 0.5, 0.03)
    expected = {"groups": "flag", "batch": "file run.toml", "split": "default"}
    assert {name: c.sources[f"rollout.{name}"] for name in expected} == expected
    assert c.sources["optim.lr"] == "model preset"
    shown = table(c)
    assert all(name in shown for name in c.flat())
    assert "model preset" in shown


def test_preset_lies_below_config_file(tmp_path):
    preset, file = tmp_path / "p.toml", tmp_path / "f.toml"
    preset.write_text("[optim]\nlr = 1.0\nwarmup = 3\n")
    file.write_text("[optim]\nlr = 2.0\n")
    c = resolved(("file f.toml", read_toml(file)), **{"run.preset": str(preset)})
    assert (c.optim.lr, c.optim.warmup) == (2.0, 3)
    with pytest.raises(OptionError, match="Unknown preset 'fast'"):
        resolved(**{"run.preset": "fast"})


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("algo.clip_hihg", "1", "Did you mean 'clip_high'"),
        ("rolout.groups", "1", "Did you mean 'rollout.groups'"),
        ("optim.groups", "1", "Did you mean 'rollout.groups'"),
        ("env.delai", "1", "Did you mean 'delay'"),
        ("model.hiden", "1", "Did you mean 'hidden'"),
        ("rollout.groups", "many", "rollout.groups must be a whole number, got 'many'"),
        ("rollout.groups", "2.5", "whole number"),
        ("rollout.groups", "0", "rollout.groups must be at least 1, got 0"),
        ("rollout.temperature", "0", "above 0"),
        ("optim.lr", "nan", "at least 0"),
        ("run.wandb", "perhaps", "true or false"),
        ("run.control", "shuffled", "Did you mean 'shuffled_rewards'"),
        ("optim.schedule", "liner", "Did you mean 'linear'"),
        ("algo.clip_low", "2", "clip_low must be between 0 and 1"),
        ("algo.norm", "rlo", "Did you mean 'rloo'"),
    ],
)
def test_mistakes_are_named(name, value, message):
    with pytest.raises(OptionError, match=message):
        resolved(**{name: value})


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ({"algo.kl": "k2"}, "algo.kl .* no effect because algo.kl_coef is 0"),
        ({"algo.oversample": "2"}, "dynamic_sampling is false"),
        ({"algo.norm": "mean", "algo.adv_ddof": "0"}, "algo.norm is mean"),
        ({"algo.ratio": "cispo", "algo.clip_low": "0.1"}, "algo.ratio is cispo"),
    ],
)
def test_unused_options_are_errors(flags, message):
    with pytest.raises(OptionError, match=message):
        resolved(**flags)


def test_used_options_are_not():
    assert resolved(**{"algo.kl": "k2", "algo.kl_coef": "0.1"}).algo.kl == "k2"


@pytest.mark.parametrize(
    ("kind", "name", "nearest"), [("env", "webshpo", "webshop"), ("algo", "gropo", "grpo"), ("model", "nanno", "nano")]
)
def test_unknown_names(kind, name, nearest):
    with pytest.raises(registry.UnknownNameError, match=f"Did you mean '{nearest}'"):
        resolved(**{f"run.{kind}": name})


def test_no_environment():
    with pytest.raises(OptionError, match="--env"):
        resolve([])


@pytest.mark.parametrize(
    ("text", "message"),
    [("groups = 3", r"outside a table; write it as \[run\] groups"), ("[rollout\n", "Cannot read"), ("", None)],
)
def test_bad_files(tmp_path, text, message):
    file = tmp_path / "x.toml"
    file.write_text(text)
    if message is None:
        assert read_toml(file) == {}
    else:
        with pytest.raises(OptionError, match=message):
            read_toml(file)
    with pytest.raises(OptionError, match="no configuration file"):
        read_toml(tmp_path / "absent.toml")


def test_conversions():
    assert convert("none", int | None, "x") is None
    assert convert("3", int | None, "x") == 3
    assert convert("true", bool, "x") is True
    assert convert("1e-4", float, "x") == 1e-4
    assert convert("[1, 2]", None, "x") == [1, 2]
    assert convert("synthetic:1000", None, "x") == "synthetic:1000"
    assert convert("b", Literal["a", "b"], "x") == "b"


def test_constructor_options_follow_kwargs_upwards():
    class Base:
        def __init__(self, *, depth: int = 1, hidden: str = "x"): ...

    class Child(Base):
        """A child.

        Args:
            width: how wide,
                in metres.
            depth: how deep.
        """

        def __init__(self, needed, *, width: float = 2.0, **kwargs): ...

    found = of_callable(Child, skip=("self", "hidden"))
    assert {name: option.default for name, option in found.items()} == {"width": 2.0, "depth": 1}
    assert [option.doc for option in found.values()] == ["how wide, in metres.", "how deep."]


def test_inherited_wording():
    @dataclass(frozen=True)
    class Base:
        a: int = 1
        """first"""

    @dataclass(frozen=True)
    class Child(Base):
        b: int = 2
        """second,
        on two lines"""

    assert {name: option.doc for name, option in of_dataclass(Child).items()} == {
        "a": "first",
        "b": "second, on two lines",
    }


def test_only_given_options_reach_the_environment():
    c = config(env__delay=0.5)
    assert c.given("env") == {"delay": 0.5}
    assert c.env["image"] is False
