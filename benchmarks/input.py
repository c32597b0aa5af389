"""Images per second of the input pipelines against the rate at which their network trains.

Made-up photographs as JPEG files in memory (smooth colors with grain; sizes as of the data sets;
the table has their mean size in kB), the pipelines of `keras_haframe.data` as the recipes use them:

- cifar100: PNG, 32 px; the network is WideResNet-28-8, type II;
- fgvc_aircraft: 1000 x 680, resized, padded, cropped to 224 px; ResNet-50, type II, as below;
- inaturalist2019: 800 x 600, random crop to 224 px;
- tiered_imagenet_h: 500 x 375, random crop to 224 px;
- arrays: `ArrayBatches` with crop and flip, 32 px, the way of recipes/cifar100.py;
- randaugment: 224 px images in a `tf.data` map, `keras_cv.layers.RandAugment` (where keras-cv is
  installed) and `keras.layers.RandAugment`, two operations each.

A turn of a pipeline is one epoch from its start to its last batch, of a network one step on a
fixed batch with HAFrame's loss. They take turns in one process, never at the same time: `ratio` is
the median over rounds of a pipeline's rate over that of its network in the same round. On a CPU,
where both share the cores, 1 / ratio is roughly what the pipeline adds to the time of training;
with a GPU the pipeline's rate itself must be above that of the GPU. The rates are those of the
machine at its load; the ratios depend less on it.

    python benchmarks/input.py           # some minutes; writes benchmarks/results/input.csv
    python benchmarks/input.py --quick   # one round, small networks; writes nothing
"""

from __future__ import annotations

import argparse
import functools
import os
import pathlib
from statistics import median

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import machine
import numpy as np
import tensorflow as tf

import keras_haframe as kh
from keras_haframe.data import (
    ArrayBatches,
    Augmentation,
    cifar100,
    fgvc_aircraft,
    inaturalist2019,
    tiered_imagenet_h,
)
from keras_haframe.data.batches import training_batches
from keras_haframe.training import papers_sgd

try:
    import keras_cv
except ModuleNotFoundError:
    keras_cv = None

RESULTS = pathlib.Path(__file__).parent / "results" / "input.csv"
SIZES = {  # width, height of the made-up images
    "cifar100": (32, 32), "fgvc_aircraft": (1000, 680), "inaturalist2019": (800, 600),
    "tiered_imagenet_h": (500, 375),
}  # fmt: skip
PREPROCESSING = {
    "cifar100": cifar100.PREPROCESSING,
    "fgvc_aircraft": fgvc_aircraft.PREPROCESSING,
    "inaturalist2019": inaturalist2019.PREPROCESSING,
    "tiered_imagenet_h": tiered_imagenet_h.PREPROCESSING,
}
BATCH, DIFFERENT = 16, 16  # images of a batch; different images of a set
CLASSES = 100


