"""SECURITY.md: no code from data in the package, and every test that the page names is there."""

import ast
import pathlib
import re

import keras_haframe as kh

PAGE = (pathlib.Path(__file__).parents[1] / "SECURITY.md").read_text(encoding="utf-8")
SOURCE = sorted(pathlib.Path(kh.__file__).parent.rglob("*.py"))
MODULES = {"pickle", "dill", "cloudpickle", "joblib", "marshal", "shelve", "subprocess", "ctypes"}
CALLS = {"eval", "exec", "__import__", "compile", "Lambda", "system", "popen",
         "enable_unsafe_deserialization"}  # fmt: skip
METHODS = {"compile", "eval"}  # of models, of regular expressions, of PyTorch's modules
OPTIONS = {"allow_pickle": True, "safe_mode": False, "shell": True, "weights_only": False}


def runs_code(tree: ast.AST) -> list[str]:
    """What of a module could run code that it read."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [a.name for a in node.names if a.name.split(".")[0] in MODULES]
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in MODULES:
            found.append(node.module)
        elif isinstance(node, ast.Call):
            method = isinstance(node.func, ast.Attribute)
            name = node.func.attr if method else getattr(node.func, "id", "")
            if name in CALLS - (METHODS if method else set()):
                found.append(name)
            for option in node.keywords:
                value = getattr(option.value, "value", None)
                if option.arg in OPTIONS and value is OPTIONS[option.arg]:
                    found.append(f"{option.arg}={value}")
    return found


def test_no_code_from_data():
    found = {f.name: runs_code(ast.parse(f.read_text(encoding="utf-8"))) for f in SOURCE}
    assert {name: what for name, what in found.items() if what} == {}
    bad = "import pickle\neval('1')\nnp.load(f, allow_pickle=True)\nkeras.layers.Lambda(f)"
    assert runs_code(ast.parse(bad)) == ["pickle", "eval", "allow_pickle=True", "Lambda"]


def test_every_test_of_the_page_is_there():
    named = re.findall(r"`(tests/[\w/]+\.py)::(\w+)`", PAGE)
    assert len(named) > 20
    root = pathlib.Path(__file__).parents[1]
    for file, name in named:
        assert f"def {name}(" in (root / file).read_text(encoding="utf-8"), (file, name)
