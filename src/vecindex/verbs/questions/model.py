"""The model that turns questions into vectors: the one that made the table's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from vecindex.core.vectors import F32
from vecindex.embed.encoders import LoadOptions, find, find_stored, load, load_light, query_prompt
from vecindex.errors import ModelError
from vecindex.messages import Placeholder, counted, option, text
from vecindex.options import ModelOptions
from vecindex.types import Fingerprint, Observer
from vecindex.verbs.languages import MUCH_UNKNOWN, unknown_line

if TYPE_CHECKING:
    from vecindex.embed.encoder import Encoder
    from vecindex.embed.rerank.cross_encoder import Reranker


class QuestionModel:
    """The model that made a table's vectors, loaded at the first question and kept for the next ones."""

    def __init__(self) -> None:
        """Load nothing yet."""
        self._key: object = None
        self._encoder: Encoder | None = None
        self._reranker: tuple[object, Reranker] | None = None

    def reranker(self, name: str, options: ModelOptions) -> Reranker:
        """Return a cross-encoder, loaded at its first use and kept. Raises ModelError where it is not available."""
        from vecindex.embed.rerank.cross_encoder import load_reranker

        key = (name, options["device"], options["trust_remote_code"])
        if self._reranker is None or self._reranker[0] != key:
            self._reranker = key, load_reranker(name, options["device"], options["trust_remote_code"])
        return self._reranker[1]

    def query_prompt(self, stored: Fingerprint, options: ModelOptions) -> str | None:
        """Return what stands before every question: as the options have it, else the model's own prompt.

        None when that is the model's and the model is not on this machine. Loads nothing.
        """
        if options["prompt"] is not None:
            return options["prompt"]
        return query_prompt(options["model"] or stored.model, None if options["model"] else stored.revision)

    def embed(
        self, texts: Sequence[str], stored: Fingerprint, where: str, options: ModelOptions, observer: Observer
    ) -> F32:
        """Return the unit vectors (q, d) of the texts, comparable with the table's.

        Raises ModelError when the model is not available, or is not the one that made the vectors.
        """
        key = (stored, options["model"], options["device"], options["trust_remote_code"])
        if self._encoder is None or self._key != key:
            self._encoder, self._key = _load(stored, where, options, observer, few=True), key
        encoder = self._encoder
        _set_prompt(encoder, options)
        tokens = encoder.tokenize(texts)
        if encoder.most_tokens is not None and sum(map(len, tokens.ids)) > encoder.most_tokens:
            self._encoder = encoder = _load(stored, where, options, observer, few=False)
            _set_prompt(encoder, options)
        if stored.prompt and not encoder.prompt and options["prompt"] is None:
            observer.notice(
                text(
                    f"the articles were embedded behind the prompt {stored.prompt!r}, and the model names none for "
                    "questions: give it with ",
                    option("prompt"),
                    " if it has one",
                )
            )
        cut = int(tokens.truncated.sum())
        if cut:
            observer.notice(
                f"{counted(cut, 'question was', 'questions were')} truncated: longer than the {encoder.max_tokens} "
                "tokens that the model reads"
            )
        lost = 0 if tokens.unknown is None else int((tokens.unknown >= MUCH_UNKNOWN).sum())
        if lost:
            observer.warning(unknown_line(lost, len(texts), "questions"))
        return encoder.embed_texts(texts)


def _set_prompt(encoder: Encoder, options: ModelOptions) -> None:
    """Set the encoder's own prompt, not the argument of its methods, since pooling may have to leave it out."""
    encoder.prompt = encoder.query_prompt if options["prompt"] is None else options["prompt"]


def _load(stored: Fingerprint, where: str, options: ModelOptions, observer: Observer, few: bool) -> Encoder:
    """Return the table's model; for `few` texts the one that starts quickly, where there is such."""
    named = options["model"]
    files = (
        find(named, stored=stored.weights) if named else find_stored(stored.model, stored.revision, stored.weights)
    )
    known = stored.weights != "unknown"
    if known and files.weights != stored.weights:
        raise ModelError(
            f"{files.name} (weights {files.weights[:12]}, found in the {files.origin}) is not the model that made "
            f"the vectors of {where} ({stored.model}, weights {stored.weights[:12]}).",
            text("Bring back that model, or name the folder that holds it: ", option("model", Placeholder("DIR"))),
        )
    how = LoadOptions(
        device=options["device"],
        max_tokens=stored.max_tokens or None,
        prompt="",
        trust_remote_code=options["trust_remote_code"],
        dimensions=stored.dimensions,
    )
    encoder = (load_light(files, how) if few else None) or load(files, how)
    if encoder.dimension != stored.dimension:
        raise ModelError(
            f"{files.name} makes vectors of {encoder.dimension} values, {where} holds vectors of {stored.dimension}.",
            text("Name the model that made them: ", option("model", Placeholder("NAME"))),
        )
    if known and stored.pooling != "unknown" and encoder.pooling != stored.pooling:
        raise ModelError(
            f"{files.name} pools its token vectors otherwise ({encoder.pooling}) than when it made the vectors of "
            f"{where} ({stored.pooling}).",
            "Bring back the model's folder as it was.",
        )
    if not known and few:
        observer.notice(
            f"the vectors of {where} were taken unverified as those of {stored.model}: distances mean something "
            "only if they are"
        )
    return encoder
