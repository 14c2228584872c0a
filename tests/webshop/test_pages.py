"""Pages, grammar and session: the original's strings and oddities on a small catalogue, and fuzzing."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import small_shop
from hypothesis import given, settings
from hypothesis import strategies as st

from vlgym.core.actions import Action
from vlgym.core.errors import ActionError
from vlgym.webshop.catalogue import open_catalogue
from vlgym.webshop.grammar import WebShopGrammar
from vlgym.webshop.pages import TEXT, TEXT_RICH, PageMaker, to_text, to_text_rich
from vlgym.webshop.session import Quirks, Session

GRAMMAR = WebShopGrammar()


@pytest.fixture(scope="module")
def maker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PageMaker]:
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("shop")
        patch.setenv("VLGYM_CACHE", str(folder / "cache"))
        yield PageMaker(open_catalogue(small_shop.write(folder)), show_attrs=True)


def go(maker: PageMaker, *actions: str, quirks: Quirks | None = None) -> Session:
    session = Session(maker, quirks or Quirks())
    for action in actions:
        session.act(GRAMMAR.parse(action))
    return session


# ---------------------------------------------------------------------- grammar


@pytest.mark.parametrize(
    ("text", "action"),
    [
        ("search[Red Shoes]", Action("search", ("red shoes",))),
        ("click[Buy Now]", Action("click", ("buy now",))),
        ("click[a] and more", Action("click", ("a",))),
        ("click[a]b]", Action("click", ("a]b",))),
        ("click[]]", Action("click", ("]",))),
        ("search[ ]", Action("search", (" ",))),
        ("search[x]\nclick[y]", Action("search", ("x",))),
    ],
)
def test_parse_reads_as_the_original(text: str, action: Action) -> None:
    assert GRAMMAR.parse(text) == action


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "search",
            "search[",
            "search[]",
            "[x]",
            " search[x]",
            "Search[x]",
            "buy[x]",
            "search[a\nb]",
            "click[a[b]",
            "\x00",
        ),
        *("search[a][b]", "x" * 5000, "click[" + "a" * 5000 + "]", "[" * 4000, "]" * 4000, "[]" * 2000, "a[b" * 1000),
    ],
)
def test_parse_refuses_with_a_short_sentence(text: str) -> None:
    with pytest.raises(ActionError) as caught:
        GRAMMAR.parse(text)
    assert len(str(caught.value)) < 400


@given(st.text())
def test_parse_agrees_with_the_originals_expression(text: str) -> None:
    import re

    match = re.match(r"(.+)\[(.+)\]", text)
    wanted = Action(match[1], (match[2].lower(),)) if match and match[1] in ("search", "click") else None
    try:
        assert GRAMMAR.parse(text) == wanted
    except ActionError:
        assert wanted is None


@given(st.sampled_from(["search", "click", "search[", "cl"]), st.text(alphabet="ab[]\n é", max_size=12))
def test_parse_agrees_on_brackets(verb: str, argument: str) -> None:
    test_parse_agrees_with_the_originals_expression.hypothesis.inner_test(f"{verb}[{argument}]")


@given(st.sampled_from(["search", "click"]), st.text(min_size=1, max_size=30))
def test_format_and_parse_are_inverse_where_format_accepts(verb: str, argument: str) -> None:
    action = Action(verb, (argument,))
    try:
        text = GRAMMAR.format(action)
    except ActionError:
        assert set(argument) & set("[]\n") or argument != argument.lower()
    else:
        assert GRAMMAR.parse(text) == action


# ---------------------------------------------------------------------- strings (made by hand from the templates)


def test_search_page(maker: PageMaker) -> None:
    page = go(maker).page("Buy it")
    assert to_text(page) == "WebShop [SEP] Instruction: [SEP] Buy it [SEP] Search"
    assert to_text_rich(page) == "WebShop\nInstruction: \nBuy it\n[button] Search [button_]\n"
    assert page.has_search_bar


def test_results_pages(maker: PageMaker) -> None:
    page = go(maker, "search[plain sock]").page("Buy it")
    lines = to_text_rich(page).split("\n")
    assert lines[:5] == [
        "Instruction:",
        "Buy it",
        "[button] Back to Search [button_]",
        "Page 1 (Total results: 23)",
        "[button] Next > [button_]",
    ]
    assert lines[5:9] == ["", "[button] C000000000 [button_]", "Plain sock number 0", "$5.0"]
    third = go(maker, "search[plain sock]", *["click[next >]"] * 2)
    assert sum(node.kind == "link" for node in third.view.nodes) == 3
    beyond = go(maker, "search[plain sock]", *["click[next >]"] * 9)
    assert to_text(beyond.page("x")).endswith("Page 10 (Total results: 23) [SEP] < Prev [SEP] Next >")
    assert "click[next >]" in beyond.view.available


def test_opened_products_are_marked_until_back_to_search(maker: PageMaker) -> None:
    session = go(maker, "search[sneaker]", "click[b000000001]", "click[< prev]")
    assert "[clicked button] B000000001 [clicked button_]" in to_text_rich(session.page("x"))
    session = go(maker, "search[sneaker]", "click[b000000001]", "click[back to search]", "search[sneaker]")
    assert "[button] B000000001 [button_]" in to_text_rich(session.page("x"))


def test_item_page_with_options(maker: PageMaker) -> None:
    session = go(maker, "search[sneaker]", "click[b000000001]", "click[red]", "click[8]", "click[7]")
    assert session.options == {"color": "red", "size": "7"}
    text = to_text_rich(session.page("Buy it"))
    assert text.startswith("You have clicked 7.\nYou have clicked red.\nInstruction:\nBuy it\n")
    assert "color\n  [clicked button] red [clicked button_]\n  [button] rust colored [button_]\nsize\n" in text
    assert "[button] Attributes [button_]\n[button] Buy Now [button_]\n" in text
    assert go(
        maker, "search[sneaker]", "click[b000000001]", "click[red]", "click[features]", "click[< prev]"
    ).options == {"color": "red"}
    assert go(maker, "search[sneaker]", "click[b000000001]", "click[red]", "click[< prev]").options == {}


def test_sub_pages(maker: PageMaker) -> None:
    def body(asin: str, name: str) -> str:
        return to_text_rich(
            go(maker, f"search[{'lamp' if asin[-1] == '4' else 'sneaker'}]", f"click[{asin}]", f"click[{name}]").page(
                "x"
            )
        )

    head = "Instruction:\nx\n[button] Back to Search [button_]\n[button] < Prev [button_]\n"
    assert body("b000000002", "description") == head + "Soft  leather.\nLight.\n"
    assert body("b000000002", "features") == head + " first bullet\n second bullet\n"
    assert body("b000000002", "reviews") == head
    assert body("b000000002", "attributes") == head + " leather sole\nfashion\nsneakers\nClothing › Shoes › Sneakers\n"
    assert body("b000000004", "features") == head + " \n bright\n"
    session = go(maker, "search[lamp]", "click[b000000004]")
    maker_view = maker.sub_page(session.product, "Description")
    assert len(maker_view.nodes) == 2  # blank text with a line break leaves no string


def test_done_page_shows_the_score(maker: PageMaker) -> None:
    session = go(maker, "search[sneaker]", "click[b000000001]", "click[red]")
    assert session.act(Action("click", ("buy now",)))
    session.finish(0.75)
    text = to_text(session.page("x"))
    assert text.startswith("Thank you for shopping with us! [SEP] Your code:")
    assert '{"color": "red"}' in text
    assert "Your score (min 0.0, max 1.0) [SEP] 0.75" in text
    with pytest.raises(ActionError, match="over"):
        session.act(Action("search", ("x",)))


# ---------------------------------------------------------------------- quirks, kept and mended


LAMP = ("search[lamp]", "click[b000000004]")


def test_option_named_like_a_button_opens_the_page(maker: PageMaker) -> None:
    assert go(maker, *LAMP, "click[description]").kind == "description"


def test_colliding_option_belongs_to_the_last_group(maker: PageMaker) -> None:
    session = go(maker, *LAMP, "click[same]")
    assert session.options == {"finish": "same"}
    assert to_text_rich(session.page("x")).count("[clicked button] same [clicked button_]") == 2
    mended = go(maker, *LAMP, "click[same]", quirks=Quirks.none())
    assert to_text_rich(mended.page("x")).count("[clicked button] same [clicked button_]") == 1


def test_marks_come_from_the_address(maker: PageMaker) -> None:
    for value in ('5" wide', "café"):
        session = go(maker, *LAMP, f"click[{value}]")
        assert session.options == {"style": value}
        assert "[clicked button]" not in to_text_rich(session.page("x"))
        assert f"You have clicked {value}." in to_text_rich(
            go(maker, *LAMP, f"click[{value}]", quirks=Quirks.none()).page("x")
        )
    quoted = go(maker, 'search["matte" lamp]', "click[b000000004]")
    assert quoted.options == {}
    assert "You have clicked matte." in to_text_rich(quoted.page("x"))


def test_brackets_cannot_be_clicked(maker: PageMaker) -> None:
    assert "lamp [new]" in go(maker, *LAMP).view.targets
    with pytest.raises(ActionError):
        go(maker, *LAMP, "click[lamp [new]]")


def test_search_works_everywhere_or_not(maker: PageMaker) -> None:
    assert go(maker, *LAMP, "search[table]").kind == "results"
    with pytest.raises(ActionError, match="no search bar"):
        go(maker, *LAMP, "search[table]", quirks=Quirks.none())


def test_next_past_the_last_page_or_not(maker: PageMaker) -> None:
    with pytest.raises(ActionError, match="Page 1 is the last"):
        go(maker, "search[lamp]", "click[next >]", quirks=Quirks.none())


def test_page_names_in_the_query_mislead_prev(maker: PageMaker) -> None:
    query = "search[lamp search_results]"
    session = go(maker, query, "click[b000000004]", "click[< prev]")
    assert (session.kind, session.number) == ("results", 0)
    assert to_text(session.page("x")).endswith("Page 0 (Total results: 1) [SEP] Next >")
    assert (
        go(maker, "search[lamp item_page]", "click[b000000004]", "click[features]", "click[< prev]").kind == "results"
    )
    assert go(maker, query, "click[b000000004]", "click[< prev]", quirks=Quirks.none()).number == 1


def test_special_keywords_list_or_not(maker: PageMaker) -> None:
    assert len(go(maker, "search[<q> socks]")._hits) == 23
    assert len(go(maker, "search[<a> soft]")._hits) == 23
    assert sorted(go(maker, "search[<r>]")._hits) == list(range(len(maker.catalogue)))
    assert go(maker, "search[<q> lamps]", quirks=Quirks.none())._hits == maker.catalogue.search("q lamps")


def test_search_button_is_no_click_and_errors_name_the_nearest(maker: PageMaker) -> None:
    with pytest.raises(ActionError):
        go(maker, "click[search]")
    with pytest.raises(ActionError, match="Did you mean 'buy now'"):
        go(maker, *LAMP, "click[buy nwo]")


def test_state_round_trip(maker: PageMaker) -> None:
    session = go(maker, "search[sneaker]", "click[b000000001]", "click[red]", "click[< prev]", "click[next >]")
    copy = Session(maker, Quirks())
    copy.load(session.state())
    assert copy.page("x") == session.page("x")
    assert copy.state() == session.state()


# ---------------------------------------------------------------------- fuzzing


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_any_walk_keeps_the_invariants(maker: PageMaker, data: st.DataObject) -> None:
    session = Session(maker, data.draw(st.sampled_from([Quirks(), Quirks.none()])))
    queries = st.one_of(
        st.sampled_from(["sneaker", "plain sock", "lamp item_page", '"same"', "<q> socks", "<c>", "<a>"]),
        st.text(min_size=1, max_size=8),
    )
    for _ in range(data.draw(st.integers(1, 12))):
        targets = list(session.view.targets)
        if targets and data.draw(st.integers(0, 3)):
            action = Action("click", (data.draw(st.sampled_from(targets)),))
        else:
            action = Action(data.draw(st.sampled_from(["search", "click"])), (data.draw(queries),))
        before = session.state()
        try:
            buy = session.act(action)
        except ActionError:
            assert session.state() == before
            continue
        page = session.page("the wish")
        assert set(session.view.targets) == {node.value for node in page.nodes if node.value}
        for form in (TEXT, TEXT_RICH):
            assert form.of_view(session.view, page.kind, "the wish") == form.of_page(page)
        assert ("the wish" in to_text(page)) == (page.kind != "done")
        assert to_text(page).count(" [SEP] ") <= to_text_rich(page).count("\n")
        assert (page.asin != "") == (page.kind not in ("search", "results"))
        if page.asin and not buy:
            assert maker.catalogue.index(page.asin) == session.product in session.visited
        if page.kind in ("search", "results"):
            assert session.options == {}
        if buy:
            session.finish(0.5)
            return
