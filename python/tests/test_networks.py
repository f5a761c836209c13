"""A teacher's features equal those of its own library for the same images, to 1e-5."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import QUICK, Small
from retort._network import Adapter
from torch import nn

import retort


def check(network: retort.Network, expected: Any) -> Adapter:
    adapter = Adapter(network)
    network.module.eval()
    images = torch.randn(3, 3, network.input["size"], network.input["size"])
    with torch.no_grad():
        found, wanted = adapter.features(images), expected(images)
    assert found.shape == wanted.shape
    assert (found - wanted).abs().max() <= 1e-5
    return adapter


def test_an_own_module(small: Small) -> None:
    adapter = check(retort.Network(small, size=32), small.body)
    assert adapter.classifier == "fc" and adapter.classes == 5
    check(
        retort.Network(small, features="body.0", size=32), lambda x: small.body[0](x).mean((2, 3))
    )
    check(
        retort.Network(small, features=lambda own, x: own.body[:5](x).amax((2, 3)), size=32),
        lambda x: small.body[:5](x).amax((2, 3)),
    )
    check(retort.Network(small.body, size=32), small.body)


def test_keys_tell_weights_and_code_apart() -> None:
    torch.manual_seed(0)
    first = Small()
    torch.manual_seed(0)
    same = Small()
    torch.manual_seed(1)
    other = Small()

    def key(module: nn.Module, **more: Any) -> str:
        return Adapter(retort.Network(module, **{"size": 32, **more})).key

    assert key(first) == key(same)
    different = [key(first), key(other), key(first, size=48), key(first, features="body.4")]
    assert len(set(different)) == 4


@pytest.mark.parametrize("name", ["test_vit", "test_resnet", "test_efficientnet", "test_convnext"])
def test_timm(name: str) -> None:
    timm = pytest.importorskip("timm")
    module = timm.create_model(name, num_classes=0)
    adapter = check(retort.Network(module), module)
    assert adapter.classes == 1 and adapter.network.input["size"] == 160
    with_head = timm.create_model(name, num_classes=6)
    adapter = check(
        retort.Network(with_head),
        lambda x: with_head.forward_head(with_head.forward_features(x), pre_logits=True),
    )
    assert adapter.classes == 6
    images = torch.randn(2, 3, 160, 160)
    assert torch.allclose(adapter.logits(images), with_head(images), atol=1e-5)


@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v2", "swin_t", "vit_b_32"])
def test_torchvision(name: str) -> None:
    models = pytest.importorskip("torchvision.models")
    module = models.get_model(name, num_classes=4)
    module.eval()
    adapter = Adapter(retort.Network(module))
    assert adapter.classes == 4
    images = torch.randn(2, 3, 224, 224)
    with torch.no_grad():
        assert torch.allclose(adapter.logits(images), module(images), atol=1e-5)
    transforms = models.ResNet50_Weights.IMAGENET1K_V2.transforms()
    network = retort.Network(module, transforms=transforms)
    assert network.input["crop_ratio"] == pytest.approx(224 / 232)


def vit(transformers: Any) -> Any:
    return transformers.ViTConfig(
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        image_size=32,
        patch_size=8,
    )


def test_transformers() -> None:
    transformers = pytest.importorskip("transformers")
    module = transformers.ViTModel(vit(transformers))
    check(retort.Network(module), lambda x: module(pixel_values=x).pooler_output)
    plain = transformers.ViTModel(vit(transformers), add_pooling_layer=False)
    check(retort.Network(plain), lambda x: plain(pixel_values=x).last_hidden_state[:, 0])
    config = vit(transformers)
    config.id2label = {0: "circle", 1: "square", 2: "cross"}
    classifier = transformers.ViTForImageClassification(config)
    adapter = check(
        retort.Network(classifier),
        lambda x: classifier.vit(pixel_values=x).last_hidden_state[:, 0],
    )
    assert adapter.class_names == ["circle", "square", "cross"]
    dino = transformers.Dinov2Model(
        transformers.Dinov2Config(
            hidden_size=32, num_hidden_layers=2, num_attention_heads=2, image_size=28, patch_size=14
        )
    )
    check(retort.Network(dino), lambda x: dino(pixel_values=x).pooler_output)


def test_an_image_processor_is_read() -> None:
    transformers = pytest.importorskip("transformers")
    processor = transformers.ViTImageProcessor(size={"height": 48, "width": 48})
    network = retort.Network(transformers.ViTModel(vit(transformers)), processor=processor)
    assert network.input["size"] == 48 and network.input["mean"] == (0.5, 0.5, 0.5)
    assert network.input["crop_ratio"] == 1.0


def test_open_clip() -> None:
    open_clip = pytest.importorskip("open_clip")
    module = open_clip.CLIP(
        embed_dim=24,
        vision_cfg={"layers": 2, "width": 32, "head_width": 16, "patch_size": 8, "image_size": 32},
        text_cfg={"layers": 1, "width": 16, "heads": 2, "vocab_size": 64, "context_length": 8},
    )
    seen = {"size": (32, 32), "mean": (0.4, 0.5, 0.6), "std": (0.2, 0.3, 0.4)}
    open_clip.model.set_model_preprocess_cfg(module, {**seen, "interpolation": "bicubic"})
    for network in (retort.Network(module), retort.Network(module.visual)):
        check(network, module.encode_image)
        assert network.input["mean"] == seen["mean"] and network.input["std"] == seen["std"]
        assert network.input["interpolation"] == "bicubic"
        assert network.input["crop_ratio"] == 1.0
    with_tokens = open_clip.CLIP(
        embed_dim=24,
        vision_cfg={
            "layers": 1,
            "width": 32,
            "head_width": 16,
            "patch_size": 8,
            "image_size": 32,
            "output_tokens": True,
        },
        text_cfg={"layers": 1, "width": 16, "heads": 2, "vocab_size": 64, "context_length": 8},
    ).visual
    check(retort.Network(with_tokens, size=32), lambda x: with_tokens(x)[0])


@pytest.mark.parametrize("library", ["timm", "transformers"])
def test_distilled_with_six_lines(library: str, photos: Path, tmp_path: Path) -> None:
    found = pytest.importorskip(library)
    torch.manual_seed(0)
    if library == "timm":
        teacher = found.create_model("test_vit", num_classes=0)
    else:
        teacher = found.ViTModel(vit(found))
    run = retort.distill(
        photos, teacher=teacher, student="mobilenet_v2", out=tmp_path / "run", **QUICK
    )
    assert run.test_accuracy is not None
    torchvision = pytest.importorskip("torchvision")
    fresh = torchvision.models.mobilenet_v2(num_classes=3)
    fresh.load_state_dict(run.student.state_dict(), strict=True)


def test_a_kept_head_of_named_classes(photos: Path, tmp_path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    config = vit(transformers)
    config.id2label = {0: "square", 1: "circle", 2: "cross"}
    teacher = transformers.ViTForImageClassification(config)
    fitted = retort.fit_teacher(
        photos, teacher=teacher, teacher_head="keep", threads=1, epochs=1, progress=False
    )
    order = [1, 2, 0]  # circle, cross, square
    assert torch.allclose(fitted.weight, teacher.classifier.weight[order])


@pytest.mark.parametrize("arch", ["convnext_atto", "efficientnet_lite0", "deit_tiny"])
def test_students_with_timms_names(arch: str, photos: Path, tmp_path: Path) -> None:
    pytest.importorskip("timm")
    run = retort.distill(
        photos, teacher="none", student=arch, out=tmp_path / "run", **{**QUICK, "epochs": 1}
    )
    assert type(run.student).__module__.startswith("timm.")


def test_an_attention_network_as_student_is_exported(photos: Path, tmp_path: Path) -> None:
    """Its Python code asks for sizes, which the exporter takes as numbers."""
    timm = pytest.importorskip("timm")
    student = timm.create_model("test_vit", num_classes=3, img_size=64)
    run = retort.distill(
        photos,
        teacher="none",
        student=retort.Network(student, size=64),
        out=tmp_path / "run",
        epochs=1,
        threads=1,
        progress=False,
    )
    assert run.onnx.exists() and run.summary["student"]["multiply_adds"] > 0


def test_a_timm_module_as_student(photos: Path, tmp_path: Path) -> None:
    timm = pytest.importorskip("timm")
    student = timm.create_model("test_efficientnet", num_classes=9)
    run = retort.distill(
        photos, teacher="none", student=student, out=tmp_path / "run", **{**QUICK, "image_size": 64}
    )
    fresh = timm.create_model("test_efficientnet", num_classes=3)
    fresh.load_state_dict(run.student.state_dict(), strict=True)
