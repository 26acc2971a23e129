"""Whether a passage holds the text of an answer, as open-domain question answering judges it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

_ARTICLES = re.compile(r"\b(?:a|an|the)\b")


def normalized(text: str) -> str:
    """Return a text as answers are compared: small letters, no punctuation, no English articles, single blanks.

    The rule of SQuAD's evaluation (Rajpurkar et al. 2016), after decomposing accents as DPR does (NFD).

    >>> normalized("The Golgi-apparatus,  of a Cell!")
    'golgi apparatus of cell'
    """
    decomposed = unicodedata.normalize("NFD", text).casefold()
    words = "".join(c if c.isalnum() or unicodedata.category(c) == "Mn" else " " for c in decomposed)
    return " ".join(_ARTICLES.sub(" ", words).split())


def holds(passage: str, answers: Iterable[str]) -> bool:
    """Return whether one of the answers, normalized already, stands in a passage as whole words in a row.

    >>> holds("Made in the mitochondria.", [normalized("The Mitochondria")]), holds("cells", ["cell"])
    (True, False)
    """
    inside = f" {normalized(passage)} "
    return any(answer and f" {answer} " in inside for answer in answers)
