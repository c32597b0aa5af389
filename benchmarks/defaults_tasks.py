"""The tasks of benchmarks/defaults.py: data sets that differ in size, tree and what is trained.

A task is arrays, a tree and a backbone; what is computed from images by a frozen network is kept
in a file. With `tune` the validation images are scored, and not trained on.
"""

from __future__ import annotations

import dataclasses
import pathlib
import sys
from collections.abc import Callable, Sequence

import keras
import machine
import numpy as np

import keras_haframe as kh
from keras_haframe.data import (
    Augmentation,
    Preprocessing,
    cifar100,
    drawn_aircraft,
    drawn_catalogue,
)
from keras_haframe.data.long_tail import long_tail_indices
from keras_haframe.files import whole

sys.path.insert(0, str(machine.ROOT / "recipes"))
import catalogue
import cifar100_fast
import cifar100_features
import grocery

# Hypernyms of the classes of CIFAR-100 after WordNet 3.0, some steps left out: a ragged tree of
# height 12. "parent: children".
WORDNET = """
entity: object matter process body_of_water
process: atmospheric_phenomenon
atmospheric_phenomenon: cloud
body_of_water: sea
matter: food
food: produce
produce: edible_fruit vegetable
edible_fruit: apple pear citrus
citrus: orange
vegetable: mushroom solanaceous_vegetable
solanaceous_vegetable: sweet_pepper
object: whole mountain land
land: forest plain
whole: organism artifact
organism: animal plant human
human: juvenile adult
juvenile: baby boy girl
adult: man woman
plant: woody_plant flower herb
woody_plant: tree shrub
tree: angiospermous_tree conifer palm_tree
angiospermous_tree: maple_tree oak_tree willow_tree
conifer: pine_tree
shrub: rose
flower: orchid poppy sunflower
herb: tulip
animal: chordate invertebrate larva
larva: caterpillar
chordate: vertebrate
vertebrate: mammal reptile bony_fish cartilaginous_fish
bony_fish: soft-finned_fish spiny-finned_fish
soft-finned_fish: aquarium_fish trout
spiny-finned_fish: flatfish
cartilaginous_fish: ray shark
mammal: placental marsupial
marsupial: kangaroo possum
placental: rodent aquatic_mammal carnivore ungulate primate shrew rabbit elephant
rodent: beaver porcupine hamster squirrel mouse
aquatic_mammal: cetacean pinniped
cetacean: whale dolphin
pinniped: seal
carnivore: canine feline bear musteline raccoon
canine: fox wolf
feline: big_cat
big_cat: leopard lion tiger
musteline: otter skunk
ungulate: even-toed_ungulate
even-toed_ungulate: camel bovid
bovid: cattle
primate: ape
ape: chimpanzee
reptile: archosaur squamate turtle
archosaur: crocodile dinosaur
squamate: lizard snake
invertebrate: arthropod mollusk worm
arthropod: insect spider crustacean
insect: bee beetle butterfly cockroach
crustacean: crab lobster
mollusk: snail
artifact: instrumentality structure road plate
structure: bridge building castle
building: house skyscraper
instrumentality: container conveyance device equipment furniture lawn_mower
container: vessel can cup
vessel: bottle bowl
conveyance: vehicle public_transport
public_transport: bus train
vehicle: wheeled_vehicle rocket tank
wheeled_vehicle: bicycle self-propelled_vehicle
self-propelled_vehicle: motor_vehicle streetcar tractor
motor_vehicle: motorcycle truck
truck: pickup_truck
device: clock lamp keyboard
equipment: telephone television
furniture: seat bed table wardrobe
seat: chair couch
"""
FEW = ("people", "large_carnivores", "vehicles_1")  # superclasses


@dataclasses.dataclass
class Task:
    """Arrays, tree and network of a task.

    Attributes:
        tree: The class tree.
        train: Training inputs `[n, ...]`, or `[V, n, ...]` of V variants each, and labels.
        test: Inputs that are scored, as the backbone takes them, and labels.
        backbone: Makes the backbone; by default the inputs are features.
        augment: Generator and training batch to what the backbone takes.
        variants: Whether there are variants.
        epochs: Epochs.
        batch_size: Examples of a step.
    """

    tree: kh.ClassTree
    train: tuple[np.ndarray, np.ndarray]
    test: tuple[np.ndarray, np.ndarray]
    backbone: Callable[[], keras.Model] | None = None
    augment: Callable | None = None
    variants: bool = False
    epochs: int = 15
    batch_size: int = 128

    def make_backbone(self) -> keras.Model:
        """The backbone of a run."""
        if self.backbone is not None:
            return self.backbone()
        inputs = keras.Input(self.test[0].shape[1:])
        return keras.Model(inputs, keras.layers.Identity()(inputs), name="kept_features")


