"""The phone's action grammar and the codecs of other suites' formats."""

from __future__ import annotations

import ast
import json
import math
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vlgym.android.actions import DIRECTIONS, KEYS, MAX_TEXT, VERBS, PhoneGrammar
from vlgym.android.codecs import AndroidControlCodec, AndroidWorldCodec, Codec, codec
from vlgym.core.actions import MAX_ACTION_CHARS, Action
from vlgym.core.errors import ActionError

GRAMMAR = PhoneGrammar()
SIGNS = "[](),.\"'\\ 0a1-en\n\ud800"
SIZE = (1080, 2400)
NAMES = ("androidworld", "aitw", "androidcontrol", "gui-r1")

fraction = st.floats(0, 1)
point = st.tuples(fraction, fraction)
direction = st.sampled_from(DIRECTIONS)
words = st.text(st.characters(blacklist_categories=("Cc", "Cs"), whitelist_characters="\n\t"), min_size=1, max_size=60)
element = st.one_of(st.integers(0, 999_999), words)
nowhere = st.just(())


def act(verb: str | st.SearchStrategy[str], *parts: st.SearchStrategy[tuple]) -> st.SearchStrategy[Action]:
    """Return actions whose args are the joined tuples of `parts`."""
    verbs = st.just(verb) if isinstance(verb, str) else verb
    return st.builds(lambda name, *args: Action(name, sum(args, ())), verbs, *parts)


def one(strategy: st.SearchStrategy) -> st.SearchStrategy[tuple]:
    return strategy.map(lambda value: (value,))


typing = st.sampled_from(("type", "submit", "replace"))
bare = st.sampled_from(("wait", "done", "impossible"))
actions = st.one_of(
    act(st.sampled_from(("tap", "double_tap", "long_press")), point),
    act(st.sampled_from(("click", "double_tap", "long_press")), one(element)),
    act(st.sampled_from(("swipe", "drag")), point, point),
    act("swipe", one(direction)),
    act("scroll", one(direction), st.one_of(nowhere, one(element))),
    act(typing, one(words), st.one_of(nowhere, one(element), point)),
    act("press", one(st.sampled_from(sorted(KEYS)))),
    act(st.sampled_from(("open_app", "answer")), one(words)),
    act(bare),
)
gui_r1_keys = st.sampled_from(("back", "home", "recents", "enter"))
far_apart = st.tuples(fraction, fraction, fraction, fraction).filter(lambda p: math.dist(p[:2], p[2:]) > 0.05)
SAYABLE = {
    "androidworld": st.one_of(
        act(st.sampled_from(("tap", "double_tap", "long_press")), point),
        act(st.sampled_from(("click", "double_tap", "long_press")), one(st.integers(0, 999))),
        act("swipe", one(direction)),
        act("scroll", one(direction), st.one_of(nowhere, one(st.integers(0, 999)))),
        act(st.sampled_from(("submit", "replace")), one(words), st.one_of(one(st.integers(0, 999)), point)),
        act("press", one(st.sampled_from(("back", "home", "enter")))),
        act(st.sampled_from(("open_app", "answer")), one(words)),
        act(bare),
    ),
    "aitw": st.one_of(
        act("tap", point),
        act("swipe", far_apart),
        act("type", one(words)),
        act("press", one(st.sampled_from(("back", "home", "enter")))),
        act(st.sampled_from(("done", "impossible"))),
    ),
    "androidcontrol": st.one_of(
        act(st.sampled_from(("tap", "long_press")), point),
        act("scroll", one(direction)),
        act(st.sampled_from(("open_app", "type")), one(words)),
        act("submit", one(words), point),
        act("press", one(st.sampled_from(("back", "home")))),
        act("wait"),
    ),
    "gui-r1": st.one_of(
        act(st.sampled_from(("tap", "long_press")), point),
        act("scroll", one(direction)),
        act(st.sampled_from(("open_app", "type")), one(words)),
        act("press", one(gui_r1_keys)),
        act(bare),
    ),
}


