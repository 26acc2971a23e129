"""Databases in object storage, on a real S3 server on loopback: what is refused, what is kept, what is said."""

from __future__ import annotations

import functools
import gzip
import http.server
import io
import json
import os
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import lance
import numpy as np
import obstore
import pytest

import vecindex
from object_storage import CONDITIONS, KEY_ID, SECRET, Bucket, in_environment, new_bucket, proxied, rows_file
from vecindex.errors import ConfigError, LockedError, SourceError, StoreError, TableNotFoundError, UnavailableError
from vecindex.exports.uploads import size_there
from vecindex.objects.requests import Objects
from vecindex.store.database import Database
from vecindex.store.remote import commits, lease, orphans, probe
from vecindex.verbs.index import measure

OWN = {".vecindex.lease", ".vecindex.clock"}
PRECOMPUTED: dict[str, Any] = {"vector_field": "vector", "model": "test/none", "unverified": True}
PRECOMPUTED_FLAGS = ["--vector-field", "vector", "--model", "test/none", "--unverified"]


def ids(where: str) -> list[str]:
    """Return all ids, by Lance alone."""
    return sorted(lance.dataset(f"{where}/articles.lance").to_table(columns=["id"]).column("id").to_pylist())


def run(made: Bucket, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    environment = {**made.environment(), **settings}
    environment = {name: value for name, value in environment.items() if value}
    return subprocess.run(
        [sys.executable, "-m", "vecindex.cli.app", *arguments],
        capture_output=True,
        text=True,
        env=environment,
        timeout=200,
        check=False,
    )


# -- whether the store enforces conditional writes ---------------------------------------------------------


@pytest.mark.parametrize("strips", [CONDITIONS, ("if-none-match",), ("if-match",)])
def test_a_store_that_ignores_conditions_is_refused_before_anything_is_written(
    server: str, strips: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with proxied(server, strips=strips) as proxy:
        made = in_environment(new_bucket(server, proxy.url), monkeypatch)
        for _ in range(2):  # what was refused is asked again
            with pytest.raises(StoreError, match="does not enforce conditional writes") as refused:
                vecindex.open(made.db).ingest(rows_file(tmp_path / "a.jsonl", range(5)), **PRECOMPUTED)
            assert refused.value.exit_code == 5
            assert "Nothing was written" in refused.value.message
        assert made.names() == []


def test_the_command_line_refuses_it_with_exit_code_5(server: str, tmp_path: Path) -> None:
    with proxied(server, strips=CONDITIONS) as proxy:
        made = new_bucket(server, proxy.url)
        rows = rows_file(tmp_path / "a.jsonl", range(5))
        ended = run(made, "ingest", str(rows), *PRECOMPUTED_FLAGS, "--db", made.db)
    assert ended.returncode == 5
    assert "does not enforce conditional writes" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert made.names() == []


def test_a_store_is_asked_once_in_a_process(server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with proxied(server) as proxy:
        made = in_environment(new_bucket(server, proxy.url), monkeypatch)
        rows = rows_file(tmp_path / "a.jsonl", range(5))
        for _ in range(2):
            vecindex.open(made.db).ingest(rows, **PRECOMPUTED)
        asked = [path for method, path in proxy.seen if method == "PUT" and ".vecindex.probe-" in path]
    assert len(asked) == 4
    assert made.db in probe._enforced
    assert not [name for name in made.names() if "probe" in name]


# -- a database there ---------------------------------------------------------------------------------------


def test_a_database_in_object_storage_goes_through_its_life(bucket: Bucket, tmp_path: Path) -> None:
    index = vecindex.open(bucket.db)
    first = rows_file(tmp_path / "a.jsonl", range(120))
    report = index.ingest(first, transaction_rows=50, **PRECOMPUTED)
    assert (report.added, report.rows_in_table, report.transactions) == (120, 120, 3)
    again = vecindex.open(bucket.db).ingest(first, transaction_rows=50, **PRECOMPUTED)
    assert (again.added, again.changed, again.skipped) == (0, 0, 120)
    # All rows of the first fragment change, some of the others, and some are new.
    mixed = rows_file(tmp_path / "b.jsonl", [*range(60), 200, 201], "second")
    report = vecindex.open(bucket.db).ingest(mixed, transaction_rows=50, **PRECOMPUTED)
    assert (report.added, report.changed, report.rows_in_table) == (2, 60, 122)
    table = lance.dataset(f"{bucket.db}/articles.lance").to_table(columns=["id", "text"])
    texts = dict(zip(*(table.column(name).to_pylist() for name in ("id", "text")), strict=True))
    assert len(texts) == table.num_rows == 122
    expected = {f"a{i}": f"{'second' if i < 60 or i >= 200 else 'first'} {i}" for i in (*range(120), 200, 201)}
    assert texts == expected
    assert index.delete("a7", "a8", "nobody").deleted == 2
    assert index.tag("kept").made == "kept"
    pruned = index.ingest(mixed, prune=True, **PRECOMPUTED)
    assert (pruned.added, pruned.pruned) == (2, 60)
    assert ids(bucket.db) == sorted(f"a{i}" for i in (*range(60), 200, 201))
    assert index.status().rows == 62
    assert index.status().writer is None
    done = index.optimize(older_than="0s")
    assert (done.older_than_s, done.versions_removed) == (600, 0), "a writer may be paused in the middle of a commit"
    report = index.doctor()
    assert report.sound, report.findings
    assert ("conditional writes", "ok") in [(check.name, check.outcome) for check in report.checks]


def test_rows_lie_as_those_of_a_local_database_do(bucket: Bucket, tmp_path: Path) -> None:
    columns = ["id", "content_hash", "text", "vector", "vector_hash", "txn"]
    tables = []
    for where in (bucket.db, str(tmp_path / "db")):
        for word, numbers in (("first", range(90)), ("second", range(30, 100))):
            source = rows_file(tmp_path / "a.jsonl", numbers, word)
            vecindex.open(where).ingest(source, transaction_rows=25, **PRECOMPUTED)
        tables.append(lance.dataset(f"{where}/articles.lance").to_table(columns=columns).sort_by("id"))
    assert tables[0].equals(tables[1])
    assert tables[0].num_rows == 100


def test_a_table_without_rows_is_taken_for_another_model(bucket: Bucket, tmp_path: Path) -> None:
    index = vecindex.open(bucket.db)
    index.ingest(rows_file(tmp_path / "a.jsonl", range(5)), **PRECOMPUTED)
    index.delete(where="true")
    assert ids(bucket.db) == []
    report = vecindex.open(bucket.db).ingest(
        rows_file(tmp_path / "a.jsonl", range(7)), vector_field="vector", model="test/another", unverified=True
    )
    assert report.added == 7
    assert vecindex.open(bucket.db).status().fingerprint.model == "test/another"


# -- two writers --------------------------------------------------------------------------------------------


def test_the_second_writer_is_refused_and_named_the_first(bucket: Bucket, tmp_path: Path) -> None:
    rows = rows_file(tmp_path / "a.jsonl", range(5))
    with Database(bucket.db).writer(), pytest.raises(LockedError, match="Another process is writing to") as refused:
        vecindex.open(bucket.db).ingest(rows, **PRECOMPUTED)
    assert f"process {os.getpid()} on {socket.gethostname()}" in str(refused.value)
    assert "Wait until it is done" in str(refused.value)
    assert vecindex.open(bucket.db).ingest(rows, **PRECOMPUTED).added == 5


def held_elsewhere(bucket: Bucket, **changes: Any) -> Objects:
    """Let a lease be that of a process of another machine, which wrote it just now."""
    objects = Objects(bucket.db)
    about = {name: getattr(lease._myself("", 2.0), name) for name in lease.Holder.__slots__}
    objects.write(lease.LEASE, json.dumps({**about, "machine": "another", "host": "far-away", **changes}).encode())
    return objects


def test_a_lease_of_another_machine_lasts_until_it_expires(bucket: Bucket) -> None:
    held_elsewhere(bucket)
    with pytest.raises(LockedError, match="far-away") as refused, Database(bucket.db).writer():
        raise AssertionError
    assert "its lease ends in" in str(refused.value)
    waiting = Database(bucket.db)
    waiting.wait_s = 30
    assert "far-away" in str(waiting.writer_at_work())
    with waiting.writer():
        found = Objects(bucket.db).read(lease.LEASE)
        assert found is not None
        assert json.loads(found[0])["pid"] == os.getpid()
    assert waiting.writer_at_work() is None


def test_a_lease_of_a_process_that_is_gone_is_taken_at_once(bucket: Bucket) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    machine = lease._machine()
    held_elsewhere(bucket, machine=machine, pid=ended.pid, lease_s=1000.0)
    with Database(bucket.db).writer():
        pass
    # A process that got the same number later is another one.
    held_elsewhere(bucket, machine=machine, began="2001-01-01T00:00:00+00:00", lease_s=1000.0)
    with Database(bucket.db).writer():
        pass


@pytest.mark.parametrize("content", [b"", b"{}", b'{"nonce": 1}', b"\xff\xfe"])
def test_a_lease_that_cannot_be_read_is_nobodys_and_expires(
    bucket: Bucket, content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    Objects(bucket.db).write(lease.LEASE, content)
    with pytest.raises(LockedError, match="an unknown machine"), Database(bucket.db).writer():
        raise AssertionError
    monkeypatch.setattr(lease, "LEASE_S", 0.5)
    waiting = Database(bucket.db)
    waiting.wait_s = 20
    with waiting.writer():
        pass


def test_of_many_that_want_a_lease_one_gets_it(bucket: Bucket) -> None:
    won, lost, begin = [], [], threading.Barrier(6)

    def want(number: int) -> None:
        begin.wait()
        try:
            made = lease._acquired(Objects(bucket.db), f" {number}", 0.0, 60.0)
        except LockedError as error:
            lost.append(str(error))
        else:
            won.append(made)

    threads = [threading.Thread(target=want, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(won), len(lost)) == (1, 5)
    won[0].release()


def test_a_lease_is_renewed_and_given_up(bucket: Bucket) -> None:
    objects = Objects(bucket.db)
    with lease.leased(bucket.db, lease_s=30.0):
        first = objects.read(lease.LEASE)
        until = time.monotonic() + 90
        while objects.read(lease.LEASE) == first:
            assert time.monotonic() < until, "it is renewed"
            time.sleep(0.2)
        with pytest.raises(LockedError), lease.leased(bucket.db):
            raise AssertionError
        lease.check_lease(f"{bucket.db}/articles")
    with lease.leased(bucket.db):
        pass


def test_who_has_lost_its_lease_commits_nothing(bucket: Bucket, tmp_path: Path) -> None:
    index = vecindex.open(bucket.db)
    index.ingest(rows_file(tmp_path / "a.jsonl", range(5)), **PRECOMPUTED)
    table = Database(bucket.db).articles("articles")
    with lease.leased(bucket.db, lease_s=2.0):
        held_elsewhere(bucket)
        time.sleep(1.5)  # past half of the lease, when it is looked at again
        with pytest.raises(LockedError, match=r"writes to .* by now"):
            table.delete_ids(["a1"])
        with pytest.raises(LockedError, match="by now"):
            table.set_setting(batch_tokens={})
    assert len(ids(bucket.db)) == 5
    found = Objects(bucket.db).read(lease.LEASE)
    assert found is not None
    assert json.loads(found[0])["host"] == "far-away", "the lease of the other one stays as it is"


def test_a_renewal_whose_answer_was_lost_is_no_lost_lease(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    cut = {"now": False}

    def lose(method: str, path: str, headers: dict[str, str]) -> str:
        if cut["now"] and method == "PUT" and path.endswith(lease.LEASE):
            cut["now"] = False
            return "after"
        return ""

    with proxied(server, cut=lose) as proxy:
        made = in_environment(new_bucket(server, proxy.url), monkeypatch)
        with lease.leased(made.db, lease_s=60.0):
            cut["now"] = True
            held = lease._held[made.db]
            held._renew()
            assert not cut["now"]
            held.check()
            assert not held._lost


@pytest.mark.parametrize("at", [0, 1, 2, 3, 4, 5])
def test_the_first_answers_of_a_store_may_be_lost(server: str, monkeypatch: pytest.MonkeyPatch, at: int) -> None:
    """Four of the question whether conditions are enforced, one of the lease as it is made, one as it is taken over.

    The client asks again, and is refused: what it asked for is there.
    """
    left = {"PUT": -1}

    def lose(method: str, path: str, headers: dict[str, str]) -> str:
        if method != "PUT" or path.endswith(lease.CLOCK):
            return ""
        left["PUT"] -= 1
        return "failed" if left["PUT"] == -1 else ""

    with proxied(server, cut=lose) as proxy:
        made = in_environment(new_bucket(server, proxy.url), monkeypatch)
        if at == 5:
            with lease.leased(made.db):
                pass
        left["PUT"] = 0 if at == 5 else at
        with lease.leased(made.db):
            assert left["PUT"] < 0, "an answer was lost"
            lease._held[made.db]._renew()
            lease.check_lease(f"{made.db}/articles")
        with lease.leased(made.db):
            pass


# -- commits, when the lease has failed ------------------------------------------------------------------


@pytest.fixture
def without_lease(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every process believe that it holds the lease, as wrong clocks would."""
    monkeypatch.setattr(lease, "check_lease", lambda where: None)
    monkeypatch.setattr(commits, "check_lease", lambda where: None)


def opened(bucket: Bucket, tmp_path: Path) -> None:
    vecindex.open(bucket.db).ingest(rows_file(tmp_path / "a.jsonl", range(20)), **PRECOMPUTED)


def some_rows(bucket: Bucket, numbers: range | list[int], word: str = "new") -> Any:
    """Return rows as an ingest would write them."""
    import pyarrow as pa

    there = lance.dataset(f"{bucket.db}/articles.lance").to_table().slice(0, 1)
    n = len(numbers)
    made = pa.concat_tables([there] * n)
    for name, values in (("id", [f"a{i}" for i in numbers]), ("text", [f"{word} {i}" for i in numbers])):
        at = made.schema.get_field_index(name)
        made = made.set_column(at, made.schema.field(name), pa.array(values))
    return made


@pytest.mark.usefixtures("without_lease")
def test_rows_that_another_writer_has_added_are_not_added_again(bucket: Bucket, tmp_path: Path) -> None:
    opened(bucket, tmp_path)
    mine, other = (Database(bucket.db).articles("articles") for _ in range(2))
    for table in (mine, other):
        assert sum(len(batch[0]) for batch in table.known_rows()) == 20
    other.append(some_rows(bucket, [100, 101]))
    with pytest.raises(LockedError, match="2 of the 3 rows of this transaction are there already"):
        mine.append(some_rows(bucket, [100, 101, 102]))
    mine.append(some_rows(bucket, [103]))
    # That these were no ids of the other one's does not make the others known.
    with pytest.raises(LockedError, match="1 of the 2 rows"):
        mine.append(some_rows(bucket, [101, 104]))
    assert ids(bucket.db) == sorted(f"a{i}" for i in (*range(20), 100, 101, 103))


@pytest.mark.usefixtures("without_lease")
def test_a_commit_between_reading_and_writing_is_seen(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other one's commit falls between our look at the table and our commit, each time at the worst moment."""
    opened(bucket, tmp_path)
    mine, other = (Database(bucket.db).articles("articles") for _ in range(2))
    list(mine.known_rows())
    list(other.known_rows())
    written = commits._written
    left = [[100, 101], [200]]

    def interrupted(data: Any, rows: Any) -> Any:
        if left:
            numbers = left.pop()
            monkeypatch.setattr(commits, "_written", written)
            other.append(some_rows(bucket, numbers))
            monkeypatch.setattr(commits, "_written", interrupted)
        return written(data, rows)

    monkeypatch.setattr(commits, "_written", interrupted)
    with pytest.raises(LockedError, match="2 of the 3 rows"):
        mine.append(some_rows(bucket, [100, 101, 102]))
    assert not left, "the first was another id, so that the commit was made again"
    mine.append(some_rows(bucket, [102]))
    assert ids(bucket.db) == sorted(f"a{i}" for i in (*range(20), 100, 101, 102, 200))


@pytest.mark.usefixtures("without_lease")
def test_a_commit_that_loses_to_others_and_their_clean_up_is_made_again(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened(bucket, tmp_path)
    table = Database(bucket.db).articles("articles")
    list(table.known_rows())
    written, done = commits._written, []

    def paused(data: Any, rows: Any) -> Any:
        made = written(data, rows)
        if not done:
            done.append(1)
            other = lance.dataset(data.uri)
            other.delete("id = 'a3'")
            lance.write_dataset(some_rows(bucket, [50]), other, mode="append")
            lance.dataset(data.uri).cleanup_old_versions(timedelta(0))
            lance.write_dataset(some_rows(bucket, [51]), lance.dataset(data.uri), mode="append")
        return made

    monkeypatch.setattr(commits, "_written", paused)
    table.append(some_rows(bucket, [100]))
    assert ids(bucket.db) == sorted(f"a{i}" for i in (*(i for i in range(20) if i != 3), 50, 51, 100))


@pytest.mark.usefixtures("without_lease")
def test_rows_that_a_restored_version_brings_back_are_not_added_again(bucket: Bucket, tmp_path: Path) -> None:
    """Their fragment has the number that it had, and no longer the file of deleted rows."""
    opened(bucket, tmp_path)
    where = f"{bucket.db}/articles.lance"
    before = lance.dataset(where).version
    lance.dataset(where).delete("id = 'a3'")
    table = Database(bucket.db).articles("articles")
    assert sum(len(batch[0]) for batch in table.known_rows()) == 19
    lance.dataset(where, version=before).restore()
    with pytest.raises(LockedError, match="1 of the 2 rows of this transaction are there already"):
        table.append(some_rows(bucket, [3, 100]))
    assert ids(bucket.db) == sorted(f"a{i}" for i in range(20))


@pytest.mark.usefixtures("without_lease")
def test_changed_rows_stay_unique_whoever_comes_between(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened(bucket, tmp_path)
    mine, other = (Database(bucket.db).articles("articles") for _ in range(2))
    written, done = commits._written, []

    def interrupted(data: Any, rows: Any) -> Any:
        if len(done) < 3:
            done.append(1)
            monkeypatch.setattr(commits, "_written", written)
            other.replace(some_rows(bucket, [*range(5), 300], f"other {len(done)}"), gone=["a19"])
            monkeypatch.setattr(commits, "_written", interrupted)
        return written(data, rows)

    monkeypatch.setattr(commits, "_written", interrupted)
    mine.replace(some_rows(bucket, [*range(3, 8), 300, 301], "mine"))
    table = lance.dataset(f"{bucket.db}/articles.lance").to_table(columns=["id", "text"])
    texts = dict(zip(*(table.column(name).to_pylist() for name in ("id", "text")), strict=True))
    assert table.num_rows == len(texts) == 21
    assert texts["a0"] == "other 3 0"
    assert [texts[f"a{i}"] for i in (3, 300, 301)] == ["mine 3", "mine 300", "mine 301"]
    assert "a19" not in texts


def test_all_rows_of_a_fragment_may_be_replaced(bucket: Bucket, tmp_path: Path) -> None:
    opened(bucket, tmp_path)
    table = Database(bucket.db).articles("articles")
    before = table.version
    table.replace(some_rows(bucket, range(20), "all"))
    assert table.version == before + 1
    table.replace(some_rows(bucket, [*range(20), 21], "again"))
    assert table.version == before + 3, "what is new is a commit of its own"
    assert ids(bucket.db) == sorted(f"a{i}" for i in (*range(20), 21))


def ready(table: Any, rows: Any) -> list[str]:
    """Write rows as fragments that no version names yet, as the workers of a wave do."""
    return [json.dumps(piece.to_json()) for piece in commits._written(table.lance.to_lance(), rows)]


@pytest.mark.usefixtures("without_lease")
def test_new_rows_of_a_wave_that_others_add_between_its_two_commits_are_not_added_again(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened(bucket, tmp_path)
    mine, other = (Database(bucket.db).articles("articles") for _ in range(2))
    list(mine.known_rows())
    every = [f"a{i}" for i in range(20)]
    new, instead = ready(mine, some_rows(bucket, [100, 101])), ready(mine, some_rows(bucket, range(20), "changed"))
    made, done = commits.committed, []

    def interrupted(data: Any, operation: Any, tokens: set[str]) -> int:
        version = made(data, operation, tokens)
        if not done:
            done.append(type(operation).__name__)
            monkeypatch.setattr(commits, "committed", made)
            other.append(some_rows(bucket, [101, 102]))
        return version

    monkeypatch.setattr(commits, "committed", interrupted)
    with pytest.raises(LockedError, match="2 ready rows were not added"):
        mine.add_written(commits.Written(new, instead, ["a100", "a101"], every))
    assert done == ["Update"]
    assert ids(bucket.db) == sorted([*every, "a101", "a102"])
    texts = lance.dataset(f"{bucket.db}/articles.lance").to_table(filter="id = 'a3'").column("text").to_pylist()
    assert texts == ["changed 3"], "what replaces something is a commit of its own"


def test_a_wave_whose_files_the_next_holder_of_the_lease_has_swept_is_refused(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened(bucket, tmp_path)
    latest, done = commits._latest, []

    def paused(handle: Any) -> Any:
        """For longer than the lease, just before the commit."""
        if not done:
            done.append(1)
            held_elsewhere(bucket)
            other = Database(bucket.db).articles("articles")
            with monkeypatch.context() as patch:
                patch.setattr(commits, "check_lease", lambda where: None)  # it holds the lease
                assert orphans.sweep_orphans(other.lance, other.where, timedelta(0))[0] == 1
            time.sleep(1.5)
        return latest(handle)

    with lease.leased(bucket.db, lease_s=2.0):
        table = Database(bucket.db).articles("articles")
        list(table.known_rows())
        written = commits.Written(ready(table, some_rows(bucket, [100])), [], ["a100"], [])
        monkeypatch.setattr(commits, "_latest", paused)
        with pytest.raises(LockedError, match=r"writes to .* by now"):
            table.add_written(written)
    data = lance.dataset(f"{bucket.db}/articles.lance")
    assert data.to_table().num_rows == 20, "all of it can be read"


def test_a_commit_whose_answer_was_lost_is_known_for_made(
    server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The store has done what was asked, and the connection broke; or it said 500 and has done nothing."""
    faults: list[str] = []

    def lose(method: str, path: str, headers: dict[str, str]) -> str:
        return faults.pop() if faults and method == "PUT" and "/_versions/" in path else ""

    with proxied(server, cut=lose) as proxy:
        made = in_environment(new_bucket(server, proxy.url), monkeypatch)
        opened(made, tmp_path)
        table = Database(made.db).articles("articles")
        list(table.known_rows())
        for at, fault in enumerate(["after", "before", "after"]):
            faults.append(fault)
            table.append(some_rows(made, [100 + at]))
            assert not faults
        faults.append("after")
        table.replace(some_rows(made, [100, 101], "mine"))
        assert ids(made.db) == sorted(f"a{i}" for i in (*range(20), 100, 101, 102))


@pytest.mark.usefixtures("without_lease")
def test_a_writer_paused_in_a_commit_brings_no_deleted_row_back(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Lance takes versions that were cleaned up for none, so that the commit is accepted; it is undone."""
    opened(bucket, tmp_path)
    table = Database(bucket.db).articles("articles")
    list(table.known_rows())
    written, done = commits._written, []

    def paused(data: Any, rows: Any) -> Any:
        made = written(data, rows)
        if not done:
            done.append(1)
            other = lance.dataset(data.uri)
            other.tags.create("kept", other.version)
            other.delete("id = 'a3'")
            other.update_config({"a": "b"})
            other.cleanup_old_versions(timedelta(0), error_if_tagged_old_versions=False)
        return made

    monkeypatch.setattr(commits, "_written", paused)
    table.append(some_rows(bucket, [100]))
    assert ids(bucket.db) == sorted(f"a{i}" for i in (*(i for i in range(20) if i != 3), 100))


# -- what killed writers leave ------------------------------------------------------------------------------


def test_files_that_no_version_names_are_swept(bucket: Bucket, tmp_path: Path) -> None:
    opened(bucket, tmp_path)
    index = vecindex.open(bucket.db)
    index.tag("kept")
    index.delete("a1")
    table = Database(bucket.db).articles("articles")
    commits._written(table.lance.to_lance(), some_rows(bucket, [100]))
    found = orphans.orphans(table.lance, table.where)
    assert [one.name.rpartition("/")[0] for one in found] == ["articles.lance/data"]
    assert orphans.orphans(table.lance, table.where, timedelta(hours=1)) == []
    (note,) = [note for note in index.doctor().notes if "No version names 1 file" in note]
    assert "optimize" in note
    index.optimize()
    assert len(orphans.orphans(table.lance, table.where)) == 1, "it may be of a commit in the making"
    report = index.optimize(older_than="0s")
    assert report.notes[0].startswith("old versions in object storage stay for 10 minutes")
    assert any("removed 1 file" in note for note in report.notes)
    assert orphans.orphans(table.lance, table.where) == []
    assert len(ids(bucket.db)) == 19
    assert len(vecindex.open(bucket.db).doctor().findings) == 0
    data = lance.dataset(f"{bucket.db}/articles.lance", version="kept")
    assert data.count_rows() == 20


@pytest.mark.usefixtures("without_lease")
def test_a_commit_in_the_making_is_refused_after_a_sweep_of_its_files(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened(bucket, tmp_path)
    mine, other = (Database(bucket.db).articles("articles") for _ in range(2))
    list(mine.known_rows())
    written, done = commits._written, []

    def paused(data: Any, rows: Any) -> Any:
        made = written(data, rows)
        if rows is not None and not done:
            done.append(1)
            assert orphans.sweep_orphans(other.lance, other.where, timedelta(0))[0] == 1
        return made

    monkeypatch.setattr(commits, "_written", paused)
    mine.append(some_rows(bucket, [100]))
    data = lance.dataset(f"{bucket.db}/articles.lance")
    assert data.to_table().num_rows == 21, "all of it can be read"


def test_doctor_finds_tagged_versions_that_lack_files(bucket: Bucket, tmp_path: Path) -> None:
    opened(bucket, tmp_path)
    index = vecindex.open(bucket.db)
    index.tag("old")
    (data,) = [name for name in bucket.names("deep/db/articles.lance/data") if name.endswith(".lance")]
    index.ingest(rows_file(tmp_path / "b.jsonl", range(20), "second"), **PRECOMPUTED)
    bucket.store().delete(data)
    report = index.doctor()
    (finding,) = report.findings
    assert finding.check == "versions"
    assert finding.examples[0].startswith("old, version")


# -- what goes wrong ----------------------------------------------------------------------------------------


def test_what_goes_wrong_is_said_in_words(bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = rows_file(tmp_path / "a.jsonl", range(3))
    with socket.create_server(("127.0.0.1", 0)) as free:
        nobody = f"http://127.0.0.1:{free.getsockname()[1]}"
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    cases: dict[str, tuple[str, dict[str, str]]] = {
        "there is no bucket 'no-such-bucket-here' at": ("s3://no-such-bucket-here/db", {}),
        "cannot be reached": (bucket.db, {"AWS_ENDPOINT": nobody}),
        "no keys for it were found": (bucket.db, {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}),
        "set AWS_ALLOW_HTTP=true": (bucket.db, {"AWS_ALLOW_HTTP": ""}),
    }
    for words, (where, settings) in cases.items():
        ended = run(bucket, "status", "--db", where, AWS_EC2_METADATA_DISABLED="true", **settings)
        assert ended.returncode == 5, ended.stderr
        said = [ended.stderr]
        with monkeypatch.context() as patch:
            for name, value in settings.items():
                patch.setenv(name, value) if value else patch.delenv(name)
            index = vecindex.open(where)
            asked: list[Callable[[], Any]] = [
                lambda index=index: index.ingest(rows, **PRECOMPUTED),
                lambda index=index: index.search("x"),
                lambda index=index: index.tag("t"),
            ]
            for ask in asked:
                with pytest.raises(UnavailableError) as refused:
                    ask()
                said.append(str(refused.value))
        for one in said:
            assert words in one, one
            assert len(one.strip().splitlines()) <= 3, one
            for raw in ("Error {", "Generic", ".rs:", "Traceback", SECRET, KEY_ID):
                assert raw not in one, (raw, one)


@pytest.mark.parametrize("word", ["timeouts", "request timeout", "AccessDenied", "SlowDown", "connect error"])
def test_a_name_is_not_taken_for_a_fault(bucket: Bucket, tmp_path: Path, word: str) -> None:
    where = f"s3://{bucket.name}/{word}/db"
    index = vecindex.open(where, "timed-out")
    assert index.ingest(rows_file(tmp_path / "a.jsonl", range(3)), **PRECOMPUTED).added == 3
    with pytest.raises(TableNotFoundError, match="No table 'AccessDenied'"):
        vecindex.open(where, "AccessDenied").delete("a1")
    out = f"s3://{bucket.name}/{word}.csv"
    assert size_there(out) is None
    assert index.export(out).bytes == size_there(out)
    with pytest.raises(UnavailableError, match="there is no bucket 'no-such-bucket-here' at"):
        Objects(f"s3://no-such-bucket-here/{word}").read("x.csv")


def test_a_profile_that_is_not_there_has_no_keys(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = rows_file(tmp_path / "a.jsonl", range(3))
    settings = {"AWS_PROFILE": "nobody-has-this", "AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}
    ended = run(bucket, "ingest", str(rows), *PRECOMPUTED_FLAGS, "--db", bucket.db, **settings)
    assert ended.returncode == 5, ended.stderr
    assert "no keys for it were found" in ended.stderr
    for name, value in settings.items():
        monkeypatch.setenv(name, value) if value else monkeypatch.delenv(name)
    with pytest.raises(SourceError, match="no keys for it were found"):
        vecindex.open(tmp_path / "db").ingest(f"s3://{bucket.name}/a.jsonl", **PRECOMPUTED)


def test_a_bucket_or_a_folder_is_no_file_to_export_to(bucket: Bucket) -> None:
    for out in (f"s3://{bucket.name}", f"s3://{bucket.name}/", f"s3://{bucket.name}/out/", "s3://"):
        with pytest.raises(ConfigError, match=f"'{out}' names no file in a bucket") as refused:
            size_there(out)
        assert "s3://BUCKET/NAME" in str(refused.value.hint)


def test_a_bucket_may_have_the_name_of_a_fault(server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    urllib.request.urlopen(urllib.request.Request(f"{server}/timeout", method="PUT")).close()
    in_environment(new_bucket(server), monkeypatch)
    index = vecindex.open("s3://timeout/timeout")
    assert index.ingest(rows_file(tmp_path / "a.jsonl", range(3)), **PRECOMPUTED).added == 3
    with socket.create_server(("127.0.0.1", 0)) as free:
        nobody = f"http://127.0.0.1:{free.getsockname()[1]}"
    monkeypatch.setenv("AWS_ENDPOINT", nobody)
    with pytest.raises(UnavailableError, match="cannot be reached"):
        index.ingest(rows_file(tmp_path / "a.jsonl", range(3)), **PRECOMPUTED)


@pytest.mark.parametrize(
    ("where", "words"),
    [
        ("s3://no-such-bucket-here/a.jsonl", "there is no bucket 'no-such-bucket-here'"),
        ("s3://no-such-bucket-here/a/", "there is no bucket 'no-such-bucket-here'"),
        ("s3://no-such-bucket-here/*.jsonl", "there is no bucket 'no-such-bucket-here'"),
    ],
)
def test_what_goes_wrong_with_a_source(bucket: Bucket, where: str, words: str) -> None:
    with pytest.raises(SourceError, match=words) as refused:
        vecindex.open(bucket.db).ingest(where, **PRECOMPUTED)
    assert "Generic" not in str(refused.value)


def test_sources_and_exports_by_url(bucket: Bucket, tmp_path: Path) -> None:
    """A file, a glob and a folder of a bucket, a file of a web server; and exports that become sources again."""
    for name, numbers in (("a.jsonl", range(10)), ("b.jsonl", range(10, 25)), ("c.txt", range(1))):
        path = rows_file(tmp_path / name, numbers)
        obstore.put(bucket.store(), f"in/deep/{name}", path.read_bytes())
    packed = gzip.compress((tmp_path / "b.jsonl").read_bytes())
    obstore.put(bucket.store(), "in/packed.jsonl.gz", packed)
    local = vecindex.open(tmp_path / "db")
    for at, (source, count) in enumerate(
        [
            (f"s3://{bucket.name}/in/deep/a.jsonl", 10),
            (f"s3://{bucket.name}/in/*.gz", 15),
            (f"s3://{bucket.name}/in/deep/*.jsonl", 25),
            (f"s3://{bucket.name}/in/deep/", 25),
        ]
    ):
        assert vecindex.open(tmp_path / f"db{at}").ingest(source, **PRECOMPUTED).added == count, source
    with pytest.raises(SourceError, match="no such file or folder"):
        local.ingest(f"s3://{bucket.name}/in/nothing.jsonl", **PRECOMPUTED)
    files = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(tmp_path))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), files) as web:
        threading.Thread(target=web.serve_forever, daemon=True).start()
        assert local.ingest(f"http://127.0.0.1:{web.server_address[1]}/b.jsonl", **PRECOMPUTED).added == 15
        web.shutdown()
    out = f"s3://{bucket.name}/out/rows"
    report = local.export(f"{out}.parquet", vectors=True)
    assert report.bytes == len(bucket.contents()["out/rows.parquet"])
    assert vecindex.open(tmp_path / "again").ingest(f"{out}.parquet", **PRECOMPUTED).added == 15
    report = local.export(f"{out}.npy")
    assert report.ids_out == f"{out}.ids.json"
    there = bucket.contents()
    assert json.loads(there["out/rows.ids.json"]) == [f"a{i}" for i in range(10, 25)]
    assert np.load(io.BytesIO(there["out/rows.npy"])).shape == (15, 8)
    assert local.export(f"{out}.csv.gz").rows == 15
    assert len(gzip.decompress(bucket.contents()["out/rows.csv.gz"]).splitlines()) == 16
    with pytest.raises(UnavailableError, match="there is no bucket"):
        local.export("s3://no-such-bucket-here/x.csv")
    with pytest.raises(ConfigError, match="names no bucket"):
        local.export("ftp://host/x.csv")


def test_an_export_that_fails_leaves_the_old_object(bucket: Bucket, tmp_path: Path) -> None:
    index = vecindex.open(tmp_path / "db")
    index.ingest(rows_file(tmp_path / "a.jsonl", range(5)), **PRECOMPUTED)
    out = f"s3://{bucket.name}/out/rows.csv"
    index.export(out)
    before = bucket.contents()
    with pytest.raises(ConfigError):
        index.export(out, where="1 / (length(id) - 2) > 0")
    assert bucket.contents() == before
    ended = run(bucket, "export", out, "--db", str(tmp_path / "db"))
    assert ended.returncode == 2
    assert "exists" in ended.stderr


def test_keys_that_the_store_refuses(server: str, tmp_path: Path) -> None:
    made = new_bucket(server)

    def enforce(from_now: str) -> None:
        raw = {"Content-Type": "application/octet-stream"}
        request = urllib.request.Request(f"{server}/moto-api/reset-auth", from_now.encode(), raw, method="POST")
        urllib.request.urlopen(request).close()

    enforce("0")
    try:
        ended = run(made, "status", "--db", made.db)
    finally:
        enforce("inf")
    assert ended.returncode == 5
    assert "refuses these keys" in ended.stderr
    assert "AWS_ACCESS_KEY_ID" in ended.stderr
    assert KEY_ID not in ended.stderr
    assert SECRET not in ended.stderr


def test_no_key_is_stored_or_said(bucket: Bucket, tmp_path: Path) -> None:
    rows, log = rows_file(tmp_path / "a.jsonl", range(30)), tmp_path / "log"
    commands = (
        ["ingest", str(rows), *PRECOMPUTED_FLAGS],
        ["doctor", "--json"],
        ["delete", "a1", "--yes"],
    )
    said = ""
    for command in commands:
        ended = run(bucket, "--log-file", str(log), *command, "--db", bucket.db, LANCE_LOG="info", LANCEDB_LOG="info")
        said += ended.stdout + ended.stderr
        assert ended.returncode == 0, ended.stderr
    said += log.read_text(encoding="utf-8")
    assert "30" in said
    assert SECRET not in said
    assert KEY_ID not in said
    stored = bucket.contents()
    assert len(stored) > 10
    for name, content in stored.items():
        assert SECRET.encode() not in content, name
        assert KEY_ID.encode() not in content, name


def test_a_url_that_holds_no_database_is_refused(tmp_path: Path) -> None:
    for where in ("ftp://host/db", "s3://"):
        with pytest.raises((ConfigError, StoreError)):
            vecindex.open(where).ingest(rows_file(tmp_path / "a.jsonl", range(3)), **PRECOMPUTED)


def test_an_index_is_measured_without_opening_the_table_for_each_search(
    server: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    searches = 0

    def counted(*arguments: Any, **options: Any) -> Any:
        nonlocal searches
        searches += 1
        return nearest(*arguments, **options)

    nearest = measure.nearest
    monkeypatch.setattr(measure, "nearest", counted)
    monkeypatch.setattr(measure, "QUERIES", 30)
    with proxied(server) as proxy:
        made = in_environment(new_bucket(server, proxy.url), monkeypatch)
        index = vecindex.open(made.db)
        index.ingest(rows_file(tmp_path / "a.jsonl", range(300)), **PRECOMPUTED)
        proxy.seen.clear()
        assert index.build_index(type="IVF_SQ").rows_indexed == 300
    assert searches > 60
    looks = [path for _, path in proxy.seen if "_versions" in path]
    heads = [path for _, path in proxy.seen if path.endswith("/index.idx")]
    # Each search used to ask for the version 10 times, and to read the head of the index.
    assert len(looks) < 100
    assert len(heads) < 150
