"""State files of every family, made here, against NumPy's forward pass; what does not fit."""

import keras
import numpy as np
import pytest
from keras import ops

from keras_haframe.models import ViT, load_vit_weights, save_vit_weights
from keras_haframe.models.resize_positions import resize_positions
from keras_haframe.models.vit_names import FAMILIES
from keras_haframe.models.vit_weights import vit_state
from tests.gradients import assert_close
from tests.models import numpy_vit
from tests.models.numpy_vit import made_state

SHAPE, SIZE = (8, 8, 3), (12, 2, 2)
IMAGES = np.random.default_rng(0).normal(size=(3, *SHAPE)).astype("float32")
OPTIONS = {
    "timm": {"pooling": "average"},
    "mae": {},
    "dino": {"positions": "learned"},
    "moco_v3": {},
    "beit": {
        "pooling": "average",
        "positions": None,
        "relative_positions": True,
        "layer_scale": 0.1,
    },
}


def network(family, shape=SHAPE, **options):
    return ViT(shape, SIZE, 4, **{**OPTIONS[family], **options})


def expected_features(state, pooling):
    state = {n.removeprefix("module.base_encoder."): a for n, a in state.items()}
    state = {n: a.astype("float64") for n, a in state.items()}
    return numpy_vit.features(IMAGES.astype("float64"), state, 2, pooling, (2, 2))


@pytest.mark.parametrize("family", FAMILIES)
def test_published_files_give_published_features(family, tmp_path):
    state, vit = made_state(family), network(family)
    np.savez(tmp_path / "state.npz", **state)
    report = load_vit_weights(vit, tmp_path / "state.npz", family)
    assert_close(vit(IMAGES), expected_features(state, vit.pooling), 1e-4)
    assert report.missing == [] and set(report.used) | set(report.unused) == set(state)
    words = ("head.", "decoder_", "mask_token", "momentum", "relative_position_index")
    assert report.unused and all(any(w in n for w in words) for n in report.unused)
    assert str(report).startswith(f"{len(report.used)} used; {len(report.unused)} unused: ")


def test_beit_with_one_table_for_all_blocks():
    state = made_state("beit")
    tables = [n for n in state if n.endswith("relative_position_bias_table")]
    shared = "rel_pos_bias.relative_position_bias_table"
    state[shared] = state[tables[0]]
    for name in tables:
        del state[name]
    vit = network("beit")
    report = load_vit_weights(vit, state, "beit")
    assert shared in report.used and report.missing == []
    assert_close(vit(IMAGES), expected_features(state, "average"), 1e-4)


def test_pretrained_file_leaves_the_tuned_norm_alone():
    state, vit = made_state("mae"), network("mae", pooling="average")
    report = load_vit_weights(vit, state, "mae")
    assert report.missing == ["fc_norm.weight", "fc_norm.bias"]
    assert {"norm.weight", "norm.bias"} <= set(report.unused)
    assert (ops.convert_to_numpy(vit.norm.gamma) == 1).all()


@pytest.mark.parametrize("suffix", ["npz", "safetensors"])
@pytest.mark.parametrize("family", ["timm", "beit"])
def test_written_and_read_again(family, suffix, tmp_path):
    if suffix == "safetensors":
        pytest.importorskip("safetensors")
    vit, again = network(family), network(family)
    load_vit_weights(vit, made_state(family), family)
    path = tmp_path / f"vit.{suffix}"
    save_vit_weights(vit, path)
    report = load_vit_weights(again, path)
    assert report.unused == report.missing == []
    np.testing.assert_array_equal(*(ops.convert_to_numpy(v(IMAGES)) for v in (vit, again)))
    with pytest.raises(ValueError, match=r"must end in .npz or .safetensors. Received: .*\.pth"):
        save_vit_weights(vit, tmp_path / "vit.pth")


def test_written_names_and_shapes_are_timms():
    made, published = vit_state(network("timm")), made_state("timm")
    published = {n: a for n, a in published.items() if not n.startswith("head.")}
    assert {n: a.shape for n, a in made.items()} == {n: a.shape for n, a in published.items()}


def cubic_twin(table, rows, columns):
    """Keys' cubic convolution with a = -0.75, place by place, borders repeated."""

    def kernel(t, a=-0.75):
        t = abs(t)
        if t <= 1:
            return (a + 2) * t**3 - (a + 3) * t**2 + 1
        return a * t**3 - 5 * a * t**2 + 8 * a * t - 4 * a if t < 2 else 0.0

    height, width, depth = table.shape
    out = np.zeros((rows, columns, depth))
    for i in range(rows):
        for j in range(columns):
            y, x = (i + 0.5) * height / rows - 0.5, (j + 0.5) * width / columns - 0.5
            for r in range(int(np.floor(y)) - 1, int(np.floor(y)) + 3):
                for c in range(int(np.floor(x)) - 1, int(np.floor(x)) + 3):
                    source = table[min(max(r, 0), height - 1), min(max(c, 0), width - 1)]
                    out[i, j] += kernel(y - r) * kernel(x - c) * source
    return out.reshape(-1, depth)


@pytest.mark.parametrize("grid,new", [((2, 3), (4, 6)), ((4, 4), (7, 5)), ((5, 3), (2, 2))])
def test_positions_of_other_sizes(grid, new):
    table = np.random.default_rng(0).normal(size=(grid[0] * grid[1], 3))
    np.testing.assert_allclose(
        resize_positions(table, grid, new), cubic_twin(table.reshape(*grid, 3), *new), atol=1e-12
    )
    assert resize_positions(table, grid, grid) is table


