"""CIFAR-100 with the five-level tree (Liang and Davis, HAFrame, ICCV 2023, CIFAR-100 table).

    python recipes/cifar100.py --method haframe --seeds 5          # the paper's run, on a GPU
    python recipes/cifar100.py --method cross_entropy --network I
    python recipes/cifar100.py --smoke                             # seconds, on drawn noise

WideResNet-28-8 from scratch, 45,000 training images, the last 50 training images of every class for
validation, 100 epochs of SGD, batch 64, the epoch of the best validation top-1, all 10,000 test
images. Data come from TFDS, or on a machine without TensorFlow (KERAS_BACKEND=jax) from `--arrays`,
an .npz file with train_images, train_labels, test_images, test_labels (the data set's order).

The same command again goes on after the last finished epoch; `--max-minutes` stops at an epoch's
end.

Paper (mean of 5 seeds and half-width of its 95 % interval):
                             top-1         severity      HierDist@1     @5            @20
    type I  cross-entropy    77.65 0.26    2.34 0.027    0.52 0.010    2.25 0.008    3.19 0.005
            CRM on it        77.63 0.28    2.30 0.026    0.51 0.010    1.11 0.008    2.18 0.003
            Flamingo         77.91 0.57    2.31 0.018    0.51 0.014    2.07 0.020    3.08 0.009
            HAFeature        77.49 0.34    2.24 0.016    0.51 0.008    1.43 0.011    2.64 0.011
    type II cross-entropy    76.45 0.22    2.43 0.024    0.57 0.011    2.35 0.005    3.30 0.003
            CRM on it        76.48 0.25    2.38 0.017    0.56 0.010    1.15 0.008    2.20 0.003
            Flamingo         75.19 0.32    2.31 0.027    0.57 0.004    2.42 0.016    3.29 0.011
            HAFeature        76.44 0.16    2.26 0.029    0.53 0.006    1.71 0.013    2.84 0.014
            HAFrame          77.71 0.23    2.21 0.011    0.49 0.007    1.11 0.002    2.18 0.001
A full run costs 9e16 floating-point operations (benchmarks/gpu_cifar100.py): five days on two CPU
cores (10 images/s, benchmarks/input.py). Not measured by us: there was no GPU.

Reduced for two CPU cores, `--depth 10 --width 2 --epochs 12`, 17 minutes a seed (seeds 0 and 1):
    cross-entropy, type II   53.4, 52.3   2.61, 2.62   1.22, 1.25   2.21, 2.22   3.02, 3.04
    HAFrame                  45.8, 44.6   2.48, 2.52   1.35, 1.40   1.88, 1.90   2.56, 2.56
HAFrame starts more slowly; after 12 epochs neither has finished (docs/results.md).
"""

import dataclasses
import functools
from collections.abc import Sequence

import keras
import numpy as np
import simple_parsing

import keras_haframe as kh
from keras_haframe.data import ArrayBatches, cifar100
from keras_haframe.data.on_device import ImageTable, random_draws, still
from keras_haframe.training import (
    Experiment,
    RunSettings,
    epoch_cosine,
    flag,
    papers_sgd,
    parse,
    place,
    run_seeds,
)

PREPROCESSING = cifar100.PREPROCESSING
OPTIONS = {
    "haframe": {"gamma": 2.0, "alpha": 0.4},
    "haframe_dr": {"gamma": 2.0},
    "hier_cos": {"alpha": 0.05},
}


@dataclasses.dataclass
class Settings(RunSettings):
    """Settings of the run."""

    method: str = simple_parsing.choice(*kh.methods.names(), default="haframe")  # training method
    network: str = simple_parsing.choice("I", "II", default="II")  # network type
    depth: int = 28  # depth of the WideResNet
    width: int = 8  # widening factor
    per_class: int = 450  # training images per class
    all_offsets: bool = flag()  # crop at all nine offsets; the papers' code leaves one out
    data_dir: str | None = place(None)  # TFDS folder
    arrays: str | None = place(None)  # .npz file with the images, instead of TFDS
    on_device: bool = flag(place=True)  # keep the images in the accelerator's memory; faster there
    output: str = place("runs/cifar100")  # folder where runs are kept


def load(settings: Settings) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """uint8 images `[n, 32, 32, 3]` and labels `[n]` of train, validation and test."""
    if settings.smoke:
        rng = np.random.default_rng(0)
        sizes = {"train": 200, "validation": 100, "test": 100}
        return {
            k: (rng.integers(0, 256, (n, 32, 32, 3), "uint8"), np.arange(n) % 100)
            for k, n in sizes.items()
        }
    return {
        split: cifar100.load_arrays(split, settings.data_dir, settings.arrays)
        for split in ("train", "validation", "test")
    }


def prepare(settings: Settings, data: dict):
    """Inputs and labels by split, the change of a training batch, and the images' table if any."""
    images, labels = data["train"]
    order = np.argsort(labels, kind="stable").reshape(100, -1)
    few = np.sort(order[:, : settings.per_class].ravel())
    data = {**data, "train": (images[few], labels[few])}
    how = dataclasses.replace(PREPROCESSING.augmentation, last_offset=settings.all_offsets)
    preprocessing = dataclasses.replace(PREPROCESSING, augmentation=how)
    if not settings.on_device:
        still_images = {s: (preprocessing(data[s][0]), data[s][1]) for s in ("validation", "test")}
        return {**data, **still_images}, preprocessing.train_batch, lambda: None
    every = np.concatenate([images for images, _ in data.values()])
    arrays, first = {}, 0
    for name, (images, labels) in data.items():
        arrays[name] = still(np.arange(first, first + len(images)), how.padding), labels
        first += len(images)
    change = functools.partial(random_draws, augmentation=how)
    return arrays, change, lambda: ImageTable(every.shape, preprocessing, name="images").fill(every)


def main(argv: Sequence[str] | None = None) -> None:
    """Run every seed, print the row of the table."""
    settings = parse(Settings, __doc__, argv)
    if settings.smoke:
        settings = dataclasses.replace(settings, depth=10, width=1, epochs=min(settings.epochs, 2))
    settings.start()
    tree = cifar100.class_tree()
    data, change, make_table = prepare(settings, load(settings))
    network = {"network": settings.network}
    if settings.network == "I":
        network["hidden_units"] = None
    else:
        network |= {"input_momentum": 0.999, "reduce_init": "normal"}

    def make_model(method: str, options: dict, synchronized: bool) -> keras.Model:
        backbone = kh.models.wide_resnet(
            depth=settings.depth, width=settings.width, synchronized=synchronized
        )
        if settings.on_device:
            draws = keras.Input((4,), dtype="int32", name="draws")
            backbone = keras.Model(draws, backbone(make_table()(draws)), name="on_device")
        model = kh.build(backbone, tree, method, synchronized=synchronized, **network, **options)
        model.compile(papers_sgd(model, settings.learning_rate, transformation=0.1))
        return model

    experiment = Experiment(
        tree, make_model,
        lambda seed: ArrayBatches(
            *data["train"], settings.batch_size, seed, change
        ).from_epoch,
        data["test"], settings.epochs, data["validation"], settings.batch_size,
        callbacks=lambda: [epoch_cosine(settings.learning_rate, settings.epochs)],
        settings=settings.defining(),
    )  # fmt: skip
    row = settings.method, OPTIONS.get(settings.method, {})
    run_seeds(settings, experiment, row, f"{settings.method}_{settings.network}")


if __name__ == "__main__":
    main()
