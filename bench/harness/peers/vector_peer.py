"""Searches by vectors: `python vector_peer.py WAY FOLDER STORE`.

FOLDER has vectors.npy and queries.npy. It prints what loading and building took, then answers each line of standard
input, the number of a query, with the rows of the ten nearest.
"""

import json
import os
import sys
import time
from pathlib import Path

import numpy as np

K = 10
EFS = (16, 24, 32, 48, 64, 96, 128, 192, 256)
RECALL = 0.95
way, folder, store = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
threads = int(os.environ.get("OMP_NUM_THREADS", "0"))
begun = time.process_time()
queries = np.load(folder / "queries.npy")


def flat():
    """FAISS, exact."""
    import faiss

    vectors = np.load(folder / "vectors.npy")
    index = faiss.IndexFlatIP(vectors.shape[1])
    index.add(vectors)
    return lambda i: index.search(queries[i : i + 1], K)[1][0].tolist()


def product():
    """One product of a matrix and a vector in numpy, and a partial sort."""
    vectors = np.load(folder / "vectors.npy")

    def ask(i):
        near = vectors @ queries[i]
        found = np.argpartition(-near, K)[:K]
        return found[np.argsort(-near[found], kind="stable")].tolist()

    return ask


def by_lancedb():
    """LanceDB without an index; the table has the vectors and the row numbers."""
    import lancedb
    import pyarrow as pa

    db = lancedb.connect(str(store))
    if "vectors" not in db.list_tables().tables:
        vectors = np.load(folder / "vectors.npy")
        column = pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), vectors.shape[1])
        db.create_table("vectors", pa.table({"row": np.arange(len(vectors)), "vector": column}))
    table = db.open_table("vectors")

    def ask(i):
        found = table.search(queries[i]).distance_type("cosine").select(["row", "_distance"]).limit(K)
        return found.to_arrow()["row"].to_pylist()

    return ask


def by_vecindex():
    """The product's own search from Python, of an index that stays open."""
    import vecindex

    index = vecindex.open(store)
    order = {key: row for row, key in enumerate(json.loads((folder / "ids.json").read_text()))}
    return lambda i: [order[hit.id] for hit in index.search(vector=queries[i], k=K, text="none").hits]


def graph(search):
    """Return a search by a graph, at the least width that finds enough."""
    right = np.load(folder / "right.npy")
    for ef in EFS:
        kept = [len(set(search(i, ef)) & set(right[i].tolist())) / K for i in range(len(queries))]
        if np.mean(kept) >= RECALL:
            break
    return lambda i: search(i, ef)


def by_faiss_hnsw():
    """FAISS, HNSW: 16 neighbors, width 40 while it is made."""
    import faiss

    vectors = np.load(folder / "vectors.npy")
    index = faiss.IndexHNSWFlat(vectors.shape[1], 16, faiss.METRIC_INNER_PRODUCT)
    index.hnsw.efConstruction = 40
    index.add(vectors)

    def search(i, ef):
        index.hnsw.efSearch = ef
        return index.search(queries[i : i + 1], K)[1][0].tolist()

    return graph(search)


def by_usearch():
    """usearch, HNSW with the same settings."""
    from usearch.index import Index

    vectors = np.load(folder / "vectors.npy")
    index = Index(ndim=vectors.shape[1], metric="ip", dtype="f32", connectivity=16, expansion_add=40)
    index.add(np.arange(len(vectors)), vectors, threads=threads)

    def search(i, ef):
        index.expansion_search = ef
        return [int(key) for key in index.search(queries[i], K, threads=1).keys]

    return graph(search)


ask = {
    "vecindex": by_vecindex,
    "FAISS, flat": flat,
    "numpy, one product": product,
    "LanceDB": by_lancedb,
    "FAISS, HNSW": by_faiss_hnsw,
    "usearch, HNSW": by_usearch,
}[way]()
print(json.dumps({"build_cpu_s": time.process_time() - begun}), flush=True)
for line in sys.stdin:
    cpu, wall = time.process_time(), time.perf_counter()
    found = ask(int(line))
    print(
        json.dumps({"rows": found, "cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall}), flush=True
    )
