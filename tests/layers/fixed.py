"""The fixed classifiers that their tests go through, and their vectors."""

import numpy as np
from keras import ops

from keras_haframe.layers import ETFClassifier, FrameClassifier
from tests.gradients import DTYPE


def rows(classifier, dim):
    """The class vectors of a classifier `[K, dim]`, read off its logits of unit features."""
    return ops.convert_to_numpy(classifier(np.eye(dim, dtype=DTYPE))["logits"]).T


def classifiers(tree):
    return [
        FrameClassifier(tree, 1.0, dtype=DTYPE),
        FrameClassifier(tree, 1.0, frame="structured", dtype=DTYPE),
        FrameClassifier(
            tree, 3.0, min_similarity="exact", frame="structured", convention="subtree", dtype=DTYPE
        ),
        ETFClassifier(tree.num_classes, dtype=DTYPE),
        FrameClassifier(tree, 1.0, frame="low_rank", dtype=DTYPE),
        FrameClassifier(tree, 1.0, frame="best_rank", dtype=DTYPE),
    ]
