"""What a masked autoencoder has learned: linear probe, partial and full fine-tuning, any method.

    python recipes/mae_finetune.py --pretrained runs/mae/mae_seed0/model.keras --tune full
    python recipes/mae_finetune.py --pretrained ... --tune probe --method cross_entropy
    python recipes/mae_finetune.py --pretrained ... --tune 2            # the last two blocks
    python recipes/mae_finetune.py --pretrained ... --tune cached       # a head on kept features
    python recipes/mae_finetune.py --pretrained none                    # the same from scratch
    python recipes/mae_finetune.py --pretrained mae_pretrain_vit_large.safetensors --family mae \
        --size L --dataset inaturalist2019
    python recipes/mae_finetune.py --smoke

`full` and N, as published: the mean of the patch tokens with a norm that starts anew, AdamW with
weight decay 0.05 and layer-wise decay of the rate, 5 epochs of 100 to warm up, half-cosine to
1e-6, drop path, mix-up 0.8 and cut-mix 1.0 in turns, batch 1,024; data sets of TFDS also with
RandAugment (2 operations, 9 of 10 strong), random erasing 0.25 and, for cross_entropy, label
smoothing 0.1 (`--plain`: none of these). ViT-B: 100 epochs,
rate 5e-4 batch / 256, layer decay 0.65, drop path 0.1; L: 50, 1e-3, 0.75, 0.2; H: 50, 1e-3, 0.75,
0.3. From scratch without layer decay. `probe` and `cached`: everything frozen, the class token,
batch normalization without scale and shift, LARS, rate 0.1 batch / 256, no weight decay, 90 epochs,
10 of them to warm up, batch 16,384; `cached` keeps the features of every image and its mirror
image.
Not here: the starts of its linear heads (methods have their own) and bicubic turns in RandAugment.

Paper, ImageNet-1k top-1, fine-tuned:        ViT-B   ViT-L   ViT-H   ViT-H, 448 px
    from scratch                              82.3    82.6    83.1
    DINO                                      82.8
    MoCo v3                                   83.2    84.1
    BEiT                                      83.2    85.2
    MAE                                       83.6    85.9    86.9    87.8
    MAE, linear probe (released checkpoints)  67.8    76.0    77.2
MAE ViT-L, partial (800 epochs): 73.5 with no block, 81.0 with one, 84.9 with all 24. (The rows of
DINO, MoCo v3 and BEiT and the partial figures are from secondary sources that agree, not checked
against the paper.) None of it was run by us. What two cores carry is in docs/mae.md.
"""

import dataclasses
import pathlib
from collections.abc import Sequence

import keras
import numpy as np
import simple_parsing
from mae_data import ARRAYS, DataSettings, load, make_encoder, read_arrays
from mae_pretrain import BASELINE

import keras_haframe as kh
from keras_haframe.data import ArrayBatches
from keras_haframe.models import MixUpClassifier
from keras_haframe.models.vit_names import FAMILIES
from keras_haframe.training import (
    LARS,
    Experiment,
    GroupedAdamW,
    flag,
    layer_decay,
    parse,
    place,
    run_seeds,
)

OPTIONS = {"cifar100": {"haframe": {"gamma": 2.0, "alpha": 0.4}}}
POSITIONS = {"dino": "learned", "beit": None}


@dataclasses.dataclass
class Settings(DataSettings):
    """Settings of the run."""

    pretrained: str = "none"  # model.keras of mae_pretrain.py, a state file, or 'none'
    family: str = simple_parsing.choice(*FAMILIES, default="mae")  # kind of state file
    tune: str = "full"  # full, probe, cached, or the number of last blocks that are trained
    method: str = simple_parsing.choice(*kh.methods.names(), default="haframe")  # training method
    network_type: str | None = None  # I or II; by default I for cross_entropy, II for others
    plain: bool = flag()  # no mix-up and cut-mix where the encoder is trained
    epochs: int | None = None  # epochs; the published ones by default
    batch_size: int = 256  # training batch, over all devices
    learning_rate: float | None = None  # for a batch of 256; the published one by default
    output: str = place("runs/mae_finetune")  # folder where runs are kept

    @property
    def frozen(self) -> bool:
        return self.tune in ("probe", "cached")

    @property
    def blocks(self) -> int | None:
        """Number of blocks that are trained, None for all."""
        if self.tune == "full" or self.frozen:
            return 0 if self.frozen else None
        if not self.tune.isdigit():
            raise SystemExit(f"--tune must be full, probe, cached or a number. Got: {self.tune}")
        return int(self.tune)


