"""The texts and vectors that cases run on, and the model that all tools load by its name.

    python -m harness.corpus FOLDER ROWS [--corpus FILE.parquet] [--vectors FILE.npy]

The corpus is a Parquet file with the columns id, title, section and text, and a file of its vectors, if there is one.
Without it the sample's articles are repeated, each with its number, and their vectors are random: for a run that only
tries the harness.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
MODEL = "sentence-transformers/all-MiniLM-L6-v2"


@dataclass(frozen=True, slots=True)
class Corpus:
    """Where the texts are; `vectors` may be missing."""

    texts: Path | None
    vectors: Path | None
    questions: Path

    @property
    def name(self) -> str:
        """Return what rows call it."""
        return self.texts.name if self.texts else "the sample, repeated"


def found(shared: Path | None) -> Corpus:
    """Return the corpus of a folder that holds `data/`, or the sample."""
    data = (shared or Path(os.environ.get("VECINDEX_SHARED") or ROOT.parent / "shared")) / "data"
    texts, vectors = data / "wikipedia-250k.parquet", data / "wikipedia-250k.minilm-l6.int8.npy"
    asked = data / "general.jsonl"
    if texts.exists():
        return Corpus(texts, vectors if vectors.exists() else None, asked)
    return Corpus(None, None, ROOT / "examples" / "questions-cell-biology.jsonl")


def questions(corpus: Corpus, count: int) -> list[str]:
    """Return the first questions."""
    lines = corpus.questions.read_text(encoding="utf-8").splitlines()
    return [json.loads(line)["question"] for line in lines[:count]]


def sha256(path: Path) -> str:
    """Return the first half of a file's digest."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:32]


def write(corpus: Corpus, rows: int, folder: Path) -> dict[str, Any]:
    """Write `articles.jsonl` and `vectors.npy` of rows that are spread evenly; return what rows say of the data."""
    import numpy as np

    folder.mkdir(parents=True, exist_ok=True)
    if corpus.texts:
        import pyarrow.parquet as pq

        table = pq.read_table(corpus.texts, columns=["id", "title", "section", "text"])
        at = np.linspace(0, table.num_rows - 1, rows).astype(int)
        lines = [
            {"id": str(row["id"]), "text": f"{row['title']}: {row['section']}\n{row['text']}"}
            for row in table.take(at).to_pylist()
        ]
    else:
        read = [
            json.loads(line)
            for path in sorted((ROOT / "examples").glob("articles-*.jsonl"))
            for line in path.read_text(encoding="utf-8").splitlines()
        ]
        lines = [{"id": f"{i:07d}", "text": f"{read[i % len(read)]['text']} ({i // len(read)})"} for i in range(rows)]
        at = np.arange(rows)
    if corpus.vectors:
        vectors = np.load(corpus.vectors, mmap_mode="r")[at].astype(np.float32)
    else:
        vectors = np.random.default_rng(0).standard_normal((rows, 384)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    articles = folder / "articles.jsonl"
    articles.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    np.save(folder / "vectors.npy", vectors)
    changed = [dict(line) for line in lines]
    middle = changed[rows // 2]
    middle["text"] = f"{middle['text'][:200]} This sentence has changed."
    (folder / "changed.jsonl").write_text("".join(json.dumps(line) + "\n" for line in changed), encoding="utf-8")
    said = {"name": corpus.name, "rows": rows, "sha256": sha256(articles), "changed": middle["id"]}
    (folder / "data.json").write_text(json.dumps(said))
    return said


def hub(folder: Path) -> Path:
    """Lay the installed model out as the hub's cache, where other tools find it by its name; return the cache."""
    from vecindex.embed.models import find_model

    source = Path(find_model(MODEL).folder)
    commit = sha256(source / "model.safetensors") + "0" * 8
    model = folder / f"models--{MODEL.replace('/', '--')}"
    snapshot = model / "snapshots" / commit
    if not snapshot.exists():
        for path in sorted(source.rglob("*")):
            if path.is_file():
                to = snapshot / path.relative_to(source)
                to.parent.mkdir(parents=True, exist_ok=True)
                to.symlink_to(path.resolve())
        (model / "refs").mkdir(parents=True, exist_ok=True)
        (model / "refs" / "main").write_text(commit)
    return folder


def main() -> None:
    """Write, in a process of its own, whose memory the measured ones do not begin with."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("rows", type=int)
    parser.add_argument("--shared", type=Path)
    parser.add_argument("--hub", type=Path)
    args = parser.parse_args()
    if args.hub:
        hub(args.hub)
    write(found(args.shared), args.rows, args.folder)


if __name__ == "__main__":
    main()
