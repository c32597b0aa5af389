"""`HierarchicalClassifier`: backbone, neck and head as one Keras model; `build()` makes it."""

from __future__ import annotations

import functools
import inspect
from typing import Any

import keras
import numpy as np
from keras import ops
from scipy.special import softmax

from keras_haframe import losses, methods, metrics
from keras_haframe.data.checked_batches import checked, checked_inputs, flat_weights, told
from keras_haframe.data.preprocessing import Preprocessing
from keras_haframe.data.value_range import ValueRange
from keras_haframe.decisions import Decisions, decide
from keras_haframe.files import PathLike
from keras_haframe.frames.choice import network_type
from keras_haframe.hdf5_files import check_hdf5
from keras_haframe.layers.frame_classifier import FrameClassifier, with_frame
from keras_haframe.losses.haframe_loss import without_schedule
from keras_haframe.methods.base import unknown_option
from keras_haframe.models import checks, many_devices, model_files, necks
from keras_haframe.models.backbones import run_backbone
from keras_haframe.models.build_optimizer import build_optimizer
from keras_haframe.models.compile_config import metric_names, with_tree, without_tree
from keras_haframe.models.inputs import (
    as_array,
    check_batch_size,
    check_drawn,
    check_inputs,
    specs_of,
)
from keras_haframe.models.preparation import as_preprocessing, check_seen
from keras_haframe.tree import ClassTree, as_tree
from keras_haframe.tree_ops.options import check_choice, check_momentum
from keras_haframe.tree_ops.values import Tensor

# Options that only type II networks have, and the values that ask for nothing.
TYPE_TWO = {"bottleneck": (None, "auto"), "input_momentum": (0.9,), "reduce_init": ("uniform",)}


