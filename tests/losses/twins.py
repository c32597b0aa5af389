"""Loops that several tests compare losses and models with."""

import itertools

import numpy as np
from keras import ops

from tests.brute_force import level_names, log_sum_exp


def level_outputs(tree, rng, batch: int, scale: float = 1.0) -> dict:
    """Random logits for every level under the names of the heads' outputs."""
    outputs = {}
    for level in range(1, tree.height + 1):
        size = len(dict.fromkeys(level_names(tree, level)))
        name = "logits" if level == tree.height else f"logits_{level}"
        outputs[name] = scale * rng.normal(size=(batch, size))
    return outputs


def list_of_pairs(labels, order, count=256) -> list[tuple[int, int]]:
    """Pass over the shuffled batch until the list is full, at most as often as it has examples."""
    found = []
    for _ in range(len(labels)):
        for i, j in itertools.pairwise(order):
            if labels[i] != labels[j] and len(found) < count:
                found.append((int(i), int(j)))
    return found


def kl(p, m) -> float:
    return sum(a * np.log(a / max(b, 1e-7)) for a, b in zip(p, m) if a > 0)


def dissimilarity(probabilities, labels, order, margin=3.0, count=256) -> float:
    pairs = list_of_pairs(labels, order, count)
    total = margin * (count - len(pairs))
    for i, j in pairs:
        p, q = probabilities[i], probabilities[j]
        middle = [(a + b) / 2 for a, b in zip(p, q)]
        total += 0.5 * max(0, margin - kl(p, middle)) + 0.5 * max(0, margin - kl(q, middle))
    return total / count


def log_given_parent(tree, node: int, row) -> float:
    """Log softmax of a node among its siblings."""
    siblings = [row[n] for n in range(tree.num_nodes) if tree.parents[n] == tree.parents[node]]
    return row[node] - log_sum_exp(siblings)


def leaf_log_probability(tree, label: int, row) -> float:
    return sum(log_given_parent(tree, tree.index(n), row) for n in tree.path(label)[1:])


def cpcc(z, labels, d):
    present = sorted(set(labels.tolist()))
    means = [np.mean([z[b] for b in range(len(z)) if labels[b] == k], axis=0) for k in present]
    pairs = [(i, j) for i in range(len(present)) for j in range(i)]
    feature = np.array([np.sqrt(((means[i] - means[j]) ** 2).sum()) for i, j in pairs])
    tree = np.array([float(d[present[i], present[j]]) for i, j in pairs])
    if len(pairs) < 2 or np.ptp(tree) == 0 or np.ptp(feature) == 0:
        return 0.0
    return float(np.corrcoef(feature, tree)[0, 1])


def cosine_head(embeddings):
    """Outputs of an embedding `u` and its cosines to the rows of `embeddings`."""
    embeddings = np.asarray(embeddings, np.float64)

    def outputs(u):
        squared = ops.sum(u * u, axis=-1, keepdims=True)
        unit = u * ops.where(squared > 1e-16, ops.rsqrt(ops.maximum(squared, 1e-16)), 0.0 * squared)
        e = ops.convert_to_tensor(embeddings.T, dtype=u.dtype)
        return {"cosines": ops.matmul(unit, e), "features": u}

    return outputs


def unit_rows(rng, k, d):
    e = rng.standard_normal((k, d))
    return e / np.linalg.norm(e, axis=1, keepdims=True)
