"""docs/benchmarks.md, made of the rows in `bench/results/`: the last full run of each case, medians of its rounds."""

from __future__ import annotations

import json
import math
import statistics
import textwrap
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

Row = dict[str, Any]
OURS = "vecindex"

HEAD = """# Benchmarks

See how vecindex compares with what else could be taken, where it is behind, and how costs grow with the rows.

This page is made of the rows in `bench/results/` by `bench/render.py`; a test holds that it is current. The other
tools run in environments of their own, with pinned versions, in turns with vecindex. CPU seconds are those of the
whole process and its children, from the start of the interpreter to its end. On a shared machine they say more than
the clock does. [performance.md](performance.md) has the figures of vecindex alone.

```
make bench                          all cases, small: a quarter of an hour
make bench-full                     all cases in the sizes of this page
make bench RUN=compare ARGS="..."   one case: ingest, search_cold, typed, search, maps, metrics, ingest_faults,
                                    ingest_busy
```
"""


def rows_of(results: Path, name: str) -> list[Row]:
    """Return the rows of a file; none where it is missing."""
    path = results / f"{name}.jsonl"
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()] if path.exists() else []


def last_run(rows: Iterable[Row]) -> list[Row]:
    """Return the rows of the last run in full; of the last one where none was.

    >>> last_run([{"run": "a", "full": True}, {"run": "b", "full": True}, {"run": "c", "full": False}])
    [{'run': 'b', 'full': True}]
    """
    found = list(rows)
    runs = [row["run"] for row in found if row["full"]] or [row["run"] for row in found]
    return [row for row in found if row["run"] == runs[-1]] if runs else []


def number(value: float | None, digits: int = 2) -> str:
    """Return a number with so many significant digits, and no exponent.

    >>> number(0.7491), number(12.612), number(1234.6), number(None)
    ('0.75', '13', '1,235', '')
    """
    if value is None:
        return ""
    if value == 0:
        return "0"
    places = max(0, digits - 1 - math.floor(math.log10(abs(value))))
    return f"{value:,.{places}f}"


def percent(value: float | None) -> str:
    """Return a share in percent.

    >>> percent(0.6504)
    '65.0 %'
    """
    return "" if value is None else f"{100 * value:.1f} %"


def table(head: Sequence[str], lines: Iterable[Sequence[str]]) -> str:
    """Return a table in Markdown.

    >>> print(table(["a", "b"], [["1", "2"]]))
    | a | b |
    |---|---|
    | 1 | 2 |
    """
    rule = "|" + "---|" * len(head)
    return "\n".join([f"| {' | '.join(head)} |", rule, *(f"| {' | '.join(line)} |" for line in lines)])


def median(rows: Iterable[Row], key: str) -> float | None:
    """Return the median of what rows have under a key; None where none has it."""
    values = [row[key] for row in rows if row.get(key) is not None]
    return float(statistics.median(values)) if values else None


def ways(rows: Iterable[Row]) -> list[str]:
    """Return the names of the ways, in the order of their first rows, ours first."""
    names = list(dict.fromkeys(row["way"] for row in rows))
    return sorted(names, key=lambda name: (not name.startswith(OURS), names.index(name)))


def times(value: float | None, ours: float | None) -> str:
    """Return how many times ours a cost is.

    >>> times(7.0, 0.7), times(0.34, 0.68), times(0.7, 0.7)
    ('10', '0.50', '1')
    """
    if not value or not ours:
        return ""
    return "1" if value == ours else number(value / ours)


def about(rows: Sequence[Row]) -> str:
    """Return the sentence that says what the rows were measured on."""
    first = rows[0]
    loads = [row["load"] for row in rows]
    threads = first["threads"]
    data = first.get("data") or {}
    made = [f"`{commit}`" for commit in dict.fromkeys(row["commit"] for row in rows)]
    said = [
        f"{first['cpu']}, {first['cores']} cores, {threads or 'all'} thread{'' if threads == 1 else 's'} a process",
        f"Load {number(min(loads))} to {number(max(loads))}",
        f"Commit{'s' if len(made) > 1 else ''} {', '.join(made)}",
        *([f"Data `{data['name']}`, sha256 {data['sha256'][:12]}"] if data else []),
        f"Seed {first['seed']}",
    ]
    return f"*{'. '.join(said)}.*"


