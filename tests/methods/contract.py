"""What every training method must do, as a base class of test classes.

That it is served as it predicts is shown in tests/saving/test_parity.py.
"""

import keras
import numpy as np
import pytest
from keras import ops

import keras_haframe as kh
from tests import trees
from tests.brute_force import softmax
from tests.networks import backbone, data, train

BACKEND = keras.backend.backend()


def outputs(model, images):
    """Outputs by name, as arrays, without compiling a prediction step."""
    return keras.tree.map_structure(ops.convert_to_numpy, model(images, training=False))


def check_linear_scores(model, tree):
    """Scores are those of the linear classifier that the model names, whose rows are returned."""
    images, _ = data(tree, 2)
    rows, bias = model.classifier_weights()
    features = ops.convert_to_numpy(model.feature_extractor(images, training=False))
    scores = ops.convert_to_numpy(model.method.scores(outputs(model, images)))
    np.testing.assert_allclose(scores, features @ rows.T + bias, atol=1e-5)
    return rows


class MethodContract:
    """Subclass with a name that starts with `Test`, and set the attributes.

    One model, trained in steps compiled by XLA, serves what only reads it. It leaves out the
    metrics, which take longest to trace; what steps uncompiled is as `build()` compiles it.

    Attributes:
        method: Name of the method.
        options: Its options.
        network: Options of the network.
        learning_rate, epochs: Of the trained model.
        repeated: Names of tests that are slow and go through the same code for every method: not in
            the quick pass, but for HAFrame.
    """

    method = ""
    options: dict = {}
    network: dict = {"hidden_units": 24}
    learning_rate = 0.05
    epochs = 25
    repeated: tuple = (
        "test_learns", "test_save_and_reload", "test_mixed_precision",
        "test_steps_of_xla_equal_plain_steps", "test_scores_on_every_tree[worked]",
        "test_scores_on_every_tree[flat]",
    )  # fmt: skip

    def build(self, tree, **kwargs):
        return kh.build(backbone(), tree, self.method, **{**self.network, **self.options, **kwargs})

    def eager(self, tree):
        """The model as compiled by `build()`, metrics and all, but for the tracing of its step."""
        model = self.build(tree)
        model.run_eagerly = True
        return model

    def test_listed_with_its_options(self, tree):
        assert self.method in kh.methods.names()
        made = kh.methods.get(self.method, tree, **self.options)
        assert set(self.options) <= set(made.options())
        with pytest.raises(ValueError, match="Unknown option"):
            kh.methods.get(self.method, tree, no_such_option=1)

    @pytest.fixture(scope="class")
    def trained(self):
        """A model trained in XLA's steps on the worked tree, and how it began.

        On JAX, which always compiles, and PyTorch, which never does, in the backend's own.
        """
        plain, model = self.one_epoch(xla=False), self.one_epoch(xla=True)
        images, labels = data(model.tree, 8)
        first = self.scores(model, images), self.scores(plain, images)
        model.optimizer.learning_rate = self.learning_rate
        losses = train(model, images, labels, self.epochs)
        return model, images, labels, losses, first

    def one_epoch(self, xla, **options):
        keras.utils.set_random_seed(0)
        model = self.build(trees.worked(), **options)
        jit = xla if BACKEND == "tensorflow" else "auto"
        model.compile(model.optimizer, metrics=[], jit_compile=jit, run_eagerly=not xla)
        model.fit(*data(model.tree, 8), batch_size=16, shuffle=False, verbose=0)
        return model

    def scores(self, model, images):
        return ops.convert_to_numpy(model.method.scores(outputs(model, images)))

    def test_learns(self, trained):
        model, images, labels, losses, _ = trained
        assert losses[-1] < 0.8 * losses[0]
        assert (self.scores(model, images).argmax(axis=1) == labels).mean() > 0.9

    def test_steps_of_xla_equal_plain_steps(self, trained):
        *_, (xla, plain) = trained
        np.testing.assert_allclose(xla, plain, rtol=2e-3, atol=2e-4)

    @pytest.mark.parametrize("kind", ["worked", "uneven", "flat"])
    def test_scores_on_every_tree(self, kind, tree, uneven_tree):
        flat = kh.ClassTree([("root", c) for c in "abcde"])
        tree = {"worked": tree, "uneven": uneven_tree, "flat": flat}[kind]
        model = self.eager(tree)
        images, labels = data(tree, 2)
        history = model.fit(images, labels, batch_size=8, verbose=0)
        assert np.isfinite(history.history["loss"]).all()
        scores = model.predict(images, verbose=0)
        assert scores.shape == (len(images), tree.num_classes)
        np.testing.assert_allclose(softmax(scores.astype("float64")).sum(axis=1), 1.0, rtol=1e-6)
        features = ops.convert_to_numpy(model.feature_extractor(images, training=False))
        assert features.ndim == 2 and np.isfinite(features).all()
        classifier = model.classifier_weights()
        if classifier is not None:  # made for exactly these features
            assert classifier[0].shape == (tree.num_classes, features.shape[1])

    def test_save_and_reload(self, trained, tmp_path):
        model, images, labels, *_ = trained
        model.save(tmp_path / "model.keras")
        loaded = keras.models.load_model(tmp_path / "model.keras", safe_mode=True)
        assert loaded.method.options() == model.method.options()
        expected, found = outputs(model, images), outputs(loaded, images)
        assert set(found) == set(expected)
        for name in expected:
            np.testing.assert_array_equal(found[name], expected[name])
        losses = [
            float(m.compute_loss(images, labels, y, training=False))
            for m, y in ((model, expected), (loaded, found))
        ]
        assert losses[1] == pytest.approx(losses[0], rel=1e-5)
        loaded.jit_compile, loaded.run_eagerly = False, True
        loaded.fit(images[:6], labels[:6], verbose=0)

    @pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
    def test_mixed_precision(self, tree, policy):
        keras.config.set_dtype_policy(policy)
        model = self.eager(tree)
        if policy == "mixed_float16":  # else steps are skipped until it has come down from 32768
            model.optimizer.initial_scale = 2.0**6
        images, labels = data(tree, 4)
        before = [np.array(ops.convert_to_numpy(v)) for v in model.trainable_variables]
        history = model.fit(images, labels, batch_size=16, epochs=2, verbose=0)
        assert np.isfinite(history.history["loss"]).all()
        after = [ops.convert_to_numpy(v) for v in model.trainable_variables]
        assert all(np.isfinite(v).all() for v in after)
        assert any(np.abs(a - b).max() > 0 for a, b in zip(after, before))
        scores = model.predict(images, verbose=0)
        assert scores.dtype == np.float32 and np.isfinite(scores).all()

    def test_batch_of_one_does_no_harm(self, tree):
        """Batch normalization turns it into zeros, which have no direction."""
        model = self.eager(tree)
        images, labels = data(tree, 1)
        before = [np.array(ops.convert_to_numpy(v)) for v in model.trainable_variables]
        model.fit(images[:1], labels[:1], batch_size=1, verbose=0)
        for variable, old in zip(model.trainable_variables, before):
            assert np.abs(ops.convert_to_numpy(variable) - old).max() < 1.0, variable.path