@dataclasses.dataclass
class Sources:
    """Where images, weights and kept features are, and how much of them is used."""

    folder: pathlib.Path
    data_dir: str | None
    arrays: str | None
    weights: str
    tune: bool
    smoke: bool

    def kept(self, name: str, make: Callable[[], Sequence[np.ndarray]]) -> list[np.ndarray]:
        """Arrays from a file, made first where there is none."""
        path = self.folder / f"{name}{'_smoke' * self.smoke}.npz"
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            with whole(path) as partial, open(partial, "wb") as file:
                np.savez(file, *make())
        with np.load(path) as file:
            return [file[key] for key in file.files]


def wordnet_tree() -> kh.ClassTree:
    """CIFAR-100 under WordNet's hypernyms."""
    edges = []
    for line in WORDNET.split("\n"):
        parent, _, children = line.partition(": ")
        edges += [(parent, child) for child in children.split()]
    return kh.ClassTree(edges, cifar100.class_tree().leaves, name="cifar100_wordnet")


def groups_tree() -> kh.ClassTree:
    """CIFAR-100 under its 20 superclasses alone."""
    nested = {group: names.split() for group, names in cifar100.SUPERCLASSES.items()}
    tree = kh.ClassTree.from_nested(nested)
    return kh.ClassTree(tree.edges, sorted(tree.leaves), name="cifar100_groups")


def _cifar_images(sources: Sources) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """All training and test images and labels, in file order."""
    parts = []
    for split in ("train+validation", "test"):
        parts += cifar100.load_arrays(split, sources.data_dir, sources.arrays)
    return tuple(part[:2000] for part in parts) if sources.smoke else tuple(parts)


