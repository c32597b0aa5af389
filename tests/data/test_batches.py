"""Order, augmentation and the last batch."""

import subprocess
import sys

import numpy as np
import pytest

from keras_haframe.data import Preprocessing, cifar100, fgvc_aircraft, tiered_imagenet_h
from keras_haframe.data.batches import evaluation_batches, training_batches, training_steps
from tests.data.archives import jpeg

tf = pytest.importorskip("tensorflow")

PLAIN = Preprocessing()  # pixels as they are
CIFAR = cifar100.PREPROCESSING


def numbered(count=23, size=2):
    """Image i is gray i, with label i."""
    labels = np.arange(count)
    images = np.broadcast_to(labels[:, None, None, None], (count, size, size, 3)).astype("uint8")
    return tf.data.Dataset.from_tensor_slices((images, labels))


def random_images(count=12):
    images = np.random.default_rng(0).integers(0, 256, (count, 8, 8, 3), "uint8")
    return tf.data.Dataset.from_tensor_slices((images, np.arange(count)))


def arrays(batches):
    return [(x.copy(), y.copy()) for x, y in batches.as_numpy_iterator()]


def labels(batches):
    return [y.tolist() for _, y in arrays(batches)]


def joined(lists):
    return [v for part in lists for v in part]


def same(first, second):
    return len(first) == len(second) and all(
        np.array_equal(a, b) for pair in zip(first, second) for a, b in zip(*pair)
    )


def test_training_leaves_out_the_last_partial_batch():
    data = numbered()
    found = labels(training_batches(data, PLAIN, 5, epochs=1))
    assert [len(batch) for batch in found] == [5, 5, 5, 5] and training_steps(data, 5) == 4
    assert len(set(joined(found))) == 20
    assert training_batches(data, PLAIN, 5, epochs=3).cardinality() == 12
    assert training_batches(data, PLAIN, 5).cardinality() == tf.data.INFINITE_CARDINALITY


def test_evaluation_leaves_out_nothing():
    found = labels(evaluation_batches(numbered(), PLAIN, 5))
    assert joined(found) == list(range(23)) and len(found[-1]) == 3


def test_images_stay_with_their_labels():
    for batches in (
        training_batches(numbered(), PLAIN, 5, epochs=2), evaluation_batches(numbered(), PLAIN, 5)
    ):  # fmt: skip
        for images, y in arrays(batches):
            assert images.dtype == np.float32
            np.testing.assert_allclose(
                images, np.broadcast_to(y[:, None, None, None], images.shape)
            )


def test_order_is_new_in_every_epoch_and_the_left_out_too():
    found = labels(training_batches(numbered(), PLAIN, 5, epochs=4))
    epochs = [joined(found[4 * e : 4 * e + 4]) for e in range(4)]
    assert len({tuple(e) for e in epochs}) == 4 and list(range(20)) not in epochs
    assert len({frozenset(e) for e in epochs}) > 1


def test_same_seed_same_batches_whatever_the_global_seed_and_the_threads():
    data = random_images()
    first = arrays(training_batches(data, CIFAR, 4, seed=3, epochs=2, parallel=1))
    tf.random.set_seed(77)
    again = training_batches(data, CIFAR, 4, seed=3, epochs=2, parallel=4)
    assert same(first, arrays(again)) and same(first, arrays(again))
    assert not same(first, arrays(training_batches(data, CIFAR, 4, seed=4, epochs=2)))


def test_taken_up_again_at_any_epoch():
    """An epoch is the same at the end of a long run and at the start of a resumed one."""
    data = random_images()
    whole = arrays(training_batches(data, CIFAR, 4, seed=1, epochs=5))
    resumed = arrays(training_batches(data, CIFAR, 4, seed=1, first_epoch=3).take(6))
    assert same(whole[9:], resumed)
    assert same(whole[3:6], arrays(training_batches(data, CIFAR, 4, 1, first_epoch=1, epochs=1)))
    part = training_batches(data, CIFAR, 4, 1, first_epoch=1, epochs=2, first_step=2)
    assert same(whole[5:9], arrays(part)) and part.cardinality() == 4


