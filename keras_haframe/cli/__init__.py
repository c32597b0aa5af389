"""The `haframe` command. Sub-commands are modules that are imported when they are used."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import warnings
from collections.abc import Sequence
from typing import Any

from keras_haframe.text_table import LINES, visible
from keras_haframe.version import __version__

# Name: (module with `add_arguments(parser)` and `run(args) -> int | None`, one line of help).
COMMANDS = {
    "demo": ("keras_haframe.cli.demo", "run the embedded experiment, offline, two minutes"),
    "evaluate": ("keras_haframe.cli.evaluate", "tell what a class tree says about any scores"),
    "decide": ("keras_haframe.cli.decide", "answer a class or a node above it, and say why"),
    "predict": ("keras_haframe.cli.predict", "predict image files with an exported model"),
    "compare": ("keras_haframe.cli.compare", "train several methods and print their table"),
    "client": ("keras_haframe.cli.client", "ask a running TF Serving or Triton about image files"),
    "inspect": ("keras_haframe.cli.inspect", "tell what is in a saved or exported model"),
    "report": ("keras_haframe.cli.report", "write one self-contained HTML page of a run"),
    "export": ("keras_haframe.cli.export", "write a saved model as a directory for TF Serving"),
    "train": ("keras_haframe.cli.train", "train a classifier on a folder of photographs"),
    "tree": ("keras_haframe.cli.tree", "check, draw, convert, mend and compare class trees"),
}


def parser_for(argv: Sequence[str]) -> tuple[argparse.ArgumentParser, Any]:
    """Return the parser for a command line, and the module of the sub-command it names, if any.

    Only that module is imported, so that help does not wait for a deep-learning framework.
    """
    parser = argparse.ArgumentParser(
        prog="haframe", description="Hierarchy-aware image classification: tools for runs."
    )
    parser.add_argument("--version", action="version", version=f"keras_haframe {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    wanted = next((word for word in argv if not word.startswith("-")), None)
    module: Any = None
    for name, (path, summary) in COMMANDS.items():
        sub = commands.add_parser(name, help=summary, description=f"{summary.capitalize()}.")
        if name == wanted:
            module = importlib.import_module(path)
            module.add_arguments(sub)
    return parser, module


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; the entry point of `haframe`.

    Args:
        argv: Words after the command's name; those of the process by default.

    Returns:
        Exit status: 0, or 1 after an error, which is told on one line. Wrong usage exits with 2.
    """
    argv = sys.argv[1:] if argv is None else list(argv)
    parser, module = parser_for(argv)
    args = parser.parse_args(argv)
    # Read when TensorFlow is imported, which leaves oneDNN's kernels off on some processors; there
    # the demo trains more than twice as fast with them (docs/training.md).
    os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _show_warning
            return int(module.run(args) or 0)
    except (ValueError, OSError, ModuleNotFoundError) as error:  # what the user can mend
        print(f"haframe {args.command}: {visible(error, keep=LINES)}", file=sys.stderr)
        return 1


def _show_warning(
    message: Warning | str, category: type[Warning], *where: Any, **more: Any
) -> None:
    """Tell of a warning on a line; where in the code it is from is nothing to the user."""
    if not issubclass(category, DeprecationWarning):
        print(f"warning: {visible(message, keep=LINES)}", file=sys.stderr)
