"""SGD as in the papers: weight decay in the gradient, one learning rate per group."""

from __future__ import annotations

import re
from collections.abc import Mapping

import keras
from keras import ops


@keras.saving.register_keras_serializable(package="keras_haframe")
class GroupedSGD(keras.optimizers.SGD):
    """SGD with momentum, coupled weight decay and learning-rate multipliers.

    `v <- momentum v + (g + decay w)`, `w <- w - lr multiplier v`: PyTorch's form, in which a change
    of the learning rate acts at once. Keras's own `weight_decay` is decoupled from the gradient,
    which with momentum is another method.

    Args:
        learning_rate: Number or schedule.
        momentum: Momentum, 0.9 in the papers.
        coupled_weight_decay: Decay added to the gradient of every trainable weight, 5e-4 in the
            papers.
        multipliers: `{pattern: multiplier}`; the first regular expression that matches a weight's
            path (`re.search`) gives its multiplier, else 1.

    Reference: section 6 of the papers' settings in docs/methods; PyTorch `torch.optim.SGD`.
    """

    def __init__(
        self,
        learning_rate=0.1,
        momentum: float = 0.9,
        coupled_weight_decay: float = 0.0,
        multipliers: Mapping[str, float] | None = None,
        name: str = "grouped_sgd",
        **kwargs,
    ):
        if not 0 < momentum < 1:
            raise ValueError(f"`momentum` must be between 0 and 1. Received: {momentum}")
        super().__init__(learning_rate, momentum, name=name, **kwargs)
        self.coupled_weight_decay = coupled_weight_decay
        self.multipliers = dict(multipliers or {})

    def multiplier(self, variable) -> float:
        """Learning-rate multiplier of a weight."""
        found = (m for pattern, m in self.multipliers.items() if re.search(pattern, variable.path))
        return next(found, 1.0)

    def build(self, variables):
        super().build(variables)
        # By position: TensorFlow hands bare variables, which have no path, to `update_step`.
        self._rates = [self.multiplier(v) for v in variables]

    def update_step(self, gradient, variable, learning_rate):
        index = self._get_variable_index(variable)
        rate = ops.cast(learning_rate * self._rates[index], variable.dtype)
        gradient = ops.cast(gradient, variable.dtype)
        if self.coupled_weight_decay:
            gradient = gradient + self.coupled_weight_decay * variable
        velocity = self.momentums[index]
        self.assign(velocity, self.momentum * velocity + gradient)
        self.assign_sub(variable, rate * velocity)

    def get_config(self):
        return {
            **super().get_config(),
            "coupled_weight_decay": self.coupled_weight_decay,
            "multipliers": self.multipliers,
        }


def papers_sgd(
    model, learning_rate=0.1, backbone: float = 0.1, coupled_weight_decay: float = 5e-4, **kwargs
) -> GroupedSGD:
    """The papers' optimizer for a model of `build()`: a lower learning rate for the backbone.

    Args:
        model: A `HierarchicalClassifier`.
        learning_rate: Rate of the head, number or schedule.
        backbone: Multiplier of the backbone and of the 1x1 convolution after it.
        coupled_weight_decay: See `GroupedSGD`.
        **kwargs: Further arguments of `GroupedSGD`.

    Returns:
        A `GroupedSGD`.
    """
    paths = [v.path for v in model.backbone.trainable_variables] + ["reduce/kernel"]
    pattern = "^(" + "|".join(map(re.escape, paths)) + ")$"
    return GroupedSGD(
        learning_rate,
        coupled_weight_decay=coupled_weight_decay,
        multipliers={pattern: backbone},
        **kwargs,
    )
