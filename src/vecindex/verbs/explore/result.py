"""What `explore` did and found: the results of its steps, and what they come to in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from vecindex.files import Written
from vecindex.messages import Message, Text
from vecindex.notebook import shown_table
from vecindex.serialize import Result, Spell, plain
from vecindex.verbs.ingest.result import IngestReport
from vecindex.verbs.overlap.result import OverlapResult
from vecindex.verbs.picture.result import MapResult
from vecindex.verbs.project.result import ProjectResult


@dataclass(frozen=True, slots=True)
class Summary:
    """The end of it in words; None where there is nothing to say.

    Attributes
    ----------
    kept : how many of a question's nearest articles are nearest on the map, against the goal; without questions the
        same of the articles' own.
    cause : why the others are not.
    done : what this run did.
    expect : what other questions may expect.
    next : what to do next, and why; `command` is that alone.
    """

    kept: Message
    cause: Message | None
    done: Message
    expect: Message | None
    next: Message
    command: Text


@dataclass(frozen=True, slots=True)
class ExploreResult(Result):
    """What `explore` did and found.

    Attributes
    ----------
    questions : name of their file; None without.
    goal, met : the goal, and whether the map meets it; None where nothing was measured.
    map : the map that is kept up to date. `anchored` is the one laid out for these questions, where the goal is
        missed; the page shows it. Else None.
    ingest, project, overlap, anchor, page : what the steps returned. `project` and `anchor` are None where a map was
        there that could stay, `overlap` and `anchor` where there was nothing to measure.
    page_file, report_file : the pages that were written; None where no folder was named.
    """

    table: str
    questions: str | None
    goal: float
    met: bool | None
    map: str
    anchored: str | None
    summary: Summary
    ingest: IngestReport
    project: ProjectResult | None
    overlap: OverlapResult | None
    anchor: ProjectResult | None
    page: MapResult
    page_file: Written | None = None
    report_file: Written | None = None

    def to_dict(self, spell: Spell = str) -> dict[str, Any]:
        """Return plain values, for JSON; each step as its own verb gives it."""
        steps = {name: getattr(self, name) for name in ("ingest", "project", "overlap", "anchor", "page")}
        return {
            "table": self.table,
            "questions": self.questions,
            "goal": self.goal,
            "met": self.met,
            "map": self.map,
            "anchored": self.anchored,
            "summary": plain(self.summary, spell),
            "files": plain({"page": self.page_file, "report": self.report_file}, spell),
            **{name: None if step is None else step.to_dict(spell) for name, step in steps.items()},
        }

    def _repr_html_(self) -> str:
        """Return the summary as a table, for notebooks."""
        named = ("kept", "cause", "done", "expect", "next")
        rows: list[list[object]] = [
            [name, str(words)] for name in named if (words := getattr(self.summary, name)) is not None
        ]
        return shown_table([], rows, title=f"{self.table} explored")
