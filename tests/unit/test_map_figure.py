"""A map as a picture: what is drawn, and that the same map gives the same file."""

from __future__ import annotations

import builtins
import io
import re
from dataclasses import replace
from typing import Any

import matplotlib.image
import numpy as np
import pytest

from pictures import HOSTILE, picture
from vecindex.core.picture import Coloring, TopicLabel
from vecindex.errors import MissingExtraError
from vecindex.reports.map.figure import COLORS, figure_notes, map_figure
from vecindex.reports.map.plotting import fonts_of


def texts(svg: bytes) -> list[str]:
    return re.findall(r"<text [^>]*>([^<]*)</text>", svg.decode())


def test_an_svg_has_its_text_as_text_and_its_points_as_one_raster() -> None:
    svg = map_figure(picture(), "topic", form="svg", dpi=80)
    assert svg.count(b"<image") == 1
    told = texts(svg)
    assert {"cells, protein", "trains", "cells, protein (20)", "trains (20)", "questions (1)"} <= set(told)
    caption = " ".join(told)
    for part in ("map map", "local", "2026-11-22", "recall@5 55 %", "questions.jsonl, overlap@2 50 %"):
        assert part in caption
    assert b"<dc:date>" not in svg


def test_far_points_are_outside_and_told() -> None:
    xy = np.random.default_rng(0).random((40, 2))
    xy[1] = (90.0, 0.5)
    svg = map_figure(picture(xy=xy), "topic", form="svg", dpi=80)
    assert "1 point outside, far from all others" in " ".join(texts(svg))
    assert "outside" not in " ".join(texts(map_figure(picture(), "topic", form="svg", dpi=80)))


def test_anchored_is_told() -> None:
    svg = map_figure(picture(anchored="anchored to a.jsonl (3 questions)"), "topic", form="svg", dpi=80)
    assert "anchored to a.jsonl (3 questions)" in " ".join(texts(svg))


@pytest.mark.parametrize("form", ["png", "svg"])
def test_the_same_map_gives_the_same_file(form: str) -> None:
    assert map_figure(picture(), "topic", form=form, dpi=60) == map_figure(picture(), "topic", form=form, dpi=60)


def test_points_have_the_colors_of_their_topics() -> None:
    png = map_figure(picture(400, questions=(), topics=()), "topic", dpi=100)
    pixels = (matplotlib.image.imread(io.BytesIO(png))[..., :3] * 255).round().astype(int)
    for color in COLORS[:2]:
        wanted = np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)])
        # Points let a quarter of the paper through.
        mixed = 0.75 * wanted + 0.25 * 255
        near = np.abs(pixels - mixed).max(axis=2) < 6
        assert near.sum() > 50


def test_the_size_is_as_asked_for() -> None:
    png = map_figure(picture(), "topic", width_in=3.0, dpi=50)
    assert matplotlib.image.imread(io.BytesIO(png)).shape[1] == 150


def test_a_number_has_a_bar_with_its_ends() -> None:
    told = texts(map_figure(picture(), "field:year", form="svg", dpi=60))
    assert {"year", "1900", "2000"} <= set(told)


def test_labels_that_do_not_fit_are_left_out_and_none_lies_over_another() -> None:
    shown = picture()
    x, y = shown.topics[0].x, shown.topics[0].y
    crowd = tuple(TopicLabel(f"crowded label {i}", x, y, 100 - i, 0, 0) for i in range(30))
    told = texts(map_figure(picture(topics=crowd), "topic", form="svg", dpi=60))
    put = [int(t.split()[-1]) for t in told if t.startswith("crowded")]
    assert 0 in put
    assert 1 < len(put) < 30


def test_finer_labels_are_not_drawn() -> None:
    label = TopicLabel("finer topic", 0.0, 0.0, 9, 1, 0)
    assert "finer topic" not in texts(map_figure(picture(topics=(label,)), "topic", form="svg", dpi=60))


