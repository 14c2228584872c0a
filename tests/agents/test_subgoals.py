"""Subgoals: providers, judges, what the policy reads, what the record keeps; the seam in rollout and evaluation."""

from __future__ import annotations

import contextlib
import json
import threading
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
import subgoal_toys
import tiny_models
import torch
from subgoal_toys import STAGES
from toy_policy import ToyPolicy
from toy_run import TWO_TURNS, config, trainer

from vlgym.core.tasks import Task, TaskSet
from vlgym_agents import cli
from vlgym_agents.batch import make_batch
from vlgym_agents.policies.hf import load
from vlgym_agents.policies.nano import fresh
from vlgym_agents.policies.nano.config import NanoConfig
from vlgym_agents.policies.nano.pieces import read_page
from vlgym_agents.policies.prompt import describe
from vlgym_agents.policy import Sampling
from vlgym_agents.pool import EnvSpec, make_pool
from vlgym_agents.recipe import RecipeError, Setting, progress
from vlgym_agents.reference import goal_row
from vlgym_agents.rollout import Request, Rollout, collect, generator
from vlgym_agents.subgoals import (
    Asked,
    ByLot,
    Cached,
    Case,
    Checkpoints,
    Shuffled,
    SubgoalOptions,
    Subgoals,
    environment_judge,
    mc_returns,
    read_list,
    segments,
)
from vlgym_agents.types import Chunk, Trace, Turn

TASKS = TaskSet({"train": ["a", "b"]}, lambda name: Task(name, "do it", "train", 8.0, ("open", "write", "save")))
RANDOM = np.random.default_rng(0)


def episode(reached: list[int], *, total: int = 3, success: bool = False) -> Trace:
    """Return an episode whose k-th step reached so many subgoals."""
    empty = Chunk(np.array([20], np.int32))
    turns = []
    for k, new in enumerate(reached):
        info = {"reached": new, "progress": (sum(reached[: k + 1]), total)}
        turns.append(Turn(empty, np.array([1, 8], np.int32), np.zeros(2, np.float32), "", "", info=info))
    return Trace("a", 0, 0, 0, turns, success=success, ret=float(success))


class Oracle:
    """A model that answers from a list and remembers what it was asked."""

    def __init__(self, *answers: str) -> None:
        self.answers, self.prompts = list(answers), []

    def ask(self, prompt, image=None):
        self.prompts.append(prompt)
        return self.answers.pop(0)


# ---------------------------------------------------------------- segments


def test_segments_of_the_sheet():
    """Sheet 3.4: rewards 0 0 1 0 1 0 cut into [0,0,1], [0,1], [0]."""
    cut = segments(episode([0, 0, 1, 0, 1, 0]), solved=False)
    assert [(s.first, s.last, s.index, s.reached) for s in cut] == [(0, 3, 0, True), (3, 5, 1, True), (5, 6, 2, False)]
    assert [mc_returns(s, 0.5).tolist() for s in cut] == [[0.25, 0.5, 1.0], [0.5, 1.0], [0.0]]


def test_the_goal_closes_the_last_segment():
    cut = segments(episode([0, 1, 0, 0]), solved=True)
    assert [(s.index, len(s), s.reached) for s in cut] == [(0, 2, True), (1, 2, True)]
    assert mc_returns(cut[1], 0.5).tolist() == [0.5, 1.0]


def test_segments_start_where_the_episode_does():
    """A step may reach several at once, and an episode may begin with some reached; no subgoals: one segment."""
    trace = episode([0, 2, 0])
    for turn, done in zip(trace.turns, (1, 3, 3)):
        turn.info = {**turn.info, "progress": (done, 4)}
    assert [(s.index, len(s)) for s in segments(trace, False)] == [(1, 2), (3, 1)]
    assert progress(trace) == 0.75
    plain = Trace("a", 0, 0, 0, [Turn(t.chunk, t.ids, t.logprobs, "", "") for t in trace.turns])
    assert [(s.index, len(s), s.reached) for s in segments(plain, False)] == [(0, 3, False)]
    assert progress(plain) == 0.0


# ---------------------------------------------------------------- providers


def test_checkpoints_and_their_shuffle():
    assert Checkpoints(TASKS)("a", {}, RANDOM) == ("open", "write", "save")
    shuffled = [Shuffled(Checkpoints(TASKS))("a", {}, generator(seed)) for seed in range(20)]
    assert {tuple(sorted(texts)) for texts in shuffled} == {("open", "save", "write")}
    assert len(set(shuffled)) > 3
    assert shuffled[4] == Shuffled(Checkpoints(TASKS))("a", {}, generator(4))


