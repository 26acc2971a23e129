"""Words of scripts that write none apart, found by statistics of the texts themselves, without a dictionary.

A word is a run of two to four characters that stand together much more often than by chance, and that different
characters stand before and behind (after the words of Chinese: Sproat & Shih 1990; Feng et al. 2004).
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

I64 = npt.NDArray[np.int64]

HAN = "\u3005\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
KATAKANA = "\u30a1-\u30fa\u30fc\u30fe"
_HIRAGANA = "\u3041-\u309f"
UNSPACED = re.compile(f"[{HAN}{KATAKANA}{_HIRAGANA}]")
"""A character of Chinese or Japanese."""
_PIECE = re.compile(f"[{HAN}]+|[{KATAKANA}]+|[^{HAN}{KATAKANA}]+")
_HAN = re.compile(f"[{HAN}]")
_LONGEST = 4
_MOST_CHARS = 1_500_000
_LEAST = 3
_COHESION = 8.0
# Of a run that begins or ends with a character that mostly stands for grammar.
_STRICTER = 25.0
_FREEDOM = 0.7
_FUNCTION = frozenset(
    "的了是和与與及也都把被吗嗎呢吧着著这這那你我他她它们們该該并並但而就很在"
    "对對为為从從到由于於以之其此或者不会會要能可将將使有更最没沒个個一上下中"
)
_WHOLE = 4


@dataclass(frozen=True, slots=True)
class Lexicon:
    """The words that were found, with the logarithm of their share of all characters, and that of a character."""

    words: Mapping[str, float]
    alone: float

    def split(self, token: str) -> list[str]:
        """Return a token in its words; hiragana and single characters are kept, as pieces of their own.

        A run of Han characters is split where the product of its pieces' shares is largest. Where the texts say
        nothing about it, it stays whole up to four characters.

        >>> Lexicon({"细胞": -3.0, "分裂": -4.0}, -9.0).split("细胞分裂时ミトコンドリアの")
        ['细胞', '分裂', '时', 'ミトコンドリア', 'の']
        """
        pieces: list[str] = []
        for piece in _PIECE.findall(token):
            pieces += self._han(piece) if _HAN.match(piece) else [piece]
        return pieces

    def _han(self, run: str) -> list[str]:
        best = [0.0] + [-math.inf] * len(run)
        back = [0] * (len(run) + 1)
        for end in range(1, len(run) + 1):
            for start in range(max(0, end - _LONGEST), end):
                word = run[start:end]
                known = self.words.get(word, self.alone if len(word) == 1 else -math.inf)
                if best[start] + known > best[end]:
                    best[end], back[end] = best[start] + known, start
        found, end = [], len(run)
        while end:
            found.append(run[back[end] : end])
            end = back[end]
        found.reverse()
        return [run] if 1 < len(run) <= _WHOLE and all(len(word) == 1 for word in found) else found


def lexicon(tokens: Mapping[str, int]) -> Lexicon:
    """Return the words of texts, from their tokens and how often each stands; 1.5 million characters are read.

    >>> list(lexicon({"甲乙丙细胞丁戊己": 1, "庚辛壬细胞癸子丑": 1, "寅卯辰细胞巳午未": 1}).words)
    ['细胞']
    """
    runs: list[str] = []
    size = 0
    for token, n in tokens.items():
        for run in re.findall(f"[{HAN}]+", token):
            runs += [run] * n
            size += n * (len(run) + 1)
        if size > _MOST_CHARS:
            break
    text = "\n" + "\n".join(runs) + "\n"
    letters, ids = np.unique(np.frombuffer(text.encode("utf-32-le"), dtype="<u4"), return_inverse=True)
    # The break sorts before every letter, so it is 0.
    found: dict[str, float] = {}
    total = max(1, int((ids > 0).sum()))
    counts = {1: np.bincount(ids, minlength=len(letters)).astype(np.float64)}
    index: dict[int, I64] = {1: ids.astype(np.int64)}
    for n in range(2, _LONGEST + 1):
        index[n], first, counts[n] = _grams(ids.astype(np.int64), n, len(letters))
        kept = _words(index, counts, first, n, total, ids.astype(np.int64), text)
        for at, count in kept:
            found[text[at : at + n]] = math.log(count / total)
    return Lexicon(found, math.log(0.5 / total))


def _grams(ids: I64, n: int, base: int) -> tuple[I64, I64, npt.NDArray[np.float64]]:
    """Return which run of n letters begins at each position, -1 for none; where each run stands; their counts."""
    at = np.arange(max(0, len(ids) - n + 1))
    key = np.zeros(len(at), dtype=np.int64)
    whole = np.ones(len(at), dtype=np.bool_)
    for i in range(n):
        part = ids[i : i + len(at)]
        key = key * base + part
        whole &= part > 0
    some = np.flatnonzero(whole)
    _, first, which, count = np.unique(key[some], return_index=True, return_inverse=True, return_counts=True)
    number = np.full(len(ids), -1, dtype=np.int64)
    number[some] = which
    return number, some[first], count.astype(np.float64)


def _words(
    index: Mapping[int, I64],
    counts: Mapping[int, npt.NDArray[np.float64]],
    first: I64,
    n: int,
    total: int,
    ids: I64,
    text: str,
) -> list[tuple[int, float]]:
    """Return the runs of n letters that are words, as where one stands and how often it does."""
    count = counts[n]
    frequent = np.flatnonzero(count >= _LEAST)
    if not len(frequent):
        return []
    at = first[frequent]
    cohesion = np.full(len(at), np.inf)
    for cut in range(1, n):
        left, right = counts[cut][index[cut][at]], counts[n - cut][index[n - cut][at + cut]]
        cohesion = np.minimum(cohesion, count[frequent] * total / (left * right))
    number = index[n]
    there = np.flatnonzero(number >= 0)
    before = _freedom(number[there], ids[there - 1], len(count), int(ids.max()) + 1)
    after = _freedom(number[there], ids[there + n], len(count), int(ids.max()) + 1)
    free = np.minimum(before, after)[frequent]
    found = []
    for start, tied, loose, gram in zip(
        at.tolist(), cohesion.tolist(), free.tolist(), frequent.tolist(), strict=True
    ):
        grammar = text[start] in _FUNCTION or text[start + n - 1] in _FUNCTION
        if tied >= _COHESION * (_STRICTER if grammar else 1.0) and loose >= _FREEDOM:
            found.append((start, float(count[gram])))
    return found


def _freedom(gram: I64, letter: I64, n: int, base: int) -> npt.NDArray[np.float64]:
    """Return the entropy in nats of the letters next to each of n runs; every break counts as a letter of its own."""
    size = np.bincount(gram, minlength=n).astype(np.float64)
    kind, count = np.unique(gram * base + letter, return_counts=True)
    share = count / size[kind // base]
    # A break that stands k times is k letters that stand once.
    surprise = np.where(kind % base == 0, np.log(size[kind // base]), -np.log(share))
    return np.asarray(np.bincount(kind // base, weights=share * surprise, minlength=n), dtype=np.float64)
