"""What the pictures drawn by matplotlib have in common; the same drawing gives the same bytes."""

from __future__ import annotations

import io
import unicodedata
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from vecindex.errors import ConfigError, MissingExtraError
from vecindex.messages import option, text

WIDTH_IN = 7.0
DPI = 300
INK, QUIET = "#1a1f24", "#56616c"
SMALL, TINY = 7.0, 6.0
FIRST_FONTS = ("sans-serif",)
# Marks and what joins characters are no characters of their own.
_DRAWN_BY_NONE = frozenset({"Mn", "Me", "Cf", "Co", "Cn"})
# Fonts of formulas name private characters as they like.
_NO_TEXT = ("cm", "STIX", "Last Resort")
# Four bytes each, several times over, and as many again from top to bottom.
_MOST_PIXELS = 20_000


def checked_size(width_in: float | None, dpi: int | None) -> tuple[float, int]:
    """Return a picture's width in inches and its points to the inch, or their defaults.

    Raises ConfigError where it would have too many pixels.
    """
    width, dots = WIDTH_IN if width_in is None else width_in, DPI if dpi is None else dpi
    if width * dots > _MOST_PIXELS:
        raise ConfigError(
            f"{width:g} inches at {dots} dpi are {width * dots:,.0f} pixels, more than {_MOST_PIXELS:,}.",
            text("Take a smaller ", option("width_in"), " or ", option("dpi"), "."),
        )
    return width, dots


@contextmanager
def plotting(missing: str, hint: str, texts: Iterable[str] = ()) -> Iterator[None]:
    """Set matplotlib up for the drawings within; raises MissingExtraError with these texts where there is none.

    `texts` are drawn in the installed fonts that have their characters.
    """
    try:
        import matplotlib as mpl
    except ImportError as error:
        raise MissingExtraError(missing, hint) from error
    # Text stays text in an SVG, and the names in it do not depend on chance.
    settings: dict[str, Any] = {
        "svg.fonttype": "none",
        "svg.hashsalt": "vecindex",
        "font.family": [*FIRST_FONTS, *fonts_of(texts)[0]],
    }
    with mpl.rc_context(settings), warnings.catch_warnings():
        # A character that the font lacks is drawn as a box.
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        yield


def fonts_of(texts: Iterable[str]) -> tuple[tuple[str, ...], str]:
    """Return the names of installed fonts that have the characters that the first one lacks, and those that none has.

    The fonts are tried in the order of their names, regular ones only.
    """
    return _fonts_of(frozenset(ch for text in texts for ch in text if ch.isprintable() and not ch.isspace()))


@lru_cache(maxsize=8)
def _fonts_of(characters: frozenset[str]) -> tuple[tuple[str, ...], str]:
    from matplotlib.font_manager import FontProperties, findfont, fontManager

    missing = {ord(ch) for ch in characters if unicodedata.category(ch) not in _DRAWN_BY_NONE}
    missing -= _characters(findfont(FontProperties(family=list(FIRST_FONTS))))
    names: list[str] = []
    if not missing:
        return (), ""
    for font in sorted(fontManager.ttflist, key=lambda one: (one.name, str(one.weight), one.fname)):
        if font.style != "normal" or font.name in names or font.name.startswith(_NO_TEXT):
            continue
        found = missing & _characters(font.fname)
        if found:
            names.append(font.name)
            missing -= found
        if not missing:
            break
    return tuple(names), "".join(chr(at) for at in sorted(missing))


def _characters(path: str) -> frozenset[int]:
    """Return the characters that a font has; none for a file that cannot be drawn with, such as one of bitmaps."""
    from matplotlib.font_manager import get_font

    try:
        return frozenset(get_font(path).get_charmap())
    except (OSError, RuntimeError, ValueError):
        return frozenset()


def missing_note(texts: Iterable[str]) -> str | None:
    """Return what to say of characters that no installed font has; None where there are none."""
    missing = fonts_of(texts)[1]
    if not missing:
        return None
    some = " ".join(missing[:5]) + (" ..." if len(missing) > 5 else "")
    n = len(missing)
    return (
        f"{n:,} character{'' if n == 1 else 's'} of the picture's texts {'is' if n == 1 else 'are'} in no installed "
        f"font and drawn as {'a box' if n == 1 else 'boxes'} ({some}); install a font that has them, such as Noto "
        f"Sans CJK (on Debian: fonts-noto-cjk) or Noto Emoji, or write a .svg, which the reader's fonts draw"
    )


def sheet(width_in: float, height_in: float, dpi: int) -> Any:
    """Return an empty white figure that can measure its texts."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    drawing = Figure(figsize=(width_in, height_in), dpi=dpi, facecolor="white")
    FigureCanvasAgg(drawing)
    return drawing


def file_of(drawing: Any, form: str, dpi: int) -> bytes:
    """Return a figure as the bytes of a file, "png" or "svg"; what changes from run to run is left out."""
    stream = io.BytesIO()
    metadata: dict[str, None] = {"Software": None} if form == "png" else {"Date": None, "Creator": None}
    drawing.savefig(stream, format=form, dpi=dpi, metadata=metadata)
    return stream.getvalue()


def is_free(box: Any, inside: Any, taken: Sequence[Any]) -> bool:
    """Return whether a text's box lies inside another one and overlaps none of those that are taken."""
    within = box.x0 >= inside.x0 and box.x1 <= inside.x1 and box.y0 >= inside.y0 and box.y1 <= inside.y1
    return within and not any(box.overlaps(other) for other in taken)
