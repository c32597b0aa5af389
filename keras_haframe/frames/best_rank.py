"""The frame of few dimensions whose Gram matrix is nearest to the target."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import scipy.linalg
import scipy.sparse
from numpy.typing import ArrayLike

from keras_haframe.frames.dense import check_dim, eigen, gram, orthonormal_columns
from keras_haframe.frames.target_cosines import TargetCosines

DECOMPOSED = 2_000  # up to here all K x K cosines are decomposed
FAMILIES = 5_000  # parents of classes whose cosines can be


class BestRankFrame(NamedTuple):
    """What `best_rank_frame` returns: `frame` `[K, dim]` and its `gram_error`."""

    frame: np.ndarray
    gram_error: float


def best_rank_frame(
    similarity: ArrayLike | TargetCosines, dim: int, seed: int | None = None
) -> BestRankFrame:
    """Vectors of fewer dimensions than classes whose Gram matrix is nearest to the target.

    The `dim` largest eigenpairs give the nearest Gram matrix in Frobenius norm (Eckart-Young);
    the rows are then scaled to unit length, so that no class is favored. Given `TargetCosines` of
    more than 2,000 classes, the eigenpairs are those of sibling differences, known without any
    computation, and of a matrix with one row per parent of classes: no K x K array is made.

    Args:
        similarity: `[K, K]` target cosines, or the `TargetCosines` themselves.
        dim: Length of the vectors, from 1 to K.
        seed: Seed of the random rotation; `None` for no rotation.

    Returns:
        `(frame, gram_error)`: float64 `[K, dim]` with unit rows, and the relative error
        `|frame frame' - S|_F / |S|_F`.

    Raises:
        ValueError: If `similarity` is not a matrix of cosines of real vectors, `dim` is not from 1
            to K, or a class would have no component left; or for more than 2,000 classes of more
            than 5,000 parents.

    Example:

    >>> s_min = min_similarity([[0, 1, 2], [1, 0, 2], [2, 2, 0]], gamma=1.0)
    >>> target = similarity([[0, 1, 2], [1, 0, 2], [2, 2, 0]], 1.0, s_min)
    >>> best_rank_frame(target, dim=2).gram_error < 1e-9   # at the bound the rank is K - 1
    True

    Reference: Eckart and Young, The Approximation of One Matrix by Another of Lower Rank (1936).
    """
    dim = check_dim(dim, 1, "a vector has at least one dimension")
    large = isinstance(similarity, TargetCosines) and similarity.tree.num_classes > DECOMPOSED
    if isinstance(similarity, TargetCosines) and large:
        values, vectors = _family_eigen(similarity, dim)
    else:
        values, vectors = eigen(similarity)
    k = len(vectors)
    if dim > k:
        raise ValueError(f"`dim` must be at most the number of classes {k}. Received: dim={dim}")
    frame = vectors[:, -dim:] * np.sqrt(values[-dim:])
    norms = np.linalg.norm(frame, axis=1, keepdims=True)
    if norms.min() < 1e-8:
        raise ValueError(
            f"With dim={dim} a class has no component left in the frame. Use a larger `dim`."
        )
    frame = (frame / norms) @ orthonormal_columns(dim, dim, seed).T
    if isinstance(similarity, TargetCosines) and large:
        return BestRankFrame(frame, _relative_error(frame, similarity))
    target = gram(similarity)
    error = np.linalg.norm(frame @ frame.T - target) / np.linalg.norm(target)
    return BestRankFrame(frame, float(error))


def _paths(target: TargetCosines, leaves: np.ndarray) -> scipy.sparse.csr_array:
    """Sparse table `[N, n]`: the node is one of the nodes given or an ancestor of it."""
    tree, rows, columns = target.tree, [], []
    node, column = leaves, np.arange(len(leaves))
    while len(node):
        rows.append(node)
        columns.append(column)
        node = tree.parents[node]
        column, node = column[node >= 0], node[node >= 0]
    places = (np.concatenate(rows), np.concatenate(columns))
    ones = np.ones(len(places[0]))
    return scipy.sparse.csr_array((ones, places), shape=(tree.num_nodes, len(leaves)))


def _family_eigen(target: TargetCosines, dim: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the `dim` largest eigenpairs, rising: `[dim]` and `[K, dim]`.

    Siblings that are classes differ in nothing but themselves. So differences within a family are
    eigenvectors, their value the weight of a class, and all others are constant on families.
    """
    tree, weights = target.tree, target.weights
    k = tree.num_classes
    parents, family, size = np.unique(tree.parents[:k], return_inverse=True, return_counts=True)
    if len(parents) > FAMILIES:
        raise ValueError(
            f"best_rank_frame decomposes a matrix with a row per parent of classes, at most "
            f"{FAMILIES:,}. Received a tree with {len(parents):,}. Use frames.LowRankFrame."
        )
    own = np.empty(len(parents))
    own[family] = weights[:k]
    above = _paths(target, parents)
    cosines = (above.T @ (above * weights[:, None]).tocsr()).toarray()
    scale = np.sqrt(size)
    small = scale[:, None] * cosines * scale + np.diag(own)
    least = max(0, len(parents) - dim)
    values, vectors = scipy.linalg.eigh(small, subset_by_index=[least, len(parents) - 1])
    inside = np.repeat(np.arange(len(parents)), size - 1)  # a difference per further sibling
    every = np.r_[values, own[inside]]
    chosen = np.argsort(every, kind="stable")[-dim:]
    out = np.zeros((k, len(chosen)))
    whole = chosen < len(values)
    out[:, whole] = (vectors / scale[:, None])[family][:, chosen[whole]]
    order = np.argsort(family, kind="stable")
    starts = np.cumsum(size) - size
    for column in np.flatnonzero(~whole):
        place = chosen[column] - len(values)
        group = inside[place]
        rank = place - (starts[group] - group) + 1  # the first `rank` siblings against the next
        members = order[starts[group] : starts[group] + rank + 1]
        out[members, column] = 1 / np.sqrt(rank * (rank + 1))
        out[members[-1], column] = -np.sqrt(rank / (rank + 1))
    return np.maximum(every[chosen], 0.0), out


def _relative_error(frame: np.ndarray, target: TargetCosines) -> float:
    """`|F F' - S|_F / |S|_F` from products of thin matrices."""
    table = _paths(target, np.arange(target.tree.num_classes))
    weights = target.weights[:, None]
    whole = table @ frame
    both = np.einsum("nd,nd->", weights * whole, whole)
    squares = _squared_norm(target, table.sum(axis=1))
    return float(np.sqrt(max(np.sum((frame.T @ frame) ** 2) - 2 * both + squares, 0) / squares))


def _squared_norm(target: TargetCosines, count: np.ndarray) -> float:
    """`|S|_F^2`, from the number of pairs of classes whose lowest common ancestor is each node."""
    tree = target.tree
    cosine = target.weights.copy()
    for nodes in tree.by_depth[1:]:
        cosine[nodes] += cosine[tree.parents[nodes]]
    pairs = count**2
    np.subtract.at(pairs, tree.parents[:-1], count[:-1] ** 2)
    return float(pairs @ cosine**2)
