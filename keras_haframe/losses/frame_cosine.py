"""The cosine loss that draws features to the target cosines of the tree."""

from __future__ import annotations

import keras
from keras import ops

from keras_haframe.frames import node_weights
from keras_haframe.frames.similarity import check_gamma, resolve_min_similarity
from keras_haframe.losses.base import LabelLoss
from keras_haframe.tree import as_tree
from keras_haframe.tree_ops.checks import check_width
from keras_haframe.tree_ops.target_rows import TargetRows


@keras.saving.register_keras_serializable(package="keras_haframe")
class FrameCosineLoss(LabelLoss):
    """Squared distance of the features' cosines to the target cosines of their class.

    `L_b = sum_k (cos(w_k, x_b) - S[y_b, k])^2`: summed over all classes, averaged over the batch.

    Args:
        tree: A `ClassTree` (or its configuration).
        gamma: Decay of the target cosines, as of the classifier.
        min_similarity: As of the classifier: `"grid"`, `"exact"` or a number.
        convention: Distance convention, see `ClassTree.distances`.
        reduction: Keras reduction over the batch.

    Call arguments: integer labels `[B]` and cosines `[B, K]`, or a dictionary of outputs that
    holds them under `"cosines"`.

    Example:

    >>> tree = ClassTree.from_nested({"land": ["car", "truck"], "air": ["jet", "glider"]})
    >>> targets = similarity(tree, 1.0, min_similarity(tree, 1.0, "grid"))
    >>> loss = FrameCosineLoss(tree, gamma=1.0)
    >>> round(float(loss([0, 1], targets[:2])), 6)  # features on the vectors of their classes
    0.0
    >>> round(float(loss([0], targets[1:2])), 4)  # at the sibling's vector
    1.2385

    Reference: Liang and Davis, HAFrame (ICCV 2023), cosine similarity loss.
    """

    def __init__(
        self,
        tree,
        gamma: float,
        min_similarity: str | float = "grid",
        convention: str = "depth",
        name="frame_cosine",
        reduction="sum_over_batch_size",
        dtype=None,
    ):
        super().__init__(name, reduction, dtype)
        self.tree = as_tree(tree)
        self.gamma = check_gamma(gamma)
        self.min_similarity = min_similarity
        self.convention = convention
        s_min = resolve_min_similarity(self.tree, gamma, min_similarity, convention=convention)
        weights = node_weights.node_weights(self.tree, gamma, s_min, convention=convention)
        self.targets = TargetRows(self.tree, weights, self.dtype)

    def loss(self, labels, outputs):
        cosines = outputs["cosines"] if isinstance(outputs, dict) else outputs
        check_width(cosines, self.tree.num_classes, "Cosines", "class of the tree")
        return ops.sum(ops.square(cosines - self.targets(labels)), axis=-1)

    def get_config(self):
        return {
            **super().get_config(),
            "tree": self.tree.get_config(),
            "gamma": self.gamma,
            "min_similarity": self.min_similarity,
            "convention": self.convention,
        }
