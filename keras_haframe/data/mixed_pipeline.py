"""Mix-up and cut-mix in turns in `tf.data`, for a `models.MixUpClassifier`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from keras_haframe.data.batches import finished
from keras_haframe.data.crops import _tensorflow
from keras_haframe.tree_ops.values import Tensor

if TYPE_CHECKING:
    import tensorflow as tf


def mixed_batches(
    batches: tf.data.Dataset,
    seed: int = 0,
    first: int = 0,
    *,
    alpha: float = 0.8,
    cut_alpha: float = 1.0,
    switch: float = 0.5,
) -> tf.data.Dataset:
    """Blend or cut pairs of images of every batch, as `CutMixedBatches` does in NumPy.

    Examples 2i and 2i + 1 of a batch are partners; one share `lam` for all of a batch. What is done
    follows from the seed and the number of the batch alone, also where a run is taken up.

    Args:
        batches: `(images [B, h, w, C], labels [B])` as `training_batches` makes them, B even.
        seed: Seed.
        first: Number of the first batch since the beginning of the run: its first epoch times the
            batches of an epoch.
        alpha: Parameter of mix-up's Beta distribution.
        cut_alpha: Parameter of cut-mix's.
        switch: Probability that a batch is cut and not blended.

    Returns:
        `(images, labels, weights [B, 2])`: the weight of the label and that of the partner's.

    Raises:
        ValueError: For parameters out of range, or batches of an odd or unknown size.

    Example:

    ```python
    batches = training_batches(train, preprocessing, 64, seed=0)
    model = MixUpClassifier(backbone, tree, "haframe")
    model.fit(mixed_batches(batches, seed=0), steps_per_epoch=100, epochs=10)
    ```

    References: Zhang et al., mixup (ICLR 2018); Yun et al., CutMix (ICCV 2019).
    """
    tf = _tensorflow()
    if not (alpha > 0 and cut_alpha > 0 and 0 <= switch <= 1):
        raise ValueError(
            "`alpha` and `cut_alpha` must be positive and `switch` from 0 to 1. Received: "
            f"alpha={alpha}, cut_alpha={cut_alpha}, switch={switch}"
        )
    size = batches.element_spec[0].shape[0]
    if size is None or size % 2:
        raise ValueError(
            "Images are mixed in pairs: `batches` must have an even, known size "
            f"(batch(..., drop_remainder=True)). Received: batches of {size}"
        )

    def beta(key: Tensor, parameter: float) -> Tensor:
        one, other = tf.unstack(tf.random.stateless_gamma([2], key, parameter))
        return one / tf.maximum(one + other, 1e-30)

    def mix(number: Tensor, pair: tuple) -> tuple:
        images, labels = pair
        key = tf.stack([tf.cast(seed, tf.int64), number + first])
        keys = [tf.random.experimental.stateless_fold_in(key, i) for i in range(4)]
        partners = tf.reshape(
            tf.reverse(tf.reshape(images, [-1, 2, *images.shape[1:]]), [1]), tf.shape(images)
        )

        def blend() -> tuple:
            share = beta(keys[0], alpha)
            return share * images + (1 - share) * partners, share

        def cut() -> tuple:
            inside, share = _box(tf.shape(images)[1:3], beta(keys[1], cut_alpha), keys[2])
            return tf.where(inside, partners, images), share

        turn = tf.random.stateless_uniform([], keys[3])
        mixed, share = tf.cond(turn < switch, cut, blend)
        weights = tf.tile(tf.stack([share, 1 - share])[None], [size, 1])
        return tf.ensure_shape(mixed, images.shape), labels, weights

    return finished(batches.enumerate().map(mix))


def _box(size: Tensor, kept: Tensor, key: Tensor) -> tuple[Tensor, Tensor]:
    """Where a box of `1 - kept` of the area lies, `[1, h, w, 1]`, and the share left outside."""
    tf = _tensorflow()
    spread = tf.cast(size, tf.float32)
    center = tf.cast(tf.random.stateless_uniform([2], key) * spread, tf.int32)
    half = tf.cast(spread * tf.sqrt(1 - kept), tf.int32) // 2
    low, high = tf.maximum(center - half, 0), tf.minimum(center + half, size)
    rows, columns = tf.range(size[0])[:, None], tf.range(size[1])[None]
    inside = (rows >= low[0]) & (rows < high[0]) & (columns >= low[1]) & (columns < high[1])
    share = 1 - tf.reduce_mean(tf.cast(inside, tf.float32))
    return inside[None, :, :, None], share
