"""Two metrics for `vecindex overlap`."""

from vecindex.core.overlap import found_in, overlap_at_k
from vecindex.verbs.overlap.metrics import Lists, Metric


def jaccard(lists: Lists):
    """Return |T_k and L_k| / |T_k or L_k| of each question; shape (q,)."""
    share = overlap_at_k(lists.space, lists.on_map, lists.k)
    return share / (2 - share)


def first_lost(lists: Lists):
    """Return for each question whether its nearest article is not among the K nearest on the map; shape (q,)."""
    return ~found_in(lists.space[:, :1], lists.on_map[:, : lists.within])[:, 0]


JACCARD = Metric("Jaccard", "|T_k and L_k| / |T_k or L_k|", jaccard)
FIRST_LOST = Metric(
    "nearest lost",
    "share of the questions whose nearest article is not among the K nearest on the map",
    first_lost,
    higher_is_better=False,
    deep=True,
)
