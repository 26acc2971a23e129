"""The contracts in schemas/ hold for what the commands print, for the sample, and for the tables."""

from __future__ import annotations

import contextlib
import io
import json
import sys
from pathlib import Path
from typing import Any

import jsonschema
import lance
import pyarrow as pa
import pytest
from referencing import Registry

from static_models import save_static
from tables import append, chunked_table, filled, fingerprint, make_table, unit_vectors
from vecindex.cli.app import app, main
from vecindex.schema import articles_schema, rejects_schema
from vecindex.store.database import Database
from vecindex.store.rejects import RejectTable
from vecindex.types import Chunking, Rejected
from vecindex.verbs.questions.model import QuestionModel

ROOT = Path(__file__).resolve().parents[2]
SCHEMAS = ROOT / "schemas"
OUTPUTS = (
    "bench-models",
    "compare",
    "evaluate",
    "explore",
    "ingest",
    "index",
    "search",
    "status",
    "delete",
    "optimize",
    "tag",
    "doctor",
    "overlap",
    "project",
    "map",
    "lens",
    "export",
    "error",
)


def schema(name: str) -> dict[str, Any]:
    """Return a JSON Schema."""
    found: dict[str, Any] = json.loads((SCHEMAS / f"{name}.schema.json").read_text(encoding="utf-8"))
    return found


def valid(name: str, values: Any) -> None:
    """Assert that values meet a schema, formats included."""
    checker = jsonschema.Draft202012Validator.FORMAT_CHECKER
    found = {path.name: json.loads(path.read_text(encoding="utf-8")) for path in SCHEMAS.glob("*.schema.json")}
    others = Registry().with_contents(found.items())
    jsonschema.Draft202012Validator(found[f"{name}.schema.json"], format_checker=checker, registry=others).validate(
        values
    )


