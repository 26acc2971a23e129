"""Why neighbors do not survive on a map: measured facts in, causes out, the likeliest first. A pure function.

The order is that of the tree: a fault further up hides those below it, so it is repaired first.

1. hubs: a few articles are everybody's neighbors (so no map can keep the articles' own lists either)
2. stale map: the map does not show these vectors at all
3. duplicates: equally good neighbors, of which either list shows others
4. collapse: the questions are in one spot, by shared neighbors or as an island of their own
5. placement: questions are where even snapping would be better, or their nearest articles are not on the map
6. another ranking: a ranker's hits are not near in embedding space, which the map shows (of a ranker alone)
7. coverage, or style: the articles are far from the questions, because they are missing or because of the wording
8. answers not found: the right articles are in the table and not among the nearest, so the neighbors are wrong ones
9. projection: two dimensions do not hold the neighborhoods, not even the articles' own
10. scattered neighbors: the map is good, and the questions' nearest articles are not near to each other
11. broad questions: the same, and more so than for the articles
12. truncation: the model did not read the texts to their end (never more than a hint)

On a map that was laid out for these questions, "laid out for questions" stands for the causes from 9 to 11: what it
keeps shows the layout, and it is never called healthy.

Thresholds are conventions, not laws; each verdict states the figures that it rests on.
"""

from __future__ import annotations

from collections.abc import Callable

from vecindex.config import GOAL
from vecindex.core.overlap import chance_level, snap_floor
from vecindex.messages import Message, Placeholder, Text, command, option, percent, text
from vecindex.verbs.overlap.advice import commands
from vecindex.verbs.overlap.capacity import broad, for_these_questions, laid_out, on_laid_out, projection, scattered
from vecindex.verbs.overlap.causes.verdicts import (
    FAR_PERCENTILE,
    MERGING_HELPS,
    NEAR_PERCENTILE,
    NOTHING_TO_DO,
    Advice,
    Cause,
    Confidence,
    Verdict,
)
from vecindex.verbs.overlap.facts import SHARED_NEIGHBORS, SURE_QUESTIONS, Facts
from vecindex.verbs.overlap.ranked.cause import another_ranking
from vecindex.verbs.overlap.space import known
from vecindex.verbs.the_map import MapKind

COLLAPSED = 0.1
"""Compactness on the map below this share of that in embedding space: the questions were drawn together."""
HUB_SHARE = 0.3
DUPLICATED = 0.2
TRUNCATED = 0.1
OFF_MAP = 0.5
"""From this share of the questions' nearest articles on, the map is without the articles that it is judged by."""
ANSWERS_RECALL = 0.5
"""Of the right articles that are in the table and could be listed, fewer than every second one is."""


def diagnose(facts: Facts, goal: float = GOAL) -> tuple[Verdict, ...]:
    """Return the causes that the facts speak for, the likeliest first; a healthy case gives HEALTHY alone.

    Without a map only those are considered that embedding space shows. Where the overlap misses `goal` and nothing
    explains it, UNEXPLAINED is returned.
    """
    found = [verdict for rule in _RULES if (verdict := rule(facts, goal)) is not None]
    if any(v.cause is not Cause.TRUNCATION for v in found):
        return tuple(found)
    return (_unexplained(facts) if facts.misses(goal) else _healthy(facts, goal), *found)


def _stale(f: Facts, goal: float) -> Verdict | None:
    if f.on_map is None or not f.stale:
        return None
    recall, agreement = f.on_map.self_recall.mean, f.on_map.agreement
    remedy, advice = _made_again(f, "Make the map again from the vectors that the table holds now", fresh=True)
    return Verdict(
        Cause.STALE_MAP,
        "Even the articles lose all their neighbors on it: this map shows other vectors, or its rows are mixed up.",
        {
            "self_recall": recall,
            "chance": chance_level(f.k, f.articles - 1),
            "agreement (chance 0.5)": agreement,
        },
        Confidence.HIGH,
        "Place the same articles by PCA: their agreement and self-recall exceed this map's.",
        remedy,
        advice,
    )


