"""How fast a model was is kept in the user's cache, by the length of texts, and used where the like was measured."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from vecindex.embed.batching import TokenBudget
from vecindex.embed.encoder import Encoded, Encoder, Tokens
from vecindex.embed.encoders import FoundModel, LoadOptions
from vecindex.verbs.ingest.known.speeds import ModelSpeeds, Speeds

MODEL = FoundModel("some/model", "a" * 64)


class Some(Encoder):
    """An encoder that is asked for its settings only."""

    def __init__(self, most_tokens: int | None = None) -> None:
        self.dimension, self.max_tokens, self.pooling = 2, 512, "mean"
        self.budget = TokenBudget(4_096)
        self.most_tokens = most_tokens

    def tokenize(self, texts: Sequence[str], prompt: str | None = None) -> Tokens:
        raise AssertionError

    def token_spans(self, text: str) -> list[tuple[int, int]]:
        raise AssertionError

    def embed(self, tokens: Tokens, done: Callable[[int], None] | None = None) -> Encoded:
        raise AssertionError


def tokens(n: int, length: int) -> Tokens:
    return Tokens([[1] * length] * n, np.full(n, length, dtype=np.int32), np.zeros(n, dtype=np.bool_))


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "vecindex" / "speeds"


def speeds(**how: object) -> ModelSpeeds:
    return ModelSpeeds(MODEL, LoadOptions(**how), None)  # type: ignore[arg-type]


def test_what_one_run_measures_the_next_one_knows(cache: Path) -> None:
    first = speeds()
    first.note(Some(), tokens(100, 100), [(40, 1.0), (60, 1.0)], load_s=3.0)
    first.note(Some(), tokens(100, 100), [(100, 4.0)], load_s=3.0)
    first.remember()
    second = speeds()
    assert second.known is None
    second.recall()
    assert second.known is not None
    # 20,000 tokens took 6 s; texts of half to twice the length take as long for a token.
    for length in (100, 64, 181):
        assert second.known.of(length) == pytest.approx(6 / 20_000)
    assert [second.known.knows(length) for length in (20, 64, 181, 500)] == [False, True, True, False]
    assert (second.known.load_s, second.known.batch_tokens, second.known.device) == (3.0, 4_096, "cpu")
    # Texts of other lengths are added, those of the same are measured anew.
    second.note(Some(), tokens(10, 512), [(10, 1.0)], load_s=4.0)
    second.note(Some(), tokens(100, 100), [(100, 1.0)], load_s=4.0)
    second.remember()
    third = speeds()
    third.recall()
    assert third.known is not None
    assert third.known.of(512) == pytest.approx(1 / 5_120)
    assert third.known.of(100) == pytest.approx(1 / 10_000)
    assert third.known.load_s == 4.0


def test_it_is_that_of_the_same_use_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    first = speeds()
    first.note(Some(), tokens(100, 100), [(40, 1.0), (60, 1.0)], load_s=3.0)
    first.remember()

    def known(one: ModelSpeeds) -> bool:
        one.recall()
        return one.known is not None

    assert known(speeds())
    assert not known(speeds(device="cuda"))
    assert not known(speeds(backend="onnx"))
    assert not known(ModelSpeeds(FoundModel("some/model", "b" * 64), LoadOptions(), None))
    assert not known(ModelSpeeds(MODEL, LoadOptions(), 512))
    assert known(ModelSpeeds(FoundModel("another/name", "a" * 64), LoadOptions(), None))
    monkeypatch.setenv("OMP_NUM_THREADS", "77")
    assert not known(speeds())


def test_each_batch_counts_for_its_length() -> None:
    first, long, short = speeds(), tokens(20, 200), tokens(300, 10)
    # As they come; the encoder takes the longest first.
    mixed = Tokens(short.ids + long.ids, np.zeros(320, np.int32), np.zeros(320, np.bool_))
    first.note(Some(), mixed, [(20, 2.0), (300, 1.0)], load_s=1.0)
    # What does not add up says nothing.
    first.note(Some(), mixed, [(20, 99.0)], load_s=1.0)
    first.remember()
    first.recall()
    assert first.known is not None
    assert (first.known.of(200), first.known.of(10)) == (2 / 4_000, 1 / 3_000)


def test_too_little_and_the_encoder_for_a_few_texts_say_nothing(cache: Path) -> None:
    first = speeds()
    first.note(Some(most_tokens=1_000), tokens(100, 100), [(40, 1.0), (60, 1.0)], load_s=3.0)
    first.note(Some(), tokens(1, 100), [(1, 2.0)], load_s=3.0)
    first.note(Some(), tokens(0, 0), [], load_s=3.0)
    first.remember()
    assert not cache.exists()
    ModelSpeeds(None, LoadOptions(), None).remember()


@pytest.mark.parametrize(
    "damage",
    ["{", "[]", '{"tokens": 1}', "", '{"measured_at": 5}'],
)
def test_a_damaged_cache_is_none(cache: Path, damage: str) -> None:
    first = speeds()
    first.note(Some(), tokens(100, 100), [(40, 1.0), (60, 1.0)], load_s=3.0)
    first.remember()
    (path,) = cache.iterdir()
    good = json.loads(path.read_text())
    if damage.startswith('{"'):
        damage = json.dumps(good | json.loads(damage))
    path.write_text(damage)
    first.recall()
    assert first.known is None


def test_the_length_is_that_in_which_most_tokens_are() -> None:
    one = Speeds("cpu", "fp32", None, 4_096, 1.0)
    one.add(16, 5_000, 1.0)
    one.add(250, 5_000, 2.0)
    # 64 is two classes from both.
    assert [one.of(n) for n in (8, 32, 64, 128, 400)] == [0.0002, 0.0002, 0.0004, 0.0004, 0.0004]
    assert [one.knows(n) for n in (4, 8, 64, 128, 400, 800)] == [False, True, False, True, True, False]


def test_a_rate_of_texts_without_a_token_is_one() -> None:
    from vecindex.verbs.ingest.rate import _rate

    # 4 texts of 40 tokens together, 10 of which took 2 s: 8 s for all.
    assert _rate(4, 2.0, 40, 10) == 0.5
    assert _rate(3, 0.5, 0, 0) == 6.0
    assert _rate(3, 0.0, 0, 0) > 0
