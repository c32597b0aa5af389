"""The hierarchy-aware frame in structured form: O(N) to build, to store and to apply."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from keras_haframe.frames import node_weights as nw
from keras_haframe.frames.target_cosines import TargetCosines
from keras_haframe.tree import ClassTree

BLOCK = 1024


class Level(NamedTuple):
    """One step of the walk from the root to the classes (all children at one depth).

    Children stand as the first child of every parent, then all further ones by parent. A first
    child takes its parent's scaled value, a further one the next row of the input (`details`, a
    slice). `segment` is the parent of each further child; `first_mirror` and `mirror` are the unit
    Householder vectors of the groups (zero for an only child), `gain` the factor of each parent.
    `inner` are the children with children, `leaf` the classes.
    """

    gain: np.ndarray
    details: slice
    segment: np.ndarray
    first_mirror: np.ndarray
    mirror: np.ndarray
    inner: np.ndarray
    leaf: np.ndarray


class TreeFrame:
    """Hierarchy-aware frame whose K x K matrix is never formed.

    The frame is a tree wavelet. A node's block of the Gram matrix is the block diagonal of its
    children's blocks plus a rank-one term, so the children's scaling coordinates are turned by one
    Householder reflection into one scaling coordinate of the node and as many details as there
    are further children, and the scaling coordinate is multiplied by a gain. Coordinate 0 belongs
    to the root, the others to the details from the root downwards: early coordinates decide
    between coarse groups, late ones between siblings.

    Args:
        tree: A `ClassTree`, or the `TargetCosines` themselves.
        gamma: Decay of the target cosines, positive.
        min_similarity: `"exact"` (the smallest possible, where the frame has rank K - 1),
            `"grid"` (the papers' search) or a number not below the exact bound.
        convention: Distance convention, see `ClassTree.distances`.
        mapping: `"exponential"` or `"linear"`, see `similarity`.

    Attributes:
        min_similarity: The number used.
        num_classes: K.

    Raises:
        ValueError: For `gamma <= 0`, a `min_similarity` below the exact bound of the tree (which
            the message names), or unknown words.

    Example:

    >>> frame = TreeFrame(ClassTree.from_nested({"land": ["car", "truck"], "air": ["jet"]}), 1.0)
    >>> x = np.ones((2, 3))
    >>> bool(np.allclose(frame.matvec(x), x @ frame.dense().T))
    True

    Reference: ours; the matrix has the Gram matrix of HAFrame (Liang and Davis, ICCV 2023).
    Derivation in docs/architecture.md.
    """

    def __init__(
        self,
        tree: ClassTree | TargetCosines,
        gamma: float | str = "auto",
        min_similarity: str | float = "exact",
        *,
        convention: str = "depth",
        mapping: str = "exponential",
    ):
        target = TargetCosines.of(
            tree, gamma, default="exact", min_similarity=min_similarity, convention=convention,
            mapping=mapping,
        )  # fmt: skip
        tree, weights = target.tree, target.weights
        self.num_classes = tree.num_classes
        self.gamma, self.min_similarity = target.gamma, target.s_min
        below, whole = nw.masses(tree, weights)
        gain = np.sqrt(np.maximum(1.0 + weights * below, 0.0))
        self._plan(tree, gain, np.sqrt(whole))
        self.leaf_gain = np.sqrt(weights[: tree.num_classes])

    def _plan(self, tree: ClassTree, gain: np.ndarray, rho: np.ndarray) -> None:
        """Lay out the walk from the root to the classes, one `Level` per depth."""
        self.levels: list[Level] = []
        parents = np.array([tree.num_nodes - 1])
        used, classes = 1, []
        slot = np.empty(tree.num_nodes, np.int64)
        for nodes in tree.by_depth[1:]:
            slot[parents] = np.arange(len(parents))
            segment = slot[tree.parents[nodes]]
            order = np.argsort(segment, kind="stable")
            nodes, segment = nodes[order], segment[order]
            first = np.r_[True, segment[1:] != segment[:-1]]
            mirrors = _mirrors(rho[nodes], first, segment)
            place = np.where(first, segment, len(parents) + np.cumsum(~first) - 1)
            inner = nodes >= self.num_classes
            further = slice(used, used + int((~first).sum()))
            self.levels.append(
                Level(
                    gain[parents], further, segment[~first], mirrors[first], mirrors[~first],
                    place[inner], place[~inner],
                )
            )  # fmt: skip
            used = further.stop
            classes.append(nodes[~inner])
            parents = nodes[inner]
        self.classes = np.concatenate(classes)  # in the order in which the walk meets them
        self.class_order = np.argsort(self.classes)

    def matvec(self, x: ArrayLike) -> np.ndarray:
        """Inner products of features with every class vector.

        Args:
            x: `[B, K]` features.

        Returns:
            float64 `[B, K]`, equal to `x @ dense().T`, at O(B N) cost.
        """
        x = np.asarray(x, np.float64)
        if x.ndim != 2 or x.shape[1] != self.num_classes:
            raise ValueError(
                f"`x` must have shape [B, {self.num_classes}]. Received shape: {x.shape}"
            )
        x = np.ascontiguousarray(x.T)
        values, done = x[:1], []
        for lv in self.levels:
            scaled, details = lv.gain[:, None] * values, x[lv.details]
            first_mirror, mirror = lv.first_mirror[:, None], lv.mirror[:, None]
            dots = first_mirror * scaled
            if len(lv.segment):
                starts = np.flatnonzero(np.r_[True, lv.segment[1:] != lv.segment[:-1]])
                dots[lv.segment[starts]] += np.add.reduceat(mirror * details, starts, axis=0)
            z = np.concatenate([
                scaled - 2.0 * first_mirror * dots, details - 2.0 * mirror * dots[lv.segment]
            ])  # fmt: skip
            done.append(z[lv.leaf])
            values = z[lv.inner]
        return (np.concatenate(done)[self.class_order] * self.leaf_gain[:, None]).T

    def dense(self) -> np.ndarray:
        """Return the frame as a float64 `[K, K]` matrix; row `k` is class `k`'s unit vector."""
        frame = np.zeros((self.num_classes,) * 2)
        for first in range(0, self.num_classes, BLOCK):  # a few columns at a time
            last = min(first + BLOCK, self.num_classes)
            axes = np.eye(last - first, self.num_classes, first)
            frame[:, first:last] = self.matvec(axes).T
        return frame


def _mirrors(rho: np.ndarray, first: np.ndarray, segment: np.ndarray) -> np.ndarray:
    """Return unit Householder vectors that turn each group of `rho` onto its first axis."""
    starts = np.flatnonzero(first)
    norm2 = np.add.reduceat(rho**2, starts)
    rest2 = np.add.reduceat(np.where(first, 0.0, rho) ** 2, starts)
    mirror = rho.copy()
    # v_1 - |v| without cancellation: all entries of v are positive.
    mirror[starts] = -rest2 / (rho[starts] + np.sqrt(norm2))
    length = np.sqrt(np.add.reduceat(mirror**2, starts))
    only = rest2 == 0
    return np.where(only[segment], 0.0, mirror / np.where(only, 1.0, length)[segment])
