"""The HAFrame loss: cross-entropy and cosine loss, mixed by alpha."""

from __future__ import annotations

import keras

from keras_haframe.frames import TargetCosines
from keras_haframe.losses.classifier_loss import ClassifierLoss
from keras_haframe.losses.cross_entropy import CrossEntropy
from keras_haframe.losses.frame_cosine_loss import FrameCosineLoss
from keras_haframe.losses.own_cosines import OwnCosines
from keras_haframe.losses.sampled_classes import TreeProposal
from keras_haframe.tree import ClassTree
from keras_haframe.tree_ops.options import check_choice, non_negative
from keras_haframe.tree_ops.target_rows import TargetRows
from keras_haframe.tree_ops.values import Outputs, Tensor


@keras.saving.register_keras_serializable(package="keras_haframe")
class HAFrameLoss(ClassifierLoss):
    """`beta` cross-entropy + `alpha` cosine loss, `beta = 1 - alpha` (1 where `alpha > 1`).

    Args:
        tree: A `ClassTree` (or its configuration), or the `TargetCosines` themselves.
        gamma: Decay of the target cosines (papers: FGVC-Aircraft 1, CIFAR-100 2, iNaturalist 2019
            5, tieredImageNet-H 3), or `"auto"`, see `frames.TargetCosines`.
        alpha: Weight of the cosine loss, in `[0, inf)` (papers: FGVC-Aircraft and
            tieredImageNet-H 0.5, CIFAR-100 and iNaturalist 2019 0.4; 0 is cross-entropy alone).
            `"auto"` falls with K, since the cosine loss grows with it and cross-entropy does not:
            0.5 up to 20 classes, `10 / K` up to 100, 0.1 up to 1,000, `100 / K` beyond. Setting
            `loss.alpha` later takes effect in compiled steps too, as with a learning rate:
            `training.AlphaSchedule` does so from epoch to epoch.
        min_similarity: `"grid"` (the papers' search), `"exact"`, or a number not below the exact
            bound.
        convention: Distance convention, see `ClassTree.distances`.
        mapping: `"exponential"` or `"linear"`, see `frames.similarity`.
        own_cosines: Take the cosines between the classifier's own vectors as targets, not the
            tree's: for frames of few dimensions. `build()` does so for `frame="low_rank"` and
            `"best_rank"`.
        class_block: For very many classes: how many at a time, exactly, in memory of batch x
            block instead of batch x classes; `None` for all by their logits.
        negatives: In training, estimate the loss from the label and so many classes drawn for each
            example; `None` for all classes. Evaluation always takes all.
        proposal: How they are drawn: `"uniform"`, all alike, or `"tree"`, near ones more often.
        reduction: Keras reduction over the batch.

    Call arguments: integer labels `[B]` and the outputs `{"logits", "cosines"}` of a
    `FrameClassifier`; with `class_block` `{"features"}`, with `negatives` `{"features", "draws"}`.
    With these two and with `own_cosines` the attribute `classifier` must be the layer (a model sets
    it).

    Raises:
        ValueError: For a bad alpha or gamma.

    Example:

    >>> tree = ClassTree.from_nested({"land": ["car", "truck"], "air": ["jet", "glider"]})
    >>> outputs = keras_haframe.layers.FrameClassifier(tree, gamma=1.0)(keras.ops.zeros((1, 4)))
    >>> round(float(HAFrameLoss(tree, gamma=1.0, alpha=0.0)([0], outputs)), 4)  # log 4
    1.3863

    Reference: Liang and Davis, HAFrame (ICCV 2023), total loss.
    """

    def __init__(
        self,
        tree: ClassTree | TargetCosines | dict,
        gamma: float | str = "auto",
        *,
        alpha: float | str = "auto",
        min_similarity: str | float = "grid",
        convention: str = "depth",
        mapping: str = "exponential",
        own_cosines: bool = False,
        class_block: int | None = None,
        negatives: int | None = None,
        proposal: str = "uniform",
        name: str = "haframe",
        reduction: str = "sum_over_batch_size",
        dtype: str | None = None,
    ):
        super().__init__(name, reduction, dtype, class_block, negatives)
        self._weights = keras.Variable((1.0, 0.0), dtype=self.dtype, trainable=False, name="mix")
        self.own_cosines = bool(own_cosines)
        self.cross_entropy = CrossEntropy(dtype=dtype)
        self.cosine = FrameCosineLoss(
            tree, gamma, min_similarity=min_similarity, convention=convention, mapping=mapping,
            dtype=dtype,
        )  # fmt: skip
        self.alpha = alpha
        self.proposal = check_choice("proposal", proposal, ("uniform", "tree"))
        if negatives is not None and proposal == "tree":
            self.tree_proposal = TreeProposal(self.target.tree)

    @property
    def target(self) -> TargetCosines:
        """The target cosines."""
        return self.cosine.target

    @property
    def alpha(self) -> float:
        """Weight of the cosine loss."""
        return self._alpha

    @alpha.setter
    def alpha(self, value: float | str) -> None:
        if isinstance(value, str) and value == "auto":  # of a tensor, == is one, too
            value = default_alpha(self.target.tree.num_classes)
        self._alpha = non_negative("alpha", value)
        self._weights.assign(self.weights())

    @property
    def variables(self) -> list[keras.Variable]:
        return [self._weights]

    @property
    def reads_classifier(self) -> bool:
        return self.by_features or self.own_cosines

    def weights(self) -> tuple[float, float]:
        """Weights `(beta, alpha)` of cross-entropy and cosine loss."""
        return (1.0 - self.alpha if self.alpha <= 1 else 1.0), self.alpha

    def loss(self, labels: Tensor, outputs: Outputs) -> Tensor:
        beta, alpha = self._weights[0], self._weights[1]
        targets: TargetRows | OwnCosines = self.cosine.targets
        if self.own_cosines:
            targets = OwnCosines(self.classifier, self.dtype)
        if self.by_features:
            entropy, cosine = self.terms(labels, outputs, targets)
            return beta * entropy + alpha * cosine
        if not isinstance(outputs, dict) or not {"logits", "cosines"} <= set(outputs):
            raise ValueError(
                "HAFrameLoss takes the outputs {'logits', 'cosines'} of a FrameClassifier. "
                f"Received: {sorted(outputs) if isinstance(outputs, dict) else type(outputs)}"
            )
        cosine = self.cosine.distance(labels, outputs, targets)
        return beta * self.cross_entropy.loss(labels, outputs) + alpha * cosine

    def get_config(self) -> dict:
        return {**super().get_config(), **self.target.get_config(), "alpha": self.alpha,
                "own_cosines": self.own_cosines, "proposal": self.proposal}  # fmt: skip

    @classmethod
    def from_config(cls, config: dict) -> HAFrameLoss:
        return cls(**without_schedule(config))


def default_alpha(num_classes: int) -> float:
    """Weight of the cosine loss under `alpha="auto"`.

    Example:

    >>> [default_alpha(classes) for classes in (4, 40, 100, 1_000, 10_000)]
    [0.5, 0.25, 0.1, 0.1, 0.01]
    """
    return min(0.5, max(10.0 / num_classes, 0.1), 100.0 / num_classes)


def without_schedule(config: dict) -> dict:
    """Take out the schedule of alpha that configurations held before it was a callback."""
    named = isinstance(config.get("alpha"), str)
    dropped = {"epochs", "period", "alpha"} if named else {"epochs", "period"}
    return {key: value for key, value in config.items() if key not in dropped}
