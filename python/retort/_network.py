"""Any torch.nn.Module as a teacher or a student: its features and its input."""

from __future__ import annotations

import contextlib
import copy
import hashlib
import inspect
import json
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from retort._errors import Error, usage
from retort._library import library

Features = Callable[[nn.Module, torch.Tensor], torch.Tensor]

_IMAGENET_MEAN = (0.485, 0.456, 0.406)
_IMAGENET_STD = (0.229, 0.224, 0.225)
_OWN_HEAD = "retort_head"


class Network:
    """A module, and what retort cannot read from the module itself.

    features: a function of the module and a batch of images that returns [N, D], or the name of a
        layer whose output is taken; by default the input of its classifier, or the features of its
        library.
    processor: the image processor of a transformers model.
    transforms: of a torchvision model, those of its weights: ResNet50_Weights.DEFAULT.transforms().
    size, mean, std, interpolation, crop_ratio: of its input; they override all others.
    classes: the class names of its own classifier, for teacher_head="keep".
    """

    def __init__(
        self,
        module: nn.Module,
        features: Features | str | None = None,
        *,
        processor: Any = None,
        transforms: Any = None,
        size: int | None = None,
        mean: Sequence[float] | None = None,
        std: Sequence[float] | None = None,
        interpolation: str | None = None,
        crop_ratio: float | None = None,
        classes: Sequence[str] | None = None,
        name: str | None = None,
    ) -> None:
        if not isinstance(module, nn.Module):
            raise usage(f"{type(module).__name__} is no torch.nn.Module", "Network")
        self.module = module
        self.features = features
        self.classes = list(classes) if classes is not None else _class_names(module)
        self.name = re.sub(r"[^A-Za-z0-9_]+", "_", name or _name_of(module)).strip("_") or "module"
        given = {
            "size": size,
            "mean": mean,
            "std": std,
            "interpolation": interpolation,
            "crop_ratio": crop_ratio,
        }
        self.input = {
            **_input_of(module, processor, transforms),
            **{key: value for key, value in given.items() if value is not None},
        }


def _library_of(module: nn.Module) -> str:
    for base in type(module).__mro__:
        top = base.__module__.partition(".")[0]
        if top in ("timm", "transformers", "torchvision", "open_clip"):
            return top
    return ""


def _name_of(module: nn.Module) -> str:
    named = (getattr(module, "pretrained_cfg", None) or {}).get("architecture")
    return str(named or type(module).__name__)


def _class_names(module: nn.Module) -> list[str] | None:
    names = getattr(getattr(module, "config", None), "id2label", None)
    if not names or all(re.fullmatch(r"LABEL_\d+", str(name)) for name in names.values()):
        return None
    return [str(names[index]) for index in sorted(names)]


# ---- The input of a module ----


def _input_of(module: nn.Module, processor: Any, transforms: Any) -> dict[str, Any]:
    seen: dict[str, Any] = {
        "size": 224,
        "mean": _IMAGENET_MEAN,
        "std": _IMAGENET_STD,
        "interpolation": "bilinear",
        "crop_ratio": 0.875,
    }
    if transforms is not None:
        return {**seen, **_of_transforms(transforms)}
    found = _library_of(module)
    if found == "timm":
        return {**seen, **_of_timm(module)}
    if found == "transformers":
        return {**seen, **_of_transformers(module, processor)}
    if found == "open_clip":
        return {**seen, **_of_open_clip(module)}
    return seen


def _of_timm(module: nn.Module) -> dict[str, Any]:
    from timm.data import resolve_model_data_config

    config = resolve_model_data_config(module)
    return {
        "size": config["input_size"][-1],
        "mean": tuple(config["mean"]),
        "std": tuple(config["std"]),
        "interpolation": "bilinear" if config["interpolation"] == "bilinear" else "bicubic",
        "crop_ratio": config["crop_pct"],
    }


def _of_open_clip(module: nn.Module) -> dict[str, Any]:
    """For a whole model or its image tower alone; the shorter side becomes the size."""
    seen = dict(getattr(getattr(module, "visual", module), "preprocess_cfg", None) or {})
    found = {key: tuple(seen[key]) for key in ("mean", "std") if key in seen}
    size = seen.get("size", 224)
    return {
        **found,
        "size": size if isinstance(size, int) else size[-1],
        "interpolation": "bilinear" if seen.get("interpolation") == "bilinear" else "bicubic",
        "crop_ratio": 1.0,
    }


