"""What is to be anchored: the map that it is derived from, its name, and the questions of all files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np

from vecindex.core.anchors import anchored_to, set_digest, text_digest
from vecindex.core.vectors import F32
from vecindex.errors import ConfigError
from vecindex.store.articles import ArticleTable
from vecindex.store.database import Database
from vecindex.store.maps import check_map_name
from vecindex.types import Observer, Rejected
from vecindex.verbs.project.anchor_result import AnchorFile
from vecindex.verbs.project.options import DEFAULT_NAME, ProjectOptions
from vecindex.verbs.questions.model import QuestionModel
from vecindex.verbs.questions.reader import read
from vecindex.verbs.questions.vectors import question_vectors

# The pulls of anchoring are those of t-SNE at its own scale; a map of another kind would be laid out anew by them.
_METHODS = ("local", "tsne")


@dataclass(frozen=True, slots=True)
class AnchorPlan:
    """Where an anchored map comes from and where it goes.

    Attributes
    ----------
    base : the map that it is derived from; `about` is what is kept with that one.
    name : of the anchored map; `old` is what is kept with the map of that name, None where there is none.
    """

    base: str
    about: Mapping[str, Any]
    name: str
    old: Any


@dataclass(frozen=True, slots=True)
class AnchorQuestions:
    """The questions of all files, each text once: their vectors (q, d), topics, and what they are known by."""

    files: tuple[AnchorFile, ...]
    vectors: F32
    topics: list[str | None] | None
    ids: tuple[str, ...]
    digests: tuple[str, ...]
    rejected: tuple[Rejected, ...]
    duplicates: tuple[Rejected, ...]

    @property
    def digest(self) -> str:
        """What the set is known by."""
        return set_digest(self.digests)


def base_name(options: ProjectOptions, there: Mapping[str, Any]) -> str:
    """Return the name of the base map: the one asked for, else the unanchored map of the name given, else the one
    that the anchored map of that name came from, else "map"."""
    if options.base is not None:
        return options.base
    old = there.get(options.name)
    if old is not None and anchored_to(old) is None:
        return options.name
    if isinstance(old, Mapping) and isinstance(old.get("anchors"), Mapping):
        former = str(old["anchors"].get("base"))
        return former if former in there else DEFAULT_NAME
    return DEFAULT_NAME


def plan_anchor(table: ArticleTable, options: ProjectOptions, there: Mapping[str, Any]) -> AnchorPlan:
    """Return where the anchored map comes from and goes; `there` is what is kept with all maps.

    An unanchored map of the name given is the base, and is not overwritten: the anchored one is then NAME_anchored.
    """
    base = base_name(options, there)
    if base not in there:
        raise ConfigError(
            f"{table.where} has no map {base!r} to derive an anchored one from (maps there: "
            f"{', '.join(there) or 'none'}).",
            f"Make it: vecindex project {base}",
        )
    about = there[base]
    _check_base(table, base, about)
    name = f"{base}_anchored" if base == options.name else options.name
    check_map_name(table, name)
    old = there.get(name)
    if old is not None and anchored_to(old) is None:
        raise ConfigError(
            f"Map {name!r} of {table.where} is not anchored, and an anchored one does not replace it.",
            "Give another NAME.",
        )
    return AnchorPlan(base, about, name, old)


def _check_base(table: ArticleTable, base: str, about: Any) -> None:
    told = anchored_to(about)
    if told is not None:
        raise ConfigError(
            f"Map {base!r} of {table.where} is {told}, so it cannot show what the questions kept unanchored.",
            "Name a map that is not anchored: --from MAP",
        )
    if not isinstance(about, Mapping) or about.get("method") not in _METHODS:
        method = about.get("method") if isinstance(about, Mapping) else None
        raise ConfigError(
            f"Map {base!r} of {table.where} was made by {method or 'something else'}; only one made by "
            f"{' or '.join(_METHODS)} can be anchored.",
            "Make one, and name it: vecindex project NAME; --from NAME",
        )
    if about.get("focus") is not None:
        raise ConfigError(
            f"Map {base!r} of {table.where} shows a part of the articles on purpose.",
            "Name a map of all articles: --from MAP",
        )


def read_anchors(
    database: Database,
    table: ArticleTable,
    options: ProjectOptions,
    model: QuestionModel,
    observer: Observer,
    stdin: BinaryIO | None,
) -> AnchorQuestions:
    """Return the questions of all files with their vectors; a text that an earlier file has is counted once."""
    known: dict[str, str] = {}
    files: list[AnchorFile] = []
    vectors: list[F32] = []
    topics: list[str | None] = []
    ids: list[str] = []
    rejected: list[Rejected] = []
    duplicates: list[Rejected] = []
    for file in options.questions:
        asked = read(file, stdin)
        made, _ = question_vectors(database, asked, table.fingerprint, table.where, options.model, model, observer)
        rejected += asked.rejected
        duplicates += asked.duplicates
        before = len(ids)
        for question, vector in zip(asked.questions, made, strict=True):
            digest = text_digest(question.text)
            if digest in known:
                reason = f"the same question as {known[digest]}"
                duplicates.append(Rejected(f"{asked.name} {question.id}", reason, question.id, question.text))
                continue
            known[digest] = f"{asked.name} {question.id}"
            vectors.append(vector)
            topics.append(question.topic)
            ids.append(question.id)
        files.append(AnchorFile(asked.name, len(ids) - before))
    return AnchorQuestions(
        files=tuple(files),
        vectors=np.stack(vectors),
        topics=topics if any(topic is not None for topic in topics) else None,
        ids=tuple(ids),
        digests=tuple(known),
        rejected=tuple(rejected),
        duplicates=tuple(duplicates),
    )
