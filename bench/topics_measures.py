"""What a clustering of passages and the names of its topics are worth; each measure works on one level of topics.

Labels (n,) number the topics from 0; -1 is a passage without a topic (noise).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.metrics import adjusted_mutual_info_score, silhouette_score

Labels = npt.NDArray[np.int64]
Vectors = npt.NDArray[np.float32]

_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_KIND = re.compile(r"\([^()]*?([^()\W\d]+)\)$")
_NAMED_BY = 40_000
_TEXT_CHARACTERS = 400
_REFERENCE = 25_000
_SILHOUETTE = 5_000
_NEIGHBORS = 10


def title_kinds(titles: Sequence[str], least: int = 10) -> list[str | None]:
    """Return the last word in brackets at the end of each title, such as "film"; None where under 10 have it."""
    found = {title: match[1] for title in set(titles) if (match := _KIND.search(title))}
    counts: dict[str, int] = {}
    for kind in found.values():
        counts[kind] = counts.get(kind, 0) + 1
    return [kind if (kind := found.get(title)) and counts[kind] >= least else None for title in titles]


def article_pairs(titles: Sequence[str], seed: int = 0) -> npt.NDArray[np.int64]:
    """Return one random pair of rows (p, 2) for each title that two passages or more have."""
    rng = np.random.default_rng(seed)
    rows: dict[str, list[int]] = {}
    for row, title in enumerate(titles):
        rows.setdefault(title, []).append(row)
    return np.array([rng.choice(own, 2, replace=False) for own in rows.values() if len(own) > 1], dtype=np.int64)


def together(labels: Labels, pairs: npt.NDArray[np.int64]) -> dict[str, float]:
    """Return the share of pairs within one topic, that by chance, and the agreement (share - chance) / (1 - chance).

    A pair with a passage without a topic is not together.
    """
    a, b = labels[pairs].T
    share = float(((a == b) & (a >= 0)).mean())
    sizes = np.bincount(labels[labels >= 0]) / len(labels)
    chance = float((sizes**2).sum())
    return {"share": share, "chance": chance, "agreement": (share - chance) / (1 - chance)}


def known_topics(labels: Labels, known: Sequence[str | None]) -> dict[str, float]:
    """Return the adjusted mutual information with known topics, and the purity.

    Purity is the share of passages whose topic's most frequent known topic is theirs. All passages without a topic
    count as one topic for the former, and as wrong for the latter. Passages whose known topic is None are left out.
    """
    rows = np.array([i for i, one in enumerate(known) if one is not None], dtype=np.int64)
    names, codes = np.unique([str(known[i]) for i in rows], return_inverse=True)
    own = labels[rows]
    table = np.zeros((int(own.max()) + 2, len(names)), dtype=np.int64)
    np.add.at(table, (own, codes), 1)
    return {
        "rows": len(rows),
        "kinds": len(names),
        "ami": float(adjusted_mutual_info_score(codes, own)),
        "purity": float(table[:-1].max(axis=1).sum() / len(rows)),
    }


def sampled_neighbors(vectors: Vectors, sample: int = 2_000, seed: int = 0) -> tuple[Labels, Labels]:
    """Return sampled rows (s,) and their 10 exact nearest others (s, 10) by dot product."""
    rows = np.random.default_rng(seed).choice(len(vectors), min(sample, len(vectors)), replace=False)
    near = np.empty((len(rows), _NEIGHBORS), dtype=np.int64)
    for at in range(0, len(rows), 500):
        products = vectors[rows[at : at + 500]] @ vectors.T
        products[np.arange(len(products)), rows[at : at + 500]] = -np.inf
        near[at : at + 500] = np.argpartition(-products, _NEIGHBORS, axis=1)[:, :_NEIGHBORS]
    return rows, near


def neighbors_kept(labels: Labels, rows: Labels, near: Labels) -> float:
    """Return the share of the nearest neighbors that are in the topic of their passage."""
    own = labels[rows][:, None]
    return float(((labels[near] == own) & (own >= 0)).mean())


def silhouette(vectors: Vectors, labels: Labels, seed: int = 0) -> float:
    """Return the mean silhouette by cosine distance of 5,000 passages with a topic; -1 to 1, higher is better."""
    rows = np.flatnonzero(labels >= 0)
    rows = np.random.default_rng(seed).permutation(rows)[:_SILHOUETTE]
    if len(np.unique(labels[rows])) < 2:
        return float("nan")
    return float(silhouette_score(vectors[rows], labels[rows], metric="cosine"))


def assigned(vectors: Vectors, labels: Labels) -> Labels:
    """Return the labels with each passage without a topic put into the topic whose mean vector is nearest."""
    found = labels.copy()
    n = int(labels.max()) + 1
    means = np.stack([vectors[labels == topic].mean(axis=0) for topic in range(n)])
    means /= np.linalg.norm(means, axis=1, keepdims=True)
    rows = np.flatnonzero(labels < 0)
    for at in range(0, len(rows), 16_384):
        some = rows[at : at + 16_384]
        found[some] = (vectors[some] @ means.T).argmax(axis=1)
    return found


def our_names(titles: Sequence[str], texts: Sequence[str], labels: Labels) -> list[str]:
    """Return a name of three terms for each topic, as a map page has it, from 40,000 passages at most."""
    from vecindex.verbs.picture.topic_names import count_terms, name_groups

    rows = _named_by(labels)
    beginnings = [texts[i][:_TEXT_CHARACTERS] for i in rows]
    return name_groups(count_terms([titles[i] for i in rows], beginnings, labels[rows], int(labels.max()) + 1))


def ctfidf_names(titles: Sequence[str], texts: Sequence[str], labels: Labels) -> list[str]:
    """Return the three words of each topic with the greatest class TF-IDF: tf / all words * log(1 + A / f).

    f counts the word in all topics, A is the mean number of words in a topic.
    """
    rows = _named_by(labels)
    counter = CountVectorizer(stop_words="english", token_pattern=r"(?u)\b[^\W\d_]{3,}\b")
    words = counter.fit_transform([f"{titles[i]}. {texts[i][:_TEXT_CHARACTERS]}" for i in rows])
    n = int(labels.max()) + 1
    groups = sparse.csr_matrix((np.ones(len(rows)), (labels[rows], np.arange(len(rows)))), shape=(n, len(rows)))
    counts = np.asarray((groups @ words).todense())
    total = counts.sum(axis=1, keepdims=True)
    weight = counts / np.maximum(total, 1) * np.log1p(total.mean() / np.maximum(counts.sum(axis=0), 1))
    vocabulary = counter.get_feature_names_out()
    return [", ".join(vocabulary[i] for i in row[:3]) for row in np.argsort(-weight, axis=1, kind="stable")]


def _named_by(labels: Labels) -> Labels:
    return np.random.default_rng(1).permutation(np.flatnonzero(labels >= 0))[:_NAMED_BY]


def plain_words(text: str) -> list[str]:
    """Return the words of a text in small letters, a final s dropped from those longer than three.

    >>> plain_words("Cells of New York's gas")
    ['cell', 'of', 'new', "york'", 'gas']
    """
    return [word[:-1] if len(word) > 3 and word.endswith("s") else word for word in _WORD.findall(text.lower())]


class Reference:
    """Which words, and pairs of words that follow one another, stand in which of 25,000 passages."""

    def __init__(self, titles: Sequence[str], texts: Sequence[str], seed: int = 2) -> None:
        """Read the passages; what fewer than three of them hold is not counted."""
        self.rows = np.random.default_rng(seed).permutation(len(texts))[:_REFERENCE]
        counter = CountVectorizer(analyzer=_one_or_two, binary=True, min_df=3)
        there = counter.fit_transform(f"{titles[i]}. {texts[i]}" for i in self.rows)
        self.there = sparse.hstack([there, np.zeros((len(self.rows), 1))], format="csc")
        self.column = counter.vocabulary_

    def measure(self, names: Sequence[str], labels: Labels) -> dict[str, float]:
        """Return coherence, diversity and reach of the names of the topics.

        npmi : normalized pointwise mutual information of a name's terms in passages, mean over pairs, then topics; -1
            for terms that never meet, 0 by chance, 1 where one never comes without the other.
        diversity : different terms as a share of all terms.
        inside, elsewhere : share of a topic's passages, and of all others, with one of its terms or more; means.
        """
        spelled = [[" ".join(plain_words(term)) for term in name.split(", ") if term] for name in names]
        # The last column is empty: no passage holds a term that is not counted.
        found = [[self.column.get(term, -1) for term in terms] for terms in spelled]
        every = [term for terms in spelled for term in terms]
        own = labels[self.rows]
        inside, elsewhere, npmi = [], [], []
        for topic, terms in enumerate(found):
            there = self.there[:, terms].toarray() > 0
            hit = there.any(axis=1)
            if (own == topic).any() and (own != topic).any():
                inside.append(hit[own == topic].mean())
                elsewhere.append(hit[own != topic].mean())
            pairs = [_npmi(there[:, i], there[:, j]) for i in range(len(terms)) for j in range(i)]
            npmi += [np.mean(pairs)] if pairs else []
        return {
            "npmi": float(np.mean(npmi)),
            "diversity": len(set(every)) / len(every),
            "inside": float(np.mean(inside)),
            "elsewhere": float(np.mean(elsewhere)),
        }


def _npmi(a: npt.NDArray[np.bool_], b: npt.NDArray[np.bool_]) -> float:
    both = float((a & b).mean())
    if both in (0, 1):
        return -1.0 if both == 0 else 1.0
    return float(np.log(both / (a.mean() * b.mean())) / -np.log(both))


def _one_or_two(text: str) -> list[str]:
    words = plain_words(text)
    return words + [f"{a} {b}" for a, b in pairwise(words)]


def rounded(values: dict[str, Any]) -> dict[str, Any]:
    """Return the values with four decimals."""
    return {key: round(value, 4) if isinstance(value, float) else value for key, value in values.items()}
