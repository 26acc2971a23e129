"""Topics of a map: ours, EVoC, and UMAP + fast_hdbscan, on the same vectors: quality, names, time and memory.

    python bench/topics.py --db DIR [--rows 25000] [--seeds 0 0 1 2] [--peers DIR] [--field NAME] [--out FILE.jsonl]

Each way clusters in a process of its own, which counts CPU seconds and memory, after a first run on 5,000 vectors, in
which numba compiles what its cache does not hold. The ways get the vectors in memory; ours reads them in blocks.
Three levels of topics are measured: as many as a map page has, and of a library's layers those whose numbers of
topics are nearest to these. Names are measured with the first seed. With `--rows` whole articles are drawn until
there are so many passages. A seed given twice shows whether it gives the same topics again. With `--field` the topics
are compared with the values of that column too.

The libraries are no dependencies of vecindex. They need nothing that umap-learn does not bring:

    pip install --no-deps --target DIR evoc==0.3.2 fast_hdbscan==0.3.4
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.machinery import PathFinder
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

import topics_measures as measures
from machine import machine

Labels = measures.Labels
PEERS = {"evoc": "0.3.2", "fast_hdbscan": "0.3.4"}
WAYS = ("vecindex", "evoc", "evoc, no noise", "umap + fast_hdbscan")
WARM_UP = 5_000
BLOCK = 16_384


# ---------------------------------------------------------------------------------------- what is measured


def vecindex_layers(vectors: measures.Vectors, seed: int, numbers: Sequence[int]) -> list[Labels]:
    """Return the topics of a map page, coarse ones first: what TopicFinder does until it gives them names."""
    from vecindex.verbs.picture.topics import TopicFinder, _levels

    n = len(vectors)
    position = np.random.default_rng(0).permutation(n)
    finder = TopicFinder(position, n, vectors.shape[1], numbers, seed)
    blocks = [(np.arange(at, min(n, at + BLOCK)), vectors[at : at + BLOCK]) for at in range(0, n, BLOCK)]
    for rows, block in blocks:
        finder.sample(rows, block)
    finder.fit()
    for rows, block in blocks:
        finder.assign(rows, block)
    there, cluster = np.unique(finder.cluster, return_inverse=True)
    sizes = np.bincount(cluster).astype(np.float64)
    centers = finder._centers[there].astype(np.float64)
    levels = _levels(centers, finder._adjacent[np.ix_(there, there)], sizes, numbers)
    return [level[cluster][position] for level in levels]


def evoc_layers(vectors: measures.Vectors, seed: int, numbers: Sequence[int], **options: Any) -> list[Labels]:
    """Return the layers that EVoC finds."""
    import evoc

    return list(evoc.EVoC(random_state=seed, **options).fit(vectors).cluster_layers_)


def hdbscan_layers(vectors: measures.Vectors, seed: int, numbers: Sequence[int]) -> list[Labels]:
    """Return the layers that PLSCAN of fast_hdbscan finds in five dimensions of UMAP."""
    import fast_hdbscan
    import umap

    reduced = umap.UMAP(n_components=5, n_neighbors=15, min_dist=0.0, metric="cosine", random_state=seed)
    few = reduced.fit_transform(vectors)
    found = fast_hdbscan.PLSCAN(base_n_clusters=numbers[-1], reproducible=True).fit(few)
    return list(found.cluster_layers_)


def layers(way: str, vectors: measures.Vectors, seed: int, numbers: Sequence[int]) -> list[Labels]:
    """Return the layers of topics that a way finds in unit vectors."""
    match way:
        case "vecindex":
            return vecindex_layers(vectors, seed, numbers)
        case "evoc":
            return evoc_layers(vectors, seed, numbers)
        case "evoc, no noise":
            return evoc_layers(vectors, seed, numbers, base_n_clusters=numbers[-1], noise_level=0.0)
        case _:
            return hdbscan_layers(vectors, seed, numbers)


def cpu_s() -> float:
    """Return the CPU seconds of this process so far."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def memory_mb(name: str) -> float:
    """Return this process's resident memory in MB: "VmRSS" now, "VmHWM" the peak since the last reset."""
    line = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(name))
    return int(line.split()[1]) / 1000


def reset_peak() -> None:
    """Let the peak begin at what is resident now; a process inherits that of the one that started it."""
    Path("/proc/self/clear_refs").write_text("5")


