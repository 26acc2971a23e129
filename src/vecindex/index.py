"""The Python interface: `vecindex.open("db")` gives an `Index` with the verbs of the command line."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Literal

from vecindex.config import DEFAULT_TABLE, database_uri
from vecindex.outputs import Outputs

if TYPE_CHECKING:
    from datetime import timedelta

    import numpy.typing as npt

    from vecindex.pipeline.delete import DeleteReport
    from vecindex.pipeline.doctor import DoctorReport
    from vecindex.pipeline.optimize import OptimizeReport
    from vecindex.pipeline.overlap_result import OverlapResult
    from vecindex.pipeline.project_result import ProjectResult
    from vecindex.pipeline.queries import QuestionModel
    from vecindex.pipeline.run import Stop
    from vecindex.pipeline.status import Status
    from vecindex.pipeline.tag import TagReport
    from vecindex.store.database import Database
    from vecindex.types import IngestReport, Observer, SearchResult, SourceData


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

    def ingest(
        self,
        *sources: SourceData,
        name: str | None = None,
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
        sources : files, globs, folders, URLs, "-" for standard input; and data in memory: Arrow tables, batches and
            readers, frames of pandas and polars, relations of DuckDB, and iterables of dicts. An iterable is read row
            by row, in another thread.
        name : of the data in memory, under which its rejected rows are filed. It stands for the whole of a source: a
            complete run forgets rejects of that name that it no longer meets. Without one none are forgotten.
        observer : told the estimate, the progress and notices.
        stop : `stop.request()`, from a signal handler or a thread, ends the run after its transaction.
        options : the fields of `vecindex.pipeline.options.IngestOptions`.

        Raises
        ------
        SourceError, ModelError, StoreError, ConfigError
            What was committed before the fault stays.
        """
        from vecindex.pipeline.ingest import ingest
        from vecindex.pipeline.options import IngestOptions

        return ingest(
            self._database(),
            self.table,
            sources,
            IngestOptions(**options),
            observer,
            stop,
            stdin,
            name,
        )

    def search(
        self,
        query: str | Sequence[str] | None = None,
        *,
        k: int = 10,
        where: str | None = None,
        hybrid: bool = False,
        by: Literal["article", "chunk"] = "article",
        id: str | Sequence[str] | None = None,
        vector: npt.ArrayLike | None = None,
        file: str | Path | None = None,
        text: Literal["snippet", "full", "none"] = "snippet",
        at: str | None = None,
        model: str | None = None,
        prompt: str | None = None,
        device: str = "auto",
        trust_remote_code: bool = False,
        observer: Observer | None = None,
        stdin: BinaryIO | None = None,
    ) -> SearchResult:
        """Return the nearest articles to each query, by exact search.

        Hits are ordered by `dist`, the cosine distance 1 - cos (lower is closer), then by id; so of several equally
        near ones at the end, the smaller ids are given. The model is loaded at the first query and kept.

        Parameters
        ----------
        query, file, id, vector : exactly one of: a text or texts; a file of them ("-" for standard input); an article
            or articles, to find more like it without itself (one in chunks is the mean of its chunks; the id of a
            chunk stands for that chunk); vectors (q, d) of the table's kind, of any length.
        k : hits for each query; fewer when the table has fewer.
        where : an SQL condition on the columns, which the hits meet.
        hybrid : rank by words as well, and order by `relevance` (higher is better): reciprocal rank fusion.
        by : in a table of chunks, "article" gives each article once, with its nearest chunk.
        text : whether hits bring the beginning of their text, all of it, or none.
        at : a tag, to search the table as it was.
        model : where the model is now, if not where it was; it must have the same weights.
        prompt : put before every query; None takes the model's own prompt for queries.

        Raises
        ------
        ConfigError, ModelError, SourceError, StoreError
        """
        from vecindex.pipeline.queries import ModelOptions, QuestionModel
        from vecindex.pipeline.search import SearchOptions, search

        self._questions = self._questions or QuestionModel()
        options = SearchOptions(
            texts=_listed(query),
            file=None if file is None else str(file),
            ids=_listed(id),
            vectors=vector,
            k=k,
            where=where,
            hybrid=hybrid,
            by=by,
            text=text,
            at=at,
            model=ModelOptions(model, prompt, device, trust_remote_code),
        )
        return search(self._database(), self.table, options, self._questions, observer, stdin)

    def overlap(
        self,
        questions: str | Path | Sequence[str] | None = None,
        *,
        question: str | None = None,
        k: int = 5,
        by: Literal["article", "chunk"] = "article",
        topic_field: str | None = None,
        map: str | None = None,
        bbox_padding: float = 0.5,
        sample: int = 500,
        seed: int | None = None,
        at: str | None = None,
        what_if: str | None = None,
        explain: bool = False,
        model: str | None = None,
        prompt: str | None = None,
        device: str = "auto",
        trust_remote_code: bool = False,
        observer: Observer | None = None,
        stdin: BinaryIO | None = None,
    ) -> OverlapResult:
        """Return how many of the questions' nearest articles stay their nearest on each stored map, and why not.

        Neighbors in embedding space are exact, over the whole table in bounded memory. Questions are placed on a map
        by candidate search and, beside it, by a neutral rule; nothing is fitted. Their vectors are kept in the table
        `questions`, so a second call on the same questions loads no model.

        Parameters
        ----------
        questions : a file ("-" for standard input), or a list of texts; a text alone is given as `question`.
        question : a text. Without `questions` it is measured by itself; beside them its neighbors are found too
            (`OverlapResult.typed`), unless it is the id or the text of one of them, and it counts in no figure.
        k : neighbors.
        by : in a table of chunks, "article" counts each article once, where its nearest chunk is.
        topic_field : column with the articles' topics; None for "topic", if there is one.
        map : one stored map; None for all.
        bbox_padding : by how much of its length each side of the questions' bounding box is moved out.
        sample : articles drawn for their own self-recall and distances; all are candidates.
        seed : of that draw and of the intervals; None for the usual one.
        at : a tag, to measure the table as it was.
        what_if : "corpus" measures the questions against nested samples of the articles as well.
        explain : do the experiments too that need the model and another pass over the vectors.
        model, prompt, device, trust_remote_code : as in `search`.

        Raises
        ------
        ConfigError, ModelError, SourceError, StoreError
        """
        from vecindex.core.nulls import SEED
        from vecindex.pipeline.overlap import OverlapOptions, overlap
        from vecindex.pipeline.queries import ModelOptions, QuestionModel

        self._questions = self._questions or QuestionModel()
        is_file = questions is not None and isinstance(questions, str | Path)
        options = OverlapOptions(
            file=str(questions) if is_file else None,
            texts=() if is_file or questions is None else tuple(str(q) for q in questions),  # type: ignore[union-attr]
            question=question,
            k=k,
            by=by,
            topic_field=topic_field,
            map=map,
            padding=bbox_padding,
            sample=sample,
            seed=SEED if seed is None else seed,
            at=at,
            what_if=what_if,
            explain=explain,
            model=ModelOptions(model, prompt, device, trust_remote_code),
        )
        return overlap(self._database(), self.table, options, self._questions, observer, stdin)

    def project(
        self,
        name: str | None = None,
        *,
        method: str | None = None,
        seed: int = 0,
        settings: Mapping[str, Any] | None = None,
        update: bool = False,
        drop: bool = False,
        fresh: bool = False,
        focus: str | Path | None = None,
        focus_size: int | None = None,
        anchor: bool = False,
        questions: str | Path | Sequence[str | Path] = (),
        base: str | None = None,
        controls: bool = True,
        sample: int | None = None,
        model: str | None = None,
        prompt: str | None = None,
        device: str = "auto",
        trust_remote_code: bool = False,
        observer: Observer | None = None,
        stdin: BinaryIO | None = None,
    ) -> ProjectResult:
        """Make a map of all vectors, score it, and keep it with the table as the columns NAME_x and NAME_y.

        A map of that name that is there is rebuilt: the new one begins from it, is laid over it, and tells how far
        the articles moved. The neighbor graph is kept in the database and used again; after new, changed or removed
        rows it is extended. Readers see the old map or the new one, whenever the process ends. The writer lock is
        held only while the columns are written.

        Parameters
        ----------
        name : small letters, digits and underscores; None for "map", or "anchored" with `anchor`.
        method : "local" (the default), "umap", "tsne" or "pca".
        seed : with the same rows, stored graph, versions and machine the same seed gives the same map.
        settings : of the method, by name, see `core.map_settings.METHODS`; with `anchor` those of
            `core.anchors.AnchorSettings`.
        update : only place the rows that the map does not hold; no article on it moves.
        drop : remove the map.
        fresh : do not begin from the map that is there, and do not lay the new one over it.
        focus, focus_size : a file of questions, to map only so many articles nearest to them.
        anchor, questions : derive a map on which the nearest articles of these questions, a file or several, lie
            around them. It is marked as anchored, and never replaces a map that is not.
        base : the map to derive it from; None for the unanchored map `name`, if there is one (the anchored map is
            then called NAME_anchored), else "map", which is made if need be.
        controls : measure held-out questions and shuffled targets as well, which takes six times as long.
        sample : articles drawn for the scores; all articles are candidates for their neighbors.
        model, prompt, device, trust_remote_code : for the questions, as in `search`.

        Raises
        ------
        ConfigError, ModelError, SourceError, StoreError, MissingExtraError
            The map that was there is untouched.
        """
        from vecindex.pipeline.project import project
        from vecindex.pipeline.project_options import ANCHORED_NAME, DEFAULT_NAME, ProjectOptions
        from vecindex.pipeline.project_score import SAMPLE
        from vecindex.pipeline.queries import ModelOptions, QuestionModel

        self._questions = self._questions or QuestionModel()
        options = ProjectOptions(
            name=name or (ANCHORED_NAME if anchor else DEFAULT_NAME),
            method=method,
            seed=seed,
            settings=settings or {},
            update=update,
            drop=drop,
            fresh=fresh,
            focus=None if focus is None else str(focus),
            focus_size=focus_size,
            anchor=anchor,
            questions=tuple(str(f) for f in ([questions] if isinstance(questions, str | Path) else questions)),
            base=base,
            controls=controls,
            sample=SAMPLE if sample is None else sample,
            model=ModelOptions(model, prompt, device, trust_remote_code),
        )
        return project(self._database(), self.table, options, self._questions, observer, stdin)

    def status(self, *, rejects: bool = False, at: str | None = None) -> Status:
        """Return what the table holds and what made it, how its last run went, and what to do next.

        `rejects` adds the input rows that were left out, 1,000 at most; `at` names a tag. Reads no vectors. Where
        every row was left out, so that there is no table, it tells of no rows and of these.

        Raises TableNotFoundError naming the tables that there are, or another StoreError.
        """
        from vecindex.pipeline.status import status

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
        from vecindex.pipeline.delete import delete

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
        from vecindex.pipeline.optimize import optimize

        return optimize(self._database(), self.table, older_than)

    def tag(self, name: str | None = None, *, delete: bool = False, move: bool = False) -> TagReport:
        """Return all tags, after making `name` a tag of the latest version, or moving it there, or deleting it.

        A tag keeps its version, and the files of it, until it is deleted; `at=` of the other verbs reads it.

        Raises ConfigError when the tag is there already and is not to be moved, or is not there to be deleted.
        """
        from vecindex.pipeline.tag import tag

        return tag(self._database(), self.table, name, delete=delete, move=move)

    def doctor(self, *, repair: bool = False) -> DoctorReport:
        """Read the whole table and return what is wrong with it; see `DoctorReport`.

        `repair` sets aside what cannot be read and removes rows that cannot be used, so that the table opens again
        and the next ingest makes anew what is missing. It changes nothing in a sound table.

        Raises TableNotFoundError; LockedError when it repairs while another process is writing.
        """
        from vecindex.pipeline.doctor import doctor

        return doctor(self._database(), self.table, repair=repair)


def _listed(values: str | Sequence[str] | None) -> list[str]:
    return [] if values is None else [values] if isinstance(values, str) else list(values)
