"""`vecindex status`, `delete`, `optimize`, `tag` and `doctor` as they are typed."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import vecindex
from tables import append, chunked_table, filled, ids_in, unit_vectors
from vecindex.store.database import Database
from vecindex.store.rejects import RejectTable
from vecindex.types import Rejected

Run = Callable[..., Any]


def test_status_tells_what_to_do(run: Run, tmp_path: Path) -> None:
    table, _ = filled(tmp_path, 10)
    append(table, unit_vectors(10), ids=[f"b{i}" for i in range(10)], txn=2, truncated=[True] * 10)
    RejectTable(Database(tmp_path)).put(
        "articles", "r", [("in.jsonl", Rejected("in.jsonl:3", "empty text", None, "x\ty"))]
    )
    done = run("status", "--rejects", "--db", tmp_path)
    assert (done.code, done.err) == (0, "")
    lines = done.out.splitlines()
    assert lines[1].split() == ["rows", "20"]
    assert "truncated    10 texts (50.0 %) are longer than the model reads" in lines
    assert "in.jsonl:3\tempty text\t\tx y" in lines
    assert any(line.startswith("interrupted  a run ended early: 20 rows in 2 transactions since") for line in lines)
    assert any(line.startswith("next") and "--chunk" in line for line in lines)


def test_log_file_that_cannot_be_written(run: Run, tmp_path: Path) -> None:
    filled(tmp_path, 1)
    for path, why in ((tmp_path / "gone" / "x", "No such file or directory"), (tmp_path, "Is a directory")):
        done = run("--log-file", path, "status", "--db", tmp_path)
        assert (done.code, done.out) == (2, "")
        assert done.err == (
            f"error: --log-file {path}: cannot be written: {why}\n"
            "  Name a file in a folder that exists and that you may write to.\n"
        )


def test_status_of_no_table(run: Run, tmp_path: Path) -> None:
    filled(tmp_path, 1, name="mine")
    done = run("status", "--db", tmp_path)
    assert (done.code, done.out) == (5, "")
    assert "(tables there: mine)" in done.err
    assert "vecindex ingest SOURCE" in done.err
    file = tmp_path / "file"
    file.touch()
    assert run("status", "--db", file).code == 2


def test_delete_needs_a_yes(run: Run, tmp_path: Path) -> None:
    filled(tmp_path, 5)
    refused = run("delete", "a00001", "--db", tmp_path)
    assert refused.code == 2
    assert "Would remove 1 article (1 row) of articles; nobody can be asked here" in refused.err
    assert len(ids_in(tmp_path)) == 5
    done = run("delete", "a00001", "nope", "--yes", "--db", tmp_path)
    assert (done.code, done.out) == (0, "")
    assert done.err == "not found: nope\narticles: 1 row removed; 4 rows left\n"
    assert "a00001" not in ids_in(tmp_path)


@pytest.mark.parametrize(("answer", "left"), [("y\n", 4), ("n\n", 5), ("\n", 5)])
def test_delete_asks_on_a_terminal(run: Run, tmp_path: Path, answer: str, left: int) -> None:
    filled(tmp_path, 5)
    done = run("delete", "a00001", "--db", tmp_path, stdin=answer.encode(), terminal=True)
    assert done.code == 0
    assert "Remove 1 article (1 row) of articles? [y/N]" in done.err
    assert len(ids_in(tmp_path)) == left


def test_delete_that_matches_nothing_ends_with_1(run: Run, tmp_path: Path) -> None:
    filled(tmp_path, 5)
    unknown = run("delete", "nope", "--db", tmp_path)
    assert unknown.code == 1
    assert unknown.err.splitlines()[:2] == [
        "not found: nope",
        f"  To find an id: vecindex search TEXT --json --db {tmp_path}",
    ]
    assert run("delete", "--where", "year > 3000", "--yes", "--db", tmp_path).code == 1
    assert run("delete", "--where", "year >", "--yes", "--db", tmp_path).code == 2
    assert run("delete", "--db", tmp_path).code == 2
    assert run("delete", "--ids", "-", "--yes", "--db", tmp_path, stdin=b"a00000\na00001\n").code == 0
    dry = run("delete", "--where", "true", "--dry-run", "--db", tmp_path)
    assert (dry.code, dry.err) == (0, "dry run: would remove 3 articles (3 rows) of articles\n")
    assert len(ids_in(tmp_path)) == 3


def test_delete_of_a_chunk_says_how_articles_are_named(run: Run, tmp_path: Path) -> None:
    chunked_table(tmp_path, [3, 1])
    found = run("search", "--id", "c001", "--json", "--db", tmp_path).json["answers"][0]["hits"][0]
    assert (found["id"][:5], found["article_id"]) == ("c000#", "c000")
    refused = run("delete", found["id"], "--yes", "--db", tmp_path)
    assert refused.code == 1
    hint = f"  in a table of chunks an article is named by its article_id: c000, not {found['id']}"
    assert refused.err.splitlines()[2] == hint
    mixed = run("delete", "c001", "c000#1", "--yes", "--db", tmp_path)
    assert (mixed.code, mixed.err.splitlines()[:2]) == (0, ["not found: c000#1", hint.replace(found["id"], "c000#1")])
    assert run("delete", found["article_id"], "--yes", "--db", tmp_path).code == 0
    assert ids_in(tmp_path) == set()


def test_delete_says_that_ingest_adds_it_again(run: Run) -> None:
    assert "adds them again" in " ".join(run("delete", "--help").out.split())


def test_optimize(run: Run, tmp_path: Path) -> None:
    filled(tmp_path, 5)
    done = run("optimize", "--older-than", "0s", "--db", tmp_path)
    assert (done.code, done.out) == (0, "")
    assert done.err.startswith("articles: 1 to 1 fragment, 2 to ")
    assert "stay" not in done.err
    for row_id in ("a00000", "a00001"):
        assert run("delete", row_id, "--yes", "--db", tmp_path).code == 0
    young = run("optimize", "--db", tmp_path).err
    assert re.search(r"\n  \d old versions stay, younger than 1 h 0 min\.", young)
    assert f"vecindex optimize --older-than 0s --db {tmp_path}" in young
    assert run("optimize", "--older-than", "soon", "--db", tmp_path).code == 2


def test_tags(run: Run, tmp_path: Path) -> None:
    filled(tmp_path, 5)
    assert run("tag", "--db", tmp_path).err == "no tags\n"
    made = run("tag", "v1", "--db", tmp_path)
    assert (made.code, made.err) == (0, "made: v1\n")
    assert made.out.startswith("v1\tversion 2\t5 rows\t20")
    assert run("tag", "v1", "--db", tmp_path).code == 2
    assert run("tag", "v1", "--move", "--db", tmp_path).err == "moved: v1\n"
    assert run("search", "--id", "a00001", "--at", "v1", "--db", tmp_path).code == 0
    assert run("status", "--at", "v2", "--db", tmp_path).code == 2
    assert run("tag", "--delete", "v1", "--db", tmp_path).err == "deleted: v1\nno tags\n"
    assert run("tag", "--delete", "v1", "--db", tmp_path).code == 2


def test_doctor_ends_with_1_when_something_is_wrong(run: Run, tmp_path: Path) -> None:
    table, _ = filled(tmp_path, 5)
    done = run("doctor", "--db", tmp_path)
    assert done.code == 0
    assert "ok       vectors (finite, of unit length within 0.001; 5 hashes agree)" in done.out
    assert done.err.endswith("articles: sound\n")
    append(table, 2 * unit_vectors(1), ids=["long"], txn=2)
    sick = run("doctor", "--db", tmp_path)
    assert sick.code == 1
    assert "failed   vectors" in sick.out
    assert "  long: not of unit length\n" in sick.out
    refused = run("doctor", "--repair", "--db", tmp_path)
    assert refused.code == 1
    assert "gives up 1 article with unusable vectors or missing chunks\n  long\n" in refused.err
    assert "nobody can be asked here, so this was not repaired; add --yes" in refused.err
    assert len(ids_in(tmp_path)) == 6
    mended = run("doctor", "--repair", "--yes", "--db", tmp_path)
    assert mended.code == 0
    assert "repaired removed 1 row of 1 article" in mended.out
    assert len(ids_in(tmp_path)) == 5


def test_a_writer_at_work_is_a_fault_of_the_store(run: Run, tmp_path: Path) -> None:
    filled(tmp_path, 5)
    with Database(tmp_path).writer():
        for command in (["delete", "a00001", "--yes"], ["optimize"], ["tag", "x"], ["doctor", "--repair"]):
            done = run(*command, "--db", tmp_path)
            assert done.code == 5, command
            assert "Another process is writing" in done.err


@pytest.mark.parametrize(
    "command", [["status"], ["search", "--id", "a00001"], ["optimize"], ["tag", "x"], ["delete", "a", "--yes"]]
)
def test_a_broken_manifest_is_told_with_the_way_out(run: Run, tmp_path: Path, command: list[str]) -> None:
    filled(tmp_path, 5)
    min((tmp_path / "articles.lance" / "_versions").glob("*.manifest")).write_bytes(b"")
    done = run(*command, "--db", tmp_path)
    assert (done.code, done.out) == (5, "")
    assert re.search("missing or damaged|is damaged, as a power cut leaves it", done.err)
    assert "vecindex doctor" in done.err


def test_an_unforeseen_error_is_a_sentence(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("oh")

    monkeypatch.setattr(Database, "articles", fail)
    done = run("status", "--db", tmp_path)
    assert done.code == 1
    assert done.err.startswith("error: unexpected ZeroDivisionError: oh\n")


def test_status_has_the_words_of_the_run(run: Run, tmp_path: Path) -> None:
    rows = tmp_path / "rows.jsonl"
    rows.write_text('{"id": "a", "text": "one cell"}\n{"id": "b", "text": "two cells"}\n')
    for counts in ("2 added, 0 changed, 0 unchanged, 0 rejected", "0 added, 0 changed, 2 unchanged, 0 rejected"):
        assert run("ingest", rows, "--db", tmp_path / "db").code == 0
        table = Database(tmp_path / "db").articles("articles")
        lines = run("status", "--db", tmp_path / "db").out.splitlines()
        (last,) = [line for line in lines if line.startswith("last run")]
        assert last.endswith(counts), last
        # A run with nothing to do is kept only after one that did not end.
        table.set_setting(last_run={**table.setting("last_run"), "interrupted": True})


def test_a_reader_that_goes_away_is_no_error(tmp_path: Path) -> None:
    filled(tmp_path, 2_000)
    command = [sys.executable, "-m", "vecindex.cli.app", "search", "--id", "a00000", "-k", "1999", "--db", tmp_path]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdout.readline().startswith("1\t")
    process.stdout.close()
    assert process.stderr.read() == ""
    assert process.wait() == 141


def test_a_closed_standard_output_is_no_error(tmp_path: Path) -> None:
    filled(tmp_path, 3)
    command = f"{sys.executable} -m vecindex.cli.app optimize --db {tmp_path} >&-"
    done = subprocess.run(["sh", "-c", command], stderr=subprocess.PIPE, text=True)
    assert (done.returncode, "error" in done.stderr) == (0, False)


def test_ingest_of_nothing_and_of_nothing_good(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    path.touch()
    empty = run("ingest", path, "--db", tmp_path / "db")
    assert (empty.code, empty.err.splitlines()[1]) == (0, "  the sources hold no rows")
    path.write_text("a line\nand another\n")
    bad = run("ingest", path, "--db", tmp_path / "db")
    assert bad.code == 6
    assert bad.err.splitlines()[1:3] == [
        "  rejected 2: not valid JSON",
        "  no row was good: is the format the right one (--format), are the fields (--id-field, --text-field)?",
    ]
    # What the model does not know is no fault of the format.
    path.write_text('{"id": "k", "text": "\u17a2\u1780\u17d2\u179f\u179a"}\n')
    unknown = run("ingest", path, "--db", tmp_path / "khmer")
    assert (unknown.code, "no row was good" in unknown.err) == (6, False)
    assert (
        "  rejected 1: nothing that the model knows\n  A multilingual model knows more scripts: --model "
        in unknown.err
    )
    assert "1 input row was left out; to see why: " in run("status", "--db", tmp_path / "khmer").out
    told = run("status", "--rejects", "--db", tmp_path / "db")
    assert (told.code, told.err) == (0, "")
    lines = told.out.splitlines()
    assert lines[1:4] == [
        "rows         0",
        "model        none yet: every row was rejected",
        "rejected     2 input rows",
    ]
    assert [line.split("\t")[0] for line in lines if "\t" in line] == [f"{path}:1", f"{path}:2"]


def test_a_closed_standard_input_is_an_error_only_to_who_reads_it(tmp_path: Path) -> None:
    filled(tmp_path, 3)

    def ended(arguments: str) -> tuple[int, str]:
        command = f"{sys.executable} -m vecindex.cli.app {arguments} --db {tmp_path} <&-"
        done = subprocess.run(["sh", "-c", command], capture_output=True, text=True)
        return done.returncode, done.stderr

    code, told = ended("delete a00001")
    assert (code, "nobody can be asked here" in told) == (2, True)
    assert ended("delete a00001 --yes")[0] == 0
    for arguments in ("delete --file - --yes", "ingest -"):
        code, told = ended(arguments)
        assert code == 2
        assert told.startswith("error: Standard input (-) is closed.")


def test_texts_of_any_letters_go_to_a_pipe(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    path.write_text('{"id": "ř", "text": ""}\n', encoding="utf-8")
    command = [sys.executable, "-m", "vecindex.cli.app"]
    there = {**os.environ, "PYTHONIOENCODING": "cp1252"}
    assert subprocess.run([*command, "ingest", path, "--db", tmp_path / "db"], env=there).returncode == 6
    told = subprocess.run(
        [*command, "status", "--rejects", "--json", "--db", tmp_path / "db"], env=there, capture_output=True
    )
    assert json.loads(told.stdout.decode("utf-8"))["rejects"][0]["id"] == "ř"


def test_a_name_that_is_no_text_can_be_written_from(tmp_path: Path) -> None:
    path = tmp_path / os.fsdecode(b"caf\xe9.jsonl")
    path.write_bytes(b'{"id": "a", "text": ""}\n')
    command = [sys.executable, "-m", "vecindex.cli.app", "ingest", path, "--db", tmp_path / "db"]
    for _ in range(2):
        done = subprocess.run(command, capture_output=True)
        assert (done.returncode, b"rejected 1: empty text" in done.stderr) == (6, True)
    (row,) = vecindex.open(tmp_path / "db").status(rejects=True).rejects or []
    assert row["place"] == f"{tmp_path}/caf\\udce9.jsonl:1"


def test_an_export_replaces_no_file_unasked(run: Run, tmp_path: Path) -> None:
    """Not the file of the ids either, which stands next to that of vectors."""
    filled(tmp_path, 3)
    mine = [tmp_path / "a.csv", tmp_path / "v.ids.json"]
    for path, out in zip(mine, ["a.csv", "v.npy"], strict=True):
        path.write_text("mine")
        refused = run("export", tmp_path / out, "--db", tmp_path)
        assert (refused.code, refused.out) == (2, "")
        told = f"error: {path} exists; nobody can be asked here, so it was not replaced.\n  Add --yes.\n"
        assert refused.err == told
        assert path.read_text() == "mine"
        assert run("export", tmp_path / out, "--db", tmp_path, "--yes").code == 0
        assert path.read_text() != "mine"
    assert (tmp_path / "v.npy").exists()
