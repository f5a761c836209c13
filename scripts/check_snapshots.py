#!/usr/bin/env python3
"""Compare retort's networks with timm's and torchvision's.

    scripts/check_snapshots.py [RETORT] [--only REGEX] [--distil]

Needs torch, torchvision, timm, transformers (5) and Pillow, and `snapshot_outputs` beside RETORT
(build the target of that name). Every model of a supported family is made at its smallest with
random weights, saved as its library saves it, and run by both libraries. A line for each says
`right` (the same logits), `refused` (an error, which must name it) or `wrong` (other logits, which
must not happen). `--only` takes the names that match.

--distil: runs `retort distill` instead, with no option but --teacher, on a snapshot of each family
that timm and transformers wrote. It checks that every description is read and every network built.
"""

import argparse
import collections
import os
import pathlib
import re
import subprocess
import sys
import tempfile

os.environ["HF_HUB_OFFLINE"] = "1"
import timm
import torch
import torchvision
import transformers
from PIL import Image
from safetensors.torch import save_file

TOWER = {
    "hidden_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 96,
    "image_size": 32,
    "patch_size": 8,
}
DINO = {
    "hidden_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "mlp_ratio": 2,
    "image_size": 56,
    "patch_size": 14,
}
TEXT = {
    "hidden_size": 32,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 32,
    "vocab_size": 100,
}
TEXT |= {"bos_token_id": 1, "eos_token_id": 2}


def transformers_models():
    t = transformers
    bit = t.BitImageProcessor
    yield "vit", t.ViTModel(t.ViTConfig(**TOWER)), t.ViTImageProcessor(size=32)
    yield (
        "dinov2",
        t.Dinov2Model(t.Dinov2Config(**DINO)),
        bit(size={"shortest_edge": 64}, crop_size=56),
    )
    registers = t.Dinov2WithRegistersConfig(**DINO)
    yield (
        "dinov2_with_registers",
        t.Dinov2WithRegistersForImageClassification(registers),
        bit(size={"shortest_edge": 64}, crop_size=56),
    )
    dinov3 = t.DINOv3ViTConfig(**TOWER, num_register_tokens=4)
    yield (
        "dinov3_vit",
        t.DINOv3ViTModel(dinov3),
        t.DINOv3ViTImageProcessor(size={"height": 32, "width": 32}),
    )
    clip = t.CLIPConfig(vision_config=TOWER, text_config=TEXT)
    yield "clip", t.CLIPModel(clip), t.CLIPImageProcessor(size={"shortest_edge": 32}, crop_size=32)
    yield (
        "clip_vision_model",
        t.CLIPVisionModel(t.CLIPVisionConfig(**TOWER)),
        t.CLIPImageProcessor(size={"shortest_edge": 32}, crop_size=32),
    )
    siglip = t.SiglipConfig(vision_config=TOWER, text_config=TEXT)
    yield "siglip", t.SiglipModel(siglip), t.SiglipImageProcessor(size={"height": 32, "width": 32})
    resnet = t.ResNetConfig(
        embedding_size=16, hidden_sizes=[16, 32, 48, 64], depths=[1, 1, 1, 1], layer_type="basic"
    )
    yield (
        "resnet",
        t.ResNetForImageClassification(resnet),
        t.ConvNextImageProcessor(size={"shortest_edge": 64}),
    )
    convnext = t.ConvNextV2Config(hidden_sizes=[16, 24, 32, 40], depths=[1, 1, 2, 1])
    yield (
        "convnextv2",
        t.ConvNextV2ForImageClassification(convnext),
        t.ConvNextImageProcessor(size={"shortest_edge": 64}),
    )
    regnet = t.RegNetConfig(
        embedding_size=16,
        hidden_sizes=[16, 32, 48, 64],
        depths=[1, 1, 1, 1],
        groups_width=8,
        layer_type="y",
    )
    yield (
        "regnet",
        t.RegNetForImageClassification(regnet),
        t.ConvNextImageProcessor(size={"shortest_edge": 64}),
    )
    swin = t.SwinConfig(
        image_size=64, patch_size=4, embed_dim=16, depths=[2, 2], num_heads=[2, 4], window_size=4
    )
    yield "swin", t.SwinForImageClassification(swin), t.ViTImageProcessor(size=64)


