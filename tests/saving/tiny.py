"""Tiny models whose weights and statistics are not at their start values."""

import keras
import numpy as np

import keras_haframe as kh
from keras_haframe.models import small_cnn

SHAPE = (16, 16, 3)


def model(tree, method="haframe", seed=0, **options):
    """A classifier of 16 x 16 images, as if trained: the statistics are those of images."""
    keras.utils.set_random_seed(seed)
    net = kh.build(small_cnn(SHAPE, (4, 8)), tree, method, hidden_units=12, **options)
    rng = np.random.default_rng(seed)
    for weight in net.weights:
        if weight.name in ("beta", "bias"):
            weight.assign(rng.normal(0, 0.3, weight.shape))
        if weight.name == "gamma":
            weight.assign(rng.uniform(0.5, 2.0, weight.shape))
    norms = [n for n in net._flatten_layers() if isinstance(n, keras.layers.BatchNormalization)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 0.0
    net(images(64), training=True)
    for norm, momentum in zip(norms, momenta):
        norm.momentum = momentum
    net.run_eagerly = True  # a few steps: tracing them takes longer
    return net


def images(count=256, seed=1) -> np.ndarray:
    """float32 `[count, 16, 16, 3]`, values from 0 to 255: smooth waves with noise."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:16, 0:16] / 16
    angle, phase = rng.uniform(0, 6, (2, count, 1, 1, 3))
    wave = np.sin(6 * (np.cos(angle) * x[..., None] + np.sin(angle) * y[..., None]) + phase)
    pixels = 127.5 + 90 * wave + rng.normal(0, 20, wave.shape)
    return np.clip(pixels, 0, 255).round().astype(np.float32)


def reason(path: list, depth: int, score: float, floor: float) -> str:
    """Why the node at a depth of the path to the best class is the answer, without a list."""
    if depth == len(path) - 1:
        return "class"
    shown = max(min(np.float32(score), np.float32(floor) - np.float32(0.006)), 0)
    return f"{'rolled up' if depth else 'root'}: best class {shown:.2f} < {floor:.2f}"


def hierarchy_twin(p: np.ndarray, tree, threshold) -> dict:
    """What `hierarchical` must return, by loops over images, classes and nodes."""
    rows = []
    distances = tree.distances()
    for probabilities, floor in zip(p, np.broadcast_to(threshold, len(p))):
        nodes = [probabilities[tree.ancestors[n]].sum() for n in range(tree.num_nodes)]
        nodes[-1] = 1.0
        best = int(np.argmax(probabilities))
        path = tree.path(best)
        on_path = [nodes[tree.index(name)] for name in path]
        risks = [float(probabilities @ distances[k]) for k in range(tree.num_classes)]
        decision = int(np.argmin(risks))
        depth = max(d for d, q in enumerate(on_path) if q >= floor or d == 0)
        pad = tree.height + 1 - len(path)
        rows.append(
            {
                "class_id": best,
                "class_name": tree.leaves[best],
                "score": probabilities[best],
                "path": path + [""] * pad,
                "path_probabilities": on_path + [0.0] * pad,
                "decision_id": decision,
                "decision_name": tree.leaves[decision],
                "decision_distance": risks[decision],
                "node_id": tree.index(path[depth]),
                "node_name": path[depth],
                "node_probability": on_path[depth],
                "node_depth": depth,
                "reason": reason(path, depth, probabilities[best], floor),
            }
        )
    return {key: np.array([row[key] for row in rows]) for key in rows[0]}


def assert_same(found: dict, expected: dict, atol=1e-5):
    """Same names; numbers within `atol`, text equal."""
    assert set(found) == set(expected)
    for key, value in expected.items():
        got = np.asarray(found[key])
        if got.dtype.kind in "SOU":  # bytes of TensorFlow, text of others
            text = [v.decode() if isinstance(v, bytes) else v for v in got.ravel()]
            got = np.array(text).reshape(got.shape)
            assert got.tolist() == value.tolist(), key
        else:
            np.testing.assert_allclose(got, value, rtol=1e-5, atol=atol, err_msg=key)
