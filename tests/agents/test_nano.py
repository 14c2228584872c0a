"""nano as a Policy: exact scores, independence of neighbours, hostile pages, saving, and its `transformers` face."""

from __future__ import annotations

import copy

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from hypothesis import given, settings  # noqa: E402
from hypothesis import strategies as st  # noqa: E402

from vlgym.core.errors import ActionError  # noqa: E402
from vlgym_agents.policies.nano import NanoConfig, NanoPolicy, fresh, load  # noqa: E402
from vlgym_agents.policies.nano.grammar import CLOSER_IDS, spell  # noqa: E402
from vlgym_agents.policies.nano.tokenizer import ACT, CONTROLS, NanoTokenizer  # noqa: E402
from vlgym_agents.policy import Sampling  # noqa: E402
from vlgym_agents.types import Chunk, Row  # noqa: E402

SAYS = "Find me machine wash men's shirts with color: grey, and size: xx-large, and price lower than 50.00 dollars"
SEARCH = f"Instruction:\n{SAYS}\n[button] Search [button_]\n"
RESULTS = "[button] Back to Search [button_]\nPage 1 (Total results: 2)\n\n" + "".join(
    f"[button] {name} [button_]\n{title}\n{price}\n\n"
    for name, title, price in [("B01", "Grey shirts", "$35.49"), ("B02", "Blue lamp", "$1,200.00 to $1,300.00")]
)
ITEM = "color\n  [button] grey [button_]\n  [clicked button] blue [clicked button_]\n[button] Buy Now [button_]\n"
PAGES = (SEARCH, RESULTS, ITEM)
OFFERS = (("search[<words>]",), ("click[b01]", "click[b02]"), ("click[grey]", "click[buy now]"))


@pytest.fixture(scope="module")
def policy() -> NanoPolicy:
    """An untrained policy whose zero-initialised parts are shaken, so that every part matters."""
    made = fresh(NanoConfig(layers=2, value_head=True), seed=1)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in made.module.parameters():
            parameter += 0.02 * torch.randn(parameter.shape, generator=generator)
    return made


def picture(seed: int) -> np.ndarray:
    """Return an image with some busy cells."""
    rng = np.random.default_rng(seed)
    image = np.full((60, 100, 3), 255, np.uint8)
    image[8:24, 16:64] = rng.integers(0, 255, (16, 48, 3))
    return image


def observation(turn: int, seed: int, mode: str) -> dict:
    seen = {"instruction": SAYS}
    if mode != "image":
        seen["text"] = PAGES[turn % 3].replace("2)", f"{seed})")
    if mode != "text":
        seen["image"] = picture(seed * 10 + turn)
    return seen


def play(policy: NanoPolicy, seeds: list[int], turns: int, sampling: Sampling, mode: str = "text"):
    """Return (rows, samples per turn) of episodes that are sampled together."""
    session = policy.session(len(seeds))
    randoms = [np.random.default_rng(seed) for seed in seeds]
    chunks, samples = [[] for _ in seeds], [[] for _ in seeds]
    for turn in range(turns):
        read = [
            policy.encode(observation(turn, s, mode), {"available_actions": OFFERS[turn % 3]}, first=turn == 0)
            for s in seeds
        ]
        for i, sample in enumerate(session.act(range(len(seeds)), read, randoms, sampling)):
            chunks[i].append(read[i])
            samples[i].append(sample)
    rows = [Row(tuple(c), tuple(s.ids for s in ss), (True,) * turns) for c, ss in zip(chunks, samples)]
    return rows, samples


def test_a_frozen_eye_sees_the_same_learns_nothing_and_forgets_when_weights_change(policy):
    sampling = Sampling(max_tokens=6)
    rows, _ = play(policy, [1, 2], 3, sampling, "both")
    frozen = copy.deepcopy(policy)
    frozen.core.vision.freeze()
    plain, seen = policy.score(rows, sampling).logprobs, frozen.score(rows, sampling).logprobs
    assert torch.allclose(plain, seen, atol=1e-5)
    assert torch.equal(seen, frozen.score(rows, sampling).logprobs)  # the second time from memory
    alone = frozen.score(rows[1:], sampling).logprobs
    assert torch.allclose(seen[-len(alone) :], alone, atol=1e-6)
    seen.sum().backward()
    vision = frozen.core.vision
    assert all(p.grad is None for part in (vision.convs, vision.context) for p in part.parameters())
    assert vision.project.weight.grad.abs().max() > 0
    weights = {key: value * 0.5 for key, value in vision.state_dict().items()}
    vision.load_state_dict(weights)
    policy = copy.deepcopy(policy)
    policy.core.vision.load_state_dict(weights)
    assert torch.allclose(policy.score(rows, sampling).logprobs, frozen.score(rows, sampling).logprobs, atol=1e-5)