def test_hostile_texts_are_drawn_as_they_are() -> None:
    label = TopicLabel(HOSTILE, 0.0, 0.0, 9, 0, 0)
    colored = Coloring("topic", HOSTILE, "category", np.zeros(40, np.uint8), (HOSTILE,), (40,))
    svg = map_figure(
        picture(topics=(label,), colorings=(colored,), table=HOSTILE, map=HOSTILE), "topic", form="svg", dpi=60
    )
    assert b"<script" not in svg
    assert b"&lt;/script&gt;&lt;script&gt;alert(1)" in svg


def test_another_coloring_is_refused() -> None:
    with pytest.raises(ValueError, match="no coloring 'depth'"):
        map_figure(picture(), "depth")


def test_without_matplotlib_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name.split(".")[0] == "matplotlib":
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtraError, match=r"pip install matplotlib"):
        map_figure(picture(), "topic")


def test_a_label_at_the_edge_is_moved_inwards() -> None:
    shown = picture()
    left = int(shown.xy[:, 0].argmin())
    label = TopicLabel("a name that is rather long", *(float(v) for v in shown.xy[left]), 20, 0, 0)
    assert "a name that is rather long" in texts(map_figure(replace(shown, topics=(label,)), "topic", form="svg"))


def test_characters_that_no_font_has_are_counted() -> None:
    # Two letters of Tangut, in no font for everyday use, twice.
    shown = replace(picture(), title="\U00017000\U00017001\U00017000 e\u0301")
    (note,) = figure_notes(shown, "topic")
    assert note.startswith("2 characters of the picture's texts are in no installed font and drawn as boxes (")
    assert "Noto Sans CJK" in note
    assert figure_notes(picture(), "topic") == []
    # The title stands in the caption, and an SVG has it as text.
    assert any("\U00017000\U00017001" in text for text in texts(map_figure(shown, "topic", form="svg")))


def test_another_font_that_has_the_characters_is_taken() -> None:
    families, missing = fonts_of(["plain", "\U0001d7d8"])
    assert missing == ""
    found = fonts_of(["plain"])
    assert found == ((), "")
    assert isinstance(families, tuple)


def test_a_date_scale_has_dates() -> None:
    codes = picture().colorings[1].codes
    days = Coloring("field:day", "day", "number", codes, low=18_262.0, high=18_262.0 + 3_653, unit="date")
    shown = texts(map_figure(replace(picture(), colorings=(days,)), "field:day", form="svg"))
    assert {"2020", "2022", "2024", "2027", "2030"} <= set(shown)


def drawn(coloring: Coloring) -> list[str]:
    """The texts of a small picture by one coloring."""
    shown = picture(n=len(coloring.codes), colorings=(coloring,))
    return texts(map_figure(shown, coloring.key, form="svg", width_in=3.5))


def test_long_values_that_begin_alike_differ_in_the_legend() -> None:
    begun = "The Committee on the Standardisation of Measurements, "
    names = (f"{begun}section A, of 1911", f"{begun}section B, of 1911", "short")
    found = drawn(Coloring("field:by", "by", "category", np.arange(3, dtype=np.uint8), names, (1, 1, 1)))
    wanted = {f"The Committee on th…, section {letter}, of 1911 (1)" for letter in "AB"}
    assert {text for text in found if text.startswith("The Comm")} == wanted


def test_times_of_one_day_stand_apart_under_their_day() -> None:
    codes = np.array([0, 254], dtype=np.uint8)
    # 6 May 2024, 8:00 to 18:00.
    low, high = 19_849 + 8 / 24, 19_849 + 18 / 24
    found = drawn(Coloring("field:at", "at", "number", codes, low=low, high=high, unit="date"))
    assert {"at, 6 May 2024", "08:00", "10:30", "13:00", "15:30", "18:00"} <= set(found)
    # Of several days fewer of the longer texts have room.
    found = drawn(Coloring("field:at", "at", "number", codes, low=low, high=high + 2, unit="date"))
    assert [text for text in found if "May 2024 " in text] == ["6 May 2024 08:00", "8 May 2024 18:00"]


def test_the_caption_says_what_a_scale_of_numbers_does() -> None:
    codes = np.array([0, 254], dtype=np.uint8)
    note = "0 has the lowest color"
    found = drawn(Coloring("field:size", "size", "number", codes, low=1, high=9, scale="log", note=note))
    assert "size: 0 has the lowest color." in " ".join(found)
