"""The hierarchy-aware frame in few dimensions: no array of classes x dimensions is stored."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from keras_haframe.frames.gram_error import GramError, gram_error
from keras_haframe.frames.sign_vectors import NodeVectors, hadamard_factors, places, signs
from keras_haframe.frames.target_cosines import TargetCosines
from keras_haframe.tree import ClassTree

CHUNK = 2**14  # classes that are worked on at a time


class LowRankFrame:
    """Frame of any dimension whose rows are sums of one vector of signs per node of the path.

    Row `k` is `sum over the nodes n on the path of class k of sqrt(w_n) g_n`, scaled to unit
    length, with `w_n` the node weights of the target cosines (`S = sum_n w_n 1_n 1_n'`) and `g_n`
    a vector of entries `+-1/sqrt(dim)`. Vectors of two nodes are nearly orthogonal, so the cosines
    of the rows are nearly S: the error of a pair of target cosine `s` has mean 0 to first order
    and root mean square at most `(1 - s^2) / sqrt(dim)`.

    The vectors are rows of `H D_b`: H the Walsh-Hadamard matrix of the next power of two, `D_b`
    random signs per block of nodes. Within a block they are orthogonal (exactly where `dim` is a
    power of two); siblings, and classes near each other, lie in one block. Only the signs are
    stored, about a bit's worth per node (int8 `[N]`), and `matvec` costs O(B N log dim).

    With `dim >= N` the vectors are axes of the features and the cosines are S exactly.

    Args:
        tree: A `ClassTree`, or the `TargetCosines` themselves.
        dim: Length of the vectors.
        gamma: Decay of the target cosines, positive.
        seed: Seed of the signs.
        min_similarity: `"orthogonal"` (the default, also where `"grid"` or `"exact"` is given:
            sums of real vectors need node weights that are not negative) or a number not below
            that, see `TargetCosines.without_negative_weights`.
        convention: Distance convention, see `ClassTree.distances`.
        mapping: `"exponential"` or `"linear"`, see `similarity`.

    Attributes:
        target: The `TargetCosines` that the rows approximate.
        dim, num_classes: As given, K.

    Raises:
        ValueError: For a `dim` that is no positive integer, or a `min_similarity` too small.

    Example:

    >>> tree = ClassTree.from_nested({"land": ["car", "truck"], "air": ["jet", "glider"]})
    >>> rows = LowRankFrame(tree, dim=7).dense()  # one dimension per node: exact
    >>> bool(np.allclose(rows @ rows.T, LowRankFrame(tree, dim=7).target.matrix()))
    True

    Reference: ours, see docs/architecture.md; transform: Ailon and Chazelle, The Fast
    Johnson-Lindenstrauss Transform (2009).
    """

    def __init__(
        self,
        tree: ClassTree | TargetCosines,
        dim: int,
        gamma: float | str = "auto",
        *,
        seed: int = 0,
        min_similarity: str | float = "grid",
        convention: str = "depth",
        mapping: str = "exponential",
    ):
        target = TargetCosines.of(
            tree, gamma, min_similarity=min_similarity, convention=convention, mapping=mapping
        )
        if isinstance(dim, bool) or not isinstance(dim, (int, np.integer)) or dim < 1:
            raise ValueError(f"`dim` must be a positive integer. Received: dim={dim!r}")
        self.target = target.without_negative_weights()
        self.dim, self.seed = int(dim), seed
        tree = self.target.tree
        self.num_classes = tree.num_classes
        self._roots = np.sqrt(np.maximum(self.target.weights, 0.0))
        self.factors = hadamard_factors(self.dim)
        self._plan(tree)
        # What a class's row is made of, on its own and from its parent's: over its length.
        self.class_gain, self.parent_gain = self._roots[: self.num_classes], np.ones(1)
        lengths = self._lengths()
        self.class_gain, self.parent_gain = self.class_gain / lengths, 1 / lengths

    @property
    def exact(self) -> bool:
        """Whether the vectors are axes of the features, one per node."""
        return self.dim >= self.target.tree.num_nodes

    def _plan(self, tree: ClassTree) -> None:
        """Give every node its vector, and lay out the walk from the root to the classes."""
        k, parents = tree.num_classes, tree.parents
        _, start, _ = tree.leaf_ranges
        inner = np.arange(k, tree.num_nodes)
        above = np.r_[start[parents[:-1]], -1]
        # Top nodes first, then by family along the tree: what is near shares a block.
        inner = inner[np.lexsort((parents[inner], above[inner], tree.depths[inner]))]
        classes = np.lexsort((parents[:k], above[:k]))
        self.inner = self._vectors(inner, parents[inner], 0)
        sizes = np.bincount(tree.depths[inner])
        # Place in its level of every inner node's parent, level after level.
        place = np.empty(tree.num_nodes, np.int64)
        place[inner] = np.arange(len(inner))
        first = np.cumsum(sizes) - sizes
        self.level_sizes = sizes.tolist()
        self.inner_gain = self._roots[inner]
        self.above = np.r_[-1, place[parents[inner[1:]]]]
        self.inner_parents = [
            self.above[a:b] - before for before, a, b in zip(first, first[1:], np.cumsum(sizes)[1:])
        ]
        self.class_parents = place[parents[:k]]
        unsorted = self._vectors(classes, parents[classes], len(self.inner.signs))
        slots = np.empty(k, np.int64)
        slots[classes] = unsorted.slots
        self.classes = NodeVectors(unsorted.signs, slots)

    def _vectors(self, nodes: np.ndarray, families: np.ndarray, used: int) -> NodeVectors:
        """Vectors of nodes in order, from blocks of signs of which the first are `used`."""
        if self.exact:
            return NodeVectors(np.empty((0, self.dim), np.int8), nodes)
        size = len(self.factors[0]) * len(self.factors[1])
        block, row = np.divmod(places(families, size), size)
        blocks = int(block[-1]) + 1
        drawn = signs(self.seed, used + blocks, self.dim)[used:]
        return NodeVectors(drawn, row * blocks + block)

    def _sums(self, inner: np.ndarray, classes: np.ndarray) -> np.ndarray:
        """Sum the values of inner nodes and classes along the path of every class, `[K, B]`."""
        levels = np.split(self.inner_gain[:, None] * inner, np.cumsum(self.level_sizes)[:-1])
        for depth, parents in enumerate(self.inner_parents, 1):
            levels[depth] = levels[depth] + levels[depth - 1][parents]
        above = np.concatenate(levels)[self.class_parents]
        return self.parent_gain[..., None] * above + self.class_gain[:, None] * classes

    def _lengths(self) -> np.ndarray:
        """Lengths of the rows before they are scaled, float64 `[K]`.

        `|r + g|^2 = |r|^2 + 2 r g + |g|^2` for a class's own part g and the sum r of its ancestors,
        whose products with all vectors of a block are one transform.
        """
        if self.exact:
            return np.ones(self.num_classes)
        a, b = self.factors
        squares, blocks = np.empty(self.num_classes), len(self.classes.signs)
        tree_order = np.argsort(
            self.classes.slots % blocks * len(a) * len(b) + self.classes.slots // blocks
        )
        for part in np.array_split(tree_order, -(-self.num_classes // CHUNK)):
            row, block = np.divmod(self.classes.slots[part], blocks)
            pairs, pair = np.unique(self.class_parents[part] * blocks + block, return_inverse=True)
            above = self._inner_rows(pairs // blocks, np.ones(len(pairs)))
            turned = np.zeros((len(pairs), len(a) * len(b)))
            turned[:, : self.dim] = above * self.classes.signs[pairs % blocks]
            turned = a @ (turned.reshape(-1, len(b)) @ b).reshape(len(pairs), len(a), len(b))
            dots = turned.reshape(len(pairs), -1)[pair, row] / np.sqrt(self.dim)
            own = self._roots[part]
            squares[part] = np.sum(above**2, axis=1)[pair] + 2 * own * dots + own**2
        if squares.min() < 1e-12:
            raise ValueError(
                f"With dim={self.dim} and seed={self.seed} the vectors of a path cancel. Use a "
                "larger `dim`."
            )
        return np.sqrt(squares)

    def matvec(self, x: ArrayLike) -> np.ndarray:
        """Inner products of features with every class vector.

        Args:
            x: `[B, dim]` features.

        Returns:
            float64 `[B, K]`, equal to `x @ dense().T`, at O(B N log dim) cost.
        """
        x = np.asarray(x, np.float64)
        if x.ndim != 2 or x.shape[1] != self.dim:
            raise ValueError(f"`x` must have shape [B, {self.dim}]. Received shape: {x.shape}")
        return self._sums(self.inner.values(x.T), self.classes.values(x.T)).T

    def dense(self) -> np.ndarray:
        """Return the frame as a float64 `[K, dim]` matrix; row `k` is class `k`'s unit vector."""
        return self.rows(np.arange(self.num_classes))

    def rows(self, classes: ArrayLike) -> np.ndarray:
        """Vectors of some classes, float64 `[n, dim]`, in memory of that size."""
        classes = np.asarray(classes)
        own = self.class_gain[classes, None] * self.classes.rows(classes)
        return own + self._inner_rows(self.class_parents[classes], self.parent_gain[classes])

    def _inner_rows(self, node: np.ndarray, gain: np.ndarray) -> np.ndarray:
        """Sum the vectors on the way to inner nodes, times a gain each, `[n, dim]`."""
        total = np.zeros((len(node), self.dim))
        while (node >= 0).any():
            own = np.where(node >= 0, gain * self.inner_gain[node], 0.0)
            total += own[:, None] * self.inner.rows(node)
            node = np.where(node >= 0, self.above[node], -1)
        return total

    def gram_error(self, pairs: int = 20_000, seed: int = 0) -> GramError:
        """Error of the cosines against the target, on sampled pairs (see `frames.gram_error`)."""
        return gram_error(self, self.target, pairs, seed)