@pytest.mark.parametrize("mode", ["text", "image", "both"])
@pytest.mark.parametrize("sampling", [Sampling(max_tokens=6), Sampling(temperature=0.7, max_tokens=9, min_tokens=5)])
def test_scores_equal_what_was_sampled(policy, mode, sampling):
    rows, samples = play(policy, [1, 2, 2, 3], 5, sampling, mode)
    scores = policy.score(rows, sampling)
    sampled = np.concatenate([s.logprobs for ss in samples for s in ss])
    assert np.abs(scores.logprobs.detach().numpy() - sampled).max() < 1e-5
    values = np.concatenate([s.values for ss in samples for s in ss])
    asked = ~np.isnan(values)
    assert np.abs(scores.values.detach().numpy() - values)[asked].max() < 1e-5
    assert (sampled[~asked] == 0.0).all(), "only where the grammar leaves one token is the critic not asked"
    assert all(s.value == s.values[0] and not np.isnan(s.value) for ss in samples for s in ss)
    assert (sampled < -0.1).any()
    assert (scores.entropy >= -1e-6).all()


def test_scores_do_not_depend_on_neighbours_order_or_padding(policy):
    sampling = Sampling(max_tokens=6)
    rows, _ = play(policy, [1, 2, 3], 4, sampling)
    short = Row(rows[0].chunks[:1], rows[0].actions[:1], (True,))
    together = policy.score([rows[1], short, rows[2]], sampling).logprobs
    alone = torch.cat([policy.score([row], sampling).logprobs for row in (rows[1], short, rows[2])])
    assert (together - alone).abs().max() < 1e-5
    grads = []
    for batches in ([[rows[1], rows[2]]], [[rows[2]], [rows[1]]]):
        policy.module.zero_grad()
        for batch in batches:
            policy.score(batch, sampling).logprobs.sum().backward()
        grads.append(torch.cat([p.grad.flatten() for p in policy.parameters() if p.grad is not None]))
    assert (grads[0] - grads[1]).abs().max() < 1e-4 * grads[0].abs().max()


def test_sampling_does_not_depend_on_neighbours(policy):
    sampling = Sampling(max_tokens=6)
    _, together = play(policy, [1, 2, 3], 4, sampling)
    _, alone = play(policy, [2], 4, sampling)
    assert [s.ids.tolist() for s in together[1]] == [s.ids.tolist() for s in alone[0]]


def test_history_is_not_trained_but_read(policy):
    sampling = Sampling(max_tokens=6)
    rows, samples = play(policy, [1], 3, sampling)
    only = Row(rows[0].chunks, rows[0].actions, (False, False, True))
    scored = policy.score([only], sampling).logprobs.detach().numpy()
    assert np.abs(scored - samples[0][2].logprobs).max() < 1e-5


def test_loaded_history_equals_played_history(policy):
    sampling = Sampling(max_tokens=6, greedy=True)
    rows, samples = play(policy, [1], 3, sampling)
    session = policy.session(2)
    session.load(1, rows[0].chunks[:2], rows[0].actions[:2])
    again = session.act([1], [rows[0].chunks[2]], [np.random.default_rng(0)], sampling)[0]
    assert again.ids.tolist() == samples[0][2].ids.tolist()
    assert np.abs(again.logprobs - samples[0][2].logprobs).max() < 1e-5


def test_a_freed_slot_starts_anew_and_weights_may_change_between_turns(policy):
    sampling = Sampling(max_tokens=6, greedy=True)
    session = policy.session(3)
    chunk = policy.encode(observation(0, 1, "text"), {}, first=True)
    rng = [np.random.default_rng(0)]
    first = session.act([2], [chunk], rng, sampling)[0]
    session.free(2)
    assert session.act([2], [chunk], rng, sampling)[0].ids.tolist() == first.ids.tolist()
    with torch.no_grad():
        policy.module.stem.says.weight.mul_(-1)
    session.free(2)
    changed = session.act([2], [chunk], rng, sampling)[0]
    with torch.no_grad():
        policy.module.stem.says.weight.mul_(-1)
    assert np.abs(changed.logprobs - first.logprobs).max() > 0


