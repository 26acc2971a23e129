"""The page of `overlap` says what the result says, whatever is missing in it."""

from __future__ import annotations

import math
import re
from typing import Any

import pytest

from pages import HOSTILE, Page, cause, interval, make_result, with_corpus
from vecindex.reports.markup import clean
from vecindex.reports.overlap.page import overlap_page
from vecindex.reports.overlap.questions import worst_first


def page_of(found: dict[str, Any]) -> Page:
    return Page(overlap_page(found, version="9.8.7"))


def sections(page: Page) -> list[str | None]:
    return [values.get("id") for name, values in page.tags if name == "section"]


def test_the_figures_of_maps_are_those_of_the_result() -> None:
    found = make_result(maps=("flat", "round"))
    page = page_of(found)
    # overlap, interval, enough, none, weighted, soft@50, close@50, merged, adjusted
    same = ["25 %", "12 %", "40 %", "80 %", "75 %", "40 %", "40 %"]
    assert page.row("flat400 articles") == ["flat400 articles", "best position", "40 %", "35 % to 45 %", *same]
    assert page.row("median baseline")[1:3] == ["20 %", "15 % to 25 %"]
    assert page.row("self-recall")[1:3] == ["31 %", "26 % to 36 %"]
    assert page.row("round400 articles")[2] == "30 %"
    assert page.row("chance, k/N")[1] == "1.2 %"
    assert page.row("floor, 1/k")[1] == "20 %"
    assert page.row("nearest article, median distanceof the questions")[1] == "0.3125"
    assert page.row("nearest other article, median distanceof the articles")[1] == "0.4375"
    note = "expected from its share of the map's area; chunks in a table of chunks"
    assert page.row(f"articles in the questions' padded box (expected){note}")[1:] == ["12 (10.2)", "12 (10.2)"]


def test_the_ceiling_stands_next_to_the_overlap() -> None:
    found = make_result(maps=("flat", "round"))
    found |= {"ceiling": "Of a question's 5 nearest articles, 2.5 are near to each other."}
    found["space"]["clique_ceiling"] = 0.5
    found["maps"][0] |= {"ceiling": interval(0.5), "cliques_kept": 1.0}
    found["maps"][1] |= {"ceiling": interval(0.41), "cliques_kept": 0.7}
    found["rows"][0]["clique"] = 3
    page = page_of(found)
    header = next(t for t in page.tables if t[0][:2] == ["map", "placement"])[0]
    assert header[2:6] == ["overlap@5", "interval", "ceiling", "3 of 5"]
    assert page.row("flat400 articles")[4] == "50 %"
    assert page.row("round400 articles")[4] == "41 %"
    assert len(page.row("self-recall")) == len(header) - 1
    note = "of articles that are near to each other: what the map keeps, of what it could"
    assert page.row(f"articles kept together{note}")[1:] == ["100 %", "70 %"]
    assert found["ceiling"] in page.text
    assert "3 of its 5 nearest are near to each other" in page.data["questions"][0]["facts"]


def test_the_values_behind_the_drawings() -> None:
    # Of 12 questions, i keeps i modulo 6 of 5; at the median one fewer.
    page = page_of(make_result(questions=12))
    bars = next(t for t in page.tables if t[0] == ["neighbors kept, of 5", "best position", "median baseline"])
    assert bars[1:] == [[str(i), "2", median] for i, median in enumerate(["4", "2", "2", "2", "2", "0"])]
    curve = next(t for t in page.tables if t[0][0] == "k, neighbors")
    assert curve == [
        ["k, neighbors", "flat", "flat, at the median", "chance"],
        ["1", "10 %", "10 %", "0.2 %"],
        ["5", "40 %", "20 %", "1.2 %"],
        ["50", "70 %", "70 %", "12 %"],
    ]
    percentiles = next(t for t in page.tables if t[0] == ["percentile", "questions"])
    assert [row[1] for row in percentiles[1:]] == ["2", "2", *["1"] * 8]


def test_each_question_and_its_neighbors() -> None:
    found = make_result(questions=7)
    page = page_of(found)
    table = next(t for t in page.tables if t[0][0] == "question")
    assert [row[1] for row in table[1:]] == ["0/5", "0/5", "1/5", "2/5", "3/5", "4/5", "5/5"]
    assert table[3] == ["question number 1? q1", "1/5", "0.3100", "10"]
    data = page.data
    for row, told in zip(found["rows"], data["questions"], strict=True):
        assert [data["articles"][a][:2] for a, _ in told["near"]] == [[n["id"], n["title"]] for n in row["neighbors"]]
        assert [d for _, d in told["near"]] == pytest.approx([n["dist"] for n in row["neighbors"]], rel=1e-3)
        for r, rule in enumerate(("search", "median")):
            there = [data["articles"][a][0] for a, _ in told["maps"][0][r]["near"]]
            assert there == [n["id"] for n in row["maps"]["flat"][rule]["neighbors"]]


