"""What a worker does: it embeds the texts of transactions by the project's own encoder, and writes their rows."""

from __future__ import annotations

import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate, chain, pairwise
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from vecindex.embed.batching import TokenBudget
from vecindex.embed.encoder import Encoded, Encoder, Tokens
from vecindex.embed.encoders import LoadOptions, find_stored, load
from vecindex.embed.precision import Precision
from vecindex.errors import ModelError
from vecindex.verbs.cluster.machine import on_this_machine

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True, slots=True)
class Model:
    """The model that a worker loads.

    Attributes
    ----------
    name, revision, weights : what the driver has found; a worker finds the same weights on its own machine.
    batch_tokens : the size of a batch that the user asked for.
    safe : sizes that memory allowed in earlier runs, by device.
    """

    name: str
    revision: str | None
    weights: str
    how: LoadOptions
    batch_tokens: int | None
    safe: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Settled:
    """How a worker computes."""

    device_name: str
    precision: Precision
    precision_cosine: float | None
    budget: TokenBudget


@dataclass(frozen=True, slots=True)
class Packed:
    """The tokens of texts, in few arrays: as lists of numbers they take ten times as long on their way."""

    ids: npt.NDArray[np.int64]
    ends: npt.NDArray[np.int64]
    left_out: int

    @classmethod
    def of(cls, tokens: Tokens) -> Packed:
        """Return what a model needs of tokens."""
        ends = np.fromiter(accumulate(map(len, tokens.ids)), dtype=np.int64, count=len(tokens.ids))
        total = int(ends[-1]) if len(ends) else 0
        return cls(np.fromiter(chain.from_iterable(tokens.ids), dtype=np.int64, count=total), ends, tokens.left_out)

    def tokens(self) -> Tokens:
        """Return them as an encoder takes them."""
        bounds = pairwise([0, *self.ends.tolist()])
        ids = [self.ids[a:b].tolist() for a, b in bounds]
        none = np.zeros(len(ids), dtype=np.bool_)
        return Tokens(ids, np.fromiter(map(len, ids), dtype=np.int32, count=len(ids)), none, self.left_out)


class IngestWorker:
    """A process on a cluster that embeds and writes."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._encoder: Encoder | None = None
        self._data: Any = None
        self._read: tuple[str, int] | None = None

    def begin(self, model: Model | None) -> str:
        """Load the model, None where rows bring their vectors; return the id of this machine."""
        import ray

        if model is not None:
            found = find_stored(model.name, model.revision, model.weights)
            if found.weights != model.weights:
                raise ModelError(
                    f"The machine {socket.gethostname()} has other weights of {model.name} "
                    f"({found.weights[:12]}, expected {model.weights[:12]}).",
                    "Bring the same model to all machines of the cluster.",
                )
            self._encoder = load(found, model.how)
            usual, safe = self._encoder.budget.tokens, model.safe.get(self._encoder.device_name)
            if model.batch_tokens is not None:
                self._encoder.budget = TokenBudget(model.batch_tokens)
            elif safe is not None:
                self._encoder.budget = TokenBudget(int(safe), ceiling=usual)
        return str(ray.get_runtime_context().get_node_id())

    def _model(self) -> Encoder:
        assert self._encoder is not None, "there are texts to embed, so there is a model"
        return self._encoder

    def check(self, texts: Sequence[str]) -> Settled:
        """Settle the precision on some texts."""
        encoder = self._model()
        if encoder.precision_cosine is None:
            encoder.check(texts)
        return self._settled()

    def _settled(self) -> Settled:
        encoder = self._model()
        return Settled(encoder.device_name, encoder.precision, encoder.precision_cosine, encoder.budget)

    def embed(self, packed: Packed) -> tuple[Encoded, Settled]:
        """Return the vectors of texts, and how they were computed."""
        return self._model().embed(packed.tokens()), self._settled()

    def write(self, rows: pa.Table, uri: str, version: int) -> list[str]:
        """Write rows as fragments of a version of a table; return what a commit needs of each, as JSON."""
        import json

        from lance.fragment import write_fragments

        from vecindex.store.local import import_lance

        with on_this_machine(uri):
            if self._read != (uri, version):
                self._data, self._read = import_lance().dataset(uri, version=version), (uri, version)
            # They keep the number 0; see the commit.
            return [json.dumps(one.to_json()) for one in write_fragments(rows, self._data, mode="append")]
