"""Which model an ingest is for: what the options name, checked against what made the table's vectors."""

from __future__ import annotations

import re
from dataclasses import dataclass

from vecindex.embed.encoders import FoundModel, find, find_stored, same_name
from vecindex.embed.models import DEFAULT_MODEL, NotOnThisMachineError, prompts_of
from vecindex.errors import ConfigError, ModelError
from vecindex.messages import Placeholder, option, text
from vecindex.types import Chunking, Fingerprint
from vecindex.verbs.ingest.options import IngestOptions

CHUNK_OVERLAP = 32
NAME = Placeholder("NAME")
BRING_EMBEDDINGS = text("Bring precomputed embeddings (", option("vectors"), ", ", option("vector_field"), "), or ")


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """The model's files (None where they are not available) and the settings that go with them."""

    name: str
    files: FoundModel | None
    max_tokens: int | None
    prompt: str | None
    text_template: str | None
    chunking: Chunking | None
    dimensions: int | None = None


def choose_model(options: IngestOptions, stored: Fingerprint | None, where: str, precomputed: bool) -> ModelChoice:
    """Return the model for a run: what the options name, else what made the table's vectors, else the default.

    Where the sources bring their own vectors the files may be None; whether these can do without is settled later.
    `options` are those of `checked_ingest`.

    Raises
    ------
    ModelError
        The options name something other than what made the table's vectors (or something that is not there).
    """
    if precomputed and (options["chunk"] is not None or (stored is not None and stored.chunking)):
        raise ConfigError(
            "Precomputed embeddings are of whole articles, not of chunks.",
            text("Leave ", option("chunk"), " out, and use a table without chunks: ", option("table", NAME)),
        )
    if stored is not None:
        if stored.weights == "unknown" and not precomputed:
            raise ModelError(
                f"{where} holds vectors that were taken as those of {stored.model} unchecked; vecindex does not add "
                "vectors of its own to them.",
                text(BRING_EMBEDDINGS, "begin another table: ", option("table", NAME)),
            )
        _refuse_another_model(options, stored, where)
        files = _found(options, stored, must=not precomputed)
        _refuse_differences(_with_prompt(options, files), stored, files, where)
        return ModelChoice(
            stored.model,
            files,
            stored.max_tokens or None,
            stored.prompt,
            stored.text_template,
            stored.chunking,
            stored.dimensions,
        )
    if precomputed and options["model"] is None:
        raise ConfigError(
            "Precomputed embeddings need the name of the model that made them.",
            text("Add ", option("model", NAME), " (or a folder)."),
        )
    files = _found(options, None, must=not precomputed)
    return ModelChoice(
        files.name if files else options["model"] or DEFAULT_MODEL,
        files,
        options["max_tokens"],
        _with_prompt(options, files)["prompt"],
        options["text_template"],
        _asked_chunking(options),
        options["dimensions"],
    )


def _with_prompt(options: IngestOptions, files: FoundModel | None) -> IngestOptions:
    """Return the options with the text of a prompt that they name. Raises ModelError where the model lacks it."""
    if options["prompt_name"] is None:
        return options
    own = {} if files is None else prompts_of(files)
    if options["prompt_name"] not in own:
        raise ModelError(
            f"The model has no prompt {options['prompt_name']!r} (prompts there: {', '.join(own) or 'none'}).",
            text("Give its text: ", option("prompt", Placeholder("TEXT"))),
        )
    return {**options, "prompt": own[options["prompt_name"]]}


def _refuse_another_model(options: IngestOptions, stored: Fingerprint, where: str) -> None:
    """Refuse a model or revision that is named otherwise than the table's and is not on this machine.

    One that is here is compared with the table by its weights; none is fetched only to be refused.
    """
    differences = []
    if options["model"] is not None and not same_name(options["model"], stored.model):
        differences.append(("model", options["model"], stored.model))
    # The name of a branch or a tag says nothing: the table keeps the commit that it meant.
    revisions = (options["revision"], stored.revision)
    commits = [revision for revision in revisions if revision and re.fullmatch("[0-9a-f]{40}", revision)]
    if len(set(commits)) == 2:
        differences.append(("revision", commits[0], commits[1]))
    if not differences:
        return
    try:
        find(options["model"] or stored.model, options["revision"], fetch=False)
    except NotOnThisMachineError:
        raise _mismatch(differences, where) from None


def _found(options: IngestOptions, stored: Fingerprint | None, must: bool) -> FoundModel | None:
    """Return the model that the options name, else that made the table's vectors, else the default one."""
    name, revision = options["model"], options["revision"]
    try:
        if stored is not None and name is None and revision is None:
            return find_stored(stored.model, stored.revision, stored.weights)
        made = None if stored is None else stored.weights
        return find(name or (stored.model if stored is not None else DEFAULT_MODEL), revision, stored=made)
    except ModelError:
        if must:
            raise
        return None


def _asked_chunking(options: IngestOptions, stored: Fingerprint | None = None) -> Chunking | None:
    tokens, overlap = options["chunk"], options["chunk_overlap"]
    if tokens is None:
        return None
    if overlap is None:
        overlap = stored.chunking.overlap if stored is not None and stored.chunking else CHUNK_OVERLAP
    return checked_chunking(tokens, overlap)


def checked_chunking(tokens: int, overlap: int) -> Chunking:
    """Return how articles are divided, `tokens` 0 for all that the model reads; raises ConfigError for nonsense."""
    if tokens < 0:
        raise ConfigError(f"Chunks have 1 token or more, found {tokens}.")
    if overlap < 0 or (tokens and overlap > tokens // 2):
        raise ConfigError(
            f"Chunks of {tokens} tokens cannot share {overlap}.",
            "Let them share half of their tokens at most.",
        )
    return Chunking(tokens, overlap)


def _refuse_differences(options: IngestOptions, stored: Fingerprint, files: FoundModel | None, where: str) -> None:
    differences: list[tuple[str, str, str]] = []
    if files is not None and stored.weights != "unknown":
        if files.weights != stored.weights:
            asked = f"{options['model'] or stored.model} (weights {files.weights[:12]})"
            differences.append(("model", asked, f"{stored.model} (weights {stored.weights[:12]})"))
    elif options["model"] is not None and not same_name(options["model"], stored.model):
        differences.append(("model", options["model"], stored.model))
    chunking = _asked_chunking(options, stored)
    if chunking is not None and stored.chunking is not None and not chunking.tokens:
        chunking = Chunking(stored.chunking.tokens, chunking.overlap)
    for what, asked_value, there in (
        ("max tokens", options["max_tokens"], stored.max_tokens),
        ("dimensions", options["dimensions"], stored.dimension),
        ("prompt", options["prompt"], stored.prompt),
        ("text template", options["text_template"], stored.text_template),
        ("chunking", chunking, stored.chunking),
    ):
        if asked_value is not None and asked_value != there:
            differences.append((what, _shown(asked_value), _shown(there)))
    if differences:
        raise _mismatch(differences, where)


def _shown(value: object) -> str:
    if value is None:
        return "none"
    return repr(value) if isinstance(value, str) else str(value)


def _mismatch(differences: list[tuple[str, str, str]], where: str) -> ModelError:
    listed = "; ".join(f"{what}: asked for {here}, the table has {there}" for what, here, there in differences)
    return ModelError(
        f"The vectors of {where} were made differently ({listed}). Vectors of two kinds cannot be compared.",
        text(
            "Either leave the option out, to go on as the table was begun, or put the new vectors into a table of "
            "their own: ",
            option("table", NAME),
        ),
    )
