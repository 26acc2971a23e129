"""What all tests share: no network but loopback, the sample, and the data that lies outside the repository."""

from __future__ import annotations

import ipaddress
import math
import os
import socket
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest
from filelock import FileLock

if TYPE_CHECKING:
    from object_storage import Bucket

# Read when the libraries are imported, so they must stand before any test imports one.
if "PYTEST_XDIST_WORKER_COUNT" in os.environ:
    # Test processes share the cores. With threads for all of them in each, a third of the time goes to waiting.
    mine = max(1, (os.cpu_count() or 1) // int(os.environ["PYTEST_XDIST_WORKER_COUNT"]))
    os.environ.setdefault("OMP_NUM_THREADS", str(mine))
# A thread of OpenMP that waits for another gives its core away. By default it spins, and openTSNE, which takes a
# thread for each core, is then a hundred times slower next to other test processes.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"
os.environ.setdefault("LANCEDB_LOG", "error")
os.environ.setdefault("LANCE_LOG", "error")
os.environ.pop("VECINDEX_DB", None)
# So that a message is on one line; what is tested of lines sets its own.
os.environ["COLUMNS"] = "1000"
os.environ["VECINDEX_TIMES"] = "no"

# No test asserts a time, not even that of one example or of its making.
_SLOW = [hypothesis.HealthCheck.too_slow]
hypothesis.settings.register_profile("untimed", deadline=None, suppress_health_check=_SLOW)
hypothesis.settings.load_profile("untimed")

ROOT = Path(__file__).resolve().parent.parent
SHARED = Path(os.environ.get("VECINDEX_SHARED") or ROOT.parent / "shared")


class NetworkUsed(AssertionError):
    """A test reached for the network. Not an OSError, so that no library takes it for a machine without one."""


def is_loopback(host: object) -> bool:
    """Return whether a host's name or address means this machine."""
    if host is None or host in ("", "localhost"):
        return True
    try:
        return ipaddress.ip_address(str(host).split("%")[0]).is_loopback
    except ValueError:
        return False


def check_address(address: Any) -> None:
    """Raise NetworkUsed for an internet address beyond loopback; a path (AF_UNIX) may pass."""
    if isinstance(address, tuple) and not is_loopback(address[0]):
        raise NetworkUsed(f"a test connects to {address[0]!r}")


@pytest.fixture(scope="session", autouse=True)
def only_loopback() -> Iterator[None]:
    """Stop every connection and name look-up of this process that leaves the machine."""
    connect, connect_ex, look_up = socket.socket.connect, socket.socket.connect_ex, socket.getaddrinfo

    def guarded_connect(self: socket.socket, address: Any) -> None:
        check_address(address)
        return connect(self, address)

    def guarded_connect_ex(self: socket.socket, address: Any) -> int:
        check_address(address)
        return connect_ex(self, address)

    def guarded_look_up(host: Any, *args: Any, **kwargs: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        if not is_loopback(name):
            raise NetworkUsed(f"a test looks up {name!r}")
        return look_up(host, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", guarded_connect)
        patch.setattr(socket.socket, "connect_ex", guarded_connect_ex)
        patch.setattr(socket, "getaddrinfo", guarded_look_up)
        yield


@pytest.fixture(scope="session", autouse=True)
def untimed() -> Iterator[None]:
    """Let time decide nothing in an ingest of this process: where transactions end, and how much a forecast reads.

    On a busy machine it would decide otherwise. What is tested of such a limit sets its own.
    """
    from vecindex.sources.samples import sample
    from vecindex.verbs.ingest import ingest, rate, run
    from vecindex.verbs.ingest.known import blocks, unchanged

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ingest, "COMMIT_EVERY_S", math.inf)
        patch.setattr(ingest, "Planner", partial(ingest.Planner, every_s=math.inf))
        for module, name in (
            (sample, "SECONDS"),
            (rate, "PROBE_S"),
            (run, "_HINTS_S"),
            (blocks, "_GATHERED_S"),
            (unchanged, "_LATE_S"),
        ):
            # Not without end: a lock takes it, too.
            patch.setattr(module, name, 1e6)
        yield


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Keep what pytest prints itself to the width of a page."""
    config.get_terminal_writer().fullwidth = 80


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip the tests marked `shared` where its data is not at hand."""
    if (SHARED / "data").is_dir():
        return
    skip = pytest.mark.skip(reason=f"no {SHARED / 'data'}; name its parent in VECINDEX_SHARED")
    for item in items:
        if item.get_closest_marker("shared"):
            item.add_marker(skip)


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder with the full corpus; for tests marked `shared`."""
    return SHARED / "data"


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    """A real S3 server on loopback, by its URL."""
    from object_storage import moto

    with moto() as running:
        yield running


@pytest.fixture
def bucket(server: str, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    """A bucket of its own, which this process and its children find."""
    from object_storage import in_environment, new_bucket

    return in_environment(new_bucket(server), monkeypatch)


@pytest.fixture(scope="session")
def sample() -> list[Path]:
    """The sample's files of articles."""
    return sorted((ROOT / "examples").glob("articles-*.jsonl"))


@pytest.fixture(scope="session")
def sample_db(sample: list[Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with the sample in its table `articles`, made once for all test processes.

    To be read only: a writing test copies it.
    """
    import vecindex

    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    database, made = folder / "sample-db", folder / "sample-db.made"
    with FileLock(folder / "sample-db.lock"):
        if not made.exists():
            report = vecindex.open(database).ingest(*sample)
            assert report.rejected == 0, report.reject_reasons
            assert report.added == report.rows_in_table == report.read
            made.touch()
    return database
