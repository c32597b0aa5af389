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

Paper (mean of 5 seeds and half-width of its 95 % interval):
                             top-1         severity      HierDist@1     @5            @20
    type I  cross-entropy    79.18 0.55    2.12 0.024    0.44 0.010    2.10 0.003    2.67 0.004
            CRM on it        79.30 0.53    2.08 0.020    0.43 0.009    1.74 0.004    2.44 0.002
            Flamingo         81.00 0.59    2.04 0.034    0.39 0.009    2.06 0.004    2.65 0.002
            HAFeature        73.23 0.61    2.48 0.094    0.66 0.015    2.10 0.013    2.61 0.008
    type II cross-entropy    79.58 0.27    2.15 0.016    0.44 0.010    2.11 0.006    2.67 0.003
            CRM on it        79.62 0.30    2.13 0.011    0.43 0.006    1.75 0.004    2.45 0.002
            Flamingo         80.02 0.79    2.10 0.037    0.42 0.017    2.08 0.006    2.66 0.003
            HAFeature        74.39 0.78    2.53 0.033    0.65 0.023    2.10 0.006    2.61 0.004
            HAFrame          80.49 0.47    2.02 0.038    0.39 0.004    1.74 0.003    2.45 0.002
Not measured by us, nor the time on a GPU: this machine has neither the images nor a GPU.
"""

import dataclasses
import os
import sys
from collections.abc import Sequence

os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")  # as `haframe` does: docs/training.md

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
