"""Brute-force twins: every measure again, with explicit loops over classes, samples and pairs."""

import numpy as np


def draw(rng, k, d, n, spread=0.4, offset=0.0):
    """Features around random class centers, and labels which cover every class."""
    labels = np.concatenate([np.arange(k), rng.integers(0, k, n - k)])
    rng.shuffle(labels)
    centers = rng.standard_normal((k, d))
    return centers[labels] + spread * rng.standard_normal((n, d)) + offset, labels


def moments(features, labels, k):
    """Counts, means, scatter and summed squared distances, sample by sample."""
    d = np.shape(features)[1]
    counts, means = np.zeros(k, int), np.zeros((k, d))
    for f, y in zip(features, labels):
        counts[y] += 1
        means[y] += f
    for y in range(k):
        if counts[y]:
            means[y] /= counts[y]
    scatter, squares = np.zeros((d, d)), np.zeros(k)
    for f, y in zip(features, labels):
        gap = f - means[y]
        scatter += np.outer(gap, gap)
        squares[y] += gap @ gap
    return counts, means, scatter, squares


def frobenius_gap(matrix, target):
    return np.linalg.norm(matrix / np.linalg.norm(matrix) - target / np.linalg.norm(target))


def collapse(features, labels, k, classifier=None, bias=None, target=None, mean="class",
             centered=True):  # fmt: skip
    """The dict of `NeuralCollapse.result`, from whole matrices and loops."""
    counts, means, scatter, squares = moments(features, labels, k)
    seen = [y for y in range(k) if counts[y]]
    counts, means, squares = counts[seen], means[seen], squares[seen]
    c, n = len(seen), int(counts.sum())
    weights = np.full(c, 1 / c) if mean == "class" else counts / n
    center = sum(w * m for w, m in zip(weights, means))
    about = np.array([m - center for m in means])
    sigma_w = scatter / n
    sigma_b = sum(np.outer(m, m) for m in about) / c
    variances = squares / counts
    out = {"nc1": np.trace(sigma_w @ np.linalg.pinv(sigma_b, rcond=1e-12)) / c}
    out["nc1_quotient"] = np.trace(sigma_w) / np.trace(sigma_b)
    out["nc1_quotient_macro"] = variances.mean() / np.trace(sigma_b)

    etf = np.eye(c) - np.ones((c, c)) / c
    projector = np.eye(c) - np.outer(np.ones(c), weights) if centered else np.eye(c)
    if target is None:
        gram, cross = etf, etf
        lengths, cosines = np.ones(c), np.full((c, c), -1 / (c - 1))
    else:
        s = np.asarray(target)[np.ix_(seen, seen)]
        gram, cross = projector @ s @ projector.T, s @ projector.T
        lengths = np.sqrt(np.diag(gram))
        cosines = gram / np.outer(lengths, lengths)
    vectors = about if centered else means
    out["nc2"] = frobenius_gap(vectors @ vectors.T, gram)
    gaps, angles, cdnv = [], [], []
    for i in range(c):
        for j in range(i + 1, c):
            cos = vectors[i] @ vectors[j]
            cos /= np.linalg.norm(vectors[i]) * np.linalg.norm(vectors[j])
            gaps.append(cos - cosines[i, j])
            angles.append(np.degrees(np.arccos(np.clip(cos, -1, 1))))
            cdnv.append((variances[i] + variances[j]) / 2 / np.sum((means[i] - means[j]) ** 2))
    out["equiangle"], out["equiangle_std"] = np.mean(np.abs(gaps)), np.std(gaps)
    out["min_angle"], out["cdnv"] = min(angles), np.mean(cdnv)
    limit = sorted(counts)[max(-(-c // 3), 2) - 1]
    pairs = [(i, j) for i in range(c) for j in range(i + 1, c)]
    tail = [a for (i, j), a in zip(pairs, angles) if max(counts[i], counts[j]) <= limit]
    out["tail_angle"] = min(tail)
    ratios = [np.linalg.norm(v) / t for v, t in zip(vectors, lengths)]
    out["equinorm"] = np.std(ratios) / np.mean(ratios)
    if target is not None:
        out["nc2_etf"] = frobenius_gap(vectors @ vectors.T, etf)
    if classifier is None:
        return out
    bias = np.zeros(k) if bias is None else bias
    rows = classifier[seen]
    out["nc3"] = frobenius_gap(rows @ vectors.T, cross)
    if target is not None:
        out["nc3_etf"] = frobenius_gap(rows @ vectors.T, etf)
    if target is not None:
        vectors = means
    out["duality"] = frobenius_gap(rows, vectors) ** 2
    out["alignment"] = np.mean(
        [r @ v / np.linalg.norm(r) / np.linalg.norm(v) for r, v in zip(rows, vectors)]
    )
    out["offset"] = np.linalg.norm(rows @ center + bias[seen])
    out["nc4"], out["nc4_macro"] = disagreement(features, labels, seen, means, classifier, bias)
    return out


def disagreement(features, labels, seen, means, classifier, bias):
    differ = []
    for f in features:
        nearest = seen[int(np.argmin([np.sum((f - m) ** 2) for m in means]))]
        differ.append(nearest != int(np.argmax([w @ f + b for w, b in zip(classifier, bias)])))
    differ = np.array(differ)
    return differ.mean(), np.mean([differ[np.asarray(labels) == y].mean() for y in set(labels)])