def test_only_what_the_grammar_offers_is_ever_sampled(policy):
    rng = np.random.default_rng(0)
    chunk = policy.encode({"instruction": SAYS, "text": RESULTS, "image": picture(0)}, {}, first=True)
    session = policy.session(32)
    for _ in range(3):
        for slot in range(32):
            session.free(slot)
        for sample in session.act(range(32), [chunk] * 32, [rng] * 32, Sampling(max_tokens=7, temperature=3.0)):
            assert sample.ids[0] > ACT, "a piece kind is a placeholder and cannot be said"
            pointers = sample.ids[sample.ids >= policy.config.vocab_size] - policy.config.vocab_size
            assert (pointers < len(chunk.extra["points"])).all()
            assert sample.action == sample.text
            verb = sample.text.split("[")[0].split("(")[0]
            assert verb in ("search", "click", "tap", "type", "scroll", "back", "wait", "stop")
            assert policy.demonstrate([chunk], sample.action) is not None


def test_a_token_that_could_not_be_sampled_is_refused(policy):
    chunk = policy.encode({"instruction": SAYS, "text": RESULTS}, {}, first=True)
    for wrong in ([ACT], [8, CONTROLS + 5], [9, policy.config.vocab_size + 400, 16], [16]):
        with pytest.raises(ValueError, match="not permitted"):
            policy.score([Row((chunk,), (np.array(wrong, np.int32),), (True,))], Sampling())


@pytest.mark.parametrize(
    ("action", "spelt"),
    [
        ("search[machine wash shirts]", "search[machine wash shirts]"),
        ("search[MEN'S xx-large shirts]", "search[men's xx-large shirts]"),
        ("click[b02]", "click[B02]"),
        ("click[Back to Search]", "click[Back to Search]"),
        ('type("grey")', 'type("grey")'),
        ('type("Ada é 7]")', 'type("Ada é 7]")'),
        ("scroll(down)", "scroll(down)"),
        ("back()", "back()"),
    ],
)
def test_demonstrations_spell_the_action(policy, action, spelt):
    chunk = policy.encode({"instruction": SAYS, "text": RESULTS}, {}, first=True)
    ids = policy.demonstrate([chunk], action)
    scores = policy.score([Row((chunk,), (ids,), (True,))], Sampling())
    assert torch.isfinite(scores.logprobs).all()
    assert spell(ids.tolist(), chunk.extra["points"], policy.config.vocab_size, policy.tokenizer) == spelt


@pytest.mark.parametrize(
    "action", ["", "search[]", "search[zebra]", "click[b03]", "buy", "tap(1)", "scroll(out)", "x" * 9999]
)
def test_what_cannot_be_said_is_an_action_error(policy, action):
    chunk = policy.encode({"instruction": SAYS, "text": RESULTS, "image": picture(0)}, {}, first=True)
    with pytest.raises(ActionError):
        policy.demonstrate([chunk], action)


def test_taps_name_the_cell_and_come_back_to_it(policy):
    chunk = policy.encode({"instruction": SAYS, "image": picture(0)}, {}, first=True)
    cells = chunk.extra["points"][chunk.extra["n_words"] :]
    assert 0 < len(cells) < 8 * 7, "blank cells are dropped"
    ids = policy.demonstrate([chunk], f"tap({cells[3]})")
    assert ids[1] == policy.config.vocab_size + chunk.extra["n_words"] + 3


def test_elements_come_from_the_offer_when_there_is_no_text(policy):
    info = {"available_actions": ("click[Buy Now]", "click[red]")}
    chunk = policy.encode({"instruction": SAYS, "image": picture(0)}, info, first=True)
    assert policy.demonstrate([chunk], "click[red]").tolist()[1] == policy.config.vocab_size + len(SAYS.split()) + 1


def test_verbs_not_on_offer_are_suppressed(policy):
    chunk = policy.encode({"instruction": SAYS, "text": RESULTS}, {"available_actions": ("click[b01]",)}, first=True)
    with pytest.raises(ActionError, match="not among"):
        policy.demonstrate([chunk], "search[shirts]")


HOSTILE = [
    "[button] fake [button_] inside a line [button] x [button_]",
    "[button]  [button_]",
    "[button] [button_]",
    "[clicked button] [button_]",
    "<act> <pad> search[ click[ ] <button> <|endoftext|>",
    "\x00\x01\ud7ff \u202e 💥 " * 20,
    "9" * 400 + "." + "9" * 400,
    "$1e999 1,2,3,4 $,,, 1..2 ٣٤ ²",
    "",
    "a" * 1_000_000,
    "[button] b [button_]\n" * 50_000,
]


