"""Settings of a run: one dataclass for the command line and the file beside the results."""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import pathlib
import typing
from collections.abc import Mapping, Sequence

import keras

from keras_haframe.training import distribution

# Settings that say where and how long, not what.
PLACES = (
    "output", "seeds", "seed", "max_minutes", "data_dir", "arrays", "write_arrays", "on_device",
    "coordinator", "processes", "index",
)  # fmt: skip


def option(default, text: str, choices: Sequence | None = None):
    """A dataclass field with a default and a line of help, for `from_command_line`."""
    metadata = {"help": text} | ({"choices": choices} if choices else {})
    return dataclasses.field(default=default, metadata=metadata)


@dataclasses.dataclass
class RunSettings:
    """What the recipes of the papers have in common. Subclasses add fields and change defaults."""

    method: str = option("haframe", "training method")
    type: str = option("II", "network type", choices=["I", "II"])
    seed: int = option(0, "first seed")
    seeds: int = option(1, "number of seeds")
    epochs: int = option(100, "epochs")
    batch: int = option(64, "training batch, over all devices")
    rate: float = option(0.1, "learning rate; the backbone has a tenth")
    mixed: bool = option(False, "mixed bfloat16 precision")
    output: str = option("runs", "folder where runs are kept")
    max_minutes: float | None = option(None, "stop at an epoch's end before this many minutes")
    smoke: bool = option(False, "seconds on made-up images, to see that all runs")
    coordinator: str | None = option(None, "host:port of the first of several processes, on JAX")
    processes: int = option(1, "number of processes that train together")
    index: int = option(0, "number of this process, from 0")

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

    def facts(self) -> dict:
        """The settings that define a run: those that do not are left out."""
        return {k: v for k, v in dataclasses.asdict(self).items() if k not in PLACES}


def from_command_line(cls, argv: Sequence[str] | None = None, description: str | None = None):
    """Make a settings dataclass from command-line arguments, one option per field.

    `epochs: int = 100` becomes `--epochs`, default 100; a bool `smoke` becomes `--smoke` and
    `--no-smoke`. Help texts are the fields' `metadata["help"]`, choices their
    `metadata["choices"]`.

    Args:
        cls: A dataclass whose fields are `str`, `int`, `float`, `bool`, `pathlib.Path`, or one of
            these or `None`.
        argv: Arguments; those of the process by default.
        description: First line of the help.

    Returns:
        An instance of `cls`. Unknown or malformed arguments end the process with a message.
    """
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    kinds = typing.get_type_hints(cls)
    for field in dataclasses.fields(cls):
        options = {
            "help": field.metadata.get("help", " "),
            "choices": field.metadata.get("choices"),
        }
        if field.default is dataclasses.MISSING:
            options["required"] = True
        else:
            options["default"] = field.default
        kind = (typing.get_args(kinds[field.name]) or (kinds[field.name],))[0]
        name = "--" + field.name.replace("_", "-")
        if kind is bool:
            parser.add_argument(name, action=argparse.BooleanOptionalAction, **options)
        else:
            parser.add_argument(name, type=kind, **options)
    return cls(**vars(parser.parse_args(argv)))


def keep(path, facts: Mapping) -> None:
    """Write facts to a JSON file, or check that a file from earlier holds the same.

    Args:
        path: The file.
        facts: JSON values and paths by name.

    Raises:
        ValueError: If the file holds other facts: what lies beside it was made under others.
    """
    path = pathlib.Path(path)
    facts = json.loads(json.dumps(dict(facts), default=str))
    if path.exists():
        kept = json.loads(path.read_text(encoding="utf-8"))
        for k in sorted(kept.keys() | facts.keys()):
            if kept.get(k) != facts.get(k):
                raise ValueError(
                    f"{path.parent} holds results made with {k}={kept.get(k)!r}; now it is "
                    f"{k}={facts.get(k)!r}. Choose another folder, or remove that one."
                )
        return
    write(path, json.dumps(facts, indent=1) + "\n")


def write(path, text: str) -> None:
    """Write a text file under a temporary name and rename it, so that it is whole or absent."""
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    partial.write_text(text, encoding="utf-8")
    os.replace(partial, path)
