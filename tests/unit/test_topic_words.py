"""Words of topic names: with digits, in several languages, and in scripts without blanks; names by a column."""

from __future__ import annotations

import numpy as np
import pytest

from vecindex.core.picture import TopicLevel
from vecindex.core.texts.segments import lexicon
from vecindex.core.texts.stopwords import STOP_WORDS, stop_words
from vecindex.verbs.picture.topic_fields import FieldValues, explained, explaining, value_names
from vecindex.verbs.picture.topic_files import NamedTopic, Renamed
from vecindex.verbs.picture.topic_names import count_terms, name_groups
from vecindex.verbs.picture.topics import _by_values
from vecindex.verbs.picture.words import NO_WORD, read_words

GENES = [
    "Loss of p53 and high CD4 counts; SARS-CoV-2 was found by IL-2 and IL2 staining.",
    "Mutant p53 in T cells. IL2 drives T cells, and so did SARS-CoV-2.",
    "CD4 T cells respond to IL-2; p53 is intact in 1990 as in the 1990s.",
    "SARS-CoV-2 binds ACE2. CD4 T cells and p53 do not.",
]
WATER = ["Acid and H2O2 bleach wood.", "Wood pulp, H2O2, acid.", "H2O2 on wood is an acid test.", "Acid eats wood."]

# Two subjects each, four sentences on either.
CORPORA = {
    "de": [
        "Die Zelle ist von einer Membran umgeben, und der Zellkern liegt in der Mitte.",
        "In dem Zellkern wird die Erbinformation von der Zelle verwahrt.",
        "Durch die Membran der Zelle gelangen auch Nährstoffe in das Innere.",
        "Wenn eine Zelle sich teilt, muss sich zuvor der Zellkern teilen.",
        "Der Zug hält an jedem Bahnhof, und die Lokomotive wird dort gewechselt.",
        "Auf dem Bahnhof steht ein Zug, der nicht mehr von einer Lokomotive gezogen wird.",
        "Mit dem Zug sind wir auch durch die Berge gefahren, bis die Lokomotive stehen blieb.",
        "Der Bahnhof ist für den Zug aus der Stadt gebaut worden.",
    ],
    "fr": [
        "La cellule est entourée d'une membrane, et le noyau se trouve au milieu.",
        "Le noyau de la cellule garde l'information qui est transmise dans les gènes.",
        "À travers la membrane de la cellule, il y a aussi des échanges avec le milieu.",
        "Quand une cellule se divise, il faut que le noyau se divise d'abord.",
        "Le train s'arrête dans chaque gare, et c'est là que la locomotive est changée.",
        "Dans la gare il y a un train qui n'est plus tiré par une locomotive.",
        "Avec le train nous sommes aussi passés par les montagnes, puis la locomotive est restée.",
        "La gare est faite pour que le train de la ville y soit à l'abri.",
    ],
    "es": [
        "La célula está rodeada por una membrana, y el núcleo está en el centro.",
        "En el núcleo de la célula se guarda la información que está en los genes.",
        "Por la membrana de la célula también entran los alimentos que se necesitan.",
        "Cuando una célula se divide, el núcleo tiene que dividirse antes.",
        "El tren para en cada estación, y allí se cambia también la locomotora.",
        "En la estación hay un tren que ya no es llevado por una locomotora.",
        "Con el tren hemos pasado por las montañas, hasta que se paró la locomotora.",
        "La estación fue hecha para que el tren de la ciudad pueda parar.",
    ],
    "ar": [
        "تحيط بالخلية غشاء رقيق، وتوجد النواة في وسط الخلية.",
        "في النواة تحفظ الخلية المعلومات التي توجد في الجينات.",
        "من خلال الغشاء تدخل المواد إلى داخل الخلية.",
        "عندما تنقسم الخلية يجب أن تنقسم النواة قبل ذلك.",
        "يقف القطار في كل محطة، وهناك يتم تغيير القاطرة.",
        "في المحطة يوجد قطار لا تجره القاطرة بعد الآن.",
        "مع القطار مررنا عبر الجبال حتى توقفت القاطرة.",
        "هذه المحطة من أجل القطار الذي يأتي من المدينة.",
    ],
    "zh": [
        "细胞外面有一层细胞膜，细胞核在它的中间。",
        "在细胞核里保存着细胞的遗传信息。",
        "营养通过细胞膜进入每一个细胞。",
        "如果细胞要分裂，细胞核就必须先分裂。",
        "火车在每个车站停下，机车也在那里更换。",
        "车站里有一列火车，它没有机车。",
        "我们坐火车穿过山区，直到机车停了下来。",
        "这个车站是为了从城里来的火车而建的。",
    ],
    "ja": [
        "細胞は膜で包まれ、その中央にミトコンドリアと核がある。",
        "細胞の情報は核に保存されており、ミトコンドリアにもある。",
        "栄養は膜を通って細胞に入る。",
        "細胞が分裂するときは、ミトコンドリアも分裂する。",
        "電車は各駅に停車し、そこで機関車が交換される。",
        "駅には、もう機関車に引かれていない電車がある。",
        "電車で山を越えたが、機関車が止まった。",
        "この駅は町から来る電車のために作られた。",
    ],
}
TWO = np.array([0] * 4 + [1] * 4)
WANTED = {
    "de": ({"Zelle", "Zellkern", "Membran"}, {"Zug", "Bahnhof", "Lokomotive"}),
    "fr": ({"cellule", "noyau", "membrane"}, {"train", "gare", "locomotive"}),
    "es": ({"célula", "núcleo", "membrana"}, {"tren", "estación", "locomotora"}),
    "ar": ({"الخلية", "النواة"}, {"القطار", "المحطة", "القاطرة"}),
    "zh": ({"细胞"}, {"火车", "机车"}),
    "ja": ({"細胞", "ミトコンドリア"}, {"電車", "機関車"}),
}


