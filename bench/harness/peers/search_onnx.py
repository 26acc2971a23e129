"""The quickest script that a user would write: ONNX Runtime, tokenizers, and one product in numpy.

The model is exported by optimum before (BENCH_ONNX names the folder). It leaves sentence-transformers out, so the
script pools and normalizes itself.
"""

import json
import os
from pathlib import Path

import asked


def build(store, folder):
    """Write vectors and rows."""
    import numpy as np

    read, vectors = asked.data(folder)
    np.save(store / "vectors.npy", vectors)
    (store / "rows.json").write_text(json.dumps(read))


def opened(store):
    """Load all of it."""
    import numpy as np
    import onnxruntime
    from tokenizers import Tokenizer

    folder = Path(os.environ["BENCH_ONNX"])
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(256)
    how = onnxruntime.SessionOptions()
    how.intra_op_num_threads = int(os.environ.get("OMP_NUM_THREADS", "0"))
    session = onnxruntime.InferenceSession(str(folder / "onnx" / "model.onnx"), how)
    vectors = np.load(store / "vectors.npy")
    read = json.loads((store / "rows.json").read_text())

    def ask(question):
        tokens = tokenizer.encode(question)
        given = {"input_ids": tokens.ids, "attention_mask": tokens.attention_mask, "token_type_ids": tokens.type_ids}
        states = session.run(None, {name: np.array([ids], dtype=np.int64) for name, ids in given.items()})[0]
        vector = states[0].mean(axis=0)
        near = np.argsort(-(vectors @ vector), kind="stable")[: asked.K]
        return [read[i]["id"] for i in near]

    return ask


asked.answer(build, opened)
