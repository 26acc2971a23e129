"""Delete removes exactly what was named."""

from __future__ import annotations

import io
import subprocess
from pathlib import Path

import pytest

import vecindex
from tables import chunked_table, filled, ids_in
from vecindex.cli.render.upkeep import print_delete
from vecindex.core.identity import written_id
from vecindex.errors import ConfigError, LockedError, SourceError
from vecindex.store.database import Database
from vecindex.verbs.upkeep.delete import DeleteReport

ALL = {f"a{i:05d}" for i in range(100)}


def test_by_id(tmp_path: Path) -> None:
    filled(tmp_path)
    report = vecindex.open(tmp_path).delete("a00003", "nope", "a00050", "a00003")
    assert report == DeleteReport("articles", 2, 2, ("nope",), 2, False, 98)
    assert ids_in(tmp_path) == ALL - {"a00003", "a00050"}


def test_ids_with_quotes(tmp_path: Path) -> None:
    from tables import append, make_table, unit_vectors

    append(make_table(tmp_path), unit_vectors(2), ids=["it's", "a' OR 'x' = 'x"])
    assert vecindex.open(tmp_path).delete("a' OR 'x' = 'x").deleted == 1
    assert ids_in(tmp_path) == {"it's"}


STRANGE = [
    " padded ",
    "tab\there",
    "line\nend",
    "two  blanks",
    "bell\x07",
    "zero\u200bwidth",
    "back\\slash\t'",
    "$'a'",
    "plain",
]


def test_an_id_that_is_typed_back_as_it_was_printed_is_found(tmp_path: Path) -> None:
    from tables import append, make_table, unit_vectors

    append(make_table(tmp_path), unit_vectors(len(STRANGE)), ids=STRANGE)
    index = vecindex.open(tmp_path)
    printed = [written_id(row_id) for row_id in STRANGE]
    assert printed[0] == "$' padded '"
    assert all(one.isprintable() and one.strip() == one for one in printed)
    assert index.delete(STRANGE[0], dry_run=True).not_found == ()
    (tmp_path / "ids.txt").write_text("\n".join(printed))
    report = index.delete(file=str(tmp_path / "ids.txt"))
    assert (report.deleted, report.not_found) == (len(STRANGE), ())
    assert index.delete("$'\\tx'").not_found == ("$'\\tx'",)


def test_bash_reads_a_printed_id_back() -> None:
    for row_id in STRANGE[:-2]:
        done = subprocess.run(["bash", "-c", f"printf %s {written_id(row_id)}"], capture_output=True, check=True)
        assert done.stdout.decode() == row_id


def test_by_condition(tmp_path: Path) -> None:
    filled(tmp_path)
    report = vecindex.open(tmp_path).delete(where="year < 1910 OR topic = 'odd'")
    expected = {f"a{i:05d}" for i in range(100) if i < 10 or i % 2}
    assert (report.articles, report.deleted, report.not_found) == (len(expected), len(expected), ())
    assert ids_in(tmp_path) == ALL - expected


def test_all_chunks_of_an_article(tmp_path: Path) -> None:
    chunked_table(tmp_path, [3, 1, 4])
    report = vecindex.open(tmp_path).delete("c000", "c002#1")
    assert (report.articles, report.rows, report.deleted, report.not_found) == (1, 3, 3, ("c002#1",))
    assert ids_in(tmp_path) == {"c001#0", "c002#0", "c002#1", "c002#2", "c002#3"}


def test_a_condition_on_one_chunk_takes_its_article(tmp_path: Path) -> None:
    chunked_table(tmp_path, [3, 1, 4])
    report = vecindex.open(tmp_path).delete(where="id = 'c002#3'")
    assert (report.articles, report.rows, report.deleted) == (1, 4, 4)
    assert ids_in(tmp_path) == {"c000#0", "c000#1", "c000#2", "c001#0"}


