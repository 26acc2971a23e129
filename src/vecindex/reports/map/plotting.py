"""What the pictures drawn by matplotlib have in common; the same drawing gives the same bytes."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from vecindex.errors import ConfigError, MissingExtraError
from vecindex.messages import option, text

WIDTH_IN = 7.0
DPI = 300
INK, QUIET = "#1a1f24", "#56616c"
SMALL, TINY = 7.0, 6.0
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
def plotting(missing: str, hint: str) -> Iterator[None]:
    """Set matplotlib up for the drawings within; raises MissingExtraError with these texts where there is none."""
    try:
        import matplotlib as mpl
    except ImportError as error:
        raise MissingExtraError(missing, hint) from error
    # Text stays text in an SVG, and the names in it do not depend on chance.
    settings = {"svg.fonttype": "none", "svg.hashsalt": "vecindex", "font.family": "sans-serif"}
    with mpl.rc_context(settings), warnings.catch_warnings():
        # A character that the font lacks is drawn as a box.
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        yield


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
