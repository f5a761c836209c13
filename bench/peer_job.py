#!/usr/bin/env python3
"""One training of the part `peers` of bench/run.py, in a process of its own.

    python bench/peer_job.py teacher|timm|lightly_train|expert|paper SETTINGS.json

SETTINGS.json is what peers.py writes. A training prints a line of JSON to the standard output for
its first step, for each epoch and for the end; peers.py takes the time as the lines come. All
trainings take the same teacher file, whose classifier knows the data's classes.
"""

import importlib
import json
import os
import pathlib
import sys
import time
import types

import plain_pytorch
import torch
from torch import nn
from torch.utils.data import DataLoader
from torchvision import models
from torchvision.datasets import ImageFolder
from torchvision.models.vision_transformer import interpolate_embeddings

LOOPS = {
    "timm": ("peer_timm", "Timm"),
    "expert": ("peer_loops", "Expert"),
    "paper": ("peer_loops", "Paper"),
}


EVENTS = os.fdopen(os.dup(1), "w")  # main() sends what libraries print to the standard error


def say(**event):
    print(json.dumps(event), file=EVENTS, flush=True)


def has_bf16():
    """Whether the processor multiplies in bf16."""
    flags = pathlib.Path("/proc/cpuinfo").read_text()
    return "avx512_bf16" in flags or "amx_bf16" in flags


def classes_of(job):
    return len(list(pathlib.Path(job.data, "train").iterdir()))


def network(arch, px, classes):
    """torchvision's network, and its last layer, which has an output for each class."""
    if arch.startswith("vit"):
        net = getattr(models, arch)(image_size=px)
        net.heads.head = nn.Linear(net.heads.head.in_features, classes)
        return net, net.heads.head
    net = getattr(models, arch)()
    net.fc = nn.Linear(net.fc.in_features, classes)
    return net, net.fc


def load_teacher(job):
    net, head = network(job.arch, job.px, classes_of(job))
    net.load_state_dict(torch.load(job.teacher, weights_only=True))
    return net.eval().requires_grad_(False), head


def folder(job, split, transform):
    return ImageFolder(pathlib.Path(job.data, split), transform)


def judged(job, split):
    """The images of a split as torchvision's recipes prepare them for evaluation."""
    images = folder(job, split, plain_pytorch.test_transform(job.px))
    return DataLoader(images, job.batch, num_workers=job.workers)


@torch.inference_mode()
def accuracy(forward, loader):
    """In percent. forward gives logits of a batch of images."""
    right = sum((forward(images).argmax(1) == labels).sum().item() for images, labels in loader)
    return 100 * right / len(loader.dataset)


def train(job, peer):
    """peer has batches(), step(batch, epoch), which returns the number of images, and
    forward(images) for evaluation."""
    validation = judged(job, "val")
    for epoch in range(job.epochs):
        begin, images = time.perf_counter(), 0
        for batch in peer.batches():
            images += peer.step(batch, epoch)
            if epoch == 0 and images == job.batch:
                say(event="first_step")
        seconds = time.perf_counter() - begin
        val = accuracy(peer.forward, validation)
        say(event="epoch", epoch=epoch, images=images, seconds=seconds, val=val)
    say(event="end", test=accuracy(peer.forward, judged(job, "test")))


def random_weights(job):
    """Batch norms have seen some noise, so that activations have a size."""
    torch.manual_seed(0)
    net, _ = network(job.arch, job.px, classes_of(job))
    net.train()
    with torch.no_grad():
        for _ in range(3):
            net(torch.randn(8, 3, job.px, job.px))
    return net.state_dict()


def fit_head(job, net, head):
    """Logistic regression on the features of the training images, which fills the last layer."""
    kept = []
    hook = head.register_forward_pre_hook(lambda _, inputs: kept.append(inputs[0].detach()))
    labels = []
    with torch.no_grad():
        for images, label in judged(job, "train"):
            net(images)
            labels.append(label)
    hook.remove()
    features, labels = torch.cat(kept), torch.cat(labels)
    mean, scale = features.mean(0), features.std(0) + 1e-6
    linear = nn.Linear(features.shape[1], head.out_features)
    optimizer = torch.optim.LBFGS(linear.parameters(), max_iter=200)

    def loss():
        optimizer.zero_grad()
        logits = linear((features - mean) / scale)
        value = nn.functional.cross_entropy(logits, labels) + 1e-3 * linear.weight.square().sum()
        value.backward()
        return value

    optimizer.step(loss)
    with torch.no_grad():
        head.weight.copy_(linear.weight / scale)
        head.bias.copy_(linear.bias - head.weight @ mean)


def make_teacher(job):
    """Writes the teacher file of this part. Weights of other classes get a new last layer."""
    begin = time.perf_counter()
    if job.weights is None:
        torch.save(random_weights(job), job.teacher)
        say(event="end", seconds=0)
        return
    state = torch.load(job.weights, weights_only=True)
    net, head = network(job.arch, job.px, classes_of(job))
    if job.arch.startswith("vit"):
        state = interpolate_embeddings(job.px, net.patch_size, state)
    last = "heads.head" if job.arch.startswith("vit") else "fc"
    fits = state[f"{last}.bias"].numel() == head.out_features
    if not fits:
        state = {name: value for name, value in state.items() if not name.startswith(last)}
    net.load_state_dict(state, strict=fits)
    net.eval()
    if not fits:
        fit_head(job, net, head)
    torch.save(net.state_dict(), job.teacher)
    say(event="end", seconds=0 if fits else time.perf_counter() - begin)


def main():
    what, settings = sys.argv[1:]
    os.dup2(2, 1)
    job = types.SimpleNamespace(**json.loads(pathlib.Path(settings).read_text()))
    job.bf16 = has_bf16()
    torch.manual_seed(1)
    if what == "teacher":
        make_teacher(job)
    elif what == "lightly_train":
        importlib.import_module("peer_lightly_train").run(job)
    else:
        module, name = LOOPS[what]
        train(job, getattr(importlib.import_module(module), name)(job))


if __name__ == "__main__":
    sys.modules["peer_job"] = sys.modules["__main__"]  # the peers import this file
    main()
