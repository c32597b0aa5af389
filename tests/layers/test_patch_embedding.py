"""Patches and positions, one by one in NumPy and against the published table."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_haframe.layers import PatchEmbedding
from keras_haframe.layers.patch_embedding import patchify, sincos_positions, unpatchify
from tests.golden import golden_cases
from tests.gradients import assert_close
from tests.models.numpy_vit import cut

RNG = np.random.default_rng(0)
IMAGES = RNG.normal(size=(2, 8, 12, 3)).astype("float32")


def test_patches_one_by_one_and_back():
    patches = patchify(IMAGES, 4)
    assert tuple(patches.shape) == (2, 6, 48)
    np.testing.assert_array_equal(ops.convert_to_numpy(patches), cut(IMAGES, 4))
    np.testing.assert_array_equal(ops.convert_to_numpy(unpatchify(patches, (2, 3), 4)), IMAGES)


def test_no_images_are_no_patches():
    assert tuple(patchify(IMAGES[:0], 4).shape) == (0, 6, 48)


def positions_twin(rows, columns, width):
    table = np.zeros((rows * columns, width))
    quarter = width // 4
    for row in range(rows):
        for column in range(columns):
            for j in range(quarter):
                omega = 10000 ** (-j / quarter)
                line = table[row * columns + column]
                line[j], line[quarter + j] = np.sin(column * omega), np.cos(column * omega)
                line[2 * quarter + j] = np.sin(row * omega)
                line[3 * quarter + j] = np.cos(row * omega)
    return table


@pytest.mark.parametrize("grid,width", [((3, 5), 8), ((1, 1), 4), ((4, 2), 20)])
def test_positions_by_hand(grid, width):
    assert_close(sincos_positions(grid, width), positions_twin(*grid, width), 1e-12)


@golden_cases("golden_ext/sincos2d.npz", "d{width}_g{side}", lambda width, side: side.isdigit())
def test_positions_golden(golden, width, side):
    expected = golden("golden_ext/sincos2d.npz")[f"d{width}_g{side}"]
    width, side = int(width), int(side)
    np.testing.assert_allclose(sincos_positions((side, side), width), expected, atol=1e-6)


def test_is_the_convolution_plus_positions():
    layer = PatchEmbedding(8, 4)
    tokens = ops.convert_to_numpy(layer(IMAGES))
    kernel = ops.convert_to_numpy(layer.kernel).reshape(4, 4, 3, 8)
    for b in range(2):
        for i in range(6):
            y, x = 4 * (i // 3), 4 * (i % 3)
            expected = np.einsum("hwc,hwcd->d", IMAGES[b, y : y + 4, x : x + 4], kernel)
            expected += positions_twin(2, 3, 8)[i]
            np.testing.assert_allclose(tokens[b, i], expected, rtol=1e-4, atol=1e-5)


def test_start_of_the_weights():
    """Xavier's uniform distribution over the p p C values of a patch; positions are not trained."""
    layer = PatchEmbedding(64, 8)
    layer.build((None, 32, 32, 3))
    limit = np.sqrt(6 / (8 * 8 * 3 + 64))
    kernel = ops.convert_to_numpy(layer.kernel)
    assert 0.95 * limit < np.abs(kernel).max() <= limit
    assert {v.name for v in layer.trainable_variables} == {"kernel", "bias"}
    learned = PatchEmbedding(64, 8, "learned")
    learned.build((None, 32, 32, 3))
    assert "positions" in {v.name for v in learned.trainable_variables}
    assert 0.01 < ops.convert_to_numpy(learned.table).std() < 0.03
    bare = PatchEmbedding(64, 8, None)
    bare.build((None, 32, 32, 3))
    assert bare.table is None


def test_config_round_trip():
    layer = PatchEmbedding(8, 4, "learned", name="patches")
    again = keras.saving.deserialize_keras_object(keras.saving.serialize_keras_object(layer))
    assert again.get_config() == layer.get_config()
    assert layer.compute_output_shape((None, 8, 12, 3)) == (None, 6, 8)


def test_wrong_input():
    with pytest.raises(ValueError, match=r"multiples of `patch_size`.*\(8, 12\), patch_size=5"):
        PatchEmbedding(8, 5)(IMAGES)
    with pytest.raises(ValueError, match=r"`positions` must be one of.*'fixed'"):
        PatchEmbedding(8, 4, "fixed")
    with pytest.raises(ValueError, match="multiple of 4. Received: 6"):
        PatchEmbedding(6, 4)(IMAGES)
