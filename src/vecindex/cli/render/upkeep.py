"""How status, and what the upkeep of a table did, look."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from vecindex.cli.layout import data, facts, on_terminal, out, plain, prose, table
from vecindex.cli.output import duration, say, size
from vecindex.cli.render.project import map_line
from vecindex.core.identity import written_id
from vecindex.core.texts.languages import NAMES
from vecindex.embed.encoder import ANY_LENGTH
from vecindex.messages import Placeholder, Text, command, counted, option, percent, text

if TYPE_CHECKING:
    from vecindex.verbs.upkeep.annotate import AnnotateReport
    from vecindex.verbs.upkeep.delete import DeleteReport
    from vecindex.verbs.upkeep.findings import DoctorReport
    from vecindex.verbs.upkeep.optimize import OptimizeReport
    from vecindex.verbs.upkeep.status import IndexState, Status
    from vecindex.verbs.upkeep.tag import TagReport


# As `verbs.ingest.rows.chunk_id` makes them.
# Labels that are listed with their numbers of articles.
_LABELS = 5
_CHUNK_ID = re.compile(r"(?P<article>.+)#\d+", re.DOTALL)


def print_status(found: Status) -> None:
    """Print a table's state as lines of a name and a value, then the rejects, then what to do next."""
    for name, value in _status_lines(found):
        prose(value, f"{name:<13}")
    _print_rejects(found.rejects or [])
    if found.rejects is not None and len(found.rejects) < found.rejected:
        say(f"the first {len(found.rejects):,} of {found.rejected:,} rejected rows")
    for sentence in found.next:
        prose(sentence, "next         ")


def _print_rejects(rejects: Sequence[Mapping[str, Any]]) -> None:
    """Print the rejected rows: each as lines of a name and a value on a terminal, elsewhere separated by tabs."""
    for row in rejects:
        cells = {name: plain(str(row[name] or "")) for name in ("place", "reason", "id", "excerpt")}
        cells["id"] = written_id(str(row["id"])) if row["id"] else ""
        if not on_terminal():
            data("\t".join(cells.values()))
            continue
        prose(cells.pop("place"))
        facts([(name, cell) for name, cell in cells.items() if cell])


def _status_lines(found: Status) -> Iterator[tuple[str, str]]:
    articles = "" if found.articles is None else f", chunks of {counted(found.articles, 'article')}"
    yield "table", f"{found.table} in {found.database}" + (f", as tagged {found.at}" if found.at else "")
    if len(found.tables) > 1:
        yield "tables", ", ".join(found.tables)
    yield "rows", f"{found.rows:,}{articles}"
    yield from _model_lines(found)
    yield from _run_lines(found)
    yield "rejected", "unknown: their table is damaged" if found.rejects_damaged else f"{found.rejected:,} input rows"
    if found.fingerprint is None:
        return  # there is no table
    if found.columns:
        yield "fields", ", ".join(f"{plain(name)} ({kind})" for name, kind in found.columns.items())
    for number, (name, about) in enumerate(found.maps.items()):
        yield "" if number else "maps", map_line(name, about)
    if found.evaluated:
        yield "evaluated", _evaluation(found.evaluated)
    if found.tags:
        yield "tags", ", ".join(f"{name} (version {version})" for name, version in found.tags.items())
    if found.batch_tokens:
        safe = ", ".join(f"{tokens:,} tokens on {device}" for device, tokens in found.batch_tokens.items())
        yield "batches", f"{safe} (remembered, since more ran out of memory)"
    language = NAMES.get(found.words_language or "", "another language")
    indexed = f"indexed as {language}" if found.words_indexed else "not indexed (the first search --hybrid does it)"
    yield "full text", indexed
    if found.vector_index is not None:
        yield "index", _index_line(found.vector_index)
    if found.rows:
        yield "vectors", _memory_line(found.vectors_bytes, found.vectors_budget_bytes)
    disk = (
        ""
        if found.table_bytes is None or found.database_bytes is None
        else (f", {size(found.table_bytes)} on disk, the whole database {size(found.database_bytes)}")
    )
    yield (
        "store",
        f"fragments {found.fragments:,}, versions {found.versions:,}, {size(found.live_bytes)} in use{disk}",
    )


def _evaluation(last: Mapping[str, Any]) -> str:
    by = ", ".join(f"{value:.3f} by {name}" for name, value in last["rankers"].items())
    since = "; the table has changed since" if last["changed_since"] else ""
    asked = f"{counted(last['questions'], 'question')} of {last['questions_name']}"
    return f"{last['measure']} {by} ({asked}, {last['at'][:10]}{since})"