def peers(rows: Iterable[Row]) -> str:
    """Return the versions of the tools, in one sentence; nothing where none is noted."""
    found: dict[str, str] = {}
    for row in rows:
        found |= row.get("peer") or {}
    return (
        "Versions: " + ", ".join(f"`{name} {version}`" for name, version in sorted(found.items())) + "."
        if found
        else ""
    )


def missing(rows: Iterable[Row]) -> str:
    """Return the tools that could not be installed or did not run, with the reason."""
    lines = []
    for row in rows:
        if row.get("reason"):
            lines.append(f"- {row['way']} could not be installed: `{row['reason'][:120]}`")
        elif row.get("rc") and row.get("part") != "kill":
            lines.append(
                f"- {row['way']} failed ({row['part']}): `{(row.get('said') or '').split(chr(10))[-1][:120]}`"
            )
    return "\n".join(dict.fromkeys(lines))


def section(title: str, file: str, rows: Sequence[Row], *parts: str) -> str:
    """Return a section: what was measured, the tables, the versions, what did not run."""
    end = [peers(rows), missing(rows), about(rows), f"Rows: [{file}.jsonl](../bench/results/{file}.jsonl)."]
    return "\n\n".join([f"## {title}", *(wrapped(part) for part in (*parts, *end) if part)]) + "\n"


def wrapped(part: str) -> str:
    """Return a paragraph in lines of at most 118 characters; tables, lists and headings as they are."""
    if part[0] in "|-#":
        return part
    return textwrap.fill(part, 118, break_long_words=False, break_on_hyphens=False)


def cold(results: Path) -> str:
    """One question from a cold start."""
    rows = last_run(rows_of(results, "peers_search_cold"))
    counted = [row for row in rows if row.get("counted") and "ids" in row]
    if not counted:
        return ""
    ours = {row["round"]: row["ids"] for row in counted if row["way"] == OURS}
    base = median((row for row in counted if row["way"] == OURS), "cpu_s")
    lines = []
    for way in ways(counted):
        own = [row for row in counted if row["way"] == way]
        cpu = median(own, "cpu_s")
        same = sum(row["ids"] == ours.get(row["round"]) for row in own)
        alike = sum(set(row["ids"]) == set(ours.get(row["round"], [])) for row in own)
        lines.append(
            [
                way,
                number(cpu),
                times(cpu, base),
                number(median(own, "peak_mb"), 3),
                f"{same} of {len(own)}",
                f"{alike}",
            ]
        )
    text = (
        f"The ten nearest of one question among {counted[0]['rows']:,} passages, in a process that has just"
        " been started."
        " Medians; the first round is not counted."
    )
    head = ["", "CPU s", "Times vecindex", "Peak MB", "Same ids in the same order", "Same ids"]
    return section("A question from a cold start", "peers_search_cold", rows, text, table(head, lines))


def typed(results: Path) -> str:
    """A question in a warm process."""
    rows = last_run(rows_of(results, "peers_typed"))
    if not rows:
        return ""
    lines = []
    for way in ways(rows):
        quiet, busy = (
            next((r for r in rows if r["way"] == way and r["part"] == part), {}) for part in ("quiet", "busy")
        )
        walls = [sorted(one.get("wall_s", [])) for one in (quiet, busy)]
        middle = [number(1_000 * statistics.median(wall)) if wall else "" for wall in walls]
        cpu = [number(1_000 * one["cpu_s"]) if one else "" for one in (quiet, busy)]
        lines.append([way, cpu[0], cpu[1], middle[0], middle[1]])
    count, cores = rows[0]["questions"], rows[0]["cores"]
    text = (
        f"The ten nearest of a question in a process that is up, {count} questions in turns, alone and next"
        f" to {cores}"
        " processes that compute. CPU milliseconds are means, those of the clock medians."
    )
    head = ["", "CPU ms, quiet", "CPU ms, busy", "Clock, quiet", "Clock, busy"]
    return section("A question in a warm process", "peers_typed", rows, text, table(head, lines))


