"""What a user may ask of an ingest, and how it is held against what the table already is."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TypeGuard

from vecindex.embed.encoders import FoundModel, find, find_stored, same_name
from vecindex.embed.models import DEFAULT_MODEL, NotOnThisMachineError
from vecindex.embed.precision import Precision
from vecindex.errors import ConfigError, ModelError
from vecindex.types import Chunking, Fingerprint

TRANSACTION_ROWS = 1_000
CHUNK_OVERLAP = 32


@dataclass(frozen=True, slots=True)
class IngestOptions:
    """The options of `ingest`; None means: as the table has it, or the default for a new table."""

    model: str | None = None
    revision: str | None = None
    max_tokens: int | None = None
    prompt: str | None = None
    text_template: str | None = None
    chunk: int | None = None
    """Tokens in a chunk; 0 for as many as the model reads."""
    chunk_overlap: int | None = None
    device: str = "auto"
    precision: Precision | str = Precision.AUTO
    batch_tokens: int | None = None
    id_field: str | None = None
    text_field: str | None = None
    title_field: str | None = None
    vector_field: str | None = None
    vectors: str | None = None
    unverified: bool = False
    format: str | None = None
    transaction_rows: int = TRANSACTION_ROWS
    prune: bool = False
    dry_run: bool = False
    trust_remote_code: bool = False

    def __post_init__(self) -> None:
        """Refuse values that make no sense."""
        if self.precision not in set(Precision):
            raise ConfigError(f"Unknown precision {self.precision!r}.", f"Give one of {', '.join(Precision)}.")
        object.__setattr__(self, "precision", Precision(self.precision))
        if self.transaction_rows < 1:
            raise ConfigError(f"--transaction-rows must be at least 1, found {self.transaction_rows}.")
        if self.batch_tokens is not None and self.batch_tokens < 1:
            raise ConfigError(f"--batch-tokens must be at least 1, found {self.batch_tokens}.")
        if self.chunk_overlap is not None and self.chunk is None:
            raise ConfigError("--chunk-overlap means nothing without --chunk.", "Add --chunk.")
        if self.vectors is not None and self.vector_field is not None:
            raise ConfigError(
                "Vectors come either from a field or from a file beside the records.", "Give one of them."
            )

    @property
    def template(self) -> str | None:
        r"""The text template with a typed \n or \t made the sign that it stands for."""
        if self.text_template is None:
            return None
        # A shell hands \n over as two characters.
        return self.text_template.replace("\\n", "\n").replace("\\t", "\t")


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """The model's files (None where they are not at hand) and the settings that go with them."""

    name: str
    files: FoundModel | None
    max_tokens: int | None
    prompt: str | None
    text_template: str | None
    chunking: Chunking | None


def choose_model(options: IngestOptions, stored: Fingerprint | None, where: str, ready_made: bool) -> ModelChoice:
    """Return the model for a run: what the options name, else what made the table's vectors, else the default.

    Where the sources bring their own vectors the files may be None; whether these can do without is settled later.

    Raises
    ------
    ModelError
        The options name something other than what made the table's vectors (or something that is not there).
    """
    if ready_made and (options.chunk is not None or (stored is not None and stored.chunking)):
        raise ConfigError(
            "Ready-made vectors are of whole articles, not of chunks.",
            "Leave --chunk out, and use a table without chunks: --table NAME",
        )
    if stored is not None:
        if stored.weights == "unknown" and not ready_made:
            raise ModelError(
                f"{where} holds vectors that were taken as those of {stored.model} unchecked; vecindex does not add "
                "vectors of its own to them.",
                "Bring ready-made vectors (--vectors, --vector-field), or begin another table: --table NAME",
            )
        _refuse_another_model(options, stored, where)
        files = _files_of_stored(options, stored, must=not ready_made)
        _refuse_differences(options, stored, files, where)
        return ModelChoice(
            stored.model,
            files,
            stored.max_tokens or None,
            stored.prompt,
            stored.text_template,
            stored.chunking,
        )
    if ready_made and options.model is None:
        raise ConfigError(
            "Ready-made vectors need the name of the model that made them.", "Add --model NAME (or a folder)."
        )
    name = options.model or DEFAULT_MODEL
    files = _find(name, options.revision, not ready_made)
    return ModelChoice(
        files.name if files else name,
        files,
        options.max_tokens,
        options.prompt,
        options.template,
        _asked_chunking(options),
    )