def _of_transforms(transforms: Any) -> dict[str, Any]:
    size = transforms.crop_size[-1]
    return {
        "size": size,
        "mean": tuple(transforms.mean),
        "std": tuple(transforms.std),
        "interpolation": transforms.interpolation.value,
        "crop_ratio": size / transforms.resize_size[0],
    }


def _of_transformers(module: nn.Module, processor: Any) -> dict[str, Any]:
    config: Any = module.config
    vision = getattr(config, "vision_config", config)
    seen: dict[str, Any] = {}
    size = getattr(vision, "image_size", None)
    if size:
        seen["size"] = size if isinstance(size, int) else size[-1]
    if processor is None:
        processor = _own_processor(config)
    if processor is None:
        return seen
    processor = getattr(processor, "image_processor", processor)
    crop = getattr(processor, "crop_size", None)
    resize = processor.size
    side = _side(resize)
    seen["size"] = _side(crop) if getattr(processor, "do_center_crop", False) and crop else side
    seen["crop_ratio"] = min(1.0, seen["size"] / side)
    if processor.image_mean is not None:
        seen["mean"], seen["std"] = tuple(processor.image_mean), tuple(processor.image_std)
    resample = getattr(processor, "resample", 3)
    seen["interpolation"] = "bilinear" if int(resample) == 2 else "bicubic"
    return seen


def _side(size: Any) -> int:
    if isinstance(size, int):
        return size
    for key in ("shortest_edge", "height"):
        value = size.get(key) if hasattr(size, "get") else getattr(size, key, None)
        if value:
            return int(value)
    raise usage(f"has a size that is not known: {size}", "processor", "say size= yourself")


def _own_processor(config: Any) -> Any:
    """The processor of a model from a folder or the hub's cache; nothing is downloaded."""
    path = getattr(config, "_name_or_path", "")
    if not path:
        return None
    from transformers import AutoImageProcessor

    try:
        return AutoImageProcessor.from_pretrained(path, local_files_only=True)
    except (OSError, ValueError, ImportError):
        return None


# ---- The features of a module ----


def _pooled(features: Any) -> torch.Tensor:
    """Averages maps [N, D, h, w] and tokens [N, T, D] to rows [N, D]."""
    if not isinstance(features, torch.Tensor):
        raise usage(f"gives features that are no tensor, but {type(features).__name__}", "features")
    if features.dim() == 4:
        features = features.mean((2, 3))
    elif features.dim() == 3:
        features = features.mean(1)
    if features.dim() != 2:
        raise usage(f"gives features of shape {list(features.shape)}, not [N, D]", "features")
    return features


def _taken_at(module: nn.Module, layer: str, images: torch.Tensor, inputs: bool) -> Any:
    """The input or the output of a layer while the module runs on these images."""
    taken: list[Any] = []
    at = module.get_submodule(layer)
    if inputs:
        handle = at.register_forward_pre_hook(lambda _, arguments: taken.append(arguments[0]))
    else:
        handle = at.register_forward_hook(lambda *arguments: taken.append(arguments[2]))
    try:
        module(images)
    finally:
        handle.remove()
    if not taken:
        raise usage("is never reached by the module's forward", f"layer {layer!r}")
    return taken[-1]


def _of_hub(module: Any, images: torch.Tensor) -> torch.Tensor:
    """The features of a transformers model without a classifier: pooled output or first token."""
    if hasattr(module, "get_image_features"):
        output = module.get_image_features(pixel_values=images)
        if isinstance(output, torch.Tensor):
            embedding: torch.Tensor = output
            return embedding
    else:
        output = module(pixel_values=images)
    pooled = getattr(output, "pooler_output", None)
    if isinstance(pooled, torch.Tensor):
        return pooled.flatten(1)
    hidden: torch.Tensor = output.last_hidden_state
    return hidden[:, 0] if hidden.dim() == 3 else _pooled(hidden)


def _of_open_clip_tower(module: Any, images: torch.Tensor) -> Any:
    """The joint embedding of a whole model, or the output of an image tower."""
    whole = hasattr(module, "encode_image")
    output = module.encode_image(images) if whole else module(images)
    return output[0] if isinstance(output, tuple) else output


def _of_timm_head(module: Any, images: torch.Tensor) -> torch.Tensor:
    features: torch.Tensor = module.forward_head(module.forward_features(images), pre_logits=True)
    return features


def _path_of(module: nn.Module, wanted: nn.Module) -> str:
    return next((name for name, each in module.named_modules() if each is wanted), "")


def _last_linear(module: nn.Module) -> str:
    linear = [name for name, each in module.named_modules() if isinstance(each, nn.Linear)]
    return linear[-1] if linear else ""


