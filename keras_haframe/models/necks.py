"""What stands between backbone and head: the papers' type I and type II networks."""

from __future__ import annotations

import keras

from keras_haframe.frames.choice import HIDDEN_UNITS, bottleneck_width, hidden_width
from keras_haframe.layers import BatchNormalization, TransformationBlock
from keras_haframe.layers.defaults import EPSILON, conv_init, linear_init
from keras_haframe.methods import Method
from keras_haframe.tree_ops.options import check_choice, check_count
from keras_haframe.tree_ops.values import Tensor

REDUCE_INITS = {"uniform": linear_init, "normal": conv_init}
POOLINGS = {
    3: {
        "average": keras.layers.GlobalAveragePooling1D,
        "max": keras.layers.GlobalMaxPooling1D,
        "class_token": None,
    },
    4: {
        "average": keras.layers.GlobalAveragePooling2D,
        "max": keras.layers.GlobalMaxPooling2D,
    },
}


def _pool(x: Tensor, pooling: str | None, default: str) -> Tensor:
    """Features `[B, C]` of a map or of tokens, of which the first may be a class token."""
    axes = len(x.shape)
    if axes == 2:
        return x
    if pooling is None and axes == 3:
        raise ValueError(
            "`backbone` returns tokens [batch, tokens, channels]. Say what stands for the image: "
            "pooling='class_token' (the first), 'average' or 'max' (of all)."
        )
    pooling = check_choice("pooling", default if pooling is None else pooling, POOLINGS[axes])
    if pooling == "class_token":
        return x[:, 0]
    options = {"data_format": "channels_last"} if axes == 3 else {}
    return POOLINGS[axes][pooling](name="pool", **options)(x)


def type_one(
    x: Tensor,
    hidden_units: int | None = HIDDEN_UNITS,
    pooling: str | None = None,
    synchronized: bool = False,
) -> Tensor:
    """Pool, batch normalization, linear layer, batch normalization, ELU.

    Args:
        x: Backbone output, symbolic, `[B, h, w, C]`, tokens `[B, n, C]` or `[B, C]`.
        hidden_units: Width of the features; `None` for the pooled backbone output itself (the
            WideResNet of the paper).
        pooling: `"max"` (the default with hidden units, as in the paper's ResNet-50) or
            `"average"`; of tokens one must be said, also `"class_token"`, the first.
        synchronized: Batch statistics over all replicas.

    Returns:
        Features `[B, hidden_units]`.
    """
    x = _pool(x, pooling, "average" if hidden_units is None else "max")
    if hidden_units is None:
        return x

    def norm(name: str) -> keras.layers.Layer:
        return BatchNormalization(
            momentum=0.9, epsilon=EPSILON, synchronized=synchronized, name=name
        )

    x = norm("norm_in")(x)
    x = keras.layers.Dense(hidden_units, kernel_initializer=linear_init(), name="hidden")(x)
    return keras.layers.ELU(name="elu")(norm("norm_out")(x))


def hidden_units_of(hidden_units: int | str | None, method: Method) -> int | None:
    """Width of a type I network before a method's head; `None` for the backbone's own.

    Args:
        hidden_units: The option of `build`: an integer, `None` or `"auto"`.
        method: The method, which says what its head needs.

    Raises:
        ValueError: If it is neither.
    """
    return _width("hidden_units", hidden_units, hidden_width(_needed(method)))


def bottleneck_of(bottleneck: int | str | None, channels: int, method: Method) -> int | None:
    """Width of the bottleneck before a method's head; `None` for none.

    Args:
        bottleneck: The option of `build`: an integer, `None` or `"auto"`.
        channels: Width of the backbone's features.
        method: The method, which says what its head needs.

    Raises:
        ValueError: If it is neither.
    """
    auto = bottleneck_width(channels, method.tree.num_classes, _needed(method))
    return _width("bottleneck", bottleneck, auto)


def _needed(method: Method) -> int | None:
    """Width of features that the head needs, `None` where it takes any."""
    return method.units if method.wide else None


def _width(name: str, value: int | str | None, auto: int | None) -> int | None:
    """Return a width as it was given, after a check, or what `"auto"` stands for."""
    if value is None:
        return None
    if isinstance(value, str):
        check_choice(name, value, ("auto",), ", a positive integer or None")
        return auto
    return check_count(value, name)


def type_two(
    x: Tensor,
    units: int,
    pooling: str | None = None,
    synchronized: bool = False,
    input_momentum: float = 0.9,
    reduce_init: str = "uniform",
    bottleneck: int | None = None,
    wide: bool = True,
) -> Tensor:
    """1x1 convolution without bias to `units` channels, pool, transformation block.

    With a bottleneck, convolution and block have its width, and a linear layer without bias makes
    `units` features of it where the head needs so many: parameters grow with K, not with K^2.

    Args:
        x: Backbone output, symbolic, `[B, h, w, C]`, or tokens `[B, n, C]` or `[B, C]` (then the
            convolution is a linear layer).
        units: Width K of the features, the number of classes.
        pooling: `"average"` (default) or `"max"`; of tokens one must be said, also
            `"class_token"`, the first.
        synchronized: Batch statistics over all replicas.
        input_momentum: See `layers.TransformationBlock`.
        reduce_init: How the convolution starts: `"uniform"` in +-1/sqrt(C), as in the paper's
            ResNet-50, or `"normal"` with variance 2 / units, as in its WideResNet.
        bottleneck: Width of convolution and transformation block; `None` for `units`.
        wide: End in `units` features behind a bottleneck.

    Returns:
        Features `[B, units]`, or `[B, bottleneck]` with a bottleneck and without `wide`.
    """
    check_choice("reduce_init", reduce_init, REDUCE_INITS)
    init = REDUCE_INITS[reduce_init]()
    width = units if bottleneck is None else bottleneck
    options = {"use_bias": False, "kernel_initializer": init, "name": "reduce"}
    if len(x.shape) == 4:
        x = keras.layers.Conv2D(width, 1, **options)(x)
    else:
        x = keras.layers.Dense(width, **options)(x)
    x = _pool(x, pooling, "average")
    x = TransformationBlock(
        width, input_momentum, synchronized=synchronized, name="transformation"
    )(x)
    if bottleneck is None or not wide:
        return x
    return keras.layers.Dense(
        units, use_bias=False, kernel_initializer=linear_init(), name="widen"
    )(x)
