"""Ingests on a cluster of several machines, which come and go: each is a node of Ray on this one."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

import vecindex
from clusters import MODEL, SETTINGS, installed_encoder, look_for_encoders_again, rows_of
from object_storage import Bucket, in_environment, new_bucket, rows_file
from tables import Notices
from vecindex.cluster import pool
from vecindex.errors import ConfigError

ENGINE: dict[str, Any] = {"engine": "ray:auto", "worker_cores": 1}
WAIT_S = 250
ROWS = 400


@pytest.fixture(scope="module")
def bucket(server: str) -> Iterator[Bucket]:
    with pytest.MonkeyPatch.context() as patch:
        yield in_environment(new_bucket(server), patch)


@pytest.fixture(scope="module")
def machines(bucket: Bucket, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A cluster of two machines with a core each; its processes have the settings of the bucket."""
    assert bucket
    encoder = str(installed_encoder(tmp_path_factory.mktemp("encoder")))
    with (
        pytest.MonkeyPatch.context() as patch,
        tempfile.TemporaryDirectory(prefix="vecindex-test-", dir="/tmp") as short,
    ):
        for name, value in {**SETTINGS, "PYTHONPATH": os.pathsep.join([encoder, *sys.path])}.items():
            patch.setenv(name, value)
        patch.syspath_prepend(encoder)
        look_for_encoders_again()
        import ray
        from ray.cluster_utils import Cluster

        Path(short, "ray").mkdir()
        first = {"num_cpus": 1, "object_store_memory": 80 << 20, "include_dashboard": False}
        cluster = Cluster(initialize_head=True, head_node_args=first)
        try:
            cluster.add_node(num_cpus=1, object_store_memory=80 << 20)
            ray.init(address=cluster.address, log_to_driver=False, logging_level=logging.CRITICAL)
            yield cluster
        finally:
            ray.shutdown()
            cluster.shutdown()
            look_for_encoders_again()


def until(condition: Callable[[], Any]) -> None:
    deadline = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < deadline, "it has not come to that"
        time.sleep(0.1)


def test_a_local_table_is_refused_where_workers_are_elsewhere(machines: Any, tmp_path: Path) -> None:
    assert machines
    with pytest.raises(ConfigError, match="is a folder of this machine, and the Ray cluster has others") as error:
        vecindex.open(tmp_path / "db").ingest([{"id": "a", "text": "word"}], model=MODEL, **ENGINE)
    assert "object storage" in str(error.value)


def test_a_command_joins_by_the_address_of_the_head(machines: Any, bucket: Bucket, tmp_path: Path) -> None:
    db, rows = f"s3://{bucket.name}/joined/db", rows_file(tmp_path / "rows.jsonl", range(50))
    engine = ("--engine", f"ray:{machines.address}", "--worker-cores", "1", "--transaction-rows", "10")
    vectors = ("--vector-field", "vector", "--model", "test/none", "--unverified")
    command = [sys.executable, "-m", "vecindex.cli.app", "ingest", str(rows), "--db", db, *vectors, *engine]
    done = subprocess.run(command, capture_output=True, text=True, timeout=WAIT_S, check=False)
    assert done.returncode == 0, done.stderr
    assert {row_id: row["text"] for row_id, row in rows_of(db).items()} == {f"a{i}": f"first {i}" for i in range(50)}
    # It leaves the cluster as it was.
    assert len([node for node in machines.list_all_nodes() if node]) == 2


def test_machines_that_come_and_go_lose_nothing(machines: Any, bucket: Bucket) -> None:
    db, seen = f"s3://{bucket.name}/machines/db", Notices()
    at, gone_on = threading.Semaphore(0), threading.Semaphore(0)

    def rows() -> Iterator[dict[str, Any]]:
        for i in range(ROWS):
            if i in (100, 250):
                at.release()
                gone_on.acquire(timeout=WAIT_S)
            yield {"id": f"a{i}", "text": f"word{i} of many"}

    done: list[Any] = []

    def run() -> None:
        options: dict[str, Any] = {"model": MODEL, "transaction_rows": 10, "wave_rows": 60, **ENGINE}
        try:
            done.append(vecindex.open(db).ingest(rows(), name="rows", observer=seen, **options))
        except BaseException as error:  # noqa: BLE001 (asserted below)
            done.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    assert at.acquire(timeout=WAIT_S)
    # One goes with its worker, as a spot machine does.
    machines.remove_node(machines.worker_nodes.copy().pop(), allow_graceful=False)
    gone_on.release()
    assert at.acquire(timeout=WAIT_S)
    machines.add_node(num_cpus=1, object_store_memory=80 << 20)
    gone_on.release()
    thread.join(WAIT_S)
    assert not thread.is_alive()
    report = done[0]
    assert not isinstance(report, BaseException), report
    assert (report.added, report.rejected, report.rows_in_table) == (ROWS, 0, ROWS)
    assert {row_id: row["text"] for row_id, row in rows_of(db).items()} == {
        f"a{i}": f"word{i} of many" for i in range(ROWS)
    }
    until(lambda: len([node for node in machines.list_all_nodes() if node]) == 2)


def test_a_machine_that_joins_is_left_alone_where_it_does_not_reach_the_table(
    machines: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import ray

    for node in list(machines.worker_nodes):
        machines.remove_node(node, allow_graceful=False)
    until(lambda: sum(node["Alive"] for node in ray.nodes()) == 1)
    monkeypatch.setattr(pool, "_LOOK_S", 0.0)
    close, on = pool.Pool.close, list[str]()

    def noted(self: pool.Pool) -> None:
        on.extend(worker.node for worker in self._workers)
        close(self)

    monkeypatch.setattr(pool.Pool, "close", noted)

    at, gone_on = threading.Semaphore(0), threading.Semaphore(0)

    def rows() -> Iterator[dict[str, Any]]:
        for i in range(ROWS):
            if i == 100:
                at.release()
                gone_on.acquire(timeout=WAIT_S)
            yield {"id": f"a{i}", "text": f"word{i} of many"}

    options: dict[str, Any] = {"model": MODEL, "transaction_rows": 10, "wave_rows": 60, **ENGINE}
    with ThreadPoolExecutor(1) as other:
        run = other.submit(lambda: vecindex.open(tmp_path / "db").ingest(rows(), name="rows", **options))
        assert at.acquire(timeout=WAIT_S)
        machines.add_node(num_cpus=1, object_store_memory=80 << 20)
        until(lambda: sum(node["Alive"] for node in ray.nodes()) == 2)
        gone_on.release()
        assert run.result(WAIT_S).added == ROWS
    assert on == [ray.get_runtime_context().get_node_id()]
