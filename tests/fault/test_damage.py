"""Every kind of file of a table damaged in every way: doctor finds it, mends it, and no good row is lost."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import vecindex
from planted import put_map
from tables import append, chunked_table, filled, unit_vectors
from vecindex.errors import CorruptError, VecindexError
from vecindex.store import salvage
from vecindex.store.database import Database
from vecindex.store.faults import reading
from vecindex.store.maintenance import sweep
from vecindex.store.rejects import RejectTable
from vecindex.store.search import make_fulltext_index
from vecindex.types import Rejected, Silent
from vecindex.verbs.search.finder import Finder, Query
from vecindex.verbs.search.search import mending
from vecindex.verbs.upkeep import checks
from vecindex.verbs.upkeep.findings import RepairPlan

TABLE = "articles.lance"
DELETED = {"a00003", "b05", "a00009"}
IDS = {f"a{i:05d}" for i in range(60)} | {f"b{i:02d}" for i in range(30)} | {f"c{i}" for i in range(10)}


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a table with three fragments, deletions made twice, a map, a full-text index and a tag."""
    folder = tmp_path_factory.mktemp("planted")
    table, _ = filled(folder, 60)
    append(table, unit_vectors(30, seed=1), ids=[f"b{i:02d}" for i in range(30)], txn=2)
    table.delete("id IN ('a00003', 'b05')")
    table.delete("id = 'a00009'")
    put_map(folder, "m", [f"a{i:05d}" for i in range(60)], np.random.default_rng(0).normal(size=(60, 2)))
    make_fulltext_index(Database(folder).articles("articles"))
    vecindex.open(folder).tag("t1")
    append(Database(folder).articles("articles"), unit_vectors(10, seed=2), ids=[f"c{i}" for i in range(10)], txn=3)
    return folder


@pytest.fixture
def db(planted: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(planted, tmp_path / "db"))


