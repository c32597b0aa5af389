"""The contract of a training method, and the list of all methods."""

from __future__ import annotations

import dataclasses
from typing import ClassVar

import keras

from keras_haframe.layers.batch_normalization import BatchNormalization
from keras_haframe.layers.transformation_block import EPSILON
from keras_haframe.tree import ClassTree

_METHODS: dict[str, type[Method]] = {}


def linear_init() -> keras.initializers.Initializer:
    """Uniform in +-1/sqrt(fan in), the initialisation of the papers' learnable classifiers."""
    return keras.initializers.VarianceScaling(1 / 3, mode="fan_in", distribution="uniform")


def linear(units: int, name: str = "classifier", **kwargs) -> keras.layers.Dense:
    """A head's learnable linear layer with bias, in float32 under any dtype policy."""
    return keras.layers.Dense(
        units, kernel_initializer=linear_init(), dtype="float32", name=name, **kwargs
    )


@dataclasses.dataclass
class Method:
    """How a training method uses a class tree. Subclasses are dataclasses; fields are its options.

    Attributes:
        tree: The class tree.
        name: Name under which `build()` knows the method.
        network: Network type that the method's paper uses, `"I"` or `"II"` (see `models.necks`).
        synchronized: Whether the head's batch normalisation counts all replicas; the model sets it.
    """

    tree: ClassTree
    name: ClassVar[str] = ""
    network: ClassVar[str] = "II"
    synchronized: ClassVar[bool] = False  # of the network, no option of the method

    @property
    def units(self) -> int:
        """Width P of a type II network's features, which the head gets; K by default."""
        return self.tree.num_classes

    def norm(self) -> BatchNormalization:
        """The batch normalisation of heads that have one, in float32."""
        return BatchNormalization(
            momentum=0.9,
            epsilon=EPSILON,
            synchronized=self.synchronized,
            dtype="float32",
            name="head_norm",
        )

    def head(self, features) -> dict:
        """Apply the head to symbolic features `[B, P]`; return the model's outputs by name.

        An output `"features"` becomes what `model.features()` returns: the features as the
        classifier sees them, where the head changes them first.
        """
        raise NotImplementedError

    def loss(self) -> keras.losses.Loss:
        """Return the loss: integer labels `[B]` and the dictionary of outputs to a number."""
        raise NotImplementedError

    def scores(self, outputs: dict):
        """Class scores `[B, K]` from outputs; `softmax(scores)` are class probabilities."""
        return outputs["logits"]

    def options(self) -> dict:
        """Options by name, for configurations."""
        fields = (f.name for f in dataclasses.fields(self))
        return {name: getattr(self, name) for name in fields if name != "tree"}


def register(name: str):
    """Class decorator: make a `Method` known to `build()` under `name`."""

    def add(cls: type[Method]) -> type[Method]:
        if name in _METHODS:
            raise ValueError(f"Two methods are named {name!r}: {_METHODS[name]} and {cls}.")
        cls.name = name
        _METHODS[name] = cls
        return cls

    return add


def names() -> list[str]:
    """Names of every method that `build()` takes, sorted."""
    return sorted(_METHODS)


def get(name: str, tree: ClassTree, **options) -> Method:
    """Make the method `name` for a tree.

    Raises:
        ValueError: For an unknown method or option; the message lists the known ones.
    """
    if name not in _METHODS:
        raise ValueError(f"Unknown method {name!r}. Choose one of: {', '.join(names())}.")
    cls = _METHODS[name]
    known = [f.name for f in dataclasses.fields(cls) if f.name != "tree"]
    unknown = sorted(set(options) - set(known))
    if unknown:
        raise ValueError(
            f"Unknown option {unknown[0]!r} of method {name!r}. "
            f"Its options are: {', '.join(known) or 'none'}."
        )
    return cls(tree, **options)
