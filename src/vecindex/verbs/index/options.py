"""What a user may ask of `index`."""

from __future__ import annotations

from typing import Annotated, Literal, TypedDict

from vecindex.errors import ConfigError
from vecindex.messages import option, text
from vecindex.options import Durable, Option, Wait, checked


class BuildIndexOptions(TypedDict, total=False):
    """Which index to make, or whether to remove it."""

    type: Annotated[
        Literal["IVF_SQ", "IVF_RQ", "IVF_PQ", "IVF_HNSW_SQ"] | None,
        Option("IVF_SQ, IVF_RQ, IVF_PQ or IVF_HNSW_SQ [default: by rows, dimension and memory]", metavar="TYPE"),
    ]
    measure: Annotated[
        bool,
        Option("Only measure the recall of the index that is there again.", default=False, flag="--measure"),
    ]
    drop: Annotated[bool, Option("Remove the index.", default=False, flag="--drop")]
    durable: Durable
    wait: Wait


def checked_build(options: BuildIndexOptions) -> BuildIndexOptions:
    """Return all options with their defaults; raises ConfigError for what makes no sense."""
    options = checked(BuildIndexOptions, options)
    asked = [name for name in ("type", "measure", "drop") if options[name]]
    if len(asked) > 1:
        raise ConfigError(
            text(option(asked[0]), " and ", option(asked[1]), " exclude each other."), "Give one of them."
        )
    return options
