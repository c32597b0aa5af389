"""Every public call with bad inputs, one argument bad at a time; see `tests/bad_inputs.py`."""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Callable, Iterator
from typing import Any

import keras
import numpy as np

import keras_haframe as kh
from tests import bad_inputs as bad
from tests import trees
from tests.bad_inputs import Case

N = 8
TREE, OTHER = trees.worked(), trees.uneven()
K, NODES, HEIGHT = TREE.num_classes, TREE.num_nodes, TREE.height
RNG = np.random.default_rng(0)
Y = np.array([0, 1, 2, 3, 0, 1, 2, 3])
Z = RNG.normal(size=(N, K)).astype("float32")
P = trees.probabilities(TREE, N)
W = np.linspace(0.5, 2, N).astype("float32")
X = RNG.uniform(0, 1, (N, 6, 6, 3)).astype("float32")
FEATURES = RNG.normal(size=(N, 5)).astype("float32")
OUTPUTS = {
    "logits": Z, "cosines": np.tanh(Z), "features": np.roll(Z, 1, 0),
    "node_logits": RNG.normal(size=(N, NODES)).astype("float32"),
    "nodes": RNG.normal(size=(N, NODES - 1)).astype("float32"),
    "logits_1": RNG.normal(size=(N, 2)).astype("float32"),
    "geometry": np.full(N, 0.3, "float32"),
    "shuffle": np.linspace(0, 1, N, dtype="float32")[:, None],
}  # fmt: skip
LOSSES: dict[str, tuple[Callable, tuple[str, ...]]] = {
    "CrossEntropy": (lambda t: kh.losses.CrossEntropy(), ("logits",)),
    "HierarchicalCrossEntropy": (kh.losses.HierarchicalCrossEntropy, ("logits",)),
    "SoftLabelCrossEntropy": (kh.losses.SoftLabelCrossEntropy, ("logits",)),
    "FrameCosineLoss": (kh.losses.FrameCosineLoss, ("cosines",)),
    "HAFrameLoss": (kh.losses.HAFrameLoss, ("logits", "cosines")),
    "FrameDotRegression": (lambda t: kh.losses.FrameDotRegression(), ("logits", "cosines")),
    "DotRegression": (lambda t: kh.losses.DotRegression(), ("logits", "features")),
    "CosineEmbeddingLoss": (lambda t: kh.losses.CosineEmbeddingLoss(), ("cosines", "features")),
    "RankingLoss": (lambda t: kh.losses.RankingLoss(), ("cosines",)),
    "CPCCLoss": (kh.losses.CPCCLoss, ("logits", "features")),
    "ConditionalSoftmaxLoss": (kh.losses.ConditionalSoftmaxLoss, ("node_logits",)),
    "HierCosLoss": (kh.losses.HierCosLoss, ("nodes",)),
    "LevelCrossEntropy": (kh.losses.LevelCrossEntropy, ("logits", "logits_1")),
    "TreePathKLLoss": (kh.losses.TreePathKLLoss, ("logits", "logits_1")),
    "HAFeatureLoss": (kh.losses.HAFeatureLoss, ("logits", "logits_1")),
}
METRICS: dict[str, Callable] = {
    "Top1Accuracy": kh.metrics.Top1Accuracy,
    "MistakeSeverity": kh.metrics.MistakeSeverity,
    "HierarchicalDistance": functools.partial(kh.metrics.HierarchicalDistance, k=2),
    "NormalizedHierarchicalDistance": functools.partial(
        kh.metrics.NormalizedHierarchicalDistance, k=2
    ),
    "HierarchicalNDCG": kh.metrics.HierarchicalNDCG,
    "HOPS": kh.metrics.HOPS,
    "WholeOrder": kh.metrics.WholeOrder,
    "LevelAccuracy": functools.partial(kh.metrics.LevelAccuracy, level=1),
    "LevelCalibrationError": kh.metrics.LevelCalibrationError,
    "LevelCalibrationError, maximum": functools.partial(
        kh.metrics.LevelCalibrationError, level=1, norm="maximum"
    ),
    "LevelCalibrationError, probabilities": functools.partial(
        kh.metrics.LevelCalibrationError, from_logits=False
    ),
    "FullPathAccuracy": kh.metrics.FullPathAccuracy,
    "TreeInconsistency": kh.metrics.TreeInconsistency,
    "HierarchicalF1": kh.metrics.HierarchicalF1,
    "HierarchicalPrecision": kh.metrics.HierarchicalPrecision,
    "HierarchicalRecall": kh.metrics.HierarchicalRecall,
}
NODE_METRICS = ("HierarchicalF1", "HierarchicalPrecision", "HierarchicalRecall")
LEVEL_METRICS = ("FullPathAccuracy", "TreeInconsistency")
# What compiled code can see: numbers and shapes.
COMPILED = (
    "label -1", f"label {K}", f"label {10**6}", "float label 1.5", "float label nan", "[n, 1]",
    "one-hot", "one fewer", "one more", "only one", "floats that are whole", "int64", "uint8",
    "one NaN", "only NaN", "a NaN row in the middle", "a column fewer", "a column more",
    "float64", "NaN", "infinite", "negative", "[n, 2]",
)  # fmt: skip


def cases_of(target: str, good: dict[str, Any], call: Callable, roles: dict) -> Iterator[Case]:
    """All cases of a call: `roles` are the variants by name of the argument."""

    @functools.cache
    def right() -> Any:
        return call(**good)

    for argument, variants in roles.items():
        for name, value, kind in variants:
            run = functools.partial(call, **(good | {argument: value}))
            same: Callable | None = right if kind == bad.SAME else None
            if isinstance(kind, bad.As):
                same = functools.partial(call, **(good | {argument: kind.value}))
            yield Case(target, argument, name, run, same)


