"""Every process gets its part of a batch by itself; the parts are the whole batch."""

import numpy as np
import pytest

from keras_haframe.data import ArrayBatches, CutMixedBatches, MixedBatches, Preprocessing, shares
from keras_haframe.data.shares import equal_part

IMAGES = np.random.default_rng(0).normal(size=(24, 8, 8, 3)).astype("float32")
LABELS = np.arange(24)


def pretend(monkeypatch, index, count):
    monkeypatch.setattr(shares, "process", lambda: (index, count))


def first_batches(make, monkeypatch, count):
    """The first batch of every process, one after another, and of one alone."""
    found = []
    for index in range(count):
        pretend(monkeypatch, index, count)
        found.append(make())
    pretend(monkeypatch, 0, 1)
    return [np.concatenate(parts) for parts in zip(*found)], make()


@pytest.mark.parametrize("kind", [ArrayBatches, MixedBatches, CutMixedBatches])
def test_arrays(kind, monkeypatch):
    def make():
        return kind(IMAGES, LABELS, 12, 3, lambda rng, x: x + rng.normal(size=x.shape))[1]

    for parts, whole in zip(*first_batches(make, monkeypatch, 3), strict=True):
        np.testing.assert_array_equal(parts, whole)
    pretend(monkeypatch, 1, 3)
    assert len(make()[1]) == 4
    assert len(kind(IMAGES, LABELS, 12, share=(0, 1))[0][1]) == 12  # all of it, if asked for


def test_image_files(tmp_path, monkeypatch):
    pytest.importorskip("tensorflow")
    from PIL import Image

    from keras_haframe.data import image_folder

    for i in range(12):
        folder = tmp_path / f"kind {i % 2}"
        folder.mkdir(exist_ok=True)
        Image.fromarray(np.full((8, 8, 3), 20 * i, "uint8")).save(folder / f"{i}.png")

    def make(step=0):
        data = image_folder(
            tmp_path, preprocessing=Preprocessing((8, 8)), batch_size=4, validation=0.0, test=0.0
        )
        return next(iter(data.from_epoch(2, step).as_numpy_iterator()))

    for step in (0, 2):
        made, whole = first_batches(lambda step=step: make(step), monkeypatch, 2)
        for parts, one in zip(made, whole, strict=True):
            np.testing.assert_array_equal(parts, one)
    pretend(monkeypatch, 0, 3)
    with pytest.raises(ValueError, match=r"splits evenly.*share=\(0, 3\), batch_size=4"):
        make()


def test_parts_cover_a_batch_once():
    parts = [equal_part(12, (i, 3)) for i in range(3)]
    assert [i for part in parts for i in range(12)[part]] == list(range(12))
    assert equal_part(5) == slice(0, 5)  # of one process
    with pytest.raises(ValueError, match="index below count"):
        equal_part(4, (2, 2))
