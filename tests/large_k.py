"""Everything that is done with a model, at any number of classes, and the memory that it took.

`python -m tests.large_k CLASSES FOLDER LIMIT` prints the peak in MB above the imports, by step, and
the bytes of the files; it ends with status 1 where the peak is above LIMIT MB.
"""

import json
import pathlib
import resource
import sys
import zipfile

import keras
import numpy as np

import keras_haframe as kh
from tests.trees import deep

FLOOR = 0.3


def peak() -> float:
    """Largest resident memory of this process so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def build(tree: kh.ClassTree) -> keras.Model:
    """HAFrame as it comes, behind one linear layer."""
    inputs = keras.Input((8,))
    backbone = keras.Model(inputs, keras.layers.Dense(16, activation="relu")(inputs))
    return kh.build(backbone, tree)


def run(classes: int, folder: pathlib.Path) -> dict:
    """Build, fit two steps, evaluate, predict, decide, save, load and export.

    Returns:
        `peak` in MB by step, `bytes` a node by file, and `found`: what was answered.
    """
    import tensorflow as tf

    steps: dict[str, float] = {}
    rng = np.random.default_rng(0)
    images = rng.normal(size=(64, 8)).astype("float32")
    labels = rng.integers(0, classes, 64)
    tree = deep(classes)
    model = build(tree)
    steps["build"] = peak()
    model.fit(images, labels, batch_size=32, verbose=0)
    steps["fit"] = peak()
    logs = model.evaluate(images, labels, batch_size=64, verbose=0, return_dict=True)
    steps["evaluate"] = peak()
    p = model.predict_proba(images, verbose=0)
    report = kh.evaluate(labels, p, tree)
    found = {
        "CRM": kh.decisions.conditional_risk(p, tree),
        "roll-up": kh.decisions.roll_up(p, tree),
        "floor": kh.decisions.confidence_floor(p, tree, FLOOR),
        "HiE": kh.decisions.hierarchical_ensemble(p, tree),
    }
    found = {name: keras.ops.convert_to_numpy(value) for name, value in found.items()}
    decided = kh.decide(p, tree, floor=FLOOR)
    sets = kh.decisions.conformal_sets(p, tree, kh.decisions.calibrate_sets(labels, p, tree, 0.1))
    steps["decide"] = peak()
    model.save(folder / "model.keras")
    loaded = keras.models.load_model(folder / "model.keras")
    steps["load"] = peak()
    exported = kh.export(model, folder / "served")
    served = tf.saved_model.load(str(exported)).signatures["decide"](
        images=tf.constant(images),
        floor=tf.fill([64], FLOOR),
        allowed=tf.ones([1, classes], tf.bool),
    )
    steps["serve"] = peak()
    with zipfile.ZipFile(folder / "model.keras") as archive:
        config = archive.getinfo("config.json").file_size
    parts = {".keras": config, "tree.json": (exported / "assets" / "tree.json").stat().st_size}
    parts["graph"] = (exported / "saved_model.pb").stat().st_size
    return {
        "peak": steps,
        "bytes": {name: size / tree.num_nodes for name, size in parts.items()},
        "found": {
            "tree": tree, "logs": logs, "p": p, "report": report, "decided": decided,
            "sets": sets, "again": loaded.predict_proba(images, verbose=0), "assets": exported,
            "served": {name: value.numpy() for name, value in served.items()}, "labels": labels,
            **found,
        },
    }  # fmt: skip


if __name__ == "__main__":
    before = peak()
    result = run(int(sys.argv[1]), pathlib.Path(sys.argv[2]))
    taken = {step: round(value - before) for step, value in result["peak"].items()}
    print(json.dumps({"MB": taken, "bytes": result["bytes"]}))
    sys.exit(int(max(taken.values()) > float(sys.argv[3])))
