"""What the viewer of a map reads: the header, the sections, and both inside a page."""

from __future__ import annotations

import base64
import gzip
import json
import re
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pictures import HOSTILE, picture
from vecindex.core.neighbors import NO_ROW
from vecindex.core.picture import OFF_MAP, Coloring, MapScore, OtherMap, QuestionLens, TopicLabel, extent_of
from vecindex.reports.map.page import map_page, provenance
from vecindex.reports.map.payload import embedded, packed_bytes, packed_neighbors, payload

_BLOCK = re.compile(r'<script type="text/plain" id="([^"]*)">([^<]*)</script>')


def unpacked(page: str) -> dict[str, bytes]:
    return {name: gzip.decompress(base64.b64decode(data)) for name, data in _BLOCK.findall(page)}


def test_the_sections_hold_what_the_picture_holds() -> None:
    shown = picture()
    header, sections = payload(shown)
    assert list(sections) == ["points", "color:topic", "color:field:year", "titles", "ids", "snippets"]
    assert {name: told["bytes"] for name, told in header["sections"].items()} == {
        n: len(b) for n, b in sections.items()
    }
    points = np.frombuffer(sections["points"], dtype="<u2").reshape(-1, 2)
    extent = header["extent"]
    again = points * (extent["width"] / 65_535) + [extent["x"], extent["y"]]
    assert np.abs(again - shown.xy).max() <= 0.5001 * extent["width"] / 65_535
    assert list(sections["color:topic"]) == [0, 1] * 20
    assert list(sections["color:field:year"]) == list(range(40))
    assert json.loads(sections["titles"]) == list(shown.titles)
    assert json.loads(sections["ids"]) == list(shown.ids)
    assert json.loads(sections["snippets"]) == list(shown.snippets)


def test_a_few_far_articles_are_outside_the_first_view() -> None:
    near = np.random.default_rng(0).random((100, 2))
    near[:4] = [[0, 0], [0, 1], [1, 0], [1, 1]]
    assert payload(picture(100, xy=near))[0]["core"] is None
    near[4], near[5] = (41.0, 0.5), (0.5, -30.0)
    header, _ = payload(picture(100, xy=near))
    core, extent = header["core"], header["extent"]
    assert core["beyond"] == 2
    unit = extent["width"] / 65_535
    box = [core["x0"] * unit + extent["x"], core["y0"] * unit + extent["y"], core["x1"] * unit + extent["x"]]
    assert [*box, core["y1"] * unit + extent["y"]] == pytest.approx([0, 0, 1, 1], abs=unit)
    # A cluster apart is a part of the map: all is shown.
    near[4:14] = near[4]
    assert payload(picture(100, xy=near))[0]["core"] is None


def test_the_header_tells_all_that_is_known() -> None:
    shown = picture(anchored="anchored to a.jsonl (3 questions)")
    header, _ = payload(shown)
    assert (header["format"], header["articles"], header["shown"], header["outside"], header["k"]) == (
        1,
        43,
        40,
        3,
        2,
    )
    assert header["anchored"] == "anchored to a.jsonl (3 questions)"
    assert header["scores"] == [{"name": "recall@5", "mean": 0.5534, "low": 0.5464, "high": 0.5605}]
    topic, year = header["colorings"]
    assert topic == {
        "key": "topic",
        "label": "topic",
        "kind": "category",
        "names": ["cells, protein", "trains"],
        "counts": [20, 20],
        "other": None,
    }
    assert year == {
        "key": "field:year", "label": "year", "kind": "number", "low": 1900.0, "high": 2000.0, "scale": "linear",
        "unit": None, "whole": False,
    }  # fmt: skip
    question = header["questions"][0]
    assert question["nearest"] == [
        {"row": 0, "dist": 0.1, "kept": True},
        {"row": None, "dist": 0.2, "kept": False},
    ]
    assert question["on_map"] == [0, 2]
    # A label and a question stand on the article whose place they were given, in the points' own steps.
    at = extent_of(shown.xy).steps(shown.xy)
    assert (question["x"], question["y"]) == tuple(at[0].round(2))
    assert (header["topics"][1]["x"], header["topics"][1]["y"]) == tuple(at[-1].round(2))


