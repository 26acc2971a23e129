"""What the API takes and gives, as its documents describe it. Of `dist`, lower is closer."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from vecindex.options import fields_of
from vecindex.verbs.lens.options import LensOptions
from vecindex.verbs.overlap.options import OverlapOptions
from vecindex.verbs.search.options import SearchOptions
from vecindex.verbs.upkeep.options import AnnotateOptions

MAX_QUESTION_CHARS = 8_000
MAX_CONDITION_CHARS = 4_000
MAX_NEIGHBORS = 1_000


def declared(kind: Any, name: str, **limits: Any) -> Any:
    """Return a field of a request as a verb's options declare it, with the limits of the server."""
    about = fields_of(kind)[name].option
    return Field(about.default, **{"ge": about.at_least, "le": about.at_most, **limits}, description=about.help)


class Asked(BaseModel):
    """What a request holds: unknown names are refused."""

    model_config = ConfigDict(extra="forbid")


class Reply(BaseModel):
    """What an answer holds."""

    model_config = ConfigDict(extra="forbid", ser_json_inf_nan="null", frozen=True)


class Failure(Reply):
    """Why a request was not answered."""

    error: str = Field(description="What is wrong, and where.")
    next: str | None = Field(description="What to do about it.")


class ModelState(Reply):
    """Where the model stands that embeds questions. It is loaded at the first question that needs it."""

    state: Literal["not loaded", "loading", "ready", "failed"]
    reason: str | None = Field(None, description="Why it could not be loaded.")


class Version(Reply):
    """Which state of the table is the latest."""

    version: int = Field(description="The table's version, one more with each commit.")
    edition: str = Field(description="Names the version for later requests; differs when the table is made again.")
    rows: int
    maps: list[str]
    model: ModelState
    annotate: bool = Field(description="Whether labels may be stored: the server was started for it.")
    labels: list[str] = Field(description="The columns of labels.")


class Score(Reply):
    """A figure of a map, from 0 to 1, higher is better, with an interval of 95 % where there is one."""

    name: str
    mean: float | None
    low: float | None
    high: float | None


class Map(Reply):
    """A map that is stored with the table."""

    name: str
    method: str | None
    made: str | None = Field(description="When, in UTC (ISO 8601).")
    anchored: str | None = Field(description="To which questions the map was anchored; null when it was not.")
    scores: list[Score]
    articles: int = Field(description="Rows on the map.")
    outside: int = Field(description="Rows that are not on it.")
    due: str | None = Field(description="Why it should be rebuilt; null when it need not be.")


class Maps(Reply):
    """The maps of the table's latest version."""

    edition: str
    default: str | None = Field(description="The map that the page shows first.")
    default_reason: str | None = Field(description="Why it is this one.")
    maps: list[Map]


class Status(Reply):
    """What the table holds, and what serves it."""

    database: str
    table: str
    rows: int
    articles: int | None = Field(description="Articles in a table of chunks; null where each row is one.")
    version: int
    edition: str
    model_name: str
    dimension: int
    truncated: int = Field(description="Rows that the model did not read to their end.")
    columns: dict[str, str] = Field(description="The user's own columns, with their types.")
    words_indexed: bool = Field(description="Whether a search may be hybrid.")
    approximate: bool = Field(description="Whether a search may be approximate.")
    writer: str | None = Field(description="The process that is writing to the table.")
    maps: list[str]
    questions: str | None = Field(description="The file of questions that are on the maps, if one was named.")
    model: ModelState
    vecindex: str = Field(description="The version of vecindex.")
    next: list[str] = Field(description="What to do now, each a sentence with its command.")


class SearchAsked(Asked):
    """A search: exactly one of `text` and `id`."""

    text: str | None = Field(None, max_length=MAX_QUESTION_CHARS)
    id: str | None = declared(SearchOptions, "id", max_length=MAX_CONDITION_CHARS)
    k: int = declared(SearchOptions, "k", le=MAX_NEIGHBORS)
    where: str | None = declared(SearchOptions, "where", max_length=MAX_CONDITION_CHARS)
    hybrid: bool = declared(SearchOptions, "hybrid")
    words: bool = declared(SearchOptions, "words")
    words_weight: float = declared(SearchOptions, "words_weight")
    rerank: bool = Field(False, description="Let the cross-encoder that the server was started with order the hits.")
    diverse: bool = declared(SearchOptions, "diverse")
    approximate: bool = declared(SearchOptions, "approximate")
    recall: float | None = declared(SearchOptions, "recall")


