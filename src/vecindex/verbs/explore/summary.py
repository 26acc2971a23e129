"""What the steps of `explore` come to, in words. Pure functions of their results."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from vecindex.core.overlap import reaches
from vecindex.core.picture import MapScore
from vecindex.messages import Command, Message, Text, as_text, command, counted, percent, text
from vecindex.verbs.explore.plan import NEAREST
from vecindex.verbs.explore.result import Summary
from vecindex.verbs.ingest.result import IngestReport
from vecindex.verbs.overlap.advice.answer import cause_in_words, figure, others, shown_share
from vecindex.verbs.overlap.causes.verdicts import Cause
from vecindex.verbs.overlap.result import MapOverlap, OverlapResult
from vecindex.verbs.project.result import ProjectResult

MUCH_BY_CHANCE = 0.1
"""A chance level from which on it is shown next to the figure."""


@dataclass(frozen=True, slots=True)
class Steps:
    """What the steps returned, as far as they were taken.

    Attributes
    ----------
    articles : in the table.
    map : name of the map that is kept up to date; `score` is what articles keep of their nearest, None if unknown.
    anchored : name of the map laid out for the questions; None without.
    due : why the map should be rebuilt, None while there is no need; `rebuilt` is the command that does it.
    questions : their file as it was given; None without. `again` is the command of this run, with questions;
        `asking` are the options of its model, as it embeds questions.
    """

    goal: float
    articles: int
    map: str
    score: MapScore | None
    anchored: str | None
    due: str | None
    rebuilt: Command
    questions: str | None
    again: Command
    asking: Mapping[str, Any]
    ingest: IngestReport
    project: ProjectResult | None
    overlap: OverlapResult | None
    anchor: ProjectResult | None

    @property
    def measured(self) -> MapOverlap | None:
        """What the questions keep on the map; None where that was not measured."""
        return found_on(self.overlap, self.map)


def found_on(result: OverlapResult | None, name: str | None) -> MapOverlap | None:
    """Return what was found on a map."""
    return None if result is None else next((one for one in result.maps if one.name == name), None)


def meets(found: MapOverlap, goal: float) -> bool:
    """Return whether a map keeps as much as the goal wants."""
    return reaches(found.search.overlap.mean, goal)


def summarized(steps: Steps) -> Summary:
    """Return what the steps come to."""
    found, result = steps.measured, steps.overlap
    if found is None or result is None:
        kept, cause, expect = _unmeasured(steps), None, None
    else:
        kept, cause = _kept(steps, found, result), _cause(steps, found)
        expect = _expect(steps, found, result)
    why, what = _next(steps, found, result)
    return Summary(kept, cause, _done(steps, found), expect, text(why, what), text(what))


def _kept(steps: Steps, found: MapOverlap, result: OverlapResult) -> str:
    kept = figure(found, result.questions, result.k, result.by, steps.goal, f'the map "{steps.map}"')
    # Of few articles even a random map keeps much.
    return kept + (f" Chance alone keeps {percent(result.chance)}." if result.chance >= MUCH_BY_CHANCE else "")


def _unmeasured(steps: Steps) -> str:
    if steps.questions is not None:
        return (
            f"Nothing is measured: the table has {counted(steps.articles, 'article')}, and all of them are among the "
            f"{NEAREST} nearest of every question."
        )
    score = steps.score
    if score is None:
        return f'The map "{steps.map}" shows {counted(steps.articles, "article")}, too few for a score.'
    k = int(score.name.partition("@")[2])
    return (
        f"Of an article's {k} nearest others, {k * score.mean:.1f} are its nearest on the map "
        f'"{steps.map}" ({percent(score.mean)}).'
    )


def _cause(steps: Steps, found: MapOverlap) -> str:
    first, met = found.causes[0], meets(found, steps.goal)
    if first.cause is Cause.HEALTHY:
        return "Nothing is wrong."
    return f"The goal is met; still, {cause_in_words(first)}." if met else f"Main cause: {cause_in_words(first)}."


def _done(steps: Steps, found: MapOverlap | None) -> str:
    parts = [_ingested(steps.ingest), _map_done(steps)]
    if found is not None and not meets(found, steps.goal):
        parts.append(_anchored_done(steps, found))
    return f"{'; '.join(parts)}."


def _ingested(report: IngestReport) -> str:
    """Return what became of the rows.

    >>> _ingested(IngestReport("t", added=1, changed=2)), _ingested(IngestReport("t", skipped=5, pruned=1))
    ('Added 1 row, changed 2 rows', 'No row was new, removed 1 row')
    """
    parts = [f"added {_rows(report.added)}"] if report.added else []
    parts += [f"changed {_rows(report.changed)}"] if report.changed else []
    parts = parts or ["no row was new"]
    parts += [f"removed {_rows(report.pruned)}"] if report.pruned else []
    words = ", ".join(parts)
    return words[0].upper() + words[1:]


def _rows(count: int) -> str:
    return f"{count:,} row{'' if count == 1 else 's'}"


def _map_done(steps: Steps) -> str:
    made = steps.project
    if made is None:
        return f'the map "{steps.map}" holds all rows and stayed'
    if made.placed is not None:
        return f'placed {_rows(made.placed.articles)} on the map "{steps.map}", where nothing else moved'
    return f'{made.action} the map "{steps.map}"'


def _anchored_done(steps: Steps, found: MapOverlap) -> str:
    if steps.anchored is None:
        return f"no map was laid out for the questions, which would not help: {found.causes[0].cause.meaning}"
    there = found_on(steps.overlap, steps.anchored)
    kept = "" if there is None else f"; it keeps {_of(there.search.overlap.mean, steps.goal)}"
    if steps.anchor is None:
        return f'the map "{steps.anchored}", laid out for these questions, stayed{kept}'
    return f'laid out the map "{steps.anchored}" for these questions{kept}'


def _of(mean: float, goal: float) -> str:
    """Return what is kept of a question's nearest, as a number and a share.

    >>> _of(0.74, 0.6)
    '3.7 of 5 (74 %)'
    """
    return f"{NEAREST * mean:.1f} of {NEAREST} ({shown_share(mean, goal)})"


def _expect(steps: Steps, found: MapOverlap, result: OverlapResult) -> str:
    laid_out = None if steps.anchored is None else found_on(result, steps.anchored)
    both = [found] if laid_out is None else [laid_out, found]
    each = [f'on the map "{one.name}" {others(one, result.questions, result.k)}' for one in both]
    return f"Other questions: {'; '.join(each)}."


def _next(steps: Steps, found: MapOverlap | None, result: OverlapResult | None) -> tuple[str, Command]:
    """Return what to do next, and why."""
    if steps.questions is None:
        return "To see what the map keeps of your questions, one a line in a file: ", steps.again
    if steps.due is not None:
        return f'To rebuild the map "{steps.map}", for {steps.due}: ', steps.rebuilt
    if found is None or result is None:
        return "To see what is nearest to each question: ", command("search", file=steps.questions, **steps.asking)
    if not meets(found, steps.goal) and steps.anchored is None:
        if advice := found.causes[0].advice:
            return f"{advice[0].why} ", _only(advice[0].command)
        far = result.worst_first(None)[0]
        return f"To see what is nearest to {far.id}, the farthest question: ", command(
            "search", far.text, **steps.asking
        )
    worst = result.worst_first(steps.map)[0]
    kept = round(result.k * worst.maps[steps.map]["search"].overlap)
    only = "" if kept == result.k else f', which keeps only {kept} of {result.k} on the map "{steps.map}"'
    return f"To see the nearest articles of {worst.id}{only}: ", command(
        "overlap", questions=steps.questions, question=worst.id, map=steps.map, **steps.asking
    )


def _only(advised: Text) -> Command:
    """Return the command that an advice consists of."""
    return next(part for part in advised.parts if isinstance(part, Command))


def go_on(hint: Message | None, again: Command) -> Message:
    """Return the hint of a step's error with the command that goes on after it, on a line of its own."""
    then = text("Then go on: ", again)
    return then if hint is None else text(as_text(hint), "\n  ", then)