def refusal(what: Callable[[], object]) -> str:
    """Return the sentence of the ActionError that a call raises, "" if it raises none."""
    try:
        what()
    except ActionError as error:
        return str(error) or "an error without a word"
    return ""


# ---------------------------------------------------------------- the grammar


@given(actions)
@settings(deadline=None, max_examples=120)
def test_what_is_written_reads_as_the_same(action: Action) -> None:
    text = GRAMMAR.format(action)
    assert GRAMMAR.parse(text) == action
    assert GRAMMAR.parse(f"  {text}\n") == action
    assert text.startswith(GRAMMAR.verbs)


@given(
    st.one_of(
        st.text(max_size=80),
        st.builds(str.__add__, st.sampled_from(VERBS), st.text(SIGNS, max_size=30)),
    )
)
@settings(deadline=None, max_examples=120)
def test_any_text_is_an_action_or_one_sentence(text: str) -> None:
    sentence = refusal(lambda: GRAMMAR.parse(text))
    if not sentence:
        assert GRAMMAR.parse(GRAMMAR.format(GRAMMAR.parse(text))) == GRAMMAR.parse(text)
    assert "\n" not in sentence


@pytest.mark.parametrize(
    ("text", "action"),
    [
        ("tap(0.41, 0.73)", Action("tap", (0.41, 0.73))),
        ("tap(1,0)", Action("tap", (1.0, 0.0))),
        ("click[3]", Action("click", (3,))),
        ('click["3"]', Action("click", ("3",))),
        ("click[ Save ]", Action("click", ("Save",))),
        ("click[a]b]", Action("click", ("a]b",))),
        ("long_press[Photos]", Action("long_press", ("Photos",))),
        ("swipe(up)", Action("swipe", ("up",))),
        ("swipe(0.5, 0.9, 0.5, 0.1)", Action("swipe", (0.5, 0.9, 0.5, 0.1))),
        ("scroll[7](down)", Action("scroll", ("down", 7))),
        (r'type("say \"hi\"")', Action("type", ('say "hi"',))),
        ('type(0.5, 0.25, "a, b")', Action("type", ("a, b", 0.5, 0.25))),
        ('submit[First name]("Ada")', Action("submit", ("Ada", "First name"))),
        ("press(back)", Action("press", ("back",))),
        ('open_app("Clock")', Action("open_app", ("Clock",))),
        ("done", Action("done")),
        ("wait()", Action("wait")),
    ],
)
def test_forms(text: str, action: Action) -> None:
    assert GRAMMAR.parse(text) == action


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "is no action"),
        ("tpa(0.1, 0.2)", "Did you mean 'tap'"),
        ("tap(0.1)", "needs 2 numbers"),
        ("tap(nan, 0)", "outside of the screen"),
        ("tap(1.5, 0)", "outside of the screen"),
        ("tap[Save]", "no action"),
        ("click(0.1, 0.2)", "tap(0.41, 0.73)"),
        ("click[]", "names no element"),
        ("click[12345678]", "No element has the number"),
        ("press(bakc)", "Did you mean 'back'"),
        ("scroll(north)", "needs one of"),
        ('type("a"b")', "quote"),
        ("type(hello)", "write type"),
        ('type("")', "1 to"),
        (r'type("\u0007")', "control characters"),
        (r'type("\ud800")', "control characters"),
        ("done now", "stands alone"),
        ("__import__('os')", "is no action"),
        ("tap(0.1, 0.2)" + " " * MAX_ACTION_CHARS, "more than"),
        (f'type("{"a" * (MAX_TEXT + 1)}")', "characters"),
    ],
)
def test_refusals_are_one_helpful_sentence(text: str, says: str) -> None:
    with pytest.raises(ActionError) as caught:
        GRAMMAR.parse(text)
    assert says in str(caught.value)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    ("verb", "args"),
    [
        ("tap", (0.5,)),
        ("tap", (float("nan"), 0.5)),
        ("fly", ()),
        ("click", (-1,)),
        ("click", (True,)),
        ("wait", ("x",)),
    ],
)
def test_what_cannot_be_written_is_refused(verb: str, args: tuple) -> None:
    with pytest.raises(ActionError):
        GRAMMAR.format(Action(verb, args))


