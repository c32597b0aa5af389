"""Run by test_distribution.py: one of several JAX processes of one resumable run.

python -m tests.training.two_processes FOLDER PORT COUNT INDEX [MAX_MINUTES]
"""

import os
import pathlib
import sys

os.environ["KERAS_BACKEND"] = "jax"

from keras_haframe.data import ArrayBatches
from keras_haframe.training import epoch_cosine, run
from keras_haframe.training.distribution import all_devices, join, process
from tests.training.small_run import data
from tests.training.two_devices_model import make_model


def main(folder: str, port: str, count: int, index: int, max_minutes: float | None):
    if count > 1:
        join(f"localhost:{port}", count, index)
    assert process() == (index, count)
    images, labels = data()
    with all_devices(16) as devices:
        assert devices == count
        train = ArrayBatches(images[:64], labels[:64], 16, share=(index, count))
        result = run(
            make_model, train.from_epoch, (images[80:], labels[80:]), 3, pathlib.Path(folder),
            validation=(images[64:80], labels[64:80]), callbacks=lambda: [epoch_cosine(0.05, 3)],
            max_minutes=max_minutes, verbose=0,
        )  # fmt: skip
    print("RESULT", None if result is None else result["hier_dist_1"])


if __name__ == "__main__":
    limit = float(sys.argv[5]) if len(sys.argv) > 5 else None
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), limit)
