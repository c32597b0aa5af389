"""The optimizer's variables, made before the first step."""

from __future__ import annotations

import keras


def build_optimizer(model: keras.Model) -> None:
    """Make the variables of a compiled model's optimizer, where TensorFlow computes.

    Keras makes them in the first step, and TensorFlow traces a step that makes variables twice:
    for small networks half of the time to the first result. Nothing else changes.

    Args:
        model: A compiled model; `fit` is about to be called.
    """
    strategy = getattr(model, "distribute_strategy", None)  # on TensorFlow alone
    optimizer = model.optimizer
    if strategy is not None and optimizer is not None and not optimizer.built:
        with strategy.scope():
            optimizer.build(model.trainable_variables)
