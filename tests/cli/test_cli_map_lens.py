"""`vecindex map --lens` as it is typed: the picture that it writes, what it prints, what it refuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest

from planted import KnownModel, make_table
from vecindex.store.database import Database
from vecindex.verbs.overlap.overlap import overlap

Run = Callable[..., Any]
SCHEMA = json.loads((Path(__file__).resolve().parents[2] / "schemas/lens.schema.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a database of 80 articles and a question whose vector it keeps."""
    folder = tmp_path_factory.mktemp("lens")
    articles = np.random.default_rng(0).normal(size=(80, 6))
    make_table(folder / "db", articles)
    (folder / "questions.jsonl").write_text('{"id": "q1", "question": "what 1?"}\n', encoding="utf-8")
    known = KnownModel({"what 1?": articles[1]})
    overlap(Database(folder / "db"), "articles", str(folder / "questions.jsonl"), {}, known)  # type: ignore[arg-type]
    return folder


def test_a_picture_of_a_stored_question(
    run: Run, made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ran = run("map", "--lens", "q1", "--db", made / "db", "--dpi", 60)
    assert ran.code == 0
    size = (tmp_path / "lens.png").stat().st_size
    printed = " ".join(ran.out.split())
    assert printed.startswith(
        f"lens.png ({size / 1e3:.1f} kB): lens of question q1: 'what 1?', 50 articles of table articles; 5 of its 5 "
        "nearest are its 5 nearest here; an article keeps "
    )


def test_json_and_its_schema(run: Run, made: Path, tmp_path: Path) -> None:
    out = tmp_path / "l.svg"
    ran = run("map", out, "--lens", "a00007", "--db", made / "db", "--lens-size", 30, "--seed", 2, "--json")
    found = ran.json
    jsonschema.Draft202012Validator(SCHEMA).validate(found)
    assert set(SCHEMA["required"]) == set(found)
    assert (found["kind"], found["id"], found["question"], found["k"]) == ("article", "a00007", None, 30)
    assert (found["path"], found["bytes"]) == (str(out), out.stat().st_size)
    assert [article["rank"] for article in found["articles"]] == list(range(1, 31))
    assert (found["overlap"], found["tied"]) == (1.0, 0)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("lens.html",), "A lens is written as .png or .svg, found 'lens.html'."),
        (("--lens-size", "7"), "--lens-size is from 30 to 100, found 7."),
        (("--lens-size", "0"), "--lens-size is from 30 to 100, found 0."),
        (("--color", "density"), "--lens draws one question without a map; --color is for a map."),
        (("--field", "year"), "--lens draws one question without a map; --field is for a map."),
        (("--questions", "q.jsonl"), "--lens draws one question, --questions a map with many."),
        (("--dpi", "7"), "--dpi is from 30 to 2400, found 7."),
    ],
)
def test_what_is_refused(run: Run, made: Path, arguments: tuple[str, ...], message: str) -> None:
    ran = run("map", *arguments, "--lens", "q1", "--db", made / "db")
    assert ran.code == 2
    assert message in " ".join(ran.err.split())
