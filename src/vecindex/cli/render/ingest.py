"""How an ingest ends."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from vecindex.cli.output import about, duration, say, warn
from vecindex.messages import command, percent, text
from vecindex.verbs.languages import unknown_line

if TYPE_CHECKING:
    from vecindex.errors import VecindexError
    from vecindex.types import Basis
    from vecindex.verbs.ingest.result import IngestReport

_NAMED = 3
"""Sources that a line names."""


def print_ingest(report: IngestReport, dry_run: bool) -> None:
    """Print what an ingest did, or would do."""
    # With --quiet only what went wrong is shown.
    show = say if report.is_whole and not report.interrupted else warn
    basis = report.estimate.basis if dry_run and report.estimate else None
    if basis is not None and basis.sampled_rows is not None:
        _print_sampled(report, basis)
    elif dry_run:
        show(
            f"dry run: {report.read:,} rows read: {report.added:,} new in {report.table}, "
            f"{report.changed:,} changed, {report.skipped:,} unchanged, {report.rejected:,} to be rejected, "
            f"{_left_out(report)}; "
            f"{report.vectors:,} vectors to store"
        )
    else:
        show(
            f"{report.table}: {report.added:,} added, {report.changed:,} changed, {report.skipped:,} unchanged, "
            f"{report.rejected:,} rejected, {_left_out(report)}{_of_read(report)}; "
            f"{report.rows_in_table:,} rows in all"
        )
    if not (report.read or report.rejected):
        say("the sources hold no rows", 2)
    for reason, n in sorted(report.reject_reasons.items(), key=lambda item: -item[1]):
        number = f"{n:,}" if basis is None or basis.sampled_rows is None else about(n)
        show(f"rejected {number}: {reason}", 2)
    _print_left_out(report)
    if report.rejected and not (report.added or report.changed or report.skipped or report.vectors):
        warn("no row was good: is the format the right one (--format), are the fields (--id-field, --text-field)?", 2)
    if report.rejected and not dry_run:
        say(text("where and why, row by row: ", command("status", rejects=True)), 2)
    _print_drop(report)
    if report.missing:
        say(
            f"{report.missing:,} rows of the table are not in these sources, and stay; only if these sources are all "
            "there is, --prune removes them",
            2,
        )
    if report.pruned:
        say(f"{report.pruned:,} rows pruned", 2)
    _print_texts(report)
    s = report.seconds
    if report.vectors and not dry_run:
        say(
            f"time: {duration(s.wall)} (loading the model {s.loading:.1f} s, reading {s.reading:.1f} s, "
            f"tokenizing {s.tokenizing:.1f} s, model {s.model:.1f} s, "
            f"commit {s.commit:.1f} s, maintenance {s.maintenance:.1f} s; they overlap)"
            + (
                f"; {report.texts_per_s:.1f} texts/s on {report.device} in {report.precision}"
                if report.texts_per_s
                else ""
            )
        )
    if report.interrupted:
        warn("interrupted; run the same command again to go on")


def _print_drop(report: IngestReport) -> None:
    if report.deleted:
        say(f"{report.deleted:,} rows say that their ids are deleted", 2)
    if report.older:
        say(f"{report.older:,} rows left out: a newer version is in the table, or was read before", 2)


def _left_out(report: IngestReport) -> str:
    deletions = f", {report.deleted:,} deletions" if report.deleted else ""
    return f"{report.left_out + report.older:,} left out{deletions}"


def _of_read(report: IngestReport) -> str:
    """Return what the counts come to; with rows that were read and not stored where the run ended before them."""
    if report.unaccounted:
        return f" of {report.read:,} read ({report.unaccounted:,} not stored yet)"
    return f" = {report.read:,} read"


def _print_left_out(report: IngestReport) -> None:
    for reason, n in sorted(report.left_out_reasons.items(), key=lambda item: -item[1]):
        say(f"left out {n:,}: {reason}", 2)
    for source in report.sources_left_out:
        warn(text("source left out: ", source.reason), 2)
        if source.hint is not None:
            warn(source.hint, 4)


def _print_sampled(report: IngestReport, basis: Basis) -> None:
    """Print the counts of a dry run that has read samples."""
    is_known = report.estimate is not None and report.estimate.rows is not None
    rows = about(report.read) if is_known else f"at least {report.read:,}"
    show = warn if report.rejected else say
    deletions = f", {about(report.deleted)} deletions" if report.deleted else ""
    show(
        f"dry run: {rows} rows: {about(report.added)} new in {report.table}, {about(report.changed)} changed, "
        f"{about(report.skipped)} unchanged, {about(report.rejected)} to be rejected, "
        f"{about(report.left_out + report.older)} left out{deletions}; {about(report.vectors)} vectors to store"
    )
    probed = f", the rate on {basis.probed_texts:,} texts of all lengths" if basis.probed_texts else ""
    say(f"estimated from {basis.sampled_rows:,} of the rows{probed}; --exact counts all", 2)
    if basis.beginnings:
        more = f" and {len(basis.beginnings) - _NAMED:,} more" if len(basis.beginnings) > _NAMED else ""
        names = ", ".join(basis.beginnings[:_NAMED]) + more
        warn(f"only the first rows were read of {names}: later ones may be others", 2)


def print_failed(error: VecindexError) -> None:
    """Print why a run of those that watch failed; the next ones go on."""
    warn(text("error: ", error.message))
    if error.hint is not None:
        warn(error.hint, 2)


def print_waiting(folders: Sequence[Path]) -> None:
    """Print that files are waited for."""
    names = ", ".join(map(str, folders[:_NAMED])) + (", ..." if len(folders) > _NAMED else "")
    say(f"watching {names} for new and changed files; Ctrl-C ends")


def _print_texts(report: IngestReport) -> None:
    """Print what is to be known of the texts that the model read."""
    if report.repeated:
        say(f"{report.repeated:,} texts are equal to others next to them and were embedded once", 2)
    if report.truncated:
        share = report.truncated / max(1, report.vectors)
        say(
            f"{report.truncated:,} texts ({percent(share, 1)}) are longer than the model reads and were truncated; "
            "--chunk keeps all of their text (in a table of its own), a model that reads more helps too",
            2,
        )
    if report.unknown:
        warn(unknown_line(report.unknown, report.vectors), 2)