def test_the_worst_come_first() -> None:
    found = make_result(questions=8)
    # Of those that keep equally much the farthest is first.
    assert [i for i, _ in worst_first(found)] == [6, 0, 7, 1, 2, 3, 4, 5]
    assert [i for i, _ in worst_first(make_result(questions=3, maps=()))] == [2, 1, 0]
    found["typed"] = {**found["rows"][5], "id": "typed"}
    assert [i for i, _ in worst_first(found)] == [8, 6, 0, 7, 1, 2, 3, 4, 5]
    page = page_of(found)
    table = next(t for t in page.tables if t[0][0] == "question")
    assert table[1][0] == "question number 5? typed, typed; not counted in any figure"
    assert len(page.data["questions"]) == 9


def test_known_ranks_in_the_other_space_are_shown() -> None:
    found = make_result(questions=1, k=2)
    placed = found["rows"][0]["maps"]["flat"]["search"]
    placed |= {"target_ranks": [None, 7], "neighbor_ranks": [3, None], "depth": 100}
    told = page_of(found).data["questions"][0]["maps"][0][0]
    assert told["ranks"] == [None, 7]
    assert [item[2] for item in told["near"]] == [3, None]
    assert told["depth"] == 100


@pytest.mark.parametrize("maps", [(), ("flat",), ("a", "b", "c", "d", "e", "f")])
@pytest.mark.parametrize("k", [1, 3, 5, 20])
@pytest.mark.parametrize("questions", [1, 9])
def test_any_number_of_maps_and_neighbors(maps: tuple[str, ...], k: int, questions: int) -> None:
    page = page_of(make_result(questions, maps, k))
    assert ("curves" in sections(page)) == bool(maps)
    assert "questions" in sections(page)
    assert f"{questions} in all" in page.text
    assert ("Make a map: say how." in page.text) == (not maps)
    ids = [values["id"] for _, values in page.tags if values.get("id")]
    assert len(ids) == len(set(ids))


def emptied(value: Any, nothing: Any) -> Any:
    """Return the values with every fraction replaced."""
    if isinstance(value, dict):
        return {key: emptied(item, nothing) for key, item in value.items()}
    if isinstance(value, list):
        return [emptied(item, nothing) for item in value]
    return nothing if isinstance(value, float) else value


@pytest.mark.parametrize("nothing", [None, math.nan, math.inf])
def test_figures_that_are_none_are_dashes(nothing: Any) -> None:
    found = emptied(with_corpus(make_result(maps=("flat", "round"))), nothing)
    page = page_of(found)
    assert page.row("flat400 articles")[2:5] == ["–", "–", "–"]
    assert not re.search(r"\b(nan|inf|None)\b", page.text)
    assert "curves" not in sections(page)
    assert page.data["questions"][0]["near"][0][1] is None


def test_nested_samples_are_shown_where_they_were_measured() -> None:
    assert "corpus" not in sections(page_of(make_result()))
    page = page_of(with_corpus(make_result(maps=("flat", "round"))))
    assert sections(page)[:6] == ["questions", "figures", "causes", "maps", "experiments", "spread"]
    assert "corpus" in sections(page)
    overlap = next(
        t for t in page.tables if t[0][2:] == ["overlap on flat", "interval", "overlap on round", "interval"]
    )
    assert overlap[1] == ["40", "10 %", "80 %", "75 % to 85 %", "80 %", "75 % to 85 %"]
    recall = next(t for t in page.tables if "recall" in t[0])
    assert recall[1][2:] == ["–", "–", "55 %", "50 % to 60 %"]
    assert "MRR" not in recall[0]
    assert page.row("nearest distance")[2:] == ["-0.0625", "+0 to -0.0125", "falls"]
    assert page.row("overlap", "flat")[2:] == ["+3.4 points", "+0.0 points to +8.4 points", "no clear change"]
    assert "More articles bring nearer ones." in page.text
    assert page.row("hub reduction") == [
        "hub reduction",
        "Are they hubs?",
        "The ratio rises.",
        "distinct ratio 0.42",
        "hubs: ruled out",
    ]


def test_the_answer_comes_first_and_the_figures_are_folded() -> None:
    found = make_result(maps=("flat", "round"))
    page = page_of(found)
    told = " ".join(page.text.split())
    answer = found["answer"]
    begin = told.index(f"Overlap report {answer['figure']} ")
    order = ["cause", "next", "command", "map", "done", "others"]
    assert [told.index(answer[key], begin) for key in order] == sorted(told.index(answer[k], begin) for k in order)
    folded = [values["id"] for name, values in page.tags if name == "section" and values.get("class") == "folded"]
    assert folded == sections(page)[1:]
    assert [values for name, values in page.tags if name == "details" and "open" in values] == []
    # Nothing to run, nothing to copy; what an older version wrote has no answer.
    answer["command"] = None
    assert 'data-copy="next-command"' not in overlap_page(found, version="1")
    del found["answer"]
    assert f"Overlap report {found['verdict']} " in " ".join(page_of(found).text.split())


def test_causes_with_their_figures() -> None:
    found = make_result(maps=("flat", "round"))
    found["causes"] = [cause("hubs"), cause("truncation")]
    text = page_of(found).text
    assert text.index("hubs") < text.index("truncation")
    for told in ("medium confidence", "self recall 0.31", "Make another map.", "Another method."):
        assert told in text
    assert "Causes on the map “round”: projection capacity" in text


