"""HTML and SVG that cannot be broken by what it shows: text is escaped unless it is `Html`."""

import re
from collections.abc import Iterable
from html import escape

__all__ = ["NOTHING", "Html", "el", "join"]

_VOID = frozenset({"br", "hr", "meta"})
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


class Html(str):
    """Text that is markup already. Only this module and constants of this package make it."""

    __slots__ = ()


NOTHING = Html("")


def _text(text: str) -> str:
    if isinstance(text, Html):
        return text
    return escape(_UNPRINTABLE.sub("\ufffd", text))


def join(parts: Iterable[str], between: str = "") -> Html:
    """Parts one after the other; those that are no markup are escaped, and so is `between`.

    Examples
    --------
    >>> join(["a < b", el("br")])
    'a &lt; b<br>'
    """
    return Html(_text(between).join(_text(part) for part in parts))


def el(name: str, /, *children: str, **attributes: str | float | None) -> Html:
    """An element. Children and attributes are escaped unless they are `Html`.

    An attribute's name loses its last underscore, others become hyphens; `None` leaves it out.

    Examples
    --------
    >>> el("td", "<b>", class_="name", data_run=1, id=None)
    '<td class="name" data-run="1">&lt;b&gt;</td>'
    """
    written = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{_text(str(value))}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name in _VOID:
        return Html(f"<{name}{written}>")
    return Html(f"<{name}{written}>{join(children)}</{name}>")
