"""MAE against golden vectors and NumPy; training, options, saving, extreme input."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_haframe.data import ArrayBatches
from keras_haframe.models import MAE, ViT, load_mae_weights, step_memory
from keras_haframe.models.masked_patch_loss import masked_patch_loss
from keras_haframe.models.vit_weights import mae_state
from tests.golden import golden_cases
from tests.gradients import BACKEND, DTYPE, RTOL, assert_close, gradient, numeric_gradient
from tests.models import numpy_vit

SHAPE = (8, 8, 3)
RNG = np.random.default_rng(0)
IMAGES = RNG.normal(size=(4, *SHAPE)).astype("float32")
NOISE = RNG.random((4, 16)).astype("float32")


def small(seed=0, **options):
    """16 patches, of which 4 are visible."""
    sizes = {"decoder_width": 8, "decoder_depth": 1, "decoder_heads": 2}
    return MAE(ViT(SHAPE, (8, 2, 2), patch_size=2), seed=seed, **{**sizes, **options})


# Golden vectors ------------------------------------------------------------------------------


def golden_model(golden, name):
    file = golden(f"golden_ext/mae_{name}.npz")
    side, patch, width, depth, heads, *decoder = (int(v) for v in file["config"])
    mae = MAE(
        ViT((side, side, 3), (width, depth, heads), patch), float(file["mask_ratio"]),
        decoder_width=decoder[0], decoder_depth=decoder[1], decoder_heads=decoder[2],
    )  # fmt: skip
    state = {n[2:]: file[n] for n in file if n.startswith("w/")}
    report = load_mae_weights(mae, state)
    assert (report.unused, report.missing) == (["decoder_pos_embed"], [])
    return file, mae, file["imgs_nchw"].transpose(0, 2, 3, 1)


GOLDEN = golden_cases("golden_ext/mae_{name}.npz")


@GOLDEN
def test_golden_forward_and_loss(golden, name):
    file, mae, images = golden_model(golden, name)
    assert_close(mae.encoder.embed(images), file["tokens"], 1e-5)
    out = mae(images, noise=file["noise"])
    np.testing.assert_array_equal(ops.convert_to_numpy(out["mask"]), file["mask"])
    assert_close(out["pixels"], file["pred"], 1e-5)
    assert float(mae.compute_loss(images, y_pred=out)) == pytest.approx(file["loss"], rel=1e-5)
    mae.normalize_targets = False
    assert float(mae.compute_loss(images, y_pred=out)) == pytest.approx(file["loss_raw"], rel=1e-5)


@GOLDEN
@pytest.mark.skipif(BACKEND != "tensorflow", reason="reads gradients of weights from a tape")
def test_golden_gradients(golden, name):
    import tensorflow as tf

    file, mae, images = golden_model(golden, name)
    with tf.GradientTape() as tape:
        loss = mae.compute_loss(images, y_pred=mae(images, noise=file["noise"]))
    encoder, block = mae.encoder, mae.encoder.blocks[0]
    wanted = {
        "patch_embed.proj.weight": encoder.patches.kernel,
        "cls_token": encoder.class_token.token,
        "mask_token": mae.decoder.mask_token,
        "decoder_pred.bias": mae.decoder.pixels.bias,
        "blocks.0.attn.qkv.weight": block.attention.qkv.kernel,
    }
    found = tape.gradient(loss, [v.value for v in wanted.values()])
    for (name, variable), value in zip(wanted.items(), found):
        expected = file[f"g/{name}"]
        if expected.ndim == 4:
            expected = expected.transpose(2, 3, 1, 0).reshape(variable.shape)
        elif expected.ndim == 2:
            expected = expected.T
        assert_close(value, expected, 1e-4)


@GOLDEN
def test_golden_state_is_written_as_it_was_read(golden, name):
    file, mae, _ = golden_model(golden, name)
    state = mae_state(mae)
    assert set(state) == {n[2:] for n in file if n.startswith("w/")}
    moved = file["w/pos_embed"][:, :1]  # the class token has its position in it
    for name, array in state.items():
        expected = file[f"w/{name}"] + (moved if name == "cls_token" else 0.0)
        if name == "pos_embed":
            expected = expected - np.pad(moved, ((0, 0), (0, expected.shape[1] - 1), (0, 0)))
        np.testing.assert_allclose(array, expected, rtol=1e-6, atol=1e-6, err_msg=name)


@GOLDEN
def test_numpy_twin_of_the_whole(golden, name):
    """The published arrays through NumPy give the golden features: the twin itself is right."""
    file, mae, images = golden_model(golden, name)
    state = {n[2:]: file[n].astype("float64") for n in file if n.startswith("w/")}
    x = numpy_vit.embed(images, state) + state["pos_embed"][:, 1:]
    kept = [np.argsort(noise)[: mae.visible] for noise in file["noise"]]
    x = np.stack([tokens[rows] for tokens, rows in zip(x, kept)])
    first = np.broadcast_to(state["cls_token"], (len(x), 1, x.shape[-1]))
    x = numpy_vit.blocks(
        np.concatenate([first, x], axis=1), state, "blocks.", int(file["config"][4])
    )
    np.testing.assert_allclose(
        numpy_vit.norm(x, state, "norm"), file["latent"], rtol=1e-4, atol=1e-5
    )


# The loss ------------------------------------------------------------------------------------


def loss_twin(patches, pixels, mask, normalize):
    """Patch by patch, value by value."""
    total, hidden = 0.0, 0
    for b in range(len(patches)):
        for i in range(patches.shape[1]):
            target = patches[b, i]
            if normalize:
                target = (target - target.mean()) / np.sqrt(target.var(ddof=1) + 1e-6)
            if mask[b, i]:
                total += np.mean([(p - t) ** 2 for p, t in zip(pixels[b, i], target)])
                hidden += 1
    return total / hidden


PATCHES, PIXELS = RNG.normal(size=(2, 3, 5, 6)).astype(DTYPE)
MASK = (RNG.random((3, 5)) > 0.4).astype(DTYPE)


@pytest.mark.parametrize("normalize", [True, False])
def test_loss_and_gradient_against_numpy(normalize):
    expected = loss_twin(PATCHES, PIXELS, MASK, normalize)
    assert_close(masked_patch_loss(PATCHES, PIXELS, MASK, normalize), expected, RTOL)
    found = gradient(lambda p: masked_patch_loss(PATCHES, p, MASK, normalize), PIXELS)
    twin = numeric_gradient(lambda p: loss_twin(PATCHES, p, MASK, normalize), PIXELS)
    assert_close(found, twin, max(RTOL, 1e-6))
    assert (found[MASK == 0] == 0).all()


def test_extreme_patches():
    """Constant patches have no variance, float16 no digits: the loss is finite and in float32."""
    flat = np.full((1, 2, 6), 7.0, "float32")
    zeros, ones = np.zeros_like(flat), np.ones((1, 2), "float32")
    assert float(masked_patch_loss(flat, zeros, ones)) == 0.0
    assert float(masked_patch_loss(flat, zeros, 0 * ones)) == 0.0  # nothing is hidden
    large = np.array([[[60000.0, -60000.0]]], "float16")  # squares overflow in float16
    out = masked_patch_loss(large, np.zeros_like(large), np.ones((1, 1), "float16"), False)
    assert keras.backend.standardize_dtype(out.dtype) == "float32"
    assert float(out) == pytest.approx(60000.0**2, rel=1e-3)
    near = np.float32(1e4) + np.arange(6, dtype="float32")[None, None]  # a large mean
    assert float(masked_patch_loss(near, np.zeros_like(near), ones[:, :1])) == pytest.approx(
        loss_twin(near.astype("float64"), np.zeros_like(near), ones, True), rel=1e-3
    )
    single = masked_patch_loss(ones[..., None], zeros[..., :1], ones)  # one value per patch
    assert np.isfinite(float(single))


def test_no_images():
    mae = small()
    out = mae(IMAGES[:0])
    assert tuple(out["pixels"].shape) == (0, 16, 12)
    assert float(mae.compute_loss(IMAGES[:0], y_pred=out)) == 0.0


# The model -----------------------------------------------------------------------------------


def test_encoder_sees_visible_patches_alone():
    """What is hidden may change: the painting stays."""
    mae = small()
    out = mae(IMAGES, noise=NOISE)
    mask = ops.convert_to_numpy(out["mask"]).astype(bool)
    assert (mask.sum(axis=1) == 12).all() and mae.visible == 4
    changed = IMAGES.reshape(4, 4, 2, 4, 2, 3).transpose(0, 1, 3, 2, 4, 5).copy()
    changed[mask.reshape(4, 4, 4)] += 100.0
    changed = changed.transpose(0, 1, 3, 2, 4, 5).reshape(IMAGES.shape)
    again = mae(changed, noise=NOISE)
    assert_close(again["pixels"], ops.convert_to_numpy(out["pixels"]), 1e-6)


def test_masks_follow_the_seed():
    masks = [ops.convert_to_numpy(small(seed)(IMAGES)["mask"]) for seed in (0, 0, 1)]
    np.testing.assert_array_equal(masks[0], masks[1])
    assert (masks[0] != masks[2]).any()
    mae = small()
    first, second = (ops.convert_to_numpy(mae(IMAGES)["mask"]) for _ in range(2))
    assert (first != second).any() and (first[0] != first[1]).any()


def fits(mae, data=IMAGES, epochs=12, **options):
    mae.compile(keras.optimizers.Adam(0.01), **options)
    return mae.fit(data, epochs=epochs, batch_size=4, verbose=0).history["loss"]


def test_learns_from_images_alone_and_is_saved(tmp_path):
    mae = small()
    loss = fits(mae, epochs=5, run_eagerly=True)
    assert np.isfinite(loss).all() and min(loss[-3:]) < loss[0]
    mae.save(tmp_path / "mae.keras")
    again = keras.saving.load_model(tmp_path / "mae.keras", safe_mode=True)
    a, b = (m(IMAGES, noise=NOISE)["pixels"] for m in (mae, again))
    np.testing.assert_array_equal(ops.convert_to_numpy(a), ops.convert_to_numpy(b))
    assert again.get_config() == mae.get_config()
    np.testing.assert_array_equal(*(ops.convert_to_numpy(m.encoder(IMAGES)) for m in (mae, again)))


@pytest.mark.slow
def test_labels_in_the_data_are_not_looked_at():
    losses = []
    for labels in (np.arange(4), np.arange(4)[::-1]):
        keras.utils.set_random_seed(0)
        mae = small()
        mae.compile(mae.optimizer, run_eagerly=True)
        losses.append(mae.fit(ArrayBatches(IMAGES, labels, 4, 3), epochs=2, verbose=0).history)
    assert losses[0] == losses[1]


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [
        {"sampling": "block", "mask_ratio": 0.5},
        {"sampling": "grid"},
        {"normalize_targets": False},
        {"encoder_mask_tokens": True},
        {"decoder_depth": 0},
    ],
)
def test_options_train(options, tmp_path):
    mae = small(**options)
    loss = fits(mae, epochs=20, run_eagerly=True)
    assert min(loss[-5:]) < loss[0]
    mae.save(tmp_path / "mae.keras")
    again = keras.saving.load_model(tmp_path / "mae.keras")
    assert again.get_config() == mae.get_config()


def test_mask_tokens_in_the_encoder_hide_as_well():
    mae = small(encoder_mask_tokens=True)
    mae.mask_token.assign(RNG.normal(size=(1, 1, 8)))
    hidden = ops.convert_to_numpy(mae(IMAGES, noise=NOISE)["mask"]).reshape(4, 4, 4)
    changed = IMAGES.copy()
    for b, y, x in zip(*np.nonzero(hidden)):
        changed[b, 2 * y : 2 * y + 2, 2 * x : 2 * x + 2] = -50.0
    first, second = (mae(x, noise=NOISE)["pixels"] for x in (IMAGES, changed))
    assert_close(second, ops.convert_to_numpy(first), 1e-6)
    paths = {v.path.split("/", 1)[1] for v in mae.trainable_variables if "mask_token" in v.path}
    assert paths == {"mask_token"}  # none in the decoder


@pytest.mark.slow
@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_half_precision_trains(policy):
    if (BACKEND, policy) == ("jax", "mixed_float16"):
        pytest.skip("JAX's attention has no float16 on CPUs")
    keras.config.set_dtype_policy(policy)
    mae = small()
    assert keras.backend.standardize_dtype(mae(IMAGES)["pixels"].dtype) != "float32"
    loss = fits(mae, epochs=15, run_eagerly=True)
    assert np.isfinite(loss).all() and min(loss[-3:]) < loss[0]


@pytest.mark.slow
@pytest.mark.skipif(BACKEND == "torch", reason="PyTorch has no XLA here")
def test_trains_under_xla():
    assert np.isfinite(fits(small(), epochs=2, jit_compile=True)).all()


def test_reconstruction_pastes_what_was_hidden():
    mae = small()
    made = mae.reconstruct(IMAGES, noise=NOISE)
    hidden = made.mask.reshape(4, 4, 4).repeat(2, axis=1).repeat(2, axis=2).astype(bool)
    np.testing.assert_array_equal(made.original, IMAGES)
    assert (made.masked[hidden] == 0).all()
    for sheet in (made.masked, made.pasted):
        np.testing.assert_array_equal(sheet[~hidden], IMAGES[~hidden])
    np.testing.assert_array_equal(made.pasted[hidden], made.reconstructed[hidden])
    pixels = ops.convert_to_numpy(mae(IMAGES, noise=NOISE)["pixels"])
    first = IMAGES[0, :2, :2]  # the first patch has its mean and deviation back
    expected = pixels[0, 0] * np.sqrt(first.var(ddof=1) + 1e-6) + first.mean()
    np.testing.assert_allclose(made.reconstructed[0, :2, :2].ravel(), expected, rtol=1e-4)


def test_encoder_goes_on_as_a_backbone():
    mae = small()
    backbone = mae.encoder.copy(pooling="average")
    assert_close(
        backbone.blocks[1].fc1.kernel, ops.convert_to_numpy(mae.encoder.blocks[1].fc1.kernel)
    )
    assert backbone.output_shape == (None, 8)


# Bad input -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options,words",
    [
        ({"mask_ratio": 1.0}, "between 0 and 1. Received: mask_ratio=1.0"),
        ({"mask_ratio": 0.99}, "leaves 0 of 16 visible"),
        ({"sampling": "rows"}, "`sampling` must be one of.*'rows'"),
        ({"decoder_width": 6, "decoder_heads": 2}, "multiple of 4 and of its heads"),
        ({"decoder_heads": 3}, "multiple of 4 and of its heads"),
    ],
)
def test_wrong_options(options, words):
    with pytest.raises(ValueError, match=words):
        small(**options)


def test_wrong_encoders():
    with pytest.raises(ValueError, match="must be a keras_haframe.models.ViT. Received: Dense"):
        MAE(keras.layers.Dense(3))
    relative = ViT(SHAPE, (8, 1, 2), 2, relative_positions=True, positions=None)
    with pytest.raises(ValueError, match="must not have relative positions"):
        MAE(relative)


def test_wrong_images():
    mae, bytes_ = small(), (IMAGES * 20).astype("uint8")
    for data in (bytes_, (bytes_, np.arange(4)), ArrayBatches(bytes_, np.arange(4), 2)):
        with pytest.raises(ValueError, match="Images must be floats.*type: uint8"):
            mae.fit(data)
    with pytest.raises(ValueError, match=r"\[batch, 8, 8, 3\]. Received shape: \(4, 8, 4, 3\)"):
        mae.fit(IMAGES[:, :, :4])
    if BACKEND == "tensorflow":
        import tensorflow as tf

        with pytest.raises(ValueError, match="Images must be floats.*type: uint8"):
            mae.fit(tf.data.Dataset.from_tensor_slices(bytes_).batch(2))


# Memory --------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_batch_that_cannot_fit_is_refused_before_it_is_tried(monkeypatch):
    mae = small()
    needed = step_memory.least_bytes(mae, 4)
    monkeypatch.setattr(step_memory, "available_bytes", lambda: needed)
    mae.fit(IMAGES, batch_size=4, verbose=0)
    before = [np.array(v) for v in mae.weights]
    for data in (
        {"x": np.repeat(IMAGES, 2, 0), "batch_size": 8},
        {"x": ArrayBatches(np.repeat(IMAGES, 2, 0), np.zeros(8, int), 8)},
    ):
        with pytest.raises(ValueError, match=r"A batch of 8 images.*GiB.*smaller `batch_size`"):
            mae.fit(**data, verbose=0)
    for one, other in zip(before, mae.weights, strict=True):
        np.testing.assert_array_equal(one, np.array(other))


def test_least_bytes_by_hand():
    """2 blocks of 5 tokens of 8, 1 of 17 of 8: 10 numbers each; 4 float32 per weight."""
    mae = small()
    blocks = 10 * (2 * 5 * 8 + 1 * 17 * 8) * 4
    assert step_memory.least_bytes(mae, 1) - 16 * mae.count_params() == blocks
    assert step_memory.least_bytes(mae, 3) - 16 * mae.count_params() == 3 * blocks


def test_free_memory_is_between_a_megabyte_and_a_petabyte():
    assert 2**20 < step_memory.available_bytes() < 2**50