class Hit(Reply):
    """An article that a search found."""

    rank: int
    id: str
    article_id: str
    title: str | None
    text: str | None = Field(description="Its beginning, on one line.")
    dist: float | None = Field(description="Cosine distance, 0 to 2; null when found by its words only.")
    relevance: float | None = Field(description="Of a search by words or hybrid, higher is better; else null.")
    score: float | None = Field(description="Of the cross-encoder, higher is better; else null.")
    fields: dict[str, Any]


class Approximate(Reply):
    """How a search was approximate."""

    recall: float = Field(description="The share of an exact search's hits to expect, 0 to 1.")
    k: int = Field(description="The hits of each query for which it was measured.")
    queries: int = Field(description="The rows of the table that it was measured on.")
    questions: int = Field(description="The stored questions that it was measured on.")
    nprobes: int
    refine: int


class Hits(Reply):
    """What a search found, best first."""

    k: int
    hits: list[Hit]
    approximate: Approximate | None = Field(description="Null for an exact search.")
    notes: list[str]


class QuestionAsked(Asked):
    """A question."""

    text: str = Field(max_length=MAX_QUESTION_CHARS)
    map: str | None = Field(None, description="The map to put it on; null for the default one, if there is one.")
    k: int = declared(OverlapOptions, "k")
    where: str | None = declared(SearchOptions, "where", max_length=MAX_CONDITION_CHARS)
    alongside: bool = Field(False, description="Place it on the maps alongside this one too, which the header lists.")
    edition: str | None = Field(None, description="The state of the table that `row` is to be of.")


class Near(Reply):
    """A neighbor."""

    rank: int
    id: str
    article_id: str
    title: str | None
    dist: float = Field(description="Cosine distance in embedding space; the map's unit on a map.")
    kept: bool = Field(description="It is among the k nearest in embedding space and on the map.")
    row: int | None = Field(description="Its row in the map's sections; null when it is not on the map.")


class NearRow(Reply):
    """A neighbor by its row in the map's sections."""

    row: int | None
    dist: float
    kept: bool


class PlacedOnMap(Reply):
    """Where a question is on a map: in the units of the section `points`, its neighbors by their rows."""

    x: float | None
    y: float | None
    overlap: float | None
    nearest: list[NearRow]
    on_map: list[int]


class QuestionOnMap(PlacedOnMap):
    """The question as the viewer takes it."""

    id: str
    text: str
    topic: str | None
    alongside: dict[str, PlacedOnMap] = Field(description="The same on other maps, by name, if asked for.")


class Question(Reply):
    """A question with its neighbors in embedding space and on the map, nearest first."""

    edition: str
    text: str
    map: str | None
    k: int
    where: str | None
    articles: int = Field(description="Articles that were candidates.")
    x: float | None = Field(description="Where the question is on the map, in its unit: its best position.")
    y: float | None
    overlap: float | None = Field(description="Share of `nearest` that is in `on_map`, 0 to 1; null without a map.")
    nearest: list[Near]
    on_map: list[Near]
    mark: QuestionOnMap | None = Field(description="The same for a drawing; null where the question has no position.")
    notes: list[str]
    seconds: float = Field(description="Time that the answer took, in seconds.")


class LensAsked(Asked):
    """A question whose lens is wanted."""

    text: str = Field(max_length=MAX_QUESTION_CHARS)
    map: str | None = Field(None, description="The map whose rows are given; null for the default one.")
    k: int = declared(LensOptions, "k")
    where: str | None = declared(LensOptions, "where", max_length=MAX_CONDITION_CHARS)
    edition: str | None = Field(None, description="The state of the table that `row` is to be of.")


class ArticleLensAsked(Asked):
    """Which lens of an article is wanted."""

    map: str | None = Field(None, description="The map whose rows are given; null for the default one.")
    k: int = declared(LensOptions, "k")
    edition: str | None = Field(None, description="The state of the table that `row` is to be of.")