def ingest(results: Path) -> str:
    """Embedding and storing."""
    rows = last_run(rows_of(results, "peers_ingest"))
    parts = []
    for size in sorted({row["rows"] for row in rows if row.get("part") == "run"}):
        runs = [row for row in rows if row.get("part") == "run" and row["rows"] == size and "cpu_s" in row]
        base = median((row for row in runs if row["way"] == OURS), "cpu_s")
        lines = []
        for way in ways(runs):
            own = [row for row in runs if row["way"] == way]
            cpu = median(own, "cpu_s")
            lines.append(
                [
                    way,
                    number(cpu, 3),
                    times(cpu, base),
                    number(median(own, "net_cpu_s"), 3),
                    number(median(own, "wall_s"), 3),
                    number(median(own, "peak_mb"), 3),
                ]
            )
        rounds = len({row["round"] for row in runs})
        head = [f"{size:,} passages", "CPU s", "Times vecindex", "Of these after loading", "Clock s", "Peak MB"]
        note = f"Rounds: {rounds}." if rounds < 2 else f"Medians of {rounds} rounds."
        parts += [table(head, lines), note]
    if not parts:
        return ""
    text = (
        "Passages of Wikipedia, all-MiniLM-L6-v2 at 256 tokens, into an empty store; whole processes. `encode` writes"
        " one Parquet file. Tuned, its texts are sorted by tokens, in batches of 8, or of 16 in bf16."
        " embedding-atlas makes a map as well and keeps no vectors."
    )
    return section("Embedding and storing", "peers_ingest", rows, text, *parts, *faults(rows))


def ingest_busy(results: Path) -> str:
    """Embedding on one thread and on all, alone and next to others."""
    rows = [row for row in last_run(rows_of(results, "peers_ingest_busy")) if "net_wall_s" in row]
    if not rows:
        return ""
    lines = []
    for threads in sorted({row["threads"] for row in rows}, reverse=True):
        for part in ("quiet", "busy"):
            own = [row for row in rows if row["threads"] == threads and row["part"] == part]
            base = median((row for row in own if row["way"] == OURS), "net_wall_s")
            line = [f"{threads} {'thread' if threads == 1 else 'threads'}, {part}", number(base, 3)]
            for way in ("encode", "encode, tuned"):
                net = median((row for row in own if row["way"] == way), "net_wall_s")
                line += [number(net, 3), times(net, base)]
            lines.append(line)
    count, rounds = rows[0]["rows"], len({row["round"] for row in rows})
    text = (
        f"{count:,} passages as above; seconds by the clock without imports and the loading of the model, commits"
        f" included. Busy is next to {rows[0]['cores']} processes that compute. {rounds}"
        f" {'round' if rounds == 1 else 'rounds, medians'}."
    )
    head = ["", "vecindex", "encode", "times", "encode, tuned", "times"]
    return section("Embedding next to other work", "peers_ingest_busy", rows, text, table(head, lines))


