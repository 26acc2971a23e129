"""Measures of rankings, computed by ir-measures (which asks trec_eval, but for MRR@10), question by question."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from vecindex.core.neighbors import F64

NDCG, RECALL, MRR, MAP, HOLES = "ndcg@10", "recall@10", "mrr@10", "map", "holes@10"
SUCCESS = {"success@1": 1, "success@5": 5, "success@10": 10}
MEASURES = (NDCG, RECALL, "recall@100", MRR, MAP, *SUCCESS, HOLES)
"""In the order in which they are shown. All are shares of 1; of all but the holes higher is better."""
OF_TEXTS = (MRR, *SUCCESS)
"""Those that need not know every right passage."""
SHOWN = 10
"""Hits that are judged one by one: those that a person sees."""


def measured(
    rankings: Sequence[Sequence[str]], grades: Sequence[dict[str, int]], min_grade: int = 1
) -> dict[str, F64]:
    """Return each measure of each question, (q,) each, 0 to 1.

    Ranks are those of the lists: ties of distance are decided before. A question without a relevant article gets 0.

    Parameters
    ----------
    rankings : article ids of each question, the best first, each once.
    grades : {article: grade} of each question; what is not in it counts as not relevant.
    min_grade : the lowest grade that counts as relevant; nDCG takes the grades themselves as gains.

    >>> found = measured([["a", "b"]], [{"b": 2, "c": 1}])
    >>> [round(float(found[name][0]), 4) for name in ("ndcg@10", "recall@10", "mrr@10", "map", "holes@10")]
    [0.4796, 0.5, 0.5, 0.25, 0.5]
    """
    import ir_measures
    from ir_measures import AP, RR, R, Success, nDCG

    wanted: dict[Any, str] = {
        nDCG @ 10: NDCG,
        R(rel=min_grade) @ 10: RECALL,
        R(rel=min_grade) @ 100: "recall@100",
        RR(rel=min_grade) @ 10: MRR,
        AP(rel=min_grade): MAP,
    }
    wanted |= {Success(rel=min_grade) @ k: name for name, k in SUCCESS.items()}
    found = {name: np.zeros(len(rankings)) for name in MEASURES}
    # Names of our own: an id may hold what the libraries cannot.
    pairs = list(zip(rankings, grades, strict=True))
    names = [{key: f"d{i}" for i, key in enumerate(dict.fromkeys([*ranked, *graded]))} for ranked, graded in pairs]
    qrels = {
        f"q{i}": {name[key]: max(0, grade) for key, grade in graded.items()}
        for i, (name, graded) in enumerate(zip(names, grades, strict=True))
    }
    run = {
        f"q{i}": {name[key]: float(len(ranked) - rank) for rank, key in enumerate(ranked)}
        for i, (name, ranked) in enumerate(zip(names, rankings, strict=True))
    }
    for one in ir_measures.iter_calc(list(wanted), qrels, run):
        found[wanted[one.measure]][int(one.query_id[1:])] = one.value
    found[HOLES] = np.array([holes(ranked, graded) for ranked, graded in pairs], dtype=np.float64)
    return found


def holes(ranked: Sequence[str], grades: dict[str, int]) -> float:
    """Return the share of the 10 best hits that nobody judged; 0 without hits.

    >>> holes(["a", "b", "c", "d"], {"b": 0, "c": 1})
    0.5
    """
    shown = ranked[:SHOWN]
    return sum(key not in grades for key in shown) / len(shown) if shown else 0.0


def first_relevant(ranked: Sequence[str], grades: dict[str, int], min_grade: int = 1) -> int | None:
    """Return the rank of the first relevant hit, from 1; None where there is none.

    >>> first_relevant(["a", "b"], {"b": 1}), first_relevant(["a"], {"b": 1})
    (2, None)
    """
    return next((rank for rank, key in enumerate(ranked, 1) if grades.get(key, 0) >= min_grade), None)
