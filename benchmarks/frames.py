"""Time and memory to build the hierarchy-aware frame, and time to apply it, against K.

Three ways to the same target cosines (the papers' grid point of `min_similarity`):

- structured: `TreeFrame`, the O(N) tree wavelet; no K x K matrix at any time.
- dense: `ClassTree.distances`, `min_similarity` in closed form (one Cholesky factorisation),
  `similarity`, `hierarchy_aware_frame` (one eigendecomposition).
- grid search: the straightforward way of the papers' code, 100 eigendecompositions
  (`numpy.linalg.eigvalsh`, eigenvalues only, which favors it) and then the dense frame.

Every case runs in a process of its own, with one BLAS thread (`--threads`) so that little depends
on what else the machine does; the load when it starts stands beside it. Time is the best of up to
5 builds from a finished `ClassTree`: wall clock (build s) and processor (cpu s). Memory is the peak
resident size (`ru_maxrss`) of the process minus that of a process with the same imports that builds
nothing; it includes the tree. Applying the frame means the inner products of 256 float64 features
with all K class vectors. A case that would take longer than `--limit` seconds is not run, and says
why.

    python benchmarks/frames.py            # some minutes; writes benchmarks/results/frames.csv
    python benchmarks/frames.py --quick    # K up to 1,000; writes nothing
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import platform
import resource
import sys
import time

import machine

# Nothing large may be imported up here: a child process starts with its parent's peak memory.

RESULTS = pathlib.Path(__file__).parent / "results" / "frames.csv"
SIZES = (100, 1_000, 3_000, 10_000, 100_000)
METHODS = ("structured", "dense", "grid search")
GAMMA = 2.0
BATCH = 256
COLUMNS = {  # of the table and the file: title and format
    "classes": ("K", ">7"), "method": ("method", "<12"), "tree_s": ("tree s", ">8.3f"),
    "build_s": ("build s", ">9.5f"), "build_cpu_s": ("cpu s", ">9.5f"),
    "peak_mb": ("peak MB", ">8.1f"), "apply_s": ("apply s", ">9.5f"),
    "s_min": ("s_min", ">10.6f"), "gram_error": ("error", ">8.1e"), "load": ("load", ">5.1f"),
}  # fmt: skip


# In a child process: one case ---------------------------------------------------------------------


def make_tree(classes: int):
    """A random tree of that many classes: about 7 children per node, all classes equally deep."""
    import numpy as np

    from keras_haframe import ClassTree

    rng = np.random.default_rng(0)
    nodes, edges, level = [f"class {i}" for i in range(classes)], [], 0
    while len(nodes) > 1:
        groups = max(1, len(nodes) // 7)
        group = rng.integers(0, groups, len(nodes))
        group[:groups] = np.arange(groups)  # none is empty
        edges += [(f"level {level}: {g}", node) for g, node in zip(group, nodes)]
        nodes = [f"level {level}: {g}" for g in range(groups)]
        level += 1
    return ClassTree(edges)


def search_grid(distances) -> float:
    """The papers' search: the most negative of 100 points without a negative eigenvalue."""
    import numpy as np

    from keras_haframe.frames import similarity

    found = float("inf")
    for s_min in np.linspace(-1 / (len(distances) - 1), -1, 100):
        values = np.linalg.eigvalsh(similarity(distances, GAMMA, s_min))
        if values[0] > -1e-6:
            found = min(found, float(s_min))
    return found


def build(method: str, tree):
    """`(s_min, frame)`; the frame is a `TreeFrame` or a matrix."""
    from keras_haframe import frames

    if method == "structured":
        frame = frames.TreeFrame(tree, GAMMA, "grid")
        return frame.min_similarity, frame
    distances = tree.distances()
    if method == "dense":
        s_min = frames.min_similarity(distances, GAMMA, "grid")
    else:
        s_min = search_grid(distances)
    return s_min, frames.hierarchy_aware_frame(frames.similarity(distances, GAMMA, s_min))


def best_time(function) -> tuple[float, float]:
    """Best wall and processor time of up to 5 runs, of no more once they took a second."""
    wall: list[float] = []
    processor: list[float] = []
    while len(wall) < 5 and sum(wall) < 1.0:
        start, start_cpu = time.perf_counter(), time.process_time()
        function()
        wall.append(time.perf_counter() - start)
        processor.append(time.process_time() - start_cpu)
    return min(wall), min(processor)


def peak_mb() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (2**20 if sys.platform == "darwin" else 2**10)