def faults(rows: Sequence[Row]) -> list[str]:
    """What a kill leaves, and what the runs after it cost."""
    lines = []
    for way in ways(row for row in rows if row.get("part") == "kill"):
        own = {row["part"]: row for row in rows if row["way"] == way and row.get("part") not in {"run", None}}
        if "changed" not in own:
            continue
        changed = own["changed"]
        cosine = changed.get("changed_cosine")
        right = "keeps no vectors" if cosine is None else "yes" if cosine > 0.999 else f"no: cosine {cosine:.2f}"
        lines.append(
            [
                way,
                f"{own['kill']['kept']} of {own['kill']['rows']}",
                number(own["again"].get("cpu_s"), 3),
                number(own["same"].get("cpu_s"), 3),
                number(changed.get("cpu_s"), 3),
                right,
            ]
        )
    if not lines:
        return []
    text = (
        "Killed with SIGKILL after 70 % of the CPU seconds of a whole run; then the same again, once more,"
        " and with one"
        " changed passage. `encode` writes at its end, so it keeps nothing and embeds all again each time."
    )
    head = ["", "Kept of the kill", "Again, CPU s", "Unchanged, CPU s", "One changed, CPU s", "Its vector is new"]
    return ["### After a kill, again, and one changed passage", text, table(head, lines)]


def maps(results: Path) -> str:
    """Maps."""
    rows = last_run(rows_of(results, "peers_maps"))
    made = [row for row in rows if row.get("part") == "map" and "cpu_s" in row]
    parts = []
    for size in sorted({row["rows"] for row in made}):
        here = [row for row in made if row["rows"] == size]
        base = median((row for row in here if row["way"] == OURS), "cpu_s")
        lines = []
        for way in ways(here):
            own = [row for row in here if row["way"] == way]
            cpu = median(own, "cpu_s")
            kept = [percent(median(own, f"recall@{k}")) for k in (5, 10, 50)]
            trust = [f"{median(own, name):.3f}" for name in ("trustworthiness", "continuity")]
            lines.append([way, number(cpu, 3), times(cpu, base), number(median(own, "peak_mb"), 3), *kept, *trust])
        head = [f"{size:,} rows", "CPU s", "Times vecindex", "Peak MB", "5 nearest kept", "10", "50"]
        parts.append(table([*head, "Trustworthiness", "Continuity"], lines))
    if not parts:
        return ""
    text = (
        "The same vectors (384 values). vecindex reads them from its table, makes the neighbor graph, lays"
        " out, polishes,"
        " scores and writes. The others are given a matrix and only fitted, at their defaults; `uniform` are"
        " affinities of"
        " the 15 nearest by cosine. All are scored by the same code on 5,000 articles."
    )
    more = "Maps of 250,000, with questions: [performance.md](performance.md#maps)."
    return section("Maps", "peers_maps", rows, text, *parts, more)


def metrics(results: Path) -> str:
    """Metrics of maps."""
    rows = last_run(rows_of(results, "peers_metrics"))
    made = [row for row in rows if "cpu_s" in row]
    if not made:
        return ""
    lines = []
    for way in ways(made):
        own = [row for row in made if row["way"] == way]
        values = [f"{median(own, key):.6f}" if median(own, key) is not None else "" for key in METRICS]
        lines.append([way, number(median(own, "cpu_s")), number(median(own, "peak_mb"), 3), *values])
    text = (
        f"The same map of {made[0]['rows']:,} rows, k = {made[0]['k']}, all rows asked; whole processes. ZADU and"
        " scikit-learn compute from distances, vecindex from inner products of unit vectors."
    )
    head = ["", "CPU s", "Peak MB", *METRICS.values()]
    return section("Metrics of maps", "peers_metrics", rows, text, table(head, lines))


METRICS = {
    "trustworthiness": "Trustworthiness",
    "continuity": "Continuity",
    "recall": "Share of neighbors kept",
    "hits": "Neighborhood hits",
}


