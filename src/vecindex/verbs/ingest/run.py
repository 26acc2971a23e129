"""What the threads of one ingest share: the table, the model, the counts."""

from __future__ import annotations

import shutil
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

from vecindex.embed.batching import TokenBudget
from vecindex.embed.cards import languages_of
from vecindex.embed.encoder import ANY_LENGTH
from vecindex.embed.encoders import FoundModel, LoadOptions, load, load_light
from vecindex.embed.precision import Precision
from vecindex.errors import ConfigError, ModelError
from vecindex.messages import Message, option, text
from vecindex.sources.base import Source
from vecindex.sources.pickles.source import PicklesSource
from vecindex.store.articles import ArticleTable
from vecindex.store.database import Database, check_name
from vecindex.store.rejects import RejectTable
from vecindex.types import Basis, Estimate, Fingerprint, Observer, Progress
from vecindex.verbs.ingest.known.kept import KeptFields
from vecindex.verbs.ingest.known.speeds import ModelSpeeds
from vecindex.verbs.ingest.model import BRING_EMBEDDINGS, NAME, ModelChoice, checked_chunking, choose_model
from vecindex.verbs.ingest.options import IngestOptions
from vecindex.verbs.ingest.result import IngestReport
from vecindex.verbs.ingest.user_columns import UserColumns
from vecindex.verbs.languages import SAMPLE, other_language

if TYPE_CHECKING:
    from vecindex.embed.encoder import Encoded, Encoder, Tokens

# What a row takes in addition to its vector and its text: id, hash, counts, and the store's own overhead.
_ROW_OVERHEAD_BYTES = 120
# Of so many new rows it is worth finding out whether the encoder for a few texts does.
_FEW_ROWS = 500
_COUNTED = 32
# For an estimate nobody should wait; a thousand compressed files would take minutes to look into.
_HINTS_S = 3.0


class Stop:
    """The user's wish to stop: set from anywhere, honoured after the transaction in flight."""

    def __init__(self) -> None:
        """Start unset."""
        self._event = threading.Event()

    def request(self) -> None:
        """Ask the run to finish its transaction and stop."""
        self._event.set()

    def __call__(self) -> bool:
        """Return whether it was asked."""
        return self._event.is_set()


class Elsewhere(Protocol):
    """Workers that embed the texts of a run."""

    @property
    def workers(self) -> int:
        """How many there are."""
        ...

    def encoder(self, files: FoundModel, how: LoadOptions) -> Encoder:
        """Return an encoder whose vectors they make."""
        ...