def graph(function: Callable) -> Callable:
    """`function` of arrays compiled; on TensorFlow for any number of rows."""
    if keras.backend.backend() == "jax":
        import jax

        return jax.jit(function)
    import tensorflow as tf

    compiled = tf.function(function, autograph=False)  # as Keras compiles steps

    def call(*arguments: Any) -> Any:
        given = [keras.tree.map_structure(tf.convert_to_tensor, a) for a in arguments]
        specs = keras.tree.map_structure(
            lambda a: tf.TensorSpec([None, *a.shape[1:]] if a.shape else [], a.dtype), given
        )
        return compiled.get_concrete_function(*specs)(*keras.tree.flatten(given))

    return call


STREAMED = (
    "label", "float", "one-hot", "[n, 1]", "[n, 2]", "[n, 1, 1]", "strings", "booleans", "complex",
    "int8", "uint8", "int64", "NaN", "infinite", "negative", "all negative", "float64",
)  # fmt: skip


def only(variants: Iterator, names: tuple[str, ...] | None) -> Iterator:
    return (v for v in variants if names is None or v[0] in names)


def losses(compiled: bool = False) -> Iterator[Case]:
    """Losses by hand, or in a compiled step."""
    names = COMPILED if compiled else None
    for title, (make, keys) in LOSSES.items():
        loss = make(TREE)

        def call(y: Any, weights: Any, loss: Any = loss, **outputs: Any) -> Any:
            if compiled:
                return graph(lambda y, outputs, w: loss(y, outputs, w))(y, outputs, weights)
            return loss(y, outputs, weights)

        outputs = {key: OUTPUTS[key] for key in keys}
        if title == "HAFeatureLoss":
            outputs |= {key: OUTPUTS[key] for key in ("geometry", "shuffle")}
        good = {"y": Y, "weights": W, **outputs}
        roles = {key: only(bad.arrays(OUTPUTS[key]), names) for key in keys}
        roles |= {"y": only(bad.labels(Y, K), names), "weights": only(bad.weights(W), names)}
        target = f"losses.{title}" + ("@graph" if compiled else "")
        yield from cases_of(target, good, call, roles)
        if not compiled:
            wrong = (None, "logits", 1.0, [], {}, {"other": Z}, Z[0], [Z, Z], object())
            variants = [(repr(v)[:12] if np.ndim(v) < 1 else "a row", v, "") for v in wrong]
            yield from cases_of(
                target, {"outputs": OUTPUTS}, lambda outputs, loss=loss: loss(Y, outputs),
                {"outputs": variants},
            )  # fmt: skip


def metrics(compiled: bool = False) -> Iterator[Case]:
    """Metrics by hand, or in a compiled step."""
    names = COMPILED if compiled else None
    for title, make in METRICS.items():

        def call(y: Any, weights: Any, make: Any = make, **scores: Any) -> Any:
            given = list(scores.values()) if len(scores) > 1 else next(iter(scores.values()))
            metric = make(TREE)
            if not compiled:
                metric.update_state(y, given, weights)
                return metric.result()
            if keras.backend.backend() == "jax":

                def step(y: Any, scores: Any, weights: Any) -> Any:
                    start = [v.value for v in metric.variables]
                    state = metric.stateless_update_state(start, y, scores, weights)
                    return metric.stateless_result(state)

                return graph(step)(y, given, weights)
            graph(lambda y, scores, weights: metric.update_state(y, scores, weights))(
                y, given, weights
            )
            return metric.result()

        if title in NODE_METRICS:
            scores = {"nodes": np.array([0, 4, 6, 3, 5, 1, 2, 4])}
            roles = {"nodes": only(bad.labels(scores["nodes"], NODES), names)}
        elif title in LEVEL_METRICS:
            scores = {"level_1": OUTPUTS["logits_1"], "level_2": Z}
            roles = {key: only(bad.arrays(value), names) for key, value in scores.items()}
        elif title.endswith("probabilities"):
            scores = {"probabilities": P}
            roles = {"probabilities": only(bad.arrays(P, True), names)}
        else:
            scores, roles = {"scores": Z}, {"scores": only(bad.arrays(Z), names)}
        roles |= {"y": only(bad.labels(Y, K), names), "weights": only(bad.weights(W), names)}
        target = f"metrics.{title}" + ("@graph" if compiled else "")
        yield from cases_of(target, {"y": Y, "weights": W, **scores}, call, roles)


