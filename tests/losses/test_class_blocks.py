"""Losses over blocks of classes equal those of all logits, with their gradients, and hold none."""

import keras
import numpy as np
import pytest
from keras import ops

import keras_haframe as kh
from keras_haframe.layers import FrameClassifier
from keras_haframe.losses import CrossEntropy, HAFrameLoss
from tests.brute_force import target_cosines
from tests.gradients import BACKEND, DTYPE, assert_close, numeric_gradient, value_and_gradients
from tests.networks import backbone, data
from tests.trees import random_tree

K, DIM, BATCH = 37, 40, 5
TIGHT = 1e-10 if DTYPE == "float64" else 2e-5
WEIGHTS = np.array([1.0, 0.0, 2.0, 1.0, 0.5])


class PathVectors(keras.layers.Layer):
    """Class vectors that are no weight: normalized sums of one vector per node of the path."""

    def __init__(self, tree, dim):
        super().__init__(dtype=DTYPE, name="classifier")
        self.num_classes = tree.num_classes
        nodes = np.random.default_rng(1).choice([-1.0, 1.0], (tree.num_nodes, dim))
        rows = nodes[tree.paths].sum(axis=1)
        self.nodes, self.paths = nodes, tree.paths.astype("int32")
        self.lengths = np.linalg.norm(rows, axis=1)
        self.rows = rows / self.lengths[:, None]

    def class_vectors(self, classes):
        paths = ops.take(ops.convert_to_tensor(self.paths), classes, axis=0)
        nodes = ops.convert_to_tensor(self.nodes, dtype=DTYPE)
        lengths = ops.take(ops.convert_to_tensor(self.lengths, dtype=DTYPE), classes)
        return ops.sum(ops.take(nodes, paths, axis=0), axis=-2) / lengths[..., None]


@pytest.fixture
def case():
    rng = np.random.default_rng(0)
    tree = random_tree(rng, K)
    return tree, rng.integers(0, K, BATCH), rng.normal(size=(BATCH, DIM))


def blocked(loss, classifier):
    loss.classifier = classifier
    return loss


def twin(tree, labels, x, rows, alpha):
    """Mean HAFrame loss in float64 NumPy, with a loop over examples."""
    s, total = target_cosines(tree, 2.0, 0.0), 0.0
    for y, f in zip(labels, x):
        z = rows @ f
        entropy = np.log(np.exp(z - z.max()).sum()) + z.max() - z[y]
        total += (1 - alpha) * entropy + alpha * ((z / np.linalg.norm(f) - s[y]) ** 2).sum()
    return total / len(x)


def test_twin_with_loops_and_its_differences(case):
    tree, labels, x = case
    layer = PathVectors(tree, DIM)
    loss = HAFrameLoss(tree, 2.0, alpha=0.4, min_similarity=0.0, class_block=10, dtype=DTYPE)
    value, (found,) = value_and_gradients(
        lambda x: blocked(loss, layer)(labels, {"features": x}), [x.astype(DTYPE)]
    )

    def mean(x):
        return twin(tree, labels, x, layer.rows, 0.4)

    assert value == pytest.approx(mean(x), rel=TIGHT)
    assert_close(found, numeric_gradient(mean, x), 1e-6 if DTYPE == "float64" else 2e-3)


@pytest.mark.parametrize(
    ("block", "compiled"),
    [(1, False), (10, False), (36, False), (K, False), (1000, False), (10, True), (K, True)],
)
def test_haframe_equals_that_of_logits(case, block, compiled):
    tree, labels, x = case
    layer = FrameClassifier(tree, 2.0, dtype=DTYPE)
    layer.build((None, DIM))
    options = {"alpha": 0.4, "reduction": "sum", "dtype": DTYPE}
    plain = HAFrameLoss(tree, 2.0, **options)
    loss = blocked(HAFrameLoss(tree, 2.0, class_block=block, **options), layer)
    arrays = [x.astype(DTYPE)]
    want, (slope,) = value_and_gradients(lambda x: plain(labels, layer(x), WEIGHTS), arrays)
    found, (other,) = value_and_gradients(
        lambda x: loss(labels, {"features": x}, WEIGHTS), arrays, compiled
    )
    assert found == pytest.approx(want, rel=TIGHT)
    assert_close(other, slope, TIGHT)


@pytest.mark.parametrize("block", [5, K])
def test_kernel_and_bias_of_a_linear_head_learn_the_same(case, block):
    _, labels, x = case
    rng = np.random.default_rng(2)
    arrays = [a.astype(DTYPE) for a in (x, rng.normal(size=(DIM, K)), rng.normal(size=K))]
    plain = CrossEntropy(dtype=DTYPE)

    class Head:  # the weights of a Dense layer, as what is differentiated
        trainable = True

        def __init__(self, kernel, bias):
            self.kernel, self.bias = kernel, bias

    def by_blocks(x, kernel, bias):
        loss = CrossEntropy(dtype=DTYPE, class_block=block)
        return blocked(loss, Head(kernel, bias))(labels, {"features": x})

    want, slopes = value_and_gradients(
        lambda x, kernel, bias: plain(labels, ops.matmul(x, kernel) + bias), arrays
    )
    found, others = value_and_gradients(by_blocks, arrays)
    assert found == pytest.approx(want, rel=TIGHT)
    for slope, other in zip(slopes, others):
        assert_close(other, slope, 10 * TIGHT)


