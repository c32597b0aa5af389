"""Data and sizes of networks that mae_pretrain.py and mae_finetune.py share."""

import dataclasses
import pathlib

import numpy as np
import simple_parsing

import keras_haframe as kh
from keras_haframe.data import ArrayBatches, CutMixedBatches, Preprocessing, cifar100
from keras_haframe.data.augment_arrays import random_crop_and_flip
from keras_haframe.data.preprocessing import IMAGENET_MEAN, IMAGENET_STD
from keras_haframe.training import RunSettings, place
from keras_haframe.training.distribution import process


@dataclasses.dataclass(frozen=True)
class Network:
    """A size of the network and the settings that go with it; the paper's for B, L and H."""

    encoder: str | tuple[int, int, int]  # of ViT
    decoder: tuple[int, int, int]  # width, blocks, heads
    tuning_epochs: int
    tuning_rate: float  # for a batch of 256
    layer_decay: float
    drop_path: float


NETWORKS = {
    "mini": Network((64, 4, 4), (32, 1, 4), 20, 1e-3, 0.75, 0.0),
    "small": Network((128, 6, 4), (64, 2, 4), 20, 1e-3, 0.75, 0.1),
    "tiny": Network("Ti", (96, 4, 3), 100, 1e-3, 0.75, 0.1),
    "B": Network("B", (512, 8, 16), 100, 5e-4, 0.65, 0.1),
    "L": Network("L", (512, 8, 16), 50, 1e-3, 0.75, 0.2),
    "H": Network("H", (512, 8, 16), 50, 1e-3, 0.75, 0.3),
}
# Side of an image and of a patch, mean and standard deviation.
ARRAYS = {
    "drawn_aircraft": (64, 8, (0.5, 0.5, 0.5), (0.25, 0.25, 0.25)),
    "cifar100": (32, 4, cifar100.PREPROCESSING.mean, cifar100.PREPROCESSING.std),
}


@dataclasses.dataclass
class DataSettings(RunSettings):
    """Settings of data and network."""

    # drawn_aircraft, cifar100, or a TFDS data set that carries its class tree (docs/data.md)
    dataset: str = "drawn_aircraft"
    data_dir: str | None = place(None)  # TFDS folder; default: data in the output folder
    arrays: str | None = place(None)  # cifar100 from an .npz file, instead of TFDS
    size: str = simple_parsing.choice(*NETWORKS, default="small")  # size of the network
    image_size: int = 224  # side of the images of a TFDS data set
    patch_size: int | None = None  # side of a patch; by default what suits the data set

    @property
    def network(self) -> Network:
        return NETWORKS[self.size]

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape of an image."""
        side = ARRAYS[self.dataset][0] if self.dataset in ARRAYS else self.image_size
        return (side, side, 3)

    @property
    def patch(self) -> int:
        """Side of a patch."""
        own = ARRAYS[self.dataset][1] if self.dataset in ARRAYS else 14 if self.size == "H" else 16
        return self.patch_size or own

    @property
    def statistics(self) -> tuple:
        """Mean and standard deviation that images are normalized by."""
        return ARRAYS[self.dataset][2:] if self.dataset in ARRAYS else (IMAGENET_MEAN, IMAGENET_STD)

    def normalized(self, images: np.ndarray) -> np.ndarray:
        """uint8 images as float32, normalized."""
        mean, std = (np.array(v, "float32") for v in self.statistics)
        return (images.astype("float32") / 255 - mean) / std


def load(settings: DataSettings, mixed: bool = False, scale: float = 0.2) -> dict:
    """Tree, training data and test data, as `Experiment` takes them.

    Args:
        settings: Settings.
        mixed: Whether training batches are mixed (arrays only).
        scale: Smallest part of an image that a random crop of a TFDS data set shows.
    """
    if settings.dataset not in ARRAYS:
        from photographs import read_tfds

        preprocessing = Preprocessing.imagenet_style(
            IMAGENET_MEAN, IMAGENET_STD, settings.image_size, change="resized_crop",
            scale=(scale, 1.0),
        )  # fmt: skip
        return read_tfds(settings, settings.dataset, preprocessing)
    images, labels, test_images, test_labels, tree = read_arrays(settings)

    def change(generator: np.random.Generator, batch: np.ndarray) -> np.ndarray:
        return settings.normalized(random_crop_and_flip(generator, batch))

    def make_train(seed: int):
        kind, options = (CutMixedBatches, {"alpha": 0.8}) if mixed else (ArrayBatches, {})
        return kind(
            images, labels, settings.batch_size, seed, change, process(), **options
        ).from_epoch

    return {
        "tree": tree,
        "make_train": make_train,
        "test": (settings.normalized(test_images), test_labels),
        "steps": len(labels) // settings.batch_size,
    }


def read_arrays(settings: DataSettings) -> tuple:
    """Training images uint8 and labels, test images and labels, class tree."""
    if settings.dataset == "drawn_aircraft":
        from aircraft_demo import load as load_drawn

        from keras_haframe.data import drawn_aircraft

        folder = settings.data_dir or str(pathlib.Path(settings.output) / "data")
        config = "tiny" if settings.smoke else "standard"
        parts = [load_drawn(split, config, folder) for split in ("train", "test")]
        return (*parts[0], *parts[1], drawn_aircraft.class_tree())
    if settings.arrays:
        with np.load(settings.arrays) as file:
            parts = [file[f"{s}_{k}"] for s in ("train", "test") for k in ("images", "labels")]
    else:
        data = cifar100.load_arrays(data_dir=settings.data_dir)
        train = [np.concatenate(pair) for pair in zip(data["train"], data["validation"])]
        parts = [*train, *data["test"]]
    return (*parts, cifar100.class_tree())


def make_encoder(settings: DataSettings, **options) -> kh.models.ViT:
    """A `ViT` of the settings' size."""
    return kh.models.ViT(settings.shape, settings.network.encoder, settings.patch, **options)
