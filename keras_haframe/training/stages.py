"""Training in stages: what is trainable changes at an epoch, the run stays one."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import keras

from keras_haframe.training.optimizer import papers_sgd

Stages = Mapping[int, Callable[[keras.Model], None]]


def freeze(model: keras.Model) -> None:
    """Keep the backbone of a model of `build()` as it is, also its batch statistics.

    To be called before the model is compiled.
    """
    model.backbone.trainable = False


def unfreeze(
    learning_rate: float, backbone: float = 0.1, coupled_weight_decay: float = 5e-4
) -> Callable[[keras.Model], None]:
    """Make a stage that trains the whole model, the backbone at a lower rate.

    The backbone's batch normalization keeps the statistics of its pre-training: a few small batches
    say less about photographs than what it has.

    Args:
        learning_rate: Rate of the head; a schedule that is a callback of the run sets it anew.
        backbone: Multiplier of the backbone's rate.
        coupled_weight_decay: See `papers_sgd`.

    Returns:
        A function for `run(..., stages={5: unfreeze(0.05)})`.
    """

    def change(model: keras.Model) -> None:
        model.backbone.trainable = True
        _keep_statistics(model.backbone)
        model.compile(
            papers_sgd(model, learning_rate, backbone, coupled_weight_decay=coupled_weight_decay)
        )

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
