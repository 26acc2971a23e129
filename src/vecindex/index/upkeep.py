"""The methods of `vecindex.Index` that look after a table: status, delete, optimize, tag, doctor."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, BinaryIO, Unpack

from vecindex.options import expected, options_shown
from vecindex.verbs.index.options import BuildIndexOptions
from vecindex.verbs.upkeep.options import (
    AnnotateOptions,
    DeleteOptions,
    DoctorOptions,
    OptimizeOptions,
    StatusOptions,
    TagOptions,
)

if TYPE_CHECKING:
    from vecindex.store.database import Database
    from vecindex.types import Observer
    from vecindex.verbs.index.result import IndexReport
    from vecindex.verbs.questions.model import QuestionModel
    from vecindex.verbs.search.warm import Warm
    from vecindex.verbs.upkeep.annotate import AnnotateReport
    from vecindex.verbs.upkeep.delete import DeleteReport
    from vecindex.verbs.upkeep.findings import DoctorReport, RepairPlan
    from vecindex.verbs.upkeep.optimize import OptimizeReport
    from vecindex.verbs.upkeep.status import Status
    from vecindex.verbs.upkeep.tag import TagReport


class Upkeep:
    """A table of a database; each method opens what it needs."""

    uri: str
    table: str
    _questions: QuestionModel | None = None
    _held: Warm | None = None

    def _database(self) -> Database:
        from vecindex.store.database import Database

        return Database(self.uri)

    def _question_model(self) -> QuestionModel:
        """Return the model of this index, loaded at its first question and kept."""
        from vecindex.verbs.questions.model import QuestionModel

        self._questions = self._questions or QuestionModel()
        return self._questions

    def _warm(self) -> Warm:
        """Return what keeps the vectors in memory from search to search."""
        from vecindex.verbs.search.warm import Warm

        self._held = self._held or Warm()
        return self._held

    @options_shown(StatusOptions)
    def status(self, **options: Unpack[StatusOptions]) -> Status:
        """Return what the table holds and what made it, how its last run went, and what to do next.

        Reads no vectors. Of the rejected rows 1,000 are listed at most. Where every row was rejected, so that the
        table does not exist, it reports no rows and these.

        Raises TableNotFoundError naming the tables of the database, or another StoreError.
        """
        from vecindex.verbs.upkeep.status import status

        return status(self._database(), self.table, options)

    @options_shown(DeleteOptions)
    def delete(
        self,
        *ids: str,
        confirm: Callable[[DeleteReport], bool] | None = None,
        stdin: BinaryIO | None = None,
        **options: Unpack[DeleteOptions],
    ) -> DeleteReport:
        """Remove articles, each with all its chunks, and return what was removed and what was not found.

        Ids, from the call and from `file`, and a condition together are refused; with a condition, an article goes if
        one of its rows meets it. The next ingest of a source that still holds the articles adds them again.

        Before anything is removed, `confirm` is called with what would be; where it returns False, nothing is.

        Raises
        ------
        ConfigError, SourceError, LockedError or another StoreError
        """
        from vecindex.verbs.upkeep.delete import delete

        expected("ids", ids, Sequence[str])
        return delete(self._database(), self.table, ids, options, confirm, stdin)

    @options_shown(AnnotateOptions)
    def annotate(
        self,
        ids: Sequence[str] | Mapping[str, str | None] = (),
        *,
        stdin: BinaryIO | None = None,
        **options: Unpack[AnnotateOptions],
    ) -> AnnotateReport:
        """Store a label with articles, each with all its chunks: a column to color by, to filter by, and of topics.

        They are named by `ids`, `file` or `where`. A mapping as `ids` gives each id a label of its own, or None for
        none. A label that was there is replaced, or removed with `clear`; other articles keep theirs. The column is
        made where it is not there. All labels of a call are one commit. With `restore` the column is given back as
        it was at a tag. With `prune` articles that a mapping or a CSV of labels does not name lose their label.

        Raises
        ------
        ConfigError
            For no articles or both ways of naming them, no label, and a column that holds something else.
        SourceError, LockedError or another StoreError
        """
        from vecindex.verbs.upkeep.annotate import annotate

        expected("ids", ids, Sequence[str] | Mapping[str, str | None])
        return annotate(self._database(), self.table, ids, options, stdin)

    @options_shown(OptimizeOptions)
    def optimize(self, **options: Unpack[OptimizeOptions]) -> OptimizeReport:
        """Merge small fragments, bring the indexes up to date, and remove old versions.

        Versions stay for an hour unless `older_than` says otherwise, so that nobody who reads one loses it; tagged
        versions stay.

        Raises ConfigError for a wrong `older_than`, LockedError while another process is writing.
        """
        from vecindex.verbs.upkeep.optimize import optimize

        return optimize(self._database(), self.table, options)

    @options_shown(BuildIndexOptions)
    def build_index(self, *, observer: Observer | None = None, **options: Unpack[BuildIndexOptions]) -> IndexReport:
        """Make an index of the vectors for approximate searches, and measure what it finds.

        Its type is chosen by rows, dimension and memory. Then up to 500 rows, each without itself, and the stored
        questions are searched for, with rising settings, and compared with an exact search: the curve of recall@10
        and CPU time is stored with the table, and `search(approximate=True)` is set up by it. Exact searches never
        use the index. The writer lock is held meanwhile; killed at any instant, the table is whole, and the same call
        begins again.

        Raises
        ------
        ConfigError
            The table has fewer than 20,000 rows, of which exact searches are quick, and no `type` was given.
        LockedError or another StoreError
        """
        from vecindex.verbs.index.index import build_index

        return build_index(self._database(), self.table, options, observer)

    @options_shown(TagOptions)
    def tag(self, name: str | None = None, **options: Unpack[TagOptions]) -> TagReport:
        """Return all tags, after making `name` a tag of the latest version, or moving it there, or deleting it.

        A tag keeps its version, and the files of it, until it is deleted; `at=` of the other verbs reads it.

        Raises ConfigError when a tag to be made exists, or one to be deleted does not.
        """
        from vecindex.verbs.upkeep.tag import tag

        expected("name", name, str | None)
        return tag(self._database(), self.table, name, options)

    @options_shown(DoctorOptions)
    def doctor(
        self, *, confirm: Callable[[RepairPlan], bool] | None = None, **options: Unpack[DoctorOptions]
    ) -> DoctorReport:
        """Read the whole table and return what is wrong with it; see `DoctorReport`.

        A repair sets aside what is proven to be damaged and removes rows that cannot be used, so that the table opens
        again and the next ingest adds what is missing. It changes nothing in a sound table, and nothing because of a
        file that cannot be read at the moment. Before anything is given up, `confirm` is called with what it would
        be; where it returns False, that repair is not made.

        Raises TableNotFoundError; LockedError when it repairs while another process is writing.
        """
        from vecindex.verbs.upkeep.doctor import doctor

        return doctor(self._database(), self.table, options, confirm)
