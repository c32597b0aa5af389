"""Count what becomes of bad inputs: clear errors, internal errors, accepted, silently wrong.

python benchmarks/bad_inputs.py                  # all groups of calls, a table
python benchmarks/bad_inputs.py losses metrics   # some; `--show silent` lists cases
KERAS_BACKEND=jax python benchmarks/bad_inputs.py
"""

from __future__ import annotations

import argparse
import collections
import os
import pathlib
import sys
import time

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
sys.path[:0] = [str(pathlib.Path(__file__).parent), str(pathlib.Path(__file__).parents[1])]
import machine  # noqa: E402

KINDS = ("clear", "internal", "same", "told", "harmless", "silent")


def main() -> None:
    from tests import bad_calls

    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("groups", nargs="*", help=f"of {list(bad_calls.GROUPS)}; all by default")
    parser.add_argument("--show", nargs="*", default=["internal", "silent"], choices=KINDS)
    args = parser.parse_args()
    import matplotlib

    matplotlib.use("Agg")
    sys.stdout = os.fdopen(os.dup(1), "w")  # a number for a path would be an open file's
    start, total = time.perf_counter(), collections.Counter()
    for group in args.groups or bad_calls.GROUPS:
        counts: collections.Counter = collections.Counter()
        for case in bad_calls.GROUPS[group]():
            kind, text = bad_calls.judged(case)
            counts[kind] += 1
            if kind in args.show:
                print(f"{kind:9s}{case} | {text[:200]}", flush=True)
        print(
            f"# {group}: {sum(counts.values())} " + str({k: counts[k] for k in KINDS}), flush=True
        )
        total += counts
    print(f"# all: {sum(total.values())} " + str({k: total[k] for k in KINDS}))
    print(f"# {time.perf_counter() - start:.0f} s", machine.about("keras", "tensorflow-cpu", "jax"))


if __name__ == "__main__":
    main()
