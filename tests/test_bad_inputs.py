"""Bad inputs end in a clear error, or in a result that says so: never in a number that is believed.

`python benchmarks/bad_inputs.py` runs all of them; here are some of every group, each of which a
slip in a check would change.
"""

import itertools

import keras
import matplotlib
import numpy as np
import pytest

from tests import bad_calls
from tests.bad_inputs import Case, outcome

matplotlib.use("Agg")
BACKEND = keras.backend.backend()
COMPILES = pytest.mark.skipif(BACKEND == "torch", reason="PyTorch does not compile")
# Every how many-th case: the quick pass has seconds.
QUICK = {"losses": 29, "metrics": 23, "functions": 19, "decisions": 23, "constructors": 11}
SLOW = {"losses@graph": 17, "metrics@graph": 11, "models": 37, "measures": 11}


def check(group: str, step: int) -> None:
    bad = []
    for case in itertools.islice(bad_calls.GROUPS[group](), step // 2, None, step):
        kind, text = bad_calls.judged(case)
        if kind in ("internal", "silent"):
            bad.append(f"{kind}: {case} | {text[:200]}")
    assert not bad, "\n".join(bad)


@pytest.mark.parametrize("group", QUICK)
def test_no_internal_error_and_nothing_silent(group):
    check(group, QUICK[group])


@COMPILES
@pytest.mark.slow
@pytest.mark.parametrize("group", SLOW)
def test_no_internal_error_and_nothing_silent_in_compiled_code(group):
    check(group, SLOW[group])


@COMPILES
@pytest.mark.parametrize("title", ["Top1Accuracy", "LevelCalibrationError", "HierarchicalF1"])
def test_metrics_in_a_compiled_step_are_nan(title):
    """-1 was taken for the last class; NaN scores gave an error of calibration of 0."""
    wanted = {("y", "label -1"), ("y", "float label 1.5"), ("weights", "negative")}
    wanted |= {("scores", "one NaN"), ("y", "only one")}
    cases = [
        case
        for case in bad_calls.metrics(compiled=True)
        if case.target == f"metrics.{title}@graph" and (case.argument, case.variant) in wanted
    ]
    assert len(cases) == 5 - (title == "HierarchicalF1")
    # JAX knows the numbers of labels and rows while it traces.
    found = {case.variant: outcome(case)[0] for case in cases}
    assert found.pop("only one") == ("told" if BACKEND == "tensorflow" else "clear")
    assert set(found.values()) == {"told"}


@COMPILES
@pytest.mark.parametrize("title", ["HAFrameLoss", "CPCCLoss"])
def test_losses_in_a_compiled_step_are_nan(title):
    wanted = {("y", "label -1"), ("y", "label 4"), ("features", "one NaN"), ("weights", "NaN")}
    cases = [
        case
        for case in bad_calls.losses(compiled=True)
        if case.target == f"losses.{title}@graph" and (case.argument, case.variant) in wanted
    ]
    assert {outcome(case)[0] for case in cases} == {"told"} and len(cases) >= 3


def test_a_label_out_of_range_has_no_gradient():
    """The loss is NaN; the weights are not, as the example is left out of the gradient."""
    from tests.gradients import gradients

    loss, logits = bad_calls.kh.losses.CrossEntropy(), bad_calls.Z
    outputs = lambda z: {"logits": z}  # noqa: E731
    good = loss(bad_calls.Y, outputs(logits))
    assert np.isfinite(float(good))
    if BACKEND == "torch":
        return
    labels = np.array([*bad_calls.Y[:-1], -1], "int32")
    (found,) = gradients(
        lambda z: loss(keras.ops.convert_to_tensor(labels) + keras.ops.cast(z[0, 0] * 0, "int32"),
                       outputs(z)),
        [logits], True,
    )  # fmt: skip
    assert np.isfinite(found).all() and not found[-1].any() and found[0].any()


def test_the_table_tells_what_is_what():
    """A call that takes anything is silent, one that fails inside is internal."""
    x = np.array([1.0])
    cases = {
        "silent": lambda: 1.0,
        "told": lambda: float("nan"),
        "internal": lambda: x["a"],
        "clear": lambda: bad_calls.kh.ClassTree([]),
    }
    for kind, call in cases.items():
        assert outcome(Case("t", "a", "v", call, None))[0] == kind
    assert outcome(Case("t", "a", "v", lambda: x, lambda: x.copy()))[0] == "same"
    assert outcome(Case("t", "a", "v", lambda: x, lambda: [2.0]))[0] == "silent"
