"""The target cosines of a tree as one value: what head, loss, frame and figures share."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from keras_haframe.frames import node_weights
from keras_haframe.frames.similarity import resolve_gamma, resolve_min_similarity
from keras_haframe.tree import ClassTree, as_tree


class TargetCosines:
    """Target cosine `S_ij` of every pair of classes, `1 - s_min` times a decay plus `s_min`.

    Args:
        tree: A `ClassTree` (or its configuration).
        gamma: Decay of the target cosines with the LCA height: positive, or `"auto"`, 0.4 times the
            largest distance and at most 2: every level of a low tree multiplies the decay by
            `exp(-0.4) = 0.67`. (Papers: FGVC-Aircraft 1 for 3 levels, CIFAR-100 2 for 5,
            iNaturalist 2019 5 for 7, tieredImageNet-H 3 for 12.)
        min_similarity: `"grid"` (the papers' search), `"exact"` (the smallest possible), or a
            number not below the exact bound.
        convention: Distance convention, see `ClassTree.distances`.
        mapping: `"exponential"` (the paper's) or `"linear"`, which has no gamma.

    Attributes:
        tree, min_similarity, convention, mapping: As given, after a check.
        gamma: The number.
        s_min: The number that `min_similarity` stands for.

    Raises:
        ValueError: For a bad gamma or min_similarity (the message says the bound), or unknown
            words.

    Example:

    >>> tree = ClassTree.from_nested({"land": ["car", "truck"], "air": ["jet", "glider"]})
    >>> TargetCosines(tree, gamma=1.0).matrix()[0].round(3)
    array([ 1.   ,  0.213, -0.264, -0.264])

    Reference: Liang and Davis, HAFrame (ICCV 2023), equation of the distance-to-cosine mapping.
    """

    def __init__(
        self,
        tree: ClassTree | dict,
        gamma: float | str = "auto",
        *,
        min_similarity: str | float = "grid",
        convention: str = "depth",
        mapping: str = "exponential",
    ):
        self.tree = as_tree(tree)
        self.gamma = resolve_gamma(self.tree, gamma, mapping, convention)
        self.min_similarity = min_similarity
        self.convention, self.mapping = convention, mapping
        self.s_min = resolve_min_similarity(
            self.tree, self.gamma, min_similarity, mapping, convention
        )

    @classmethod
    def of(
        cls,
        tree: ClassTree | dict | TargetCosines,
        gamma: float | str = "auto",
        *,
        default: str = "grid",
        **options: Any,
    ) -> TargetCosines:
        """Target cosines as they are, or those of a tree: what takes either calls this.

        Args:
            tree: A `ClassTree` (or its configuration), or target cosines.
            gamma: See `TargetCosines`.
            default: The caller's default of `min_similarity`.
            **options: See `TargetCosines`.

        Raises:
            ValueError: If target cosines come with arguments that say something else.
        """
        if not isinstance(tree, TargetCosines):
            return cls(tree, gamma, **options)
        usual = {
            "gamma": "auto", "min_similarity": default, "convention": "depth",
            "mapping": "exponential",
        }  # fmt: skip
        for name, value in {"gamma": gamma, **options}.items():
            if value != usual[name]:
                raise ValueError(
                    f"{tree!r} has its own `{name}`. Leave it out, or pass the class tree. "
                    f"Received: {name}={value!r}"
                )
        return tree

    def without_negative_weights(self) -> TargetCosines:
        """Return the nearest target cosines whose node weights are not negative.

        Only the root's weight, the cosine of classes that share nothing but the root, can be
        negative. Where `min_similarity` is a word, the smallest possible, such classes are made
        orthogonal; a number is kept.

        Raises:
            ValueError: If the number makes them negative; the message says the least one.
        """
        weight = self.weights[-1]
        least = self.s_min - weight * (1 - self.s_min) / (1 - weight)
        if not isinstance(self.min_similarity, str):
            if weight < -1e-9:
                raise ValueError(
                    "A low-rank frame is a sum of vectors along the path and has no negative "
                    "cosines. Use frame='structured', or a `min_similarity` of at least "
                    f"{least:.6g}. Received: {self.min_similarity!r}"
                )
            return self
        return TargetCosines(
            self.tree, self.gamma, min_similarity=least, convention=self.convention,
            mapping=self.mapping,
        )  # fmt: skip

    @property
    def weights(self) -> np.ndarray:
        """Node weights, float64 `[N]`, with `S = sum_n weights_n 1_n 1_n'`."""
        return node_weights.node_weights(
            self.tree, self.gamma, self.s_min, self.mapping, self.convention
        )

    def at(self, heights: ArrayLike) -> np.ndarray:
        """Target cosines of classes whose LCA has the given heights, float64."""
        t = np.asarray(heights) / node_weights.largest_distance(self.tree, self.convention)
        decay = 1.0 - t if self.mapping == "linear" else np.exp(-self.gamma * t)
        return (1.0 - self.s_min) * decay + self.s_min

    def matrix(self) -> np.ndarray:
        """Return the target Gram matrix, float64 `[K, K]` with a unit diagonal."""
        return self.at(self.tree.distances(self.convention))

    def get_config(self) -> dict[str, Any]:
        """Return the arguments, the tree as its configuration."""
        return {
            "tree": self.tree.get_config(),
            "gamma": self.gamma,
            "min_similarity": self.min_similarity,
            "convention": self.convention,
            "mapping": self.mapping,
        }

    def __repr__(self) -> str:
        return (
            f"TargetCosines({self.tree.num_classes} classes, gamma={self.gamma:g}, "
            f"min_similarity={self.s_min:.4g}, {self.convention}, {self.mapping})"
        )
