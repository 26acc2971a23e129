"""An index under damage, compaction and examination; over HTTP and as a tool."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import vecindex
from approximate import D, N, exact, found, indexed, names, stocked
from servers import running
from tables import Notices, append, make_table, unit_vectors
from vecindex.core.indexes.recall import Probe
from vecindex.errors import CorruptError
from vecindex.serve import models
from vecindex.serve.handlers import Handlers
from vecindex.serve.report_job import ReportJob
from vecindex.serve.table.live import Live
from vecindex.serve.table.served import Served
from vecindex.serve.tools import LikeAsked, TextAsked
from vecindex.store.database import Database
from vecindex.store.indexes.vector import TYPES, about_index, rows_not_indexed, vector_index
from vecindex.verbs.upkeep.findings import DoctorReport
from vecindex.verbs.upkeep.status import IndexState

CHECK = "index of the vectors"


def index_files(folder: Path) -> list[Path]:
    return sorted((folder / "articles.lance" / "_indices").rglob("*.idx"))


def removed(path: Path) -> None:
    path.unlink()


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def outcome(report: DoctorReport) -> tuple[str, str]:
    return next((check.outcome, check.note) for check in report.checks if check.name == CHECK)


def state_of(folder: Path) -> IndexState:
    state = vecindex.open(folder).status().vector_index
    assert state is not None
    return state


# -- status and doctor ------------------------------------------------------------------------------------


def test_status_and_doctor_know_it(tmp_path: Path) -> None:
    table, _ = stocked(tmp_path)
    index = vecindex.open(tmp_path)
    assert index.status().vector_index is None
    assert outcome(index.doctor()) == ("skipped", "there is none")
    index.build_index(type="IVF_RQ")
    append(table, unit_vectors(30, D, seed=9), ids=[f"b{i:02d}" for i in range(30)], txn=2)
    there, about = vector_index(table), about_index(table)
    assert there is not None
    assert about is not None
    state = state_of(tmp_path)
    chosen = about.curve.cheapest(0.95) or about.curve.best
    assert state == IndexState(
        "IVF_RQ", there.bytes, N, 30, about.curve, chosen.expected, chosen.nprobes, chosen.refine, None
    )
    assert there.bytes == pytest.approx(sum(path.stat().st_size for path in index_files(tmp_path)), rel=0.1)
    report = index.doctor()
    assert outcome(report) == ("ok", "all of it read")
    assert report.sound
    notes = [str(note) for note in report.notes]
    assert "30 rows are not in the index of the vectors, and are compared: index.optimize()" in notes


def test_status_says_what_to_do_about_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table, _ = stocked(tmp_path)
    index = vecindex.open(tmp_path)
    assert not [one for one in index.status().next if "index" in str(one).replace("index.", "")]
    monkeypatch.setattr("vecindex.verbs.upkeep.status.MANY_VALUES", N * D)
    assert "To search faster, approximately: index.build_index()" in map(str, index.status().next)
    table.lance.to_lance().create_index("vector", "IVF_SQ", metric="cosine", num_partitions=4)
    assert (
        "The index of the vectors: what it finds was not measured; to mend that: index.build_index(measure=True)"
        in map(str, index.status().next)
    )
    assert state_of(tmp_path).recall is None
    index.build_index(measure=True)
    append(table, unit_vectors(N, D, seed=2), ids=[f"b{i}" for i in range(N)], txn=2)
    monkeypatch.setattr("vecindex.store.indexes.vector.TAKE_IN_ROWS", N)
    assert "400 rows are not in the index of the vectors; to take them in: index.optimize()" in map(
        str, index.status().next
    )
    assert state_of(tmp_path).stale is None
    append(table, unit_vectors(1, D, seed=3), ids=["c"], txn=3)
    assert state_of(tmp_path).stale == "made and measured when the table had 400 of its 801 rows"


@pytest.mark.parametrize("damage", [removed, emptied, cut])
def test_damaged_files_are_found_and_the_index_is_made_again(tmp_path: Path, damage: Callable[[Path], None]) -> None:
    _, vectors = indexed(tmp_path, "IVF_RQ")
    for path in index_files(tmp_path):
        damage(path)
    index = vecindex.open(tmp_path)
    assert index.search(vector=vectors[3]).hits[0].id == "a00003"
    with pytest.raises(CorruptError, match=r"The index of the vectors of .* is damaged") as refused:
        index.search(vector=vectors[3], approximate=True)
    assert str(refused.value.hint) == "Make it again: index.build_index(); or leave approximate= out."
    report = index.doctor()
    assert outcome(report)[0] == "failed"
    assert [finding.check for finding in report.findings] == [CHECK]
    assert str(report.findings[0].remedy).startswith("Make it again: index.build_index()")
    mended = index.doctor(repair=True)
    assert mended.repaired == ("made the index of the vectors again, as IVF_RQ, and measured it",)
    assert mended.sound
    assert index.search(vector=vectors[3], approximate=True).hits[0].id == "a00003"


def test_a_damaged_one_ends_no_optimize_and_no_ingest(tmp_path: Path) -> None:
    table, vectors = indexed(tmp_path)
    append(table, unit_vectors(30, D, seed=9), ids=[f"b{i:02d}" for i in range(30)], txn=2)
    for path in index_files(tmp_path):
        emptied(path)
    report = vecindex.open(tmp_path).optimize()
    (note,) = [str(note) for note in report.notes]
    assert "the index of the vectors of" in note
    assert note.endswith("searches are exact until it is made again: index.build_index()")
    assert report.rows_indexed == 0
    table = Database(tmp_path).articles("articles")
    assert vector_index(table) is None
    assert about_index(table) is None
    assert vecindex.open(tmp_path).search(vector=vectors[3]).hits[0].id == "a00003"


def test_what_is_kept_of_it_may_be_damaged(tmp_path: Path) -> None:
    table, vectors = indexed(tmp_path)
    table.put_provenance({"vecindex:vector_index": "{broken"})
    index = vecindex.open(tmp_path)
    report = index.doctor()
    assert [finding.check for finding in report.findings] == ["notes"]
    assert report.findings[0].examples == ("vector_index",)
    assert index.doctor(repair=True).sound
    assert state_of(tmp_path).stale == "what it finds was not measured"
    index.build_index(measure=True)
    assert index.search(vector=vectors[3], approximate=True).hits[0].id == "a00003"


# -- fragments --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", TYPES)
def test_compaction_keeps_what_the_index_holds(tmp_path: Path, kind: Any) -> None:
    table = make_table(tmp_path, dimension=D)
    for i in range(8):
        append(table, unit_vectors(50, D, seed=i), ids=[f"x{i}-{j:02d}" for j in range(50)], txn=i + 1)
    vecindex.open(tmp_path).build_index(type=kind)
    table.delete_ids([f"x3-{j:02d}" for j in range(25)])
    report = vecindex.open(tmp_path).optimize(older_than="0s")
    assert (report.fragments_before, report.fragments_after) == (8, 1)
    table = Database(tmp_path).articles("articles")
    there = vector_index(table)
    assert there is not None
    assert (there.rows, rows_not_indexed(table)) == (375, 0)
    ids, vectors = table.vectors()
    for query in unit_vectors(10, D, seed=33):
        assert found(table, query, Probe(20, 40)) == exact(vectors, ids, query)
    # The files of the old one are gone with the old versions.
    assert len({path.parent for path in index_files(tmp_path)}) == 1


def test_maps_and_fields_that_come_later_leave_it_as_it_is(tmp_path: Path) -> None:
    table, vectors = indexed(tmp_path)
    vecindex.open(tmp_path).project(method="pca")
    table = Database(tmp_path).articles("articles")
    assert rows_not_indexed(table) == 0
    assert found(table, vectors[9], Probe(20, 40)) == exact(vectors, names(), vectors[9])


def test_a_copy_of_the_folder_has_it(tmp_path: Path) -> None:
    _, vectors = indexed(tmp_path / "db")
    shutil.copytree(tmp_path / "db", tmp_path / "copy")
    shutil.rmtree(tmp_path / "db")
    assert vecindex.open(tmp_path / "copy").search(vector=vectors[4], approximate=True).hits[0].id == "a00004"


# -- over HTTP and as a tool ------------------------------------------------------------------------------


def test_the_server_searches_it_where_it_is_asked_to(tmp_path: Path) -> None:
    table, _ = indexed(tmp_path)
    curve = about_index(table)
    assert curve is not None
    with running(Served(str(tmp_path), "articles")) as client:
        assert client("/api/status").json["approximate"] is True
        exactly = client("/api/search", {"id": "a00010", "k": 5}).json
        assert (exactly["approximate"], exactly["notes"]) == (None, [])
        best = curve.curve.best.expected
        near = client("/api/search", {"id": "a00010", "k": 10, "approximate": True, "recall": best}).json
        assert near["approximate"]["recall"] == best
        assert near["notes"][0].startswith("approximate: recall@10 ")
        assert "a00010" not in [hit["id"] for hit in near["hits"]]
        assert len(near["hits"]) == 10
        refused = client("/api/search", {"id": "a00010", "recall": 0.5})
        assert refused.status == 400
        assert '"recall" is that of an approximate search' in refused.json["error"]
        vecindex.open(tmp_path).build_index(drop=True)
        assert client("/api/status").json["approximate"] is False
        gone = client("/api/search", {"id": "a00010", "approximate": True})
        assert gone.status == 400
        assert "no index of its vectors" in gone.json["error"]


def test_the_tools_pass_it_on(tmp_path: Path) -> None:
    indexed(tmp_path)
    asked = LikeAsked(id="a00010", approximate=True, recall=0.5)
    handlers = Handlers(live := Live(Served(str(tmp_path), "articles")), ReportJob(live))
    answer = handlers.search(models.SearchAsked.model_validate(asked.model_dump()))
    assert answer.approximate is not None
    assert answer.approximate.recall >= 0.5
    assert {"approximate", "recall"} <= set(TextAsked.model_fields)


def test_notices_of_a_search_reach_who_observes(tmp_path: Path) -> None:
    _, vectors = indexed(tmp_path)
    notices = Notices()
    vecindex.open(tmp_path).search(vector=vectors[:2], approximate=True, recall=0.1, observer=notices)
    assert len(notices.lines) == 1