@pytest.mark.parametrize("scale", [0.0, 1e-30, 1e4])
def test_extreme_features(case, scale):
    tree, labels, x = case
    layer = FrameClassifier(tree, 2.0)
    x = (scale * x).astype("float32")
    plain = HAFrameLoss(tree, 2.0)
    loss = blocked(HAFrameLoss(tree, 2.0, class_block=10), layer)
    want, (slope,) = value_and_gradients(lambda x: plain(labels, layer(x)), [x])
    found, (other,) = value_and_gradients(lambda x: loss(labels, {"features": x}), [x])
    assert np.isfinite(found) and found == pytest.approx(want, rel=1e-5)
    np.testing.assert_allclose(other, slope, atol=1e-5)


def test_half_precision_features_and_lost_examples(case):
    tree, labels, x = case
    layer = FrameClassifier(tree, 2.0)
    layer.build((None, DIM))
    loss = blocked(HAFrameLoss(tree, 2.0, class_block=10, reduction=None), layer)
    half = ops.cast(ops.convert_to_tensor(x.astype("float32")), "bfloat16")
    found = loss(labels, {"features": half})
    assert keras.backend.standardize_dtype(found.dtype) == "float32"
    want = loss(labels, {"features": ops.cast(half, "float32")})
    np.testing.assert_allclose(ops.convert_to_numpy(found), ops.convert_to_numpy(want), rtol=1e-6)
    x[1, 3] = np.nan
    each = ops.convert_to_numpy(loss(labels, {"features": x.astype("float32")}))
    np.testing.assert_array_equal(np.isnan(each), np.arange(BATCH) == 1)


@pytest.mark.slow
def test_a_compiled_step_holds_no_array_of_batch_by_classes(case):
    tree, labels, x = case
    x, labels = x.astype("float32"), labels.astype("int32")

    def text(loss):
        layer = FrameClassifier(tree, 2.0)
        layer.build((None, DIM))
        loss.classifier = layer

        def step(x):
            return loss(labels, {**layer(x), "features": x})

        if BACKEND == "tensorflow":
            import tensorflow as tf

            def both(x):
                with tf.GradientTape() as tape:
                    tape.watch(x)
                    value = step(x)
                return tape.gradient(value, x)

            made = tf.function(both, jit_compile=True)
            return made.experimental_get_compiler_ir(tf.constant(x))(stage="optimized_hlo")
        jax = pytest.importorskip("jax")
        return jax.jit(jax.grad(step)).lower(x).compile().as_text()

    if BACKEND == "torch":
        pytest.skip("PyTorch runs step by step")
    everything = f"f32[{BATCH},{K}]"
    assert everything in text(HAFrameLoss(tree, 2.0))
    assert everything not in text(HAFrameLoss(tree, 2.0, class_block=8))


@pytest.mark.slow
@pytest.mark.parametrize(
    "method", ["haframe", pytest.param("cross_entropy", marks=pytest.mark.slow)]
)
def test_training_is_that_of_logits_and_measures_the_loss_alone(uneven_tree, tmp_path, method):
    images, labels = data(uneven_tree, 4)
    trained = []
    for block in (None, 3):
        keras.utils.set_random_seed(0)
        options = {} if method == "haframe" else {"hidden_units": 8}
        model = kh.build(backbone(), uneven_tree, method, class_block=block, **options)
        history = model.fit(
            images, labels, batch_size=8, shuffle=False, verbose=0, validation_data=(images, labels)
        ).history
        trained.append((model, history))
    (plain, usual), (model, fewer) = trained
    np.testing.assert_allclose(fewer["loss"], usual["loss"], rtol=1e-4)
    np.testing.assert_allclose(fewer["val_loss"], usual["val_loss"], rtol=1e-3)
    assert {k for k in usual if k.startswith("val_")} < set(fewer)
    assert {k for k in fewer if not k.startswith("val_")} == {"loss"}
    assert model.method.options()["class_block"] == 3
    for a, b in zip(model.get_weights(), plain.get_weights()):
        np.testing.assert_allclose(a, b, atol=1e-4)
    model.save(tmp_path / "model.keras")
    loaded = keras.models.load_model(tmp_path / "model.keras")
    measured = loaded.evaluate(images, labels, verbose=0, return_dict=True)
    assert measured["loss"] == pytest.approx(fewer["val_loss"][0], rel=1e-4)
    assert {f"val_{name}" for name in measured} == {k for k in fewer if k.startswith("val_")}


def test_what_is_refused(tree):
    with pytest.raises(ValueError, match="`class_block` must be a positive integer"):
        CrossEntropy(class_block=0)
    with pytest.raises(ValueError, match="`label_smoothing` needs the logits"):
        CrossEntropy(0.1, class_block=8)
    with pytest.raises(ValueError, match="takes the outputs.*Received: .*logits"):
        HAFrameLoss(tree, class_block=8)([0], {"logits": np.ones((1, 4), "float32")})
    with pytest.raises(ValueError, match="vectors of single classes.*Received: NoneType"):
        HAFrameLoss(tree, class_block=8)([0], {"features": np.ones((1, 4), "float32")})
    with pytest.raises(ValueError, match="structured frame has none"):
        kh.build(backbone(), tree, frame="structured", class_block=2)