def _made_again(f: Facts, why: str, *, fresh: bool) -> tuple[Text, tuple[Advice, ...]]:
    """Return the advice to make the map again, with its command where it can be given."""
    assert f.on_map is not None, "advice on a map"
    made = commands.again(f.situation, f.on_map.name, fresh=fresh)
    if made is None:
        return text(f"{why}: ", command("project", f.on_map.name)), ()
    return text(f"{why}: ", made), (Advice(f"{why}.", text(made)),)


def _duplicates(f: Facts, goal: float) -> Verdict | None:
    because = {"duplicated_targets": f.space.duplicated_targets}
    # With a map the merging proves it; without one their number is all there is.
    if f.on_map is None:
        if f.space.duplicated_targets < DUPLICATED:
            return None
    else:
        overlap, merged = f.on_map.search.overlap.mean, f.on_map.search.merged
        if merged - overlap < MERGING_HELPS:
            return None
        because |= {"overlap": overlap, "overlap with duplicates merged": merged}
    return Verdict(
        Cause.DUPLICATES,
        "Many of the nearest articles are near-duplicates of each other, so which of them a list shows is chance.",
        because,
        Confidence.HIGH if f.on_map is not None else Confidence.MEDIUM,
        "Count a near-duplicate of a neighbor as that neighbor (done where there is a map): the overlap rises.",
        _without_copies(f),
    )


def _without_copies(f: Facts) -> Text:
    kept = "" if f.on_map is None else f"Counted as one, they keep {percent(f.on_map.search.merged)}. "
    return text(
        f"{kept}No map can mend it. To be rid of the copies, remove them from the source and ingest it again with ",
        option("prune", True),
        ".",
    )


def _look(f: Facts, why: str, otherwise: str) -> Text:
    """Return the advice to look at the worst question, with its command; `otherwise` where it cannot be named."""
    look = commands.look_at_worst(f.situation)
    return text(otherwise) if look is None else text(f"{why}: ", look)


def _collapse(f: Facts, goal: float) -> Verdict | None:
    if f.on_map is None or not f.misses(goal):
        return None
    # Of fewer than two questions or articles neither is known.
    if not f.on_map.search.compactness < COLLAPSED * f.space.compactness:
        return None
    because = {
        "compactness on the map": f.on_map.search.compactness,
        "compactness in embedding space": f.space.compactness,
        "collapse_ceiling": f.space.collapse_ceiling,
        "distinct_ratio": f.space.distinct_ratio,
    }
    if f.space.collapse_ceiling >= 0.5 and f.space.distinct_ratio <= SHARED_NEIGHBORS:
        return Verdict(
            Cause.SHARED_NEIGHBORS,
            "The questions are in one spot because they share their nearest articles.",
            because,
            Confidence.MEDIUM,
            "Rank by CSLS or mutual proximity instead of the cosine: distinct_ratio rises, collapse_ceiling falls.",
            _look(
                f,
                "Remove from the source those of the shared articles that are not articles. They are here",
                "Look at the shared articles; remove those that are not articles.",
            ),
        )
    return Verdict(
        Cause.ISLAND,
        "The questions are in one spot of the map although they are not alike: they were fitted among themselves.",
        because | {"mixing": f.space.mixing, "mixing_chance": f.space.mixing_chance},
        Confidence.HIGH,
        "Place the same questions one by one against the map of articles: the spot dissolves.",
        "Never fit questions into a map: here each is placed at its best position.",
    )


def _hubs(f: Facts, goal: float) -> Verdict | None:
    if f.ranked is not None or f.space.hub_share < HUB_SHARE or f.space.distinct_ratio > SHARED_NEIGHBORS:
        return None
    return Verdict(
        Cause.HUBS,
        "A few articles are among the nearest of very many: hubs, which a map can put next to few of them only.",
        {
            "hub_share": f.space.hub_share,
            "distinct_ratio": f.space.distinct_ratio,
            "collapse_ceiling": f.space.collapse_ceiling,
        },
        Confidence.HIGH if f.space.hub_share >= 0.5 else Confidence.MEDIUM,
        "Rank by CSLS or mutual proximity instead of the cosine: distinct_ratio rises, hub_share falls.",
        "Look at the hubs: very short or empty articles often are; remove or complete them, or try another model.",
    )


