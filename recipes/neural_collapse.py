"""Neural collapse under six losses: which collapse to the simplex ETF, which to the tree?

    python recipes/neural_collapse.py            # drawn_aircraft, offline, 4 minutes of CPU time
    python recipes/neural_collapse.py --dataset grocery_store --data-dir DIR
    python recipes/neural_collapse.py --dataset cifar100 --data-dir DIR
    python recipes/neural_collapse.py --smoke    # seconds, to see that all runs

After Papyan, Han and Donoho (PNAS 2020): train well past 100 % training accuracy and measure NC1 to
NC4 of training and test features on the way. Twelve classes of a data set, in a tree of three
groups of two pairs of classes; an MLP and a small CNN; mean squared error, cross-entropy,
hierarchical cross-entropy, soft labels, ETF with dot-regression, HAFrame. Everything but head and
loss is the same in all runs: 64 features, the optimizer, the budget, the seed. NC2 and NC3 are
measured twice, against the ETF and against the frame of the tree.

`DIR` holds the data set for TFDS. Finished runs are kept in `--output` and not repeated; their
history.csv has the measures of every epoch. The figures, the table and what they say:
docs/collapse.md.
"""

import dataclasses
import pathlib
import time
from collections.abc import Sequence

import matplotlib

matplotlib.use("Agg")
import keras
import numpy as np
import simple_parsing
from keras import ops
from matplotlib import pyplot as plt

import keras_haframe as kh
from keras_haframe import plots
from keras_haframe.collapse import NeuralCollapseCallback
from keras_haframe.data import ArrayBatches, Preprocessing, drawn_aircraft
from keras_haframe.files import whole
from keras_haframe.losses import LabelLoss
from keras_haframe.results import run_folder, table, write_images
from keras_haframe.results.run import HISTORY
from keras_haframe.training import (
    Experiment,
    RunSettings,
    compare,
    epoch_cosine,
    parse,
    place,
)
from keras_haframe.training.distribution import is_first

SIZE, FEATURES, WEIGHT_DECAY = 32, 64, 0.5
PREPROCESSING = Preprocessing((SIZE, SIZE), antialias=True)  # the networks scale gray levels
GAMMA = 1.0
MEASURES = ("nc1", "nc1_quotient", "nc2", "nc2_etf", "nc3", "nc3_etf", "nc4")
# Three groups of two pairs, as paths in the tree; the last names are those of the data sets.
CLASSES = {
    "drawn_aircraft": """
        Halvorn/Meridax/Meridax 100    Halvorn/Meridax/Meridax 300
        Halvorn/Grandel/Grandel 500    Halvorn/Grandel/Grandel 700
        Quillane/Silvane/Silvane S     Quillane/Silvane/Silvane XL
        Quillane/Corvane/Corvane 70    Quillane/Corvane/Corvane 110
        Zephrane/Arrowin/Arrowin A     Zephrane/Arrowin/Arrowin C
        Zephrane/Mantarel/Mantarel A   Zephrane/Mantarel/Mantarel N""",
    "grocery_store": """
        Fruit/Apple/Granny-Smith               Fruit/Apple/Pink-Lady
        Fruit/Melon/Cantaloupe                 Fruit/Melon/Watermelon
        Packages/Juice/Bravo-Orange-Juice      Packages/Juice/Tropicana-Golden-Grapefruit
        Packages/Milk/Arla-Standard-Milk       Packages/Milk/Garant-Ecological-Standard-Milk
        Vegetables/Pepper/Red-Bell-Pepper      Vegetables/Pepper/Yellow-Bell-Pepper
        Vegetables/Tomato/Beef-Tomato          Vegetables/Tomato/Vine-Tomato""",
    "cifar100": """
        animals/large_carnivores/lion  animals/large_carnivores/tiger
        animals/fish/shark             animals/fish/trout
        plants/flowers/rose            plants/flowers/tulip
        plants/trees/oak_tree          plants/trees/palm_tree
        vehicles/vehicles_1/bus        vehicles/vehicles_1/train
        vehicles/vehicles_2/rocket     vehicles/vehicles_2/tank""",
}


@keras.saving.register_keras_serializable(package="recipes")
class MeanSquaredError(LabelLoss):
    """Half the squared distance of the logits from the one-hot label, summed over classes."""

    def __init__(self, name="mean_squared_error", **kwargs):
        super().__init__(name, **kwargs)

    def loss(self, labels, outputs):
        wanted = ops.one_hot(labels, outputs["logits"].shape[-1], dtype=self.dtype)
        return 0.5 * ops.sum(ops.square(outputs["logits"] - wanted), axis=-1)


LOSSES = {
    "MSE": ("cross_entropy", {}),
    "cross-entropy": ("cross_entropy", {}),
    "HXE": ("hierarchical_cross_entropy", {"alpha": 0.5}),
    "soft labels": ("soft_labels", {"beta": 4.0}),
    "ETF + DR": ("etf_dr", {}),
    "HAFrame": ("haframe", {"gamma": GAMMA, "alpha": 0.5}),
}