def names_of(texts: list[str]) -> list[set[str]]:
    return [set(name.split(", ")) for name in name_groups(count_terms([""] * 8, texts, TWO, 2))]


def test_words_with_digits_and_hyphens_name_topics() -> None:
    genes, water = names_of([*GENES, *WATER])
    assert genes <= {"p53", "CD4", "SARS-CoV-2", "IL2", "IL-2", "T cells"}
    assert water == {"H2O2", "acid", "wood"}
    found = count_terms([""] * 8, [*GENES, *WATER], TWO, 2)
    count = dict(zip(found.terms, found.counts[0].tolist(), strict=True))
    # With a hyphen and without it is one word; a letter stands in a longer term alone, a decade in none.
    assert count["IL-2"] == 3
    assert count["T cells"] == 3
    assert found.naming[found.terms.index("T")] == 0
    assert not {"1990", "1990s", "IL", "CD"} & set(found.terms)


@pytest.mark.parametrize("code", CORPORA)
def test_names_hold_words_of_the_subject_and_no_stop_words(code: str) -> None:
    for name, wanted in zip(names_of(CORPORA[code]), WANTED[code], strict=True):
        assert wanted <= name
        assert not {word.casefold() for word in name} & STOP_WORDS[code]


def test_stop_words_are_those_of_the_languages_there() -> None:
    german = stop_words(CORPORA["de"])
    assert {"wird", "auch", "the"} <= german
    assert "gare" not in german
    assert "dans" not in german
    # Of a language without a list of its own the words of every sentence.
    assert "och" in STOP_WORDS["sv"]


def test_marks_belong_to_their_words() -> None:
    read = read_words([""], ["कोशिका é‌tude e\u0301tude"])
    words = [read.shown[w] for w in read.words if w != NO_WORD]
    assert words[0] == "कोशिका"
    assert words[-1] == "e\u0301tude"


def test_elided_articles_are_left_out() -> None:
    read = read_words([""], ["l'eau, dell'acqua, L’Europe, O'Brien"])
    assert [read.shown[w] for w in read.words if w != NO_WORD] == ["eau", "acqua", "Europe", "O'Brien"]


def test_addresses_paths_and_endings_of_names_are_no_words() -> None:
    text = (
        "See https://www.example.org/list?a=b, www.debian.org, ftp://host/pub or mail ann.lee@mail.example.com; "
        "/etc/apt/sources.list and ~/bin hold it, dhcpd.conf and python.org too. TCP/IP and/or GNU/Linux. e.g. Ph.D."
    )
    read = read_words([""], [text])
    words = {read.shown[w] for w in read.words if w != NO_WORD}
    assert words == {"mail", "hold", "dhcpd", "python", "TCP", "IP", "GNU", "Linux", "D"}


