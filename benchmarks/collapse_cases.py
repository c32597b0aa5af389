"""The methods `collapse.py` compares."""

from __future__ import annotations

import numpy as np

from keras_haframe.collapse import ClassStatistics, NeuralCollapse

BATCH = 256


def passes(n: int, k: int, d: int) -> dict:
    """Method name -> callable giving (means, scatter, squares) of n features."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, k, n)
    features = rng.standard_normal((n, d), dtype=np.float32)
    features += rng.standard_normal((k, d), dtype=np.float32)[labels]
    parts = [slice(i, i + BATCH) for i in range(0, n, BATCH)]

    def streaming():
        statistics = ClassStatistics(k, d)
        for part in parts:
            statistics.update(features[part], labels[part])
        return statistics.means, statistics.scatter, statistics.squares

    def two_pass(parts=parts):
        counts, means = np.bincount(labels, minlength=k), np.zeros((k, d))
        for part in parts:
            np.add.at(means, labels[part], features[part].astype(np.float64))
        means /= np.maximum(counts, 1)[:, None]
        scatter, squares = np.zeros((d, d)), np.zeros(k)
        for part in parts:
            gaps = features[part].astype(np.float64) - means[labels[part]]
            scatter += gaps.T @ gaps
            rows = np.einsum("ij,ij->i", gaps, gaps)
            squares += np.bincount(labels[part], weights=rows, minlength=k)
        return means, scatter, squares

    methods = {
        "streaming": streaming,
        "two-pass": two_pass,
        "in memory": lambda: two_pass([slice(0, n)]),
    }
    try:
        from sklearn.covariance import EmpiricalCovariance
        from sklearn.neighbors import NearestCentroid
    except ImportError:
        return methods

    def scikit_learn():
        whole = features.astype(np.float64)
        fitted = NearestCentroid().fit(whole, labels)
        means = np.zeros((k, d))
        means[fitted.classes_] = fitted.centroids_
        whole -= means[labels]
        model = EmpiricalCovariance(assume_centered=True, store_precision=False).fit(whole)
        rows = np.einsum("ij,ij->i", whole, whole)
        return means, n * model.covariance_, np.bincount(labels, weights=rows, minlength=k)

    return methods | {"scikit-learn": scikit_learn}


def results(k: int, d: int, memory: float) -> dict:
    """Method name -> callable giving measures, or the reason why it is not run."""
    rng = np.random.default_rng(0)
    frame = rng.standard_normal((k, d))
    frame /= np.linalg.norm(frame, axis=1, keepdims=True)
    means = frame + 0.3 / np.sqrt(d) * rng.standard_normal((k, d))
    nc = NeuralCollapse(k, d, target=frame @ frame.T, keep_bytes=0)
    spread = 0.3 / np.sqrt(d) * rng.standard_normal((4, d))
    for i in range(0, k, BATCH):
        ids = np.arange(i, min(i + BATCH, k))
        for row in spread:
            nc.update(means[ids] + row * np.cos(ids)[:, None], ids)
    means, scatter, n = nc.class_means, nc.within_covariance, 4 * k
    variances = nc.class_variances

    def gap(matrix, goal):
        return float(np.linalg.norm(matrix / np.linalg.norm(matrix) - goal / np.linalg.norm(goal)))

    def nc1_svd():
        _, values, vectors = np.linalg.svd(means - means.mean(axis=0), full_matrices=False)
        rank = min(k - 1, d)
        along = np.einsum("rd,rd->r", vectors[:rank] @ scatter, vectors[:rank])
        return {"nc1": float(np.sum(along / values[:rank] ** 2))}

    def whole():
        centered = means - means.mean(axis=0)
        out = nc1_svd()
        s = frame @ frame.T
        cross = s - s.mean(axis=1)[:, None]
        goal = cross - cross.mean(axis=0)
        gram = centered @ centered.T
        out["nc2"] = gap(gram, goal)
        out["nc3"] = gap(frame @ centered.T, cross)
        above = np.triu_indices(k, 1)
        squares = np.diagonal(gram)
        distances = (squares[:, None] + squares - 2 * gram)[above]
        out["cdnv"] = float(np.mean((variances[:, None] + variances)[above] / 2 / distances))
        cosines = gram / np.sqrt(squares[:, None] * squares)
        lengths = np.sqrt(np.diagonal(goal))
        cosines -= goal / lengths[:, None] / lengths
        out["equiangle"] = float(np.abs(cosines[above]).mean())
        return out

    methods = {"tiled": lambda: nc.result(frame)}
    need = 10 * 8 * k * k / 2**30  # of K x K arrays, at the worst moment
    methods["whole"] = whole if need <= memory else f"whole matrices need {need:.0f} GiB"
    methods["nc1 tiled"] = lambda: {"nc1": nc.result(pairs=False)["nc1"]}
    methods["nc1 svd"] = nc1_svd
    assert n == nc.counts.sum()
    return methods


def largest_gap(first, second) -> float:
    if isinstance(first, dict):
        return max(abs(first[name] - second[name]) / abs(first[name]) for name in second)
    return max(np.abs(a - b).max() / np.abs(a).max() for a, b in zip(first, second))
