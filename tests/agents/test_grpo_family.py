"""The methods that are a few lines over GRPO: what each changes, by hand, and what it leaves alone."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from toy_run import BANDIT, TWO_TURNS, config, equal, run

from vlgym.core.errors import UnknownNameError
from vlgym_agents import registry
from vlgym_agents.algos import dapo, gigpo
from vlgym_agents.docs.parts import changed, defaults, stand_in
from vlgym_agents.losses import surrogate, token_weights
from vlgym_agents.options import PRESETS, resolve
from vlgym_agents.recipe import RecipeError
from vlgym_agents.schema import OptionError, read_toml
from vlgym_agents.types import Chunk, Trace, Turn

SMALL = ("rloo", "dr-grpo", "dapo", "gspo", "cispo", "gigpo")


def turn(page: int, reward: float = 0.0, tokens: int = 1) -> Turn:
    ids = np.ones(tokens, np.int32)
    return Turn(Chunk(np.array([page], np.int32)), ids, np.full(tokens, -1.0, np.float32), "", "", reward)


def episode(pages: list[int], rewards: list[float], member: int = 0) -> Trace:
    trace = Trace("t", 0, 0, member, [turn(page, reward) for page, reward in zip(pages, rewards)])
    trace.ret = float(sum(rewards))
    return trace


# ---------------------------------------------------------------- GiGPO


def test_gigpo_by_hand():
    """Two episodes meet at page 1 and at page 3; page 2 is met once.

    gamma 0.5. First: pages 1, 2, 3, rewards 0, 0, 1: G = 0.25, 0.5, 1. Second: pages 1, 3, rewards 0, 0: G = 0, 0.
    Page 1: mean 0.125 -> +-0.125; page 3: mean 0.5 -> +-0.5; page 2 alone -> 0. Episodes: R = 1, 0 -> +-0.5.
    """
    group = [episode([1, 2, 3], [0, 0, 1]), episode([1, 3], [0, 0], 1)]
    options = gigpo.GigpoOptions(norm="mean", gamma=0.5)
    steps = gigpo.step_advantages(group, options)
    assert np.allclose(steps[0], [0.125, 0.0, 0.5])
    assert np.allclose(steps[1], [-0.125, -0.5])
    whole = gigpo.StepGroupCredit(options)([group]).advantages
    assert np.allclose(whole[0], [0.625, 0.5, 1.0])
    assert np.allclose(whole[1], [-0.625, -1.0])
    half = gigpo.StepGroupCredit(gigpo.GigpoOptions(norm="mean", gamma=0.5, step_weight=0.5))([group]).advantages
    assert np.allclose(half[0], [0.5625, 0.5, 0.75])


def test_gigpo_divides_by_the_deviation_of_the_step_group():
    """Page 1 with returns 0.25 and 0: sample deviation 0.25 / sqrt 2, so +-0.125 becomes +-1 / sqrt 2."""
    group = [episode([1, 2, 3], [0, 0, 1]), episode([1, 3], [0, 0], 1)]
    steps = gigpo.step_advantages(group, gigpo.GigpoOptions(norm="mean_std", gamma=0.5, adv_eps=0))
    assert np.allclose(steps[0], [2**-0.5, 0.0, 2**-0.5])


def test_gigpo_meets_the_same_state_twice_in_one_episode():
    """Page 1 twice in the first episode (G 0.25 and 1) and once in the second (G 0): mean 5/12."""
    group = [episode([1, 2, 1], [0, 0, 1]), episode([1], [0], 1)]
    steps = gigpo.step_advantages(group, gigpo.GigpoOptions(norm="mean", gamma=0.5))
    assert np.allclose(steps[0], [0.25 - 5 / 12, 0.0, 1 - 5 / 12])
    assert np.allclose(steps[1], [-5 / 12])


def test_gigpo_does_not_mix_groups_and_counts_what_is_no_reward():
    """What of the return is no reward comes with the last step; the same page in another group is another state."""
    one, other = episode([1], [0]), episode([1], [0], 1)
    one.ret = 0.5  # a format term, say
    options = gigpo.GigpoOptions(norm="mean")
    assert np.allclose(np.concatenate(gigpo.step_advantages([one, other], options)), [0.25, -0.25])
    apart = gigpo.StepGroupCredit(options)([[one], [other]]).advantages
    assert np.allclose(np.concatenate(apart), 0.0)


def test_gigpo_masks_what_a_limit_cut_in_both_advantages():
    group = [episode([1], [1.0]), episode([1], [0.0], 1)]
    group[1].turns[-1].truncated = True
    whole = gigpo.StepGroupCredit(gigpo.GigpoOptions(norm="mean", mask_truncated=True))([group]).advantages
    assert np.allclose(whole[0], [1.0])
    assert np.allclose(whole[1], [0.0])


def test_anchor_reads_ids_pictures_and_side_data():
    ids = np.array([1, 2], np.int32)
    picture = np.zeros((2, 2, 3), np.uint8)
    other = picture.copy()
    other[0, 0, 0] = 1
    chunks = [Chunk(ids), Chunk(ids[:1]), Chunk(ids, (picture,)), Chunk(ids, (other,)), Chunk(ids, (), {"a": ids})]
    assert len({gigpo.anchor(chunk) for chunk in chunks}) == len(chunks)
    assert gigpo.anchor(Chunk(ids.copy(), (picture.copy(),))) == gigpo.anchor(chunks[2])


@pytest.mark.parametrize("norm", ["mean", "mean_std"])
def test_gigpo_without_steps_is_grpo_to_the_bit(tmp_path, norm):
    same = {"run__env": TWO_TURNS, "run__steps": 3, "algo__norm": norm, "algo__format_weight": 1.0}
    plain = run(tmp_path / "a", config(**same))
    zero = run(tmp_path / "b", config(**same, run__algo="gigpo", algo__step_weight=0.0))
    step = run(tmp_path / "c", config(**same, run__algo="gigpo"))
    assert equal(plain[0], zero[0])
    assert plain[1] == zero[1]
    assert not equal(plain[0], step[0])


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        ({"algo__gamma": 1.5}, "gamma must be at most 1"),
        ({"algo__norm": "rloo"}, "Unknown norm"),
        ({"algo__step_weight": 0, "algo__gamma": 0.9}, "would have no effect"),
    ],
)
def test_gigpo_refuses(flags, message):
    with pytest.raises(OptionError, match=message):
        config(run__algo="gigpo", **flags)


# ---------------------------------------------------------------- the others


@pytest.mark.parametrize("algo", SMALL)
def test_no_flag_but_the_method_makes_it_grpo_or_not(tmp_path, algo):
    """With GRPO's values for all that the preset sets the method is GRPO to the bit; with its own it is not."""
    base = defaults(registry.recipe("grpo"))
    preset = {key: value for key, value in registry.recipe(algo).preset.items() if key.startswith("algo.")}
    back = {key.replace(".", "__"): getattr(base, key[5:]) for key in preset}
    same = {"run__env": TWO_TURNS, "run__steps": 2, "optim__minibatches": 2, "optim__epochs": 2, "optim__lr": 0.1}
    same |= {"algo__format_weight": 1.0}  # an untrained policy gets no other return there
    neutral = {"algo__step_weight": 0.0} if algo == "gigpo" else {}
    plain = run(tmp_path / "a", config(**same))
    assert equal(plain[0], run(tmp_path / "b", config(**same, **back, **neutral, run__algo=algo))[0])
    assert not equal(plain[0], run(tmp_path / "c", config(**same, run__algo=algo))[0])


