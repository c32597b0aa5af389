"""What aircraft.py, inaturalist2019.py and tiered_imagenet.py share: ResNet-50 at 224 px from TFDS.

SGD with momentum 0.9 and weight decay 5e-4, epoch-wise cosine, the backbone at a tenth of the rate,
the epoch of the best validation top-1, every test image scored.
"""

import dataclasses

import keras
import numpy as np
import tensorflow_datasets as tfds

import keras_haframe as kh
import keras_haframe.data.builders  # registers the data sets
from keras_haframe.data import class_tree
from keras_haframe.data.batches import evaluation_batches, training_batches, training_steps
from keras_haframe.data.pipelines import PIPELINES
from keras_haframe.training import RunSettings, option, papers_sgd, run_seeds, with_seed
from keras_haframe.training.distribution import all_devices, process


@dataclasses.dataclass
class PhotographSettings(RunSettings):
    method: str = option("haframe", "training method", choices=kh.methods.names())
    weights: str | None = option(
        None, "ResNet-50 to start from, .safetensors or .npz with torchvision's names; or 'none'"
    )
    weights_prefix: str = option("", "what stands before torchvision's names in that file")
    data_dir: str | None = option(None, "TFDS folder; where the data set is prepared, once")


def train(settings: PhotographSettings, data_set: str, method_options: dict, transformation: float):
    """Train and score one row of the paper's table.

    Args:
        settings: Settings of the recipe.
        data_set: Name of the TFDS data set and of its pipeline.
        method_options: Options of `build` by method.
        transformation: Multiplier of the learning rate of the transformation block.
    """
    pipeline = PIPELINES[data_set]
    if settings.smoke:
        data_set = "drawn_aircraft/tiny"
        pipeline = dataclasses.replace(pipeline, size=32)
        settings = dataclasses.replace(settings, epochs=1, batch=16, weights="none")
    if settings.weights is None:
        raise SystemExit(
            "The paper's network starts from ImageNet weights. Pass --weights FILE, such as the "
            "model.safetensors of timm/resnet50.tv_in1k (torchvision's IMAGENET1K_V1), or "
            "--weights none to start from scratch. For an experiment that needs no download: "
            "python recipes/aircraft.py --demo"
        )
    settings.start()
    splits, info = tfds.load(
        data_set, split=["train", "validation", "test"], data_dir=settings.data_dir,
        as_supervised=True, with_info=True, shuffle_files=False,
        decoders={"image": tfds.decode.SkipDecoding()},
    )  # fmt: skip
    if settings.smoke:
        splits = [split.take(32) for split in splits]
    training, validation, test = splits
    tree = drawn_tree() if settings.smoke else class_tree(info)
    print(tree)

    def make_model(seed: int) -> keras.Model:
        backbone = kh.models.resnet50((pipeline.size, pipeline.size, 3), synchronized=devices > 1)
        if settings.weights != "none":
            kh.models.load_torch_weights(backbone, settings.weights, settings.weights_prefix)
        options = {} if settings.smoke else method_options.get(settings.method, {})
        options = with_seed(settings.method, tree, seed, options)
        model = kh.build(
            backbone, tree, settings.method, network=settings.type, synchronized=devices > 1,
            **options,
        )  # fmt: skip
        model.compile(
            papers_sgd(model, settings.rate, transformation=transformation),
            loss=model.method.loss(),
            metrics=[kh.metrics.Top1Accuracy(tree), kh.metrics.MistakeSeverity(tree)],
            jit_compile=model.jit_compile,
        )
        return model

    def make_train(seed: int):
        return lambda first: training_batches(
            training, pipeline, settings.batch, seed, first, share=process()
        )

    labels = np.array([int(label) for _, label in test.as_numpy_iterator()])
    with all_devices(settings.batch) as devices:
        return run_seeds(
            settings, tree, make_model, make_train,
            (evaluation_batches(validation, pipeline, settings.batch), None),
            (evaluation_batches(test, pipeline, settings.batch), labels),
            training_steps(training, settings.batch),
        )  # fmt: skip


def drawn_tree() -> kh.ClassTree:
    """The tree of the smoke test's images."""
    from keras_haframe.data import drawn_aircraft

    return kh.ClassTree(drawn_aircraft.class_tree_edges(), drawn_aircraft.class_names())
