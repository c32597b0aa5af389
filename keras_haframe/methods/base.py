"""The contract of a training method, and the list of all methods."""

from __future__ import annotations

import difflib
import inspect
import re
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias, TypeVar

import keras

from keras_haframe.layers import BatchNormalization, Draws
from keras_haframe.layers.defaults import EPSILON, linear_init
from keras_haframe.losses.class_vectors import ClassVectors
from keras_haframe.losses.classifier_loss import ClassifierLoss
from keras_haframe.tree import ClassTree, as_tree
from keras_haframe.tree_ops.values import Tensor

_METHODS: dict[str, type[Method]] = {}
# Arguments of losses that are no options of a method.
_NOT_OPTIONS = {"self", "tree", "name", "reduction", "dtype"}

M = TypeVar("M", bound="type[Method]")
Norm: TypeAlias = Callable[[], keras.layers.Layer]


def linear(units: int, name: str = "classifier", **kwargs: Any) -> keras.layers.Dense:
    """Return a head's learnable linear layer with bias, in float32 under any dtype policy.

    Args:
        units: Width of the output.
        name: Name of the layer; the layer that makes the class scores is called `"classifier"`.
        **kwargs: As of `keras.layers.Dense`.
    """
    return keras.layers.Dense(
        units, kernel_initializer=linear_init(), dtype="float32", name=name, **kwargs
    )


def head_norm(synchronized: bool = False) -> BatchNormalization:
    """Return the batch normalization of heads that have one, in float32 under any dtype policy.

    Args:
        synchronized: Batch statistics over all replicas of a `tf.distribute` strategy.
    """
    return BatchNormalization(
        momentum=0.9, epsilon=EPSILON, synchronized=synchronized, dtype="float32", name="head_norm"
    )


class Method:
    """How a training method uses a class tree: which head, which loss, which scores.

    A subclass names its loss and builds its head. The method's options are the arguments of the
    loss (defaults and the papers' values stand there and nowhere else) and what `head_options`
    adds; `build(backbone, tree, method, **options)` takes them.

    Args:
        tree: A `ClassTree` (or its configuration).
        **options: Options of the method.

    Attributes:
        tree: The class tree.
        loss: The loss, made once: integer labels `[B]` and the dictionary of outputs to a number.
        name: Name under which `build()` knows the method.
        wide: Whether the head needs features of `units` dimensions: a type I network is then at
            least as wide, and a type II network with a bottleneck ends in a linear layer of that
            width.
        Loss: Class of the loss.
        head_options: Further options and their defaults; an instance has them as attributes.

    Raises:
        ValueError: For an unknown option, or a value that the loss refuses.
    """

    name: ClassVar[str] = ""
    wide: bool = False
    Loss: ClassVar[type[Any]]  # a `LabelLoss`, whose arguments differ from loss to loss
    head_options: ClassVar[dict[str, Any]] = {}

    if TYPE_CHECKING:  # the head's options are attributes

        def __getattr__(self, name: str) -> Any: ...

    def __init__(self, tree: ClassTree | dict, **options: Any) -> None:
        self.tree = as_tree(tree)
        defaults = self.defaults()
        for option in options:
            if option not in defaults:
                raise ValueError(unknown_option(option, defaults, f"method {self.name!r}"))
        self._chosen = {**defaults, **options}
        for option, value in self._chosen.items():
            if value is inspect.Parameter.empty:
                raise ValueError(f"Method {self.name!r} needs the option {option!r}.")
        for option in self.head_options:
            setattr(self, option, self._chosen[option])
        self.loss = self._make_loss()

    def _make_loss(self, **changed: Any) -> Any:
        arguments = {option: self._chosen[option] for option in _loss_arguments(type(self))}
        arguments |= changed
        takes_tree = "tree" in inspect.signature(self.Loss).parameters
        return self.Loss(self.tree, **arguments) if takes_tree else self.Loss(**arguments)

    @classmethod
    def defaults(cls) -> dict[str, Any]:
        """Options and their defaults; `inspect.Parameter.empty` for one that must be given."""
        loss = {name: p.default for name, p in _loss_arguments(cls).items()}
        return {**loss, **cls.head_options}

    def options(self) -> dict[str, Any]:
        """Options by name, as the configuration of a model holds them."""
        config = self.loss.get_config()
        loss = {name: config.get(name, value) for name, value in self._chosen.items()}
        return {**loss, **{name: getattr(self, name) for name in self.head_options}}

    @property
    def units(self) -> int:
        """Width of a type II network's features, K by default; the least a `wide` head takes."""
        return self.tree.num_classes

    def head(self, features: Tensor, norm: Norm) -> dict:
        """Apply the head to symbolic features `[B, P]`; return the model's outputs by name.

        An output `"features"` becomes what `model.features()` returns: the features as the
        classifier sees them, where the head changes them first. The layer that makes the class
        scores is called `"classifier"` and has a `kernel` `[P, K]` (and a `bias` or none):
        `model.classifier_weights()` reads it. Without such a layer that returns `None`.

        Args:
            features: Symbolic features `[B, P]`.
            norm: Makes the batch normalization of heads that have one: `head_norm`, over all
                replicas where the network's are.
        """
        raise NotImplementedError

    def scores(self, outputs: dict) -> Tensor:
        """Class scores `[B, K]` from outputs; `softmax(scores)` are class probabilities."""
        return outputs["logits"]

    def __repr__(self) -> str:
        options = ", ".join(f"{k}={v!r}" for k, v in self.options().items())
        return f"{type(self).__name__}({self.tree.num_classes} classes, {options})"


