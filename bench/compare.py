"""vecindex against other tools, in turns: the cases of `harness/cases`, or those that are named.

    python bench/compare.py [CASE ...] [--full] [--rounds 3] [--threads N] [--run NAME --minutes M]

Cases: ingest, search_cold, typed, search, maps, metrics, ingest_faults, ingest_busy. Without `--full` the sizes are
those of a run of a quarter of an hour. A run may be made in several calls: with `--run` and `--scratch` a call goes
on where another one stopped, and `--minutes` says when nothing more is begun. The corpus is `$VECINDEX_SHARED/data`;
without it the sample stands in. Then `python bench/render.py` makes docs/benchmarks.md of the rows.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import tempfile
import time
from pathlib import Path

from harness.corpus import found, hub
from harness.runs import RESULTS, ROOT, OutOfTime, Session

CASES = ("ingest", "search_cold", "typed", "search", "maps", "metrics", "ingest_faults", "ingest_busy")


def surroundings(scratch: Path, threads: int | None) -> dict[str, str]:
    """Return the environment of all measured processes."""
    env = {
        **os.environ,
        "PYTHONPATH": str(ROOT / "src"),
        "HF_HUB_OFFLINE": "1",
        "HF_HUB_CACHE": str(hub(scratch / "hub")),
    }
    env |= {"XDG_CACHE_HOME": str(scratch / "cache"), "TOKENIZERS_PARALLELISM": "false", "PYTHONWARNINGS": "ignore"}
    env.pop("PYTHONDONTWRITEBYTECODE", None)
    env.pop("OMP_NUM_THREADS", None)
    if threads:
        env |= dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), str(threads))
        env |= {"NUMBA_NUM_THREADS": str(threads), "RAYON_NUM_THREADS": str(threads)}
    return env


def main() -> int:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("cases", nargs="*", metavar="CASE", help="those that are measured; none for all")
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--ways", nargs="+", help="of one case, the ways to measure")
    parser.add_argument("--note")
    parser.add_argument("--run", help="name of the run, to go on with it")
    parser.add_argument("--minutes", type=float)
    parser.add_argument("--scratch", type=Path, help="folder for what is made; kept")
    parser.add_argument("--results", type=Path, default=RESULTS)
    args = parser.parse_args()
    wrong = [case for case in args.cases if case not in CASES]
    if wrong:
        parser.error(f"no case {wrong[0]!r}; there are {', '.join(CASES)}")
    with tempfile.TemporaryDirectory() as spare:
        scratch = args.scratch or Path(spare)
        session = Session(
            scratch=scratch,
            corpus=found(None),
            env=surroundings(scratch, args.threads),
            full=args.full,
            threads=args.threads,
            rounds=args.rounds,
            seed=args.seed,
            note=args.note,
            until=time.monotonic() + 60 * args.minutes if args.minutes else None,
            results=args.results,
            **({"name": args.run} if args.run else {}),
        )
        for case in args.cases or CASES:
            try:
                importlib.import_module(f"harness.cases.{case}").run_all(session, args.ways)
            except OutOfTime:
                print(f"out of time in {case}; go on with --run {session.name}", file=sys.stderr)
                return 75
    return 0


if __name__ == "__main__":
    sys.exit(main())
