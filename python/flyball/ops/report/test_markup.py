from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from flyball.ops.report.markup import NOTHING, Html, el, join


class _Read(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.text = ""
        self.tags: list[str] = []
        self.attributes: dict[str, str | None] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes |= dict(attrs)

    def handle_data(self, data: str) -> None:
        self.text += data


def _read(markup: str) -> _Read:
    reader = _Read()
    reader.feed(markup)
    reader.close()
    return reader


PLAIN = st.text(st.characters(exclude_categories=["Cc", "Cs"]))


@given(PLAIN, PLAIN)
def test_text_comes_back_as_text(text: str, value: str) -> None:
    reader = _read(el("p", text, title=value))
    assert reader.text == text
    assert reader.tags == ["p"]
    assert reader.attributes == {"title": value}


@given(st.text())
def test_no_text_makes_an_element(text: str) -> None:
    assert _read(el("p", text)).tags == ["p"]
    assert el("p", text).encode("utf-8")


def test_markup_within_markup_is_kept() -> None:
    assert el("p", el("b", "<"), Html("<hr>")) == "<p><b>&lt;</b><hr></p>"


def test_joining_by_accident_escapes() -> None:
    assert el("p", el("b", "x") + "<") == "<p>&lt;b&gt;x&lt;/b&gt;&lt;</p>"


def test_attributes() -> None:
    assert el("i", class_="a", aria_label='"', data_low=1.5, id=None) == (
        '<i class="a" aria-label="&quot;" data-low="1.5"></i>'
    )


def test_between_is_escaped_too() -> None:
    assert join(["a", "b"], " & ") == "a &amp; b"
    assert join([]) == NOTHING
