"""What every result file says of the machine, and how it is written. Imports nothing large."""

from __future__ import annotations

import csv
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
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    with open(partial, "w", newline="", encoding="utf-8") as file:
        columns = dict.fromkeys(name for row in rows for name in row)
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    os.replace(partial, path)
    print(f"written: {path}")