def test_positions_of_other_sizes_as_in_pytorch():
    torch = pytest.importorskip("torch", reason="compares with PyTorch")
    table = np.random.default_rng(0).normal(size=(14 * 14, 4))
    planes = torch.from_numpy(table.reshape(1, 14, 14, 4).transpose(0, 3, 1, 2).copy())
    expected = torch.nn.functional.interpolate(
        planes, (28, 28), mode="bicubic", align_corners=False
    ).numpy()
    np.testing.assert_allclose(
        resize_positions(table, (14, 14), (28, 28)),
        expected.transpose(0, 2, 3, 1).reshape(-1, 4), atol=1e-10,
    )  # fmt: skip


def test_larger_images_get_resized_positions():
    state, vit = made_state("mae"), network("mae", (16, 12, 3))
    load_vit_weights(vit, state, "mae")
    expected = cubic_twin(state["pos_embed"][0, 1:].reshape(2, 2, -1), 4, 3)
    assert_close(vit.patches.table, expected, 1e-5)


def test_nothing_is_assigned_unless_all_fits():
    vit = network("mae")
    before = [ops.convert_to_numpy(v) for v in vit.weights]
    state = made_state("mae")
    cases = [
        ({"blocks.1.mlp.fc2.weight": None}, "has no 'blocks.1.mlp.fc2.weight'.*It begins with"),
        ({"norm.bias": np.zeros(7)}, r"'norm.bias' of the state has shape \(7,\).*needs \(12,\)"),
        (
            {"patch_embed.proj.weight": np.zeros((12, 3, 8, 8), "float32")},
            r"shape \(12, 3, 8, 8\), which becomes \(192, 12\).*needs \(48, 12\)",
        ),
        (
            {"pos_embed": np.zeros((1, 6, 12), "float32")},
            r"'pos_embed' of the state has 5 positions.*Pass their `grid`",
        ),
    ]
    for change, words in cases:
        changed = {n: a for n, a in {**state, **change}.items() if a is not None}
        with pytest.raises(ValueError, match=words):
            load_vit_weights(vit, changed, "mae")
    with pytest.raises(ValueError, match="has no 'cls_token'.*'module.base_encoder.cls_token'"):
        load_vit_weights(vit, made_state("moco_v3"), "mae")
    with pytest.raises(ValueError, match="`family` must be one of.*'swin'"):
        load_vit_weights(vit, state, "swin")
    for value, variable in zip(before, vit.weights):
        np.testing.assert_array_equal(value, ops.convert_to_numpy(variable))


def torch_features(state, images, heads):
    """PyTorch's own encoder layer with the state's arrays: another implementation altogether."""
    import torch

    def tensor(name):
        return torch.from_numpy(state[name])

    kernel = tensor("patch_embed.proj.weight")
    with torch.no_grad():
        x = torch.nn.functional.conv2d(
            torch.from_numpy(images.transpose(0, 3, 1, 2).copy()), kernel,
            tensor("patch_embed.proj.bias"), stride=kernel.shape[-1],
        )  # fmt: skip
        x = x.flatten(2).transpose(1, 2)
        x = torch.cat([tensor("cls_token").expand(len(x), -1, -1), x], 1) + tensor("pos_embed")
        width, i = x.shape[-1], 0
        while f"blocks.{i}.norm1.weight" in state:
            layer = torch.nn.TransformerEncoderLayer(
                width, heads, 4 * width, 0.0, "gelu", 1e-6, batch_first=True, norm_first=True
            ).eval()
            names = {
                "self_attn.in_proj_weight": "attn.qkv.weight",
                "self_attn.in_proj_bias": "attn.qkv.bias",
                "self_attn.out_proj.weight": "attn.proj.weight",
                "self_attn.out_proj.bias": "attn.proj.bias",
            }
            for kind in ("weight", "bias"):
                names |= {f"linear{j}.{kind}": f"mlp.fc{j}.{kind}" for j in (1, 2)}
                names |= {f"norm{j}.{kind}": f"norm{j}.{kind}" for j in (1, 2)}
            layer.load_state_dict({n: tensor(f"blocks.{i}.{t}") for n, t in names.items()})
            x, i = layer(x), i + 1
        x = torch.nn.functional.layer_norm(
            x, (width,), tensor("norm.weight"), tensor("norm.bias"), 1e-6
        )
        return x[:, 0].numpy()


def test_same_features_as_pytorch():
    pytest.importorskip("torch", reason="compares with PyTorch")
    state, vit = made_state("mae"), network("mae")
    load_vit_weights(vit, state, "mae")
    assert_close(vit(IMAGES), torch_features(state, IMAGES, 2), 1e-4)


def test_half_precision_files():
    vit, half = network("mae"), {n: a.astype("float16") for n, a in made_state("mae").items()}
    load_vit_weights(vit, half, "mae")
    kernel = vit.blocks[0].fc1.kernel
    assert keras.backend.standardize_dtype(kernel.dtype) == "float32"
    np.testing.assert_array_equal(
        ops.convert_to_numpy(kernel), half["blocks.0.mlp.fc1.weight"].T.astype("float32")
    )
