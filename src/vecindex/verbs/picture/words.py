"""The words of texts as numbers: in which form they are shown, which are one word, and which mean nothing alone."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
import numpy.typing as npt

from vecindex.core.neighbors import F64, Rows
from vecindex.core.texts.segments import UNSPACED, lexicon
from vecindex.core.texts.stopwords import stop_words

# A word is a run of letters and digits with their marks; hyphens and apostrophes may join several. Other characters
# are found one by one, since two words with one between them do not stand together; so is an initial with its stop.
_MARKS = "".join(chr(at) for at in range(0x300, 0x2000) if unicodedata.category(chr(at)).startswith("M"))
_RUN = rf"[^\W_](?:[^\W_]|[{_MARKS}])*"
# Addresses and paths are no words; nor is what a host's or a file's name ends with: org, html.
_ADDRESS = r"(?:https?|ftp|file)://[^\s<>\"]+|www\.[^\s<>\"]+|(?<![\w.+-])[\w.+-]{1,64}@\w[\w-]*(?:\.[\w-]+)+"
_PATH = r"(?<![\w/<])~?/[\w.+~-]+(?:/[\w.+~-]*)*"
_ENDING = r"(?<=[^\W\d_][^\W_])\.[a-z]{2,4}(?!\w)"
_TOKEN = re.compile(
    rf"{_ADDRESS}|{_PATH}|{_ENDING}"
    rf"|[^\W\d_]\.(?=[^\W\d_]|[ \u00a0]\w)|{_RUN}(?:['’\u2010\u2011-]{_RUN})*|[^\w\s]"
)
_NO_WORD = re.compile(r"[/.@]..")
_OWNER = re.compile(r"['’]s$")
# French and Italian: l'eau, dell'acqua.
_ELIDED = re.compile(r"^(?:[cdjlmnst]|qu|jusqu|lorsqu|puisqu|all|dall|dell|nell|sull|un)['’](?=..)", re.IGNORECASE)
_HYPHENS = re.compile("[\u2010\u2011-]")
_DIGIT = re.compile(r"\d")
# The article of Arabic, alone or behind a preposition or a conjunction.
ARTICLE = re.compile("^(?:و?[بفك]?ال|و?لل)(?=...)")
ARABIC = re.compile("[\u0621-\u064a]")
NO_WORD = -1
_SHORTEST = 3
# Of two letters only what is nearly always written in capitals, such as AI.
_CAPITALS = 0.9
_GUESSED_BY = 300
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
    """Return the words of texts and of their titles, possessive endings and elided articles left out.

    Stop words are those of the languages of the texts. Chinese and Japanese, which write no blanks, are split by what
    stands together in these texts.
    """
    spellings: dict[str, int] = {}
    codes: list[int] = []
    lengths: list[int] = []
    for part in chain.from_iterable(zip(titles, texts, strict=True)):
        tokens = [*_TOKEN.findall(part), "."]
        codes += [spellings.setdefault(token, len(spellings)) for token in tokens]
        lengths.append(len(tokens))
    stream = np.array(codes, dtype=np.int64)
    part_of = np.repeat(np.arange(len(lengths)), np.array(lengths, dtype=np.int64))
    stream, part_of, known = _split(stream, part_of, list(spellings))
    in_title = part_of % 2 == 0
    step = max(1, len(texts) // _GUESSED_BY)
    stops = frozenset(word.casefold() for word in stop_words(texts[::step]))
    word_of, shown = _folded(known, np.bincount(stream[~in_title], minlength=len(known)), stops)
    words = word_of[stream]
    leads = _leads(shown, words, stream, known, in_title)
    return Words(shown, words, stream, known, part_of // 2, in_title, leads)


def _split(stream: Rows, part_of: Rows, spellings: list[str]) -> tuple[Rows, Rows, list[str]]:
    """Return the stream with tokens of unspaced scripts in their words, the part of each, and all spellings."""
    unspaced = [code for code, token in enumerate(spellings) if UNSPACED.search(token)]
    if not unspaced:
        return stream, part_of, spellings
    count = np.bincount(stream, minlength=len(spellings))
    found = lexicon({spellings[code]: int(count[code]) for code in unspaced})
    numbers: dict[str, int] = {}
    pieces = [[token] for token in spellings]
    for code in unspaced:
        pieces[code] = found.split(spellings[code])
    coded = [[numbers.setdefault(piece, len(numbers)) for piece in some] for some in pieces]
    sizes = np.array([len(some) for some in coded], dtype=np.int64)
    flat, starts = np.array(list(chain.from_iterable(coded)), dtype=np.int64), np.cumsum(sizes) - sizes
    taken = sizes[stream]
    within = np.arange(int(taken.sum())) - np.repeat(np.cumsum(taken) - taken, taken)
    return flat[np.repeat(starts[stream], taken) + within], np.repeat(part_of, taken), list(numbers)


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


def _folded(spellings: list[str], count: Rows, stops: frozenset[str]) -> tuple[Rows, list[str]]:
    """Return the word of each spelling, NO_WORD for a stop word, and how each word is shown."""
    total: dict[str, int] = {}
    capitals: dict[str, int] = {}
    plain = [_plain(spelling) for spelling in spellings]
    for spelling, word, n in zip(spellings, plain, count.tolist(), strict=True):
        key = _key(word)
        total[key] = total.get(key, 0) + n
        capitals[key] = capitals.get(key, 0) + n * spelling.isupper()
    word_of = np.full(len(spellings), NO_WORD, dtype=np.int64)
    numbers: dict[str, int] = {}
    forms: list[dict[str, int]] = []
    for code, (spelling, word) in enumerate(zip(spellings, plain, strict=True)):
        key = _key(word)
        if word in stops or not _is_word(spelling, word, capitals[key] >= _CAPITALS * total[key]):
            continue
        number = word_of[code] = numbers.setdefault(singular(key, total), len(numbers))
        if number == len(forms):
            forms.append({})
        form = _ELIDED.sub("", _OWNER.sub("", spelling))
        forms[number][form] = forms[number].get(form, 0) + int(count[code])
    return word_of, [_shown(found) for found in forms]


def _plain(spelling: str) -> str:
    return _ELIDED.sub("", _OWNER.sub("", unicodedata.normalize("NFKC", spelling).casefold()))


def _key(word: str) -> str:
    """Return what a word is counted under: IL-2 as IL2, and an Arabic word without its article."""
    if _DIGIT.search(word):
        return _HYPHENS.sub("", word)
    return ARTICLE.sub("", word)


def _is_word(spelling: str, word: str, capital: bool) -> bool:
    """Return whether a spelling may be a word of a name; `capital` says that it is nearly always in capitals.

    >>> tried = ("p53", "CD4", "5G", "19th", "1990s", "42", "T", "e", "AI", "細胞", "の", "ミ")
    >>> [word for word in tried if _is_word(word, word, True)]
    ['p53', 'CD4', '5G', 'T', 'AI', '細胞']
    """
    letters = [ch for ch in spelling if ch.isalpha()]
    if not letters or _NO_WORD.search(spelling):
        return False
    if UNSPACED.search(word):
        return len(word) > 1 and not all("\u3041" <= ch <= "\u309f" for ch in word)
    if word[0].isdigit():
        return letters[0].isupper()
    if len(word) == 1:
        # Only for terms such as T cell.
        return spelling.isupper()
    return len(word) >= _SHORTEST or not word.isascii() or bool(_DIGIT.search(word)) or capital


def _shown(forms: dict[str, int]) -> str:
    """Return the most frequent form, the first of equal ones; a small one where small ones are not rare.

    >>> _shown({"River": 7, "river": 2, "rivers": 1}), _shown({"Paris": 50, "paris": 1}), _shown({"Cell": 0})
    ('river', 'Paris', 'Cell')
    """
    small = {form: n for form, n in forms.items() if form.islower() and not _DIGIT.search(form)}
    among = small if sum(small.values()) > _SMALL * sum(forms.values()) else forms
    return max(among, key=lambda form: among[form])


def singular(word: str, total: dict[str, int]) -> str:
    """Return the word that a plural is counted as: one that is seen too, and not much rarer; else the word itself.

    >>> total = {"cell": 9, "cells": 5, "species": 7, "city": 3, "cities": 3, "box": 2, "boxes": 1}
    >>> [singular(w, total) for w in ("cells", "species", "cities", "news", "boxes", "glass")]
    ['cell', 'species', 'city', 'news', 'box', 'glass']
    >>> [singular(w, {"women": 9, "woman": 5, "men": 9, "specimen": 3}) for w in ("women", "men", "specimen")]
    ['woman', 'men', 'specimen']
    """
    if word.endswith("men") and total.get(word[:-2] + "an", 0) * 10 >= total[word]:
        return word[:-2] + "an"
    if len(word) < 4 or not word.endswith("s") or word.endswith(("ss", "us", "is")) or word in ("news", "mars"):
        return word
    forms = [word[:-3] + "y"] if word.endswith("ies") else [word[:-1]]
    forms += [word[:-2]] if word.endswith(("xes", "ches", "shes", "sses", "zes", "oes")) else []
    for form in forms:
        if total.get(form, 0) * 10 >= total[word]:
            return form
    return word