def _memory_line(needed: int, budget: int) -> str:
    """Return where searches one after another find the vectors.

    >>> _memory_line(384_000_000, 4_900_000_000)
    '384.0 MB in memory while searches follow each other, of 4.9 GB that they may take'
    >>> _memory_line(384_000_000, 1_000_000)
    '384.0 MB, read from the disk at each search: in memory they may take 1.0 MB'
    """
    if needed > budget:
        return f"{size(needed)}, read from the disk at each search: in memory they may take {size(budget)}"
    return f"{size(needed)} in memory while searches follow each other, of {size(budget)} that they may take"


def _index_line(index: IndexState) -> str:
    lacking = f", {counted(index.rows_not_indexed, 'row')} not in it" if index.rows_not_indexed else ""
    line = f"{index.type}, {size(index.bytes)}, {counted(index.rows, 'row')}{lacking}"
    if index.curve is None:
        return f"{line}; not measured"
    return (
        f"{line}; recall@{index.curve.k} {index.recall:.3f} with {index.nprobes} probes, refine factor {index.refine}"
    )


def _of(found: Status) -> str:
    return "" if found.numbers == "float32" else f" of {found.numbers}"


def _model_lines(found: Status) -> Iterator[tuple[str, str]]:
    made = found.fingerprint
    if made is None:
        yield "model", "none yet: every row was rejected"
        return
    yield "model", f"{made.model} (weights {made.weights[:12]}), {counted(made.dimension, 'value')}{_of(found)}"
    template = "the text" if made.text_template is None else repr(made.text_template)
    prompt = f" behind the prompt {made.prompt!r}" if made.prompt else ""
    cut = f", {made.chunking}" if made.chunking else ""
    # It is not recorded for vectors that were taken unverified.
    read = f"up to {made.max_tokens:,} tokens" if made.max_tokens else "up to an unknown length"
    read = "of any length" if made.max_tokens >= ANY_LENGTH else read
    yield "embedded", f"{template}{prompt}, {read}{cut}"
    if made.weights == "unknown":
        yield "truncated", "not known, since the vectors were precomputed"
    else:
        yield (
            "truncated",
            f"{counted(found.truncated, 'text')} ({percent(found.truncated_frac, 1)}) "
            f"{'is' if found.truncated == 1 else 'are'} longer than the model reads",
        )


def _run_lines(found: Status) -> Iterator[tuple[str, str]]:
    run: dict[str, Any] | None = found.last_run
    if run is not None:
        names = {"added": "added", "changed": "changed", "skipped": "unchanged", "rejected": "rejected"}
        counts = ", ".join(f"{run[key]:,} {name}" for key, name in names.items())
        stopped = " (stopped before its end)" if run["interrupted"] else ""
        missing = (
            f"; {counted(run['missing'], 'row was', 'rows were')} not in its sources" if run.get("missing") else ""
        )
        yield "last run", f"{run['ended_at'][:19]}Z: {counts}{stopped}{missing}"
        s = run["seconds"]
        yield "", f"{duration(s['wall'])}: model {s['model']:.1f} s, reading {s['reading']:.1f} s{_rate(run)}"
    if found.unfinished is not None:
        more = f"{counted(found.unfinished.rows, 'row')} in {found.unfinished.transactions:,} transactions since"
        when = f", the last at {(found.unfinished.last_commit or '')[:19]}Z"
        if found.writer:
            yield "running", f"{found.writer}: {more}{when}"
        else:
            yield "interrupted", f"a run ended early: {more}{when}"
    elif found.writer:
        yield "running", found.writer


def _rate(run: dict[str, Any]) -> str:
    """Return the rate of a run, or of the last one before it that embedded something."""
    own = run.get("texts_per_s")
    rate = run if own else run.get("last_rate")
    if not rate:
        return ""
    when = "" if own else f" when texts were last embedded, {rate['ended_at'][:19]}Z"
    return f"; {rate['texts_per_s']:.1f} texts/s on {rate['device']} in {rate['precision']}{when}"


def print_annotate(report: AnnotateReport) -> None:
    """Print how many articles have a label now, or no longer."""
    for row_id in report.not_found:
        say(f"not found: {written_id(row_id)}")
    if report.not_found and not report.articles:
        say(_ids_shown(), 2)
    rows = f"{report.articles:,} article{'' if report.articles == 1 else 's'}"
    rows += "" if report.rows == report.articles else f" ({counted(report.rows, 'row')})"
    if report.restored is not None:
        done = f"{rows} as at the tag {report.restored}"
    elif report.label is not None:
        done = f"{rows} labeled {report.label!r}"
    elif report.labels:
        shown = [f"{label!r} {n:,}" for label, n in report.labels.items()]
        done = f"{rows} labeled: {', '.join(shown[:_LABELS])}{', ...' if len(shown) > _LABELS else ''}"
    elif report.kept is not None:
        # Labels of a file, none of whose articles is there.
        done = f"{rows} labeled"
    else:
        done = f"{rows} without a label"
    say(f"{report.table}: {done}, in the column {report.column}")
    if report.pruned:
        say(f"{counted(report.pruned, 'article')} without a label now: not among those given", 2)
    if report.kept and report.rows:
        kept = counted(report.kept, "other article keeps its label", "other articles keep their labels")
        say(text(f"{kept}; ", option("prune", True), " removes such"), 2)
    if report.tag is not None:
        undo = command("annotate", restore=report.tag, column=None if report.column == "label" else report.column)
        say(text("undone by ", undo), 2)
    if report.rows and report.restored is None and report.labels:
        say(
            text("shown by ", command("map", color=report.column), " or ", command("map", topics_by=report.column)), 2
        )