def test_other_maps_have_their_own_places() -> None:
    shown = picture()
    xy = shown.xy[:, ::-1] * 3.0
    xy[[2, 5]] = np.nan
    label = TopicLabel("cells, protein", float(xy[7, 0]), float(xy[7, 1]), 19, 0, 0)
    asked = replace(shown.questions[0], x=float(xy[9, 0]), y=float(xy[9, 1]), overlap=0.25, on_map=(4,))
    scores = (MapScore("recall@5", 0.3),)
    other = OtherMap("other", "umap", None, None, scores, 45, xy, (label,), (asked,), 10, 2.5)
    whole = replace(other, map="whole", xy=np.where(np.isnan(xy), 0.0, xy), questions=())
    header, sections = payload(replace(shown, alongside=(other, whole)))
    assert list(sections)[3:5] == ["positions:other", "positions:whole"]
    points = np.frombuffer(sections["positions:other"][: 4 * 40], dtype="<u2").reshape(-1, 2)
    there = np.unpackbits(np.frombuffer(sections["positions:other"][4 * 40 :], np.uint8), bitorder="little")
    assert [row for row in range(40) if not there[row]] == [2, 5]
    assert points[[2, 5]].tolist() == [[0, 0], [0, 0]]
    told, told_whole = header["alongside"]
    extent = told["extent"]
    again = points * (extent["width"] / 65_535) + [extent["x"], extent["y"]]
    known = there[:40] == 1
    assert np.abs(again[known] - xy[known]).max() <= 0.5001 * extent["width"] / 65_535
    assert len(sections["positions:whole"]) == 4 * 40
    assert (told["map"], told["method"], told["articles"], told["shown"], told["neighbors"], told["kept"]) == (
        "other", "umap", 45, 38, 10, 2.5,
    )  # fmt: skip
    assert told_whole["shown"] == 40
    assert told["scores"] == [{"name": "recall@5", "mean": 0.3, "low": None, "high": None}]
    at = extent_of(xy[known]).steps(xy)
    assert (told["topics"][0]["x"], told["topics"][0]["y"]) == tuple(at[7].round(2))
    (question,) = told["questions"]
    assert (question["x"], question["y"]) == tuple(at[9].round(2))
    assert (question["overlap"], question["on_map"]) == (0.25, [4])
    assert question["nearest"] == header["questions"][0]["nearest"]
    again_there = unpacked(map_page(replace(shown, alongside=(other,)), "0.1"))["map-section-positions:other"]
    assert len(again_there) == 4 * 40 + 5


@given(st.lists(st.tuples(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6)), min_size=1, max_size=30))
def test_a_place_is_off_by_half_a_step_at_most(places: list[tuple[float, float]]) -> None:
    xy = np.array(places)
    extent = extent_of(xy)
    again = extent.quantized(xy) * (extent.width / 65_535) + [extent.x, extent.y]
    assert np.abs(again - xy).max() <= 0.5 * extent.width / 65_535 * (1 + 1e-6) + 1e-9


def test_both_axes_have_one_scale() -> None:
    extent = extent_of(np.array([[0.0, 0.0], [10.0, 1.0]]))
    assert (extent.x, extent.y) == (0.0, -4.5), "the middle of what is shown is the middle of the articles"
    assert extent.quantized(np.array([[10.0, 1.0], [0.0, 0.5]])).tolist() == [[65_535, 36_044], [0, 32_768]]


def test_hostile_texts_stay_texts() -> None:
    shown = picture(
        titles=[HOSTILE] * 40,
        snippets=[HOSTILE] * 40,
        ids=[HOSTILE] * 40,
        table=HOSTILE,
        map=HOSTILE,
        anchored=HOSTILE,
        questions_name=HOSTILE,
    )
    page = map_page(shown, "0.1", made="2026")
    page.encode()
    assert "alert(1)</script>" not in page
    assert page.count("<script") == page.count("</script>")
    clean = HOSTILE.replace("\x00", "\ufffd").replace("\ud800", "\ufffd")
    found = unpacked(page)
    assert json.loads(found["map-section-titles"]) == [clean] * 40
    assert json.loads(found["map-section-ids"]) == [clean] * 40
    header = json.loads(re.search(r'id="map-header">([^<]*)</script>', page).group(1))  # type: ignore[union-attr]
    assert header["table"] == header["map"] == clean


def test_what_is_drawn_first_stands_before_the_code_and_the_texts_behind_it() -> None:
    page = map_page(picture(), "0.1")
    names = ["map-header", "map-section-points", "map-section-color:topic"]
    late = ["map-section-color:field:year", "map-section-titles", "map-section-ids", "map-section-snippets"]
    places = [page.index(f'id="{name}"') for name in (*names, *late)]
    assert places == sorted(places)
    code = page.index("<script>")
    assert places[len(names) - 1] < code < places[len(names)]
    assert set(unpacked(page)) == {*names[1:], *late}


def test_the_same_picture_gives_the_same_page() -> None:
    assert map_page(picture(), "0.1") == map_page(picture(), "0.1")


