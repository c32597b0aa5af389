"""The seven ranks of a species, as the names of iNaturalist 2021's folders say them."""

from __future__ import annotations

from collections.abc import Iterable

from keras_haframe.data.inaturalist2019.categories import RANKS


def categories_of_folders(names: Iterable[str]) -> list[dict[str, int | str]]:
    """Make the categories of the annotation files from the names of the unpacked folders.

    Args:
        names: Names of folders, `NUMBER_KINGDOM_PHYLUM_CLASS_ORDER_FAMILY_GENUS_EPITHET`.

    Returns:
        A dictionary per folder in the order of the numbers: `id`, `name` (the species),
        `image_dir_name` and the ranks kingdom to genus. `category_tree` of
        `data.inaturalist2019.categories` makes the class tree of them.

    Raises:
        ValueError: For a name of another form, and for a number that is there twice.

    Example:

    >>> folder = "00000_Animalia_Annelida_Clitellata_Haplotaxida_Lumbricidae_Lumbricus_terrestris"
    >>> row = categories_of_folders([folder])[0]
    >>> row["id"], row["name"], row["class"]
    (0, 'Lumbricus terrestris', 'Clitellata')
    """
    rows: dict[int, dict[str, int | str]] = {}
    for folder in names:
        number, *ranks = folder.split("_")
        if not number.isdecimal() or len(ranks) != len(RANKS) or not all(ranks):
            raise ValueError(
                "A folder of iNaturalist 2021 is named by its number and seven ranks, "
                f"'00000_Animalia_..._Lumbricus_terrestris'. Received: {folder!r}"
            )
        if int(number) in rows:
            raise ValueError(
                f"Two folders have the number {number}: {folder!r} and "
                f"{rows[int(number)]['image_dir_name']!r}"
            )
        rows[int(number)] = {
            "id": int(number), "name": " ".join(ranks[-2:]), "image_dir_name": folder,
            **dict(zip(RANKS[:-1], ranks)),
        }  # fmt: skip
    return [rows[number] for number in sorted(rows)]
