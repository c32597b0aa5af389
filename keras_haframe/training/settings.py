"""Settings of a recipe: one dataclass for the command line and the file beside the results."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from typing import Any, TypeVar

import keras
import simple_parsing

from keras_haframe.training import distribution

S = TypeVar("S")


def flag(**metadata: bool) -> Any:
    """Make a setting that is off unless its option is given: `--smoke`, and `--no-smoke`."""
    return simple_parsing.flag(False, negative_prefix="--no-", metadata=metadata)


def place(default: Any, **kwargs: Any) -> Any:
    """Return a setting that says where or how long, not what: it does not define a run."""
    return simple_parsing.field(default=default, metadata={"place": True}, **kwargs)


@dataclasses.dataclass
class RunSettings:
    """What the recipes have in common. Subclasses add fields and change defaults.

    The comment behind a field is its help on the command line.
    """

    seed: int = place(0)  # first seed
    seeds: int = place(1)  # number of seeds
    epochs: int = 100  # epochs
    batch_size: int = 64  # training batch, over all devices
    learning_rate: float = 0.1  # learning rate
    mixed: bool = flag()  # mixed bfloat16 precision
    output: str = place("runs")  # folder where runs are kept
    max_minutes: float | None = place(None)  # stop at an epoch's end before this many minutes
    save_every: str | None = place(None)  # save within epochs, too: steps, or a time as 1min
    smoke: bool = flag()  # seconds, to see that all runs
    coordinator: str | None = place(None)  # host:port of the first of several processes, on JAX
    processes: int = place(1)  # number of processes that train together
    index: int = place(0)  # number of this process, from 0
    model_shards: int = place(1)  # devices that share one copy's classes, on JAX

    def start(self) -> None:
        """Print the settings, join the other processes, set the precision of layers.

        To be called before any model or array is made.
        """
        print(self, flush=True)
        if self.processes > 1 or self.coordinator:
            if not self.coordinator:
                raise ValueError(
                    f"{self.processes} processes need `coordinator`, the host:port of the first "
                    "one. Received: coordinator=None"
                )
            distribution.join(self.coordinator, self.processes, self.index)
        if self.mixed:
            keras.config.set_dtype_policy("mixed_bfloat16")

    def defining(self) -> dict[str, Any]:
        """Return the settings that define a run: those that do not are left out."""
        fields = [f.name for f in dataclasses.fields(self) if not f.metadata.get("place")]
        return {name: getattr(self, name) for name in fields}

    def running(self) -> dict[str, Any]:
        """Return what `compare` takes that defines no run: when to stop and save, on what."""
        return {
            "max_minutes": self.max_minutes,
            "save_every": self.save_every,
            "model_shards": self.model_shards,
        }


def options_of(words: Sequence[str]) -> dict[str, Any]:
    """Options of `build` as a command line gives them.

    Args:
        words: `name=value`, the value in JSON (`0.5`, `true`, `null`) or a plain word.

    Raises:
        ValueError: For a word without a name or `=`.

    Example:

    >>> options_of(["network=II", "gamma=3", "class_block=null", "frame=low_rank"])
    {'network': 'II', 'gamma': 3, 'class_block': None, 'frame': 'low_rank'}
    """
    options: dict[str, Any] = {}
    for word in words:
        name, equals, value = word.partition("=")
        if not (name and equals):
            raise ValueError(f"An option must be given as name=value. Received: {word!r}")
        try:
            options[name] = json.loads(value)
        except json.JSONDecodeError:
            options[name] = value
    return options


def row_of(text: str, classes: int) -> tuple[str, tuple[str, dict[str, Any]]]:
    """Name, method and options of a row of `compare`, as a command line gives it.

    Args:
        text: `method option=value ...` or `name: method option=value ...`.
        classes: What the value `K` stands for.

    Raises:
        ValueError: For an option without a name or `=`.

    Example:

    >>> row_of("narrow: haframe bottleneck=32 frame=low_rank", 100)
    ('narrow', ('haframe', {'bottleneck': 32, 'frame': 'low_rank'}))
    """
    name, colon, rest = text.partition(":")
    method, *words = (rest if colon else text).split() or [""]
    options = {key: classes if v == "K" else v for key, v in options_of(words).items()}
    return (name if colon else text).strip(), (method, options)


class _Help(simple_parsing.SimpleHelpFormatter):
    """Help under the one word "settings", without the name of the dataclass in Python."""

    def start_section(self, heading: str | None) -> None:
        super().start_section("settings" if (heading or "").endswith("['settings']") else heading)


def parse(cls: type[S], description: str | None = None, argv: Sequence[str] | None = None) -> S:
    """Make a settings dataclass from command-line arguments, one option per field.

    `batch_size: int = 64  # training batch` becomes `--batch-size`, with the comment as its help.

    Args:
        cls: A dataclass.
        description: Head of the help, such as the recipe's docstring; its first line is shown.
        argv: Arguments; those of the process by default.

    Returns:
        An instance of `cls`. Unknown or malformed arguments end the process with a message.
    """
    parser = simple_parsing.ArgumentParser(
        description=(description or "").strip().split("\n")[0],
        add_option_string_dash_variants=simple_parsing.DashVariant.DASH,
        allow_abbrev=False,
        formatter_class=_Help,
    )
    parser.add_arguments(cls, "settings")  # type: ignore[type-var]
    return parser.parse_args(argv).settings
