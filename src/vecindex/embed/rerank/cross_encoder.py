"""Cross-encoders of sentence-transformers: they read a question and a passage together, and score the pair."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np

from vecindex.core.limits import look
from vecindex.core.neighbors import F64
from vecindex.embed.faults import out_of_memory
from vecindex.embed.forks import refuse_after_fork
from vecindex.embed.models import ModelFiles, find_model, first_line
from vecindex.embed.precision import choose_device
from vecindex.errors import ModelError
from vecindex.files import home_of, is_folder
from vecindex.messages import Placeholder, Text, option, text

_BATCH = 32
_OWNER = "cross-encoder/"


class Reranker:
    """A loaded cross-encoder.

    Attributes
    ----------
    name, device : as it was asked for, and where it runs.
    """

    def __init__(self, name: str, model: Any, device: str) -> None:
        """Take a loaded model; use `load_reranker` instead."""
        self.name, self.device = name, device
        self._model = model
        self._batch = _BATCH
        self._lock = threading.Lock()

    def scores(self, pairs: Sequence[tuple[str, str]]) -> F64:
        """Return the score (n,) of each (question, passage): the logit, higher is more relevant.

        What the model does not read of a pair is truncated by its tokenizer. A batch that needs too much memory is
        halved.
        """
        refuse_after_fork()
        with self._lock:
            return self._scores(pairs)

    def _scores(self, pairs: Sequence[tuple[str, str]]) -> F64:
        import torch

        found = np.empty(len(pairs), dtype=np.float64)
        # Long pairs together, so that little is padded.
        order = sorted(range(len(pairs)), key=lambda i: len(pairs[i][0]) + len(pairs[i][1]))
        at = 0
        while at < len(order):
            look()
            some = order[at : at + self._batch]
            try:
                values = self._model.predict(
                    [pairs[i] for i in some],
                    batch_size=self._batch,
                    show_progress_bar=False,
                    # A sigmoid would make ties of what is surely relevant.
                    activation_fn=torch.nn.Identity(),
                )
            except Exception as error:
                if not out_of_memory(error) or self._batch == 1:
                    raise
                self._batch //= 2
                continue
            found[some] = np.asarray(values, dtype=np.float64).reshape(-1)
            at += len(some)
        if not np.isfinite(found).all():
            raise ModelError(
                f"The reranker {self.name} gives scores that are no numbers.",
                "Check its weights, or take another one.",
            )
        return found


def load_reranker(name: str, device: str = "auto", trust_remote_code: bool = False) -> Reranker:
    """Return a cross-encoder by its folder, or by its name on the model hub; a bare name belongs to cross-encoder/.

    Raises ModelError where there is none, it does not load, or it gives more than one score for a pair.
    """
    from sentence_transformers import CrossEncoder

    refuse_after_fork()
    chosen = choose_device(device)
    files = _found(name)
    try:
        model = CrossEncoder(
            str(files.folder), device=chosen, trust_remote_code=trust_remote_code, local_files_only=True
        )
    except Exception as error:
        raise ModelError(
            f"The reranker {name} does not load: {first_line(error)}", "Check that CrossEncoder(folder) loads it."
        ) from error
    labels = int(getattr(model, "num_labels", 1))
    if labels != 1:
        raise ModelError(
            f"The reranker {name} gives {labels} scores for a pair, expected 1: it is no model of relevance.", _hint()
        )
    return Reranker(name, model.eval(), chosen)


@cache
def check_reranker(name: str) -> None:
    """Raise ModelError where `load_reranker` would not find a model; nothing is loaded. Found once is found."""
    _found(name)


def _found(name: str) -> ModelFiles:
    known = name if "/" in name or "\\" in name or is_folder(home_of(name)) else _OWNER + name
    try:
        return find_model(known)
    except ModelError as error:
        raise ModelError(text("No reranker: ", error.message), _hint()) from error


def _hint() -> Text:
    return text(
        "Give the folder or the name of a cross-encoder: ",
        option("rerank", Placeholder("cross-encoder/ms-marco-MiniLM-L6-v2")),
    )
