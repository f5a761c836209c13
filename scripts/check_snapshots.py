#!/usr/bin/env python3
"""Distil from a snapshot of each family, written by timm and transformers themselves: scripts/check_snapshots.py [RETORT]

Needs torch, timm, transformers (5) and Pillow. Each model is small, with random weights; `retort distill` gets no flag but --teacher. What
is checked is that every description is read and every network built: the numbers are in tests/models.
"""
import os
import pathlib
import subprocess
import sys
import tempfile

os.environ["HF_HUB_OFFLINE"] = "1"
import timm
import torch
import transformers
from PIL import Image

TOWER = {"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 96, "image_size": 32, "patch_size": 8}
DINO = {"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2, "mlp_ratio": 2, "image_size": 56, "patch_size": 14}
TEXT = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32, "vocab_size": 100}
TEXT |= {"bos_token_id": 1, "eos_token_id": 2}


def transformers_models():
    t = transformers
    bit = t.BitImageProcessor
    yield "vit", t.ViTModel(t.ViTConfig(**TOWER)), t.ViTImageProcessor(size=32)
    yield "dinov2", t.Dinov2Model(t.Dinov2Config(**DINO)), bit(size={"shortest_edge": 64}, crop_size=56)
    registers = t.Dinov2WithRegistersConfig(**DINO)
    yield "dinov2_with_registers", t.Dinov2WithRegistersForImageClassification(registers), bit(size={"shortest_edge": 64}, crop_size=56)
    dinov3 = t.DINOv3ViTConfig(**TOWER, num_register_tokens=4)
    yield "dinov3_vit", t.DINOv3ViTModel(dinov3), t.DINOv3ViTImageProcessor(size={"height": 32, "width": 32})
    clip = t.CLIPConfig(vision_config=TOWER, text_config=TEXT)
    yield "clip", t.CLIPModel(clip), t.CLIPImageProcessor(size={"shortest_edge": 32}, crop_size=32)
    yield "clip_vision_model", t.CLIPVisionModel(t.CLIPVisionConfig(**TOWER)), t.CLIPImageProcessor(size={"shortest_edge": 32}, crop_size=32)
    siglip = t.SiglipConfig(vision_config=TOWER, text_config=TEXT)
    yield "siglip", t.SiglipModel(siglip), t.SiglipImageProcessor(size={"height": 32, "width": 32})
    resnet = t.ResNetConfig(embedding_size=16, hidden_sizes=[16, 32, 48, 64], depths=[1, 1, 1, 1], layer_type="basic")
    yield "resnet", t.ResNetForImageClassification(resnet), t.ConvNextImageProcessor(size={"shortest_edge": 64})
    convnext = t.ConvNextV2Config(hidden_sizes=[16, 24, 32, 40], depths=[1, 1, 2, 1])
    yield "convnextv2", t.ConvNextV2ForImageClassification(convnext), t.ConvNextImageProcessor(size={"shortest_edge": 64})
    regnet = t.RegNetConfig(embedding_size=16, hidden_sizes=[16, 32, 48, 64], depths=[1, 1, 1, 1], groups_width=8, layer_type="y")
    yield "regnet", t.RegNetForImageClassification(regnet), t.ConvNextImageProcessor(size={"shortest_edge": 64})
    swin = t.SwinConfig(image_size=64, patch_size=4, embed_dim=16, depths=[2, 2], num_heads=[2, 4], window_size=4)
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
    "swin_tiny_patch4_window7_224": {"embed_dim": 24, "depths": (1, 1, 1, 1), "num_heads": (1, 2, 4, 8)},
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
            pixels = torch.randint(0, 50, (64, 64, 3), generator=generator, dtype=torch.uint8) + shade
            Image.fromarray(pixels.numpy()).save(folder / name / f"{i}.png")


def main():
    retort = sys.argv[1] if len(sys.argv) > 1 else "build/release/retort"
    failed = 0
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        write_images(folder / "images")
        for snapshot in snapshots(folder):
            command = [retort, "distill", "--data", folder / "images", "--teacher", snapshot, "--out", folder / "run" / snapshot.name]
            short = ["--student", "mobilenet_v3_small", "--image-size", "32", "--epochs", "1", "--cache", folder / "cache"]
            done = subprocess.run(command + short, capture_output=True, text=True)
            teacher = next((line for line in done.stdout.splitlines() + done.stderr.splitlines() if line.startswith("teacher: ")), "")
            print(f"{'ok' if done.returncode == 0 else 'FAILED':7}{snapshot.name:50}{teacher}", flush=True)
            if done.returncode != 0:
                failed += 1
                print(done.stderr[-500:])
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
