"""Pseudo-questions: stored articles worded as the user's questions are, to separate missing topics from odd wording.

A pseudo-question keeps the frame of a real one, its small words and those that many of the questions share, and
takes its other words from an article that is stored. Its topic is in the table for certain, so if it is as far from
the articles as the real questions are, it is the wording that puts it there.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from itertools import cycle

import numpy as np

SHARED_BY = 0.1
"""Words that this share of the questions has belong to their frame, topic words of a narrow set among them."""
MIN_KNOWN = 0.4
"""Where fewer of the questions' words are in any sampled article, words cannot be exchanged: another language."""
SENTENCES = 2

_WORD = re.compile(r"\w+(?:['’-]\w+)*")
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+")
# The small words of English. In another language the words that the questions share stand in for them.
_SMALL = frozenset(
    """
    a an the this that these those some any each every no not all both either neither other another such
    what which who whom whose when where why how if than then so as because while although though whether
    i you he she it we they me him her us them my your his its our their there here one ones
    is are was were be been being am do does did done doing have has had having
    can could may might must shall should will would
    of in on at to from by for with without into onto over under between among through during before after
    about against above below up down out off around and or but nor yet also only just even still too very much
    many more most less least few several own same it's don't doesn't didn't isn't aren't wasn't can't what's
    who's how's get gets got make makes made use used uses happen happens go goes called mean means name following
    """.split()  # noqa: SIM905 - a list of a hundred words reads better as text
)


def words_of(text: str) -> list[str]:
    """Return the words of a text in order.

    >>> words_of("Why don't cells, e.g. yeast, mix?")
    ['Why', "don't", 'cells', 'e', 'g', 'yeast', 'mix']
    """
    return _WORD.findall(text)


def frame_of(questions: Sequence[str]) -> frozenset[str]:
    """Return the words, in lower case, that make the style of a set of questions.

    The small words of English, and those that at least a tenth of the questions (and two of them) share.

    >>> sorted(frame_of(["zellen die wachsen", "zellen die ruhen", "sterne"]) - _SMALL)
    ['die', 'zellen']
    """
    counts = Counter(word for text in questions for word in {w.casefold() for w in words_of(text)})
    least = max(2.0, SHARED_BY * len(questions))
    return _SMALL | {word for word, n in counts.items() if n >= least}


def known_share(questions: Sequence[str], articles: Sequence[str]) -> float:
    """Return the share of the questions' words that occur in any of the articles; NaN without words.

    >>> known_share(["how do cells grow"], ["Cells grow.", "How stars do"])
    1.0
    """
    there = {word.casefold() for text in articles for word in words_of(text)}
    found = [word.casefold() in there for text in questions for word in words_of(text)]
    return float(np.mean(found)) if found else float("nan")


def content_of(title: str | None, text: str, frame: frozenset[str]) -> list[str]:
    """Return the words of the title and the first two sentences that are not in the frame, each once, in order.

    >>> content_of("Aral Sea", "The Aral Sea is a lake. It dries. It was large.", frozenset(["the", "is", "a", "it"]))
    ['Aral', 'Sea', 'lake', 'dries']
    """
    start = " ".join(_SENTENCE_END.split(text)[:SENTENCES])
    seen: dict[str, str] = {}
    for word in words_of(f"{title or ''} {start}"):
        if word.casefold() not in frame:
            seen.setdefault(word.casefold(), word)
    return list(seen.values())


def pseudo_questions(questions: Sequence[str], articles: Sequence[tuple[str | None, str]], seed: int) -> list[str]:
    """Return one pseudo-question for each article (title, text) that has a word of its own.

    Each takes the wording of a question, all questions in turn in an order drawn by the seed: words of the frame
    stay, the others are replaced one for one by the article's, in their order and from the first again when they run
    out. So it is as long as the question, and keeps its punctuation.

    >>> pseudo_questions(["why do stars shine?"], [("Aral Sea", "It is a lake.")], seed=1)
    ['why do Aral Sea?']
    """
    frame = frame_of(questions)
    order = np.resize(np.random.default_rng(seed).permutation(len(questions)), len(articles))
    made = []
    for (title, text), question in zip(articles, order, strict=True):
        content = content_of(title, text, frame)
        if content:
            made.append(_reworded(questions[int(question)], content, frame))
    return made


def _reworded(question: str, content: Sequence[str], frame: frozenset[str]) -> str:
    words = cycle(content)
    return _WORD.sub(lambda m: m.group() if m.group().casefold() in frame else next(words), question)
