import matplotlib.pyplot as plt
import numpy as np
import pytest

from keras_haframe.models import MAE, ViT
from keras_haframe.plots import plot_reconstructions
from keras_haframe.training import Reconstructions

IMAGES = np.random.default_rng(0).normal(size=(3, 8, 8, 3)).astype("float32")


def small():
    return MAE(
        ViT((8, 8, 3), (8, 1, 2), 2), decoder_width=8, decoder_depth=1, decoder_heads=2
    )  # fmt: skip


def test_a_row_per_image_in_the_colors_before_normalization(ax):
    made, mean, std = small().reconstruct(IMAGES), (0.5, 0.4, 0.3), (0.2, 0.1, 0.3)
    plot_reconstructions(made, mean=mean, std=std, ax=ax)
    sheet = np.asarray(ax.images[0].get_array())
    names = [t.get_text() for t in ax.texts if t.get_text()]
    assert names == ["original", "masked", "reconstructed", "pasted"]
    for row in range(3):
        for column, kind in enumerate((made.original, made.masked, made.reconstructed)):
            expected = (np.clip(kind[row] * std + mean, 0, 1) * 255).astype(np.uint8)
            found = sheet[10 * row : 10 * row + 8, 10 * column : 10 * column + 8]
            np.testing.assert_array_equal(found, expected)


def test_gray_images():
    vit = ViT((8, 8, 1), (8, 1, 2), 4)
    mae = MAE(vit, 0.5, decoder_width=8, decoder_depth=0, decoder_heads=2)
    ax = plot_reconstructions(mae.reconstruct(IMAGES[..., :1]))
    sheet = np.asarray(ax.images[0].get_array())
    assert (sheet[:8, :8, 0] == sheet[:8, :8, 2]).all() and sheet[:8, :8].std() > 0


def test_callback_draws_the_same_masks_every_time(tmp_path):
    mae, path = small(), tmp_path / "runs" / "mae.png"
    callback = Reconstructions(IMAGES, path, every=2)
    callback.set_model(mae)
    callback.set_params({"epochs": 5})
    drawn = []
    for epoch in range(5):
        callback.on_epoch_end(epoch)
        drawn.append(path.stat().st_mtime_ns if path.exists() else 0)
    assert [drawn[i] > (drawn[i - 1] if i else 0) for i in range(5)] == [0, 1, 0, 1, 1]
    assert plt.imread(path)[..., :3].std() > 0.05
    assert plt.get_fignums() == []
    with pytest.raises(ValueError, match="`every` must be positive. Received: every=0"):
        Reconstructions(IMAGES, path, every=0)
