"""SGD as in the papers: weight decay in the gradient, one learning rate per group."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import keras
from keras import ops

from keras_haframe.training.rate_groups import checked_multipliers, head_pattern, multiplier_of
from keras_haframe.tree_ops.values import Tensor


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
        name: Name of the optimizer.
        **kwargs: Further arguments of `keras.optimizers.SGD` (clipping, averages, accumulation).

    Raises:
        ValueError: For values out of range, and for Keras's `weight_decay` and `nesterov`, which
            would mean another method.

    Example:

    >>> optimizer = GroupedSGD(0.1, coupled_weight_decay=5e-4, multipliers={"^backbone/": 0.1})
    >>> kernel = keras.Variable([1.0, 2.0])
    >>> optimizer.build([kernel])
    >>> optimizer.apply([keras.ops.ones(2)])
    >>> [round(float(w), 5) for w in kernel.numpy()]
    [0.89995, 1.8999]

    Reference: Liang and Davis, HAFrame (ICCV 2023), training settings; the update is that of
    PyTorch's `torch.optim.SGD`.
    """

    def __init__(
        self,
        learning_rate: float | keras.optimizers.schedules.LearningRateSchedule = 0.1,
        momentum: float = 0.9,
        coupled_weight_decay: float = 0.0,
        multipliers: Mapping[str, float] | None = None,
        name: str = "grouped_sgd",
        **kwargs: Any,
    ) -> None:
        if not 0 < momentum < 1:
            raise ValueError(f"`momentum` must be between 0 and 1. Received: momentum={momentum}")
        if not 0 <= coupled_weight_decay < math.inf:
            raise ValueError(
                "`coupled_weight_decay` must be in [0, inf). "
                f"Received: coupled_weight_decay={coupled_weight_decay}"
            )
        if kwargs.get("weight_decay") or kwargs.get("nesterov"):
            raise ValueError(
                "`GroupedSGD` takes neither Keras's decoupled `weight_decay` nor `nesterov`: use "
                "`coupled_weight_decay`, or keras.optimizers.SGD. Received: "
                f"weight_decay={kwargs.get('weight_decay')}, nesterov={kwargs.get('nesterov')}"
            )
        super().__init__(learning_rate, float(momentum), name=name, **kwargs)
        self.coupled_weight_decay = float(coupled_weight_decay)
        self.multipliers = checked_multipliers(multipliers)

    def multiplier(self, variable: keras.Variable) -> float:
        """Learning-rate multiplier of a weight."""
        return multiplier_of(self.multipliers, variable)

    def build(self, variables: list[keras.Variable]) -> None:
        super().build(variables)
        # By position: TensorFlow hands bare variables, which have no path, to `update_step`.
        self._rates = [self.multiplier(v) for v in variables]

    def update_step(
        self, gradient: Tensor, variable: keras.Variable, learning_rate: Tensor
    ) -> None:
        index = self._get_variable_index(variable)
        rate = ops.cast(learning_rate * self._rates[index], variable.dtype)
        gradient = ops.cast(gradient, variable.dtype)
        if self.coupled_weight_decay:
            gradient = gradient + self.coupled_weight_decay * variable
        velocity = self.momentums[index]
        self.assign(velocity, self.momentum * velocity + gradient)
        self.assign_sub(variable, rate * velocity)

    def get_config(self) -> dict[str, Any]:
        return {
            **super().get_config(),
            "coupled_weight_decay": self.coupled_weight_decay,
            "multipliers": self.multipliers,
        }


def papers_sgd(
    model: keras.Model,
    learning_rate: float | keras.optimizers.schedules.LearningRateSchedule = 0.1,
    backbone: float = 0.1,
    coupled_weight_decay: float = 5e-4,
    transformation: float = 1.0,
    **kwargs: Any,
) -> GroupedSGD:
    """Make the papers' optimizer for a model of `build()`: a lower rate for the backbone.

    Args:
        model: A `HierarchicalClassifier`.
        learning_rate: Rate of the head, number or schedule.
        backbone: Multiplier of the backbone and of the 1x1 convolution after it.
        coupled_weight_decay: See `GroupedSGD`.
        transformation: Multiplier of the transformation block; the paper's CIFAR-100,
            iNaturalist 2019 and tieredImageNet-H runs train it at 0.1.
        **kwargs: Further arguments of `GroupedSGD`.

    Returns:
        A `GroupedSGD`.

    Example:

    ```python
    model = keras_haframe.build(backbone, tree)
    model.compile(papers_sgd(model))
    model.fit(data, epochs=100, callbacks=[epoch_cosine(0.1, 100)])
    ```

    Reference: Liang and Davis, HAFrame (ICCV 2023), training settings: rate 0.1 for the head and
    0.01 for the backbone, momentum 0.9, weight decay 5e-4.
    """
    slow = [v for v in model.trainable_variables if v.path == "reduce/kernel"]
    head = head_pattern(model, [*model.backbone.variables, *slow])
    return GroupedSGD(
        learning_rate,
        coupled_weight_decay=coupled_weight_decay,
        multipliers={"^transformation/": transformation, head: 1.0, "": backbone},
        **kwargs,
    )
