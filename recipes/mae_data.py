"""Data and sizes of networks that mae_pretrain.py and mae_finetune.py share."""

import dataclasses

import simple_parsing

import keras_haframe as kh
from keras_haframe.data import (
    ArrayBatches,
    CutMixedBatches,
    Preprocessing,
    cifar100,
    drawn_aircraft,
)
from keras_haframe.data.preprocessing import IMAGENET_MEAN, IMAGENET_STD
from keras_haframe.training import RunSettings, place


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
# What fits into memory: side of a patch, and how images are prepared.
ARRAYS = {
    "drawn_aircraft": (
        8,
        dataclasses.replace(
            drawn_aircraft.PREPROCESSING, size=(64, 64), input_range=(0.0, 1.0),
            mean=(0.5, 0.5, 0.5), std=(0.25, 0.25, 0.25),
        ),
    ),
    "cifar100": (4, dataclasses.replace(cifar100.PREPROCESSING, size=(32, 32))),
}  # fmt: skip


@dataclasses.dataclass
class DataSettings(RunSettings):
    """Settings of data and network."""

    # drawn_aircraft, cifar100, or a TFDS data set that carries its class tree (docs/data.md)
    dataset: str = "drawn_aircraft"
    data_dir: str | None = place(None)  # TFDS folder
    arrays: str | None = place(None)  # cifar100 from an .npz file, instead of TFDS
    size: str = simple_parsing.choice(*NETWORKS, default="small")  # size of the network
    image_size: int = 224  # side of the images of a TFDS data set
    patch_size: int | None = None  # side of a patch; by default what suits the data set

    @property
    def network(self) -> Network:
        return NETWORKS[self.size]

    @property
    def preprocessing(self) -> Preprocessing:
        """How images are prepared; those of a TFDS data set are cropped at random."""
        if self.dataset in ARRAYS:
            return ARRAYS[self.dataset][1]
        return Preprocessing.imagenet_style(
            IMAGENET_MEAN, IMAGENET_STD, self.image_size, change="resized_crop"
        )

    @property
    def shape(self) -> tuple[int, int, int]:
        """Shape of an image."""
        return (*self.preprocessing.size, 3)

    @property
    def patch(self) -> int:
        """Side of a patch."""
        own = ARRAYS[self.dataset][0] if self.dataset in ARRAYS else 14 if self.size == "H" else 16
        return self.patch_size or own


def load(settings: DataSettings, mixed: bool = False, scale: float = 0.2) -> dict:
    """Tree, training data and test data, as `Experiment` takes them.

    Args:
        settings: Settings.
        mixed: Whether images are changed as in the published fine-tuning: batches mixed, and, of a
            TFDS data set, RandAugment and random erasing.
        scale: Smallest part of an image that a random crop of a TFDS data set shows.
    """
    preprocessing = settings.preprocessing
    if settings.dataset not in ARRAYS:
        from photographs import read_tfds

        more = {"operations": 2, "strength": 9.0, "erasing": 0.25} if mixed else {}
        change = dataclasses.replace(
            preprocessing.augmentation, scale=(scale, 1.0), interpolation="bicubic", **more
        )
        changed = dataclasses.replace(preprocessing, augmentation=change)
        return read_tfds(settings, settings.dataset, changed, mixed)
    (images, labels), (test_images, test_labels), tree = read_arrays(settings)

    def make_train(seed: int):
        kind, options = (CutMixedBatches, {"alpha": 0.8}) if mixed else (ArrayBatches, {})
        return kind(
            images, labels, settings.batch_size, seed, preprocessing.train_batch,
            **options,
        ).from_epoch  # fmt: skip

    return {
        "tree": tree,
        "make_train": make_train,
        "test": (preprocessing(test_images), test_labels),
        "steps": len(labels) // settings.batch_size,
    }


def read_arrays(settings: DataSettings) -> tuple:
    """Training images uint8 and labels, test images and labels, class tree."""
    if settings.dataset == "drawn_aircraft":
        count = 5 if settings.smoke else 100  # training images of every class
        parts = [drawn_aircraft.load_arrays(split, count) for split in ("train", "test")]
        return *parts, drawn_aircraft.class_tree()
    parts = [
        cifar100.load_arrays(split, settings.data_dir, settings.arrays)
        for split in ("train+validation", "test")
    ]
    return *parts, cifar100.class_tree()


def make_encoder(settings: DataSettings, **options) -> kh.models.ViT:
    """A `ViT` of the settings' size."""
    return kh.models.ViT(settings.shape, settings.network.encoder, settings.patch, **options)
