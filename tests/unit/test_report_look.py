"""The look that pages share: readable in both themes."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path

import pytest

ASSETS = Path(str(files("vecindex.reports").joinpath("assets")))
CSS = (ASSETS / "shared" / "page.css").read_text(encoding="utf-8")


def colors(block: str) -> dict[str, str]:
    return dict(re.findall(r"--([\w-]+): (#[0-9a-f]+);", block))


LIGHT, DARK_BY_SYSTEM, DARK_BY_CHOICE = (
    colors(found)
    for found in re.findall(
        r"^ *:root(?:\[data-theme=\"dark\"\]|:not\(\[data-theme=\"light\"\]\))? \{(.*?)\}", CSS, re.M | re.S
    )
)


def luminance(color: str) -> float:
    """Return the relative luminance of a color, as WCAG 2.2 defines it."""
    values = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [v / 12.92 if v <= 0.04045 else ((v + 0.055) / 1.055) ** 2.4 for v in values]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_contrast_is_computed_right() -> None:
    assert contrast("#ffffff", "#000000") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


def test_the_dark_theme_is_the_same_however_it_came() -> None:
    assert len(LIGHT) == 11
    assert DARK_BY_CHOICE == DARK_BY_SYSTEM
    assert set(LIGHT) == set(DARK_BY_CHOICE)
    assert LIGHT != DARK_BY_CHOICE


@pytest.mark.parametrize("theme", [LIGHT, DARK_BY_CHOICE], ids=["light", "dark"])
@pytest.mark.parametrize(
    ("text", "ground"),
    [
        ("ink", "paper"),
        ("ink", "raised"),
        ("ink", "accent-soft"),
        ("quiet", "paper"),
        ("quiet", "raised"),
        ("quiet", "accent-soft"),
        ("accent", "paper"),
        ("accent", "raised"),
        ("second", "paper"),
        ("third", "paper"),
        ("fourth", "paper"),
    ],
)
def test_text_can_be_read(theme: dict[str, str], text: str, ground: str) -> None:
    assert contrast(theme[text], theme[ground]) >= 4.5
