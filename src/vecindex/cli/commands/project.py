"""`vecindex project`."""

from __future__ import annotations

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vecindex.cli.options import Db, Json, Table
from vecindex.config import DEFAULT_TABLE
from vecindex.errors import ConfigError, Interrupted

if TYPE_CHECKING:
    from vecindex.messages import Message
    from vecindex.types import Estimate, Observer, Progress, Stage

REJECTED_EXIT = 6


def project(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME", help="Name of the map [default: map; with --anchor: anchored]", show_default=False
        ),
    ] = None,
    db: Db = None,
    table: Table = DEFAULT_TABLE,
    method: Annotated[str | None, typer.Option(help="local, umap, tsne or pca [default: local]")] = None,
    seed: Annotated[int, typer.Option(help="The same one gives the same map on the same machine.")] = 0,
    neighbors: Annotated[int | None, typer.Option(help="Neighbors that pull at an article (local, umap).")] = None,
    min_dist: Annotated[float | None, typer.Option(help="How close two articles may lie (umap).")] = None,
    perplexity: Annotated[float | None, typer.Option(help="About how many neighbors pull (tsne).")] = None,
    epochs: Annotated[int | None, typer.Option(help="Epochs of the layout (umap).")] = None,
    iterations: Annotated[int | None, typer.Option(help="Iterations of the layout (local, tsne).")] = None,
    set: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="SETTING=VALUE", help="Any other setting of the method; may be given again."),
    ] = None,
    update: Annotated[bool, typer.Option("--update", help="Only place new rows; nothing on the map moves.")] = False,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Do not begin from the map of that name, or lay the new one over it.")
    ] = False,
    drop: Annotated[bool, typer.Option("--drop", help="Remove the map.")] = False,
    focus: Annotated[
        str | None, typer.Option(metavar="FILE", help="Map only the articles nearest to these questions.")
    ] = None,
    focus_size: Annotated[int | None, typer.Option(metavar="M", help="How many articles --focus maps.")] = None,
    anchor: Annotated[
        bool, typer.Option("--anchor", help="Derive a map on which the questions' nearest articles lie around them.")
    ] = False,
    questions: Annotated[
        list[str] | None,
        typer.Option("--questions", "-q", metavar="FILE", help="What --anchor anchors to; may be given again."),
    ] = None,
    base: Annotated[
        str | None,
        typer.Option("--from", metavar="MAP", help="The map that --anchor derives from [default: NAME, or map]"),
    ] = None,
    no_controls: Annotated[
        bool,
        typer.Option(
            "--no-controls", help="With --anchor: measure no held-out questions and shuffled targets, six maps more."
        ),
    ] = False,
    sample: Annotated[int, typer.Option(help="Articles drawn for the scores; all are candidates.")] = 5_000,
    model: Annotated[str | None, typer.Option(help="Where the table's model is now, if elsewhere.")] = None,
    prompt: Annotated[str | None, typer.Option(help="Put before every question [default: the model's own]")] = None,
    device: Annotated[str, typer.Option(help="For the questions: auto, cpu, cuda, cuda:N or mps.")] = "auto",
    trust_remote_code: Annotated[bool, typer.Option(help="Run code that the model brings along.")] = False,
    json: Json = False,
) -> None:
    """Make a 2-D map of all vectors, score it, and keep it as the columns NAME_x and NAME_y.

    A map of that name is rebuilt: the new one begins from it and is laid over it. Until the new one is complete the
    old one stays as it is, also when the command is stopped or killed. An anchored map is derived from another
    one, which stays as it is.
    """
    import vecindex
    from vecindex.cli.output import print_json
    from vecindex.cli.progress import Screen
    from vecindex.cli.render.project import print_project

    settings = read_settings(set or [])
    given = {
        "neighbors": neighbors,
        "min_dist": min_dist,
        "perplexity": perplexity,
        "epochs": epochs,
        "iterations": iterations,
    }
    settings |= {key: value for key, value in given.items() if value is not None}
    with Screen() as screen, untouched_on_interrupt(screen) as observer:
        result = vecindex.open(db, table).project(
            name,
            method=method,
            seed=seed,
            settings=settings,
            update=update,
            drop=drop,
            fresh=fresh,
            focus=focus,
            focus_size=focus_size,
            anchor=anchor,
            questions=questions or (),
            base=base,
            controls=not no_controls,
            sample=sample,
            model=model,
            prompt=prompt,
            device=device,
            trust_remote_code=trust_remote_code,
            observer=observer,
        )
    if json:
        print_json(result.to_dict())
    else:
        print_project(result)
    for line in result.rejected:
        screen.notice(f"left out {line.place}: {line.reason}")
    for line in result.duplicates:
        screen.notice(f"counted once: {line.place} is {line.reason}")
    if result.rejected:
        raise typer.Exit(REJECTED_EXIT)


def read_settings(given: list[str]) -> dict[str, Any]:
    """Return settings told as NAME=VALUE.

    >>> read_settings(["spread=2", "init=pca"])
    {'spread': '2', 'init': 'pca'}
    """
    found: dict[str, Any] = {}
    for item in given:
        name, sign, value = item.partition("=")
        if not sign or not name or not value:
            raise ConfigError(f"--set takes SETTING=VALUE, found {item!r}.", "For example: --set spread=2")
        found[name.replace("-", "_")] = value
    return found


class Stoppable:
    """An observer that ends the work at the next stage told after Ctrl-C.

    numba compiles inside callbacks from C, where Python prints an exception and goes on: an interruption that falls
    there would be lost.
    """

    def __init__(self, inner: Observer) -> None:
        """Take the observer to tell."""
        self._inner = inner
        self.stopped = False

    def estimate(self, estimate: Estimate) -> None:
        """See `Observer`."""
        self._inner.estimate(estimate)

    def progress(self, progress: Progress) -> None:
        """See `Observer`."""
        self._inner.progress(progress)

    def stage(self, stage: Stage) -> None:
        """See `Observer`."""
        if self.stopped:
            raise KeyboardInterrupt
        self._inner.stage(stage)

    def notice(self, message: Message) -> None:
        """See `Observer`."""
        self._inner.notice(message)


@contextmanager
def untouched_on_interrupt(observer: Observer) -> Iterator[Observer]:
    """Let Ctrl-C (or SIGTERM) end the work at once; the map that was there stays. The work tells what is yielded."""
    stoppable = Stoppable(observer)

    def handle(_number: int, _frame: object) -> None:
        stoppable.stopped = True
        raise KeyboardInterrupt

    def unraisable(ignored: sys.UnraisableHookArgs) -> None:
        if not issubclass(ignored.exc_type, KeyboardInterrupt):
            tell_unraisable(ignored)

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    tell_unraisable, sys.unraisablehook = sys.unraisablehook, unraisable
    try:
        yield stoppable
    except KeyboardInterrupt as error:
        raise Interrupted(
            "Stopped before the map was complete; a map of that name that was there is as it was.",
            "The same command begins it again; a neighbor graph that was finished is used again.",
        ) from error
    finally:
        sys.unraisablehook = tell_unraisable
        for number, handler in before.items():
            signal.signal(number, handler)