def _refuse_another_model(options: IngestOptions, stored: Fingerprint, where: str) -> None:
    """Refuse a model or revision that is named otherwise than the table's and is not on this machine.

    One that is here is held against the table by its weights; none is fetched only to be refused.
    """
    differences = []
    if options.model is not None and not same_name(options.model, stored.model):
        differences.append(("model", options.model, stored.model))
    # The name of a branch or a tag tells nothing: the table keeps the commit that it meant.
    commits = [revision for revision in (options.revision, stored.revision) if _is_commit(revision)]
    if len(set(commits)) == 2:
        differences.append(("revision", commits[0], commits[1]))
    if not differences:
        return
    try:
        find(options.model or stored.model, options.revision, fetch=False)
    except NotOnThisMachineError:
        raise _mismatch(differences, where) from None


def _is_commit(revision: str | None) -> TypeGuard[str]:
    return revision is not None and re.fullmatch("[0-9a-f]{40}", revision) is not None


def _files_of_stored(options: IngestOptions, stored: Fingerprint, must: bool) -> FoundModel | None:
    """Return the files of the model that made a table's vectors: by what the user names, else as it is stored."""
    if options.model is not None or options.revision is not None:
        return _find(options.model or stored.model, options.revision, must)
    try:
        return find_stored(stored.model, stored.revision, stored.weights)
    except ModelError:
        if must:
            raise
        return None


def _find(name: str, revision: str | None, must: bool) -> FoundModel | None:
    try:
        return find(name, revision)
    except ModelError:
        if must:
            raise
        return None


def _asked_chunking(options: IngestOptions, stored: Fingerprint | None = None) -> Chunking | None:
    if options.chunk is None:
        return None
    overlap = options.chunk_overlap
    if overlap is None:
        overlap = stored.chunking.overlap if stored is not None and stored.chunking else CHUNK_OVERLAP
    if options.chunk < 0 or overlap < 0 or (options.chunk and overlap > options.chunk // 2):
        raise ConfigError(
            f"Chunks of {options.chunk} tokens cannot share {overlap}.",
            "Let them share half of their tokens at most.",
        )
    return Chunking(options.chunk, overlap)


def _refuse_differences(options: IngestOptions, stored: Fingerprint, files: FoundModel | None, where: str) -> None:
    differences: list[tuple[str, str, str]] = []
    if files is not None and stored.weights != "unknown":
        if files.weights != stored.weights:
            asked = f"{options.model or stored.model} (weights {files.weights[:12]})"
            differences.append(("model", asked, f"{stored.model} (weights {stored.weights[:12]})"))
    elif options.model is not None and not same_name(options.model, stored.model):
        differences.append(("model", options.model, stored.model))
    chunking = _asked_chunking(options, stored)
    if chunking is not None and stored.chunking is not None and not chunking.tokens:
        chunking = Chunking(stored.chunking.tokens, chunking.overlap)
    for what, asked_value, there in (
        ("max tokens", options.max_tokens, stored.max_tokens),
        ("prompt", options.prompt, stored.prompt),
        ("text template", options.template, stored.text_template),
        ("chunking", chunking, stored.chunking),
    ):
        if asked_value is not None and asked_value != there:
            differences.append((what, _told(asked_value), _told(there)))
    if differences:
        raise _mismatch(differences, where)


def _told(value: object) -> str:
    if value is None:
        return "none"
    return repr(value) if isinstance(value, str) else str(value)


def _mismatch(differences: list[tuple[str, str, str]], where: str) -> ModelError:
    told = "; ".join(f"{what}: asked for {here}, the table has {there}" for what, here, there in differences)
    return ModelError(
        f"The vectors of {where} were made differently ({told}). Vectors of two kinds cannot be compared.",
        "Either leave the option out, to go on as the table was begun, or put the new vectors into a table of their "
        "own: --table NAME",
    )
