"""Backbones of keras-cv, an optional extra, under `build()`."""

import keras
import numpy as np
import pytest

import keras_haframe as kh

keras_cv = pytest.importorskip(
    "keras_cv", reason='keras-cv is not installed: pip install "keras_haframe[cv]"'
)


@pytest.mark.slow
def test_a_backbone_from_its_configuration_trains_saves_and_loads(tree, tmp_path):
    """Explicit configuration: every preset name would be looked up in the network."""
    backbone = keras_cv.models.ResNetBackbone(
        stackwise_filters=[8, 16], stackwise_blocks=[1, 1], stackwise_strides=[1, 2],
        include_rescaling=True, input_shape=(32, 32, 3),
    )  # fmt: skip
    model = kh.build(backbone, tree)
    y = np.arange(8) % 4
    x = np.random.default_rng(0).integers(0, 256, (8, 32, 32, 3)).astype("float32")
    history = model.fit(x, y, epochs=2, batch_size=8, verbose=0).history
    assert np.isfinite(history["loss"]).all()
    scores = model.predict(x, verbose=0)
    assert scores.shape == (8, 4) and model.features(x).shape == (8, 600)
    model.save(tmp_path / "m.keras")
    again = keras.saving.load_model(tmp_path / "m.keras", safe_mode=True)
    np.testing.assert_allclose(again.predict(x, verbose=0), scores, rtol=1e-5, atol=1e-6)
