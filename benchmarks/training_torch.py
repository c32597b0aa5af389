"""The networks of benchmarks/training.py in plain PyTorch: type II with HAFrame's loss.

Modules are named as the Keras layers, so that `load` can take over the weights and the benchmark
can check that both compute the same losses.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional

KINDS = {
    "kernel": "weight", "gamma": "weight", "alpha": "weight", "beta": "bias",
    "moving_mean": "running_mean", "moving_variance": "running_var",
}  # fmt: skip


class Layers(nn.Module):
    """Convolutions, normalizations and linear layers by name, made when first named."""

    def __init__(self):
        super().__init__()
        self.m = nn.ModuleDict()

    def conv(self, name, channels, filters, size, stride=1):
        self.m[name] = nn.Conv2d(channels, filters, size, stride, size // 2, bias=False)

    def norm(self, name, channels, momentum=0.1):
        self.m[name] = nn.BatchNorm2d(channels, momentum=momentum)


class ResNet50(Layers):
    """torchvision's layout, 2048 channels out."""

    def __init__(self):
        super().__init__()
        self.conv("conv1", 3, 64, 7, 2)
        self.norm("bn1", 64)
        self.plan, channels = [], 64
        for stage, count in enumerate((3, 4, 6, 3)):
            for i in range(count):
                name, width = f"layer{stage + 1}_{i}", 64 * 2**stage
                stride = 2 if stage and not i else 1
                self.conv(f"{name}_conv1", channels, width, 1)
                self.norm(f"{name}_bn1", width)
                self.conv(f"{name}_conv2", width, width, 3, stride)
                self.norm(f"{name}_bn2", width)
                self.conv(f"{name}_conv3", width, 4 * width, 1)
                self.norm(f"{name}_bn3", 4 * width)
                if not i:
                    self.conv(f"{name}_downsample_0", channels, 4 * width, 1, stride)
                    self.norm(f"{name}_downsample_1", 4 * width)
                channels = 4 * width
                self.plan.append((name, not i))
        self.channels = channels

    def forward(self, x):
        m = self.m
        x = functional.relu(m["bn1"](m["conv1"](x)), inplace=True)
        x = functional.max_pool2d(x, 3, 2, 1)
        for name, project in self.plan:
            y = functional.relu(m[f"{name}_bn1"](m[f"{name}_conv1"](x)), inplace=True)
            y = functional.relu(m[f"{name}_bn2"](m[f"{name}_conv2"](y)), inplace=True)
            y = m[f"{name}_bn3"](m[f"{name}_conv3"](y))
            if project:
                x = m[f"{name}_downsample_1"](m[f"{name}_downsample_0"](x))
            x = functional.relu(y + x, inplace=True)
        return x