def functions() -> Iterator[Case]:
    """Metrics as functions, `summary`, `evaluate`, curves."""
    m = kh.metrics
    scored: dict[str, tuple[Callable, dict]] = {
        "summary": (m.summary, {"convention": bad.choices()}),
        "hierarchical_distance": (
            m.hierarchical_distance, {"k": bad.counts(1, K, 1), "convention": bad.choices()}
        ),
        "normalized_hierarchical_distance": (
            functools.partial(m.normalized_hierarchical_distance),
            {"k": bad.counts(1, K - 1, 2), "convention": bad.choices()},
        ),
        "hierarchical_ndcg": (m.hierarchical_ndcg, {"k": bad.counts(1, K, 2)}),
        "mistake_severity": (m.mistake_severity, {"convention": bad.choices()}),
        "level_accuracy": (m.level_accuracy, {"level": bad.counts(-HEIGHT, HEIGHT, 1)}),
        "level_calibration_error": (
            m.level_calibration_error,
            {"level": bad.counts(-HEIGHT, HEIGHT, 1), "bins": bad.counts(1, None, 3),
             "norm": bad.choices()},
        ),
    }  # fmt: skip
    start = {"k": 2, "level": 1, "bins": 3, "convention": "depth", "norm": "expected"}
    for title, (function, options) in scored.items():
        good = {"y_true": Y, "y_pred": Z, "tree": TREE, **{o: start[o] for o in options}}
        if title == "hierarchical_distance":
            good["k"] = 1
        roles = {
            "y_true": bad.labels(Y, K), "y_pred": bad.arrays(Z), "tree": bad.trees(TREE, OTHER),
            **options,
        }  # fmt: skip
        yield from cases_of(f"metrics.{title}", good, function, roles)
    yield from cases_of(
        "metrics.operating_curve",
        {"labels": Y, "probabilities": P, "tree": TREE, "thresholds": 0.5},
        m.operating_curve,
        {
            "labels": bad.labels(Y, K), "probabilities": bad.arrays(P, True),
            "tree": bad.trees(TREE, OTHER), "rule": bad.choices(),
            "thresholds": bad.numbers(0.5, (-0.1, [np.nan, 0.5]), none=True),
        },
    )  # fmt: skip
    yield from cases_of(
        "metrics.hierarchical_f1",
        {"y_true": Y, "y_pred": Y, "tree": TREE},
        m.hierarchical_f1,
        {"y_true": bad.labels(Y, K), "y_pred": bad.labels(Y, NODES)},
    )
    yield from cases_of(
        "metrics.full_path_accuracy",
        {"y_true": Y, "y_pred": [OUTPUTS["logits_1"], Z], "tree": TREE},
        m.full_path_accuracy,
        {
            "y_true": bad.labels(Y, K), "tree": bad.trees(TREE, OTHER),
            "y_pred": [(n, [OUTPUTS["logits_1"], v], k) for n, v, k in bad.arrays(Z)
                       if not isinstance(k, bad.As)]
            + [("one level", [Z], ""), ("names", {"logits": Z}, ""), ("None", None, "")],
        },
    )  # fmt: skip
    yield from cases_of(
        "evaluate",
        {"labels": Y, "scores": Z, "tree": TREE, "kind": "logits"},
        kh.evaluate,
        {
            "labels": bad.labels(Y, K), "scores": bad.arrays(Z), "tree": bad.trees(TREE, OTHER),
            "kind": bad.choices(), "convention": bad.choices(),
            "floors": [(repr(v)[:15], v, "") for v in (0.5, [2.0], [np.nan], "x", [None], ["0.5"])],
        },
    )  # fmt: skip


