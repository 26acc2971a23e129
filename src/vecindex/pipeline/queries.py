"""Questions: read from a file, and turned into vectors by the model that made a table's."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from vecindex.core.vectors import F32
from vecindex.embed.encoders import LoadOptions, find, find_stored, load, query_prompt
from vecindex.errors import ModelError, SourceError
from vecindex.sources.base import Record, excerpt
from vecindex.sources.files import InputFile, standard_input
from vecindex.sources.jsonl import parse_object
from vecindex.sources.lines import OVERLONG, read_lines
from vecindex.types import Fingerprint, Observer, Rejected

if TYPE_CHECKING:
    from vecindex.embed.encoder import Encoder

TEXT_FIELDS = ("text", "question", "query")
_JSON_NAMES = re.compile(r"\.(jsonl|ndjson|json)(\.(gz|bz2|xz|zst))?$")


@dataclass(frozen=True, slots=True)
class Question:
    """A text to search for, with the id that its file gives it."""

    text: str
    id: str | None = None


@dataclass(frozen=True, slots=True)
class ModelOptions:
    """How questions become vectors; None means: as the table and its model have it."""

    model: str | None = None
    prompt: str | None = None
    device: str = "auto"
    trust_remote_code: bool = False


def read_questions(name: str, stdin: BinaryIO | None = None) -> tuple[list[Question], list[Rejected]]:
    """Return the questions of a file ("-" for standard input), and the lines that hold none with the reason.

    A line is a JSON object with the text under "text", "question" or "query" (and perhaps an "id"), or, in a file
    that is not named .jsonl, the question itself. Blank lines are passed over.

    Raises SourceError when the file cannot be read or holds no question.
    """
    source = _input(name, stdin)
    must_be_json = _JSON_NAMES.search(name) is not None
    questions: list[Question] = []
    rejected: list[Rejected] = []
    with source.open() as stream:
        for number, line, whole in read_lines(stream, source.name):
            if not line.isspace():
                made = _question(line, whole, f"{source.name}:{number}", must_be_json)
                (rejected if isinstance(made, Rejected) else questions).append(made)  # type: ignore[arg-type]
    if not questions:
        first = f" (the first line refused: {rejected[0].place}, {rejected[0].reason})" if rejected else ""
        raise SourceError(
            f"No question in {source.name}{first}.", 'Give one a line, as plain text or as {"text": "..."}.'
        )
    return questions, rejected


def read_ids(name: str, stdin: BinaryIO | None = None) -> list[str]:
    """Return the ids in a file ("-" for standard input), one a line: as they are, or as JSON objects with an "id".

    Raises SourceError, with the line, where there is none.
    """
    ids = []
    source = _input(name, stdin)
    with source.open() as stream:
        for number, line, _ in read_lines(stream, source.name):
            place = f"{source.name}:{number}"
            if line.isspace():
                continue
            made = parse_object(line, place) if line.lstrip().startswith(b"{") else None
            found = made.fields.get("id") if isinstance(made, Record) else None
            if made is not None and not isinstance(found, str | int):
                raise SourceError(
                    f"{place}: no id in this line.", 'Give one id a line, as it is or as {"id": "..."}.'
                )
            try:
                ids.append(line.decode("utf-8").strip() if made is None else str(found))
            except UnicodeDecodeError as error:
                raise SourceError(f"{place}: not valid UTF-8 at byte {error.start + 1}.") from error
    return ids


def _input(name: str, stdin: BinaryIO | None) -> InputFile:
    return standard_input(stdin) if name == "-" else InputFile(name, name)


def _question(line: bytes, whole: bool, place: str, must_be_json: bool) -> Question | Rejected:
    if not whole:
        return Rejected(place, OVERLONG, excerpt=excerpt(line))
    if not (must_be_json or line.lstrip().startswith(b"{")):
        try:
            return Question(line.decode("utf-8").strip())
        except UnicodeDecodeError as error:
            return Rejected(place, f"not valid UTF-8 at byte {error.start + 1}", excerpt=excerpt(line))
    made = parse_object(line, place)
    return _from_object(made) if isinstance(made, Record) else made


def _from_object(record: Record) -> Question | Rejected:
    row_id = record.fields.get("id")
    name = None if row_id is None else str(row_id)
    for field in TEXT_FIELDS:
        text = record.fields.get(field)
        if isinstance(text, str) and text.strip():
            if not _is_unicode(text):
                return Rejected(record.place, f"{field} is not valid Unicode", name)
            return Question(text.strip(), name)
    found = ", ".join(record.fields) or "none"
    return Rejected(record.place, f"no text in any of {', '.join(TEXT_FIELDS)}; fields found: {found}", name)


def _is_unicode(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


class QuestionModel:
    """The model that made a table's vectors, loaded at the first question and kept for the next ones."""

    def __init__(self) -> None:
        """Load nothing yet."""
        self._key: object = None
        self._encoder: Encoder | None = None

    def query_prompt(self, stored: Fingerprint, options: ModelOptions) -> str | None:
        """Return what stands before every question: as the options have it, else the model's own prompt.

        None when that is the model's and the model is not on this machine. Loads nothing.
        """
        if options.prompt is not None:
            return options.prompt
        return query_prompt(options.model or stored.model, None if options.model else stored.revision)

    def embed(
        self, texts: Sequence[str], stored: Fingerprint, where: str, options: ModelOptions, observer: Observer
    ) -> F32:
        """Return the unit vectors (q, d) of the texts, comparable with the table's.

        Raises ModelError when the model is not at hand, or is not the one that made the vectors.
        """
        key = (stored, options.model, options.device, options.trust_remote_code)
        if self._encoder is None or self._key != key:
            self._encoder, self._key = _load(stored, where, options, observer), key
        encoder = self._encoder
        # The encoder's own prompt is set, and not the argument, since pooling may have to leave it out.
        encoder.prompt = encoder.query_prompt if options.prompt is None else options.prompt
        if stored.prompt and not encoder.prompt and options.prompt is None:
            observer.notice(
                f"the articles were embedded behind the prompt {stored.prompt!r}, and the model names none for "
                "questions: give it with --prompt if it has one"
            )
        cut = int(encoder.tokenize(texts).truncated.sum())
        if cut:
            observer.notice(
                f"{cut:,} questions are longer than the {encoder.max_tokens} tokens that the model reads and were cut"
            )
        return encoder.embed_texts(texts)


