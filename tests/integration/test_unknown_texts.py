"""Texts that the model does not know: counted, named, and rejected where it knows nothing of them."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

import vecindex
from invariants import read
from vecindex.core.texts.languages import guess, language_of
from vecindex.embed.cards import _languages
from vecindex.embed.encoders import LoadOptions, find, load
from vecindex.embed.light.encoder import LightEncoder
from vecindex.embed.models import find_model
from vecindex.messages import Message
from vecindex.types import Silent
from vecindex.verbs.languages import MULTILINGUAL, other_language

KHMER = "កោសិកា គឺជា ឯកតា"
GERMAN = [
    "Der Kern der Zelle ist von einer Hülle umgeben und wird nicht von allein geteilt.",
    "Die Sterne sind Kugeln aus Plasma, die durch ihre Schwerkraft mit sich selbst verbunden sind.",
    "Ein Fluss ist nicht nur das Wasser, das zu dem Meer fließt, sondern auch das Tal, in dem es sich bewegt.",
    "Mit dem Licht der Sonne wird in den Blättern der Zucker für die Pflanze gemacht.",
    "Das Recht ist ein Gefüge von Regeln, das von den Gerichten auf die Fälle angewandt wird.",
]


class Listener(Silent):
    """An observer that remembers what a user should see."""

    def __init__(self) -> None:
        self.notices: list[str] = []

    def notice(self, message: Message) -> None:
        self.notices.append(str(message))


def test_both_encoders_count_the_same_tokens() -> None:
    texts = ["the cell", "", KHMER, "the cell " + "😀 " * 2, "z" * 500]
    light = LightEncoder(find_model("all-MiniLM-L6-v2")).tokenize(texts)
    full = load(find("all-MiniLM-L6-v2"), LoadOptions("cpu")).tokenize(texts)
    assert light.unknown is not None
    assert full.unknown is not None
    # Two known of four; a word of 500 letters is one unknown token.
    assert light.unknown.tolist() == full.unknown.tolist() == [0, 0, 1, 0.5, 1]
    # A prompt is not the text's own.
    assert LightEncoder(find_model("all-MiniLM-L6-v2"), prompt="passage: ").tokenize(texts).unknown.tolist() == [
        *(0, 0, 1, 0.5, 1)
    ]


def test_what_is_wholly_unknown_is_rejected_and_the_rest_counted(tmp_path: Path) -> None:
    rows = [
        {"id": "good", "text": "The cell is the basic unit of life."},
        {"id": "khmer", "text": KHMER},
        {"id": "emoji", "text": "😀😀"},
        {"id": "word", "text": "x" * 2_000},
        {"id": "half", "text": "the cell " + "😀 " * 2},
        {"id": "fair", "text": "A cell divides in two, and each of the two grows again to its size 😀"},
        {"id": "khmer", "text": "The same id, with a text that the model knows."},
    ]
    index = vecindex.open(tmp_path / "db")
    report = index.ingest(rows)
    assert (report.read, report.added, report.rejected, report.unknown) == (7, 3, 4, 1)
    assert report.reject_reasons == {"nothing that the model knows": 3, "duplicate id": 1}
    stored = {row["id"]: row["unknown_frac"] for row in read(tmp_path / "db", "articles")}
    assert stored.keys() == {"good", "half", "fair"}
    assert (stored["good"], stored["half"]) == (0, 0.5)
    assert 0 < stored["fair"] < 0.25
    status = index.status()
    assert status.unknown == 1
    said = next(str(line) for line in status.next if "does not know" in str(line))
    assert "1 of 3 texts (33 %)" in said
    assert MULTILINGUAL in said
    # Only other fields change: the share stays.
    index.ingest([{**rows[4], "year": 3}])
    assert {row["id"]: row["unknown_frac"] for row in read(tmp_path / "db", "articles")}["half"] == 0.5


def test_nothing_but_unknown_texts(tmp_path: Path) -> None:
    report = vecindex.open(tmp_path / "db").ingest([{"id": f"r{i}", "text": KHMER + " " * i} for i in range(4)])
    assert (report.added, report.rejected, report.rows_in_table) == (0, 4, 0)


def test_an_article_is_kept_if_one_of_its_chunks_is_known(tmp_path: Path) -> None:
    rows = [
        {"id": "a", "text": "one two three four five six seven eight " + "😀 " * 8},
        {"id": "b", "text": "😀 " * 20},
    ]
    report = vecindex.open(tmp_path / "db").ingest(rows, chunk=8, chunk_overlap=0)
    assert (report.added, report.rejected, report.unknown) == (1, 1, 1)
    assert [row["unknown_frac"] for row in read(tmp_path / "db", "articles")] == [0, 1]


def test_questions_and_overlap_name_it(sample_db: Path, tmp_path: Path) -> None:
    index = vecindex.open(shutil.copytree(sample_db, tmp_path / "db"))
    heard = Listener()
    index.search(["how do cells divide", KHMER], observer=heard)
    assert any("1 of 2 questions (50 %)" in line and MULTILINGUAL in line for line in heard.notices)
    index.ingest([{"id": "half", "text": "the cell 😀 😀"}])
    heard = Listener()
    index.overlap(["how do cells divide", "what is a star"], observer=heard)
    assert any("1 of 265 texts (0 %)" in line for line in heard.notices)


def test_another_language_is_said_before_anything_is_embedded(tmp_path: Path) -> None:
    heard = Listener()
    rows = [{"id": f"r{i}", "text": text} for i, text in enumerate(GERMAN)]
    index = vecindex.open(tmp_path / "db")
    index.ingest(rows, dry_run=True, observer=heard)
    assert sum("100 % of the first texts look like German" in line for line in heard.notices) == 1
    heard = Listener()
    index.ingest(rows, observer=heard)
    (line,) = [line for line in heard.notices if "look like" in line]
    assert "all-MiniLM-L6-v2 is made for English, as its card says" in line
    assert MULTILINGUAL in line


def test_when_a_language_is_named() -> None:
    said = [other_language(GERMAN, known, "m") is not None for known in (["en"], ["en", "de"], ["multilingual"], [])]
    assert said == [True, False, False, False]
    assert other_language(GERMAN[:4], ["en"], "m") is None  # too few to say
    assert other_language(["The cell is the basic unit of life and it is small."] * 9, ["en"], "m") is None


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("La cellule est la plus petite unité du vivant et elle est dans tous les organismes.", "fr"),
        ("La célula es la unidad más pequeña de los seres vivos y se divide en dos por la mitosis.", "es"),
        ("Клетка — это наименьшая единица жизни, и она не машина, как это было на картине.", "ru"),
        ("細胞は生命の基本単位である。", "ja"),
        ("恒星是等离子体球。", "zh"),
        ("세포는 생명의 기본 단위이다.", "ko"),
        (KHMER, "km"),
        ("p53, CD4, H2O2", None),
        ("12 345", None),
    ],
)
def test_languages(text: str, code: str | None) -> None:
    assert language_of(text) == code
    assert (found.code if (found := guess([text])) else None) == code


@pytest.mark.parametrize(
    ("head", "codes"),
    [
        ("---\nlanguage: en\n---\n", ("en",)),
        ("---\nlanguage:\n- de\n- no\n---\n# A model", ("de", "no")),
        ("---\nlanguage: [en, multilingual]\n---\n", ("en", "multilingual")),
        ("---\nlicense: mit\n---\n", ()),
        ("---\nlanguage: {\n---\n", ()),
        ("# No head\n---\nlanguage: en\n---\n", ()),
        ("", ()),
    ],
)
def test_languages_of_a_card(tmp_path: Path, head: str, codes: tuple[str, ...]) -> None:
    card = tmp_path / "README.md"
    card.write_text(head)
    assert _languages(card) == codes
    assert _languages(tmp_path / "none.md") == ()
