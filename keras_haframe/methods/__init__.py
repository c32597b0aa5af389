"""Training methods, one per file: which head, which loss, which scores.

To add one, put a file here with a subclass of `Method` decorated by `@register("name")`; `build()`
finds it, and its class is reachable as `keras_haframe.methods.ClassName`. A method of your own
works from any file (docs/methods/your_own.md).
"""

import importlib as _importlib
import pkgutil as _pkgutil

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

for _module in _pkgutil.iter_modules(__path__):
    _importlib.import_module(f"{__name__}.{_module.name}")

_classes = {find(_name).__name__: find(_name) for _name in names()}
globals().update(_classes)

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
