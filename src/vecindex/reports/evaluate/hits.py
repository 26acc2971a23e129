"""Hits of a question, judged, next to those of other rankers or tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from vecindex.reports.figures import NONE, number
from vecindex.reports.markup import Markup, given, joined, tag

Values = Mapping[str, Any]


def side_by_side(lists: Sequence[tuple[str, Sequence[Values]]], min_grade: int) -> Markup:
    """Return the hits of several rankers or tables next to each other; relevant ones are marked."""
    return tag("div", *(_hits(name, hits, min_grade) for name, hits in lists), class_="pair")


def _hits(name: str, hits: Sequence[Values], min_grade: int) -> Markup:
    head = tag("tr", *(tag("th", one, scope="col") for one in ("", "article", "judged")))
    rows = [
        tag(
            "tr",
            tag("td", hit["rank"]),
            tag("td", given(hit["title"] or hit["id"]), " ", tag("span", given(hit["id"]), class_="small quiet")),
            tag("td", judged(hit["grade"], min_grade), class_="fate"),
            class_="kept" if is_relevant(hit["grade"], min_grade) else None,
        )
        for hit in hits
    ]
    body = tag("table", tag("thead", head), tag("tbody", *rows)) if rows else tag("p", "no hits", class_="quiet")
    return tag("div", tag("h4", given(name)), body)


def is_relevant(grade: int | None, min_grade: int) -> bool:
    """Return whether a hit counts as relevant."""
    return grade is not None and grade >= min_grade


def judged(grade: int | None, min_grade: int) -> str:
    """Return how a hit was judged, in words.

    >>> judged(2, 1), judged(0, 1), judged(None, 1)
    ('relevant (2)', 'not relevant (0)', 'not judged')
    """
    if grade is None:
        return "not judged"
    return f"relevant ({grade})" if is_relevant(grade, min_grade) else f"not relevant ({grade})"


def three(value: Any) -> str:
    """Return a measure with three digits.

    >>> three(0.38312), three(None)
    ('0.383', '–')
    """
    found = number(value)
    return NONE if found is None else f"{found:.3f}"


def with_interval(interval: Values | None) -> Markup:
    """Return a mean, with the ends of its interval below it."""
    found = interval or {}
    low, high = number(found.get("low")), number(found.get("high"))
    ends = None if low is None or high is None else tag("div", f"{three(low)} to {three(high)}", class_="small quiet")
    return joined([three(found.get("mean")), ends])


def signed(value: Any) -> str:
    """Return a difference with three digits and its sign.

    >>> signed(0.0295), signed(-0.5), signed(None)
    ('+0.029', '-0.500', '–')
    """
    found = number(value)
    return NONE if found is None else f"{found:+.3f}"
