"""How many faults planted in core/, sources/ and store/ the tests find: mutation testing with Cosmic Ray.

    python bench/mutants.py [--sample 600] [--seed 1] [--workers 2] [--budget 40] [--limit N] [--again]

Works on a clone of the last commit under build/mutants, so the working tree may change meanwhile. The tests run once
with coverage (mutants_record.py), to learn which of them reach which line. Then a random sample is drawn of the spots
that Cosmic Ray can mutate, one mutant of each. A mutant meets the quickest tests that reach its line, `--budget`
seconds of them, until the first one fails. `--limit` stops after so many mutants. `--again` goes on where a run
ended: it takes the tests of the present commit, and tries what has no result yet and what survived.

Appends a row to results/mutants.jsonl and writes the survivors to build/mutants/survivors.diff.
"""

from __future__ import annotations

import argparse
import difflib
import importlib
import json
import multiprocessing
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor, as_completed
from itertools import islice
from pathlib import Path
from typing import Any

import hypothesis
import pytest
from cosmic_ray.commands.init import init
from cosmic_ray.config import load_config
from cosmic_ray.modules import filter_paths, find_modules
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator
from cosmic_ray.util import restore_contents
from cosmic_ray.work_db import WorkDB, use_db
from cosmic_ray.work_item import MutationSpec, TestOutcome, WorkerOutcome, WorkItem, WorkResult

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
PYTEST = ("-x", "-q", "-p", "no:cacheprovider", "--no-header", "--tb=line", "--doctest-modules")
OUTPUT = "mutant-output.txt"
# What tests import, but for LanceDB: its threads do not live on in a forked child.
PRELOADED = (
    "hypothesis.strategies",
    "jsonschema",
    "scipy.stats",
    "pyarrow.parquet",
    "faiss",
    "sentence_transformers",
)
# A mutant gets these seconds, and twice what its tests took when they were recorded; then it counts as killed.
GRACE_S = 60
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
        "spots": len(_spots(items)),
    }
    (WORK / "state.json").write_text(json.dumps(state))
    return state


def draw(items: list[WorkItem], sample: int, seed: int) -> list[WorkItem]:
    """Return one mutant each of so many random spots, a spot being a span of a module that can be mutated."""
    dice = random.Random(seed)
    spots = _spots(items)
    order = dice.sample(sorted(spots), len(spots))
    chosen = (dice.choice(spots[spot]) for spot in order)
    return list(islice((item for item in chosen if _compiles(item)), sample))


def _compiles(item: WorkItem) -> bool:
    """Return whether a mutant is a Python module at all; it would be no feat to kill it else."""
    spec = item.mutations[0]
    try:
        compile(_mutated(spec)[1], str(spec.module_path), "exec")
    except (AttributeError, SyntaxError):  # Cosmic Ray 8.7 cannot replace `except module.Error`
        return False
    return True


def _mutated(spec: MutationSpec) -> tuple[str, str]:
    """Return a module's source before and after."""
    before = spec.module_path.read_text()
    after = mutate_code(before, get_operator(spec.operator_name)(**spec.operator_args), spec.occurrence)
    assert after is not None, spec
    return before, after


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
            limit = GRACE_S + 2 * seconds
            jobs[pool.submit(_try, item, names, limit)] = item
        for number, job in enumerate(as_completed(jobs), start=1):
            item, result = jobs[job], job.result()
            session.set_result(item.job_id, result)
            spec = item.mutations[0]
            place = f"{spec.module_path}:{spec.start_pos[0]} {spec.operator_name}"
            print(number, len(jobs), result.test_outcome.value, place, flush=True)


def _enter(folders: Any) -> None:
    """Make a worker live in its own folder, behind all other work of the machine, with what most tests import."""
    folder = folders.get()
    os.chdir(folder)
    os.nice(19)
    os.environ |= {"PYTHONPATH": str(folder / "src"), "PYTHONDONTWRITEBYTECODE": "1"}
    sys.dont_write_bytecode = True
    sys.path[0] = str(folder / "src")
    for name in PRELOADED:
        importlib.import_module(name)
    hypothesis.settings.register_profile("mutants", deadline=None, database=None, derandomize=True)
    hypothesis.settings.load_profile("mutants")


def _try(item: WorkItem, names: list[str], limit: float) -> WorkResult:
    """Plant a mutant and run its tests in a child of the worker, which has their libraries already."""
    spec = item.mutations[0]
    before, after = _mutated(spec)
    lines = difflib.unified_diff(before.split("\n"), after.split("\n"), str(spec.module_path), lineterm="", n=2)
    with restore_contents(spec.module_path):
        spec.module_path.write_text(after)
        outcome, output = TestOutcome.SURVIVED, "no test reaches it"
        if names:
            child = multiprocessing.get_context("fork").Process(target=_test, args=(names,))
            child.start()
            child.join(limit)
            passed, ended = child.exitcode == 0, child.exitcode is not None
            if not ended:
                os.killpg(child.pid or 0, signal.SIGKILL)
                child.join()
            outcome = TestOutcome.SURVIVED if passed else TestOutcome.KILLED
            output = Path(OUTPUT).read_text(errors="replace")[-4000:] if ended else "timeout"
    return WorkResult(WorkerOutcome.NORMAL, output, outcome, "\n".join(lines))


def _test(names: list[str]) -> None:
    os.setsid()
    with Path(OUTPUT).open("w") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    code = pytest.main([*PYTEST, *names])
    sys.stdout.flush()
    os._exit(int(code))


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
        items, key=lambda item: (*_spot(item), item.mutations[0].operator_name, item.mutations[0].occurrence)
    )


def _spot(item: WorkItem) -> tuple[Any, ...]:
    spec = item.mutations[0]
    return str(spec.module_path), tuple(spec.start_pos), tuple(spec.end_pos)


def _spots(items: list[WorkItem]) -> dict[tuple[Any, ...], list[WorkItem]]:
    spots: dict[tuple[Any, ...], list[WorkItem]] = {}
    for item in items:
        spots.setdefault(_spot(item), []).append(item)
    return spots


def _git(folder: Path, *arguments: str) -> str:
    return subprocess.run(
        ["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=True
    ).stdout.strip()


if __name__ == "__main__":
    main()
