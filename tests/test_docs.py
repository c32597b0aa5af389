"""The code on the pages of docs/ runs as it is printed, with stand-ins for a reader's data."""

import itertools
import pathlib
import re

import keras
import numpy as np
import pytest

import keras_haframe as kh
from tests.models.torch_names import random_state

if keras.backend.backend() != "tensorflow":
    pytest.skip("some pages export or read by tf.data", allow_module_level=True)

ROOT = pathlib.Path(kh.__file__).parents[1]
BLOCK = re.compile(r"```python\n(.*?)```", re.S)

LONG = (
    "data.md",
    "fine_tuning.md",
    "images.md",
    "mae.md",
    "networks.md",
    "onnx.md",
    "photographs.md",
    "scale.md",
    "serving.md",
    "training.md",
    "triton.md",
)  # seconds: not in the quick pass

# Blocks that are not run, by a piece of their text, and why.
NOT_RUN = {
    '"tiered_imagenet_h", data_dir': "needs the archives of ImageNet",
    "cifar100.load_arrays(": "downloads CIFAR-100",
    "KServeClient(": "needs a server; tests/serving/test_kserve.py",
    "Tls(root": "needs certificates; tests/serving/test_tls.py",
    "torch.load(": "needs a file that PyTorch wrote",
    "# train.py COORDINATOR": "several processes; tests/training/test_distribution.py",
    "import focal": "needs the block before it as a file; tests/methods/test_your_own.py",
}

# What is made small or moved, by page: (printed, run instead). Every one must be on the page.
INSTEAD = {
    "collapse.md": [("every=4", "every=1"), ("epochs=80", "epochs=1")],
    "data.md": [
        ('"fgvc_aircraft"', '"drawn_aircraft/tiny", data_dir=DATA'),
        ('"image_tree"', '"image_tree", data_dir="tfds"'),
        ("fgvc_aircraft.PREPROCESSING", 'Preprocessing(size=(16, 16), input_range=(0.0, 1.0))'),
        ("64", "8"), ("epochs=100", "epochs=1"), ('"10k")', '"tiny")'),
    ],
    "images.md": [("(224, 224)", "(8, 8)"), ("epochs=10", "epochs=1")],
    "fine_tuning.md": [
        ("epochs=5", "epochs=1"), ("epochs=10", "epochs=1"),
        ('"photos", "mobilenet_v2", epochs=9, freeze_epochs=3',
         '"photos", "small_cnn", "none", (16, 16), epochs=1'),
    ],
    "mae.md": [
        (
            "(32, 32, 3), (192, 12, 3), patch_size=4)",
            "(8, 8, 3), (16, 2, 2), 2), decoder_width=16, decoder_depth=1, decoder_heads=2",
        ),
        ("batch_size=256, epochs=800", "epochs=1"),
        ("epochs=100", "epochs=1"),
        ('size="B"', 'input_shape=(8, 8, 3), size=(16, 2, 2), patch_size=2'),
    ],
    "methods/haframe.md": [("epochs=100", "epochs=1")],
    "networks.md": [("resnet50()", "resnet50((32, 32, 3), (1, 1, 1, 1))")],
    "photographs.md": [
        ("keras.applications.MobileNetV2(include_top=False, input_shape=(224, 224, 3))",
         "backbone"),
        ("(224, 224)", "(8, 8)"), ("batch_size=32", "batch_size=8"),
        ("epochs=5", "epochs=1"), ("epochs=10", "epochs=1"), ("epochs=30", "epochs=1"),
    ],
    "serving.md": [("(224, 224)", "(8, 8)")],
    "training.md": [
        ("labels, 64", "labels, 8"),
        ("epochs=100", "epochs=1"),
    ],
    "scale.md": [
        ("resnet50(", "resnet50((32, 32, 3), (1, 1, 1, 1), "),
        ("model.fit(...)", "model(photographs)"),
    ],
}  # fmt: skip


def blocks_of(page: str) -> list[str]:
    return BLOCK.findall((ROOT / "docs" / page).read_text(encoding="utf-8"))


PAGES = [str(p.relative_to(ROOT / "docs")) for p in sorted(ROOT.glob("docs/**/*.md"))]
PAGES = [page for page in PAGES if blocks_of(page)]


def backbone() -> keras.Model:
    layers = [keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 3, activation="relu")]
    return keras.Sequential(layers)


def desk(tree: kh.ClassTree) -> dict:
    """What a reader has before the first block: a tree, a network, some data."""
    rng = np.random.default_rng(0)
    labels = np.arange(16) % 4
    images = rng.normal(size=(16, 8, 8, 3)).astype("float32")
    names = {
        "keras": keras, "np": np, "numpy": np, "kh": kh, "keras_haframe": kh,
        "tree": tree, "backbone": backbone(), "images": images, "labels": labels,
        "word_vectors": {name: rng.normal(size=6) for name in tree.leaves},
        "data": kh.data.ArrayBatches(images, labels, 8),
        "make_model": lambda: kh.build(backbone(), tree),
    }  # fmt: skip
    for part in ("x_train", "x_test", "test_images", "val_images"):
        names[part] = images
    for part in ("y_train", "y_test", "test_labels", "val_labels"):
        names[part] = labels
    return names


