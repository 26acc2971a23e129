"""When a map should be rebuilt."""

from __future__ import annotations

from typing import Any

import pytest

from vecindex.messages import text
from vecindex.spelling import CommandLine
from vecindex.verbs.map_state import library_versions, new_identity, rebuilt_by, why_due


def recall(mean: float, width: float = 0.02) -> dict[str, Any]:
    return {"5": {"mean": mean, "low": mean - width, "high": mean + width}}


@pytest.mark.parametrize(
    ("placed", "rows", "outside", "due"),
    [
        ([], 100, 10, None),
        ([], 100, 11, "11 % of the rows are not on it, or were placed on it later"),
        ([{"articles": 6}, {"articles": 3}], 100, 2, "11 % of the rows are not on it, or were placed on it later"),
        ([{"articles": 1, "recall": recall(0.42), "old_recall": recall(0.45)}], 100, 0, None),
        (
            [{"articles": 1, "recall": recall(0.40), "old_recall": recall(0.45)}],
            100,
            0,
            "the rows placed last keep 40.0 % of their 5 nearest, the old ones 45.0 %",
        ),
        # The last one counts.
        (
            [
                {"articles": 1, "recall": recall(0.1), "old_recall": recall(0.4)},
                {"articles": 1, "recall": recall(0.4), "old_recall": recall(0.4)},
            ],
            100,
            0,
            None,
        ),
        # So few rows that their interval reaches to the old ones.
        ([{"articles": 1, "recall": recall(0.30, 0.2), "old_recall": recall(0.45)}], 100, 0, None),
    ],
)
def test_by_hand(placed: list[dict[str, Any]], rows: int, outside: int, due: str | None) -> None:
    assert why_due({"placed": placed}, rows, outside) == due


@pytest.mark.parametrize(
    "about", ["by hand", {}, {"placed": None}, {"placed": ["x"]}, {"placed": [{"articles": 1, "recall": {"5": 3}}]}]
)
def test_maps_of_other_programs_may_tell_anything(about: Any) -> None:
    assert why_due(about, 100, 5) is None


def test_a_focus_map_leaves_rows_out_on_purpose() -> None:
    assert why_due({"focus": {"size": 5}, "placed": []}, 100, 95) is None


def test_each_state_is_told_from_every_other() -> None:
    assert new_identity()["id"] != new_identity()["id"]
    assert {"vecindex", "numpy", "faiss-cpu"} <= set(library_versions())


@pytest.mark.parametrize(
    ("about", "command"),
    [
        ("by hand", "project m"),
        ({"method": "local", "settings": {"neighbors": 15, "unknown": 3}}, "project m"),
        ({"method": "local", "settings": {"neighbors": 9}}, "project m --set neighbors=9"),
        ({"method": "umap", "settings": {"min_dist": 0.3}}, "project m --method umap --set min_dist=0.3"),
        ({"method": ["umap"]}, "project m"),
        ({"anchored": True}, "project m --anchor --questions FILE"),
        (
            {"anchored": True, "anchors": {"base": "b", "files": [{"name": "a b.txt"}, {"name": "c.csv"}]}},
            "project m --anchor --from b --questions 'a b.txt' --questions c.csv",
        ),
    ],
)
def test_the_command_that_makes_a_map_again(about: Any, command: str) -> None:
    assert text(rebuilt_by("m", about)).spelled(CommandLine()) == f"vecindex {command}"
