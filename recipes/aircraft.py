"""HAFrame on FGVC-Aircraft (Liang and Davis, ICCV 2023, FGVC-Aircraft table).

    python recipes/aircraft.py --weights model.safetensors --seeds 5    # the paper's run, on a GPU
    python recipes/aircraft.py --method cross_entropy --network I --weights model.safetensors
    python recipes/aircraft.py --smoke                                  # seconds, drawn images
    python recipes/aircraft.py --demo                                   # as `haframe demo`

ResNet-50 from ImageNet, 224 px, 100 epochs, batch 64, gamma 1, alpha 0.5; 3,334 training, 3,333
validation and 3,333 test images, 100 variants in 70 families of 30 manufacturers. The data set is
downloaded and prepared on first use (2.75 GB, docs/data.md). `--demo` is another experiment:
offline, about two minutes on two CPU cores, on aircraft that the package draws.

Time: about 14 hours of training steps a seed on two CPU cores, a third more with validation
(6.7 images/s, benchmarks/input.py). Where TensorFlow is not installed: `--arrays`, see
photographs.py.

Paper (mean of 5 seeds; our sources do not give the spread):
                              top-1   severity   HierDist@1    @5     @20
    cross-entropy, type I     79.18     2.12        0.44      2.10    2.67
    cross-entropy, type II    79.58     2.15        0.44      2.11    2.67
    CRM on it                 79.62     2.13        0.43      1.75    2.45
    Flamingo, type I          81.00     2.04        0.39      2.06    2.65
    HAFeature, type I         73.23     2.48        0.66      2.10    2.61
    HAFrame                   80.49     2.02        0.39      1.74    2.45
Not measured by us, nor the time on a GPU: this machine has neither the images nor a GPU.
"""

import dataclasses
import sys
from collections.abc import Sequence

from keras_haframe.training import parse, place

OPTIONS = {
    "haframe": {"gamma": 1.0, "alpha": 0.5},
    "haframe_dr": {"gamma": 1.0},
    "hafeature": {"dissimilarity_levels": [2]},
    "hier_cos": {"alpha": 0.1},
}


def main(argv: Sequence[str] | None = None) -> None:
    """The paper's experiment, or with `--demo` the embedded one."""
    argv = list(sys.argv[1:] if argv is None else argv)
    if "--demo" in argv:
        from keras_haframe import demo

        demo.main([word for word in argv if word != "--demo"])
        return
    from photographs import PhotographSettings, train

    from keras_haframe.data import fgvc_aircraft

    @dataclasses.dataclass
    class Settings(PhotographSettings):
        """Settings of the run; --demo is another experiment, with settings of its own."""

        output: str = place("runs/fgvc_aircraft")  # folder where runs are kept

    train(parse(Settings, __doc__, argv), "fgvc_aircraft", fgvc_aircraft.PREPROCESSING, OPTIONS)


if __name__ == "__main__":
    main()