class WideResNet(Layers):
    """28-2 with the papers' quirks: which input the shortcut of a widening block reads."""

    def __init__(self, depth: int = 28, width: int = 2):
        super().__init__()
        self.conv("conv1", 3, 16, 3)
        self.plan, channels = [], 16
        for group in (1, 2, 3):
            filters = 8 * 2**group * width
            for i in range((depth - 4) // 6):
                name, stride = f"block{group}_layer_{i}", 2 if group > 1 and not i else 1
                if i or group == 1:
                    self.norm(f"{name}_bn1", channels, 0.001)
                if not i:
                    self.conv(f"{name}_convShortcut", channels, filters, 1, stride)
                self.conv(f"{name}_conv1", channels, filters, 3, stride)
                self.norm(f"{name}_bn2", filters, 0.001)
                self.conv(f"{name}_conv2", filters, filters, 3)
                channels = filters
                self.plan.append((name, not i, bool(i) or group == 1))
        self.norm("bn1", channels, 0.001)
        self.channels = channels

    def activated(self, x, name):
        return functional.leaky_relu(self.m[name](x), 0.1, inplace=True)

    def forward(self, x):
        x = self.m["conv1"](x)
        for name, widens, activates in self.plan:
            path = self.activated(x, f"{name}_bn1") if activates else x
            if widens:
                x = self.m[f"{name}_convShortcut"](path)
            path = self.activated(self.m[f"{name}_conv1"](path), f"{name}_bn2")
            x = x + self.m[f"{name}_conv2"](path)
        return self.activated(x, "bn1")


class TypeTwo(nn.Module):
    """1 x 1 convolution, average pool, transformation block, fixed frame."""

    def __init__(self, backbone, frame, momentum: float):
        super().__init__()
        k = frame.shape[1]
        self.backbone = backbone
        self.register_buffer("frame", torch.from_numpy(frame))
        self.m = nn.ModuleDict({"reduce": nn.Conv2d(backbone.channels, k, 1, bias=False)})
        self.m["transformation_norm"] = nn.BatchNorm1d(k, momentum=momentum)
        for name in ("transformation_block1", "transformation_block2"):
            for i in (1, 2):
                self.m[f"{name}_linear{i}"] = nn.Linear(k, k, bias=False)
                self.m[f"{name}_norm{i}"] = nn.BatchNorm1d(k)
                self.m[f"{name}_act{i}"] = nn.PReLU(k)

    def forward(self, x):
        m = self.m
        x = m["transformation_norm"](m["reduce"](self.backbone(x)).mean((2, 3)))
        for name in ("transformation_block1", "transformation_block2"):
            y = x
            for i in (1, 2):
                y = m[f"{name}_act{i}"](m[f"{name}_norm{i}"](m[f"{name}_linear{i}"](y)))
            x = x + y
        logits = x @ self.frame
        return logits, logits / x.norm(dim=1, keepdim=True)

    def load(self, weights) -> None:
        """Take over Keras weights, path to array; every parameter must get one."""
        modules = {**self.backbone.m, **self.m}
        missing = {id(p) for p in self.parameters()}
        with torch.no_grad():
            for path, value in weights.items():
                layer, kind = path.rsplit("/", 1)
                layer = layer.replace("/", "_")
                if layer not in modules:
                    continue
                target = getattr(modules[layer], KINDS[kind])
                order = {4: (3, 2, 0, 1), 2: (1, 0), 1: (0,)}[value.ndim]
                target.copy_(torch.from_numpy(value.transpose(order).copy()))
                missing.discard(id(target))
        if missing:
            raise RuntimeError(f"{len(missing)} parameters got no Keras weights")


def make_step(
    case: str, weights, images, labels, targets, rate: float, channels_last: bool
):  # fmt: skip
    """A function that trains one step on the fixed batch and returns the loss."""
    torch.manual_seed(0)
    backbone, momentum = (ResNet50(), 0.1) if case == "resnet50" else (WideResNet(), 0.001)
    net = TypeTwo(backbone, weights["classifier/kernel"], momentum)
    net.load(weights)
    net.train()
    x = torch.from_numpy(images.transpose(0, 3, 1, 2).copy())
    y = torch.from_numpy(labels)
    targets = torch.from_numpy(targets)[y]
    if channels_last:
        net = net.to(memory_format=torch.channels_last)
        x = x.to(memory_format=torch.channels_last)
    slow = [*net.backbone.parameters(), *net.m["reduce"].parameters()]
    known = {id(p) for p in slow}
    fast = [p for p in net.parameters() if id(p) not in known]
    optimizer = torch.optim.SGD(
        [{"params": slow, "lr": 0.1 * rate}, {"params": fast, "lr": rate}],
        momentum=0.9, weight_decay=5e-4,
    )  # fmt: skip

    def step() -> float:
        optimizer.zero_grad(set_to_none=True)
        logits, cosines = net(x)
        cosine = (cosines - targets).square().sum(1).mean()
        loss = 0.5 * functional.cross_entropy(logits, y) + 0.5 * cosine
        loss.backward()
        optimizer.step()
        return float(loss.detach())

    return step
