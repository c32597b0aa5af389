"""A pre-training step of a masked autoencoder: images per second and memory.

Systems on one fixed batch, AdamW, 75 % hidden, normalized targets, float32:

- keras: `models.MAE` on TensorFlow, whose encoder sees a quarter of the patches, with oneDNN's
  kernels (`TF_ENABLE_ONEDNN_OPTS=1`), which PyTorch always has and TensorFlow leaves off on some
  processors, such as those without AVX-512;
- keras, all tokens: the same with mask tokens in the encoder, which sees all;
- keras, oneDNN off: the first without those kernels;
- keras, on pytorch: the first on Keras's other backend (left out where PyTorch is not installed);
- pytorch: the same network as the first in plain PyTorch, from the same weights. Its loss, and
  those of the two above, must be that of the first on one noise (0.01 %), or nothing is measured.

Each runs in a process of its own with as many threads as the machine has cores (`--threads`),
beside the first, and they take turns; `ratio` is the median over rounds of the images per second
against those of keras in the same round. `memory_mb` is the largest resident memory of the process.

    python benchmarks/mae.py            # a quarter of an hour; writes benchmarks/results/mae.csv
    python benchmarks/mae.py --quick    # two rounds, small; no file
"""

from __future__ import annotations

import argparse
import functools
import importlib.util
import json
import os
import pathlib
import resource
import sys

import machine
from training import System, measure_pair

RESULTS = pathlib.Path(__file__).parent / "results" / "mae.csv"
# Side, patch, batch, (width, blocks, heads) of encoder and decoder, steps of a turn.
SIZES = {
    "vit_b": (224, 16, 8, (768, 12, 12), (512, 8, 16), 1),
    "small": (32, 4, 128, (128, 6, 4), (64, 2, 4), 3),
}
QUICK = {"small": (32, 4, 32, (64, 4, 4), (32, 1, 4), 2)}
OTHERS = ["keras, all tokens", "keras, oneDNN off", "keras, on pytorch", "pytorch"]  # beside keras


def make_batch(side: int, patch: int, batch: int):
    """Images and the noise on which the losses are compared."""
    import numpy as np

    rng = np.random.default_rng(0)
    images = rng.standard_normal((batch, side, side, 3)).astype("float32")
    return images, rng.random((batch, (side // patch) ** 2)).astype("float32")


def keras_step(size: tuple, variant: str, threads: int, weights: str):
    """A training step of Keras, and its loss; writes the starting weights where there are none."""
    os.environ["KERAS_BACKEND"] = "torch" if variant == "on pytorch" else "tensorflow"
    os.environ["TF_ENABLE_ONEDNN_OPTS"] = "0" if variant == "oneDNN off" else "1"
    import keras
    import numpy as np

    if keras.backend.backend() == "torch":
        import torch as backend

        backend.set_num_threads(threads)
        convert = backend.from_numpy
    else:
        import tensorflow as backend

        backend.config.threading.set_intra_op_parallelism_threads(threads)
        convert = backend.constant
    from keras_haframe.models import MAE, ViT
    from keras_haframe.models.vit_weights import load_mae_weights, mae_state

    side, patch, batch, encoder, decoder, _ = size
    keras.utils.set_random_seed(0)
    mae = MAE(
        ViT((side, side, 3), encoder, patch), decoder_width=decoder[0], decoder_depth=decoder[1],
        decoder_heads=decoder[2], encoder_mask_tokens=variant == "all tokens",
    )  # fmt: skip
    if not variant:
        np.savez(weights, **mae_state(mae))
    elif variant != "all tokens":  # which has a mask token more
        load_mae_weights(mae, weights)
    images, noise = make_batch(side, patch, batch)
    loss = float(mae.compute_loss(images, y_pred=mae(images, noise=noise)))
    images = convert(images)

    def step() -> None:
        mae.train_on_batch(images)

    name = keras.backend.backend()
    return step, loss, f"keras {keras.__version__}, {name} {backend.__version__}"


def torch_step(size: tuple, threads: int, weights: str):
    import mae_torch
    import numpy as np
    import torch

    torch.set_num_threads(threads)
    with np.load(weights) as file:
        step, loss = mae_torch.make_step(dict(file), size, *make_batch(*size[:3]))
    return step, loss, f"torch {torch.__version__}"


def child(system: str, size: str, threads: int, weights: str) -> None:
    """Two steps to get ready; then, for every line read, that many steps and the memory."""
    library, _, variant = system.partition(", ")
    if library == "pytorch":
        step, loss, versions = torch_step(json.loads(size), threads, weights)
    else:
        step, loss, versions = keras_step(json.loads(size), variant, threads, weights)
    step()
    step()
    print(json.dumps({"losses": [loss], "versions": versions}), flush=True)
    for line in sys.stdin:
        for _ in range(int(line)):
            step()
        memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        print(json.dumps({"memory": memory}), flush=True)


class MeasuredSystem(System):
    """A child process that also tells its memory."""

    def read(self) -> dict:
        line = super().read()
        if "memory" in line:
            self.measured = {"memory_mb": round(line["memory"])}
        return line


def measure(case: str, size: tuple, rounds: int, threads: int) -> list[dict]:
    """Rows of the table, one per system: Keras, and each other one beside it."""
    side, _, batch, *_, steps = size
    arguments = [json.dumps(size), str(threads)]
    rows: list[dict] = []
    for other in OTHERS:
        if "pytorch" in other and importlib.util.find_spec("torch") is None:
            continue
        pair = measure_pair(
            case,
            [functools.partial(MeasuredSystem, n, script=__file__) for n in ("keras", other)],
            arguments, (side, batch, steps), rounds, threads, same=other != "keras, all tokens",
        )  # fmt: skip
        new = pair[1:] if rows else pair
        for row in new:
            print(
                f"{case:<6} {row['system']:<18} {row['images_per_s']:>8.2f} images/s "
                f"{row['ratio']:>6.2f} of keras, {row['memory_mb']:>6} MB, load {row['load']}",
                flush=True,
            )
        rows += new
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="two rounds, small; writes nothing")
    parser.add_argument("--rounds", type=int, default=5, help="turns of every system")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), help="threads of a system")
    parser.add_argument("--child", nargs=4, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.child:
        system, size, threads, weights = args.child
        child(system, size, int(threads), weights)
        return
    rows = []
    for case, size in (QUICK if args.quick else SIZES).items():
        rows += measure(case, size, 2 if args.quick else args.rounds, args.threads)
    if not args.quick:
        machine.write(RESULTS, [row | machine.about() for row in rows])


if __name__ == "__main__":
    main()
