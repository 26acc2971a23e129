"""How results show themselves in a notebook: as plain HTML tables, without a script or a style sheet."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence

# Lone surrogates cannot be written as UTF-8, and the control characters are not allowed in HTML.
_UNWRITABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
# No color of its own, so that it is read on a light page and on a dark one.
_CELL = "text-align:left;vertical-align:top;padding:2px 12px 2px 0;border-top:1px solid rgba(128,128,128,.35)"
_FIGURES = _CELL.replace("left", "right", 1) + ";font-variant-numeric:tabular-nums;white-space:nowrap"
_ROWS = 100
_CHARACTERS = 300
FRAME_MB = 20
"""A page above this is not put into a notebook, whose file would hold it too."""
_FRAME_PX = 640


def clean(value: object) -> str:
    r"""Return a value as text that HTML can hold; what it cannot becomes U+FFFD.

    >>> clean("a\x00b\ud800")
    'a\ufffdb\ufffd'
    """
    return _UNWRITABLE.sub("\ufffd", str(value))


def given(value: object) -> str:
    """Return a value as escaped HTML, its direction of writing kept from its neighbors, long ones shortened.

    >>> given('<b title="x">')
    '<bdi>&lt;b title=&quot;x&quot;&gt;</bdi>'
    """
    text = clean(value)
    return f"<bdi>{html.escape(text if len(text) <= _CHARACTERS else text[: _CHARACTERS - 1] + '…')}</bdi>"


def shown_table(
    head: Sequence[str], rows: Sequence[Sequence[object]], *, title: object = "", figures: Sequence[str] = ()
) -> str:
    """Return a table; of more than 100 rows the first, and how many there are.

    Parameters
    ----------
    head : the columns' names; without any, the first cell of each row is its name.
    rows : values; None stands as nothing.
    figures : the columns whose values stand to the right.

    >>> shown_table([], [["rows", 3]], title="a < b").count("&lt;")
    1
    """
    styles = [_FIGURES if name in figures else _CELL for name in head]
    parts = [f"<div><strong>{given(title)}</strong></div>"] if title else []
    parts.append('<div style="overflow-x:auto"><table style="border-collapse:collapse">')
    if head:
        heads = "".join(
            f'<th scope="col" style="{style}">{given(name)}</th>' for name, style in zip(head, styles, strict=True)
        )
        parts.append(f"<thead><tr>{heads}</tr></thead>")
    parts.append("<tbody>")
    for row in rows[:_ROWS]:
        first = "" if head else f'<th scope="row" style="{_CELL}">{given(row[0])}</th>'
        cells = zip(row, styles, strict=True) if head else ((value, _CELL) for value in row[1:])
        shown = "".join(f'<td style="{style}">{"" if value is None else given(value)}</td>' for value, style in cells)
        parts.append(f"<tr>{first}{shown}</tr>")
    parts.append("</tbody></table></div>")
    if len(rows) > _ROWS:
        parts.append(f"<div>the first {_ROWS} of {len(rows):,}</div>")
    return "".join(parts)


def shown_page(page: str, name: str, instead: str) -> str:
    """Return a whole page in a frame of its own, where its scripts reach nothing of the notebook.

    A page above 20 MB is not shown; `instead` says what to do with it.
    """
    size = len(page.encode())
    if size > FRAME_MB * 1_000_000:
        return f"<div>{given(f'{name}: {size / 1e6:.0f} MB are too many for a notebook. {instead}')}</div>"
    source = html.escape(page, quote=True)
    title, style = html.escape(clean(name), quote=True), f"width:100%;height:{_FRAME_PX}px;border:0"
    sandbox = "allow-scripts allow-downloads"
    return f'<iframe title="{title}" sandbox="{sandbox}" srcdoc="{source}" style="{style}"></iframe>'
