"""An index of a table of articles: each method calls one verb."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Unpack

from vecindex.config import DEFAULT_TABLE, database_uri
from vecindex.index.evaluation import Evaluation
from vecindex.index.tables import Tables
from vecindex.index.upkeep import Upkeep
from vecindex.masks import masked
from vecindex.options import expected, options_shown
from vecindex.verbs.explore.options import ExploreOptions
from vecindex.verbs.export.options import ExportOptions
from vecindex.verbs.ingest.options import IngestOptions
from vecindex.verbs.lens.options import LensOptions
from vecindex.verbs.overlap.options import OverlapOptions
from vecindex.verbs.picture.options import MapOptions
from vecindex.verbs.project.options import Files, ProjectOptions
from vecindex.verbs.search.options import SearchOptions

if TYPE_CHECKING:
    import pyarrow as pa

    from vecindex.errors import VecindexError
    from vecindex.serialize import Spell
    from vecindex.types import Observer, SourceData
    from vecindex.verbs.explore.explore import Done
    from vecindex.verbs.explore.result import ExploreResult
    from vecindex.verbs.export.result import ExportReport
    from vecindex.verbs.ingest.result import IngestReport
    from vecindex.verbs.ingest.run import Stop
    from vecindex.verbs.lens.result import LensResult
    from vecindex.verbs.overlap.result import OverlapResult
    from vecindex.verbs.picture.result import MapResult
    from vecindex.verbs.project.result import ProjectResult
    from vecindex.verbs.questions.reader import Questions
    from vecindex.verbs.search.result import SearchResult


def open(database: str | Path | None = None, table: str = DEFAULT_TABLE) -> Index:
    """Return the index in a database folder (or URI) and one of its tables; nothing is read or made yet.

    `database` defaults to $VECINDEX_DB, else ./db.
    """
    return Index(database, table)


class Index(Upkeep, Tables, Evaluation):
    """A table of articles with their vectors. Cheap to make; every method opens what it needs."""

    def __init__(self, database: str | Path | None = None, table: str = DEFAULT_TABLE) -> None:
        """See `vecindex.open`."""
        expected("database", database, str | Path | None)
        self.uri = database_uri(None if database is None else str(database))
        self.table = expected("table", table, str)

    def __repr__(self) -> str:
        """Return how to make it again."""
        return f"vecindex.open({masked(self.uri)!r}, {self.table!r})"

    @options_shown(IngestOptions)
    def ingest(
        self,
        *sources: SourceData,
        name: str | None = None,
        observer: Observer | None = None,
        stop: Stop | None = None,
        stdin: BinaryIO | None = None,
        **options: Unpack[IngestOptions],
    ) -> IngestReport:
        """Bring the table up to date with the sources, in transactions of 1,000 rows or some 30 s of the model.

        Rows whose id and content the table has are skipped, changed ones replaced, new ones embedded and added.
        May be stopped, or killed, at any instant: running it again goes on from the last transaction.

        Parameters
        ----------
        sources : files, globs, folders, URLs, "-" for standard input; and data in memory: Arrow tables, batches and
            readers, frames of pandas and polars, relations of DuckDB, and iterables of dicts. An iterable is read row
            by row, in another thread.
        name : of the data in memory, under which its rejected rows are filed. It stands for the whole of a source: a
            complete run forgets rejects of that name that it no longer meets. Without one none are forgotten.
        observer : gets the estimate, the progress and notices.
        stop : `stop.request()`, from a signal handler or a thread, ends the run after its transaction.

        Raises
        ------
        SourceError, ModelError, StoreError, ConfigError
            What was committed before the fault stays.
        """
        from vecindex.verbs.ingest.ingest import ingest

        expected("name", name, str | None)
        return ingest(self._database(), self.table, sources, options, observer, stop, stdin, name)

    @options_shown(IngestOptions)
    def watch(
        self,
        *sources: str | Path,
        done: Callable[[IngestReport], None],
        failed: Callable[[VecindexError], None],
        observe: Callable[[], AbstractContextManager[Observer]] | None = None,
        waiting: Callable[[Sequence[Path]], None] = lambda _: None,
        stop: Stop | None = None,
        **options: Unpack[IngestOptions],
    ) -> None:
        """Ingest the sources, then each file that comes or changes, until `stop` is requested.

        Every run is one of `ingest`, and holds the lock only while it lasts. A file is read once it has not changed
        for a second. May be killed at any instant: called again, it goes on.

        Parameters
        ----------
        sources : files, globs and folders; of data in memory and URLs nobody learns that they change.
        done : gets the report of each run.
        failed : gets the error of each run that failed; later ones go on, and try again what it was about.
        observe : gives the observer of each run.
        waiting : gets the watched folders once the first run is over.
        stop : `stop.request()`, from a signal handler or a thread, ends it, after the transaction in flight.

        Raises
        ------
        ConfigError
            For options and sources that do not go with it: dry_run, prune, vectors, standard input, URLs.
        SourceError
            A source is not there.
        ModelError
            The first run cannot use the model that was asked for.
        MissingExtraError
            The package watchfiles (the extra `watch`) is not installed.
        """
        from vecindex.verbs.ingest.ingest import ingest
        from vecindex.verbs.ingest.run import Stop
        from vecindex.verbs.ingest.watching.watch import watch

        names, ending = [str(source) for source in sources], stop or Stop()

        def run(only: set[str] | None) -> None:
            with observe() if observe is not None else nullcontext(None) as observer:
                report = ingest(self._database(), self.table, names, options, observer, ending, only=only)
            done(report)

        watch(names, options, run, failed, waiting, ending)

    @options_shown(ExploreOptions)
    def explore(
        self,
        *sources: SourceData,
        questions: str | Path | None = None,
        observer: Observer | None = None,
        stop: Stop | None = None,
        stdin: BinaryIO | None = None,
        done: Done | None = None,
        spell: Spell = str,
        **options: Unpack[ExploreOptions],
    ) -> ExploreResult:
        """Bring the table and a map up to date with the sources, and find out what the map keeps of the questions.

        The steps are `ingest`, `project`, `overlap`, `project` with `anchor` where the goal is missed, and `map`.
        Each does what is due: unchanged rows are not embedded, a map that holds all rows stays, one that lacks some
        is updated, and the anchored map is made again only if the questions, the strength or its base changed. May
        be stopped, or killed, at any instant: called again, it goes on. With `out` the map and the report are
        written there as `map.html` and `overlap.html`, in every run.

        Parameters
        ----------
        sources, stdin : see `ingest`.
        questions : a file; None for a map alone.
        observer : gets the progress of each step, and notices.
        stop : ends the run after a transaction of the ingest, with Interrupted.
        done : gets the result of each step as soon as it is there.
        spell : how the report writes options and commands; for Python unless given.

        Raises
        ------
        ConfigError, SourceError, ModelError, StoreError, Interrupted
            That of the step; what was complete stays.
        """
        from vecindex.verbs.explore.explore import explore

        expected("questions", questions, str | Path | None)
        model = self._question_model()
        return explore(
            self._database(), self.table, sources, questions, options, model, observer, stop, stdin, done, spell
        )

    @options_shown(SearchOptions)
    def search(
        self,
        query: str | Sequence[str] | None = None,
        *,
        observer: Observer | None = None,
        stdin: BinaryIO | None = None,
        **options: Unpack[SearchOptions],
    ) -> SearchResult:
        """Return the nearest articles to each query, by exact search.

        Give exactly one of `query` (a text or texts), `file`, `id` (more like these articles, each without itself:
        one in chunks is the mean of its chunks, and the id of a chunk stands for that chunk) and `vector` ((q, d), of
        the table's kind and of any length). Hits are ordered by `dist`, the cosine distance 1 - cos (lower is
        closer), then by id; so of several equally near ones at the end, the smaller ids are given. With `hybrid` the
        order is that of `relevance` (higher is better): reciprocal rank fusion. The model is loaded at the first
        query and kept; so are the vectors after some queries, if they fit into a quarter of the memory.

        Raises
        ------
        ConfigError, ModelError, SourceError, StoreError
        """
        from vecindex.verbs.search.search import search

        expected("query", query, str | Sequence[str] | None)
        model, warm = self._question_model(), self._warm()
        return search(self._database(), self.table, query, options, model, observer, stdin, warm=warm)

    @options_shown(OverlapOptions)
    def overlap(
        self,
        questions: Questions | None = None,
        *,
        observer: Observer | None = None,
        stdin: BinaryIO | None = None,
        **options: Unpack[OverlapOptions],
    ) -> OverlapResult:
        """Return how many of the questions' nearest articles stay their nearest on each stored map, and why not.

        Neighbors in embedding space are exact, over the whole table in bounded memory. Each question is placed on a
        map at its best position, found by a search over candidates; a median baseline is reported alongside. Nothing
        is fitted. The questions' vectors are kept in the table `questions`, so a second call loads no model.

        `questions` is a file ("-" for standard input), or a list of texts; a text alone is given as `question`.
        Without `questions` it is measured by itself; next to them its neighbors are found too
        (`OverlapResult.typed`), unless it is the id or the text of one of them, and it counts in no figure.

        Raises
        ------
        ConfigError, ModelError, SourceError, StoreError
        """
        from vecindex.verbs.overlap.overlap import overlap

        expected("questions", questions, str | Path | Sequence[Any] | None)
        return overlap(self._database(), self.table, questions, options, self._question_model(), observer, stdin)

    @options_shown(ProjectOptions)
    def project(
        self,
        name: str | None = None,
        *,
        questions: Files = (),
        positions: SourceData | None = None,
        observer: Observer | None = None,
        stdin: BinaryIO | None = None,
        **options: Unpack[ProjectOptions],
    ) -> ProjectResult:
        """Make a map of all vectors, score it, and store it with the table as the columns NAME_x and NAME_y.

        A map of that name is rebuilt: the new one begins from it and is aligned with it, and the result says how far
        the articles moved. The neighbor graph is stored in the database and used again; after new, changed or removed
        rows it is extended. Readers see the old map or the new one, whenever the process ends. The writer lock is
        held only while the columns are written.

        With `anchor` a map is derived on which the nearest articles of `questions`, a file or several, lie around
        them. It is marked as anchored, and never replaces a map that is not. It comes from the map `base`; else from
        the unanchored map `name`, if there is one (the anchored map is then called NAME_anchored); else from "map",
        which is made if need be.

        With `positions` a map that was made elsewhere is taken over as it is, and scored: a file, or data in memory
        as for `ingest`, with an id, an x and a y in each row. With `columns` alone its positions are those of two
        columns of the table. The result says which ids are missing, unknown, repeated, or not finite.

        `name` is of small letters, digits and underscores; None stands for "map", "anchored" with `anchor`, or
        "imported" for a map made elsewhere. The settings of a method are those of its `maps.methods.MapMethod`, that
        of anchoring `sweeps`.

        Raises
        ------
        ConfigError, ModelError, SourceError, StoreError, MissingExtraError
            The map that was there is untouched.
        """
        from vecindex.verbs.project.project import project

        expected("name", name, str | None)
        expected("questions", questions, Files)
        model = self._question_model()
        return project(self._database(), self.table, name, questions, options, model, observer, stdin, positions)

    @options_shown(MapOptions)
    def map(
        self,
        questions: Questions | None = None,
        *,
        observer: Observer | None = None,
        stdin: BinaryIO | None = None,
        **options: Unpack[MapOptions],
    ) -> MapResult:
        """Return a stored map as it is shown: `result.write("map.html")` makes a page of it, or a .png or .svg.

        In a notebook with anywidget it is live: `result.live` has its selection, color, filters and labels.

        `questions`, a file ("-" for standard input) or a list of texts, are placed on the map as by `overlap`.
        Topics are found again from the vectors, exactly the same ones for the same table and seed. Memory is bounded
        by the page's content: positions, titles, ids and beginnings of texts.

        Raises ConfigError, ModelError, SourceError or StoreError.
        """
        from vecindex.verbs.picture.picture import map_picture

        expected("questions", questions, str | Path | Sequence[Any] | None)
        model = self._question_model()
        return map_picture(self._database(), self.table, questions, options, model, observer, stdin)

    @options_shown(LensOptions)
    def lens(self, question: str, *, observer: Observer | None = None, **options: Unpack[LensOptions]) -> LensResult:
        """Return a question's nearest articles laid out around it: the farther by embedding, the farther from it.

        `question` is the id of a stored question, else of an article, which is left out, else a text. Neighbors are
        exact. The angles are chosen so that articles near to each other are near each other, as far as a plane can.

        Raises ConfigError, ModelError or StoreError.
        """
        from vecindex.verbs.lens.lens import lens

        question, model = expected("question", question, str), self._question_model()
        return lens(self._database(), self.table, question, options, model, observer)

    def vectors(self, *, where: str | None = None, at: str | None = None) -> pa.RecordBatchReader:
        """Return the ids and vectors of the rows as an Arrow stream, little of it in memory at a time.

        `read_all()` makes a table of it; polars and DuckDB take it as it is. Columns: id, of chunks also article_id,
        and vector: unit vectors as fixed-size lists of float32 or float16. Rows are in the order of the table.

        Parameters
        ----------
        where : an SQL condition on the columns, which the rows meet.
        at : a tag, to read the table as it was.

        Raises
        ------
        ConfigError, StoreError
        """
        from vecindex.verbs.export.columns import read_vectors

        for argument, value in (("where", where), ("at", at)):
            expected(argument, value, str | None)
        return read_vectors(self._database(), self.table, where, at)

    def positions(self, map: str | None = None, *, where: str | None = None, at: str | None = None) -> pa.Table:
        """Return the positions of the rows on a stored map as an Arrow table; rows outside it are left out.

        Columns: id, of chunks also article_id, x and y, in the order of the table.

        Parameters
        ----------
        map : a stored map; None for the one that `map` shows.
        where, at : as in `vectors`.

        Raises
        ------
        ConfigError, StoreError
        """
        from vecindex.verbs.export.columns import read_positions

        for argument, value in (("map", map), ("where", where), ("at", at)):
            expected(argument, value, str | None)
        return read_positions(self._database(), self.table, map, where, at)

    @options_shown(ExportOptions)
    def export(
        self,
        out: str | Path,
        *,
        observer: Observer | None = None,
        stdout: BinaryIO | None = None,
        **options: Unpack[ExportOptions],
    ) -> ExportReport:
        """Write rows of the table to a file for other tools, streamed; the file is written whole or not at all.

        A file named `out` is replaced; "-" writes jsonl, csv or json to `stdout`. Without `columns` the file has id,
        title, text, the user's own, and the lengths. `json` is an array of objects with id, title, x, y and the
        fields; `npy` holds the vectors alone, with the ids in a file next to it. `maps` may be (); where coordinates
        are called x and y, they are those of the first. For embedding-atlas the file has x, y, text and neighbors.

        Raises
        ------
        ConfigError, StoreError
            An existing file of that name is untouched.
        """
        from vecindex.verbs.export.export import export

        expected("out", out, str | Path)
        return export(self._database(), self.table, str(out), options, observer, stdout)
