"""What commits to object storage stand on, and pylance does not promise: each row of the table in ADR 0020.

On a local folder and on S3. Where one fails with a newer pylance, look at `store/remote/commits.py` again.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import lance
import pyarrow as pa
import pytest
from lance import LanceDataset, LanceOperation
from lance.dataset import Transaction
from lance.fragment import write_fragments

OLD, OURS = range(40), range(100, 110)
REFUSED, ACCEPTED, RERUN = "refused", "accepted", "re-run"


@pytest.fixture(params=["local", "s3"])
def uri(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A table of 40 rows in 4 fragments, with an index."""
    where = str(tmp_path / "t.lance")
    if request.param == "s3":
        where = f"{request.getfixturevalue('bucket').db}/t.lance"
    for begin in range(0, 40, 10):
        lance.write_dataset(rows(range(begin, begin + 10)), where, mode="append" if begin else "create")
    lance.dataset(where).create_scalar_index("id", "BTREE")
    return where


def rows(numbers: range | list[int], value: float = 0.0) -> pa.Table:
    made = {"id": [f"a{n}" for n in numbers], "v": pa.array([value] * len(numbers), pa.float32())}
    return pa.table({**made, "t": ["x"] * len(numbers)})


def merge(uri: str, read: LanceDataset, new: list[Any] | None = None) -> LanceDataset:
    """Commit ten new rows, made of the version that was read."""
    new = write_fragments(rows(OURS), read, mode="append") if new is None else new
    old = [fragment.metadata for fragment in read.get_fragments()]
    operation = LanceOperation.Merge(old + new, read.lance_schema)
    return LanceDataset.commit(uri, Transaction(read_version=read.version, operation=operation), max_retries=0)


def ids(uri: str) -> list[str]:
    return sorted(lance.dataset(uri).to_table(columns=["id"]).column("id").to_pylist())


def names(*groups: range | list[int]) -> list[str]:
    return sorted(f"a{n}" for group in groups for n in group)


def _other_merge(data: LanceDataset) -> None:
    new = write_fragments(rows(range(200, 205)), data, mode="append")
    old = [fragment.metadata for fragment in data.get_fragments()]
    operation = LanceOperation.Merge(old + new, data.lance_schema)
    transaction = Transaction(read_version=data.version, operation=operation)
    LanceDataset.commit(data.uri, transaction, max_retries=0)


def _replace_data(data: LanceDataset) -> None:
    fragment = data.get_fragment(0)
    new = write_fragments(rows(range(10), 5.0).select(["v"]), data, mode="append")[0].files[0]
    group = LanceOperation.DataReplacementGroup(fragment.fragment_id, new)
    operation = LanceOperation.DataReplacement([group])
    LanceDataset.commit(data.uri, operation, read_version=data.version)


def _upsert(data: LanceDataset) -> None:
    data.merge_insert("id").when_matched_update_all().when_not_matched_insert_all().execute(rows([3, 300], 3.0))


def _insert(data: LanceDataset) -> None:
    data.merge_insert("id").when_not_matched_insert_all().execute(rows([3, 300], 3.0))


def _rewrite_columns(data: LanceDataset) -> None:
    data.merge_insert("id").when_matched_update_all().write_mode("rewrite_columns").execute(
        rows([3], 3.0).select(["id", "v"])
    )


def _index(data: LanceDataset) -> None:
    data.create_scalar_index("v", "BTREE")


