"""Names, help and documents use the field's words: no house word of `tests/language.py` is left."""

from __future__ import annotations

from pathlib import Path

import pytest

import language

ROOT = Path(__file__).resolve().parents[2]


def shown(path: Path) -> str:
    """Return a file's path in the repository, for the test's name."""
    return path.relative_to(ROOT).as_posix()


def words(text: str, path: str = "x.py") -> list[str]:
    """Return the house words that are found in a text."""
    return [hit.word for hit in language.hits_in(text, path)]


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("The report tells why.", "tell"),
        ("def tell_all(): ...", "tell"),
        ("cannot be told apart", "tell"),
        ("const tellAll = 1;", "tell"),
        ("its place on the map", "place"),
        ("places = np.zeros((n, 2))", "place"),
        ("self._old_places", "place"),
        ("def place_of_kth(x): ...", "place"),
        ("#place(x) {", "place"),
        ("(n, 2) places of all rows", "place"),
        ("the first place where it is", "place"),
        ("def cut(line, signs):", "signs"),
        ("before its last sign", "signs"),
        ("for sign in text:", "signs"),
        ("beside it", "beside"),
        ("it is made\n    # anew, again", "anew"),
        ("two articles pull each other", "pull"),
        ("no pulls", "pull"),
        ("iterations of the finish", "finish"),
        ("finish_weights(15)", "finish"),
        ("laid over the base map", "laid over"),
        ("turned to lie over the old one", "laid over"),
        ("hold every input row against them", "held against"),
        ('"what it is held "\n    "against"', "held against"),
        ("READY_MADE = 1", "ready-made"),
        ("ready-made vectors", "ready-made"),
        ("the neutral placement", "neutral"),
        ("by candidate search", "candidate search"),
        ("by words as well", "words as well"),
        ("the index of words", "words as well"),
        ("not at hand", "at hand"),
        ("rows.at_hand", "at hand"),
        ("shuffled_targets(x)", "targets"),
        ("keeps_enough(x)", "keep enough"),
        ("how plausible", "plausible"),
        ("the snap floor", "snap floor"),
        ("class Edition:", "edition"),
        ("setLit(x)", "lit"),
        ("READER_GONE_EXIT = 141", "reader has gone"),
        ("the reader of the output has gone", "reader has gone"),
        ("on map map", "map map"),
        ("it refutes that", "refutes"),
        ("12 texts were cut", "cut off"),
        ("few shapes", "few shapes"),
        ("it looks through a block", "look through"),
    ],
)
def test_a_house_word_is_found(text: str, word: str) -> None:
    assert words(text) == [word]


@pytest.mark.parametrize(
    "text",
    [
        "Place the questions on the map; the command places new rows.",
        "def place_by_search(near): ...",
        "sorted in place; placeholder; replaced; displacement; the placement",
        "the sign of a product; np.sign(x)",
        "split; literal; credit",
        "finish the transaction; finish_iterations",
        "cut into chunks",
        "a pull request",
        'row["place"]',
        "snap_floor = 1 / k",
        "Outcome.REFUTES",
        "few distinct batch shapes",
    ],
)
def test_plain_words_and_released_names_are_allowed(text: str) -> None:
    assert words(text) == []


def test_a_hit_names_its_line() -> None:
    (hit,) = language.hits_in("one\ntwo beside\nthree", "a.py")
    assert str(hit).startswith("a.py:2: beside -> ")
    assert hit.context == "two beside"


def test_only_the_unreleased_part_of_the_changelog_counts() -> None:
    changelog = "# Changelog\n\n## [Unreleased]\n\n- new\n\n## [0.1.0]\n\n- told\n"
    assert language.unreleased(changelog) == "\n\n## [Unreleased]\n\n- new\n\n"


def test_there_are_files() -> None:
    assert {"README.md", "docs/cli.md", "CHANGELOG.md"} <= {shown(path) for path in language.documents()}
    assert {path.suffix for path in language.sources()} >= {".py", ".js"}


@pytest.mark.parametrize(
    "path",
    # docs/cli.md is made of the help in the sources.
    [pytest.param(p, id=shown(p)) for p in language.documents()],
)
def test_documents_have_no_house_words(path: Path) -> None:
    assert [str(hit) for hit in language.hits_in_file(path)] == []


@pytest.mark.parametrize("path", [pytest.param(p, id=shown(p)) for p in language.sources()])
def test_sources_have_no_house_words(path: Path) -> None:
    assert [str(hit) for hit in language.hits_in_file(path)] == []


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ('f"{n:,} rows are new"', True),
        ('f"{len(a):,} of {found.questions:,} questions"', True),
        ("f\"{counted(n, 'row is', 'rows are')} new\"", False),
        ('f"{n:,} row groups"', False),
    ],
)
def test_a_number_in_front_of_a_plural_is_found(line: str, found: bool) -> None:
    assert language.uncounted(line) == [line] * found


@pytest.mark.parametrize("path", [pytest.param(p, id=shown(p)) for p in language.sources() if p.suffix == ".py"])
def test_messages_count_one_row_as_one(path: Path) -> None:
    # What is stored with a map keeps the words that it was stored with.
    kept = ["these {len(asked):,} questions were"]
    found = language.uncounted(path.read_text(encoding="utf-8"))
    assert [line for line in found if not any(part in line for part in kept)] == []
