"""Load test of an exported model behind NVIDIA's Triton: is a request lost, or a row spoiled?

Several clients send requests of one to eight images, most of them good, some with damaged images
among the good ones, some wrong as a whole (shape, type, a missing input, an unknown signature, too
many rows). Every answer is compared with Keras's, row by row. Outcomes:

- answered: every row is right; damaged images are flagged, the others of the batch are answered.
- refused: a wrong request, refused at once and for its own fault.
- wrong, lost: anything else; both must be 0.

    python benchmarks/load.py --triton ~/triton/bin/python    # see triton_server.py
    python benchmarks/load.py --triton ~/triton/bin/python --requests 500 --quick
"""

from __future__ import annotations

import argparse
import collections
import json
import os
import pathlib
import tempfile
import threading
import time
import urllib.request

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

import keras
import machine
import numpy as np
import tensorflow as tf
import triton_server

import keras_haframe as kh
from keras_haframe.models import small_cnn
from keras_haframe.saving import write_triton_repository
from keras_haframe.serving import KServeClient, ServingError

RESULTS = pathlib.Path(__file__).parent / "results" / "load.csv"
SIDE, PICTURES, LARGEST = 32, 64, 8
# What a request is like: its share, and what the refusal must name.
KINDS = {
    "good": (0.55, None),
    "damaged images": (0.25, None),
    "wrong shape": (0.04, "unexpected shape for input 'images'"),
    "wrong type": (0.04, "data-type is 'BOOL'"),
    "missing input": (0.04, "hierarchical_bytes takes"),
    "unknown signature": (0.04, "No signature 'nothing'"),
    "too many rows": (0.04, "batch-size must be <= 32"),
}
DAMAGED = (b"", b"no image", b"\xff\xd8\xff broken")


class Model:
    """An untrained network of 12 classes, its pictures encoded, and what Keras says of them."""

    def __init__(self, folder: pathlib.Path):
        keras.utils.set_random_seed(0)
        groups = {f"group{g}": [f"class{g}{k}" for k in range(3)] for g in range(4)}
        self.tree = kh.ClassTree.from_nested(groups, root="root")
        self.network = model = kh.build(
            small_cnn((SIDE, SIDE, 3), (8, 16)), self.tree, network="II"
        )
        rng = np.random.default_rng(0)
        coarse = rng.uniform(0, 255, (PICTURES, 4, 4, 3)).astype(np.float32)
        pictures = tf.cast(tf.image.resize(coarse, (SIDE, SIDE)), tf.uint8)
        self.encoded = [tf.io.encode_png(p).numpy() for p in pictures]
        self.images = pictures.numpy().astype(np.float32)
        scores = model.predict(self.images, verbose=0)
        self.probabilities = keras.ops.convert_to_numpy(keras.ops.softmax(scores))
        saved = kh.export(model, folder / "serving" / "tiny")
        write_triton_repository(saved, folder / "triton", "tiny")
        self.repository = folder / "triton"

    def right(self, found: dict, rows: np.ndarray, bad: np.ndarray) -> bool:
        """Whether every row of an answer is."""
        p = self.probabilities[rows]
        paths = [self.tree.path(k) for k in p.argmax(1)]
        paths = [[""] * len(path) if b else path for path, b in zip(paths, bad)]
        return bool(
            found["ok"].tolist() == (~bad).tolist()
            and np.allclose(found["score"][~bad], p.max(1)[~bad], atol=1e-5)
            and np.isnan(found["score"][bad]).all()
            and found["class_name"].tolist() == [path[-1] for path in paths]
            and found["path"].tolist() == paths
            and all(bool(text) == b for text, b in zip(found["error"], bad))
        )


