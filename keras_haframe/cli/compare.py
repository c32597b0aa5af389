"""`haframe compare FOLDER`: training methods side by side on a folder of photographs."""

from __future__ import annotations

import argparse

from keras_haframe.cli import train
from keras_haframe.cli.files import as_json


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `haframe compare`."""
    train.add_training_arguments(parser, "runs/compare")
    parser.add_argument(
        "--methods", nargs="+", default=["cross_entropy", "haframe"], metavar="METHOD",
        help="rows of the table (default cross_entropy haframe), or all",
    )  # fmt: skip
    parser.add_argument("--seeds", type=int, default=1, help="number of seeds, a run each")
    parser.add_argument("--seed", type=int, default=0, help="first seed, and that of the splits")
    parser.add_argument(
        "--rules", nargs="*", default=["CRM"], metavar="RULE",
        help="decision rules beside the highest score (default CRM)",
    )  # fmt: skip


def run(args: argparse.Namespace) -> int:
    """Train what is not trained yet, write the models and print the table."""
    with train.progress(args.json):
        experiment, data = train.prepare(args)
        from keras_haframe import methods
        from keras_haframe.results import run_folder
        from keras_haframe.results.table import by_method, markdown
        from keras_haframe.training import compare

        names = methods.names() if args.methods == ["all"] else args.methods
        rows: dict[str, tuple[str, dict]] = {name: (name, {}) for name in names}
        results = compare(
            experiment, rows, range(args.seed, args.seed + args.seeds), args.output,
            rules=["", *args.rules], max_minutes=args.max_minutes,
            save_every=args.save_every,
        )  # fmt: skip
        if results is None:
            raise ValueError("the time was up; the same command goes on")
        models = {
            name: train.save_model(experiment, run_folder(args.output, name, args.seed))
            for name in names
        }
        train.keep_images(experiment, data, args.output)
    facts = train.facts_of(args, experiment, data)
    if args.json:
        lines = [train.plain(line) for line in results]
        kept = {name: str(path) for name, path in models.items()}
        print(as_json({**facts, "models": kept, "results": lines}))
        return 0
    print(
        f"\n{facts['scored_images']} {facts['scored']} images\n\n{markdown(by_method(results))}\n\n"
        f"models: {args.output}/METHOD_seed{args.seed}/{train.MODEL}\n\n"
        f"haframe report {args.output}"
    )
    return 0
