"""`llm similar`: the vectors in SQLite, compared one by one in Python."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import asked

MODEL = "sentence-transformers/all-MiniLM-L6-v2"


def build(store, folder):
    """Insert what `llm embed-multi --store` would have inserted."""
    import llm
    import sqlite_utils

    read, vectors = asked.data(folder)
    db = sqlite_utils.Database(store / "embeddings.db")
    os.environ["LLM_USER_PATH"] = str(store)
    collection = llm.Collection("articles", db, model_id=MODEL, create=True)
    db["embeddings"].insert_all(
        {
            "collection_id": collection.id,
            "id": row["id"],
            "embedding": llm.encode(vector.tolist()),
            "content": row["text"],
            "content_blob": None,
            "content_hash": collection.content_hash(row["text"]),
            "metadata": None,
            "updated": int(time.time()),
        }
        for row, vector in zip(read, vectors, strict=True)
    )


def opened(store):
    """Ask the command; warm, its Python interface."""
    if sys.argv[1] == "ask":
        return lambda question: command(store, question)
    os.environ["LLM_USER_PATH"] = str(store)
    import llm
    import sqlite_utils

    collection = llm.Collection("articles", sqlite_utils.Database(store / "embeddings.db"), create=False)
    return lambda question: [entry.id for entry in collection.similar(question, asked.K)]


def command(store, question):
    """Return what `llm similar` prints."""
    env = {**os.environ, "LLM_USER_PATH": str(store)}
    words = ["similar", "articles", "-c", question, "-n", str(asked.K), "-d", str(store / "embeddings.db")]
    done = subprocess.run([Path(sys.executable).parent / "llm", *words], env=env, capture_output=True, check=True)
    return [json.loads(line)["id"] for line in done.stdout.splitlines()]


asked.answer(build, opened)
