"""Names for groups of texts: the terms that are frequent in a group and rare elsewhere.

Class-based TF-IDF, with texts counted instead of words, so that neither a long text nor one that repeats itself
speaks louder than others. A term is a word, or two words that stand together much more often than chance would have
them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from vecindex.core.neighbors import F64, Rows
from vecindex.core.texts.segments import UNSPACED
from vecindex.verbs.picture.words import ARABIC, ARTICLE, NO_WORD, Words, read_words

TERMS = 3
_MIN_TEXTS = 3
_MAX_TERMS = 12_000
# Two words are one term when they stand together so many times more often than by chance.
_TOGETHER = 8.0
# Or when so large a part of the texts with either has both: among few texts nothing is much more than chance.
_BOTH = 0.75
# Where so many of a group's texts with a word have it in one longer term, the longer one is named.
_WITHIN = 0.5
_TRIED = 80
_PRIOR = 0.5
# Nouns stand in the title of a fifteenth of their texts or more, verbs hardly ever.
_TITLE_SHARE = 0.06
_LEAST_NAMING = 0.4
_LEADING = 0.8
# Words that begin alike, so long a part of the longer one: one is enough in a name.
_ALIKE = 0.55
# Or that begin with so many equal letters, or of which one is in the other, as in compounds of German.
_BEGINNING = 7
_INSIDE = 6
_SHORTEST = 3
_DERIVED = frozenset(
    ("al", "an", "ed", "en", "er", "ers", "es", "ial", "ian", "ic", "ing", "ism", "ist", "ists", "s", "ual")
)
# Of a compound with hyphens each part counts, where all are so long: Mail-Server, but IL-2 and IL-6 are two words.
_PART = 4


@dataclass(frozen=True, slots=True)
class TermCounts:
    """In how many texts of each group a term stands; texts of one title in one group count as one.

    Attributes
    ----------
    terms : as they are shown.
    parts : (t, 2) for a term of two words the indices of both among the terms; -1 for a single word.
    counts : (groups, t) texts that hold the term, and once more those that hold it in their title.
    naming : (t,) how fit the term is for a name, up to 1. Titles are made of names, so a word that texts hold and
        titles do not is more likely a verb; a word that mostly begins a longer name means little alone.
    texts : (groups,)
    """

    terms: list[str]
    parts: Rows
    counts: F64
    naming: F64
    texts: F64

    def merged(self, into: Rows, n: int) -> TermCounts:
        """Return the counts of n larger groups; `into` (groups,) is the one that each belongs to."""
        counts, texts = np.zeros((n, len(self.terms))), np.zeros(n)
        np.add.at(counts, into, self.counts)
        np.add.at(texts, into, self.texts)
        return TermCounts(self.terms, self.parts, counts, self.naming, texts)


def count_terms(titles: Sequence[str], texts: Sequence[str], groups: Rows, n: int) -> TermCounts:
    """Return the counts of the terms of texts with their titles; `groups` (m,) is each text's group, of n.

    Terms of fewer than 3 texts are left out, unless there are few texts; and all but the 12,000 most frequent words
    and as many pairs.
    """
    read = read_words(titles, texts)
    units: dict[tuple[str, int], int] = {}
    keyed = enumerate(zip(titles, groups.tolist(), strict=True))
    unit_of = np.array(
        [units.setdefault((title.casefold() or f"\0{i}", group), len(units)) for i, (title, group) in keyed],
        dtype=np.int64,
    )
    group_of = np.array([group for _, group in units], dtype=np.int64)
    unit = unit_of[read.text]
    least = _MIN_TEXTS if len(units) >= 10 * _MIN_TEXTS else 1

    word_count = _texts_with(unit, read.words, len(read.shown))
    kept = _most(word_count, least)
    number = np.full(len(read.shown) + 1, NO_WORD, dtype=np.int64)
    number[kept] = np.arange(len(kept))
    words = number[read.words]
    pairs, first_second, pair_shown = _pairs(read, unit, words, word_count[kept], len(units), least)

    parts = np.concatenate([np.full((len(kept), 2), -1, dtype=np.int64), first_second])
    terms = [read.shown[i] for i in kept] + pair_shown
    size = len(terms)
    counts, anywhere, in_title = np.zeros((n, size)), np.zeros(size), np.zeros(size)
    for stream in (words, pairs):
        for where, total in ((None, anywhere), (read.in_title, in_title)):
            there = np.flatnonzero(stream != NO_WORD if where is None else (stream != NO_WORD) & where)
            seen = _distinct(unit[there] * size + stream[there])
            np.add.at(counts, (group_of[seen // size], seen % size), 1.0)
            total += np.bincount(seen % size, minlength=size)
    # What mostly begins a longer name means little alone: John, San.
    alone = np.ones(size)
    # A letter means something in a longer term alone: T cell.
    alone[: len(kept)] = [float(len(word) > 1) for word in terms[: len(kept)]]
    alone[: len(kept)] *= 1 - _LEADING * np.clip((read.leads[kept] - 0.45) / 0.15, 0, 1)
    texts_of = np.bincount(group_of, minlength=n).astype(np.float64)
    return TermCounts(terms, parts, counts, _naming(anywhere, in_title) * alone, texts_of)


def _naming(anywhere: F64, in_title: F64) -> F64:
    if not in_title.any():
        return np.ones(len(anywhere))
    share = (in_title + _PRIOR * _TITLE_SHARE) / (anywhere + _PRIOR)
    return np.asarray(_LEAST_NAMING + (1 - _LEAST_NAMING) * np.minimum(1.0, share / _TITLE_SHARE))


def _texts_with(unit: Rows, words: Rows, n: int) -> Rows:
    there = words != NO_WORD
    seen = _distinct(unit[there] * max(1, n) + words[there])
    return np.bincount(seen % max(1, n), minlength=n)


def _distinct(values: Rows) -> Rows:
    """Return the different values in ascending order; several times as quick as `numpy.unique` for many."""
    values = np.sort(values)
    return values[np.concatenate([[True], values[1:] != values[:-1]])] if len(values) else values


def _most(count: Rows, least: int) -> Rows:
    """Return the indices of the most frequent, ascending."""
    order = np.argsort(-count, kind="stable")[:_MAX_TERMS]
    return np.sort(order[count[order] >= least])


def _pairs(
    read: Words, unit: Rows, words: Rows, word_count: Rows, texts: int, least: int
) -> tuple[Rows, Rows, list[str]]:
    """Return for each word in the texts the term of two words that begins there; these terms' words; as shown."""
    none = np.full(len(words), NO_WORD, dtype=np.int64)
    n = len(word_count)
    adjacent = np.flatnonzero(
        (words[:-1] != NO_WORD)
        & (words[1:] != NO_WORD)
        & (words[:-1] != words[1:])
        & (read.text[:-1] == read.text[1:])
    )
    if not len(adjacent):
        return none, np.empty((0, 2), dtype=np.int64), []
    key, which = np.unique(words[adjacent] * n + words[adjacent + 1], return_inverse=True)
    count = _texts_with(unit[adjacent], which, len(key))
    first, second = key // n, key % n
    by_chance = word_count[first] * word_count[second] / max(1, texts)
    together = count >= _BOTH * np.maximum(word_count[first], word_count[second])
    kept = _most(np.where(together | (count >= _TOGETHER * by_chance), count, 0), max(2, least))
    number = np.full(len(key), NO_WORD, dtype=np.int64)
    number[kept] = n + np.arange(len(kept))
    none[adjacent] = number[which]
    return none, np.stack([first[kept], second[kept]], axis=1), _spelled(read, none, n, len(kept))