def test_the_help_names_every_verb_and_key() -> None:
    for word in (*VERBS, *KEYS):
        assert word in GRAMMAR.help


# ---------------------------------------------------------------- the codecs


def close(a: Action, b: Action, size: tuple[int, int]) -> bool:
    """Return whether two actions are equal, points within half a pixel."""
    if a.verb != b.verb or len(a.args) != len(b.args):
        return False
    numbers = [place for place, value in enumerate(a.args) if isinstance(value, float)]
    same = all(x == y for place, (x, y) in enumerate(zip(a.args, b.args)) if place not in numbers)
    near = all(abs(a.args[p] - b.args[p]) <= 0.5 / size[p_at % 2] + 1e-12 for p_at, p in enumerate(numbers))
    return same and near


@pytest.mark.parametrize("name", NAMES)
@given(data=st.data(), size=st.tuples(st.integers(1, 3000), st.integers(1, 3000)))
@settings(deadline=None, max_examples=75)
def test_actions_survive_the_way_there_and_back(name: str, data: st.DataObject, size: tuple[int, int]) -> None:
    action = data.draw(SAYABLE[name])
    form = codec(name, size)
    text = form.encode(action)
    back = form.decode(text)
    assert close(action, back, (10**9, 10**9) if name == "aitw" else size)
    assert form.encode(back) == text  # pixels come back exactly


@pytest.mark.parametrize("name", NAMES)
@given(action=actions)
@settings(deadline=None, max_examples=75)
def test_every_action_is_encoded_or_refused(name: str, action: Action) -> None:
    form = codec(name, SIZE)
    if not refusal(lambda: form.encode(action)):
        verb = form.decode(form.encode(action)).verb
        assert verb == action.verb


fields = st.sampled_from(
    [
        *("action_type", "x", "y", "index", "text", "direction", "app_name", "goal_status", "clear_text"),
        *("action", "point", "input_text"),
        *("results/action_type", "results/yx_touch", "results/yx_lift", "results/type_action"),
    ]
)
names = ["click", "swipe", "scroll", "status", "input_text", "up", "complete", "type", "done", "\ud800", "x\x00"]
values = st.one_of(
    *(st.none(), st.booleans(), st.integers(-5, 3000), st.floats(), st.text(max_size=5)),
    *(st.lists(st.floats(-1, 2), max_size=3), st.sampled_from(names)),
)


@pytest.mark.parametrize("name", NAMES)
@given(data=st.one_of(st.text(max_size=60), st.dictionaries(fields, values, max_size=6)))
@settings(deadline=None, max_examples=120)
def test_any_text_is_decoded_or_refused(name: str, data: str | dict) -> None:
    text = data if isinstance(data, str) else repr([data]) if name == "gui-r1" else json.dumps(data)
    form = codec(name, SIZE)
    if not refusal(lambda: form.decode(text)):
        action = form.decode(text)
        assert GRAMMAR.parse(GRAMMAR.format(action)) == action


def test_deeply_nested_text_is_refused_without_a_crash() -> None:
    for name in NAMES:
        for text in ("[" * 4000, "{" * 2000 + "}" * 2000, '{"a":' * 700 + "1" + "}" * 700, "(" * 4000):
            with pytest.raises(ActionError):
                codec(name, SIZE).decode(text)