def test_many_ids_from_a_file(tmp_path: Path) -> None:
    filled(tmp_path, 3_000)
    file = tmp_path / "ids"
    file.write_text("\n".join([*(f"a{i:05d}" for i in range(2_500)), "", '{"id": "a02999", "why": "x"}', "nope"]))
    report = vecindex.open(tmp_path).delete(file=file)
    assert (report.articles, report.deleted, report.not_found, report.rows_in_table) == (2_501, 2_501, ("nope",), 499)
    assert ids_in(tmp_path) == {f"a{i:05d}" for i in range(2_500, 2_999)}
    assert vecindex.open(tmp_path).delete(file="-", stdin=io.BytesIO(b"a02998\n")).deleted == 1


def test_a_dry_run_changes_nothing(tmp_path: Path) -> None:
    table, _ = filled(tmp_path)
    before = table.lance.version
    report = vecindex.open(tmp_path).delete("a00003", "nope", dry_run=True)
    assert report == DeleteReport("articles", 1, 1, ("nope",), 0, True, 100)
    assert (ids_in(tmp_path), table.lance.version) == (ALL, before)


@pytest.mark.parametrize("answer", [True, False])
def test_it_is_asked_with_the_numbers(tmp_path: Path, answer: bool) -> None:
    filled(tmp_path)
    asked: list[DeleteReport] = []

    def confirm(plan: DeleteReport) -> bool:
        asked.append(plan)
        assert ids_in(tmp_path) == ALL
        return answer

    report = vecindex.open(tmp_path).delete("a00003", confirm=confirm)
    assert [(plan.articles, plan.rows, plan.deleted) for plan in asked] == [(1, 1, 0)]
    assert report.deleted == int(answer)
    assert len(ids_in(tmp_path)) == 100 - int(answer)


@pytest.mark.parametrize("chunks", [True, False])
def test_what_no_longer_meets_the_condition_stays(
    tmp_path: Path, chunks: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    table = chunked_table(tmp_path, [3, 1, 4])[0] if chunks else filled(tmp_path, 8)[0]
    before = ids_in(tmp_path)

    def confirm(plan: DeleteReport) -> bool:
        assert plan.no_longer == 0
        # Another process changes some of them while the user thinks, and others meet the condition now.
        table.lance.update(where="year < 1903", values={"year": 2000})
        table.lance.update(where="year = 1907", values={"year": 1901})
        return True

    report = vecindex.open(tmp_path).delete(where="year < 1905", confirm=confirm)
    if chunks:
        # Its rows of 1903 and 1904 still meet it: c001 has that of 1903, c002 the rest.
        assert (report.articles, report.no_longer, report.deleted) == (3, 1, 5)
        assert ids_in(tmp_path) == {"c000#0", "c000#1", "c000#2"}
    else:
        assert (report.articles, report.no_longer, report.deleted) == (5, 3, 2)
        assert ids_in(tmp_path) == before - {"a00003", "a00004"}
    print_delete(report)
    stay = "1 article stays" if chunks else "3 articles stay"
    assert f"{stay}: changed meanwhile" in capsys.readouterr().err


def test_nothing_that_matches_is_not_asked_about(tmp_path: Path) -> None:
    filled(tmp_path)

    def confirm(_: DeleteReport) -> bool:
        raise AssertionError("asked")

    report = vecindex.open(tmp_path).delete("nope", confirm=confirm)
    assert (report.articles, report.deleted, report.not_found) == (0, 0, ("nope",))


def test_wrong_input(tmp_path: Path) -> None:
    filled(tmp_path)
    index = vecindex.open(tmp_path)
    with pytest.raises(ConfigError, match="No articles to delete are named"):
        index.delete()
    with pytest.raises(ConfigError, match="Give ids or where=, not both"):
        index.delete("a00001", where="true")
    with pytest.raises(ConfigError, match="No field named nope"):
        index.delete(where="nope = 1")
    (tmp_path / "ids").write_text('{"key": 1}\n')
    with pytest.raises(SourceError, match=r"ids:1: no id in this line"):
        index.delete(file=tmp_path / "ids")
    with pytest.raises(SourceError, match="no such file"):
        index.delete(file=tmp_path / "missing")
    assert ids_in(tmp_path) == ALL


def test_not_while_another_writes(tmp_path: Path) -> None:
    filled(tmp_path)
    with Database(tmp_path).writer(), pytest.raises(LockedError, match="Another process is writing"):
        vecindex.open(tmp_path).delete("a00001")
    assert ids_in(tmp_path) == ALL
