"""What a map costs as the rows grow: seconds, CPU seconds and peak memory of each stage, and its scores.

    python bench/growth.py --db DIR [--name NAME] [--set SETTING=VALUE ...] [--keep-graph] [--layout-rows N]
        [--note TEXT]
    python bench/growth.py --db DIR --anchor --questions FILE ... [--no-controls]
    python bench/growth.py --fit [--notes NOTE ...]
    python bench/growth.py --constants

Each call makes one map in a process of its own and appends a row. The stored neighbor graph is removed before, unless
`--keep-graph` is given. The database is written to. CPU seconds are those of the whole process, all threads together;
on a busy machine they say more than the wall clock. `--fit` prints, for each stage, the exponent of its growth
between the sizes of the rows that were made from nothing with the default settings. `--constants` compares all rows
with the laws of `verbs/project/forecast.py`, whose constants follow from these ratios.
"""

from __future__ import annotations

import argparse
import json
import math
import resource
import time
from pathlib import Path
from typing import Any

from machine import machine

RESULTS = Path(__file__).parent / "results" / "growth.jsonl"


class Marks:
    """An observer that marks when each stage begins, in wall and CPU seconds."""

    def __init__(self) -> None:
        from vecindex.types import Silent

        silent = Silent()
        self.estimate, self.progress, self.forecast = silent.estimate, silent.progress, silent.forecast
        self.notices: list[str] = []
        self.begun: dict[str, tuple[float, float]] = {}

    def notice(self, message: object) -> None:
        """Keep what was said."""
        self.notices.append(str(message))

    def stage(self, stage: Any) -> None:
        """Mark the first report of each stage."""
        self.begun.setdefault(stage.name, (time.perf_counter(), time.process_time()))


def stages_measured() -> dict[str, float]:
    """Let each lap of the clock keep the CPU seconds too; return where they are put."""
    from vecindex.verbs.clock import Clock

    found: dict[str, float] = {}
    lap, last = Clock.lap, [time.process_time()]

    def with_cpu(self: Clock, name: str) -> None:
        lap(self, name)
        now = time.process_time()
        found[name], last[0] = found.get(name, 0.0) + now - last[0], now

    Clock.lap = with_cpu  # type: ignore[method-assign]
    return found


def what_is_done() -> list[Any]:
    """Let the forecast keep the work that it is asked for; return where it is put."""
    from vecindex.verbs.project import forecast

    found: list[Any] = []
    costs = forecast.costs

    def keeping(work: Any) -> Any:
        found.append(work)
        return costs(work)

    forecast.costs = keeping  # type: ignore[assignment]
    return found


