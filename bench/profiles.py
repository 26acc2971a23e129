"""Where the CPU time of the hot paths goes: a cold search, a warm question, overlap, project.

    python bench/profiles.py --db DB [--paths search question overlap project]

DB is a table with a map; it is copied first. Each path is a process of its own, from the start of the interpreter,
under the profiler of Python. Ingest has threads, and its report says where their time goes. A row has the CPU seconds
of the process without the profiler and with it, those of imports, and the shares of the rest by package, room or
compiled function.
"""

from __future__ import annotations

import argparse
import cProfile
import json
import pstats
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

OUT = Path(__file__).parent / "results" / "profiles.jsonl"
PATHS = ("search", "question", "overlap", "project")
QUESTIONS = Path(__file__).resolve().parent.parent / "examples" / "questions-cell-biology.jsonl"


def group(file: str, name: str) -> str:
    """Return what a function's own time counts for.

    >>> group("/x/site-packages/torch/nn/linear.py", "forward"), group("/x/vecindex/embed/packed.py", "forward")
    ('torch', 'vecindex/embed')
    >>> group("~", "<built-in method numpy._core.matmul>"), group("/usr/lib/python3.11/json/decoder.py", "decode")
    ('numpy (compiled)', 'standard library')
    """
    found = re.search(r"site-packages/(\w+)", file)
    if found:
        return found[1]
    found = re.search(r"vecindex/(\w+)", file)
    if found:
        return f"vecindex/{found[1]}"
    if file == "~":
        compiled = next(
            (one for one in ("numpy", "torch", "lance", "lancedb", "pyarrow", "faiss") if one in name), None
        )
        return f"{compiled} (compiled)" if compiled else "compiled"
    return "standard library"


def work(path: str, db: str) -> None:
    """Do one path, as a user would."""
    import vecindex

    index = vecindex.open(db)
    if path == "search":
        index.search("how do tissues get rid of damaged cells", k=10)
    elif path == "question":
        for word in ("the", "a", "some", "old", "new", "what", "well", "now"):
            index.search(f"{word} song of a famous singer", k=10, text="none")
    elif path == "overlap":
        index.overlap(QUESTIONS)
    else:
        index.project("profiled", fresh=True)


def profiled(path: str, db: str) -> dict[str, Any]:
    """Return where the time went."""
    main = cProfile.Profile(time.process_time)
    main.enable()
    work(path, db)
    main.disable()
    stats = pstats.Stats(main)
    entries: dict[tuple[str, int, str], tuple[int, int, float, float, Any]] = stats.stats  # type: ignore[attr-defined]
    shares: Counter[str] = Counter()
    functions: Counter[str] = Counter()
    imports = 0.0
    for (file, _, name), (_, _, own_s, whole_s, _) in entries.items():
        shares[group(file, name)] += own_s
        functions[f"{group(file, name)}: {name[:60]}"] += own_s
        if name == "_find_and_load":
            imports = whole_s
    return {
        "profiled_cpu_s": round(sum(shares.values()), 3),
        "imports_cpu_s": round(imports, 3),
        "by_group": {name: round(value, 3) for name, value in shares.most_common(8)},
        "by_function": {name: round(value, 3) for name, value in functions.most_common(8)},
    }


def main() -> None:
    """Measure, or be one of the measured processes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--db", type=Path, required=True)
    parser.add_argument("--paths", nargs="+", choices=PATHS, default=list(PATHS))
    parser.add_argument("--out", type=Path, default=OUT)
    parser.add_argument("--path", choices=PATHS, help=argparse.SUPPRESS)
    parser.add_argument("--plain", action="store_true", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.path:
        if args.plain:
            work(args.path, str(args.db))
            print(json.dumps({"cpu_s": round(time.process_time(), 3)}))
        else:
            print(json.dumps(profiled(args.path, str(args.db))))
        return
    from machine import machine

    with tempfile.TemporaryDirectory() as folder:
        for path in args.paths:
            row: dict[str, Any] = {"bench": "profiles", "path": path}
            # Once before, so that files are in memory and loops compiled.
            for how in (["--plain"], ["--plain"], []):
                db = Path(folder) / "db"
                shutil.rmtree(db, ignore_errors=True)
                shutil.copytree(args.db, db)
                command = [sys.executable, __file__, "--db", str(db), "--path", path, *how]
                done = subprocess.run(command, capture_output=True, text=True, check=True)
                row |= json.loads(done.stdout.splitlines()[-1])
            with args.out.open("a") as file:
                file.write(json.dumps({**row, **machine()}) + "\n")
            print(json.dumps(row, indent=1), flush=True)


if __name__ == "__main__":
    main()
