"""Throughput and latency of the served signatures against the bare backbone and `model.predict`.

HAFrame on a tree of 100 classes and height 3, on two untrained backbones: ResNet-50 at 224 px, the
network of the paper, and MobileNet at 160 px, so small that every other operation shows. Cases:

- backbone: a SavedModel of the backbone alone, images to pooled features.
- classifier: the same with neck, frame classifier and softmax, images to class probabilities.
- serving_default, hierarchical, decide: the signatures of `keras_haframe.export` on float images.
- hierarchical_bytes: the same from JPEG strings of the same size.
- onnxruntime: `decide` as the ONNX file of `saving.export_file` answers it, in ONNX Runtime.
- openvino: the same without the outputs that are text, in OpenVINO, in float32.
- model.predict: Keras.

The SavedModels run in sessions as TF Serving has them (the v1 loader, the same options for all, all
outputs fetched). Every round calls every case once, in random order, so that whatever else the
machine does falls on all alike. Overhead is the median over the rounds of a case's time divided by
the backbone's in the same round, less one, with a 95 % bootstrap interval of that median.

    python benchmarks/serving.py            # some minutes; writes benchmarks/results/serving.csv
    python benchmarks/serving.py --quick    # few rounds; writes nothing
    python benchmarks/serving.py --cases backbone decide onnxruntime openvino \
        --output benchmarks/results/serving_onnx.csv    # about four minutes
"""

from __future__ import annotations

import argparse
import functools
import itertools
import os
import pathlib
import tempfile

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")

import keras
import machine
import numpy as np
import tensorflow as tf

import keras_haframe as kh

RESULTS = pathlib.Path(__file__).parent / "results" / "serving.csv"
# Backbone, side of the images, and rounds by batch.
NETWORKS = {
    "resnet50": (keras.applications.ResNet50, 224, {1: 100, 32: 6}),
    "mobilenet": (keras.applications.MobileNet, 160, {1: 400, 32: 30}),
}
PLAIN = ("backbone", "classifier")
SIGNATURES = ("serving_default", "hierarchical", "decide", "hierarchical_bytes")
FILES = ("onnxruntime", "openvino")
CASES = (*PLAIN, *SIGNATURES, *FILES, "model.predict")


def make_tree() -> kh.ClassTree:
    """100 classes in 50 families of 10 makers."""
    paths = [("root", f"maker{k // 10}", f"family{k // 2}", f"class{k}") for k in range(100)]
    edges = [edge for path in paths for edge in itertools.pairwise(path)]
    return kh.ClassTree(edges, [path[-1] for path in paths])


def save_plain(function, variables, pixels: int, folder: pathlib.Path) -> pathlib.Path:
    """A SavedModel of one function of images, written in the way `export` writes."""
    spec = tf.TensorSpec((None, pixels, pixels, 3), tf.float32, name="images")
    serve = tf.function(lambda images: {"outputs": function(images)}, input_signature=[spec])
    module = tf.Module()
    module.model_variables = [v.value for v in variables]
    tf.saved_model.save(module, str(folder), signatures={"serving_default": serve})
    return folder


def session_call(path: pathlib.Path, signature: str, threads: int):
    """A function of the signature's inputs by name, run by a session of its own."""
    graph = tf.Graph()
    options = tf.compat.v1.ConfigProto(
        intra_op_parallelism_threads=threads, inter_op_parallelism_threads=threads
    )
    with graph.as_default():
        session = tf.compat.v1.Session(config=options)
        loaded = tf.compat.v1.saved_model.load(session, ["serve"], str(path))
    definition = loaded.signature_def[signature]
    names = sorted(definition.inputs)
    run = session.make_callable(
        [graph.get_tensor_by_name(o.name) for o in definition.outputs.values()],
        [graph.get_tensor_by_name(definition.inputs[n].name) for n in names],
    )
    return lambda inputs: run(*(inputs[n] for n in names))


