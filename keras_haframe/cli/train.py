"""`haframe train FOLDER`: a classifier from a folder of photographs, ready to be exported."""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import json
import pathlib
import re
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from keras_haframe.cli.files import as_json
from keras_haframe.files import whole

if TYPE_CHECKING:
    from keras_haframe.data import ImageData
    from keras_haframe.training import Experiment

MODEL = "model.keras"
THUMBNAIL, MOST_IMAGES = (96, 96), 2_000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `haframe train`."""
    add_training_arguments(parser, "runs/train")
    parser.add_argument("--method", default="haframe", help="training method (default haframe)")
    parser.add_argument(
        "--option", action="append", default=[], metavar="NAME=VALUE", type=_option,
        help="an option of the method or of `build`, such as alpha=0.25; several times",
    )  # fmt: skip
    parser.add_argument("--seed", type=int, default=0, help="seed of the splits and the training")


def add_training_arguments(parser: argparse.ArgumentParser, output: str) -> None:
    """Arguments that `train` and `compare` share."""
    parser.add_argument(
        "folder", type=pathlib.Path,
        help="photographs, a folder per class, folders of folders as the tree",
    )  # fmt: skip
    parser.add_argument(
        "--output", type=pathlib.Path, default=pathlib.Path(output),
        help=f"folder of the run; the same command again goes on there (default {output})",
    )  # fmt: skip
    parser.add_argument(
        "--backbone", default="mobilenet_v2",
        help="a network of keras.applications, such as mobilenet_v2 (the default), resnet50 or "
        "efficientnet_b0; or small_cnn",
    )  # fmt: skip
    parser.add_argument(
        "--weights", help="imagenet, none, or a file (default imagenet, for small_cnn none)"
    )
    parser.add_argument(
        "--image-size", type=int, nargs="+", default=[224], metavar="PIXELS",
        help="side of the images, or height and width (default 224)",
    )  # fmt: skip
    parser.add_argument("--epochs", type=int, default=10, help="epochs in all (default 10)")
    parser.add_argument(
        "--freeze-epochs", type=int,
        help="of these, first ones with a frozen backbone (default a third; without weights 0)",
    )  # fmt: skip
    parser.add_argument("--batch-size", type=int, default=32, help="images a step (default 32)")
    parser.add_argument(
        "--learning-rate", type=float, default=3e-3,
        help="rate of the new layers; a pretrained backbone has 3 %% of it (default 0.003)",
    )  # fmt: skip
    parser.add_argument(
        "--validation", type=float, default=0.2,
        help="share of every class, if FOLDER has no such split (default 0.2)",
    )  # fmt: skip
    parser.add_argument(
        "--test", type=float, default=0.0, help="likewise (default 0: validation is scored)"
    )
    parser.add_argument(
        "--no-augment", action="store_true", help="no random crops and mirror images"
    )
    parser.add_argument(
        "--skip-damaged", action="store_true",
        help="first read every image once, and leave out what cannot be read",
    )  # fmt: skip
    parser.add_argument(
        "--max-minutes", type=float, help="stop at an epoch's end before this many minutes"
    )
    parser.add_argument(
        "--save-every", metavar="STEPS|TIME", help="save within epochs, too: 500, or 1min"
    )
    parser.add_argument("--json", action="store_true", help="JSON on stdout, progress on stderr")


def run(args: argparse.Namespace) -> int:
    """Train, write the model and say what to do with it."""
    with progress(args.json):
        experiment, data = prepare(args)
        from keras_haframe.training.distribution import all_devices

        with all_devices(args.batch_size) as devices:
            result = experiment.run(
                args.method, (args.method, dict(args.option)), args.seed, args.output,
                synchronized=devices > 1, max_minutes=args.max_minutes,
                save_every=args.save_every,
            )  # fmt: skip
        if result is None:
            raise ValueError("the time was up; the same command goes on")
        model = save_model(experiment, args.output)
        keep_images(experiment, data, args.output)
    facts = facts_of(args, experiment, data)
    if args.json:
        print(as_json({**facts, "model": str(model), "result": plain(result)}))
        return 0
    from keras_haframe.results.table import markdown

    served = f"serving/{args.folder.resolve().name}"
    print(
        f"\n{facts['scored_images']} {facts['scored']} images\n\n"
        f"{markdown({args.method: [result]})}\n\nmodel: {model}\n\n"
        f"haframe report {args.output}\n"
        f"haframe export {model} {served}\n"
        f"haframe predict {served} PHOTOGRAPH"
    )
    return 0


@contextlib.contextmanager
def progress(as_json: bool) -> Iterator[None]:
    """Leave stdout to JSON alone; tell of a damaged image in one line, as of other mistakes."""
    out = contextlib.redirect_stdout(sys.stderr) if as_json else contextlib.nullcontext()
    try:
        with out:
            yield
    except Exception as error:  # TensorFlow's own, with the line that counts somewhere in it
        told = re.search(r"ValueError: (.+ is not a readable image.*?)\. Fetch", str(error))
        if told is None:
            raise
        raise ValueError(
            f"{told[1]}. Fetch the file again, or leave such files out with --skip-damaged."
        ) from None


def prepare(args: argparse.Namespace) -> tuple[Experiment, ImageData]:
    """Read the folder, make the experiment and print what was found."""
    if not args.folder.is_dir():
        raise ValueError(f"No such folder: {args.folder}")
    if len(args.image_size) > 2:
        raise ValueError(f"--image-size takes one or two numbers. Received: {args.image_size}")
    from keras_haframe.training import fine_tuning

    small = args.backbone.replace("_", "").lower() == "smallcnn"
    experiment, data = fine_tuning(
        args.folder, args.backbone, args.weights or ("none" if small else "imagenet"),
        (args.image_size[0], args.image_size[-1]), epochs=args.epochs,
        freeze_epochs=args.freeze_epochs, batch_size=args.batch_size,
        learning_rate=args.learning_rate, validation=args.validation, test=args.test,
        seed=args.seed, augment=not args.no_augment,
        on_corrupt="skip" if args.skip_damaged else "refuse",
    )  # fmt: skip
    print(data, flush=True)
    return experiment, data


def save_model(experiment: Experiment, folder: pathlib.Path) -> pathlib.Path:
    """Write the model of a finished run beside its results, anew if the run has gone on since."""
    from keras_haframe.results.run import RESULT

    path = folder / MODEL
    if not path.is_file() or path.stat().st_mtime_ns < (folder / RESULT).stat().st_mtime_ns:
        with whole(path) as partial:
            experiment.model_of(folder).save(partial)
    return path


def keep_images(experiment: Experiment, data: ImageData, folder: pathlib.Path) -> None:
    """Keep small copies of the scored images, unless they are many, for the report's mistakes."""
    import numpy as np

    from keras_haframe.data import Preprocessing
    from keras_haframe.results import folder as files

    scored = experiment.settings["scored"]
    if len(data.files[scored]) > MOST_IMAGES or (folder / files.IMAGES).is_file():
        return
    small = dataclasses.replace(data, preprocessing=Preprocessing(THUMBNAIL))
    batches = small.in_order(scored).as_numpy_iterator()
    files.write_images(folder, np.concatenate([np.uint8(np.rint(images)) for images, _ in batches]))


def facts_of(args: argparse.Namespace, experiment: Experiment, data: ImageData) -> dict[str, Any]:
    """Say what was trained on what, as JSON takes it."""
    return {
        "run": str(args.output),
        "classes": data.tree.num_classes,
        "images": {split: len(files) for split, files in data.files.items()},
        "scored": experiment.settings["scored"],
        "scored_images": len(experiment.test[1]),
    }


def plain(result: dict[str, Any]) -> dict[str, Any]:
    """Return a result without NaN, which JSON has not: severity without any mistake."""
    return {k: None if v != v else v for k, v in result.items()}


def _option(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise argparse.ArgumentTypeError(f"must be NAME=VALUE. Received: {text}")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value
