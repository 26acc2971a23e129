"""HTML that is safe however it is put together: a text is escaped where it goes in, and only there."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable
from typing import Any

from vecindex.notebook import clean as clean

_BIDI = re.compile(r"[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_VOID = frozenset({"br", "input", "link", "meta", "line", "circle", "rect", "path"})
# What could end the script element, begin a comment or be read as a line's end.
_IN_SCRIPT = {ord(c): f"\\u{ord(c):04x}" for c in "<>&\u2028\u2029"}


class Markup(str):
    """Text that is HTML already. Everything else is escaped."""

    __slots__ = ()


def escaped(value: object) -> Markup:
    """Return a value as HTML text, fit for an attribute in double quotes too; Markup stays as it is.

    >>> escaped('<b title="x">')
    '&lt;b title=&quot;x&quot;&gt;'
    """
    return value if isinstance(value, Markup) else Markup(html.escape(clean(value), quote=True))


def joined(parts: Iterable[object]) -> Markup:
    """Return the parts one after the other; None is left out."""
    return Markup("".join(escaped(part) for part in parts if part is not None))


def tag(name: str, /, *children: object, **attributes: Any) -> Markup:
    """Return an element.

    Attributes that are None or False are left out, True stands without a value; `_` in a name is `-`, but not at its
    end: `class_`.

    >>> tag("td", 1, " < ", tag("b", "2"), class_="n", data_v=3, hidden=True, title=None)
    '<td class="n" data-v="3" hidden>1 &lt; <b>2</b></td>'
    """
    told = "".join(
        f" {key.rstrip('_').replace('_', '-')}" + ("" if value is True else f'="{escaped(value)}"')
        for key, value in attributes.items()
        if value is not None and value is not False
    )
    if name in _VOID:
        return Markup(f"<{name}{told}>" if name in ("br", "input", "link", "meta") else f"<{name}{told}/>")
    return Markup(f"<{name}{told}>{joined(children)}</{name}>")


def given(value: object) -> Markup:
    """Return a text from the user's data, whose direction of writing is kept from what stands beside it."""
    return tag("bdi", value)


def in_drawing(value: object, width: int = 60) -> str:
    r"""Return a text from the user's data for an SVG, which has no `bdi`: without marks of direction, and cut.

    >>> in_drawing("a\u202eb" + 9 * "c", width=4)
    '\u2068abc…\u2069'
    """
    text = _BIDI.sub("", clean(value))
    return f"\u2068{text if len(text) <= width else text[: width - 1] + '…'}\u2069"


def json_block(values: object, id: str) -> Markup:
    r"""Return JSON inside a page, where a script reads it: `JSON.parse(document.getElementById(id).textContent)`.

    >>> json_block({"a": "</script>\u2028"}, "d")
    '<script type="application/json" id="d">{"a":"\\u003c/script\\u003e\\u2028"}</script>'
    """
    text = json.dumps(values, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return Markup(f'<script type="application/json" id="{escaped(id)}">{clean(text).translate(_IN_SCRIPT)}</script>')