def _placement(f: Facts, goal: float) -> Verdict | None:
    if f.on_map is None or not f.misses(goal):
        return None
    outside, below = f.on_map.targets_outside, f.misses(snap_floor(f.k) - 1e-9)
    off_map = outside >= OFF_MAP
    if not (below or off_map):
        return None
    remedy: Message = "Place each question at its best position."
    advice: tuple[Advice, ...] = ()
    if off_map:
        remedy, advice = _made_again(f, "Make the map again with all articles", fresh=False)
    summary = "The questions keep less than snapping each onto its nearest article would give on any map."
    many = "Many of their nearest articles are not on the map."
    return Verdict(
        Cause.PLACEMENT,
        f"{summary} {many}" if below and off_map else summary if below else many,
        {"overlap": f.on_map.search.overlap.mean, "snap_floor": snap_floor(f.k), "targets_outside": outside},
        Confidence.HIGH,
        "Place each question at its best position on the same map: at least 1/k at once, if the nearest articles are "
        "on it.",
        remedy,
        advice,
    )


def _far(f: Facts, goal: float) -> Verdict | None:
    space = f.space
    if f.ranked is not None or not space.nearest_percentile > FAR_PERCENTILE:
        return None
    because = {"nearest_percentile": space.nearest_percentile}
    cause, confidence = Cause.COVERAGE_OR_STYLE, Confidence.MEDIUM
    style = None if space.pseudo_percentile is None else space.pseudo_percentile >= NEAR_PERCENTILE
    if space.pseudo_percentile is not None:
        because["pseudo_percentile"] = space.pseudo_percentile
        cause = Cause.STYLE if style else Cause.COVERAGE
        between = NEAR_PERCENTILE <= space.pseudo_percentile <= FAR_PERCENTILE
        confidence = Confidence.MEDIUM if between else Confidence.HIGH
    if space.answers_absent is not None:
        because["answers_absent"] = space.answers_absent
        if f.answers_recall is not None:
            because["answers_recall"] = f.answers_recall
        # The right articles are there (or not), whatever the distances say.
        missing = space.answers_absent >= 0.5
        cause = Cause.COVERAGE if missing else Cause.STYLE
        confidence = Confidence.HIGH if missing or confidence is Confidence.HIGH else Confidence.MEDIUM
        if style is missing:
            confidence = Confidence.LOW if not missing else Confidence.MEDIUM
    experiment = text(
        "Put the words of stored articles into the questions' wording (done with ",
        option("explain", True),
        "): still far is a style gap, near is missing coverage.",
    )
    remedy, advice = _which_of_the_two(f) if cause is Cause.COVERAGE_OR_STYLE else (text(_FAR_REMEDY[cause]), ())
    return Verdict(cause, _FAR_SUMMARY[cause], because, confidence, experiment, remedy, advice)


def _which_of_the_two(f: Facts) -> tuple[Text, tuple[Advice, ...]]:
    """Return the advice to run the experiments; to give the answers where they were run."""
    answers = 'give "answers" in the file of questions'
    if f.situation.explained:
        return text(f"The experiments do not show which of the two: {answers}."), ()
    again = commands.ask_again(f.situation, explain=True)
    if again is None:
        return text("Find out which of the two: add ", option("explain", True), f", or {answers}."), ()
    return (
        text("Find out which of the two: ", again, f". Or {answers}."),
        (Advice("Find out which of the two.", text(again)),),
    )


