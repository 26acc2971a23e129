"""The ingest: sources to table, one transaction at a time, safe to stop at any instant.

Three threads: one reads, judges and tokenises (`plan`, `prepare`), this one runs the model, one commits (`commit`).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from itertools import chain
from typing import Any, BinaryIO

from vecindex.cluster.engine import engine_of
from vecindex.errors import SourceError
from vecindex.masks import masked
from vecindex.messages import Message, command, counted, option, text
from vecindex.sources.articles import EMPTY_WITH_VECTOR
from vecindex.sources.open import open_sources
from vecindex.sources.samples.sample import samples
from vecindex.store.articles import ArticleTable
from vecindex.store.database import Database
from vecindex.store.maintenance import sweep
from vecindex.types import Observer, Silent, SourceData
from vecindex.verbs.ingest.commit import Committer
from vecindex.verbs.ingest.drops.ages import drop_of
from vecindex.verbs.ingest.embedding import Embedder
from vecindex.verbs.ingest.fields.settle import LOOK_AHEAD, chooser, report, settle
from vecindex.verbs.ingest.known.kept import kept_fields
from vecindex.verbs.ingest.known.registry import Registry
from vecindex.verbs.ingest.options import WAVE_ROWS, IngestOptions, checked_ingest, reading
from vecindex.verbs.ingest.plan import COMMIT_EVERY_S, Planner, whole
from vecindex.verbs.ingest.prepare import Preparer, Ready
from vecindex.verbs.ingest.rehearsal.rehearse import rehearse
from vecindex.verbs.ingest.result import IngestReport
from vecindex.verbs.ingest.run import Run, Stop
from vecindex.verbs.ingest.threads import Ahead, Behind
from vecindex.verbs.ingest.watching.files import part_of
from vecindex.verbs.upkeep.status import unfinished

_LOG = logging.getLogger(__name__)
_AHEAD = 2


def ingest(
    database: Database,
    table: str,
    sources: Sequence[SourceData],
    options: IngestOptions,
    observer: Observer | None = None,
    stop: Stop | None = None,
    stdin: BinaryIO | None = None,
    name: str | None = None,
    only: set[str] | None = None,
) -> IngestReport:
    """Bring a table up to date with the sources; see `Index.ingest` for what that means.

    Of the sources those are read that `only` names, files by their paths; None for all.

    Raises
    ------
    SourceError, ModelError, StoreError, ConfigError
        What was committed before the fault stays; running again goes on from there.
    """
    options, observer, stop = checked_ingest(options), observer or Silent(), stop or Stop()
    if (engine := engine_of(options["engine"])) is not None:
        from vecindex.cluster.connection import check_address, require_ray

        # Before anything is waited for.
        require_ray()
        check_address(engine)
    kept = kept_fields(database, table, options)
    named = (options["id_field"], options["text_field"], options["title_field"])
    opened = open_sources(
        sources,
        name=name,
        format=options["format"],
        vector_field=options["vector_field"],
        vectors=options["vectors"],
        text_fields=[field for field in named if field],
        max_ratio=options["max_ratio"],
        stdin=stdin,
        notice=_once(observer),
        reading=reading(options, kept.unread),
    )
    if only is not None:
        opened = part_of(opened, only)
    for source in opened:
        _LOG.info("source %s", masked(source.name))
    if options["dry_run"]:
        return _rehearse(Run(database, table, opened, options, observer, stop, kept))
    # Everything that is read of the table is read under the lock, so that no other writer can slip in between.
    database.durable |= options["durable"]
    database.wait_s = options["wait"]
    with database.writer():
        kept.bring_up_to_date(database, table, options)
        run = Run(database, table, opened, options, observer, stop, kept)
        run.is_part = only is not None
        return _perform(run)


def _once(observer: Observer) -> Callable[[Message], None]:
    """Return what shows each notice once: the first rows of a source may be read twice."""
    shown: set[Message] = set()

    def notice(message: Message) -> None:
        if message not in shown:
            shown.add(message)
            observer.notice(message)

    return notice


def _rehearse(run: Run) -> IngestReport:
    """Embed nothing: count what a run would do, of samples if need be, and estimate its time and disk."""
    if not run.options["exact"]:
        run.sources = samples(run.sources, run.rows_total)
    preparer = Preparer(run)
    rehearse(run, _planner(run, preparer), preparer)
    return _close(run)


def _perform(run: Run) -> IngestReport:
    """Embed and commit."""
    if run.table is not None:
        sweep(run.table, run.database.folder, notice=run.notice_once)
    preparer = Preparer(run)
    planner = _planner(run, preparer)
    if run.table is not None:
        run.kept.store(run.table)
    with ExitStack() as stack:
        embedder = Embedder(run, planner, preparer, COMMIT_EVERY_S)
        committer, embedded = _here_or_elsewhere(run, planner, embedder, stack)
        commits: Behind[Ready] = Behind(committer.commit, _AHEAD)
        ahead: Ahead[Ready] = Ahead(preparer.prepared(planner), _AHEAD, run.stop)
        try:
            for ready in chain(embedded(ahead, False), embedded(embedder.second_chances(), True)):
                commits.give(ready)
                if run.stop():
                    break
        finally:
            ahead.close()
            commits.finish()
            committer.finish()
    run.speeds.remember()
    # The reader may be through while transactions that it prepared were dropped.
    is_through = planner.complete and run.rows_done == run.report.read and not embedder.has_second_chances
    if run.stop() and not is_through:
        run.report.interrupted = True
    else:
        _finish_complete_run(run, planner)
    _tidy_up(run, committer)
    return _close(run)


Embedded = Callable[[Iterable[Ready], bool], Iterator[Ready]]


def _here_or_elsewhere(
    run: Run, planner: Planner, embedder: Embedder, stack: ExitStack
) -> tuple[Committer, Embedded]:
    """Return what commits and what embeds: in this process, or workers on a cluster, which end with `stack`."""
    engine = engine_of(run.options["engine"])
    if engine is None:
        return Committer(run, planner.drop), lambda readies, _: _alone(embedder, readies)
    from vecindex.verbs.ingest.cluster.flight import Flight, Workers
    from vecindex.verbs.ingest.cluster.waves import WaveCommitter

    workers = stack.enter_context(Workers(run, engine))
    if not run.precomputed:
        run.cluster = workers
    flight = Flight(run, workers, embedder)
    wave_rows = run.options["wave_rows"] or WAVE_ROWS
    return WaveCommitter(run, planner.drop, workers.pool, wave_rows), flight.embedded


def _alone(embedder: Embedder, readies: Iterable[Ready]) -> Iterator[Ready]:
    for ready in readies:
        yield from embedder.parts(ready)


def _planner(run: Run, preparer: Preparer) -> Planner:
    """Settle all sources, and return what reads them."""
    drop = drop_of(run)
    choose = chooser(run.options, run.choice.text_template, run.vector_field, drop, run.kept)
    deletes = drop.is_deletion if drop is not None else lambda _: False
    with run.report.seconds.measured("reading"):
        settled = settle(run.sources, choose, min(LOOK_AHEAD, run.options["transaction_rows"]), run.stop, deletes)
    run.report.taken, run.report.sources_left_out = report(settled, run.observer, run.kept.is_new)
    registry = Registry(run.table.known_rows() if run.table else ())
    cut = preparer.cut if run.choice.chunking else whole
    return Planner(settled.sources, choose, run.options, registry, run.report, cut, drop)


def _finish_complete_run(run: Run, planner: Planner) -> None:
    """Drop rejects that are none any more, and count or prune the rows that the sources no longer hold."""
    rejects = run.rejects
    rejects.forget(run.name, [settled.source.name for settled in planner.sources], run.id)
    # What a part of the sources lacks says nothing, nor what files of changes lack.
    run.report.missing = 0 if run.is_part or planner.drop is not None else planner.registry.n_unmet
    if run.options["prune"] and _prune(run, planner) and run.report.read:
        # Who prunes says that there are no sources but these; so nothing else can mend the rejects of others.
        rejects.forget_all(run.name, run.id)


def _prune(run: Run, planner: Planner) -> bool:
    """Remove the rows that the sources no longer hold; return False where these are not known."""
    if not run.report.missing or run.table is None:
        return True
    if not run.report.read:
        raise SourceError("The sources hold no rows at all; nothing is pruned.", "Check the sources.")
    if run.report.sources_left_out:
        sources = counted(len(run.report.sources_left_out), "source was", "sources were")
        run.observer.warning(
            f"nothing is pruned: {sources} left out, which may hold the "
            f"{counted(run.report.missing, 'row that seems', 'rows that seem')} to be gone"
        )
        return False
    if planner.nameless:
        run.observer.notice(
            text(
                f"nothing is pruned: {counted(planner.nameless, 'row')} could not be read as far as the id, and may "
                f"be of the {counted(run.report.missing, 'that seems', 'that seem')} to be gone; correct it first: ",
                command("status", rejects=True),
            )
        )
        return False
    run.observer.notice(f"pruning {counted(run.report.missing, 'row')} that the sources no longer hold")
    gone = [i for ids, _ in run.table.known_rows() for i in ids if planner.registry.is_unmet(i)]
    run.table.delete_ids(gone, "article_id" if run.choice.chunking else "id")
    run.report.pruned, run.report.missing = len(gone), 0
    return True


def _tidy_up(run: Run, committer: Committer) -> None:
    """Leave a compact table that knows how its last run went; a run that changed nothing leaves no trace."""
    report, table = run.report, run.table
    if committer.rejects_changed:
        run.rejects.maintain()
    if table is None:
        return
    before: dict[str, Any] | None = table.setting("last_run")
    if not (report.transactions or report.pruned or report.deleted or _news(run, table, before)):
        return
    committer.maintain()
    _close(run)
    ended = datetime.now(UTC).isoformat()
    kept = {**report.to_dict(), "run": run.id, "last_txn": committer.txn, "ended_at": ended}
    table.set_setting(last_run={**kept, "last_rate": _last_rate(kept, before)})


def _news(run: Run, table: ArticleTable, before: dict[str, Any] | None) -> bool:
    """Return whether a run that committed nothing makes untrue what was stored of the run before it."""
    report = run.report
    if report.interrupted:
        return False  # it knows less than the run before it
    now = {"interrupted": False, "missing": report.missing, "rejected": report.rejected}
    stored = before or dict.fromkeys(now, 0)
    return any(stored.get(key, 0) != value for key, value in now.items()) or unfinished(table, before) is not None


def _last_rate(kept: dict[str, Any], before: dict[str, Any] | None) -> dict[str, Any] | None:
    """Return the rate of the last run that embedded something: one that had nothing to embed has none of its own."""
    for run in (kept, before or {}):
        if run.get("texts_per_s"):
            return {key: run[key] for key in ("texts_per_s", "device", "precision", "ended_at")}
    return (before or {}).get("last_rate")


def _close(run: Run) -> IngestReport:
    if empty := run.report.reject_reasons.get(EMPTY_WITH_VECTOR):
        rows = counted(empty, "row has", "rows have")
        run.notice_once(text(f"{rows} a vector and no text; to take such rows: ", option("allow_empty", True)))
    if not run.report.interrupted and run.report.unaccounted:
        # A fault of this program; what is stored is sound.
        run.observer.warning(
            f"the counts do not add up: of {counted(run.report.read, 'row')} read {run.report.unaccounted:,} are in "
            "none; "
            "please report it with the command and its output"
        )
    run.report.rows_in_table = run.table.count() if run.table else 0
    run.report.seconds.wall = time.perf_counter() - run.started
    return run.report