VIT = {"img_size": 32, "patch_size": 8, "embed_dim": 64, "depth": 2, "num_heads": 1}
TIMM = {
    "vit_small_patch16_224": VIT,
    "vit_small_patch14_dinov2": {**VIT, "img_size": 56, "patch_size": 14},
    "vit_small_patch14_reg4_dinov2": {**VIT, "img_size": 56, "patch_size": 14},
    "vit_small_patch16_dinov3": VIT,
    "vit_base_patch16_clip_quickgelu_224": VIT,
    "vit_base_patch16_siglip_224": VIT,
    "resnet18": {},
    "convnext_atto": {},
    "efficientnet_b0": {},
    "tf_efficientnetv2_b0": {},
    "tf_efficientnet_lite0": {},
    "regnety_002": {},
    "swin_tiny_patch4_window7_224": {
        "embed_dim": 24,
        "depths": (1, 1, 1, 1),
        "num_heads": (1, 2, 4, 8),
    },
    "mobilenetv4_conv_small": {},
}


def snapshots(folder):
    torch.manual_seed(0)
    for name, model, processor in transformers_models():
        target = folder / ("transformers_" + name)
        model.save_pretrained(target)
        processor.save_pretrained(target)
        yield target
    for name, arguments in TIMM.items():
        target = folder / ("timm_" + name)
        model = timm.create_model(name, **arguments)
        size = arguments.get("img_size", 64)
        model.pretrained_cfg["input_size"] = (3, size, size)
        timm.models.save_for_hf(model, target, model_args=arguments, safe_serialization=True)
        yield target


def write_images(folder):
    generator = torch.Generator().manual_seed(0)
    for shade, name in [(40, "dark"), (200, "bright")]:
        for i in range(12):
            (folder / name).mkdir(parents=True, exist_ok=True)
            pixels = (
                torch.randint(0, 50, (64, 64, 3), generator=generator, dtype=torch.uint8) + shade
            )
            Image.fromarray(pixels.numpy()).save(folder / name / f"{i}.png")


# The arguments that make each of timm's modules small. Models with more than TOO_LARGE parameters
# are left out.
SMALL = {
    "vision_transformer": {"embed_dim": 64, "depth": 2, "num_heads": 2},
    "deit": {"embed_dim": 64, "depth": 2, "num_heads": 2},
    "eva": {"embed_dim": 64, "depth": 2, "num_heads": 2},
    "resnet": {"layers": (1, 1, 1, 1), "channels": (16, 24, 32, 40)},
    "convnext": {"depths": (1, 1, 1, 1), "dims": (8, 16, 24, 32)},
    "swin_transformer": {"embed_dim": 24, "depths": (1, 1, 1, 1), "num_heads": (1, 2, 4, 8)},
    "regnet": {},
    "efficientnet": {},
    "mobilenetv3": {},
}
TORCHVISION = (
    r"(resnet|resnext|wide_resnet|mobilenet|shufflenet|efficientnet|convnext|regnet|swin|vit)_?.*"
)
TOO_LARGE = 90e6
AT_ONCE = 12


def randomise(model):
    """Makes every tensor count: values that start at zero, or at a factor of 1e-5, would hide how
    they are used."""
    parameters = dict(model.named_parameters())
    for name, tensor in model.state_dict().items():
        if not tensor.is_floating_point():
            continue
        if name.endswith("running_var"):
            tensor.uniform_(0.5, 1.5)
        elif name.endswith(("running_mean", "bias")):
            tensor.normal_(0, 0.3)
        elif tensor.ndim <= 1:
            tensor.uniform_(0.5, 1.5)
        elif name.endswith("weight"):
            tensor.normal_(0, 1 / tensor[0].numel() ** 0.5)
        elif name in parameters:
            tensor.normal_(0, 0.5)


def timm_models(module, only):
    for name in timm.list_models(module=module):
        if only.fullmatch(name):
            yield "timm " + name, lambda name=name: timm_model(name, dict(SMALL[module]))