def _load(stored: Fingerprint, where: str, options: ModelOptions, observer: Observer) -> Encoder:
    files = find(options.model) if options.model else find_stored(stored.model, stored.revision, stored.weights)
    known = stored.weights != "unknown"
    if known and files.weights != stored.weights:
        raise ModelError(
            f"{files.name} (weights {files.weights[:12]}, found in the {files.origin}) is not the model that made "
            f"the vectors of {where} ({stored.model}, weights {stored.weights[:12]}).",
            "Bring back that model, or name the folder that holds it: --model DIR",
        )
    encoder = load(
        files,
        LoadOptions(
            device=options.device,
            max_tokens=stored.max_tokens or None,
            prompt="",
            trust_remote_code=options.trust_remote_code,
        ),
    )
    if encoder.dimension != stored.dimension:
        raise ModelError(
            f"{files.name} makes vectors of {encoder.dimension} values, {where} holds vectors of {stored.dimension}.",
            "Name the model that made them: --model NAME",
        )
    if known and stored.pooling != "unknown" and encoder.pooling != stored.pooling:
        raise ModelError(
            f"{files.name} pools its token vectors otherwise ({encoder.pooling}) than when it made the vectors of "
            f"{where} ({stored.pooling}).",
            "Bring back the model's folder as it was.",
        )
    if not known:
        observer.notice(
            f"the vectors of {where} were taken unverified as those of {stored.model}: distances mean something "
            "only if they are"
        )
    return encoder
