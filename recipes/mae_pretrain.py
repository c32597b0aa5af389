"""Masked autoencoders: pre-training without labels (He et al., CVPR 2022).

    python recipes/mae_pretrain.py --dataset cifar100 --arrays FILE     # two cores, see below
    python recipes/mae_pretrain.py --dataset imagenet_tree --size L --epochs 1600 --batch-size 4096
    python recipes/mae_pretrain.py --smoke                              # seconds, drawn images

Defaults are the paper's: 75 % of the patches hidden, targets normalized by patch, AdamW (0.9, 0.95)
with weight decay 0.05, rate 1.5e-4 batch / 256, 5 % of the epochs to warm up (40 of 800), a
half-cosine to 0. The paper trains 800 epochs (its ablations) or 1,600 at a batch of 4,096, with
random crops of 20 to 100 % of an image and mirroring; so do data sets of TFDS here. drawn_aircraft
and CIFAR-100 are padded, cropped and mirrored.

Writes the model as `model.keras` to the run's folder in `--output`, a picture of reconstructions
after every epoch, and curves; the same command goes on where it stopped. Then: mae_finetune.py.

Paper, ViT-L on ImageNet-1k, top-1 fine-tuned / linear probe; ratio 75 %, 8 blocks of 512 in
the decoder, 800 epochs:
    (the defaults)                          85.4 / 73.9
    --raw-targets                           84.9 / 73.5
    --raw-targets --encoder-mask-tokens     84.2 / 59.6
    --raw-targets --decoder-blocks 1        84.8 / 65.5
    --raw-targets --sampling block          82.8 / 63.9
    --raw-targets --sampling grid           84.0 / 66.0
(from secondary sources, not checked against the paper; its curve of ratios and that of schedules
are figures, without numbers in our sources). None of it was run by us: there was no GPU.
"""

import dataclasses
import pathlib
from collections.abc import Sequence

import matplotlib

matplotlib.use("Agg")
import keras
import simple_parsing
from mae_data import ARRAYS, DataSettings, load, make_encoder

import keras_haframe as kh
from keras_haframe.layers.masking import SAMPLINGS
from keras_haframe.results import run_folder
from keras_haframe.training import GroupedAdamW, Reconstructions, flag, parse, place, pretrain
from keras_haframe.training.distribution import all_devices, is_first

BASELINE = "mae"


@dataclasses.dataclass
class Settings(DataSettings):
    """Settings of the run."""

    mask_ratio: float = 0.75  # part of the patches that is hidden
    sampling: str = simple_parsing.choice(*SAMPLINGS, default="random")  # how they are drawn
    raw_targets: bool = flag()  # predict pixels as they are, not normalized by patch
    encoder_mask_tokens: bool = flag()  # mask tokens in the encoder, too
    decoder_blocks: int | None = None  # blocks of the decoder; by default the size's
    epochs: int = 800  # epochs
    batch_size: int = 256  # training batch, over all devices
    learning_rate: float = 1.5e-4  # learning rate for a batch of 256
    output: str = place("runs/mae")  # folder where runs are kept


def optimizer(settings: Settings, steps: int) -> GroupedAdamW:
    """AdamW, warm-up and half-cosine by the step."""
    warmup = max(1, round(0.05 * settings.epochs * steps))
    rate = settings.learning_rate * settings.batch_size / 256
    schedule = keras.optimizers.schedules.CosineDecay(
        0.0, settings.epochs * steps - warmup, warmup_target=rate, warmup_steps=warmup
    )
    return GroupedAdamW(schedule, weight_decay=0.05, beta_2=0.95)


def main(argv: Sequence[str] | None = None) -> None:
    """Pre-train with every seed."""
    settings = parse(Settings, __doc__, argv)
    if settings.smoke:
        settings = dataclasses.replace(settings, size="mini", epochs=2, batch_size=16)
    settings.start()
    data = load(settings)
    width, depth, heads = settings.network.decoder
    if settings.decoder_blocks is not None:
        depth = settings.decoder_blocks
    mean, std = settings.preprocessing.mean, settings.preprocessing.std

    def make_model() -> keras.Model:
        mae = kh.models.MAE(
            make_encoder(settings), settings.mask_ratio, sampling=settings.sampling,
            decoder_width=width, decoder_depth=depth, decoder_heads=heads,
            normalize_targets=not settings.raw_targets,
            encoder_mask_tokens=settings.encoder_mask_tokens,
        )  # fmt: skip
        mae.compile(optimizer(settings, data["steps"]))
        return mae

    def picture(folder: pathlib.Path) -> list:
        images = data["test"][0]
        if settings.dataset not in ARRAYS:
            images = next(iter(images))[0].numpy()
        return [Reconstructions(images[:6], folder / "reconstructions.png", mean, std)]

    for seed in range(settings.seed, settings.seed + settings.seeds):
        folder = run_folder(settings.output, BASELINE, seed)
        with all_devices(settings.batch_size, model_shards=settings.model_shards):
            result = pretrain(
                make_model, data["make_train"](seed), settings.epochs, folder, name=BASELINE,
                seed=seed, settings=settings.defining(), max_minutes=settings.max_minutes,
                save_every=settings.save_every,
                callbacks=lambda at=folder: picture(at),
                steps=None if settings.dataset in ARRAYS else data["steps"],
            )  # fmt: skip
        if result is None:
            return
        if is_first():
            print(f"seed {seed}: loss {result['loss']:.4f}, model in {folder / 'model.keras'}")


if __name__ == "__main__":
    main()
