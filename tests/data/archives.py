"""Small archives in the published formats of the data sets, made by the tests."""

import io
import json
import tarfile

import numpy as np
from PIL import Image

CORRUPT = b"\xff\xd8\xff\xe0 this is no JPEG"


def pixels(seed: int, height: int = 40, width: int = 30) -> np.ndarray:
    """Smooth picture, so that JPEG keeps it nearly as it is: uint8 `[height, width, 3]`."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0 : 1 : height * 1j, 0 : 1 : width * 1j]
    planes = [a + b * y + c * x for a, b, c in rng.uniform(20, 75, (3, 3))]
    return np.stack(planes, -1).astype("uint8")


def encoded(image: np.ndarray, kind: str = "jpeg") -> bytes:
    file = io.BytesIO()
    options = {"quality": 98, "subsampling": 0} if kind == "jpeg" else {}
    Image.fromarray(image).save(file, kind, **options)
    return file.getvalue()


def jpeg(seed: int, height: int = 40, width: int = 30) -> bytes:
    return encoded(pixels(seed, height, width))


def write_tar(path, files: dict[str, bytes], mode: str = "w") -> None:
    with tarfile.open(path, mode) as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))


# FGVC-Aircraft: manufacturer, family, variant; a family may be called like its variant.
AIRCRAFT = [
    ("Boeing", "Boeing 717", "Boeing 717"), ("Boeing", "Boeing 737", "737-300"),
    ("McDonnell Douglas", "F/A-18", "F/A-18"), ("Embraer", "Embraer E-Jet", "E-170"),
]  # fmt: skip


def aircraft_files(banner: int = 20, corrupt: tuple[str, ...] = ()) -> dict[str, bytes]:
    """Two training, one validation and one test image of every variant, with a white banner."""
    files, number = {}, 1000
    lists: dict[str, list[str]] = {}
    for split, count in (("train", 2), ("val", 1), ("test", 1)):
        for _ in range(count):
            for names in AIRCRAFT:
                image = np.concatenate(
                    [pixels(number, 48, 32), np.full((banner, 32, 3), 255, "uint8")]
                )
                content = CORRUPT if str(number) in corrupt else encoded(image)
                files[f"images/{number}.jpg"] = content
                for level, name in zip(("manufacturer", "family", "variant"), names):
                    lists.setdefault(f"images_{level}_{split}.txt", []).append(f"{number} {name}")
                number += 1
    files |= {name: ("\n".join(lines) + "\n").encode() for name, lines in lists.items()}
    return {f"fgvc-aircraft-2013b/data/{name}": content for name, content in files.items()}


# iNaturalist 2019

RANKS = ("kingdom", "phylum", "class", "order", "family", "genus")
SPECIES = {
    "Larus argentatus": "Animalia/Chordata/Aves/Charadriiformes/Laridae/Larus",
    "Larus canus": "Animalia/Chordata/Aves/Charadriiformes/Laridae/Larus",
    "Quercus alba": "Plantae/Tracheophyta/Magnoliopsida/Fagales/Fagaceae/Quercus",
}


def inaturalist_files(per_species: int = 8) -> tuple[dict[str, bytes], dict]:
    """Images by name, and the JSON content of the train, val and categories files."""
    categories = [
        {"id": i, "name": name, **dict(zip(RANKS, ranks.split("/")))}
        for i, (name, ranks) in enumerate(SPECIES.items())
    ]
    images, parts = {}, {"train2019": [], "val2019": []}
    for i, name in enumerate(SPECIES):
        kind = "Birds" if name.startswith("Larus") else "Plants"
        for k in range(per_species):
            file = f"train_val2019/{kind}/{i}/{i * 100 + k:032x}.jpg"
            images[file] = jpeg(i * 100 + k)
            parts["train2019" if k < per_species - 1 else "val2019"].append((file, i))
    content = {"categories": categories[::-1]}  # in no particular order
    for part, rows in parts.items():
        # Numbers that differ from the places, as in the published files.
        content[part] = {
            "images": [{"id": 5 + 3 * n, "file_name": f} for n, (f, _) in enumerate(rows)],
            "annotations": [
                {"id": n, "image_id": 5 + 3 * n, "category_id": c} for n, (_, c) in enumerate(rows)
            ][::-1],
            "categories": [{"id": c["id"], "name": f"nat{c['id']:04d}"} for c in categories],
        }
    return images, content


def write_inaturalist(folder, per_species: int = 8) -> dict[str, bytes]:
    images, content = inaturalist_files(per_species)
    write_tar(folder / "train_val2019.tar.gz", images, "w:gz")
    for name, value in content.items():
        files = {f"{name}.json": json.dumps(value).encode()}
        write_tar(folder / f"{name}.json.tar.gz", files, "w:gz")
    return images


# iNaturalist 2021: a genus of birds is called like one of plants

SPECIES_2021 = {
    "Oenanthe oenanthe": "Animalia/Chordata/Aves/Passeriformes/Muscicapidae/Oenanthe",
    "Larus canus": SPECIES["Larus canus"],
    "Oenanthe crocata": "Plantae/Tracheophyta/Magnoliopsida/Apiales/Apiaceae/Oenanthe",
}


def folders_2021() -> list[str]:
    return [
        "_".join([f"{i:05d}", *ranks.split("/"), name.split()[1]])
        for i, (name, ranks) in enumerate(SPECIES_2021.items())
    ]


def inaturalist_2021_files(part: str, per_species: int) -> tuple[dict[str, bytes], dict]:
    """Images by name and the content of the annotations of `train_mini`, `train` or `val`."""
    categories = [
        {
            "id": i, "name": name, "common_name": "x", "supercategory": "y",
            **dict(zip(RANKS, ranks.split("/"))),
            "specific_epithet": name.split()[1], "image_dir_name": folder,
        }
        for i, ((name, ranks), folder) in enumerate(zip(SPECIES_2021.items(), folders_2021()))
    ]  # fmt: skip
    start = 10_000 * (part == "val")
    images = {
        f"{part}/{folder}/{start + 100 * i + k:08x}-aaaa-bbbb.jpg": jpeg(start + 100 * i + k)
        for i, folder in enumerate(folders_2021())
        for k in range(per_species)
    }
    content = {
        "info": {"year": 2021},
        "images": [{"id": 7 + n, "file_name": f, "latitude": None} for n, f in enumerate(images)],
        "categories": categories,
        "annotations": [
            {"id": n, "image_id": 7 + n, "category_id": int(f.split("/")[1].split("_")[0])}
            for n, f in enumerate(images)
        ],
    }
    return images, content


def write_inaturalist_2021(folder, train: str = "train_mini", per_species: int = 7) -> dict:
    """Images of both archives by name."""
    every = {}
    for part, count in ((train, per_species), ("val", 2)):
        images, content = inaturalist_2021_files(part, count)
        every |= images
        write_tar(folder / f"{part}.tar.gz", images, "w:gz")
        packed = {f"{part}.json": json.dumps(content).encode()}
        write_tar(folder / f"{part}.json.tar.gz", packed, "w:gz")
    return every


# ImageNet: an archive of one archive per class, and a flat archive

WORDNET = {"n02084071": "animal", "n02121808": "animal", "n02958343": "thing"}
VALIDATION_LABELS = ["n02121808", "n02084071", "n09999999", "n02958343"] * 4


def write_imagenet(folder, per_class: int = 6) -> dict[str, bytes]:
    """Both archives; a class more than the tree has. Returns all images by name."""
    outer, images = {}, {}
    for i, wordnet_id in enumerate([*WORDNET, "n09999999"]):
        names = {f"{wordnet_id}_{10 * k + i}.JPEG": jpeg(10 * k + i) for k in range(per_class)}
        images |= names
        inner = io.BytesIO()
        with tarfile.open(fileobj=inner, mode="w") as archive:
            for name, content in names.items():
                member = tarfile.TarInfo(name)
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
        outer[f"{wordnet_id}.tar"] = inner.getvalue()
    write_tar(folder / "ILSVRC2012_img_train.tar", outer)
    validation = {
        f"ILSVRC2012_val_{n:08d}.JPEG": jpeg(1000 + n) for n in range(1, len(VALIDATION_LABELS) + 1)
    }
    # Not in the order of the numbers, as in the published archive.
    write_tar(folder / "ILSVRC2012_img_val.tar", dict(sorted(validation.items(), reverse=True)))
    return images | validation
