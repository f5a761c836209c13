#!/usr/bin/env python3
"""The paper's loop in plain PyTorch, as its public reference runs it. bench/run.py compares retort
with it.

    # each phase's images a second
    python bench/plain_pytorch.py rates DATA --teacher resnet50|vit_b_16 [--workers 0|2]
    # the whole job, timed
    python bench/plain_pytorch.py job DATA --teacher resnet50|vit_b_16 --epochs 20
    # the student's accuracies on val/ by epoch, from a seed
    python bench/plain_pytorch.py curve DATA --teacher mobilenet_v3_small --epochs 3 --seed 0
    # the teacher's weights, for retort
    python bench/plain_pytorch.py teacher OUT.pth --teacher resnet50|vit_b_16|mobilenet_v3_small

The teacher has random weights (its speed is the same) whose batch norms have seen some noise.
Linear probe: the head alone learns; each epoch loads the training images, which the teacher sees in
the first one only, and validates with the teacher on the test images. Distillation: cross-entropy +
0.8 Alignment/Uniformity on two MoCo v2 projectors + KL at temperature 4, AdamW at its defaults,
batches of 64 at 224 px, with the teacher in the loop, and the student validated each epoch. fp32,
PyTorch's default layout. With --size the student sees the teacher's images at that size. Prints one
line of JSON.
"""

import argparse
import itertools
import json
import time

import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader
from torchvision import datasets, models, transforms

SIZE, BATCH = 224, 64
NORMALIZE = transforms.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


def train_transform(size):
    steps = [transforms.RandomResizedCrop(size), transforms.RandomHorizontalFlip()]
    return transforms.Compose([*steps, transforms.ToTensor(), NORMALIZE])


