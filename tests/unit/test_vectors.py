"""Normalisation and the checks on vectors."""

from __future__ import annotations

import numpy as np
import pytest

from vecindex.core.vectors import normalize, row_cosines, usable


@pytest.mark.parametrize("dtype", [np.int8, np.float16, np.float32, np.float64])
def test_rows_get_unit_length_in_every_dtype(dtype: type) -> None:
    out = normalize(np.array([[3, 4], [0, -7]], dtype=dtype))
    assert out.dtype == np.float32
    np.testing.assert_allclose(out, [[0.6, 0.8], [0.0, -1.0]], atol=1e-6)


def test_rows_without_direction_become_nan_and_others_are_untouched() -> None:
    out = normalize([[0, 0], [np.nan, 1], [np.inf, 1], [1e-30, 0], [2, 0]])
    assert usable(out).tolist() == [False, False, False, False, True]
    assert out[4].tolist() == [1.0, 0.0]


def test_large_values_do_not_overflow() -> None:
    np.testing.assert_allclose(normalize([[3e30, 4e30]]), [[0.6, 0.8]], rtol=1e-6)


def test_cosine_by_hand() -> None:
    assert row_cosines([[1, 0], [1, 1]], [[-2, 0], [1, 0]]) == pytest.approx([-1.0, 0.5**0.5])
    assert np.isnan(row_cosines([[0, 0]], [[1, 0]])).all()