def test_a_page_asks_nobody_for_anything() -> None:
    page = map_page(picture(), "0.1")
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page).group(1)  # type: ignore[union-attr]
    assert "default-src 'none'" in policy
    assert "unsafe-inline" not in policy.split("style-src")[0]
    assert not re.search(r'(src|href)="(?!#|data:)', page)


def test_figures_that_json_lacks_are_null() -> None:
    header, _ = payload(picture(scores=()))
    shown = picture(questions=picture().questions[:0])
    assert header["scores"] == []
    assert payload(shown)[0]["questions"] == []


def test_packed_bytes_are_those_of_the_block() -> None:
    header, sections = payload(picture())
    block = str(embedded(header, sections)["titles"])
    assert len(_BLOCK.search(block).group(2)) == packed_bytes(sections["titles"])  # type: ignore[union-attr]


def test_parts_of_different_length_are_refused() -> None:
    with pytest.raises(ValueError, match="different lengths"):
        picture(titles=["one"])
    with pytest.raises(ValueError, match="needs a coloring"):
        picture(colorings=())


def test_the_provenance_leaves_out_what_is_not_known() -> None:
    known = picture(anchored="anchored to a.csv (1 question)")
    assert provenance(known) == [
        "map map", "local", "2026-11-22", "recall@5 55 % (55 % to 56 %)", "anchored to a.csv (1 question)",
    ]  # fmt: skip
    assert provenance(picture(method=None, made=None, scores=())) == ["map map"]


def test_a_picture_of_one_article_has_an_extent() -> None:
    one = picture(
        1, colorings=(Coloring("topic", "topic", "category", np.zeros(1, np.uint8), ("a",), (1,)),), topics=()
    )
    header, sections = payload(one)
    assert header["extent"]["width"] == 1.0
    assert np.frombuffer(sections["points"], "<u2").tolist() == [32_768, 32_768], "in the middle"


def test_lenses_are_of_as_many_bytes_each() -> None:
    positions = np.array([[0.25, 0.0], [0.0, -0.5], [-1.0, 0.0]])
    near = np.array([[1, 2], [0, 2], [1, 0]])
    lens = QuestionLens(np.array([7, -1, 3]), np.array([0.1, 0.2, 0.4]), positions, near, 0, 0.5)
    asked = picture().questions[0]
    shown = picture(questions=(replace(asked, lens=lens), replace(asked, lens=lens), asked))
    header, sections = payload(shown)
    about = {"articles": 3, "near": 2, "dist": [0.1, 0.4], "tied": 0, "mutual_recall": 0.5}
    assert [one["lens"] for one in header["questions"]] == [about, about, None]
    data = sections["lenses"]
    assert header["sections"]["lenses"] == {"bytes": len(data)}
    assert len(data) == 2 * 3 * (4 + 4 + 2)
    assert data[:30] == data[30:]
    assert np.frombuffer(data[:12], "<u4").tolist() == [7, 4_294_967_295, 3]
    again = np.frombuffer(data[12:24], "<u2").reshape(-1, 2) / 65_535 * 2 - 1
    assert np.abs(again - positions).max() < 2e-5
    assert list(data[24:30]) == [1, 2, 0, 2, 1, 0]
    assert "lenses" not in payload(picture())[1]


def test_neighbors_are_steps_along_the_curve() -> None:
    """Decoded again in the plainest way: each list by the order of points in interleaved bits."""
    rng = np.random.default_rng(4)
    m, k = 300, 4
    points = rng.integers(0, 65_536, (m, 2)).astype(np.uint16)
    points[5] = points[9]
    near = np.array([rng.permutation(np.delete(np.arange(m), i))[:k] for i in range(m)], dtype=np.int32)
    near[7, 2:], near[8, 1] = NO_ROW, OFF_MAP
    data = packed_neighbors(points, near)
    assert len(data) == 3 * m * k

    def key(i: int) -> tuple[int, int]:
        x, y = (int(v) for v in points[i])
        return sum(((x >> b & 1) << 2 * b) | ((y >> b & 1) << 2 * b + 1) for b in range(16)), i

    order = sorted(range(m), key=key)
    for at, row in enumerate(order):
        found = []
        for i in range(at * k, at * k + k):
            code = data[i] + 256 * data[m * k + i] + 65_536 * data[2 * m * k + i]
            if code:
                step = -(code + 1) // 2 if code % 2 else code // 2
                found.append(OFF_MAP if code == 0xFFFFFF else order[at + step])
        assert found == [v for v in near[row].tolist() if v != NO_ROW]
