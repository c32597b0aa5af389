"""Weights as PyTorch would save them, for a network that is there in Keras only."""

import keras

from keras_haframe.models import torch_weights as module


def random_state(net, rng):
    """A PyTorch state for a Keras network: names with dots, arrays turned back."""
    state = {}
    for layer in net.layers:
        for variable in layer.weights:
            names = module.NORM if isinstance(layer, keras.layers.BatchNormalization) else None
            kind = (names or module.PLAIN)[variable.name]
            value = rng.normal(size=variable.shape).astype("float32")
            torch_name = layer.name.replace("downsample_", "downsample.")
            for stage in (1, 2, 3, 4):
                torch_name = torch_name.replace(f"layer{stage}_0_", f"layer{stage}.0.")
            value = value.transpose(3, 2, 0, 1) if value.ndim == 4 else value
            state[f"{torch_name}.{kind}"] = value
    return state
