"""How an approximate search is set up, what it says about itself, and when one would pay."""

from __future__ import annotations

import math

from vecindex.core.indexes.recall import DEFAULT_RECALL, FEW_ROWS, AboutIndex, Measured, build_cpu_s
from vecindex.errors import ConfigError, CorruptError, StoreError, UnavailableError
from vecindex.messages import Message, Placeholder, command, counted, option, text
from vecindex.store.articles import ArticleTable
from vecindex.store.indexes.vector import (
    about_index,
    is_mended_by_measuring,
    made_by,
    vector_index,
    vector_index_fault,
    why_stale,
)
from vecindex.types import Observer
from vecindex.verbs.search.options import SearchOptions
from vecindex.verbs.search.result import Approximation

SLOW_MS = 100
"""CPU milliseconds of an exact search from which on an index is suggested."""
_suggested: set[str] = set()
_EXACTLY = text("Leave ", option("approximate"), " out to search exactly.")


def approximation(
    table: ArticleTable,
    options: SearchOptions,
    matching: int,
    observer: Observer,
    without: Message = _EXACTLY,
) -> Approximation | None:
    """Return how to search the index, None for a search that is to be exact; the observer gets what to expect.

    `matching` rows meet the condition. Of few rows an exact search is quick, and is made. Raises ConfigError where
    there is no index, where it was not measured, or where the recall that is asked for was not reached; `without`
    says how to do without the index.
    """
    if not options["approximate"]:
        return None
    about = _about(table, options["at"], without)
    wanted = DEFAULT_RECALL if options["recall"] is None else options["recall"]
    chosen = about.curve.cheapest(wanted)
    if chosen is None:
        raise _not_reached(about, wanted, without, of_user=options["recall"] is not None)
    if options["where"] is not None and matching < FEW_ROWS:
        observer.notice(f"{counted(matching, 'row meets', 'rows meet')} the condition: so few are searched exactly")
        return None
    found = _made_of(about, chosen)
    observer.notice(_expected(table, about, found, options))
    return found


def _about(table: ArticleTable, at: str | None, without: Message) -> AboutIndex:
    # What is kept of an index outlives one that LanceDB itself removed.
    there = vector_index(table)
    about = None if there is None else about_index(table)
    if about is not None and about.made_by == made_by(table):
        return about
    make = text("Make it: ", command("build_index"))
    if about is not None:
        raise ConfigError(
            f"The index of {table.where} was made of vectors of another model.",
            text("Make it again: ", command("build_index")),
        )
    if there is not None:
        raise ConfigError(
            f"What the index of {table.where} finds was not measured.",
            text("Measure it: ", command("build_index", measure=True)) if at is None else without,
        )
    rows = table.count()
    if at is not None:
        raise ConfigError(f"{table.where} had no index of its vectors when it was tagged {at!r}.", without)
    if rows < FEW_ROWS:
        raise ConfigError(
            f"{table.where} has no index of its vectors; of {counted(rows, 'row')} an exact search is quick.", without
        )
    raise ConfigError(f"{table.where} has no index of its vectors.", make)


def _not_reached(about: AboutIndex, wanted: float, without: Message, *, of_user: bool) -> ConfigError:
    best = about.curve.best
    reached = math.floor(100 * best.expected) / 100
    asked = text(option("recall", wanted)) if of_user else text(f"A recall of {wanted:g}")
    return ConfigError(
        text(
            asked,
            f" is not reached by this {about.type} index: the best measured recall@{about.curve.k} is "
            f"{best.expected:.3f} ({best.nprobes} probes, refine factor {best.refine}).",
        ),
        text("Ask for less, ", option("recall", reached), "; or leave ", option("approximate"), " out.")
        if without is _EXACTLY
        else without,
    )


def _made_of(about: AboutIndex, chosen: Measured) -> Approximation:
    curve = about.curve
    return Approximation(chosen.expected, curve.k, curve.queries, curve.questions, chosen.nprobes, chosen.refine)


def _expected(table: ArticleTable, about: AboutIndex, found: Approximation, options: SearchOptions) -> Message:
    """Return what to expect, with what it was measured on and what was not measured."""
    asked = f" and {counted(found.questions, 'stored question')}" if found.questions else ""
    said = f"approximate: recall@{found.k} {found.recall:.2f} expected"
    notes = [f"{said}, measured on {counted(found.queries, 'held-out row')}{asked}"]
    if options["k"] != found.k:
        usually = "usually lower" if options["k"] > found.k else "usually higher"
        notes.append(f"recall@{options['k']} was not measured, and is {usually}")
    if options["where"] is not None:
        notes.append("no condition was measured")
    if options["rerank"] is not None or options["diverse"]:
        notes.append("that is before hits are ordered again")
    if (stale := why_stale(table, table.count(), about)) is not None:
        again = command("build_index", measure=is_mended_by_measuring(stale) or None)
        return text(f"{'; '.join(notes)}; {stale}: ", again)
    return text("; ".join(notes))


def damaged(table: ArticleTable, error: StoreError) -> StoreError | None:
    """Return the error that stands for one of a search, if it is the files of the index that are damaged."""
    fault = None if isinstance(error, UnavailableError) else vector_index_fault(table)
    if fault is None:
        return None
    return CorruptError(
        f"The index of the vectors of {table.where} is damaged: {fault}.",
        text("Make it again: ", command("build_index"), "; or leave ", option("approximate"), " out."),
    )


def suggest_index(table: ArticleTable, cpu_ms: float, observer: Observer) -> None:
    """Say, once in a process, that an index would pay, where an exact search of a query took so long without one."""
    rows = table.count()
    if cpu_ms < SLOW_MS or rows < FEW_ROWS or table.where in _suggested or vector_index(table) is not None:
        return
    _suggested.add(table.where)
    searches = math.ceil(1_000 * build_cpu_s(rows, table.fingerprint.dimension) / cpu_ms)
    observer.notice(
        text(
            f"an exact search of {counted(rows, 'row')} takes {cpu_ms / 1_000:.1f} CPU s; an index would "
            f"pay after about "
            f"{searches:,} searches: ",
            command("build_index"),
            "; then: ",
            command("search", Placeholder('"TEXT"'), approximate=True),
        )
    )