def search(results: Path) -> str:
    """Exact and approximate search in memory."""
    rows = last_run(rows_of(results, "peers_search"))
    made = [row for row in rows if "cpu_ms" in row]
    if not made:
        return ""
    lines = [
        [
            way,
            number(median(own, "cpu_ms")),
            number(median(own, "p50_ms")),
            number(median(own, "p99_ms")),
            percent(median(own, "recall")),
            number(median(own, "build_cpu_s")),
        ]
        for way in ways(made)
        for own in [[row for row in made if row["way"] == way]]
    ]
    text = (
        f"The ten nearest of one vector among {made[0]['rows']:,}, {made[0]['queries']} queries, one at a"
        " time, in turns."
        " Recall counts those as near as the true tenth."
    )
    head = ["", "CPU ms", "Clock, median ms", "99 %", "Recall@10", "Index made in, CPU s"]
    more = "Those in memory give numbers of rows, vecindex ids with the fields of the articles. 250,000 rows:"
    more += " [exact](performance.md#searches-one-after-another), [approximate](performance.md#approximate-search)."
    return section("Search of vectors", "peers_search", rows, text, table(head, lines), more)


STAGES = {"graph": "neighbor graph", "layout": "layout", "polish": "polish", "scores": "scores", "all": "whole map"}
COMMANDS = {
    "ingest": "`ingest`, new rows",
    "resume": "`ingest`, all unchanged",
    "search": "`search`, exact",
    "index": "`index`, recall measured",
    "approximate": "`search --approximate`",
    "export": "`export`",
    "status": "`status`",
    "overlap": "`overlap`, 20 questions",
    "map": "`project --method pca`",
}
FITTED_FROM = 100_000
"""Rows from which on a command is more than its start."""


def stage_cost(row: Row, stage: str) -> float:
    """Return the CPU seconds of a stage of a map."""
    if stage == "all":
        return float(row["cpu_s"])
    before = float(row["before_polish"]["cpu_s"])
    if stage == "layout":
        return before
    if stage == "polish":
        return float(row["stages_cpu_s"]["layout"]) - before
    return float(row["stages_cpu_s"][stage])


def exponent(sizes: Sequence[float], costs: Sequence[float]) -> float:
    """Return the power of the size with which a cost grows, by least squares of the logarithms.

    >>> round(exponent([10, 100, 1000], [1, 10, 100]), 6)
    1.0
    """
    x, y = [math.log(size) for size in sizes], [math.log(cost) for cost in costs]
    mean_x, mean_y = statistics.mean(x), statistics.mean(y)
    above = sum((a - mean_x) * (b - mean_y) for a, b in zip(x, y, strict=True))
    return above / sum((a - mean_x) ** 2 for a in x)


def is_whole_map(row: Row) -> bool:
    """Return whether a row is of a map made from nothing with the default settings, of texts, all in memory."""
    made = row.get("graph") == "made" and not any(row.get(key) for key in ("anchored", "settings", "sampled"))
    return made and row["articles"] >= 1_000 and "before_polish" in row and "synthetic" not in row["note"]


def growth(results: Path) -> str:
    """How costs grow with the rows."""
    rows = rows_of(results, "growth")
    chosen = {row["articles"]: row for row in rows if is_whole_map(row)}
    sizes = sorted(chosen)
    if len(sizes) < 2:
        return ""
    lines = []
    for stage, title in STAGES.items():
        costs = [stage_cost(chosen[size], stage) for size in sizes]
        lines.append([title, *(number(cost) for cost in costs), f"{exponent(sizes, costs):.2f}"])
    memory = [chosen[size]["peak_mb"] / 1_000 for size in sizes]
    lines.append(["peak memory, GB", *(number(value) for value in memory), f"{exponent(sizes, memory):.2f}"])
    text = (
        "A map by its stages, CPU seconds of one or two threads on a busy machine. The exponent is the power"
        " of the rows"
        " with which a stage grows, fitted over all columns: 1 is in proportion."
    )
    head = ["Rows", *(f"{size:,}" for size in sizes), "Exponent"]
    rows_used = [chosen[size] for size in sizes]
    loads = [row["load"] for row in rows_used]
    made = (
        f"*Commits {', '.join(dict.fromkeys(row['commit'].split()[0] for row in rows_used if row['commit']))}; load "
    )
    made += f"{number(min(loads))} to {number(max(loads))}.*"
    end = f"{made} Rows: [growth.jsonl](../bench/results/growth.jsonl)."
    parts = [text, table(head, lines), *commands_grow(results), *others_grow(results), end]
    return "\n\n".join(["## Growth", *map(wrapped, parts)]) + "\n"


