"""Vectors of single classes of the low-rank frame."""

import numpy as np
import pytest
from keras import ops

from keras_haframe import frames
from keras_haframe.tree_ops.low_rank_rows import low_rank_rows
from tests.trees import random_tree


@pytest.mark.parametrize("dim", [16, 24, 300])
def test_rows_are_those_of_the_frame(dim):
    rng = np.random.default_rng(0)
    frame = frames.LowRankFrame(random_tree(rng, 90), dim, 2.0)
    classes = rng.integers(0, 90, (4, 5))
    found = ops.convert_to_numpy(low_rank_rows(frame, ops.convert_to_tensor(classes)))
    np.testing.assert_allclose(found, frame.dense()[classes], atol=1e-6)
