"""Flamingo: one classifier per tree level, each on its own slice of the features."""

from __future__ import annotations

from typing import Any, ClassVar

from keras_haframe import losses
from keras_haframe.layers import SliceClassifiers
from keras_haframe.methods.base import Method, Norm, register
from keras_haframe.tree_ops.values import Tensor


@register("flamingo")
class Flamingo(Method):
    """Coarse classifiers read the finer slices without training them; the finest makes the scores.

    Args:
        slice_widths: Widths of the slices, coarsest level first; `floor(P / L)` each by default,
            the last takes the rest (as in HAFrame's type II rows). The paper's type I networks:
            FGVC-Aircraft 200, 200, 200; iNaturalist 2019 6 x 85 and 90; tieredImageNet-H 12 x 50;
            CIFAR-100 102, 102, 102, 103, 103.

    Reference: Chang et al., Your "Flamingo" is My "Bird": Fine-Grained, or Not (CVPR 2021).
    """

    Loss = losses.LevelCrossEntropy
    head_options: ClassVar[dict[str, Any]] = {"slice_widths": None}

    def head(self, features: Tensor, norm: Norm) -> dict:
        classifiers = SliceClassifiers(self.tree, slice_widths=self.slice_widths, name="classifier")
        return classifiers(features)
