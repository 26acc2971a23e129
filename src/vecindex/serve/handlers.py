"""What answers each address of the API, from checked values."""

from __future__ import annotations

import base64
import json
import time
from typing import Any, cast

import numpy as np
from starlette.responses import Response

import vecindex
from vecindex.core.anchors import anchored_to
from vecindex.core.neighbors import NO_ROW
from vecindex.core.picture import Extent
from vecindex.errors import ConfigError
from vecindex.exports.tables import json_value
from vecindex.messages import Placeholder, command, text
from vecindex.reports.map.payload import position
from vecindex.schema import is_label
from vecindex.serialize import plain
from vecindex.serve import models
from vecindex.serve.answers import Packed, Refused, json_response
from vecindex.serve.labels import annotated
from vecindex.serve.report_job import ReportJob
from vecindex.serve.table.live import Live, Shown, Snapshot
from vecindex.serve.table.served import Notes
from vecindex.store.articles import ArticleTable
from vecindex.store.maps import maps
from vecindex.store.search import has_fulltext_index
from vecindex.verbs.lens.layout import Layout
from vecindex.verbs.map_state import stored_scores
from vecindex.verbs.overlap.live import Around
from vecindex.verbs.overlap.live import Neighbor as Found
from vecindex.verbs.search.options import SearchOptions
from vecindex.verbs.search.search import search
from vecindex.verbs.upkeep.status import status

JSON_SECTIONS = ("ids", "titles", "snippets")
_MOST_EXACT = 2**53 - 1
"""JavaScript reads JSON's numbers as float64, which rounds integers beyond."""