def read_encoder(settings: Settings) -> kh.models.ViT:
    """The pre-trained encoder, or a new one, with the options of the tuning."""
    options = {"pooling": "token"} if settings.frozen else {"pooling": "average"}
    if not settings.frozen:
        options |= {"drop_path": settings.network.drop_path, "trainable_blocks": settings.blocks}
    if settings.pretrained == "none":
        return make_encoder(settings, **options)
    if pathlib.Path(settings.pretrained).suffix == ".keras":
        mae = keras.saving.load_model(settings.pretrained)
        return mae.encoder.copy(input_shape=settings.shape, **options)
    if settings.family == "beit":
        options |= {"relative_positions": True, "layer_scale": 0.1}
    positions = POSITIONS.get(settings.family, "sincos")
    encoder = make_encoder(settings, positions=positions, **options)
    print(kh.models.load_vit_weights(encoder, settings.pretrained, settings.family))
    return encoder


def optimizer(settings: Settings, steps: int, depth: int) -> keras.optimizers.Optimizer:
    """LARS for a head alone, AdamW with layer-wise decay otherwise; warm-up and half-cosine."""
    base = settings.learning_rate or (0.1 if settings.frozen else settings.network.tuning_rate)
    rate = base * settings.batch_size / 256
    total = settings.epochs * steps
    warmup = max(1, round(total * (10 / 90 if settings.frozen else 5 / 100)))
    schedule = keras.optimizers.schedules.CosineDecay(
        0.0, total - warmup, 0.0 if settings.frozen else 1e-6 / rate, warmup_target=rate,
        warmup_steps=warmup,
    )  # fmt: skip
    if settings.frozen:
        return LARS(schedule)
    decay = 1.0 if settings.pretrained == "none" else settings.network.layer_decay
    rates = layer_decay(depth, decay)
    return GroupedAdamW(schedule, 0.05, rates, exclude=["class_token", "positions"])


def cached(settings: Settings) -> dict:
    """Features of every image and its mirror image, in place of the images."""
    if settings.dataset not in ARRAYS:
        raise SystemExit(f"--tune cached is for {', '.join(ARRAYS)}. Got: {settings.dataset}")
    (images, labels), (test_images, test_labels), tree = read_arrays(settings)
    encoder = read_encoder(settings)

    def features(images: np.ndarray) -> np.ndarray:
        return encoder.predict(settings.preprocessing(images), batch_size=256, verbose=0)

    kept = np.stack([features(images), features(images[:, :, ::-1])])

    def make_train(seed: int):
        return ArrayBatches(kept, labels, settings.batch_size, seed, variants=True).from_epoch

    return {
        "tree": tree,
        "make_train": make_train,
        "test": (features(test_images), test_labels),
        "steps": len(labels) // settings.batch_size,
    }


def normalized_features(width: int) -> keras.Model:
    """Kept features through the batch normalization of the probe."""
    inputs = keras.Input((width,), name="features")
    norm = kh.layers.BatchNormalization(
        momentum=0.9, epsilon=1e-6, center=False, scale=False, name="probe_norm"
    )
    return keras.Model(inputs, norm(inputs), name="kept_features")


def main(argv: Sequence[str] | None = None) -> None:
    """Run every seed, print the row of the table."""
    settings = parse(Settings, __doc__, argv)
    if settings.smoke:
        settings = dataclasses.replace(settings, size="mini", epochs=1, batch_size=16)
    epochs = settings.epochs or (90 if settings.frozen else settings.network.tuning_epochs)
    settings = dataclasses.replace(settings, epochs=epochs)
    settings.start()
    mixed = not settings.plain and not settings.frozen
    data = cached(settings) if settings.tune == "cached" else load(settings, mixed, scale=0.08)
    steps = data["steps"]
    if settings.dataset in ARRAYS:
        data["steps"] = None  # arrays end by themselves

    def make_model(method: str, options: dict, synchronized: bool) -> keras.Model:
        if settings.tune == "cached":
            backbone, depth = normalized_features(data["test"][0].shape[1]), 0
        else:
            encoder = read_encoder(settings)
            depth = encoder.depth
            backbone = kh.models.probe(encoder) if settings.frozen else encoder
        kind = settings.network_type or ("I" if method == "cross_entropy" else "II")
        if kind == "I":
            options = {"hidden_units": None, **options}
        model = MixUpClassifier(
            backbone, data["tree"], method, network=kind, synchronized=synchronized, **options
        )
        model.compile(optimizer(settings, steps, depth))
        return model

    experiment = Experiment(
        make_model=make_model, epochs=epochs, batch_size=settings.batch_size,
        settings=settings.defining(), **data,
    )  # fmt: skip
    start = "scratch" if settings.pretrained == "none" else BASELINE
    options = OPTIONS.get(settings.dataset, {}).get(settings.method, {})
    if mixed and settings.dataset not in ARRAYS and settings.method == "cross_entropy":
        options = {"label_smoothing": 0.1}
    row = settings.method, options
    run_seeds(settings, experiment, row, f"{start}_{settings.tune}_{settings.method}")


if __name__ == "__main__":
    main()
