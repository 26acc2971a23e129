"""Rankings of a public collection, or of a large table: measures, seconds, memory; and the same measures made apart.

    python bench/evaluate.py collection FOLDER [--model NAME ...] [--train-reranker]
    python bench/evaluate.py large DB --questions FILE
    python bench/evaluate.py models SOURCE --questions FILE --qrels FILE --model A B --into DB

"collection" ingests the corpus of a folder as BEIR has it, once for each model, evaluates all rankers, and writes a
row for each. Measures are computed again by ir-measures from what `search` returns, read from a file of a run and a
file of qrels as it reads them, and the largest difference is in the row.

With --train-reranker a cross-encoder is made of the first model's encoder: a new head, trained for one pass over 600
pairs of half of the questions. The hits of the other half are reranked. It shows the way; it is no published model.
"large" ranks the questions of a file on a table that is there. Judged is each question's nearest article, so only
its seconds and memory mean something.
"models" runs `bench-models` over a sample of a source, and `compare` on the tables that it made. Stopped, it goes on;
the row has what this run embedded. The question that differs most is written with the hits of both, to be read.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import ir_measures
import numpy as np
from ir_measures import AP, RR, R, nDCG

import vecindex
from machine import machine
from vecindex.verbs.evaluate.paired import difference

RESULTS = Path(__file__).parent / "results" / "evaluate.jsonl"
MEASURES = {nDCG @ 10: "ndcg@10", R @ 10: "recall@10", R @ 100: "recall@100", RR @ 10: "mrr@10", AP: "map"}
MOST_PAIRS, DEPTH = 600, 20
RANKERS = "meaning,words,hybrid,meaning+diverse"


def write(row: dict[str, Any]) -> None:
    """Append a row, and print it."""
    with RESULTS.open("a", encoding="utf-8") as file:
        file.write(json.dumps(row) + "\n")
    print(json.dumps(row))


def peak_mb() -> int:
    """Return the peak memory of this process in MB."""
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3)


def figures(found: Any) -> dict[str, list[float]]:
    """Return mean, low and high of each measure of a ranker."""
    return {name: [round(v, 4) for v in (of.mean, of.low, of.high)] for name, of in found.measures.items()}


def apart(index: Any, folder: Path, result: Any) -> dict[str, float]:
    """Return for each ranker the largest difference to what ir-measures makes of files with what `search` returns."""
    differences = {}
    qrels = folder / "qrels" / "test.tsv"
    grades = [
        ir_measures.Qrel(q, d, int(g))
        for q, d, g in (line.split("\t") for line in qrels.read_text().splitlines()[1:])
    ]
    how: dict[str, dict[str, Any]] = {"meaning": {}, "words": {"words": True}, "hybrid": {"hybrid": True}}
    for name, more in how.items():
        answers = index.search(file=folder / "queries.jsonl", k=100, text="none", **more).answers
        with tempfile.NamedTemporaryFile("w", suffix=".run") as file:
            for answer in answers:
                for hit in answer.hits:
                    file.write(f"{answer.id} Q0 {hit.id} {hit.rank} {1000 - hit.rank} x\n")
            file.flush()
            theirs = ir_measures.calc_aggregate(list(MEASURES), grades, list(ir_measures.read_trec_run(file.name)))
        mine = result.ranker(name).measures
        differences[name] = max(abs(theirs[measure] - mine[key].mean) for measure, key in MEASURES.items())
    return differences


def collection(folder: Path, models: list[str], with_reranker: bool) -> None:
    """Measure all rankers on a collection, under each model."""
    with tempfile.TemporaryDirectory() as scratch:
        for number, model in enumerate(models):
            index = vecindex.open(Path(scratch) / "db", f"m{number}")
            began, cpu = time.perf_counter(), time.process_time()
            report = index.ingest(folder, model=model)
            ingested = {"wall_s": time.perf_counter() - began, "cpu_s": time.process_time() - cpu}
            result = index.evaluate(folder, rankers=RANKERS)
            cpu = time.process_time()
            result = index.evaluate(folder, rankers=RANKERS)
            cpu = time.process_time() - cpu
            differences = apart(index, folder, result)
            for found in result.rankers:
                write(
                    {
                        "row": "ranker",
                        "collection": folder.name,
                        "model": model,
                        "ranker": found.name,
                        "questions": result.questions,
                        "articles": result.articles,
                        "judgments": result.judged_by.judgments,
                        **figures(found),
                        "rank_s": round(found.seconds, 3),
                        "apart_max_difference": differences.get(found.name),
                    }
                )
            write(
                {
                    "row": "run",
                    "model": model,
                    "rankers": RANKERS,
                    "ingest_wall_s": round(ingested["wall_s"], 1),
                    "ingest_cpu_s": round(ingested["cpu_s"], 1),
                    "added": report.added,
                    "rejected": report.rejected,
                    "evaluate_cpu_s": round(cpu, 2),
                    "peak_mb": peak_mb(),
                }
            )
        if len(models) > 1:
            compared = vecindex.open(Path(scratch) / "db").compare("m0", "m1", questions=folder)
            write({"row": "compare", "models": models[:2], "verdict": compared.verdict})
        if with_reranker:
            reranked(vecindex.open(Path(scratch) / "db", "m0"), folder, Path(scratch), models[0])


def reranked(index: Any, folder: Path, scratch: Path, model: str) -> None:
    """Train a cross-encoder on half of the questions, and rerank the hits of the other half."""
    from vecindex.embed.models import find_model

    questions = [json.loads(line) for line in (folder / "queries.jsonl").open(encoding="utf-8")]
    grades: dict[str, dict[str, int]] = {}
    for line in (folder / "qrels" / "test.tsv").read_text().splitlines()[1:]:
        question, article, grade = line.split("\t")
        grades.setdefault(question, {})[article] = int(grade)
    order = random.Random(0).sample(range(len(questions)), len(questions))
    learn, test = ([questions[i] for i in order[part::2]] for part in (0, 1))
    texts = {row["_id"]: f"{row['text']}" for row in map(json.loads, (folder / "corpus.jsonl").open())}
    began = time.process_time()
    name, pairs = train(learn, grades, texts, index, find_model(model).folder, scratch / "reranker")
    trained_s = time.process_time() - began
    asked = [{"id": q["_id"], "text": q["text"]} for q in test]
    began = time.process_time()
    found = index.evaluate(asked, qrels=grades, rankers="meaning", rerank=str(name), rerank_depth=DEPTH)
    evaluate_cpu_s = round(time.process_time() - began, 1)
    for one in found.rankers:
        write(
            {
                "row": "reranker",
                "ranker": one.name,
                "questions": found.questions,
                "trained_on_pairs": pairs,
                "train_cpu_s": round(trained_s, 1),
                "rerank_depth": DEPTH,
                **figures(one),
                "rank_s": round(one.seconds, 2),
                "evaluate_cpu_s": evaluate_cpu_s,
            }
        )
    without, reranked = (
        np.array([item.rankers[one.name].measures["ndcg@10"] for item in found.items]) for one in found.rankers
    )
    change = asdict(difference(without, reranked, 0))
    del change["p_adjusted"]  # one comparison alone
    write({"row": "reranker difference", "measure": "ndcg@10", **change})


def train(
    learn: list[dict[str, str]],
    grades: dict[str, dict[str, int]],
    texts: dict[str, str],
    index: Any,
    encoder: Path,
    folder: Path,
) -> tuple[Path, int]:
    """Save a cross-encoder: a sentence encoder's transformer with a new head, trained for one pass over the pairs.

    A pair is a question with a relevant article (1), or with one of its near ones that is not relevant (0).
    """
    import torch
    from sentence_transformers import CrossEncoder
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    torch.manual_seed(0)
    rng = random.Random(0)
    plain = folder / "plain"
    AutoModelForSequenceClassification.from_pretrained(str(encoder), num_labels=1).save_pretrained(str(plain))
    AutoTokenizer.from_pretrained(str(encoder)).save_pretrained(str(plain))
    cross = CrossEncoder(str(plain), device="cpu", max_length=128)
    near = index.search([q["text"] for q in learn], k=30, text="none").answers
    pairs: list[tuple[str, str, float]] = []
    for question, answer in zip(learn, near, strict=True):
        judged = grades.get(question["_id"], {})
        right = [key for key, grade in judged.items() if grade > 0 and key in texts]
        wrong = [hit.id for hit in answer.hits if judged.get(hit.id, 0) < 1]
        pairs += [(question["text"], texts[key], 1.0) for key in right]
        pairs += [(question["text"], texts[key], 0.0) for key in rng.sample(wrong, min(len(wrong), len(right)))]
    rng.shuffle(pairs)
    pairs = pairs[:MOST_PAIRS]
    optimizer = torch.optim.AdamW(cross.model.parameters(), lr=5e-5)
    cross.model.train()
    for at in range(0, len(pairs), 16):
        some = pairs[at : at + 16]
        tokens = cross.tokenizer(
            [a for a, _, _ in some],
            [b for _, b, _ in some],
            padding=True,
            truncation=True,
            max_length=128,
            return_tensors="pt",
        )
        wanted = torch.tensor([w for _, _, w in some])
        loss = torch.nn.functional.binary_cross_entropy_with_logits(cross.model(**tokens).logits[:, 0], wanted)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    cross.model.eval()
    cross.save_pretrained(str(folder / "trained"))
    return folder / "trained", len(pairs)


def large(db: Path, table: str, questions: Path) -> None:
    """Rank the questions of a file on a large table."""
    index = vecindex.open(db, table)
    asked = [json.loads(line) for line in questions.open(encoding="utf-8")]
    asked = [{"id": str(i), "text": q.get("question") or q["text"]} for i, q in enumerate(asked)]
    nearest = index.search([q["text"] for q in asked], k=1, text="none").answers
    qrels = {q["id"]: {answer.hits[0].id: 1} for q, answer in zip(asked, nearest, strict=True)}
    for rankers in ("meaning", "words", "meaning,words,hybrid"):
        began, cpu = time.perf_counter(), time.process_time()
        try:
            result = index.evaluate(asked, qrels=qrels, rankers=rankers)
        except vecindex.VecindexError as error:
            print(error)
            continue
        write(
            {
                "row": "large",
                "rankers": rankers,
                "questions": result.questions,
                "articles": result.articles,
                "rank_s": {one.name: round(one.seconds, 1) for one in result.rankers},
                "wall_s": round(time.perf_counter() - began, 1),
                "cpu_s": round(time.process_time() - cpu, 1),
                "peak_mb": peak_mb(),
                "mrr@10": round(float(np.mean([one.measures["mrr@10"].mean for one in result.rankers])), 4),
            }
        )


def models(source: Path, questions: Path, qrels: Path, names: list[str], into: Path, sample: int) -> None:
    """Compare models over a sample of a source."""
    index = vecindex.open(into)
    began, cpu = time.perf_counter(), time.process_time()
    asked: dict[str, Any] = {"questions": questions, "qrels": qrels}
    result = index.bench_models(source, models=names, sample=sample, **asked)
    spent = {"wall_s": round(time.perf_counter() - began, 1), "cpu_s": round(time.process_time() - cpu, 1)}
    found = index.compare(*(one.table for one in result.models), **asked)
    (pair,) = found.pairs
    write(
        {
            "row": "models",
            "questions": found.questions,
            "judgments": found.judged_by.judgments,
            "relevant": found.judged_by.relevant,
            "sample": asdict(result.sample),
            "tables": {
                one.model: {
                    **{name: [round(v, 4) for v in (of.mean, of.low, of.high)] for name, of in one.measures.items()},
                    "truncated_frac": round(one.truncated_frac, 4),
                    "dimension": one.dimension,
                    "texts_per_s": one.texts_per_s,
                    "live_mb": round((one.live_bytes or 0) / 1e6, 1),
                }
                for one in found.tables
            },
            "differences": {
                name: {key: value for key, value in asdict(of).items() if value == value}
                for name, of in pair.differences.items()
            },
            "overlap@10": round(pair.overlap.mean, 4),
            "rbo": round(pair.rbo.mean, 4),
            "verdict": found.verdict,
            "recommended": result.recommended,
            "reasons": [str(reason) for reason in result.reasons],
            "embedded": {one.name: one.embedded for one in result.models},
            **spent,
            "peak_mb": peak_mb(),
        }
    )
    worst = found.items[0]
    write(
        {
            "row": "question that differs most",
            "id": worst.id,
            "question": worst.text,
            "differences": worst.differences,
            "hits": {name: [[hit.rank, hit.id, hit.grade] for hit in of.hits] for name, of in worst.tables.items()},
        }
    )


def main() -> None:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    commands = parser.add_subparsers(dest="command", required=True)
    one = commands.add_parser("collection")
    one.add_argument("folder", type=Path)
    one.add_argument("--model", nargs="+", default=["sentence-transformers/all-MiniLM-L6-v2"])
    one.add_argument("--train-reranker", action="store_true")
    two = commands.add_parser("large")
    two.add_argument("db", type=Path)
    two.add_argument("--table", default="articles")
    two.add_argument("--questions", type=Path, required=True)
    three = commands.add_parser("models")
    three.add_argument("source", type=Path)
    three.add_argument("--questions", type=Path, required=True)
    three.add_argument("--qrels", type=Path, required=True)
    three.add_argument("--model", nargs=2, required=True)
    three.add_argument("--into", type=Path, required=True)
    three.add_argument("--sample", type=int, default=5_000)
    args = parser.parse_args()
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    write({"row": "machine", **machine()})
    if args.command == "collection":
        collection(args.folder, args.model, args.train_reranker)
    elif args.command == "models":
        models(args.source, args.questions, args.qrels, args.model, args.into, args.sample)
    else:
        large(args.db, args.table, args.questions)


if __name__ == "__main__":
    main()