def run_case(method: str, classes: int) -> dict:
    """Measure one case in this process."""
    import numpy as np
    import scipy

    import keras_haframe
    from keras_haframe import frames

    if method == "baseline":
        blas = np.show_config(mode="dicts")["Build Dependencies"]["blas"]
        return {
            "baseline_mb": round(peak_mb(), 1), "keras_haframe": keras_haframe.__version__,
            "python": platform.python_version(), "numpy": np.__version__,
            "scipy": scipy.__version__, "blas": f"{blas['name']} {blas['version']}",
        }  # fmt: skip
    if method == "one eigendecomposition":
        s = frames.similarity(make_tree(classes), GAMMA, 0.0)
        return {"build_s": best_time(lambda: np.linalg.eigvalsh(s))[0]}
    start = time.perf_counter()
    tree = make_tree(classes)
    row = {"tree_s": time.perf_counter() - start}
    kept = {}

    def one():
        kept.clear()
        kept["s_min"], kept["frame"] = build(method, tree)

    row["build_s"], row["build_cpu_s"] = best_time(one)
    row["peak_mb"] = peak_mb()  # before anything is applied or checked
    frame, row["s_min"] = kept["frame"], kept["s_min"]
    x = np.random.default_rng(1).standard_normal((BATCH, classes))
    apply = (lambda: frame.matvec(x)) if method == "structured" else (lambda: x @ frame.T)
    apply()
    row["apply_s"], _ = best_time(apply)
    if classes <= 3_000:
        w = frame.dense() if method == "structured" else frame
        target = frames.similarity(tree, GAMMA, row["s_min"])
        row["gram_error"] = float(np.abs(w @ w.T - target).max())
    return row


# In the parent: all cases side by side ------------------------------------------------------------


def measure(threads: int, method: str, classes: int = 0) -> dict:
    """Run one case in a process of its own."""
    case = "--case", method, "--classes", classes
    # The frames are NumPy: no other backend in the baseline.
    return machine.child(__file__, *case, threads=threads, KERAS_BACKEND="numpy")[-1]


def reason_not_to_run(
    method: str, k: int, last: tuple[int, float], limit: float, threads: int
) -> str | None:
    """Why a case of a K x K method is not run, from the measured time of the last smaller one."""
    have = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    need = 4 * 8 * k**2 / 2**30  # distances, similarity, eigenvectors, frame
    if need > have:
        return f"4 matrices K x K take {need:.0f} GB, the machine has {have:.0f} GB"
    known, seconds = last
    expected = seconds * (k / known) ** 3
    if method == "grid search" and limit / 10 < expected < 3 * limit:
        seconds = measure(threads, "one eigendecomposition", k)["build_s"]  # better than a guess
        if 100 * seconds > limit:
            return f"one eigendecomposition took {seconds:.1f} s, 100 take {100 * seconds:.0f} s"
    elif expected > limit:
        return f"would take about {expected:.0f} s ({seconds:.1f} s at K = {known}, times K^3)"
    return None


def main(quick: bool, limit: float, threads: int, output: pathlib.Path | None) -> None:
    about = machine.about() | {"threads": threads, "batch": BATCH} | measure(threads, "baseline")
    print(", ".join(f"{k} {v}" for k, v in about.items()))
    print(" ".join(f"{title:{form.split('.')[0]}}" for title, form in COLUMNS.values()))
    rows, last = [], {}
    for k in SIZES[: 2 if quick else None]:
        for method in METHODS:
            row = {"classes": k, "method": method}
            reason = None
            if method != "structured" and method in last:
                reason = reason_not_to_run(method, k, last[method], limit, threads)
            if reason:
                row["note"] = f"not run: {reason}"
            else:
                row |= {"load": os.getloadavg()[0]} | measure(threads, method, k)
                row["peak_mb"] = max(0.0, row["peak_mb"] - about["baseline_mb"])
                last[method] = (k, row["build_s"])
            cells = [f"{row[c]:{form}}" for c, (_, form) in COLUMNS.items() if c in row]
            print(*cells, row.get("note", ""), flush=True)
            rows.append({c: f"{row[c]:{f}}".strip() for c, (_, f) in COLUMNS.items() if c in row})
            rows[-1] |= {"note": row.get("note", "")} | about
    if output:
        machine.write(output, rows)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="K up to 1,000; writes no file")
    parser.add_argument("--limit", type=float, default=300.0, help="longest case in seconds")
    parser.add_argument("--threads", type=int, default=1, help="threads of the BLAS library")
    parser.add_argument("--output", type=pathlib.Path, help=f"CSV file (default {RESULTS})")
    parser.add_argument("--case", help=argparse.SUPPRESS)
    parser.add_argument("--classes", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.case:
        print(json.dumps(run_case(options.case, options.classes)))
    else:
        output = options.output or (None if options.quick else RESULTS)
        main(options.quick, options.limit, options.threads, output)