def on_the_data_page(names: dict, folder: pathlib.Path, request) -> None:
    names["DATA"] = str(request.getfixturevalue("drawn_data"))
    names["Preprocessing"] = kh.data.Preprocessing
    scan = keras.Sequential([keras.Input((16, 16, 3)), keras.layers.Conv2D(4, 3)])
    names["model"] = kh.build(scan, kh.data.drawn_aircraft.class_tree())
    for kind, i in itertools.product(("gull", "owl"), range(10)):
        picture = folder / "photos" / "birds" / kind / f"{i}.png"
        picture.parent.mkdir(parents=True, exist_ok=True)
        keras.utils.save_img(picture, np.full((8, 8, 3), 20 * i, "uint8"), scale=False)


def on_the_mae_page(names: dict, folder: pathlib.Path, request) -> None:
    vit = kh.models.ViT((8, 8, 3), (16, 2, 2), 2)
    kh.models.save_vit_weights(vit, folder / "mae_pretrain_vit_base.safetensors")


def on_the_networks_page(names: dict, folder: pathlib.Path, request) -> None:
    from safetensors.numpy import save_file

    net = kh.models.resnet50((32, 32, 3), (1, 1, 1, 1))
    state = random_state(net, np.random.default_rng(0))
    save_file(state, folder / "resnet50.safetensors")
    np.savez(folder / "moco.npz", **{f"module.encoder_q.{n}": v for n, v in state.items()})


def on_the_photographs_page(names: dict, folder: pathlib.Path, request) -> None:
    lines = ["file,group,species,part"]
    for kind, i in itertools.product(("air/jet", "air/glider", "land/car", "land/truck"), range(5)):
        group, species = kind.split("/")
        for place in (f"photos/{kind}", f"flat/{species}"):
            (folder / place).mkdir(parents=True, exist_ok=True)
            picture = np.full((9, 12, 3), 20 * i, "uint8")
            keras.utils.save_img(folder / place / f"{i}.png", picture, scale=False)
        lines.append(f"{kind}/{i}.png,{group},{species},{'val' if i == 4 else 'train'}")
    (folder / "photos" / "observations.csv").write_text("\n".join(lines))


def with_pictures(names: dict, folder: pathlib.Path, request) -> None:
    import tensorflow as tf

    pictures = np.random.default_rng(0).integers(0, 256, (16, 20, 24, 3), "uint8")
    names["pictures"] = pictures
    names["dataset"] = tf.data.Dataset.from_tensor_slices((pictures, names["labels"]))


def on_the_scale_page(names: dict, folder: pathlib.Path, request) -> None:
    names["photographs"] = np.zeros((16, 32, 32, 3), "float32")


def on_the_scores_page(names: dict, folder: pathlib.Path, request) -> None:
    """A file of scores that is not ours, and a tree."""
    tree, rng = names["tree"], np.random.default_rng(0)
    tree.to_json(folder / "tree.json")
    labels = rng.integers(0, 4, 200)
    scores = rng.normal(size=(200, 4)) * 2 - tree.distances()[labels]
    np.savez(folder / "net.npz", scores=scores, labels=labels)


PREPARE = {
    "collapse.md": lambda names, *_: names.update(model=kh.build(backbone(), names["tree"])),
    "data.md": on_the_data_page,
    "fine_tuning.md": on_the_photographs_page,
    "mae.md": on_the_mae_page,
    "networks.md": on_the_networks_page,
    "photographs.md": on_the_photographs_page,
    "images.md": with_pictures,
    "scale.md": on_the_scale_page,
    "scores.md": on_the_scores_page,
    "serving.md": with_pictures,
    "triton.md": lambda names, *_: names.update(model=kh.build(backbone(), names["tree"])),
}


@pytest.mark.filterwarnings("error:.*monitors")
@pytest.mark.parametrize(
    "page", [pytest.param(p, marks=[pytest.mark.slow] if p in LONG else []) for p in PAGES]
)
def test_page(page, tree, tmp_path, monkeypatch, request):
    """The blocks of a page run in their order, in one namespace."""
    monkeypatch.chdir(tmp_path)
    names, used = desk(tree), set()
    PREPARE.get(page, lambda *_: None)(names, tmp_path, request)
    for i, code in enumerate(blocks_of(page)):
        if any(text in code for text in NOT_RUN):
            continue
        for printed, instead in INSTEAD.get(page, ()):
            if printed in code:
                code = code.replace(printed, instead)
                used.add(printed)
        exec(compile(code, f"docs/{page}, block {i}", "exec"), names)
    assert used == {printed for printed, _ in INSTEAD.get(page, ())}


def test_what_is_not_run_is_on_the_pages():
    code = [block for page in PAGES for block in blocks_of(page)]
    for text in NOT_RUN:
        assert sum(text in block for block in code) == 1, text
    assert len(code) - len(NOT_RUN) > 30
