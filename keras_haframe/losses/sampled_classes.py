"""Cross-entropy and cosine loss estimated from the label and some classes drawn at random."""

from __future__ import annotations

import math

import numpy as np
from keras import ops

from keras_haframe.layers.fixed_classifier import inverse_norm
from keras_haframe.losses.class_vectors import ClassVectors
from keras_haframe.losses.own_cosines import OwnCosines
from keras_haframe.tree import ClassTree
from keras_haframe.tree_ops.target_rows import TargetRows
from keras_haframe.tree_ops.values import Tensor

NEVER = -1e30  # log weight of what does not count


class TreeProposal:
    """Draws classes for a label, near ones more often.

    First a depth from 0 to height - 1, all alike, then one of the classes below the label's
    ancestor there: half of the draws of a tree of height 2 are among the siblings.

    Args:
        tree: A `ClassTree`.

    Reference: ours.
    """

    def __init__(self, tree: ClassTree) -> None:
        self.paths = tree.paths[:, :-1].astype(np.int32)
        self.order = np.lexsort(tree.paths.T[::-1]).astype(np.int32)
        self.first = np.zeros(tree.num_nodes, np.int32)
        self.size = np.ones(tree.num_nodes, np.int32)
        for column in self.paths[self.order].T:
            nodes, first, size = np.unique(column, return_index=True, return_counts=True)
            self.first[nodes], self.size[nodes] = first, size

    def __call__(self, labels: Tensor, draws: Tensor) -> tuple[Tensor, Tensor]:
        """Classes and the logarithm of their probability, `[B, m]` each.

        Args:
            labels: int `[B]`.
            draws: As `layers.Draws` makes them, `[B, m, 3]`.
        """
        depth, number = _integers(draws)
        paths, size = ops.convert_to_tensor(self.paths), ops.convert_to_tensor(self.size)
        depths = self.paths.shape[1]
        own = ops.take(paths, labels, axis=0)
        node = ops.take_along_axis(own, depth % depths, axis=1)
        first = ops.take(ops.convert_to_tensor(self.first), node)
        place = first + number % ops.take(size, node)
        classes = ops.take(ops.convert_to_tensor(self.order), place)
        shared = ops.equal(own[:, None, :], ops.take(paths, classes, axis=0))
        chances = 1.0 / ops.cast(depths * ops.take(size, own), "float32")
        likely = ops.sum(ops.where(shared, chances[:, None, :], 0.0), axis=-1)
        return classes, ops.log(likely)


def sampled_terms(
    features: Tensor,
    labels: Tensor,
    draws: Tensor,
    vectors: ClassVectors,
    targets: TargetRows | OwnCosines | None = None,
    proposal: TreeProposal | None = None,
) -> tuple[Tensor, Tensor]:
    """Estimates of cross-entropy and cosine loss, `[B]` each.

    A class k drawn with probability q stands for `1 / (m q)` classes: `-log(m q)` is added to its
    logit, and its term of the cosine loss is weighed. The label counts itself and never as a draw.
    So the sum of exponentials and the cosine loss with its gradient are right on average; the
    logarithm makes cross-entropy too low, by less the more are drawn.

    Args:
        features: Float tensor `[B, dim]`.
        labels: int `[B]`.
        draws: As `layers.Draws` makes them, `[B, m, 3]`.
        vectors: The classifier's.
        targets: Rows of the target cosines; without them the cosine loss is 0.
        proposal: How classes are drawn; all alike by default.

    Reference: log-proposal correction, Bengio and Senecal, Adaptive importance sampling to
    accelerate training of a neural probabilistic language model (IEEE TNN 2008).
    """
    if proposal is None:
        classes = _integers(draws)[1] % vectors.num_classes
        log_q = ops.full_like(ops.cast(classes, "float32"), -math.log(vectors.num_classes))
    else:
        classes, log_q = proposal(labels, draws)
    dtype = features.dtype
    everyone = ops.concatenate([labels[:, None], classes], axis=1)
    w, bias = vectors.take(vectors.parameters, everyone, dtype)
    z = ops.einsum("bd,bmd->bm", features, w)
    z = z if bias is None else z + bias
    weight = ops.cast(-math.log(draws.shape[1]) - log_q, dtype)
    weight = ops.where(classes == labels[:, None], NEVER, weight)
    weight = ops.concatenate([ops.zeros_like(weight[:, :1]), weight], axis=1)
    entropy = ops.logsumexp(z + weight, axis=1) - z[:, 0]
    if targets is None:
        return entropy, ops.zeros_like(entropy)
    off = z * inverse_norm(features) - targets.at(labels, everyone)
    return entropy, ops.sum(ops.exp(weight) * ops.square(off), axis=1)


def _integers(draws: Tensor) -> tuple[Tensor, Tensor]:
    """Two random int32 `[B, m]` of 15 and 30 bits; outputs reach a loss as floats."""
    bits = ops.cast(draws, "int32")
    return bits[..., 0], bits[..., 1] * 2**15 + bits[..., 2]
