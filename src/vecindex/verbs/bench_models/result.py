"""What a comparison of models on a sample found."""

from __future__ import annotations

from dataclasses import dataclass

from vecindex.messages import Message
from vecindex.serialize import Result
from vecindex.types import Rejected
from vecindex.verbs.compare.result import CompareResult


@dataclass(frozen=True, slots=True)
class SampleFacts:
    """What was embedded.

    Attributes
    ----------
    articles, of : how many were drawn, and how many the sources hold.
    judged, missing : judged ones among them, and judged ones that the sources lack.
    rejected : rows of the sources that hold no article.
    """

    articles: int
    of: int
    judged: int
    missing: int
    rejected: int


@dataclass(frozen=True, slots=True)
class BenchedModel:
    """A model: its table, the figure that decides, and what it costs.

    Attributes
    ----------
    embedded : articles that this run embedded; 0 where all were there already.
    texts_per_s : rate of the model on this machine; None where it is not known.
    """

    name: str
    table: str
    mean: float
    dimension: int
    embedded: int
    texts_per_s: float | None


@dataclass(frozen=True, slots=True)
class BenchModelsResult(Result):
    """Which model to take.

    Attributes
    ----------
    models : in the order in which they were given.
    recommended : the name of one of them.
    reasons : why it is this one.
    limits : what the sample cannot show.
    compared : the best model's table with each other one.
    """

    database: str
    sample: SampleFacts
    models: tuple[BenchedModel, ...]
    recommended: str
    reasons: tuple[Message, ...]
    limits: tuple[Message, ...]
    compared: CompareResult

    @property
    def rejected(self) -> tuple[Rejected, ...]:
        """Lines of the questions and judgments that were left out."""
        return self.compared.rejected
