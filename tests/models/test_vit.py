"""ViT: features against NumPy, options, copies, saving, and as a backbone of every kind."""

import keras
import numpy as np
import pytest
from keras import ops

import keras_haframe as kh
from keras_haframe.models import ViT, probe
from keras_haframe.models.vit_weights import vit_state
from tests.gradients import assert_close
from tests.models import numpy_vit

SHAPE, SIZE = (8, 12, 3), (8, 3, 2)
IMAGES = np.random.default_rng(0).normal(size=(4, *SHAPE)).astype("float32")


def small(**options):
    """A ViT of random weights, the scales and biases included."""
    vit = ViT(SHAPE, SIZE, 4, **options)
    rng = np.random.default_rng(1)
    for variable in vit.trainable_variables:
        variable.assign(ops.convert_to_numpy(variable) + 0.2 * rng.normal(size=variable.shape))
    return vit


@pytest.mark.parametrize("pooling", ["token", "average"])
def test_features_against_numpy(pooling):
    vit = small(pooling=pooling)
    state = {n: a.astype("float64") for n, a in vit_state(vit).items()}
    expected = numpy_vit.features(IMAGES.astype("float64"), state, 2, pooling, (2, 3))
    assert_close(vit(IMAGES), expected, 1e-4)
    assert vit.output_shape == (None, 8)


def test_map_is_the_patch_tokens():
    vit = small(pooling=None)
    assert vit.output_shape == (None, 2, 3, 8)
    tokens = ops.convert_to_numpy(vit.encode(vit.embed(IMAGES)))
    assert tokens.shape == (4, 7, 8)
    assert_close(vit(IMAGES), tokens[:, 1:].reshape(4, 2, 3, 8), 1e-5)


def test_encoding_a_part_is_the_network_on_a_part():
    """Tokens come with their positions, so order and number are free."""
    vit = small()
    tokens = ops.convert_to_numpy(vit.embed(IMAGES))
    some, same = vit.encode(tokens[:, [4, 1]]), vit.encode(tokens[:, [1, 4]])
    assert_close(ops.take(some, [0, 2, 1], axis=1), ops.convert_to_numpy(same), 1e-5)


@pytest.mark.parametrize(
    "size,count",
    [("Ti", 5_524_224), pytest.param("S", 21_665_280, marks=pytest.mark.slow)],
)
def test_published_sizes(size, count):
    """timm's without head, 5,524,416 and 21,665,664, less the position of the class token."""
    vit = ViT(size=size)
    assert (vit.count_params(), vit.patch_size) == (count, 16)


@pytest.mark.slow
@pytest.mark.parametrize("size,patch,width,depth", [("L", 16, 1024, 24), ("H", 14, 1280, 32)])
def test_published_large_sizes(size, patch, width, depth):
    with keras.device("meta" if keras.backend.backend() == "torch" else "cpu"):
        vit = ViT((2 * patch, 2 * patch, 3), size)
    assert (vit.patch_size, vit.width, vit.depth) == (patch, width, depth)


def test_saved_and_read_again(tmp_path):
    vit = small(drop_path=0.2, layer_scale=0.3, relative_positions=True, positions=None)
    vit.save(tmp_path / "vit.keras")
    again = keras.saving.load_model(tmp_path / "vit.keras", safe_mode=True)
    assert again.get_config() == vit.get_config()
    np.testing.assert_array_equal(*(ops.convert_to_numpy(v(IMAGES)) for v in (vit, again)))


def test_drop_path_rises_to_the_last_block():
    vit = ViT(SHAPE, SIZE, 4, drop_path=0.2)
    assert [round(b.drop_path, 6) for b in vit.blocks] == [0.0, 0.1, 0.2]


@pytest.mark.parametrize("blocks,trained", [(0, set()), (1, {"blocks_2", "norm"}), (3, None)])
def test_last_blocks_alone_are_trained(blocks, trained, tmp_path):
    vit = ViT(SHAPE, SIZE, 4, trainable_blocks=blocks)
    found = {v.path.split("/")[0] for v in vit.trainable_variables}
    assert found == ({"blocks_0", "blocks_1", "blocks_2", "norm"} if trained is None else trained)
    vit.save(tmp_path / "vit.keras")
    again = keras.saving.load_model(tmp_path / "vit.keras")
    assert len(again.trainable_variables) == len(vit.trainable_variables)


def test_copy_keeps_weights_and_starts_the_norm_anew():
    vit = small()
    same = vit.copy(drop_path=0.1)
    np.testing.assert_array_equal(*(ops.convert_to_numpy(v(IMAGES)) for v in (vit, same)))
    tuned = vit.copy(pooling="average", trainable_blocks=1)
    assert (ops.convert_to_numpy(tuned.norm.gamma) == 1).all()
    np.testing.assert_array_equal(
        *(ops.convert_to_numpy(v.blocks[2].fc1.kernel) for v in (vit, tuned))
    )
    assert tuned.blocks[2].fc1.kernel is not vit.blocks[2].fc1.kernel
    large = vit.copy(input_shape=(16, 24, 3))
    assert large.grid == (4, 6) and tuple(large(np.zeros((1, 16, 24, 3))).shape) == (1, 8)


