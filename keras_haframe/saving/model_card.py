"""`model_card.md`: what the model is, how good, how to feed it."""

from __future__ import annotations

import re
from typing import Any

from keras_haframe.metrics import HEADLINE
from keras_haframe.tree.config import SMALL

# What means something in Markdown or HTML; `_` does only at the edge of a word.
SPECIAL = re.compile(r"[<>|`*\[\]~$\\]|\b_+|_+\b|&(?=[#\w])")


def render(facts: dict, served_name: str, version: int) -> str:
    """Markdown of the model card.

    Args:
        facts: As `facts.collect` returns them.
        served_name: Name of the served model.
        version: Its version.

    Returns:
        The text. Metrics that were not given are said to be not measured.
    """
    tree, limits = facts["tree"], facts["limits"]
    labels = ", `labels.json`" if tree["nodes"] <= SMALL else ""
    sections = [
        f"# Model card: {served_name}, version {version}",
        f"Image classifier for {tree['classes']} classes in the tree "
        f"{plain(tree['name'] or 'unnamed')} ({tree['nodes']} nodes, height {tree['height']}, root "
        f"{plain(tree['root'])}). Method {plain(facts['method'])}, backbone "
        f"{plain(facts['backbone'])}, {facts['parameters']:,} parameters; exported "
        f"{facts['exported']} with keras_haframe {facts['versions']['keras_haframe']}.",
        "## How good it is",
        _metrics(facts["metrics"]),
        "A severe mistake is one far away in the tree. Top-1 alone does not tell; read it with "
        "the severity of the mistakes and the hierarchical distances.",
        "## Input",
        _input(facts),
        "## Signatures",
        "\n".join(f"- `{name}`" for name in facts["signatures"]),
        f"Encoded images are JPEG or PNG with at most {limits['max_pixels']:,} pixels and, as "
        f"JPEG, {limits['max_scans']} scans. An image that cannot be read has `ok` false, the "
        "reason in `error`, NaN scores, ids -1 and empty names; the other images of the batch are "
        "answered."
        if "serving_bytes" in facts["signatures"]
        else _without_bytes(facts),
        "## Training",
        _table(facts["training"]),
        "## Method options",
        _table(facts["method_options"]),
        "## Limits",
        "The probabilities are those of the training data's class frequencies and were not "
        "calibrated by this export. An image of none of the classes still gets a class: use the "
        f"node and its probability. `tree.json`{labels} and `model.json` beside the weights "
        "hold the tree, the names and these facts.",
        "Versions: " + ", ".join(f"{k} {v}" for k, v in facts["versions"].items()) + ".",
    ]
    return "\n\n".join(sections) + "\n"


def plain(value: Any, longest: int = 200) -> str:
    """Return a name or a value as Markdown that shows it and does nothing else, in one line.

    Example:

    >>> plain("<img onerror=alert(1)> a_b")
    '&#60;img onerror=alert(1)&#62; a_b'
    """
    text = "".join(c if c.isprintable() else " " if c.isspace() else "\ufffd" for c in str(value))
    text = text if len(text) <= longest else text[: longest - 3] + "..."
    return SPECIAL.sub(lambda found: "".join(f"&#{ord(c)};" for c in found[0]), text)


def _metrics(metrics: dict) -> str:
    rows = ["| measure | value | meaning |", "|---|---|---|"]
    for h in HEADLINE:
        measured = metrics.get(h.name) is not None
        if measured or h.name in ("top1", "severity", "hier_dist_1"):
            value = f"{h.scale * metrics[h.name]:.4g}" if measured else "not measured"
            rows.append(f"| {h.label} | {value} | {h.meaning} |")
    known = {h.name for h in HEADLINE}
    rows += [f"| {plain(k)} | {plain(v)} | |" for k, v in metrics.items() if k not in known]
    return "\n".join(rows)


def _input(facts: dict) -> str:
    shape = " x ".join("any" if s is None else str(s) for s in facts["input"]["shape"][1:])
    bounds = facts["input"]["range"]
    values = f"values from {bounds[0]:g} to {bounds[1]:g}" if bounds else "values as in training"
    lines = [f"`images`: {facts['input']['dtype']}, batch of {shape}, {values}."]
    if facts["preprocessing"]:
        served = "serving_bytes" in facts["signatures"] or facts["input"]["dtype"] == "uint8"
        lines.append(f"Images are prepared {'in the graph' if served else 'before'}:")
        lines.append(_table(facts["preprocessing"]))
    return "\n\n".join(lines)


def _without_bytes(facts: dict) -> str:
    if facts["preprocessing"] is None:
        return "The input is no image: there are no signatures for encoded images."
    return "Images are decoded outside of the graph."


def _table(values: dict) -> str:
    if not values:
        return "Nothing recorded."
    rows = ["| name | value |", "|---|---|"]
    rows += [f"| {plain(key)} | {plain(value)} |" for key, value in values.items()]
    return "\n".join(rows)
