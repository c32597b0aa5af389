"""`haframe tree`: check, draw, convert, mend and compare class trees."""

from __future__ import annotations

import argparse
import json
import pathlib
import sys
import warnings
from typing import TYPE_CHECKING, Any

from keras_haframe.text_table import LINES, visible

if TYPE_CHECKING:
    from keras_haframe.tree import ClassTree

FORMATS = ("auto", "json", "csv", "folders", "inaturalist", "darwin-core", "speciesnet")
WRITTEN = ("json", "csv", "edges", "dot")
STATUS = "Exit status: 0 fine, 1 something was found, 2 wrong usage or a file that cannot be read."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `haframe tree`."""
    parser.epilog = STATUS
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    for name, (_, summary) in ACTIONS.items():
        action = actions.add_parser(
            name, help=summary, description=f"{summary.capitalize()}.", epilog=STATUS
        )
        action.add_argument("file", help="a tree: JSON, CSV, a folder of images, a taxonomy")
        if name == "diff":
            action.add_argument("new", help="the tree to compare with")
        action.add_argument("--json", action="store_true", help="JSON instead of text")
        action.add_argument("--columns", help="level columns of a CSV file, coarsest first: a,b,c")
        action.add_argument("--separator", help="what separates cells of a CSV file")
        action.add_argument("--no-header", action="store_true", help="a CSV file without titles")
        if name != "doctor":
            action.add_argument("--format", choices=FORMATS, default="auto", help="kind of file")
        if name == "render":
            action.add_argument("--lines", type=int, default=60, help="most lines (default 60)")
        if name == "convert":
            action.add_argument("output", type=pathlib.Path, help="file to write")
            action.add_argument("--to", choices=WRITTEN, help="default: by the ending of the file")
        if name == "doctor":
            action.add_argument(
                "--repair", type=pathlib.Path, metavar="OUT", help="write the repaired tree, JSON"
            )


def run(args: argparse.Namespace) -> int:
    """Run the action; tell of a tree that is refused with status 1, of other trouble with 2."""
    action, _ = ACTIONS[args.action]
    try:
        return action(args)
    except OSError as error:
        return _trouble(args, str(error), 2)
    except ValueError as error:
        return _trouble(args, str(error), 2 if args.action == "diff" else 1)


def check(args: argparse.Namespace) -> int:
    """Print what a tree is."""
    tree, warned = _read(args, args.file)
    if args.json:
        _print({"ok": True, "warnings": warned, **_facts(tree)})
    else:
        print(tree)
    return 0


def render(args: argparse.Namespace) -> int:
    """Draw a tree."""
    tree, _ = _read(args, args.file)
    if args.json:
        _print(tree.get_config())
    else:
        print(tree.render(args.lines))
    return 0


def convert(args: argparse.Namespace) -> int:
    """Write a tree as another kind of file."""
    from keras_haframe.tree import writers

    kind = args.to or {".json": "json", ".csv": "csv", ".dot": "dot"}.get(args.output.suffix)
    if kind is None:
        return _trouble(args, f"{args.output}: say what to write, --to {', '.join(WRITTEN)}.", 2)
    tree, warned = _read(args, args.file)
    writers.write(tree, args.output, kind)
    if args.json:
        _print({"written": str(args.output), "as": kind, "warnings": warned, **_facts(tree)})
    else:
        print(f"{args.output}: {tree.num_classes} classes, {tree.num_nodes} nodes, as {kind}")
    return 0


def doctor(args: argparse.Namespace) -> int:
    """Print all that is wrong or odd; write the repaired tree if asked."""
    from keras_haframe.tree import doctor

    found = doctor(args.file, **_options(args))
    facts = found.to_dict()
    if args.repair and found.tree is not None:
        found.tree.to_json(args.repair)
        facts |= {"written": str(args.repair), "changes": found.changes}
    if args.json:
        _print(facts)
    else:
        print(visible(found, keep=LINES))
        if "written" in facts:
            print(f"{args.repair}: written with {len(found.changes)} repairs")
        elif args.repair:
            print(f"{args.repair}: not written, as findings above are not to be repaired by guess")
    return 0 if found.ok else 1


def diff(args: argparse.Namespace) -> int:
    """Print what changes from one tree to another; 1 if anything does."""
    old, _ = _read(args, args.file)
    new, _ = _read(args, args.new)
    found = old.diff(new)
    if args.json:
        _print(found.to_dict())
    else:
        print(visible(found, keep=LINES))
    return int(bool(found))


ACTIONS: dict[str, tuple[Any, str]] = {
    "check": (check, "tell how a tree is read and what it is, or why it is refused"),
    "render": (render, "draw a tree"),
    "convert": (convert, "write a tree as JSON, CSV (of levels or edges) or Graphviz"),
    "doctor": (doctor, "find all that is wrong or odd in a tree, and propose repairs"),
    "diff": (diff, "tell what changes from one tree to another"),
}


def _options(args: argparse.Namespace) -> dict[str, Any]:
    """Arguments for the reader of CSV files, those that were given."""
    options: dict[str, Any] = {}
    if args.columns:
        parts = [part.strip() for part in args.columns.split(",")]
        options["columns"] = [int(p) if args.no_header and p.isdecimal() else p for p in parts]
    if args.separator:
        options["separator"] = args.separator.replace("\\t", "\t")
    if args.no_header:
        options["header"] = False
    return options


def _read(args: argparse.Namespace, file: str) -> tuple[ClassTree, list[str]]:
    """Read a tree; what is warned of goes to stderr, a line each."""
    from keras_haframe.tree import read

    options = _options(args)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        tree = read(file, "csv" if options and args.format == "auto" else args.format, **options)
    warned = [str(warning.message) for warning in caught]
    for message in warned:
        print(f"warning: {visible(message)}", file=sys.stderr)
    return tree, warned


def _facts(tree: ClassTree) -> dict[str, Any]:
    return {
        "name": tree.name, "source": tree.source, "root": tree.root, "height": tree.height,
        "num_classes": tree.num_classes, "num_nodes": tree.num_nodes, "classes": tree.leaves,
    }  # fmt: skip


def _trouble(args: argparse.Namespace, message: str, status: int) -> int:
    if args.json:
        _print({"ok": False, "error": message})
    print(f"haframe tree {args.action}: {visible(message, keep=LINES)}", file=sys.stderr)
    return status


def _print(facts: dict) -> None:
    print(visible(json.dumps(facts, indent=2, ensure_ascii=False), keep=LINES))