def test_a_model_does_not_change_what_makes_the_method():
    for algo, aggregation in (("dr-grpo", "constant"), ("gspo", "sequence_mean"), ("rloo", "turn_mean")):
        cfg = resolve([("flag", {"run.env": "webshop", "run.algo": algo, "run.model": "nano"})])
        assert cfg.algo.aggregation == aggregation
        assert cfg.optim.lr == 3e-4


def test_rloo_leaves_one_out():
    """[1, 0, 0, 0]: 1 - 0, then 0 - 1/3."""
    recipe = registry.recipe("rloo")
    group = [episode([1], [r], i) for i, r in enumerate((1.0, 0.0, 0.0, 0.0))]
    credit = recipe.build(defaults(recipe), stand_in()).credit([group])
    assert np.allclose(credit.advantages, [1, -1 / 3, -1 / 3, -1 / 3])


def test_dr_grpo_divides_by_nothing_of_its_own():
    """[1, 0, 0, 1] -> +-0.5, and a token of an episode of 2 or of 3 tokens weighs 1 / (2 episodes * 1024)."""
    recipe = registry.recipe("dr-grpo")
    options = defaults(recipe)
    group = [episode([1], [r], i) for i, r in enumerate((1.0, 0.0, 0.0, 1.0))]
    assert np.allclose(recipe.build(options, stand_in()).credit([group]).advantages, [0.5, -0.5, -0.5, 0.5])
    trace = np.array([0, 0, 1, 1, 1])
    weights = token_weights(trace, trace, options.aggregation, constant_length=options.constant_length)
    assert np.allclose(weights, 1 / 2048)


