"""`vecindex map` as it is typed: the files that it writes, what it prints, its exit codes."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import numpy as np
import pytest

from planted import KnownModel, make_table, put_map
from vecindex.store.database import Database
from vecindex.verbs.overlap.overlap import overlap

Run = Callable[..., Any]
SCHEMA = json.loads((Path(__file__).resolve().parents[2] / "schemas/map.schema.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a database of 80 articles, two maps and questions whose vectors it keeps."""
    folder = tmp_path_factory.mktemp("map")
    rng = np.random.default_rng(0)
    articles = rng.normal(size=(80, 6))
    ids = [f"a{i:05d}" for i in range(80)]
    make_table(folder / "db", articles)
    put_map(
        folder / "db", "flat", ids, articles[:, :2], {"method": "cut", "scores": {"recall": {"5": {"mean": 0.4}}}}
    )
    put_map(folder / "db", "other", ids, np.where(np.arange(80) < 70, articles[:, 2:4].T, np.nan).T)
    lines = [{"id": f"q{i}", "question": f"what {i}?"} for i in range(8)]
    (folder / "questions.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    known = KnownModel({f"what {i}?": articles[i] + 0.1 for i in range(8)})
    overlap(Database(folder / "db"), "articles", str(folder / "questions.jsonl"), {}, known)  # type: ignore[arg-type]
    return folder


def test_a_page(run: Run, made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    ran = run("map", "--db", made / "db", "--questions", made / "questions.jsonl")
    assert ran.code == 0
    size = (tmp_path / "map.html").stat().st_size
    told = " ".join(ran.out.split())
    assert told.startswith(
        f"map.html ({size / 1e3:.1f} kB): map 'flat' of articles (the newest neutral map), 80 articles,"
    )
    assert told.endswith("topics, 8 questions")
    assert (tmp_path / "map.html").read_text(encoding="utf-8").startswith("<!doctype html>")


def test_json_and_its_schema(run: Run, made: Path, tmp_path: Path) -> None:
    ran = run("map", tmp_path / "m.html", "--db", made / "db", "--map", "other", "--topics", 3, "--json")
    found = ran.json
    jsonschema.validate(found, SCHEMA)
    assert (found["map"], found["articles"], found["shown"], found["outside"]) == ("other", 80, 70, 10)
    assert found["bytes"] == (tmp_path / "m.html").stat().st_size
    assert len(found["topics"]) == 3
    assert sum(topic["articles"] for topic in found["topics"]) == 70


def test_several_maps(run: Run, made: Path, tmp_path: Path) -> None:
    ran = run("map", tmp_path / "m.html", "--db", made / "db", "--map", "other", "--map", "flat", "--json")
    found = ran.json
    jsonschema.validate(found, SCHEMA)
    assert (found["map"], found["reason"], found["shown"]) == ("other", "as asked", 70)
    (alongside,) = found["alongside"]
    about = alongside["map"], alongside["method"], alongside["shown"], alongside["neighbors"]
    assert about == ("flat", "cut", 70, 10)
    assert 0 < alongside["kept"] < 10
    assert "kept:flat" in found["colorings"]
    assert "10 articles of map 'flat' are not on map 'other', and are not shown" in ran.err
    page = (tmp_path / "m.html").read_text(encoding="utf-8")
    assert 'id="map-section-positions:flat"' in page
    told = run("map", tmp_path / "m.html", "--db", made / "db", "--map", "flat", "--map", "other")
    words = " ".join(told.out.split())
    assert "map 'flat' of articles (as asked), 80 articles," in words
    assert words.endswith(". The page also shows the map 'other'")


def test_a_setting_names_one_map_or_several(
    run: Run, made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for value, names in (('"other"', ["other"]), ('["flat", "other"]', ["flat", "other"])):
        (tmp_path / "vecindex.toml").write_text(f"[map]\nmap = {value}\n", encoding="utf-8")
        found = run("map", "m.html", "--db", made / "db", "--topics", 0, "--json").json
        assert [found["map"], *(one["map"] for one in found["alongside"])] == names


@pytest.mark.parametrize("name", ["m.png", "m.svg", "M.PNG"])
def test_a_picture(run: Run, made: Path, tmp_path: Path, name: str) -> None:
    ran = run("map", tmp_path / name, "--db", made / "db", "--color", "density", "--width-in", 3, "--dpi", 60)
    assert ran.code == 0
    begun = (tmp_path / name).read_bytes()[:100]
    assert b"PNG" in begun or b"<?xml" in begun


def test_a_picture_is_the_same_again(run: Run, made: Path, tmp_path: Path) -> None:
    for name in ("a.svg", "b.svg"):
        assert run("map", tmp_path / name, "--db", made / "db", "--dpi", 60).code == 0
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("map.pdf",), "A map is written as .html, .png or .svg, found 'map.pdf'."),
        (("m.html", "--map", "none"), "has no map 'none' (maps there: flat, other)."),
        (("m.html", "--map", "flat", "--map", "none"), "has no map 'none' (maps there: flat, other)."),
        (("m.png", "--map", "flat", "--map", "other"), "A picture shows one map, found 2: flat, other."),
        (("m.html", *(f"--map={i}" for i in range(7))), "A page shows at most 6 maps, found 7."),
        (("m.html", "--color", "nothing"), "There is nothing to color by under 'nothing'"),
        (("m.html", "--field", "depth"), "has no column 'depth' to color by"),
        (("m.html", "--dpi", "90"), "--width-in and --dpi are for pictures."),
        (("m.png", "--dpi", "9"), "--dpi is from 30 to 2400, found 9."),
        (("m.png", "--width-in", "0"), "--width-in is from 1 to 100 inches, found 0."),
        (("m.html", "--topics", "-1"), "--topics must be from 0 to 24, found -1."),
        (("m.html", "-k", "0"), "-k must be from 1 to 100, found 0."),
        (("no/such/folder/m.html",), "Cannot write no/such/folder/m.html:"),
        (("m.html", "--topics-file", "no/t.csv"), "Cannot write no/t.csv: No such file or directory."),
        (("m.png", "--near", "3"), "--near is for a page, and m.png is a picture."),
        (("m.svg", "--snippet", "9"), "--snippet is for a page, and m.svg is a picture."),
        (
            ("m.png", "--lens", "a00001", "--near", "3"),
            "one question without a map; --near is for a map.",
        ),
        (("m.png", "--lens", "a00001", "--topics", "0"), "without a map; --topics is for a map."),
        (
            ("m.html", "--topics", "0", "--topics-by", "kind"),
            "--topics-by is about the topics, and --topics 0",
        ),
        (("m.html", "--topics-by", "title"), "'title' makes no topics: it differs for nearly every article"),
        (("m.html", "--topics-by", "n_tokens"), "'n_tokens' makes no topics: it holds int32, and topics are made"),
    ],
)
def test_errors(
    run: Run, made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: Any, message: str
) -> None:
    monkeypatch.chdir(tmp_path)
    ran = run("map", *arguments, "--db", made / "db")
    assert ran.code == 2
    assert ran.out == ""
    assert message in ran.err
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_was_there_stays_when_it_fails(run: Run, made: Path, tmp_path: Path) -> None:
    (tmp_path / "m.html").write_text("before", encoding="utf-8")
    assert run("map", tmp_path / "m.html", "--db", made / "db", "--map", "none").code == 2
    assert (tmp_path / "m.html").read_text(encoding="utf-8") == "before"