def run_one(way: str, file: Path, seed: int, numbers: Sequence[int], labels: Path) -> dict[str, Any]:
    """Cluster in this process, and keep of the layers those that are nearest to the numbers."""
    vectors = np.load(file)
    begun = cpu_s()
    layers(way, vectors[:WARM_UP], seed, numbers)
    warm_up, before = cpu_s() - begun, memory_mb("VmRSS")
    reset_peak()
    used, clock = cpu_s(), time.perf_counter()
    found = layers(way, vectors, seed, numbers)
    row: dict[str, Any] = {
        "cluster_s": round(time.perf_counter() - clock, 1),
        "cluster_cpu_s": round(cpu_s() - used, 1),
        "warm_up_cpu_s": round(warm_up, 1),
        "vectors_mb": round(vectors.nbytes / 1e6),
        "before_mb": round(before),
        "peak_mb": round(memory_mb("VmHWM")),
        "layers": [int(layer.max()) + 1 for layer in found],
    }
    usable = [layer for layer in found if layer.max() > 0]
    gap = [[abs(np.log((layer.max() + 1) / wanted)) for layer in usable] for wanted in numbers]
    np.save(labels, np.stack([usable[int(np.argmin(one))].astype(np.int64) for one in gap]))
    return row


# ---------------------------------------------------------------------------------------- what it is measured on


@dataclass(frozen=True, slots=True)
class Corpus:
    """Passages with their unit vectors (n, d)."""

    vectors: measures.Vectors
    titles: list[str]
    texts: list[str]
    known: list[str] | None


def read(db: str, rows: int | None, field: str | None) -> Corpus:
    """Return the passages of a table; with `rows` those of randomly drawn titles, so many in all."""
    from vecindex.store.articles import as_matrix
    from vecindex.store.database import Database

    table = Database(Path(db)).articles("articles")
    titles: list[str] = []
    texts: list[str] = []
    known: list[str] = []
    parts = []
    for batch in table.scan(["title", "text", "vector", *([field] if field else [])]):
        titles += [title or "" for title in batch.column("title").to_pylist()]
        texts += batch.column("text").to_pylist()
        known += [str(value) for value in batch.column(field).to_pylist()] if field else []
        parts.append(as_matrix(batch.column("vector"), table.fingerprint.dimension))
    vectors = np.concatenate(parts)
    if rows is not None and rows < len(titles):
        names, of = np.unique(titles, return_inverse=True)
        order = np.random.default_rng(0).permutation(len(names))
        chosen = np.sort(np.argsort(order[of], kind="stable")[:rows])
        vectors = vectors[chosen]
        titles, texts, known = ([column[i] for i in chosen] if column else [] for column in (titles, texts, known))
    return Corpus(vectors, titles, texts, known if field else None)


class Judge:
    """Measures levels of topics on one corpus."""

    def __init__(self, corpus: Corpus) -> None:
        """Prepare what all ways are compared with."""
        self.corpus = corpus
        self.pairs = measures.article_pairs(corpus.titles)
        self.kinds = measures.title_kinds(corpus.titles)
        self.rows, self.near = measures.sampled_neighbors(corpus.vectors)
        self.reference = measures.Reference(corpus.titles, corpus.texts)

    def clusters(self, labels: Labels) -> dict[str, Any]:
        """Return what a level is worth, without its names."""
        corpus = self.corpus
        sizes = np.bincount(labels[labels >= 0])
        found: dict[str, Any] = {
            "topics": len(sizes),
            "noise": float((labels < 0).mean()),
            "largest": float(sizes.max() / len(labels)),
            "neighbors_kept": measures.neighbors_kept(labels, self.rows, self.near),
            "silhouette": measures.silhouette(corpus.vectors, labels),
        }
        if len(self.pairs):
            found["same_article"] = measures.rounded(measures.together(labels, self.pairs))
        if len(set(self.kinds)) > 2:
            found["title_kind"] = measures.rounded(measures.known_topics(labels, self.kinds))
        if corpus.known:
            found["field"] = measures.rounded(measures.known_topics(labels, corpus.known))
        return measures.rounded(found)

    def names(self, labels: Labels) -> dict[str, Any]:
        """Return what names of the topics are worth, by our way of naming and by class TF-IDF."""
        found: dict[str, Any] = {}
        for key, name in (("our_names", measures.our_names), ("ctfidf_names", measures.ctfidf_names)):
            used = cpu_s()
            names = name(self.corpus.titles, self.corpus.texts, labels)
            took = {"cpu_s": round(cpu_s() - used, 1)}
            found[key] = {**measures.rounded(self.reference.measure(names, labels)), **took, "examples": names[:6]}
        return found

    def level(self, wanted: int, labels: Labels, names: bool) -> dict[str, Any]:
        """Return all of it; where there is noise, also what the level is worth once each passage has a topic."""
        found = {"wanted": wanted, **self.clusters(labels), **(self.names(labels) if names else {})}
        if (labels < 0).any():
            found["all_assigned"] = self.clusters(measures.assigned(self.corpus.vectors, labels))
        return found


