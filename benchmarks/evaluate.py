"""Time of `kh.evaluate`, of its page and of `kh.decide`, by number of examples and classes.

    python benchmarks/evaluate.py            # all rows, benchmarks/results/evaluate.csv
    python benchmarks/evaluate.py --quick    # 2,000 x 100; writes nothing

Every row runs in a process of its own, with its peak memory. Scores are random logits that fall off
with the distance to the label; the tree has about ten children per node.
"""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import resource
import sys
import tempfile
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
sys.path.insert(0, str(pathlib.Path(__file__).parent))
import machine

RESULTS = pathlib.Path(__file__).parent / "results" / "evaluate.csv"
SIZES = ((5_000, 100), (50_000, 100), (50_000, 1_000), (5_000, 10_000))


def measure(examples: int, classes: int) -> dict:
    """Seconds of each step, and peak memory in MiB."""
    import losses
    import numpy as np

    import keras_haframe as kh

    tree = losses.make_tree(classes)
    rng = np.random.default_rng(0)
    labels = rng.integers(0, classes, examples)
    scores = rng.standard_normal((examples, classes), np.float32)
    for level in range(1, tree.height + 1):
        scores += tree.paths[labels, level, None] == tree.paths[None, :, level]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    row: dict = {"examples": examples, "classes": classes}

    def timed(name: str, call) -> object:
        start = time.perf_counter()
        result = call()
        row[name] = round(time.perf_counter() - start, 2)
        return result

    kh.evaluate(labels[:500], scores[:500], tree)  # imports and first traces
    report = timed("evaluate_s", lambda: kh.evaluate(labels, scores, tree))
    timed("print_s", lambda: str(report))
    with tempfile.TemporaryDirectory() as folder:
        timed("html_s", lambda: report.to_html(f"{folder}/page.html"))
        row["html_mb"] = round(pathlib.Path(folder, "page.html").stat().st_size / 1e6, 2)
    half = [tree.nodes[n] for n in tree.by_depth[1][::2]]
    timed("decide_s", lambda: kh.decide(report.probabilities, tree, floor=0.65, allowed=half))
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return row | {
        "peak_mib": round(after / 1024),
        "more_than_data_mib": round((after - before) / 1024),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="2,000 x 100; writes nothing")
    parser.add_argument("--child", nargs=2, type=int, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        print(json.dumps(measure(*args.child)))
        return
    rows = []
    for examples, classes in [(2_000, 100)] if args.quick else SIZES:
        (row,) = machine.child(__file__, "--child", examples, classes, threads=2)
        row["load"] = round(os.getloadavg()[0], 1)
        rows.append(row)
        print(row, flush=True)
    if not args.quick:
        about = machine.about("keras", "numpy")
        machine.write(RESULTS, [row | about for row in rows])


if __name__ == "__main__":
    main()