def decisions() -> Iterator[Case]:
    """Every decision and calibration."""
    d = kh.decisions
    p, y, t = bad.arrays, bad.labels, bad.trees
    share = functools.partial(bad.numbers, 0.6, (0, 1, -0.1, 1.1, math.inf, True))
    with_p: dict[str, tuple[Callable, dict, dict]] = {
        "roll_up": (d.roll_up, {}, {}),
        "level_probabilities": (
            d.level_probabilities, {"level": 1}, {"level": bad.counts(-HEIGHT, HEIGHT, 1)}
        ),
        "conditional_risk": (
            lambda probabilities, tree, **o: d.conditional_risk(probabilities, tree, **o),
            {}, {"convention": bad.choices()},
        ),
        "hierarchical_ensemble": (d.hierarchical_ensemble, {}, {}),
        "confidence_floor": (
            d.confidence_floor, {"threshold": 0.6},
            {"threshold": bad.numbers(0.6, (-0.1, [[0.5]], [])), "rule": bad.choices()},
        ),
        "confidence_floor, jumping": (
            functools.partial(d.confidence_floor, rule="jumping"), {"threshold": 0.6}, {}
        ),
        "confidence_floor, max_coverage": (
            functools.partial(d.confidence_floor, rule="max_coverage"), {"threshold": 0.6}, {}
        ),
        "decide": (
            d.decide, {"floor": 0.6, "temperature": 1.5},
            {
                "floor": bad.numbers(0.6, (-0.1, 1.1, 80, [0.5], [[0.5]]), none=True),
                "temperature": bad.numbers(1.5, (0, -1, math.inf, True), none=True),
                "rule": [v for v in bad.choices() if v[1] not in ("", None)],
                "floor_rule": bad.choices(),
                "prior": [(n, v, "") for n, v, _ in (
                    *bad.numbers(1.0, (-1.0,), none=True), ("short", np.ones(K - 1), ""),
                    ("negative", -np.ones(K), ""), ("NaN", np.full(K, np.nan), ""),
                    ("zeros", np.zeros(K), ""), ("3-d", np.ones((1, N, K)), ""),
                    ("strings", ["a"] * K, ""), ("objects", np.array([None] * K), ""),
                ) if n != "np.float64"],
                "allowed": [(repr(v)[:15], v, "") for v in (
                    "car", ["cat"], [], [1, 2], np.ones(K), np.ones(K - 1, bool), [None], {}, 1,
                    np.zeros((2, K), bool), [["car"]], object(), 1.5, [True, False],
                )],
                "calibration": [(repr(v)[:15], v, "") for v in ((Y, P), (Y,), "x", 1)],
                "accuracy": share(none=True),
            },
        ),
    }  # fmt: skip
    for title, (function, options, roles) in with_p.items():
        good = {"probabilities": P, "tree": TREE, **options}
        roles = {"probabilities": p(P, True), "tree": t(TREE, OTHER), **roles}
        yield from cases_of(f"decisions.{title}", good, function, roles)
    sets = d.calibrate_sets(Y, P, TREE, 0.4)
    calibrations: dict[str, tuple[Callable, dict, dict]] = {
        "tight_thresholds": (d.tight_thresholds, {}, {"rule": bad.choices()}),
        "calibrate_threshold": (
            d.calibrate_threshold, {"accuracy": 0.6},
            {"accuracy": share(), "rule": bad.choices()},
        ),
        "set_scores": (d.set_scores, {}, {"nodes": bad.counts(1, None, 3)}),
        "calibrate_sets": (
            d.calibrate_sets, {"alpha": 0.6},
            {"alpha": share(), "nodes": bad.counts(1, None, 3)},
        ),
        "decide, calibrated": (
            lambda labels, probabilities, tree, accuracy: d.decide(
                P, TREE, accuracy=accuracy, calibration=(labels, probabilities)
            ),
            {"accuracy": 0.6}, {"accuracy": share()},
        ),
    }  # fmt: skip
    for title, (function, options, roles) in calibrations.items():
        good = {"labels": Y, "probabilities": P, "tree": TREE, **options}
        roles = {"labels": y(Y, K), "probabilities": p(P, True), **roles}
        if title != "decide, calibrated":
            roles["tree"] = t(TREE, OTHER)
        yield from cases_of(f"decisions.{title}", good, function, roles)
    thresholds = (None, 0.5, (0.5,), (np.nan, 3), (-0.1, 3), ("x", 3), (0.5, 0), (0.5, 1.5),
                  (0.5, None), (None, 3), "ab", [[0.5], 3], {"mass": 0.5, "nodes": 3})  # fmt: skip
    yield from cases_of(
        "decisions.conformal_sets",
        {"probabilities": P, "tree": TREE, "threshold": sets},
        d.conformal_sets,
        {"probabilities": p(P, True), "tree": t(TREE, OTHER),
         "threshold": [(repr(v), v, "") for v in thresholds]},
    )  # fmt: skip
    yield from cases_of(
        "decisions.NodeSets.contain", {"labels": Y},
        d.conformal_sets(P, TREE, sets).contain, {"labels": y(Y, K)},
    )  # fmt: skip
    yield from cases_of(
        "decisions.fit_temperature", {"labels": Y, "scores": Z}, d.fit_temperature,
        {"labels": y(Y, K), "scores": bad.arrays(Z)},
    )  # fmt: skip
    yield from cases_of(
        "decisions.apply_temperature", {"scores": Z, "temperature": 2.0}, d.apply_temperature,
        {"scores": bad.arrays(Z), "temperature": bad.numbers(2.0, (0, -1, math.inf, True))},
    )  # fmt: skip
    yield from cases_of(
        "decisions.rescore", {"scores": Z, "tree": TREE, "rule": "CRM"}, d.rescore,
        {"scores": bad.arrays(Z), "tree": t(TREE, OTHER),
         "rule": [v for v in bad.choices() if v[1] not in ("", None)]},
    )  # fmt: skip
    yield from cases_of(
        "decisions.most_probable", {"scores": Z}, d.most_probable, {"scores": bad.arrays(Z)}
    )
    q = np.stack([P[:, :2].sum(1), P[:, 2:].sum(1)], 1)
    yield from cases_of(
        "decisions.hierarchical_ensemble", {"parent_probabilities": q},
        lambda parent_probabilities: d.hierarchical_ensemble(P, TREE, parent_probabilities),
        {"parent_probabilities": [v for v in p(q, True) if v[0] != "None"]},
    )  # fmt: skip
    matrix = TREE.distances().astype("float32")
    yield from cases_of(
        "decisions.conditional_risk", {"distances": matrix},
        lambda distances: d.conditional_risk(P, distances), {"distances": p(matrix)},
    )  # fmt: skip


def measures() -> Iterator[Case]:
    """Measures of collapse, plots, frames."""
    c, v = kh.collapse, kh.plots
    roles = {"features": bad.arrays(FEATURES), "labels": bad.labels(Y, K)}
    for title, function in (
        ("collapse.neural_collapse", c.neural_collapse),
        ("collapse.class_means", c.class_means),
        ("plots.class_mean_cosines", v.class_mean_cosines),
    ):
        yield from cases_of(
            title, {"features": FEATURES, "labels": Y, "num_classes": K}, function,
            {k: list(x) for k, x in {
                "features": bad.arrays(FEATURES), "labels": bad.labels(Y, K),
                "num_classes": [w for w in bad.counts(1, None, K) if w[1] is not None],
            }.items()},
        )  # fmt: skip

    def measured(features: Any, labels: Any) -> Any:
        measure = c.NeuralCollapse(K, 5)
        measure.update(features, labels)
        return measure.result()

    yield from cases_of(
        "collapse.NeuralCollapse", {"features": FEATURES, "labels": Y}, measured, roles
    )
    import matplotlib.pyplot as plt

    def closed(function: Callable) -> Callable:
        def call(*args: Any, **kwargs: Any) -> None:
            try:
                function(*args, **kwargs)
            finally:
                plt.close("all")

        return call

    best = Z.argmax(1)
    drawn: dict[str, tuple[Callable, dict, dict]] = {
        "plot_confusion": (
            v.plot_confusion, {"labels": Y, "predictions": best, "tree": TREE, "level": 1},
            {"labels": bad.labels(Y, K), "predictions": bad.labels(best, K),
             "tree": bad.trees(TREE, OTHER), "level": bad.counts(-HEIGHT, HEIGHT, 1)},
        ),
        "plot_confusion, scores": (
            v.plot_confusion, {"labels": Y, "predictions": Z, "tree": TREE},
            {"predictions": bad.arrays(Z)},
        ),
        "plot_reliability": (
            v.plot_reliability, {"labels": Y, "probabilities": P, "tree": TREE},
            {"labels": bad.labels(Y, K), "probabilities": bad.arrays(P, True)},
        ),
        "plot_gram": (
            v.plot_gram, {"cosines": np.eye(K), "tree": TREE}, {"cosines": bad.arrays(np.eye(K))}
        ),
        "plot_mistakes_by_height": (
            v.plot_mistakes_by_height, {"labels": Y, "predictions": {"m": best}, "tree": TREE},
            {"labels": bad.labels(Y, K),
             "predictions": [(n, {"m": x}, k) for n, x, k in bad.labels(best, K)]},
        ),
        "plot_operating_curve": (
            v.plot_operating_curve, {"labels": Y, "probabilities": {"m": P}, "tree": TREE},
            {"labels": bad.labels(Y, K),
             "probabilities": [(n, {"m": x}, k) for n, x, k in bad.arrays(P, True)]},
        ),
        "plot_images": (v.plot_images, {"images": X}, {"images": bad.images(X)}),
    }  # fmt: skip
    for title, (function, good, variants) in drawn.items():
        yield from cases_of(f"plots.{title}", good, closed(function), variants)