def environment(peers: Path | None, ways: Sequence[str]) -> dict[str, str]:
    """Return the environment of the measured processes; ends the program where a library is missing."""
    paths = [*([str(peers.resolve())] if peers else []), *sys.path[1:]]
    found = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    missing = [name for name in PEERS if PathFinder.find_spec(name, paths) is None]
    if missing and list(ways) != ["vecindex"]:
        wanted = " ".join(f"{name}=={PEERS[name]}" for name in missing)
        raise SystemExit(
            f"{' and '.join(missing)} cannot be imported. Install for this benchmark alone, and name the folder:\n"
            f"  pip install --no-deps --target DIR {wanted}\n  ... --peers DIR\n"
            "Or measure our topics only: --ways vecindex"
        )
    return found


def installed_kb(peers: Path | None) -> dict[str, int]:
    """Return the size of each library's sources in kB."""
    if peers is None:
        return {}
    return {name: sum(file.stat().st_size for file in (peers / name).rglob("*.py")) // 1000 for name in PEERS}


def stability(taken: list[tuple[int, Labels]]) -> list[float] | None:
    """Return for each level the adjusted mutual information between the topics of different seeds, their mean."""
    by_seed = dict(taken)
    pairs = list(combinations(by_seed.values(), 2))
    if not pairs:
        return None
    ami = measures.adjusted_mutual_info_score
    return [round(float(np.mean([ami(a[i], b[i]) for a, b in pairs])), 4) for i in range(len(pairs[0][0]))]


def main() -> None:
    """Measure, or be one of the measured processes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--db", required=True)
    parser.add_argument("--rows", type=int)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 0, 1, 2])
    parser.add_argument(
        "--numbers", type=int, nargs="+", help="of topics, coarse first [default: those of a map page]"
    )
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=WAYS)
    parser.add_argument("--peers", type=Path, help="folder that holds evoc and fast_hdbscan")
    parser.add_argument("--field", help="column with a known topic of each article")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "topics.jsonl")
    for hidden in ("--way", "--vectors", "--labels"):
        parser.add_argument(hidden, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.way:
        found = run_one(args.way, Path(args.vectors), args.seeds[0], args.numbers, Path(args.labels))
        print(json.dumps(found))
        return
    from vecindex.verbs.picture.topics import topic_numbers

    child = environment(args.peers, args.ways)
    corpus = read(args.db, args.rows, args.field)
    numbers = tuple(args.numbers or topic_numbers(len(corpus.titles)))
    judge = Judge(corpus)
    about = {"bench": "topics", "passages": len(corpus.titles), "articles": len(set(corpus.titles))}
    head = {**about, "numbers": numbers, "peers": PEERS, "peers_kb": installed_kb(args.peers), **machine()}
    taken: dict[str, list[tuple[int, Labels]]] = {way: [] for way in args.ways}

    def put(row: dict[str, Any]) -> None:
        with args.out.open("a") as stream:
            stream.write(json.dumps(row) + "\n")
        print(json.dumps(row), flush=True)

    put(head)
    with tempfile.TemporaryDirectory() as folder:
        vectors, kept = Path(folder) / "vectors.npy", Path(folder) / "labels.npy"
        np.save(vectors, corpus.vectors)
        for seed in args.seeds:
            for way in args.ways:
                command = [sys.executable, __file__, "--db", args.db, "--way", way, "--seeds", str(seed)]
                command += ["--vectors", str(vectors), "--labels", str(kept), "--numbers", *map(str, numbers)]
                load = round(os.getloadavg()[0], 1)
                done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=child)
                row = {**about, "way": way, "seed": seed, "load": load, **json.loads(done.stdout.splitlines()[-1])}
                found = np.load(kept)
                again = [bool((found == before).all()) for one, before in taken[way] if one == seed]
                taken[way].append((seed, found))
                if again:
                    put({**row, "same_as_before": again[0]})
                    continue
                # Names take longest to measure, and differ less from seed to seed than the topics do.
                names = seed == args.seeds[0]
                levels = zip(numbers, found, strict=True)
                put({**row, "levels": [judge.level(wanted, labels, names) for wanted, labels in levels]})
    for way, runs in taken.items():
        if (agreed := stability(runs)) is not None:
            put({**about, "way": way, "stability_ami": agreed})


if __name__ == "__main__":
    main()
