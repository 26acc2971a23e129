"""`SentenceTransformer.encode` and one Parquet file at the end: at its defaults, or as somebody tunes it by hand.

BENCH_TUNE is a JSON object: `batch_size`, `dtype`, `backend`. The texts are sorted by length before, where it is set
(encode sorts by characters itself, within all that it is given).
"""

import json
import os

import rows


def load(tune):
    """Return the model."""
    from sentence_transformers import SentenceTransformer

    how = {}
    if tune.get("dtype"):
        import torch

        how["model_kwargs"] = {"dtype": getattr(torch, tune["dtype"])}
    if tune.get("backend"):
        # Exported once, as its documents say; the file of weights is kept next to the model.
        path = tune["model"]
        return SentenceTransformer(path, backend=tune["backend"], device="cpu", local_files_only=True)
    return SentenceTransformer(rows.MODEL, device="cpu", **how)


def run(store, path):
    """Embed all, then write."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    tune = json.loads(os.environ.get("BENCH_TUNE") or "{}")
    model = load(tune)
    net = rows.Net()
    read = rows.read(path)
    texts = [row["text"] for row in read]
    how = {"batch_size": tune["batch_size"]} if "batch_size" in tune else {}
    if tune.get("sorted"):
        order = sorted(range(len(texts)), key=lambda i: len(model.tokenizer(texts[i])["input_ids"]))
        made = model.encode([texts[i] for i in order], **how)
        vectors = made.copy()
        vectors[order] = made
    else:
        vectors = model.encode(texts, **how)
    vectors = vectors.astype("float32")
    flat = pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), vectors.shape[1])
    table = pa.table({"id": [row["id"] for row in read], "text": texts, "vector": flat})
    pq.write_table(table, store / "out.parquet")
    net.show()


rows.answer(run, rows.parquet_count, rows.parquet_vector)
