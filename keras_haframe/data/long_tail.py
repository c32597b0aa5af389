"""Long-tailed versions of balanced data sets: falling class counts, and which examples to keep."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

if TYPE_CHECKING:
    import tensorflow as tf

KINDS = ("exponential", "step")


def long_tail_counts(
    available: ArrayLike,
    num_classes: int | None = None,
    ratio: float = 0.01,
    kind: str = "exponential",
) -> np.ndarray:
    """Training examples per class of a long-tailed split.

    Classes rank by their label, class 0 being the most frequent:
    `n_k = int(n_max ratio^(k / (K - 1)))` (`"exponential"`), or `n_max` for the first half of the
    classes and `int(n_max ratio)` for the rest (`"step"`; of an odd number of classes the first
    `K // 2`).

    Args:
        available: Number `n_max` of examples of the most frequent class, or the examples that
            there are of every class, `[K]`. Then `n_max` is their mean, as in the papers, and no
            class gets more than it has.
        num_classes: K, where `available` is a number.
        ratio: Examples of the rarest class over those of the most frequent, in `(0, 1]`. The
            literature uses 0.005, 0.01, 0.02 and 0.1.
        kind: `"exponential"` or `"step"`.

    Returns:
        int64 `[K]`, at least 1 wherever there is an example.

    Raises:
        ValueError: For a ratio outside `(0, 1]`, an unknown kind, or no number of classes.

    Example:

    >>> long_tail_counts(500, 5, ratio=0.01)
    array([500, 158,  50,  15,   5])
    >>> long_tail_counts([100, 100, 100, 2], ratio=0.1)
    array([75, 35, 16,  2])

    Reference: Cui et al., Class-Balanced Loss Based on Effective Number of Samples (CVPR 2019);
    counts as of Yang et al., Inducing Neural Collapse in Imbalanced Learning (NeurIPS 2022).
    """
    if not 0 < ratio <= 1:
        raise ValueError(f"`ratio` must be in (0, 1]. Received: ratio={ratio}")
    if kind not in KINDS:
        raise ValueError(f"`kind` must be one of {KINDS}. Received: kind={kind!r}")
    available = np.asarray(available)
    if available.ndim == 0:
        if num_classes is None or num_classes < 1:
            raise ValueError(
                "`num_classes` must be given with a single number of examples. "
                f"Received: num_classes={num_classes}"
            )
        limit, n_max = None, float(available)
    else:
        if available.ndim != 1 or num_classes not in (None, len(available)):
            raise ValueError(
                "`available` must be a number or one count per class. Received shape: "
                f"{available.shape} with num_classes={num_classes}"
            )
        limit, n_max, num_classes = available, float(available.mean()), len(available)
    if kind == "exponential":
        share = ratio ** (np.arange(num_classes) / max(num_classes - 1, 1))
    else:
        share = np.where(np.arange(num_classes) < num_classes // 2, 1.0, ratio)
    counts = np.maximum((n_max * share).astype(np.int64), 1)
    return counts if limit is None else np.minimum(counts, limit.astype(np.int64))


def long_tail_indices(
    labels: ArrayLike,
    ratio: float = 0.01,
    kind: str = "exponential",
    seed: int = 0,
    num_classes: int | None = None,
) -> np.ndarray:
    """Which examples of a data set to keep for a long-tailed version of it.

    Args:
        labels: Integer labels `[n]` of the whole training set.
        ratio: See `long_tail_counts`.
        kind: See `long_tail_counts`.
        seed: Seed of the choice of examples within every class.
        num_classes: K; one more than the largest label by default.

    Returns:
        int64 indices in rising order. Keep test sets as they are.

    Example:

    >>> labels = np.repeat([0, 1, 2], 100)
    >>> kept = long_tail_indices(labels, ratio=0.1)
    >>> np.bincount(labels[kept])
    array([100,  31,  10])
    """
    labels = np.asarray(labels)
    if labels.ndim != 1 or labels.dtype.kind not in "iu" or not labels.size:
        raise ValueError(
            "`labels` must be integers of shape [n], n >= 1. "
            f"Received: {labels.dtype} of shape {labels.shape}"
        )
    available = np.bincount(labels, minlength=num_classes or 0)
    counts = long_tail_counts(available, num_classes, ratio, kind)
    rng = np.random.default_rng(seed)
    shuffled = rng.permutation(labels.size)
    order = shuffled[np.argsort(labels[shuffled], kind="stable")]
    # Place of every example within its class: the first counts[k] are kept.
    place = np.arange(labels.size) - (np.cumsum(available) - available)[labels[order]]
    return np.sort(order[place < counts[labels[order]]])


def keep_examples(dataset: tf.data.Dataset, indices: ArrayLike) -> tf.data.Dataset:
    """Return the examples of a `tf.data.Dataset` at the given places.

    Args:
        dataset: Unbatched `tf.data.Dataset` that gives its examples in a fixed order (from TFDS,
            with `shuffle_files=False`): the order of the labels that the indices were made from.
        indices: Places to keep, as of `long_tail_indices`.

    Returns:
        A `tf.data.Dataset`, in the order of `dataset`.

    Example:

    ```python
    train = tfds.load("cifar10", split="train", as_supervised=True, shuffle_files=False)
    labels = np.array([label for _, label in train.as_numpy_iterator()])
    train = keep_examples(train, long_tail_indices(labels, ratio=0.01))
    ```
    """
    try:
        import tensorflow as tf
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            "keep_examples() filters a tf.data.Dataset and needs TensorFlow. Install it with: "
            'pip install "keras_haframe[tensorflow-cpu]"'
        ) from None
    indices = np.unique(np.asarray(indices, np.int64))
    if not indices.size or indices[0] < 0:
        raise ValueError("`indices` must hold at least one place, none negative.")
    kept = np.zeros(indices[-1] + 1, bool)
    kept[indices] = True
    kept = tf.constant(kept)
    return (
        dataset.take(len(kept))
        .enumerate()
        .filter(lambda place, _: tf.gather(kept, place))
        .map(lambda _, example: example)
        .apply(tf.data.experimental.assert_cardinality(len(indices)))
    )