def onnx_call(path: pathlib.Path, threads: int):
    """A function of the inputs by name, run by ONNX Runtime; all outputs are fetched."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = threads
    session = onnxruntime.InferenceSession(path, options)
    names = [i.name for i in session.get_inputs()]
    return lambda inputs: session.run(None, {n: inputs[n] for n in names})


def openvino_call(path: pathlib.Path, threads: int):
    """The same, run by OpenVINO."""
    import openvino

    options = {
        "INFERENCE_NUM_THREADS": threads,
        "INFERENCE_PRECISION_HINT": "f32",
        "PERFORMANCE_HINT": "LATENCY",
    }
    model = openvino.Core().compile_model(path, "CPU", options)
    names = [i.any_name for i in model.inputs]
    return lambda inputs: model({n: inputs[n] for n in names})


def prepare(network: str, folder: pathlib.Path, threads: int, cases: list[str]) -> dict:
    """The cases as functions of a dictionary of inputs."""
    keras.utils.set_random_seed(0)
    make, pixels, _ = NETWORKS[network]
    backbone = make(input_shape=(pixels, pixels, 3), include_top=False, weights=None)
    model = kh.build(backbone, make_tree(), network="II")
    pool = keras.layers.GlobalAveragePooling2D()
    plain = {
        "backbone": lambda images: pool(backbone(images, training=False)),
        "classifier": lambda images: tf.nn.softmax(
            model.method.scores(model(images, training=False))
        ),
    }
    calls = {}
    for name in set(PLAIN) & set(cases):
        path = save_plain(plain[name], model.variables, pixels, folder / name)
        calls[name] = session_call(path, "serving_default", threads)
    if signatures := set(SIGNATURES) & set(cases):
        exported = kh.export(model, folder / "model")
        calls |= {name: session_call(exported, name, threads) for name in signatures}
    for name, call in (("onnxruntime", onnx_call), ("openvino", openvino_call)):
        if name in cases:
            path = kh.saving.export_file(model, folder / name, text=name == "onnxruntime")
            calls[name] = call(path, threads)
    if "model.predict" in cases:
        calls["model.predict"] = lambda inputs: model.predict(
            inputs["images"], batch_size=len(inputs["images"]), verbose=0
        )
    return {name: calls[name] for name in cases}


def make_inputs(batch: int, pixels: int) -> dict:
    """Images as floats and as JPEG, thresholds, and a list of all classes."""
    rng = np.random.default_rng(0)
    coarse = rng.uniform(0, 255, (batch, 10, 10, 3)).astype(np.float32)
    images = tf.cast(tf.image.resize(coarse, (pixels, pixels)), tf.uint8)
    encoded = np.empty(batch, object)
    encoded[:] = [tf.io.encode_jpeg(image, quality=90).numpy() for image in images]
    return {
        "images": images.numpy().astype(np.float32),
        "image_bytes": encoded,
        "threshold": np.full(batch, 0.5, np.float32),
        "floor": np.full(batch, 0.5, np.float32),
        "allowed": np.ones((batch, 100), bool),
    }


def measure(calls: dict, inputs: dict, rounds: int) -> dict[str, np.ndarray]:
    """Seconds of every call, `[rounds]` per case, all cases once per round in random order."""
    bound = {name: functools.partial(call, inputs) for name, call in calls.items()}
    times = machine.interleave(bound, rounds, warm=3, seed=0)
    return {name: np.array(t.wall) for name, t in times.items()}


def overhead(times: np.ndarray, base: np.ndarray, seed: int = 0) -> tuple[float, float, float]:
    """Median paired overhead in percent and its 95 % bootstrap interval."""
    ratios = 100 * (times / base - 1)
    rng = np.random.default_rng(seed)
    resampled = ratios[rng.integers(0, len(ratios), (2000, len(ratios)))]
    low, high = np.percentile(np.median(resampled, axis=1), [2.5, 97.5])
    return float(np.median(ratios)), float(low), float(high)


def main(
    quick: bool, threads: int, output: pathlib.Path | None, networks: list[str], cases: list[str]
) -> None:
    about = machine.about("keras", *set(FILES) & set(cases))
    about |= {"tensorflow": tf.__version__, "threads": threads}
    print(", ".join(f"{k} {v}" for k, v in about.items()))
    tf.config.threading.set_intra_op_parallelism_threads(threads)  # for model.predict
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    rows = []
    for network in networks:
        _, pixels, all_rounds = NETWORKS[network]
        with tempfile.TemporaryDirectory() as folder:
            calls = prepare(network, pathlib.Path(folder), threads, cases)
        for batch, rounds in all_rounds.items():
            load = os.getloadavg()[0]
            times = measure(calls, make_inputs(batch, pixels), 5 if quick else rounds)
            for name in cases:
                t = times[name]
                percent, low, high = overhead(t, times["backbone"])
                rows.append(
                    {
                        "network": network, "batch": batch, "case": name, "calls": len(t),
                        "p50_ms": f"{1e3 * np.percentile(t, 50):.3f}",
                        "p99_ms": f"{1e3 * np.percentile(t, 99):.3f}",
                        "images_per_s": f"{batch * len(t) / t.sum():.1f}",
                        "overhead_percent": f"{percent:.2f}", "low": f"{low:.2f}",
                        "high": f"{high:.2f}", "load": f"{load:.1f}",
                    }
                )  # fmt: skip
                print("  ".join(f"{k} {v}" for k, v in rows[-1].items()), flush=True)
    if output:
        machine.write(output, [row | about for row in rows])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="five rounds; writes no file")
    parser.add_argument("--networks", nargs="+", default=list(NETWORKS), choices=NETWORKS)
    parser.add_argument("--cases", nargs="+", default=list(CASES), choices=CASES)
    parser.add_argument("--threads", type=int, default=1, help="threads of the sessions")
    parser.add_argument("--output", type=pathlib.Path, help=f"CSV file (default {RESULTS})")
    options = parser.parse_args()
    output = options.output or (None if options.quick else RESULTS)
    cases = list(dict.fromkeys(["backbone", *options.cases]))
    main(options.quick, options.threads, output, options.networks, cases)
