"""The methods of `vecindex.Index` that judge what tables find: evaluate, compare, bench_models."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Unpack

from vecindex.options import expected, options_shown
from vecindex.verbs.bench_models.options import BenchModelsOptions
from vecindex.verbs.compare.options import CompareOptions
from vecindex.verbs.evaluate.options import EvaluateOptions

if TYPE_CHECKING:
    from vecindex.store.database import Database
    from vecindex.types import Observer, SourceData
    from vecindex.verbs.bench_models.result import BenchModelsResult
    from vecindex.verbs.compare.result import CompareResult
    from vecindex.verbs.evaluate.result import EvaluateResult
    from vecindex.verbs.ingest.run import Stop
    from vecindex.verbs.questions.model import QuestionModel
    from vecindex.verbs.questions.reader import Questions
    from vecindex.verbs.search.warm import Warm


class Evaluation:
    """A table that is judged by questions with known answers."""

    table: str

    def _database(self) -> Database:
        raise NotImplementedError

    def _question_model(self) -> QuestionModel:
        raise NotImplementedError

    def _warm(self) -> Warm:
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
        chunks an article's hit is its best chunk. Each is the mean over the questions, with a bootstrap interval
        of 95 % (expanded percentiles of 2,000 draws of questions with replacement).

        Raises
        ------
        ConfigError, ModelError, SourceError, StoreError
        """
        from vecindex.verbs.evaluate.evaluate import evaluate

        expected("questions", questions, str | Path | Sequence[Any] | None)
        model, warm = self._question_model(), self._warm()
        return evaluate(self._database(), self.table, questions, options, model, observer, stdin, warm)

    @options_shown(CompareOptions)
    def compare(
        self,
        *tables: str,
        questions: Questions | None = None,
        observer: Observer | None = None,
        stdin: BinaryIO | None = None,
        **options: Unpack[CompareOptions],
    ) -> CompareResult:
        """Ask tables the same questions, and compare the first with each other one.

        `tables` are two or more names, each perhaps with a tag behind it: `index.compare("articles@before",
        "articles", questions="q.jsonl")`. Those of other databases have that folder or URI before them, as in
        "../old/articles". Each is asked by its own model. `questions` and `qrels` are as in
        `evaluate`; without judgments only what the tables agree on is compared.

        Differences are paired: of each question, the other table's measure minus the first one's, with Student's
        interval of 95 % and the p of a sign-flip test. A difference is called shown where the interval
        excludes 0 and p, adjusted for several tables by Holm's rule, is below 5 %.

        Raises
        ------
        ConfigError, ModelError, SourceError, StoreError
        """
        from vecindex.verbs.compare.compare import compare

        for name in tables:
            expected("tables", name, str)
        expected("questions", questions, str | Path | Sequence[Any] | None)
        return compare(self._database(), tables, questions, options, self._question_model(), observer, stdin)

    @options_shown(BenchModelsOptions)
    def bench_models(
        self,
        *sources: SourceData,
        questions: Questions | None = None,
        observer: Observer | None = None,
        stop: Stop | None = None,
        stdin: BinaryIO | None = None,
        **options: Unpack[BenchModelsOptions],
    ) -> BenchModelsResult:
        """Embed a sample of the sources by each of several models, compare them, and recommend one.

        Each model gets a table `bench-NAME` in this database; better take a database of its own. All judged articles
        are in the sample, the others are drawn by `seed`, the same ones each time. Run again, it goes on where it was
        stopped, and embeds nothing that is there. Questions and judgments are as in `evaluate`.

        Recommended is the model with the highest measure, or the fastest of those that are not shown to be worse.

        Raises
        ------
        ConfigError, ModelError, SourceError, StoreError, Interrupted
            What was embedded stays.
        """
        from vecindex.verbs.bench_models.bench_models import bench_models

        expected("questions", questions, str | Path | Sequence[Any] | None)
        database, model = self._database(), self._question_model()
        return bench_models(database, sources, questions, options, model, observer, stop, stdin)
