"""How a package opens its modules: each when it is first used, or all at once."""

from __future__ import annotations

import importlib
import importlib.util
import os
import pkgutil
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any


def lazy(
    package: str, public: Iterable[str], names: Mapping[str, str] | None = None
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Make the `__getattr__` and `__dir__` of a package whose modules are imported when first used.

    Args:
        package: The package's `__name__`.
        public: Names that `dir()` shows.
        names: For names that are not modules, the module that has them.

    Example:

    ```python
    __getattr__, __dir__ = lazy(__name__, __all__, {"build": "models"})
    ```
    """

    def get(name: str) -> Any:
        if names and name in names:
            return getattr(importlib.import_module(f"{package}.{names[name]}"), name)
        if not name.startswith("_") and importlib.util.find_spec(f"{package}.{name}"):
            return importlib.import_module(f"{package}.{name}")
        raise AttributeError(f"module {package!r} has no attribute {name!r}")

    return get, lambda: sorted(public)


def modules(package: str) -> list[str]:
    """Names of the modules in a package, without importing them."""
    return sorted(module.name for module in pkgutil.iter_modules(sys.modules[package].__path__))


def load_all(package: str) -> None:
    """Import every module of a package, so that what they register is known."""
    for name in modules(package):
        importlib.import_module(f"{package}.{name}")


def is_command() -> bool:
    """Whether this process is `haframe` or `python -m keras_haframe`, by how it was started."""
    started = sys.argv[0] if sys.argv else ""
    if started == "-m":  # so it is called while the package itself is imported
        return "keras_haframe" in sys.orig_argv
    return os.path.basename(started) in ("haframe", "haframe.exe")
