"""A stored map as a picture: two passes over the vectors, one over the other columns, in bounded memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, BinaryIO

import numpy as np

from vecindex.core.anchors import anchored_to
from vecindex.core.neighbors import F64, NO_ROW, Neighbors, Rows
from vecindex.core.picture import Coloring, MapPicture, PlacedQuestion, extent_of
from vecindex.core.questions import QuestionSet
from vecindex.core.vectors import F32
from vecindex.errors import LOOK_CLOSER, ConfigError, CorruptError
from vecindex.messages import Placeholder, command, is_it, option, text
from vecindex.messages import counted as number_of
from vecindex.neighbors.exact import ExactSearch
from vecindex.neighbors.plane import Plane
from vecindex.options import checked
from vecindex.store.articles import ArticleTable
from vecindex.store.database import Database
from vecindex.types import Observer, Silent, Stage
from vecindex.verbs.clock import Clock
from vecindex.verbs.map_state import stored_scores
from vecindex.verbs.overlap.options import check_enough
from vecindex.verbs.picture.alongside.maps import Asked, check_maps, names_of, with_others
from vecindex.verbs.picture.coloring import flags, numbers
from vecindex.verbs.picture.density import nearby
from vecindex.verbs.picture.fields import BooleanField, FieldReader, TextField, field_readers, no_values
from vecindex.verbs.picture.lenses import MOST_LENSES, placed_on, with_lenses
from vecindex.verbs.picture.near import near_articles
from vecindex.verbs.picture.options import PAGE_BYTES, SNIPPET, MapOptions, check_lens_size, check_topics
from vecindex.verbs.picture.result import MapResult
from vecindex.verbs.picture.texts import TextReader, fitting_snippets, with_near
from vecindex.verbs.picture.topic_files import Renamed, check_topics_file
from vecindex.verbs.picture.topics import NAMED_BY, WORDS, TopicFinder, Topics, topic_numbers
from vecindex.verbs.questions.model import QuestionModel
from vecindex.verbs.questions.reader import Questions, read
from vecindex.verbs.questions.vectors import question_vectors
from vecindex.verbs.reader import TableReader
from vecindex.verbs.the_map import chosen_map, digests_of

ORDER_SEED = 20_260_102
"""Of the order of the articles, which does not change with other choices."""


_Asked = tuple[QuestionSet, F32]
"""Questions with their unit vectors (q, d)."""


def map_picture(
    database: Database,
    name: str,
    questions: Questions | None,
    options: MapOptions,
    model: QuestionModel,
    observer: Observer | None = None,
    stdin: BinaryIO | None = None,
    table: ArticleTable | None = None,
    for_page: bool = True,
) -> MapResult:
    """Return a stored map with all that is shown of it; see `Index.map`.

    `table` is the table at a version that the caller holds on to; None opens the one that the options say.
    With `for_page` the beginnings of texts are shortened until a page of all this is small enough.
    """
    options = checked(MapOptions, options)
    k, lens_size = options["k"], options["lens_size"]
    check_lens_size(lens_size)
    check_topics(options)
    observer = observer or Silent()
    clock = Clock()
    table = table or database.articles(name, options["at"])
    given = read(questions, stdin) if questions else None
    texts_asked = [] if given is None else [q.text for q in given.questions]
    named = names_of(options["map"])
    chosen, about = chosen_map(table, named[0] if named else None, digests_of(texts_asked))
    map_name, others = chosen.name, named[1:]
    check_maps(table, others)
    asked = None
    if given is not None:
        vectors, _ = question_vectors(database, given, table.fingerprint, table.where, options, model, observer)
        asked = given, vectors
    clock.lap("questions")
    reader = TableReader(table, [map_name, *others])
    xy, index = _order(reader, map_name)
    if asked is not None:
        check_enough(table.where, reader.n, k)
    by = options["topics_by"]
    own = None if by == WORDS else by
    renamed = Renamed(check_topics_file(options["topics_file"]), [])
    fields = field_readers(table, options["fields"], len(xy), own)
    _check_color(options["color"], options["topics"], asked is not None, fields, bool(others))
    finder = None
    if options["topics"] != 0:
        wanted_topics = topic_numbers(len(xy), options["topics"])
        finder = TopicFinder(index, len(xy), table.fingerprint.dimension, wanted_topics, options["seed"])
    clock.lap("places")
    # One more than is shown, as `settled` wants.
    near, distances = _vectors(reader, asked, max(k + 1, lens_size), index, finder, observer)
    placed: tuple[PlacedQuestion, ...] = ()
    placing: Asked | None = None
    if asked is not None and near is not None:
        plane = Plane(reader.positions[map_name], reader.articles)
        placing = Asked(asked[0].questions, asked[1], near.first(k + 1))
        placed = placed_on(placing.questions, placing.vectors, placing.near, reader, plane, index)
    clock.lap("vectors")
    if near is not None:
        placed = with_lenses(placed, reader, near, lens_size, index, options["seed"], observer)
    clock.lap("lenses")
    wanted = SNIPPET if options["snippet"] is None else options["snippet"]
    texts = TextReader(len(xy), wanted, NAMED_BY if finder else 0)
    truncated = BooleanField("truncated", len(xy))
    _columns(reader, index, texts, {"truncated": truncated, **fields}, observer)
    clock.lap("texts")
    topics = None
    if finder is not None:
        renamed.ids = texts.ids
        values = [
            found for field in fields.values() if isinstance(field, TextField) and (found := field.categories())
        ]
        if own is not None and own not in (found.name for found in values):
            raise no_values(own, map_name, "topics_by")
        beginnings = texts.beginnings
        topics = finder.result(xy, texts.titles[: len(beginnings)], beginnings, values, by, renamed)
    colorings = _colorings(xy, topics, truncated.values, fields, distances, asked)
    clock.lap("topics")
    picture = MapPicture(
        table=name,
        version=table.version,
        map=map_name,
        method=_text(about.get("method")),
        made=_text(about.get("made_at")),
        model=table.fingerprint.model,
        by="article" if table.fingerprint.chunking is None else "chunk",
        articles=reader.rows,
        anchored=anchored_to(about),
        scores=stored_scores(about),
        xy=xy,
        ids=texts.ids,
        titles=texts.titles,
        snippets=texts.snippets,
        colorings=tuple(colorings),
        topics=() if topics is None else topics.labels,
        topic_levels=() if topics is None else topics.levels,
        questions=placed,
        questions_name=asked[0].name if asked else None,
        k=k,
        title=" ".join(options["title"].split()) or None if options["title"] else None,
    )
    picture, left_out = with_others(picture, others, table, reader, index, topics, placing)
    picture = replace(picture, colorings=tuple(_first(picture.colorings, options["color"], fields, map_name)))
    clock.lap("maps")
    snippets, length = picture.snippets, wanted
    if for_page:
        near_by = near_articles(database, table, picture.ids, options["near"], options["seed"], observer)
        picture = with_near(picture, near_by, PAGE_BYTES)
        snippets, length = fitting_snippets(picture, wanted, PAGE_BYTES)
    clock.lap("size")
    return MapResult(
        picture=replace(picture, snippets=snippets),
        color=picture.colorings[0].key,
        snippet=length,
        seconds=clock.laps,
        rejected=asked[0].rejected if asked else (),
        duplicates=asked[0].duplicates if asked else (),
        notes=(
            *left_out,
            *_notes(wanted, length, len(placed) if lens_size else 0, renamed.unused, options["topics_file"]),
        ),
        found_topics=tuple(renamed.found),
        reason=chosen.reason,
    )


def _order(reader: TableReader, map_name: str) -> tuple[F64, Rows]:
    """Return the positions in the picture's order (m, 2), and each row's index in that order, NO_ROW off the map."""
    all_xy = reader.positions[map_name]
    there = np.flatnonzero(np.isfinite(all_xy).all(axis=1))
    if not len(there):
        raise ConfigError(
            f"No article of {reader.table.where} is on map {map_name!r}.",
            text("Place them: ", command("project", map_name, update=True)),
        )
    order = there[np.random.default_rng(ORDER_SEED).permutation(len(there))]
    index = np.full(reader.rows, NO_ROW, dtype=np.int64)
    index[order] = np.arange(len(order))
    return all_xy[order], index


def _vectors(
    reader: TableReader,
    asked: _Asked | None,
    depth: int,
    index: Rows,
    finder: TopicFinder | None,
    observer: Observer,
) -> tuple[Neighbors | None, F64 | None]:
    """Go over the vectors: once for what is near the questions and a sample for topics, once more for the topics.

    Return the questions' nearest articles (q, depth), and how far each article of the picture is from the nearest
    question (m,); None without questions.
    """
    search = ExactSearch(asked[1], depth, articles=reader.articles) if asked else None
    nearest = _NearestQuestion(asked[1], reader.rows) if asked else None
    try:
        if search or finder:
            for rows, block in _staged(reader, "vectors", observer):
                if search is not None and nearest is not None:
                    search.add(rows, block)
                    nearest.add(rows, block)
                if finder is not None:
                    finder.sample(rows, block)
        if finder is not None:
            finder.fit()
            for rows, block in _staged(reader, "topics", observer):
                finder.assign(rows, block)
    except ValueError as error:
        raise CorruptError(f"{reader.table.where}: {error}.", LOOK_CLOSER) from error
    if search is None or nearest is None:
        return None, None
    shown = index != NO_ROW
    dist = np.empty(int(shown.sum()))
    dist[index[shown]] = nearest.dist[shown]
    return search.result(), dist


class _NearestQuestion:
    """How far each article is from the nearest of some questions, block by block."""

    def __init__(self, questions: F32, n: int) -> None:
        """Take the questions' unit vectors (q, d) and the number of rows."""
        self._questions = np.ascontiguousarray(questions, dtype=np.float32)
        self.dist: F64 = np.full(n, np.nan)
        """(n,) cosine distance by row, 0 to 2, lower is closer."""

    def add(self, rows: Rows, vectors: F32) -> None:
        """Take a block of rows (b,) with their unit vectors (b, d)."""
        nearest = (vectors @ self._questions.T).max(axis=1)
        self.dist[rows] = np.maximum(0.0, 1.0 - nearest.astype(np.float64))


