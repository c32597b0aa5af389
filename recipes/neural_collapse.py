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

`DIR` holds the data set for TFDS. Each run leaves `nc_{network}_{loss}.csv` with a line per epoch
in `--output`, and is not repeated while it is there. The figures, the table and what they say:
docs/collapse.md.
"""

import argparse
import json
import os
import pathlib

import matplotlib

matplotlib.use("Agg")
import keras
import numpy as np
from keras import ops
from matplotlib import pyplot as plt

import keras_haframe as kh
from keras_haframe import plots
from keras_haframe.collapse import NeuralCollapseCallback
from keras_haframe.data import drawn_aircraft
from keras_haframe.losses import LabelLoss
from keras_haframe.training import epoch_cosine, table

SIZE, FEATURES, BATCH = 32, 64, 48
LEARNING_RATE, WEIGHT_DECAY = 6e-3, 0.5
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
    "MSE": ("mse", "cross_entropy", {}),
    "cross-entropy": ("ce", "cross_entropy", {}),
    "HXE": ("hxe", "hierarchical_cross_entropy", {"alpha": 0.5}),
    "soft labels": ("soft", "soft_labels", {"beta": 4.0}),
    "ETF + DR": ("etf", "etf_dr", {}),
    "HAFrame": ("haframe", "haframe", {"gamma": GAMMA, "alpha": 0.5}),
}


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--dataset", choices=sorted(CLASSES), default="drawn_aircraft")
    parser.add_argument("--data-dir", default=None, help="TFDS folder, not for drawn_aircraft")
    parser.add_argument("--output", default=None, type=pathlib.Path, help="runs/nc_DATASET")
    parser.add_argument("--per-class", type=int, default=40, help="training images per class")
    parser.add_argument("--epochs", type=int, default=80)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--smoke", action="store_true", help="two losses, two epochs")
    args = parser.parse_args()
    args.output = args.output or pathlib.Path("runs") / f"nc_{args.dataset}"
    if args.smoke:
        args.per_class, args.epochs = 5, 2
    return args


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
    import tensorflow as tf
    import tensorflow_datasets as tfds

    builder = tfds.builder(dataset, data_dir=data_dir)
    known = builder.info.features["label"].names
    place = {known.index(name): i for i, name in enumerate(names)}
    images, labels = [], []
    for example in tfds.as_numpy(builder.as_dataset(split=split)):
        label = place.get(int(example["label"]))
        if label is not None and labels.count(label) < per_class:
            small = tf.image.resize(example["image"], (SIZE, SIZE), antialias=True)
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


def run(network, loss: str, tree, train, test, target, path: pathlib.Path, args) -> np.ndarray:
    """Train one model, leave its measures in `path`; return its test scores."""
    keras.utils.set_random_seed(args.seed)
    _, method, method_options = LOSSES[loss]
    model = kh.build(network(), tree, method, network="I", hidden_units=FEATURES, **method_options)
    model.compile(
        keras.optimizers.AdamW(LEARNING_RATE, weight_decay=WEIGHT_DECAY),
        loss=MeanSquaredError() if loss == "MSE" else model.method.loss,
        metrics=[kh.metrics.Top1Accuracy(tree), kh.metrics.MistakeSeverity(tree)],
        jit_compile=False,
        steps_per_execution=len(train[1]) // BATCH or 1,
    )
    measure = NeuralCollapseCallback(
        train, test, every=4, max_share=1.0, measures=MEASURES, target=target
    )
    partial = path.with_suffix(".partial")
    log = keras.callbacks.CSVLogger(str(partial))
    callbacks = [epoch_cosine(LEARNING_RATE, args.epochs), measure, log]
    model.fit(*train, batch_size=BATCH, epochs=args.epochs, verbose=0, callbacks=callbacks)
    scores = model.predict(test[0], batch_size=256, verbose=0)
    means = plots.class_mean_cosines(
        _centered(model.features(train[0]), train[1]), train[1], tree.num_classes
    )
    np.savez_compressed(path.with_suffix(".npz"), scores=scores, cosines=means)
    os.replace(partial, path)
    return scores


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
            ax.set_ylim(0, 1.0 if measure == "nc4" else 1.42)  # all they can be
    handles, names = axes[0, 0].get_legend_handles_labels()
    figure.legend(
        handles, names, loc="outside lower center", ncols=6, fontsize=7, frameon=False,
        title=f"{network}; full lines: training data, dashed: test data", title_fontsize=7,
    )  # fmt: skip
    figure.savefig(output / f"nc_curves_{network.lower()}.png", dpi=150)
    plt.close(figure)

    k = tree.num_classes
    center = np.eye(k) - 1 / k
    frame = center @ target @ center
    frame /= np.sqrt(np.outer(np.diag(frame), np.diag(frame)))
    shown = {"target: ETF": center * k / (k - 1), "target: tree": frame, **cosines}
    figure, axes = plt.subplots(2, 4, figsize=(7.2, 3.9), layout="constrained")
    for ax, (name, gram) in zip(axes.flat, shown.items()):
        plots.plot_gram(gram, tree, title=name, ax=ax, colorbar=False)
        ax.set(xticks=[], yticks=[])
    for ax in axes.flat[len(shown) :]:
        ax.set_axis_off()
    picture = axes[0, 0].images[0]
    figure.colorbar(picture, ax=axes, fraction=0.02, pad=0.01).ax.tick_params(labelsize=6)
    figure.savefig(output / f"nc_geometry_{network.lower()}.png", dpi=150)
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
    lines = ["| " + " | ".join(columns.values()) + " |", "|---" * len(columns) + "|"]
    for row in rows:
        cells = (row[c] for c in columns)
        lines.append(
            "| " + " | ".join(f"{c:.3g}" if isinstance(c, float) else str(c) for c in cells) + " |"
        )
    return "\n".join(lines)


def main(args) -> None:
    args.output.mkdir(parents=True, exist_ok=True)
    tree = kh.ClassTree.from_paths(class_paths(args.dataset), name=args.dataset)
    train, test = (load(args.dataset, s, args.per_class, args.data_dir) for s in ("train", "test"))
    s_min = kh.frames.min_similarity(tree, GAMMA, "grid")
    target = kh.frames.similarity(tree.distances(), GAMMA, s_min)
    gap = kh.collapse.frame_gap(np.linalg.cholesky(target + 1e-12 * np.eye(len(target))))["gram"]
    print(f"{tree}\n{len(train[1])} training images, {len(test[1])} test images")
    print(f"NC2 distance between the two targets, ETF and tree: {gap:.3f}\n")
    tree.to_json(args.output / "tree.json")
    settings = {k: str(v) for k, v in vars(args).items()}
    settings |= {m.__name__: m.__version__ for m in (keras, np, kh)}
    (args.output / "settings.json").write_text(json.dumps(settings, indent=1))

    losses = ["cross-entropy", "HAFrame"] if args.smoke else list(LOSSES)
    final, results, scores = [], [], {}
    for name, network in {"CNN": cnn, "MLP": mlp}.items():
        runs, cosines = {}, {}
        for loss in losses:
            path = args.output / f"nc_{name.lower()}_{LOSSES[loss][0]}.csv"
            if not path.exists():
                print(f"{name}, {loss}", flush=True)
                run(network, loss, tree, train, test, target, path, args)
            runs[loss] = plots.read_history(path)
            kept = np.load(path.with_suffix(".npz"))
            cosines[loss], scores[name, loss] = kept["cosines"], kept["scores"]
            metrics = kh.metrics.summary(test[1], kept["scores"], tree)
            final.append(final_row(f"{name}, {loss}", runs[loss], metrics))
            results.append({"method": f"{name}, {loss}", "seed": args.seed, **metrics})
        figures(name, runs, cosines, tree, target, args.output)
    print(f"\n{markdown(final)}\n\nfigures and tables in {args.output}")
    table.write_csv(final, args.output / "final.csv")
    table.write_csv(results, args.output / "results.csv")
    np.savez_compressed(
        args.output / "predictions.npz",
        scores=scores["CNN", "HAFrame"],
        baseline=scores["CNN", "cross-entropy"],
        names=np.array(["HAFrame", "cross-entropy"]),
        labels=test[1],
        images=test[0],
    )


if __name__ == "__main__":
    main(options())
