"""The words of texts as numbers: in which form they are shown, which are one word, and which mean nothing alone."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
import numpy.typing as npt

from vecindex.core.neighbors import F64, Rows

# Digits and other characters are found too, since two words with one between them do not stand together.
_TOKEN = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*|[^\w\s]|\d")
_OWNER = re.compile(r"['’]s$")
NO_WORD = -1

# Kept short: words that are as frequent everywhere have no weight anyway. These are for small sets of texts.
_STOP_WORDS = """
a about above after again ago all already also although always am among an and another any are around as at away
back be became because become becomes been before began being below best better between born both but by called
came can cannot come common consist could day days did different do does done down due during each early either
else end ended especially etc ever every example few find first five following for form former found four from
further gave general get give given go good great group had has have having he her here high him himself his how
however if important in place include included includes including into is it its itself just kind known large last
late later least less like likely little long low made main major make makes making many may me means might
modern more most mostly much must my near nearly never next no non nor not now number of off often old on
once one only onto or order original other others our out over own part people per perhaps person possible
present produced put quite rather really recent right said same say second see seen set several shall she short
should show shown shows similar since single six small so some something soon still such take taken ten term
terms than that the their them themselves then there therefore these they thing third this those though three
through thus time to together too took toward towards two type types under until up upon us use used uses using
usually various very via was way we well went were what when where whether which while who whole whom whose why
will with within without work works world would year years yet you your
iii vii viii xii xiii xiv xvi de la le les des du der die das und von el los las del di da van en et il
"""
_STOP = frozenset(_STOP_WORDS.split())
_SHORTEST = 3
# A word that is written small so often is no name.
_SMALL = 0.07
# Rarer words are not judged.
_SEEN = 5


@dataclass(frozen=True, slots=True)
class Words:
    """The words of texts in their order.

    Attributes
    ----------
    shown : each word as it is shown: its most frequent spelling outside titles, of singular and plural.
    words : (n,) index in `shown`; NO_WORD for punctuation, digits, and stop words.
    spelled, spellings : (n,) how each stands there, as an index among all spellings.
    text : (n,) the text that each stands in.
    in_title : (n,) whether it stands in the text's title.
    leads : (len(shown),) of a word that is shown with a capital, how often another such word follows it at once in
        the texts; 0 to 1. Near 1 for what begins a name, such as John, San or United, and means little alone.
    """

    shown: list[str]
    words: Rows
    spelled: Rows
    spellings: list[str]
    text: Rows
    in_title: npt.NDArray[np.bool_]
    leads: F64


def read_words(titles: Sequence[str], texts: Sequence[str]) -> Words:
    """Return the words of texts and of their titles: runs of letters of any script, possessive endings left out."""
    spellings: dict[str, int] = {}
    codes: list[int] = []
    lengths: list[int] = []
    for part in chain.from_iterable(zip(titles, texts, strict=True)):
        tokens = [*_TOKEN.findall(part), "."]
        codes += [spellings.setdefault(token, len(spellings)) for token in tokens]
        lengths.append(len(tokens))
    stream = np.array(codes, dtype=np.int64)
    part_of = np.repeat(np.arange(len(lengths)), np.array(lengths, dtype=np.int64))
    in_title = part_of % 2 == 0
    word_of, shown = _folded(list(spellings), np.bincount(stream[~in_title], minlength=len(spellings)))
    words = word_of[stream]
    leads = _leads(shown, words, stream, list(spellings), in_title)
    return Words(shown, words, stream, list(spellings), part_of // 2, in_title, leads)


def _leads(
    shown: list[str], words: Rows, spelled: Rows, spellings: list[str], in_title: npt.NDArray[np.bool_]
) -> F64:
    """Return how often each word stands before one with a capital. A stop ends each text, so pairs lie within one."""
    capital = np.array([spelling[0].isupper() for spelling in spellings], dtype=np.bool_)
    at = np.flatnonzero((words[:-1] != NO_WORD) & ~in_title[:-1])
    n = len(shown)
    seen, before = np.bincount(words[at], minlength=n), np.bincount(words[at[capital[spelled[at + 1]]]], minlength=n)
    name = np.array([word[0].isupper() for word in shown], dtype=np.bool_)
    return np.where(name & (seen >= _SEEN), before / np.maximum(seen, 1), 0.0)


def _folded(spellings: list[str], count: Rows) -> tuple[Rows, list[str]]:
    """Return the word of each spelling, NO_WORD for a stop word, and how each word is shown."""
    total: dict[str, int] = {}
    plain = [_OWNER.sub("", s).casefold() for s in spellings]
    for word, n in zip(plain, count.tolist(), strict=True):
        total[word] = total.get(word, 0) + n
    word_of = np.full(len(spellings), NO_WORD, dtype=np.int64)
    numbers: dict[str, int] = {}
    forms: list[dict[str, int]] = []
    for code, (spelling, word) in enumerate(zip(spellings, plain, strict=True)):
        if not word[0].isalpha() or word in _STOP or (len(word) < _SHORTEST and word.isascii()):
            continue
        number = word_of[code] = numbers.setdefault(singular(word, total), len(numbers))
        if number == len(forms):
            forms.append({})
        form = _OWNER.sub("", spelling)
        forms[number][form] = forms[number].get(form, 0) + int(count[code])
    return word_of, [_shown(found) for found in forms]


def _shown(forms: dict[str, int]) -> str:
    """Return the most frequent form, the first of equal ones; a small one where small ones are not rare.

    >>> _shown({"River": 7, "river": 2, "rivers": 1}), _shown({"Paris": 50, "paris": 1}), _shown({"Cell": 0})
    ('river', 'Paris', 'Cell')
    """
    small = {form: n for form, n in forms.items() if form.islower()}
    among = small if sum(small.values()) > _SMALL * sum(forms.values()) else forms
    return max(among, key=lambda form: among[form])


def singular(word: str, total: dict[str, int]) -> str:
    """Return the word that a plural is counted as: one that is seen too, and not much rarer; else the word itself.

    >>> total = {"cell": 9, "cells": 5, "species": 7, "city": 3, "cities": 3, "box": 2, "boxes": 1}
    >>> [singular(w, total) for w in ("cells", "species", "cities", "news", "boxes", "glass")]
    ['cell', 'species', 'city', 'news', 'box', 'glass']
    """
    if len(word) < 4 or not word.endswith("s") or word.endswith(("ss", "us", "is")) or word in ("news", "mars"):
        return word
    forms = [word[:-3] + "y"] if word.endswith("ies") else [word[:-1]]
    forms += [word[:-2]] if word.endswith(("xes", "ches", "shes", "sses", "zes", "oes")) else []
    for form in forms:
        if total.get(form, 0) * 10 >= total[word]:
            return form
    return word
