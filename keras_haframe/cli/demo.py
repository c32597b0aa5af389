"""`haframe demo`: the embedded experiment, cross-entropy and HAFrame on drawn aircraft."""

from __future__ import annotations

import argparse
import pathlib

from keras_haframe.cli import train
from keras_haframe.cli.files import as_json

SETTINGS = ("output", "seed", "seeds", "epochs", "max_minutes", "smoke")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `haframe demo`."""
    parser.add_argument(
        "--output", type=pathlib.Path, help="folder of the runs (default runs/aircraft)"
    )
    parser.add_argument("--seed", type=int, help="first seed (default 0)")
    parser.add_argument("--seeds", type=int, help="number of seeds (default 1)")
    parser.add_argument("--epochs", type=int, help="epochs (default 14)")
    parser.add_argument(
        "--max-minutes", type=float, help="stop at an epoch's end before this many minutes"
    )
    parser.add_argument("--smoke", action="store_true", help="half a minute, to see that all runs")
    parser.add_argument("--json", action="store_true", help="JSON on stdout, progress on stderr")


def run(args: argparse.Namespace) -> int:
    """Train both methods, print the table, write models and figures."""
    with train.progress(args.json):
        from keras_haframe.demo import Settings, demo

        given = {name: getattr(args, name) for name in SETTINGS}
        given["output"] = args.output and str(args.output)
        results = demo(Settings(**{k: v for k, v in given.items() if v is not None}))
        if results is None:
            raise ValueError("the time was up; the same command goes on")
    if args.json:
        print(as_json([train.plain(line) for line in results]))
    return 0
