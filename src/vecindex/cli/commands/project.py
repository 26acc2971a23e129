"""`vecindex project`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any, Unpack

import typer

from vecindex.cli.interrupts import interruptible
from vecindex.cli.options import Db, Json, Table, options_of
from vecindex.config import DEFAULT_TABLE
from vecindex.errors import ConfigError
from vecindex.verbs.project.options import ProjectOptions

if TYPE_CHECKING:
    from vecindex.types import Observer, Stage


@options_of(ProjectOptions)
def project(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME",
            help="Name of the map [default: map; with --anchor: anchored; made elsewhere: imported]",
            show_default=False,
        ),
    ] = None,
    db: Db = None,
    table: Table = DEFAULT_TABLE,
    neighbors: Annotated[int | None, typer.Option(help="Neighbors that attract an article (local, umap).")] = None,
    min_dist: Annotated[float | None, typer.Option(help="Least distance between two articles (umap).")] = None,
    perplexity: Annotated[float | None, typer.Option(help="About how many neighbors attract (tsne).")] = None,
    epochs: Annotated[int | None, typer.Option(help="Epochs of the layout (umap).")] = None,
    iterations: Annotated[int | None, typer.Option(help="Iterations of the layout (local, tsne).")] = None,
    set: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="SETTING=VALUE", help="Any other setting of the method; may be given again."),
    ] = None,
    questions: Annotated[
        list[str] | None,
        typer.Option("--questions", "-q", metavar="FILE", help="What --anchor anchors to; may be given again."),
    ] = None,
    positions: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Take over a map made elsewhere: rows with an id, an x and a y."),
    ] = None,
    json: Json = False,
    **options: Unpack[ProjectOptions],
) -> None:
    """Make a 2-D map of all articles, scored and stored.

    It becomes the columns NAME_x and NAME_y. A map of that name is rebuilt: the new one begins from it and is aligned
    with it. Until the new one is complete the old one stays as it is, also when the command is stopped or killed. An
    anchored map is derived from another one, which stays as it is. A map made elsewhere is taken over from a file
    (--positions) or from two columns of the table (--columns), scored and shown like any other.
    """
    import vecindex
    from vecindex.cli.output import end, show
    from vecindex.cli.progress import Screen
    from vecindex.cli.render.project import print_project

    common = {
        "neighbors": neighbors,
        "min_dist": min_dist,
        "perplexity": perplexity,
        "epochs": epochs,
        "iterations": iterations,
    }
    chosen = {key: value for key, value in common.items() if value is not None}
    options["settings"] = read_settings(set or []) | chosen
    with Screen() as screen, untouched_on_interrupt(screen) as observer:
        result = vecindex.open(db, table).project(
            name, questions=questions or (), positions=positions, observer=observer, **options
        )
    show(result, json, print_project)
    end(result)


def read_settings(given: list[str]) -> dict[str, Any]:
    """Return settings given as NAME=VALUE.

    >>> read_settings(["spread=2", "init=pca"])
    {'spread': '2', 'init': 'pca'}
    """
    found: dict[str, Any] = {}
    for item in given:
        name, equals, value = item.partition("=")
        if not equals or not name or not value:
            raise ConfigError(f"--set takes SETTING=VALUE, found {item!r}.", "For example: --set spread=2")
        found[name.replace("-", "_")] = value
    return found


class Stoppable:
    """An observer that ends the work at the next stage reported after Ctrl-C.

    numba compiles inside callbacks from C, where Python prints an exception and goes on: an interruption that falls
    there would be lost.
    """

    def __init__(self, inner: Observer) -> None:
        """Take the observer that shows what is reported."""
        self._stage, self._stopped = inner.stage, False
        self.estimate, self.forecast = inner.estimate, inner.forecast
        self.progress, self.notice, self.warning = inner.progress, inner.notice, inner.warning

    def stop(self) -> bool:
        """End the work, at once where that is possible."""
        self._stopped = True
        return True

    def stage(self, stage: Stage) -> None:
        """See `Observer`."""
        if self._stopped:
            raise KeyboardInterrupt
        self._stage(stage)


@contextmanager
def untouched_on_interrupt(observer: Observer) -> Iterator[Observer]:
    """Let Ctrl-C (or SIGTERM) end the work at once, which reports to what is yielded; the old map stays."""
    stoppable = Stoppable(observer)
    with interruptible(
        "Stopped before the map was complete; a map of that name that was there is as it was.",
        "The same command begins it again; a neighbor graph that was complete is used again, and what was done of a "
        "map of a sample.",
        stoppable.stop,
    ):
        yield stoppable