def test_a_name_says_a_word_once() -> None:
    """Not as a plural, an adjective, what a land's people are called, or a part of a compound."""
    pairs = (
        ("women", "woman"),
        ("sexual", "sex"),
        ("Polish", "Poland"),
        ("Mail-Server", "Server"),
        ("artist", "art"),
        ("Irish", "Ireland"),
        ("Konfigurationsdatei", "Konfigurierung"),
        ("Festplatten", "Platten"),
        ("インストーラ", "インストール"),
        ("العمليات", "عملية"),
    )
    other = ["Rivers carry silt and gravel.", "Gravel and silt fill rivers.", "Silt, gravel; rivers."] * 4
    for first, second in pairs:
        texts = [
            f"The {first} saw {second} with pepper.",
            f"A {second}, {first}; pepper.",
            f"{first}. {second}: pepper.",
        ]
        groups = np.array([0] * 12 + [1] * 12)
        name, _ = name_groups(count_terms([""] * 24, [*texts * 4, *other], groups, 2))
        terms = name.split(", ")
        assert "pepper" in terms
        assert len({first, second} & set(terms)) == 1, name
    genes = ["IL-2 with IL-6 and pepper.", "Pepper, IL-6; IL-2.", "IL-2. IL-6: pepper."] * 4
    name, _ = name_groups(count_terms([""] * 24, [*genes, *other], np.array([0] * 12 + [1] * 12), 2))
    assert set(name.split(", ")) == {"IL-2", "IL-6", "pepper"}


def test_an_unknown_run_of_characters_stays_whole_up_to_four() -> None:
    none = lexicon({})
    assert none.split("細胞分裂") == ["細胞分裂"]
    assert none.split("細胞分裂期") == ["細", "胞", "分", "裂", "期"]


def test_how_much_a_column_explains() -> None:
    # Always right with the group; without it 5 of 10 are.
    assert explained(np.array([[5.0, 0.0], [0.0, 5.0]])) == 1
    # The group says nothing.
    assert explained(np.array([[4.0, 1.0], [4.0, 1.0]])) == 0
    assert explained(np.zeros((2, 0))) == 0


def test_the_column_that_explains_most_is_taken_and_ids_are_none() -> None:
    clusters = np.arange(60) % 3
    kind = FieldValues("kind", ["a", "b", "c"], clusters)
    half = FieldValues("half", ["x", "y"], np.arange(60) % 2)
    unique = FieldValues("key", [str(i) for i in range(60)], np.arange(60))
    few = FieldValues("few", ["a", "b", "c"], np.where(np.arange(60) < 20, clusters, -1))
    assert explaining([half, unique, few, kind], clusters, 3) is kind
    assert explaining([half, unique, few], clusters, 3) is None


def test_a_group_of_many_values_is_not_named_by_them() -> None:
    field = FieldValues("kind", list("abcdef"), np.array([0, 1, 2, 3, 4, 5, 0, 0, 0, 0]))
    assert value_names(field, np.array([0] * 6 + [1] * 4), 2) == ["", "a"]


def test_finer_topics_are_named_by_a_value_of_their_own() -> None:
    # Four clusters of ten; the coarse topics are {0, 1} and {2, 3}.
    which = [np.repeat([0, 0, 1, 1], 10), np.repeat([0, 1, 2, 3], 10)]
    levels = [np.array([0, 0, 1, 1]), np.arange(4)]
    words = [["w0", "w1"], ["f0", "f1", "f2", "f3"]]
    field = FieldValues("kind", ["cells", "stars", "rocks"], np.repeat([0, 0, 1, 2], 10))
    assert _by_values(field, levels, which, words) == [["cells", "stars, rocks"], ["f0", "f1", "stars", "rocks"]]
    same = FieldValues("kind", ["cells", "stars"], np.concatenate([np.zeros(39, int), [1]]))
    assert value_names(same, which[0], 2) == ["cells", ""]


def test_names_of_a_file_by_the_name_found_or_by_an_article() -> None:
    lines = [
        NamedTopic(0, "cells, membrane", "Cells", "a"),
        NamedTopic(0, "trains, old name", "Trains", "c"),
        NamedTopic(1, "gone", "Gone", "nobody"),
        NamedTopic(0, "poems", "", "e"),
    ]
    rename = Renamed(lines, ["a", "b", "c", "d", "e"])
    found = rename([TopicLevel(("cells, membrane", "trains, engine", "poems"), np.array([0, 0, 1, 1, 2]))])
    assert found[0].names == ("Cells", "Trains", "poems")
    assert rename.unused == 1
    assert rename.found[0].names == ("cells, membrane", "trains, engine", "poems")
