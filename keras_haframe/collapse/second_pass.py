"""What needs the class means first: NC4 and the per-class NC1, in a second pass over the data."""

from __future__ import annotations

import numpy as np

from keras_haframe.collapse.checks import check_classifier, check_matrix
from keras_haframe.collapse.targets import row_tiles
from keras_haframe.tree_ops.checks import check_labels
from keras_haframe.tree_ops.values import Tensor, to_numpy


class NC4:
    """NC4: share of samples the network classifies otherwise than the nearest class mean does.

    `NeuralCollapse.nc4_pass()` makes one. The class means stay those of the data measured in
    the first pass (training data), also where this pass goes over test data.

    Args:
        means: `[K, d]` class means.
        counts: `[K]` samples behind each; classes without one are never nearest.

    Example:

    >>> nc4 = NC4(means=[[0.0], [4.0]], counts=[5, 5])
    >>> nc4.update([[1.0], [3.0]], predictions=[0, 0], labels=[0, 1])
    >>> nc4.result()
    {'nc4': 0.5, 'nc4_macro': 0.5}

    Reference: Papyan, Han, Donoho, "Prevalence of neural collapse", PNAS 2020, figure 7.
    """

    def __init__(self, means: Tensor, counts: Tensor):
        means = np.asarray(means, np.float64)
        self.num_classes, self.dim = means.shape
        self._present = np.flatnonzero(np.asarray(counts) > 0)
        if not self._present.size:
            raise ValueError("No class mean is known yet. Call `update` in the first pass.")
        means = means[self._present]
        # Distances are compared about a common origin near the data, where they keep digits.
        self._origin = means.mean(axis=0)
        self._directions = means - self._origin
        self._halves = 0.5 * np.einsum("ij,ij->i", self._directions, self._directions)
        self._samples = self._differ = 0
        self._class_samples = np.zeros(self.num_classes, np.int64)
        self._class_differ = np.zeros(self.num_classes, np.int64)

    def nearest(self, features: Tensor) -> np.ndarray:
        """Class ids `[B]` of the nearest class means; the lower id where two means coincide."""
        features = check_matrix(features, "features", None, self.dim)
        chosen = np.empty(len(features), np.int64)
        for rows in row_tiles(len(features), max(self._present.size, self.dim)):
            tile = features[rows].astype(np.float64) - self._origin
            # argmin |f - mu|^2 = argmax f mu - |mu|^2 / 2
            chosen[rows] = (tile @ self._directions.T - self._halves).argmax(axis=1)
        return self._present[chosen]

    def update(
        self, features: Tensor, labels: Tensor | None = None, *, predictions: Tensor
    ) -> None:
        """Add a batch.

        Args:
            features: `[B, d]`.
            labels: Optional integers `[B]`, needed for the macro mean only.
            predictions: What the network says, bias included: class ids `[B]`, or scores `[B, K]`
                of which the largest counts.

        Raises:
            ValueError: On wrong shapes or ids, or NaN.
        """
        nearest = self.nearest(features)
        predictions = to_numpy(predictions, "predictions")
        if predictions.ndim == 2 and predictions.shape[1] == self.num_classes > 1:
            scores = check_matrix(predictions, "predictions", nearest.size, self.num_classes)
            predictions = scores.astype(np.float64, copy=False).argmax(axis=1)
        predictions = check_labels(predictions, self.num_classes, nearest.size, "`predictions`")
        differ = nearest != predictions
        if labels is not None:
            labels = check_labels(labels, self.num_classes, nearest.size)
            self._class_samples += np.bincount(labels, minlength=self.num_classes)
            self._class_differ += np.bincount(labels[differ], minlength=self.num_classes)
        self._samples += differ.size
        self._differ += int(np.count_nonzero(differ))

    def update_linear(
        self,
        features: Tensor,
        labels: Tensor | None = None,
        *,
        classifier: Tensor,
        bias: Tensor | None = None,
    ) -> None:
        """Add a batch whose predictions are `argmax(A f + b)`, computed in float64 tiles.

        Args:
            features: `[B, d]`.
            labels: Optional integers `[B]`.
            classifier: `[K, d]` classifier rows A.
            bias: Optional `[K]`, b.
        """
        classifier, bias = check_classifier(classifier, bias, self.num_classes, self.dim)
        features = check_matrix(features, "features", None, self.dim)
        predictions = np.empty(len(features), np.int64)
        for rows in row_tiles(len(features), max(self.num_classes, self.dim)):
            scores = features[rows].astype(np.float64) @ classifier.T + bias
            predictions[rows] = scores.argmax(axis=1)
        self.update(features, labels, predictions=predictions)

    def merge(self, other: NC4) -> None:
        """Add the samples of another pass which used the same class means."""
        same = (self.num_classes, self.dim) == (other.num_classes, other.dim)
        if not same or not np.array_equal(self._directions, other._directions):
            raise ValueError("Only passes made with the same class means can be merged.")
        self._samples += other._samples
        self._differ += other._differ
        self._class_samples += other._class_samples
        self._class_differ += other._class_differ

    def result(self) -> dict[str, float]:
        """`nc4` (mean over samples) and `nc4_macro` (mean over the classes of the labels).

        NaN where nothing was counted; `nc4_macro` needs labels with every batch.
        """
        seen = self._class_samples > 0
        macro = float("nan")
        if self._samples and self._class_samples.sum() == self._samples:
            macro = float(np.mean(self._class_differ[seen] / self._class_samples[seen]))
        micro = self._differ / self._samples if self._samples else float("nan")
        return {"nc4": micro, "nc4_macro": macro}


class ClassVariability:
    """NC1 of every class: `tr(Sigma_W,k Sigma_B^+) / K`.

    Their mean weighted by sample counts is NC1; their plain mean lets rare classes count as much
    as common ones. `NeuralCollapse.class_variability()` makes one.

    Args:
        means: `[K, d]` class means.
        values: `[r]` singular values of the centered class means.
        vectors: `[r, d]` their right singular vectors.
    """

    def __init__(self, means: np.ndarray, values: np.ndarray, vectors: np.ndarray):
        self._means = means
        self._whiten = vectors.T / values
        self._samples = np.zeros(len(means), np.int64)
        self._squares = np.zeros(len(means))

    def update(self, features: Tensor, labels: Tensor) -> None:
        """Add a batch: `features` `[B, d]`, integer `labels` `[B]`."""
        num_classes, dim = self._means.shape
        features = check_matrix(features, "features", None, dim)
        labels = check_labels(labels, num_classes, len(features))
        for rows in row_tiles(len(features), dim):
            ids = labels[rows]
            tile = (features[rows].astype(np.float64) - self._means[ids]) @ self._whiten
            squares = np.einsum("ij,ij->i", tile, tile)
            self._squares += np.bincount(ids, weights=squares, minlength=num_classes)
            self._samples += np.bincount(ids, minlength=num_classes)

    def result(self) -> np.ndarray:
        """`[K]`; NaN for classes without a sample, and everywhere if all means coincide."""
        if not self._whiten.shape[1]:
            return np.full(len(self._means), np.nan)
        with np.errstate(divide="ignore", invalid="ignore"):
            return self._squares / self._samples
