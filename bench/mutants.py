"""How many faults planted in core/, sources/ and store/ the tests find: mutation testing with Cosmic Ray.

    python bench/mutants.py [--sample 600] [--seed 1] [--workers 2] [--budget 40] [--limit N] [--again]

Works on a clone of the last commit under build/mutants, so the working tree may change meanwhile. The tests run once
with coverage (mutants_record.py), to learn which of them reach which line. Then a random sample is drawn of the places
that Cosmic Ray can mutate, one mutant of each. A mutant meets the quickest tests that reach its line, `--budget`
seconds of them, until the first one fails. `--limit` stops after so many mutants. `--again` goes on where a run
ended: it takes the tests of the present commit, and tries what has no result yet and what survived.

Appends a row to results/mutants.jsonl and writes the survivors to build/mutants/survivors.diff.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import random
import shutil
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any

from cosmic_ray.commands.init import init
from cosmic_ray.config import load_config
from cosmic_ray.modules import filter_paths, find_modules
from cosmic_ray.mutating import mutate_and_test
from cosmic_ray.work_db import WorkDB, use_db
from cosmic_ray.work_item import TestOutcome, WorkItem, WorkResult

from machine import machine
from mutants_select import Tests, counts

BENCH = Path(__file__).resolve().parent
ROOT = BENCH.parent
WORK = ROOT / "build" / "mutants"
TREE = WORK / "tree"
RECORD = WORK / "record"
SESSION = WORK / "session.sqlite"
# What records: doctests, then all tests that run in one process and need no browser.
DOCTESTS = ("--doctest-modules", "src/vecindex")
SUITE = ("-m", "not slow", "tests/unit", "tests/cli", "tests/integration")
IGNORED = ("test_serve.py", "test_serve_live.py", "test_serve_cli.py", "test_notebook.py")


def main() -> None:
    """Record, sample, run, report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sample", type=int, default=600)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--budget", type=float, default=40, help="seconds of tests for a mutant, as recorded")
    parser.add_argument("--limit", type=int)
    parser.add_argument("--again", action="store_true")
    parser.add_argument("--out", type=Path, default=BENCH / "results" / "mutants.jsonl")
    args = parser.parse_args()
    os.environ |= {"VECINDEX_SHARED": str(WORK / "none"), "VECINDEX_NO_BROWSER": "1", "HF_HUB_OFFLINE": "1"}
    start = time.perf_counter()
    state = update_tests() if args.again else begin(args.sample, args.seed)
    with use_db(str(SESSION)) as session:
        found = dict(session.results)
        waiting = [item for item in _sorted(session.work_items) if not _settled(found.get(item.job_id))]
        random.Random(state["seed"]).shuffle(waiting)
        run(session, waiting[: args.limit], args.workers, args.budget)
        row = summary(session, state) | {"again": args.again, "minutes": round((time.perf_counter() - start) / 60, 1)}
    print(json.dumps(row, indent=1))
    with args.out.open("a") as file:
        file.write(json.dumps(row | {**machine(), "commit": state["commit"], "dirty": False}) + "\n")


def begin(sample: int, seed: int) -> dict[str, Any]:
    """Clone, record the tests, draw the sample; return what summary() says of the run."""
    shutil.rmtree(WORK, ignore_errors=True)
    RECORD.mkdir(parents=True)
    _git(ROOT, "clone", "--quiet", str(ROOT), str(TREE))
    record(*DOCTESTS)
    record(*SUITE, *(f"--ignore=tests/integration/{name}" for name in IGNORED))
    config = load_config(str(BENCH / "mutants.toml"))
    os.chdir(TREE)
    paths = filter_paths(find_modules(Path(path) for path in config["module-path"]), config["excluded-modules"])
    with use_db(str(SESSION)) as session:
        init(sorted(paths), session, {})
        items = [item for item in _sorted(session.work_items) if _counted(item)]
        chosen = draw(items, sample, seed)
        session.clear()
        session.add_work_items(chosen)
    commit = _git(TREE, "rev-parse", "--short", "HEAD")
    state = {
        "commit": commit,
        "source_commit": commit,
        "seed": seed,
        "mutants": len(items),
        "places": len(_places(items)),
    }
    (WORK / "state.json").write_text(json.dumps(state))
    return state


def draw(items: list[WorkItem], sample: int, seed: int) -> list[WorkItem]:
    """Return one mutant each of so many random places, a place being a span of a module that can be mutated."""
    dice = random.Random(seed)
    places = _places(items)
    return [dice.choice(places[place]) for place in dice.sample(sorted(places), min(sample, len(places)))]