def _ids_shown() -> Text:
    return text("To find an id: ", command("search", Placeholder("TEXT"), json=True))


def print_delete(report: DeleteReport) -> None:
    """Print what a deletion removed, or would remove."""
    for row_id in report.not_found:
        say(f"not found: {written_id(row_id)}")
    if report.not_found and not report.articles:
        say(_ids_shown(), 2)
    chunk = next((found for i in report.not_found if (found := _CHUNK_ID.fullmatch(i))), None)
    if chunk is not None:
        # The report does not say whether the table is chunked; the sentence holds either way.
        article, row = written_id(chunk["article"]), written_id(chunk[0])
        say(f"in a table of chunks an article is named by its article_id: {article}, not {row}", 2)
    matched = f"{counted(report.articles, 'article')} ({counted(report.rows, 'row')})"
    if report.dry_run:
        say(f"dry run: would remove {matched} of {report.table}")
    elif report.deleted or report.no_longer or not report.articles:
        say(f"{report.table}: {counted(report.deleted, 'row')} removed; {counted(report.rows_in_table, 'row')} left")
        if report.no_longer:
            stay = counted(report.no_longer, "article stays", "articles stay")
            say(f"{stay}: changed meanwhile, so that the condition is no longer met", 2)
    else:
        say(f"nothing removed; {matched} would match")


def print_optimize(report: OptimizeReport) -> None:
    """Print what an optimization did."""
    disk = ""
    if report.bytes_before is not None and report.bytes_after is not None:
        disk = f", {size(report.bytes_before)} to {size(report.bytes_after)}"
    say(
        f"{report.table}: {report.fragments_before:,} to {counted(report.fragments_after, 'fragment')}, "
        f"{report.versions_before:,} to {counted(report.versions_after, 'version')}{disk}"
        + ("; the full-text index is up to date" if report.words_indexed else "")
        + (
            f"; {counted(report.rows_indexed, 'row')} taken into the index of the vectors"
            if report.rows_indexed
            else ""
        )
        + (f"; {counted(report.vectors_hashed, 'vector')} got a hash" if report.vectors_hashed else "")
    )
    if report.too_young:
        remove = command("optimize", older_than="0s")
        say(
            text(
                f"{counted(report.too_young, 'old version stays', 'old versions stay')}, younger than "
                f"{duration(report.older_than_s)}. If nobody reads them, remove them: ",
                remove,
            ),
            2,
        )
    for note in report.notes:
        say(note)


def print_tags(report: TagReport) -> None:
    """Print the tags as lines of name, version, rows and time, and what was done."""
    for verb in ("made", "moved", "deleted"):
        if name := getattr(report, verb):
            say(f"{verb}: {name}")
    lines = []
    for tag in report.tags:
        rows = "? rows" if tag.rows is None else counted(tag.rows, "row")
        cells = [tag.name, f"version {tag.version}", rows, f"{(tag.made_at or '?')[:19]}Z"]
        lines.append(cells)
    if lines and on_terminal():
        table([["tag", "version", "rows", "made at"], *lines], indent=0)
    else:
        for cells in lines:
            data("\t".join(cells))
    for name in report.torn:
        say(text(f"{name}: its file is damaged, so that its version is not known: ", command("doctor")))
    if not report.tags and not report.torn:
        say("no tags")


def print_doctor(report: DoctorReport) -> None:
    """Print the outcome of each check, what was found and what to do about it."""
    for check in report.checks:
        prose(check.name + (f" ({check.note})" if check.note else ""), f"{check.outcome:<9}")
    for done in report.repaired:
        prose(done, "repaired ")
    for finding in report.findings:
        out()
        prose(text(f"{finding.check}: ", finding.message, f" ({finding.count:,})"))
        for example in finding.examples:
            prose(plain(example), indent=2)
        prose(finding.remedy, indent=2)
    for note in report.notes:
        say(note)
    faults = f"{len(report.findings)} fault{'' if len(report.findings) == 1 else 's'} found"
    say(f"{report.table}: {'sound' if report.sound else faults}")
    if report.repaired:
        say(text("Rows that were given up, if any, come back by: ", command("ingest", Placeholder("SOURCE"))))
