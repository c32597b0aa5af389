"""Ten thousand classes on two cores: methods and necks on a drawn catalogue.

    python recipes/catalogue.py --seeds 3                          # minutes a run
    python recipes/catalogue.py --rows "haframe frame=low_rank" "wide: cross_entropy hidden_units=K"
    python recipes/catalogue.py --config 100k --test-images 500    # 500,000 training pictures
    python recipes/catalogue.py --tune --rows "haframe network=II alpha=0.05"  # validation pictures
    python recipes/catalogue.py --smoke                            # seconds, 64 classes

`drawn_catalogue` is drawn on the spot: small pictures of goods whose looks follow a tree of five to
eight levels, 10 for training of every class. The backbone is two dense layers on the pixels; all
rows share it, its start and the order of the pictures, and differ in neck, head and loss. A row is
`method option=value ...`, options of the method or of the network, with a name of its own as
`name: method option=value ...`; the value `K` stands for the number of classes. The last epoch's
weights are scored on test pictures drawn by lot from all.

Writes to `--output` the runs, results.csv and results.md. Finished runs are never repeated, so the
command can be stopped and given again, also with further rows.
"""

import csv
import dataclasses
import pathlib
from collections.abc import Sequence

import keras
import numpy as np
import simple_parsing

import keras_haframe as kh
from keras_haframe.data import ArrayBatches, drawn_catalogue
from keras_haframe.data.drawn_catalogue import CONFIGS, PREPROCESSING, Pictures
from keras_haframe.files import write_text
from keras_haframe.results import run_folder
from keras_haframe.results.run import SECONDS
from keras_haframe.results.table import by_method, cells, lines
from keras_haframe.training import Experiment, RunSettings, compare, flag, parse, place, row_of
from keras_haframe.training.distribution import is_first

ROWS = (
    "cross-entropy: cross_entropy hidden_units=null",
    "HAFrame: haframe network=II",
)


@dataclasses.dataclass
class Settings(RunSettings):
    """Settings of the experiment."""

    config: str = simple_parsing.choice(*CONFIGS, default="10k")  # size of the catalogue
    # rows of the table
    rows: list[str] = dataclasses.field(
        default_factory=lambda: list(ROWS), metadata={"place": True}
    )
    network: str = simple_parsing.choice("I", "II", default="I")  # type of rows that name none
    width: int = 256  # features of the backbone
    long_tail: float = 1.0  # training pictures of the rarest class over the most frequent
    tune: bool = flag()  # score validation pictures
    epochs: int = 8  # epochs
    batch_size: int = 256  # training batch, over all devices
    learning_rate: float = 3e-3  # learning rate of AdamW, with warm-up and cosine
    test_images: int = 5000  # pictures that are scored; scores of all classes are kept for each
    output: str = place("runs/catalogue")  # folder where everything is kept


def backbone(width: int) -> keras.Model:
    """Two dense layers on the pixels."""
    x = inputs = keras.Input((16, 16, 3))
    x = keras.layers.Flatten()(x)
    for units in (2 * width, width):
        x = keras.layers.Dense(units, use_bias=False)(x)
        x = keras.layers.ReLU()(keras.layers.BatchNormalization(momentum=0.9)(x))
    return keras.Model(inputs, x, name="dense_layers")


def experiment(settings: Settings) -> Experiment:
    """Pictures, tree, network and budget."""
    size = dataclasses.replace(CONFIGS[settings.config], long_tail=settings.long_tail)
    tree = drawn_catalogue.class_tree(size)
    train = Pictures("train", size)
    test = Pictures("validation" if settings.tune else "test", size)
    chosen = np.random.default_rng(0).permutation(len(test))[: settings.test_images]
    steps = len(train) // settings.batch_size
    images = train[:]  # drawn once: 77 MB, of 100,000 classes 384 MB

    def make_model(method: str, options: dict, synchronized: bool) -> keras.Model:
        options = {"network": settings.network, **options}
        model = kh.build(
            backbone(settings.width), tree, method, synchronized=synchronized, **options
        )
        rate = keras.optimizers.schedules.CosineDecay(
            0.0, steps * settings.epochs,
            warmup_target=settings.learning_rate, warmup_steps=steps // 2,
        )  # fmt: skip
        # Ranking all classes in every step would take as long as learning.
        model.compile(keras.optimizers.AdamW(rate, weight_decay=1e-3), metrics=[])
        return model

    return Experiment(
        tree, make_model,
        lambda seed: ArrayBatches(
            images, train.labels, settings.batch_size, seed, PREPROCESSING.train_batch
        ).from_epoch,
        (PREPROCESSING(test[chosen]), test.labels[chosen]), settings.epochs,
        batch_size=settings.batch_size, settings=settings.defining(),
    )  # fmt: skip


def table(results: list[dict], output: pathlib.Path) -> str:
    """The table of results with the size of every model and the time that it trained."""
    for result in results:
        folder = run_folder(output, result["method"], result["seed"])
        with open(folder / SECONDS, newline="") as file:
            result["seconds"] = sum(float(line[1]) for line in csv.reader(file))
    rows = by_method(results, "")
    head, body = cells(rows)
    for line, runs in zip(body, rows.values()):
        line[-1:-1] = [
            f"{np.mean([run[column] for run in runs]):,.0f}" for column in ("parameters", "seconds")
        ]
    head[-1:-1] = ["parameters", "training s"]
    return lines(head, body)


def main(argv: Sequence[str] | None = None) -> None:
    """Train all rows, print the table."""
    settings = parse(Settings, __doc__, argv)
    if settings.smoke:
        settings = dataclasses.replace(
            settings, config="tiny", width=16, epochs=2, batch_size=64, test_images=64
        )
    rows = dict(row_of(text, CONFIGS[settings.config].classes) for text in settings.rows)
    settings.start()
    task = experiment(settings)
    print(task.tree)
    seeds = range(settings.seed, settings.seed + settings.seeds)
    results = compare(task, rows, seeds, settings.output, rules=[""], **settings.running())
    if results is None or not is_first():
        return
    output = pathlib.Path(settings.output)
    text = table(results, output)
    write_text(output / "results.md", text + "\n")
    kind = "validation" if settings.tune else "test"
    print(f"\n{len(task.test[1])} {kind} pictures\n\n{text}\n\nwritten to {output}")


if __name__ == "__main__":
    main()