def _staged(reader: TableReader, stage: str, observer: Observer) -> Any:
    done = 0
    for rows, block in reader.blocks():
        observer.stage(Stage(stage, done, reader.rows))
        yield rows, block
        done += len(rows)


def _columns(
    reader: TableReader,
    index: Rows,
    texts: TextReader,
    fields: Mapping[str, FieldReader],
    observer: Observer,
) -> None:
    """Read the other columns into what takes them."""
    done = 0
    for rows, batch in reader.batches(["id", "title", "text", *fields]):
        observer.stage(Stage("texts", done, reader.rows))
        at = index[rows]
        texts.add(at, batch)
        for column, field in fields.items():
            field.add(at, batch.column(column))
        done += len(batch)


def _colorings(
    xy: F64,
    topics: Topics | None,
    truncated: Rows,
    fields: Mapping[str, FieldReader],
    distances: F64 | None,
    asked: _Asked | None,
) -> list[Coloring]:
    made: list[Coloring | None] = [] if topics is None else [topics.coloring]
    near, radius = nearby(xy, extent_of(xy))
    note = f"articles within {radius:.2g} of the map's width, smoothed, on a logarithmic scale"
    made.append(numbers("density", "articles nearby", near, scale="log", note=note))
    made.append(flags("truncated", "truncated", truncated, ("cut by the model", "read whole")))
    if distances is not None and asked is not None:
        note = f"cosine distance by embedding to the nearest of {number_of(len(asked[0].questions), 'question')}"
        made.append(numbers("question_distance", "distance to the nearest question", distances, note=note))
    kept = [coloring for coloring in made if coloring is not None]
    ours = {coloring.label for coloring in kept}
    columns = [found for field in fields.values() if (found := field.result()) is not None]
    kept += [replace(c, label=f"{c.label} (column)") if c.label in ours else c for c in columns]
    # One article alone has no density; something must be there to color by.
    return kept or [Coloring("none", "nothing", "category", np.zeros(len(xy), np.uint8), ("articles",), (len(xy),))]


