"""A lens as a picture: what is drawn, and that the same lens gives the same file."""

from __future__ import annotations

import builtins
import io
import re
from typing import Any

import matplotlib.image
import numpy as np
import pytest

from pictures import HOSTILE
from vecindex.errors import MissingExtraError
from vecindex.reports.map.lens_figure import FIRST, OTHER, lens_figure


def lens_of(n: int = 30, **changes: Any) -> dict[str, Any]:
    """Return a lens whose articles lie on a spiral; each is near to the next one."""
    at = np.linspace(0.25, 1, n)
    turn = np.arange(n) * 2.4
    articles = [
        {
            "rank": i + 1,
            "id": f"a{i}",
            "title": f"Title {i}",
            "dist": 0.4 + 0.2 * float(at[i]),
            "x": float(at[i] * np.cos(turn[i])),
            "y": float(at[i] * np.sin(turn[i])),
            "near": [i + 2 if i + 1 < n else 1],
        }
        for i in range(n)
    ]
    return {"table": "articles", "articles": articles, **changes}


def texts(svg: bytes) -> list[str]:
    return re.findall(r"<text [^>]*>([^<]*)</text>", svg.decode())


def test_what_is_written_on_it() -> None:
    svg = lens_figure(lens_of(), "how do cells die", "it keeps 61 %", form="svg", dpi=80)
    written = texts(svg)
    assert {"how do cells die", "Title 0", "Title 4", "1: 0.450", "30: 0.600"} <= set(written)
    caption = " ".join(written)
    assert "its 30 nearest articles of table articles around it" in caption
    assert "cosine distance 0.450 on the innermost ring, 0.600 on the outermost" in caption
    assert "it keeps 61 %." in caption
    assert b"<dc:date>" not in svg


def test_the_five_nearest_have_a_color_of_their_own() -> None:
    png = lens_figure(lens_of(), "q", "s", dpi=100)
    pixels = (matplotlib.image.imread(io.BytesIO(png))[..., :3] * 255).round().astype(int)
    for color in (FIRST, OTHER):
        wanted = [int(color[i : i + 2], 16) for i in (1, 3, 5)]
        assert (np.abs(pixels - wanted).max(axis=2) < 6).sum() > 20


def test_repeated_titles_have_their_ids() -> None:
    lens = lens_of()
    for i, id in ((0, "Mouthwash#Research"), (1, "7"), (2, "Mouthwash")):
        lens["articles"][i] |= {"title": "Mouthwash", "id": id}
    lens["articles"][3]["title"] = None
    written = texts(lens_figure(lens, "q", "s", form="svg", dpi=80))
    assert {"Mouthwash#Research", "Mouthwash (7)", "Mouthwash", "a3"} <= set(written)


@pytest.mark.parametrize("form", ["png", "svg"])
def test_the_same_lens_gives_the_same_file(form: str) -> None:
    one, other = (lens_figure(lens_of(), "q", "s", form=form, dpi=60) for _ in range(2))
    assert one == other


@pytest.mark.parametrize("n", [1, 2, 5])
def test_few_articles(n: int) -> None:
    written = texts(lens_figure(lens_of(n), "q", "s", form="svg", dpi=60))
    assert f"{n}: {0.4 + 0.2 * float(np.linspace(0.25, 1, n)[-1]):.3f}" in written


def test_hostile_texts_and_long_ones() -> None:
    lens = lens_of()
    lens["articles"][0]["title"] = HOSTILE
    lens["articles"][1]["title"] = "x" * 500
    svg = lens_figure(lens, HOSTILE + " long" * 400, "s", form="svg", dpi=60)
    assert b"<script" not in svg
    assert "x" * 35 + "…" in texts(svg)


def test_without_matplotlib(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def fake(name: str, *rest: Any, **more: Any) -> Any:
        if name.startswith("matplotlib"):
            raise ImportError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", fake)
    with pytest.raises(MissingExtraError, match=r"A \.png or \.svg of a lens needs matplotlib"):
        lens_figure(lens_of(), "q", "s")
