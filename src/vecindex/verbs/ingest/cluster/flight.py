"""Transactions on their way to the workers and back."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from threading import RLock

from vecindex.cluster.connection import connected
from vecindex.cluster.engine import Engine
from vecindex.cluster.pool import UNITS_A_WORKER, Job, Pool
from vecindex.embed.encoder import Encoder
from vecindex.embed.encoders import FoundModel, LoadOptions, load, load_light
from vecindex.embed.precision import Precision
from vecindex.messages import option, text
from vecindex.verbs.ingest.cluster.encoder import ClusterEncoder
from vecindex.verbs.ingest.cluster.worker import IngestWorker, Model
from vecindex.verbs.ingest.embedding import Embedder
from vecindex.verbs.ingest.prepare import Ready
from vecindex.verbs.ingest.run import Run

_PAYS_FROM = 100_000
"""Texts from which workers save more on a CPU than their start takes; docs/cluster.md."""


class Workers(ExitStack):
    """The workers of a run, there from the first text to be embedded or row to be written until it is closed."""

    def __init__(self, run: Run, engine: Engine) -> None:
        """Take the run's state and the engine; connect to nothing."""
        super().__init__()
        self._run, self._engine = run, engine
        self._model: Model | None = None
        self._pool: Pool | None = None
        self._lock = RLock()

    @property
    def workers(self) -> int:
        """How many there are."""
        return self.pool().size

    def pool(self) -> Pool:
        """Return the workers, which begin with the first call."""
        with self._lock:
            if self._pool is None:
                self._pool = self._begun()
            return self._pool

    def _begun(self) -> Pool:
        run = self._run
        run.observer.notice(_starting(self._engine, run.rows_total))
        cluster = self.enter_context(connected(self._engine))
        cluster.check_reach(run.database.uri, run.database.folder)
        gpu = self._model is not None and run.options["device"] != "cpu"
        room = cluster.room(run.options["worker_cores"], gpu)
        lighter = "" if self._model is None else text("smaller batches (", option("batch_tokens", 1024), ")")
        pool = Pool(cluster, IngestWorker, self._model, room, run.stop, run.notice_once, lighter)
        self.callback(pool.close)
        return pool

    def encoder(self, files: FoundModel, how: LoadOptions) -> Encoder:
        """Return an encoder whose vectors the workers make; they begin to load the model."""
        run = self._run
        safe = {} if run.table is None else run.table.setting("batch_tokens") or {}
        self._model = Model(files.name, files.revision, files.weights, how, run.options["batch_tokens"], safe)
        self.pool()
        here = replace(how, device="cpu", precision=Precision.AUTO)
        return ClusterEncoder(load_light(files, here) or load(files, here), self.pool)


def _starting(engine: Engine, rows: int | None) -> str:
    """Return the line for the time until the first worker answers, with a word where it hardly pays."""
    what = "starting Ray on this machine ..." if engine.address is None else "connecting to the Ray cluster ..."
    few = rows is not None and rows < _PAYS_FROM
    return f"{what} (below some {_PAYS_FROM:,} texts on a CPU one process is quicker)" if few else what


@dataclass(slots=True)
class _Unit:
    """A transaction on its way: which of its texts were sent, and the piece of work."""

    ready: Ready
    asked: list[int]
    job: Job | None


class Flight:
    """Sends the texts of transactions to the workers, and gives the transactions with their vectors, in order."""

    def __init__(self, run: Run, workers: Workers, embedder: Embedder) -> None:
        """Take the run's state, the workers, and what puts the vectors in."""
        self._run, self._workers, self._embedder = run, workers, embedder
        self._on_the_way: Counter[str] = Counter()
        self._mark = 0.0

    def embedded(self, readies: Iterable[Ready], at_once: bool = False) -> Iterator[Ready]:
        """Yield the transactions, embedded; each before the next is begun if `at_once`."""
        units: deque[_Unit] = deque()
        for ready in readies:
            units.append(self._sent(ready))
            while units and (at_once or self._is_due(units)):
                yield self._back(units.popleft())
        while units:
            yield self._back(units.popleft())

    def _is_due(self, units: deque[_Unit]) -> bool:
        first = units[0].job
        if first is None or self._run.stop():
            return True
        pool = self._workers.pool()
        return len(units) >= UNITS_A_WORKER * pool.size or pool.is_done(first)

    def _sent(self, ready: Ready) -> _Unit:
        """Send the texts that no unit before it embeds."""
        if ready.tokens is None:
            return _Unit(ready, [], None)
        asked = [i for i in self._embedder.missing(ready) if not self._on_the_way[ready.texts[i]]]
        if not asked:
            return _Unit(ready, [], None)
        encoder = self._run.load_encoder()
        assert isinstance(encoder, ClusterEncoder), "workers embed"
        name = text(f"{len(asked):,} texts from {ready.transaction.rows[0].article.location} on")
        if not self._on_the_way:
            self._mark = time.perf_counter()
        self._on_the_way.update(ready.texts[i] for i in asked)
        self._run.sent(len(asked))
        return _Unit(ready, asked, encoder.begin(ready.tokens.some(asked), name))

    def _back(self, unit: _Unit) -> Ready:
        ready, given = unit.ready, {}
        if unit.job is not None:
            encoder = self._run.load_encoder()
            assert isinstance(encoder, ClusterEncoder), "workers embed"
            encoded = encoder.end(unit.job)
            given = {i: encoded.failed.get(at, encoded.vectors[at]) for at, i in enumerate(unit.asked)}
            self._on_the_way -= Counter(ready.texts[i] for i in unit.asked)
            now = time.perf_counter()
            self._run.report.seconds.model += now - self._mark
            self._mark = now
            self._run.came_back(len(unit.asked))
        self._embedder.embed(ready, given)
        return ready
