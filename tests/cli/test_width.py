"""Nothing that a command shows is wider than the terminal, or than 80 columns where there is none."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import shutil
import struct
import subprocess
import sys
import termios
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from wcwidth import wcswidth

import vecindex
from vecindex.cli import progress
from vecindex.types import Estimate, Progress, Stage

ROOT = Path(__file__).resolve().parents[2]
QUESTIONS = ROOT / "examples" / "questions-cell-biology.jsonl"
Run = Callable[..., Any]
COMMANDS = (
    "explore",
    "ingest",
    "search",
    "project",
    "map",
    "overlap",
    "export",
    "serve",
    "mcp",
    "status",
    "delete",
    "optimize",
    "tag",
    "doctor",
)
# Of each command its results and its failures, without a terminal. TAB stands for lines of data, as long as they are.
RUNS: dict[str, list[str]] = {
    "nothing": [],
    "version": ["--version"],
    **{f"{name} --help": [name, "--help"] for name in COMMANDS},
    **{f"{name} with an option that is none": [name, "--no-such-option-of-this-command-at-all"] for name in COMMANDS},
    **{
        f"{name} without a table": [name, *given, "--db", "a-folder-of-a-long-name/that-is-not/there-is-it"]
        for name, given in {
            **dict.fromkeys(COMMANDS, ()),
            "explore": ["nothing-is-there-under-this-name.jsonl", "-q", "{questions}"],
            "ingest": ["nothing-is-there-under-this-name.jsonl"],
            "search": ["how do cells make energy from what they take up, and where in the cell do they do that"],
            "export": ["articles.jsonl"],
            "delete": ["--yes", "an-id"],
            "tag": ["a-tag"],
        }.items()
    },
    "explore": ["explore", "{articles}", "--questions", "{questions}", "--goal", "0.9", "--map", "a-map-of-its-own"],
    "explore fields that are not known": ["explore", "odd.csv", "--questions", "{questions}"],
    "ingest again": ["ingest", "{articles}"],
    "ingest what is rejected": ["ingest", "bad.jsonl"],
    "ingest a dry run": ["ingest", "new.jsonl", "--dry-run"],
    "project unchanged": ["project", "--update"],
    "project a focus": ["project", "near", "--focus", "{questions}", "--focus-size", "60", "--method", "pca"],
    "map": ["map", "out.html", "--questions", "{questions}"],
    "map a lens": ["map", "lens.png", "--lens", "q-001"],
    "overlap": ["overlap", "--questions", "{questions}", "--explain", "--csv", "o.csv", "--html", "o.html"],
    "overlap with details": ["overlap", "--questions", "{questions}", "--details", "--neighbors", "n.csv"],
    "overlap what if": ["overlap", "--questions", "{questions}", "--what-if"],
    "overlap a question": ["overlap", "--questions", "{questions}", "--question", "q-001"],
    "overlap below a threshold": ["overlap", "--questions", "{questions}", "--fail-under", "0.99"],
    "overlap without a question": ["overlap", "--questions", "{questions}", "--question", "not one of these"],
    "export": ["export", "out.csv"],
    "export again": ["export", "out.csv"],
    "export some columns": [
        "export",
        "a-file-with-some-columns-and-one-map.jsonl",
        "--map",
        "map",
        "--columns",
        "id,title",
    ],
    "export vectors": ["export", "vectors.npy"],
    "export a map that is none": ["export", "none.csv", "--map", "no-such-map"],
    "serve a map that is none": ["serve", "--map", "no-such-map"],
    "mcp of a map that is none": ["mcp", "--map", "no-such-map"],
    "export for embedding-atlas": ["export", "a-file-for-embedding-atlas.parquet", "--neighbors"],
    "status": ["status"],
    "status of the settings": ["status", "--settings"],
    "status as it was tagged": ["status", "--at", "a-tag-of-a-long-name-before-the-second-import"],
    "delete": ["delete", "not-there#1", "--yes"],
    "delete by a condition": ["delete", "--where", "topic = 'ecology'", "--dry-run"],
    "optimize": ["optimize"],
    "tag": ["tag", "second"],
    "doctor": ["doctor"],
}


@pytest.fixture(scope="module")
def folder(sample_db: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sample in db/, two maps, a tag and rejected rows."""
    folder = tmp_path_factory.mktemp("width")
    shutil.copytree(sample_db, folder / "db")
    index = vecindex.open(folder / "db")
    index.tag("a-tag-of-a-long-name-before-the-second-import")
    index.project(method="pca")
    index.project("another_map", method="pca", seed=1)
    with (folder / "bad.jsonl").open("w") as bad:
        for row in ({"id": "a"}, {"id": "b", "text": ""}, {"id": "c" * 300, "text": "細胞" * 60}):
            bad.write(json.dumps(row) + "\n")
        bad.write("{" * 200 + "\n")
    (folder / "odd.csv").write_text("Number of the document,Its heading,What it says (in English)\n1,a,b\n")
    with (folder / "new.jsonl").open("w") as new:
        new.writelines(json.dumps({"id": f"new-{n}", "text": f"a new article {n}"}) + "\n" for n in range(5))
    return folder