@pytest.mark.parametrize("page", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_pages_are_only_data(policy, page):
    chunk = policy.encode({"instruction": SAYS, "text": page}, {}, first=True)
    assert chunk.ids[-1] == ACT
    assert (chunk.ids[:-1] < ACT).all()
    assert len(chunk.ids) <= policy.config.max_pieces + policy.config.max_words + 1
    assert ((chunk.extra["words"] == 0) | (chunk.extra["words"] >= CONTROLS)).all()
    session = policy.session(1)
    sample = session.act([0], [chunk], [np.random.default_rng(0)], Sampling(max_tokens=8))[0]
    scores = policy.score([Row((chunk,), (sample.ids,), (True,))], Sampling(max_tokens=8))
    assert np.abs(scores.logprobs.detach().numpy() - sample.logprobs).max() < 1e-5


@settings(max_examples=40, deadline=None)
@given(st.text(max_size=300), st.text(max_size=100), st.lists(st.text(max_size=20), max_size=4))
def test_any_text_can_be_read(page, instruction, actions):
    tiny = _tiny()
    chunk = tiny.encode({"instruction": instruction, "text": page}, {"available_actions": tuple(actions)}, first=True)
    sample = tiny.session(1).act([0], [chunk], [np.random.default_rng(0)], Sampling(max_tokens=5))[0]
    assert sample.action == sample.text


def _tiny(made: list[NanoPolicy] = []) -> NanoPolicy:  # noqa: B006  (one policy for all examples)
    if not made:
        made.append(fresh(NanoConfig(layers=1), seed=0))
    return made[0]


def test_an_overlong_page_keeps_its_beginning_and_its_end(policy):
    page = "\n".join(["[button] First [button_]", *(f"line {i}" for i in range(500)), "[button] Buy Now [button_]"])
    chunk = policy.encode({"instruction": SAYS, "text": page}, {}, first=True)
    assert len(policy.demonstrate([chunk], "click[First]")) == len(policy.demonstrate([chunk], "click[Buy Now]")) == 3


def test_instruction_is_not_read_twice(policy):
    chunk = policy.encode({"instruction": SAYS, "text": SEARCH}, {}, first=True)
    assert len(chunk.ids) == len(SAYS.split()) + 1 + 1  # words, the Search button, <act>
    later = policy.encode({"instruction": SAYS, "text": SEARCH}, {}, first=False)
    assert len(later.ids) == 2


def test_flat_text_finds_its_elements_in_the_offer(policy):
    info = {"available_actions": ("click[b01]", "click[buy now]")}
    chunk = policy.encode({"instruction": "buy", "text": "B01 [SEP] Grey shirts [SEP] Buy Now"}, info, first=True)
    assert policy.demonstrate([chunk], "click[buy now]").tolist()[1] == policy.config.vocab_size + 2


def test_saved_policies_come_back_equal(policy, tmp_path):
    policy.save(tmp_path)
    back = load(tmp_path)
    rows, _ = play(policy, [1], 2, Sampling(max_tokens=6))
    assert torch.equal(back.score(rows, Sampling()).logprobs, policy.score(rows, Sampling()).logprobs)
    policy.save(tmp_path / "half", half=True)
    near = load(tmp_path / "half").score(rows, Sampling()).logprobs
    assert (near - policy.score(rows, Sampling()).logprobs).abs().max() < 0.05
    frozen = policy.reference()
    assert not list(frozen.parameters())
    assert torch.equal(frozen.score(rows, Sampling()).logprobs, policy.score(rows, Sampling()).logprobs)


def test_a_critic_can_be_added_on_loading(tmp_path):
    plain = fresh(NanoConfig(layers=1), seed=0)
    plain.save(tmp_path)
    with_critic = load(tmp_path, value_head=True)
    rows, _ = play(with_critic, [1], 1, Sampling(max_tokens=6))
    values = with_critic.score(rows, Sampling()).values
    assert values.shape == (rows[0].n_trained,)
    values.sum().backward()
    touched = {
        name for name, p in with_critic.module.named_parameters() if p.grad is not None and p.grad.abs().sum() > 0
    }
    assert touched
    assert all(name.startswith("critic.") for name in touched), "the body gets no gradient from the critic"


def test_wrong_folders_are_one_sentence(tmp_path):
    with pytest.raises(FileNotFoundError, match="holds no nano model"):
        load(tmp_path)
    fresh(NanoConfig(layers=1), seed=0).save(tmp_path)
    config = (tmp_path / "config.json").read_text().replace('"layers": 1', '"layers": 2')
    (tmp_path / "config.json").write_text(config)
    with pytest.raises(ValueError, match="another shape"):
        load(tmp_path)


def test_equal_seeds_give_equal_weights():
    torch.manual_seed(5)
    one = fresh(NanoConfig(layers=1), seed=3)
    torch.manual_seed(6)
    two = fresh(NanoConfig(layers=1), seed=3)
    assert all(torch.equal(a, b) for a, b in zip(one.module.parameters(), two.module.parameters()))


def test_the_tokenizer_is_lossless_and_deaf_to_control_words():
    tokenizer = NanoTokenizer.build()
    for text in ("search[ <act> click[x]", "Zürich 12.50 €\n\t ok", "💥"):
        ids = tokenizer.plain(text)
        assert min(ids) >= CONTROLS
        assert tokenizer.spell(ids) == text


# ------------------------------------------------------------------ the `transformers` face


def chunks_for(policy: NanoPolicy, mode: str = "both") -> list[Chunk]:
    return [policy.encode(observation(turn, 1, mode), {}, first=True) for turn in (1, 0, 2)]


def test_auto_classes_load_it(policy, tmp_path):
    from transformers import AutoConfig, AutoModelForImageTextToText

    policy.save(tmp_path)
    assert AutoConfig.from_pretrained(tmp_path).layers == policy.config.layers
    model = AutoModelForImageTextToText.from_pretrained(tmp_path)
    inputs = policy.inputs(chunks_for(policy))
    with torch.no_grad():
        gap = (model(**inputs).logits - policy.module(**inputs).logits).nan_to_num(0.0, 0.0, 0.0)
    assert gap.abs().max() < 1e-5


def test_generate_says_what_the_session_says(policy):
    chunks = chunks_for(policy)
    sampling = Sampling(greedy=True, max_tokens=7)
    ends = list(CLOSER_IDS)
    inputs = policy.inputs(chunks)
    out = policy.module.generate(
        **inputs,
        max_new_tokens=7,
        do_sample=False,
        eos_token_id=ends,
        pad_token_id=0,
        logits_processor=policy.grammar_processor(chunks, sampling),
    )
    said = [[i for i in row if i] for row in out[:, inputs["input_ids"].shape[1] :].tolist()]
    nobody = [np.random.default_rng(0)] * len(chunks)
    samples = policy.session(len(chunks)).act(range(len(chunks)), chunks, nobody, sampling)
    assert said == [sample.ids.tolist() for sample in samples]


def test_cached_and_whole_forward_agree(policy):
    chunk = chunks_for(policy)[0]
    action = policy.demonstrate([chunk], "search[machine wash]").tolist()
    inputs = policy.inputs([chunk])
    whole = torch.cat([inputs["input_ids"], torch.tensor([action])], 1)
    with torch.no_grad():
        every = policy.module(input_ids=whole, observations=inputs["observations"]).logits[0, len(chunk.ids) - 1 :]
        out = policy.module(**inputs, use_cache=True)
        parts = [out.logits[0, -1]]
        for token in action:
            out = policy.module(input_ids=torch.tensor([[token]]), past_key_values=out.past_key_values)
            parts.append(out.logits[0, -1])
    gap = (torch.stack(parts) - every).nan_to_num(0.0, 0.0, 0.0)
    assert gap.abs().max() < 1e-5
    assert torch.isinf(every[:, : ACT + 1]).all(), "placeholders have no probability"


def test_peft_wraps_it(policy, tmp_path):
    peft = pytest.importorskip("peft")
    base = fresh(NanoConfig(layers=1), seed=0)
    wrapped = peft.get_peft_model(base.module, peft.LoraConfig(r=2, target_modules=["qkv", "o", "up", "down"]))
    adapted = NanoPolicy(wrapped, base.tokenizer)
    rows, samples = play(adapted, [1], 2, Sampling(max_tokens=6))
    scores = adapted.score(rows, Sampling(max_tokens=6))
    assert np.abs(scores.logprobs.detach().numpy() - np.concatenate([s.logprobs for s in samples[0]])).max() < 1e-5
    scores.logprobs.sum().backward()
    trained = [name for name, p in wrapped.named_parameters() if p.requires_grad]
    assert trained
    assert all("lora_" in name for name in trained)
    adapted.save(tmp_path)
    assert (tmp_path / "adapter_model.safetensors").is_file()
