"""The loops of the layout, compiled by numba. Imported inside functions only: the import takes a second.

Every loop that runs in parallel splits the articles into as many equal parts as there are threads, so with the same
number of threads the sums are taken in the same order, and the result is the same to the last bit.

Arrays: `positions` (n, 2) float32; `grid` float32, whose node (i, j) lies at `low` + (i - 1, j - 1) * spacing.
"""

from __future__ import annotations

import numba as nb
import numpy as np

_f = np.float32


@nb.njit(inline="always", fastmath=True)
def _weights(t):
    """Return the cubic B-spline's weights of the four nodes around a point at fraction t between the middle two."""
    s = _f(1.0 / 6.0)
    t2 = t * t
    t3 = t2 * t
    return (
        s * (_f(1) - _f(3) * t + _f(3) * t2 - t3),
        s * (_f(4) - _f(6) * t2 + _f(3) * t3),
        s * (_f(1) + _f(3) * t + _f(3) * t2 - _f(3) * t3),
        s * t3,
    )


@nb.njit(inline="always", fastmath=True)
def _slopes(t):
    """Return the derivatives of `_weights`."""
    h = _f(0.5)
    t2 = t * t
    return h * (_f(2) * t - _f(1) - t2), h * (_f(3) * t2 - _f(4) * t), h * (_f(1) + _f(2) * t - _f(3) * t2), h * t2


@nb.njit(parallel=True, fastmath=True, cache=True)
def spread(positions, low_x, low_y, per_cell, grids):
    """Spread one unit of charge of each article over its 16 nodes, in one grid for each thread: (threads, m, m)."""
    threads = len(grids)
    n = len(positions)
    for part in nb.prange(threads):
        grid = grids[part]
        grid[:] = 0
        for i in range(n * part // threads, n * (part + 1) // threads):
            u = (positions[i, 0] - low_x) * per_cell
            v = (positions[i, 1] - low_y) * per_cell
            a = int(u)
            b = int(v)
            across = _weights(_f(u - a))
            v0, v1, v2, v3 = _weights(_f(v - b))
            for r in range(4):
                w = across[r]
                grid[a + r, b] += w * v0
                grid[a + r, b + 1] += w * v1
                grid[a + r, b + 2] += w * v2
                grid[a + r, b + 3] += w * v3


@nb.njit(parallel=True, fastmath=True, cache=True)
def gather(positions, low_x, low_y, per_cell, potential, force, threads):
    """Put minus half the slope of the potential at each article into `force` (n, 2); return the potentials' sum."""
    n = len(positions)
    sums = np.zeros(threads)
    for part in nb.prange(threads):
        total = np.float64(0)
        for i in range(n * part // threads, n * (part + 1) // threads):
            u = (positions[i, 0] - low_x) * per_cell
            v = (positions[i, 1] - low_y) * per_cell
            a = int(u)
            b = int(v)
            across = _weights(_f(u - a))
            across_slope = _slopes(_f(u - a))
            v0, v1, v2, v3 = _weights(_f(v - b))
            s0, s1, s2, s3 = _slopes(_f(v - b))
            value = _f(0)
            slope_x = _f(0)
            slope_y = _f(0)
            for r in range(4):
                f0 = potential[a + r, b]
                f1 = potential[a + r, b + 1]
                f2 = potential[a + r, b + 2]
                f3 = potential[a + r, b + 3]
                row = f0 * v0 + f1 * v1 + f2 * v2 + f3 * v3
                value += across[r] * row
                slope_x += across_slope[r] * row
                slope_y += across[r] * (f0 * s0 + f1 * s1 + f2 * s2 + f3 * s3)
            total += value
            force[i, 0] = _f(-0.5) * slope_x * per_cell
            force[i, 1] = _f(-0.5) * slope_y * per_cell
        sums[part] = total
    return sums.sum()


@nb.njit(parallel=True, fastmath=True, cache=True)
def pairs(positions, force, threads):
    """Put the repulsion of each article from all others into `force` (n, 2); return Z, with no grid."""
    n = len(positions)
    sums = np.zeros(threads)
    for part in nb.prange(threads):
        total = np.float64(0)
        for i in range(n * part // threads, n * (part + 1) // threads):
            sum_x = _f(0)
            sum_y = _f(0)
            for j in range(n):
                if j != i:
                    dx = positions[i, 0] - positions[j, 0]
                    dy = positions[i, 1] - positions[j, 1]
                    q = _f(1) / (_f(1) + dx * dx + dy * dy)
                    total += q
                    sum_x += q * q * dx
                    sum_y += q * q * dy
            force[i, 0] = sum_x
            force[i, 1] = sum_y
        sums[part] = total
    return sums.sum()


@nb.njit(parallel=True, fastmath=True, cache=True)
def attract(positions, starts, ends_at, attraction, exaggeration, repulsion, force, threads):
    """Turn repulsive forces in `force` (n, 2) into the gradient of t-SNE, 4 (exaggeration attraction - repulsion).

    Article i is attracted by ends_at[starts[i]:starts[i + 1]] with weights `attraction`; `repulsion` is 1 / Z.
    """
    n = len(positions)
    for part in nb.prange(threads):
        for i in range(n * part // threads, n * (part + 1) // threads):
            x = positions[i, 0]
            y = positions[i, 1]
            sum_x = _f(0)
            sum_y = _f(0)
            for e in range(starts[i], starts[i + 1]):
                j = ends_at[e]
                dx = x - positions[j, 0]
                dy = y - positions[j, 1]
                q = attraction[e] / (_f(1) + dx * dx + dy * dy)
                sum_x += q * dx
                sum_y += q * dy
            force[i, 0] = _f(4) * (exaggeration * sum_x - repulsion * force[i, 0])
            force[i, 1] = _f(4) * (exaggeration * sum_y - repulsion * force[i, 1])


@nb.njit(parallel=True, fastmath=True, cache=True)
def move(positions, gradient, velocity, gains, rate, momentum, longest, threads):
    """Move all articles down the gradient, with momentum and gains of their own, no farther than `longest`."""
    n = len(positions)
    for part in nb.prange(threads):
        for i in range(n * part // threads, n * (part + 1) // threads):
            for c in range(2):
                if (velocity[i, c] > 0) != (gradient[i, c] > 0):
                    gains[i, c] += _f(0.2)
                else:
                    gains[i, c] = max(gains[i, c] * _f(0.8), _f(0.01))
                velocity[i, c] = momentum * velocity[i, c] - rate * gains[i, c] * gradient[i, c]
            step = np.sqrt(velocity[i, 0] ** 2 + velocity[i, 1] ** 2)
            if step > longest:
                velocity[i, 0] *= longest / step
                velocity[i, 1] *= longest / step
            positions[i, 0] += velocity[i, 0]
            positions[i, 1] += velocity[i, 1]
