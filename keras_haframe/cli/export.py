"""`haframe export`: a saved model as a directory for TF Serving."""

from __future__ import annotations

import argparse
import json
import os
import pathlib
import warnings


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `haframe export`."""
    parser.add_argument("model", type=pathlib.Path, help="a .keras file of a model of this package")
    parser.add_argument("directory", type=pathlib.Path, help="directory of the model's versions")
    parser.add_argument("--version", type=int, help="version (default: the next free one)")
    parser.add_argument("--name", help="name of the served model (default: the directory's)")
    parser.add_argument(
        "--triton", type=pathlib.Path, metavar="REPOSITORY",
        help="also write it into a model repository of the Triton server",
    )  # fmt: skip
    parser.add_argument("--json", action="store_true", help="JSON instead of text")


def run(args: argparse.Namespace) -> int:
    """Write the version and print where it is.

    Raises:
        ValueError: If the file is no model of this package, and as `keras_haframe.export` does.
    """
    if not args.model.is_file():
        raise ValueError(f"No such file: {args.model}")
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    import keras

    import keras_haframe.models
    from keras_haframe.hdf5_files import check_hdf5
    from keras_haframe.saving import export, write_triton_repository

    check_hdf5(args.model)
    with warnings.catch_warnings():  # of the optimizer's state, which is not served
        warnings.filterwarnings("ignore", "Skipping variable loading for optimizer")
        model = keras.models.load_model(args.model, compile=False)
    if not isinstance(model, keras_haframe.models.HierarchicalClassifier):
        raise ValueError(
            f"{args.model} holds a {type(model).__name__}, no model of keras_haframe.build."
        )
    try:
        path = export(model, args.directory, version=args.version, name=args.name)
    except RuntimeError as error:  # another backend
        raise ValueError(str(error)) from None
    facts = {"path": str(path), "classes": model.tree.num_classes, "method": model.method.name}
    paths = [str(path)]
    if args.triton:
        paths.append(str(write_triton_repository(path, args.triton, args.name)))
        facts["triton"] = paths[1]
    print(json.dumps(facts, indent=2) if args.json else "\n".join(paths))
    return 0
