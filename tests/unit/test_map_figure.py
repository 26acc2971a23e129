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
from vecindex.core.picture import Coloring, MapPicture, TopicLabel
from vecindex.errors import MissingExtraError
from vecindex.reports.map.figure import COLORS, figure_notes, map_figure
from vecindex.reports.map.plotting import INK, fonts_of
from vecindex.reports.map.shade import STRONGEST, shade


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


def crowd() -> MapPicture:
    """Return a map of 20,000 articles close to (0, 0), and 2,000 evenly in a square of 40 around it."""
    rng = np.random.default_rng(0)
    xy = np.vstack([rng.normal(scale=1.5, size=(20_000, 2)).clip(-5, 5), rng.uniform(-20, 20, size=(2_000, 2))])
    codes = np.zeros(len(xy), dtype=np.uint8)
    colorings = (
        Coloring("topic", "topic", "category", codes, ("all",), (len(xy),)),
        Coloring("field:year", "year", "number", codes, low=1900.0, high=2000.0),
    )
    return picture(len(xy), xy=xy, colorings=colorings, topics=(), questions=())


def seen(png: bytes, shown: MapPicture, x: float, y: float) -> Any:
    """Return the mean color, 0 to 255, of 5 by 5 pixels at a position of a map that is 7 inches wide at 100 dpi."""
    pixels = matplotlib.image.imread(io.BytesIO(png))[..., :3] * 255
    extent = shown.extent
    left, bottom = (shown.xy.min(axis=0) + shown.xy.max(axis=0) - extent.width * 1.03) / 2
    scale = 680 / (extent.width * 1.03)
    across, down = round(10 + (x - left) * scale), round(10 + 680 - (y - bottom) * scale)
    return pixels[down - 2 : down + 3, across - 2 : across + 3].reshape(-1, 3).mean(axis=0)


def test_points_that_overlap_are_darker() -> None:
    shown = crowd()
    png = map_figure(shown, "topic", dpi=100)
    dot, ink = (np.array([int(color[i : i + 2], 16) for i in (1, 3, 5)]) for color in (COLORS[0], INK))
    # The middle: so many points that no paper is seen, and the strongest shade.
    assert seen(png, shown, 0, 0) == pytest.approx(0.55 * dot + 0.45 * ink, abs=5)
    assert seen(png, shown, 2.5, 0)[2] > seen(png, shown, 0, 0)[2] + 30, "and it gives way"
    assert "darker where points overlap" in " ".join(texts(map_figure(shown, "topic", form="svg", dpi=60)))


def test_numbers_and_few_points_have_no_shade() -> None:
    for shown, color in ((crowd(), "field:year"), (picture(), "topic")):
        svg = map_figure(shown, color, form="svg", dpi=60)
        assert "darker" not in " ".join(texts(svg))
    few = np.array([[0.0, 0.0], [60_000.0, 60_000.0]])
    assert shade(few, few.min(axis=0), few.max(axis=0), 100.0) is None


def test_a_shade_grows_by_the_logarithm_of_the_density() -> None:
    # All at one position: cells of 1/25, blurred by 1 3 6 7 6 3 1 each way, over 27.
    xy = np.zeros((1_000, 2))
    kernel = np.outer([1, 3, 6, 7, 6, 3, 1], [1, 3, 6, 7, 6, 3, 1]) / 27**2
    logs = np.log2(1_000 * kernel * 25**2)
    below = np.cumsum(np.sort(kernel.ravel()))
    q25, q995 = (np.sort(logs.ravel())[np.argmax(below >= share)] for share in (0.25, 0.995))
    # In eighths.
    q25, q995 = (np.floor(one * 8) / 8 + 1 / 16 for one in (q25, q995))
    for area, least in ((1.0, q25), (2 / 2**14.5, 14.5)):
        found = shade(xy, xy[0], xy[0], area)
        assert found is not None
        assert found.alpha.shape == (9, 9)
        assert [found.x0, found.y0, found.x1, found.y1] == pytest.approx([-4 / 25, -4 / 25, 5 / 25, 5 / 25])
        wanted = np.clip(STRONGEST * (logs - least) / max(2.0, q995 - q25), 0, STRONGEST)
        assert found.alpha[1:8, 1:8] == pytest.approx(wanted)
        assert found.alpha[[0, 8]].max() == 0
    assert shade(xy, xy[0], xy[0], 2 / 2 ** logs.max()) is None


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


@pytest.mark.parametrize("form", ["png", "svg"])
def test_all_at_one_position_but_for_one_far_away(form: str) -> None:
    xy = np.zeros((30, 2))
    xy[29] = [500.0, 0.0]
    shown = picture(30, xy=xy, questions=())
    assert shown.core is not None
    assert (shown.core.x0, shown.core.x1) == (0.0, 0.0)
    assert len(map_figure(shown, "topic", form=form)) > 1000


def test_one_article_has_no_shade() -> None:
    one = np.zeros((1, 2))
    assert shade(one, one[0], one[0], 1e6) is None
    shown = picture(1, xy=one, questions=(), topics=(), colorings=(picture(1).colorings[0],))
    assert not any("darker" in text for text in texts(map_figure(shown, "topic", form="svg")))


def test_an_empty_value_has_a_name_in_the_legend() -> None:
    codes = (np.arange(40) % 2).astype(np.uint8)
    found = drawn(Coloring("field:kind", "kind", "category", codes, ("", "cells"), (20, 20)))
    assert "(empty) (20)" in found
