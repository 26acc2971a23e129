"""Hybrid search by the words of other languages than English."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import vecindex
from vecindex.errors import ConfigError
from vecindex.messages import Message
from vecindex.store.database import Database
from vecindex.store.search import by_fulltext
from vecindex.types import Silent

JAPANESE = [
    "細胞は生命の基本単位である。細胞膜は細胞を囲み、内部を外界から隔てる。",
    "星は重力でまとまったプラズマの球であり、夜空に光る。",
    "法律は社会の規則であり、裁判所がこれを適用する。",
    "川は山から海へ水を運び、谷を削る。",
]
CHINESE = [
    "细胞是生命的基本单位，细胞膜包围着细胞。",
    "恒星是由引力聚集的等离子体球。",
    "法律是社会的规则，由法院执行。",
    "河流把水从山里带到海洋。",
]
GERMAN = [
    "Der Kern der Zellen ist von einer Hülle umgeben und wird nicht von allein geteilt.",
    "Die Häuser der Stadt sind mit Ziegeln gedeckt, die in der Sonne rot werden.",
    "Das Recht ist ein Gefüge von Regeln, das von den Gerichten auf die Fälle angewandt wird.",
    "Ein Fluss ist nicht nur das Wasser, das zu dem Meer fließt, sondern auch das Tal.",
]


class Notices(Silent):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def notice(self, message: Message) -> None:
        self.lines.append(str(message))


def made(folder: Path, texts: list[str], **options: Any) -> tuple[vecindex.Index, list[str]]:
    """Return the index of some texts, and the notices of a hybrid search that makes the full-text index."""
    index, notices = vecindex.open(folder), Notices()
    index.ingest([{"id": str(i), "text": text} for i, text in enumerate(texts)])
    index.search("cell", hybrid=True, observer=notices, **options)
    return index, notices.lines


def by_words(folder: Path, query: str) -> list[str]:
    """Return the ids that the full-text index finds, the best first."""
    return [found.row["id"] for found in by_fulltext(Database(folder).articles("articles"), query, 9, ["id"])]


@pytest.mark.parametrize(
    ("texts", "name", "how", "queries"),
    [
        (JAPANESE, "Japanese", "characters and pairs", {"細胞膜": "0", "星": "1", "裁判所": "2", "川": "3"}),
        (CHINESE, "Chinese", "characters and pairs", {"细胞": "0", "恒星": "1", "法院": "2", "海洋": "3"}),
        (GERMAN, "German", "stems of words", {"Zelle": "0", "Haus": "1", "Gericht": "2", "flüsse": "3"}),
    ],
)
def test_the_language_is_guessed_and_its_words_are_found(
    tmp_path: Path, texts: list[str], name: str, how: str, queries: dict[str, str]
) -> None:
    index, lines = made(tmp_path, texts)
    assert any(f"once, as {name} ({how}" in line for line in lines)
    for query, best in queries.items():
        assert by_words(tmp_path, query)[:1] == [best], query
    # Beyond what the vectors alone say: the word decides.
    best = index.search(next(iter(queries)), k=1, hybrid=True).answers[0].hits[0]
    assert best.id == "0"
    status = index.status()
    assert (status.words_indexed, status.words_language) == (True, {"J": "ja", "C": "zh", "G": "de"}[name[0]])


def test_stop_words_of_the_language_are_left_out(tmp_path: Path) -> None:
    made(tmp_path, GERMAN)
    assert by_words(tmp_path, "der und nicht") == []


def test_another_language_is_made_on_request_and_kept(tmp_path: Path) -> None:
    index, lines = made(tmp_path, GERMAN, language="english")
    assert any("as English" in line for line in lines)
    assert by_words(tmp_path, "Haus") == []  # "Häuser" has no English stem
    notices = Notices()
    index.search("Haus", hybrid=True, language="de", observer=notices)
    assert any("as German" in line for line in notices.lines)
    assert by_words(tmp_path, "Haus") == ["1"]
    # It stays without being named again, for new rows too.
    index.ingest([{"id": "new", "text": "Viele kleine Häuser stehen an dem See und in dem Wald."}])
    notices = Notices()
    index.search("Haus", hybrid=True, observer=notices)
    assert not any("full-text" in line for line in notices.lines)
    index.optimize()
    assert set(by_words(tmp_path, "Haus")) == {"1", "new"}


def test_a_mixed_corpus_keeps_words_as_they_stand(tmp_path: Path) -> None:
    texts = [
        *JAPANESE[:2],
        *GERMAN[:2],
        "The cells of a plant have walls, and the wall is of cellulose that is strong.",
    ]
    _, lines = made(tmp_path, texts)
    assert any("as another language (words as they stand)" in line for line in lines)
    assert by_words(tmp_path, "cells") == ["4"]
    assert by_words(tmp_path, "cell") == []


def test_what_no_language_is(tmp_path: Path) -> None:
    index = vecindex.open(tmp_path)
    index.ingest([{"id": "a", "text": "The cell is the unit of life."}])
    with pytest.raises(ConfigError, match="'klingon' is not a language known here"):
        index.search("cell", hybrid=True, language="klingon")
    with pytest.raises(ConfigError, match="which only a search by words uses"):
        index.search("cell", language="de")
