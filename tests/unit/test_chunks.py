"""Chunks cover the text, overlap, and end where a reader would end them."""

from __future__ import annotations

import re
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from vecindex.verbs.ingest.chunks import chunk_spans


def words(text: str) -> list[tuple[int, int]]:
    return [m.span() for m in re.finditer(r"\S+", text)]


def test_a_text_that_fits_is_one_chunk_with_its_white_space() -> None:
    assert chunk_spans("  a b ", words("  a b "), size=2, overlap=1) == [(0, 6)]
    assert chunk_spans("", [], size=2, overlap=1) == [(0, 0)]


def test_prefers_the_end_of_a_sentence() -> None:
    text = "one two three four five six seven. eight nine ten eleven twelve"
    spans = chunk_spans(text, words(text), size=8, overlap=2)
    assert text[slice(*spans[0])].endswith("seven.")
    assert text[slice(*spans[1])].startswith("six seven.")


def test_cuts_between_words_not_inside_them() -> None:
    text = "ab cd ef"
    pieces = [(0, 1), (1, 2), (3, 4), (4, 5), (6, 7), (7, 8)]  # sub-word tokens
    assert [text[a:b] for a, b in chunk_spans(text, pieces, size=5, overlap=0)] == ["ab cd ", "ef"]


@given(st.text(alphabet="ab .", max_size=120), st.integers(1, 12), st.integers(0, 6))
def test_every_token_is_covered_and_sizes_hold(text: str, size: int, overlap: int) -> None:
    overlap = min(overlap, size - 1)
    tokens = words(text)
    spans = chunk_spans(text, tokens, size, overlap)
    covered: set[int] = set()
    for a, b in spans:
        inside = [i for i, (x, y) in enumerate(tokens) if a <= x and y <= b]
        assert len(inside) <= max(size, 1) or len(spans) == 1
        covered.update(inside)
    assert covered == set(range(len(tokens)))
    # Every character is in a chunk.
    assert spans[0][0] == 0
    assert spans[-1][1] == len(text)
    assert all(b1 >= a2 for (_, b1), (a2, _) in pairwise(spans))
    for (a1, b1), (a2, b2) in pairwise(spans):
        assert a1 < a2
        assert b1 < b2
        shared = sum(1 for x, y in tokens if a2 <= x and y <= b1)
        assert shared >= min(overlap, size - 1) or shared == overlap


def test_a_sentence_that_ends_before_the_last_fifth_makes_no_cut() -> None:
    text = "one two three. four five six seven eight nine ten eleven twelve"
    spans = chunk_spans(text, words(text), size=10, overlap=0)
    assert [text[slice(*span)] for span in spans] == [text[: text.index("eleven")], "eleven twelve"]
    # Two of ten tokens are a fifth: the end of the eighth is near enough, that of the seventh is not.
    for ended, cut in ((8, 8), (7, 10)):
        parts = [f"w{i}" + "." * (i == ended) for i in range(1, 13)]
        joined = " ".join(parts)
        first, _ = chunk_spans(joined, words(joined), size=10, overlap=0)
        assert joined[slice(*first)] == " ".join(parts[:cut]) + " "
