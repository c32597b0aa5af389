"""iNaturalist 2021: 10,000 species, seven ranks, 500,000 or 2.7 million training photographs.

    python recipes/inaturalist2021.py --weights model.safetensors       # 51 GB download, GPU days
    python recipes/inaturalist2021.py --images full --weights model.safetensors         # 233 GB
    python recipes/inaturalist2021.py --method cross_entropy --weights model.safetensors
    python recipes/inaturalist2021.py --smoke                           # seconds, drawn images

Settings of the HAFrame paper for iNaturalist 2019 (ResNet-50 from ImageNet, 224 px, 100 epochs,
batch 256, gamma 5, alpha 0.4), as no paper of hierarchy-aware training reports this data set. The
paper's type II network would have a transformation block of K x K, 400 million parameters for
10,000 classes; `bottleneck="auto"` makes it narrower than the backbone (docs/methods/haframe.md).
`--options` gives `build` others, such as gamma=3. docs/data.md says where the images come from and
how they are divided.

Not measured by us: this machine has neither the images nor a GPU.
"""

import dataclasses
from collections.abc import Sequence

import simple_parsing
from photographs import PhotographSettings, train

from keras_haframe.data import inaturalist2021
from keras_haframe.training import parse, place

OPTIONS = {"haframe": {"gamma": 5.0, "alpha": 0.4}, "haframe_dr": {"gamma": 5.0}}


@dataclasses.dataclass
class Settings(PhotographSettings):
    """Settings of the run."""

    images: str = simple_parsing.choice("mini", "full", default="mini")  # training images
    network: str = simple_parsing.choice("I", "II", default="II")  # network type
    batch_size: int = 256  # training batch, over all devices
    output: str = place("runs/inaturalist2021")  # folder where runs are kept


def main(argv: Sequence[str] | None = None) -> None:
    """The experiment."""
    settings = parse(Settings, __doc__, argv)
    rate = 0.1 if settings.network == "II" else 1.0  # of the transformation block
    data_set = f"inaturalist2021/{settings.images}"
    train(settings, data_set, inaturalist2021.PREPROCESSING, OPTIONS, rate)


if __name__ == "__main__":
    main()