def constructors() -> Iterator[Case]:
    """Class trees, `build` and the options of losses and metrics."""
    edges = [("r", "a"), ("r", "b"), ("a", "x"), ("a", "y")]
    wrong: list[Any] = [
        None, "edges", 1, [], {}, [("a",)], [("a", "b", "c")], [("a", "b")], [("a", "a")],
        [("a", "b"), ("b", "a")], [("r", "a"), ("q", "b")], [("r", "x"), ("r", None)],
        [("r", 1), ("r", 2)], [("r", ""), ("r", "b")], [("r", " "), ("r", "b")], [(None, "a")],
        [("r", "a"), ("q", "a"), ("r", "q")], ["ab", "cd"], [b"ab"], [("r", "a\x00"), ("r", "b")],
        [("r", "a\n"), ("r", "b")], [("r", "\ud800"), ("r", "b")], [[["r"], "a"], ["r", "b"]],
        [("r", np.nan), ("r", "b")], [("r", True), ("r", "b")], object(), np.zeros((2, 2)), 1.5,
        {("r", "a"): 1, ("r", "b"): 2}, [("r", {}), ("r", [])],
    ]  # fmt: skip
    yield from cases_of(
        "ClassTree", {"edges": edges}, kh.ClassTree,
        {
            "edges": [(repr(v)[:40], v, "") for v in wrong[:-2]],
            "leaves": [(repr(v)[:30], v, "") for v in (
                "xyb", 1, [], ["x"], ["x", "x", "y", "b"], ["x", "y"], ["x", "y", "b", "q"],
                ["a", "x", "y", "b"], [1, 2, 3], [None] * 3, {}, object(), 1.5, ["x", "y", "r"],
            )],
            "name": [(repr(v)[:20], v, "") for v in (1, "", " ", ["n"], {}, b"n", "a\nb", 1.5)],
        },
    )  # fmt: skip
    nested = [
        None, "a", 1, {}, [], {"a": None}, {"a": 1}, {"a": []}, {"a": ["x"], "b": ["x"]}, [1, 2],
        {"a": {"a": ["x", "y"]}}, {1: ["x", "y"]}, {"a": ["x", None]}, {"a": "xy"}, object(),
        {None: ["x"]}, {"": ["x", "y"]}, [["x"], ["y"]], {"a": {"b": {"c": {}}}}, 1.5, b"x",
        {"a": [{"b": "c"}]}, {"a": ["x", "x"]}, {"root": ["x", "y"]},
    ]  # fmt: skip
    yield from cases_of(
        "ClassTree.from_nested", {"nested": {"a": ["x"], "b": ["y"]}},
        lambda nested: kh.ClassTree.from_nested(nested),
        {"nested": [(repr(v)[:40], v, "") for v in nested]},
    )  # fmt: skip
    paths = [
        None, "a", 1, [], {}, [[]], [["a"]], [["a", "x"]], [["a", "x"], ["b", "x"]], ["ab", "cd"],
        [["a", None], ["b", "y"]], [["a", 1], ["b", 2]], [["a", "x"], ["a"]], [[None, "x"]],
        [["a", "x"], ["a", "x"]], object(), 1.5, [["a", ""], ["b", "y"]], [[["a"]], ["b"]],
    ]  # fmt: skip
    yield from cases_of(
        "ClassTree.from_paths", {"paths": [["a", "x"], ["b", "y"]]},
        lambda paths: kh.ClassTree.from_paths(paths),
        {"paths": [(repr(v)[:40], v, "") for v in paths]},
    )  # fmt: skip
    for reader in ("from_json", "from_csv", "from_folders", "from_wordnet", "from_table"):
        values = (None, 1, "", "/no/such/file", [], {}, object(), 1.5, b"\xff", "a\x00b", True)
        more = {"leaves": ["a", "b"]} if reader == "from_wordnet" else {}
        yield from cases_of(
            f"ClassTree.{reader}", more, getattr(kh.ClassTree, reader),
            {next(iter(
                n for n in __import__("inspect").signature(getattr(kh.ClassTree, reader)).parameters
            )): [(repr(v)[:30], v, "") for v in values]},
        )  # fmt: skip
    columns = [
        None, 1, "a", [], {}, [[0, 1]], [[0, 1], [0]], [[0.5, 1], [0, 1]], [["a", "b"], [0, 1]],
        [[-1, 0], [0, 1]], [[np.nan, 1], [0, 1]], [[None, 1], [0, 1]], [[0, 0], [0, 1], [1]],
        object(), 1.5, [[], []], [[[0]], [[1]]], [[10**30, 0], [0, 1]], [[True, False], [0, 1]],
    ]  # fmt: skip
    yield from cases_of(
        "ClassTree.from_label_columns", {"columns": [[0, 0, 1], [0, 1, 2]]},
        lambda columns: kh.ClassTree.from_label_columns(columns),
        {"columns": [(repr(v)[:40], v, "") for v in columns]},
    )  # fmt: skip
    methods: dict[str, tuple[dict, dict]] = {
        "path": ({"node": 0}, {"node": bad.counts(0, NODES - 1, 0)}),
        "index": ({"node": "car"}, {"node": [(repr(v)[:10], v, "") for v in (
            "cat", "", None, 1, ["car"], {}, 1.5, b"car")]}),
        "distances": ({"convention": "depth"}, {"convention": bad.choices()}),
        "node_heights": ({"convention": "depth"}, {"convention": bad.choices()}),
        "subtree": ({"node": "land"}, {"node": [(repr(v)[:10], v, "") for v in (
            "cat", "car", "", None, 1, ["car"], {}, 1.5)]}),
        "keep": ({"leaves": ["car", "jet"]}, {"leaves": [(repr(v)[:10], v, "") for v in (
            "car", [], ["car"], ["cat", "car"], None, 1, [1, 2], {}, ["car", "car"])]}),
        "reorder": ({"leaves": ["car", "truck", "glider", "jet"]}, {
            "leaves": [(repr(v)[:30], v, "") for v in (
                "car", [], ["car"], None, 1, [0, 1, 2, 3], {}, ["car"] * 4,
                ["car", "truck", "jet", "cat"])]}),
        "render": ({"max_lines": 60}, {"max_lines": bad.counts(1, None, 60)}),
        "merge": ({"groups": {"wheels": ["car", "truck"]}}, {"groups": [
            (repr(v)[:20], v, "") for v in (None, 1, [], "x", {"w": ["cat"]}, {"w": "car"},
                                            {1: ["car"]}, {"w": []}, {"w": None})]}),
        "diff": ({"other": OTHER}, {"other": [v for v in bad.trees(TREE, OTHER)
                                              if v[0] != "other classes"]}),
    }  # fmt: skip
    for title, (good, roles) in methods.items():
        names = list(__import__("inspect").signature(getattr(TREE, title)).parameters)

        def positional(title: str = title, name: str = "", **given: Any) -> Any:
            result = getattr(TREE, title)(*given.values())
            return result if not isinstance(result, kh.ClassTree) else len(result.nodes)

        assert names, title
        yield from cases_of(f"ClassTree().{title}", good, positional, roles)
    options: dict[str, tuple[Callable, dict]] = {
        "losses.HAFrameLoss": (kh.losses.HAFrameLoss, {
            "tree": bad.trees(TREE, OTHER), "gamma": bad.numbers(1.0, (0, -1, math.inf, True)),
            "alpha": bad.numbers(0.5, (-1, math.inf, True)), "convention": bad.choices(),
            "mapping": bad.choices(), "min_similarity": bad.numbers(0.1, (1.5, -2, True)),
        }),
        "losses.HierarchicalCrossEntropy": (kh.losses.HierarchicalCrossEntropy, {
            "tree": bad.trees(TREE, OTHER), "alpha": bad.numbers(0.1, (-1, math.inf, True))}),
        "losses.SoftLabelCrossEntropy": (kh.losses.SoftLabelCrossEntropy, {
            "beta": bad.numbers(1.0, (0, -1, math.inf, True)), "form": bad.choices(),
            "convention": bad.choices()}),
        "losses.CPCCLoss": (kh.losses.CPCCLoss, {
            "weight": bad.numbers(1.0, (-1, math.inf, True)), "convention": bad.choices()}),
        "losses.HierCosLoss": (kh.losses.HierCosLoss, {
            "alpha": bad.numbers(0.1, (-1, math.inf, True))}),
        "losses.LevelCrossEntropy": (kh.losses.LevelCrossEntropy, {
            "weights": [(repr(v)[:10], v, "") for v in (
                1.0, [1.0], [-1, 1], [np.nan, 1], "x", ["a", "b"], [None, 1], {}, [[1], [2]])]}),
        "losses.HAFeatureLoss": (kh.losses.HAFeatureLoss, {
            "dissimilarity_levels": [(repr(v)[:10], v, "") for v in (
                [0], [2], [-1], [1, 1], 1, "x", [1.0], [None])],
            "margin": bad.numbers(1.0, (0, -1, math.inf)), "pairs": bad.counts(1, None, 256)}),
        "losses.RankingLoss": (lambda tree, **o: kh.losses.RankingLoss(**o), {
            "margin": bad.numbers(1.0, (0, -1, math.inf, True))}),
        "losses.DotRegression": (lambda tree, **o: kh.losses.DotRegression(**o), {
            "lengths": [(repr(v)[:10], v, "") for v in (
                "x", 1.0, [-1, 1], [np.nan], [[1]], {}, [0.0, 1])],
            "reg_lam": bad.numbers(1.0, (-1, math.inf, True))}),
        "metrics.HierarchicalDistance": (kh.metrics.HierarchicalDistance, {
            "tree": bad.trees(TREE, OTHER), "k": bad.counts(1, K, 1), "convention": bad.choices()}),
        "metrics.NormalizedHierarchicalDistance": (kh.metrics.NormalizedHierarchicalDistance, {
            "k": bad.counts(1, K - 1, 1), "convention": bad.choices()}),
        "metrics.HierarchicalNDCG": (kh.metrics.HierarchicalNDCG, {
            "k": bad.counts(1, K, 1), "convention": bad.choices()}),
        "metrics.LevelAccuracy": (kh.metrics.LevelAccuracy, {
            "level": bad.counts(-HEIGHT, HEIGHT, 1)}),
        "metrics.LevelCalibrationError": (kh.metrics.LevelCalibrationError, {
            "level": bad.counts(-HEIGHT, HEIGHT, 1), "bins": bad.counts(1, None, 15),
            "norm": bad.choices()}),
        "metrics.MistakeSeverity": (kh.metrics.MistakeSeverity, {"convention": bad.choices()}),
    }  # fmt: skip
    for title, (make, roles) in options.items():

        def made(make: Any = make, **given: Any) -> None:
            make(**given)

        same = {k: [(n, v, "" if w != bad.SAME else w) for n, v, w in x] for k, x in roles.items()}
        drop = {k: [v for v in x if v[0] != "other classes"] for k, x in same.items()}
        good = {"tree": TREE} | ({"k": 1} if "k" in roles else {})
        yield from cases_of(f"{title}()", good, made, drop)