class Handlers:
    """The answers. Every method may be called by several threads at once."""

    def __init__(self, live: Live, job: ReportJob) -> None:
        """Take the table, and the report that is made in the background."""
        self.live, self.job = live, job

    # -- the table ----------------------------------------------------------------------------------------

    def version(self) -> models.Version:
        """Return the table's latest state."""
        name, table = self.live.latest()
        return models.Version(
            version=table.version,
            edition=name,
            rows=table.count(),
            maps=list(maps(table)),
            model=self.live.model.state,
            annotate=self.live.served.annotate,
            labels=[field.name for field in table.schema if is_label(field)],
        )

    def status(self) -> models.Status:
        """Return what the table holds."""
        name, table = self.live.latest()
        found, made = status(self.live.database(), self.live.served.table, {}), table.fingerprint
        known = plain(found, self.live.served.spell)
        of_the_server = {
            "version": table.version,
            "edition": name,
            "model_name": made.model,
            "dimension": made.dimension,
            "maps": list(found.maps),
            "approximate": found.vector_index is not None and found.vector_index.curve is not None,
            "questions": self.live.served.questions_name,
            "model": self.live.model.state,
            "vecindex": vecindex.__version__,
        }
        return models.Status(
            **{key: known[key] for key in models.Status.model_fields if key in known} | of_the_server
        )

    # -- maps ---------------------------------------------------------------------------------------------

    def maps(self) -> models.Maps:
        """List the maps."""
        name, table = self.live.latest()
        found = status(self.live.database(), self.live.served.table, {}).maps
        first = self.live.default_map(table)
        return models.Maps(
            edition=name,
            default=None if first is None else first.name,
            default_reason=None if first is None else first.reason,
            maps=[_map(*one) for one in found.items()],
        )

    def header(self, name: str, asked: models.SnapshotAsked) -> Response:
        """Give a map's header."""
        header = self.live.shown(self.live.snapshot(asked.edition), name).header
        return json_response(json.dumps(header, ensure_ascii=False, allow_nan=False))

    def section(self, name: str, section: str, asked: models.SnapshotAsked) -> Packed:
        """Give a section of a map."""
        sections = self.live.shown(self.live.snapshot(asked.edition), name).sections
        if section not in sections:
            raise Refused(
                404, f"Map {name!r} has no section {section!r} (sections there: {', '.join(sections)}).", None
            )
        kind = "application/json" if section in JSON_SECTIONS else "application/octet-stream"
        return Packed(sections[section], kind)

    def filter(self, asked: models.FilterAsked) -> models.Filtered:
        """Return which rows of a map meet a condition."""
        at = self.live.snapshot(asked.edition)
        shown = self.live.shown(at, asked.map)
        mask = self.live.matching(at, asked.where)
        here = mask[shown.rows]
        return models.Filtered(
            edition=at.name,
            matching=int(mask.sum()),
            shown=int(here.sum()),
            mask=base64.b64encode(np.packbits(here, bitorder="little").tobytes()).decode("ascii"),
        )

    def map_asked(self, at: Snapshot, name: str | None) -> str | None:
        """Return the map that a request names, else the one to show first."""
        if name is not None:
            return name
        first = self.live.default_map(at.loaded.table)
        return None if first is None else first.name

    # -- questions ----------------------------------------------------------------------------------------

    def search(self, asked: models.SearchAsked) -> models.Hits:
        """Search as the verb does; no full-text index is made for it."""
        live, notes = self.live, Notes(self.live.served.spell)
        if (asked.text is None) == (asked.id is None):
            raise ConfigError("A search needs either a text or an id.", 'For example: {"text": "how do cells die"}')
        table = live.table()
        if asked.rerank and live.served.rerank is None:
            raise Refused(
                409,
                "The server was started without a reranker.",
                text("Start it with one: ", command("serve", rerank=Placeholder("MODEL"))),
            )
        if (asked.hybrid or asked.words) and not has_fulltext_index(table):
            raise Refused(
                409,
                f"{table.where} has no full-text index, and the server changes nothing.",
                text("Make it once: ", command("search", "any words", hybrid=True)),
            )
        if asked.id is not None and not _rows_of(live.snapshot(), asked.id):
            raise Refused(404, f"{table.where} has no article {asked.id!r}.", "A search shows the ids.")
        reranker = live.served.rerank if asked.rerank else None
        given = {**live.served.model, **asked.model_dump(exclude={"text"}), "rerank": reranker}
        options = cast("SearchOptions", given)
        database, name, warm = live.database(), live.served.table, live.warm
        found = search(database, name, asked.text, options, live.model, notes, read_only=True, warm=warm)
        hits = [
            models.Hit(**plain(hit) | {"fields": {name: readable(value) for name, value in hit.fields.items()}})
            for hit in found.hits
        ]
        near = None if found.approximate is None else models.Approximate(**plain(found.approximate))
        return models.Hits(k=asked.k, hits=hits, approximate=near, notes=notes.lines)

    def question(self, asked: models.QuestionAsked) -> models.Question:
        """Ask a question, and place it on a map."""
        begun, notes = time.perf_counter(), Notes(self.live.served.spell)
        at = self.live.snapshot(asked.edition)
        name = self.map_asked(at, asked.map)
        shown = None if name is None else self.live.shown(at, name)
        around = self.live.ask(at, asked.text, asked.k, name, asked.where, notes)
        nearest, on_map = _near(around.nearest, at, shown), _near(around.on_map, at, shown)
        text, mark = asked.text.strip(), None
        if shown is not None and around.x is not None:
            others = {}
            if asked.alongside:
                others = self.live.ask_alongside(at, asked.text, asked.k, shown, asked.where, notes)
            mark = models.QuestionOnMap(
                id=text,
                text=text,
                topic=None,
                **_placed(around, shown.extent, at, shown),
                alongside={name: models.PlacedOnMap(**_placed(*there, at, shown)) for name, there in others.items()},
            )
        return models.Question(
            edition=at.name,
            text=text,
            map=name,
            k=asked.k,
            where=asked.where,
            articles=around.articles,
            x=around.x,
            y=around.y,
            overlap=around.overlap,
            nearest=nearest,
            on_map=on_map,
            mark=mark,
            notes=notes.lines,
            seconds=round(time.perf_counter() - begun, 4),
        )

    def lens(self, asked: models.LensAsked) -> models.Lens:
        """Lay a question's nearest articles out around it."""
        begun, notes = time.perf_counter(), Notes(self.live.served.spell)
        at = self.live.snapshot(asked.edition)
        name = self.map_asked(at, asked.map)
        around, layout = self.live.lens(at, asked.text, asked.k, asked.where, notes)
        return self._lens(at, name, (asked.text.strip(), asked.k, asked.where), around, layout, notes, begun)

    def lens_of_article(self, id: str, asked: models.ArticleLensAsked) -> models.Lens:
        """Lay an article's nearest other articles out around it."""
        begun, notes = time.perf_counter(), Notes(self.live.served.spell)
        at = self.live.snapshot(asked.edition)
        row = self._row(at, id)
        name = self.map_asked(at, asked.map)
        around, layout = at.loaded.lens_of_article(row, asked.k)
        own = at.loaded.reader.ids[row].as_py()
        (found,) = at.loaded.table.rows_by_id([own], ["title"]).to_pylist()
        return self._lens(at, name, (found["title"] or own, asked.k, None), around, layout, notes, begun)

    def _lens(
        self,
        at: Snapshot,
        name: str | None,
        asked: tuple[str, int, str | None],
        around: Around,
        layout: Layout,
        notes: Notes,
        begun: float,
    ) -> models.Lens:
        """Return a lens as it is sent; `asked` is its text, size and condition."""
        shown = None if name is None else self.live.shown(at, name)
        text, k, where = asked
        articles = [
            models.LensArticle(
                **one.model_dump(exclude={"kept"}), x=float(x), y=float(y), near=[int(other) + 1 for other in near]
            )
            for one, (x, y), near in zip(_near(around.nearest, at, shown), layout.positions, layout.near, strict=True)
        ]
        return models.Lens(
            edition=at.name,
            text=text,
            map=name,
            k=k,
            where=where,
            overlap=layout.overlap,
            tied=layout.tied,
            mutual_recall=layout.mutual_recall,
            articles=articles,
            notes=notes.lines,
            seconds=round(time.perf_counter() - begun, 4),
        )

    # -- articles -----------------------------------------------------------------------------------------

    def article(self, id: str) -> models.Article:
        """Give an article; of a table of chunks, one row, by its own id or its article's."""
        at = self.live.snapshot()
        table, chunked = at.loaded.table, at.loaded.table.fingerprint.chunking is not None
        row = self._row(at, id)
        own = at.loaded.reader.ids[row].as_py()
        extras = [f.name for f in table.extra_columns]
        columns = ["id", "title", "text", "truncated", *(["article_id"] if chunked else []), *extras]
        (found,) = table.rows_by_id([own], columns).to_pylist()
        article = found["article_id"] if chunked else own
        return models.Article(
            edition=at.name,
            id=own,
            article_id=article,
            title=found["title"],
            text=found["text"],
            truncated=found["truncated"],
            fields={name: readable(found[name]) for name in extras},
            chunks=_chunks(table, article),
        )

    def neighbors(self, id: str, asked: models.NeighborsAsked) -> models.Neighbors:
        """Return what lies around an article."""
        at = self.live.snapshot(asked.edition)
        row = self._row(at, id)
        shown = None if asked.map is None else self.live.shown(at, self.live.map_of(at, asked.map))
        around = at.loaded.around_article(row, asked.k, asked.map)
        return models.Neighbors(
            edition=at.name,
            id=at.loaded.reader.ids[row].as_py(),
            map=asked.map,
            k=around.k,
            overlap=around.overlap,
            nearest=_near(around.nearest, at, shown),
            on_map=_near(around.on_map, at, shown),
        )

    def _row(self, at: Snapshot, id: str) -> int:
        rows = _rows_of(at, id)
        if not rows:
            raise Refused(404, f"{at.loaded.table.where} has no article {id!r}.", "A search shows the ids.")
        return rows[0]

    def annotate(self, asked: models.AnnotateAsked) -> models.Annotated:
        """Store a label with articles."""
        return annotated(self.live, asked)

    # -- the report ---------------------------------------------------------------------------------------

    def report(self) -> models.Report:
        """Return where the report stands, and begin it at the first request."""
        return self.job.report()


