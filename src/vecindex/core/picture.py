"""A map as it is shown: points in a fixed random order, what they are colored by, labels, and questions on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from vecindex.core.neighbors import F64, Rows

U8 = npt.NDArray[np.uint8]
U16 = npt.NDArray[np.uint16]
I32 = npt.NDArray[np.int32]

FULL = 65_535
"""The steps between the two ends of a coordinate."""
LEVELS = 254
"""The last code of a coloring: a category's index among its names, or a number's step between low and high."""
OFF_MAP = -2
"""In lists of articles: one that is not on the map."""
NO_COLOR = 255
"""The code of an article that has no value."""


@dataclass(frozen=True, slots=True)
class Extent:
    """The square of the map that is shown, in map units: (x, y) is its lower left corner; one scale for both axes."""

    x: float
    y: float
    width: float

    def quantized(self, xy: F64) -> U16:
        """Return positions (m, 2) as steps from 0 to 65,535; off by half a step at most, width / 131,070.

        >>> Extent(0.0, -1.0, 65_535.0).quantized(np.array([[2.4, -1.0], [65_535.0, 9.0]]))
        array([[    2,     0],
               [65535,    10]], dtype=uint16)
        """
        return np.clip(np.rint(self.steps(xy)), 0, FULL).astype(np.uint16)

    def steps(self, xy: F64) -> F64:
        """Return positions (m, 2) in steps, unrounded."""
        return np.asarray((np.asarray(xy, dtype=np.float64) - [self.x, self.y]) * (FULL / self.width))


@dataclass(frozen=True, slots=True)
class Core:
    """The box that holds nearly all positions, in map units, and how many of them are `beyond` it."""

    x0: float
    y0: float
    x1: float
    y1: float
    beyond: int


_FEW = 20
_FAR_SHARE = 0.01
_FAR_TIMES = 2.0


def core_of(xy: F64) -> Core | None:
    """Return the box without a few positions (m, 2) that lie far from all others; None where there are none.

    Far is what lies outside the box from the 1st to the 99th percentile by more than half its width, if that is at
    most 1 % of the positions, or two of them, and the whole map is over twice as wide as the box of the others.

    >>> near = np.stack([np.arange(50) % 7, np.arange(50) // 7], axis=1).astype(float)
    >>> core_of(np.concatenate([near, [[500.0, 3.0], [3.0, -400.0]]]))
    Core(x0=0.0, y0=0.0, x1=6.0, y1=7.0, beyond=2)
    >>> core_of(near) is None
    True
    """
    if len(xy) < _FEW:
        return None
    at_most = max(2, int(_FAR_SHARE * len(xy)))
    cut = max(_FAR_SHARE, (at_most + 0.5) / len(xy))
    low, high = np.quantile(xy, [cut, 1 - cut], axis=0)
    margin = float((high - low).max()) / 2
    inside = ((xy >= low - margin) & (xy <= high + margin)).all(axis=1)
    beyond = int((~inside).sum())
    if not 0 < beyond <= at_most:
        return None
    low, high = xy[inside].min(axis=0), xy[inside].max(axis=0)
    if extent_of(xy).width <= _FAR_TIMES * float((high - low).max()):
        return None
    return Core(float(low[0]), float(low[1]), float(high[0]), float(high[1]), beyond)


def extent_of(xy: F64) -> Extent:
    """Return the smallest square around the middle of all positions (m, 2); width 1 where they have none.

    >>> extent_of(np.array([[1.0, 5.0], [4.0, 7.0]]))
    Extent(x=1.0, y=4.5, width=3.0)
    """
    if not len(xy):
        return Extent(0.0, 0.0, 1.0)
    low, high = xy.min(axis=0), xy.max(axis=0)
    width = float((high - low).max()) or 1.0
    x, y = (low + high - width) / 2
    return Extent(float(x), float(y), width)


@dataclass(frozen=True, slots=True)
class Coloring:
    """Something that each article is colored by.

    Attributes
    ----------
    key : "topic", "density", "truncated", "question_distance" or "field:NAME".
    label : what a reader calls it.
    kind : "category" or "number".
    codes : (m,) uint8 in the order of the picture. A category's index in `names`; a number's step, 0 at `low` or
        below, 254 at `high` or above; 255 for none.
    names, counts : of the categories; every article on the map counts, those with none in no name.
    low, high : of the numbers, in their own unit.
    scale : "log" where equal steps are equal ratios.
    unit : "date" for numbers that are days since 1970-01-01, with a fraction.
    whole : whether the numbers come from a column of whole numbers, or the dates from one of days.
    other : index of the name that stands for all less frequent values; None where each name is one value.
    rest : how many less frequent values that are; None without them.
    renamed : indices of the names that are not the value in the column: one of a yes or no, one that was shortened,
        and one whose whitespace or characters were changed, or that got a number.
    unclear : steps from 1 to 254 of which no comparison with a number finds the values from there on, because of
        rounding.
    nonfinite : whether the column holds infinity or NaN in an article, which has no color then.
    out_of : of numbers that count some of so many, this number.
    note : what a reader must know to read it, such as the ends of the scale.
    """

    key: str
    label: str
    kind: Literal["category", "number"]
    codes: U8
    names: tuple[str, ...] = ()
    counts: tuple[int, ...] = ()
    low: float = 0.0
    high: float = 1.0
    scale: Literal["linear", "log"] = "linear"
    note: str | None = None
    unit: Literal["date"] | None = None
    whole: bool = False
    other: int | None = None
    rest: int | None = None
    renamed: tuple[int, ...] = ()
    unclear: tuple[int, ...] = ()
    nonfinite: bool = False
    out_of: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return what is shown of it, without the codes."""
        shown: dict[str, Any] = {"key": self.key, "label": self.label, "kind": self.kind}
        if self.kind == "category":
            shown |= {"names": list(self.names), "counts": list(self.counts), "other": self.other}
            shown |= {"rest": self.rest} if self.rest else {}
            shown |= {"renamed": list(self.renamed)} if self.renamed else {}
        else:
            shown |= {"low": self.low, "high": self.high, "scale": self.scale, "unit": self.unit, "whole": self.whole}
            shown |= {"out_of": self.out_of} if self.out_of else {}
            shown |= {"unclear": list(self.unclear)} if self.unclear else {}
            shown |= {"nonfinite": True} if self.nonfinite else {}
        return shown | ({"note": self.note} if self.note else {})


@dataclass(frozen=True, slots=True)
class TopicLabel:
    """A label on the map.

    Attributes
    ----------
    name : terms of the topic, the most distinctive first.
    x, y : where its articles lie densest on the map, in map units.
    count : its articles on the map.
    level : 0 for the few that are shown first, higher for finer ones.
    category : index of the topic of level 0 that it belongs to among the names of the coloring "topic".
    """

    name: str
    x: float
    y: float
    count: int
    level: int
    category: int


@dataclass(frozen=True, slots=True, eq=False)
class TopicLevel:
    """The topics of one level: their names, and which each article belongs to (m,), -1 for none."""

    names: tuple[str, ...]
    which: Rows


@dataclass(frozen=True, slots=True)
class NearArticle:
    """One of a question's nearest articles by embedding.

    Attributes
    ----------
    row : its index in the order of the picture; None when it is not on the map.
    dist : cosine distance, lower is closer.
    kept : whether it is among the question's k nearest on the map too.
    """

    row: int | None
    dist: float
    kept: bool


@dataclass(frozen=True, slots=True, eq=False)
class QuestionLens:
    """The lens of a question: its nearest articles laid out around it, nearest first.

    Attributes
    ----------
    rows : (m,) indices in the order of the picture; NO_ROW for an article that is not on the map.
    dist : (m,) cosine distances, lower is closer.
    positions : (m, 2) around the question at (0, 0); the farthest at distance 1, the nearest at 0.25.
    near : (m, f) of each article those of the lens that are nearest to it by embedding, as indices into these.
    tied : articles beyond the 5 nearest that are as near as the fifth.
    mutual_recall : share of `near` that are the nearest on the lens as well; None where there is no other article.
    """

    rows: Rows
    dist: F64
    positions: F64
    near: Rows
    tied: int
    mutual_recall: float | None


@dataclass(frozen=True, slots=True)
class PlacedQuestion:
    """A question on the map.

    Attributes
    ----------
    x, y : its best position, in map units; None when none of its nearest articles is on the map.
    overlap : share of its k nearest articles by embedding that are its k nearest on the map.
    nearest : those by embedding, closer first.
    on_map : indices, in the order of the picture, of those nearest on the map, closer first.
    lens : None where none was made.
    """

    id: str
    text: str
    topic: str | None
    x: float | None
    y: float | None
    overlap: float
    nearest: tuple[NearArticle, ...]
    on_map: tuple[int, ...]
    lens: QuestionLens | None = None


@dataclass(frozen=True, slots=True)
class MapScore:
    """A score that is stored with a map: its mean and the ends of its interval."""

    name: str
    mean: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True, slots=True, eq=False)
class OtherMap:
    """Another map of the table, with the articles of a picture on it.

    Attributes
    ----------
    map, method, made, anchored, scores : as of a picture.
    articles : rows on this map, those that are not in the picture among them.
    xy : (m, 2) in the picture's order, in units of this map; NaN for an article that is not on it.
    extent, core : as of a picture, of all its articles in the picture.
    topics : the picture's labels where its topics lie on this map.
    questions : the picture's questions at their best positions on this map, without lenses.
    k : of each article's k nearest on the picture's map, among the articles on both, `kept` are among its k nearest
        here, on average; 0 and None where fewer than two articles are on both.
    """

    map: str
    method: str | None
    made: str | None
    anchored: str | None
    scores: tuple[MapScore, ...]
    articles: int
    xy: F64
    topics: tuple[TopicLabel, ...] = ()
    questions: tuple[PlacedQuestion, ...] = ()
    k: int = 0
    kept: float | None = None

    @property
    def there(self) -> npt.NDArray[np.bool_]:
        """Which articles of the picture are on this map, (m,)."""
        return np.asarray(np.isfinite(self.xy).all(axis=1))

    @property
    def core(self) -> Core | None:
        """The view that is shown first where a few articles lie far from all others; see `core_of`."""
        return core_of(self.xy[self.there])

    @property
    def extent(self) -> Extent:
        """The square that is shown."""
        return extent_of(self.xy[self.there])


@dataclass(frozen=True, slots=True, eq=False)
class MapPicture:
    """Everything that is shown of one map.

    Attributes
    ----------
    table, version, map, method, model : where it comes from; `method` None where the map does not say.
    made : when the map was made, in ISO 8601 with zone; None where the map does not say.
    by : what a point is, "article" or "chunk".
    articles : rows of the table; the points may be fewer.
    anchored : "anchored to ..." for a map that is; else None.
    scores : as kept with the map.
    xy : (m, 2) float64 positions in map units, in a fixed random order, so that the first so many are a fair sample.
    ids, titles, snippets : (m,) in this order; "" where there is none.
    colorings : the first one is shown first; there is always one.
    topics : labels, coarse ones first.
    topic_levels : the topics of each article, coarse ones first.
    near : (m, k) the nearest other articles of each by embedding, nearest first, as indices in this order; NO_ROW at
        the end of a shorter list, OFF_MAP for one that is not on the map. None where they are not known.
    questions, questions_name : placed on the map, and what their set is called; none and None without a set.
    k : nearest articles of each question.
    title : what the user calls it; None for the table's name.
    alongside : other maps that its page shows too.
    """

    table: str
    version: int
    map: str
    method: str | None
    made: str | None
    model: str
    by: str
    articles: int
    anchored: str | None
    scores: tuple[MapScore, ...]
    xy: F64
    ids: Sequence[str]
    titles: Sequence[str]
    snippets: Sequence[str]
    colorings: tuple[Coloring, ...]
    topics: tuple[TopicLabel, ...] = ()
    topic_levels: tuple[TopicLevel, ...] = ()
    questions: tuple[PlacedQuestion, ...] = ()
    questions_name: str | None = None
    k: int = 5
    title: str | None = None
    near: I32 | None = None
    alongside: tuple[OtherMap, ...] = ()

    def __post_init__(self) -> None:
        """Refuse parts of different length."""
        lengths = {len(self.xy), len(self.ids), len(self.titles), len(self.snippets)}
        lengths |= {len(c.codes) for c in self.colorings}
        lengths |= set() if self.near is None else {len(self.near)}
        lengths |= {len(other.xy) for other in self.alongside}
        if len(lengths) != 1:
            raise ValueError(f"the parts of a picture are of different lengths: {sorted(lengths)}")
        if not self.colorings:
            raise ValueError("a picture needs a coloring")

    def __len__(self) -> int:
        """Return how many points are shown."""
        return len(self.xy)

    @property
    def core(self) -> Core | None:
        """The view that is shown first where a few articles lie far from all others; see `core_of`."""
        return core_of(self.xy)

    @property
    def extent(self) -> Extent:
        """The square that is shown."""
        return extent_of(self.xy)

    def coloring(self, key: str) -> Coloring | None:
        """Return the coloring of this key; None where there is none."""
        return next((c for c in self.colorings if c.key == key), None)
