"""A recipe in small: its command line, seeds, devices and processes, on noise in seconds."""

import dataclasses

import keras

import keras_haframe as kh
from keras_haframe.data import ArrayBatches, Augmentation, Preprocessing
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

PREPROCESSING = Preprocessing(
    (8, 8), input_range=(-3.2, 3.2), augmentation=Augmentation("pad_and_crop", 1)
)


@dataclasses.dataclass
class Settings(RunSettings):
    """Settings of the run."""

    epochs: int = 2
    batch_size: int = 16
    pipeline: str = "arrays"  # or tf.data
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
    last = slice(64, 79)  # an odd number: the last batch splits over nothing

    def make_train(seed):
        if settings.pipeline == "tf.data":
            return lambda first, step=0: training_batches(
                stream(slice(64)), PREPROCESSING, settings.batch_size, seed, first, first_step=step
            )
        return ArrayBatches(images[:64], labels[:64], settings.batch_size, seed).from_epoch

    def stream(rows):
        pixels = (40 * images[rows] + 128).clip(0, 255).astype("uint8")
        return tf.data.Dataset.from_tensor_slices((pixels, labels[rows]))

    validation, test, steps = (images[last], labels[last]), images[80:], None
    if settings.pipeline == "tf.data":
        import tensorflow as tf

        from keras_haframe.data.batches import evaluation_batches, training_batches

        validation = evaluation_batches(stream(last), PREPROCESSING, settings.batch_size)
        test = evaluation_batches(stream(slice(80, 96)), PREPROCESSING, settings.batch_size)
        steps = 64 // settings.batch_size
    experiment = Experiment(
        make_model("haframe", {}, False).tree, make_model, make_train, (test, labels[80:]),
        settings.epochs, validation, settings.batch_size, steps,
        callbacks=lambda: [epoch_cosine(0.05, settings.epochs)], settings=settings.defining(),
    )  # fmt: skip
    run_seeds(settings, experiment, ("haframe", {}), "small")


if __name__ == "__main__":
    main()
