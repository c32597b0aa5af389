"""CIFAR-100 at a size that two cores can carry: heads on features of a frozen ImageNet MobileNet.

    python recipes/compare.py --dataset cifar100 --data-dir DIR --weights imagenet

`DIR` holds TFDS's `cifar100`; `--weights` is "imagenet", or a file for
`keras.applications.MobileNet(include_top=False)` on a machine without internet.

All 50,000 training and 10,000 test images, enlarged to 96 px, pass once through MobileNet, the
training images also mirrored; its average-pooled features (1,024) are the input of the heads. The
class tree is the papers' five-level one. This is not the papers' experiment, which trains a
WideResNet-28-8 from scratch: the features are fixed here and know ImageNet.
"""

import dataclasses
import sys
from collections.abc import Sequence

import keras
import numpy as np
from cifar100 import OPTIONS as OPTIONS

import keras_haframe as kh
from keras_haframe.data import ArrayBatches, Preprocessing, cifar100
from keras_haframe.training import Experiment, RunSettings, epoch_cosine, papers_sgd, place

SIZE = 96
PREPROCESSING = Preprocessing((SIZE, SIZE), interpolation="bicubic", input_range=(-1.0, 1.0))


@dataclasses.dataclass
class Settings(RunSettings):
    """Settings of the experiment."""

    data_dir: str | None = place(None)  # TFDS folder with cifar100
    weights: str = place("imagenet")  # 'imagenet' or a weights file
    epochs: int = 15  # epochs
    batch_size: int = 128  # training batch
    learning_rate: float = 0.05  # learning rate
    output: str = place("runs/cifar100_features")  # folder where runs are kept


def pooled_features(weights: str, *image_sets: np.ndarray) -> list[np.ndarray]:
    """Average-pooled MobileNet features float32 `[n, 1024]` of every set of images."""
    online = "imagenet" if weights == "imagenet" else None
    shape = (SIZE, SIZE, 3)
    net = keras.applications.MobileNet(
        include_top=False, weights=online, input_shape=shape, pooling="avg"
    )
    if not online:
        net.load_weights(weights)

    results = []
    for images in image_sets:
        progress = keras.utils.Progbar(
            len(images), verbose=1 if sys.stdout.isatty() else 2, unit_name="image"
        )
        parts = []
        for i in range(0, len(images), 250):
            batch = PREPROCESSING(images[i : i + 250]).clip(-1.0, 1.0)  # bicubic may overshoot
            parts.append(net.predict_on_batch(batch))
            progress.add(len(parts[-1]))
        results.append(np.concatenate(parts))
    return results


def experiment(settings: Settings, network: str = "II") -> Experiment:
    """Features, tree and budget, for compare.py."""
    images, labels = cifar100.load_arrays("train+validation", settings.data_dir)
    test_images, test_labels = cifar100.load_arrays("test", settings.data_dir)
    if settings.smoke:
        images, labels, test_images, test_labels = (
            part[:256] for part in (images, labels, test_images, test_labels)
        )
    print(f"MobileNet features of {len(images)} images, their mirror images and the test images")
    plain, mirrored, test = pooled_features(
        settings.weights, images, images[:, :, ::-1], test_images
    )
    features, tree = np.stack([plain, mirrored]), cifar100.class_tree()

    def make_model(method: str, options: dict, synchronized: bool) -> keras.Model:
        inputs = keras.Input(features.shape[2:])
        backbone = keras.Model(inputs, keras.layers.Identity()(inputs), name="mobilenet_features")
        model = kh.build(
            backbone, tree, method, network=network, synchronized=synchronized, **options
        )
        model.compile(papers_sgd(model, settings.learning_rate, backbone=1.0))
        return model

    return Experiment(
        tree, make_model,
        lambda seed: ArrayBatches(
            features, labels, settings.batch_size, seed, variants=True
        ).from_epoch,
        (test, test_labels), settings.epochs, batch_size=settings.batch_size,
        callbacks=lambda: [epoch_cosine(settings.learning_rate, settings.epochs)],
        settings={
            **settings.defining(), "network": network, "size": SIZE, "features": "MobileNet"
        },
    )  # fmt: skip


def main(argv: Sequence[str] | None = None) -> None:
    """Compare all methods on this task."""
    import compare

    compare.main(["--dataset", "cifar100", *(sys.argv[1:] if argv is None else argv)])


if __name__ == "__main__":
    main()
