"""CIFAR-100 with the five-level tree (Liang and Davis, HAFrame, ICCV 2023, CIFAR-100 table).

    python recipes/cifar100.py --method haframe --seeds 5          # the paper's run, on a GPU
    python recipes/cifar100.py --method cross_entropy --type I
    python recipes/cifar100.py --smoke                             # seconds, on drawn noise

WideResNet-28-8 from scratch, 45,000 training images, the last 50 training images of every class for
validation, 100 epochs of SGD, batch 64, the epoch of the best validation top-1, all 10,000 test
images. Data come from TFDS, or on a machine without TensorFlow (KERAS_BACKEND=jax) from `--arrays`,
an .npz file with train_images, train_labels, test_images, test_labels (the data set's order).

The same command again goes on after the last finished epoch; `--max-minutes` stops at an epoch's
end. Reduced sizes for a CPU: `--depth 10 --width 2 --per-class 100 --epochs 10`.

Paper (mean of 5 seeds, half-widths in docs/results.md):
                              top-1   severity   HierDist@1    @5     @20
    cross-entropy, type I     77.65     2.34        0.52      2.25    3.19
    cross-entropy, type II    76.45     2.43        0.57      2.35    3.30
    CRM on it                 76.48     2.38        0.56      1.15    2.20
    HAFrame                   77.71     2.21        0.49      1.11    2.18
A full run costs about 9e16 floating-point operations. What we measured: docs/results.md.
"""

import dataclasses
import functools
import pathlib

import keras
import numpy as np

import keras_haframe as kh
from keras_haframe.data import cifar100
from keras_haframe.training import (
    ArrayBatches,
    decide,
    epoch_cosine,
    from_command_line,
    papers_sgd,
    random_crop_and_flip,
    run,
    table,
)
from keras_haframe.training.distribution import all_devices

MEAN, STD = (0.5071, 0.4867, 0.4408), (0.2675, 0.2565, 0.2761)
OPTIONS = {
    "haframe": {"gamma": 2.0, "alpha": 0.4},
    "haframe_dr": {"gamma": 2.0},
    "hier_cos": {"alpha": 0.05},
}


def option(default, text: str, **more):
    return dataclasses.field(default=default, metadata={"help": text, **more})


@dataclasses.dataclass
class Settings:
    method: str = option("haframe", "training method", choices=kh.methods.names())
    type: str = option("II", "network type", choices=["I", "II"])
    seed: int = option(0, "first seed")
    seeds: int = option(1, "number of seeds")
    epochs: int = option(100, "epochs")
    batch: int = option(64, "training batch, over all devices")
    rate: float = option(0.1, "learning rate of learnable classifiers; the rest has a tenth")
    depth: int = option(28, "depth of the WideResNet")
    width: int = option(8, "widening factor")
    per_class: int = option(450, "training images per class")
    all_offsets: bool = option(False, "crop at all nine offsets; the papers' code leaves one out")
    mixed: bool = option(False, "mixed bfloat16 precision")
    data_dir: str | None = option(None, "TFDS folder")
    arrays: str | None = option(None, ".npz file with the images, instead of TFDS")
    output: str = option("runs/cifar100", "where runs are kept")
    max_minutes: float | None = option(None, "stop at an epoch's end before this many minutes")
    smoke: bool = option(False, "seconds on noise, to see that all runs")


def load(settings: Settings) -> dict[str, np.ndarray]:
    """uint8 images `[n, 32, 32, 3]` and labels `[n]` by name."""
    if settings.smoke:
        rng = np.random.default_rng(0)
        sizes = {"train": 60 * 100, "test": 200}
        data = {f"{k}_labels": np.arange(n) % 100 for k, n in sizes.items()}
        images = {k: rng.integers(0, 256, (n, 32, 32, 3), "uint8") for k, n in sizes.items()}
        return {**data, **{f"{k}_images": v for k, v in images.items()}}
    if settings.arrays:
        with np.load(settings.arrays) as file:
            return dict(file)
    import tensorflow_datasets as tfds

    data = {}
    for split in ("train", "test"):
        part = tfds.load("cifar100", split=split, data_dir=settings.data_dir, batch_size=-1)
        part = tfds.as_numpy(part)
        order = np.argsort([int(i.split(b"_")[-1]) for i in part["id"]], kind="stable")
        data[f"{split}_images"] = part["image"][order]
        data[f"{split}_labels"] = part["label"][order]
    return data