def test_a_model_names_what_the_file_lacks_once(tmp_path):
    path, model = tmp_path / "kept" / "subgoals.json", Oracle("1. Open it\n- write `x`\n\n  3) Save", "")
    provider = Cached(path, model)
    seen = {"instruction": "do it", "text": "a page"}
    assert provider("a", seen, RANDOM) == ("Open it", "write `x`", "Save")
    assert provider("a", seen, RANDOM)[0] == "Open it"
    assert len(model.prompts) == 1
    assert "do it" in model.prompts[0]
    assert "a page" in model.prompts[0]
    assert json.loads(path.read_text()) == {"a": ["Open it", "write `x`", "Save"]}
    assert provider("b", seen, RANDOM) == ()  # an abstention is not kept
    assert Cached(path)("a", {}, RANDOM) == ("Open it", "write `x`", "Save")
    assert Cached(path)("other", {}, RANDOM) == ()


@pytest.mark.parametrize("text", ["", "[]", '{"a": "open"}', '{"a": [1]}', "{"])
def test_a_bad_file_is_refused(tmp_path, text):
    path = tmp_path / "subgoals.json"
    path.write_text(text)
    with pytest.raises(RecipeError, match=r"algo\.subgoals"):
        Cached(path)
    with pytest.raises(RecipeError, match=r"algo\.subgoals"):
        Cached(tmp_path / "none.json")


def test_any_answer_is_a_list():
    assert read_list("") == ()
    assert read_list("* one\n\u2022 two\n(3) three\n4: four\n12 monkeys") == (
        "one",
        "two",
        "three",
        "four",
        "12 monkeys",
    )
    assert len(read_list("\n".join(map(str, range(1000))))) == 20
    assert max(map(len, read_list("x" * 10**6))) == 200


# ---------------------------------------------------------------- judges


def case(done=0, before=({"text": "before"}, {}), after=({"text": "after"}, {}), random=RANDOM) -> Case:
    return Case("a", "do it", ("open", "write", "save"), done, before, after, random)


def test_the_environment_judges():
    assert environment_judge(case(1, after=({}, {"progress": (3, 3)}))) == 2
    assert environment_judge(case(2, after=({}, {"progress": (1, 3)}))) == 0  # undone: what was reached stays reached
    assert environment_judge(case()) == 0


def test_a_model_judges():
    model = Oracle("Yes, both.", "no", "yesterday", "")
    assert [Asked(model)(case(1)) for _ in range(4)] == [1, 0, 0, 0]
    assert all(part in model.prompts[0] for part in ("do it", "open; write", "before", "after"))
    assert "save" not in model.prompts[0]
    assert Asked(model)(case(before=None)) == 0


def test_the_lot_has_the_oracle_s_pace():
    judge, random = ByLot(TASKS), generator(3)
    found = np.mean([judge(case(random=random)) for _ in range(4000)])
    assert found == pytest.approx(3 / 8, abs=0.03)
    assert judge(case(before=None)) == 0


# ---------------------------------------------------------------- what the policy reads


def guide(show="text", judge=environment_judge, **kwargs):
    return Subgoals(Checkpoints(TASKS), judge, show, **kwargs)("a", generator(1))


def test_the_current_subgoal_is_shown_and_kept():
    shown = guide()
    page = {"instruction": "do it", "text": "page"}
    assert shown(page, {"success": False, "progress": (0, 3)})[0]["text"] == "Now: open\npage"
    observation, info = shown(page, {"progress": (2, 3), "subgoal": "ignored"})
    assert observation == {"instruction": "do it", "text": "Now: save\npage"}
    assert (info["subgoal"], info["progress"], info["reached"]) == ("save", (2, 3), 2)
    observation, info = shown(page, {"progress": (3, 3)})
    assert observation is page
    assert (info["subgoal"], info["progress"], info["reached"]) == ("", (3, 3), 1)
    assert page == {"instruction": "do it", "text": "page"}


def test_other_ways_to_show():
    page, info = {"instruction": "do it", "text": "one [SEP] two"}, {"progress": (0, 3), "subgoal": "open the lid"}
    assert guide("instruction")(page, info)[0]["instruction"] == "do it Now: open"
    assert guide("alone")(page, info)[0]["instruction"] == "open"
    assert guide("none")(page, info)[0] is page
    assert guide("none")(page, info)[1]["subgoal"] == "open"
    assert guide("text")(page, info)[0]["text"] == "Now: open [SEP] one [SEP] two"
    assert guide("text", live=True)(page, info)[0]["text"].startswith("Now: open the lid")
    with pytest.raises(RecipeError, match=r"algo\.show"):
        guide("text")({"image": np.zeros((4, 4, 3), np.uint8)}, info)


def test_a_task_without_subgoals_is_left_alone():
    page, info = {"text": "page"}, {"success": False}
    nothing = Subgoals(Cached.__new__(Cached), environment_judge)
    nothing.provider.known, nothing.provider.client = {}, None
    seen = nothing("a", generator(1))(page, info)
    assert seen[0] is page
    assert seen[1] is info


