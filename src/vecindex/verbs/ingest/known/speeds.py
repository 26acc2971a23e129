"""How fast a model has been on this machine, kept in the user's cache, so that a forecast need not load it again."""

from __future__ import annotations

import hashlib
import json
import logging
import math
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from vecindex.embed.encoder import Encoder, Tokens
from vecindex.embed.encoders import FoundModel, LoadOptions
from vecindex.embed.models import cache_folder
from vecindex.embed.precision import nvidia_devices
from vecindex.errors import ConfigError
from vecindex.files import write_whole

_LOG = logging.getLogger(__name__)
_LIBRARIES = ("sentence-transformers", "transformers", "torch")
# What these say changes how fast a model is.
_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "CUDA_VISIBLE_DEVICES")
_FEWEST_TOKENS = 2_048
_FARTHEST = 1
"""Classes of length that a rate may be off: texts of twice the length take nearly as long for a token."""


@dataclass(slots=True)
class Speeds:
    """What a model takes for a token, padding included, by the length of texts, and what it is to load.

    Attributes
    ----------
    device, precision, precision_cosine : as the run reports them.
    batch_tokens : that a batch holds.
    load_s : seconds to load the model and to check it.
    measured_at : when, ISO 8601.
    tokens, seconds : by the class of length, see `class_of`.
    """

    device: str
    precision: str
    precision_cosine: float | None
    batch_tokens: int
    load_s: float
    measured_at: str = ""
    tokens: dict[int, int] = field(default_factory=dict)
    seconds: dict[int, float] = field(default_factory=dict)

    def add(self, length: float, tokens: int, seconds: float) -> None:
        """Note that so many tokens, in texts of about this length, took so many seconds."""
        kind = class_of(length)
        self.tokens[kind] = self.tokens.get(kind, 0) + tokens
        self.seconds[kind] = self.seconds.get(kind, 0.0) + seconds

    def of(self, length: float) -> float:
        """Return the seconds that a token takes in texts of this length, or of the nearest that was measured."""
        kind = self._nearest(length)
        return self.seconds[kind] / self.tokens[kind]

    def knows(self, length: float) -> bool:
        """Return whether texts of about this length were measured."""
        return abs(self._nearest(length) - class_of(length)) <= _FARTHEST

    def _nearest(self, length: float) -> int:
        wanted = class_of(length)
        return min(self.tokens, key=lambda one: (abs(one - wanted), -one))


def class_of(length: float) -> int:
    """Return the class of a length in tokens: those of one class differ by a factor of two at most.

    >>> [class_of(n) for n in (1, 15, 16, 23, 256)]
    [0, 4, 4, 5, 8]
    """
    return round(math.log2(max(1.0, length)))


class ModelSpeeds:
    """How fast a model is on this machine, as earlier runs measured it and as this one does.

    `known` is what earlier runs measured, once `recall` was called and where they did.
    """

    def __init__(self, model: FoundModel | None, how: LoadOptions, batch_tokens: int | None) -> None:
        """Take the model, None for one that is not there, how it is loaded, and the size of a batch asked for."""
        self._model, self._how, self._batch_tokens = model, how, batch_tokens
        self.known: Speeds | None = None
        self._now: Speeds | None = None

    def recall(self) -> None:
        """Look up what earlier runs measured."""
        self.known = self._recalled()

    def note(self, encoder: Encoder, tokens: Tokens, batches: Sequence[tuple[int, float]], load_s: float) -> None:
        """Note how long an encoder took for texts, and to be ready, if it is the one that long runs use.

        `batches` are the (texts, seconds) of each, the longest texts first.
        """
        if encoder.most_tokens is not None or sum(n for n, _ in batches) != len(tokens.ids):
            return
        if self._now is None:
            name, precision, cosine = encoder.device_name, encoder.precision.value, encoder.precision_cosine
            self._now = Speeds(name, precision, cosine, encoder.budget.full, load_s)
        lengths, at = sorted(map(len, tokens.ids), reverse=True), 0
        for n, seconds in batches:
            self._now.add(lengths[at], n * lengths[at], seconds)
            at += n

    def remember(self) -> None:
        """Keep what this run measured, in addition to what is known of texts of other lengths.

        What was too short to say anything is not kept. Raises nothing: a cache that cannot be written is none.
        """
        now = self._now
        if now is None or self._model is None:
            return
        measured = {kind for kind, n in now.tokens.items() if n >= _FEWEST_TOKENS and now.seconds[kind] > 0}
        if not measured:
            return
        before = self._recalled()
        kept = asdict(now) | {"measured_at": datetime.now(UTC).isoformat(timespec="seconds")}
        for name in ("tokens", "seconds"):
            old: Mapping[int, float] = {} if before is None else getattr(before, name)
            kept[name] = dict(old) | {kind: value for kind, value in kept[name].items() if kind in measured}
        path = self._path(self._model)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, json.dumps(kept))
        except (OSError, ConfigError) as error:
            _LOG.debug("%s cannot be written: %s", path, error)

    def _recalled(self) -> Speeds | None:
        if self._model is None:
            return None
        try:
            stored = json.loads(self._path(self._model).read_text(encoding="utf-8"))
            by_class = {name: {int(k): v for k, v in stored[name].items()} for name in ("tokens", "seconds")}
            speeds = Speeds(**{**stored, **by_class})
            datetime.fromisoformat(speeds.measured_at)
            measured = [*speeds.tokens.values(), *speeds.seconds.values(), speeds.batch_tokens]
            is_sound = speeds.tokens and speeds.tokens.keys() == speeds.seconds.keys() and speeds.load_s >= 0
            return speeds if is_sound and all(value > 0 for value in measured) else None
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return None

    def _path(self, model: FoundModel) -> Path:
        """Return where it is kept, by all that it depends on."""
        how = self._how
        parts = [
            *(model.weights, how.device, str(how.precision), how.backend, self._batch_tokens),
            *(platform.node(), platform.machine(), _processor(), len(_cores())),
            # With one, the same options mean another device.
            nvidia_devices(),
            *(os.environ.get(name) for name in _VARIABLES),
            *map(_version, _LIBRARIES),
        ]
        digest = hashlib.sha256(json.dumps(parts).encode()).hexdigest()
        return cache_folder() / "speeds" / f"{digest[:32]}.json"


def _processor() -> str:
    try:
        with Path("/proc/cpuinfo").open(encoding="utf-8", errors="replace") as lines:
            return next((line.strip() for line in lines if line.startswith("model name")), "")
    except OSError:
        return platform.processor()


def _cores() -> set[int]:
    return os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set(range(os.cpu_count() or 1))


def _version(library: str) -> str:
    try:
        return version(library)
    except PackageNotFoundError:
        return ""
