"""Folders that are laid out in a known way: data sets of Hugging Face, and of retrieval (BEIR, MS MARCO)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

_METADATA = frozenset(
    ("dataset_info.json", "dataset_infos.json", "dataset_dict.json", "state.json", "_metadata", "croissant.json")
)
_CACHES = re.compile(r"(cache-|indices|tmp)[\w.-]*\.arrow")
_SHARD = re.compile(r"(?P<split>[A-Za-z]\w*)-\d{5}-of-\d{5}(?:-[0-9a-f]+)?\.")
_SPLITS = ("train", "validation", "valid", "val", "dev", "test")
_TOKENS = re.compile(r"[^A-Za-z]+")
_CORPUS = frozenset(("corpus", "collection", "documents", "docs", "passages"))
_QUESTIONS = frozenset(("queries", "query", "topics", "questions"))
_JUDGMENTS = frozenset(("qrels", "qrel"))


@dataclass(frozen=True, slots=True)
class Layout:
    """What is known of the files of a folder, by their paths inside it.

    Attributes
    ----------
    metadata : files about the others, which hold no rows.
    questions : questions and judgments of a data set for retrieval, which are no articles.
    splits : the part of a data set that a file belongs to, where the folder has several.
    """

    metadata: frozenset[str] = frozenset()
    questions: frozenset[str] = frozenset()
    splits: dict[str, str] = field(default_factory=dict)


def layout_of(files: Sequence[str]) -> Layout:
    """Return what is known of a folder's data files.

    >>> sorted(layout_of(["corpus.jsonl", "qrels/test.tsv", "queries.jsonl"]).questions)
    ['qrels/test.tsv', 'queries.jsonl']
    >>> layout_of(["data/test-00000-of-00001.parquet", "data/train-00000-of-00001.parquet"]).splits
    {'data/test-00000-of-00001.parquet': 'test', 'data/train-00000-of-00001.parquet': 'train'}
    """
    names = {inside: inside.rsplit("/", 1)[-1] for inside in files}
    metadata = {inside for inside, name in names.items() if name in _METADATA or _CACHES.fullmatch(name)}
    # Alone, such a file is a file like others.
    metadata = metadata if len(metadata) < len(names) else set()
    data = [inside for inside in files if inside not in metadata]
    words = {inside: first_words(inside) for inside in data}
    others = {inside for inside, found in words.items() if found & (_QUESTIONS | _JUDGMENTS)}
    has_corpus = any(found & _CORPUS for inside, found in words.items() if inside not in others)
    questions = frozenset(others if has_corpus else ())
    splits = {inside: split for inside in data if inside not in questions and (split := _split_of(inside, names))}
    # One part alone is the whole.
    return Layout(frozenset(metadata), questions, splits if len(set(splits.values())) > 1 else {})


def first_words(inside: str) -> frozenset[str]:
    """Return the words with which a file's name and those of its folders begin.

    >>> sorted(first_words("dl19/queries.dev.small.tsv")), sorted(first_words("docs/common-questions.jsonl"))
    (['dl', 'queries'], ['common', 'docs'])
    """
    return frozenset(_TOKENS.split(part.lower())[0] for part in inside.split("/"))


def _split_of(inside: str, names: dict[str, str]) -> str | None:
    shard = _SHARD.match(names[inside])
    folders = inside.split("/")[:-1]
    if shard is not None and shard["split"] != "data":
        return shard["split"]
    if folders and folders[-1] in _SPLITS:
        return folders[-1]
    stem = names[inside].split(".", 1)[0]
    return stem if stem in _SPLITS else None