def commands_grow(results: Path) -> list[str]:
    """Return a table of whole commands by the rows of their table, with their exponents and memory."""
    rows = [row for row in rows_of(results, "millions") if row.get("cpu_s") and row["what"] in COMMANDS]
    last = {(row["what"], row["rows"]): row for row in rows}
    sizes = sorted({size for _, size in last})
    lines = []
    for what, title in COMMANDS.items():
        own = [size for size in sizes if (what, size) in last]
        if not own:
            continue
        cells = [number(last[what, size]["cpu_s"]) if size in own else "" for size in sizes]
        grown = [size for size in own if size >= FITTED_FROM]
        fitted = exponent(grown, [last[what, size]["cpu_s"] for size in grown]) if len(grown) > 1 else None
        memory = number(last[what, own[-1]]["peak_mb"] / 1_000)
        lines.append([title, *cells, "" if fitted is None else f"{fitted:.2f}", memory])
    if not lines:
        return []
    text = (
        "Whole commands on synthetic rows with vectors of 16 values, CPU seconds of one thread on a busy machine,"
        " start-up included. Exponents are fitted from 100,000 rows on, since what is below is start-up. Memory is"
        " the peak at the most rows."
    )
    head = ["Rows", *(f"{size:,}" for size in sizes), "Exponent", "GB"]
    return [text, table(head, lines), "Rows: [millions.jsonl](../bench/results/millions.jsonl)."]


def others_grow(results: Path) -> list[str]:
    """Return what is known of the other stages, and what follows."""
    commits = [row for row in rows_of(results, "commits") if "second_run_s" in row]
    lines = []
    if commits:
        one = commits[-1]
        rows = one["transactions"] * 1_000
        lines.append(
            f"Commits do not grow: {number(one['commit_10th_ms'])} ms around the 10th of 1,000 rows,"
            f" {number(one['commit_1000th_ms'])} ms around the 1,000th. {rows:,} rows of 384 values with short"
            " texts take"
            f" {number(one['disk_mb'] / 1_000)} GB of disk. A run over them unchanged takes"
            f" {number(one['second_run_s'])} s. ([rows](../bench/results/commits.jsonl))"
        )
    whole = [row for row in rows_of(results, "memory-256") if row.get("event") == "last_run_report"]
    if whole:
        rate = whole[-1]["texts_per_s"]
        lines.append(
            f"The model grows with the texts alone: {number(rate)} passages of up to 256 tokens a second on two"
            f" cores, {number(rate * 86_400 / 1e6)} millions a day ([rows](../bench/results/memory-256.jsonl)). So on"
            " one machine without a GPU embedding stops being wise first, at a few million passages. Maps and"
            " searches of as many still fit."
        )
    return lines