def models() -> Iterator[Case]:
    """`build`, `compile`, `fit`, `evaluate`, `predict` and what a model decides."""
    from tests import networks

    def backbone() -> keras.Model:
        return networks.backbone()

    @functools.cache
    def model(method: str = "cross_entropy") -> kh.HierarchicalClassifier:
        return kh.build(backbone(), TREE, method, hidden_units=4)

    def build(**given: Any) -> None:
        kh.build(**({"backbone": backbone(), "tree": TREE} | given))

    yield from cases_of(
        "build", {}, build,
        {
            "backbone": [(repr(v)[:20], v, "") for v in (
                None, "resnet", 1, [], {}, object(), keras.Model, kh.ClassTree)],
            "tree": [v for v in bad.trees(TREE, OTHER) if v[0] != "other classes"],
            "method": bad.choices(), "network": [v for v in bad.choices() if v[1] is not None],
            "hidden_units": [v for v in bad.counts(1, None, 4)],
            "pooling": [v for v in bad.choices() if v[1] is not None],
            "convention": bad.choices(),
            "feature": [v for v in bad.choices() if v[1] is not None],
            "input_momentum": bad.numbers(0.9, (-1, 2, math.inf)),
            "reduce_init": bad.choices(),
            "input_shape": [(repr(v)[:20], v, "") for v in (
                1, "x", (6,), (6, 6), (6, 6, 1), ("a", 6, 3), {}, (6.5, 6, 3), (-6, 6, 3))],
            "preprocessing": [(repr(v)[:20], v, "") for v in (1, "x", [], object(), {"a": 1})],
            "gamma": bad.numbers(1.0, (0, -1, math.inf, True)),
            "alpha": bad.numbers(0.5, (-1, math.inf, True)),
            "min_similarity": bad.numbers(0.1, (1.5, True)),
            "unknown_option": [("1", 1, "")],
        },
    )  # fmt: skip

    def of(name: str, **fixed: Any) -> Callable:
        def call(**given: Any) -> Any:
            found = getattr(model(), name)(**(given | fixed))
            return None if name in ("fit",) else found

        return call

    quiet = {"verbose": 0}
    for name, extra in (("fit", {"epochs": 1}), ("evaluate", {})):
        yield from cases_of(
            f"model.{name}", {"x": X, "y": Y, "sample_weight": W, "batch_size": 4},
            of(name, **quiet, **extra),
            {
                "x": bad.images(X), "y": bad.labels(Y, K), "sample_weight": bad.weights(W),
                "batch_size": [v for v in bad.counts(1, None, 4) if v[1] is not None],
            },
        )  # fmt: skip
    for kind in ("generator", "PyDataset", "tf.data", "DataLoader"):
        for name in ("fit", "evaluate"):

            def stream(x: Any, y: Any, w: Any, kind: str = kind, name: str = name) -> Any:
                data, steps = streamed(kind, x, y, w)
                key = "steps_per_epoch" if name == "fit" else "steps"
                more = {key: steps} if kind == "generator" else {}
                found = getattr(model(), name)(data, verbose=0, **more)
                return None if name == "fit" else found

            # What such a stream can hold at all, and what its batches of four then have.
            variants = {
                "y": [v for v in bad.labels(Y, K) if v[0] in STREAMED or v[0][:5] in STREAMED],
                "w": [v for v in bad.weights(W) if v[0] in STREAMED],
            }
            if kind in ("generator", "PyDataset"):
                variants["y"] += [v for v in bad.labels(Y, K) if v[0] in ("one fewer", "masked")]
                variants["w"] += [v for v in bad.weights(W) if v[0] in ("one fewer", "objects")]
            yield from cases_of(f"model.{name}@{kind}", {"x": X, "y": Y, "w": W}, stream, variants)
    yield from cases_of(
        "model.fit, validation", {"y": Y, "x": X},
        lambda x, y: of("fit", **quiet)(x=X, y=Y, validation_data=(x, y)) and None,
        {"y": bad.labels(Y, K), "x": bad.images(X)},
    )  # fmt: skip
    yield from cases_of(
        "model.fit, weights of validation", {"w": W},
        lambda w: of("fit", **quiet)(x=X, y=Y, validation_data=(X, Y, w)) and None,
        {"w": bad.weights(W)},
    )  # fmt: skip
    for name in ("train_on_batch", "test_on_batch"):
        yield from cases_of(
            f"model.{name}", {"x": X, "y": Y, "sample_weight": W}, of(name),
            {"x": bad.images(X), "y": bad.labels(Y, K), "sample_weight": bad.weights(W)}
            if name == "test_on_batch" else
            {k: [(n, x, "") for n, x, w in v if w != bad.SAME] for k, v in {
                "x": bad.images(X), "y": bad.labels(Y, K), "sample_weight": bad.weights(W),
            }.items()},
        )  # fmt: skip
    for name, fixed in (
        ("predict", quiet), ("predict_proba", quiet), ("predict_classes", quiet), ("decide", {}),
        ("features", {}),
    ):  # fmt: skip
        yield from cases_of(f"model.{name}", {"x": X}, of(name, **fixed), {"x": bad.images(X)})
    yield from cases_of(
        "model.fit, class_weight", {"class_weight": dict.fromkeys(range(K), 1.0)},
        lambda class_weight: of("fit", **quiet)(x=X, y=Y, class_weight=class_weight) and None,
        {"class_weight": [(repr(v)[:20], v, "") for v in (
            "x", 1, [1.0], {0: np.nan}, {0: -1.0}, {"car": 1.0}, {9: 1.0}, {0: "x"}, {0: None})]},
    )  # fmt: skip

    def compiled(**given: Any) -> None:
        kh.build(backbone(), TREE, "cross_entropy", hidden_units=4).compile(**given)

    yield from cases_of(
        "model.compile", {}, compiled,
        {"optimizer": [(repr(v)[:15], v, "") for v in ("x", 1, object(), [])]},
    )  # fmt: skip