@dataclasses.dataclass
class Settings(RunSettings):
    """Settings of the experiment."""

    dataset: str = simple_parsing.choice(*sorted(CLASSES), default="drawn_aircraft")  # data set
    data_dir: str | None = place(None)  # TFDS folder, not for drawn_aircraft
    per_class: int = 40  # training images per class
    epochs: int = 80  # epochs
    batch_size: int = 48  # training batch
    learning_rate: float = 6e-3  # learning rate
    output: str = place("runs/nc_DATASET")  # folder where runs are kept


def class_paths(dataset: str) -> list[list[str]]:
    """Group, pair and class of the twelve classes."""
    words = (line.split("  ") for line in CLASSES[dataset].splitlines())
    return [w.strip().split("/") for line in words for w in line if w.strip()]


def load(dataset: str, split: str, per_class: int, data_dir) -> tuple[np.ndarray, np.ndarray]:
    """Images uint8 `[n, 32, 32, 3]` and int32 labels `[n]`, at most `per_class` of each class."""
    names = [path[-1] for path in class_paths(dataset)]
    if dataset == "drawn_aircraft":
        known = drawn_aircraft.class_names()
        labels = np.tile(np.arange(len(names), dtype="int32"), per_class)
        drawn = np.array([known.index(name) for name in names])[labels]
        return drawn_aircraft.draw(drawn, seed={"train": 1, "test": 3}[split], size=SIZE), labels
    import tensorflow_datasets as tfds

    builder = tfds.builder(dataset, data_dir=data_dir)
    known = builder.info.features["label"].names
    place = {known.index(name): i for i, name in enumerate(names)}
    images, labels = [], []
    for example in tfds.as_numpy(builder.as_dataset(split=split)):
        label = place.get(int(example["label"]))
        if label is not None and labels.count(label) < per_class:
            small = PREPROCESSING.resized(example["image"])
            images.append(np.clip(np.round(small), 0, 255).astype("uint8"))
            labels.append(label)
    return np.stack(images), np.array(labels, "int32")


def mlp() -> keras.Model:
    """Two hidden layers with batch normalization, from images to `[B, 256]`."""
    images = keras.Input((SIZE, SIZE, 3), name="images")
    x = keras.layers.Flatten()(keras.layers.Rescaling(1 / 127.5, offset=-1)(images))
    for _ in range(2):
        x = keras.layers.Dense(256, use_bias=False)(x)
        x = keras.layers.ReLU()(keras.layers.BatchNormalization(momentum=0.9)(x))
    return keras.Model(images, x, name="mlp")


def cnn() -> keras.Model:
    return kh.models.small_cnn((SIZE, SIZE, 3), widths=(16, 32, 64))


NETWORKS = {"CNN": cnn, "MLP": mlp}


def experiment(name: str, loss: str, settings: Settings, tree, train, test, target) -> Experiment:
    """One network under one loss, its measures taken as it trains."""

    def make_model(method: str, options: dict, synchronized: bool) -> keras.Model:
        model = kh.build(
            NETWORKS[name](), tree, method, network="I", hidden_units=FEATURES, **options
        )
        model.compile(
            keras.optimizers.AdamW(settings.learning_rate, weight_decay=WEIGHT_DECAY),
            loss=MeanSquaredError() if loss == "MSE" else None,
            steps_per_execution=len(train[1]) // settings.batch_size or 1,
        )
        return model

    def callbacks() -> list:
        measure = NeuralCollapseCallback(
            train, test, every=4, max_share=1.0, measures=MEASURES, target=target
        )
        return [epoch_cosine(settings.learning_rate, settings.epochs), measure]

    return Experiment(
        tree, make_model,
        lambda seed: ArrayBatches(*train, settings.batch_size, seed).from_epoch,
        test, settings.epochs, batch_size=settings.batch_size, callbacks=callbacks,
        settings=settings.defining(),
    )  # fmt: skip