class Run:
    """The state of one ingest."""

    def __init__(
        self,
        database: Database,
        name: str,
        sources: Sequence[Source],
        options: IngestOptions,
        observer: Observer,
        stop: Stop,
        kept: KeptFields,
    ) -> None:
        """Open the table if there is one, and settle which model the run is for."""
        self.database, self.name, self.sources = database, name, sources
        self.options, self.observer, self.stop, self.kept = options, observer, stop, kept
        self.where = f"{database.uri}/{name}"
        self.rejects = RejectTable(database, notice=observer.notice)
        self.id = uuid.uuid4().hex[:12]
        self.report = IngestReport(table=name)
        bring_vectors = options["vectors"] or any(isinstance(source, PicklesSource) for source in sources)
        self.vector_field = options["vector_field"] or ("vector" if bring_vectors else None)
        self.precomputed = self.vector_field is not None
        """Whether the sources bring their own vectors."""
        check_name(name, database)
        there = database.articles(name) if database.has(name) else None
        self.empty = there is not None and not there.count()
        """Whether there is a table without rows: it binds nobody to what would have made its vectors."""
        self.table: ArticleTable | None = None if self.empty else there
        _refuse_other_numbers(self.table, options)
        self.fingerprint: Fingerprint | None = self.table.fingerprint if self.table else None
        self.choice: ModelChoice = choose_model(options, self.fingerprint, self.where, self.precomputed)
        self.is_part = False
        """Whether the sources are some of those that the table is made of."""
        self.encoder: Encoder | None = None
        self.cluster: Elsewhere | None = None
        """What embeds instead of this process."""
        self.columns = UserColumns(self.table.schema if self.table else ())
        self.started = time.perf_counter()
        self._embedded = self._in_flight = self._tokens = 0
        self.speeds = self._model_speeds()
        self._ready_s = 0.0
        self.rows_done = 0
        self.rows_total = _rows_of(sources)
        self._noticed: set[str] = set()

    def notice_once(self, message: Message) -> None:
        """Report a line that the user should see, once a run: the store finds the same at each maintenance."""
        if message not in self._noticed:
            self._noticed.add(message)
            self.observer.notice(message)

    @property
    def known_fingerprint(self) -> Fingerprint:
        """The fingerprint, once it is settled."""
        assert self.fingerprint is not None, "the fingerprint is settled before it is used"
        return self.fingerprint

    # -- the model ----------------------------------------------------------------------------------------

    def load_encoder(self) -> Encoder:
        """Return the encoder, loaded at the first call: the one for a few texts, until there turn out to be more.

        Raises ModelError when it is not available, or does not make the vectors that the table holds.
        """
        if self.encoder is None:
            with self.report.seconds.measured("loading"):
                self.encoder = self._loaded(few=self._may_be_few() or self.speeds.known is not None)
        return self.encoder

    def _model_speeds(self) -> ModelSpeeds:
        files = None if self.precomputed else self.choice.files
        return ModelSpeeds(files, self._how(self.choice.max_tokens), self.options["batch_tokens"])

    def may_recall(self) -> None:
        """Let a forecast rest on how fast the model was in earlier runs: then it need not be loaded as a whole."""
        if self.encoder is None and not self._may_be_few():
            self.speeds.recall()

    def forget_recalled(self) -> None:
        """Load the model as a whole: what is known of its speed is of other texts."""
        self.speeds.known = self.encoder = None

    def _may_be_few(self) -> bool:
        """Return whether the new rows may be few, as far as is known before any is read."""
        there = self.table.count() if self.table else 0
        return self.rows_total is None or self.rows_total - there <= _FEW_ROWS

    def _loaded(self, few: bool) -> Encoder:
        choice = self.choice
        if choice.files is None:
            raise ModelError(
                f"The vectors of {self.where} are said to be of {choice.name}, which is not available to make more.",
                text(BRING_EMBEDDINGS, "make the model available."),
            )
        options = self._how(choice.max_tokens)
        if self.cluster is not None:
            encoder = self.cluster.encoder(choice.files, options)
        else:
            encoder = (load_light(choice.files, options) if few else None) or load(choice.files, options)
            self._set_budget(encoder)
        if choice.chunking is not None and not choice.chunking.tokens and encoder.max_tokens >= ANY_LENGTH:
            raise ConfigError(
                f"{choice.name} reads texts of any length, so there is no length to cut them to.",
                text("Say how many tokens a chunk has, such as ", option("chunk", 256), "."),
            )
        made = _fingerprint_of(encoder, choice.files, choice)
        if self.fingerprint is None:
            if choice.chunking is not None and choice.chunking.tokens > encoder.max_tokens:
                raise ConfigError(
                    f"{choice.name} reads {encoder.max_tokens} tokens, asked for chunks of {choice.chunking.tokens}.",
                    text(
                        f"Ask for {encoder.max_tokens} at most, or for as many as it reads: ", option("chunk", True)
                    ),
                )
            self.fingerprint = made
        elif differences := self.fingerprint.differences(made):
            listed = "; ".join(f"{what}: the table has {a}, the model gives {b}" for what, a, b in differences)
            raise ModelError(
                f"{choice.name} no longer makes the vectors that {self.where} holds ({listed}).",
                text("Bring back the model as it was, or begin another table: ", option("table", NAME)),
            )
        return encoder

    def _how(self, max_tokens: int | None) -> LoadOptions:
        return LoadOptions(
            device=self.options["device"],
            precision=Precision(self.options["precision"]),
            max_tokens=max_tokens,
            prompt=self.choice.prompt,
            trust_remote_code=self.options["trust_remote_code"],
            dimensions=self.choice.dimensions,
            backend=self.options["backend"],
        )

    def full_length_encoder(self) -> Encoder:
        """Return an encoder that reads as much as the model can, whatever was asked for."""
        files = self.choice.files
        if self.choice.max_tokens is None or files is None:
            return self.load_encoder()
        how = self._how(None)
        return load_light(files, how) or load(files, how)

    def check_encoder(self, texts: Sequence[str], checked: int | None = None) -> None:
        """Settle the encoder and its precision on texts to be embedded, before each transaction.

        The vectors of at most `checked` of them are compared with those of full precision.
        """
        encoder = self.load_encoder()
        if encoder.most_tokens is not None and self._is_outgrown(encoder, encoder.most_tokens, texts):
            with self.report.seconds.measured("loading"):
                self.encoder = encoder = self._loaded(few=False)
        if self.report.precision and encoder.precision_cosine is not None:
            return
        with self.report.seconds.measured("loading"):
            encoder.check(texts if checked is None else texts[:: max(1, -(-len(texts) // checked))])
        self.report.device, self.report.precision = encoder.device_name, encoder.precision.value
        self.report.precision_cosine = encoder.precision_cosine
        self._ready_s = self.report.seconds.loading

    def look_at_language(self, texts: Sequence[str]) -> None:
        """Warn where the first texts are in a language that the model was not made for."""
        line = other_language(texts[:SAMPLE], languages_of(self.choice.files), self.choice.name)
        if line is not None:
            self.observer.warning(line)

    def _is_outgrown(self, encoder: Encoder, most: int, texts: Sequence[str]) -> bool:
        """Count the tokens of some more texts; return whether there are more than the encoder should be given."""
        for start in range(0, len(texts), _COUNTED):
            self._tokens += sum(map(len, encoder.tokenize(texts[start : start + _COUNTED]).ids))
            if self._tokens > most:
                return True
        return False

    def _set_budget(self, encoder: Encoder) -> None:
        usual = encoder.budget.tokens
        if self.options["batch_tokens"] is not None:
            encoder.budget = TokenBudget(self.options["batch_tokens"])
        elif self.table is not None:
            safe = (self.table.setting("batch_tokens") or {}).get(encoder.device_name)
            if safe is not None:
                encoder.budget = TokenBudget(int(safe), ceiling=usual)

    # -- progress -----------------------------------------------------------------------------------------

    def report_estimate(
        self,
        rows: int | None,
        exact: bool,
        rate: float | None,
        text_bytes: float,
        seconds: float | None = None,
        basis: Basis | None = None,
        unknown_frac: float | None = None,
    ) -> None:
        """Report to the observer what the run will cost; `text_bytes` are those of a mean text.

        Without `seconds` they are those of the model at this rate.
        """
        dimension = self.fingerprint.dimension if self.fingerprint else 0
        # Compaction writes every row once more, and what it replaces stays for an hour.
        bytes_each = 2 if self.options["store"] == "float16" or (self.table is not None and self.table.half) else 4
        per_row = 2 * (bytes_each * dimension + text_bytes + _ROW_OVERHEAD_BYTES)
        self.report.estimate = Estimate(
            rows=rows,
            exact=exact,
            texts_per_s=rate,
            seconds=None if rows is None or not rate else rows / rate if seconds is None else seconds,
            disk_bytes=None if rows is None else int(rows * per_row),
            free_bytes=free_bytes(self.database),
            device=self.report.device,
            precision=self.report.precision,
            precision_cosine=self.report.precision_cosine,
            basis=basis,
            unknown_frac=unknown_frac,
        )
        self.observer.estimate(self.report.estimate)

    def embed(self, tokens: Tokens) -> Encoded:
        """Put texts through the model, and report each batch."""
        mark = time.perf_counter()
        self._in_flight += len(tokens.ids)
        self.report_progress()

        def count(n: int) -> None:
            self._embedded += n
            self._in_flight -= n
            self.report_progress(time.perf_counter() - mark)

        with self.report.seconds.measured("model"):
            return self.embed_noted(tokens, count)

    def count_embedded(self, n: int) -> None:
        """Note that so many texts are embedded that nobody was waiting for."""
        self._embedded += n

    def sent(self, n: int) -> None:
        """Note that so many texts are on their way to workers."""
        self._in_flight += n
        self.report_progress()

    def came_back(self, n: int) -> None:
        """Note that the vectors of so many of them are there."""
        self._embedded += n
        self._in_flight -= n

    def embed_noted(self, tokens: Tokens, count: Callable[[int], None] = lambda _: None) -> Encoded:
        """Put texts through the model, and note how long it took; `count` gets the texts of each batch."""
        encoder, batches, mark = self.load_encoder(), list[tuple[int, float]](), time.perf_counter()

        def done(n: int) -> None:
            nonlocal mark
            now = time.perf_counter()
            batches.append((n, now - mark))
            mark = now
            count(n)

        encoded = encoder.embed(tokens, done)
        if self.cluster is None:
            self.speeds.note(encoder, tokens, batches, self._ready_s)
        return encoded

    def report_progress(self, more_s: float = 0.0) -> None:
        """Report to the observer where the run stands; the model is busy for `more_s` that are not counted yet."""
        busy = self.report.seconds.model + more_s
        self.observer.progress(
            Progress(
                rows=self.rows_done,
                total=self.rows_total,
                embedded=self._embedded,
                texts_per_s=self._embedded / busy if busy else 0.0,
                batch_tokens=self.encoder.budget.tokens if self.encoder else 0,
                device=self.report.device,
                precision=self.report.precision,
                in_flight=self._in_flight,
            )
        )


def _refuse_other_numbers(table: ArticleTable | None, options: IngestOptions) -> None:
    """Raise ConfigError where vectors are to be stored otherwise than the table stores them."""
    if table is None or options["store"] is None:
        return
    there = "float16" if table.half else "float32"
    if options["store"] != there:
        raise ConfigError(
            f"{table.where} stores vectors as {there}, asked for {options['store']}.",
            text("Leave ", option("store"), " out, or put them into a table of their own: ", option("table", NAME)),
        )


def _rows_of(sources: Sequence[Source]) -> int | None:
    """Return about how many rows the sources have, None where they do not know, or not soon."""
    rows, until = 0, time.perf_counter() + _HINTS_S
    for source in sources:
        hint = source.count_hint() if time.perf_counter() < until else None
        if hint is None:
            return None
        rows += hint
    return rows


def _fingerprint_of(encoder: Encoder, model: FoundModel, choice: ModelChoice) -> Fingerprint:
    chunking = choice.chunking
    if chunking is not None and not chunking.tokens:
        chunking = checked_chunking(encoder.max_tokens, chunking.overlap)
    return Fingerprint(
        model=model.name,
        weights=model.weights,
        revision=model.revision,
        dimension=encoder.dimension,
        pooling=encoder.pooling,
        prompt=encoder.prompt,
        max_tokens=encoder.max_tokens,
        text_template=choice.text_template,
        chunking=chunking,
    )


def free_bytes(database: Database) -> int | None:
    """Return the bytes free where a local database lies, or will lie; None for a remote one."""
    if database.folder is None:
        return None
    folder = database.folder.absolute()
    there = next((path for path in (folder, *folder.parents) if path.exists()), None)
    return shutil.disk_usage(there).free if there is not None else None
