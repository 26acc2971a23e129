"""From sources and questions to a map that was measured: ingest, project, overlap, project, map, each only if due.

A step is the ordinary verb, so after a kill at any instant it goes on as that verb does: an ingest from its last
transaction, a map from its neighbor graph. What is there and still holds is not made again. Nothing is remembered of
former runs but what the verbs themselves store.

The questions are measured, and the pages written, in each run: that embeds nothing, is quick next to the other steps,
and needs no record of what the pages were made from, which could be wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO, cast

from vecindex.core.anchors import set_digest, text_digest
from vecindex.errors import ConfigError, Interrupted, SourceError, VecindexError
from vecindex.files import Written, make_folder
from vecindex.messages import Command, Message, Placeholder, as_text, command, counted, option, text
from vecindex.options import ModelOptions, changed, fields_of
from vecindex.serialize import Result, Spell
from vecindex.sources.expand import would_read
from vecindex.store.articles import ArticleTable
from vecindex.store.database import Database
from vecindex.store.maps import check_map_name, maps, no_such_map, outside
from vecindex.types import Observer, Silent, SourceData
from vecindex.verbs.explore.options import ExploreOptions, checked_explore
from vecindex.verbs.explore.plan import BY_LAYOUT, NEAREST, anchored_name, can_stay, todo_for_map
from vecindex.verbs.explore.result import ExploreResult
from vecindex.verbs.explore.summary import Steps, found_on, go_on, meets, summarized
from vecindex.verbs.ingest.ingest import ingest
from vecindex.verbs.ingest.options import IngestOptions, SourceOptions
from vecindex.verbs.ingest.result import IngestReport
from vecindex.verbs.ingest.run import Stop
from vecindex.verbs.map_state import rebuilt_by, stored_scores, why_due
from vecindex.verbs.overlap.options import OverlapOptions
from vecindex.verbs.overlap.overlap import overlap
from vecindex.verbs.overlap.result import MapOverlap, OverlapResult
from vecindex.verbs.picture.options import MapOptions
from vecindex.verbs.picture.picture import map_picture
from vecindex.verbs.picture.result import MapResult
from vecindex.verbs.project.options import ProjectOptions
from vecindex.verbs.project.project import project
from vecindex.verbs.project.result import ProjectResult
from vecindex.verbs.questions.model import QuestionModel
from vecindex.verbs.questions.reader import read

_TABLE_FILES = ("t.lance/data/0.lance", "t.lance/_versions/1.manifest", "t.lance/_transactions/0.txn")
"""Files as a database has them, whatever its tables are called."""
PAGE, REPORT = "map.html", "overlap.html"
Done = Callable[[Result], None]
"""Gets the result of each step, as soon as it is there."""


def explore(
    database: Database,
    table: str,
    sources: Sequence[SourceData],
    questions: str | Path | None,
    options: ExploreOptions,
    model: QuestionModel,
    observer: Observer | None = None,
    stop: Stop | None = None,
    stdin: BinaryIO | None = None,
    done: Done | None = None,
    spell: Spell = str,
) -> ExploreResult:
    """Bring a table, its map and the pages up to date with sources and questions; see `Index.explore`."""
    options = checked_explore(questions, options)
    file = None if questions is None else str(questions)
    again = command("explore", *map(_shown, sources), questions=file, **_changed(options, ExploreOptions))
    chain = _Chain(
        database, table, options, file, model, observer or Silent(), done or (lambda _: None), again, spell
    )
    try:
        return chain.run(sources, stop, stdin)
    except VecindexError as error:
        # What was asked, or a file that it names, is wrong: the same command would end the same way.
        if not isinstance(error, ConfigError | SourceError):
            error.hint = as_text(go_on(error.hint, again))
            error.args = (error.message, error.hint)
        raise


def _changed(options: ExploreOptions, kind: Any) -> dict[str, Any]:
    """Return the fields of an options class that are not at their defaults."""
    values = dict(options)
    fields = fields_of(kind)
    found = {name: values[name] for name in fields if values[name] not in (None, fields[name].option.default)}
    return {name: str(value) if isinstance(value, Path) else value for name, value in found.items()}


def _shown(source: SourceData) -> Any:
    """Return a source as a command names it."""
    return str(source) if isinstance(source, str | Path) else Placeholder("SOURCE")


@dataclass(frozen=True, slots=True)
class _Chain:
    """One run; `options` are checked and complete, `again` is the command that it is."""

    database: Database
    name: str
    options: ExploreOptions
    questions: str | None
    model: QuestionModel
    observer: Observer
    done: Done
    again: Command
    spell: Spell

    def run(self, sources: Sequence[SourceData], stop: Stop | None, stdin: BinaryIO | None) -> ExploreResult:
        """Take the steps, and return what they come to."""
        # First what would be a pity to find out after hours of embedding.
        digest = self._digest()
        self._refuse_own_folders(sources)
        folder = self._folder()
        report = self._ingest(sources, stop, stdin)
        made = self._map()
        found, anchor, anchored = self._measured(digest)
        page = self._page(anchored, folder)
        page_file, report_file = self._written(folder, page, found)
        steps = self._steps(report, made, found, anchor, anchored)
        on_map = steps.measured
        return ExploreResult(
            table=self.name,
            questions=None if self.questions is None else self._file_name(found),
            goal=self.options["goal"],
            met=None if on_map is None else meets(on_map, self.options["goal"]),
            map=self.options["map"],
            anchored=anchored,
            summary=summarized(steps),
            ingest=report,
            project=made,
            overlap=found,
            anchor=anchor,
            page=page,
            page_file=page_file,
            report_file=report_file,
        )

    def _step(self, number: int, what: Command | Message) -> None:
        """Show which step begins; without questions there are three."""
        total = 3 if self.questions is None else 5
        self.observer.notice(text(f"step {number} of {total}: ", what))

    def _digest(self) -> str | None:
        """Return what the set of questions is known by."""
        if self.questions is None:
            return None
        return set_digest(text_digest(question.text) for question in read(self.questions).questions)

    def _refuse_own_folders(self, sources: Sequence[SourceData]) -> None:
        """Refuse a source in which the database or the pages would lie: the next run would read them."""
        out = None if self.options["out"] is None else Path(self.options["out"])
        own = (("database", self.database.folder, _TABLE_FILES), ("folder for the pages", out, (PAGE, REPORT)))
        for source in (one for one in sources if isinstance(one, str | Path)):
            for what, folder, files in own:
                if folder is not None and would_read(str(source), folder, files):
                    raise ConfigError(
                        f"The {what} {folder} lies in the source {source}, so that a later run would read it.",
                        f"Work in another folder, or name another {what}.",
                    )

    def _folder(self) -> Path | None:
        """Return the folder for the pages, which is there from now on."""
        if self.options["out"] is None:
            return None
        folder = Path(self.options["out"])
        try:
            make_folder(folder, durable=False)
        except OSError as error:
            raise ConfigError(
                text(option("out", str(folder)), f": no such folder can be made: {error.strerror or error}."),
                "Name a folder in one that you may write to.",
            ) from error
        return folder

    def _ingest(self, sources: Sequence[SourceData], stop: Stop | None, stdin: BinaryIO | None) -> IngestReport:
        values = dict(self.options)
        given = {name: values[name] for name in fields_of(SourceOptions) if values[name] is not None}
        changed = {name: one for name, one in given.items() if one != fields_of(SourceOptions)[name].option.default}
        self._step(1, command("ingest", *map(_shown, sources), **changed))
        report = ingest(self.database, self.name, sources, cast("IngestOptions", given), self.observer, stop, stdin)
        self.done(report)
        if report.interrupted:
            raise Interrupted("Stopped after a transaction; what was committed stays.")
        if not report.rows_in_table:
            rejected = (
                f"all {counted(report.rejected, 'row was', 'rows were')} rejected"
                if report.rejected
                else "the sources hold no rows"
            )
            raise SourceError(
                f"There is nothing to map: {rejected}.",
                text("See why: ", command("status", rejects=True)) if report.rejected else None,
            )
        return report

    def _map(self) -> ProjectResult | None:
        """Make the map, or place new rows on it; None where it holds all rows."""
        name, table = self.options["map"], self.database.articles(self.name)
        other = replace(self.again, options={**self.again.options, "map": Placeholder("NAME")})
        check_map_name(table, name, other)
        todo = todo_for_map(table, name)
        if todo == "keep":
            self._step(2, f'the map "{name}" holds all {counted(table.count(), "row")} and stays as it is')
            return None
        how = {"update": todo == "update"}
        self._step(2, command("project", name, **changed(ProjectOptions, {**self._common(), **how})))
        return self._project(name, how)

    def _project(self, name: str, options: Mapping[str, Any], questions: Sequence[str] = ()) -> ProjectResult:
        how = cast("ProjectOptions", {**self._common(), **options})
        made = project(self.database, self.name, name, list(questions), how, self.model, self.observer)
        self.done(made)
        return made

    def _common(self) -> dict[str, Any]:
        """Return what every map is made with."""
        return {**self._questions_options(), "seed": self.options["seed"], "durable": self.options["durable"]}

    def _questions_options(self) -> dict[str, Any]:
        """Return the options of the model, as it embeds questions; the table knows its own model."""
        values = dict(self.options)
        own = {name: values[name] for name in fields_of(ModelOptions) if name != "prompt"}
        if own["model"] == self.database.articles(self.name).fingerprint.model:
            own["model"] = None
        return {**own, "prompt": values["question_prompt"]}

    def _measured(self, digest: str | None) -> tuple[OverlapResult | None, ProjectResult | None, str | None]:
        """Measure the questions; where the goal is missed, anchor a map and measure again, or keep the anchored one.

        Return what was found on all maps in the end, what anchoring did, and the name of the anchored map.
        """
        if self.questions is None or digest is None:
            return None, None, None
        if _articles(self.database.articles(self.name)) <= NEAREST:
            self._step(3, f"nothing to measure: the table has no more than {NEAREST} articles")
            self._step(4, "no map to lay out for the questions")
            return None, None, None
        asking = changed(ModelOptions, self._questions_options())
        self._step(3, command("overlap", questions=self.questions, **asking))
        name = self.options["map"]
        found = self._overlap()
        on_map = self._on_map(found)
        anchored = anchored_name(name)
        if meets(on_map, self.options["goal"]):
            self._step(4, "the goal is met, so no map is laid out for the questions")
            return found, None, None
        if on_map.causes[0].cause not in BY_LAYOUT:
            self._step(4, f"the goal is missed, but no layout helps: {on_map.causes[0].cause.meaning}")
            return found, None, None
        if can_stay(self.database.articles(self.name), name, digest, self.options["strength"]):
            self._step(4, f'the goal is missed; the map "{anchored}", laid out for these questions, is there')
            return found, None, anchored
        strength = self.options["strength"]
        how = {"anchor": True, "base": name, "strength": strength}
        anchor = command(
            "project", anchored, questions=self.questions, **changed(ProjectOptions, {**self._common(), **how})
        )
        self._step(4, text("the goal is missed, so a map is laid out for the questions: ", anchor))
        made = self._project(anchored, how, [self.questions])
        found = self._overlap()
        self._on_map(found)
        return found, made, anchored

    def _on_map(self, found: OverlapResult) -> MapOverlap:
        """Return what was found on the map; raises ConfigError where somebody has dropped it since."""
        on_map = found_on(found, self.options["map"])
        if on_map is None:
            raise self._dropped()
        return on_map

    def _dropped(self) -> VecindexError:
        table = self.database.articles(self.name)
        return no_such_map(table, self.options["map"], "Somebody dropped it meanwhile. Run the same command again.")

    def _overlap(self) -> OverlapResult:
        how = cast("OverlapOptions", {**self._questions_options(), "k": NEAREST})
        found = overlap(
            self.database, self.name, self.questions, how, self.model, self.observer, goal=self.options["goal"]
        )
        self.done(found)
        return found

    def _page(self, anchored: str | None, folder: Path | None) -> MapResult:
        shown = anchored or self.options["map"]
        file = [] if folder is None else [str(folder / PAGE)]
        self._step(
            3 if self.questions is None else 5,
            command(
                "map",
                *file,
                map=shown,
                questions=self.questions,
                **changed(ModelOptions, self._questions_options()),
            ),
        )
        k = min(NEAREST, _articles(self.database.articles(self.name)))
        how = cast("MapOptions", {**self._questions_options(), "map": shown, "k": k, "seed": self.options["seed"]})
        page = map_picture(self.database, self.name, self.questions, how, self.model, self.observer)
        self.done(page)
        return page

    def _written(
        self, folder: Path | None, page: MapResult, found: OverlapResult | None
    ) -> tuple[Written | None, Written | None]:
        """Write the pages, each whole or not at all."""
        if folder is None:
            return None, None
        made = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
        first = page.write(folder / PAGE, made=made)
        if found is None:
            return first, None
        found.write_html(folder / REPORT, made, self.spell)
        return first, Written(str(folder / REPORT), (folder / REPORT).stat().st_size)

    def _file_name(self, found: OverlapResult | None) -> str:
        return Path(str(self.questions)).name if found is None else found.questions_name

    def _steps(
        self,
        report: IngestReport,
        made: ProjectResult | None,
        found: OverlapResult | None,
        anchor: ProjectResult | None,
        anchored: str | None,
    ) -> Steps:
        table, name = self.database.articles(self.name), self.options["map"]
        there = maps(table)
        if name not in there:
            raise self._dropped()
        about = there[name]
        scores = stored_scores(about) if isinstance(about, Mapping) else ()
        again = self.again
        if self.questions is None:
            again = Command(again.verb, again.arguments, {**again.options, "questions": Placeholder("QUESTIONS")})
        return Steps(
            goal=self.options["goal"],
            articles=_articles(table),
            map=name,
            score=scores[0] if scores else None,
            anchored=anchored,
            due=why_due(about, table.count(), outside(table, name)),
            rebuilt=rebuilt_by(name, about),
            questions=self.questions,
            again=again,
            asking=changed(ModelOptions, self._questions_options()),
            ingest=report,
            project=made,
            overlap=found,
            anchor=anchor,
        )


def _articles(table: ArticleTable) -> int:
    """Return how many articles a table holds, in chunks or not."""
    return table.count("chunk = 0") if table.fingerprint.chunking else table.count()
