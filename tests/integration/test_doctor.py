"""Doctor finds what is broken, mends what can be mended, and leaves a sound table alone."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

import vecindex
from tables import DIMENSION, append, chunked_table, filled, ids_in, make_table, unit_vectors
from vecindex.core.identity import vector_hashes
from vecindex.core.vectors import F32
from vecindex.errors import LockedError, TableNotFoundError
from vecindex.store.articles import ArticleTable
from vecindex.store.database import Database
from vecindex.verbs.upkeep.findings import DoctorReport

TABLE = "articles.lance"


def failed(report: DoctorReport) -> list[str]:
    return [check.name for check in report.checks if check.outcome == "failed"]


def outcome(report: DoctorReport, name: str) -> tuple[str, str]:
    return next((check.outcome, check.note) for check in report.checks if check.name == name)


def write_past_the_checks(table: ArticleTable, folder: Path, vectors: F32, ids: list[str], **columns: Any) -> None:
    """Append rows by Lance itself, which looks at nothing."""
    import lance

    spare = make_table(folder / "spare", name="articles")
    append(spare, unit_vectors(len(vectors)), ids=ids, txn=5, **columns)
    rows = spare.lance.to_arrow()
    flat = pa.array(vectors.astype(np.float32).ravel())
    at = rows.schema.get_field_index("vector")
    vector = pa.FixedSizeListArray.from_arrays(flat, type=rows.schema.field(at).type)
    rows = rows.set_column(at, rows.schema.field(at), vector)
    at = rows.schema.get_field_index("vector_hash")
    rows = rows.set_column(at, rows.schema.field(at), pa.array(vector_hashes(vectors))).cast(table.schema)
    lance.write_dataset(rows, str(folder / TABLE), mode="append")
    shutil.rmtree(folder / "spare")


def data_files(folder: Path) -> list[Path]:
    """Return the data files of the table, the newest last."""
    return sorted((folder / TABLE / "data").glob("*.lance"), key=lambda path: path.stat().st_mtime_ns)


def newest_manifest(folder: Path) -> Path:
    return min((folder / TABLE / "_versions").glob("*.manifest"))


# -- sound ------------------------------------------------------------------------------------------------


def test_a_sound_table(tmp_path: Path) -> None:
    table, _ = filled(tmp_path, 3_000)
    table.delete("year = 1950")
    report = vecindex.open(tmp_path).doctor()
    assert report.sound
    assert report.findings == ()
    assert report.rows == 2_999
    assert outcome(report, "texts") == ("ok", "2,999 hashes computed again")
    assert outcome(report, "fields")[0] == "ok"
    assert failed(report) == []


def test_a_repair_of_a_sound_table_changes_nothing(tmp_path: Path) -> None:
    table, _ = filled(tmp_path)
    version = table.lance.version
    report = vecindex.open(tmp_path).doctor(repair=True)
    assert (report.sound, report.repaired) == (True, ())
    assert table.lance.version == version


def test_a_sound_table_of_chunks(tmp_path: Path) -> None:
    chunked_table(tmp_path, [3, 1, 4, 1, 5])
    report = vecindex.open(tmp_path).doctor()
    assert report.sound
    assert outcome(report, "chunks")[0] == "ok"
    assert outcome(report, "texts") == ("skipped", "an article in chunks is not stored in one piece")


def test_an_empty_table_is_sound(tmp_path: Path) -> None:
    make_table(tmp_path)
    assert vecindex.open(tmp_path).doctor().sound


def test_an_ingested_table_is_sound(sample_db: Path) -> None:
    report = vecindex.open(sample_db).doctor()
    assert report.sound
    assert outcome(report, "texts") == ("ok", "264 hashes computed again")
    assert outcome(report, "fields") == ("ok", "264 hashes agree")
    assert outcome(report, "vectors of the model") == ("ok", "16 texts embedded again")


def test_vectors_that_belong_to_other_texts(sample_db: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(sample_db, tmp_path / "db"))
    dataset = Database(folder).articles("articles").lance.to_lance()
    rows = dataset.to_table(columns=["id", "vector", "vector_hash"])
    # Each row gets the vector of the next one, hash and all: only the model can tell.
    moved = rows.take([*range(1, len(rows)), 0])
    swapped = pa.table([rows["id"], moved["vector"], moved["vector_hash"]], names=rows.schema.names)
    dataset.merge_insert("id").when_matched_update_all().execute(swapped)
    report = vecindex.open(folder).doctor()
    assert failed(report) == ["vectors of the model"]
    (finding,) = report.findings
    assert finding.count == 16
    assert all(float(example.rsplit(" ", 1)[1]) < 0.99 for example in finding.examples)


def test_without_the_model_nothing_is_embedded_again(tmp_path: Path) -> None:
    filled(tmp_path)
    told = outcome(vecindex.open(tmp_path).doctor(), "vectors of the model")
    assert told[0] == "skipped"
    assert told[1].endswith("all-MiniLM-L6-v2 with the table's weights is not on this machine")


# -- rows -------------------------------------------------------------------------------------------------


def test_vectors_that_cannot_be_used(tmp_path: Path) -> None:
    table, _ = filled(tmp_path, 50)
    bad = unit_vectors(5, seed=3)
    bad[0, 2] = np.nan
    bad[1, 0] = np.inf
    bad[2] = 0
    bad[3] *= 1.01
    write_past_the_checks(table, tmp_path, bad, ["nan", "inf", "zero", "long", "good"])
    report = vecindex.open(tmp_path).doctor()
    assert failed(report) == ["vectors"]
    finding = report.findings[0]
    assert finding.count == 4
    assert set(finding.examples) == {"nan: not finite", "inf: not finite", "zero: zero", "long: not of unit length"}
    assert "index.doctor(repair=True)" in str(finding.remedy)

    mended = vecindex.open(tmp_path).doctor(repair=True)
    assert mended.sound
    assert mended.repaired == ("removed 4 rows of 4 articles with unusable vectors or missing chunks",)
    assert ids_in(tmp_path) == {*(f"a{i:05d}" for i in range(50)), "good"}


def test_a_vector_of_another_row_or_with_a_flipped_bit_is_found(tmp_path: Path) -> None:
    table, _ = filled(tmp_path, 20)
    rows = table.lance.to_arrow()
    ids, vectors = table.vectors()
    vectors = vectors.copy()
    vectors[3] = vectors[4]
    vectors.view(np.uint32)[7, 0] ^= 1
    dimension = vectors.shape[1]
    changed = pa.table(
        {
            "id": pa.array([ids[3], ids[7]]),
            "vector": pa.FixedSizeListArray.from_arrays(vectors[[3, 7]].ravel(), dimension),
        },
        schema=pa.schema([rows.schema.field("id"), rows.schema.field("vector")]),
    )
    table.lance.to_lance().merge_insert("id").when_matched_update_all().execute(changed)
    report = vecindex.open(tmp_path).doctor()
    assert failed(report) == ["vectors"]
    assert set(report.findings[0].examples) == {f"{ids[i]}: changed since it was committed" for i in (3, 7)}
    assert vecindex.open(tmp_path).doctor(repair=True).sound
    assert ids_in(tmp_path) == set(ids) - {ids[3], ids[7]}


def test_a_table_of_format_1_gets_its_hashes_by_optimize(tmp_path: Path) -> None:
    table, _ = filled(tmp_path, 40)
    table.lance.drop_columns(["vector_hash"])
    table.set_setting(format=1)
    index = vecindex.open(tmp_path)
    report = index.doctor()
    assert report.sound
    assert "40 rows keep no hash of their vector (storage format 1)" in report.notes[0]
    assert "index.optimize()" in report.notes[0]
    assert index.optimize().vectors_hashed == 40
    table = Database(tmp_path).articles("articles")
    ids, vectors = table.vectors()
    stored = {row["id"]: row["vector_hash"] for row in table.lance.to_arrow().to_pylist()}
    assert stored == dict(zip(ids, vector_hashes(vectors), strict=True))
    assert table.metadata()["vecindex:format"] == "2"
    assert index.doctor().sound
    assert not [note for note in index.doctor().notes if "hash" in note]
    assert index.optimize().vectors_hashed == 0


def test_rounding_of_the_length_is_no_fault(tmp_path: Path) -> None:
    append(make_table(tmp_path), unit_vectors(3) * np.float32(1.0009))
    assert vecindex.open(tmp_path).doctor().sound
    append(make_table(tmp_path, name="more"), unit_vectors(3) * np.float32(1.0011))
    assert failed(vecindex.open(tmp_path, "more").doctor()) == ["vectors"]


def test_ids_that_more_than_one_row_has(tmp_path: Path) -> None:
    table, _ = filled(tmp_path, 20)
    write_past_the_checks(table, tmp_path, unit_vectors(3), ["a00007", "a00003", "new"])
    report = vecindex.open(tmp_path).doctor()
    assert failed(report) == ["ids"]
    assert report.findings[0].examples == ("a00003", "a00007")


def test_hashes_that_are_none(tmp_path: Path) -> None:
    good = "0123456789abcdef:0123456789abcdef"
    table = make_table(tmp_path, pooling="unknown")
    append(table, unit_vectors(4), ids=list("abcd"), content_hash=[good, "", good.upper(), good + "0"])
    report = vecindex.open(tmp_path).doctor()
    assert failed(report) == ["content hashes"]
    assert report.findings[0].examples == ("b", "c", "d")
    assert outcome(report, "texts") == ("skipped", "precomputed vectors are part of the hashes")


def test_a_text_that_was_changed_behind_our_back(tmp_path: Path) -> None:
    table, _ = filled(tmp_path, 10)
    table.lance.update(where="id = 'a00004'", values={"text": "Another text."})
    table.lance.update(where="id = 'a00006'", values={"title": "Another title"})
    report = vecindex.open(tmp_path).doctor()
    assert failed(report) == ["texts", "fields"]
    assert [finding.examples for finding in report.findings] == [("a00004",), ("a00006",)]


def test_texts_behind_a_template_are_compared_where_it_names_title_and_text(tmp_path: Path) -> None:
    from vecindex.core.identity import content_hash

    template = "{title}\n{text}"
    hashes = [content_hash("T\nx", "T", "x", {}), content_hash("\ny", None, "y", {})]
    columns: dict[str, Any] = {"title": ["T", None], "text": ["x", "y"]}
    nothing: dict[str, Any] = {name: [None, None] for name in ("year", "topic", "share")}
    append(make_table(tmp_path, text_template=template), unit_vectors(2), content_hash=hashes, **columns, **nothing)
    report = vecindex.open(tmp_path).doctor()
    assert report.sound
    assert outcome(report, "texts") == ("ok", "2 hashes computed again")
    append(make_table(tmp_path, name="other", text_template="{topic}: {text}"), unit_vectors(2))
    told = outcome(vecindex.open(tmp_path, "other").doctor(), "texts")
    assert told == ("skipped", "the text template names other fields than title and text")


def test_fields_that_were_converted_are_not_held_against_the_table(tmp_path: Path) -> None:
    from vecindex.core.identity import content_hash

    # "topic" came as a number in one row and was stored as text; "share" as a whole number in another.
    table = make_table(tmp_path)
    rows = [{"topic": "cells"}, {"topic": 5}, {"topic": "cells", "share": 2}]
    append(
        table,
        unit_vectors(3),
        ids=list("abc"),
        content_hash=[
            content_hash(f"text {i}", None, f"text {i}", extra) for i, extra in zip("abc", rows, strict=True)
        ],
        title=[None] * 3,
        text=["text a", "text b", "text c"],
        topic=["cells", "5", "cells"],
        share=[None, None, 2.0],
        year=[None] * 3,
    )
    report = vecindex.open(tmp_path).doctor()
    assert report.sound
    assert outcome(report, "fields") == ("ok", "1 hashes agree")


def test_articles_without_all_their_chunks(tmp_path: Path) -> None:
    table, _, _ = chunked_table(tmp_path, [3, 1, 4, 2, 2])
    table.delete("id IN ('c000#1', 'c002#0', 'c003#1')")  # c003 is then complete, as far as can be told
    report = vecindex.open(tmp_path).doctor()
    assert failed(report) == ["chunks"]
    assert report.findings[0].examples == ("c000", "c002")
    mended = vecindex.open(tmp_path).doctor(repair=True)
    assert mended.sound
    assert mended.repaired == ("removed 5 rows of 2 articles with unusable vectors or missing chunks",)
    assert ids_in(tmp_path) == {"c001#0", "c003#0", "c004#0", "c004#1"}


# -- files ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("damage", ["empty", "half", "gone", "noise"])
def test_a_data_file_that_cannot_be_read(tmp_path: Path, damage: str) -> None:
    table, vectors = filled(tmp_path, 50)
    append(table, unit_vectors(30, seed=1), ids=[f"b{i}" for i in range(30)], txn=2)
    file = data_files(tmp_path)[-1]
    raw = file.read_bytes()
    if damage == "gone":
        file.unlink()
    else:
        noise = np.random.default_rng(0).bytes(len(raw))
        file.write_bytes({"empty": b"", "half": raw[: len(raw) // 2], "noise": noise}[damage])
    report = vecindex.open(tmp_path).doctor()
    assert failed(report) == ["data files"]
    assert report.rows == 50, "the other file was read all the same"
    finding = report.findings[0]
    assert finding.message == "Data files with 30 rows cannot be read."
    assert file.name in finding.examples[0]

    mended = vecindex.open(tmp_path).doctor(repair=True)
    assert mended.sound
    assert mended.repaired == ("dropped 30 rows of 1 unreadable data files",)
    hits = vecindex.open(tmp_path).search(vector=vectors[7], k=60).hits
    assert hits[0].id == "a00007"
    assert len(hits) == 50
    append(Database(tmp_path).articles("articles"), unit_vectors(1), ids=["again"], txn=3)
    assert "again" in ids_in(tmp_path)


def test_chunks_split_by_a_lost_file_go_with_it(tmp_path: Path) -> None:
    # Ingest goes by chunk 0 when it looks what is there, so half an article would never be completed.
    from vecindex.types import Chunking

    table = make_table(tmp_path, chunking=Chunking(64, 8))
    append(table, unit_vectors(3), ids=["x", "x", "y"], chunk=[0, 1, 0])
    append(table, unit_vectors(2), ids=["x", "z"], chunk=[2, 0], txn=2)
    data_files(tmp_path)[0].write_bytes(b"")
    report = vecindex.open(tmp_path).doctor(repair=True)
    assert report.sound
    assert len(report.repaired) == 2
    assert ids_in(tmp_path) == {"z#0"}


@pytest.mark.parametrize("content", [b"", b"\0" * 500, b"half"])
def test_a_newest_manifest_that_cannot_be_read(tmp_path: Path, content: bytes) -> None:
    table, _ = filled(tmp_path, 20)
    append(table, unit_vectors(5), ids=list("abcde"), txn=2)
    manifest = newest_manifest(tmp_path)
    manifest.write_bytes(manifest.read_bytes()[:200] if content == b"half" else content)
    report = vecindex.open(tmp_path).doctor()
    assert failed(report) == ["manifests"]
    assert (report.sound, report.rows) == (False, None)
    assert report.findings[0].examples == (f"version 3: {manifest.name}",)
    assert "version 2 opens then" in str(report.findings[0].remedy)

    mended = vecindex.open(tmp_path).doctor(repair=True)
    assert (mended.sound, mended.rows) == (True, 25)
    assert mended.repaired[0].startswith("moved 1 unreadable manifests to ")
    assert mended.repaired[0].endswith("; put back 5 rows of the lost version")
    assert (tmp_path / TABLE / "_set_aside" / manifest.name).exists()
    vecindex.open(tmp_path).optimize(older_than="0s")
    assert len(ids_in(tmp_path)) == 25
    assert vecindex.open(tmp_path).doctor().sound


def test_a_broken_manifest_and_a_broken_file_are_mended_in_one_go(tmp_path: Path) -> None:
    table, _ = filled(tmp_path, 20)
    append(table, unit_vectors(5), ids=list("abcde"), txn=2)
    append(table, unit_vectors(2), ids=["y", "z"], txn=3)
    newest_manifest(tmp_path).write_bytes(b"")
    data_files(tmp_path)[1].write_bytes(b"")
    report = vecindex.open(tmp_path).doctor(repair=True)
    assert report.sound
    assert len(report.repaired) == 2
    assert report.repaired[0].endswith("; 1 data files of the lost version are set aside there as well")
    assert ids_in(tmp_path) == {f"a{i:05d}" for i in range(20)}


def test_no_version_can_be_read(tmp_path: Path) -> None:
    filled(tmp_path, 5)
    for manifest in (tmp_path / TABLE / "_versions").glob("*.manifest"):
        manifest.write_bytes(b"")
    report = vecindex.open(tmp_path).doctor(repair=True)
    assert (report.sound, report.rows, report.repaired) == (False, None, ())
    assert "No version can be read" in str(report.findings[0].remedy)
    assert len(list((tmp_path / TABLE / "_versions").glob("*.manifest"))) == 2, "nothing was moved"


def test_a_folder_without_any_manifest(tmp_path: Path) -> None:
    filled(tmp_path, 5)
    shutil.rmtree(tmp_path / TABLE / "_versions")
    report = vecindex.open(tmp_path).doctor(repair=True)
    assert (report.sound, failed(report)) == (False, ["opens"])


# -- the rest ---------------------------------------------------------------------------------------------


def test_leftovers_of_a_killed_writer_are_noted_and_no_fault(tmp_path: Path) -> None:
    filled(tmp_path, 5)
    (tmp_path / TABLE / "data" / ".tmpXyZ").write_bytes(b"x" * 2_000_000)
    report = vecindex.open(tmp_path).doctor()
    assert report.sound
    assert str(report.notes[0]) == "Killed writers left 1 temporary file (2.0 MB): index.optimize()"


def test_a_tag_without_its_version(tmp_path: Path) -> None:
    table, _ = filled(tmp_path, 5)
    index = vecindex.open(tmp_path)
    index.tag("lost")
    table.delete("year = 1900")
    os.unlink(sorted((tmp_path / TABLE / "_versions").glob("*.manifest"))[1])  # noqa: PTH108 (a plain removal)
    report = index.doctor()
    assert failed(report) == ["tags"]
    assert report.findings[0].examples == ("lost: version 2",)


def test_a_table_of_someone_else(tmp_path: Path) -> None:
    import lancedb

    lancedb.connect(tmp_path).create_table("articles", [{"id": "1", "vector": np.zeros(4, dtype=np.float32)}])
    report = vecindex.open(tmp_path).doctor()
    assert failed(report) == ["provenance"]
    assert "does not say what made its vectors" in str(report.findings[0].message)


def test_vectors_longer_than_their_fingerprint_says(tmp_path: Path) -> None:
    import json

    from tables import fingerprint

    table, _ = filled(tmp_path, 5)
    text = json.dumps(fingerprint(DIMENSION + 1).to_dict())
    table.lance.update_field_metadata({"path": "vector", "metadata": {"vecindex:fingerprint": text}})
    report = vecindex.open(tmp_path).doctor()
    assert failed(report) == ["provenance"]
    assert report.findings[0].examples == ("column 8, fingerprint 9",)


def test_an_unknown_table(tmp_path: Path) -> None:
    filled(tmp_path, 1)
    with pytest.raises(TableNotFoundError, match=r"No table 'x' .* \(tables there: articles\)"):
        vecindex.open(tmp_path, "x").doctor()


def test_no_repair_while_another_writes(tmp_path: Path) -> None:
    filled(tmp_path, 5)
    with Database(tmp_path).writer():
        assert vecindex.open(tmp_path).doctor().sound
        with pytest.raises(LockedError, match="Another process is writing"):
            vecindex.open(tmp_path).doctor(repair=True)
