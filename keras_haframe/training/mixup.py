"""Mix-up on every backend: pairs of images mixed in the batch, their two losses in the model."""

from __future__ import annotations

import keras
import numpy as np
from keras import ops

from keras_haframe.models.classifier import HierarchicalClassifier
from keras_haframe.training.arrays import ArrayBatches


class MixedBatches(ArrayBatches):
    """`ArrayBatches` of mixed images, `(images, labels, shares)`, for a `MixUpClassifier`.

    Examples 2i and 2i + 1 of a batch are each other's partner, so that equal parts of a batch, for
    several devices, keep whole pairs. Order is random anyway: any other pairing is as good. All of
    a batch is mixed as `lam x + (1 - lam) x_partner` with one `lam ~ Beta(alpha, alpha)`.

    Args:
        inputs, labels, batch_size, seed, augment, share: See `ArrayBatches`; images must be floats
            after `augment`. The part of a batch that one process gets must be even.
        alpha: Parameter of the Beta distribution, positive.

    Batches: images, integer labels `[B]`, and the share `lam` of the labeled image, `[B]`.

    Raises:
        ValueError: If `alpha` is not positive, or parts of a batch would split a pair.

    Example:

    >>> batches = MixedBatches(np.eye(4), np.arange(4), batch_size=4)
    >>> images, labels, shares = batches[0]
    >>> bool(np.allclose(images[0, labels[:2]], [shares[0], 1 - shares[0]]))
    True

    Reference: Zhang et al., mixup: Beyond Empirical Risk Minimization (ICLR 2018).
    """

    def __init__(self, inputs, labels, batch_size: int, *args, alpha: float = 1.0, **kwargs):
        super().__init__(inputs, labels, batch_size, *args, **kwargs)
        if not alpha > 0:
            raise ValueError(f"`alpha` must be positive. Received: alpha={alpha}")
        if (self.part.stop - self.part.start) % 2:
            raise ValueError(
                "Images are mixed in pairs: `batch_size` must be even, also divided by the number "
                f"of processes. Received: {self.part.stop - self.part.start} examples for each."
            )
        self.alpha = alpha

    def __getitem__(self, i: int):
        images, labels = super().__getitem__(i)
        # One number more than the augmentation's generator: no draw is used twice.
        generator = np.random.default_rng([self.seed, self.epoch, i + 1, 1])
        lam = generator.beta(self.alpha, self.alpha)
        pairs = images.reshape(-1, 2, *images.shape[1:])
        mixed = (lam * pairs + (1 - lam) * pairs[:, ::-1]).astype(images.dtype)
        return mixed.reshape(images.shape), labels, np.full(len(labels), lam, "float32")


@keras.saving.register_keras_serializable(package="keras_haframe")
class MixUpClassifier(HierarchicalClassifier):
    """A `HierarchicalClassifier` that trains on `MixedBatches`.

    The training loss of a batch is the mean of `lam L(y) + (1 - lam) L(y_partner)` for any
    method; dot-regression's class lengths are the same for both terms, as partners have the same
    labels in another order. Training metrics compare with the labels of the first images.

    Example:

    ```python
    model = MixUpClassifier(resnet32(), tree, "etf_dr", network="I", hidden_units=None)
    model.fit(MixedBatches(images, labels, 128, seed=0), epochs=200)
    ```

    Reference: Zhang et al., mixup (ICLR 2018); with dot-regression, Yang et al., Inducing Neural
    Collapse in Imbalanced Learning (NeurIPS 2022), released code.
    """

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        loss = super().compute_loss(x, y, y_pred, sample_weight, training)
        if not training or sample_weight is None:
            return loss
        partners = ops.reshape(ops.flip(ops.reshape(y, (-1, 2)), axis=1), (-1,))
        return loss + self.loss(partners, y_pred, 1 - sample_weight)