def test_gspo_clips_sequences_and_cispo_no_gradient():
    """Log-ratios 0.1 and -0.1 of one sequence: GSPO's ratio is exp 0 = 1, unclipped; CISPO keeps every gradient."""
    lp = torch.tensor([-0.9, -1.1], requires_grad=True)
    old, advantages, rows = torch.full((2,), -1.0), torch.ones(2), torch.zeros(2, dtype=torch.long)
    gspo = defaults(registry.recipe("gspo"))
    losses, metrics = surrogate(lp, old, advantages, gspo, rows)
    assert torch.allclose(losses, torch.tensor([-1.0, -1.0]))
    assert metrics["clip_high"] == 0
    _, tokens = surrogate(lp, old, advantages, defaults(registry.recipe("grpo")), rows)
    assert tokens["ratio_max"] == pytest.approx(np.exp(0.1), rel=1e-5)
    wide = torch.tensor([2.0, -1.0], requires_grad=True)  # ratios e^3 = 20.1, cut at 5, and 1
    losses, _ = surrogate(wide, old, advantages, defaults(registry.recipe("cispo")), rows)
    losses.sum().backward()
    assert torch.allclose(wide.grad, torch.tensor([-5.0, -1.0]))


def test_gspo_drops_a_sequence_beyond_its_narrow_band():
    """Both tokens 0.001 up: the sequence ratio 1.001 is past 1 + 4e-4, so A = 1 has no gradient."""
    lp = torch.tensor([-0.999, -0.999], requires_grad=True)
    options = defaults(registry.recipe("gspo"))
    losses, metrics = surrogate(lp, torch.full((2,), -1.0), torch.ones(2), options, torch.zeros(2, dtype=torch.long))
    losses.sum().backward()
    assert metrics["clip_high"] == 1
    assert torch.equal(lp.grad, torch.zeros(2))


@pytest.mark.parametrize(("length", "price"), [(5, 0.0), (6, 0.0), (7, 0.25), (8, 0.5), (10, 1.0), (12, 1.0)])
def test_dapo_prices_length(length, price):
    """Limit 10, buffer 4: free up to 6, then a quarter a token."""
    trace = Trace("t", 0, 0, 0, [turn(1, tokens=length)])
    assert dapo.overlong(trace, 10, 4) == pytest.approx(price)
    assert dapo.overlong(Trace("t", 0, 0, 0, [turn(1, tokens=length), turn(1)]), 10, 4) == pytest.approx(price / 2)


def test_dapo_price_is_a_term_of_the_return():
    recipe = registry.recipe("dapo")
    assert set(recipe.build(recipe.options(), stand_in()).rewards) == {"env"}
    parts = recipe.build(recipe.options(overlong_buffer=4), stand_in())
    limit = stand_in().sampling.max_tokens
    assert parts.rewards["overlong"](Trace("t", 0, 0, 0, [turn(1, tokens=limit - 1)])) == pytest.approx(-0.75)
    with pytest.raises(RecipeError, match=f"at most rollout.max_tokens = {limit}"):
        recipe.build(recipe.options(overlong_buffer=limit + 1), stand_in())


def test_dapo_drops_and_refills():
    recipe = registry.recipe("dapo")
    parts = recipe.build(defaults(recipe), stand_in())
    assert parts.refill == 3
    assert parts.keep([episode([1], [1.0]), episode([1], [0.0], 1)])
    assert not parts.keep([episode([1], [1.0]), episode([1], [1.0], 1)])


# ---------------------------------------------------------------- the table


def test_old_spelling_gets_a_hint():
    with pytest.raises(UnknownNameError, match="Did you mean 'filtered-bc'"):
        config(run__algo="filtered_bc")


@pytest.mark.parametrize("algo", registry.ALGOS)
def test_every_method_says_what_it_is_made_of(algo):
    found = changed(algo)
    assert all(found.values())
    recipe = registry.recipe(algo)
    assert algo == "grpo" or found or any(key.startswith("algo.") for key in recipe.preset)


@pytest.mark.parametrize("path", sorted(PRESETS.glob("*.toml")), ids=lambda path: path.stem)
def test_presets_resolve_for_their_method(path):
    """Each names its method, resolves with it, sets nothing that has no effect, and says where it comes from."""
    wanted = read_toml(path)
    elsewhere = {} if "run.env" in wanted else {"run.env": BANDIT}
    if elsewhere and wanted["run.algo"] not in registry.PROGRAMS:
        elsewhere["run.model"] = "toy"
    cfg = resolve([("flag", {**elsewhere, "run.preset": path.stem})])
    assert cfg.run.algo == wanted["run.algo"]
    assert all(cfg.flat()[key] == value for key, value in wanted.items())
    assert not set(cfg.algo.idle() if hasattr(cfg.algo, "idle") else ()) & {
        key[5:] for key, value in wanted.items() if key.startswith("algo.") and value != registry_default(cfg, key)
    }
    first = path.read_text(encoding="utf-8").splitlines()[0]
    assert first.startswith("# ")
    assert "arXiv" in first or "(ours" in first


def registry_default(cfg, key):
    method = registry.method(cfg.run.algo)
    plain = defaults(method) if cfg.run.algo in registry.ALGOS else method.sections["algo"]()
    return getattr(plain, key[5:])
