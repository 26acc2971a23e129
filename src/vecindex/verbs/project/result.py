"""What `project` did, as plain frozen values."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from vecindex.core.nulls import Interval
from vecindex.notebook import shown_table
from vecindex.types import Rejected
from vecindex.verbs.graph import GraphOrigin
from vecindex.verbs.project.align import Moved
from vecindex.verbs.project.anchor_result import AnchorResult
from vecindex.verbs.scores.scores import MapScores


@dataclass(frozen=True, slots=True)
class FocusCover:
    """What a focus map leaves out.

    Attributes
    ----------
    questions : the name of their set; `asked` is how many they are.
    size : articles on the map.
    cover : under each k, the share of the questions' k nearest articles that are on it.
    """

    questions: str
    asked: int
    size: int
    cover: dict[int, float]


@dataclass(frozen=True, slots=True)
class PlacedRows:
    """What an update placed.

    Attributes
    ----------
    articles : how many; no other one moved.
    sample, recall : a sample of them and, under each k, their recall on the map as it is now.
    old_sample, old_recall : the same for articles that were on it.
    """

    articles: int
    sample: int
    recall: dict[int, Interval]
    old_sample: int
    old_recall: dict[int, Interval]


@dataclass(frozen=True, slots=True)
class ProjectResult:
    """What `project` did.

    Attributes
    ----------
    action : "made", "rebuilt", "updated", "unchanged" (nothing to place) or "dropped".
    articles, outside : rows on the map, and of the table but not on it.
    gone, new : rows that were removed or changed, and that came, while the map was made; the map does not hold them.
    graph : None for a method that needs none.
    moved : how far the articles moved from the map that was rebuilt, after it was laid over that one; else None.
    due : why the map should be rebuilt; None while there is no need.
    seconds : wall time of each stage.
    anchor : what anchoring did, for a map that was anchored just now; else None.
    rejected, duplicates : lines of the questions' file that were left out, and that were counted once.
    """

    table: str
    name: str
    action: str
    method: str | None
    settings: dict[str, Any]
    seed: int | None
    anchored: bool
    articles: int
    outside: int
    gone: int
    new: int
    graph: GraphOrigin | None
    scores: MapScores | None
    moved: Moved | None
    placed: PlacedRows | None
    focus: FocusCover | None
    due: str | None
    seconds: dict[str, float]
    rejected: tuple[Rejected, ...] = ()
    duplicates: tuple[Rejected, ...] = ()
    anchor: AnchorResult | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON."""
        plain: dict[str, Any] = plain_values(dataclasses.asdict(self))
        return plain

    def _repr_html_(self) -> str:
        """Return a table, for notebooks."""
        rows: list[list[object]] = [["articles", f"{self.articles:,}"], ["outside it", f"{self.outside:,}"]]
        rows += [["method", self.method]] if self.method else []
        if self.graph is not None:
            rows.append(["neighbor graph", f"{self.graph.how}: {self.graph.k} each, recall {self.graph.recall:.4f}"])
        recall = {} if self.scores is None else self.scores.recall
        rows += [
            [f"articles keep of their {k} nearest", f"{one.mean:.1%} ({one.low:.1%} to {one.high:.1%})"]
            for k, one in recall.items()
        ]
        rows += [["a rebuild is due", self.due]] if self.due else []
        rows.append(["time", f"{sum(self.seconds.values()):.1f} s"])
        return shown_table([], rows, title=f"map {self.name} of {self.table}: {self.action}")


def plain_values(value: Any) -> Any:
    """Return a value as JSON can hold it: keys as text, NaN and infinity as null."""
    if isinstance(value, dict):
        return {str(key): plain_values(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain_values(item) for item in value]
    if isinstance(value, float):
        return value if value == value and abs(value) != float("inf") else None
    return value
