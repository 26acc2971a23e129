"""The model that embeds questions, shared by all requests."""

from __future__ import annotations

import threading
from collections.abc import Sequence

from vecindex.core.vectors import F32
from vecindex.embed.rerank.cross_encoder import Reranker
from vecindex.errors import ModelError
from vecindex.options import ModelOptions
from vecindex.serve.models import ModelState
from vecindex.spelling import JsonApi
from vecindex.types import Fingerprint, Observer
from vecindex.verbs.questions.model import QuestionModel


class SharedModel(QuestionModel):
    """The model that embeds questions, for several threads: one at a time, and it can be asked how it stands."""

    def __init__(self) -> None:
        """Load nothing yet."""
        super().__init__()
        self._lock, self._reranking = threading.Lock(), threading.Lock()
        self.state = ModelState(state="not loaded", reason=None)

    def reranker(self, name: str, options: ModelOptions) -> Reranker:
        """Return a cross-encoder; see `QuestionModel.reranker`. It is loaded once, whoever asks first."""
        with self._reranking:
            return super().reranker(name, options)

    def embed(
        self, texts: Sequence[str], stored: Fingerprint, where: str, options: ModelOptions, observer: Observer
    ) -> F32:
        """Return the unit vectors (q, d) of the texts; see `QuestionModel.embed`."""
        with self._lock:
            if self.state.state != "ready":
                self.state = ModelState(state="loading", reason=None)
            try:
                vectors = super().embed(texts, stored, where, options, observer)
            except ModelError as error:
                self.state = ModelState(state="failed", reason=error.message.spelled(JsonApi()))
                raise
            except BaseException as error:
                self.state = ModelState(state="failed", reason=type(error).__name__)
                raise
            self.state = ModelState(state="ready", reason=None)
            return vectors