def _spelled(read: Words, pairs: Rows, first: int, n: int) -> list[str]:
    """Return the most frequent spelling of each of n terms of two words; `first` is the number of the first one."""
    at = np.flatnonzero(pairs != NO_WORD)
    key = np.stack([pairs[at] - first, read.spelled[at], read.spelled[at + 1]], axis=1)
    kinds, count = np.unique(key, axis=0, return_counts=True)
    # Written last for each term: the most frequent one, the smallest of equal ones.
    best = np.empty(n, dtype=np.int64)
    order = np.lexsort((-np.arange(len(kinds)), count))
    best[kinds[order, 0]] = order
    return [_joined(read.spellings[a], read.spellings[b]) for a, b in kinds[best, 1:].tolist()]


def _joined(first: str, second: str) -> str:
    """Return two words as one term, with a blank between them where their script has blanks.

    >>> _joined("New", "York"), _joined("免疫", "细胞")
    ('New York', '免疫细胞')
    """
    return f"{first}{'' if UNSPACED.match(first[-1]) and UNSPACED.match(second) else ' '}{second}"


def name_groups(found: TermCounts, within: TermCounts | None = None, into: Rows | None = None) -> list[str]:
    """Return a name for each group: its three most distinctive terms, separated by ", "; "" where it has none.

    A term's weight in a group is p log(p / q) times its fitness for a name: p is the share of the group's texts with
    the term, q that of all texts. With `within` and `into`, larger groups and the one that each belongs to, it is the
    mean of this and of the same against the larger group, so that groups that lie side by side get different names.
    No two groups get the same name as long as they have terms enough.
    """
    weight = _weights(found, found.counts.sum(axis=0), found.texts.sum())
    if within is not None and into is not None:
        weight = (weight + _weights(found, within.counts[into], within.texts[into][:, None])) / 2
    names: list[str] = [""] * len(found.texts)
    taken: set[frozenset[int]] = set()
    longer: dict[int, list[int]] = {}
    for term in np.flatnonzero(found.parts[:, 0] >= 0).tolist():
        for word in found.parts[term].tolist():
            longer.setdefault(word, []).append(term)
    for group in np.argsort(-found.texts, kind="stable"):
        terms = _candidates(found, longer, found.counts[group], found.naming * weight[group])
        # Where nothing distinguishes it from the others, what is most frequent.
        terms = terms or _candidates(found, longer, found.counts[group], found.naming * found.counts[group])
        # The last term makes way until no larger group has the same name.
        tried = [[*terms[: TERMS - 1], last] for last in terms[TERMS - 1 :]] or [terms]
        terms = next((some for some in tried if frozenset(some) not in taken), tried[-1])
        taken.add(frozenset(terms))
        names[group] = ", ".join(found.terms[t] for t in terms)
    return names


