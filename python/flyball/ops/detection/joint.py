"""Values that are usual one by one and strange together."""

import numpy as np

from flyball.ops.detection.streams import Floats

__all__ = ["HalfSpaceTrees"]


class HalfSpaceTrees:
    """How empty the part of the space is in which the values lie: 1 where nobody was, 0 in a crowd.

    Each tree cuts the cube [0, 1]^dimensions in halves, along dimensions drawn by chance; what fell
    where in the last window is the reference for the next one.

    Parameters
    ----------
    dimensions : int
        How many values an observation has, each between 0 and 1; beyond is the same as at the edge.
    trees, depth : int
        How many trees, and how often each cuts.
    window : int
        Observations until the reference is renewed.
    seed : int
        Of the trees.
    runs : tuple of int
        Shape of runs that are looked at side by side, each with its own reference.

    Notes
    -----
    Tan, Ting and Liu, "Fast anomaly detection for streaming data", IJCAI 2011. The score is one
    less the mean over trees of min(1, mass · 2^level / window), at the first node of the way down
    with less than a tenth of the window, or the leaf. O(trees · depth) an observation.
    """

    def __init__(
        self,
        dimensions: int,
        *,
        trees: int = 25,
        depth: int = 10,
        window: int = 250,
        seed: int = 1,
        runs: tuple[int, ...] = (),
    ) -> None:
        chance = np.random.default_rng(seed)
        self._depth, self._window, self._few = depth, window, 0.1 * window
        nodes = 2 ** (depth + 1) - 1
        self._axis = np.zeros((trees, nodes), dtype=np.int64)
        self._cut = np.zeros((trees, nodes))
        for tree in range(trees):
            self._grow(tree, dimensions, chance)
        self._flat = int(np.prod(runs, dtype=int))
        self._runs = runs
        self._reference = np.zeros((self._flat, trees, nodes))
        self._latest = np.zeros((self._flat, trees, nodes))
        self._seen = 0
        self._tree = np.arange(trees)[None, :]
        self._run = np.arange(self._flat)[:, None]

    def _grow(self, tree: int, dimensions: int, chance: np.random.Generator) -> None:
        # The space of each tree is wider than the cube and lies differently around it.
        middle = chance.random(dimensions)
        half = 2.0 * np.maximum(middle, 1.0 - middle)
        boxes = [(middle - half, middle + half)]
        for node in range(2**self._depth - 1):
            low, high = boxes[node]
            axis = int(chance.integers(dimensions))
            cut = (low[axis] + high[axis]) / 2.0
            self._axis[tree, node], self._cut[tree, node] = axis, cut
            left, right = high.copy(), low.copy()
            left[axis], right[axis] = cut, cut
            boxes += [(low, left), (right, high)]

    def update(self, values: Floats) -> Floats:
        """Score an observation, shape (*runs, dimensions), then learn from it.

        One that has a missing value is not looked at: its score is NaN.
        """
        point = np.clip(np.asarray(values, dtype=float), 0.0, 1.0).reshape(self._flat, -1)
        missing = np.isnan(point).any(axis=1)
        point = np.where(missing[:, None], 0.0, point)
        node = np.zeros((self._flat, self._axis.shape[0]), dtype=np.int64)
        mass = np.zeros(node.shape)
        ended = np.zeros(node.shape, dtype=bool)
        add = np.where(missing, 0.0, 1.0)[:, None]
        for level in range(self._depth + 1):
            here = self._reference[self._run, self._tree, node]
            ends = ~ended & ((here < self._few) | (level == self._depth))
            mass = np.where(ends, here * 2.0**level, mass)
            ended |= ends
            self._latest[self._run, self._tree, node] += add
            if level < self._depth:
                axis = self._axis[self._tree, node]
                right = point[self._run, axis] >= self._cut[self._tree, node]
                node = 2 * node + 1 + right
        ready = self._seen >= self._window
        self._seen += 1
        if self._seen % self._window == 0:
            self._reference, self._latest = self._latest, np.zeros_like(self._latest)
        score = 1.0 - np.minimum(1.0, mass / self._window).mean(axis=1)
        return np.where(missing | (not ready), np.nan, score).reshape(self._runs)
