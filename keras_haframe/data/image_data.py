"""Data sets of image files: streamed from the disk, in an order that seed and epoch decide."""

from __future__ import annotations

import dataclasses
import functools
import itertools
import os
import warnings
from collections import Counter
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from keras_haframe.data.batches import finished
from keras_haframe.data.crops import _tensorflow
from keras_haframe.data.image_files import path_tensor, read_image, unreadable
from keras_haframe.data.labeled_files import Files, LabeledFiles
from keras_haframe.data.preprocessing import Preprocessing
from keras_haframe.data.shares import equal_part
from keras_haframe.tree import ClassTree
from keras_haframe.tree.split_folders import SPLITS
from keras_haframe.tree_ops.values import Tensor

if TYPE_CHECKING:
    import tensorflow as tf

SHOWN = 5  # names in a message
SERVED = (".jpg", ".jpeg", ".jpe", ".jfif", ".png")


@dataclasses.dataclass(frozen=True)
class ImageData:
    """Image files as data sets for `fit`, what `image_folder` and `image_table` return.

    Nothing but the names of the files is kept in memory. `print(data)` says what was found.

    Attributes:
        tree: `ClassTree` whose leaves are the labels, in their order.
        files: Paths of the files, by split: `files["validation"][i]` is row `i` of
            `model.predict(data.validation)`, and `labels["validation"][i]` its label.
        labels: int32 `[n]`, by split.
        preprocessing: How the images are prepared; `build` and `export` take the same object.
        batch_size: Images per batch.
        seed: Seed of the division, of the order and of the augmentation.
        left_out: Number of files beside the images, by ending.
        skipped: Image files that cannot be read and were left out, and why.
    """

    tree: ClassTree
    files: Mapping[str, list[str]]
    labels: Mapping[str, np.ndarray]
    preprocessing: Preprocessing
    batch_size: int
    seed: int = 0
    left_out: Mapping[str, int] = dataclasses.field(default_factory=dict)
    skipped: Mapping[str, str] = dataclasses.field(default_factory=dict)
    name: str = "images"

    # Data sets ---------------------------------------------------------------------------------

    @functools.cached_property
    def train(self) -> tf.data.Dataset:
        """Training batches in another order every epoch, augmented if `preprocessing` says so.

        A batch is float32 `[batch_size, height, width, 3]` and int32 labels `[batch_size]`, in one
        of several processes that train together its part of that. The images that do not fill a
        batch are left out, other ones every epoch. Every pass over the data set is the next epoch:
        the same program sees the same batches.
        """
        tf = _tensorflow()
        count = itertools.count()
        epoch = tf.data.Dataset.range(1).map(
            lambda _: tf.numpy_function(lambda: np.int64(next(count)), [], tf.int64)
        )
        return self._dressed(self._training(epoch).apply(_assert_count(self.steps_per_epoch)))

    @functools.cached_property
    def validation(self) -> tf.data.Dataset | None:
        """All validation batches in the order of `files`; `None` if there are no such files."""
        return self.in_order("validation") if self.files["validation"] else None

    @functools.cached_property
    def test(self) -> tf.data.Dataset | None:
        """All test batches in the order of `files`; `None` if there are no such files."""
        return self.in_order("test") if self.files["test"] else None

    @property
    def class_names(self) -> list[str]:
        """Names of the classes in the order of the labels, `tree.leaves`."""
        return self.tree.leaves

    @property
    def steps_per_epoch(self) -> int:
        """Training batches of an epoch."""
        return max(len(self.files["train"]) // self.batch_size, 1)

    def in_order(self, split: str) -> tf.data.Dataset:
        """All images of a split in the order of `files`, without augmentation.

        Args:
            split: `"train"`, `"validation"` or `"test"`.

        Returns:
            `tf.data.Dataset` of `(float32 [b, height, width, 3], int32 [b])`; the last batch may
            be smaller.
        """
        if split not in SPLITS or not self.files[split]:
            raise ValueError(
                f"`split` must be one that has files, of {SPLITS}. Received: split={split!r}"
            )
        tf, paths, labels = _tensorflow(), path_tensor(self.files[split]), self.labels[split]

        def row(i: Tensor) -> tuple[Tensor, Tensor]:
            return self._shaped(self.preprocessing(read_image(paths[i]))), tf.gather(labels, i)

        data = tf.data.Dataset.range(len(labels)).map(row, num_parallel_calls=os.cpu_count())
        data = self._dressed(finished(data.batch(self.batch_size)))
        data.file_paths = self.files[split]
        return data

    def from_epoch(self, epoch: int, step: int = 0) -> tf.data.Dataset:
        """Endless training batches that begin with an epoch, as `training.run` takes them.

        `run(make_model, data.from_epoch, ..., steps=data.steps_per_epoch)` sees the same batches
        when it is taken up again.

        Args:
            epoch: Number of the first epoch, from 0.
            step: Batches of it to leave out; nothing of them is read.
        """
        tf = _tensorflow()
        epochs = tf.data.Dataset.range(epoch, tf.int64.max)
        endless = _assert_count(tf.data.INFINITE_CARDINALITY)
        return self._dressed(self._training(epochs, epoch, step).apply(endless))

    def _training(self, epochs: tf.data.Dataset, first: int = 0, step: int = 0) -> tf.data.Dataset:
        """Batches of the epochs whose numbers are given, of the first one from a step on."""
        tf, files, labels = _tensorflow(), self.files["train"], self.labels["train"]
        paths, size = path_tensor(files), min(self.batch_size, len(files))
        numbers, part = self.preprocessing.augmentation.numbers, equal_part(size)

        def one_epoch(epoch: Tensor) -> Any:
            start = tf.where(epoch == first, np.int64(step * size), 0) if step else 0
            places = tf.data.Dataset.range(start, self.steps_per_epoch * size)
            if part != slice(0, size):  # one of several processes
                places = places.filter(
                    lambda place: (part.start <= place % size) & (place % size < part.stop)
                )
            return places.map(
                lambda place: (tf.stack([tf.cast(self.seed, tf.int64), epoch]), place)
            )

        def row(seed: Tensor, place: Tensor) -> tuple[Tensor, Tensor]:
            # A permutation of all files that takes no memory, unlike a shuffle buffer.
            last = tf.constant(len(files) - 1, tf.int64)
            i = tf.random.experimental.index_shuffle(place, seed, last)
            drawn = tf.random.stateless_uniform(
                [numbers], tf.random.experimental.stateless_fold_in(seed, i)
            )
            image = self.preprocessing.train(read_image(paths[i]), drawn)
            return self._shaped(image), tf.gather(labels, i)

        data = epochs.flat_map(one_epoch).map(row, num_parallel_calls=os.cpu_count())
        return finished(data.batch(part.stop - part.start, drop_remainder=True))

    def _shaped(self, image: Tensor) -> Tensor:
        return _tensorflow().ensure_shape(image, (*self.preprocessing.size, 3))  # type: ignore[misc]

    def _dressed(self, data: Any) -> Any:
        """With the names of the classes, as Keras's `image_dataset_from_directory` gives them."""
        data.class_names, data.preprocessing = self.class_names, self.preprocessing
        return data

    # Looking at them -----------------------------------------------------------------------------

    def check(self, verbose: bool = True) -> dict[str, str]:
        """Read every file once, as training does.

        Args:
            verbose: Whether to show a progress bar.

        Returns:
            Files that cannot be read, and why; empty if all are sound.
        """
        return unreadable(itertools.chain(*self.files.values()), verbose)

    def __str__(self) -> str:
        counts = {split: len(files) for split, files in self.files.items()}
        per_class = Counter(np.concatenate(list(self.labels.values())).tolist())
        sizes = [(per_class[label], name) for label, name in enumerate(self.class_names)]
        how = self.preprocessing
        low, high = how.input_range
        lines = [
            f"{self.name}: {sum(counts.values()):,} images of {self.tree.num_classes} classes, "
            f"tree of height {self.tree.height}",
            "  " + ", ".join(f"{split} {count:,}" for split, count in counts.items()),
            f"  smallest class: {min(sizes)[1]} ({min(sizes)[0]:,} images), "
            f"largest: {max(sizes)[1]} ({max(sizes)[0]:,})",
            f"  prepared: {how.size[0]} x {how.size[1]}, "  # type: ignore[index]
            f"{how.resize}, {how.interpolation}, values {low:g} to {high:g}"
            + (", normalized" if how.mean or how.std else "")
            + f"; augmentation: {how.augmentation.change}",
        ]
        endings = Counter(os.path.splitext(f)[1].lower() for fs in self.files.values() for f in fs)
        if other := sum(n for ending, n in endings.items() if ending not in SERVED):
            lines.append(
                f"  {other:,} neither JPEG nor PNG by their ending: slower to read, and a served "
                "model takes JPEG and PNG alone"
            )
        if self.left_out:
            kinds = Counter(self.left_out).most_common(SHOWN)
            lines.append("  other files: " + ", ".join(f"{n:,} {kind}" for kind, n in kinds))
        if self.skipped:
            lines.append(f"  unreadable, left out: {len(self.skipped):,} (`skipped`)")
        return "\n".join(lines)

    __repr__ = __str__


def image_data(
    found: LabeledFiles,
    preprocessing: Preprocessing,
    batch_size: int,
    shares: Mapping[str, float],
    seed: int,
    on_corrupt: str,
    name: str,
) -> ImageData:
    """Leave out what cannot be read, divide the rest, warn of what is missing."""
    _tensorflow()
    if int(batch_size) < 1:
        raise ValueError(f"`batch_size` must be 1 or more. Received: batch_size={batch_size}")
    skipped: dict[str, str] = {}
    if on_corrupt == "skip":
        skipped = unreadable(file for part in found.parts.values() for file, _ in part)
        found.parts = {
            split: [(file, label) for file, label in part if file not in skipped]
            for split, part in found.parts.items()
        }
        if skipped:
            file, why = next(iter(skipped.items()))
            warnings.warn(
                f"{name}: left out {len(skipped)} images that cannot be read, {file} first: {why}",
                stacklevel=3,
            )
    if not found.parts["train"]:
        raise ValueError(f"{name} has no image to train on.")
    found = found.divide(shares, seed)
    found.warn_of_missing(name)
    return ImageData(
        found.tree,
        {split: [file for file, _ in part] for split, part in found.parts.items()},
        {split: _labels(part) for split, part in found.parts.items()},
        preprocessing, int(batch_size), int(seed), found.left_out, skipped, name,
    )  # fmt: skip


def prepared_to(
    image_size: tuple[int, int] | None, preprocessing: Preprocessing | None
) -> Preprocessing:
    """Return the one preparation, with its size filled in.

    Raises:
        ValueError: If the size is not given, or given twice and not the same.
    """
    how = Preprocessing() if preprocessing is None else preprocessing
    if not isinstance(how, Preprocessing):
        raise ValueError(
            "`preprocessing` must be a keras_haframe.data.Preprocessing. "
            f"Received: {type(how).__name__}"
        )
    size = how.size if image_size is None else image_size
    whole = isinstance(size, (tuple, list)) and all(isinstance(s, int) and s > 0 for s in size)
    if not whole or len(size) != 2 or (how.size and tuple(size) != tuple(how.size)):  # type: ignore
        raise ValueError(
            "`image_size` must be (height, width), here or in `preprocessing`, and the same if in "
            f"both. Received: image_size={image_size}, preprocessing.size={how.size}"
        )
    height, width = size  # type: ignore[misc]
    same = how.size == (height, width)
    return how if same else dataclasses.replace(how, size=(height, width))


def _labels(part: Files) -> np.ndarray:
    return np.array([label for _, label in part], np.int32)


def _assert_count(count: int) -> Any:
    return _tensorflow().data.experimental.assert_cardinality(count)