@keras.saving.register_keras_serializable(package="keras_haframe")
class HierarchicalClassifier(keras.Model):
    """An image classifier that knows its class tree; a functional `keras.Model`.

    Calling it gives the method's outputs by name (`{"logits", "cosines"}` for HAFrame). `fit` and
    `evaluate` take images and integer labels `[B]`; `predict` returns class scores `[B, K]`, higher
    is better, and `predict_proba` their softmax. It comes compiled with SGD (learning rate 0.01,
    momentum 0.9), the method's loss, and top-1, mistake severity and hierarchical distance@1, 5 and
    20 as metrics; `compile(optimizer)` changes the optimizer and keeps the rest.

    Args:
        backbone: Keras model or layer from images to `[B, h, w, C]`, `[B, tokens, C]` or `[B, C]`.
        tree: A `ClassTree` (or its configuration).
        method: Name of a method, see `keras_haframe.methods.names()`.
        network: `"I"` or `"II"` (see `models.necks`). By default `"I"` for every method up to 1,010
            classes, `"II"` beyond and with a `bottleneck` (`frames.choice.network_type`).
        hidden_units: Width of a type I network's features; `None` for none; `"auto"` is 600, as in
            the papers, or what the method's head needs where that is more.
        pooling: `"average"` or `"max"`; the network type's own choice by default. Must be said for
            tokens, of which `"class_token"` is the first.
        feature: Name of the output to use, for backbones that return a dictionary.
        convention: Distance convention (see `ClassTree.distances`) of the metrics, and of the
            method where it has one.
        synchronized: Take the batch statistics of neck and head over all replicas of a
            `tf.distribute` strategy. On JAX they always count all devices.
        input_momentum: Momentum of the transformation block's first batch normalization.
        reduce_init: Start of a type II network's 1x1 convolution, `"uniform"` or `"normal"`.
        bottleneck: Width of a type II network between backbone and head; `None` for the width of
            the head's features, as in the papers; `"auto"` is `None` up to 1,010 classes and keeps
            the parameters behind the backbone to those of a linear classifier beyond
            (`frames.choice.bottleneck_width`).
        input_shape: Shape of one image, for backbones that do not know theirs.
        preprocessing: The `data.Preprocessing` that makes the model's images. It is saved with the
            model, `fit` checks that its images may come from it, `export` serves it.
        name: Name of the model.
        **options: Options of the method: `help(keras_haframe.methods.HAFrame)` lists HAFrame's.

    Attributes:
        backbone, tree: As given.
        method: The `Method`.
        preprocessing: As given, or `None`.
        trained_range: `data.value_range.ValueRange` of the first images of the last `fit`, saved
            with the model; `None` before, and where `fit` got a generator.
        feature_extractor: `keras.Model` from images to penultimate features `[B, P]`.
    """

    def __init__(
        self,
        backbone: keras.Layer,
        tree: ClassTree | dict,
        method: str = "haframe",
        *,
        network: str | None = None,
        hidden_units: int | str | None = "auto",
        pooling: str | None = None,
        feature: str | None = None,
        convention: str = "depth",
        synchronized: bool = False,
        input_momentum: float = 0.9,
        reduce_init: str = "uniform",
        bottleneck: int | str | None = "auto",
        input_shape: tuple | None = None,
        preprocessing: Preprocessing | dict | None = None,
        name: str | None = None,
        **options: Any,
    ) -> None:
        tree = as_tree(tree)
        chosen = _method(method, tree, convention, options)
        if synchronized and keras.backend.backend() == "torch":
            raise ValueError(
                "`synchronized=True` is for several devices, and PyTorch trains on one. Leave it "
                "out, or use TensorFlow or JAX."
            )
        if network is None:
            network = network_type(tree.num_classes, bottleneck)
        check_choice("network", network, ("I", "II"))
        hidden_units = necks.hidden_units_of(hidden_units, chosen)
        check_momentum("input_momentum", input_momentum)
        if network == "I":
            _refuse_type_two(bottleneck, input_momentum, reduce_init)
        inputs, x = run_backbone(backbone, input_shape, feature)
        if network == "I":
            width = None
            features = necks.type_one(x, hidden_units, pooling, synchronized)
        else:
            width = necks.bottleneck_of(bottleneck, x.shape[-1], chosen)
            features = necks.type_two(
                x, chosen.units, pooling, synchronized, input_momentum, reduce_init, width,
                chosen.wide,
            )  # fmt: skip
        norm = functools.partial(methods.head_norm, synchronized)
        outputs = chosen.head(features, norm)
        if not isinstance(outputs, dict):
            raise ValueError(
                f"{type(chosen).__name__}.head must return a dictionary of outputs by name. "
                f"Received: {type(outputs).__name__}"
            )
        super().__init__(inputs, outputs, name=name or f"{chosen.name}_classifier")

        self.backbone = backbone
        self.tree = tree
        self.method = chosen
        self.preprocessing = as_preprocessing(preprocessing, self.inputs[0].shape)
        self.trained_range: ValueRange | None = None
        features = outputs.get("features", features)  # as the classifier sees them
        self.feature_extractor = keras.Model(inputs, features, name="feature_extractor")
        self._recipe = {
            "method": chosen.name,
            "network": network,
            "hidden_units": hidden_units,
            "pooling": pooling,
            "feature": feature,
            "convention": convention,
            "synchronized": bool(synchronized),
            "input_momentum": input_momentum,
            "reduce_init": reduce_init,
            "bottleneck": bottleneck,
            "input_shape": input_shape,
        }
        self._resolved = {"bottleneck": width, "frame": self._frame_kind()}
        self.compile(
            optimizer=keras.optimizers.SGD(0.01, momentum=0.9),
            loss=chosen.loss,
            metrics=metrics.headline_metrics(tree, convention),
        )

    # Losses and metrics ------------------------------------------------------------------------

    _measures = True  # whether this step's metrics are measured

    @property
    def variables(self) -> list[keras.Variable]:
        """Weights, states of random generators, and what a compiled step reads of the loss."""
        compiled = keras.tree.flatten(getattr(self, "loss", None))
        return super().variables + [v for loss in compiled for v in getattr(loss, "variables", ())]

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Tensor:
        """Hand the integer labels to the loss: one over all outputs, or one per output."""
        loss = self.loss
        self._measures = True
        if isinstance(loss, losses.ClassifierLoss) and loss.reads_classifier:
            loss.classifier = self.get_layer("classifier")
            self._measures = not (training and loss.by_features)
        if isinstance(loss, losses.LabelLoss) and isinstance(y_pred, dict):
            terms = [loss(y, y_pred, sample_weight, training=training)]
            terms += [self._aggregate_additional_loss(term) for term in self.losses]
            return terms[0] if len(terms) == 1 else ops.sum(ops.stack(terms))
        if isinstance(loss, dict):
            y = {key: y for key in y_pred}
        else:
            y_pred = self.method.scores(y_pred)
        return super().compute_loss(x, y, y_pred, sample_weight, training)

    def compute_metrics(
        self, x: Any, y: Any, y_pred: Any, sample_weight: Any = None
    ) -> dict[str, Any]:
        """Update the metrics with the class scores, the one output that metrics see.

        Where the loss reads no logits, training measures the loss alone, or they would be made.
        """
        measures, self._measures = self._measures, True
        if not measures:
            return {m.name: m.result() for m in self.metrics if m.name == "loss"}
        scores = {"scores": self.method.scores(y_pred)}  # by name: Keras 3.12 counts names
        return super().compute_metrics(x, y, scores, sample_weight)

    def get_metrics_result(self) -> dict[str, Any]:
        """Values of the metrics that were measured; those that never were are not made yet."""
        if all(getattr(m, "built", True) for m in self.metrics):
            return super().get_metrics_result()
        return {m.name: m.result() for m in self.metrics if m.name == "loss"}

    # Training and prediction -------------------------------------------------------------------

    def fit(
        self, x: Any = None, y: Any = None, *args: Any, validation_data: Any = None, **kwargs: Any
    ) -> keras.callbacks.History:
        """As `keras.Model.fit`, after a check of data, loss and callbacks.

        Arrays are checked whole, data sets by their first batch; shapes, labels and weights are
        checked in every batch. What `fit` refuses and what it warns of: docs/images.md and
        docs/training.md.
        """
        checks.check_loss(self.loss)
        given = metric_names(super().get_compile_config().get("metrics"))
        # `compile(optimizer)` keeps the metrics, but not their configuration.
        measured = given or [h.name for h in metrics.HEADLINE if h.classes <= self.tree.num_classes]
        checks.warn_of_monitors(
            kwargs.get("callbacks"), ["loss", *measured], validation_data is not None
        )
        checks.check_class_weight(kwargs.get("class_weight"), self.tree.num_classes)
        y = as_array(y)
        train, first = self._checked(x, y, "the training data", args, kwargs)
        many_devices.check_arrays(x, y, args[0] if args else kwargs.get("batch_size"))
        self.trained_range = check_seen(self, first) or self.trained_range
        checks.warn_of_missing(getattr(x, "labels", None) if y is None else y, self.tree)
        if isinstance(validation_data, (tuple, list)):
            if len(validation_data) not in (2, 3):
                raise ValueError(
                    "`validation_data` must be (images, labels) or (images, labels, weights). "
                    f"Received: {len(validation_data)} parts"
                )
            images, labels, *weights = validation_data
            weights = [flat_weights(as_array(w)) for w in weights]
            validation_data = (images, as_array(labels), *weights)
            options = {"sample_weight": weights[0] if weights else None}
            self._checked(images, validation_data[1], "the validation data", (), options)
        elif validation_data is not None:
            validation_data, _ = self._checked(validation_data, None, "the validation data")
        if hasattr(x, "element_spec"):  # tf.data, which Keras cannot shuffle and warns of
            kwargs.setdefault("shuffle", False)
        build_optimizer(self)
        with told(self):
            return super().fit(train, y, *args, validation_data=validation_data, **kwargs)

    def evaluate(self, x: Any = None, y: Any = None, *args: Any, **kwargs: Any) -> Any:
        """As `keras.Model.evaluate`, after the checks of `fit`."""
        if not kwargs.get("_use_cached_eval_dataset"):  # the validation of `fit`, checked already
            checks.check_loss(self.loss)
            y = as_array(y)
            x, _ = self._checked(x, y, "the data", args, kwargs)
        with told(self):
            if many_devices.parts() > 1:
                return many_devices.evaluate(self, x, y, *args, **kwargs)
            return super().evaluate(x, y, *args, **kwargs)

    keeps_metrics = False  # while several calls of Keras are one evaluation

    def reset_metrics(self) -> None:
        if not self.keeps_metrics:
            super().reset_metrics()

    weight_columns = 1  # sample weights of an example

    def _checked(
        self, x: Any, y: Any, source: str, args: tuple = (), kwargs: dict | None = None
    ) -> tuple[Any, Any]:
        """Return data whose batches are checked as they are drawn, and its first inputs."""
        kwargs = {} if kwargs is None else kwargs
        check_batch_size(args, kwargs)
        classes, columns = self.tree.num_classes, self.weight_columns
        if y is not None or x is None:
            if kwargs.get("sample_weight") is not None:
                kwargs["sample_weight"] = flat_weights(as_array(kwargs["sample_weight"]))
            weights = kwargs.get("sample_weight")
            return x, checks.check_arrays(x, y, weights, specs_of(self), classes, source, columns)
        checks.check_names(getattr(x, "class_names", None), self.tree, source)
        check = functools.partial(
            checks.check_batch, specs=specs_of(self), num_classes=classes, source=source,
            columns=columns,
        )  # fmt: skip
        first = checks.first_inputs(x, check, source)
        return checked(x, check, classes, source), first

    def train_on_batch(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        class_weight: Any = None,
        return_dict: bool = False,
    ) -> Any:
        """As `keras.Model.train_on_batch`, after a check of the batch."""
        checks.check_class_weight(class_weight, self.tree.num_classes)
        y, sample_weight = self._checked_batch(x, y, sample_weight)
        return super().train_on_batch(x, y, sample_weight, class_weight, return_dict)

    def test_on_batch(
        self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False
    ) -> Any:
        """As `keras.Model.test_on_batch`, after a check of the batch."""
        y, sample_weight = self._checked_batch(x, y, sample_weight)
        return super().test_on_batch(x, y, sample_weight, return_dict)

    def predict_on_batch(self, x: Any) -> Any:
        """As `keras.Model.predict_on_batch`: all outputs, after a check of the inputs."""
        check_inputs(x, specs_of(self))
        checks.check_in_memory(x)
        return super().predict_on_batch(x)

    def _checked_batch(self, x: Any, y: Any, sample_weight: Any) -> tuple[Any, Any]:
        """Return labels and weights of a batch, after a check of all three."""
        batch = (x, as_array(y), flat_weights(as_array(sample_weight)))
        classes, columns = self.tree.num_classes, self.weight_columns
        checks.check_batch(batch, specs_of(self), classes, "the batch", columns)
        checks.check_in_memory(x, "the batch")
        return batch[1], batch[2]

    def predict(self, x: Any, *args: Any, **kwargs: Any) -> np.ndarray:
        """Class scores `[B, K]`, higher is better (arguments as of `keras.Model.predict`)."""
        outputs = many_devices.predict(self, self._drawn(x, args, kwargs), *args, **kwargs)
        return ops.convert_to_numpy(self.method.scores(outputs))

    def _drawn(self, x: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        """Return what `predict` takes, after a check of arrays and, as they are drawn, batches."""
        check_batch_size(args, {} if kwargs is None else kwargs)
        specs = specs_of(self)
        if checks.is_array(x) or hasattr(x, "shape"):
            check_inputs(x, specs)
            checks.check_in_memory(x)
        return checked_inputs(x, functools.partial(check_drawn, specs=specs))

    def predict_proba(self, x: Any, *args: Any, **kwargs: Any) -> np.ndarray:
        """Class probabilities `[B, K]`, float32: the softmax of `predict`; rows sum to one.

        What decisions and calibration take. Arguments as of `keras.Model.predict`.
        """
        return softmax(self.predict(x, *args, **kwargs), axis=-1).astype("float32")

    def predict_classes(self, x: Any, *args: Any, **kwargs: Any) -> np.ndarray:
        """Label of the best class, int `[B]`."""
        scores = self.predict(x, *args, **kwargs)
        if np.isnan(scores).any():
            bad = int(np.isnan(scores).any(axis=-1).argmax())
            raise ValueError(
                f"Scores must not be NaN: they have no best class. Received NaN in row {bad}: the "
                "images hold NaN, or the network has diverged."
            )
        return scores.argmax(axis=-1)

    def decide(self, x: Any, *, batch_size: int | None = None, **options: Any) -> Decisions:
        """Answers with reasons, see `keras_haframe.decide`, which takes the options."""
        p = self.predict_proba(x, batch_size=batch_size, verbose=0)
        return decide(p, self.tree, **options)

    def features(self, x: Any, **kwargs: Any) -> np.ndarray:
        """Penultimate features `[B, P]` (arguments as of `keras.Model.predict`)."""
        x = self._drawn(x, (), kwargs)
        return many_devices.predict(self.feature_extractor, x, **{"verbose": 0, **kwargs})

    def classifier_weights(self) -> tuple[np.ndarray, np.ndarray | None] | None:
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

    def _frame_kind(self) -> str | None:
        """Form of the frame, `None` for methods without one."""
        return next((x.kind for x in self.layers if isinstance(x, FrameClassifier)), None)

    def summary(self, *args: Any, print_fn: Any = None, **kwargs: Any) -> None:
        """As `keras.Model.summary`, with a last line that says which frame and neck were taken."""
        super().summary(*args, print_fn=print_fn, **kwargs)
        (print if print_fn is None else print_fn)(f" Network: {self._network_in_words()}")

    def _network_in_words(self) -> str:
        width, kind = self._resolved["bottleneck"], self._resolved["frame"]
        words = [f"network {self._recipe['network']}"]
        words += [] if width is None else [f"bottleneck {width}"]
        words += [] if kind is None else [f"{kind} frame"]
        return ", ".join(words)

    # Saving ------------------------------------------------------------------------------------

    def get_config(self) -> dict[str, Any]:
        return {
            "backbone": keras.saving.serialize_keras_object(self.backbone),
            "tree": self.tree.get_config(),
            "name": self.name,
            **self._recipe,
            "preprocessing": self.preprocessing and self.preprocessing.get_config(),
            "trained_range": self.trained_range and list(self.trained_range),
            **self.method.options(),
            "resolved": dict(self._resolved),  # what "auto" stands for; to be read, not given
        }

    @classmethod
    def from_config(
        cls, config: dict, custom_objects: dict | None = None
    ) -> HierarchicalClassifier:
        config = {"bottleneck": None, **with_frame(config)}  # files from before have no bottleneck
        config.pop("resolved", None)
        if config.get("network") == "I":  # files from before may hold what was ignored there
            idle = {key: v[0] for key, v in TYPE_TWO.items() if config.get(key, v[0]) not in v}
            config |= idle
        config["backbone"] = keras.saving.deserialize_keras_object(
            config["backbone"], custom_objects=custom_objects
        )
        if config.get("input_shape") is not None:
            config["input_shape"] = tuple(config["input_shape"])
        seen = config.pop("trained_range", None)  # not in files from before
        model = cls(**without_schedule(config))
        model.trained_range = seen and ValueRange(*seen)
        return model

    def get_compile_config(self) -> dict[str, Any]:
        return without_tree(super().get_compile_config(), self.tree)

    def compile_from_config(self, config: dict) -> None:
        super().compile_from_config(with_tree(config, self.tree))

    def save(self, filepath: PathLike, *args: Any, **kwargs: Any) -> None:
        """As `keras.Model.save`, to a `.keras` file, the one form that can be read back."""
        model_files.check_keras_file(filepath)
        super().save(filepath, *args, **kwargs)

    def load_weights(self, filepath: PathLike, *args: Any, **kwargs: Any) -> None:
        """As `keras.Model.load_weights`; a `.keras` file must be of the same classes.

        A `.weights.h5` file has no names: that its classes are in another order cannot be seen.
        """
        check_hdf5(filepath)
        model_files.check_classes(filepath, self.tree)
        super().load_weights(filepath, *args, **kwargs)

    def load_own_variables(self, store: Any) -> None:
        if set(store.keys()) == {"0"} and not store["0"].shape:
            return  # in files from before alpha schedules were callbacks: the epoch
        super().load_own_variables(store)

    def __repr__(self) -> str:
        return (
            f"<{type(self).__name__} {self.name!r}: {self.method.name}, "
            f"{self._network_in_words()}, backbone {self.backbone.name!r}, "
            f"{self.tree.num_classes} classes, {self.count_params():,} parameters>"
        )


def build(
    backbone: keras.Layer, tree: ClassTree | dict, method: str = "haframe", **options: Any
) -> HierarchicalClassifier:
    """Make a compiled, hierarchy-aware image classifier.

    Args:
        backbone: Keras model or layer from images to `[B, h, w, C]`, `[B, tokens, C]` (see
            `pooling`) or `[B, C]`, without a classification top: any of `keras.applications` with
            `include_top=False`, a keras-hub or keras-cv backbone, or your own. Images must be
            scaled as the backbone wants them (`data.Preprocessing.for_backbone`). With several
            inputs (images and a place or date) the model takes them as the backbone does.
        tree: A `ClassTree`; its classes are in the order of the integer labels.
        method: `"haframe"`, `"cross_entropy"` or another of `keras_haframe.methods.names()`.
        **options: Options of the network (`network`, `hidden_units`, `pooling`, `feature`,
            `convention`, `synchronized`, `input_momentum`, `reduce_init`, `bottleneck`,
            `input_shape`, `preprocessing`, `name`; see `HierarchicalClassifier`) and of the method
            (for HAFrame `gamma`, `alpha`, `min_similarity`, `mapping`, `seed`, `frame`; see
            `help(keras_haframe.methods.HAFrame)`).

    Returns:
        A `HierarchicalClassifier`, compiled: `fit(images, labels)` works at once.

    Raises:
        ValueError: For an unknown method or option, a backbone with a classification top, or
            options out of range.

    Example:

    ```python
    tree = keras_haframe.ClassTree.from_folders("photos/train")
    backbone = keras.applications.MobileNetV2(include_top=False, input_shape=(224, 224, 3))
    preprocessing = keras_haframe.data.Preprocessing.for_backbone(backbone)
    model = keras_haframe.build(backbone, tree, preprocessing=preprocessing)
    model.fit(preprocessing(images), labels, epochs=10)  # images: uint8, of any size
    ```

    Reference: Liang and Davis, HAFrame (ICCV 2023), networks of type I and II.
    """
    return HierarchicalClassifier(backbone, tree, method, **options)


def _refuse_type_two(bottleneck: int | str | None, momentum: float, reduce_init: str) -> None:
    """Raise if a type I network is given what only type II has."""
    given = {"bottleneck": bottleneck, "input_momentum": momentum, "reduce_init": reduce_init}
    for option, value in given.items():
        if value not in TYPE_TWO[option]:
            raise ValueError(
                f"`{option}` is an option of type II networks, and this one is of type I. "
                f"Received: {option}={value!r}. Add network='II', or leave it out."
            )


def _method(name: str, tree: ClassTree, convention: str, options: dict[str, Any]) -> methods.Method:
    """Return the method, with the network's distance convention where it has one."""
    known = methods.find(name).defaults()
    network = inspect.signature(HierarchicalClassifier).parameters
    for option in options:
        if option not in known:
            also = set(network) - {"backbone", "tree", "method", "options"}
            raise ValueError(
                unknown_option(option, also | set(known), f"build(..., method={name!r})")
            )
    if "convention" in known:
        options = {**options, "convention": convention}
    return methods.get(name, tree, **options)