def _logits_of(output: Any) -> Any:
    return output if isinstance(output, torch.Tensor) else getattr(output, "logits", None)


def state_of(module: nn.Module) -> list[tuple[str, torch.Tensor, bool]]:
    """The module's state, and for each tensor whether it is a parameter; tied tensors come once."""
    seen: set[int] = set()
    state = []
    for name, tensor in module.state_dict(keep_vars=True).items():
        if isinstance(tensor, torch.Tensor) and id(tensor) not in seen:
            seen.add(id(tensor))
            state.append((name, tensor, isinstance(tensor, nn.Parameter)))
    return state


class Adapter:
    """The interface of a module to the extension (python/extension/network.h)."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.module = network.module
        self.class_names = network.classes
        self.is_student = False
        self.classifier = ""  # the name of its own linear classifier
        self._features: Features
        with borrowed(self.module), torch.no_grad():
            self._choose()
            rows = self.features(self.sample())
        if rows.shape[0] != 2 or rows.shape[1] < 1:
            raise usage(
                f"gives features of shape {list(rows.shape)} for 2 images", self.network.name
            )
        self.feature_dim = int(rows.shape[1])
        self.head_name = self.classifier or _OWN_HEAD
        own = self._head()
        self.classes = own.out_features if own is not None and self.classifier else 1
        if self.class_names is not None and len(self.class_names) != self.classes:
            self.class_names = None
        self.name = f"object:{self.network.name}"
        self.key = library.key_of(
            self.described(), [(name, tensor) for name, tensor, _ in self.tensors()]
        )

    def sample(self) -> torch.Tensor:
        size = self.network.input["size"]
        device = next((each.device for each in self.module.parameters()), torch.device("cpu"))
        kind = next((each.dtype for each in self.module.parameters()), torch.float32)
        if kind != torch.float32:
            raise usage(
                f"has weights in {kind}",
                self.network.name,
                "module.float(): precision= chooses bf16",
            )
        values = torch.linspace(-2, 2, 2 * 3 * size * size, device=device)
        return values.reshape(2, 3, size, size)

    def _choose(self) -> None:
        asked, module, images = self.network.features, self.module, self.sample()
        if callable(asked):
            self._features = asked
        elif isinstance(asked, str):
            try:
                module.get_submodule(asked)
            except AttributeError:
                names = [name for name, _ in module.named_modules() if name]
                raise usage(
                    f"has no layer {asked!r}", self.network.name, f"the last are {names[-5:]}"
                ) from None
            self._features = lambda own, seen: _taken_at(own, asked, seen, inputs=False)
        else:
            self._choose_by_library(images)

    def _choose_by_library(self, images: torch.Tensor) -> None:
        module: Any = self.module
        found = _library_of(module)
        if found == "timm" and hasattr(module, "forward_head"):
            self._features = _of_timm_head
            classifier = module.get_classifier() if hasattr(module, "get_classifier") else None
            if isinstance(classifier, nn.Linear):
                self.classifier = _path_of(module, classifier)
            return
        if found == "open_clip":
            self._features = _of_open_clip_tower
            return
        linear = _last_linear(module)
        if linear and self._ends_in(linear, images):
            self.classifier = linear
            self._features = lambda own, seen: _taken_at(own, linear, seen, inputs=True)
        elif found == "transformers":
            self._features = _of_hub
        else:
            self._features = lambda own, seen: own(seen)

    def _ends_in(self, linear: str, images: torch.Tensor) -> bool:
        """Whether the module's output is this layer's output for rows [N, D]."""
        try:
            output = _logits_of(self.module(images))
            rows = _taken_at(self.module, linear, images, inputs=True)
        except (TypeError, ValueError, AttributeError, Error):
            return False
        if not isinstance(output, torch.Tensor) or rows.dim() != 2:
            return False
        made = self.module.get_submodule(linear)(rows)
        return output.shape == made.shape and torch.allclose(output, made, atol=1e-5)

    # ---- Called by the extension ----

    def features(self, images: torch.Tensor) -> torch.Tensor:
        return _pooled(self._features(self.module, images))

    def train(self, on: bool) -> None:
        self.module.train(on)

    def tensors(self) -> list[tuple[str, torch.Tensor, bool]]:
        return [
            (name, tensor, learns and (tensor.requires_grad or not self.is_student))
            for name, tensor, learns in state_of(self.module)
        ]

    def head(self) -> tuple[torch.Tensor, torch.Tensor | None]:
        head = self._head() or nn.Linear(self.feature_dim, 1)
        return head.weight, head.bias

    def _head(self) -> nn.Linear | None:
        try:
            found = self.module.get_submodule(self.head_name)
        except AttributeError:
            return None
        return found if isinstance(found, nn.Linear) else None

    def move_rest(self, device: torch.device) -> None:
        """Moves the buffers that are not in the state."""
        for module in self.module.modules():
            for name in module._non_persistent_buffers_set:
                if (buffer := module._buffers[name]) is not None:
                    module._buffers[name] = buffer.to(device)

    def described(self) -> str:
        seen = self.network.input
        size = int(seen["size"])
        preprocess = {
            "resize": int(size / seen["crop_ratio"] + 1e-6),
            "crop": size,
            "interpolation": seen["interpolation"],
            "mean": [float(value) for value in seen["mean"]],
            "std": [float(value) for value in seen["std"]],
            "range": [0, 1],
        }
        return json.dumps({"preprocess": preprocess, "code": self._code()})

    def _code(self) -> str:
        """A hash of its class, layers and configuration, and of the function for its features."""
        module: Any = self.module
        parts = [type(module).__module__, type(module).__qualname__, repr(module)]
        config: Any = getattr(module, "config", None)
        if hasattr(config, "to_json_string"):
            parts.append(re.sub(r'"_name_or_path".*', "", config.to_json_string()))
        asked = self.network.features
        for source in (type(module), asked if callable(asked) else None):
            with contextlib.suppress(OSError, TypeError):
                parts.append(inspect.getsource(source) if source else "")
        parts.append(asked if isinstance(asked, str) else "")
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:32]

    def student(self, classes: int) -> Adapter:
        """A copy with the same weights and a classifier for this many classes."""
        made = copy.copy(self)
        made.network = copy.copy(self.network)
        made.module = copy.deepcopy(self.module)
        made.network.module = made.module
        made._freeze_unused()
        if made.classes != classes or not made.classifier:
            parent, _, last = made.head_name.rpartition(".")
            head = nn.Linear(made.feature_dim, classes)
            setattr(made.module.get_submodule(parent), last, head)
        made.module.get_submodule(made.head_name).requires_grad_(True)
        made.classes, made.class_names = classes, None
        return made

    def _freeze_unused(self) -> None:
        """Freezes the parameters that the features do not depend on, which get no gradient."""
        self.is_student = True
        self.module.eval()
        with torch.enable_grad():
            rows = self.features(self.sample())
            if rows.requires_grad:
                torch.autograd.backward(rows.sum())
        used = False
        for parameter in self.module.parameters():
            used = used or parameter.grad is not None
            parameter.requires_grad_(parameter.grad is not None)
            parameter.grad = None
        if not used:
            raise usage("has no trainable parameter that its features depend on", self.network.name)

    def logits(self, images: torch.Tensor) -> torch.Tensor:
        head = self._head()
        if head is None:
            raise usage("has no classifier", self.network.name)
        logits: torch.Tensor = head(self.features(images))
        return logits

    def write_onnx(self, path: str, classes: list[str], preprocess: str) -> None:
        """Uses torch's exporter, where retort's does not know the module's operators."""
        import onnx

        adapter = self

        class Logits(nn.Module):
            def __init__(self) -> None:
                super().__init__()
                self.module = adapter.module

            def forward(self, images: torch.Tensor) -> torch.Tensor:
                return adapter.logits(images)

        size = json.loads(preprocess)["crop"]
        batch = torch.export.Dim("batch")
        program = torch.onnx.export(
            Logits().eval(),
            (torch.zeros(2, 3, size, size),),
            dynamo=True,
            input_names=["images"],
            output_names=["logits"],
            dynamic_shapes=({0: batch},),
            verbose=False,
        )
        assert program is not None
        model = program.model_proto
        for key, value in {"classes": json.dumps(classes), "preprocess": preprocess}.items():
            model.metadata_props.add(key=key, value=value)
        temporary = Path(path).with_suffix(".part")
        onnx.save(model, temporary)
        temporary.replace(path)


@contextlib.contextmanager
def borrowed(module: nn.Module) -> Iterator[None]:
    """Puts the module into evaluation mode; restores modes, requires_grad and device at the end."""
    modes = [(each, each.training) for each in module.modules()]
    flags = [(each, each.requires_grad) for each in module.parameters()]
    device = next((each.device for each in module.parameters()), None)
    module.eval()
    try:
        yield
    finally:
        if device is not None:
            module.to(device)
        for parameter, learns in flags:
            parameter.requires_grad_(learns)
        for part, training in modes:
            part.training = training
