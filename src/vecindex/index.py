"""The Python interface: `vecindex.open("db")` gives an `Index` with the verbs of the command line."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Unpack

from vecindex.config import DEFAULT_TABLE, database_uri
from vecindex.options import options_shown
from vecindex.outputs import Outputs
from vecindex.verbs.overlap.options import OverlapOptions
from vecindex.verbs.project.options import Files, ProjectOptions
from vecindex.verbs.search.options import SearchOptions

if TYPE_CHECKING:
    from datetime import timedelta

    from vecindex.store.database import Database
    from vecindex.types import IngestReport, Observer
    from vecindex.verbs.ingest.run import Stop
    from vecindex.verbs.overlap.result import OverlapResult
    from vecindex.verbs.project.result import ProjectResult
    from vecindex.verbs.questions.model import QuestionModel
    from vecindex.verbs.questions.reader import Questions
    from vecindex.verbs.search.result import SearchResult
    from vecindex.verbs.upkeep.delete import DeleteReport
    from vecindex.verbs.upkeep.doctor import DoctorReport
    from vecindex.verbs.upkeep.optimize import OptimizeReport
    from vecindex.verbs.upkeep.status import Status
    from vecindex.verbs.upkeep.tag import TagReport


def open(database: str | Path | None = None, table: str = DEFAULT_TABLE) -> Index:
    """Return the index in a database folder (or URI) and one of its tables; nothing is read or made yet.

    `database` defaults to $VECINDEX_DB, else ./db.
    """
    return Index(database, table)


class Index(Outputs):
    """A table of articles with their vectors. Cheap to make; every method opens what it needs."""

    def __init__(self, database: str | Path | None = None, table: str = DEFAULT_TABLE) -> None:
        """See `vecindex.open`."""
        self.uri = database_uri(None if database is None else str(database))
        self.table = table
        self._questions: QuestionModel | None = None

    def __repr__(self) -> str:
        """Return how to make it again."""
        return f"vecindex.open({self.uri!r}, {self.table!r})"

    def _database(self) -> Database:
        from vecindex.store.database import Database

        return Database(self.uri)

    def _question_model(self) -> QuestionModel:
        """Return the model of this index, loaded at its first question and kept."""
        from vecindex.verbs.questions.model import QuestionModel

        self._questions = self._questions or QuestionModel()
        return self._questions

    def ingest(
        self,
        *sources: str | Path,
        observer: Observer | None = None,
        stop: Stop | None = None,
        stdin: BinaryIO | None = None,
        **options: Any,
    ) -> IngestReport:
        """Bring the table up to date with the sources, in transactions of 1,000 rows.

        Rows whose id and content the table has are skipped, changed ones replaced, new ones embedded and added.
        May be stopped, or killed, at any instant: running it again goes on from the last transaction.

        Parameters
        ----------
        sources : files, globs, folders, URLs, or "-" for standard input.
        observer : told the estimate, the progress and notices.
        stop : `stop.request()`, from a signal handler or a thread, ends the run after its transaction.
        options : the fields of `vecindex.verbs.ingest.options.IngestOptions`.

        Raises
        ------
        SourceError, ModelError, StoreError, ConfigError
            What was committed before the fault stays.
        """
        from vecindex.verbs.ingest.ingest import ingest
        from vecindex.verbs.ingest.options import IngestOptions

        return ingest(
            self._database(),
            self.table,
            [str(s) for s in sources],
            IngestOptions(**options),
            observer,
            stop,
            stdin,
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
        query and kept.

        Raises
        ------
        ConfigError, ModelError, SourceError, StoreError
        """
        from vecindex.verbs.search.search import search

        return search(self._database(), self.table, query, options, self._question_model(), observer, stdin)

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

        return overlap(self._database(), self.table, questions, options, self._question_model(), observer, stdin)

    @options_shown(ProjectOptions)
    def project(
        self,
        name: str | None = None,
        *,
        questions: Files = (),
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

        `name` is of small letters, digits and underscores; None stands for "map", or "anchored" with `anchor`. The
        settings of a method are those of its `maps.methods.MapMethod`, those of anchoring `weights` and `iterations`.

        Raises
        ------
        ConfigError, ModelError, SourceError, StoreError, MissingExtraError
            The map that was there is untouched.
        """
        from vecindex.verbs.project.project import project

        model = self._question_model()
        return project(self._database(), self.table, name, questions, options, model, observer, stdin)

    def status(self, *, rejects: bool = False, at: str | None = None) -> Status:
        """Return what the table holds and what made it, how its last run went, and what to do next.

        `rejects` adds the input rows that were left out, 1,000 at most; `at` names a tag. Reads no vectors. Where
        every row was left out, so that there is no table, it tells of no rows and of these.

        Raises TableNotFoundError naming the tables that there are, or another StoreError.
        """
        from vecindex.verbs.upkeep.status import status

        return status(self._database(), self.table, rejects=rejects, at=at)

    def delete(
        self,
        *ids: str,
        file: str | Path | None = None,
        where: str | None = None,
        dry_run: bool = False,
        confirm: Callable[[DeleteReport], bool] | None = None,
        stdin: BinaryIO | None = None,
    ) -> DeleteReport:
        """Remove articles, each with all its chunks, and return what was removed and what was not found.

        The next ingest of a source that still holds them brings them back.

        Parameters
        ----------
        ids, file, where : the articles: by id, by a file of ids ("-" for standard input), or by an SQL condition that
            one of their rows meets. Ids and a condition together are refused.
        dry_run : only tell what would be removed.
        confirm : asked with that before anything is removed; nothing is, when it returns False.

        Raises
        ------
        ConfigError, SourceError, LockedError or another StoreError
        """
        from vecindex.verbs.upkeep.delete import delete

        named = None if file is None else str(file)
        return delete(
            self._database(), self.table, ids, file=named, where=where, dry_run=dry_run, confirm=confirm, stdin=stdin
        )

    def optimize(self, *, older_than: str | timedelta | None = None) -> OptimizeReport:
        """Merge small fragments, bring the index of words up to date, and remove versions older than `older_than`.

        `older_than` is like "0s", "10m", "2h" or "7d"; by default an hour, so that nobody who reads an old version
        loses it. Tagged versions stay.

        Raises ConfigError for another form of it, LockedError while another process is writing.
        """
        from vecindex.verbs.upkeep.optimize import optimize

        return optimize(self._database(), self.table, older_than)

    def tag(self, name: str | None = None, *, delete: bool = False, move: bool = False) -> TagReport:
        """Return all tags, after making `name` a tag of the latest version, or moving it there, or deleting it.

        A tag keeps its version, and the files of it, until it is deleted; `at=` of the other verbs reads it.

        Raises ConfigError when the tag is there already and is not to be moved, or is not there to be deleted.
        """
        from vecindex.verbs.upkeep.tag import tag

        return tag(self._database(), self.table, name, delete=delete, move=move)

    def doctor(self, *, repair: bool = False) -> DoctorReport:
        """Read the whole table and return what is wrong with it; see `DoctorReport`.

        `repair` sets aside what cannot be read and removes rows that cannot be used, so that the table opens again
        and the next ingest makes anew what is missing. It changes nothing in a sound table.

        Raises TableNotFoundError; LockedError when it repairs while another process is writing.
        """
        from vecindex.verbs.upkeep.doctor import doctor

        return doctor(self._database(), self.table, repair=repair)


def _listed(values: str | Sequence[str] | None) -> list[str]:
    return [] if values is None else [values] if isinstance(values, str) else list(values)
