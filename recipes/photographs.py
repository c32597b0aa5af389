"""What the recipes of photographs share: ResNet-50 at 224 px from TFDS.

SGD with momentum 0.9 and weight decay 5e-4, epoch-wise cosine, the backbone at a tenth of the rate,
the epoch of the best validation top-1, every test image scored.

Where TensorFlow is not installed (KERAS_BACKEND=jax) the images come from an .npz file that
`--write-arrays FILE` makes on another machine: all images at 224 px, rounded to whole gray levels.
That is for data sets that fit into memory and are cropped after they are resized: FGVC-Aircraft
(1.5 GB; 7 GB of memory).
"""

import dataclasses
import json

import keras
import numpy as np
import simple_parsing

import keras_haframe as kh
from keras_haframe.data import ArrayBatches, Preprocessing
from keras_haframe.files import whole
from keras_haframe.training import (
    Experiment,
    RunSettings,
    epoch_cosine,
    options_of,
    papers_sgd,
    place,
    run_seeds,
)

SPLITS = ("train", "validation", "test")


@dataclasses.dataclass
class PhotographSettings(RunSettings):
    """Settings of the run."""

    method: str = simple_parsing.choice(*kh.methods.names(), default="haframe")  # training method
    network: str = simple_parsing.choice("I", "II", default="II")  # network type
    # ResNet-50 to start from, .safetensors or .npz with torchvision's names; or 'none'
    weights: str | None = None
    # further options of build() as name=value, those of the method or of the network
    options: list[str] = dataclasses.field(default_factory=list, metadata={"place": True})
    weights_prefix: str = ""  # what stands before torchvision's names in that file
    data_dir: str | None = place(None)  # TFDS folder; where the data set is prepared, once
    arrays: str | None = place(None)  # .npz file with the images, instead of TFDS
    write_arrays: str | None = place(None)  # make such a file of the data set, and end


def train(
    settings: PhotographSettings,
    data_set: str,
    preprocessing: Preprocessing,
    method_options: dict,
    transformation: float = 1.0,
):
    """Train and score one row of the paper's table.

    Args:
        settings: Settings of the recipe.
        data_set: Name of the TFDS data set.
        preprocessing: How its images are prepared.
        method_options: Options of `build` by method.
        transformation: Multiplier of the learning rate of the transformation block.
    """
    if settings.smoke:
        data_set = "drawn_aircraft/tiny"
        preprocessing = dataclasses.replace(preprocessing, size=(32, 32))
        settings = dataclasses.replace(settings, epochs=1, batch_size=16, weights="none")
    if settings.write_arrays:
        write_arrays(settings, data_set, preprocessing)
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
    data = read(settings, data_set, preprocessing)
    print(data["tree"])

    def make_model(method: str, options: dict, synchronized: bool) -> keras.Model:
        blocks = (1, 1, 1, 1) if settings.smoke else (3, 4, 6, 3)
        backbone = kh.models.resnet50(
            (*preprocessing.size, 3), blocks=blocks, synchronized=synchronized
        )
        if settings.weights != "none":
            kh.models.load_torch_weights(backbone, settings.weights, settings.weights_prefix)
        options = {"network": settings.network, **options}
        model = kh.build(backbone, data["tree"], method, synchronized=synchronized, **options)
        model.compile(papers_sgd(model, settings.learning_rate, transformation=transformation))
        return model

    experiment = Experiment(
        make_model=make_model, epochs=settings.epochs, batch_size=settings.batch_size,
        callbacks=lambda: [epoch_cosine(settings.learning_rate, settings.epochs)],
        settings=settings.defining(), **data,
    )  # fmt: skip
    options = {} if settings.smoke else method_options.get(settings.method, {})
    row = settings.method, {**options, **options_of(settings.options)}
    return run_seeds(settings, experiment, row, f"{settings.method}_{settings.network}")


# Data, as `Experiment` takes them -----------------------------------------------------------------


def load_splits(settings: PhotographSettings, data_set: str):
    """Encoded images and labels of every split, and the class tree."""
    import tensorflow_datasets as tfds

    import keras_haframe.data.builders  # noqa: F401 (registers the data sets)

    splits, info = tfds.load(
        data_set, split=list(SPLITS), data_dir=settings.data_dir, as_supervised=True,
        with_info=True, shuffle_files=False, decoders={"image": tfds.decode.SkipDecoding()},
    )  # fmt: skip
    if settings.smoke:
        splits = [split.take(32) for split in splits]
    return splits, kh.data.class_tree(info)


def read_tfds(
    settings: PhotographSettings, data_set: str, preprocessing: Preprocessing, mixed: bool = False
) -> dict:
    """Tree, training data (blended and cut for a `MixUpClassifier` or not), validation and test."""
    from keras_haframe.data.batches import evaluation_batches, training_batches, training_steps
    from keras_haframe.data.mixed_pipeline import mixed_batches

    (training, validation, test), tree = load_splits(settings, data_set)
    size = settings.batch_size
    steps = training_steps(training, size)
    labels = np.array([int(label) for _, label in test.as_numpy_iterator()])

    def make_train(seed: int):
        def train(first: int, step: int = 0):
            batches = training_batches(training, preprocessing, size, seed, first, first_step=step)
            return mixed_batches(batches, seed, first * steps + step) if mixed else batches

        return train

    return {
        "tree": tree,
        "make_train": make_train,
        "validation": evaluation_batches(validation, preprocessing, size),
        "test": (evaluation_batches(test, preprocessing, size), labels),
        "steps": steps,
    }


def read_arrays(settings: PhotographSettings, data_set: str, preprocessing: Preprocessing) -> dict:
    """Tree, training data, validation and test data from an .npz file."""
    check_arrays(data_set, preprocessing)
    with np.load(settings.arrays) as file:
        tree = kh.ClassTree.from_config(json.loads(str(file["tree"])))
        data = {s: (file[f"{s}_images"], file[f"{s}_labels"]) for s in SPLITS}

    def make_train(seed: int):
        change = preprocessing.train_batch
        return ArrayBatches(*data["train"], settings.batch_size, seed, change).from_epoch

    prepared = {s: (preprocessing(data[s][0]), data[s][1]) for s in ("validation", "test")}
    return {"tree": tree, "make_train": make_train, **prepared}


def write_arrays(settings: PhotographSettings, data_set: str, preprocessing) -> None:
    """Write what `read_arrays` reads."""
    check_arrays(data_set, preprocessing)
    splits, tree = load_splits(settings, data_set)
    arrays = {"tree": json.dumps(tree.get_config())}
    for name, split in zip(SPLITS, splits):
        resized = split.map(
            lambda image, label: (preprocessing.resized(preprocessing.decode(image)), label)
        )
        images, labels = zip(*resized.as_numpy_iterator())
        arrays[f"{name}_images"] = np.stack([np.uint8(np.rint(image)) for image in images])
        arrays[f"{name}_labels"] = np.array(labels)
        print(f"{name}: {len(labels)} images", flush=True)
    with whole(settings.write_arrays) as partial:
        np.savez(partial, **arrays)


def check_arrays(data_set: str, preprocessing: Preprocessing) -> None:
    """Refuse data sets whose images are cropped before they are resized."""
    if preprocessing.augmentation.change != "pad_and_crop":
        raise SystemExit(
            f"{data_set} is cropped from images of any size and does not fit into memory. Install "
            "TensorFlow for its input pipeline, on whichever backend trains, and leave out "
            "--arrays and --write-arrays."
        )
