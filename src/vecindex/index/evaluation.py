"""The methods of `vecindex.Index` that judge what a table finds: evaluate."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Unpack

from vecindex.options import expected, options_shown
from vecindex.verbs.evaluate.options import EvaluateOptions

if TYPE_CHECKING:
    from vecindex.store.database import Database
    from vecindex.types import Observer
    from vecindex.verbs.evaluate.result import EvaluateResult
    from vecindex.verbs.questions.model import QuestionModel
    from vecindex.verbs.questions.reader import Questions


class Evaluation:
    """A table that is judged by questions with known answers."""

    table: str

    def _database(self) -> Database:
        raise NotImplementedError

    def _question_model(self) -> QuestionModel:
        raise NotImplementedError

    @options_shown(EvaluateOptions)
    def evaluate(
        self,
        questions: Questions | None = None,
        *,
        observer: Observer | None = None,
        stdin: BinaryIO | None = None,
        **options: Unpack[EvaluateOptions],
    ) -> EvaluateResult:
        """Measure how well the table finds the right articles of questions, by each ranker.

        `questions` is a file, a list of mappings, or a folder as BEIR has it, with queries.jsonl and qrels/. The
        judgments are `qrels`, a file or {question id: {article id: grade}}; else those of the folder; else the
        `answers` of the questions. Questions without a judgment count in no figure, and are counted themselves.

        Measures are those of ir-measures over the hits in the order in which `search` gives them; in a table of
        chunks an article's hit is its best chunk. Each is the mean over the questions, with a percentile bootstrap
        interval of 95 % (2,000 draws of questions with replacement).

        Raises
        ------
        ConfigError, ModelError, SourceError, StoreError
        """
        from vecindex.verbs.evaluate.evaluate import evaluate

        expected("questions", questions, str | Path | Sequence[Any] | None)
        return evaluate(self._database(), self.table, questions, options, self._question_model(), observer, stdin)