def one(client: KServeClient, model: Model, rng: np.random.Generator, kind: str) -> str:
    """Send a request and judge its answer."""
    rows = rng.integers(0, PICTURES, rng.integers(1, LARGEST + 1))
    bad = rng.random(len(rows)) < 0.4 if kind == "damaged images" else np.zeros(len(rows), bool)
    if kind == "too many rows":
        rows = np.arange(40)
    data = [DAMAGED[r % 3] if b else model.encoded[r] for r, b in zip(rows, bad)]
    data = [model.encoded[r] for r in rows] if kind == "too many rows" else data
    inputs = {"image_bytes": data, "threshold": np.full(len(rows), 0.5, np.float32)}
    signature = "nothing" if kind == "unknown signature" else "hierarchical_bytes"
    if kind == "wrong shape":
        inputs, signature = {"images": np.zeros((2, SIDE, SIDE + 1, 3))}, "serving_default"
    elif kind == "wrong type":
        inputs, signature = {"images": np.zeros((2, SIDE, SIDE, 3), bool)}, "serving_default"
    elif kind == "missing input":
        del inputs["threshold"]
    reason = KINDS[kind][1]
    try:
        found = client.predict(inputs, signature)
    except ServingError as error:
        if reason and reason in str(error) and error.attempts == 1 and not error.transient:
            return "refused"
        print(f"{kind}: {error}", flush=True)
        return "lost" if error.transient else "wrong"
    return "answered" if reason is None and model.right(found, rows, bad) else "wrong"


def run(url: str, model: Model, requests: int, threads: int) -> tuple[dict, list[float]]:
    """Send all requests; return outcomes by `(kind, outcome)` and the seconds of each."""
    counts: collections.Counter = collections.Counter()
    seconds, lock, kinds = [], threading.Lock(), list(KINDS)
    shares = [share for share, _ in KINDS.values()]

    def work(number: int) -> None:
        rng = np.random.default_rng(number)
        with KServeClient(url, "tiny", timeout=60) as client:
            for _ in range(number, requests, threads):
                kind = kinds[rng.choice(len(kinds), p=shares)]
                start = time.perf_counter()
                try:
                    outcome = one(client, model, rng, kind)
                except Exception as error:  # an answer that breaks the client is lost, too
                    print(f"{kind}: {error!r}", flush=True)
                    outcome = "lost"
                with lock:
                    counts[kind, "sent"] += 1
                    counts[kind, outcome] += 1
                    seconds.append(time.perf_counter() - start)

    workers = [threading.Thread(target=work, args=(n,)) for n in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return dict(counts), seconds


def main(requests: int, threads: int, python: str | None, output: pathlib.Path | None) -> None:
    with tempfile.TemporaryDirectory() as folder:
        model = Model(pathlib.Path(folder))
        with triton_server.Triton(model.repository, python) as server:
            start = time.perf_counter()
            counts, seconds = run(server.url, model, requests, threads)
            took = time.perf_counter() - start
            with urllib.request.urlopen(f"{server.url}/v2/models/tiny/stats") as answer:
                stats = json.load(answer)["model_stats"][0]
            with urllib.request.urlopen(f"{server.url}/v2") as answer:
                version = json.load(answer)["version"]
    joined = stats["inference_count"] / max(stats["execution_count"], 1)
    about = machine.about("keras") | {"tensorflow": tf.__version__, "triton": version}
    rows = []
    for kind in [*KINDS, "all"]:
        row: dict = {"kind": kind}
        for outcome in ("sent", "answered", "refused", "wrong", "lost"):
            row[outcome] = sum(
                n for (k, o), n in counts.items() if o == outcome and kind in (k, "all")
            )
        rows.append(row)
        print("  ".join(f"{k} {v}" for k, v in row.items()))
    rows[-1] |= {
        "threads": threads, "requests_per_s": f"{requests / took:.0f}",
        "p50_ms": f"{1e3 * np.percentile(seconds, 50):.1f}",
        "p99_ms": f"{1e3 * np.percentile(seconds, 99):.1f}", "rows_per_execution": f"{joined:.1f}",
    }  # fmt: skip
    print(rows[-1])
    rows[:] = [dict.fromkeys(rows[-1], "") | row | about for row in rows]
    if output:
        machine.write(output, rows)
    if rows[-1]["wrong"] or rows[-1]["lost"] or rows[-1]["sent"] != requests:
        raise SystemExit("Requests were lost or answered wrongly.")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--triton", help="Python of the environment with nvidia-pytriton")
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--threads", type=int, default=8)
    parser.add_argument("--quick", action="store_true", help="writes no file")
    parser.add_argument("--output", type=pathlib.Path, help=f"CSV file (default {RESULTS})")
    options = parser.parse_args()
    output = options.output or (None if options.quick else RESULTS)
    main(options.requests, options.threads, options.triton, output)
