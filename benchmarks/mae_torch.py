"""The masked autoencoder of benchmarks/mae.py in plain PyTorch, from a state in timm's names."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

LAYER = {
    "self_attn.in_proj_weight": "attn.qkv.weight", "self_attn.in_proj_bias": "attn.qkv.bias",
    "self_attn.out_proj.weight": "attn.proj.weight", "self_attn.out_proj.bias": "attn.proj.bias",
    "linear1.weight": "mlp.fc1.weight", "linear1.bias": "mlp.fc1.bias",
    "linear2.weight": "mlp.fc2.weight", "linear2.bias": "mlp.fc2.bias",
    "norm1.weight": "norm1.weight", "norm1.bias": "norm1.bias", "norm2.weight": "norm2.weight",
    "norm2.bias": "norm2.bias",
}  # fmt: skip


def blocks(state: dict, prefix: str, width: int, depth: int, heads: int) -> nn.Sequential:
    """PyTorch's own transformer layers with the state's arrays."""
    made = []
    for i in range(depth):
        layer = nn.TransformerEncoderLayer(
            width, heads, 4 * width, 0.0, "gelu", 1e-6, batch_first=True, norm_first=True
        )
        layer.load_state_dict({n: state[f"{prefix}{i}.{t}"] for n, t in LAYER.items()})
        made.append(layer)
    return nn.Sequential(*made)


def loaded(layer: nn.Module, state: dict, name: str) -> nn.Module:
    layer.load_state_dict({k: state[f"{name}.{k}"] for k in ("weight", "bias")})
    return layer


class MaskedAutoencoder(nn.Module):
    """Encoder on visible patches, light decoder, loss of hidden patches."""

    def __init__(self, state: dict, size: tuple, visible: int):
        super().__init__()
        _, patch, _, (width, depth, heads), (narrow, light, few), _ = size
        self.patch, self.visible = patch, visible
        outputs = 3 * patch * patch
        self.embed = loaded(nn.Conv2d(3, width, patch, patch), state, "patch_embed.proj")
        self.cls, self.mask = (nn.Parameter(state[n]) for n in ("cls_token", "mask_token"))
        self.register_buffer("positions", state["pos_embed"])
        self.register_buffer("decoder_positions", state["decoder_pos_embed"])
        self.encoder = blocks(state, "blocks.", width, depth, heads)
        self.norm = loaded(nn.LayerNorm(width, 1e-6), state, "norm")
        self.narrow = loaded(nn.Linear(width, narrow), state, "decoder_embed")
        self.decoder = blocks(state, "decoder_blocks.", narrow, light, few)
        self.decoder_norm = loaded(nn.LayerNorm(narrow, 1e-6), state, "decoder_norm")
        self.pixels = loaded(nn.Linear(narrow, outputs), state, "decoder_pred")

    def forward(self, images: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
        """The loss of images `[B, 3, H, W]`."""
        x = self.embed(images).flatten(2).transpose(1, 2) + self.positions[:, 1:]
        batch, count, width = x.shape
        shuffle = noise.argsort(1)
        restore = shuffle.argsort(1)
        x = x.gather(1, shuffle[:, : self.visible, None].expand(-1, -1, width))
        x = torch.cat([self.cls.expand(batch, -1, -1), x], 1)
        x = self.narrow(self.norm(self.encoder(x)))
        fill = self.mask.expand(batch, count - self.visible, -1)
        y = torch.cat([x[:, 1:], fill], 1).gather(1, restore[..., None].expand(-1, -1, x.shape[-1]))
        x = torch.cat([x[:, :1], y], 1) + self.decoder_positions
        pixels = self.pixels(self.decoder_norm(self.decoder(x)))[:, 1:]
        target = functional.unfold(images, self.patch, stride=self.patch).transpose(1, 2)
        target = target.unflatten(2, (3, -1)).transpose(2, 3).flatten(2)  # row, column, channel
        mean, variance = target.mean(-1, keepdim=True), target.var(-1, keepdim=True)
        errors = (pixels - (target - mean) / (variance + 1e-6).sqrt()).square().mean(-1)
        hidden = (restore >= self.visible).float()
        return (errors * hidden).sum() / hidden.sum()


def make_step(state: dict, size: tuple, images, noise):
    """A function that trains one step on the fixed batch, and the loss on the fixed noise."""
    torch.manual_seed(0)
    state = {name: torch.from_numpy(value.copy()) for name, value in state.items()}
    net = MaskedAutoencoder(state, size, noise.shape[1] // 4)
    images = torch.from_numpy(images.transpose(0, 3, 1, 2).copy())
    with torch.no_grad():
        loss = float(net(images, torch.from_numpy(noise)))
    optimizer = torch.optim.AdamW(net.parameters(), 1.5e-4, (0.9, 0.95), weight_decay=0.05)

    def step() -> None:
        optimizer.zero_grad(set_to_none=True)
        net(images, torch.rand(noise.shape)).backward()
        optimizer.step()

    return step, loss
