"""What the causes are found by, for one map."""

from __future__ import annotations

from dataclasses import dataclass, field

from vecindex.core.overlap import adjusted_for_chance, chance_level, reaches
from vecindex.verbs.overlap.advice.situation import Situation
from vecindex.verbs.overlap.question import RankedFacts
from vecindex.verbs.overlap.result import MapOverlap, SpaceFacts
from vecindex.verbs.overlap.space import known

STALE_SELF_RECALL = 0.02
"""Above chance. Maps of 21 million texts still reach 0.06 (Gonzalez-Marquez et al. 2024)."""
STALE_AGREEMENT = 0.55
STALE_CHANCE = 0.2
"""Chance level beyond which a table is too small for that verdict."""
"""A poor map, two principal components for instance, has hardly any self-recall either, but agrees far more."""
SHARED_NEIGHBORS = 0.6
"""Of all the questions' nearest, fewer than this share are different articles: the questions share them."""
SURE_QUESTIONS = 10
"""Fewer questions may miss a kind that does badly; their interval has too few values to draw from."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What the causes are found by.

    Attributes
    ----------
    k, articles, questions : neighbors asked for; articles in the table; questions.
    space : what was measured in embedding space.
    on_map : what was measured on one map; None without a map.
    situation : what advice can name, and what was done already.
    ranked : the ranker whose hits stand for the nearest articles; None without one.
    """

    k: int
    articles: int
    questions: int
    space: SpaceFacts
    on_map: MapOverlap | None = None
    situation: Situation = field(default_factory=Situation)
    ranked: RankedFacts | None = None

    @property
    def answers_recall(self) -> float | None:
        """Recall of the right answers in embedding space; None where it is not known."""
        return None if self.space.answers is None else known(self.space.answers.recall)

    @property
    def stale(self) -> bool:
        """Whether not even the articles keep anything of their neighborhoods on the map."""
        # Of few articles chance keeps much, and the rest is noise.
        if self.on_map is None or chance_level(self.k, self.articles - 1) > STALE_CHANCE:
            return False
        recall = adjusted_for_chance(self.on_map.self_recall.mean, self.k, self.articles - 1)
        return self.on_map.agreement <= STALE_AGREEMENT and recall <= STALE_SELF_RECALL

    def misses(self, goal: float) -> bool:
        """Return whether there is a map on which the overlap misses the goal."""
        return self.on_map is not None and not reaches(self.on_map.search.overlap.mean, goal)