class LinearMethod(Method):
    """Base class of methods with one learnable linear classifier."""

    def head(self, features: Tensor, norm: Norm) -> dict:
        classifier = linear(self.tree.num_classes)
        outputs = {"logits": classifier(features)}
        return {**outputs, **read_by_features(self.loss, classifier, features)}


def read_by_features(loss: Any, classifier: keras.layers.Layer, features: Tensor) -> dict:
    """Return what a `losses.ClassifierLoss` reads in place of logits, if it does, by name.

    Args:
        loss: The method's loss.
        classifier: The built layer called `"classifier"`.
        features: What it was called with, symbolic `[B, P]`.

    Raises:
        ValueError: If the layer has no class vectors that could be taken one by one.
    """
    if not isinstance(loss, ClassifierLoss) or not loss.by_features:
        return {}
    ClassVectors(classifier)
    outputs = {"features": features}
    if loss.negatives is not None:
        outputs["draws"] = Draws(loss.negatives, name="draws")(features)
    return outputs


def register(name: str) -> Callable[[M], M]:
    """Class decorator: make a `Method` known to `build()` under `name`.

    Signature and help of the class then also list the options that its loss brings.

    Args:
        name: The name, not that of another method.

    Raises:
        ValueError: If another method has the name.
    """

    def add(cls: M) -> M:
        known = _METHODS.get(name)
        if known and known.__qualname__ != cls.__qualname__:
            raise ValueError(f"Two methods are named {name!r}: {known} and {cls}.")
        cls.name = name
        signature = inspect.Signature(
            [inspect.Parameter("tree", inspect.Parameter.POSITIONAL_OR_KEYWORD)]
            + [
                inspect.Parameter(option, inspect.Parameter.KEYWORD_ONLY, default=value)
                for option, value in cls.defaults().items()
            ]
        )
        cls.__signature__ = signature  # type: ignore[attr-defined]
        cls.__doc__ = f"{inspect.cleandoc(cls.__doc__ or '')}\n\n{_loss_help(cls)}"
        _METHODS[name] = cls
        return cls

    return add


def _loss_arguments(cls: type[Method]) -> dict[str, inspect.Parameter]:
    """Return the arguments of a method's loss that are options of the method, by name."""
    several = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    arguments = inspect.signature(cls.Loss).parameters
    return {
        name: p
        for name, p in arguments.items()
        if p.kind not in several and name not in _NOT_OPTIONS
    }


def _loss_help(cls: type[Method]) -> str:
    """Return the options that come from the loss, with the words of its docstring."""
    found = re.search(r"^Args:\n((?:[ ]{4}.*\n?|\n)+)", inspect.getdoc(cls.Loss) or "", re.M)
    entries = re.findall(r"^    (\S.*(?:\n {8}.*)*)", found[1] if found else "", re.M)
    options = set(_loss_arguments(cls))
    kept = [e for e in entries if options & set(re.split(r", ", e.split(":")[0]))]
    lines = "\n".join(f"    {entry}" for entry in kept or sorted(options) or ["none"])
    return f"Options of the loss, `{cls.Loss.__name__}`:\n{lines}\n"


def unknown_option(option: str, known: Iterable[str], owner: str) -> str:
    """Message for an option that `owner` does not have: the nearest names, or all."""
    known = sorted(known)
    near = difflib.get_close_matches(option, known, n=3)
    hint = f" Did you mean {' or '.join(map(repr, near))}?" if near else ""
    return (
        f"Unknown option {option!r} of {owner}.{hint} Its options are: "
        f"{', '.join(known) or 'none'}."
    )


def names() -> list[str]:
    """Names of every method that `build()` takes, sorted."""
    return sorted(_METHODS)


def find(name: str) -> type[Method]:
    """Class of the method `name`.

    Raises:
        ValueError: For an unknown method; the message lists the known ones.
    """
    if not isinstance(name, str) or name not in _METHODS:
        near = difflib.get_close_matches(str(name), names(), n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise ValueError(
            f"Unknown method {name!r}.{hint} Choose one of: {', '.join(names())}. "
            "A method of your own is known when the file that registers it has been imported."
        )
    return _METHODS[name]


def get(name: str, tree: ClassTree | dict, **options: Any) -> Method:
    """Make the method `name` for a tree.

    Args:
        name: Name of the method, see `names()`.
        tree: A `ClassTree` (or its configuration).
        **options: Options of the method.

    Raises:
        ValueError: For an unknown method or option; the message lists the known ones.
    """
    return find(name)(tree, **options)