def test_every_policy_reads_the_line():
    page = {"instruction": "do it", "text": "[button] a [button_]"}
    shown = guide()(page, {"progress": (0, 3)})[0]
    assert "Now: open" in describe(shown, {}, first=False, list_actions=False)
    pieces = read_page(shown["text"], "do it", {})
    assert [piece.text for piece in pieces] == ["Now: open", "a"]
    assert [piece.points for piece in pieces] == ["", "a"]  # it shifts nothing that can be pointed at


def test_options_are_checked(tmp_path):
    setting = Setting(TASKS, "train", None, Sampling())
    (tmp_path / "s.json").write_text("{}")
    kept = str(tmp_path / "s.json")
    with pytest.raises(ValueError, match="Unknown show"):
        SubgoalOptions(show="loud")
    assert "endpoint_calls" in SubgoalOptions().idle()
    with pytest.raises(ValueError, match="endpoint_calls"):
        SubgoalOptions(endpoint_calls=-1)
    with pytest.raises(ValueError, match="JSON file"):
        SubgoalOptions(endpoint="http://localhost:1/v1#m")
    for show in ("instruction", "alone"):
        with pytest.raises(RecipeError, match=r"rollout\.window"):
            SubgoalOptions(show=show).observe(setting, plain=False)
    one = Setting(TASKS, "train", None, Sampling(), window=1)
    with pytest.raises(RecipeError, match="kl_coef"):
        SubgoalOptions(show="instruction").observe(one, plain=True)
    assert SubgoalOptions(show="instruction").observe(one, plain=False).judge is environment_judge
    assert isinstance(SubgoalOptions(subgoals="shuffled").observe(setting, plain=False).judge, ByLot)
    assert SubgoalOptions(subgoals=kept).observe(setting, plain=False).judge is environment_judge
    asked = SubgoalOptions(subgoals=kept, endpoint="http://localhost:1/v1#m").observe(setting, plain=False)
    assert isinstance(asked.judge, Asked)
    asked.client.calls = 7
    again = SubgoalOptions(subgoals=kept, endpoint="http://localhost:1/v1#m").observe(setting, plain=False)
    again.load_state_dict(asked.state_dict())
    assert again.client.calls == 7


# ---------------------------------------------------------------- the seam

BLIND = {"told": False}


def play(observe, *, slots=4, workers=0, window=0, env=STAGES, **kwargs):
    torch.manual_seed(1)
    policy = ToyPolicy()
    wanted = [Request(f"t{g}", 10 + g, g, m, (7, g, m), record=True) for g in range(3) for m in range(3)]
    spec = EnvSpec(env, BLIND if env == STAGES else {})
    with contextlib.closing(make_pool(spec, slots, workers=workers)) as pool:
        rollout = Rollout(Sampling(max_tokens=1), batch=slots, window=window, observe=observe, **kwargs)
        return policy, collect(policy, pool, wanted, rollout)


def stages(show="text", plain=False) -> Subgoals:
    return Subgoals(Checkpoints(subgoal_toys.Stages(**BLIND).tasks), environment_judge, show, plain)


def words(traces):
    return [[(t.ids.tolist(), t.logprobs.tolist(), t.info) for t in trace.turns] for trace in traces]


@pytest.mark.parametrize(("slots", "workers"), [(1, 0), (9, 0), (4, 2)])
def test_the_same_whatever_batch_and_workers(slots, workers):
    assert words(play(stages(), slots=slots, workers=workers)[1]) == words(play(stages())[1])


def test_the_record_shows_subgoals():
    for trace in play(stages())[1]:
        names = subgoal_toys.Stages().tasks[trace.task].checkpoints
        assert trace.instruction == "pick well"
        done = 0
        for turn in trace.turns:
            assert turn.observation["text"] == f"Now: {names[done]}\n"
            done, total = turn.info["progress"]
            assert total == len(names)
            assert turn.info["subgoal"] == (names[done] if done < total else "")
        assert done == sum(turn.info["reached"] for turn in trace.turns)


def test_without_subgoals_nothing_changes():
    """A method with the seam on an environment without checkpoints plays the same episodes as one without it."""
    plain = Subgoals(Checkpoints(TaskSet({"train": []}, lambda name: Task(name, "", "train", 1.0))), environment_judge)
    assert words(play(plain, env=TWO_TURNS)[1]) == words(play(None, env=TWO_TURNS)[1])


