"""The registry of overlap metrics: what is built in, and metrics of packages that fail."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from vecindex.plugins import PluginError
from vecindex.verbs.overlap import metrics
from vecindex.verbs.overlap.metrics import METRICS, OWN_KEYS, Lists, Metric, further, measured

# Of the two nearest of the first question the map has the second one, of the second question's both.
SPACE = np.array([[1, 2, 3, 4], [5, 6, 7, 8]])
ON_MAP = np.array([[2, 9, 3, 4], [6, 5, 9, 7]])


def lists(**changes: Any) -> Lists:
    values = {"space": SPACE, "on_map": ON_MAP, "k": 2, "n": 10, "within": 2, "space_rows": SPACE, "map_rows": ON_MAP}
    vectors = np.eye(10, dtype=np.float32)
    vectors[9] = vectors[1]
    return Lists(**{**values, "vectors_of": lambda rows: vectors[rows], **changes})  # type: ignore[arg-type]


def test_the_built_in_ones_by_hand() -> None:
    found = {name: values.tolist() for name, values in measured(lists(), (2, 4)).items()}
    assert found == {
        "overlap": [0.5, 1.0],
        "rank_weighted": [pytest.approx(0.63093 / 1.63093, abs=1e-5), 1.0],
        "enough": [0.0, 1.0],
        "none": [0.0, 0.0],
        "adjusted": [pytest.approx(0.375), 1.0],
        # Article 9 is a copy of article 1.
        "merged": [1.0, 1.0],
        "soft@2": [0.5, 1.0],
        "soft@4": [0.5, 1.0],
        "reciprocal@2": [0.5, 1.0],
        "reciprocal@4": [0.5, 1.0],
    }
    assert METRICS.built_in[: len(OWN_KEYS)] == OWN_KEYS
    assert set(further(measured(lists(), (4,)))) == set(METRICS.built_in[len(OWN_KEYS) :])


@pytest.fixture
def added(monkeypatch: pytest.MonkeyPatch) -> Callable[[Metric], None]:
    """Add a metric "x" as a package would."""

    def add(metric: Metric) -> None:
        class WithOne:
            names = ("overlap", "x")
            built_in = ("overlap",)

            def __getitem__(self, name: str) -> Metric:
                return metric if name == "x" else METRICS[name]

            def package(self, name: str) -> str:
                return "some-package"

        monkeypatch.setattr(metrics, "METRICS", WithOne())

    return add


def test_a_metric_may_be_undefined_and_deep(added: Callable[[Metric], None]) -> None:
    added(Metric("x", "", lambda m: [np.nan, m.within], deep=True))
    found = further(measured(lists(), (3, 4)))
    assert list(found) == ["x@3", "x@4"]
    assert found["x@4"].tolist() == [pytest.approx(np.nan, nan_ok=True), 4.0]


@pytest.mark.parametrize(
    ("values", "fault"),
    [
        (lambda m: 1 / 0, "fails: ZeroDivisionError: division by zero"),
        (lambda m: m.space, r"returns the shape \(2, 4\), expected \(2,\)\."),
        (lambda m: ["a", "b"], "fails: ValueError: could not convert string to float"),
    ],
)
def test_a_metric_that_fails_is_named_with_its_package(
    added: Callable[[Metric], None], values: Callable[[Lists], Any], fault: str
) -> None:
    added(Metric("x", "", values))
    with pytest.raises(PluginError, match=f"The overlap metric 'x' of the package some-package {fault}") as caught:
        measured(lists(), ())
    assert caught.value.exit_code == 7
