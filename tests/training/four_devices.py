"""Four JAX devices of one process against one: python four_devices.py FOLDER."""

import pathlib
import sys

import keras
import numpy as np

import keras_haframe as kh
from keras_haframe.data import ArrayBatches
from keras_haframe.metrics.base import best_classes
from keras_haframe.training.distribution import all_devices
from tests.training.small_recipe import make_model
from tests.training.small_run import data
from tests.trees import wide

IMAGES, LABELS = data()
TEST = IMAGES[64:91], LABELS[64:91]  # 27: four devices get no equal parts
ROWS = {1: "haframe", 2: "cross_entropy"}  # by parts of the model


class Batches(keras.utils.PyDataset):
    """Test data as a stream with weights."""

    def __len__(self):
        return 3

    def __getitem__(self, i):
        rows = slice(10 * i, 10 * i + 10)
        return TEST[0][rows], TEST[1][rows], np.linspace(0.5, 2, 27, dtype="float32")[rows]


def everything(method):
    keras.utils.set_random_seed(0)
    model = make_model(method, {}, True)
    batches = ArrayBatches(IMAGES[:64], LABELS[:64], 16).from_epoch(0)
    history = model.fit(batches, epochs=2, validation_data=TEST, shuffle=False, verbose=0).history
    numbers = [v for values in history.values() for v in values]
    numbers += [*model.evaluate(*TEST, verbose=0), *model.evaluate(*TEST, batch_size=5, verbose=0)]
    numbers += sorted(model.evaluate(Batches(), return_dict=True, verbose=0).values())
    scores, features = model.predict(TEST[0], verbose=0), model.features(TEST[0])
    streamed = model.predict(Batches(), verbose=0)
    return model, [np.array(numbers), scores, streamed, features, *model.get_weights()]


def best_classes_stay():
    """The best classes of an image are found where its scores are."""
    import jax

    scores = np.random.default_rng(0).integers(0, 9, (16, 40)).astype("float32")  # with equals
    layout = keras.distribution.distribution().get_data_layout(scores.shape).backend_layout
    given = jax.device_put(scores, layout)
    step = jax.jit(lambda s: best_classes(s, 5)).lower(given).compile()
    assert "all-gather" not in step.as_text()
    np.testing.assert_array_equal(step(given), np.argsort(-scores, kind="stable")[:, :5])


def split(model):
    """Paths of the variables that lie in parts on the devices."""
    found = {v.path for v in model.weights if not v.value.is_fully_replicated}
    for path in found:
        (variable,) = (v for v in model.weights if v.path == path)
        parts = {shard.data.shape for shard in variable.value.addressable_shards}
        assert len(parts) == 1 and np.prod(parts.pop()) * 2 == np.prod(variable.shape), path
    return found


def features_behind_a_bottleneck():
    """The network of many classes, whose first layer is linear on features."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((16,))
    backbone = keras.Model(inputs, keras.layers.Identity()(inputs))
    model = kh.build(backbone, wide(4, 10), bottleneck=8)
    x = np.random.default_rng(0).normal(size=(32, 16)).astype("float32")
    batches = ArrayBatches(x, np.arange(32), 16).from_epoch(0)
    model.fit(batches, epochs=2, shuffle=False, verbose=0)
    return model


def main(folder):
    narrow = features_behind_a_bottleneck().get_weights()
    for shards, method in ROWS.items():
        _, alone = everything(method)
        with all_devices(16, model_shards=shards) as count:
            assert count == 4
            best_classes_stay()
            model, together = everything(method)
            for one, four in zip(alone, together, strict=True):
                np.testing.assert_allclose(four, one, rtol=1e-4, atol=1e-4)
            names = split(model)
            assert bool(names) == (shards > 1), names
            if method == "cross_entropy" and shards > 1:
                momenta = [v for v in model.optimizer.variables if "classifier_kernel" in v.path]
                assert {"classifier/kernel", "classifier/bias", "reduce/kernel"} <= names
                assert momenta and not any(v.value.is_fully_replicated for v in momenta)
            model.save(pathlib.Path(folder) / "model.keras")
            again = keras.saving.load_model(pathlib.Path(folder) / "model.keras")
            assert split(again) == names
            np.testing.assert_allclose(again.predict(TEST[0], verbose=0), together[1], atol=1e-6)
        elsewhere = keras.saving.load_model(pathlib.Path(folder) / "model.keras")  # on one device
        np.testing.assert_allclose(elsewhere.predict(TEST[0], verbose=0), alone[1], 1e-3, 1e-4)
        with all_devices(16, model_shards=shards):
            model = features_behind_a_bottleneck()
            for one, four in zip(narrow, model.get_weights(), strict=True):
                np.testing.assert_allclose(four, one, rtol=1e-4, atol=1e-4)
            assert shards == 1 or {"widen/kernel", "reduce/kernel"} <= split(model)
        refused(shards)


def refused(shards):
    """What cannot be divided so is refused in one sentence."""
    for words, match in (((16, None, 3), "must divide"), ((6, None, shards), "evenly over 4")):
        try:
            with all_devices(*words):
                raise AssertionError(words)
        except ValueError as error:
            assert match in str(error), error
    with all_devices(16, model_shards=shards):
        model = make_model("haframe", {}, True)
        model.fit(IMAGES[:24], LABELS[:24], batch_size=16, verbose=0)  # 16 and 8
        try:
            model.fit(IMAGES[:30], LABELS[:30], batch_size=16)
            raise AssertionError
        except ValueError as error:
            assert "30 examples in batches of 16" in str(error), error
    odd = kh.ClassTree.from_nested({"land": ["car", "truck"], "air": ["jet"]})
    with all_devices(8, model_shards=2):
        backbone = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Flatten()])
        head = kh.build(backbone, odd, "cross_entropy", network="I").get_layer("classifier")
        assert head.kernel.value.is_fully_replicated  # three classes over two devices


if __name__ == "__main__":
    main(sys.argv[1])
