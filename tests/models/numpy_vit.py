"""Vision transformers in NumPy, from state files in timm's names: the twin of `ViT` and `MAE`."""

import math

import numpy as np
from scipy.special import erf, softmax

EPSILON = 1e-6


def norm(x, state, name):
    mean = x.mean(-1, keepdims=True)
    variance = ((x - mean) ** 2).mean(-1, keepdims=True)
    return (x - mean) / np.sqrt(variance + EPSILON) * state[f"{name}.weight"] + state[
        f"{name}.bias"
    ]


def linear(x, state, name):
    return x @ state[f"{name}.weight"].T + state[f"{name}.bias"]


def cut(images, p):
    """Patches `[B, L, p p C]` one by one."""
    _, height, width, _ = images.shape
    found = [
        images[:, y : y + p, x : x + p].reshape(len(images), -1)
        for y in range(0, height, p)
        for x in range(0, width, p)
    ]
    return np.stack(found, axis=1)


def embed(images, state):
    """Patch tokens before positions: the patch convolution, patch by patch."""
    kernel = state["patch_embed.proj.weight"]  # [D, C, p, p]
    p = kernel.shape[-1]
    columns = kernel.transpose(2, 3, 1, 0).reshape(-1, len(kernel))
    return cut(images, p) @ columns + state["patch_embed.proj.bias"]


def relative_bias(table, grid):
    """BEiT's bias `[heads, 1 + L, 1 + L]`, pair by pair."""
    places = [(y, x) for y in range(grid[0]) for x in range(grid[1])]
    bias = np.empty((table.shape[1], 1 + len(places), 1 + len(places)))
    for i, (y, x) in enumerate(places):
        for j, (v, u) in enumerate(places):
            row = (y - v + grid[0] - 1) * (2 * grid[1] - 1) + (x - u + grid[1] - 1)
            bias[:, 1 + i, 1 + j] = table[row]
    bias[:, 0, :], bias[:, :, 0], bias[:, 0, 0] = (
        table[-3][:, None],
        table[-2][:, None],
        table[-1],
    )
    return bias


def attention(x, state, name, heads, grid):
    if f"{name}.q_bias" in state:
        zeros = np.zeros_like(state[f"{name}.q_bias"])
        bias = np.concatenate([state[f"{name}.q_bias"], zeros, state[f"{name}.v_bias"]])
        qkv = x @ state[f"{name}.qkv.weight"].T + bias
    else:
        qkv = linear(x, state, f"{name}.qkv")
    width = x.shape[-1]
    q, k, v = np.split(qkv, 3, axis=-1)
    table = state.get(f"{name}.relative_position_bias_table")
    table = state.get("rel_pos_bias.relative_position_bias_table") if table is None else table
    out, d = np.empty_like(q), width // heads
    for h in range(heads):
        part = slice(h * d, (h + 1) * d)
        logits = q[..., part] @ k[..., part].transpose(0, 2, 1) / math.sqrt(d)
        if table is not None:
            logits = logits + relative_bias(table, grid)[h]
        out[..., part] = softmax(logits, axis=-1) @ v[..., part]
    return linear(out, state, f"{name}.proj")


def block(x, state, name, heads, grid=None):
    y = attention(norm(x, state, f"{name}.norm1"), state, f"{name}.attn", heads, grid)
    x = x + y * state.get(f"{name}.gamma_1", 1.0)
    y = linear(norm(x, state, f"{name}.norm2"), state, f"{name}.mlp.fc1")
    y = linear(y * 0.5 * (1 + erf(y / math.sqrt(2))), state, f"{name}.mlp.fc2")
    return x + y * state.get(f"{name}.gamma_2", 1.0)


def blocks(x, state, prefix, heads, grid=None):
    i = 0
    while f"{prefix}{i}.norm1.weight" in state:
        x = block(x, state, f"{prefix}{i}", heads, grid)
        i += 1
    return x


def features(images, state, heads, pooling, grid):
    """What the published networks give to their heads."""
    x = embed(images, state)
    first = np.broadcast_to(state["cls_token"], (len(x), 1, x.shape[-1]))
    x = np.concatenate([first, x], axis=1)
    x = blocks(x + state.get("pos_embed", 0.0), state, "blocks.", heads, grid)
    if pooling == "average":
        return norm(x[:, 1:].mean(axis=1), state, "fc_norm")
    return norm(x, state, "norm")[:, 0]


def made_state(family, width=12, depth=2, grid=(2, 2), patch=4, heads=2, seed=0):
    """Random arrays with the names and shapes of a published family, a top included."""
    rng = np.random.default_rng(seed)

    def draw(*shape):
        return (0.3 * rng.normal(size=shape)).astype("float32")

    count = grid[0] * grid[1]
    state = {"cls_token": draw(1, 1, width)}
    if family != "beit":
        state["pos_embed"] = draw(1, 1 + count, width)
    state |= {
        "patch_embed.proj.weight": draw(width, 3, patch, patch),
        "patch_embed.proj.bias": draw(width),
    }
    rows = (2 * grid[0] - 1) * (2 * grid[1] - 1) + 3
    for i in range(depth):
        at = f"blocks.{i}."
        for name in ("norm1", "norm2"):
            state |= {f"{at}{name}.weight": 1 + draw(width), f"{at}{name}.bias": draw(width)}
        state[f"{at}attn.qkv.weight"] = draw(3 * width, width)
        if family == "beit":
            state |= {f"{at}attn.q_bias": draw(width), f"{at}attn.v_bias": draw(width)}
            state |= {f"{at}gamma_1": draw(width), f"{at}gamma_2": draw(width)}
            state[f"{at}attn.relative_position_bias_table"] = draw(rows, heads)
            state[f"{at}attn.relative_position_index"] = np.zeros((count + 1,) * 2, "int64")
        else:
            state[f"{at}attn.qkv.bias"] = draw(3 * width)
        for name, shape in (
            ("attn.proj", (width, width)),
            ("mlp.fc1", (4 * width, width)),
            ("mlp.fc2", (width, 4 * width)),
        ):
            state |= {f"{at}{name}.weight": draw(*shape), f"{at}{name}.bias": draw(shape[0])}
    last = "fc_norm" if family in ("timm", "beit") else "norm"
    state |= {f"{last}.weight": 1 + draw(width), f"{last}.bias": draw(width)}
    if family == "mae":
        state |= {"mask_token": draw(1, 1, 8), "decoder_embed.weight": draw(8, width)}
    else:
        state |= {"head.weight": draw(5, width), "head.bias": draw(5)}
    if family == "moco_v3":
        state = {f"module.base_encoder.{name}": array for name, array in state.items()}
        state["module.momentum_encoder.cls_token"] = draw(1, 1, width)
    return state
