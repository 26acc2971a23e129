"""A map with all that is shown of it, and the files it is written to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vecindex.core.picture import MapPicture, TopicLevel
from vecindex.errors import ConfigError, MissingExtraError
from vecindex.files import Written, write_whole
from vecindex.messages import command, text
from vecindex.notebook import shown_page
from vecindex.serialize import Result, Spell
from vecindex.types import Rejected

if TYPE_CHECKING:
    from vecindex.verbs.picture.widget.view import MapView

LIVE_MB = 64
"""A page above this is not sent to a notebook as a live map."""
SUFFIXES = (".html", ".png", ".svg")
DEFAULT_FILE = "map.html"


@dataclass(frozen=True, slots=True, eq=False)
class MapResult(Result):
    """A map with all that is shown of it.

    Attributes
    ----------
    picture : plain values.
    color : key of the coloring that is shown first.
    snippet : characters of each text's beginning; fewer than were asked for where the page would be too large.
    seconds : wall time of each stage.
    rejected, duplicates : lines of the questions' file that were left out, and that were counted once.
    notes : what the user should know.
    found_topics : the topics of each level with the names that were found, before a file gave them others.
    reason : why it is this map; see `verbs.the_map`.
    """

    picture: MapPicture
    color: str
    snippet: int
    seconds: dict[str, float]
    rejected: tuple[Rejected, ...] = ()
    duplicates: tuple[Rejected, ...] = ()
    notes: tuple[str, ...] = ()
    reason: str = ""
    found_topics: tuple[TopicLevel, ...] = ()
    _views: dict[str, MapView] = field(default_factory=dict, repr=False)

    @property
    def live(self) -> MapView:
        """The map as a live widget: its selection, color, filters and labels can be read, set and observed.

        Always the same one. Raises MissingExtraError where anywidget is not installed, and ConfigError for a page of
        more than 64 MB.
        """
        if "live" not in self._views:
            try:
                import anywidget  # noqa: F401
            except ImportError as error:
                raise MissingExtraError(
                    "A live map needs the package anywidget, which is not installed.",
                    "pip install 'vecindex[widget]'",
                ) from error
            from vecindex.verbs.picture.widget.view import MapView

            page = self.to_html()
            size = len(page.encode())
            if size > LIVE_MB * 1_000_000:
                raise ConfigError(
                    f"{self._name}: {size / 1e6:.0f} MB are too many for a live map.",
                    'Write it and open it in a browser: .write("map.html")',
                )
            self._views["live"] = MapView(self.picture, page, self._name)
        return self._views["live"]

    @property
    def selection(self) -> tuple[str, ...]:
        """The ids that are selected on the live map; see `live`."""
        return tuple(self.live.selection)

    @property
    def labels(self) -> dict[str, dict[str, str]]:
        """The labels that were given on the live map: by column, of each id its label; see `live`."""
        return dict(self.live.labels)

    @property
    def topics(self) -> int:
        """How many topics there are on the coarsest level."""
        return sum(topic.level == 0 for topic in self.picture.topics)

    def to_html(self, made: str | None = None) -> str:
        """Return the map as a page that opens offline in any browser; see `reports.map_page.map_page`."""
        from vecindex.config import VERSION
        from vecindex.reports.map.page import map_page

        return map_page(self.picture, VERSION, made)

    def write(
        self, path: str | Path, *, width_in: float | None = None, dpi: int | None = None, made: str | None = None
    ) -> Written:
        """Write a page (.html) or a picture (.png, .svg), whole or not at all.

        Parameters
        ----------
        width_in, dpi : of a picture: its width in inches, and points of the raster to the inch.
        made : when, as it should stand on a page; None leaves it out, so that the same map gives the same file.

        Raises
        ------
        ConfigError
            For another extension, or when the file cannot be written.
        MissingExtraError
            When matplotlib, which draws pictures, is not installed.
        """
        suffix = checked_suffix(path)
        if suffix != ".html" and self.picture.alongside:
            raise one_map_only([self.picture.map, *(other.map for other in self.picture.alongside)])
        if suffix == ".html":
            data = self.to_html(made).encode()
        else:
            from vecindex.reports.map.figure import map_figure
            from vecindex.reports.map.plotting import checked_size

            width, dots = checked_size(width_in, dpi)
            data = map_figure(self.picture, self.color, form=suffix[1:], width_in=width, dpi=dots)
        write_whole(path, data)
        return Written(str(path), len(data))

    def file_notes(self, path: str | Path) -> list[str]:
        """Return what to know of the file that `write` makes: in a .png, characters that no installed font has."""
        if checked_suffix(path) != ".png":
            return []
        from vecindex.reports.map.figure import figure_notes

        return figure_notes(self.picture, self.color)

    def write_topics(self, path: str | Path) -> Written:
        """Write the topics as CSV: level, topic, name, articles, and the id of one of them.

        Change the column `name` and give the file as `topics_file`: the topics get these names.

        Raises ConfigError for another extension than .csv, or when the file cannot be written.
        """
        from vecindex.verbs.picture.topic_files import check_suffix, topics_csv

        check_suffix(str(path))
        data = topics_csv(self.picture, self.found_topics).encode()
        write_whole(path, data)
        return Written(str(path), len(data))

    @property
    def _name(self) -> str:
        return f"map {self.picture.map!r} of {self.picture.table}"

    def _repr_html_(self) -> str:
        """Return the page in a frame, for notebooks; for one that is too large, how to write it."""
        return shown_page(self.to_html(), self._name, 'Write it and open it in a browser: .write("map.html")')

    def _repr_mimebundle_(self, **_kwargs: Any) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
        """Return the live map, in a notebook and with anywidget; with the frame for where no widgets are shown."""
        try:
            from vecindex.verbs.picture.widget.view import bundle_of, in_kernel
        except ImportError:
            return {}, {}
        if not in_kernel():
            return {}, {}
        try:
            view = self.live
        except ConfigError:
            return {}, {}
        return bundle_of(view, self._repr_html_())

    def to_dict(self, spell: Spell = str) -> dict[str, Any]:
        """Return what it shows as plain values, for JSON; not the articles themselves."""
        picture = self.picture
        return {
            "table": picture.table,
            "version": picture.version,
            "map": picture.map,
            "reason": self.reason,
            "method": picture.method,
            "anchored": picture.anchored,
            "alongside": [
                {
                    "map": other.map,
                    "method": other.method,
                    "anchored": other.anchored,
                    "shown": int(other.there.sum()),
                    "neighbors": other.k,
                    "kept": other.kept,
                }
                for other in picture.alongside
            ],
            "articles": picture.articles,
            "shown": len(picture),
            "outside": picture.articles - len(picture),
            "colorings": [c.key for c in picture.colorings],
            "color": self.color,
            "topics": [
                {"name": t.name, "level": t.level, "articles": t.count} for t in picture.topics if t.level == 0
            ],
            "labels": len(picture.topics),
            "questions": len(picture.questions),
            "k": picture.k,
            "snippet": self.snippet,
            "seconds": self.seconds,
        }


def one_map_only(names: Sequence[str]) -> ConfigError:
    """Return the error that several maps are asked for in a picture."""
    return ConfigError(
        f"A picture shows one map, found {len(names)}: {', '.join(names)}.",
        text("Name one of them, or write a page: ", command("map", DEFAULT_FILE, map=list(names))),
    )


def checked_suffix(path: str | Path) -> str:
    """Return the extension of a file that can be written; raises ConfigError for another."""
    suffix = Path(path).suffix.lower()
    if suffix not in SUFFIXES:
        raise ConfigError(
            f"A map is written as .html, .png or .svg, found {str(path)!r}.", f"For example: {DEFAULT_FILE}"
        )
    return suffix