def timm_model(name, arguments):
    config = timm.get_pretrained_cfg(name)
    size = config.input_size[-1] if config and config.fixed_input_size else 96
    if "depth" in arguments:
        size = 4 * int(
            (re.search(r"patch(\d+)", name) or re.search(r"()(16)", "16")).group(1) or 16
        )
        arguments["img_size"] = size
    if re.search(r"giant.*(dinov2|tips)", name):
        arguments["mlp_ratio"] = 4  # half of it must be an even number
    with torch.device("meta"):
        if (
            sum(p.numel() for p in timm.create_model(name, num_classes=7, **arguments).parameters())
            > TOO_LARGE
        ):
            return None
    model = timm.create_model(name, num_classes=7, **arguments)
    model.pretrained_cfg["input_size"] = (3, size, size)

    def save(folder):
        timm.models.save_for_hf(model, folder, model_args=arguments, safe_serialization=True)

    return model, size, save


def torchvision_models(only):
    for name in torchvision.models.list_models(module=torchvision.models):
        if re.fullmatch(TORCHVISION, name) and only.fullmatch(name):
            yield "torchvision " + name, lambda name=name: torchvision_model(name)


def torchvision_model(name):
    with torch.device("meta"):
        if sum(p.numel() for p in torchvision.models.get_model(name).parameters()) > TOO_LARGE:
            return None
    model = torchvision.models.get_model(name, num_classes=7)

    def save(folder):
        folder.mkdir()
        torch.save(model.state_dict(), folder / "weights.pth")

    return model, 224 if name.startswith("vit") else 96, save


def written(folder, name, make):
    made = make()
    if made is None:
        print("left out (too large):", name, flush=True)
        return False
    model, size, save = made
    with torch.no_grad():
        randomise(model)
        images = torch.randn(2, 3, size, size)
        logits = model.eval()(images)
    save(folder)
    save_file({"images": images}, folder / "images.safetensors")
    save_file({"logits": logits.contiguous()}, folder / "expected.safetensors")
    return True


def hold_against_libraries(retort, only):
    program = pathlib.Path(retort).parent / "snapshot_outputs"
    if not program.exists():
        sys.exit(f"{program} is not there: build the target snapshot_outputs")
    torch.manual_seed(0)
    models = [each for module in SMALL for each in timm_models(module, only)] + [
        *torchvision_models(only)
    ]
    counts = collections.Counter()
    while models:
        batch, models = models[:AT_ONCE], models[AT_ONCE:]
        with tempfile.TemporaryDirectory() as name:
            folders = []
            for model, make in batch:
                folder = pathlib.Path(name) / model.replace(" ", "_")
                try:
                    if written(folder, model, make):
                        folders.append(folder)
                except Exception as error:  # not of images, or not so small
                    print("left out:", model, str(error)[:100].replace("\n", " "), flush=True)
            done = subprocess.run([program, *folders], capture_output=True, text=True, check=True)
            for line in done.stdout.splitlines():
                counts[line.split()[0]] += 1
                print(line.replace(name + "/", "")[:200], flush=True)
    print(", ".join(f"{counts[word]} {word}" for word in ("right", "refused", "wrong")))
    sys.exit(counts["wrong"] > 0)


def distil(retort):
    failed = 0
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        write_images(folder / "images")
        for snapshot in snapshots(folder):
            command = [
                retort,
                "distill",
                "--data",
                folder / "images",
                "--teacher",
                snapshot,
                "--out",
                folder / "run" / snapshot.name,
            ]
            short = [
                "--student",
                "mobilenet_v3_small",
                "--image-size",
                "32",
                "--epochs",
                "1",
                "--cache",
                folder / "cache",
            ]
            done = subprocess.run(command + short, capture_output=True, text=True)
            teacher = next(
                (
                    line
                    for line in done.stdout.splitlines() + done.stderr.splitlines()
                    if line.startswith("teacher: ")
                ),
                "",
            )
            print(
                f"{'ok' if done.returncode == 0 else 'FAILED':7}{snapshot.name:50}{teacher}",
                flush=True,
            )
            if done.returncode != 0:
                failed += 1
                print(done.stderr[-500:])
    sys.exit(failed > 0)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("retort", nargs="?", default="build/release/retort")
    parser.add_argument("--only", type=re.compile, default=re.compile(".*"))
    parser.add_argument("--distil", action="store_true")
    arguments = parser.parse_args()
    if arguments.distil:
        distil(arguments.retort)
    hold_against_libraries(arguments.retort, arguments.only)


if __name__ == "__main__":
    main()
