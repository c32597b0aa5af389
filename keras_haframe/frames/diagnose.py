"""A look at a tree and its target cosines before any training."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from keras_haframe.frames.similarity import min_similarity as bound_of
from keras_haframe.frames.target_cosines import TargetCosines
from keras_haframe.tree import ClassTree


class Diagnosis(NamedTuple):
    """What `diagnose` finds; printing it gives the report."""

    num_classes: int
    effective_classes: float
    min_similarity: float
    exact_bound: float
    smallest_eigenvalue: float
    heights: list[int]
    cosines: list[float]
    pairs: list[int]
    warnings: list[str]

    def __str__(self) -> str:
        lines = [
            f"classes K: {self.num_classes}",
            f"effective number of classes M: {self.effective_classes:.2f}",
            f"smallest cosine parameter s_min: {self.min_similarity:.6f} "
            f"(exact bound {self.exact_bound:.6f})",
            f"smallest eigenvalue of the Gram matrix: at most {self.smallest_eigenvalue:.4f}",
            "LCA height  class pairs  target cosine",
        ]
        lines += [
            f"{h:10d}  {n:11d}  {c:13.4f}"
            for h, n, c in zip(self.heights, self.pairs, self.cosines)
        ]
        return "\n".join(lines + [f"warning: {w}" for w in self.warnings])


def diagnose(
    tree: ClassTree | TargetCosines,
    gamma: float | str = "auto",
    *,
    min_similarity: str | float = "grid",
    convention: str = "depth",
    mapping: str = "exponential",
    verbose: bool = True,
) -> Diagnosis:
    """Report what a tree and `gamma` ask of the features, before hours are spent on training.

    Args:
        tree: A `ClassTree`, or the `TargetCosines` themselves.
        gamma: See `TargetCosines`.
        min_similarity: See `TargetCosines`.
        convention: See `TargetCosines`.
        mapping: See `TargetCosines`.
        verbose: Print the report.

    Returns:
        A `Diagnosis`: the effective number of classes `M = 1' E^-1 1` (how many classes the
        frame tells apart as well as a simplex ETF of M classes would), `s_min`, the number of
        class pairs and the target cosine at every LCA height, and warnings: for a flat tree (all
        pairs equal, the frame is the simplex ETF), for a gamma so small that siblings nearly
        coincide, and for one so large that the levels cannot be told apart.

    Raises:
        ValueError: As `TreeFrame`.

    Example:

    >>> tree = ClassTree.from_nested({"land": ["car", "truck"], "air": ["jet", "glider"]})
    >>> diagnose(tree, 1.0, verbose=False).heights
    [1, 2]
    """
    target = TargetCosines.of(
        tree, gamma, min_similarity=min_similarity, convention=convention, mapping=mapping
    )
    tree, convention = target.tree, target.convention
    exact = bound_of(tree, target.gamma, "exact", target.mapping, convention)
    heights, pairs = pairs_by_height(tree, convention)
    cosines = target.at(heights)
    warnings = []
    if len(heights) == 1:
        warnings.append(
            "the tree is flat: every pair of classes is equally far apart, the frame is the "
            "simplex ETF, and severity cannot improve."
        )
    if cosines[0] > 0.95:
        warnings.append(
            f"nearest classes have a target cosine of {cosines[0]:.3f}: they are hard to tell "
            "apart. Use a larger gamma."
        )
    elif len(heights) > 1 and cosines[0] - cosines[-1] < 0.1:
        warnings.append(
            f"target cosines span only {cosines[0] - cosines[-1]:.3f}: the hierarchy hardly "
            "shows. Use a smaller gamma."
        )
    result = Diagnosis(
        tree.num_classes, float(1 - 1 / exact), target.s_min, exact, float(1 - cosines[0]),
        heights.tolist(), cosines.tolist(), pairs.tolist(), warnings,
    )  # fmt: skip
    if verbose:
        print(result)
    return result


def pairs_by_height(tree: ClassTree, convention: str) -> tuple[np.ndarray, np.ndarray]:
    """LCA heights that occur and the number of unordered class pairs at each, in O(N)."""
    _, start, stop = tree.leaf_ranges
    size = stop - start
    inside = size * (size - 1) // 2
    own = inside.copy()
    np.subtract.at(own, tree.parents[:-1], inside[:-1])
    heights, place = np.unique(tree.node_heights(convention), return_inverse=True)
    pairs = np.bincount(place, weights=own).astype(np.int64)
    return heights[pairs > 0], pairs[pairs > 0]