def test_without_a_map_it_says_how_to_make_one(run: Run, tmp_path: Path) -> None:
    make_table(tmp_path / "db", np.eye(4))
    ran = run("map", tmp_path / "m.html", "--db", tmp_path / "db")
    where = Database(tmp_path / "db").articles("articles").where
    assert (ran.code, ran.err) == (
        2,
        f"error: {where} has no map yet.\n  Make one: vecindex project --db {tmp_path / 'db'}\n",
    )


def test_lines_that_were_left_out_are_told(run: Run, made: Path, tmp_path: Path) -> None:
    file = shutil.copy(made / "questions.jsonl", tmp_path / "q.jsonl")
    with Path(file).open("a", encoding="utf-8") as stream:
        stream.write("no json\n")
    ran = run("map", tmp_path / "m.html", "--db", made / "db", "--questions", file)
    assert ran.code == 6
    assert "q.jsonl:9: not valid JSON" in ran.err


def test_as_it_was_tagged(run: Run, made: Path, tmp_path: Path) -> None:
    database = shutil.copytree(made / "db", tmp_path / "db")
    assert run("tag", "before", "--db", database).code == 0
    assert run("delete", "a00000", "--db", database, "--yes").code == 0
    counts = [
        run("map", tmp_path / "m.html", "--db", database, "--json", *extra).json["articles"]
        for extra in ((), ("--at", "before"))
    ]
    assert counts == [79, 80]