# Each: what another writer does, the rows that it adds and takes, our stale Merge after it, it after our Merge.
Change = Callable[[LanceDataset], Any]
TABLE: dict[str, tuple[Change, list[int], list[int], str, str]] = {
    "append": (
        lambda data: lance.write_dataset(rows(range(200, 205)), data, mode="append"),
        list(range(200, 205)),
        [],
        REFUSED,
        REFUSED,
    ),
    "merge": (_other_merge, list(range(200, 205)), [], REFUSED, REFUSED),
    "compaction": (lambda data: data.optimize.compact_files(), [], [], REFUSED, REFUSED),
    "column added": (lambda data: data.add_columns(pa.schema([pa.field("w", pa.int32())])), [], [], REFUSED, REFUSED),
    "column dropped": (lambda data: data.drop_columns(["v"]), [], [], REFUSED, REFUSED),
    "column renamed": (lambda data: data.alter_columns({"path": "v", "name": "w"}), [], [], REFUSED, REFUSED),
    "data replaced": (_replace_data, [], [], REFUSED, REFUSED),
    "schema metadata": (lambda data: data.update_schema_metadata({"a": "b"}), [], [], REFUSED, REFUSED),
    "delete": (lambda data: data.delete("id IN ('a3', 'a17')"), [], [3, 17], REFUSED, RERUN),
    "update": (lambda data: data.update({"v": "9.0"}, where="id = 'a3'"), [], [], REFUSED, RERUN),
    "upsert": (_upsert, [300], [], REFUSED, RERUN),
    "insert-only": (_insert, [300], [], REFUSED, RERUN),
    "rewrite_columns": (_rewrite_columns, [], [], REFUSED, RERUN),
    "index": (_index, [], [], ACCEPTED, ACCEPTED),
    "optimize_indices": (lambda data: data.optimize.optimize_indices(), [], [], ACCEPTED, ACCEPTED),
    "drop_index": (lambda data: data.drop_index("id_idx"), [], [], ACCEPTED, ACCEPTED),
    "tag": (lambda data: data.tags.create("t", data.version), [], [], ACCEPTED, ACCEPTED),
    "config": (lambda data: data.update_config({"a": "b"}), [], [], ACCEPTED, ACCEPTED),
    "safe cleanup": (lambda data: data.cleanup_old_versions(timedelta(days=1)), [], [], ACCEPTED, ACCEPTED),
}


@pytest.mark.parametrize("name", TABLE)
def test_our_stale_commit_after_that_of_another(uri: str, name: str) -> None:
    change, adds, takes, outcome, _ = TABLE[name]
    read = lance.dataset(uri)
    new = write_fragments(rows(OURS), read, mode="append")
    change(lance.dataset(uri))
    left = [n for n in OLD if n not in takes]
    if outcome == REFUSED:
        with pytest.raises(OSError, match="conflict"):
            merge(uri, read, new)
        assert ids(uri) == names(left, adds)
    else:
        merge(uri, read, new)
        assert ids(uri) == names(left, adds, OURS)
        check_indexes(uri)


@pytest.mark.parametrize("name", TABLE)
def test_that_of_another_on_an_old_handle_after_ours(uri: str, name: str) -> None:
    change, adds, takes, _, outcome = TABLE[name]
    old = lance.dataset(uri)
    merge(uri, lance.dataset(uri))
    if outcome == REFUSED:
        with pytest.raises((OSError, RuntimeError, ValueError), match=r"(?i)conflict"):
            change(old)
        assert ids(uri) == names(OLD, OURS)
    else:
        change(old)
        assert ids(uri) == names([n for n in OLD if n not in takes], adds, OURS)
        check_indexes(uri)


def check_indexes(uri: str) -> None:
    """Look rows up one by one, as an index would find them."""
    data = lance.dataset(uri)
    for wanted in ("a0", "a39", "a100", "a109"):
        assert data.count_rows(f"id = '{wanted}'") == 1, wanted


def test_overwrite_and_restore_win(uri: str) -> None:
    """They are no fence, and vecindex makes neither in object storage."""
    first = lance.dataset(uri).version
    read = lance.dataset(uri)
    new = write_fragments(rows(OURS), read, mode="append")
    old = lance.dataset(uri)
    lance.dataset(uri).restore()  # of the version in use: nothing changes, and it is a commit
    with pytest.raises(OSError, match="conflict"):
        merge(uri, read, new)
    merge(uri, lance.dataset(uri))
    assert ids(uri) == names(OLD, OURS)
    LanceDataset.commit(uri, LanceOperation.Restore(first), read_version=old.version, max_retries=0)
    assert ids(uri) == names(OLD)
    merge(uri, lance.dataset(uri))
    lance.write_dataset(rows([1]), uri, mode="overwrite")
    assert ids(uri) == ["a1"]


def test_append_is_no_fence(uri: str) -> None:
    """The reason for all of this: Lance takes an append whatever was committed since."""
    read = lance.dataset(uri)
    new = write_fragments(rows(OURS), read, mode="append")
    for _ in range(2):
        operation = LanceOperation.Append(new)
        LanceDataset.commit(uri, Transaction(read_version=read.version, operation=operation), max_retries=0)
    assert ids(uri) == names(OLD, OURS, OURS)


def test_the_same_fragments_on_a_new_handle_are_taken(uri: str) -> None:
    """So whether rows are there is asked of the table by their ids, for each commit again."""
    new = write_fragments(rows(OURS), lance.dataset(uri), mode="append")
    merge(uri, lance.dataset(uri), new)
    merge(uri, lance.dataset(uri), new)
    assert ids(uri) == names(OLD, OURS, OURS)


