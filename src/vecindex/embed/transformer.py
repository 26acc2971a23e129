"""A sentence-transformers model that takes tokens in batches of its own choosing."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from vecindex.core.memory import give_back_memory
from vecindex.core.vectors import F32, normalize, row_cosines, usable
from vecindex.embed.attention import batch_attention
from vecindex.embed.batching import Shapes, TokenBudget, plan_batches
from vecindex.embed.encoder import ANY_LENGTH, Encoded, Encoder, Tokens, shortened
from vecindex.embed.encoders import FoundModel, LoadOptions
from vecindex.embed.faults import device_failed, out_of_memory
from vecindex.embed.forks import refuse_after_fork
from vecindex.embed.light.proof import prove
from vecindex.embed.loading import load_model, read_model
from vecindex.embed.models import ModelFiles, first_line, pooling_of
from vecindex.embed.packed import pack_linears
from vecindex.embed.precision import (
    MIN_COSINE,
    Precision,
    choose_device,
    choose_precision,
    first_batch_tokens,
)
from vecindex.embed.unknown import unknown_shares
from vecindex.errors import ModelError
from vecindex.messages import Placeholder, option, text

log = logging.getLogger(__name__)

_CHECK_TEXTS = 16


class TransformerEncoder(Encoder):
    """Embeds texts on one device in one precision, in batches of a token budget."""

    def __init__(
        self, files: ModelFiles, model: Any, device: str, precision: Precision, trust_remote_code: bool = False
    ) -> None:
        """Take a loaded model; use `load` instead."""
        self._trust_remote_code = trust_remote_code
        self.files = files
        self.device = device
        self.precision = precision
        self.budget = TokenBudget(first_batch_tokens(device))
        self.dimension = int(model.get_embedding_dimension())
        self.pooling = pooling_of(model)
        self.query_prompt = str(model.prompts.get("query") or "")
        self._model = model
        self._tokenizer = model.tokenizer
        self._ready = False
        self._full: Any = None
        longest = model.max_seq_length or 512
        self.max_tokens = ANY_LENGTH if math.isinf(longest) else int(longest)

    @classmethod
    def load(cls, files: FoundModel, options: LoadOptions) -> Self:
        """Load a model's files onto a device; a prompt of None takes the model's own for documents, "" none.

        Raises
        ------
        ModelError
            The folder does not load as a sentence-transformers model, or `max_tokens` is out of range.
        """
        return cls.of(files, load_model(files, options), options)

    @classmethod
    def of(cls, files: FoundModel, model: Any, options: LoadOptions) -> Self:
        """Return the encoder of a model that `load_model` returned. Raises ModelError for a wrong `max_tokens`."""
        assert isinstance(files, ModelFiles), "find_model returns no other"
        device, max_tokens = choose_device(options.device), options.max_tokens
        precision = choose_precision(options.precision, device)
        encoder = cls(files, model, device, precision, options.trust_remote_code)
        if max_tokens is not None and max_tokens != encoder.max_tokens:
            if not 8 <= max_tokens <= encoder.max_tokens:
                raise ModelError(
                    f"{files.name} reads at most {encoder.max_tokens} tokens, asked for {max_tokens}.",
                    text(
                        "Give ",
                        option("max_tokens"),
                        f" between 8 and {encoder.max_tokens}, or ",
                        option("chunk"),
                        " for longer texts.",
                    ),
                )
            encoder.max_tokens = max_tokens
            encoder._set_length(model)
        encoder.dimension, encoder.pooling = shortened(
            files.name, encoder.dimension, encoder.pooling, options.dimensions
        )
        # The names that models use for it.
        own = (model.prompts.get(name) for name in ("document", "passage", "corpus"))
        encoder.prompt = next(filter(None, own), "") if options.prompt is None else options.prompt
        return encoder

    def _set_length(self, model: Any) -> None:
        """Let a loaded model read as many tokens as this encoder does."""
        model.max_seq_length = self.max_tokens

    @property
    def device_name(self) -> str:
        """The device and its model."""
        if self.device.startswith("cuda"):
            import torch

            return f"cuda {torch.cuda.get_device_name(self.device)}"
        return self.device

    def tokenize(self, texts: Sequence[str], prompt: str | None = None) -> Tokens:
        """Return the tokens of each text behind the prompt (default: the document prompt).

        Every text is tokenised whole once, so that the count and the flag are true, and cut by the tokenizer
        itself where it is too long.
        """
        refuse_after_fork()
        before = self.prompt if prompt is None else prompt
        prompted = [before + text for text in texts] if before else list(texts)
        whole = self._tokenizer(
            prompted, truncation=False, padding=False, return_attention_mask=False, verbose=False
        )["input_ids"]
        counts = np.fromiter((len(ids) for ids in whole), dtype=np.int32, count=len(whole))
        truncated = counts > self.max_tokens
        long = np.flatnonzero(truncated)
        if len(long):
            cut = self._tokenizer(
                [prompted[i] for i in long],
                truncation=True,
                max_length=self.max_tokens,
                padding=False,
                return_attention_mask=False,
                verbose=False,
            )["input_ids"]
            for i, ids in zip(long, cut, strict=True):
                whole[i] = ids
        unknown_id = getattr(self._tokenizer, "unk_token_id", None)
        unknown = None if unknown_id is None else unknown_shares(whole, unknown_id, self._tokens_around(before))
        return Tokens(list(whole), counts, truncated, self._left_out(before), unknown)

    def _tokens_around(self, prompt: str) -> int:
        """Return how many tokens stand around a text: those of the prompt, and special ones."""
        return len(self._tokenizer(prompt, verbose=False)["input_ids"])

    def token_spans(self, text: str) -> list[tuple[int, int]]:
        """Return the (start, end) character positions of a text's tokens, special tokens left out."""
        offsets = self._tokenizer(
            text, add_special_tokens=False, return_offsets_mapping=True, truncation=False, verbose=False
        )["offset_mapping"]
        return [(int(a), int(b)) for a, b in offsets]

    def check(self, texts: Sequence[str]) -> None:
        """Settle the precision on some of the first texts: reduced if faithful, else fp32.

        The reference is `SentenceTransformer.encode` in fp32, so that our own tokenising, batching and pooling are
        under test together with the precision.

        Raises
        ------
        ModelError
            Even in fp32 our vectors are not those of the model.
        """
        self._prove_light()
        sample, reference = self._checked_sample(texts)
        for precision in dict.fromkeys((self.precision, Precision.FP32)):
            self._use(precision)
            lowest = self._lowest_cosine(sample, reference)
            self.precision, self.precision_cosine = precision, lowest
            if lowest >= MIN_COSINE:
                return
            log.warning("%s gives a cosine of %.5f to fp32, below %.3f", precision, lowest, MIN_COSINE)
        raise ModelError(
            f"{self.files.name} does not give the vectors of SentenceTransformer.encode: lowest cosine {lowest:.4f}.",
            "Please report this model: https://github.com/vecindex/vecindex/issues",
        )

    def _checked_sample(self, texts: Sequence[str]) -> tuple[list[str], F32]:
        """Return some of the texts, of all lengths, and the vectors that the library gives of them."""
        sample = sorted(texts, key=len)[:: max(1, len(texts) // _CHECK_TEXTS)][:_CHECK_TEXTS]
        reference = self._reference(sample)
        # A text of which the model makes nothing is found out when it is embedded.
        has_length = usable(normalize(reference))
        return [one for one, has in zip(sample, has_length, strict=True) if has], reference[has_length]

    def _lowest_cosine(self, sample: Sequence[str], reference: F32) -> float:
        found = self.embed(self.tokenize(sample)).vectors
        return float(np.nan_to_num(row_cosines(reference, found), nan=-1.0).min(initial=1.0))

    def _reference(self, sample: Sequence[str]) -> npt.NDArray[np.float32]:
        for batch_size in (4, 1):
            try:
                return np.asarray(
                    self._model.encode(
                        sample,
                        prompt=self.prompt,
                        batch_size=batch_size,
                        convert_to_numpy=True,
                        show_progress_bar=False,
                    )
                )[:, : self.dimension]
            except (RuntimeError, MemoryError) as error:
                self._refuse_failed_device(error)
                if not out_of_memory(error):
                    raise
            self._release_memory()
        other = text() if self.device == "cpu" else text(option("device", "cpu"), ", or ")
        raise ModelError(
            f"One text of the first rows is too long for the memory of {self.device_name}.",
            text(
                "Add ",
                other,
                option("max_tokens", Placeholder("N")),
                " to read less of each text (in a table of its own).",
            ),
        )

    def _prove_light(self) -> None:
        """Find out whether the next few texts need all of this; before the weights are converted."""

        def encode(texts: Sequence[str]) -> F32:
            found = self._model.encode(texts, prompt="", batch_size=4, convert_to_numpy=True, show_progress_bar=False)
            return np.asarray(found)[:, : self.dimension]

        prove(self.files, self, encode)

    def _refuse_failed_device(self, error: Exception) -> None:
        """Raise ModelError where an exception means that the device is of no more use."""
        if device_failed(error):
            raise ModelError(
                f"The device {self.device_name} failed: {first_line(error)}",
                text(
                    "Run the same command again; an ingest goes on from there. If it fails again, add ",
                    option("device", "cpu"),
                    ".",
                ),
            ) from error

    def _use(self, precision: Precision) -> None:
        """Convert the weights; a reduced precision is always made from the full one."""
        import torch

        if precision is Precision.FP32:
            if self._ready:
                self._model = read_model(self.files, self.device, self._trust_remote_code)
                self._set_length(self._model)
        else:
            self._model.to(torch.bfloat16 if precision is Precision.BF16 else torch.float16)
        if self.device == "cpu" and precision is not Precision.FP16:
            with torch.inference_mode():
                pack_linears(self._model)
            if precision is Precision.BF16:
                batch_attention(self._model)
        self._ready = True

    def embed(self, tokens: Tokens, done: Callable[[int], None] | None = None) -> Encoded:
        """Return the unit vector of each text; `done` gets the number of texts after each batch.

        When memory runs out the batch is halved and tried again. A text that overflows in a reduced precision is
        repeated in full precision. A batch that fails otherwise is split until the texts that fail by themselves are
        found; they get a reason and a row of NaN.
        """
        refuse_after_fork()
        lengths = [len(ids) for ids in tokens.ids]
        out = np.full((len(lengths), self.dimension), np.nan, dtype=np.float32)
        result = Encoded(out)
        left = list(range(len(lengths)))
        while left:
            finished: set[int] = set()
            for batch in plan_batches([lengths[i] for i in left], self.budget.tokens, self._shapes):
                rows = [left[i] for i in batch]
                before = self.budget.tokens
                self._embed_rows(tokens, rows, result)
                finished.update(rows)
                if done is not None:
                    done(len(rows))
                if self.budget.tokens != before:
                    break  # plan the rest again under the new budget
            left = [i for i in left if i not in finished]
        for i in np.flatnonzero(~usable(out)):
            result.failed.setdefault(int(i), "the model gave a vector that is not finite or has no length")
        return result

    def _embed_rows(self, tokens: Tokens, rows: list[int], result: Encoded, full: Any = None) -> None:
        """Put a batch through the model, or through `full`, the same one in full precision."""
        forward = self._forward if full is None else partial(self._forward, model=full)
        exhausted, start, overflowing = False, time.perf_counter(), list[int]()
        try:
            result.vectors[rows] = normalize(forward([tokens.ids[i] for i in rows], tokens.left_out))
            used = len(rows) * max(len(tokens.ids[i]) for i in rows)
            # Where the memory is also the system's, too large a batch is swapped out, and does not fail.
            self.budget.passed(used, time.perf_counter() - start if self.device == "mps" and full is None else None)
            bad = [row for row, good in zip(rows, usable(result.vectors[rows]), strict=True) if not good]
            checked = self.precision_cosine is not None
            if full is None and checked and self.precision is not Precision.FP32:
                # The range is at fault, not the text. The check itself is to see that, and what it saw was whole.
                overflowing, bad = bad, []
            if not overflowing and (not bad or len(rows) == 1):
                return
            reason = "not finite"
        except (RuntimeError, MemoryError, IndexError, ValueError) as error:
            self._refuse_failed_device(error)
            exhausted, reason = out_of_memory(error), first_line(error)
        if overflowing:
            self._repeat_in_full(tokens, overflowing, result)
            return
        if exhausted:
            # Only now: as long as the exception lives, its traceback holds the tensors of the batch.
            self._release_memory()
            self.budget.failed(len(rows) * max(len(tokens.ids[i]) for i in rows))
            reason = f"out of memory on {self.device} for this text alone"
        if len(rows) == 1:
            result.failed[rows[0]] = reason
            return
        middle = len(rows) // 2
        self._embed_rows(tokens, rows[:middle], result, full)
        self._embed_rows(tokens, rows[middle:], result, full)

    def _repeat_in_full(self, tokens: Tokens, rows: list[int], result: Encoded) -> None:
        """Embed texts that overflow in fp32, by the model loaded once more; it stays for the next ones."""
        if self._full is None:
            log.warning("texts overflow in %s and are repeated in fp32", self.precision)
            try:
                self._full = read_model(self.files, self.device, self._trust_remote_code)
                self._set_length(self._full)
            except (RuntimeError, MemoryError) as error:
                log.warning("the model cannot be loaded in fp32 too: %s", first_line(error))
                self._full = False
        if self._full is False:
            reason = f"overflows in {self.precision}, and the model does not fit a second time in fp32"
            result.failed |= dict.fromkeys(rows, reason)
            return
        self._embed_rows(tokens, rows, result, self._full)

    def _forward(self, ids: list[list[int]], left_out: int = 0, model: Any = None) -> npt.NDArray[np.float32]:
        import torch

        longest = max(map(len, ids))
        padded = self._tokenizer.pad(
            {"input_ids": ids},
            padding="max_length",
            max_length=self._shapes.length(longest) if self._shapes else longest,
            return_tensors="pt",
            return_attention_mask=True,
        )
        features = {name: value.to(self.device) for name, value in padded.items()}
        if left_out:
            features["prompt_length"] = left_out
        with torch.inference_mode():
            vectors = (self._model if model is None else model).forward(features)["sentence_embedding"]
            return np.asarray(vectors[:, : self.dimension].float().cpu().numpy())

    @property
    def _shapes(self) -> Shapes | None:
        return Shapes(self.max_tokens) if self.device == "cpu" else None

    def _left_out(self, prompt: str) -> int:
        """Return how many tokens the prompt takes where the model's pooling leaves them out, else 0."""
        if not prompt or all(getattr(module, "include_prompt", True) for module in self._model):
            return 0
        # The closing special token stands behind the text, not behind the prompt.
        return len(self._tokenizer(prompt, verbose=False)["input_ids"]) - 1

    def _release_memory(self) -> None:
        import torch

        if self.device.startswith("cuda"):
            torch.cuda.empty_cache()
        elif self.device == "mps":
            torch.mps.empty_cache()
        else:
            give_back_memory()

    def embed_texts(self, texts: Sequence[str], prompt: str | None = None) -> F32:
        """Return the unit vectors (n, d) of some texts; without a `check` before, in full precision."""
        if not self._ready:
            self._prove_light()
            self.precision = Precision.FP32
            self._ready = True
        return super().embed_texts(texts, prompt)
