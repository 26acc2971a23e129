"""A Ray cluster: one of this machine for as long as a run lasts, or one that is there."""

from __future__ import annotations

import logging
import os
import re
import secrets
import shutil
import socket
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from vecindex.cluster.engine import AUTO, RAY, Engine
from vecindex.errors import ConfigError, MissingExtraError
from vecindex.messages import option, text

_LOG = logging.getLogger(__name__)
ANSWER_S = 10.0
"""So long the address of a cluster may take to answer."""
CORES = 4
"""Of a worker without a GPU: more make one piece of work quicker and all of them slower."""
_JOIN_S = 60.0
_STORE_BYTES = 512 << 20
_FOLDER = "vecindex-ray"
_MOST_PATH = 60
"""Sockets lie below the folder, and their paths may have 107 characters."""


def require_ray() -> None:
    """Raise MissingExtraError where Ray is not installed."""
    from importlib.util import find_spec

    if find_spec(RAY) is None:
        raise MissingExtraError(
            text(option("engine", RAY), " needs the package ray, which is not installed."),
            "pip install 'vecindex[ray]'",
        )


def check_address(engine: Engine) -> None:
    """Raise ConfigError where nobody answers at the address of a cluster."""
    if engine.address in (None, AUTO):
        return
    assert engine.address is not None
    host, _, port = engine.address.rpartition(":")
    try:
        socket.create_connection((host.strip("[]"), int(port)), ANSWER_S).close()
    except (OSError, OverflowError) as error:
        raise _no_answer(engine.address, str(error)) from error


def _no_answer(address: str, why: str) -> ConfigError:
    return ConfigError(
        f"No Ray cluster answers at {address} ({why}).",
        text(
            "Check that it runs (`ray status` on its head), and name its head, such as ",
            option("engine", "ray:10.0.0.1:6379"),
            "; without an address Ray is started on this machine: ",
            option("engine", RAY),
        ),
    )


@dataclass(frozen=True, slots=True)
class Room:
    """What a worker takes of a machine."""

    cores: int = 1
    gpus: int = 0


class Cluster:
    """A cluster that this process is connected to.

    Attributes
    ----------
    ray : the library.
    is_ours : whether it was started for this run, on this machine alone.
    """

    def __init__(self, ray: Any, is_ours: bool) -> None:
        """Take the library, which is connected."""
        self.ray, self.is_ours = ray, is_ours
        # The id of the only machine that may be used, None for all.
        self._only: str | None = None

    def nodes(self) -> list[dict[str, Any]]:
        """Return the machines that are there now and may be used."""
        return [node for node in self.ray.nodes() if node["Alive"] and self._only in (None, node["NodeID"])]

    def scheduling(self) -> Any:
        """Return where Ray is to start workers."""
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        return "SPREAD" if self._only is None else NodeAffinitySchedulingStrategy(self._only, soft=False)

    def check_reach(self, uri: str, folder: Path | None) -> None:
        """Raise ConfigError where a database is a folder of this machine, and workers are on others, too.

        Machines that join later are left alone then.
        """
        if folder is None:
            return
        mine = self.ray.get_runtime_context().get_node_id()
        if all(node["NodeID"] == mine for node in self.nodes()):
            self._only = mine
            return
        raise ConfigError(
            f"The database {uri} is a folder of this machine, and the Ray cluster has others, whose workers do not "
            "reach it.",
            "Use a database in object storage (s3://, gs://, az://) that all machines reach.",
        )

    def room(self, cores: int | None, gpu: bool = False) -> Room:
        """Return what a worker takes: a GPU where there are any and one is of use, else some cores."""
        most = {
            kind: max((node["Resources"].get(kind, 0) for node in self.nodes()), default=0) for kind in ("CPU", "GPU")
        }
        if gpu and most["GPU"] >= 1:
            return Room(cores or 1, 1)
        return Room(cores or max(1, min(CORES, int(most["CPU"]))))


class _Made:
    """What this process has set in its environment: the token of its own clusters, None before the first."""

    token: str | None = None


@contextmanager
def connected(engine: Engine) -> Iterator[Cluster]:
    """Connect to a cluster inside the block, or start one; a connection that the caller has made is used and kept.

    Raises MissingExtraError, and ConfigError where the cluster does not answer, or another one was started here.
    """
    require_ray()
    _check_token(engine)
    _set_up(engine)
    ray = import_module(RAY)
    if ray.is_initialized():
        yield Cluster(ray, False)
        return
    folder = _folder() if engine.address is None else None
    ended = threading.Event()
    try:
        if folder is not None:
            _start(ray, folder, ended)
        else:
            check_address(engine)
            _join(ray, str(engine.address), ended)
        yield Cluster(ray, folder is not None)
    finally:
        with suppress(Exception):
            ray.shutdown()
        ended.set()
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)


