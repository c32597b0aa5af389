"""What aircraft.py, inaturalist2019.py and tiered_imagenet.py share: ResNet-50 at 224 px from TFDS.

SGD with momentum 0.9 and weight decay 5e-4, epoch-wise cosine, the backbone at a tenth of the rate,
the epoch of the best validation top-1, every test image scored.

Where TensorFlow is not installed (KERAS_BACKEND=jax) the images come from an .npz file that
`--write-arrays FILE` makes on another machine: all images at 224 px, rounded to whole gray levels.
That is for data sets that fit into memory and are cropped after they are resized: FGVC-Aircraft
(1.5 GB; 7 GB of memory).
"""

import dataclasses
import json
import os

import keras
import numpy as np

import keras_haframe as kh
from keras_haframe.data.pipelines import PIPELINES
from keras_haframe.training import (
    ArrayBatches,
    RunSettings,
    normalize,
    option,
    papers_sgd,
    random_crop_and_flip,
    run_seeds,
    with_seed,
)
from keras_haframe.training.distribution import all_devices, process

SPLITS = ("train", "validation", "test")


@dataclasses.dataclass
class PhotographSettings(RunSettings):
    method: str = option("haframe", "training method", choices=kh.methods.names())
    weights: str | None = option(
        None, "ResNet-50 to start from, .safetensors or .npz with torchvision's names; or 'none'"
    )
    weights_prefix: str = option("", "what stands before torchvision's names in that file")
    data_dir: str | None = option(None, "TFDS folder; where the data set is prepared, once")
    arrays: str | None = option(None, ".npz file with the images, instead of TFDS")
    write_arrays: str | None = option(None, "make such a file of the data set, and end")


def train(settings: PhotographSettings, data_set: str, method_options: dict, transformation: float):
    """Train and score one row of the paper's table.

    Args:
        settings: Settings of the recipe.
        data_set: Name of the TFDS data set and of its pipeline.
        method_options: Options of `build` by method.
        transformation: Multiplier of the learning rate of the transformation block.
    """
    pipeline = PIPELINES[data_set]
    if settings.smoke:
        data_set = "drawn_aircraft/tiny"
        pipeline = dataclasses.replace(pipeline, size=32)
        settings = dataclasses.replace(settings, epochs=1, batch=16, weights="none")
    if settings.write_arrays:
        write_arrays(settings, data_set, pipeline)
        return None
    if settings.weights is None:
        raise SystemExit(
            "The paper's network starts from ImageNet weights. Pass --weights FILE, such as the "
            "model.safetensors of timm/resnet50.tv_in1k (torchvision's IMAGENET1K_V1), or "
            "--weights none to start from scratch. For an experiment that needs no download: "
            "python recipes/aircraft.py --demo"
        )
    settings.start()
    read = read_arrays if settings.arrays else read_tfds
    tree, make_train, validation, test, steps = read(settings, data_set, pipeline)
    print(tree)

    def make_model(seed: int) -> keras.Model:
        backbone = kh.models.resnet50((pipeline.size, pipeline.size, 3), synchronized=devices > 1)
        if settings.weights != "none":
            kh.models.load_torch_weights(backbone, settings.weights, settings.weights_prefix)
        options = {} if settings.smoke else method_options.get(settings.method, {})
        options = with_seed(settings.method, tree, seed, options)
        model = kh.build(
            backbone, tree, settings.method, network=settings.type, synchronized=devices > 1,
            **options,
        )  # fmt: skip
        model.compile(
            papers_sgd(model, settings.rate, transformation=transformation),
        )
        return model

    with all_devices(settings.batch) as devices:
        return run_seeds(settings, tree, make_model, make_train, validation, test, steps)


# Data, as `run_seeds` takes them ------------------------------------------------------------------


def load_splits(settings: PhotographSettings, data_set: str):
    """Encoded images and labels of every split, and the class tree."""
    import tensorflow_datasets as tfds

    import keras_haframe.data.builders  # noqa: F401 (registers the data sets)
    from keras_haframe.data import drawn_aircraft

    splits, info = tfds.load(
        data_set, split=list(SPLITS), data_dir=settings.data_dir, as_supervised=True,
        with_info=True, shuffle_files=False, decoders={"image": tfds.decode.SkipDecoding()},
    )  # fmt: skip
    if settings.smoke:
        return [split.take(32) for split in splits], drawn_aircraft.class_tree()
    return splits, kh.data.class_tree(info)


def read_tfds(settings: PhotographSettings, data_set: str, pipeline):
    from keras_haframe.data.batches import evaluation_batches, training_batches, training_steps

    (training, validation, test), tree = load_splits(settings, data_set)
    labels = np.array([int(label) for _, label in test.as_numpy_iterator()])

    def make_train(seed: int):
        return lambda first: training_batches(
            training, pipeline, settings.batch, seed, first, share=process()
        )

    return (
        tree, make_train,
        (evaluation_batches(validation, pipeline, settings.batch), None),
        (evaluation_batches(test, pipeline, settings.batch), labels),
        training_steps(training, settings.batch),
    )  # fmt: skip


def read_arrays(settings: PhotographSettings, data_set: str, pipeline):
    check_arrays(data_set, pipeline)
    with np.load(settings.arrays) as file:
        tree = kh.ClassTree.from_config(json.loads(str(file["tree"])))
        data = {s: (file[f"{s}_images"], file[f"{s}_labels"]) for s in SPLITS}

    def change(generator, images):
        cropped = random_crop_and_flip(
            generator, images, pipeline.padding, pipeline.last_offset, pipeline.pad_mode.lower()
        )
        return normalize(cropped, pipeline.mean, pipeline.std)

    def still(split):
        images, labels = data[split]
        return normalize(images, pipeline.mean, pipeline.std), labels

    return (
        tree,
        lambda seed: ArrayBatches(*data["train"], settings.batch, seed, change, process()),
        still("validation"), still("test"), None,
    )  # fmt: skip


def write_arrays(settings: PhotographSettings, data_set: str, pipeline) -> None:
    """Write what `read_arrays` reads."""
    check_arrays(data_set, pipeline)
    from keras_haframe.data import augment

    splits, tree = load_splits(settings, data_set)
    arrays = {"tree": json.dumps(tree.get_config())}
    for name, split in zip(SPLITS, splits):
        resized = split.map(
            lambda image, label: (augment.resize(pipeline.decode(image), pipeline.size), label)
        )
        images, labels = zip(*resized.as_numpy_iterator())
        arrays[f"{name}_images"] = np.stack([np.uint8(np.rint(image)) for image in images])
        arrays[f"{name}_labels"] = np.array(labels)
        print(f"{name}: {len(labels)} images", flush=True)
    partial = f"{settings.write_arrays}.partial.npz"
    np.savez(partial, **arrays)
    os.replace(partial, settings.write_arrays)


def check_arrays(data_set: str, pipeline) -> None:
    if pipeline.change != "pad_and_crop":
        raise SystemExit(
            f"{data_set} is cropped from images of any size and does not fit into memory. Install "
            "TensorFlow for its input pipeline, on whichever backend trains, and leave out "
            "--arrays and --write-arrays."
        )
