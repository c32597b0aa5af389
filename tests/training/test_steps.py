"""A run that is stopped at any step ends as one that was not, bit for bit, whatever its data."""

import itertools

import keras
import numpy as np
import pytest

from keras_haframe.data import ArrayBatches, Augmentation
from keras_haframe.training import Checkpoints, snapshots
from keras_haframe.training.runner import train_model

EPOCHS, STEPS, SIZE = 3, 8, 4
RNG = np.random.default_rng(0)
IMAGES = RNG.normal(size=(STEPS * SIZE, 6, 6, 3)).astype("float32")
LABELS = RNG.integers(0, 4, STEPS * SIZE)


class StopAt(keras.callbacks.Callback):
    """Interrupt before a step, counted from the start of training."""

    def __init__(self, step):
        super().__init__()
        self.left = step

    def on_train_batch_begin(self, batch, logs=None):
        self.left -= 1
        if self.left < 0:
            raise KeyboardInterrupt


def make_model(**options):
    """With everything that has a state, and a metric that Keras makes in the first step."""
    options = {"metrics": ["accuracy"], **options}
    layers = [
        keras.layers.Flatten(), keras.layers.BatchNormalization(momentum=0.9),
        keras.layers.Dropout(0.3), keras.layers.Dense(4),
    ]  # fmt: skip
    model = keras.Sequential([keras.Input((6, 6, 3)), *layers])
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile(**{"optimizer": keras.optimizers.Adam(0.01), "loss": loss, **options})
    return model


# Data whose order follows from the epoch ----------------------------------------------------------


def arrays(epoch):
    crop = Augmentation("pad_and_crop", pad_mode="reflect", padding=1)
    return ArrayBatches(IMAGES, LABELS, SIZE, 1, crop).from_epoch(epoch)


def order(epoch):
    return np.random.default_rng(epoch).permutation(len(LABELS))


def endless(epoch, step=0):
    for e in itertools.count(epoch):
        rows = order(e).reshape(STEPS, SIZE)
        yield from ((IMAGES[r], LABELS[r]) for r in rows[step if e == epoch else 0 :])


def by_step(epoch, step=0):
    asked.append(step)
    return endless(epoch, step)


asked: list[int] = []


def generator(epoch):
    return endless(epoch)


def tf_data(epoch):
    tf = pytest.importorskip("tensorflow")
    rows = np.concatenate([order(e) for e in range(epoch, EPOCHS)])
    return tf.data.Dataset.from_tensor_slices((IMAGES[rows], LABELS[rows])).batch(SIZE)


def grain_map(epoch):
    grain = pytest.importorskip("grain")
    rows = np.concatenate([order(e) for e in range(epoch, EPOCHS)])
    return grain.MapDataset.source(rows).map(lambda i: (IMAGES[i], LABELS[i])).batch(SIZE)


def grain_iterator(epoch):
    return grain_map(epoch).to_iter_dataset()


def grain_loader(epoch):
    grain = pytest.importorskip("grain")
    rows = np.concatenate([order(e) for e in range(epoch, EPOCHS)])

    class Look(grain.transforms.Map):
        def map(self, i):
            return IMAGES[i], LABELS[i]

    sampler = grain.samplers.SequentialSampler(len(rows))
    batch = grain.transforms.Batch(SIZE)
    return grain.DataLoader(data_source=rows, sampler=sampler, operations=[Look(), batch])


def train(folder, kind=arrays, stops=(), make_model=make_model, finish=True, **options):
    """Train, stopped before each of the steps and called again; return the model at the end."""
    options = {"save_every": 1, "steps": None if kind is arrays else STEPS, **options}
    for stop in stops:
        with pytest.raises(KeyboardInterrupt):
            train_model(
                make_model, kind, EPOCHS, folder, callbacks=lambda s=stop: [StopAt(s)], verbose=0,
                **options,
            )  # fmt: skip
    if finish:
        return train_model(make_model, kind, EPOCHS, folder, verbose=0, **options)[0]


def assert_same(one, two):
    """The same state after the last epoch, the same history with the metrics of every epoch."""
    states = [snapshots.read(f / "checkpoints" / snapshots.file_name(EPOCHS)) for f in (one, two)]
    assert states[0][0] == states[1][0]
    assert states[0][1].keys() == states[1][1].keys()
    for name in states[0][1].keys() - {"random/cpu"}:  # PyTorch's, from which loaders draw too
        value = states[0][1][name]
        np.testing.assert_array_equal(value, states[1][1][name], err_msg=name)
    assert (one / "history.csv").read_text() == (two / "history.csv").read_text()


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """Folders of runs that were not stopped: of `arrays`, and of the other kinds, all the same."""
    made = {kind: tmp_path_factory.mktemp("whole") for kind in (arrays, generator)}
    for kind, folder in made.items():
        train(folder, kind, save_every=None)
    return made


@pytest.fixture
def saved_at_once(monkeypatch):
    """Every save is on the disk before the next step, so that it is known which one is found."""
    save = Checkpoints._save
    monkeypatch.setattr(Checkpoints, "_save", lambda self, step: (save(self, step), self.wait()))


@pytest.mark.usefixtures("saved_at_once")
@pytest.mark.parametrize(
    "kind",
    [
        arrays,
        *(
            pytest.param(kind, marks=pytest.mark.slow)
            for kind in (by_step, tf_data, grain_map, generator, grain_iterator, grain_loader)
        ),
    ],
)  # fmt: skip
def test_stopped_at_steps(undisturbed, tmp_path, kind, capsys):
    train(tmp_path, kind, [6, 9] if kind is arrays else [6])
    assert "going on after epoch 0 of 3, step 5 of the next" in capsys.readouterr().out
    assert_same(tmp_path, undisturbed.get(kind, undisturbed[generator]))
    assert kind is not by_step or max(asked) == 4
