"""Results as frames of other libraries, by way of Arrow."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from vecindex.errors import MissingExtraError

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa


class Frames:
    """Gives a result's rows as a pyarrow table, and as frames of pandas and polars.

    A class with rows says in `to_arrow` what they are. pandas and polars are no dependencies: without one its method
    raises MissingExtraError with the command that installs it.
    """

    __slots__ = ()

    def to_arrow(self) -> pa.Table:
        """Return the rows as a pyarrow.Table."""
        raise NotImplementedError

    def to_pandas(self) -> pd.DataFrame:
        """Return the rows of `to_arrow` as a pandas frame."""
        _library("pandas")
        return self.to_arrow().to_pandas()

    def to_polars(self) -> pl.DataFrame:
        """Return the rows of `to_arrow` as a polars frame."""
        return _library("polars").from_arrow(self.to_arrow())


def _library(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError as error:
        raise MissingExtraError(f"{name} is not installed.", f"pip install {name}") from error
