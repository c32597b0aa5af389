"""Training methods, one per file: which head, which loss, which scores.

To add one, put a file here with a subclass of `Method` decorated by `@register("name")`; `build()`
finds it, and its class is reachable as `keras_haframe.methods.ClassName`. A method of your own
works from any file (docs/methods/your_own.md).
"""

from typing import TYPE_CHECKING

from keras_haframe import rooms
from keras_haframe.methods.base import (
    LinearMethod,
    Method,
    find,
    get,
    head_norm,
    linear,
    names,
    register,
)

rooms.load_all(__name__)

_classes = {find(_name).__name__: find(_name) for _name in names()}
globals().update(_classes)

if TYPE_CHECKING:  # the classes of the methods, by name

    def __getattr__(name: str) -> type[Method]: ...


__all__ = [
    "LinearMethod",
    "Method",
    "find",
    "get",
    "head_norm",
    "linear",
    "names",
    "register",
    *_classes,
]


def __dir__() -> list[str]:
    return sorted(__all__)
