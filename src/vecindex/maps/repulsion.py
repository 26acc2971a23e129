"""The repulsion of t-SNE among all articles, in O(n + m log m) by a grid of m nodes.

t-SNE repels i from j by (y_i - y_j) / (1 + |y_i - y_j|^2)^2, which is minus half the slope of the potential
1 / (1 + |y_i - y_j|^2). So one potential serves both for the force and for its normaliser Z, and one convolution is
enough, where interpolating the forces themselves (Linderman et al. 2019) takes four. The charges are spread over the
nodes by cubic B-splines and the potential is read off by the same splines, as in smooth particle-mesh Ewald sums
(Essmann et al. 1995): dividing the kernel's transform by that of the splines makes up for their smoothing.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from vecindex.core.vectors import F32

SPACING = 0.4
"""Of the grid, in units of the kernel's width. Forces are then within about 1 % (0.25: 0.3 %, 0.5: 3 %)."""
FEW = 1_000
"""So many articles are summed pair by pair, which is as quick. Few that lie far apart hardly repel each other, and
the grid's error in each article's repulsion from itself, which it must take off, is then larger than all the rest."""
_MOST_NODES = 8_192
_FEWEST_CELLS = 50
# On a finer grid the potential of neighboring nodes differs by less than float32 resolves.
_FINEST = 0.02
_MARGIN = 1.05


class Repulsion:
    """Repulsive forces of n articles, with the grid kept from one call to the next as long as it fits."""

    def __init__(self, threads: int, spacing: float = SPACING, few: int = FEW) -> None:
        """Take the number of threads, the spacing of the grid, and how many articles need none."""
        self._threads = threads
        self._few = few
        self._spacing = spacing
        self._nodes = 0
        self._actual = 0.0

    def __call__(self, positions: F32, force: F32) -> float:
        """Put sum_j (y_i - y_j) / (1 + |y_i - y_j|^2)^2 into `force` (n, 2); return Z, the sum over all i != j.

        Z = sum of 1 / (1 + |y_i - y_j|^2).
        """
        from vecindex.maps.kernels import gather, pairs, spread

        if len(positions) <= self._few:
            return max(float(pairs(positions, force, self._threads)), float(np.finfo(np.float32).tiny))
        # Column by column: numpy takes forty times as long for both at once.
        low, high = (np.array([end(positions[:, c]) for c in (0, 1)]) for end in (np.min, np.max))
        self._fit(float((high - low).max()))
        low = low - 2 * self._actual
        per_cell = np.float32(1.0 / self._actual)
        spread(positions, low[0], low[1], per_cell, self._grids)
        potential = self._convolve(self._grids.sum(axis=0))
        total = gather(positions, low[0], low[1], per_cell, potential, force, self._threads)
        return max(float(total) - len(positions), float(np.finfo(np.float32).tiny))

    def _fit(self, width: float) -> None:
        """Make a new grid where the old one is too small, or much too large."""
        from scipy.fft import next_fast_len, rfft2

        spacing = min(self._spacing, max(width / _FEWEST_CELLS, _FINEST))
        spacing = max(spacing, 2 * width * _MARGIN / _MOST_NODES)
        needed = 2 * (int(np.ceil(width / spacing)) + 6)
        if self._actual == spacing and needed <= self._nodes and self._nodes * 0.6 < needed:
            return
        # The second half stays empty, so that the grid's ends do not see each other.
        nodes = int(next_fast_len(int(needed * _MARGIN) + 1, real=True))
        self._nodes, self._actual = nodes, spacing
        away = np.arange(nodes)
        away = np.minimum(away, nodes - away)
        squared = (away * spacing) ** 2
        kernel = (1.0 / (1.0 + squared[:, None] + squared[None, :])).astype(np.float32)
        smoothing = (2.0 + np.cos(2.0 * np.pi * away / nodes)) / 3.0
        half = nodes // 2 + 1
        transform = rfft2(kernel, workers=self._threads)
        self._kernel: npt.NDArray[np.complex64] = (
            transform / (smoothing[:, None] ** 2 * smoothing[None, :half] ** 2)
        ).astype(np.complex64)
        side = (nodes + 1) // 2
        self._grids: F32 = np.zeros((self._threads, side, side), dtype=np.float32)

    def _convolve(self, charges: F32) -> F32:
        """Return the potential on the nodes (side, side); rows known to be empty are not transformed."""
        from scipy.fft import fft, ifft, irfft, rfft

        nodes, side, workers = self._nodes, len(charges), self._threads
        spectrum = rfft(charges, n=nodes, axis=1, workers=workers)
        spectrum = fft(spectrum, n=nodes, axis=0, workers=workers, overwrite_x=True)
        spectrum *= self._kernel
        spectrum = ifft(spectrum, axis=0, workers=workers, overwrite_x=True)[:side]
        return np.ascontiguousarray(irfft(spectrum, n=nodes, axis=1, workers=workers)[:, :side])