def test_transform(size):
    steps = [transforms.Resize(size * 256 // 224), transforms.CenterCrop(size)]
    return transforms.Compose([*steps, transforms.ToTensor(), NORMALIZE])


class Folder(datasets.ImageFolder):
    """A data set with each image's index, by which the reference finds its cached embedding."""

    def __getitem__(self, index):
        image, label = super().__getitem__(index)
        return image, label, index


def loaders(data, workers, judged):
    train = Folder(f"{data}/train", train_transform(SIZE))
    test = Folder(f"{data}/{judged}", test_transform(SIZE))
    return (
        DataLoader(train, BATCH, shuffle=True, num_workers=workers, drop_last=True),
        DataLoader(test, BATCH, num_workers=workers),
    )


def make_teacher(name):
    torch.manual_seed(0)
    net = getattr(models, name)(weights=None)
    if any(isinstance(module, nn.BatchNorm2d) for module in net.modules()):
        net.train()
        with torch.no_grad():
            for _ in range(3):
                net(torch.randn(8, 3, SIZE, SIZE))
    return net.eval().requires_grad_(False)


class Split(nn.Module):
    """A torchvision network as backbone and a new linear head: features, logits."""

    def __init__(self, net, classes):
        super().__init__()
        if isinstance(net, models.VisionTransformer):
            self.dim, net.heads = net.heads.head.in_features, nn.Identity()
        elif isinstance(net, models.ResNet):
            self.dim, net.fc = net.fc.in_features, nn.Identity()
        else:
            self.dim, net.classifier = net.classifier[1].in_features, nn.Identity()
        self.backbone, self.head = net, nn.Linear(self.dim, classes)

    def forward(self, images):
        features = self.backbone(images)
        return features, self.head(features)


def projector(dim):
    return nn.Sequential(nn.Linear(dim, dim), nn.ReLU(), nn.Linear(dim, 128))


class Objective(nn.Module):
    def __init__(self, student_dim, teacher_dim):
        super().__init__()
        self.student, self.teacher = projector(student_dim), projector(teacher_dim)

    def forward(self, features, logits, teacher_features, teacher_logits, labels):
        s, t = F.normalize(self.student(features)), F.normalize(self.teacher(teacher_features))
        align = (s - t).norm(p=2, dim=1).pow(2).mean()
        uniform = sum(torch.pdist(z, p=2).pow(2).mul(-2).exp().mean().log() for z in (s, t)) / 2
        kl = (
            F.kl_div(
                F.log_softmax(logits / 4, 1),
                F.softmax(teacher_logits / 4, 1),
                reduction="batchmean",
            )
            * 16
        )
        return F.cross_entropy(logits, labels) + 0.8 * (align + uniform) + kl


@torch.no_grad()
def validate(model, loader):
    """The share of images that it is right on."""
    model.eval()
    right = 0
    for images, labels, _ in loader:
        right += (model(images)[1].argmax(1) == labels).sum().item()
    return right / len(loader.dataset)


class Resized(nn.Module):
    """A network that sees the images at another size."""

    def __init__(self, net, size):
        super().__init__()
        self.net, self.size = net, size

    def forward(self, images):
        if self.size != SIZE:
            images = F.interpolate(images, self.size, mode="bilinear", antialias=True)
        return self.net(images)


class Job:
    def __init__(self, args):
        judged = "val" if args.what == "curve" else "test"
        self.train, self.test = loaders(args.data, args.workers, judged)
        classes = len(self.train.dataset.classes)
        self.teacher = Split(make_teacher(args.teacher), classes)
        torch.manual_seed(args.seed)
        student = Split(models.mobilenet_v2(weights=None), classes)
        self.objective = Objective(student.dim, self.teacher.dim)
        self.student = Resized(student, args.size)
        self.probe_optimizer = torch.optim.AdamW(self.teacher.head.parameters())
        self.optimizer = torch.optim.AdamW(
            [*self.student.parameters(), *self.objective.parameters()]
        )
        self.embeddings = torch.zeros(len(self.train.dataset), self.teacher.dim)

    def probe_step(self, batch, first_epoch):
        images, labels, index = batch
        if first_epoch:
            with torch.no_grad():
                self.embeddings[index] = self.teacher.backbone(images)
        self.probe_optimizer.zero_grad()
        F.cross_entropy(self.teacher.head(self.embeddings[index]), labels).backward()
        self.probe_optimizer.step()

    def distill_step(self, batch):
        images, labels, _ = batch
        self.student.train()
        features, logits = self.student(images)
        with torch.no_grad():
            teacher_features, teacher_logits = self.teacher(images)
        loss = self.objective(features, logits, teacher_features, teacher_logits, labels)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()

    def probe(self, epochs):
        for epoch in range(epochs):
            for batch in self.train:
                self.probe_step(batch, epoch == 0)
            validate(self.teacher, self.test)

    def distill(self, epochs):
        """The student's accuracies by epoch, in percent."""
        accuracies = []
        for _ in range(epochs):
            for batch in self.train:
                self.distill_step(batch)
            accuracies.append(100 * validate(self.student, self.test))
        return accuracies

    def run(self, epochs):
        start = time.perf_counter()
        self.probe(epochs)
        probed = time.perf_counter()
        self.distill(epochs)
        return {"probe_seconds": probed - start, "distill_seconds": time.perf_counter() - probed}

    def curve(self, epochs):
        self.probe(epochs)
        return self.distill(epochs)


def rate(loader, step, batches=3):
    """Images a second, with the first batch measured separately."""
    batch = iter(itertools.chain.from_iterable(itertools.repeat(loader)))
    step(next(batch))
    start, images = time.perf_counter(), 0
    for _ in range(batches):
        one = next(batch)
        step(one)
        images += len(one[1])
    return images / (time.perf_counter() - start)


def rates(job):
    with torch.no_grad():
        seen = rate(job.test, lambda batch: job.teacher(batch[0]))
        job.student.eval()
        judged = rate(job.test, lambda batch: job.student(batch[0]))
    return {
        "load": rate(job.train, lambda batch: None, 8),
        "probe_first_epoch": rate(job.train, lambda batch: job.probe_step(batch, True)),
        "probe_epoch": rate(job.train, lambda batch: job.probe_step(batch, False), 8),
        "teacher_validation": seen,
        "distill": rate(job.train, job.distill_step),
        "student_validation": judged,
    }


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("rates", "job", "curve", "teacher"))
    parser.add_argument("data")
    parser.add_argument(
        "--teacher", choices=("resnet50", "vit_b_16", "mobilenet_v3_small"), required=True
    )
    parser.add_argument("--workers", type=int, default=0)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--size", type=int, default=SIZE, help="pixels that the student sees")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    if args.what == "teacher":
        torch.save(make_teacher(args.teacher).state_dict(), args.data)
        return
    job = Job(args)
    if args.what == "rates":
        print(json.dumps(rates(job)))
    else:
        print(json.dumps(job.curve(args.epochs) if args.what == "curve" else job.run(args.epochs)))


if __name__ == "__main__":
    main()
