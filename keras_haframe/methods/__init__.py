"""Training methods, one per file: which head, which loss, which scores.

To add one, put a file here with a subclass of `Method` decorated by `@register("name")`; `build()`
finds it.
"""

import importlib
import pkgutil

from keras_haframe.methods.base import Method, get, names, register

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")

__all__ = ["Method", "get", "names", "register"]