def eager(model):
    """The model, compiled to run step by step: faster for a step or two."""
    model.compile(keras.optimizers.SGD(0.01), run_eagerly=True)
    return model


@pytest.mark.parametrize(
    "method,network",
    [
        ("haframe", "II"),
        pytest.param("haframe", "I", marks=pytest.mark.slow),
        pytest.param("cross_entropy", "I", marks=pytest.mark.slow),
    ],
)
def test_backbone_of_build(tree, method, network, tmp_path):
    model = eager(kh.build(small(pooling="average"), tree, method, network=network, hidden_units=6))
    loss = model.fit(IMAGES, np.arange(4), verbose=0, epochs=1).history["loss"]
    assert np.isfinite(loss).all()
    model.save(tmp_path / "m.keras")
    again = keras.saving.load_model(tmp_path / "m.keras")
    np.testing.assert_allclose(
        *(m.predict(IMAGES, verbose=0) for m in (model, again)), rtol=1e-5, atol=1e-6
    )


@pytest.mark.slow
@pytest.mark.parametrize("method", [m for m in kh.methods.names() if m != "haframe"])
def test_every_method_tunes_an_encoder(tree, method):
    backbone = small(pooling="average", trainable_blocks=1)
    model = eager(kh.build(backbone, tree, method))
    before = [ops.convert_to_numpy(v) for v in backbone.non_trainable_variables]
    model.fit(IMAGES, np.arange(4), verbose=0)
    for value, variable in zip(before, backbone.non_trainable_variables):
        if "seed" not in variable.path:
            np.testing.assert_array_equal(value, ops.convert_to_numpy(variable))


def test_probe_is_frozen_and_normalizes(tree, tmp_path):
    vit = small()
    backbone = probe(vit)
    assert backbone.trainable_variables == []
    model = eager(kh.build(backbone, tree, "cross_entropy", network="I", hidden_units=None))
    assert {v.path for v in model.trainable_variables} == {"classifier/kernel", "classifier/bias"}
    out = ops.convert_to_numpy(backbone(IMAGES, training=True)).astype("float64")
    plain = ops.convert_to_numpy(vit(IMAGES)).astype("float64")
    expected = (plain - plain.mean(0)) / np.sqrt(plain.var(0) + 1e-6)
    np.testing.assert_allclose(out, expected, rtol=1e-3, atol=1e-3)
    model.fit(IMAGES, np.arange(4), verbose=0)
    model.save(tmp_path / "m.keras")
    again = keras.saving.load_model(tmp_path / "m.keras")
    assert len(again.trainable_variables) == 2


@pytest.mark.slow
@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_half_precision_trains(tree, policy):
    if (keras.backend.backend(), policy) == ("jax", "mixed_float16"):
        pytest.skip("JAX's attention has no float16 on CPUs")
    keras.config.set_dtype_policy(policy)
    model = kh.build(ViT(SHAPE, SIZE, 4, drop_path=0.1), tree)
    history = model.fit(IMAGES, np.arange(4), epochs=2, verbose=0).history
    assert np.isfinite(history["loss"]).all()


@pytest.mark.slow
@pytest.mark.skipif(keras.backend.backend() == "torch", reason="PyTorch has no XLA here")
def test_trains_under_xla(tree):
    model = kh.build(ViT(SHAPE, SIZE, 4, drop_path=0.1), tree)
    model.compile(keras.optimizers.SGD(0.01), jit_compile=True)
    assert np.isfinite(model.fit(IMAGES, np.arange(4), verbose=0).history["loss"]).all()


@pytest.mark.parametrize(
    "options,words",
    [
        ({"size": "XL"}, r"`size` must be one of \('Ti', .*Received: 'XL'"),
        ({"size": (8, 0, 2)}, r"`size` must be one of.*\(8, 0, 2\)"),
        ({"patch_size": 5}, r"multiples of `patch_size`.*\(8, 12\), patch_size=5"),
        ({"pooling": "max"}, "`pooling` must be one of.*'max'"),
        ({"drop_path": 1.0}, r"`drop_path` must be in \[0, 1\)"),
        ({"trainable_blocks": 4}, "number of blocks, 3. Received: trainable_blocks=4"),
        ({"positions": "fixed"}, "`positions` must be one of"),
    ],
)
def test_wrong_options(options, words):
    with pytest.raises(ValueError, match=words):
        ViT(**{"input_shape": SHAPE, "size": SIZE, "patch_size": 4, **options})
