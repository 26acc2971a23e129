"""What is left to do: which map is made or brought up to date, and whether the anchored one can stay."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from vecindex.core.anchors import anchored_to
from vecindex.errors import ConfigError
from vecindex.messages import option, text
from vecindex.store.articles import ArticleTable
from vecindex.store.maps import maps, outside
from vecindex.verbs.overlap.causes.verdicts import Cause
from vecindex.verbs.project.options import ANCHORED_NAME, DEFAULT_NAME

NEAREST = 5
"""Articles of a question that are counted; maps are anchored to as many."""
BY_LAYOUT = (Cause.PROJECTION, Cause.SCATTERED, Cause.BROAD, Cause.HUBS, Cause.UNEXPLAINED, Cause.HEALTHY)
"""Where a map laid out for the questions helps; healthy is a map that misses a goal higher than the usual one.

With other causes it would keep what is wrong, such as articles that are not near, or a map of other vectors.
"""

Todo = Literal["make", "update", "keep"]


def todo_for_map(table: ArticleTable, name: str) -> Todo:
    """Return what a map needs: it is made where there is none, or none of the rows is on it any more.

    Raises ConfigError for a map that is anchored, or that shows a part of the articles on purpose.
    """
    there = maps(table)
    if name not in there:
        return "make"
    about = there[name]
    what = anchored_to(about)
    if what is None and isinstance(about, Mapping) and about.get("focus") is not None:
        what = "of a part of the articles on purpose"
    if what is not None:
        raise ConfigError(
            f"Map {name!r} of {table.where} is {what}; what it keeps says nothing of a map of all articles.",
            text("Give another name, under which one is made: ", option("map", "all")),
        )
    missing = outside(table, name)
    if not missing:
        return "keep"
    return "make" if missing == table.count() else "update"


def anchored_name(name: str) -> str:
    """Return the name of the map that is laid out for the questions.

    >>> anchored_name("map"), anchored_name("mine")
    ('anchored', 'mine_anchored')
    """
    return ANCHORED_NAME if name == DEFAULT_NAME else f"{name}_{ANCHORED_NAME}"


def can_stay(table: ArticleTable, name: str, questions: str, strength: str) -> bool:
    """Return whether the anchored map of a map is there, and was made for the same with the same strength.

    `questions` is the digest of their set. It holds all rows, as the map does that it was derived from.
    """
    there = maps(table)
    about, base = there.get(anchored_name(name)), there.get(name)
    if not isinstance(about, Mapping) or not isinstance(base, Mapping) or anchored_to(about) is None:
        return False
    anchors = about.get("anchors")
    found: Mapping[str, Any] = anchors if isinstance(anchors, Mapping) else {}
    wanted = {"base": name, "base_id": base.get("id"), "set": questions, "strength": strength}
    return all(found.get(key) == value for key, value in wanted.items()) and not outside(table, anchored_name(name))
