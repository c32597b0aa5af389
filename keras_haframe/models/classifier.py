"""`HierarchicalClassifier`: backbone, neck and head as one Keras model."""

from __future__ import annotations

import keras
import numpy as np
from keras import ops

from keras_haframe import losses, methods, metrics
from keras_haframe.layers.batch_normalization import xla_is_slow
from keras_haframe.models import checks, necks
from keras_haframe.tree import as_tree


@keras.saving.register_keras_serializable(package="keras_haframe")
class HierarchicalClassifier(keras.Model):
    """An image classifier that knows its class tree; a functional `keras.Model`.

    Calling it gives the method's outputs by name (`{"logits", "cosines"}` for HAFrame). `fit` and
    `evaluate` take images and integer labels `[B]`; `predict` returns class scores `[B, K]`, higher
    is better, `softmax(scores)` being class probabilities. It comes compiled with SGD (learning
    rate 0.01, momentum 0.9), the method's loss, and top-1, mistake severity and hierarchical
    distance@1, 5 and 20 as metrics; `compile` may be called again.

    Args:
        backbone: Keras model or layer from images to `[B, h, w, C]` or `[B, C]`.
        tree: A `ClassTree` (or its configuration).
        method: Name of a method, see `keras_haframe.methods.names()`.
        network: `"I"` or `"II"` (see `models.necks`); the method's own choice by default.
        hidden_units: Width of a type I network's features; `None` for none.
        pooling: `"average"` or `"max"`; the network type's own choice by default.
        synchronized: Take the batch statistics of neck and head over all replicas of a
            `tf.distribute` strategy. On JAX they always count all devices.
        input_momentum: Momentum of the transformation block's first batch normalisation.
        reduce_init: Start of a type II network's 1x1 convolution, `"uniform"` or `"normal"`.
        input_shape: Shape of one image, for backbones that do not know theirs.
        name: Name of the model.
        **options: Options of the method.

    Attributes:
        backbone, tree: As given.
        method: The `Method`.
        feature_extractor: `keras.Model` from images to penultimate features `[B, P]`.
    """

    def __init__(
        self,
        backbone,
        tree,
        method: str = "haframe",
        network: str | None = None,
        hidden_units: int | None = 600,
        pooling: str | None = None,
        synchronized: bool = False,
        input_momentum: float = 0.9,
        reduce_init: str = "uniform",
        input_shape: tuple | None = None,
        name: str | None = None,
        **options,
    ):
        tree = as_tree(tree)
        method = methods.get(method, tree, **options)
        if synchronized and keras.backend.backend() == "torch":
            raise ValueError(
                "`synchronized=True` is for several devices, and PyTorch trains on one. Leave it "
                "out, or use TensorFlow or JAX."
            )
        method.synchronized = bool(synchronized)
        network = network or method.network
        if network not in ("I", "II"):
            raise ValueError(f"`network` must be 'I' or 'II'. Received: network={network!r}")
        checks.check_backbone(backbone)
        inputs = _inputs(backbone, input_shape)
        x = backbone(inputs)
        if isinstance(x, (dict, list, tuple)) or len(x.shape) not in (2, 4):
            shape = x.shape if hasattr(x, "shape") else type(x).__name__
            raise ValueError(
                "`backbone` must return one tensor [batch, height, width, channels] or "
                f"[batch, channels]. Received: {shape}"
            )
        if network == "I":
            features = necks.type_one(x, hidden_units, pooling, synchronized)
        else:
            features = necks.type_two(
                x, method.units, pooling, synchronized, input_momentum, reduce_init
            )
        outputs = method.head(features)
        super().__init__(inputs, outputs, name=name or f"{method.name}_classifier")

        self.backbone = backbone
        self.tree = tree
        self.method = method
        features = outputs.get("features", features)  # as the classifier sees them
        self.feature_extractor = keras.Model(inputs, features, name="feature_extractor")
        self._recipe = {
            "method": method.name,
            "network": network,
            "hidden_units": hidden_units,
            "pooling": pooling,
            "synchronized": synchronized,
            "input_momentum": input_momentum,
            "reduce_init": reduce_init,
            "input_shape": input_shape,
        }
        # A weight, not a Python number: compiled training steps must see it change.
        self.epoch = self.add_weight(shape=(), initializer="zeros", trainable=False, name="epoch")
        ranks = [k for k in (1, 5, 20) if k <= tree.num_classes]
        self.compile(
            optimizer=keras.optimizers.SGD(0.01, momentum=0.9),
            loss=method.loss(),
            metrics=[
                metrics.Top1Accuracy(tree),
                metrics.MistakeSeverity(tree),
                *(metrics.HierarchicalDistance(tree, k) for k in ranks),
            ],
            jit_compile=default_jit_compile(),
        )

    # Losses and metrics ------------------------------------------------------------------------

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        """Hand the integer labels to the loss: one over all outputs, or one per output."""
        loss = self.loss
        if isinstance(loss, losses.LabelLoss) and isinstance(y_pred, dict):
            loss.training = training
            if hasattr(loss, "epoch"):
                loss.epoch = self.epoch
            terms = [loss(y, y_pred, sample_weight)]
            terms += [self._aggregate_additional_loss(term) for term in self.losses]
            return terms[0] if len(terms) == 1 else ops.sum(ops.stack(terms))
        if isinstance(loss, dict):
            y = {key: y for key in y_pred}
        else:
            y_pred = self.method.scores(y_pred)
        return super().compute_loss(x, y, y_pred, sample_weight, training)

    def compute_metrics(self, x, y, y_pred, sample_weight=None):
        """Update the metrics with the class scores."""
        return super().compute_metrics(x, y, self.method.scores(y_pred), sample_weight)

    # Training and prediction -------------------------------------------------------------------

    def fit(self, x=None, y=None, *args, validation_data=None, callbacks=None, **kwargs):
        """As `keras.Model.fit`, after a check of the labels and of a batch of images."""
        if x is not None:
            checks.check_data(x, y, self.tree.num_classes)
        if isinstance(validation_data, (tuple, list)):
            checks.check_data(*validation_data[:2], self.tree.num_classes, "the validation data")
        elif validation_data is not None:
            checks.check_data(validation_data, None, self.tree.num_classes, "the validation data")
        if not isinstance(callbacks, keras.callbacks.CallbackList):
            given = callbacks if isinstance(callbacks, (list, tuple)) else [callbacks]
            callbacks = [_EpochCounter(), *(c for c in given if c is not None)]
        return super().fit(
            x, y, *args, validation_data=validation_data, callbacks=callbacks, **kwargs
        )

    def predict(self, x, *args, **kwargs) -> np.ndarray:
        """Class scores `[B, K]`, higher is better (arguments as of `keras.Model.predict`)."""
        outputs = super().predict(x, *args, **kwargs)
        return ops.convert_to_numpy(self.method.scores(outputs))

    def predict_classes(self, x, *args, **kwargs) -> np.ndarray:
        """Label of the best class, int `[B]`."""
        return self.predict(x, *args, **kwargs).argmax(axis=-1)

    def features(self, x, **kwargs) -> np.ndarray:
        """Penultimate features `[B, P]` (arguments as of `keras.Model.predict`)."""
        return self.feature_extractor.predict(x, **{"verbose": 0, **kwargs})

    def classifier_weights(self):
        """Rows `[K, P]` and bias `[K]` (or `None`) of the classifier that makes the scores.

        `None` where the method has no single linear classifier.
        """
        try:
            layer = self.get_layer("classifier")
        except ValueError:
            return None
        kernel = getattr(layer, "kernel", None)
        if kernel is None:
            return None
        bias = getattr(layer, "bias", None)
        rows = ops.convert_to_numpy(kernel).T
        return rows, None if bias is None else ops.convert_to_numpy(bias)

    # Saving ------------------------------------------------------------------------------------

    def get_config(self):
        return {
            "backbone": keras.saving.serialize_keras_object(self.backbone),
            "tree": self.tree.get_config(),
            "name": self.name,
            **self._recipe,
            **self.method.options(),
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        config = dict(config)
        config["backbone"] = keras.saving.deserialize_keras_object(
            config["backbone"], custom_objects=custom_objects
        )
        if config.get("input_shape") is not None:
            config["input_shape"] = tuple(config["input_shape"])
        return cls(**config)


class _EpochCounter(keras.callbacks.Callback):
    """Keeps `model.epoch` current, for losses with a schedule."""

    def on_epoch_begin(self, epoch, logs=None):
        self.model.epoch.assign(epoch)


def _inputs(backbone, input_shape):
    known = getattr(backbone, "inputs", None)
    if known:
        if len(known) != 1:
            raise ValueError(
                f"`backbone` must have one input. Received a backbone with {len(known)} inputs."
            )
        return keras.Input(known[0].shape[1:], dtype=known[0].dtype, name="images")
    if input_shape is None:
        raise ValueError(
            "`backbone` does not know the shape of its images. Pass `input_shape`, for example "
            "input_shape=(224, 224, 3)."
        )
    return keras.Input(tuple(input_shape), name="images")


def default_jit_compile() -> bool | str:
    """XLA where it pays: Keras's choice, but not for TensorFlow on a CPU, where it is slower."""
    return False if xla_is_slow() else "auto"
