"""CIFAR-100 from scratch in minutes on two cores: any methods, one network, one budget.

    python recipes/cifar100_fast.py --seeds 3                     # cross-entropy and HAFrame
    python recipes/cifar100_fast.py --preset 40min --rows "hier_cos alpha=0.05"
    python recipes/cifar100_fast.py --tune                        # scored on the validation images
    python recipes/cifar100_fast.py --smoke                       # seconds, on drawn noise

A plain network of seven convolutions instead of the paper's WideResNet-28-8, all 50,000 training
images, SGD with Nesterov momentum, a rate that rises and falls once, shifts by up to two pixels and
mirror images; the last epoch's weights, all 10,000 test images, the five-level tree. A row is
`method option=value ...`, options of the method or of the network, or `name: method ...`. `--tune`
is for choosing them: 45,000 images to train on, the last 50 of every class to score.

`--arrays` is an .npz file with train_images, train_labels, test_images, test_labels, instead of
TFDS. Finished runs are never repeated, so the command can be stopped and given again, also with
further rows.
"""

import dataclasses
import pathlib
from collections.abc import Sequence

import keras
import numpy as np
import simple_parsing

import keras_haframe as kh
from keras_haframe.data import ArrayBatches, cifar100
from keras_haframe.files import write_text
from keras_haframe.results.table import by_method, markdown
from keras_haframe.training import Experiment, RunSettings, compare, flag, parse, place, row_of
from keras_haframe.training.distribution import is_first

PREPROCESSING = dataclasses.replace(
    cifar100.PREPROCESSING,
    augmentation=dataclasses.replace(cifar100.PREPROCESSING.augmentation, padding=2),
)
PRESETS = {"10min": ((64, 128, 256), 10), "40min": ((64, 128, 256), 40)}  # channels, epochs
ROWS = (
    "cross-entropy: cross_entropy",
    "HAFrame: haframe gamma=2 alpha=0.4",
)


@dataclasses.dataclass
class Settings(RunSettings):
    """Settings of the experiment."""

    preset: str = simple_parsing.choice(*PRESETS, default="10min")  # size of network and budget
    epochs: int | None = None  # epochs, by default the preset's
    # rows of the table
    rows: list[str] = dataclasses.field(
        default_factory=lambda: list(ROWS), metadata={"place": True}
    )
    network: str = simple_parsing.choice("I", "II", default="II")  # type of rows that name none
    tune: bool = flag()  # score validation images, and do not train on them
    batch_size: int = 256  # training batch, over all devices
    learning_rate: float = 0.1  # highest learning rate
    data_dir: str | None = place(None)  # TFDS folder
    arrays: str | None = place(None)  # .npz file with the images, instead of TFDS
    output: str = place("runs/cifar100_fast")  # folder where everything is kept


def backbone(widths: Sequence[int], synchronized: bool = False) -> keras.Model:
    """2 x 2 convolution, then two 3 x 3 convolutions a width, the first halved by a max pool."""

    def normalized(x):
        x = kh.layers.BatchNormalization(momentum=0.9, synchronized=synchronized)(x)
        return keras.layers.Activation("gelu")(x)

    inputs = keras.Input((32, 32, 3))
    x = normalized(keras.layers.Conv2D(24, 2, use_bias=False)(inputs))
    for width in widths:
        x = keras.layers.Conv2D(width, 3, padding="same", use_bias=False)(x)
        x = normalized(keras.layers.MaxPooling2D()(x))
        x = normalized(keras.layers.Conv2D(width, 3, padding="same", use_bias=False)(x))
    return keras.Model(inputs, x, name="plain_network")


def load(settings: Settings) -> tuple[tuple[np.ndarray, np.ndarray], ...]:
    """uint8 images `[n, 32, 32, 3]` and labels `[n]`, to train on and to score."""
    if settings.smoke:
        rng = np.random.default_rng(0)
        return tuple(
            (rng.integers(0, 256, (n, 32, 32, 3), "uint8"), np.arange(n) % 100) for n in (256, 100)
        )
    splits = ("train", "validation") if settings.tune else ("train+validation", "test")
    return tuple(cifar100.load_arrays(s, settings.data_dir, settings.arrays) for s in splits)


def experiment(settings: Settings) -> Experiment:
    """Images, tree, network and budget."""
    (images, labels), (test_images, test_labels) = load(settings)
    widths, epochs = PRESETS[settings.preset]
    epochs = settings.epochs or epochs
    widths = (8, 8, 8) if settings.smoke else widths
    steps = len(labels) // settings.batch_size * epochs

    def make_model(method: str, options: dict, synchronized: bool) -> keras.Model:
        options = {"network": settings.network, **options}
        model = kh.build(
            backbone(widths, synchronized), cifar100.class_tree(), method,
            synchronized=synchronized, **options,
        )  # fmt: skip
        rate = keras.optimizers.schedules.CosineDecay(
            0.0, steps, warmup_target=settings.learning_rate, warmup_steps=steps // 4
        )
        model.compile(keras.optimizers.SGD(rate, momentum=0.9, nesterov=True), metrics=[])
        return model

    return Experiment(
        cifar100.class_tree(), make_model,
        lambda seed: ArrayBatches(
            images, labels, settings.batch_size, seed, PREPROCESSING.train_batch
        ).from_epoch,
        (PREPROCESSING(test_images), test_labels), epochs, batch_size=settings.batch_size,
        settings=settings.defining(),
    )  # fmt: skip


def main(argv: Sequence[str] | None = None) -> None:
    """Train all rows, print the table."""
    settings = parse(Settings, __doc__, argv)
    if settings.smoke:
        settings = dataclasses.replace(settings, epochs=1, batch_size=64)
    rows = dict(row_of(text, 100) for text in settings.rows)
    settings.start()
    task = experiment(settings)
    results = compare(
        task, rows, range(settings.seed, settings.seed + settings.seeds), settings.output,
        rules=["", "CRM"], **settings.running(),
    )  # fmt: skip
    if results is None or not is_first():
        return
    text = markdown(by_method(results))
    write_text(pathlib.Path(settings.output) / "results.md", text + "\n")
    kind = "validation" if settings.tune else "test"
    print(f"\n{len(task.test[1])} {kind} images\n\n{text}\n\nwritten to {settings.output}")


if __name__ == "__main__":
    main()
