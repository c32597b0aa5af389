"""What every loss must do, whatever its maths: subclass `LossContract` in a test file."""

import keras
import numpy as np
import pytest
from keras import ops

import keras_haframe as kh
from tests.gradients import DTYPE, RTOL, assert_close, gradients, numeric_gradient
from tests.trees import TREES


def cast(outputs, dtype: str):
    """Arrays or tensors of `outputs` in another dtype, half precision included."""
    return keras.tree.map_structure(lambda a: ops.cast(ops.convert_to_tensor(a), dtype), outputs)


class LossContract:
    """Subclasses give `make`, `outputs` and `twin`; the tests here then apply."""

    def make(self, tree, **kwargs) -> keras.losses.Loss:
        """The loss; `kwargs` are those of the base class."""
        raise NotImplementedError

    def outputs(self, tree, rng, batch: int, scale: float = 1.0) -> dict:
        """Random float64 model outputs by name."""
        raise NotImplementedError

    def twin(self, tree, labels, outputs) -> np.ndarray:
        """Loss per example `[B]` in float64 NumPy, with loops."""
        raise NotImplementedError

    def case(self, tree, batch=6, scale=1.0, seed=0):
        rng = np.random.default_rng(seed)
        labels = rng.integers(0, tree.num_classes, batch)
        return labels, self.outputs(tree, rng, batch, scale)

    def value(self, loss, labels, outputs) -> float:
        return float(ops.convert_to_numpy(loss(labels, outputs)))

    def gradients(self, loss, labels, outputs, dtype="float32", compiled=False) -> dict:
        """Gradients of the loss by the active backend, by name of the output."""
        names = list(outputs)
        arrays = [np.asarray(outputs[name], dtype) for name in names]
        found = gradients(lambda *given: loss(labels, dict(zip(names, given))), arrays, compiled)
        return dict(zip(names, found))

    @pytest.mark.parametrize("kind", TREES)
    def test_value_equals_the_twin_with_loops(self, kind):
        tree = TREES[kind]()
        labels, outputs = self.case(tree)
        want = self.twin(tree, labels, outputs)
        assert_close(self.make(tree, dtype=DTYPE, reduction=None)(labels, outputs), want)
        mean = self.value(self.make(tree, dtype=DTYPE), labels, outputs)
        assert mean == pytest.approx(want.mean(), rel=RTOL)

    @pytest.mark.parametrize("kind", ["uneven", "flat", "lopsided"])
    def test_gradient_equals_differences_of_the_twin(self, kind):
        tree = TREES[kind]()
        labels, outputs = self.case(tree, batch=4)
        found = self.gradients(self.make(tree, dtype=DTYPE), labels, outputs, DTYPE)
        for name in outputs:

            def mean(x, name=name):
                return self.twin(tree, labels, {**outputs, name: x}).mean()

            assert_close(found[name], numeric_gradient(mean, outputs[name]), 10 * RTOL)

    @pytest.mark.parametrize("scale", [1e4, 1e-30])
    def test_extreme_logits_give_finite_losses_and_gradients(self, scale, uneven_tree):
        labels, outputs = self.case(uneven_tree, batch=8, scale=scale)
        outputs = keras.tree.map_structure(np.float32, outputs)
        loss = self.make(uneven_tree)
        want = self.twin(uneven_tree, labels, keras.tree.map_structure(np.float64, outputs)).mean()
        assert self.value(loss, labels, outputs) == pytest.approx(want, rel=1e-4)
        for grad in self.gradients(loss, labels, outputs).values():
            assert np.isfinite(grad).all()

    def test_batch_of_one(self, uneven_tree):
        labels, outputs = self.case(uneven_tree, batch=1)
        loss = self.make(uneven_tree)
        want = self.twin(uneven_tree, labels, outputs)[0]
        assert self.value(loss, labels, outputs) == pytest.approx(want, rel=1e-4)

    def test_one_class_alone_in_the_batch(self, tree):
        _, outputs = self.case(tree, batch=5)
        labels = np.full(5, 2)
        want = self.twin(tree, labels, outputs).mean()
        assert self.value(self.make(tree), labels, outputs) == pytest.approx(want, rel=1e-4)

    @pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
    def test_half_precision_outputs_count_in_float32(self, dtype, tree):
        labels, outputs = self.case(tree)
        half = cast(outputs, dtype)
        loss = self.make(tree)
        got = loss(labels, half)
        assert keras.backend.standardize_dtype(got.dtype) == "float32"
        want = self.value(loss, labels, cast(half, "float32"))
        assert float(got) == pytest.approx(want, rel=1e-6)

    @pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16", "bfloat16"])
    def test_dtype_policies_leave_the_loss_in_float32(self, policy, tree):
        labels, outputs = self.case(tree)
        want = self.value(self.make(tree), labels, outputs)
        keras.config.set_dtype_policy(policy)
        assert self.value(self.make(tree), labels, outputs) == pytest.approx(want, rel=1e-6)

    def test_class_indices_above_256_stay_exact_under_bfloat16(self):
        keras.config.set_dtype_policy("bfloat16")
        parents = [("root", f"p{i}") for i in range(20)]
        tree = kh.ClassTree(parents + [(f"p{i % 20}", f"c{i}") for i in range(400)])
        outputs = self.outputs(tree, np.random.default_rng(0), 2)
        labels = np.array([257, 399])
        want = self.twin(tree, labels, outputs)
        each = self.make(tree, reduction=None)(labels, outputs)
        np.testing.assert_allclose(ops.convert_to_numpy(each), want, rtol=1e-4)

    def test_sample_weights_choose_examples(self, tree):
        """Those of weight 0 are not there, for terms over the batch neither."""
        labels, outputs = self.case(tree)
        weights = np.array([1, 0, 2, 0, 0, 1], "float32")
        there = weights > 0
        each = self.twin(tree, labels[there], {k: v[there] for k, v in outputs.items()})
        got = float(self.make(tree, reduction="sum")(labels, outputs, weights))
        assert got == pytest.approx(float(each @ weights[there]), rel=1e-5)

    def test_config_round_trip(self, uneven_tree):
        labels, outputs = self.case(uneven_tree)
        loss = self.make(uneven_tree)
        config = keras.saving.serialize_keras_object(loss)
        again = keras.saving.deserialize_keras_object(config)
        assert type(again) is type(loss)
        assert again.get_config() == loss.get_config()
        assert self.value(again, labels, outputs) == self.value(loss, labels, outputs)

    @pytest.mark.slow
    def test_xla(self, uneven_tree):
        labels, outputs = self.case(uneven_tree)
        loss = self.make(uneven_tree)
        compiled = self.gradients(loss, labels, outputs, compiled=True)
        for name, want in self.gradients(loss, labels, outputs).items():
            assert_close(compiled[name], want, 1e-5)

    def test_one_hot_labels_are_rejected(self, tree):
        _, outputs = self.case(tree, batch=3)
        with pytest.raises(ValueError, match=r"look one-hot.*argmax"):
            self.make(tree)(np.eye(tree.num_classes)[:3], outputs)

    def test_outputs_of_another_tree_are_rejected(self, tree, uneven_tree):
        labels, outputs = self.case(uneven_tree)
        with pytest.raises(ValueError, match=r"Received shape|Received: \["):
            self.make(tree)(labels % 4, outputs)
