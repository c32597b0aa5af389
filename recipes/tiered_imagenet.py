"""tieredImageNet-H (Liang and Davis, HAFrame, ICCV 2023): 608 classes, twelve levels of WordNet.

    python recipes/tiered_imagenet.py --weights moco.npz --weights-prefix module.encoder_q.
    python recipes/tiered_imagenet.py --smoke                          # seconds, drawn images

The images are yours: ILSVRC2012_img_train.tar and ILSVRC2012_img_val.tar in TFDS's manual folder
(docs/data.md). ResNet-50, 224 px, 100 epochs, batch 256, gamma 3, alpha 0.5; in type II the
transformation block trains at a tenth of the rate too. The paper starts from MoCo-v2 weights
trained on PASS, because ImageNet weights have seen these classes; docs/networks.md converts them.

Our sources give no tieredImageNet-H table of the paper. The CRM repository's ResNet-18 (started
from ImageNet) has top-1 68.8, severity 7.06, HierDist@1, @5, @20 2.20, 5.65, 7.08 for
cross-entropy, and 68.7, 7.00, 2.19, 4.96, 6.12 with CRM; spreads are not given. Not measured by us:
this machine has neither the images nor a GPU. Two CPU cores would take ten weeks for the 43 million
training images (6.7 images/s, benchmarks/input.py).
"""

import dataclasses
from collections.abc import Sequence

from photographs import PhotographSettings, train

from keras_haframe.data import tiered_imagenet_h
from keras_haframe.training import parse, place

OPTIONS = {
    "haframe": {"gamma": 3.0, "alpha": 0.5},
    "haframe_dr": {"gamma": 3.0},
    "hafeature": {"dissimilarity_levels": [5, 6, 7, 8, 9, 10, 11]},
    "hier_cos": {"alpha": 1e-5},
}


@dataclasses.dataclass
class Settings(PhotographSettings):
    """Settings of the run."""

    batch_size: int = 256  # training batch, over all devices
    output: str = place("runs/tiered_imagenet")  # folder where runs are kept


def main(argv: Sequence[str] | None = None) -> None:
    """The paper's experiment."""
    settings = parse(Settings, __doc__, argv)
    rate = 0.1 if settings.network == "II" else 1.0  # of the transformation block
    train(settings, "tiered_imagenet_h", tiered_imagenet_h.PREPROCESSING, OPTIONS, rate)


if __name__ == "__main__":
    main()