def readable(value: Any) -> Any:
    """Return a value of a column as the page can read it: as an export writes it, and long integers as texts.

    >>> readable([1, 2**53 - 1, -(2**53), float("nan"), b"x"])
    [1, 9007199254740991, '-9007199254740992', None, '78']
    """
    return _exact(json_value(value))


def _exact(value: Any) -> Any:
    if isinstance(value, int) and abs(value) > _MOST_EXACT:
        return str(value)
    if isinstance(value, dict):
        return {key: _exact(one) for key, one in value.items()}
    return [_exact(one) for one in value] if isinstance(value, list) else value


def _map(name: str, about: dict[str, Any]) -> models.Map:
    return models.Map(
        name=name,
        method=_text(about.get("method")),
        made=_text(about.get("made_at")),
        anchored=anchored_to(about),
        scores=[models.Score(**plain(score)) for score in stored_scores(about)],
        articles=about["articles"],
        outside=about["outside"],
        due=about["due"],
    )


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _rows_of(at: Snapshot, id: str) -> list[int]:
    """Return the rows of an id: its own, else those of the article of this id, in a table of chunks."""
    own = int(at.loaded.rows_of([id])[0])
    if own != NO_ROW:
        return [own]
    chunks = _chunks(at.loaded.table, id)
    return [int(row) for row in at.loaded.rows_of(chunks)] if chunks else []


def _chunks(table: ArticleTable, id: str) -> list[str]:
    """Return the ids of an article's rows in a table of chunks, in their order; none in another table."""
    if table.fingerprint.chunking is None:
        return []
    found = table.rows_by_id([id], ["id", "chunk"], "article_id").to_pylist()
    return [chunk["id"] for chunk in sorted(found, key=lambda chunk: chunk["chunk"])]


def _placed(around: Around, extent: Extent, at: Snapshot, shown: Shown) -> dict[str, Any]:
    """Return where a question is on a map that shows this extent, its neighbors by their rows among those shown."""
    return {
        **position(extent, around.x, around.y),
        "overlap": around.overlap,
        "nearest": [
            models.NearRow(row=one.row, dist=one.dist, kept=one.kept) for one in _near(around.nearest, at, shown)
        ],
        "on_map": [one.row for one in _near(around.on_map, at, shown) if one.row is not None],
    }


def _near(found: tuple[Found, ...], at: Snapshot, shown: Shown | None) -> list[models.Near]:
    rows: list[int | None] = [None] * len(found)
    if shown is not None and found:
        on_map = shown.on_map[at.loaded.rows_of([one.id for one in found])]
        rows = [None if row == NO_ROW else int(row) for row in on_map]
    return [
        models.Near(
            rank=one.rank,
            id=one.id,
            article_id=one.article_id,
            title=one.title,
            dist=one.dist,
            kept=one.kept,
            row=row,
        )
        for one, row in zip(found, rows, strict=True)
    ]