def _weights(found: TermCounts, counts: F64, texts: F64) -> F64:
    # A prior keeps a term of one text from weighing as much as its rarity would have it.
    p = found.counts / (found.texts[:, None] + _PRIOR)
    q = (counts + _PRIOR) / (texts + _PRIOR)
    return np.asarray(np.where(p > 0, p * np.log(np.maximum(p, 1e-12) / q), 0.0))


def _candidates(found: TermCounts, longer: dict[int, list[int]], counts: F64, weight: F64) -> list[int]:
    """Return the most distinctive terms of a group, no word in two of them, and no two words that begin alike.

    `longer` are the terms of two words that each word stands in: one that most of the group's texts with the word
    have is taken instead of the word.
    """
    chosen: list[int] = []
    words: list[str] = []
    for best in np.argsort(-weight, kind="stable")[:_TRIED]:
        if weight[best] <= 0 or len(chosen) == 2 * TERMS:
            break
        among = [t for t in longer.get(int(best), ()) if counts[t] >= _WITHIN * counts[best]]
        term = max(among, key=lambda t: counts[t], default=int(best))
        own = _parts(found.terms[term])
        if not any(_alike(a, b) for a in own for b in words):
            chosen.append(term)
            words += own
    return chosen


def _parts(term: str) -> list[str]:
    """Return the words of a term, of compounds with hyphens each.

    >>> _parts("T cell"), _parts("Debian-Administratoren"), _parts("IL-2")
    (['T', 'cell'], ['Debian', 'Administratoren'], ['IL-2'])
    """
    parts = [(word, word.split("-")) for word in term.split()]
    return [part for word, some in parts for part in (some if min(map(len, some)) >= _PART else [word])]


def _people(a: str, b: str) -> bool:
    """Return whether one is what a land's people are called: Polish of Poland."""
    stem = a.removesuffix("ish")
    return stem != a and len(stem) >= 2 and b.startswith(stem[:_SHORTEST])


def _alike(a: str, b: str) -> bool:
    """Return whether two words seem to be forms of one.

    >>> _alike("economy", "economic"), _alike("India", "Indian"), _alike("star", "station"), _alike("細胞", "幹細胞")
    (True, True, False, True)
    >>> _alike("sex", "sexual"), _alike("Polish", "Poland"), _alike("Irish", "Ireland"), _alike("car", "carbon")
    (True, True, True, False)
    >>> _alike("Konfigurationsdatei", "Konfigurierung"), _alike("Verzeichnis", "Wurzelverzeichnis")
    (True, True)
    """
    if UNSPACED.match(a) and UNSPACED.match(b) and (a in b or b in a):
        return True
    if a[0].isupper() and b[0].isupper() and any(_people(x, y) for x, y in ((a, b), (b, a))):
        return True
    arabic = ARABIC.match(a) and ARABIC.match(b)
    a, b = sorted((ARTICLE.sub("", a.casefold()), ARTICLE.sub("", b.casefold())), key=len)
    if len(a) >= _INSIDE and a in b:
        return True
    if len(a) >= _SHORTEST and b.startswith(a) and b[len(a) :] in _DERIVED:
        return True
    same = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    return a == b or same >= _BEGINNING or (same >= 4 - bool(arabic) and same >= _ALIKE * max(len(a), len(b)))
