"""How far sampled negatives are from the loss over all classes: bias and noise, by draws.

1,000 classes in three levels of ten, HAFrame with gamma 2 and alpha 0.5. The features are class
vectors times `--length` and noise, as early (1) and late (10) in training. For every number of
draws: the mean over many draws of the two losses less the exact ones, in % of these; the distance
of the mean gradient (with respect to the features) to the exact one, and of a single one, both in %
of the length of the exact one. Draws are from all classes alike, or by the tree as the option
`negatives` of `haframe` has it.

    KERAS_BACKEND=torch python benchmarks/negatives.py
"""

from __future__ import annotations

import argparse

import numpy as np
from keras import ops

import keras_haframe as kh
from keras_haframe.losses.class_vectors import ClassVectors
from keras_haframe.losses.sampled_classes import TreeProposal, sampled_terms

COUNTS, BATCH = (10, 100, 500), 16


def make_tree() -> kh.ClassTree:
    """Three levels of ten children each."""
    names = ["/".join(f"{k:03d}"[:n]) for n in (1, 2, 3) for k in range(0, 1000, 10 ** (3 - n))]
    return kh.ClassTree([(name.rpartition("/")[0] or "root", name) for name in names])


def gradient(terms, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both terms per example, and the gradient of their mean by example."""
    import torch

    tensor = torch.tensor(x, requires_grad=True)
    both = terms(tensor)
    (0.5 * both[0] + 0.5 * both[1]).sum().backward()
    return np.stack([b.detach().numpy() for b in both]), tensor.grad.numpy()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--copies", type=int, default=200, help="draws that are averaged")
    parser.add_argument("--length", type=float, nargs="*", default=[1.0, 10.0])
    args = parser.parse_args()
    tree, rng = make_tree(), np.random.default_rng(0)
    layer = kh.layers.FrameClassifier(tree, 2.0)
    layer.build((None, tree.num_classes))
    loss, vectors = kh.losses.HAFrameLoss(tree, 2.0), ClassVectors(layer)
    rows, targets = ops.convert_to_numpy(layer.kernel).T, loss.cosine.targets
    labels = rng.integers(0, 1000, BATCH).astype("int32")
    print(f"{'length':>6} {'draws':>5} {'from':<5} {'entropy %':>9} {'cosine %':>9} "
          f"{'mean gradient %':>15} {'one %':>7}")  # fmt: skip
    for length in args.length:
        noise = rng.standard_normal((BATCH, 1000)) / np.sqrt(1000)
        x = (length * (rows[labels] + noise)).astype("float32")

        def exact(x):
            y, outputs = ops.convert_to_tensor(labels), layer(x)
            return loss.cross_entropy.loss(y, outputs), loss.cosine.loss(y, outputs)

        want, slope = gradient(exact, x)
        for count in COUNTS:
            for name, proposal in (("all", None), ("tree", TreeProposal(tree))):
                values, slopes, singles = [], [], []
                for _ in range(args.copies):
                    draws = rng.integers(0, 2**15, (BATCH, count, 3)).astype("int32")

                    def sampled(x, draws=draws, proposal=proposal):
                        given = [ops.convert_to_tensor(a) for a in (labels, draws)]
                        return sampled_terms(x, *given, vectors, targets, proposal)

                    value, one = gradient(sampled, x)
                    values.append(value.mean(axis=1))
                    slopes.append(one)
                    singles.append(np.linalg.norm(one - slope))
                off = 100 * (np.mean(values, axis=0) / want.mean(axis=1) - 1)
                size = np.linalg.norm(slope) / 100
                mean = np.linalg.norm(np.mean(slopes, axis=0) - slope) / size
                print(f"{length:>6g} {count:>5} {name:<5} {off[0]:>9.2f} {off[1]:>9.2f} "
                      f"{mean:>15.1f} {np.mean(singles) / size:>7.1f}", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