def photograph(seed: int, width: int, height: int, kind: str) -> bytes:
    """An encoded picture with large shapes and grain."""
    rng = np.random.default_rng(seed)
    coarse = rng.uniform(0, 255, (1, 8, 8, 3))
    fine = rng.uniform(-25, 25, (1, height // 4, width // 4, 3))
    image = sum(tf.image.resize(v, (height, width), "bicubic") for v in (coarse, fine))[0]
    image += rng.normal(0, 4, image.shape)
    image = tf.cast(tf.clip_by_value(image, 0, 255), tf.uint8)
    if kind == "png":
        return tf.io.encode_png(image).numpy()
    return tf.io.encode_jpeg(image, quality=90).numpy()


def encoded_set(name: str, count: int) -> tuple[tf.data.Dataset, float]:
    """Encoded images and labels, and the mean size of a file in kB."""
    kind = "png" if name == "cifar100" else "jpeg"
    files = [photograph(i, *SIZES[name], kind) for i in range(DIFFERENT)]
    data = tf.data.Dataset.from_tensor_slices((files, np.arange(DIFFERENT) % CLASSES))
    return data.repeat(count // DIFFERENT), float(np.mean([len(f) for f in files])) / 1000


def epoch_of(batches) -> int:
    """Read one epoch; the number of images."""
    if isinstance(batches, ArrayBatches):
        count = sum(len(batches[i][0]) for i in range(len(batches)))
        batches.on_epoch_end()
        return count
    return sum(len(images) for images, *_ in batches)


def augmented(layer, count: int) -> tf.data.Dataset:
    """Decoded images of 224 px through a layer, in parallel."""
    images = np.random.default_rng(0).integers(0, 256, (DIFFERENT, 224, 224, 3)).astype("float32")
    data = tf.data.Dataset.from_tensor_slices(images).repeat(count // DIFFERENT)
    data = data.map(lambda image: layer(image[None])[0], num_parallel_calls=os.cpu_count())
    options = tf.data.Options()
    options.autotune.enabled = False
    return data.map(lambda image: (image, 0)).batch(BATCH).prefetch(2).with_options(options)


def pipelines(quick: bool) -> dict[str, tuple]:
    """Name to batches of one epoch, kB of a file, and the network that reads them."""
    few, many = (64, 1024) if quick else (192, 8192)
    made = {}
    for name in SIZES:
        count = many if name == "cifar100" else few
        data, size = encoded_set(name, count)
        network = "wrn" if name == "cifar100" else "resnet50"
        batches = training_batches(data, PREPROCESSING[name], BATCH, epochs=1)
        made[name] = (batches, f"{size:.1f}", network)
    images = np.random.default_rng(0).standard_normal((many, 32, 32, 3)).astype("float32")
    labels = np.arange(many) % CLASSES
    arrays = ArrayBatches(
        images, labels, BATCH, 0, Augmentation("pad_and_crop", pad_mode="reflect")
    )
    made["arrays"] = (arrays, "", "wrn")
    layers = {"keras": keras.layers.RandAugment(num_ops=2)}
    if keras_cv is not None:
        layers["keras_cv"] = keras_cv.layers.RandAugment((0, 255), augmentations_per_image=2)
    for library, layer in layers.items():
        made[f"randaugment, {library}"] = (augmented(layer, few), "", "resnet50")
    return made


def networks(quick: bool) -> dict[str, tuple]:
    """Name to a training step and its images."""
    groups = {f"group {g}": [f"class {10 * g + i}" for i in range(10)] for g in range(10)}
    tree, rng, made = kh.ClassTree.from_nested(groups), np.random.default_rng(0), {}
    for name, side in (("wrn", 32), ("resnet50", 224)):
        if name == "wrn":
            depth, width = (10, 1) if quick else (28, 8)
            backbone = kh.models.wide_resnet(depth=depth, width=width)
        else:
            backbone = kh.models.resnet50(blocks=(1, 1, 1, 1) if quick else (3, 4, 6, 3))
        model = kh.build(backbone, tree, "haframe", network="II")
        model.compile(papers_sgd(model))
        images = tf.constant(rng.standard_normal((BATCH, side, side, 3)), tf.float32)
        labels = tf.constant(rng.integers(0, CLASSES, BATCH))
        made[name] = (lambda m=model, x=images, y=labels: m.train_on_batch(x, y), BATCH)
    return made


def measure(rounds: int, quick: bool) -> list[dict]:
    """Rows of the table."""
    inputs, trained = pipelines(quick), networks(quick)
    calls = {name: functools.partial(epoch_of, b) for name, (b, *_) in inputs.items()}
    counts = {name: call() for name, call in calls.items()}  # traced and in memory, too
    calls |= {name: step for name, (step, _) in trained.items()}
    counts |= {name: count for name, (_, count) in trained.items()}
    before = os.getloadavg()[0]
    times = {name: t.wall for name, t in machine.interleave(calls, rounds).items()}
    load = f"{before:.1f}-{os.getloadavg()[0]:.1f}"
    rows = []
    for name in calls:
        _, size, network = inputs.get(name, (None, "", name))
        own = counts[name] / median(times[name])
        ratio = counts[name] / counts[network] * machine.ratio(times[network], times[name])
        width, height = SIZES.get(name, ("", ""))
        rows.append({
            "row": name, "width": width, "height": height, "file_kb": size,
            "images_per_s": round(own, 2), "network": network, "ratio": round(ratio, 2),
            "rounds": rounds, "load": load,
        })  # fmt: skip
        print(
            f"{name:<24} {own:>10.1f} images/s {ratio:>9.1f} times {network}, load {load}",
            flush=True,
        )
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="one round; writes nothing")
    parser.add_argument("--rounds", type=int, default=5, help="turns of every row")
    args = parser.parse_args()
    rows = measure(1 if args.quick else args.rounds, args.quick)
    if args.quick:
        return
    about = machine.about("keras", "keras-cv") | {"tensorflow": tf.__version__, "batch": BATCH}
    machine.write(RESULTS, [row | about for row in rows])


if __name__ == "__main__":
    main()