def normalize(images: np.ndarray) -> np.ndarray:
    return ((images / np.float32(255) - MEAN) / STD).astype("float32")


def split(labels: np.ndarray, per_class: int, validation: int = 50) -> tuple[np.ndarray, ...]:
    """Rows for training and validation: of every class the last `validation`, in data order."""
    order = np.argsort(labels, kind="stable").reshape(cifar100.class_tree().num_classes, -1)
    train = order[:, : min(per_class, order.shape[1] - validation)]
    return np.sort(train.ravel()), np.sort(order[:, -validation:].ravel())


def main(settings: Settings) -> None:
    if settings.smoke:
        settings = dataclasses.replace(
            settings, depth=10, width=1, per_class=10, epochs=min(settings.epochs, 2)
        )
    print(settings)
    if settings.mixed:
        keras.config.set_dtype_policy("mixed_bfloat16")
    tree = cifar100.class_tree()
    data = load(settings)
    train, validation = split(data["train_labels"], settings.per_class)
    images, labels = data["train_images"], data["train_labels"]
    test = normalize(data["test_images"]), data["test_labels"]
    crop = functools.partial(random_crop_and_flip, last=settings.all_offsets)
    network = {"network": settings.type, **OPTIONS.get(settings.method, {})}
    if settings.type == "I":
        network["hidden_units"] = None
    else:
        network |= {"input_momentum": 0.999, "reduce_init": "normal"}

    def make_model(seed: int) -> keras.Model:
        backbone = kh.models.wide_resnet(
            depth=settings.depth, width=settings.width, synchronized=count > 1
        )
        known = kh.methods.get(settings.method, tree).options()
        own = {"seed": seed} if "seed" in known else {}  # of the frame's rotation
        model = kh.build(backbone, tree, settings.method, synchronized=count > 1, **network, **own)
        model.compile(
            papers_sgd(model, settings.rate, transformation=0.1),
            loss=model.method.loss(),
            metrics=[kh.metrics.Top1Accuracy(tree), kh.metrics.MistakeSeverity(tree)],
            jit_compile=model.jit_compile,
        )
        return model

    facts = dataclasses.asdict(settings)
    for name in ("output", "seeds", "seed", "max_minutes", "data_dir", "arrays"):
        facts.pop(name)  # they do not change a run
    name = f"{settings.method}_{settings.type}"
    rows: dict[str, list[dict]] = {}
    with all_devices(settings.batch) as count:
        for seed in range(settings.seed, settings.seed + settings.seeds):
            folder = pathlib.Path(settings.output) / f"{name}_seed{seed}"
            batches = ArrayBatches(
                normalize(images[train]), labels[train], settings.batch, seed, crop
            )
            result = run(
                functools.partial(make_model, seed), batches,
                (normalize(images[validation]), labels[validation]), test,
                settings.epochs, folder, seed, facts,
                lambda: [epoch_cosine(settings.rate, settings.epochs)], settings.max_minutes,
            )  # fmt: skip
            if result is None:
                return
            scores = np.load(folder / "scores.npz")["scores"]
            crm = kh.metrics.summary(test[1], decide(scores, tree, "CRM"), tree)
            rows.setdefault(name, []).append({"method": name, **result})
            rows.setdefault(f"{name} + CRM", []).append(
                {**result, "method": f"{name} + CRM", **crm}
            )
    table.write_csv(
        [r for runs in rows.values() for r in runs], pathlib.Path(settings.output) / f"{name}.csv"
    )
    print(f"\n{len(test[1])} test images\n\n{table.markdown(rows)}")


if __name__ == "__main__":
    main(from_command_line(Settings, description=__doc__.split("\n")[0]))
