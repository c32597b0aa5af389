"""ResNet-50 against a PyTorch twin written here, and the conversion of weights."""

import os
import subprocess
import sys

import keras
import numpy as np
import pytest
from keras import ops

from keras_haframe.models import load_torch_weights, resnet50
from tests.gradients import assert_close
from tests.models.safetensors_file import write_safetensors
from tests.models.torch_names import random_state

BLOCKS, SMALL = (3, 4, 6, 3), (1, 1, 1, 1)


def torch_resnet(blocks):
    """The twin: torchvision's module names and layout, in plain PyTorch."""
    torch = pytest.importorskip("torch", reason="the PyTorch twin needs torch")
    nn = torch.nn

    class Bottleneck(nn.Module):
        def __init__(self, width_in, width, stride, project):
            super().__init__()
            self.conv1 = nn.Conv2d(width_in, width, 1, bias=False)
            self.bn1 = nn.BatchNorm2d(width)
            self.conv2 = nn.Conv2d(width, width, 3, stride, padding=1, bias=False)
            self.bn2 = nn.BatchNorm2d(width)
            self.conv3 = nn.Conv2d(width, 4 * width, 1, bias=False)
            self.bn3 = nn.BatchNorm2d(4 * width)
            self.downsample = None
            if project:
                conv = nn.Conv2d(width_in, 4 * width, 1, stride, bias=False)
                self.downsample = nn.Sequential(conv, nn.BatchNorm2d(4 * width))

        def forward(self, x):
            y = torch.relu(self.bn1(self.conv1(x)))
            y = torch.relu(self.bn2(self.conv2(y)))
            y = self.bn3(self.conv3(y))
            return torch.relu(y + (x if self.downsample is None else self.downsample(x)))

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv1 = nn.Conv2d(3, 64, 7, 2, padding=3, bias=False)
            self.bn1 = nn.BatchNorm2d(64)
            width_in, stages = 64, []
            for stage, count in enumerate(blocks):
                width, rows = 64 * 2**stage, []
                for i in range(count):
                    stride = 2 if stage and not i else 1
                    rows.append(Bottleneck(width_in, width, stride, i == 0))
                    width_in = 4 * width
                stages.append(nn.Sequential(*rows))
            self.layer1, self.layer2, self.layer3, self.layer4 = stages
            self.fc = nn.Linear(2048, 1000)

        def forward(self, x):
            x = torch.relu(self.bn1(self.conv1(x)))
            x = torch.nn.functional.max_pool2d(x, 3, 2, padding=1)
            return self.layer4(self.layer3(self.layer2(self.layer1(x))))

    torch.manual_seed(0)
    net = Net()
    for m in net.modules():  # no statistics at their starting values
        if isinstance(m, nn.BatchNorm2d):
            nn.init.uniform_(m.weight, 0.5, 1.5)
            nn.init.normal_(m.bias, std=0.1)
            nn.init.normal_(m.running_mean, std=0.1)
            nn.init.uniform_(m.running_var, 0.5, 1.5)
    return net.eval()


def state_of(net):
    return {name: value.numpy() for name, value in net.state_dict().items()}


@pytest.fixture(scope="module")
def twin():
    net = torch_resnet(BLOCKS)
    return net, state_of(net)


@pytest.fixture(scope="module")
def whole():
    return resnet50((None, None, 3))


def torch_outputs(net, x):
    import torch

    with torch.no_grad():
        return net(torch.from_numpy(x.transpose(0, 3, 1, 2))).numpy().transpose(0, 2, 3, 1)


def images(side):
    return np.random.default_rng(0).normal(size=(2, side, side, 3)).astype("float32")


