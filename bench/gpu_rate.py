"""Texts a second of the embedding on a GPU, and which share of the chip's arithmetic that is. Ready in ten minutes.

    python bench/gpu_rate.py [--models mpnet MiniLM] [--device cuda] [--corpus FILE.parquet] [--minutes 4]
        [--precision auto bf16] [--peak-tflops 989]

It goes through the product's own path: its loading, its check of the precision, its batches by tokens. For each model
and precision: how the rate follows the size of a batch, then the length of the texts, then as many texts of the
corpus, in transactions of 1,000, as fit into the time. FLOPs are counted from the model's shapes, padding left out.
They are compared with the chip's peak in bf16 and with matrix products of the same shapes, measured in the same run.

Where a model is not on the machine, one of the same shapes with random weights stands in: its rate is the same.
Without a corpus texts are drawn with the lengths of Wikipedia's passages. On a CPU the same runs with less
(`--device cpu --minutes 0.2`). There seconds are those of the processor: others may use it too.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from machine import machine
from vecindex.embed.batching import Shapes, TokenBudget, plan_batches
from vecindex.embed.encoder import Encoder, Tokens
from vecindex.embed.encoders import LoadOptions, find, load
from vecindex.embed.precision import Precision, choose_device
from vecindex.errors import ModelError

OUT = Path(__file__).parent / "results" / "gpu_rate.jsonl"
BUDGETS = {"cuda": (8_192, 32_768, 131_072, 262_144), "cpu": (1_024, 4_096)}
LENGTHS = (16, 64, 128, 256, 384)
TRANSACTION = 1_000
# Dense bf16, as the vendors' data sheets have it.
PEAKS = {"H200": 989, "H100": 989, "A100": 312, "L40": 181, "L4": 121, "A10G": 70, "V100": 125, "T4": 65}


@dataclass(frozen=True, slots=True)
class Shape:
    """What a model multiplies: layers, width, inner width, tokens it reads; and its name."""

    name: str
    kind: str
    layers: int
    width: int
    inner: int
    tokens: int


SHAPES = {
    "mpnet": Shape("all-mpnet-base-v2", "mpnet", 12, 768, 3_072, 384),
    "MiniLM": Shape("all-MiniLM-L6-v2", "bert", 6, 384, 1_536, 256),
    # To try the script in seconds; it is no model of anybody's.
    "tiny": Shape("tiny", "bert", 2, 48, 96, 64),
}


def flops(shape: Shape, lengths: np.ndarray) -> float:
    """Return the floating-point operations of texts of so many tokens: linear layers and both products of attention.

    A layer has four products of width x width and two of width x inner for each token, two operations a weight, and
    for each pair of tokens two products of the width.

    >>> flops(Shape("", "", 1, 2, 4, 8), np.array([3]))
    264.0
    """
    tokens, pairs = float(lengths.sum()), float((lengths.astype(np.float64) ** 2).sum())
    linear = 2 * (4 * shape.width**2 + 2 * shape.width * shape.inner)
    return shape.layers * (linear * tokens + 4 * shape.width * pairs)


def stand_in(shape: Shape, folder: Path) -> Path:
    """Write a model of the same shapes with random weights; return its folder."""
    import transformers
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer import modules

    body = folder / f"{shape.name}-random"
    words = [*(f"[{name}]" for name in ("PAD", "UNK", "CLS", "SEP", "MASK")), *(f"w{i}" for i in range(2_000))]
    body.mkdir(parents=True)
    (body / "vocab.txt").write_text("\n".join(words))
    transformers.BertTokenizerFast(vocab_file=str(body / "vocab.txt")).save_pretrained(body)
    sizes = {
        "num_hidden_layers": shape.layers,
        "hidden_size": shape.width,
        "intermediate_size": shape.inner,
        "num_attention_heads": 12,
        "vocab_size": 30_527,
        "max_position_embeddings": 514,
    }
    kinds = {"mpnet": (transformers.MPNetConfig, transformers.MPNetModel)}
    config, made = kinds.get(shape.kind, (transformers.BertConfig, transformers.BertModel))
    made(config(**sizes)).save_pretrained(body)
    whole = folder / shape.name
    first = modules.Transformer(str(body), max_seq_length=shape.tokens)
    SentenceTransformer(modules=[first, modules.Pooling(shape.width), modules.Normalize()], device="cpu").save(
        str(whole)
    )
    return whole


def loaded(
    shape: Shape, folder: Path, device: str, precision: str, texts: list[str], random: bool
) -> tuple[Encoder, str]:
    """Return the encoder, checked as an ingest checks it, and where its weights are from."""
    origin = "published"
    try:
        if random:
            raise ModelError("asked for random weights", None)
        found = find(shape.name, fetch=False)
    except ModelError:
        origin = "random"
        at = folder / shape.name
        found = find(str(at if at.exists() else stand_in(shape, folder)))
    encoder = load(found, LoadOptions(device, Precision(precision)))
    encoder.check(texts[:16])
    return encoder, origin


def texts_of(corpus: Path | None, count: int) -> list[str]:
    """Return texts of a corpus, spread evenly; or drawn ones with such lengths, a token a word."""
    if corpus is not None:
        import pyarrow.parquet as pq

        table = pq.read_table(corpus, columns=["title", "section", "text"])
        at = np.linspace(0, table.num_rows - 1, min(count, table.num_rows)).astype(int)
        return [f"{row['title']}: {row['section']}\n{row['text']}" for row in table.take(at).to_pylist()]
    rng = np.random.default_rng(0)
    # Passages of Wikipedia have 168 tokens in the mean, most of them between 60 and 400.
    lengths = np.clip(rng.lognormal(4.95, 0.6, count), 8, 1_000).astype(int)
    return [" ".join(f"w{i}" for i in rng.integers(0, 2_000, length)) for length in lengths]


def of_length(length: int, count: int) -> Tokens:
    """Return tokens of texts that are all as long."""
    ids = np.random.default_rng(1).integers(5, 2_000, (count, length)).tolist()
    return Tokens(ids, np.full(count, length, np.int32), np.zeros(count, bool))


def wait(device: str) -> None:
    """Wait until the device has done what it was given."""
    if device.startswith("cuda"):
        import torch

        torch.cuda.synchronize()


def clock(device: str) -> float:
    """Return the time that is counted: of the wall, on a CPU that of the processor."""
    return time.process_time() if device == "cpu" else time.perf_counter()


def timed(encoder: Encoder, tokens: Tokens, device: str) -> float:
    """Return the seconds of embedding; the texts must all have a vector."""
    wait(device)
    begun = clock(device)
    encoded = encoder.embed(tokens)
    wait(device)
    assert not encoded.failed, encoded.failed
    return clock(device) - begun


def product_tflops(shape: Shape, rows: int, device: str, precision: Precision, seconds: float) -> float:
    """Return what products of the model's shapes reach: the ceiling of its linear layers on this device."""
    import torch

    dtype = {Precision.BF16: torch.bfloat16, Precision.FP16: torch.float16}.get(precision, torch.float32)
    pairs = [(shape.width, shape.width)] * 4 + [(shape.width, shape.inner), (shape.inner, shape.width)]
    given = {k: torch.randn(rows, k, device=device, dtype=dtype) for k in (shape.width, shape.inner)}
    weights = [torch.randn(n, k, device=device, dtype=dtype) for k, n in pairs]
    has_packed = torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_linear_pointwise")
    if device == "cpu" and has_packed and dtype is not torch.float16:
        # As the product has them on a CPU: packed once.
        packed = [torch.ops.mkldnn._reorder_linear_weight(weight, None) for weight in weights]

        def layer() -> None:
            for (k, _), weight in zip(pairs, packed, strict=True):
                torch.ops.mkldnn._linear_pointwise(given[k], weight, None, "none", [], "")
    else:

        def layer() -> None:
            for (k, _), weight in zip(pairs, weights, strict=True):
                torch.nn.functional.linear(given[k], weight)

    with torch.inference_mode():
        layer()
        wait(device)
        done, begun = 0, clock(device)
        while clock(device) - begun < seconds:
            for _ in range(5):
                layer()
            wait(device)
            done += 5
        taken = clock(device) - begun
    return done * sum(2 * rows * k * n for k, n in pairs) / taken / 1e12


