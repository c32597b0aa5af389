"""Masks: exact ratios, seeds, and sorting against Python's."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_haframe.layers import masking
from tests.compiled import compiled

GRID = (6, 8)


def masks(sampling, seed=0, ratio=0.75, batch=40, grid=GRID):
    noise = masking.mask_noise(
        sampling, batch, grid, ratio, keras.random.SeedGenerator(seed)
    )  # fmt: skip
    count = masking.visible_count(grid[0] * grid[1], ratio)
    return ops.convert_to_numpy(masking.split_patches(noise, count)[2]), count


def test_sorted_as_python_sorts():
    noise = np.random.default_rng(0).random((5, 12)).astype("float32")
    visible, restore, mask = map(ops.convert_to_numpy, masking.split_patches(noise, 5))
    for b in range(5):
        order = sorted(range(12), key=lambda i: noise[b, i])
        assert visible[b].tolist() == order[:5]
        assert restore[b].tolist() == [order.index(i) for i in range(12)]
        assert mask[b].tolist() == [0.0 if i in order[:5] else 1.0 for i in range(12)]


def test_taking_and_restoring_is_the_identity():
    rng = np.random.default_rng(0)
    tokens, noise = rng.normal(size=(3, 12, 4)).astype("float32"), rng.random((3, 12))
    shuffled, restore, _ = masking.split_patches(noise.astype("float32"), 12)
    back = masking.take_tokens(masking.take_tokens(tokens, shuffled), restore)
    np.testing.assert_array_equal(ops.convert_to_numpy(back), tokens)


@pytest.mark.parametrize("sampling", masking.SAMPLINGS)
@pytest.mark.parametrize("ratio", [0.1, 0.5, 0.75, 0.9])
def test_every_image_hides_exactly_the_ratio(sampling, ratio):
    mask, count = masks(sampling, ratio=ratio)
    assert mask.shape == (40, 48) and set(np.unique(mask)) == {0.0, 1.0}
    assert (mask.sum(axis=1) == 48 - count).all()
    assert count == int(48 * (1 - ratio) + 1e-6)


@pytest.mark.parametrize("sampling", masking.SAMPLINGS)
def test_the_seed_decides(sampling):
    first, again, other = (masks(sampling, seed, ratio=0.6)[0] for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).any() and len(np.unique(first, axis=0)) > 1


def test_random_hides_every_patch_alike():
    share = masks("random", batch=4000)[0].mean(axis=0)
    assert np.abs(share - 0.75).max() < 0.05


def test_grid_keeps_one_of_four():
    mask = masks("grid")[0].reshape(-1, *GRID)
    expected = np.ones(GRID)
    expected[::2, ::2] = 0
    assert (mask == expected).all()
    more = masks("grid", ratio=0.5)[0].reshape(-1, *GRID)
    assert (more[:, ::2, ::2] == 0).all() and (more != more[0]).any()


def test_blocks_hang_together():
    """Hidden patches have more hidden neighbors than random ones."""

    def neighbors(mask):
        mask = mask.reshape(-1, 14, 14)
        pairs = (mask[:, 1:] * mask[:, :-1]).sum() + (mask[:, :, 1:] * mask[:, :, :-1]).sum()
        return pairs / mask.sum()

    found = {s: neighbors(masks(s, ratio=0.5, grid=(14, 14))[0]) for s in ("random", "block")}
    assert found["random"] == pytest.approx(0.93, abs=0.03)  # 2 (13/14) / 2
    assert found["block"] > 1.4


@pytest.mark.parametrize(
    "sampling", ["block", *(pytest.param(s, marks=pytest.mark.slow) for s in ("random", "grid"))]
)
def test_compiles(sampling):
    def mask(tokens):
        noise = masking.mask_noise(sampling, ops.shape(tokens)[0], GRID, 0.75, 1)
        return masking.split_patches(noise, 12)[2]

    out = ops.convert_to_numpy(compiled(mask)(np.zeros((3, 48), "float32")))
    assert (out.sum(axis=1) == 36).all()


def test_counts():
    assert masking.visible_count(16, 0.6) == 6  # 6.4, rounded down as published
    assert masking.visible_count(10, 0.9) == 1  # 0.99... in floats
    assert masking.visible_count(64, 0.75) == 16
    for ratio in (0.0, 1.0, -0.5, 1.5):
        with pytest.raises(ValueError, match=f"between 0 and 1. Received: mask_ratio={ratio}"):
            masking.visible_count(16, ratio)
    with pytest.raises(ValueError, match="leaves 0 of 4 visible"):
        masking.visible_count(4, 0.9)
    with pytest.raises(ValueError, match="`sampling` must be one of.*'rows'"):
        masking.mask_noise("rows", 1, GRID, 0.5)
