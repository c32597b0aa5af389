"""AdamW with learning-rate groups, and the layer-wise decay that vision transformers tune with."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import keras
from keras import ops

from keras_haframe.training.rate_groups import checked_multipliers, multiplier_of


@keras.saving.register_keras_serializable(package="keras_haframe")
class GroupedAdamW(keras.optimizers.AdamW):
    """AdamW with learning-rate multipliers; weights of one dimension do not decay.

    `w <- w - lr multiplier decay w`, then Adam's step with `lr multiplier`: PyTorch's form. Biases
    and scales are of one dimension.

    Args:
        learning_rate: Number or schedule.
        weight_decay: Decoupled decay of weights of two dimensions and more.
        multipliers: `{pattern: multiplier}`; the first regular expression that matches a weight's
            path (`re.search`) gives its multiplier, else 1. See `layer_decay`.
        exclude: Patterns of further weights that do not decay.
        beta_1, beta_2, epsilon: Adam's.
        name: Name of the optimizer.
        **kwargs: Further arguments of `keras.optimizers.Adam` (clipping, averages, accumulation).

    Raises:
        ValueError: For values out of range.

    Example:

    >>> optimizer = GroupedAdamW(0.1, weight_decay=0.5, multipliers={"slow": 0.1})
    >>> kernel = keras.Variable([[1.0]], name="slow")
    >>> optimizer.build([kernel])
    >>> optimizer.apply([keras.ops.ones((1, 1))])
    >>> round(float(kernel.numpy()[0, 0]), 4)  # 1 - 0.01 0.5, then minus 0.01
    0.985

    Reference: Loshchilov and Hutter, Decoupled Weight Decay Regularization (ICLR 2019).
    """

    def __init__(
        self,
        learning_rate: Any = 1e-3,
        weight_decay: float = 0.05,
        multipliers: Mapping[str, float] | None = None,
        exclude: Sequence[str] = (),
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        name: str = "grouped_adamw",
        **kwargs: Any,
    ) -> None:
        if not 0 <= weight_decay < math.inf:
            raise ValueError(f"`weight_decay` must be in [0, inf). Received: {weight_decay}")
        super().__init__(
            learning_rate, 0.0, beta_1, beta_2, epsilon, name=name, **kwargs
        )  # fmt: skip
        self.weight_decay = None  # Keras's own would not know the multipliers
        self.decay = float(weight_decay)
        self.multipliers, self.exclude = checked_multipliers(multipliers), list(exclude)

    def multiplier(self, variable: keras.Variable) -> float:
        """Return the learning-rate multiplier of a weight."""
        return multiplier_of(self.multipliers, variable)

    def decays(self, variable: keras.Variable) -> bool:
        """Say whether a weight decays."""
        excluded = any(re.search(pattern, variable.path) for pattern in self.exclude)
        return self.decay > 0 and len(variable.shape) > 1 and not excluded

    def build(self, variables: list[keras.Variable]) -> None:
        super().build(variables)
        # By position: TensorFlow hands bare variables, which have no path, to `update_step`.
        self._rates = [self.multiplier(v) for v in variables]
        self._decays = [self.decay if self.decays(v) else 0.0 for v in variables]

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        index = self._get_variable_index(variable)
        rate = ops.cast(learning_rate * self._rates[index], variable.dtype)
        if self._decays[index]:
            self.assign_sub(variable, variable * (rate * self._decays[index]))
        super().update_step(gradient, variable, rate)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "weight_decay": self.decay,
            "multipliers": self.multipliers,
            "exclude": self.exclude,
        }


def layer_decay(depth: int, decay: float = 0.75) -> dict[str, float]:
    """Multipliers that fall from the head of a `ViT` down to its patches.

    `decay^(depth + 1 - i)` with i = 0 for patches and class token, 1 to `depth` for the blocks; the
    last norm and whatever stands above keep the full rate.

    Args:
        depth: Number of blocks, `vit.depth`.
        decay: Factor from a block to the one below, in (0, 1].

    Returns:
        `multipliers` of `GroupedAdamW` or `GroupedSGD`.

    Raises:
        ValueError: If `decay` is out of range.

    Example:

    >>> list(layer_decay(2, 0.5).values())
    [0.125, 0.25, 0.5]

    Reference: Clark et al., ELECTRA (ICLR 2020); for vision Bao et al., BEiT (ICLR 2022), and He et
    al., Masked Autoencoders (CVPR 2022), released code.
    """
    if not 0 < decay <= 1:
        raise ValueError(f"`decay` must be above 0 and at most 1. Received: decay={decay}")
    rates = {r"(^|/)(patches|class_token)/": decay ** (depth + 1)}
    return rates | {rf"(^|/)blocks_{i}/": decay ** (depth - i) for i in range(depth)}