def _cifar_split(
    sources: Sources, every: np.ndarray, labels: np.ndarray, test: np.ndarray, answers: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Training and scored examples; variants `[V, n, ...]` or `[n, ...]` by the labels."""
    axis = int(len(every) != len(labels))
    if not sources.tune:
        return every, labels, test, answers
    held = cifar100.validation_mask(labels, np.arange(len(labels)), 3 if sources.smoke else 50)
    scored = every.compress(held, axis)
    return (
        every.compress(~held, axis), labels[~held], scored[0] if axis else scored, labels[held]
    )  # fmt: skip


def _cifar_features(sources: Sources) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    images, labels, test, answers = _cifar_images(sources)

    def make() -> list[np.ndarray]:
        print("MobileNet features of CIFAR-100, once", flush=True)
        parts = cifar100_features.pooled_features(sources.weights, images, images[:, :, ::-1], test)
        return [np.stack(parts[:2]), parts[2]]

    features, test_features = sources.kept("cifar100", make)
    return _cifar_split(sources, features, labels, test_features, answers)


def _cifar_heads(tree: kh.ClassTree, sources: Sources, chosen: Callable | None = None) -> Task:
    """Heads on frozen features, of some training examples: labels to their numbers."""
    features, labels, test, answers = _cifar_features(sources)
    if chosen is not None:
        rows = chosen(labels)
        features, labels = features[:, rows], labels[rows]
    return Task(tree, (features, labels), (test, answers), variants=True)


def cifar100_heads(sources: Sources) -> Task:
    """100 classes, 5 levels; frozen features."""
    return _cifar_heads(cifar100.class_tree(), sources)


def cifar100_groups(sources: Sources) -> Task:
    """100 classes, 2 levels; frozen features."""
    return _cifar_heads(groups_tree(), sources)


def cifar100_wordnet(sources: Sources) -> Task:
    """100 classes, ragged, height 12; frozen features."""
    return _cifar_heads(wordnet_tree(), sources)


def cifar100_tail(sources: Sources) -> Task:
    """100 classes, 5 levels, the rarest with a hundredth of the images; frozen features."""
    return _cifar_heads(
        cifar100.class_tree(), sources, lambda labels: long_tail_indices(labels, 0.01)
    )


def cifar100_few(sources: Sources) -> Task:
    """15 classes, 2 levels, 7,500 images; frozen features."""
    nested = {group: cifar100.SUPERCLASSES[group].split() for group in FEW}
    tree = kh.ClassTree.from_nested(nested)
    number = np.full(100, -1)
    for label, name in enumerate(tree.leaves):
        number[cifar100.class_tree().leaves.index(name)] = label
    features, labels, test, answers = _cifar_features(sources)
    labels, answers = number[labels], number[answers]
    return Task(
        tree, (features[:, labels >= 0], labels[labels >= 0]),
        (test[answers >= 0], answers[answers >= 0]), variants=True,
    )  # fmt: skip


def cifar100_whole(sources: Sources) -> Task:
    """100 classes, 5 levels, every tenth image; the whole MobileNet at 64 px."""
    images, labels, test, answers = _cifar_split(sources, *_cifar_images(sources))
    prepare = Preprocessing((64, 64), interpolation="bicubic", input_range=(-1.0, 1.0))
    rows = np.argsort(labels, kind="stable")[:: 1 if sources.smoke else 10]
    test, answers = test[:5000], answers[:5000]

    return Task(
        cifar100.class_tree(), (prepare(images[rows]), labels[rows]), (prepare(test), answers),
        lambda: grocery.mobilenet(sources.weights, 64), Augmentation("pad_and_crop", padding=0),
        epochs=6, batch_size=64,
    )  # fmt: skip


def cifar100_scratch(sources: Sources) -> Task:
    """100 classes, 5 levels; a plain network from scratch."""
    images, labels, test, answers = _cifar_split(sources, *_cifar_images(sources))
    prepare = cifar100_fast.PREPROCESSING
    return Task(
        cifar100.class_tree(), (images, labels), (prepare(test), answers),
        lambda: cifar100_fast.backbone((32, 64, 128)), prepare.train_batch, epochs=6,
    )  # fmt: skip


def _grocery(sources: Sources) -> tuple:
    """Photographs and labels of training and scored images, and the tree."""
    images, labels = grocery.load("train", sources.data_dir)
    test, answers = grocery.load("test", sources.data_dir)
    tree = grocery.class_tree(np.concatenate([labels, answers]), sources.data_dir)
    if sources.tune:
        test, answers = grocery.load("val", sources.data_dir)
    if sources.smoke:
        images, labels, test, answers = (p[::12] for p in (images, labels, test, answers))
    return images, labels[:, 0], test, answers[:, 0], tree


def _grocery_activations(sources: Sources, name: str, stem: keras.Model, copies: int) -> tuple:
    """Tree, activations of a photograph and its copies, and of the scored ones, with labels."""
    images, labels, test, answers, tree = _grocery(sources)

    def make() -> list[np.ndarray]:
        print(f"activations of photographs for {name}, once", flush=True)
        parts = [grocery.activations(stem, images, bool(i), i) for i in range(copies + 1)]
        return [np.stack(parts), grocery.activations(stem, test, False, 0)]

    every, scored = sources.kept(f"{name}{'_tune' * sources.tune}", make)
    return tree, (every, labels), (scored.astype("float32"), answers)


def _as_float(_: np.random.Generator, batch: np.ndarray) -> np.ndarray:
    return batch.astype("float32")


def grocery_heads(sources: Sources) -> Task:
    """81 classes, 3 levels, 2,640 photographs; frozen features."""
    net = grocery.mobilenet(sources.weights)
    pooled = keras.layers.GlobalAveragePooling2D()(net.output)
    parts = _grocery_activations(sources, "grocery", keras.Model(net.input, pooled), 6)
    return Task(*parts, augment=_as_float, variants=True)


def grocery_blocks(sources: Sources) -> Task:
    """81 classes, 3 levels, 2,640 photographs; the last two blocks of MobileNet."""
    cut = grocery.Settings().cut
    stem, _ = grocery.split_at(grocery.mobilenet(sources.weights), cut)
    parts = _grocery_activations(sources, "grocery_blocks", stem, 2)

    def backbone() -> keras.Model:
        return grocery.split_at(grocery.mobilenet(sources.weights), cut)[1]

    return Task(*parts, backbone, _as_float, variants=True, epochs=8, batch_size=64)


def aircraft(sources: Sources) -> Task:
    """36 classes, 3 levels, 3,600 drawn pictures; a small CNN from scratch."""
    count = 5 if sources.smoke else 100
    prepare = drawn_aircraft.PREPROCESSING
    images, labels = drawn_aircraft.load_arrays("train", count)
    return Task(
        drawn_aircraft.class_tree(), (images, labels),
        drawn_aircraft.load_arrays("validation" if sources.tune else "test", count),
        lambda: kh.models.small_cnn(images.shape[1:]), prepare.train_batch, epochs=14,
        batch_size=64,
    )  # fmt: skip


def thousand(sources: Sources) -> Task:
    """1,000 classes, ragged, 10 drawn pictures each; two dense layers from scratch."""
    size = drawn_catalogue.CONFIGS["tiny" if sources.smoke else "10k"]
    size = size if sources.smoke else dataclasses.replace(size, classes=1000, validation=5)
    prepare = drawn_catalogue.PREPROCESSING
    train, test = (
        drawn_catalogue.Pictures(split, size)
        for split in ("train", "validation" if sources.tune else "test")
    )
    return Task(
        drawn_catalogue.class_tree(size), (train[:], train.labels), (prepare(test[:]), test.labels),
        lambda: catalogue.backbone(256), prepare.train_batch, epochs=30,
    )  # fmt: skip


TASKS: dict[str, Callable[[Sources], Task]] = {
    "grocery": grocery_heads,
    "cifar100": cifar100_heads,
    "groups": cifar100_groups,
    "wordnet": cifar100_wordnet,
    "long tail": cifar100_tail,
    "few classes": cifar100_few,
    "thousand classes": thousand,
    "last blocks": grocery_blocks,
    "aircraft": aircraft,
    "whole network": cifar100_whole,
    "from scratch": cifar100_scratch,
}
