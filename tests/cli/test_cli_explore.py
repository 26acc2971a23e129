"""`vecindex explore`: a process on the sample from files to pages and again, exit codes, and signals in its steps."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tables import unit_vectors
from vecindex.verbs.explore import explore as chain
from vecindex.verbs.ingest.result import IngestReport
from vecindex.verbs.ingest.run import Stop

Run = Callable[..., Any]
QUESTIONS = Path(__file__).resolve().parents[2] / "examples" / "questions-cell-biology.jsonl"


def vecindex(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command as a process in a folder; it must succeed."""
    command = [sys.executable, "-m", "vecindex.cli.app", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done


def lines(out: str) -> dict[str, str]:
    """Return the last lines by their heads, each on one line."""
    parts = re.split(r"^(\w+) +", out, flags=re.MULTILINE)[1:]
    return {head: " ".join(words.split()) for head, words in zip(parts[::2], parts[1::2], strict=True)}


@pytest.mark.timeout(1800)
def test_from_the_sample_to_its_pages_and_again(sample: list[Path], sample_db: Path, tmp_path: Path) -> None:
    shutil.copytree(sample_db, tmp_path / "db")
    for path in (*sample, QUESTIONS):
        shutil.copy(path, tmp_path)
    sources = [path.name for path in sample]
    first = vecindex(tmp_path, "explore", *sources, "-q", QUESTIONS.name)
    found = lines(first.stdout)
    assert list(found) == ["kept", "cause", "done", "expect", "next", "open"]
    kept = re.fullmatch(
        r"On average (\d\.\d) of a question's 5 nearest articles are still its nearest on the map \"map\": "
        r"([\d.]+) %\. The goal of 60 % is (met|missed)\.",
        found["kept"],
    )
    assert kept
    assert float(kept[1]) == pytest.approx(float(kept[2]) / 20, abs=0.05)
    assert (float(kept[2]) < 60) == (kept[3] == "missed")
    assert found["done"].startswith('No row was new; made the map "map"')
    assert found["open"].endswith("explore/overlap.html (all figures, causes and questions)")
    assert sorted(path.name for path in (tmp_path / "explore").iterdir()) == ["map.html", "overlap.html"]
    assert (
        "articles: 0 added, 0 changed, 264 unchanged, 0 rejected, 0 left out = 264 read; 264 rows in all"
        in first.stderr
    )
    assert [line.split(":")[0] for line in first.stderr.splitlines() if line.startswith("step")] == [
        f"step {number} of 5" for number in range(1, 6)
    ]
    advised = found["next"].partition("vecindex ")[2]
    assert "nearest" in vecindex(tmp_path, *shlex.split(advised)).stdout

    # A goal that is missed for certain, and a row that changed: it is placed, and a map is laid out.
    rows = (tmp_path / sources[0]).read_text(encoding="utf-8").splitlines()
    row = json.loads(rows[0])
    rows[0] = json.dumps({**row, "text": "Begun by a sentence more. " + row["text"]})
    (tmp_path / sources[0]).write_text("\n".join(rows), encoding="utf-8")
    again = json.loads(
        vecindex(tmp_path, "explore", *sources, "-q", QUESTIONS.name, "--goal", "0.99", "--json").stdout
    )
    assert [again["ingest"][key] for key in ("added", "changed", "skipped", "vectors")] == [0, 1, 263, 1]
    assert (again["project"]["action"], again["project"]["placed"]["articles"]) == ("updated", 1)
    assert (again["met"], again["anchored"], again["anchor"]["anchor"]["questions"]) == (False, "anchored", 40)
    assert again["overlap"]["embedded"] == 0
    on_map, on_anchored = (
        next(m for m in again["overlap"]["maps"] if m["name"] == name)["search"]["overlap"]["mean"]
        for name in ("map", "anchored")
    )
    assert on_anchored > on_map + 0.05
    assert again["summary"]["done"].startswith(
        'Changed 1 row; placed 1 row on the map "map", where nothing else moved'
    )


@pytest.fixture
def rows(tmp_path: Path) -> Path:
    """Twenty rows with vectors, and one whose text is none."""
    made = [{"id": str(i), "text": f"text {i}", "v": v.tolist()} for i, v in enumerate(unit_vectors(20))]
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in [*made, {"id": "x", "text": 5, "v": made[0]["v"]}]))
    return path


def how(folder: Path) -> tuple[object, ...]:
    return ("--vector-field", "v", "--unverified", "--model", "none/such", "--db", folder / "db")


def test_rejected_rows_do_not_end_it(run: Run, rows: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = run("explore", rows, *how(tmp_path), "--table", "other")
    assert done.code == 6
    found = lines(done.out)
    assert list(found) == ["kept", "done", "next", "open"]
    assert found["done"] == 'Added 20 rows; made the map "map".'
    assert "--questions QUESTIONS" in found["next"]
    assert found["open"] == 'explore-other/map.html (the map "map")'
    assert (tmp_path / "explore-other" / "map.html").exists()
    assert f"vecindex status --rejects --db {tmp_path / 'db'} --table other" in done.err


def test_a_failing_step_says_what_goes_on(run: Run, rows: Path, tmp_path: Path) -> None:
    options = ("--chunk-tokens", 50, "--db", tmp_path / "db", "--out", tmp_path / "pages")
    done = run("explore", rows, "--model", tmp_path / "none", *options, "--json")
    assert (done.code, done.json["exit_code"]) == (4, 4)
    again = done.json["hint"].splitlines()[-1].strip()
    assert again == (
        f"Then go on: vecindex explore {rows} --model {tmp_path / 'none'} --chunk-tokens 50 "
        f"--out {tmp_path / 'pages'} --db {tmp_path / 'db'}"
    )


def test_ctrl_c_in_the_first_step_waits_for_its_transaction(
    run: Run, rows: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*arguments: Any) -> IngestReport:
        os.kill(os.getpid(), signal.SIGINT)
        (stop,) = [one for one in arguments if isinstance(one, Stop)]
        assert stop()
        return IngestReport("articles", added=10, interrupted=True, rows_in_table=10)

    monkeypatch.setattr(chain, "ingest", stopped)
    done = run("explore", rows, *how(tmp_path), "--out", tmp_path)
    assert (done.code, done.out) == (130, "")
    assert "stopping after the transaction in flight" in done.err
    assert "error: Stopped after a transaction; what was committed stays.\n  Then go on: vecindex explore" in done.err


def test_ctrl_c_in_a_later_step_ends_it(
    run: Run, rows: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(*_: Any) -> Any:
        os.kill(os.getpid(), signal.SIGINT)
        pytest.fail("it went on")

    monkeypatch.setattr(chain, "project", stopped)
    done = run("explore", rows, *how(tmp_path), "--out", tmp_path)
    assert (done.code, done.out) == (130, "")
    assert "error: Stopped; the steps that were complete stay.\n  Run the same command again to go on." in done.err
