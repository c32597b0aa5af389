"""What every result file says of the machine, and how it is written. Imports nothing large."""

from __future__ import annotations

import datetime
import importlib.metadata
import os
import pathlib
import platform
from collections.abc import Mapping, Sequence


def about(*packages: str) -> dict:
    """Date, processor, its cores, and the versions of Python and of installed packages."""
    facts = {"date": datetime.date.today().isoformat(), "cpu": cpu_name()}
    facts |= {"cores": os.cpu_count(), "python": platform.python_version()}
    for package in packages:
        try:
            facts[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:  # run from the checkout, or not installed
            facts[package] = ""
    return facts


def cpu_name() -> str:
    try:
        lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def write(path: pathlib.Path, rows: Sequence[Mapping]) -> None:
    """Write rows as CSV, whole or not at all; columns in order of appearance."""
    from keras_haframe.results.table import write_csv

    write_csv(rows, path)
    print(f"written: {path}")
