"""Pseudo-questions, worked by hand."""

from __future__ import annotations

import math

import pytest

from vecindex.verbs.overlap.causes.pseudo import content_of, frame_of, known_share, pseudo_questions, words_of

QUESTIONS = ["how do cells grow?", "why do cells divide so fast", "Who discovered the nucleus, and when?"]
ARTICLES = [
    ("Aral Sea", "The Aral Sea is the remnant of a lake. It shrank! Nothing of this sentence."),
    (None, "Tulip mania: prices rose."),
]


def test_the_frame_is_small_words_and_those_that_questions_share() -> None:
    frame = frame_of(QUESTIONS)
    assert {"how", "do", "the", "cells"} <= frame
    assert not {"grow", "divide", "nucleus", "discovered"} & frame
    # One question is nobody's custom, whatever its share.
    assert "grow" not in frame_of(["cells grow"])


def test_content_words_come_from_the_title_and_two_sentences_once_each() -> None:
    frame = frame_of(QUESTIONS)
    assert content_of(*ARTICLES[0], frame) == ["Aral", "Sea", "remnant", "lake", "shrank"]
    assert content_of(*ARTICLES[1], frame) == ["Tulip", "mania", "prices", "rose"]


def test_words_are_exchanged_one_for_one() -> None:
    made = {
        q: p
        for seed in range(20)
        for p in pseudo_questions(QUESTIONS, ARTICLES[:1], seed)
        for q in [next(q for q in QUESTIONS if words_of(q)[0] == words_of(p)[0])]
    }
    assert made == {
        "how do cells grow?": "how do cells Aral?",
        "why do cells divide so fast": "why do cells Aral so Sea",
        "Who discovered the nucleus, and when?": "Who Aral the Sea, and when?",
    }


def test_words_that_run_out_begin_again() -> None:
    made = pseudo_questions(["one two three four five"], [("Aral Sea", "")], 0)
    assert made == ["one Aral Sea Aral Sea"]


def test_every_question_lends_its_wording_in_turn_and_the_seed_decides() -> None:
    articles = [(f"word{i}", "") for i in range(6)]
    made = pseudo_questions(QUESTIONS, articles, 3)
    assert sorted(words_of(p)[0] for p in made) == ["Who", "Who", "how", "how", "why", "why"]
    assert made == pseudo_questions(QUESTIONS, articles, 3)
    assert made != pseudo_questions(QUESTIONS, articles, 4)


def test_an_article_without_a_word_of_its_own_makes_none() -> None:
    assert pseudo_questions(QUESTIONS, [("The", "It is."), ("!", "")], 0) == []


def test_known_words() -> None:
    articles = ["How do cells grow in the dark"]
    assert known_share(["How do stars grow"], articles) == pytest.approx(3 / 4)
    assert known_share(["wie wachsen zellen"], articles) == 0
    assert math.isnan(known_share(["?!"], articles))
