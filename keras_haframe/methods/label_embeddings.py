"""Label embeddings: unit vectors whose inner products fall linearly with the tree distance."""

from __future__ import annotations

import numpy as np

from keras_haframe import losses
from keras_haframe.layers import EmbeddingClassifier
from keras_haframe.methods.base import Method, Norm, linear, register
from keras_haframe.tree import ClassTree
from keras_haframe.tree_ops.dense_limit import check_dense
from keras_haframe.tree_ops.values import Tensor


def tree_embeddings(tree: ClassTree) -> np.ndarray:
    """Return unit vectors with `e_i'e_j = 1 - d_ij / H`, `d` the height of the LCA as a subtree.

    The construction of Barz and Denzler places class after class in the space of those before it
    and one further dimension: it is the Cholesky factor of the matrix of inner products.

    Args:
        tree: A `ClassTree`.

    Returns:
        float64 `[K, K]`, lower triangular.

    Raises:
        ValueError: For more than 2,048 classes.

    Example:

    >>> tree = ClassTree.from_nested({"land": ["car", "truck"], "air": ["jet", "glider"]})
    >>> (tree_embeddings(tree) @ tree_embeddings(tree).T)[0].round(6)
    array([1. , 0.5, 0. , 0. ])

    Reference: Barz and Denzler, Hierarchy-based Image Embeddings for Semantic Image Retrieval
    (WACV 2019), section 3.
    """
    check_dense(
        "The tree's embedding of classes",
        tree.num_classes,
        "haframe with mapping='linear' has such cosines in O(N); cross_entropy,"
        " soft_labels, hierarchical_cross_entropy and conditional_softmax take any number, devise "
        "takes `vectors` of fewer dimensions.",
    )
    return np.linalg.cholesky(1.0 - tree.distances("subtree") / tree.height)


@register("label_embeddings")
class LabelEmbeddings(Method):
    """Images embedded next to their class, classes placed by the tree.

    Head: batch normalization and a linear layer to K dimensions. Scores are the cosines to the
    class embeddings.

    Reference: Barz and Denzler, Hierarchy-based Image Embeddings for Semantic Image Retrieval
    (WACV 2019); head and loss as in Bertinetto et al., Making Better Mistakes (CVPR 2020).
    """

    Loss = losses.CosineEmbeddingLoss

    def head(self, features: Tensor, norm: Norm) -> dict:
        features = linear(self.tree.num_classes, "embed")(norm()(features))
        classifier = EmbeddingClassifier(tree_embeddings(self.tree), name="classifier")
        return {"cosines": classifier(features)["cosines"], "features": features}

    def scores(self, outputs: dict) -> Tensor:
        return outputs["cosines"]
