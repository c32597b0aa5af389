"""The initializers and the epsilon that all networks of the papers share."""

from __future__ import annotations

import keras

EPSILON = 1e-5  # of every batch normalization, as in PyTorch


def linear_init() -> keras.initializers.Initializer:
    """Uniform in +-1/sqrt(fan in), the start of the papers' learnable linear layers."""
    return keras.initializers.VarianceScaling(1 / 3, mode="fan_in", distribution="uniform")


def conv_init() -> keras.initializers.Initializer:
    """Initialize by a normal of variance `2 / (k k out)`, the start of the papers' convolutions."""
    return keras.initializers.VarianceScaling(2.0, "fan_out", "untruncated_normal")
