"""Measures of training and test features together: test NC4 uses the training class means."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from keras_haframe.collapse.measure import NeuralCollapse

# Names in the results which exist only where classifier rows are known.
CLASSIFIER_MEASURES = (
    "nc3",
    "nc3_etf",
    "nc4",
    "nc4_macro",
    "duality",
    "alignment",
    "offset",
)


def _num_classes(num_classes, *known) -> int:
    for rows in known:
        if num_classes is None and rows is not None and not callable(rows):
            num_classes = len(rows)
    if num_classes is None:
        raise ValueError(
            "`num_classes` is not known: pass it, a `target` matrix or a `classifier`."
        )
    return num_classes


def measure_splits(
    splits: Mapping[str, Callable],
    classifier=None,
    bias=None,
    num_classes: int | None = None,
    keep_bytes: int = 2**27,
    **options,
) -> dict[str, float]:
    """Measures several data sets, the first of which is the training data.

    Args:
        splits: name -> callable giving an iterable over `(features [B, d], labels [B])`. It is
            called a second time for the training data if their features exceed `keep_bytes`.
        classifier: optional `[K, d]` classifier rows.
        bias: optional `[K]` classifier bias.
        num_classes: K; by default that of `classifier` or of a `target` matrix.
        keep_bytes: see `NeuralCollapse`; for the training data only.
        options: `target`, `mean`, `centered`, as in `NeuralCollapse`.

    Returns:
        All measures under `"{split}_{measure}"`. NC4 is relative to the training class means in
        every split; all else is relative to the split's own.

    Raises:
        ValueError: if a split gives no batch, or the number of classes is not known.

    Example:

    >>> batches = [([[1.0, 0.0], [0.0, 1.0]], [0, 1])]
    >>> values = measure_splits({"train": lambda: batches}, [[1.0, 0.0], [0.0, 1.0]])
    >>> values["train_nc1"], values["train_nc4"]
    (0.0, 0.0)
    """
    num_classes = _num_classes(num_classes, classifier, options.get("target"))
    values: dict[str, float] = {}
    train = None
    for name, split in splits.items():
        measure = None
        nc4 = train.disagreement() if train is not None and classifier is not None else None
        for features, labels in split():
            if measure is None:
                dim = len(features[0]) if not hasattr(features, "shape") else features.shape[-1]
                kept = keep_bytes if train is None else 0
                measure = NeuralCollapse(num_classes, dim, keep_bytes=kept, **options)
            measure.update(features, labels)
            if nc4 is not None:
                nc4.update_linear(features, labels, classifier=classifier, bias=bias)
        if measure is None:
            raise ValueError(f"The {name!r} data set has no batch: nothing to measure.")
        result = measure.result(classifier, bias)
        if classifier is not None and nc4 is None and "nc4" not in result:
            nc4 = measure.disagreement()
            for features, labels in split():
                nc4.update_linear(features, labels, classifier=classifier, bias=bias)
        result |= nc4.result() if nc4 is not None else {}
        train = train or measure
        values |= {f"{name}_{key}": value for key, value in result.items()}
    return values