@pytest.fixture
def there(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder, without a width of its own."""
    monkeypatch.chdir(folder)
    monkeypatch.delenv("COLUMNS")
    return folder


def filled(arguments: list[str]) -> list[str]:
    return [
        one.format(articles=ROOT / "examples" / "articles-cell-biology.jsonl", questions=QUESTIONS)
        for one in arguments
    ]


def too_wide(shown: str, width: int) -> Iterator[str]:
    """Yield the lines that are wider, other than a path on a line of its own or next to its option."""
    for line in re.split(r"[\r\n]", re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown)):
        alone = re.fullmatch(r"(--?[\w-]+ )?[^ ]*/[^ ]*( \\)?", line.strip()) is not None
        if wcswidth(line) > width and not alone:
            yield line


@pytest.mark.parametrize("name", RUNS)
def test_without_a_terminal_nothing_is_wider_than_80(there: Path, run: Run, name: str) -> None:
    done = run(*filled(RUNS[name]))
    assert done.out + done.err
    assert list(too_wide(done.out, 80)) == []
    assert list(too_wide(done.err, 80)) == []


@pytest.mark.parametrize("columns", [60, 80, 200])
def test_in_a_terminal_nothing_is_wider_than_that(there: Path, columns: int) -> None:
    commands = [
        ["search", "--id", "cb-0001", "-k", "5"],
        ["search", "--id", "cb-0001", "--where", "topic <> 'a'"],
        ["status", "--rejects"],
        ["tag"],
        ["doctor"],
        ["overlap", "--questions", str(QUESTIONS), "--explain"],
        ["overlap", "--questions", str(QUESTIONS), "--question", "q-001"],
        ["search"],
        ["ingest", "--help"],
    ]
    code = "import sys, json; from vecindex.cli.app import main\nfor words in json.loads(sys.argv[1]):\n"
    code += "    sys.argv = ['vecindex', *words]\n    try: main()\n    except SystemExit: print('-' * 9)\n"
    shown = in_a_terminal([sys.executable, "-c", code, json.dumps(commands)], columns)
    assert shown.count("-" * 9) >= len(commands)
    assert "Traceback" not in shown
    assert list(too_wide(shown, columns)) == []


def in_a_terminal(command: list[str], columns: int) -> str:
    """Return what a command shows in a terminal of so many columns."""
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    with subprocess.Popen(command, stdin=its, stdout=its, stderr=its) as process:
        os.close(its)
        shown = bytearray()
        try:
            while piece := os.read(ours, 65536):
                shown += piece
        except OSError:  # the end of a terminal, as Linux reports it
            pass
        assert process.wait() == 0
    os.close(ours)
    return shown.decode()


class Terminal:
    """Standard error that is a terminal."""

    encoding = "utf-8"

    def __init__(self) -> None:
        self.shown = ""

    def write(self, text: str) -> int:
        self.shown += text
        return len(text)

    def flush(self) -> None:
        pass

    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("columns", "shown"),
    [
        (200, "1,000 of 250,000, 50.0 texts/s, 1 h 23 min left, batch 4,096 tokens, cpu bf16"),
        (80, "1,000 of 250,000, 50.0 texts/s, 1 h 23 min left"),
        (70, "1,000 of 250,000, 1 h 23 min left"),
        (50, "1 h 23 min left"),
    ],
)
def test_the_time_left_is_the_last_that_a_bar_drops(
    monkeypatch: pytest.MonkeyPatch, columns: int, shown: str
) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("COLUMNS", str(columns))
    with progress.Screen() as screen:
        screen.estimate(Estimate(250_000, False, 50.0, 5000.0, 5_000_000, 4_000_000_000, "cpu", "bf16", 0.99993))
        screen.progress(Progress(1_000, 250_000, 1_000, 50.0, 4_096, "cpu", "bf16"))
        screen.notice("a notice while the bar is there, which is longer than the terminal is wide by some words " * 2)
        bar = screen._bar
        assert bar.tasks[0].fields["text"] == shown
        screen.stage(Stage("scores of the articles", 10, 300))
    assert list(too_wide(terminal.shown, columns)) == []


def test_a_person_may_ask_for_other_columns(there: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    assert list(too_wide(run("status").out, 60)) == []
    monkeypatch.setenv("COLUMNS", "300")
    assert max(map(len, run("status").out.splitlines())) > 80