def _check_color(
    key: str | None, topics: int | None, are_asked: bool, fields: Mapping[str, FieldReader], others: bool
) -> None:
    """Raise ConfigError before anything is computed where nothing can be colored by what was asked for.

    What a column holds is seen later, and with `others` what other maps keep.
    """
    own = ["density", "truncated", *([] if topics == 0 else ["topic"]), *(["question_distance"] if are_asked else [])]
    there = [*own, *(f"field:{name}" if name in own else name for name in fields)]
    may_be = [*there, *(f"field:{name}" for name in fields), "none"]
    if key is not None and key not in may_be and not (others and key.startswith("kept:")):
        raise _no_color(key, there)


def _no_color(key: str, there: Sequence[str]) -> ConfigError:
    return ConfigError(
        f"There is nothing to color by under {key!r} (there is: {', '.join(there)}).",
        text(
            is_it(key, there),
            "question_distance needs ",
            option("questions", Placeholder("FILE")),
            "; a column of many different values needs ",
            option("fields"),
            ".",
        ),
    )


def _first(
    colorings: Sequence[Coloring], key: str | None, fields: Mapping[str, FieldReader], map_name: str
) -> list[Coloring]:
    """Return the colorings with the one that was asked for in front; its key, or the name of a field."""
    if key is None:
        return list(colorings)
    wanted = [c for c in colorings if c.key == key] or [c for c in colorings if c.key == f"field:{key}"]
    if not wanted:
        if key in fields and fields[key].is_empty:
            raise no_values(key, map_name, "color")
        raise _no_color(key, [c.key for c in colorings])
    return [wanted[0], *(c for c in colorings if c is not wanted[0])]


def _notes(wanted: int, length: int, lenses: int, unused: int, topics_file: str | None) -> tuple[str, ...]:
    notes = []
    if unused:
        lines = number_of(unused, "line", "lines")
        what = "fits no topic and is not used" if unused == 1 else "fit no topic and are not used"
        notes.append(f"{lines} of {topics_file} {what}")
    if length != wanted:
        done = f"snippets are shortened from {wanted} to {length} characters" if length else "snippets are left out"
        notes.append(f"{done}, so that the page stays within {PAGE_BYTES / 1e6:.0f} MB")
    if lenses > MOST_LENSES:
        notes.append(f"the first {MOST_LENSES:,} of {number_of(lenses, 'question has', 'questions have')} a lens")
    return tuple(notes)


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