class LensArticle(Reply):
    """An article on a lens."""

    rank: int
    id: str
    article_id: str
    title: str | None
    dist: float = Field(description="Cosine distance to the question.")
    x: float = Field(description="Its position; the question is at (0, 0), the farthest article at distance 1.")
    y: float
    near: list[int] = Field(description="Ranks of those of the lens that are nearest to it, nearest first.")
    row: int | None = Field(description="Its row in the map's sections; null when it is not on the map.")


class Lens(Reply):
    """The nearest articles of a question, or of an article, laid out around it, nearest first."""

    edition: str
    text: str
    map: str | None
    k: int
    where: str | None
    overlap: float = Field(description="Share of its 5 nearest that are its 5 nearest on the lens.")
    tied: int = Field(description="Further articles that are as near as the fifth.")
    mutual_recall: float | None = Field(
        description="Share of an article's 5 nearest, of those shown, that are its 5 nearest on the lens too."
    )
    articles: list[LensArticle]
    notes: list[str]
    seconds: float = Field(description="Time that the answer took, in seconds.")


class Article(Reply):
    """An article as it is stored; of a table of chunks, one row with all its text."""

    edition: str
    id: str
    article_id: str
    title: str | None
    text: str
    truncated: bool | None
    fields: dict[str, Any]
    chunks: list[str] = Field(description="Of a table of chunks, the ids of all rows of the article; else empty.")


class NeighborsAsked(Asked):
    """Which neighbors."""

    map: str | None = Field(None, description="A map; null for embedding space alone.")
    k: int = Field(5, ge=1, le=100)
    edition: str | None = None


class Neighbors(Reply):
    """What lies around an article in embedding space and on the map, nearest first, itself left out."""

    edition: str
    id: str
    map: str | None
    k: int
    overlap: float | None = Field(description="Share of `nearest` that is in `on_map`, 0 to 1; null off the map.")
    nearest: list[Near]
    on_map: list[Near]


class FilterAsked(Asked):
    """A condition on the columns."""

    where: str = Field(max_length=4_000, description="An SQL condition on the columns.")
    map: str = Field(description="The map whose rows are given.")
    edition: str | None = None


class Filtered(Reply):
    """Which rows of a map meet a condition."""

    edition: str
    matching: int = Field(description="Rows of the table that meet it, on the map or not.")
    shown: int = Field(description="Rows of the map that meet it.")
    mask: str = Field(description="Base64 of a bit for each row in the order of the sections, the lowest bit first.")


class AnnotateAsked(Asked):
    """A label for articles: those of `ids`, of `where`, or of `mask`; or `undo` alone."""

    label: str | None = declared(AnnotateOptions, "label")
    column: str = declared(AnnotateOptions, "column", max_length=60)
    clear: bool = declared(AnnotateOptions, "clear")
    ids: list[str] | None = Field(None, description="Ids of articles.")
    where: str | None = declared(AnnotateOptions, "where", max_length=MAX_CONDITION_CHARS)
    mask: str | None = Field(
        None, description="Base64 of a bit for each row of the map's sections, the lowest bit first."
    )
    map: str | None = Field(None, description="The map whose rows the mask is of.")
    edition: str | None = Field(None, description="The state of the table that the mask is of; null for the latest.")
    shown: int | None = Field(
        None, description="How many rows the mask is of; refused where the map has another number. Null for any."
    )
    undo: int | None = Field(
        None, description="Give the column's labels back as they were before the answer with this version."
    )


class Annotated(Reply):
    """What has a label now."""

    edition: str
    version: int = Field(description="Of the table, with the labels; it undoes them.")
    column: str
    label: str | None
    articles: int
    rows: int
    not_found: list[str] = Field(description="Ids that the table does not have any more.")
    tag: str = Field(description="The tag of the table as it was before the last label that an article got.")
    same_rows: bool = Field(description="Whether the rows of the map that the request names are the same as before.")


class SnapshotAsked(Asked):
    """Which state of the table; null for the latest."""

    edition: str | None = None


class Report(Reply):
    """Where the report on the overlap of the questions' file stands."""

    state: Literal["no questions", "working", "ready", "failed"]
    questions: str | None = Field(description="The file.")
    stage: str | None
    edition: str | None = Field(description="The state of the table that it is of.")
    latest: bool = Field(description="Whether that is the table's latest state.")
    href: str | None = Field(description="Where the page is, once it is ready.")
    error: str | None
    next: str | None
