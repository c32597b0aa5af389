"""CIFAR-100 at the paper's size on a rented GPU with JAX and without TensorFlow.

The images travel in parts, because a call to such a machine may carry little. Here, once:

    python benchmarks/gpu_cifar100.py pack --data-dir DIR --output parts   # six files of 24 MB

There, calls that follow each other, two parts a call, then as many `train` calls as it takes; each
goes on where the last stopped:

    python benchmarks/gpu_cifar100.py collect parts/part-0*.xz --store /tmp/cifar100
    python benchmarks/gpu_cifar100.py train --store /tmp/cifar100 --output $OUT --minutes 9 \\
        --method haframe --seed 0 --mixed

`train` runs recipes/cifar100.py with the images and their augmentation on the device, and leaves
result.json, history.csv, settings.json and summary.json (machine, versions, images per second,
TFLOP/s, share of the chip's peak) in `--output`. Further arguments go to the recipe.

Cost: WRN-28-8 takes 3.4e9 multiply-adds per image forward, three times that with the backward pass;
45,000 images times 100 epochs make 9e16 floating-point operations, so a tenth of an H100's bfloat16
peak does a run in 15 minutes.
"""

from __future__ import annotations

import argparse
import csv
import json
import lzma
import os
import pathlib
import platform
import shutil
import subprocess
import sys

import numpy as np

ROOT = pathlib.Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))  # nothing is installed on such a machine
PARTS, SIZES = 6, {"train": 50_000, "test": 10_000}
# Dense bfloat16 and TF32 peaks in TFLOP/s, from NVIDIA's data sheets.
PEAKS = {"H100": (989.0, 495.0), "H200": (989.0, 495.0), "A100": (312.0, 156.0)}


def pack(args) -> None:
    """Write the images in parts: differences from the pixel to the left, then LZMA."""
    from keras_haframe.data import cifar100

    args.output.mkdir(parents=True, exist_ok=True)
    data = [cifar100.load_arrays(s, args.data_dir) for s in ("train+validation", "test")]
    images, labels = (np.concatenate(part) for part in zip(*data))
    labels = labels.astype("uint8")
    for i, rows in enumerate(np.array_split(np.arange(len(labels)), PARTS)):
        part = images[rows].copy()
        part[:, :, 1:] -= images[rows][:, :, :-1]
        planes = part.transpose(3, 1, 2, 0).tobytes()  # like beside like
        path = args.output / f"part-{i:02d}.xz"
        path.write_bytes(lzma.compress(labels[rows].tobytes() + planes, preset=args.preset))
        print(f"{path}: {path.stat().st_size / 1e6:.1f} MB", flush=True)