def pace_now(articles: int) -> Any:
    """Return what the probe of the forecast measures, for small tables too; all loops are compiled then."""
    from vecindex.types import Silent
    from vecindex.verbs.project.forecast import compile_loops, measured_pace

    compile_loops(articles, 0, Silent())
    compile_loops(articles, 1, Silent())
    return measured_pace(False, Silent())


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Make one map; return what it cost and what it keeps."""
    import vecindex
    from vecindex.serialize import plain
    from vecindex.store.database import Database

    if not args.keep_graph and not args.anchor:
        Database(Path(args.db)).connection.drop_table("_graph.articles", ignore_missing=True)
    settings = dict(one.split("=") for one in args.set)
    done, pace = what_is_done(), pace_now(1_000_000)
    cpu, marks = stages_measured(), Marks()
    begun, cpu_begun = time.perf_counter(), time.process_time()
    index = vecindex.open(args.db)
    if args.anchor:
        result = index.project(
            args.name, anchor=True, questions=args.questions, controls=args.controls, observer=marks
        )
    else:
        result = index.project(
            args.name, settings=settings, fresh=True, seed=args.seed, layout_rows=args.layout_rows, observer=marks
        )
    seconds, cpu_s = time.perf_counter() - begun, time.process_time() - cpu_begun
    row: dict[str, Any] = {
        "articles": result.articles,
        "settings": settings,
        "anchored": result.anchor.questions if result.anchor else None,
        "controls": bool(args.anchor and args.controls),
        "seed": args.seed,
        "graph": result.graph.how if result.graph else None,
        "graph_recall": result.graph.recall if result.graph else None,
        "seconds": seconds,
        "cpu_s": cpu_s,
        "stages": dict(result.seconds),
        "stages_cpu_s": cpu,
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3,
    }
    if "polish" in marks.begun:
        wall, work = (b - a for a, b in zip(marks.begun["layout"], marks.begun["polish"], strict=True))
        row["before_polish"] = {"seconds": wall, "cpu_s": work}
    row |= {"work": plain(done[-1]) if done else None, "pace": plain(pace)}
    row["forecast"] = result.to_dict()["forecast"]
    if result.sampled is not None:
        row["sampled"] = plain(result.sampled)
    scores = result.scores
    if scores is not None:
        row["recall"] = {k: round(one.mean, 4) for k, one in scores.recall.items() if one is not None}
        for name in ("trustworthiness", "continuity"):
            one = getattr(scores.fidelity, name)
            row[name] = None if one is None else [round(one.mean, 4), round(one.low, 4), round(one.high, 4)]
        row["evenness"] = None if scores.evenness is None else round(scores.evenness.entropy, 4)
    return row


def fit(notes: list[str]) -> None:
    """Print the exponent of each stage between neighboring sizes."""
    rows = [json.loads(line) for line in RESULTS.read_text().splitlines()]
    made = [r for r in rows if r.get("graph") == "made" and not r.get("sampled")]
    chosen = {r["articles"]: r for r in made if not r["anchored"] and not r["settings"]}
    if notes:
        chosen = {n: r for n, r in chosen.items() if r["note"] in notes}
    sizes = sorted(chosen)
    for stage in ("reading", "graph", "layout", "polish", "scores", "all", "peak_mb"):
        cost = [_cost(chosen[n], stage) for n in sizes]
        grown = [
            f"{math.log(b / a) / math.log(m / n):.2f}"
            for a, b, n, m in zip(cost, cost[1:], sizes, sizes[1:], strict=False)
        ]
        shown = ", ".join(f"{n:,}: {c:,.1f}" for n, c in zip(sizes, cost, strict=True))
        print(f"{stage}: {shown}; exponents {', '.join(grown)}")


def constants() -> None:
    """Print, for each row, each stage's CPU seconds over what the laws say, and the forecast of its time."""
    from vecindex.verbs.project.forecast import Work, costs

    for line in RESULTS.read_text().splitlines():
        row = json.loads(line)
        if not row.get("work"):
            continue
        work = Work(**row["work"])
        law: dict[str, float] = {}
        for one in costs(work) or []:
            law[one.stage] = law.get(one.stage, 0.0) + one.seconds
        ratios = {stage: row["stages_cpu_s"][stage] / s for stage, s in law.items()}
        said = row["forecast"]
        low, high, took = (said[key] for key in ("low_s", "high_s", "took_s"))
        slow = ", ".join(f"{kind} {value:.1f}" for kind, value in row["pace"]["slowness"].items())
        print(f"{work.articles:,} rows, {work.questions} questions, {work.maps} anchored maps")
        print("   CPU over law: " + ", ".join(f"{stage} {ratio:.2f}" for stage, ratio in ratios.items()))
        print(f"   expected {low:.0f} to {high:.0f} s, took {took:.0f} s; slowness: {slow}")
        print(f"   expected {said['memory_bytes'] / 1e9:.2f} GB, took {(said['took_bytes'] or 0) / 1e9:.2f} GB")


def _cost(row: dict[str, Any], stage: str) -> float:
    if stage == "peak_mb":
        return float(row["peak_mb"])
    if stage == "all":
        return float(row["cpu_s"])
    before = row["before_polish"]["cpu_s"]
    if stage == "layout":
        return float(before)
    if stage == "polish":
        return float(row["stages_cpu_s"]["layout"] - before)
    return float(row["stages_cpu_s"][stage])


def main() -> None:
    """Measure one map, or fit what was measured."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--db")
    parser.add_argument("--name", default="growth")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--set", action="append", default=[])
    parser.add_argument("--keep-graph", action="store_true")
    parser.add_argument("--layout-rows", type=int)
    parser.add_argument("--anchor", action="store_true")
    parser.add_argument("--questions", nargs="*", default=[])
    parser.add_argument("--controls", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--note", default="")
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--fit", action="store_true")
    parser.add_argument("--constants", action="store_true")
    parser.add_argument("--notes", nargs="*", default=[])
    args = parser.parse_args()
    if args.fit or args.constants:
        fit(args.notes) if args.fit else constants()
        return
    here = machine()
    row = {"bench": "growth", "note": args.note, **run(args), **here}
    with args.out.open("a") as file:
        file.write(json.dumps(row) + "\n")
    print(json.dumps({key: value for key, value in row.items() if key not in here}), flush=True)


if __name__ == "__main__":
    main()
