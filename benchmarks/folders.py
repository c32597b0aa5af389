"""Two starts on one folder, and a disk that fills up: what is said, and what the run comes to.

    python benchmarks/folders.py starts   # 8 double starts, a minute each on two busy cores
    python benchmarks/folders.py disk     # 20 sizes of a disk in memory; root must run it (Linux)

The run is that of the tests, a network with batch normalization, dropout and momentum for 30 epochs
(starts) or 4 (disk). `same bits`: its test scores are those of an undisturbed run.
"""

from __future__ import annotations

import argparse
import os
import pathlib
import subprocess
import sys
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))

import numpy as np

ROOT = pathlib.Path(__file__).parents[1]


def scores(folder: pathlib.Path) -> np.ndarray:
    with np.load(folder / "scores.npz") as file:
        return file["scores"]


def bits(folder: pathlib.Path, undisturbed: pathlib.Path) -> str:
    return "same bits" if np.array_equal(scores(folder), scores(undisturbed)) else "OTHER BITS"


def starts(top: pathlib.Path) -> None:
    def start(folder: pathlib.Path) -> subprocess.Popen:
        command = [sys.executable, "-m", "tests.training.small_run", str(folder), "30"]
        env = {**os.environ, "PYTHONPATH": str(ROOT)}
        return subprocess.Popen(
            command, cwd=ROOT, env=env, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    start(top / "alone").communicate()
    for i in range(8):
        folder = top / str(i)
        both = [start(folder) for _ in range(2)]
        said = [process.communicate()[1].strip().splitlines()[-1:] for process in both]
        ended = [process.returncode for process in both]
        refused = [text for text, code in zip(said, ended) if code]
        print(f"{i}: exit status {ended}, {bits(folder, top / 'alone')}; {refused}", flush=True)


def disk(top: pathlib.Path) -> None:
    from tests.disk import disk as mounted
    from tests.disk import enlarge
    from tests.training.small_run import small_run

    small_run(top / "alone", 4)
    for size in np.linspace(4, 122, 20).astype(int):
        with mounted(top / "disk", size * 1024) as folder:
            try:
                small_run(folder / "run", 4)
                said = "it was large enough"
            except OSError as error:
                said = str(error)
            left = [p.name for p in folder.rglob("*") if "partial" in p.name or ".lock" in p.name]
            enlarge(folder, 8 << 20)
            small_run(folder / "run", 4)
            result = bits(folder / "run", top / "alone")
            print(f"{size} kB: {said} Left: {left}. With room: {result}", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("what", choices=("starts", "disk"))
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        {"starts": starts, "disk": disk}[args.what](pathlib.Path(made))
