"""Training in stages: what is trainable changes at an epoch, the run stays one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import keras

from keras_haframe.training.grouped_adamw import GroupedAdamW
from keras_haframe.training.rate_groups import head_pattern

Stages = Mapping[int, Callable[[keras.Model], None]]


def freeze(model: keras.Model) -> None:
    """Keep the backbone of a model of `build()` as it is, also its batch statistics.

    To be called before the model is compiled.
    """
    model.backbone.trainable = False


def fine_tuning_adamw(
    model: keras.Model,
    learning_rate: float = 3e-3,
    backbone: float = 0.03,
    weight_decay: float = 0.01,
    **kwargs: Any,
) -> GroupedAdamW:
    """Make AdamW for a model of `build()` whose pretrained backbone moves slowly.

    Args:
        model: A `HierarchicalClassifier`.
        learning_rate: Rate of the head, number or schedule.
        backbone: Multiplier of the backbone's rate; 1 for one that starts at random.
        weight_decay: See `GroupedAdamW`.
        **kwargs: Further arguments of `GroupedAdamW`.
    """
    rates = {head_pattern(model, model.backbone.variables): 1.0, "": backbone}
    return GroupedAdamW(learning_rate, weight_decay, rates, **kwargs)


def unfreeze(
    learning_rate: float = 3e-3, backbone: float = 0.03, **options: Any
) -> Callable[[keras.Model], None]:
    """Make a stage that trains the whole model, the backbone at a lower rate.

    The backbone's batch normalization keeps the statistics of its pre-training: a few small batches
    say less about photographs than what it has.

    Args:
        learning_rate: Rate of the head; a schedule that is a callback of the run sets it anew.
        backbone: Multiplier of the backbone's rate.
        **options: Further arguments of `fine_tuning_adamw`.

    Returns:
        A function for `run(..., stages={3: unfreeze()})`.
    """

    def change(model: keras.Model) -> None:
        model.backbone.trainable = True
        _keep_statistics(model.backbone)
        model.compile(fine_tuning_adamw(model, learning_rate, backbone, **options))

    return change


def checked_stages(stages: Stages | None) -> Stages:
    """Return the stages in the order of their epochs.

    Raises:
        ValueError: Unless they are functions by positive whole numbers.
    """
    stages = dict(stages or {})
    for epoch, change in stages.items():
        whole = isinstance(epoch, int) and not isinstance(epoch, bool) and epoch > 0
        if not whole or not callable(change):
            raise ValueError(
                "`stages` must be {epoch: function of the model}, epochs from 1, because "
                f"`make_model` makes the first stage. Received: {epoch!r}: {change!r}"
            )
    return dict(sorted(stages.items()))


def _keep_statistics(layer: keras.Layer) -> None:
    for inner in getattr(layer, "layers", ()):
        _keep_statistics(inner)
    if isinstance(layer, keras.layers.BatchNormalization):
        layer.trainable = False
