"""Where a text is cut into overlapping chunks."""

from __future__ import annotations

from collections.abc import Sequence

_LOOK_BACK = 0.2


def chunk_spans(text: str, tokens: Sequence[tuple[int, int]], size: int, overlap: int) -> list[tuple[int, int]]:
    """Return the (start, end) character positions of the chunks of a text.

    Parameters
    ----------
    tokens : the (start, end) character positions of the text's tokens, in order.
    size : tokens in a chunk, at most; at least 1.
    overlap : tokens that a chunk shares with the one before, at least; fewer than `size`.

    A cut prefers, within the last fifth of a chunk, the end of a sentence, then that of a word. Every character is in
    at least one chunk, so that the chunks give back the text. A text that fits gives one chunk; so does one without
    tokens.

    >>> chunk_spans("a b c d e ", [(0, 1), (2, 3), (4, 5), (6, 7), (8, 9)], size=3, overlap=1)
    [(0, 5), (4, 10)]
    """
    if len(tokens) <= size:
        return [(0, len(text))]
    spans: list[tuple[int, int]] = []
    first = last = 0
    while last < len(tokens):
        last = min(first + size, len(tokens))
        if last < len(tokens):
            last = _good_cut(text, tokens, first, last, overlap)
        end = max(tokens[last - 1][1], tokens[last - overlap][0]) if last < len(tokens) else len(text)
        spans.append((tokens[first][0] if spans else 0, end))
        first = last - overlap
    return spans


def _good_cut(text: str, tokens: Sequence[tuple[int, int]], first: int, last: int, overlap: int) -> int:
    """Return the token to cut before: after a sentence if one ends near `last`, else between words."""
    earliest = max(first + overlap + 1, last - max(1, int((last - first) * _LOOK_BACK)))
    word = 0
    for cut in range(last, earliest - 1, -1):
        end, following = tokens[cut - 1][1], tokens[cut][0]
        if following != end:
            word = word or cut
            if text[end - 1] in ".!?\n" or "\n" in text[end:following]:
                return cut
    return word or last
