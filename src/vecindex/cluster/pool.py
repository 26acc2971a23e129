"""Workers on a cluster: as many as it has room for, replaced when they die, their work done again."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from vecindex.cluster.connection import Cluster, Room
from vecindex.errors import ConfigError, Interrupted, ModelError
from vecindex.messages import Message, counted, option, text

_LOG = logging.getLogger(__name__)
MOST_DEATHS = 3
"""So many workers may die of one piece of work."""
UNITS_A_WORKER = 2
"""Pieces of work that wait for each worker or are done by it, so that none is idle and memory is bounded."""
_POLL_S = 0.5
_LOOK_S = 10.0
_READY_S = 900.0
_NOTICE_S = 120.0
_MOST_SAID = 300
OWN = "own"
"""The group of calls that need the worker itself: one at a time. `SIDE` runs alongside, one at a time, too."""
SIDE = "side"


@dataclass(eq=False, slots=True)
class Job:
    """A piece of work, done by some worker."""

    method: str
    arguments: tuple[Any, ...]
    group: str
    name: Message
    reference: Any = None
    worker: _Worker | None = None
    deaths: int = 0


@dataclass(eq=False, slots=True)
class _Worker:
    handle: Any
    machine: Any
    """The reference to the id of its machine."""
    begun: Any
    """The reference of the last call that it must have done before it gets work."""
    node: str = ""
    is_ready: bool = False
    is_gone: bool = False
    jobs: list[Job] = field(default_factory=list)


class Pool:
    """The workers of one run. Its methods may be called from several threads."""

    def __init__(
        self,
        cluster: Cluster,
        kind: type,
        setup: Any,
        room: Room,
        stopped: Callable[[], bool],
        notice: Callable[[Message], None],
        lighter: Message = "",
    ) -> None:
        """Take the class of a worker; its `begin(setup)` is called first and returns the id of its machine.

        `lighter` is what a message advises where memory ran out, besides fewer workers: options of the command.
        """
        self._cluster, self._room, self._stopped, self._notice = cluster, room, stopped, notice
        self._lighter = lighter
        self._setup = setup
        self._preparations: list[tuple[str, tuple[Any, ...]]] = []
        self._lock = threading.RLock()
        self._workers: list[_Worker] = []
        self._looked = 0.0
        self._noticed = False
        self.deaths = 0
        """How many workers have died so far."""
        self._cause = ""
        self._kind = cluster.ray.remote(
            num_cpus=room.cores,
            num_gpus=room.gpus,
            max_restarts=0,
            max_task_retries=0,
            concurrency_groups={OWN: 1, SIDE: 1},
            scheduling_strategy=cluster.scheduling(),
        )(kind)
        if not self._most():
            raise self._no_room()
        self._fill()

    @property
    def size(self) -> int:
        """How many workers there are, or will be as soon as they have begun."""
        return max(1, len(self._workers))

    def prepare(self, method: str, *arguments: Any) -> Any:
        """Let each worker, of today and to come, do something before all other work; return what the first gives."""
        with self._lock:
            self._preparations.append((method, arguments))
            calls = []
            for worker in self._workers:
                worker.begun = self._call(worker, method, arguments)
                calls.append((worker, worker.begun))
        since = time.monotonic()
        while True:
            for worker, call in calls:
                if worker.is_gone:
                    continue
                if self._cluster.ray.wait([call], timeout=_POLL_S)[0]:
                    with self._lock:
                        try:
                            return self._cluster.ray.get(call)
                        except self._cluster.ray.exceptions.RayTaskError as error:
                            raise self._why(worker, error) from None
                        except self._cluster.ray.exceptions.RayError as error:
                            self._bury(worker, error)
            self._heed_stop()
            if not any(self._has_begun(worker) for worker, _ in calls):
                self._heed_room(since)
            if all(worker.is_gone for worker, _ in calls):
                # All died of it, or with their machines: those that replace them do it too.
                with self._lock:
                    calls = [(worker, worker.begun) for worker in self._workers]
                if self.deaths > MOST_DEATHS * self.size:
                    raise self._too_many(text("the start"))

    def submit(self, name: Message, method: str, *arguments: Any, group: str = OWN) -> Job:
        """Give a piece of work, called `name` in messages, to the worker with the least; wait while none is there."""
        job = Job(method, arguments, group, name)
        self._assign(job)
        return job

    def is_done(self, job: Job) -> bool:
        """Return whether a result, or a fault, is there."""
        return bool(self._cluster.ray.wait([job.reference], timeout=0)[0])

    def result(self, job: Job) -> Any:
        """Return what a piece of work gave, done again by another worker where one has died of it or next to it.

        Raises what the work raised, and ModelError where one piece of work has ended several workers.
        """
        ray = self._cluster.ray
        while True:
            try:
                found = ray.get(job.reference)
            except ray.exceptions.RayTaskError as error:
                self._forget(job)
                raise error.cause from None
            except ray.exceptions.RayError as error:
                self._again(job, error)
                continue
            self._forget(job)
            return found

    def close(self) -> None:
        """End all workers."""
        with self._lock:
            for worker in self._workers:
                self._end(worker)
            self._workers.clear()

    # -- which worker --------------------------------------------------------------------------------------

    def _assign(self, job: Job) -> None:
        since = time.monotonic()
        while True:
            with self._lock:
                self._look_around()
                ready = [worker for worker in self._workers if self._is_ready(worker)]
                if ready:
                    worker = min(ready, key=lambda one: sum(each.group == job.group for each in one.jobs))
                    job.worker = worker
                    job.reference = self._call(worker, job.method, job.arguments, job.group)
                    worker.jobs.append(job)
                    return
            self._heed_stop()
            self._heed_room(since)
            time.sleep(_POLL_S)

    def _heed_stop(self) -> None:
        if self._stopped():
            raise Interrupted("Stopped before a worker was there.", "Run the same command again to go on.")

    def _heed_room(self, since: float) -> None:
        """Say once that no worker is there, and give up after a long time."""
        waited = time.monotonic() - since
        if waited > _READY_S:
            raise self._no_room()
        if waited > _NOTICE_S and not self._noticed:
            self._noticed = True
            self._notice(text("no worker has begun yet: the cluster's cores may be taken by others"))

    def _has_begun(self, worker: _Worker) -> bool:
        return bool(self._cluster.ray.wait([worker.machine], timeout=0)[0])

    def _why(self, worker: _Worker, error: Any) -> Any:
        """Return what a call to a worker failed of; where its `begin` did, every call after it fails, too."""
        ray = self._cluster.ray
        try:
            ray.get(worker.machine)
        except ray.exceptions.RayTaskError as first:
            return first.cause
        except ray.exceptions.RayError:
            pass
        return error.cause

    def _is_ready(self, worker: _Worker) -> bool:
        if worker.is_ready or worker.is_gone:
            return worker.is_ready and not worker.is_gone
        ray = self._cluster.ray
        if ray.wait([worker.begun], timeout=0)[0]:
            try:
                ray.get(worker.begun)
                worker.node = ray.get(worker.machine)
            except ray.exceptions.RayTaskError as error:
                raise self._why(worker, error) from None
            except ray.exceptions.RayError as error:
                self._bury(worker, error)
                return False
            worker.is_ready = True
        return worker.is_ready

    def _look_around(self) -> None:
        """Start workers where machines have come."""
        if time.monotonic() > self._looked + _LOOK_S or not self._workers:
            self._fill()

    def _fill(self) -> None:
        self._looked = time.monotonic()
        while len(self._workers) < self._most():
            handle = self._kind.remote()
            worker = _Worker(handle, None, None)
            worker.machine = worker.begun = self._call(worker, "begin", (self._setup,))
            for method, arguments in self._preparations:
                worker.begun = self._call(worker, method, arguments)
            self._workers.append(worker)

    def _most(self) -> int:
        """Return how many workers the machines have room for."""
        most = 0
        for node in self._cluster.nodes():
            there = node["Resources"]
            fits = [int(there.get("CPU", 0) // self._room.cores)] if self._room.cores else []
            fits += [int(there.get("GPU", 0) // self._room.gpus)] if self._room.gpus else []
            most += min(fits)
        return most

    def _call(self, worker: _Worker, method: str, arguments: tuple[Any, ...], group: str = OWN) -> Any:
        return getattr(worker.handle, method).options(concurrency_group=group).remote(*arguments)

    # -- deaths --------------------------------------------------------------------------------------------

    def _forget(self, job: Job) -> None:
        with self._lock:
            if job.worker is not None and job in job.worker.jobs:
                job.worker.jobs.remove(job)
            job.arguments = ()

    def _again(self, job: Job, error: Exception) -> None:
        """Let another worker do it."""
        with self._lock:
            if job.worker is not None:
                self._bury(job.worker, error)
        if job.deaths >= MOST_DEATHS:
            raise self._too_many(job.name)
        self._assign(job)

    def _too_many(self, name: Message) -> ModelError:
        return ModelError(
            text("A worker died each time at ", name, f": {MOST_DEATHS} in a row. Ray says: {self._cause}"),
            text(
                "Most often memory ran out. Run the same command again. Take ",
                text(self._lighter, " or ") if self._lighter else "",
                "fewer workers on a machine, by more cores for each (",
                option("worker_cores"),
                ").",
            ),
        )

    def _bury(self, worker: _Worker, error: Exception) -> None:
        """Take a worker that is gone out, note what it died of, and start another."""
        if worker.is_gone:
            return
        worker.is_gone, worker.is_ready = True, False
        self.deaths += 1
        self._cause = _cause(error)
        _LOG.warning("a worker has died: %s", self._cause)
        is_lost = worker.node and worker.node not in {node["NodeID"] for node in self._cluster.nodes()}
        if not is_lost and (at := blamed(worker.jobs, self._has_result)) is not None:
            at.deaths += 1
        self._end(worker)
        self._workers.remove(worker)
        self._notice(f"a worker has died ({self.deaths} so far); what it was at is done again")
        self._fill()

    def _has_result(self, job: Job) -> bool:
        ray = self._cluster.ray
        if not self.is_done(job):
            return False
        try:
            ray.get(job.reference)
        except ray.exceptions.RayTaskError:
            return True
        except ray.exceptions.RayError:
            return False
        return True

    def _end(self, worker: _Worker) -> None:
        try:
            self._cluster.ray.kill(worker.handle)
        except Exception as error:  # noqa: BLE001 (it is gone, or goes with the connection)
            _LOG.debug("a worker cannot be ended: %s", error)

    def _no_room(self) -> ConfigError:
        there = self._cluster.ray.cluster_resources()
        found = f"{there.get('CPU', 0):g} cores and {there.get('GPU', 0):g} GPUs"
        wanted = f"{self._room.gpus} GPU" if self._room.gpus else counted(self._room.cores, "core")
        return ConfigError(
            f"The Ray cluster has no room for a worker: one needs {wanted} of a machine, all of them have {found}.",
            text("Give it machines, wait until others are done, or ask for less: ", option("worker_cores", 1)),
        )


def blamed(jobs: Sequence[Job], is_done: Callable[[Job], bool]) -> Job | None:
    """Return the piece of work that a worker died of; None where all are done.

    `jobs` are in the order in which the worker got them, and what waits behind the oldest of a group is innocent. Of
    the two that were at work at once it is the own one: the model takes the memory, the side only writes.
    """
    for group in (OWN, SIDE):
        at = next((job for job in jobs if job.group == group and not is_done(job)), None)
        if at is not None:
            return at
    return None


def _cause(error: Exception) -> str:
    """Return what Ray says of a death in one line: the detail where there is one, which follows the ids of the actor.

    >>> _cause(RuntimeError("It died.\\n\\tpid: 7\\nExit type: FAULT Worker exit detail: It left\\nwith code 2."))
    'It left with code 2.'
    """
    said = str(error).strip()
    detail = said.rpartition("Worker exit detail:")[2] if "Worker exit detail:" in said else said.partition("\n")[0]
    return (" ".join(detail.split()) or type(error).__name__)[:_MOST_SAID]


def in_order(jobs: Iterator[Job], pool: Pool) -> Iterator[Any]:
    """Yield what pieces of work gave, in their order, with `UNITS_A_WORKER` of each worker on the way at most."""
    waiting: list[Job] = []
    for job in jobs:
        waiting.append(job)
        while len(waiting) >= UNITS_A_WORKER * pool.size:
            yield pool.result(waiting.pop(0))
    for job in waiting:
        yield pool.result(job)