def flipped(raw: bytes) -> bytes:
    changed = bytearray(raw)
    for at in range(0, len(raw), max(1, len(raw) // 20)):
        changed[at] ^= 0x10
    return bytes(changed)


DAMAGE: dict[str, Callable[[bytes], bytes | None]] = {
    "missing": lambda _: None,
    "empty": lambda _: b"",
    "half": lambda raw: raw[: len(raw) // 2],
    "zeros": lambda raw: bytes(len(raw)),
    "flipped": flipped,
}


def damage(path: Path, how: str) -> None:
    made = DAMAGE[how](path.read_bytes())
    if made is None:
        path.unlink()
    else:
        path.write_bytes(made)


def manifests(db: Path) -> list[Path]:
    """Return the manifests, the newest first."""
    return sorted((db / TABLE / "_versions").glob("*.manifest"))


def data_file(db: Path, fragment: int, file: int) -> Path:
    piece = Database(db).articles("articles").lance.to_lance().get_fragments()[fragment].metadata
    return db / TABLE / "data" / piece.files[file].path


def deletion_file(db: Path, fragment: int) -> Path:
    piece = Database(db).articles("articles").lance.to_lance().get_fragments()[fragment].metadata
    return db / TABLE / piece.deletion_file.path(fragment)


def contents(db: Path) -> dict[str, Any]:
    """Return all rows by id, without their coordinates on the map; each id once."""
    rows = Database(db).articles("articles").lance.to_arrow().drop_columns(["m_x", "m_y"]).to_pylist()
    assert len({row["id"] for row in rows}) == len(rows)
    return {row["id"]: row for row in rows}


def goes_on(db: Path) -> None:
    """Assert that what does not need the damaged file works, or says in one message where to go on."""
    index = vecindex.open(db)
    for run in (index.status, index.optimize, lambda: index.search(id="a00001", k=3), index.tag):
        try:
            run()
        except VecindexError as error:
            assert "doctor" in str(error), error  # noqa: PT017 (all of several may end so)


def without_lost_tags(db: Path) -> None:
    """Delete the tag if its version is damaged, as doctor says; the table is sound then."""
    index = vecindex.open(db)
    if not index.doctor().sound:
        (finding,) = index.doctor().findings
        assert finding.examples[0].startswith("t1, version 11: ")
        assert "index.tag(NAME, delete=True)" in str(finding.remedy)
        index.tag("t1", delete=True)
    assert index.doctor().sound


FILES: dict[str, Callable[[Path], Path]] = {
    "an old manifest": lambda db: manifests(db)[5],
    "the first manifest": lambda db: manifests(db)[-1],
    "the newest manifest": lambda db: manifests(db)[0],
    "a tag": lambda db: db / TABLE / "_refs" / "tags" / "t1.json",
    "deletions": lambda db: deletion_file(db, 0),
    "a map's file": lambda db: data_file(db, 0, 1),
    "an index": lambda db: next((db / TABLE / "_indices").glob("*/part_0_invert.lance")),
    "an index's tokens": lambda db: next((db / TABLE / "_indices").glob("*/part_0_tokens.lance")),
    "a transaction": lambda db: next((db / TABLE / "_transactions").glob("9-*")),
    "the version hint": lambda db: db / TABLE / "_versions" / "latest_version_hint.json",
}


# Two ways for each kind in `make test`, all in `make soak`.
CASES = [
    pytest.param(kind, how, marks=() if (i + j) % 5 in (0, 3) else pytest.mark.slow)
    for i, kind in enumerate(FILES)
    for j, how in enumerate(DAMAGE)
]


@pytest.mark.parametrize(("kind", "how"), CASES)
def test_no_row_is_lost_by_a_file_that_holds_none(db: Path, kind: str, how: str) -> None:
    before = contents(db)
    damage(FILES[kind](db), how)
    index = vecindex.open(db)
    found = index.doctor()
    harmless = kind in ("a transaction", "the version hint") or (
        how == "missing" and kind in ("an old manifest", "the first manifest", "a tag")
    )
    assert found.sound == harmless, found
    mended = index.doctor(repair=True)
    assert {finding.check for finding in mended.findings} <= {"versions"}, mended
    after = contents(db)
    assert {i: after[i] for i in before} == before
    assert set(after) - set(before) <= DELETED
    without_lost_tags(db)
    index.optimize(older_than="0s")
    assert contents(db) == after


@pytest.mark.parametrize("how", DAMAGE)
def test_commands_go_on_or_name_doctor(db: Path, how: str) -> None:
    for kind in ("an old manifest", "a tag", "an index"):
        damage(FILES[kind](db), how)
        goes_on(db)


@pytest.mark.parametrize("how", DAMAGE)
def test_rows_of_other_files_outlive_a_damaged_data_file(db: Path, how: str) -> None:
    before = contents(db)
    damage(data_file(db, 1, 0), how)
    index = vecindex.open(db)
    assert [finding.check for finding in index.doctor().findings] == ["data files", "versions"]
    plans = []
    refused = index.doctor(repair=True, confirm=lambda plan: bool(plans.append(plan)))
    assert (refused.sound, refused.repaired, len(refused.refused)) == (False, (), 1)
    (plan,) = plans
    assert plan.rows == 29
    mended = index.doctor(repair=True)
    assert [finding.check for finding in mended.findings] == ["versions"]
    without_lost_tags(db)
    assert contents(db) == {i: row for i, row in before.items() if not i.startswith("b")}
    aside = [path.name for path in (db / TABLE / "_set_aside").iterdir()]
    assert len(aside) == (1 if how == "missing" else 2)


# -- proof before repair ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "hint"),
    [
        (OSError("Unable to open file x.lance: Too many open files (os error 24)"), "ulimit -n"),
        (OSError("Permission denied (os error 13)"), "owner"),
        (MemoryError(), "ulimit -v"),
        (OSError("Input/output error (os error 5)"), "disk"),
    ],
)
def test_what_cannot_be_read_now_is_not_repaired(
    db: Path, monkeypatch: pytest.MonkeyPatch, said: Exception, hint: str
) -> None:
    def refuse(table: Any, fragment: salvage.Fragment, start: int) -> Any:
        with reading("data"):
            if fragment.number == 1:
                raise said
        yield from batches(table, fragment, start)

    before, batches = contents(db), salvage._batches
    monkeypatch.setattr(salvage, "_batches", refuse)
    version = Database(db).articles("articles").version
    report = vecindex.open(db).doctor(repair=True)
    (finding,) = report.findings
    assert finding.check == "data files"
    assert "no proof of damage" in str(finding.message)
    assert hint in str(finding.remedy).lower()
    assert (report.repaired, Database(db).articles("articles").version) == ((), version)
    assert contents(db) == before


def test_a_reading_that_fails_once_is_made_again(db: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    failed = []

    def fail_once(table: Any, fragment: salvage.Fragment, start: int) -> Any:
        if not failed:
            failed.append(fragment)
            raise CorruptError("data: half of a reading")
        yield from batches(table, fragment, start)

    batches = salvage._batches
    monkeypatch.setattr(salvage, "_batches", fail_once)
    report = vecindex.open(db).doctor(repair=True)
    assert (report.sound, report.rows, len(failed)) == (True, 97, 1)


def test_a_check_that_breaks_off_hides_no_other(db: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise KeyError("oh")

    monkeypatch.setattr(checks, "fulltext_fault", fail)
    damage(FILES["a tag"](db), "empty")
    damage(FILES["an old manifest"](db), "zeros")
    report = vecindex.open(db).doctor()
    assert [finding.check for finding in report.findings] == ["manifests", "tag files", "full-text index"]
    assert report.rows == 97


def test_rows_that_were_replaced_do_not_come_back_with_their_deletions(tmp_path: Path) -> None:
    table, _ = filled(tmp_path, 20)
    spare, _ = filled(tmp_path / "spare", 2, seed=5)
    table.replace(spare.lance.to_arrow())
    table.delete("id = 'a00007'")
    sweep(table, tmp_path, timedelta(0))  # no older version knows what is deleted
    before = {row["id"]: row for row in table.lance.to_arrow().to_pylist()}
    damage(deletion_file(tmp_path, 0), "empty")
    plans: list[RepairPlan] = []
    report = vecindex.open(tmp_path).doctor(repair=True, confirm=lambda plan: plans.append(plan) is None)
    assert report.sound, report
    assert report.repaired == ("read 1 data files without their deletion files: 1 deleted rows came back",)
    assert "up to 3 rows are deleted" in plans[0].given_up
    after = {row["id"]: row for row in table.lance.to_arrow().to_pylist()}
    assert after.pop("a00007")["text"] == "Text of a00007, about nothing."
    assert after == before


def test_chunks_of_an_older_text_do_not_come_back(tmp_path: Path) -> None:
    table, _, _ = chunked_table(tmp_path, [4, 2])
    shorter, _, _ = chunked_table(tmp_path / "spare", [2])
    rows = shorter.lance.to_arrow()
    other = pa.array(["f" * 16 + ":" + "f" * 16] * len(rows), rows.schema.field("content_hash").type)
    rows = rows.set_column(rows.schema.get_field_index("content_hash"), rows.schema.field("content_hash"), other)
    table.replace(rows, ["c000#2", "c000#3"])
    sweep(table, tmp_path, timedelta(0))
    for path in (tmp_path / TABLE / "_deletions").iterdir():
        damage(path, "half")
    vecindex.open(tmp_path).doctor(repair=True)
    found = table.lance.to_arrow().select(["id", "content_hash"]).to_pylist()
    assert sorted(row["id"] for row in found) == ["c000#0", "c000#1", "c001#0", "c001#1"]
    assert {row["content_hash"] for row in found if row["id"].startswith("c000")} == {"f" * 16 + ":" + "f" * 16}


def test_readable_rows_of_a_damaged_file_are_kept(tmp_path: Path) -> None:
    table, _ = filled(tmp_path, 20)
    before = {row["id"]: row for row in table.lance.to_arrow().to_pylist()}
    path = data_file(tmp_path, 0, 0)
    path.write_bytes(path.read_bytes().replace(b"Text of a00007", b"\xff" * 14))
    index = vecindex.open(tmp_path)
    (finding,) = index.doctor().findings
    assert "1 of 20 rows, such as a00007" in finding.examples[0]
    report = index.doctor(repair=True)
    assert report.repaired == ("dropped 1 row of 1 unreadable data files; kept 19 rows of them",)
    assert {row["id"]: row for row in table.lance.to_arrow().to_pylist()} == {
        i: row for i, row in before.items() if i != "a00007"
    }


@pytest.mark.parametrize("how", ["empty", "half", "zeros"])
def test_a_newest_version_that_a_power_cut_tore_is_named_and_gone_back_from(db: Path, how: str) -> None:
    before = contents(db)
    torn = Database(db).articles("articles").version
    damage(manifests(db)[0], how)
    index = vecindex.open(db)
    for use in (index.status, lambda: index.search(id="a00001"), index.optimize, lambda: index.delete("a00001")):
        with pytest.raises(CorruptError) as info:
            use()
        assert info.value.message == (
            f"The newest version of {db}/articles, {torn}, is damaged, as a power cut leaves it. "
            f"Version {torn - 1} is whole."
        )
        assert str(info.value.hint).endswith("can be read: index.doctor(repair=True)")
    report = index.doctor(repair=True)
    assert f"version {torn - 1} is the latest now; put back 10 rows of the lost version" in report.repaired[0]
    assert contents(db) == before


# -- what is kept with a table ----------------------------------------------------------------------------


def test_a_torn_tag_gets_its_version_back(db: Path) -> None:
    path = FILES["a tag"](db)
    path.write_bytes(path.read_bytes()[:60])
    index = vecindex.open(db)
    with pytest.raises(CorruptError, match=r"The file of the tag 't1' .* is damaged"):
        index.status(at="t1")
    assert index.status().damaged == ("The file of the tag 't1' is damaged.",)
    assert index.doctor(repair=True).sound
    assert [(tag.name, tag.version, tag.rows) for tag in index.tag().tags] == [("t1", 11, 87)]


def test_old_versions_are_kept_while_a_tag_is_torn(db: Path) -> None:
    damage(FILES["a tag"](db), "empty")
    index = vecindex.open(db)
    (note,) = index.optimize(older_than="0s").notes
    assert "are kept, because the tag 't1' is damaged: index.doctor()" in str(note)
    assert 11 in Database(db).articles("articles").versions()
    with pytest.raises(CorruptError, match="whose file is damaged"):
        index.tag("t1")
    assert index.tag("t1", move=True).moved == "t1"
    assert index.optimize(older_than="0s").tags == {"t1": 15}


def keep_about(db: Path, columns: list[str], text: str) -> None:
    table = Database(db).articles("articles").lance
    for column in columns:
        table.update_field_metadata({"path": column, "metadata": {"vecindex:map": text}})


def test_a_damaged_map_is_no_reason_to_lose_the_others(db: Path) -> None:
    put_map(db, "n", ["a00001"], np.zeros((1, 2)))
    keep_about(db, ["m_x", "m_y"], '{"method": "plan')
    index = vecindex.open(db)
    assert list(index.status().maps) == ["n"]
    assert "keeps about the map 'm' is damaged" in index.status().damaged[0]
    with pytest.raises(CorruptError, match=r"index\.project\('m'\)"):
        index.map(map="m")
    (finding,) = index.doctor().findings
    assert (finding.check, str(finding.remedy)) == ("maps", "Make each again: index.project('m')")


def test_one_half_of_what_is_kept_about_a_map_is_enough(db: Path) -> None:
    keep_about(db, ["m_x"], "\x00")
    index = vecindex.open(db)
    assert index.status().maps["m"]["method"] == "planted"
    (finding,) = index.doctor().findings
    assert (finding.check, finding.examples) == ("halves of maps", ("m",))


def test_damaged_notes_are_as_good_as_none(db: Path) -> None:
    table = Database(db).articles("articles").lance
    table.update_field_metadata(
        {"path": "vector", "metadata": {"vecindex:last_run": '{"last_txn": 3', "vecindex:batch_tokens": "[]"}}
    )
    index = vecindex.open(db)
    assert index.status().last_run is None
    (finding,) = index.doctor().findings
    assert (finding.check, finding.examples) == ("notes", ("last_run", "batch_tokens"))
    assert index.doctor(repair=True).sound


@pytest.mark.parametrize("text", ['{"model": ', '{"modem": "x"}', "[]"])
def test_what_made_the_vectors_is_put_back(db: Path, text: str) -> None:
    index = vecindex.open(db)
    made = index.status().fingerprint
    Database(db).articles("articles").lance.update_field_metadata(
        {"path": "vector", "metadata": {"vecindex:fingerprint": text}}
    )
    with pytest.raises(CorruptError, match=r"What made the vectors of .* is damaged"):
        index.status()
    report = index.doctor(repair=True)
    assert report.sound
    assert report.repaired == ("put back what made the vectors, from version 12",)
    assert index.status().fingerprint == made


def test_a_hybrid_search_makes_a_damaged_index_again(db: Path) -> None:
    damage(FILES["an index"](db), "half")
    database = Database(db)
    finder = Finder(database.articles("articles"), 3, by="chunk", text="none")
    query = Query("nothing", None, unit_vectors(1)[0], None)
    with pytest.raises(CorruptError, match=r"Make it again: index\.optimize\(\)"):
        mending(finder.table, lambda: finder.hybrid([query]), None, None, Silent())
    noticed: list[str] = []

    class Noticing(Silent):
        def notice(self, message: str) -> None:
            noticed.append(message)

    (found,) = mending(finder.table, lambda: finder.hybrid([query]), database, None, Noticing())
    assert len(found) == 3
    assert "is damaged" in noticed[0]
    assert "made again" in noticed[0]
    assert vecindex.open(db).doctor().sound


@pytest.mark.parametrize("how", DAMAGE)
def test_damaged_rejects_are_found(db: Path, how: str) -> None:
    RejectTable(Database(db)).put("articles", "run", [("a.jsonl", Rejected("a.jsonl:1", "no text"))])
    damage(next((db / "rejects.lance" / "data").iterdir()), how)
    (finding,) = vecindex.open(db).doctor().findings
    assert finding.check == "rejected rows"
    assert "made again by: index.ingest(SOURCE)" in str(finding.remedy)
