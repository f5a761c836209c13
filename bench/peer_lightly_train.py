"""LightlyTrain for the part `peers` of bench/run.py: its distillation, then its finetuning.

Distillation (method distillationv3) needs no labels: the student learns the teacher's features.
Finetuning then fits a classifier and the student on the labels. Each has the epochs that are asked
for, and its own optimiser, learning rate and augmentations. The teacher is handed over as a
wrapped module, so that nothing is downloaded.
"""

import os
import pathlib
import time

import peer_job
import torch
from torch import nn

STUDENT = "timm/mobilenetv2_100"


class Teacher(nn.Module):
    """A torchvision network as LightlyTrain's ModelWrapper."""

    def __init__(self, net, head):
        super().__init__()
        self.net, self.dim = net, head.in_features

    def feature_dim(self):
        return self.dim

    def forward_features(self, images):
        if hasattr(self.net, "encoder"):
            tokens = self.net._process_input(images)
            first = self.net.class_token.expand(len(tokens), -1, -1)
            tokens = self.net.encoder(torch.cat([first, tokens], 1))
            side = images.shape[-1] // self.net.patch_size
            grid = tokens[:, 1:].transpose(1, 2).unflatten(2, (side, side))
            return {"features": grid, "cls_token": tokens[:, 0]}
        for name, part in self.net.named_children():
            if name == "avgpool":
                return {"features": images}
            images = part(images)

    def forward_pool(self, features):
        if "cls_token" in features:
            return {"pooled_features": features["cls_token"][..., None, None]}
        return {"pooled_features": self.net.avgpool(features["features"])}

    def get_model(self):
        return self.net


class Clock:
    """When the steps of a phase began. The first epoch does not count in the rate."""

    def __init__(self, method, job):
        self.begins, self.steps = [], 0
        self.batch = job.batch
        self.per_epoch = len(list(pathlib.Path(job.data, "train").glob("*/*"))) // job.batch
        step = method.training_step

        def timed(*arguments, **more):
            self.begins.append(time.perf_counter())
            if len(self.begins) == 2:
                peer_job.say(event="first_step")
            return step(*arguments, **more)

        method.training_step = timed

    def rate(self):
        counted = self.begins[self.per_epoch :]
        if len(counted) < 2:
            return None
        return self.batch * (len(counted) - 1) / (counted[-1] - counted[0])


def watch_validation(metric, images):
    """Says how many of the validation images were right whenever all were seen."""
    update, seen, epochs = metric.update_with_predictions, [], []

    def counted(self, logits, labels):
        if self.split == "val":
            seen.extend((logits.argmax(1) == labels).tolist())
            if len(seen) == images:
                peer_job.say(event="epoch", epoch=len(epochs), val=100 * sum(seen) / images)
                epochs.append(None)
                seen.clear()
        return update(self, logits, labels)

    metric.update_with_predictions = counted


def shared(job):
    """What both of LightlyTrain's functions are told."""
    return {
        "batch_size": job.batch,
        "num_workers": job.workers,
        "accelerator": "cpu",
        "devices": 1,
        "precision": "bf16-mixed" if job.bf16 else "32-true",
        "overwrite": True,
        "transform_args": {"image_size": (job.px, job.px)},
    }


def mend_student():
    """LightlyTrain 0.18 takes MobileNetV2's 320 channels before its last convolution where it
    counts on the 1,280 after it, and stops at the first step. Its own other way to call timm's
    models gives the 1,280."""
    from lightly_train._models.timm import timm

    timm._forward_intermediates = timm._forward_features


def distill(job, lightly_train):
    from lightly_train._methods.distillationv3.distillationv3 import DistillationV3

    clock = Clock(DistillationV3, job)
    lightly_train.pretrain(
        out=f"{job.out}/distilled",
        data=f"{job.data}/train",
        model=STUDENT,
        method="distillationv3",
        method_args={"teacher": Teacher(*peer_job.load_teacher(job))},
        epochs=job.epochs,
        **shared(job),
    )
    return clock.rate()


def finetune(job, lightly_train):
    from lightly_train._metrics.classification.task_metric import ClassificationTaskMetric
    from lightly_train._task_models.image_classification.train_model import (
        ImageClassificationTrain,
    )

    clock = Clock(ImageClassificationTrain, job)
    watch_validation(ClassificationTaskMetric, len(list(pathlib.Path(job.data).glob("val/*/*"))))
    names = sorted(path.name for path in pathlib.Path(job.data, "train").iterdir())
    lightly_train.train_image_classification(
        out=f"{job.out}/finetuned",
        data={
            "train": f"{job.data}/train",
            "val": f"{job.data}/val",
            "classes": dict(enumerate(names)),
        },
        model=STUDENT,
        steps=job.epochs * clock.per_epoch,
        model_args={"backbone_weights": f"{job.out}/distilled/exported_models/exported_last.pt"},
        logger_args={"val_every_num_steps": clock.per_epoch},
        **shared(job),
    )
    return clock.rate()


def run(job):
    os.environ["LIGHTLY_TRAIN_EVENTS_DISABLED"] = "1"  # it would report its use to its makers
    os.environ["LIGHTLY_TRAIN_CACHE_DIR"] = f"{job.out}/cache"
    import lightly_train

    mend_student()
    distilling = distill(job, lightly_train)
    peer_job.say(event="distilled")
    finetuning = finetune(job, lightly_train)
    model = lightly_train.load_model(f"{job.out}/finetuned/exported_models/exported_last.pt")
    model = model.cpu().eval()
    test = peer_job.accuracy(model.forward_backend, peer_job.judged(job, "test"))
    peer_job.say(event="end", test=test, rate=distilling, finetuning_rate=finetuning)
