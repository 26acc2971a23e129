"""HTML that is safe however it is assembled: each text is escaped once, where it is inserted."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterable
from typing import Any

from vecindex.notebook import clean as clean

_BIDI = re.compile(r"[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_VOID = frozenset({"br", "input", "link", "meta", "line", "circle", "rect", "path"})
# Characters that could end the script element, begin a comment or end a line.
_IN_SCRIPT = {ord(c): f"\\u{ord(c):04x}" for c in "<>&\u2028\u2029"}


class Markup(str):
    """Text that is already HTML; templates do not escape it either. Everything else is escaped."""

    __slots__ = ()

    def __html__(self) -> Markup:
        """Return it as it is."""
        return self


def escaped(value: object) -> Markup:
    """Return a value as HTML text, also fit for an attribute in double quotes; what is HTML already stays as it is.

    >>> escaped('<b title="x">')
    '&lt;b title=&quot;x&quot;&gt;'
    """
    as_html = getattr(value, "__html__", None)
    return Markup(html.escape(clean(value), quote=True) if as_html is None else as_html())


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
    written = "".join(
        f" {key.rstrip('_').replace('_', '-')}" + ("" if value is True else f'="{escaped(value)}"')
        for key, value in attributes.items()
        if value is not None and value is not False
    )
    if name in _VOID:
        return Markup(f"<{name}{written}>" if name in ("br", "input", "link", "meta") else f"<{name}{written}/>")
    return Markup(f"<{name}{written}>{joined(children)}</{name}>")


def given(value: object) -> Markup:
    """Return a text from the user's data; its writing direction does not affect the text around it."""
    return tag("bdi", value)


def in_drawing(value: object, width: int = 60) -> str:
    r"""Return a text from the user's data for an SVG, which has no `bdi`: without direction marks, truncated.

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