def peak_of(device: str, given: float | None) -> float | None:
    """Return the chip's peak in dense bf16, in TFLOP/s; None where it is not known."""
    if given or not device.startswith("cuda"):
        return given
    import torch

    name = torch.cuda.get_device_name(device)
    return next((float(peak) for key, peak in PEAKS.items() if key in name), None)


class Measured:
    """Writes the rows of one model in one precision."""

    def __init__(
        self, args: argparse.Namespace, shape: Shape, encoder: Encoder, origin: str, device: str, asked: str
    ) -> None:
        self.args, self.shape, self.encoder, self.device = args, shape, encoder, device
        self.peak = peak_of(device, args.peak_tflops)
        self.about = {
            "bench": "gpu_rate",
            "model": shape.name,
            "weights": origin,
            "device": encoder.device_name,
            "asked_precision": asked,
            "precision": encoder.precision.value,
            "precision_cosine": encoder.precision_cosine,
            "peak_bf16_tflops": self.peak,
        }

    def put(self, part: str, texts: int, lengths: np.ndarray, seconds: float, **values: object) -> float:
        """Append a row; return the texts a second."""
        reached = flops(self.shape, lengths) / seconds / 1e12
        row = {
            **self.about,
            "part": part,
            "texts": texts,
            "mean_tokens": round(float(lengths.mean()), 1),
            "seconds": round(seconds, 3),
            "texts_per_s": round(texts / seconds, 1),
            "tokens_per_s": round(float(lengths.sum()) / seconds),
            "tflops": round(reached, 3),
            "share_of_peak": round(reached / self.peak, 4) if self.peak else None,
            **values,
        }
        print(json.dumps({key: row[key] for key in row if key not in self.about}), flush=True)
        with self.args.out.open("a") as file:
            file.write(json.dumps({**row, **machine()}) + "\n")
        return texts / seconds

    def budgets(self, tokens: Tokens, seconds: float) -> int:
        """Measure sizes of a batch on the same texts; return the best."""
        kind = "cuda" if self.device.startswith("cuda") else "cpu"
        lengths = np.array([len(ids) for ids in tokens.ids])
        first = self.encoder.budget.tokens
        found: dict[int, float] = {}
        for budget in dict.fromkeys((first, *BUDGETS[kind])):
            self.encoder.budget = TokenBudget(budget)
            few = tokens.some(range(0, len(tokens.ids), max(1, len(tokens.ids) // 64)))
            rate = len(few.ids) / timed(self.encoder, few, self.device)
            count = int(np.clip(rate * seconds, 64, len(tokens.ids)))
            some = tokens.some(range(count))
            took = statistics.median(timed(self.encoder, some, self.device) for _ in range(self.args.rounds))
            batches = list(plan_batches(lengths[:count], budget, self.shapes))
            padded = sum(len(batch) * lengths[batch].max() for batch in batches)
            padding = round(1 - float(lengths[:count].sum() / padded), 4)
            ended = self.encoder.budget.tokens
            found[budget] = self.put(
                "batch",
                count,
                lengths[:count],
                took,
                batch_tokens=budget,
                padding_frac=padding,
                batch_tokens_end=ended,
            )
        return max(found, key=lambda budget: found[budget])

    @property
    def shapes(self) -> Shapes | None:
        """What limits the shapes of batches: on a CPU alone."""
        return None if self.device.startswith("cuda") else Shapes(self.encoder.max_tokens)

    def lengths(self, budget: int, seconds: float) -> None:
        """Measure texts of one length each."""
        for length in LENGTHS:
            if length > self.encoder.max_tokens:
                continue
            self.encoder.budget = TokenBudget(budget)
            few = of_length(length, 32)
            timed(self.encoder, few, self.device)
            rate = 32 / timed(self.encoder, few, self.device)
            count = max(32, int(rate * seconds))
            took = timed(self.encoder, of_length(length, count), self.device)
            self.put("length", count, np.full(count, length), took, batch_tokens=budget, length=length)

    def corpus(self, texts: list[str], budget: int, seconds: float) -> None:
        """Embed transactions of the corpus, tokenizing included, until the time is over."""
        self.encoder.budget = TokenBudget(budget)
        begun, tokenizing, embedding, lengths = time.perf_counter(), 0.0, 0.0, []
        for at in range(0, len(texts), TRANSACTION):
            mark = clock(self.device)
            tokens = self.encoder.tokenize(texts[at : at + TRANSACTION])
            tokenizing += clock(self.device) - mark
            embedding += timed(self.encoder, tokens, self.device)
            lengths += [len(ids) for ids in tokens.ids]
            if time.perf_counter() - begun > seconds:
                break
        # An ingest tokenizes in a thread of its own, next to the model.
        self.put(
            "corpus",
            len(lengths),
            np.array(lengths),
            embedding,
            batch_tokens=budget,
            tokenizing_s=round(tokenizing, 2),
        )

    def ceiling(self, seconds: float) -> None:
        """Measure products of the same shapes."""
        rows = min(self.encoder.budget.tokens, 65_536)
        reached = product_tflops(self.shape, rows, self.device, self.encoder.precision, seconds)
        row = {**self.about, "part": "products", "rows": rows, "tflops": round(reached, 3)}
        print(json.dumps({"part": "products", "rows": rows, "tflops": row["tflops"]}), flush=True)
        with self.args.out.open("a") as file:
            file.write(json.dumps({**row, **machine()}) + "\n")


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", choices=SHAPES, default=["mpnet", "MiniLM"])
    parser.add_argument("--device", default="auto")
    parser.add_argument("--precision", nargs="+", default=["auto"], choices=[one.value for one in Precision])
    parser.add_argument("--corpus", type=Path)
    parser.add_argument("--minutes", type=float, default=4.0, help="for each model and precision")
    parser.add_argument("--texts", type=int, default=250_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--random", action="store_true", help="random weights, even where the model is here")
    parser.add_argument("--peak-tflops", type=float)
    parser.add_argument("--out", type=Path, default=OUT)
    args = parser.parse_args()
    device = choose_device(args.device)
    texts: list[str] = texts_of(args.corpus, args.texts if args.corpus else min(args.texts, 20_000))
    seconds = 60 * args.minutes
    with tempfile.TemporaryDirectory() as folder:
        for name in args.models:
            for precision in args.precision:
                shape = SHAPES[name]
                encoder, origin = loaded(shape, Path(folder), device, precision, texts, args.random)
                measured: Any = Measured(args, shape, encoder, origin, device, precision)
                sample = encoder.tokenize(texts[:: max(1, len(texts) // 4_000)])
                best = measured.budgets(sample, seconds / 60)
                measured.lengths(best, seconds / 60)
                measured.ceiling(max(1.0, seconds / 60))
                measured.corpus(texts, best, seconds / 2)


if __name__ == "__main__":
    main()
