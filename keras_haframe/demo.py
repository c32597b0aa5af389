"""The embedded experiment: cross-entropy and HAFrame on `drawn_aircraft`, offline.

    haframe demo                            # about two minutes on two CPU cores
    python recipes/aircraft.py --demo       # the same

`drawn_aircraft` is a data set that the package draws itself: 36 variants in 15 families of 5
manufacturers. The demo trains cross-entropy and HAFrame in the same type II network under the same
budget, adds the CRM decision to both, prints the table, and writes to `--output` the runs, the
figures, the HAFrame model as `haframe.keras` and as a SavedModel, and a few test images with their
predicted path in the tree. The same command again goes on where it stopped; `haframe report` makes
a page of the folder.
"""

from __future__ import annotations

import dataclasses
import pathlib
import time
from collections.abc import Mapping, Sequence
from typing import Any, cast

import keras
import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from matplotlib.figure import Figure

import keras_haframe as kh
from keras_haframe import plots
from keras_haframe.data import ArrayBatches, drawn_aircraft
from keras_haframe.files import whole
from keras_haframe.results import read_scores, run_folder, write_images
from keras_haframe.results.table import by_method, markdown
from keras_haframe.training import Experiment, RunSettings, compare, parse, place
from keras_haframe.training.distribution import is_first

PREPROCESSING = drawn_aircraft.PREPROCESSING
# The paper's gamma; a smaller alpha than its 0.5 suits the short training.
OPTIONS = {"haframe": {"gamma": 1.0, "alpha": 0.25}}
ROWS = {"cross-entropy": ("cross_entropy", {}), "HAFrame": ("haframe", OPTIONS["haframe"])}


@dataclasses.dataclass
class Settings(RunSettings):
    """Settings of the experiment."""

    epochs: int = 14  # epochs
    learning_rate: float = 6e-3  # learning rate
    output: str = place("runs/aircraft")  # folder where everything is kept


def optimizer(steps: int, settings: Settings) -> keras.optimizers.Optimizer:
    """AdamW with warm-up, where the paper has SGD.

    It gets a small network from scratch furthest in a minute.
    """
    rate = keras.optimizers.schedules.CosineDecay(
        0.0, steps * settings.epochs, warmup_target=settings.learning_rate, warmup_steps=steps
    )
    return keras.optimizers.AdamW(rate, weight_decay=5e-3)


def experiment(settings: Settings, network: str = "II") -> Experiment:
    """Make data, network and budget, which recipes/compare.py shares."""
    count = 5 if settings.smoke else 100  # training images of every class
    images, labels = drawn_aircraft.load_arrays("train", count)
    tree = drawn_aircraft.class_tree()

    def make_model(method: str, options: dict, synchronized: bool) -> keras.Model:
        backbone = kh.models.small_cnn(images.shape[1:])
        model = kh.build(
            backbone, tree, method, network=network, synchronized=synchronized, **options
        )
        model.compile(optimizer(len(labels) // settings.batch_size, settings))
        return model

    return Experiment(
        tree, make_model,
        lambda seed: ArrayBatches(
            images, labels, settings.batch_size, seed, PREPROCESSING.train_batch
        ).from_epoch,
        drawn_aircraft.load_arrays("test", count), settings.epochs, batch_size=settings.batch_size,
        settings={**settings.defining(), "network": network},
    )  # fmt: skip


def save(ax: Axes, path: pathlib.Path) -> None:
    """Write the figure of a plot."""
    with whole(path) as partial:
        cast(Figure, ax.figure).savefig(partial, dpi=150)


def figures(
    models: Mapping[str, Any],
    scores: Mapping[str, np.ndarray],
    data: Mapping[str, tuple[np.ndarray, np.ndarray]],
    tree: kh.ClassTree,
    output: pathlib.Path,
) -> None:
    """Sample images, frame beside measured class means, and mistakes by LCA height."""
    images, labels = data["test"]
    first = [np.flatnonzero(labels == k)[0] for k in range(tree.num_classes)]
    names = [tree.leaves[k] for k in labels[first]]
    title = "drawn_aircraft: one per class"
    ax = plots.plot_images(images[first], names, columns=9, title=title)
    save(ax, output / "samples.png")

    rows, _ = models["HAFrame"].classifier_weights()
    _, axes = plt.subplots(1, 3, figsize=(10, 3), layout="constrained")
    plots.plot_gram(rows @ rows.T, tree, title="frame (target)", ax=axes[0], colorbar=False)
    for ax, name in zip(axes[1:], ("HAFrame", "cross-entropy")):
        means = plots.class_mean_cosines(models[name].features(images), labels, tree.num_classes)
        title = f"{name}: class means"
        plots.plot_gram(means, tree, title=title, ax=ax, colorbar=ax is axes[2])
    save(axes[0], output / "gram.png")

    best = {name: s.argmax(-1) for name, s in scores.items() if name in models}
    ax = plots.plot_mistakes_by_height(labels, best, tree, title="test mistakes by LCA height")
    save(ax, output / "mistakes.png")

    show = np.random.default_rng(1).choice(len(labels), 12, replace=False)
    predicted = best["HAFrame"][show]
    paths = [[f"{'> ' * i}{n}" for i, n in enumerate(tree.path(p)[1:])] for p in predicted]
    captions = ["\n".join([f"is {tree.leaves[y]}", *path]) for y, path in zip(labels[show], paths)]
    title = "HAFrame: predicted path in the tree"
    ax = plots.plot_images(images[show], captions, columns=6, title=title)
    save(ax, output / "predictions.png")


def main(argv: Sequence[str] | None = None) -> None:
    """Run the experiment with settings of a command line."""
    demo(parse(Settings, __doc__, argv))


def demo(settings: Settings) -> list[dict[str, Any]] | None:
    """Train both, print the table, save model and figures.

    Args:
        settings: Settings of the experiment.

    Returns:
        The lines of the table, as `training.compare` does; `None` if the time was up.
    """
    started = time.time()
    plt.switch_backend("Agg")  # figures go to files
    if settings.smoke:
        settings = dataclasses.replace(settings, epochs=1)
    settings.start()
    output = pathlib.Path(settings.output)
    task = experiment(settings)
    print(task.tree, "\n")
    kh.diagnose(task.tree, OPTIONS["haframe"]["gamma"])
    print(f"\ndata ready after {time.time() - started:.0f} s")

    seed, (images, labels) = settings.seed, task.test
    seeds = range(seed, seed + settings.seeds)
    results = compare(task, ROWS, seeds, output, rules=("", "CRM"), **settings.running())
    if results is None or not is_first():
        return results
    print(f"\n{len(labels)} test images, first seed {seed}\n\n{markdown(by_method(results))}\n")

    models = {row: task.trained(output, row, seed) for row in ROWS}
    k = task.tree.num_classes
    scores = {row: read_scores(run_folder(output, row, seed), k)[0] for row in ROWS}
    with whole(output / "haframe.keras") as partial:
        models["HAFrame"].save(partial)
    served = kh.export(models["HAFrame"], output / "serving", preprocessing=PREPROCESSING)
    write_images(output, images)
    figures(models, scores, {"test": task.test}, task.tree, output)
    for label, best in list(zip(labels, scores["HAFrame"].argmax(-1)))[:5]:
        path = " > ".join(task.tree.path(int(best))[1:])
        print(f"{task.tree.leaves[label]:>16}  predicted as  {path}")
    print(f"\nmodel, SavedModel ({served}) and figures in {output}")
    print(f"done in {time.time() - started:.0f} s")
    return results
