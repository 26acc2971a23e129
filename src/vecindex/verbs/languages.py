"""Texts that a model was not made for: tokens that it does not know, and languages that its card does not name."""

from __future__ import annotations

from collections.abc import Sequence

from vecindex.core.texts.languages import NAMES, guess
from vecindex.messages import Message, Text, option, percent, text
from vecindex.store.articles import ArticleTable

MULTILINGUAL = "sentence-transformers/paraphrase-multilingual-MiniLM-L12-v2"
"""Knows more than 50 languages, and has as many values as all-MiniLM-L6-v2."""
MUCH_UNKNOWN = 0.25
"""Share of unknown tokens from which on a vector says little of its text."""
NOTHING_KNOWN = "nothing that the model knows"
"""Why a row is rejected of which every token is unknown."""
SAMPLE = 200
_FEWEST = 5
_SMALLEST_SHARE = 0.5
_ANY = "multilingual"


def unknown_rows(table: ArticleTable) -> int:
    """Return how many rows have so many unknown tokens; 0 for a table that does not record them."""
    if "unknown_frac" not in table.schema.names:
        return 0
    return table.count(f"unknown_frac >= {MUCH_UNKNOWN}")


def is_unknown(reason: str) -> bool:
    """Return whether a row was rejected since the model knows no token of it."""
    return reason.startswith(NOTHING_KNOWN)


def nothing_known_line() -> Text:
    """Return what helps where the model knows no token of a text."""
    return text("A multilingual model knows more scripts: ", option("model", MULTILINGUAL))


def unknown_line(rows: int, of: int, what: str = "texts") -> Text:
    """Return the line on texts with many unknown tokens, with a model that knows them."""
    share = percent(rows / max(1, of))
    return text(
        f"In {rows:,} of {of:,} {what} ({share}) the model does not know a quarter of the tokens or more, so their ",
        "vectors say little. A multilingual model knows them: ",
        option("model", MULTILINGUAL),
    )


def other_language(texts: Sequence[str], languages: Sequence[str], model: str) -> Message | None:
    """Return the line on texts in another language than those of the model; None where nothing speaks for that.

    `languages` are the codes that the model's card names, empty where it names none. It takes five texts that say
    something, and half of these in one language.
    """
    spoken = {code.lower().split("-")[0] for code in languages}
    found = guess(texts)
    if found is None or not spoken or _ANY in spoken or found.code in spoken:
        return None
    if found.judged < _FEWEST or found.share < _SMALLEST_SHARE:
        return None
    known = ", ".join(NAMES.get(code, code) for code in sorted(spoken))
    return text(
        f"{percent(found.share)} of the first texts look like {found.name}; {model} is made for {known}, as its ",
        "card says. Distances will mean little. A multilingual model: ",
        option("model", MULTILINGUAL),
    )