def test_figures_without_a_label_are_shown() -> None:
    found = make_result()
    found["space"] |= {"new_figure": 0.123, "style": {"auc": 0.75, "auc_near": None}}
    found["maps"][0] |= {"new_interval": interval(0.456), "fidelity": {"trustworthiness": interval(0.9)}}
    found["maps"][0]["search"]["other"] = 3
    page = page_of(found)
    assert page.row("new figure")[1] == "0.123"
    assert page.row("new interval")[1] == "0.456"
    assert page.row("other")[1] == "3"
    assert page.row("separable from articles (AUC)0.5: not at all")[1] == "0.75"
    assert page.row("trustworthinessof the articles; 1 is perfect, about 0.5 random")[1] == "0.9 (0.85 to 0.95)"


def test_the_articles_own_curve_is_drawn() -> None:
    found = make_result()
    found["maps"][0] |= {"self_by_k": {"1": 0.2, "5": 0.31, "50": 0.6}, "self_soft": {"10": 0.5}}
    page = page_of(found)
    curve = next(t for t in page.tables if t[0][0] == "k, neighbors")
    assert [row[3] for row in curve] == ["self-recall of the articles on flat", "20 %", "31 %", "60 %"]
    soft = next(t for t in page.tables if t[0][0] == "K, neighbors on the map")
    assert [row[3] for row in soft][1:] == ["31 %", "50 %", "–", "–"]


def test_figures_that_were_not_requested_are_left_out() -> None:
    found = make_result()
    found["space"]["pseudo_percentile"] = None
    assert "pseudo" not in page_of(found).text
    found["space"]["pseudo_percentile"] = 22.5
    label = "the same for pseudo-questionsstored articles in the wording of the questions"
    assert page_of(found).row(label)[1] == "22.5"


def test_skipped_lines() -> None:
    found = make_result()
    found["rejected"] = [{"place": "q.jsonl:3", "reason": "no text", "id": None, "excerpt": ""}]
    found["duplicates"] = [{"place": "q.jsonl:9", "reason": "the same as q.jsonl:1", "id": None, "excerpt": ""}]
    page = page_of(found)
    assert page.row("q.jsonl:3") == ["q.jsonl:3", "skipped", "no text"]
    assert page.row("q.jsonl:9") == ["q.jsonl:9", "counted once", "the same as q.jsonl:1"]


def test_where_it_comes_from() -> None:
    found = make_result()
    page = page_of(found)
    assert "vecindex 9.8.7" in page.text
    assert "planted, seed 0" in page.text
    assert "Made by" in page.text
    assert "Made2026" not in page.text
    assert overlap_page(found, version="1") == overlap_page(found, version="1")
    assert "2026-05-04 10:00 UTC" in overlap_page(found, version="1", made="2026-05-04 10:00 UTC")


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_text_everywhere(text: str) -> None:
    harmless = with_corpus(make_result(questions=2, titles=["plain"]))
    hostile = with_corpus(make_result(questions=2, titles=[text]))
    for found, said in ((harmless, "plain"), (hostile, text)):
        for row in found["rows"]:
            row |= {"text": said, "topic": said, "id": said}
            row["maps"] = {said: row["maps"]["flat"]}
        one = found["maps"][0]
        one |= {"name": said, "about": {said: said}, "causes": [cause(said)]}
        found |= {"table": said, "questions_name": said, "verdict": said, "model": said, "causes": [cause(said)]}
        found["answer"] = dict.fromkeys(found["answer"], said)
        found["rejected"] = [{"place": said, "reason": said}]
        for point in found["what_if"]["points"]:
            point["overlap"] = {said: point["overlap"]["flat"]}
        found["experiments"][0]["figures"] = {said: 1.0}
    before, after = page_of(harmless), page_of(hostile)
    assert [name for name, _ in after.tags] == [name for name, _ in before.tags]
    assert clean(text) in after.text
    assert clean(after.data["articles"][0][1]) == clean(text)
    assert clean(after.data["maps"][0]) == clean(text)
    overlap_page(hostile, version="1").encode("utf-8")


def test_a_thousand_questions_on_three_maps_stay_small() -> None:
    found = make_result(1_000, ("a", "b", "c"))
    for row in found["rows"]:
        row["text"] = "a question of about the usual length, with some words more " + row["id"]
    size = len(overlap_page(found, version="1").encode())
    assert size < 5_000_000
    print(f"1,000 questions on 3 maps: {size:,} bytes")


def test_nothing_in_the_page_asks_for_anything() -> None:
    page = page_of(make_result())
    for name, values in page.tags:
        for attribute in ("src", "href", "action", "srcset", "poster"):
            value = values.get(attribute)
            assert value is None or value.startswith("#") or value == "data:,", (name, values)
    (policy,) = [v["content"] for n, v in page.tags if n == "meta" and "http-equiv" in v]
    assert policy is not None
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert "unsafe-inline" not in policy.split("style-src")[0]
