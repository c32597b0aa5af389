"""Golden files, outputs of published code on fixed inputs, and the cases their keys name.

No test lists a tree, a gamma or a seed of a golden file: `golden_cases` reads them off the keys, so
that the same tests run on files of the same form with other parameters.
"""

import functools
import os
import pathlib
import re
from collections.abc import Callable, Iterable

import numpy as np
import pytest

import keras_haframe as kh
from tests.trees import flat

FOLDER = pathlib.Path(
    os.environ.get("KERAS_HAFRAME_GOLDEN", pathlib.Path(__file__).parents[2] / "shared" / "data")
)
MISSING = f"{FOLDER} is not a folder (set KERAS_HAFRAME_GOLDEN)"


@functools.cache
def load(name: str) -> dict[str, np.ndarray]:
    """Read-only arrays of a file such as `"golden/frames.npz"`; skips the test without it."""
    if not (FOLDER / name).is_file():
        pytest.skip(f"no {name}: {MISSING}" if not FOLDER.is_dir() else f"{FOLDER} has no {name}")
    with np.load(FOLDER / name, allow_pickle=False) as file:
        arrays = {key: file[key] for key in file.files}
    for array in arrays.values():
        array.flags.writeable = False
    return arrays


@functools.cache
def class_tree(name: str) -> kh.ClassTree:
    """The tree that golden files call `name`; skips the test where there is none.

    That is one of `hierarchies/`, a tree whose edges are in `golden/frames.npz`, the start of a
    name in `hierarchies/` ("fgvc"), or "flat10" for ten classes below the root.
    """
    if re.fullmatch(r"flat\d+", name):
        return flat(int(name[4:]))
    if {"name": name} in find("golden/frames.npz", "{name}__edges"):
        edges, leaves = (load("golden/frames.npz")[f"{name}__{k}"] for k in ("edges", "leaves"))
        return kh.ClassTree(edges.tolist(), leaves.tolist())
    known = [case["name"] for case in find("hierarchies/{name}.json")]
    for other in sorted(known, key=lambda other: other != name):
        if other.startswith(name):
            return kh.ClassTree.from_json(FOLDER / "hierarchies" / f"{other}.json")
    pytest.skip(f"{FOLDER} has no tree {name!r}")


def numbered_tree(arrays: dict[str, np.ndarray]) -> kh.ClassTree:
    """The tree of a file with `parent` and `leaves`; node `i` of the file is named `"i"`."""
    edges = [(str(p), str(i)) for i, p in enumerate(arrays["parent"]) if p >= 0]
    return kh.ClassTree(edges, [str(i) for i in arrays["leaves"]])


# Cases -------------------------------------------------------------------------------------------


def fields(pattern: str) -> list[str]:
    return re.findall(r"{(\w+)\+?}", pattern)


def match(pattern: str, texts: Iterable[str]) -> list[dict[str, str]]:
    """What the `{fields}` of a pattern stand for in each text that it matches.

    A field holds no `__`, the files' separator, unless written `{field+}`.

    Example:

    >>> match("{name}__beta{beta}__targets", ["oak__beta7.5__targets", "oak__labels"])
    [{'name': 'oak', 'beta': '7.5'}]
    """
    parts = re.split(r"({\w+\+?})", pattern)
    parts = [re.sub(r"^{(\w+)}$", r"(?P<\1>(?:(?!__).)+)", part) for part in parts]
    parts = [re.sub(r"^{(\w+)\+}$", r"(?P<\1>.+)", part) for part in parts]
    regex = "".join(part if part.startswith("(?P<") else re.escape(part) for part in parts)
    found = [re.fullmatch(regex, text) for text in texts]
    return [hit.groupdict() for hit in found if hit]


def find(file: str, key: str = "") -> list[dict[str, str]]:
    """Cases of the files that match a pattern, and of their keys that match another."""
    names = sorted(p.relative_to(FOLDER).as_posix() for p in FOLDER.glob(f"{file.split('/')[0]}/*"))
    cases = []
    for name in names:
        for outer in match(file, [name]):
            inner = match(key, load(name)) if key else [{}]
            cases += [outer | case for case in inner]
    return cases


def golden_cases(file: str, key: str = "", keep: Callable[..., bool] = lambda **case: True):
    """Decorator: run a test once for every case in the golden files.

    Args:
        file: Pattern of file names, such as `"golden_ext/tree_{name}.npz"`.
        key: Pattern of their keys, such as `"{name}__beta{beta}__targets"`; "" for one case a file.
        keep: Whether a case counts, from its fields by name.

    The test takes the fields of both patterns as arguments, as the text that stands in the files.
    Without any case it is one skipped test.
    """
    names = fields(file) + fields(key)
    found = [tuple(case.values()) for case in find(file, key) if keep(**case)]
    cases = [pytest.param(*case, id="-".join(case)) for case in found]
    why = f"no {key} in {file} of {FOLDER}" if FOLDER.is_dir() else MISSING
    none = pytest.param(*[None] * len(names), id="none", marks=pytest.mark.skip(reason=why))
    parametrize = pytest.mark.parametrize(names, cases or [none])
    return lambda test: pytest.mark.golden(parametrize(test))


# What keys and arrays say of parameters ----------------------------------------------------------


def frame_case(frames: dict[str, np.ndarray], case: str) -> tuple[kh.ClassTree, float]:
    """Tree and gamma of a case of golden/frames.npz, such as "cifar100" or "oak__gamma0.5"."""
    name, _, gamma = case.partition("__gamma")
    return class_tree(name), float(gamma or frames[f"{case}__gamma"])


def level_order(tree: kh.ClassTree) -> list[np.ndarray]:
    """Golden number of every node of ours, for every level of a balanced tree, coarsest first."""
    ids = load(f"hierarchies/{tree.name}_lca_heights.npz")["level_ids"]
    return [np.array(list(dict.fromkeys(column.tolist()))) for column in ids.T[::-1]]


def number(text: str) -> float:
    """A number as keys spell it.

    Example:

    >>> number("m0p02"), number("p1"), number("zero"), number("0.5")
    (-0.02, 0.1, 0.0, 0.5)
    """
    return float({"zero": "0"}.get(text, re.sub("^m", "-", text).replace("p", ".")))


def gamma_of(s: np.ndarray, distances: np.ndarray) -> float:
    """The gamma of target cosines `s`, to ten digits.

    Of two distances a < b, (1 - S_a) / (1 - S_b) depends on gamma alone and not on s_min, and falls
    towards a / b as gamma does: bisection.
    """
    t = np.unique(distances)[1:] / distances.max()
    values = [1 - s[distances == d][0] for d in np.unique(distances)[1:]]
    low, high = np.log(1e-3), np.log(1e3)
    for _ in range(200):
        middle = (low + high) / 2
        e = np.exp(-np.exp(middle) * t)
        below = (1 - e[0]) / (1 - e[-1]) < values[0] / values[-1]
        low, high = (middle, high) if below else (low, middle)
    return float(f"{np.exp(low):.10g}")
