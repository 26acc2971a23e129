"""Anchoring at several seeds: the questions, held-out ones and the articles, on each seed's own map.

    python bench/anchored.py --db DIR --questions FILE ... [--seeds 0 1 2] [--no-controls]

For each seed an unanchored map is made from nothing but the stored graph (or a stored one is taken, --base), and an
anchored one derived from it, with its controls, the other strength among them. The figures are those that `vecindex
project` measures and stores; articles are scored by exact search. The database is written to: columns named bench_*,
which are dropped at the end. Each seed adds a row; the means and the spread over the seeds are printed.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from pathlib import Path
from typing import Any

from machine import machine


def measure(db: str, files: list[str], seed: int, controls: bool, stored: str | None) -> dict[str, Any]:
    """Return the figures of one seed."""
    import vecindex

    index = vecindex.open(db)
    base, name = stored or f"bench_{seed}", f"bench_{seed}_anchored"
    if stored is None:
        index.project(base, seed=seed, fresh=True)
    begun, cpu = time.perf_counter(), time.process_time()
    result = index.project(name, seed=seed, anchor=True, questions=files, base=base, controls=controls)
    seconds, cpu_s = time.perf_counter() - begun, time.process_time() - cpu
    found = result.anchor
    assert found is not None
    for one in (name,) if stored else (name, base):
        index.project(one, drop=True)

    def kept(scores: Any) -> dict[str, float] | None:
        if scores is None:
            return None
        return {"overlap@5": scores.overlap.mean, "3 of 5": scores.enough.mean, "5 in 50": scores.soft.mean}

    return {
        "questions": found.questions,
        "strength": found.strength,
        "seconds": seconds,
        "cpu_s": cpu_s,
        "laps": result.seconds,
        "unanchored": kept(found.unanchored),
        "anchored": kept(found.anchored),
        "held out": kept(found.held_out),
        "held out change": vars_of(found.held_out_change),
        "shuffled": kept(found.shuffled),
        "folds": found.folds,
        "articles recall@5": {
            "before": found.articles.before[5].mean,
            "after": found.articles.after[5].mean,
            "change": vars_of(found.articles.change[5]),
        },
        "moved": found.displacement.moved,
        "other": None
        if found.other is None
        else {
            "strength": found.other.strength,
            "anchored": kept(found.other.anchored),
            "articles recall@5": vars_of(found.other.articles.change[5]),
            "moved": found.other.moved,
        },
    }


def vars_of(interval: Any) -> dict[str, float] | None:
    """Return an interval as plain values."""
    return None if interval is None else {"mean": interval.mean, "low": interval.low, "high": interval.high}


def main() -> None:
    """Measure, and write a row for each seed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--db", required=True)
    parser.add_argument("--questions", nargs="+", required=True)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--base", help="a stored map to anchor, in place of one made for each seed")
    parser.add_argument("--no-controls", dest="controls", action="store_false")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "anchored.jsonl")
    args = parser.parse_args()
    rows = []
    for seed in args.seeds:
        found = measure(args.db, args.questions, seed, args.controls, args.base)
        rows.append(found)
        with args.out.open("a") as file:
            file.write(json.dumps({"bench": "anchored", "seed": seed, **found, **machine()}) + "\n")
        print(seed, json.dumps(found), flush=True)
    for group in ("unanchored", "anchored", "held out", "shuffled"):
        for figure in ("overlap@5", "3 of 5", "5 in 50"):
            values = [row[group][figure] for row in rows if row[group]]
            if values:
                print(f"{group} {figure}: {statistics.mean(values):.3f} ({min(values):.3f} to {max(values):.3f})")
    changes = [row["articles recall@5"]["change"]["mean"] for row in rows]
    print(f"articles recall@5 change: {statistics.mean(changes):+.4f} ({min(changes):+.4f} to {max(changes):+.4f})")


if __name__ == "__main__":
    main()
