"""What is to be anchored: the map that it is derived from, its name, and the questions of all files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from vecindex.core.anchors import anchored_to, text_digest
from vecindex.core.vectors import F32
from vecindex.errors import ConfigError
from vecindex.messages import Placeholder, command, option, text
from vecindex.store.articles import ArticleTable
from vecindex.store.maps import check_map_name
from vecindex.types import Rejected
from vecindex.verbs.project.options import DEFAULT_NAME
from vecindex.verbs.project.result import AnchorFile
from vecindex.verbs.project.run import Run

_ANOTHER_BASE = option("base", Placeholder("MAP"))


@dataclass(frozen=True, slots=True)
class AnchorPlan:
    """Where an anchored map comes from and where it goes.

    Attributes
    ----------
    base : the map that it is derived from; `about` is what is stored with that one.
    name : of the anchored map; `old` is what is stored with the map of that name, None where there is none.
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


def base_name(name: str, base: str | None, there: Mapping[str, Any]) -> str:
    """Return the name of the base map: the one asked for, else the unanchored map `name`, else the one that the
    anchored map of that name came from, else "map"."""
    if base is not None:
        return base
    old = there.get(name)
    if old is not None and anchored_to(old) is None:
        return name
    if isinstance(old, Mapping) and isinstance(old.get("anchors"), Mapping):
        former = str(old["anchors"].get("base"))
        return former if former in there else DEFAULT_NAME
    return DEFAULT_NAME


def plan_anchor(table: ArticleTable, name: str, base: str | None, there: Mapping[str, Any]) -> AnchorPlan:
    """Return where the anchored map comes from and goes; `there` is what is stored with all maps.

    An unanchored map `name` is the base, and is not overwritten: the anchored one is then NAME_anchored.
    """
    base = base_name(name, base, there)
    if base not in there:
        raise ConfigError(
            f"{table.where} has no map {base!r} to derive an anchored one from (maps there: "
            f"{', '.join(there) or 'none'}).",
            text("Make it: ", command("project", base)),
        )
    about = there[base]
    _check_base(table, base, about)
    name = f"{base}_anchored" if base == name else name
    check_map_name(table, name)
    old = there.get(name)
    if old is not None and anchored_to(old) is None:
        raise ConfigError(
            f"Map {name!r} of {table.where} is not anchored, and an anchored one does not replace it.",
            "Give the anchored map another name.",
        )
    return AnchorPlan(base, about, name, old)


def _check_base(table: ArticleTable, base: str, about: Any) -> None:
    anchors = anchored_to(about)
    if anchors is not None:
        raise ConfigError(
            f"Map {base!r} of {table.where} is {anchors}, so it cannot show what the questions kept unanchored.",
            text("Name a map that is not anchored: ", _ANOTHER_BASE),
        )
    if isinstance(about, Mapping) and about.get("focus") is not None:
        raise ConfigError(
            f"Map {base!r} of {table.where} shows a part of the articles on purpose.",
            text("Name a map of all articles: ", _ANOTHER_BASE),
        )


def read_anchors(run: Run, sources: Sequence[str]) -> AnchorQuestions:
    """Return the questions of all files with their vectors; a text that an earlier file has is counted once."""
    known: dict[str, str] = {}
    files: list[AnchorFile] = []
    vectors: list[F32] = []
    topics: list[str | None] = []
    ids: list[str] = []
    rejected: list[Rejected] = []
    duplicates: list[Rejected] = []
    for source in sources:
        asked, made = run.questions(source)
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
