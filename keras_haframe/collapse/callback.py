"""Neural-collapse measures in the epoch logs of `fit`, for a bounded share of its time."""

from __future__ import annotations

import functools
import os
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np

from keras_haframe.collapse.checks import NonFiniteError
from keras_haframe.collapse.data_sets import (
    CLASSIFIER_MEASURES,
    batches,
    check_dataset,
    measure_splits,
)
from keras_haframe.collapse.targets import GivenTarget, check_convention
from keras_haframe.tree_ops.options import check_count
from keras_haframe.tree_ops.values import to_numpy

_NAN = float("nan")


class NeuralCollapseCallback(keras.callbacks.Callback):
    """Measure the features of training and test data at the end of epochs.

    Features come from `model.feature_extractor`, a Keras model from inputs to features `[B, d]`,
    run in inference mode. Values enter the epoch logs as `train_nc1`, `test_nc1`, ..., so they
    reach `History`, and `CSVLogger` and `TensorBoard` listed after this callback. Epochs without
    a measurement have NaN there, so that every epoch has the same columns.

    Features which are not finite give a warning and NaN, not an error.

    Place it after `EarlyStopping`: the last epoch is then recognized in time. Otherwise it is
    measured once training has ended, and only `measurements` and `History` receive it.

    Args:
        dataset: Training data in evaluation form (no augmentation, no shuffling needed): a
            `tf.data.Dataset`, `keras.utils.PyDataset`, list of batches or tuple of arrays, with
            integer labels. It is read anew for each measurement.
        test_dataset: Optional test data. Its `nc1` and `nc2` use its own class means; its `nc4`
            those of the training data, as the classifier would.
        every: Measure every n epochs. The last epoch is always measured.
        max_share: Largest share of the time since training began to be spent measuring. A
            measurement that would take it past this is skipped, with one warning. The first
            measurement, whose cost is not known before, and the last are made in any case.
        measures: Names out of `NeuralCollapse.result` to write to the logs. `measurements` holds
            all of them. Those which need a classifier are left out where there is none, and
            names the results do not have are NaN.
        num_classes: K; by default that of the classifier or of `target`.
        target: Gram matrix of the class means; None for the simplex ETF.
        mean: Center of the class means, `"class"` or `"sample"`.
        centered: See `NeuralCollapse`.
        classifier: Optional callable without arguments, returning `(rows [K, d], bias or None)`.
            By default `model.classifier_weights()`, where the model has it and its rows act on
            these features.
        batch_size: Rows per batch for data given as a tuple of arrays.
        max_batches: Optional bound on the batches read per data set, an approximation.
        keep_bytes: Memory for features, see `NeuralCollapse`. Training data with more is read a
            second time for `nc4`.
        log_dir: Folder for TensorBoard: every measurement as scalars, and the curves of `measures`
            as images.

    Attributes:
        measurements: List of dicts, one per measurement: `epoch` (from 0), `seconds`, and all
            measures under their prefixed names.

    Raises:
        ValueError: For unusable arguments, or at the start of training for a model without
            `feature_extractor`.

    Example:

    ```python
    callback = NeuralCollapseCallback((x_train, y_train), every=5, max_share=0.1)
    history = model.fit(x_train, y_train, epochs=20, callbacks=[callback])
    history.history["train_nc1"]
    ```
    """

    def __init__(
        self,
        dataset: Any,
        test_dataset: Any = None,
        *,
        every: int = 1,
        max_share: float = 0.1,
        measures: tuple[str, ...] = ("nc1", "nc2", "nc3", "nc4"),
        num_classes: int | None = None,
        target: GivenTarget | None = None,
        mean: str = "class",
        centered: bool = True,
        classifier: Callable | None = None,
        batch_size: int = 128,
        max_batches: int | None = None,
        keep_bytes: int = 2**27,
        log_dir: str | os.PathLike | None = None,
    ):
        super().__init__()
        self._log_dir = log_dir
        if max_batches is not None:
            check_count(max_batches, "max_batches")
        if not 0 < max_share <= 1:
            raise ValueError(f"`max_share` must lie in (0, 1]. Received: {max_share!r}")
        if classifier is not None and not callable(classifier):
            raise ValueError(
                "`classifier` must be a callable returning (rows, bias), since the weights change "
                f"during training. Received: {type(classifier)}."
            )
        self._data = {"train": check_dataset(dataset, "dataset", max_batches)}
        if test_dataset is not None:
            self._data["test"] = check_dataset(test_dataset, "test_dataset", max_batches)
        self._every = check_count(every, "every")
        self._max_share = max_share
        self._names = tuple(measures)
        self._options: dict[str, Any] = {
            "num_classes": num_classes,
            "target": target,
            "mean": check_convention(mean),
            "centered": centered,
            "keep_bytes": keep_bytes,
        }
        self._classifier = classifier
        self._reading = (check_count(batch_size, "batch_size"), max_batches)
        self.measurements: list[dict[str, float]] = []

    def on_train_begin(self, logs: dict | None = None) -> None:
        """Check the model and start the clock."""
        if not hasattr(self.model, "feature_extractor"):
            raise ValueError(
                "NeuralCollapseCallback needs a model with the attribute `feature_extractor`, a "
                f"keras.Model from inputs to features. Received: {type(self.model)}."
            )
        rows, _ = self._weights()
        self._logged = [n for n in self._names if rows is not None or n not in CLASSIFIER_MEASURES]
        self._begin = time.perf_counter()
        self._spent = self._last_cost = 0.0
        self._told = False
        self._last_epoch: int | None = None
        self._measured_epoch: int | None = None

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        """Measure, if it is time, and add the values to the logs."""
        logs = {} if logs is None else logs
        self._last_epoch = epoch
        final = self.model.stop_training or epoch + 1 == (self.params or {}).get("epochs")
        values = {}
        if final or ((epoch + 1) % self._every == 0 and self._affordable()):
            values = self._measure(epoch)
        keys = [f"{prefix}_{name}" for prefix in self._data for name in self._logged]
        logs.update({key: values.get(key, _NAN) for key in keys})

    def on_train_end(self, logs: dict | None = None) -> None:
        """Measure the last epoch where it was not known to be the last."""
        if self._last_epoch is None or self._measured_epoch == self._last_epoch:
            return
        values = self._measure(self._last_epoch)
        history = getattr(getattr(self.model, "history", None), "history", {})
        for key in set(values) & set(history):
            history[key][-1] = values[key]

    def _affordable(self) -> bool:
        from keras_haframe.training.distribution import agree  # of several processes the first says

        elapsed = time.perf_counter() - self._begin
        after = self._spent + self._last_cost
        if agree(after <= self._max_share * (elapsed + self._last_cost)):
            return True
        if not self._told:
            self._told = True
            warnings.warn(
                f"Neural-collapse measurements take {self._last_cost:.1f} s each and are skipped "
                f"in some epochs to keep within max_share={self._max_share} of the training time. "
                "Raise `every` or `max_share`, or set `max_batches`.",
                stacklevel=2,
            )
        return False

    def _weights(self) -> tuple[np.ndarray | None, np.ndarray | None]:
        """Classifier rows `[K, d]` and bias as they are now, or `(None, None)`."""
        source = self._classifier or getattr(self.model, "classifier_weights", None)
        weights = None if source is None else source()
        if weights is None:
            return None, None
        rows, bias = weights
        rows = to_numpy(rows, "classifier")
        dim = self.model.feature_extractor.output_shape[-1]
        if rows.ndim != 2 or dim not in (None, rows.shape[1]):
            if self._classifier is None:  # a head on part of the features: no NC3 or NC4 of these
                return None, None
            raise ValueError(
                f"`classifier` must return rows of shape [K, {dim}]. Received shape: {rows.shape}."
            )
        return rows, None if bias is None else to_numpy(bias, "bias")

    def _batches(self, dataset: Any) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        extractor = self.model.feature_extractor
        for inputs, labels in batches(dataset, *self._reading):
            if not len(labels):
                continue
            features = to_numpy(extractor.predict_on_batch(inputs), "features")
            # Under tf.distribute every replica returns the whole batch, one after another.
            yield features[: len(labels)], labels

    def _measure(self, epoch: int) -> dict[str, float]:
        start = time.perf_counter()
        rows, bias = self._weights()
        splits = {
            name: functools.partial(self._batches, dataset) for name, dataset in self._data.items()
        }
        try:
            values = measure_splits(splits, rows, bias, **self._options)
        except NonFiniteError as error:  # a diverged network: no reason to lose the run here
            warnings.warn(f"Epoch {epoch} has no neural-collapse measures. {error}", stacklevel=2)
            values = {}
        seconds = time.perf_counter() - start
        if values:
            self.measurements.append({"epoch": epoch, "seconds": seconds, **values})
            if self._log_dir is not None:
                from keras_haframe.collapse.event_files import write_measurements

                write_measurements(self._log_dir, self.measurements, self._names)
        self._last_cost = time.perf_counter() - start
        self._spent += self._last_cost
        self._measured_epoch = epoch
        return values
