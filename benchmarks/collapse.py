"""Cost of the neural-collapse measures against n, K and d, beside plain NumPy and scikit-learn.

Two tables in one file, column `part`:

`pass`: counts, class means, pooled scatter and class variances of n features.
- streaming: `ClassStatistics`, one pass over float32 batches of 256;
- two-pass: plain NumPy over the same batches, class sums (`numpy.add.at`) first, then the scatter
  about the means. It must read the features twice, which in training is a second forward pass;
- in memory: the same two passes over one float64 array of all features;
- scikit-learn: `NearestCentroid` and `EmpiricalCovariance` of the residuals, where installed.

`result`: all measures from finished statistics, with a classifier and a target Gram matrix.
- tiled: `NeuralCollapse.result`;
- whole: the same formulas with whole K x K matrices and the thin SVD (`numpy.linalg.svd`);
- nc1 tiled, nc1 svd: NC1 alone.

Each case runs in a process of its own with one BLAS thread (`--threads`). Its methods take turns,
`--rounds` times; `seconds` and `cpu_s` are medians, `ratio` is the median over rounds of processor
time relative to the first method of the case, so other load on the machine weighs on all alike.
`peak_mib` is what NumPy allocates at most beyond the inputs (tracemalloc, in a turn before). The
largest case has one round.
`gap` is the largest relative difference from the first method. A case whose whole matrices would
not fit into `--memory` GiB is not run, and says so.

    python benchmarks/collapse.py            # some minutes; writes benchmarks/results/collapse.csv
    python benchmarks/collapse.py --quick    # small sizes; writes nothing
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib

import machine

RESULTS = pathlib.Path(__file__).parent / "results" / "collapse.csv"
PASSES = [  # n, K, d: one of them varies at a time
    (5_000, 100, 512), (20_000, 100, 512), (80_000, 100, 512),
    (20_000, 1_000, 512), (20_000, 10_000, 512),
    (20_000, 1_000, 64), (20_000, 1_000, 2_048),
]  # fmt: skip
RESULT_SIZES = [(0, 100, 512), (0, 1_010, 1_010), (0, 1_000, 2_048), (0, 10_000, 2_048)]
QUICK = [("pass", 5_000, 100, 64), ("pass", 5_000, 1_000, 256), ("result", 0, 100, 64)]


# In a child process: one case ---------------------------------------------------------------------


def child(part: str, n: int, k: int, d: int, rounds: int, memory: float) -> None:
    """Prints one JSON line per method."""
    import statistics
    import tracemalloc

    import collapse_cases
    import numpy as np

    methods = (
        collapse_cases.passes(n, k, d) if part == "pass" else collapse_cases.results(k, d, memory)
    )
    calls = {name: run for name, run in methods.items() if not isinstance(run, str)}
    outputs, peak = {}, {}
    for name, run in calls.items():
        tracemalloc.start()
        outputs[name] = run()
        peak[name] = tracemalloc.get_traced_memory()[1] / 2**20
        tracemalloc.stop()
    times = machine.interleave(calls, rounds, warm=0)
    first = next(iter(methods))
    for name, run in methods.items():
        row = {"part": part, "n": n, "classes": k, "dim": d, "method": name}
        row |= {
            "numpy": np.__version__,
            "rounds": str(rounds),
            "note": run if isinstance(run, str) else "",
        }
        if name == "scikit-learn":
            import sklearn

            row["note"] = sklearn.__version__
        if name in calls:
            row["seconds"] = statistics.median(times[name].wall)
            row["cpu_s"] = statistics.median(times[name].cpu)
            row["ratio"] = machine.ratio(times[name].cpu, times[first].cpu)
            row["gap"] = float(collapse_cases.largest_gap(outputs[first], outputs[name]))
            row["peak_mib"] = peak[name]
        print(json.dumps(row), flush=True)


# In the parent ------------------------------------------------------------------------------------

COLUMNS = {
    "part": "<7", "n": ">7", "classes": ">7", "dim": ">6", "method": "<13", "seconds": ">9.3f",
    "cpu_s": ">9.3f", "ratio": ">7.2f", "peak_mib": ">9.1f", "gap": ">8.1e", "note": "<8",
}  # fmt: skip


def shown(row: dict) -> str:
    cells = []
    for name, form in COLUMNS.items():
        if row.get(name, "") == "":
            form = form.split(".")[0]
        cells.append(format(row.get(name, ""), form))
    return " ".join(cells)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="small sizes, nothing written")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=1, help="BLAS threads of each process")
    parser.add_argument("--memory", type=float, default=4.0, help="GiB for whole K x K matrices")
    parser.add_argument("--case", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.case:
        part, *sizes = options.case.split(",")
        return child(part, *map(int, sizes), options.rounds, options.memory)
    cases = [("pass", *p) for p in PASSES] + [("result", *r) for r in RESULT_SIZES]
    cases = QUICK if options.quick else cases
    common = machine.about() | {"threads": str(options.threads)}
    print(common)
    rows = []
    print(" ".join(format(name, form.split(".")[0]) for name, form in COLUMNS.items()))
    for case in cases:
        load = os.getloadavg()[0]
        rounds = 1 if case[0] == "result" and case[2] >= 10_000 else options.rounds
        words = ["--case", ",".join(map(str, case)), "--rounds", rounds, "--memory", options.memory]
        for row in machine.child(__file__, *words, threads=options.threads):
            rows.append(row | common | {"load": f"{load:.1f}"})
            print(shown(rows[-1]), flush=True)
    if not options.quick:
        machine.write(RESULTS, [
            {k: f"{v:.6g}" if isinstance(v, float) else v for k, v in row.items()} for row in rows
        ])  # fmt: skip


if __name__ == "__main__":
    main()