def printed(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> Any:
    """Return what `vecindex ARGUMENTS... --json` prints."""
    monkeypatch.setattr(sys, "argv", ["vecindex", *map(str, arguments), "--json"])
    out = io.StringIO()
    with contextlib.redirect_stdout(out), pytest.raises(SystemExit):
        main()
    return json.loads(out.getvalue())


@pytest.mark.parametrize("path", sorted(SCHEMAS.glob("*.schema.json")), ids=lambda path: path.name)
def test_schemas_are_schemas(path: Path) -> None:
    found = json.loads(path.read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(found)
    assert found["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert found["$id"] == path.name


@pytest.mark.parametrize("name", OUTPUTS)
def test_outputs_admit_nothing_else(name: str) -> None:
    found = schema(name)
    assert found["additionalProperties"] is False
    assert found["properties"]["schema_version"] == {"const": 1}
    assert set(found["required"]) == set(found["properties"])


def test_ingest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [{"id": str(i), "text": f"text {i}", "v": [float(x) for x in v]} for i, v in enumerate(unit_vectors(5))]
    source = tmp_path / "in.jsonl"
    source.write_text("\n".join(json.dumps(row) for row in [*rows, {"id": "6"}]))
    how = ("--vector-field", "v", "--unverified", "--model", "none/such")
    values = printed(monkeypatch, "ingest", source, *how, "--db", tmp_path / "db")
    valid("ingest", values)
    assert (values["added"], values["rejected"]) == (5, 1)
    status = printed(monkeypatch, "status", "--rejects", "--db", tmp_path / "db")
    valid("status", status)
    assert status["last_run"]["added"] == 5
    assert len(status["rejects"]) == 1


def test_explore(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [{"id": str(i), "text": f"text {i}", "v": [float(x) for x in v]} for i, v in enumerate(unit_vectors(20))]
    (tmp_path / "in.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
    (tmp_path / "q.txt").write_text("what is text one\nwhat is text two\nwhich is text three\n")
    monkeypatch.setattr(QuestionModel, "embed", lambda self, texts, *_: unit_vectors(len(texts), seed=5))
    how = ("--vector-field", "v", "--unverified", "--model", "none/such", "--db", tmp_path / "db", "--out", tmp_path)
    alone = printed(monkeypatch, "explore", tmp_path / "in.jsonl", *how)
    valid("explore", alone)
    assert [alone[key] for key in ("questions", "met", "anchored", "overlap", "anchor")] == [None] * 5
    assert (alone["ingest"]["added"], alone["project"]["action"], alone["page"]["shown"]) == (20, "made", 20)
    asked = printed(monkeypatch, "explore", tmp_path / "in.jsonl", "-q", tmp_path / "q.txt", "--goal", "1", *how)
    valid("explore", asked)
    assert (asked["questions"], asked["met"], asked["project"]) == ("q.txt", False, None)
    assert asked["anchor"]["name"] == asked["anchored"] == asked["page"]["map"] == "anchored"
    assert asked["files"]["page"] == {"path": str(tmp_path / "map.html"), "bytes": asked["page"]["bytes"]}
    assert asked["summary"]["command"].startswith("vecindex overlap --questions ")


def test_evaluate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    filled(tmp_path, 10)
    monkeypatch.setattr(QuestionModel, "embed", lambda self, texts, *_: unit_vectors(len(texts), seed=5))
    (tmp_path / "q.jsonl").write_text(
        '{"id": 1, "text": "one text", "answers": {"a00001": 2, "a00002": 0}, "answer": "nothing"}\n'
        '{"id": 2, "text": "another", "answers": ["a00003", "none"]}\n{"id": 3, "text": "a third"}\n{}\n'
    )
    for more in ((), ("--rankers", "meaning,words,hybrid"), ("--answers-text",)):
        values = printed(monkeypatch, "evaluate", "-q", tmp_path / "q.jsonl", *more, "--db", tmp_path)
        valid("evaluate", values)
        assert (values["questions"], values["judged_by"]["without"], len(values["rejected"])) == (2, 1, 1)
    printed(monkeypatch, "tag", "before", "--db", tmp_path)
    values = printed(monkeypatch, "evaluate", "-q", tmp_path / "q.jsonl", "--against", "before", "--db", tmp_path)
    valid("evaluate", values)
    assert values["against"]["tag"] == "before"
    status = printed(monkeypatch, "status", "--db", tmp_path)
    valid("status", status)
    assert status["evaluated"]["questions"] == 2


def test_compare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("one", "two"):
        append(make_table(tmp_path, name=name), unit_vectors(10, seed=len(name)))
    monkeypatch.setattr(QuestionModel, "embed", lambda self, texts, *_: unit_vectors(len(texts), seed=5))
    (tmp_path / "q.jsonl").write_text('{"id": 1, "text": "one", "answers": ["a00001"]}\n{"text": "two"}\n{}\n')
    printed(monkeypatch, "project", "--method", "pca", "--table", "one", "--db", tmp_path)
    values = printed(monkeypatch, "compare", "one", "two", "-q", tmp_path / "q.jsonl", "--db", tmp_path)
    valid("compare", values)
    assert (values["questions"], values["judged_by"]["without"], len(values["rejected"])) == (1, 1, 1)
    assert (values["tables"][0]["map"]["name"], values["tables"][1]["map"]) == ("map", None)
    (tmp_path / "q.txt").write_text("what is text one\nwhat is text two\n")
    plain = printed(monkeypatch, "compare", "one", "two", "-q", tmp_path / "q.txt", "--db", tmp_path)
    valid("compare", plain)
    assert (plain["measure"], plain["judged_by"], len(plain["items"])) == (None, None, 2)


def test_bench_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    models = [str(save_static(tmp_path / name, cut=cut)) for name, cut in (("whole", None), ("short", 2))]
    lines = [json.dumps({"id": i, "text": f"text {i} on cells"}) for i in range(20)]
    (tmp_path / "in.jsonl").write_text("\n".join(lines))
    (tmp_path / "q.jsonl").write_text(
        '{"text": "which is text 3", "answers": [3]}\n{"text": "a", "answers": ["no"]}\n'
    )
    how = ("-q", tmp_path / "q.jsonl", "--models", ",".join(models), "--sample", 12, "--into", tmp_path / "db")
    values = printed(monkeypatch, "bench-models", tmp_path / "in.jsonl", *how)
    valid("bench-models", values)
    assert values["sample"] == {"articles": 12, "of": 20, "judged": 1, "missing": 1, "rejected": 0}
    assert values["recommended"] in models


def test_status_without_a_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "in.jsonl").write_text("{broken\n")
    valid("ingest", printed(monkeypatch, "ingest", tmp_path / "in.jsonl", "--db", tmp_path / "db"))
    values = printed(monkeypatch, "status", "--rejects", "--db", tmp_path / "db")
    valid("status", values)
    assert (values["fingerprint"], values["rows"], values["rejected"]) == (None, 0, 1)


def test_search(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import datetime as dt

    table = make_table(tmp_path)
    append(table, unit_vectors(3), share=[float("nan"), 1.0, None], title=[None, "B", "C"])
    table.add_columns([pa.field("day", pa.date32())])
    table.lance.update(values={"day": dt.date(2020, 2, 29)})
    values = printed(monkeypatch, "search", "--id", "a00001", "--no-text", "--db", tmp_path)
    valid("search", values)
    hits = {hit["id"]: hit["fields"] for hit in values["answers"][0]["hits"]}
    assert hits["a00000"] == {"year": 1900, "topic": "it's even", "share": None, "day": "2020-02-29"}


def test_search_by_words(sample_db: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import shutil

    database = shutil.copytree(sample_db, tmp_path / "db")
    questions = tmp_path / "q.jsonl"
    questions.write_text('{"id": 1, "text": "Mitochondrion"}\n{}\n')
    values = printed(monkeypatch, "search", "--file", questions, "--hybrid", "-k", 3, "--db", database)
    valid("search", values)
    assert values["answers"][0]["hits"][0]["id"] == "cell-001"
    assert len(values["rejected"]) == 1


def test_status_of_chunks_a_killed_run_and_a_tag(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chunked_table(tmp_path, [2, 3])
    printed(monkeypatch, "tag", "x", "--db", tmp_path)
    with Database(tmp_path).writer():
        values = printed(monkeypatch, "status", "--db", tmp_path)
    valid("status", values)
    assert values["articles"] == 2
    assert values["unfinished"]["rows"] == 5
    assert values["writer"]
    valid("status", printed(monkeypatch, "status", "--at", "x", "--db", tmp_path))


def test_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table, _ = filled(tmp_path, 10)
    for arguments in (
        ["tag"],
        ["tag", "x"],
        ["tag", "x", "--move"],
        ["tag", "x", "--delete"],
        ["delete", "a00001", "nope", "--dry-run"],
        ["delete", "a00001", "nope", "--yes"],
        ["delete", "nope", "--yes"],
        ["optimize", "--older-than", "0s"],
        ["doctor"],
    ):
        valid(arguments[0], printed(monkeypatch, *arguments, "--db", tmp_path))
    append(table, 3 * unit_vectors(1), ids=["long"], txn=2)
    sick = printed(monkeypatch, "doctor", "--db", tmp_path)
    valid("doctor", sick)
    assert sick["findings"]
    mended = printed(monkeypatch, "doctor", "--repair", "--yes", "--db", tmp_path)
    valid("doctor", mended)
    assert mended["repaired"]
    for manifest in (tmp_path / "articles.lance" / "_versions").glob("*.manifest"):
        manifest.write_bytes(b"")
    valid("doctor", printed(monkeypatch, "doctor", "--db", tmp_path))


def test_index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    filled(tmp_path, 300)
    made = printed(monkeypatch, "index", "--type", "IVF_SQ", "--db", tmp_path)
    valid("index", made)
    assert (made["action"], made["type"], made["rows_indexed"]) == ("made", "IVF_SQ", 300)
    found = printed(monkeypatch, "search", "--id", "a00001", "--approximate", "--recall", "0.1", "--db", tmp_path)
    valid("search", found)
    assert found["approximate"]["queries"] == 300
    status = printed(monkeypatch, "status", "--db", tmp_path)
    valid("status", status)
    assert status["vector_index"]["curve"] == made["curve"]
    for more in ("--measure", "--drop"):
        valid("index", printed(monkeypatch, "index", more, "--db", tmp_path))


def test_every_command_with_json_has_a_schema() -> None:
    import typer

    commands: dict[str, Any] = typer.main.get_command(app).commands  # type: ignore[attr-defined]
    with_json = {name for name, command in commands.items() if any("--json" in p.opts for p in command.params)}
    assert {path.name.removesuffix(".schema.json") for path in SCHEMAS.glob("*.schema.json")} >= with_json


def test_the_sample_keeps_to_its_schemas() -> None:
    for kind, pattern in (("article", "articles-*.jsonl"), ("question", "questions-*.jsonl")):
        files = sorted((ROOT / "examples").glob(pattern))
        assert files
        for file in files:
            for line in file.read_text(encoding="utf-8").splitlines():
                valid(kind, json.loads(line))


@pytest.mark.parametrize(
    ("kind", "line"),
    [
        ("article", {"id": "1"}),
        ("article", {"id": "", "text": "x"}),
        ("article", {"id": 1.5, "text": "x"}),
        ("article", {"id": 1, "text": ""}),
        ("question", {"id": 1}),
        ("question", {"text": ""}),
        ("question", {"query": 5}),
    ],
)
def test_other_lines_are_refused(kind: str, line: dict[str, Any]) -> None:
    with pytest.raises(jsonschema.ValidationError, match=r"."):
        valid(kind, line)


def test_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table, _ = filled(tmp_path, 60)
    made = printed(monkeypatch, "project", "--method", "pca", "--db", tmp_path)
    valid("project", made)
    assert (made["action"], made["articles"], made["settings"]) == ("made", 60, {})
    append(table, unit_vectors(5, seed=9), ids=[f"b{i}" for i in range(5)])
    updated = printed(monkeypatch, "project", "--update", "--db", tmp_path)
    valid("project", updated)
    assert (updated["action"], updated["placed"]["articles"], updated["articles"]) == ("updated", 5, 65)
    rebuilt = printed(monkeypatch, "project", "--set", "iterations=20", "--db", tmp_path)
    valid("project", rebuilt)
    assert (rebuilt["action"], rebuilt["moved"]["articles"], rebuilt["graph"]["how"]) == ("rebuilt", 65, "made")
    valid("status", printed(monkeypatch, "status", "--db", tmp_path))
    (tmp_path / "q.jsonl").write_text("".join(f'{{"text": "question {i}"}}\n' for i in range(6)))
    monkeypatch.setattr(
        "vecindex.verbs.questions.model.QuestionModel.embed", lambda self, texts, *_: unit_vectors(len(texts), seed=5)
    )
    anchor = ("project", "--anchor", "--questions", str(tmp_path / "q.jsonl"), "--set", "sweeps=2")
    anchored = printed(monkeypatch, *anchor, "--db", tmp_path)
    valid("project", anchored)
    assert (anchored["name"], anchored["anchored"], anchored["anchor"]["folds"]) == ("anchored", True, 5)
    quick = printed(monkeypatch, *anchor, "--no-controls", "--db", tmp_path)
    valid("project", quick)
    assert (quick["action"], quick["anchor"]["held_out"]) == ("rebuilt", None)
    valid("status", printed(monkeypatch, "status", "--db", tmp_path))
    dropped = printed(monkeypatch, "project", "--drop", "--db", tmp_path)
    valid("project", dropped)
    assert (dropped["action"], dropped["outside"]) == ("dropped", 65)


def columns_of(name: str, *, chunks: bool) -> list[tuple[str, str, bool]]:
    """Return what an Arrow contract says of the columns."""
    found = json.loads((SCHEMAS / f"{name}.arrow.json").read_text(encoding="utf-8"))
    assert all(column["meaning"] for column in found["columns"])
    return [
        (column["name"], column["type"], column["nullable"])
        for column in found["columns"]
        if chunks or column.get("only") != "chunks"
    ]


def described(schema: pa.Schema) -> list[tuple[str, str, bool]]:
    """Return the same of a schema in use."""
    return [(f.name, str(f.type).replace("[384]", "[DIMENSION]"), f.nullable) for f in schema]


@pytest.mark.parametrize("chunks", [False, True])
def test_tables_of_articles_have_the_columns_that_are_told(chunks: bool) -> None:
    made = articles_schema(fingerprint(384, chunking=Chunking(64, 8) if chunks else None), [])
    assert described(made) == columns_of("articles", chunks=chunks)


def test_the_table_of_rejects_has_the_columns_that_are_told(tmp_path: Path) -> None:
    assert described(rejects_schema()) == columns_of("rejects", chunks=False)
    RejectTable(Database(tmp_path)).put("articles", "run", [("s", Rejected("s:1", "empty text"))])
    stored = lance.dataset(str(tmp_path / "rejects.lance")).schema
    assert described(stored) == columns_of("rejects", chunks=False)


def test_export(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    filled(tmp_path / "db", 20)
    printed(monkeypatch, "project", "--method", "pca", "--db", tmp_path / "db")
    for name, more in (
        ("o.csv", ("--where", "year > 1905")),
        ("v.npy", ()),
        ("a.parquet", ("--for", "embedding-atlas")),
    ):
        values = printed(monkeypatch, "export", tmp_path / name, *more, "--db", tmp_path / "db")
        valid("export", values)
        assert values["rows"] == (14 if name == "o.csv" else 20)
        assert values["bytes"] == (tmp_path / name).stat().st_size
