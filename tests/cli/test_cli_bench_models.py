"""`vecindex bench-models` as it is typed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pages import Page
from static_models import save_static

Run = Callable[..., Any]


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """A folder with articles, judged questions and two static models."""
    words = ("apple", "pear", "plum", "cherry", "grape", "melon", "lemon", "peach", "fig", "olive", "bean", "rice")
    rows = [{"id": word, "text": f"This is all about the {word}, and on nothing else."} for word in words]
    (tmp_path / "in.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    asked = [{"id": word, "text": f"what is a {word}", "answers": [word]} for word in words]
    (tmp_path / "q.jsonl").write_text("".join(json.dumps(one) + "\n" for one in asked))
    save_static(tmp_path / "whole")
    save_static(tmp_path / "short", cut=3)
    return tmp_path


def test_what_is_printed(run: Run, files: Path) -> None:
    models = f"{files / 'short'},{files / 'whole'}"
    ask = ("bench-models", files / "in.jsonl", "-q", files / "q.jsonl", "--models", models, "--into", files / "db")
    done = run(*ask, "--html", files / "out.html")
    assert done.code == 0, done.err
    lines = [" ".join(line.split()) for line in done.out.splitlines()]
    assert lines[0] == f"take {files / 'whole'}"
    assert lines[1] == f"- {files / 'whole'} has the highest ndcg@10, 1.000."
    assert lines[2].startswith(f"- {files / 'short'} finds less: -")
    assert "what this cannot show" in lines
    assert "bench-short finds less than bench-whole" in Page((files / "out.html").read_text(encoding="utf-8")).text
    again = run(*ask, "--json")
    assert [one["embedded"] for one in again.json["models"]] == [0, 0]


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (["in.jsonl", "--models", "a,b"], 2, "Add --questions FILE"),
        (["in.jsonl", "-q", "q.jsonl"], 2, "Name them: --models A,B"),
        (["in.jsonl", "-q", "q.jsonl", "--models", "whole,./nowhere"], 4, "No model folder at ./nowhere"),
        (["nowhere.jsonl", "-q", "q.jsonl", "--models", "whole,short"], 3, "nowhere.jsonl"),
        (
            ["in.jsonl", "-q", "q.jsonl", "--models", "whole,short", "--sample", "5"],
            2,
            "--sample must be at least 10",
        ),
    ],
)
def test_wrong_inputs(
    run: Run, files: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], code: int, told: str
) -> None:
    monkeypatch.chdir(files)
    done = run("bench-models", *arguments, "--into", files / "db")
    assert (done.code, told in done.err) == (code, True), done.err