@pytest.mark.parametrize("window", [0, 1, 2])
def test_the_plain_observation_is_kept_for_a_reference(window):
    policy, traces = play(stages(plain=True), window=window)
    turns = [turn for trace in traces for turn in trace.turns]
    assert len(turns) > 30
    for turn in turns:
        for chunk in (turn.chunk, turn.opening or turn.chunk):
            first = chunk is turn.opening or window == 1 or turn in [trace.turns[0] for trace in traces]
            assert (
                chunk.plain.ids.tolist()
                == policy.encode({"instruction": "pick well", "text": ""}, {}, first=first).ids.tolist()
            )
            assert len(chunk.ids) == len(chunk.plain.ids) + len("Now: 3\n")
    assert all(turn.chunk.plain is None for trace in play(stages())[1] for turn in trace.turns)


@pytest.mark.parametrize("kind", ["nano", "llama"])
def test_real_policies_play_and_are_scored_with_and_without(kind, tmp_path):
    torch.manual_seed(0)
    policy = fresh(NanoConfig(layers=1), 1) if kind == "nano" else load(str(tiny_models.save(kind, tmp_path)))
    sampling = Sampling(max_tokens=3)
    requests = [Request("t0", 1, 0, m, (3, m)) for m in range(2)]
    for window in (0, 1):
        with contextlib.closing(make_pool(EnvSpec(STAGES, BLIND), 2)) as pool:
            rollout = Rollout(sampling, 2, window, observe=stages(plain=True))
            traces = collect(policy, pool, requests, rollout)
        batch = make_batch(traces, window)
        shown = policy.score(batch.rows, sampling).logprobs.detach().numpy()
        plain = policy.score([goal_row(row) for row in batch.rows], sampling).logprobs.detach().numpy()
        assert shown == pytest.approx(batch.old_logprobs, abs=1e-4)
        assert np.isfinite(plain).all()
        assert np.abs(shown - plain).max() > 1e-6


@pytest.fixture
def server():
    """A chat server that splits every task into two digits and finds a stage complete on every other question."""
    asked = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            said = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["messages"][0]["content"]
            asked.append(said)
            answer = "1. press 2\n2. press 1" if "Split its task" in said else ("no", "Yes.")[len(asked) % 2]
            body = json.dumps({"choices": [{"message": {"content": answer}}]}).encode()
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as serving:
        threading.Thread(target=serving.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{serving.server_port}/v1#some-model", asked
        serving.shutdown()


def test_a_server_names_and_judges_and_is_paid_once(tmp_path, server):
    endpoint, asked = server
    kept = tmp_path / "kept" / "subgoals.json"
    cfg = config(run__env=STAGES, run__algo="vsc-grpo", run__steps=1, rollout__groups=2, rollout__max_tokens=1,
                 algo__subgoals=str(kept), algo__endpoint=endpoint)  # fmt: skip
    with trainer(tmp_path / "a", cfg) as made:
        turns = [turn for group in made._harvest(1).fresh for trace in group for turn in trace.turns]
        state = made.parts.state_dict()
    assert {turn.info["subgoal"] for turn in turns} <= {"press 2", "press 1", ""}
    assert sum(turn.info["reached"] for turn in turns) > 0
    assert len(json.loads(kept.read_text())) == 2
    assert state["observe"]["calls"] == len(asked) == len(set(asked))
    before = len(asked)
    with trainer(tmp_path / "b", cfg) as made:
        again = [turn for group in made._harvest(1).fresh for trace in group for turn in trace.turns]
    assert [turn.info for turn in again] == [turn.info for turn in turns]
    assert len(asked) == before


LEARN = {
    "run__env": STAGES, "run__algo": "vsc-grpo", "rollout__groups": 4, "rollout__group_size": 8, "rollout__batch": 32,
    "rollout__max_tokens": 1, "env__told": False, "env__length": 2,
}  # fmt: skip


def test_evaluation_shows_them_too(tmp_path, capsys):
    """Only the subgoals know the digits: a trained policy solves held-out tasks where it is shown them."""
    cfg = config(**LEARN, run__steps=14, eval__episodes=24)
    with trainer(tmp_path, cfg) as made:
        made.run()
        made.parts = replace(made.parts, observe=None)
        blind = made.evaluate("blind")[0]
    after = json.loads((tmp_path / "eval_after.json").read_text())
    assert after["success"]["value"] > 0.6
    assert blind["success"]["value"] < after["success"]["value"] - 0.3
    found = [json.loads(file.read_text()) for file in (tmp_path / "episodes").glob("after-*.json")]
    assert found
    assert all(turn["text"].startswith("Now: ") for episode in found for turn in episode["turns"])
    assert cli.evaluate(["--policy", str(tmp_path), "--episodes", "24", "--json", str(tmp_path / "again.json")]) == 0
    again = json.loads((tmp_path / "again.json").read_text())
    assert again["success"] == after["success"]
    assert again["observation_hash"] == after["observation_hash"]  # of the environment's observations, as they were
