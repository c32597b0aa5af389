"""`haframe inspect`: what is in a saved or exported model; reads the file, loads no framework."""

from __future__ import annotations

import argparse
import json
import pathlib
from collections import Counter
from typing import Any

from google.protobuf.message import DecodeError

from keras_haframe.cli import keras_file
from keras_haframe.files import PathLike
from keras_haframe.serving.messages import pb
from keras_haframe.serving.tensors import NAMES
from keras_haframe.text_table import LINES, visible
from keras_haframe.versions import newest

# Operations that call back into Python; a server has none.
NEED_PYTHON = ("PyFunc", "PyFuncStateless", "EagerPyFunc")


def inspect(path: PathLike) -> dict:
    """Describe a SavedModel.

    Args:
        path: A SavedModel or the directory of its versions (then the newest is described).

    Returns:
        `path`, `signatures` (inputs and outputs with types and shapes, and the method), `ops`
        (number of nodes by kind), `needs_python` (kinds that call Python), `assets`, `warmup`
        (requests by signature), `bytes` (size on disk), `tensorflow`, and `model`, the facts that
        `keras_haframe.export` wrote (`None` for other SavedModels).

    Raises:
        ValueError: If there is no SavedModel.
    """
    path = newest(path)
    facts = path / "assets" / "model.json"
    try:
        saved = pb.SavedModel.FromString((path / "saved_model.pb").read_bytes())
        model = json.loads(facts.read_text(encoding="utf-8")) if facts.is_file() else None
    except (DecodeError, ValueError, RecursionError) as error:
        raise ValueError(f"{path} is damaged: {error}") from None
    graph = next((g for g in saved.meta_graphs if "serve" in g.meta_info_def.tags), None)
    if graph is None:
        raise ValueError(f"{path} holds no graph with the tag 'serve'.")
    nodes = [*graph.graph_def.node]
    for function in graph.graph_def.library.function:
        nodes += function.node_def
    ops = Counter(node.op for node in nodes)
    return {
        "path": str(path),
        "tensorflow": graph.meta_info_def.tensorflow_version,
        "bytes": sum(f.stat().st_size for f in path.rglob("*") if f.is_file()),
        "signatures": {
            name: {
                "method": s.method_name.rpartition("/")[2],
                "inputs": {k: _tensor(s.inputs[k]) for k in sorted(s.inputs)},
                "outputs": {k: _tensor(s.outputs[k]) for k in sorted(s.outputs)},
            }
            for name, s in sorted(graph.signature_def.items())
            if not name.startswith("__")
        },
        "ops": dict(ops.most_common()),
        "needs_python": sorted(set(ops) & set(NEED_PYTHON)),
        "assets": sorted(a.filename for a in graph.asset_file_def),
        "warmup": dict(Counter(_signature(log) for log in read_warmup(path))),
        "model": model,
    }


def read_warmup(version_dir: PathLike) -> list:
    """`PredictionLog` messages of the warm-up file, none where there is no file.

    The file is a TFRecord: length (8 bytes), its checksum (4), data, checksum (4).
    """
    file = pathlib.Path(version_dir) / "assets.extra" / "tf_serving_warmup_requests"
    data, logs, at = file.read_bytes() if file.is_file() else b"", [], 0
    while at + 12 <= len(data):
        length = int.from_bytes(data[at : at + 8], "little")
        logs.append(pb.PredictionLog.FromString(data[at + 12 : at + 12 + length]))
        at += 12 + length + 4
    return logs


def render(found: dict) -> str:
    """Return the description as text."""
    lines = [
        f"{found['path']}  ({found['bytes'] / 2**20:.1f} MiB, TensorFlow {found['tensorflow']})"
    ]
    model = found["model"]
    if model:
        tree = model["tree"]
        lines.append(
            f"{model['method']} on {model['backbone']}, {model['parameters']:,} parameters; tree "
            f"{tree['name']}: {tree['classes']} classes, height {tree['height']}"
        )
        bounds = model["input"]["range"]
        if bounds:
            lines.append(f"images: {bounds[0]:g} to {bounds[1]:g}")
        lines += [f"{key}: {value}" for key, value in model["metrics"].items()]
    for name, signature in found["signatures"].items():
        lines.append(f"\n{name} ({signature['method']})")
        for arrow, side in (("<-", "inputs"), ("->", "outputs")):
            lines += [f"  {arrow} {key}: {text}" for key, text in signature[side].items()]
    lines.append(f"\nassets: {', '.join(found['assets']) or 'none'}")
    requests = ", ".join(f"{name} {count}" for name, count in found["warmup"].items())
    lines.append(f"warm-up requests: {requests or 'none'}")
    python = ", ".join(found["needs_python"])
    lines.append(
        f"operations: {sum(found['ops'].values())} of {len(found['ops'])} kinds, "
        + (f"of which Python is needed by {python}" if python else "none needs Python")
    )
    return "\n".join(lines)


def _tensor(info: Any) -> str:
    sizes = ["?" if d.size < 0 else str(d.size) for d in info.tensor_shape.dim]
    return f"{NAMES.get(info.dtype, f'type {info.dtype}')} [{', '.join(sizes)}]"


def _signature(log: Any) -> str:
    spec = (log.classify_log if log.HasField("classify_log") else log.predict_log).request
    return spec.model_spec.signature_name or "serving_default"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Arguments of `haframe inspect`."""
    parser.add_argument("model", help="a .keras file, a SavedModel, or the directory of versions")
    parser.add_argument("--json", action="store_true", help="JSON, with the counts of operations")


def run(args: argparse.Namespace) -> int:
    """Print the description."""
    saved = pathlib.Path(args.model)
    if saved.is_file() and saved.suffix == ".keras":
        found = keras_file.inspect(saved)
        text = keras_file.render(found)
    else:
        found = inspect(saved)
        text = render(found)
    shown = json.dumps(found, indent=2, ensure_ascii=False) if args.json else text
    print(visible(shown, keep=LINES))
    return 0
