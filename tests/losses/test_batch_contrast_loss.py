"""NTCE, NONL and the contrast with the frame's own cosines, against loops."""

import numpy as np
import pytest
from keras import ops

from keras_haframe.frames import TargetCosines, hierarchy_aware_frame
from keras_haframe.losses import BatchContrastLoss
from tests import brute_force
from tests.gradients import DTYPE, assert_close
from tests.losses.contract import LossContract


def log_sum_exp(values):
    return brute_force.log_sum_exp(values) if len(values) else 0.0


class TestBatch(LossContract):
    against = "batch"

    def make(self, tree, **kwargs):
        return BatchContrastLoss(tree, 2.0, temperature=0.5, against=self.against, **kwargs)

    def outputs(self, tree, rng, batch, scale=1.0):
        return {"cosines": scale * rng.normal(size=(batch, tree.num_classes))}

    def twin(self, tree, labels, outputs):
        c = outputs["cosines"] / 0.5
        s_min = TargetCosines(tree, 2.0).s_min
        wanted = brute_force.target_cosines(tree, 2.0, s_min) / 0.5
        each = []
        for i, y in enumerate(labels):
            row = [c[j, y] for j in range(len(labels))]
            if self.against == "frame":
                target = brute_force.softmax([wanted[y, labels[j]] for j in range(len(labels))])
                total = log_sum_exp(row)
                each.append(sum(t * (total - v) for t, v in zip(target, row)))
                continue
            kept = [v for j, v in enumerate(row) if self.against == "batch" or labels[j] != y]
            each.append(log_sum_exp(kept) - row[i])
        return np.array(each)

    def test_sample_weights_choose_examples(self, tree):
        super().test_sample_weights_choose_examples(tree)


class TestOthers(TestBatch):
    against = "others"


class TestFrame(TestBatch):
    against = "frame"


def test_the_frame_itself_is_the_optimum_of_its_contrast(uneven_tree):
    """No other cosines have a lower loss; NTCE and NONL leave it."""
    target = TargetCosines(uneven_tree, 1.0)
    labels = np.array([0, 0, 1, 2, 3, 4, 5, 6])
    frame = hierarchy_aware_frame(target.matrix())
    rng = np.random.default_rng(0)

    def value(against, features):
        unit = features / np.linalg.norm(features, axis=1, keepdims=True)
        cosines = (unit @ frame.T).astype(DTYPE)
        loss = BatchContrastLoss(target, against=against, dtype=DTYPE)
        return float(loss(labels, {"cosines": cosines}))

    at_frame = frame[labels]
    steps = [1e-2 * rng.normal(size=at_frame.shape) for _ in range(20)]
    assert all(value("frame", at_frame + d) > value("frame", at_frame) for d in steps)
    for against in ("batch", "others"):
        ups_and_downs = [value(against, at_frame + d) - value(against, at_frame) for d in steps]
        assert min(ups_and_downs) < 0


def test_without_other_classes_nonl_only_pulls(tree):
    cosines = np.array([[0.5, 0, 0, 0], [0.25, 0, 0, 0]], DTYPE)
    loss = BatchContrastLoss(tree, against="others", temperature=0.25, dtype=DTYPE)
    assert_close(loss([0, 0], {"cosines": ops.convert_to_tensor(cosines)}), -1.5)


@pytest.mark.parametrize("options", [{"temperature": 0.0}, {"against": "all"}, {"gamma": -1.0}])
def test_options_out_of_range(tree, options):
    with pytest.raises(ValueError, match=next(iter(options))):
        BatchContrastLoss(tree, **options)