def streamed(kind: str, x: Any, y: Any, w: Any, size: int = 4) -> tuple[Any, int]:
    """Data as a stream of batches of four, and their number."""
    batches = [(x[i : i + size], y[i : i + size], w[i : i + size]) for i in range(0, N, size)]
    if kind == "generator":
        return (batch for batch in batches), len(batches)
    if kind == "tf.data":
        import tensorflow as tf

        data = tf.data.Dataset.from_tensor_slices((x, y, w)) if len({*map(len, (x, y, w))}) == 1 \
            else tf.data.Dataset.zip(*(
                tf.data.Dataset.from_tensors(np.asarray(a[:size])) for a in (x, y, w)))  # fmt: skip
        return (data.batch(size) if len({*map(len, (x, y, w))}) == 1 else data), len(batches)
    if kind == "DataLoader":
        import torch

        class Items(torch.utils.data.Dataset):
            def __len__(self) -> int:
                return N

            def __getitem__(self, i: int) -> Any:
                return x[i], y[i], w[i]

        return torch.utils.data.DataLoader(Items(), size), len(batches)

    class Batches(keras.utils.PyDataset):
        def __len__(self) -> int:
            return len(batches)

        def __getitem__(self, i: int) -> Any:
            return batches[i]

    return Batches(), len(batches)


