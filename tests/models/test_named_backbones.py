import keras
import pytest

from keras_haframe.models import make_backbone, small_cnn


@pytest.mark.parametrize("name", ["mobilenet_v2", "MobileNetV2", "mobilenet-v2"])
def test_networks_of_keras_by_any_spelling(name, monkeypatch):
    asked = []

    def MobileNetV2(include_top=True, weights="imagenet", input_shape=None):
        asked.append((include_top, weights, input_shape))
        return "network"

    monkeypatch.setattr(keras.applications, "MobileNetV2", MobileNetV2)
    assert make_backbone(name, (64, 96)) == "network"
    assert make_backbone(name, (64, 96), "none") == "network"
    assert asked == [(False, "imagenet", (64, 96, 3)), (False, None, (64, 96, 3))]


def test_a_failed_download_says_what_else_can_be_done(monkeypatch):
    def MobileNetV2(include_top=True, weights="imagenet", input_shape=None):
        raise Exception("URL fetch failure on https://: None -- Name or service not known")

    monkeypatch.setattr(keras.applications, "MobileNetV2", MobileNetV2)
    with pytest.raises(ValueError, match="could not be downloaded.*weights none"):
        make_backbone("mobilenet_v2", (64, 64))


def test_small_cnn_and_files_of_weights(tmp_path):
    net = make_backbone("small_cnn", (16, 24), "none")
    assert net.output_shape[1:] == small_cnn((16, 24, 3)).output_shape[1:]
    path = tmp_path / "net.weights.h5"
    net.save_weights(path)
    again = make_backbone("small_cnn", (16, 24), str(path))
    assert (again.get_weights()[0] == net.get_weights()[0]).all()


def test_weights_of_another_network_are_refused(tmp_path):
    path = tmp_path / "other.weights.h5"
    small_cnn((16, 16, 3), (4, 4)).save_weights(path)
    with pytest.raises(ValueError, match=r"other.weights.h5 do not fit small_cnn"):
        make_backbone("small_cnn", (16, 16), str(path))
    (tmp_path / "text.h5").write_text("nothing")
    with pytest.raises(ValueError, match=r"text.h5 is damaged or not safe to read"):
        make_backbone("small_cnn", (16, 16), str(tmp_path / "text.h5"))


def test_unknown_names():
    with pytest.raises(ValueError, match="near: resnet50"):
        make_backbone("resnet-51", (32, 32))
