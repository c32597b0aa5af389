"""The beginning of every run: its folder is locked, its settings are kept, its result is read."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

from keras_haframe.files import PathLike
from keras_haframe.results import run as files
from keras_haframe.results.lock import locked
from keras_haframe.results.made_with import made_with
from keras_haframe.training import distribution


@contextlib.contextmanager
def begun(
    folder: PathLike, settings: Mapping[str, Any], **data: Any
) -> Iterator[dict[str, Any] | None]:
    """Hold the folder of a run inside this block, of several processes the first.

    Args:
        folder: The folder.
        settings: What defines the run.
        **data: `train`, `validation` and `test`, see `made_with`.

    Yields:
        The result if the run is finished, else `None`.

    Raises:
        ValueError: If the folder holds another run.
        BlockingIOError: If another process trains there.
    """
    with contextlib.ExitStack() as stack:

        def begin() -> None:
            stack.enter_context(locked(folder))
            files.remove_partial(folder)
            files.keep_settings(folder, settings, made_with(**data))

        distribution.first_alone(begin)  # nobody reads the result before it is known to stand
        yield files.read_result(folder)