def test_versions_that_were_cleaned_up_are_no_conflict(uri: str) -> None:
    """So a deleted row may return; `commits` looks at the versions in between after each commit."""
    read = lance.dataset(uri)
    new = write_fragments(rows(OURS), read, mode="append")
    lance.dataset(uri).tags.create("keep", read.version)
    lance.dataset(uri).delete("id = 'a3'")
    lance.dataset(uri).update_config({"a": "b"})
    lance.dataset(uri).cleanup_old_versions(timedelta(0), error_if_tagged_old_versions=False)
    assert "a3" not in ids(uri)
    merge(uri, read, new)
    assert "a3" in ids(uri)


def test_a_merge_names_every_fragment_and_numbers_the_new_ones(uri: str) -> None:
    data = lance.dataset(uri)
    old = [fragment.metadata for fragment in data.get_fragments()]
    operation = LanceOperation.Merge(old[:1] + old[2:], data.lance_schema)
    with pytest.raises(OSError, match="not reduce fragments"):
        LanceDataset.commit(uri, Transaction(read_version=data.version, operation=operation), max_retries=0)
    # After the first fragment is gone, its number is not given again: an index may still cover it.
    data.delete("id IN ('a0','a1','a2','a3','a4','a5','a6','a7','a8','a9')")
    made = merge(uri, lance.dataset(uri))
    assert [fragment.fragment_id for fragment in made.get_fragments()] == [1, 2, 3, 4]
    assert made.count_rows("id = 'a0'") == 0
    assert made.count_rows("id = 'a105'") == 1


def test_a_fragment_that_goes_is_replaced_by_an_update(uri: str) -> None:
    """Of two that replace the rows of the same fragment one is refused; new ids of others do not matter to it."""
    read = lance.dataset(uri)
    first, second = (write_fragments(rows(range(10), value), read, mode="append") for value in (1.0, 2.0))
    lance.write_dataset(rows([200]), uri, mode="append")
    for new, refused in ((first, False), (second, True)):
        transaction = Transaction(read_version=read.version, operation=LanceOperation.Update([0], [], new))
        if refused:
            with pytest.raises(OSError, match="conflict"):
                LanceDataset.commit(uri, transaction, max_retries=0)
        else:
            LanceDataset.commit(uri, transaction, max_retries=0)
    data = lance.dataset(uri)
    assert ids(uri) == names(OLD, [200])
    assert data.to_table(filter="id = 'a3'").column("v").to_pylist() == [1.0]
    assert [fragment.fragment_id for fragment in data.get_fragments()] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("name", ["merge", "compaction", "upsert", "delete"])
def test_an_update_of_a_fragment_that_another_has_changed_is_refused(uri: str, name: str) -> None:
    read = lance.dataset(uri)
    new = write_fragments(rows(range(10), 1.0), read, mode="append")
    if name == "merge":
        other = lance.dataset(uri)
        changed = other.get_fragment(0).delete_rows([3])
        old = [changed, *(fragment.metadata for fragment in other.get_fragments()[1:])]
        operation = LanceOperation.Merge(
            old + write_fragments(rows([3], 3.0), other, mode="append"), other.lance_schema
        )
        LanceDataset.commit(uri, Transaction(read_version=other.version, operation=operation), max_retries=0)
    else:
        TABLE[name][0](lance.dataset(uri))
    transaction = Transaction(read_version=read.version, operation=LanceOperation.Update([0], [], new))
    with pytest.raises(OSError, match="conflict"):
        LanceDataset.commit(uri, transaction, max_retries=0)


def test_rows_that_were_deleted_stay_so_with_the_old_metadata(uri: str) -> None:
    lance.dataset(uri).delete("id = 'a3'")
    merge(uri, lance.dataset(uri))
    assert ids(uri) == names([n for n in OLD if n != 3], OURS)


def test_a_transaction_keeps_its_token(uri: str) -> None:
    read = lance.dataset(uri)
    old = [fragment.metadata for fragment in read.get_fragments()]
    operation = LanceOperation.Merge(old, read.lance_schema)
    made = LanceDataset.commit(
        uri,
        Transaction(read_version=read.version, operation=operation, transaction_properties={"token": "x1"}),
        max_retries=0,
    )
    found = lance.dataset(uri).read_transaction(made.version)
    assert found is not None
    assert found.transaction_properties == {"token": "x1"}
    kinds = [lance.dataset(uri).read_transaction(version) for version in range(1, made.version + 1)]
    assert [type(kind.operation).__name__ for kind in kinds if kind is not None] == [
        *["Overwrite", "Append", "Append", "Append"],
        "CreateIndex",
        "Merge",
    ]