_FAR_SUMMARY = {
    Cause.COVERAGE: "The questions are farther from the articles than articles are from each other: their topic is "
    "missing from the table.",
    Cause.STYLE: "The questions are far from articles that do answer them: the model does not see what their wording "
    "asks for.",
    Cause.COVERAGE_OR_STYLE: "The questions are farther from the articles than articles are from each other: their "
    "topic is missing, or their wording is too different.",
}
_FAR_REMEDY: dict[Cause, Message] = {
    Cause.COVERAGE: "Ingest articles on these topics. That brings right neighbors; the overlap need not rise.",
    Cause.STYLE: "Try a model made for questions (multi-qa-mpnet, E5 with its prompts), or use statements.",
}


def _answers(f: Facts, goal: float) -> Verdict | None:
    recall = f.answers_recall
    # Where the questions are far from all articles, `_far` has reported it, with these figures.
    if (
        f.ranked is not None
        or recall is None
        or recall >= ANSWERS_RECALL
        or f.space.nearest_percentile > FAR_PERCENTILE
    ):
        return None
    return Verdict(
        Cause.ANSWERS,
        "The right articles are in the table and not among the nearest: whatever the map keeps, it keeps wrong ones.",
        {"answers_recall": recall, "answers_absent": f.space.answers_absent or 0.0},
        Confidence.HIGH if recall < ANSWERS_RECALL / 2 else Confidence.MEDIUM,
        "Embed the same articles and questions by another model: the recall of the answers rises.",
        text(
            _look(f, "Check the answers of the worst question", "Check the answers of the worst questions"),
            ". Then try a model made for questions (multi-qa-mpnet, E5 with its prompts), chunks, or hybrid search",
            *([": ", command("search", worst.text, hybrid=True), "."] if (worst := f.situation.worst) else ["."]),
        ),
    )


def _truncation(f: Facts, goal: float) -> Verdict | None:
    if f.space.truncated < TRUNCATED or (f.on_map is not None and not f.misses(goal)):
        return None
    return Verdict(
        Cause.TRUNCATION,
        "Many texts are longer than the model reads; no question can find what stands further down.",
        {"truncated": f.space.truncated},
        Confidence.LOW,
        "Embed the texts in chunks: questions on later parts come nearer.",
        text(command("ingest", Placeholder("SOURCE"), chunk=True, table=f"{f.situation.table}-chunks")),
    )


_RULES: tuple[Callable[[Facts, float], Verdict | None], ...] = (
    _hubs,
    _stale,
    _duplicates,
    _collapse,
    _placement,
    another_ranking,
    _far,
    _answers,
    laid_out,
    projection,
    scattered,
    broad,
    _truncation,
)


def _healthy(f: Facts, goal: float) -> Verdict:
    if f.on_map is not None and f.on_map.kind in (MapKind.ANCHORED, MapKind.FOCUSED):
        return on_laid_out(f, f.on_map, goal)
    because = {"nearest_percentile": f.space.nearest_percentile, "distinct_ratio": f.space.distinct_ratio}
    if f.on_map is None:
        summary = "Nothing is wrong with the questions in embedding space."
        confidence = Confidence.MEDIUM
    else:
        summary = f"The questions keep at least {percent(goal)} of their neighbors."
        overlap, recall = f.on_map.search.overlap, known(f.on_map.self_recall.mean)
        because = {"overlap": overlap.mean, "self_recall": recall or 0.0, **because}
        sure = overlap.low >= goal and f.questions >= SURE_QUESTIONS
        confidence = Confidence.HIGH if sure else Confidence.MEDIUM
    return Verdict(Cause.HEALTHY, summary, because, confidence, "None is needed.", NOTHING_TO_DO)


def _unexplained(f: Facts) -> Verdict:
    because = {}
    if f.on_map is not None:
        because = {"overlap": f.on_map.search.overlap.mean, "self_recall": known(f.on_map.self_recall.mean) or 0.0}
    found = _look(f, "Look at the worst question", "Look at the worst questions one by one.")
    remedy, advice = for_these_questions(f)
    return Verdict(
        Cause.UNEXPLAINED,
        "The overlap is low, and none of the known causes shows in the figures.",
        because,
        Confidence.LOW,
        "Look at the worst questions one by one.",
        text(found, ". ", remedy) if advice else found,
        advice,
    )
