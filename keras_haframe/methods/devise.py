"""DeViSE: images embedded among given class vectors by a ranking loss."""

from __future__ import annotations

from typing import Any, ClassVar

from keras_haframe import losses
from keras_haframe.layers import EmbeddingClassifier
from keras_haframe.layers.embedding_classifier import check_vectors
from keras_haframe.methods.base import Method, Norm, linear, register
from keras_haframe.methods.label_embeddings import tree_embeddings
from keras_haframe.tree import ClassTree
from keras_haframe.tree_ops.options import check_count
from keras_haframe.tree_ops.values import Tensor


@register("devise")
class DeViSE(Method):
    """Images ranked by cosine to class vectors from elsewhere, such as word vectors.

    Head: linear layer, ReLU, batch normalization, linear layer to the vectors' width. Scores are
    the cosines to the class vectors.

    Args:
        vectors: `[K, d]`, one vector per class in label order, of any length; without them, those
            of the tree (see `label_embeddings.tree_embeddings`). A saved model holds them as a
            weight; its configuration holds their shape, which is also taken here.
        width: Units of the hidden layer (Making Better Mistakes: 512).

    Reference: Frome et al., DeViSE: A Deep Visual-Semantic Embedding Model (NeurIPS 2013); head as
    in Bertinetto et al., Making Better Mistakes (CVPR 2020).
    """

    Loss = losses.RankingLoss
    head_options: ClassVar[dict[str, Any]] = {"vectors": None, "width": 512}
    vectors: Any
    width: int

    def __init__(self, tree: ClassTree | dict, **options: Any) -> None:
        super().__init__(tree, **options)
        self.width = check_count(self.width, "width")
        if self.vectors is None:
            return
        self.vectors = check_vectors(self.vectors)
        rows = len(self.vectors) if not isinstance(self.vectors, tuple) else self.vectors[0]
        if rows != self.tree.num_classes:
            raise ValueError(
                f"`vectors` must have one row per class, {self.tree.num_classes}. Received: {rows}"
            )

    def head(self, features: Tensor, norm: Norm) -> dict:
        vectors = tree_embeddings(self.tree) if self.vectors is None else self.vectors
        classifier = EmbeddingClassifier(vectors, name="classifier")
        hidden = norm()(linear(self.width, "embed_hidden", activation="relu")(features))
        features = linear(classifier.shape[1], "embed")(hidden)
        return {"cosines": classifier(features)["cosines"], "features": features}

    def scores(self, outputs: dict) -> Tensor:
        return outputs["cosines"]

    def options(self) -> dict[str, Any]:
        options = super().options()
        if self.vectors is not None:
            shape = self.vectors if isinstance(self.vectors, tuple) else self.vectors.shape
            options["vectors"] = list(shape)
        return options
