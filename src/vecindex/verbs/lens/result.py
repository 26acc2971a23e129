"""A lens as plain frozen values, and the files it is written to. Of `dist`, lower is closer."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from vecindex.errors import ConfigError
from vecindex.files import Written, write_whole
from vecindex.frames import Frames
from vecindex.messages import percent
from vecindex.notebook import shown_table
from vecindex.serialize import Result
from vecindex.verbs.lens.options import Kind

if TYPE_CHECKING:
    import pyarrow as pa

SUFFIXES = (".png", ".svg")
DEFAULT_FILE = "lens.png"


@dataclass(frozen=True, slots=True)
class LensArticle:
    """An article on a lens.

    Attributes
    ----------
    rank : 1 for the nearest to the question.
    id, article_id : the row's id and its article's; the same unless the table holds chunks.
    dist : cosine distance 1 - cos to the question, 0 to 2, lower is closer.
    x, y : its position; the question is at (0, 0), the nearest at distance 0.25 from it, the farthest at 1.
    near : ranks of those of the lens that are nearest to it by embedding, nearest first; 5 at most.
    """

    rank: int
    id: str
    article_id: str
    title: str | None
    dist: float
    x: float
    y: float
    near: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class LensResult(Result, Frames):
    """The lens of a question: its nearest articles around it, laid out for it alone.

    Attributes
    ----------
    question : its text; None for an article.
    id : of the stored question, or of the article.
    kind : what the question was taken as: "text", "question" or "article".
    k : articles asked for; `articles` are fewer where there are no more.
    overlap : share of the question's 5 nearest articles that are its 5 nearest here.
    tied : further articles that are as near as the fifth.
    mutual_recall : share of an article's 5 nearest, of those shown, that are its 5 nearest here too, on average;
        None where only one is shown.
    seconds : wall time of each stage.
    """

    table: str
    question: str | None
    id: str | None
    kind: Kind
    k: int
    where: str | None
    at: str | None
    overlap: float
    tied: int
    mutual_recall: float | None
    articles: tuple[LensArticle, ...]
    seconds: dict[str, float]
    metric: str = field(default="cosine", init=False)

    @property
    def name(self) -> str:
        """The question's text, else the article's id."""
        return self.question or self.id or ""

    @property
    def summary(self) -> str:
        """What the lens keeps, in a sentence."""
        first = min(5, len(self.articles))
        tied = f" ({self.tied:,} more are as near as the fifth)" if self.tied else ""
        text = f"{round(self.overlap * first)} of its {first} nearest are its {first} nearest here{tied}"
        if self.mutual_recall is None:
            return text
        return f"{text}; an article keeps {percent(self.mutual_recall)} of its 5 nearest of those shown"

    def to_arrow(self) -> pa.Table:
        """Return the articles as a table, a row each, the nearest first; its columns are what a `LensArticle` has."""
        import pyarrow as pa

        kinds = {
            "rank": pa.int64(),
            **dict.fromkeys(("id", "article_id", "title"), pa.string()),
            **dict.fromkeys(("dist", "x", "y"), pa.float64()),
            "near": pa.list_(pa.int64()),
        }
        return pa.table({name: pa.array([getattr(a, name) for a in self.articles], of) for name, of in kinds.items()})

    def write(self, path: str | Path, *, width_in: float | None = None, dpi: int | None = None) -> Written:
        """Write a picture (.png, .svg), whole or not at all.

        Parameters
        ----------
        width_in, dpi : its width in inches, and points of the raster to the inch.

        Raises
        ------
        ConfigError
            For another extension, or when the file cannot be written.
        MissingExtraError
            When matplotlib, which draws pictures, is not installed.
        """
        from vecindex.reports.map.lens_figure import lens_figure
        from vecindex.reports.map.plotting import checked_size

        form = checked_suffix(path)[1:]
        width, dots = checked_size(width_in, dpi)
        data = lens_figure(self.to_dict(), self.name, self.summary, form=form, width_in=width, dpi=dots)
        write_whole(path, data)
        return Written(str(path), len(data))

    def _repr_html_(self) -> str:
        """Return the articles as a table, for notebooks."""
        rows: list[list[object]] = [[a.rank, f"{a.dist:.4f}", a.id, a.title] for a in self.articles]
        title = f"{self.name}: {self.summary}"
        return shown_table(["rank", "dist", "id", "title"], rows, title=title, figures=["rank", "dist"])


def checked_suffix(path: str | Path) -> str:
    """Return the extension of a file that can be written; raises ConfigError for another."""
    suffix = Path(path).suffix.lower()
    if suffix not in SUFFIXES:
        raise ConfigError(
            f"A lens is written as .png or .svg, found {str(path)!r}.",
            f"For example: {DEFAULT_FILE}. The page of a map shows the lens of each of its questions.",
        )
    return suffix
