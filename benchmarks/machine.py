"""What the benchmarks share: calls timed in turns, child processes, the result files.

Imports nothing large: a child process starts with its parent's peak memory.
"""

from __future__ import annotations

import datetime
import importlib.metadata
import json
import os
import pathlib
import platform
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

ROOT = pathlib.Path(__file__).parents[1]
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


class Times(NamedTuple):
    """Seconds of a call, one per round: wall clock, and processor time of this process."""

    wall: list[float]
    cpu: list[float]


def interleave(
    calls: Mapping[str, Callable[[], Any]], rounds: int, warm: int = 1, seed: int | None = None
) -> dict[str, Times]:
    """Time calls in turns, so that what else the machine does falls on all alike.

    Args:
        calls: Functions without arguments by name.
        rounds: How many times each is timed, once a round.
        warm: How many times each is called before.
        seed: Seed of a random order within the rounds; the given order by default.

    Returns:
        `Times` by name.
    """
    order, rng = list(calls), random.Random(seed)
    for call in calls.values():
        for _ in range(warm):
            call()
    times = {name: Times([], []) for name in calls}
    for _ in range(rounds):
        if seed is not None:
            rng.shuffle(order)
        for name in order:
            wall, cpu = time.perf_counter(), time.process_time()
            calls[name]()
            times[name].wall.append(time.perf_counter() - wall)
            times[name].cpu.append(time.process_time() - cpu)
    return times


def ratio(seconds: Sequence[float], base: Sequence[float]) -> float:
    """Median over the rounds of a call's time divided by another's in the same round."""
    return statistics.median(a / b for a, b in zip(seconds, base, strict=True))


def environment(threads: int | None = None, **more: str) -> dict[str, str]:
    """Environment of a child process: this checkout, threads of BLAS, further variables."""
    path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    limits = {} if threads is None else dict.fromkeys(THREADS, str(threads))
    return os.environ | limits | {"PYTHONPATH": path} | more


def child(
    script: str, *arguments: object, threads: int, limit: float | None = None, **more: str
) -> list[dict]:
    """Run a script in a process of its own; return the JSON objects it prints, one a line.

    Args:
        script: Path of the script.
        arguments: Its arguments.
        threads: Threads of the BLAS library.
        limit: Seconds after which it is ended; `None` for none.
        more: Further environment variables.

    Raises:
        RuntimeError: If the script fails; the message has what it said.
        subprocess.TimeoutExpired: If it runs for longer.
    """
    command = [sys.executable, script, *map(str, arguments)]
    done = subprocess.run(
        command, env=environment(threads, **more), capture_output=True, text=True, timeout=limit
    )
    if done.returncode:
        raise RuntimeError(
            f"{' '.join(command)} failed with status {done.returncode}:\n{done.stderr}"
        )
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


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
