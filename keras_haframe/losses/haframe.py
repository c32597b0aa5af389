"""The HAFrame loss: cross-entropy and cosine loss, mixed by a constant or scheduled alpha."""

from __future__ import annotations

import math
import numbers

import keras
from keras import ops

from keras_haframe.losses.base import LabelLoss
from keras_haframe.losses.cross_entropy import CrossEntropy
from keras_haframe.losses.frame_cosine import FrameCosineLoss

SCHEDULES = (
    "linear_decrease",
    "linear_increase",
    "cosine",
    "cosine_linear_increase",
    "cosine_linear_decrease",
)


def alpha_schedule(name: str, epoch, epochs: int, period: int = 20):
    """Weights of the two losses at an epoch.

    Args:
        name: One of `"linear_decrease"` (alpha = 1 - e/N), `"linear_increase"` (e/N), `"cosine"`
            (0.5 (1 - cos(2 pi e/p))), `"cosine_linear_increase"` (cosine times e/N) and
            `"cosine_linear_decrease"` (1 - cosine times e/N).
        epoch: Epoch e from 0, a number or scalar tensor.
        epochs: Number of epochs N.
        period: Period p of the cosine, epochs.

    Returns:
        `(beta, alpha)`: weight of the cross-entropy and of the cosine loss.

    Raises:
        ValueError: For an unknown name.

    Example:

    >>> alpha_schedule("linear_decrease", epoch=25, epochs=100)
    (0.25, 0.75)

    Reference: options of HAFrame's released code; the paper keeps alpha constant.
    """
    if name not in SCHEDULES:
        raise ValueError(f"Unknown alpha schedule {name!r}. Choose one of {SCHEDULES}.")
    cos = math.cos if isinstance(epoch, (int, float)) else ops.cos
    wave = 0.5 * (1 - cos(2 * math.pi * epoch / period))
    share = epoch / epochs
    alpha = {
        "linear_decrease": 1 - share,
        "linear_increase": share,
        "cosine": wave,
        "cosine_linear_increase": wave * share,
        "cosine_linear_decrease": 1 - wave * share,
    }[name]
    return 1 - alpha, alpha


@keras.saving.register_keras_serializable(package="keras_haframe")
class HAFrameLoss(LabelLoss):
    """`beta` cross-entropy + `alpha` cosine loss, `beta = 1 - alpha` (1 where `alpha > 1`).

    Args:
        tree: A `ClassTree` (or its configuration).
        gamma: Decay of the target cosines.
        alpha: Weight of the cosine loss, in `[0, inf)`: the papers use 0.4 to 0.5, 0 is
            cross-entropy alone. Or the name of a schedule (see `alpha_schedule`).
        min_similarity: As of the classifier.
        epochs: Number of epochs of the training; needed by a schedule.
        period: Period of the cosine schedules, epochs.
        convention: Distance convention, see `ClassTree.distances`.
        reduction: Keras reduction over the batch.

    Call arguments: integer labels `[B]` and the outputs `{"logits", "cosines"}` of a
    `FrameClassifier`.

    With a schedule, the attribute `epoch` is the current epoch (a number or a variable);
    `HierarchicalClassifier.fit` keeps it current.

    Raises:
        ValueError: For a bad alpha or gamma, or a schedule without `epochs`.

    Example:

    >>> tree = ClassTree.from_nested({"land": ["car", "truck"], "air": ["jet", "glider"]})
    >>> outputs = FrameClassifier(tree, gamma=1.0)(keras.ops.zeros((1, 4)))
    >>> round(float(HAFrameLoss(tree, gamma=1.0, alpha=0.0)([0], outputs)), 4)  # log 4
    1.3863

    Reference: Liang and Davis, HAFrame (ICCV 2023), total loss.
    """

    def __init__(
        self,
        tree,
        gamma: float,
        alpha: float | str = 0.5,
        min_similarity: str | float = "grid",
        epochs: int | None = None,
        period: int = 20,
        convention: str = "depth",
        name="haframe",
        reduction="sum_over_batch_size",
        dtype=None,
    ):
        super().__init__(name, reduction, dtype)
        self.alpha = float(alpha) if isinstance(alpha, numbers.Real) else alpha
        self.epochs = epochs
        self.period = period
        self.epoch = 0.0
        if isinstance(alpha, str):
            if not epochs or epochs < 1:
                raise ValueError(
                    f"The schedule alpha={alpha!r} needs the number of `epochs`. "
                    f"Received: epochs={epochs}"
                )
            alpha_schedule(alpha, 0, epochs, period)
        elif not (isinstance(alpha, numbers.Real) and 0 <= alpha < math.inf):
            raise ValueError(
                f"`alpha` must be a number in [0, inf) or one of {SCHEDULES}. "
                f"Received: alpha={alpha!r}"
            )
        self.cross_entropy = CrossEntropy(dtype=dtype)
        self.cosine = FrameCosineLoss(tree, gamma, min_similarity, convention, dtype=dtype)

    def weights(self):
        """Current `(beta, alpha)`."""
        if isinstance(self.alpha, str):
            epoch = ops.convert_to_tensor(self.epoch, dtype=self.dtype)
            return alpha_schedule(self.alpha, epoch, self.epochs, self.period)
        return (1 - self.alpha if self.alpha <= 1 else 1.0), self.alpha

    def loss(self, labels, outputs):
        if not isinstance(outputs, dict) or not {"logits", "cosines"} <= set(outputs):
            raise ValueError(
                "HAFrameLoss takes the outputs {'logits', 'cosines'} of a FrameClassifier. "
                f"Received: {sorted(outputs) if isinstance(outputs, dict) else type(outputs)}"
            )
        beta, alpha = self.weights()
        return beta * self.cross_entropy.loss(labels, outputs) + alpha * self.cosine.loss(
            labels, outputs
        )

    def get_config(self):
        cosine = self.cosine.get_config()
        shared = ("tree", "gamma", "min_similarity", "convention")
        return {
            **super().get_config(),
            **{key: cosine[key] for key in shared},
            "alpha": self.alpha,
            "epochs": self.epochs,
            "period": self.period,
        }
