"""A recipe in small: its command line, seeds, devices and processes, on noise in seconds."""

import dataclasses

import keras

import keras_haframe as kh
from keras_haframe.data import ArrayBatches
from keras_haframe.training import (
    Experiment,
    RunSettings,
    epoch_cosine,
    papers_sgd,
    parse,
    place,
    run_seeds,
)
from tests.training.small_run import data


@dataclasses.dataclass
class Settings(RunSettings):
    """Settings of the run."""

    epochs: int = 2
    batch_size: int = 16
    output: str = place("runs/small")


def make_model(method, options, synchronized):
    """With batch normalization and without dropout, so that devices make no difference."""
    tree = kh.ClassTree.from_nested({"land": ["car", "truck"], "air": ["jet", "glider"]})
    images = keras.Input((8, 8, 3))
    x = keras.layers.Conv2D(6, 3)(images)
    x = keras.layers.ReLU()(kh.layers.BatchNormalization(synchronized=synchronized)(x))
    backbone = keras.Model(images, x)
    model = kh.build(backbone, tree, method, network="II", synchronized=synchronized, **options)
    model.compile(papers_sgd(model, 0.05), metrics=[kh.metrics.Top1Accuracy(tree)])
    return model


def main(argv=None):
    settings = parse(Settings, __doc__, argv)
    settings.start()
    images, labels = data()

    def make_train(seed):
        return ArrayBatches(images[:64], labels[:64], settings.batch_size, seed).from_epoch

    experiment = Experiment(
        make_model("haframe", {}, False).tree, make_model, make_train, (images[80:], labels[80:]),
        settings.epochs, (images[64:80], labels[64:80]), settings.batch_size,
        callbacks=lambda: [epoch_cosine(0.05, settings.epochs)], settings=settings.defining(),
    )  # fmt: skip
    run_seeds(settings, experiment, ("haframe", {}), "small")


if __name__ == "__main__":
    main()