def arithmetic(results: Path) -> str:
    """The operations that the model does a second, next to what the device can."""
    rows = rows_of(results, "gpu_rate")
    lines = []
    for key in dict.fromkeys((row["model"], row["device"], row["precision"]) for row in rows):
        own = [row for row in rows if (row["model"], row["device"], row["precision"]) == key]
        corpus = next((row for row in reversed(own) if row["part"] == "corpus"), None)
        ceiling = next((row for row in reversed(own) if row["part"] == "products"), None)
        if corpus is None or ceiling is None:
            continue
        same = {row["length"]: row["tflops"] / ceiling["tflops"] for row in own if row["part"] == "length"}
        peak = corpus["share_of_peak"]
        lines.append(
            [
                f"{key[0]}, {key[2]}",
                key[1],
                number(corpus["texts_per_s"], 3),
                number(corpus["tflops"]),
                number(ceiling["tflops"]),
                f"{100 * corpus['tflops'] / ceiling['tflops']:.0f} %",
                ", ".join(f"{length}: {100 * share:.0f} %" for length, share in sorted(same.items())),
                "" if peak is None else f"{100 * peak:.0f} %",
            ]
        )
    if not lines:
        return ""
    text = (
        "Operations of the texts' own tokens, padding left out, through the product's own path. The ceiling are"
        " matrix products of the same shapes, measured in the same run. On a CPU these are rates of one core, by its"
        " own seconds. What is missing to the ceiling are padding, attention and normalization, and new shapes of"
        " batches."
    )
    head = [
        "",
        "Device",
        "Texts/s",
        "TFLOP/s",
        "Ceiling",
        "Share of it",
        "With texts of one length",
        "Of the bf16 peak",
    ]
    loads = [row["load"] for row in rows]
    end = f"*{rows[-1]['cpu']}. Load {number(min(loads))} to {number(max(loads))}. Commit `{rows[-1]['commit']}`.*"
    link = "Rows: [gpu_rate.jsonl](../bench/results/gpu_rate.jsonl)."
    return "\n\n".join(["## The model's arithmetic", wrapped(text), table(head, lines), end, link]) + "\n"


BEHIND: tuple[tuple[str, str, str, dict[str, Any]], ...] = (
    ("peers_search_cold", "a question from a cold start", "cpu_s", {"counted": True}),
    ("peers_typed", "a question in a warm process", "cpu_s", {"part": "quiet"}),
    ("peers_search", "a search of {rows:,} vectors", "cpu_ms", {"part": "queries"}),
    ("peers_ingest", "an ingest of {rows:,}", "cpu_s", {"part": "run"}),
    ("peers_ingest", "one changed passage of {rows:,}", "cpu_s", {"part": "changed"}),
    ("peers_ingest", "an unchanged run of {rows:,}", "cpu_s", {"part": "same"}),
    *(
        (
            "peers_ingest_busy",
            f"{{rows:,}} passages on {threads}, {part}",
            "net_wall_s",
            {"threads": number, "part": part},
        )
        for number, threads in ((2, "two threads"), (1, "one thread"))
        for part in ("quiet", "busy")
    ),
    ("peers_maps", "a map of {rows:,}", "cpu_s", {"part": "map"}),
    ("peers_metrics", "metrics of {rows:,}", "cpu_s", {"part": "metrics"}),
)


def behind(results: Path) -> str:
    """Return the list of what others do in less time."""
    lines = []
    for file, title, key, wanted in BEHIND:
        found = last_run(rows_of(results, file))
        chosen = [
            row for row in found if key in row and all(row.get(name) == value for name, value in wanted.items())
        ]
        for size in sorted({row["rows"] for row in chosen}):
            here = [row for row in chosen if row["rows"] == size]
            base = median((row for row in here if row["way"] == OURS), key)
            for way in ways(here):
                cost = median((row for row in here if row["way"] == way), key)
                if base and cost is not None and not way.startswith(OURS) and cost < 0.95 * base:
                    share = f"{100 * cost / base:.0f} %"
                    clock = "time by the clock" if "wall" in key else "CPU time"
                    lines.append(f"- {title.format(rows=size)}: {way} takes {share} of the {clock}")
    if not lines:
        return ""
    text = "Ways that take at least 5 % less time than vecindex, whatever else they leave out:"
    return "\n\n".join(["## Where vecindex is behind", text, "\n".join(lines)]) + "\n"


SECTIONS: tuple[Callable[[Path], str], ...] = (
    behind,
    cold,
    typed,
    search,
    ingest,
    ingest_busy,
    maps,
    metrics,
    arithmetic,
    growth,
)


def page(results: Path) -> str:
    """Return the page."""
    found = [part for part in (one(results) for one in SECTIONS) if part]
    return "\n".join([HEAD, *found])