def collect(args) -> None:
    """Unpack parts; when all are there, write cifar100.npz."""
    args.store.mkdir(parents=True, exist_ok=True)
    total = sum(SIZES.values())
    for path in args.parts:
        i = int(path.stem.split("-")[1])
        n = len(np.array_split(np.arange(total), PARTS)[i])
        content = np.frombuffer(lzma.decompress(path.read_bytes()), "uint8")
        labels, planes = content[:n], content[n:].reshape(3, 32, 32, n)
        images = np.cumsum(planes.transpose(3, 1, 2, 0), axis=2, dtype="uint8")
        np.savez(args.store / f"part-{i:02d}.npz", images=images, labels=labels)
    parts = sorted(args.store.glob("part-*.npz"))
    print(f"{len(parts)} of {PARTS} parts in {args.store}")
    if len(parts) < PARTS:
        return
    loaded = [dict(np.load(part)) for part in parts]
    images, labels = (np.concatenate([p[k] for p in loaded]) for k in ("images", "labels"))
    if (np.bincount(labels, minlength=100) != total // 100).any():
        raise SystemExit("The parts do not make CIFAR-100: classes differ in size.")
    split = SIZES["train"]
    np.savez(
        args.store / "cifar100.npz",
        train_images=images[:split], train_labels=labels[:split].astype("int64"),
        test_images=images[split:], test_labels=labels[split:].astype("int64"),
    )  # fmt: skip


def multiply_adds(depth: int, width: int) -> float:
    """Of one image through the WideResNet of the recipe, forward."""
    import keras_haframe as kh

    net = kh.models.wide_resnet(depth=depth, width=width)
    total = 0.0
    for layer in net.layers:
        if hasattr(layer, "kernel"):
            total += np.prod(layer.kernel.shape) * np.prod(layer.output.shape[1:3])
    return float(total)


def gpu_name() -> str:
    """Name of the first GPU, or of the processor where there is none."""
    if shutil.which("nvidia-smi"):
        asked = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
        found = subprocess.run(asked, capture_output=True, text=True).stdout.split("\n")[0]
        if found:
            return found
    return f"CPU, {os.cpu_count()} cores"


def train(args, more: list[str]) -> int:
    """One call of the recipe, and what it came to."""
    os.environ["KERAS_BACKEND"] = "jax"
    runs = args.store / "runs"
    command = [
        sys.executable, str(ROOT / "recipes/cifar100.py"), "--on-device",
        "--output", str(runs), "--max-minutes", str(args.minutes), *more,
    ]  # fmt: skip
    if "--smoke" not in more:
        command += ["--arrays", str(args.store / "cifar100.npz")]
    path = os.pathsep.join(p for p in (str(ROOT), os.environ.get("PYTHONPATH")) if p)
    code = subprocess.run(command, env={**os.environ, "PYTHONPATH": path}).returncode
    args.output.mkdir(parents=True, exist_ok=True)
    for folder in sorted(runs.glob("*_seed*")):
        names = ("settings.json", "seconds.csv", "history.csv", "result.json")
        files = [folder / name for name in names]
        for file in filter(pathlib.Path.exists, files):
            shutil.copy(file, args.output / f"{folder.name}.{file.name}")
        if files[1].exists() and files[0].exists():
            summary = summarize(json.loads(files[0].read_text()), files[1])
            target = args.output / f"{folder.name}.summary.json"
            target.write_text(json.dumps(summary, indent=1) + "\n")
            print(folder.name, json.dumps(summary), flush=True)
    return code


def summarize(settings: dict, times: pathlib.Path) -> dict:
    """Speed of a run, from the seconds of its epochs but the first, which compiles.

    `times` is the runner's seconds.csv: epoch, seconds of the training steps, seconds in all.
    """
    import jax
    import keras

    with open(times, newline="") as file:
        seconds = [float(trained) for _, trained, _ in csv.reader(file)]
    images = 1000 if settings["smoke"] else 100 * min(settings["per_class"], 450)
    images -= images % settings["batch_size"]
    per_image = 6 * multiply_adds(settings["depth"], settings["width"])  # 2 per multiply-add, x 3
    speed = images / float(np.median(seconds[1:] or seconds))
    name = gpu_name()
    peaks = next((p for chip, p in PEAKS.items() if chip in name), None)
    peak = None if peaks is None else peaks[0 if settings["mixed"] else 1]
    return {
        "machine": name, "jax": jax.__version__, "keras": keras.__version__,
        "numpy": np.__version__, "python": platform.python_version(), "epochs": len(seconds),
        "minutes": round(sum(seconds) / 60, 2), "images_per_second": round(speed, 1),
        "tflops": round(speed * per_image / 1e12, 3),
        "share_of_peak": None if peak is None else round(speed * per_image / 1e12 / peak, 4),
    }  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    verbs = parser.add_subparsers(dest="verb", required=True)
    one = verbs.add_parser("pack")
    one.add_argument("--data-dir", default=None)
    one.add_argument("--output", type=pathlib.Path, default="parts")
    one.add_argument("--preset", type=int, default=6)
    one = verbs.add_parser("collect")
    one.add_argument("parts", type=pathlib.Path, nargs="+")
    one.add_argument("--store", type=pathlib.Path, required=True)
    one = verbs.add_parser("train")
    one.add_argument("--store", type=pathlib.Path, required=True)
    one.add_argument("--output", type=pathlib.Path, required=True)
    one.add_argument("--minutes", type=float, default=9.0)
    args, more = parser.parse_known_args()
    if more and args.verb != "train":
        parser.error(f"unrecognized arguments: {' '.join(more)}")
    if args.verb == "train":
        return train(args, more)
    (pack if args.verb == "pack" else collect)(args)
    return 0


if __name__ == "__main__":
    sys.exit(main())