GROUPS: dict[str, Callable[[], Iterator[Case]]] = {
    "losses": losses,
    "losses@graph": functools.partial(losses, True),
    "metrics": metrics,
    "metrics@graph": functools.partial(metrics, True),
    "functions": functions,
    "decisions": decisions,
    "measures": measures,
    "constructors": constructors,
    "models": models,
}

# Accepted, and right: what it means is as clear as for the good input. Patterns of the target, the
# argument and the variant, with the reason.
HARMLESS = (
    (r"losses\.(CrossEntropy|CosineEmb|FrameDot|DotReg|Ranking)", "logits|cosines",
     "a column more", "no tree: outputs of more classes are those of another model"),
    (r"losses\.DotRegression", "features", "column", "only the norm of features is read"),
    (r"losses\.CPCCLoss", "features", "column", "features of any width"),
    (r"decisions\.", "probabilities|scores", "a row fewer|a row more|only one row|no rows",
     "rows are answered one by one, and there are no labels"),
    (r"(apply|fit)_temperature", "scores", "column|transposed",
     "no tree: scores of other classes are those of another model"),
    (r"most_probable", "scores", ".*", "no tree: rows of any number of classes"),
    (r"conditional_risk", "distances", "transposed", "distances are symmetric"),
    (r"conditional_risk", "distances", "booleans", "0 and 1 are distances"),
    (r"hierarchical_ensemble", "parent_probabilities", "booleans", "one-hot rows sum to 1"),
    (r"metrics\.operating_curve", "thresholds", r"\[0\.5, 0\.5\]", "several thresholds"),
    (r"evaluate", "labels", "strings|bytes", "texts of numbers are numbers, as in a table"),
    (r"evaluate", "kind", "None", "the default"),
    (r"evaluate", "floors", "^0.5$", "one floor"),
    (r"collapse|class_mean", "features", "column", "features of any width"),
    (r"collapse|class_mean", "features", "booleans", "0 and 1 are features"),
    (r"plot_", "predictions", "one-hot", "scores `[n, K]`, whose best class is taken"),
    (r"plot_confusion", "tree", "other classes", "class indices say nothing of the tree"),
    (r"plot_gram", "cosines", "transposed|NaN|booleans", "symmetric; absent classes are blank"),
    (r"plot_images", "images", "another size", "images of any size"),
    (r"from_nested", "nested", ".*", "a group of one class, or one name in two places: a path"),
    (r"from_paths", "paths", ".*", "texts are paths of one name; one name in two places"),
    (r"from_label_columns", "columns", ".*", "one level, or names of groups"),
)  # fmt: skip


def reason(case: Case) -> str:
    """Why a case is accepted rightly, or `""`."""
    for target, argument, variant, why in HARMLESS:
        if (
            re.search(target, case.target)
            and re.fullmatch(argument, case.argument)
            and re.search(variant, case.variant)
        ):
            return why
    return ""


def judged(case: Case) -> tuple[str, str]:
    """`bad_inputs.outcome`, `harmless` where there is a reason."""
    kind, text = bad.outcome(case)
    why = reason(case) if kind == "silent" and case.good is None else ""
    return ("harmless", why) if why else (kind, text)