@pytest.mark.slow
def test_same_outputs_as_pytorch(twin, whole, tmp_path):
    """All of ResNet-50, from a file; 40 pixels become 20, 10, 5, 3 and 2."""
    net, state = twin
    write_safetensors(tmp_path / "w.safetensors", state, {"__metadata__": {"format": "pt"}})
    load_torch_weights(whole, tmp_path / "w.safetensors")
    expected = torch_outputs(net, images(40))
    assert expected.shape == (2, 2, 2, 2048) and np.abs(expected).max() > 0.1
    assert_close(whole(images(40), training=False), expected, rtol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("side", [32, 43, 75])
def test_padding_and_strides_at_even_and_odd_sizes(side, tmp_path):
    net = torch_resnet(SMALL)
    np.savez(tmp_path / "w.npz", **state_of(net))
    backbone = resnet50((side, side, 3), SMALL)
    load_torch_weights(backbone, str(tmp_path / "w.npz"))
    expected = torch_outputs(net, images(side))
    assert_close(backbone(images(side), training=False), expected, rtol=1e-4)


def test_parameters_are_those_of_torchvision(twin, whole):
    """25,557,032 published with the top; both networks, without it."""
    net, state = twin
    trainable = sum(int(np.prod(w.shape)) for w in whole.trainable_variables)
    assert trainable == 25_557_032 - (2048 * 1000 + 1000)
    assert trainable == sum(p.numel() for n, p in net.named_parameters() if not n.startswith("fc."))
    assert whole.compute_output_shape((None, 224, 224, 3)) == (None, 7, 7, 2048)
    assert len(whole.weights) == len([n for n in state if "num_batches" not in n]) - 2


def test_settings_of_the_layout():
    net = resnet50(blocks=(1, 1, 1, 1))
    strided = {v.name for v in net.layers if getattr(v, "strides", None) in ((2, 2), 2)}
    assert strided == {
        "conv1", "maxpool", *(f"layer{i}_0_conv2" for i in (2, 3, 4)),
        *(f"layer{i}_0_downsample_0" for i in (2, 3, 4)),
    }  # fmt: skip
    norms = [v for v in net.layers if isinstance(v, keras.layers.BatchNormalization)]
    assert {(n.momentum, n.epsilon) for n in norms} == {(0.9, 1e-5)}
    assert not any(v.use_bias for v in net.layers if isinstance(v, keras.layers.Conv2D))
    kernel = ops.convert_to_numpy(net.get_layer("layer4_0_conv2").kernel)
    assert kernel.std() == pytest.approx(np.sqrt(2 / (9 * 512)), rel=0.01)


# Conversion: what does not fit


@pytest.fixture(scope="module")
def small():
    net = resnet50((32, 32, 3), SMALL)
    return net, random_state(net, np.random.default_rng(0))


def test_every_array_arrives(small):
    net, state = small
    load_torch_weights(net, state)
    kernel = ops.convert_to_numpy(net.get_layer("layer2_0_conv2").kernel)
    expected = state["layer2.0.conv2.weight"]
    np.testing.assert_array_equal(kernel[1, 2, 3, 4], expected[4, 3, 1, 2])
    norm = net.get_layer("layer3_0_downsample_1")
    for variable, kind in (
        (norm.gamma, "weight"), (norm.beta, "bias"), (norm.moving_mean, "running_mean"),
        (norm.moving_variance, "running_var"),
    ):  # fmt: skip
        np.testing.assert_array_equal(
            ops.convert_to_numpy(variable), state[f"layer3.0.downsample.1.{kind}"]
        )


def test_prefix_and_ignored_entries(small):
    net, state = small
    moco = {f"module.encoder_q.{n}": v for n, v in state.items()}
    moco |= {"module.queue": np.ones((2, 2)), "module.encoder_q.fc.weight": np.ones((2, 2))}
    moco["module.encoder_q.bn1.num_batches_tracked"] = np.array(7)
    load_torch_weights(net, moco, prefix="module.encoder_q.")
    np.testing.assert_array_equal(
        ops.convert_to_numpy(net.get_layer("bn1").gamma), state["bn1.weight"]
    )
    with pytest.raises(ValueError, match=r"no entry for .*'module.queue'|no entry for.*prefix=''"):
        load_torch_weights(net, moco)
    with pytest.raises(ValueError, match=r"1 entries with no place.*'head.weight'.*`ignore`"):
        load_torch_weights(net, {**state, "head.weight": np.ones((2, 2))})
    load_torch_weights(net, {**state, "head.weight": np.ones((2, 2))}, ignore=("head.",))


def test_missing_and_misshapen_arrays_are_named_and_nothing_is_assigned(small):
    net, state = small
    load_torch_weights(net, state)
    before = [ops.convert_to_numpy(w) for w in net.weights]
    changed = {n: v + 1 for n, v in state.items()}
    fewer = {n: v for n, v in changed.items() if n != "layer4.0.bn3.bias"}
    with pytest.raises(ValueError, match=r"no entry for 1 of .*'layer4_0_bn3_bias'"):
        load_torch_weights(net, fewer)
    other = {**changed, "layer4.0.conv1.weight": np.ones((512, 1024, 3, 3))}
    with pytest.raises(ValueError, match=r"'layer4.0.conv1.weight'.*\(512, 1024, 3, 3\)"):
        load_torch_weights(net, other)
    for w, value in zip(net.weights, before):
        np.testing.assert_array_equal(ops.convert_to_numpy(w), value)


FORWARD = """
import keras, numpy as np
from keras_haframe.models import resnet50, wide_resnet

for net in (resnet50((33, 33, 3), (1, 1)), wide_resnet((12, 12, 3), 10, 1)):
    rng = np.random.default_rng(0)
    for w in net.weights:
        positive = rng.uniform(0.5, 1.5, w.shape)
        w.assign(positive if w.ndim == 1 else (positive - 1) / np.sqrt(np.prod(w.shape[:-1])))
    x = rng.normal(size=(2, *net.input_shape[1:])).astype("float32")
    out = net.predict(x, verbose=0)
    assert out.std() > 1e-3
    print("OUT", *out.ravel()[:50])
"""


# The weights are set anyway, and JAX would compile the starting values of every shape.
QUICK = """
import keras
keras.initializers.VarianceScaling.__call__ = lambda self, shape, dtype: keras.ops.zeros(shape)
"""


def outputs(text):
    return np.array([v.split()[1:] for v in text.splitlines() if v.startswith("OUT")], float)


@pytest.mark.parametrize("backend", ["jax", "torch"])
@pytest.mark.slow
def test_other_backends_compute_the_same(backend, capsys):
    pytest.importorskip(backend)
    run = subprocess.run(
        [sys.executable, "-c", QUICK + FORWARD], capture_output=True, text=True, timeout=600,
        env={**os.environ, "KERAS_BACKEND": backend},
    )  # fmt: skip
    assert run.returncode == 0, run.stderr[-2000:]
    capsys.readouterr()
    exec(FORWARD, {})
    expected = outputs(capsys.readouterr().out)
    assert expected.shape == (2, 50)
    for found, twin in zip(outputs(run.stdout), expected):
        assert_close(found, twin, rtol=1e-4)