@pytest.mark.parametrize(
    ("text", "action"),
    [
        ('{"action_type": "click", "index": 3}', Action("click", (3,))),
        ('{"action_type": "click", "index": "3"}', Action("click", (3,))),
        ('{"action_type": "click", "x": 540, "y": 1200}', Action("tap", (540.5 / 1080, 1200.5 / 2400))),
        ('Action: {"action_type": "wait"}', Action("wait")),
        ('{"action_type": "status", "goal_status": "infeasible"}', Action("impossible")),
        ('{"action_type": "input_text", "text": "Ada", "index": 1, "clear_text": true}', Action("replace", ("Ada", 1))),
        ('{"action_type": "swipe", "direction": "left"}', Action("swipe", ("right",))),
        ('{"action_type": "swipe", "direction": "up"}', Action("swipe", ("up",))),
        ('{"action_type": "scroll", "direction": "down", "index": 4}', Action("scroll", ("down", 4))),
        ('{"action_type": "keyboard_enter"}', Action("press", ("enter",))),
    ],
)
def test_androidworld(text: str, action: Action) -> None:
    assert AndroidWorldCodec(SIZE).decode(text) == action


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ('{"action_type": "clik", "index": 3}', "Did you mean 'click'"),
        ('{"action_type": "unknown"}', "has no 'unknown'"),
        ('{"action_type": "click"}', "needs an index"),
        ('{"action_type": "click", "x": 1080.5, "y": 3}', "not on the screen"),
        ('{"action_type": "click", "index": 3, "x": 1, "y": 2}', "comes with a point"),
        ('{"action_type": "input_text", "text": 5, "index": 3}', "should be str"),
        ("click the button", "no JSON object"),
    ],
)
def test_androidworld_refusals(text: str, says: str) -> None:
    with pytest.raises(ActionError, match=says):
        AndroidWorldCodec(SIZE).decode(text)


def test_aitw_tells_taps_from_swipes_by_distance() -> None:
    form = codec("aitw", SIZE)
    step = {
        "results/action_type": 4,
        "results/type_action": "",
        "results/yx_touch": [0.5, 0.2],
        "results/yx_lift": [0.5, 0.239],
    }
    assert form.decode(json.dumps(step)) == Action("tap", (0.2, 0.5))
    step["results/yx_lift"] = [0.1, 0.2]
    assert form.decode(json.dumps(step)) == Action("swipe", (0.2, 0.5, 0.2, 0.1))
    with pytest.raises(ActionError, match="for a tap"):
        form.encode(Action("swipe", (0.5, 0.5, 0.5, 0.52)))


def test_androidcontrol_tells_typing_from_typing_at_a_point() -> None:
    form = AndroidControlCodec(SIZE)
    at = '{"action_type": "type", "x": 0, "y": 2399, "text": "Ada"}'
    assert form.decode(at) == Action("submit", ("Ada", 0.5 / 1080, 2399.5 / 2400))
    assert form.decode('{"action_type": "input_text", "text": "Ada"}') == Action("type", ("Ada",))


def test_gui_r1_reads_the_answer_and_runs_nothing() -> None:
    form = codec("gui-r1", SIZE)
    answer = "[{'action': 'click', 'point': [540, 1200], 'input_text': 'no input text'}]"
    text = f"<think>it's 'there'</think> <answer>{answer}</answer>"
    assert form.decode(text) == Action("tap", (540.5 / 1080, 1200.5 / 2400))
    with pytest.raises(ActionError):
        form.decode("[{'action': __import__('os').getcwd(), 'point': [1, 2], 'input_text': ''}]")
    with pytest.raises(ActionError):
        form.decode("[{'action': 'wait'}, {'action': 'wait'}]")
    assert ast.literal_eval(form.encode(Action("scroll", ("down",))))[0]["point"] == [-100, -100]


def test_an_unknown_codec_names_the_nearest() -> None:
    with pytest.raises(ActionError, match="Did you mean 'androidworld'"):
        codec("android_world", SIZE)
    named: Codec = codec("aitw", SIZE)
    assert named.name == "AitW"