def update_tests() -> dict[str, Any]:
    """Take the present commit's tests into the clone and record those that changed."""
    state: dict[str, Any] = json.loads((WORK / "state.json").read_text())
    _git(TREE, "fetch", "--quiet", "origin", "HEAD")
    changed = _git(TREE, "diff", "--name-only", "--diff-filter=d", state["commit"], "FETCH_HEAD").split()
    if any(name.startswith("src/") for name in changed):
        raise SystemExit(f"src has changed since {state['commit']}; start over without --again")
    _git(TREE, "checkout", "--quiet", "--force", "FETCH_HEAD")
    tests = [name for name in changed if name.startswith("tests/") and Path(name).name.startswith("test_")]
    if tests:
        record(*tests)
    state["commit"] = _git(TREE, "rev-parse", "--short", "HEAD")
    (WORK / "state.json").write_text(json.dumps(state))
    return state


def record(*arguments: str) -> None:
    """Run tests with coverage, in the clone."""
    path = os.pathsep.join([str(TREE / "src"), str(BENCH)])
    environment = os.environ | {"PYTHONPATH": path, "MUTANTS_RECORD": str(RECORD)}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "mutants_record", *arguments]
    subprocess.run(command, cwd=TREE, env=environment, check=False)


def run(session: WorkDB, items: list[WorkItem], workers: int, budget: float) -> None:
    """Try the mutants, each worker in its own copy of the clone, and store the results as they come."""
    config = load_config(str(BENCH / "mutants.toml"))
    tests = Tests(RECORD, TREE)
    folders: Any = multiprocessing.Queue()
    for number in range(workers):
        folder = WORK / f"tree-{number}"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(TREE, folder, symlinks=True)  # keeps the times, so that compiled files stay valid
        folders.put(folder)
    with ProcessPoolExecutor(workers, initializer=_enter, initargs=(folders,)) as pool:
        jobs = {}
        for item in items:
            spec = item.mutations[0]
            names, seconds = tests.of(spec.module_path, spec.start_pos[0], budget)
            limit = config.timeout + 4 * seconds
            jobs[pool.submit(_try, item, names, config.test_command, limit)] = item
        for number, job in enumerate(as_completed(jobs), start=1):
            item, result = jobs[job], job.result()
            session.set_result(item.job_id, result)
            spec = item.mutations[0]
            place = f"{spec.module_path}:{spec.start_pos[0]} {spec.operator_name}"
            print(number, len(jobs), result.test_outcome.value, place, flush=True)


def _enter(folders: Any) -> None:
    """Make a worker live in its own folder, behind all other work of the machine."""
    folder = folders.get()
    os.chdir(folder)
    os.environ["PYTHONPATH"] = str(folder / "src")
    os.nice(19)


def _try(item: WorkItem, names: list[str], command: str, limit: float) -> WorkResult:
    Path("mutant-tests.txt").write_text("".join(f"{name}\n" for name in names))
    words = [sys.executable, *command.split()[1:], "@mutant-tests.txt"] if names else ["true"]
    return mutate_and_test(item.mutations, " ".join(words), limit)


def summary(session: WorkDB, state: dict[str, Any]) -> dict[str, Any]:
    """Count the results, overall and for each folder, and write the survivors' diffs."""
    done = session.completed_work_items
    folders: dict[str, Counter[str]] = {}
    survivors = []
    for item, result in sorted(done, key=lambda pair: str(pair[0].mutations[0].module_path)):
        folder = item.mutations[0].module_path.parts[2]
        killed = "killed" if result.is_killed else "survived"
        folders.setdefault(folder, Counter())[killed] += 1
        if not result.is_killed:
            survivors.append(f"{item.mutations[0].operator_name}\n{result.diff}\n")
    (WORK / "survivors.diff").write_text("\n".join(survivors))
    killed = sum(counter["killed"] for counter in folders.values())
    return {
        "bench": "mutants",
        **state,
        "tried": len(done),
        "killed": killed,
        "timeouts": sum(result.output == "timeout" for _, result in done),
        "incompetent": sum(result.test_outcome == TestOutcome.INCOMPETENT for _, result in done),
        "killed_share": round(killed / len(done), 4),
        "folders": {name: dict(counter) for name, counter in sorted(folders.items())},
    }


def _settled(result: WorkResult | None) -> bool:
    return result is not None and result.is_killed


def _counted(item: WorkItem) -> bool:
    spec = item.mutations[0]
    return counts(spec.module_path, spec.start_pos, spec.end_pos)


def _sorted(items: Any) -> list[WorkItem]:
    """Return items in an order that does not depend on their random ids."""
    return sorted(
        items, key=lambda item: (*_place(item), item.mutations[0].operator_name, item.mutations[0].occurrence)
    )


def _place(item: WorkItem) -> tuple[Any, ...]:
    spec = item.mutations[0]
    return str(spec.module_path), tuple(spec.start_pos), tuple(spec.end_pos)


def _places(items: list[WorkItem]) -> dict[tuple[Any, ...], list[WorkItem]]:
    places: dict[tuple[Any, ...], list[WorkItem]] = {}
    for item in items:
        places.setdefault(_place(item), []).append(item)
    return places


def _git(folder: Path, *arguments: str) -> str:
    return subprocess.run(
        ["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=True
    ).stdout.strip()


if __name__ == "__main__":
    main()