@pytest.mark.parametrize("count", [2, 4])
def test_parts_of_several_processes_make_the_whole(count):
    """Batch for batch, in epochs from any on."""
    data = random_images(14)
    whole = arrays(training_batches(data, CIFAR, 4, seed=2, first_epoch=1, epochs=3))
    parts = [
        arrays(training_batches(data, CIFAR, 4, 2, first_epoch=1, epochs=3, share=(i, count)))
        for i in range(count)
    ]
    assert len(whole) == 9 and all(len(x) == 4 // count for part in parts for x, _ in part)
    joined_parts = [tuple(map(np.concatenate, zip(*pairs))) for pairs in zip(*parts)]
    assert same(whole, joined_parts)


def test_an_image_changes_differently_in_every_epoch():
    data = random_images(4)
    seen = {}
    for images, y in arrays(training_batches(data, CIFAR, 4, epochs=8)):
        for image, label in zip(images, y):
            seen.setdefault(int(label), set()).add(image.tobytes())
    assert min(len(v) for v in seen.values()) >= 7


def test_change_of_an_image_does_not_depend_on_its_batch():
    data = random_images()
    for_size = []
    for size in (2, 6):
        rows = arrays(training_batches(data, CIFAR, size, seed=5, epochs=1))
        for_size.append({int(k): x for images, y in rows for x, k in zip(images, y)})
    for k, image in for_size[0].items():
        np.testing.assert_array_equal(image, for_size[1][k])


@pytest.mark.slow
def test_same_in_another_process():
    script = (
        "import sys; sys.path.insert(0, '.')\n"
        "from tests.data.test_batches import *\n"
        "rows = arrays(training_batches(random_images(), CIFAR, 4, seed=2, epochs=2))\n"
        "print('SUM', *(repr(float(x.astype('float64').sum())) for x, _ in rows))"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert run.returncode == 0, run.stderr[-2000:]
    lines = [line.split()[1:] for line in run.stdout.splitlines() if line.startswith("SUM")]
    found = lines[0]
    rows = arrays(training_batches(random_images(), CIFAR, 4, seed=2, epochs=2))
    assert [float(v) for v in found] == [float(x.astype("float64").sum()) for x, _ in rows]


def test_encoded_images_of_any_size():
    files = [jpeg(i, 30 + i, 40 - i) for i in range(6)]
    data = tf.data.Dataset.from_tensor_slices((files, np.arange(6)))
    for how in (fgvc_aircraft.PREPROCESSING, tiered_imagenet_h.PREPROCESSING):
        batches = training_batches(data, how, 3, epochs=1, shuffle_buffer=2)
        assert batches.element_spec[0].shape == (3, 224, 224, 3)
        assert all(np.isfinite(x).all() and x.std() > 0.1 for x, _ in arrays(batches))
        assert evaluation_batches(data, how, 4).element_spec[0].shape[1:] == (
            224,
            224,
            3,
        )


@pytest.mark.slow
def test_trains_a_model(tree):
    """As the docstring says: `steps_per_epoch`, any number of epochs."""
    import keras

    import keras_haframe as kh

    data = random_images(16).map(lambda image, label: (image, label % 4))
    net = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 3)])
    model = kh.build(net, tree, "cross_entropy", network="I", hidden_units=4)
    history = model.fit(
        training_batches(data, CIFAR, 4), steps_per_epoch=training_steps(data, 4), epochs=3,
        validation_data=evaluation_batches(data, CIFAR, 6), verbose=0,
    )  # fmt: skip
    assert len(history.history["loss"]) == 3 and int(model.optimizer.iterations) == 12


def test_refuses():
    data = numbered()
    with pytest.raises(ValueError, match=r"`batch_size` must be from 1 to .*23.*batch_size=24"):
        training_batches(data, PLAIN, 24)
    with pytest.raises(ValueError, match="must know how many examples"):
        training_steps(data.filter(lambda x, y: y > 3), 2)
    with pytest.raises(ValueError, match=r"splits evenly.*share=\(0, 2\), batch_size=5"):
        training_batches(data, PLAIN, 5, share=(0, 2))