def _centered(features: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Features about the mean of the class means, as NC2 takes them."""
    means = np.stack([features[labels == k].mean(axis=0) for k in np.unique(labels)])
    return features - means.mean(axis=0)


def figures(network: str, runs: dict, cosines: dict, tree, target, output: pathlib.Path) -> None:
    """Curves of every measure, and the measured geometry of every loss beside the two targets."""
    panels = {
        "nc1": "NC1: within-class variability",
        "nc2_etf": "NC2: class means to ETF",
        "nc2": "NC2: class means to tree",
        "nc4": "NC4: network vs nearest mean",
        "nc3_etf": "NC3: classifier to ETF",
        "nc3": "NC3: classifier to tree",
    }
    figure, axes = plt.subplots(2, 3, figsize=(7.2, 4.4), layout="constrained")
    for ax, (measure, title) in zip(axes.flat, panels.items()):
        plots.plot_curves(runs, measure, log=measure == "nc1", title=title, ax=ax, legend=False)
        if measure != "nc1":
            usual = 1.0 if measure == "nc4" else 1.42  # one scale for the panels
            ax.set_ylim(0, max(usual, ax.get_ylim()[1]))
    handles, names = axes[0, 0].get_legend_handles_labels()
    figure.legend(
        handles, names, loc="outside lower center", ncols=6, fontsize=7, frameon=False,
        title=f"{network}; full lines: training data, dashed: test data", title_fontsize=7,
    )  # fmt: skip
    with whole(output / f"nc_curves_{network.lower()}.png") as partial:
        figure.savefig(partial, dpi=150)
    plt.close(figure)

    k = tree.num_classes
    center = np.eye(k) - 1 / k
    frame = center @ target @ center
    frame /= np.sqrt(np.outer(np.diag(frame), np.diag(frame)))
    shown = {"target: ETF": center * k / (k - 1), "target: tree": frame, **cosines}
    rows = -(-len(shown) // 4)
    figure, axes = plt.subplots(rows, 4, figsize=(7.2, 1.95 * rows), layout="constrained")
    for ax, (name, gram) in zip(axes.flat, shown.items()):
        plots.plot_gram(gram, tree, title=name, ax=ax, colorbar=False)
        ax.set(xticks=[], yticks=[])
    for ax in axes.flat[len(shown) :]:
        ax.set_axis_off()
    picture = axes.flat[0].images[0]
    figure.colorbar(picture, ax=axes, fraction=0.02, pad=0.01).ax.tick_params(labelsize=6)
    with whole(output / f"nc_geometry_{network.lower()}.png") as partial:
        figure.savefig(partial, dpi=150)
    plt.close(figure)


def final_row(name: str, history: dict, metrics: dict) -> dict:
    """Last measured values of a run, and the epoch in which training accuracy reached 100 %."""
    perfect = np.flatnonzero(history["top1"] >= 1.0)
    last = {f"{s}_{m}": history[f"{s}_{m}"][-1] for s in ("train", "test") for m in MEASURES}
    return {
        "run": name,
        "perfect_from_epoch": int(perfect[0]) + 1 if perfect.size else "",
        "train_top1": history["top1"][-1],
        "test_top1": metrics["top1"],
        "test_severity": metrics["severity"],
        **last,
    }


def markdown(rows: list[dict]) -> str:
    """The table of docs/collapse.md."""
    columns = {
        "run": "run", "perfect_from_epoch": "100 % from epoch", "train_nc1": "NC1",
        "train_nc2_etf": "NC2 to ETF", "train_nc2": "NC2 to tree", "train_nc3_etf": "NC3 to ETF",
        "train_nc3": "NC3 to tree", "train_nc4": "NC4", "test_nc1_quotient": "test within/between",
        "test_top1": "test top-1", "test_severity": "test severity",
    }  # fmt: skip
    return table.lines(list(columns.values()), [[row[c] for c in columns] for row in rows])


def main(argv: Sequence[str] | None = None) -> None:
    """Train every network under every loss, draw the figures, print the table."""
    settings = parse(Settings, __doc__, argv)
    if settings.smoke:
        settings = dataclasses.replace(settings, per_class=5, epochs=2)
    output = settings.output.replace("DATASET", settings.dataset)
    settings = dataclasses.replace(settings, output=output)
    settings.start()
    output = pathlib.Path(output)
    tree = kh.ClassTree.from_paths(class_paths(settings.dataset), name=settings.dataset)
    train, test = (
        load(settings.dataset, s, settings.per_class, settings.data_dir) for s in ("train", "test")
    )
    target = kh.frames.TargetCosines(tree, GAMMA).matrix()
    gap = kh.collapse.frame_gap(np.linalg.cholesky(target + 1e-12 * np.eye(len(target))))["gram"]
    print(f"{tree}\n{len(train[1])} training images, {len(test[1])} test images")
    print(f"NC2 distance between the two targets, ETF and tree: {gap:.3f}\n")

    losses = ["cross-entropy", "HAFrame"] if settings.smoke else list(LOSSES)
    final, started, left = [], time.monotonic(), settings.max_minutes
    seeds = range(settings.seed, settings.seed + settings.seeds)  # figures show the first
    for name in NETWORKS:
        histories, cosines = {}, {}
        for loss in losses:
            one = experiment(name, loss, settings, tree, train, test, target)
            row = f"{name}, {loss}"
            if settings.max_minutes:
                left = max(1e-9, settings.max_minutes - (time.monotonic() - started) / 60)
            results = compare(
                one, {row: LOSSES[loss]}, seeds, output, rules=[""],
                **{**settings.running(), "max_minutes": left},
            )  # fmt: skip
            if results is None:
                return
            path = run_folder(output, row, settings.seed)
            histories[loss] = plots.read_history(path / HISTORY)
            model = one.trained(output, row, settings.seed)
            centered = _centered(model.features(train[0]), train[1])
            cosines[loss] = plots.class_mean_cosines(centered, train[1], tree.num_classes)
            final.append(final_row(row, histories[loss], results[0]))
        if is_first():
            figures(name, histories, cosines, tree, target, output)
    if not is_first():
        return
    print(f"\n{markdown(final)}\n\nfigures and tables in {output}")
    table.write_csv(final, output / "final.csv")
    write_images(output, test[0])


if __name__ == "__main__":
    main()
