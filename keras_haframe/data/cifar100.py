"""The five-level class tree of CIFAR-100 (100, 20, 8, 4, 2 nodes) that the papers use.

Below the data set's own 20 superclasses; the names of the three levels above them are ours. Groups
with a single child stay, so every class lies at depth 5.
"""

from __future__ import annotations

from keras_haframe.tree import ClassTree

SUPERCLASSES = {
    "aquatic_mammals": "beaver dolphin otter seal whale",
    "fish": "aquarium_fish flatfish ray shark trout",
    "flowers": "orchid poppy rose sunflower tulip",
    "food_containers": "bottle bowl can cup plate",
    "fruit_and_vegetables": "apple mushroom orange pear sweet_pepper",
    "household_electrical_devices": "clock keyboard lamp telephone television",
    "household_furniture": "bed chair couch table wardrobe",
    "insects": "bee beetle butterfly caterpillar cockroach",
    "large_carnivores": "bear leopard lion tiger wolf",
    "large_man-made_outdoor_things": "bridge castle house road skyscraper",
    "large_natural_outdoor_scenes": "cloud forest mountain plain sea",
    "large_omnivores_and_herbivores": "camel cattle chimpanzee elephant kangaroo",
    "medium_mammals": "fox porcupine possum raccoon skunk",
    "non-insect_invertebrates": "crab lobster snail spider worm",
    "people": "baby boy girl man woman",
    "reptiles": "crocodile dinosaur lizard snake turtle",
    "small_mammals": "hamster mouse rabbit shrew squirrel",
    "trees": "maple_tree oak_tree palm_tree pine_tree willow_tree",
    "vehicles_1": "bicycle bus motorcycle pickup_truck train",
    "vehicles_2": "lawn_mower rocket streetcar tank tractor",
}

GROUPS = {
    "living": {
        "plant_life": {"plants": "fruit_and_vegetables trees flowers"},
        "animals": {
            "aquatic_animals": "fish aquatic_mammals",
            "land_mammals": "people large_carnivores large_omnivores_and_herbivores "
            "medium_mammals small_mammals",
            "other_animals": "insects reptiles non-insect_invertebrates",
        },
    },
    "non-living": {
        "man-made": {
            "household": "household_furniture food_containers household_electrical_devices",
            "vehicles": "vehicles_1 vehicles_2",
            "structures": "large_man-made_outdoor_things",
        },
        "natural": {"natural_scenes": "large_natural_outdoor_scenes"},
    },
}


def class_tree() -> ClassTree:
    """The tree; its classes are in the label order of the data set, which is alphabetical.

    Example:
        >>> class_tree().path(0)
        ['cifar100', 'living', 'plant_life', 'plants', 'fruit_and_vegetables', 'apple']

    Reference: Garg et al., HAFeature (ECCV 2022); Liang and Davis, HAFrame (ICCV 2023).
    """
    edges = []
    for side, kingdoms in GROUPS.items():
        edges.append(("cifar100", side))
        for kingdom, groups in kingdoms.items():
            edges.append((side, kingdom))
            for group, superclasses in groups.items():
                edges.append((kingdom, group))
                edges += [(group, superclass) for superclass in superclasses.split()]
    for superclass, classes in SUPERCLASSES.items():
        edges += [(superclass, name) for name in classes.split()]
    leaves = sorted(name for classes in SUPERCLASSES.values() for name in classes.split())
    return ClassTree(edges, leaves, name="cifar100")