def _set_up(engine: Engine) -> None:
    """Set what Ray reads when it is imported, unless the user has set it.

    What it says of itself goes to its logs: what matters reaches the user as an error or a notice. A cluster of our
    own has a token of its own: so it is no other user's, and none is written to the home folder.
    """
    values = {
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_SCHEDULER_EVENTS": "0",
        "RAY_BACKEND_LOG_LEVEL": "error",
        "RAY_enable_metrics_collection": "0",
    }
    if engine.address is None and "RAY_AUTH_MODE" not in os.environ and RAY not in sys.modules:
        values |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
        if "RAY_AUTH_TOKEN" not in os.environ:
            _Made.token = values["RAY_AUTH_TOKEN"]
    for name, value in values.items():
        os.environ.setdefault(name, value)


def _check_token(engine: Engine) -> None:
    """Raise ConfigError where Ray has the token of a cluster of our own, which no other cluster knows.

    Ray reads it once for a process, so it cannot be taken back.
    """
    if engine.address is None or _Made.token is None or os.environ.get("RAY_AUTH_TOKEN") != _Made.token:
        return
    if import_module(RAY).is_initialized():
        return
    raise ConfigError(
        text(
            "This process has started a Ray cluster of its own before, with a token of its own, and cannot join the "
            f"one at {engine.address}.",
        ),
        "Start a new process. Or set RAY_AUTH_MODE, and RAY_AUTH_TOKEN where the cluster has one, before the first "
        "run on Ray.",
    )


_SILENT: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.CRITICAL}


def _start(ray: Any, folder: Path, ended: threading.Event) -> None:
    error = _begun(
        ended,
        lambda: ray.init(
            num_cpus=_cores(),
            include_dashboard=False,
            object_store_memory=_STORE_BYTES,
            _temp_dir=str(folder),
            **_SILENT,
        ),
    )
    if error is not None:
        raise ConfigError(
            f"Ray does not start on this machine: {_first_line(error)}",
            text("Leave ", option("engine"), " out to do without it, in this process."),
        ) from error


def _join(ray: Any, address: str, ended: threading.Event) -> None:
    error = _begun(ended, lambda: ray.init(address=address, **_SILENT))
    if error is not None:
        raise _no_answer(address, _first_line(error)) from error


def _begun(ended: threading.Event, begin: Callable[[], Any]) -> BaseException | None:
    """Begin with Ray in a thread of its own; return what it raised, or that it took too long.

    The kernel ends the processes of a cluster with the thread that has started them, and Ray would wait for minutes
    for one that does not answer.
    """
    failed: list[BaseException] = []
    through = threading.Event()

    def run() -> None:
        try:
            begin()
        except BaseException as error:  # noqa: BLE001 (returned)
            failed.append(error)
        through.set()
        ended.wait()

    with _without_stderr():
        threading.Thread(target=run, daemon=True, name="vecindex-ray").start()
        if not through.wait(_JOIN_S):
            return TimeoutError(f"no answer within {_JOIN_S:g} seconds")
    if failed:
        return failed[0]
    _hush()
    return None


def _hush() -> None:
    """Let Ray print no messages about workers that died: their units are done again."""
    with suppress(ImportError):
        worker: Any = import_module("ray._private.worker")
        worker._worker_logs_enabled = False


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _folder() -> Path:
    """Make a folder for the sockets and logs of a cluster, and remove those of processes that were killed."""
    import psutil

    base = Path(tempfile.gettempdir())
    if len(str(base)) > _MOST_PATH:
        base = Path("/tmp")
    for left in base.glob(f"{_FOLDER}-*"):
        found = re.fullmatch(rf"{_FOLDER}-(\d+)-\w+", left.name)
        if found and not psutil.pid_exists(int(found[1])):
            shutil.rmtree(left, ignore_errors=True)
    return Path(tempfile.mkdtemp(prefix=f"{_FOLDER}-{os.getpid()}-", dir=base))


@contextmanager
def _without_stderr() -> Iterator[None]:
    """Let what libraries in C++ write to the error output go nowhere."""
    with suppress(OSError):
        kept = os.dup(2)
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 2)
        os.close(nowhere)
        try:
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)
        return
    yield
