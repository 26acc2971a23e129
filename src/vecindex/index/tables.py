"""The methods of `vecindex.Index` that make its table of another one: reembed, adopt."""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack

from vecindex.config import DEFAULT_TABLE
from vecindex.options import expected, options_shown
from vecindex.verbs.tables.options import AdoptOptions, ReembedOptions

if TYPE_CHECKING:
    from vecindex.store.database import Database
    from vecindex.types import Observer
    from vecindex.verbs.ingest.result import IngestReport
    from vecindex.verbs.ingest.run import Stop
    from vecindex.verbs.questions.model import QuestionModel


class Tables:
    """A table of a database that is made of another one."""

    table: str

    def _database(self) -> Database:
        raise NotImplementedError

    def _question_model(self) -> QuestionModel:
        raise NotImplementedError

    @options_shown(ReembedOptions)
    def reembed(
        self,
        source: str = DEFAULT_TABLE,
        *,
        observer: Observer | None = None,
        stop: Stop | None = None,
        **options: Unpack[ReembedOptions],
    ) -> IngestReport:
        """Embed the texts of another table of the database into this one, by the model that `model` names.

        It goes on where it was stopped, and takes up what has changed since, as an ingest does. Titles and fields
        come along, the text template unless another is given. So do, with `carry`, maps as they are, scored by the
        new vectors, and stored questions, embedded again. The other table is only read. One of chunks is refused.

        Raises
        ------
        ConfigError, ModelError, SourceError, StoreError
            What was committed before the fault stays.
        """
        from vecindex.verbs.tables.reembed import reembed

        model = self._question_model()
        source = expected("source", source, str)
        return reembed(self._database(), self.table, source, options, model, observer, stop)

    @options_shown(AdoptOptions)
    def adopt(
        self,
        source: str,
        *,
        observer: Observer | None = None,
        stop: Stop | None = None,
        **options: Unpack[AdoptOptions],
    ) -> IngestReport:
        """Make this table of one in the database that vecindex did not make, with its vectors.

        They are checked against the model that `model` names, as precomputed embeddings of an ingest are. Where no
        column is recognized as the id, the rows' numbers are. The other table is only read.

        Raises
        ------
        ConfigError, ModelError, SourceError, StoreError
            What was committed before the fault stays.
        """
        from vecindex.verbs.tables.adopt import adopt

        source = expected("source", source, str)
        return adopt(self._database(), self.table, source, options, observer, stop)
