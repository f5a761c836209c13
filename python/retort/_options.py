"""Options of jobs, by scripts/python_options.py from the program's own table."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from os import PathLike
from typing import Any, TypedDict

Loss = str | Callable[..., Any] | Sequence[str | Callable[..., Any]]


class DistillOptions(TypedDict, total=False):
    batch_size: int
    brightness: float
    cache: str | PathLike[str]
    checkpoint_seconds: float
    classes: str | PathLike[str]
    clip_norm: float
    closing_epochs: int
    closing_lr: float
    config: str | PathLike[str]
    contrast: float
    crop_max: float
    crop_min: float
    cutmix: float
    dedupe: bool
    device: str | PathLike[str]
    diffaugment: str | PathLike[str]
    diffaugment_mode: str | PathLike[str]
    ema: float
    epochs: int
    extra: str | PathLike[str] | Sequence[str] | Mapping[str, object]
    extra_losses: str | PathLike[str]
    flip: float
    force: bool
    head_lr_factor: float
    hours: float
    hue: float
    image_size: int
    image_store: str | PathLike[str]
    init: str | PathLike[str]
    label_smoothing: float
    label_weight: float
    labels: str | PathLike[str]
    logit_loss: Loss
    logit_option: str | PathLike[str] | Sequence[str] | Mapping[str, object]
    logit_weight: float
    loss: Loss
    loss_option: str | PathLike[str] | Sequence[str] | Mapping[str, object]
    loss_weight: float
    lr: float
    max_skipped: float
    mixup: float
    more_views: str | PathLike[str]
    optimizer: str | PathLike[str]
    precision: str | PathLike[str]
    prompt: str | PathLike[str] | Sequence[str] | Mapping[str, object]
    randaugment: int
    randaugment_magnitude: int
    recipe: str | PathLike[str]
    resume: bool
    saturation: float
    schedule: str | PathLike[str]
    seed: int
    select: int
    split_seed: int
    store_budget: int
    student_features: str | PathLike[str]
    student_weights: str | PathLike[str]
    teacher_arch: str | PathLike[str]
    teacher_epochs: int
    teacher_features: str | PathLike[str]
    teacher_head: str | PathLike[str]
    teacher_init: str | PathLike[str]
    teacher_lr: float
    teacher_mean: str | PathLike[str]
    teacher_size: int
    teacher_std: str | PathLike[str]
    temperature: float
    tensorboard: bool
    test_fraction: float
    threads: int
    turn: float
    val_fraction: float
    view_seed: int
    views: int
    warmup: float
    weight_decay: float


class CompareOptions(TypedDict, total=False):
    arm: str | PathLike[str] | Sequence[str] | Mapping[str, object]
    batch_size: int
    brightness: float
    budget: str | PathLike[str]
    cache: str | PathLike[str]
    checkpoint_seconds: float
    classes: str | PathLike[str]
    clip_norm: float
    closing_epochs: int
    closing_lr: float
    config: str | PathLike[str]
    contrast: float
    crop_max: float
    crop_min: float
    cutmix: float
    dedupe: bool
    device: str | PathLike[str]
    diffaugment: str | PathLike[str]
    diffaugment_mode: str | PathLike[str]
    ema: float
    epochs: int
    extra: str | PathLike[str] | Sequence[str] | Mapping[str, object]
    extra_losses: str | PathLike[str]
    finetune_lr: float
    flip: float
    head_lr_factor: float
    hours: float
    hue: float
    image_size: int
    image_store: str | PathLike[str]
    init: str | PathLike[str]
    label_smoothing: float
    label_weight: float
    labels: str | PathLike[str]
    logit_loss: Loss
    logit_option: str | PathLike[str] | Sequence[str] | Mapping[str, object]
    logit_weight: float
    loss: Loss
    loss_option: str | PathLike[str] | Sequence[str] | Mapping[str, object]
    loss_weight: float
    lr: float
    max_skipped: float
    mixup: float
    more_views: str | PathLike[str]
    optimizer: str | PathLike[str]
    precision: str | PathLike[str]
    prompt: str | PathLike[str] | Sequence[str] | Mapping[str, object]
    randaugment: int
    randaugment_magnitude: int
    recipe: str | PathLike[str]
    saturation: float
    schedule: str | PathLike[str]
    seed: int
    seeds: int
    select: int
    split_seed: int
    store_budget: int
    student_features: str | PathLike[str]
    student_weights: str | PathLike[str]
    teacher_arch: str | PathLike[str]
    teacher_epochs: int
    teacher_features: str | PathLike[str]
    teacher_head: str | PathLike[str]
    teacher_init: str | PathLike[str]
    teacher_lr: float
    teacher_mean: str | PathLike[str]
    teacher_size: int
    teacher_std: str | PathLike[str]
    temperature: float
    tensorboard: bool
    test_fraction: float
    threads: int
    turn: float
    val_fraction: float
    view_seed: int
    views: int
    warmup: float
    weight_decay: float


class GenerateOptions(TypedDict, total=False):
    cache: str | PathLike[str]
    classes: str | PathLike[str]
    clip_g: str | PathLike[str]
    clip_l: str | PathLike[str]
    diffusion_model: str | PathLike[str]
    distilled_guidance: float
    engine: str | PathLike[str]
    engine_library: str | PathLike[str]
    flash_attention: bool
    format: str | PathLike[str]
    guidance: float
    llm: str | PathLike[str]
    model: str | PathLike[str]
    negative_prompt: str | PathLike[str]
    offload: bool
    per_class: int
    prompt: str | PathLike[str] | Sequence[str] | Mapping[str, object]
    prompt_file: str | PathLike[str]
    sampler: str | PathLike[str]
    scheduler: str | PathLike[str]
    seed: int
    size: str | PathLike[str]
    steps: int
    t5xxl: str | PathLike[str]
    taesd: str | PathLike[str]
    threads: int
    vae: str | PathLike[str]
    vae_tiling: bool
    weight_type: str | PathLike[str]


class GateOptions(TypedDict, total=False):
    cache: str | PathLike[str]
    duplicate: float
    teacher_arch: str | PathLike[str]
    teacher_features: str | PathLike[str]
    teacher_head: str | PathLike[str]
    teacher_size: int
    threads: int
    top: int
    unsure: float
    val_fraction: float
