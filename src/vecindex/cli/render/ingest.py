"""How an ingest ends."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from vecindex.cli.output import about, duration, say, warn
from vecindex.messages import command, counted, percent, text
from vecindex.verbs.languages import is_unknown, nothing_known_line, unknown_line

if TYPE_CHECKING:
    from vecindex.errors import VecindexError
    from vecindex.types import Basis
    from vecindex.verbs.ingest.result import IngestReport

_NAMED = 3
"""Sources that a line names."""
_SMALL_SHARE = 0.001


def print_ingest(report: IngestReport, dry_run: bool) -> None:
    """Print what an ingest did, or would do."""
    # With --quiet only what went wrong is shown.
    show = say if report.is_whole and not report.interrupted else warn
    basis = report.estimate.basis if dry_run and report.estimate else None
    if basis is not None and basis.sampled_rows is not None:
        _print_sampled(report, basis)
    elif dry_run:
        show(
            f"dry run: {counted(report.read, 'row')} read: {report.added:,} new in {report.table}, "
            f"{report.changed:,} changed, {report.skipped:,} unchanged, {report.rejected:,} to be rejected, "
            f"{_left_out(report)}; {counted(report.vectors, 'vector')} to store"
        )
        if basis is not None and basis.remembered is not None:
            say(f"all rows were read{_rate_of(basis)}", 2)
    else:
        show(
            f"{report.table}: {report.added:,} added, {report.changed:,} changed, {report.skipped:,} unchanged, "
            f"{report.rejected:,} rejected, {_left_out(report)}{_of_read(report)}; "
            f"{counted(report.rows_in_table, 'row')} in all"
        )
    if not (report.read or report.rejected or report.interrupted):
        say("the sources hold no rows", 2)
    for reason, n in sorted(report.reject_reasons.items(), key=lambda item: -item[1]):
        number = f"{n:,}" if basis is None or basis.sampled_rows is None else about(n)
        show(f"rejected {number}: {reason}", 2)
    _print_left_out(report)
    if report.rejected:
        _print_what_helps(report, dry_run)
    _print_drop(report)
    if report.missing:
        say(
            f"{counted(report.missing, 'row of the table is', 'rows of the table are')} not in these sources, and "
            f"{'stays' if report.missing == 1 else 'stay'}; only if these sources are all there is, --prune removes "
            f"{'it' if report.missing == 1 else 'them'}",
            2,
        )
    if report.pruned:
        say(f"{counted(report.pruned, 'row')} pruned", 2)
    _print_texts(report, basis is not None and basis.sampled_rows is not None)
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


def _print_what_helps(report: IngestReport, dry_run: bool) -> None:
    """Print what helps against rejects."""
    unknown = [is_unknown(reason) for reason in report.reject_reasons]
    if any(unknown):
        say(nothing_known_line(), 2)
    good = report.added or report.changed or report.skipped or report.vectors
    if not good and not all(unknown):
        warn("no row was good: is the format the right one (--format), are the fields (--id-field, --text-field)?", 2)
    if not dry_run:
        say(text("where and why, row by row: ", command("status", rejects=True)), 2)


def _print_drop(report: IngestReport) -> None:
    if report.deleted:
        say(counted(report.deleted, "row says that its id is deleted", "rows say that their ids are deleted"), 2)
    if report.older:
        say(f"{counted(report.older, 'row')} left out: a newer version is in the table, or was read before", 2)


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
    rows = about(report.read, "row") if is_known else f"at least {counted(report.read, 'row')}"
    show = warn if report.rejected else say
    deletions = f", {about(report.deleted, 'deletion')}" if report.deleted else ""
    show(
        f"dry run: {rows}: {about(report.added)} new in {report.table}, {about(report.changed)} changed, "
        f"{about(report.skipped)} unchanged, {about(report.rejected)} to be rejected, "
        f"{about(report.left_out + report.older)} left out{deletions}; {about(report.vectors, 'vector')} to store"
    )
    say(f"estimated from {basis.sampled_rows:,} of the rows{_rate_of(basis)}; --exact counts all", 2)
    if basis.beginnings:
        more = f" and {len(basis.beginnings) - _NAMED:,} more" if len(basis.beginnings) > _NAMED else ""
        names = ", ".join(basis.beginnings[:_NAMED]) + more
        warn(f"only the first rows were read of {names}: later ones may be others", 2)


def _rate_of(basis: Basis) -> str:
    """Return what the rate of a dry run rests on."""
    if basis.remembered is not None:
        day = basis.remembered.partition("T")[0]
        return f", the rate on what a run on {day} took on this machine"
    if not basis.probed_texts:
        return ""
    return f", the rate on {counted(basis.probed_texts, 'text')} of all lengths"


def print_failed(error: VecindexError) -> None:
    """Print why a run of those that watch failed; the next ones go on."""
    warn(text("error: ", error.message))
    if error.hint is not None:
        warn(error.hint, 2)


def print_waiting(folders: Sequence[Path]) -> None:
    """Print that files are waited for."""
    names = ", ".join(map(str, folders[:_NAMED])) + (", ..." if len(folders) > _NAMED else "")
    say(f"watching {names} for new and changed files; Ctrl-C ends")


def _print_texts(report: IngestReport, is_sample: bool) -> None:
    """Print what is to be known of the texts that the model read."""
    if report.repeated:
        equal = counted(
            report.repeated,
            "text is equal to an earlier one and is not embedded again",
            "texts are equal to earlier ones and are not embedded again",
        )
        # The more rows, the more of their texts are equal.
        say(f"at least {equal}" if is_sample else equal, 2)
    if report.truncated:
        share = report.truncated / max(1, report.vectors)
        say(
            f"{counted(report.truncated, 'text')} ({percent(share, 1)}) longer than the model reads, and truncated; "
            "--chunk keeps all of their text (in a table of its own), a model that reads more helps too",
            2,
        )
    unknown = None if report.estimate is None else report.estimate.unknown_frac
    if unknown:
        digits = 1 if unknown >= _SMALL_SHARE else 3
        say(f"of the tokens of the sample the model does not know {percent(unknown, digits)}", 2)
    if report.unknown:
        warn(unknown_line(report.unknown, report.vectors), 2)
