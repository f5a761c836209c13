"""Two loops in plain PyTorch for the part `peers` of bench/run.py: the paper's, and one that takes
what PyTorch offers for speed on a processor."""

import contextlib

import peer_job
import plain_pytorch
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader
from torchvision import models
from torchvision.transforms import v2

TEMPERATURE = 4


def kl(student, teacher):
    """The divergence of soft labels, times the squared temperature as is usual."""
    return (
        F.kl_div(
            F.log_softmax(student / TEMPERATURE, 1),
            F.log_softmax(teacher / TEMPERATURE, 1),
            reduction="batchmean",
            log_target=True,
        )
        * TEMPERATURE**2
    )


class Expert:
    """Channels-last, bf16 where the processor has it, fused AdamW, workers that live on and hand
    over bytes, the teacher under inference mode, and torch.compile where it is asked for."""

    def __init__(self, job):
        self.bf16, self.epochs = job.bf16, job.epochs
        net = models.mobilenet_v2(num_classes=peer_job.classes_of(job))
        self.student = net.to(memory_format=torch.channels_last)
        self.teacher = peer_job.load_teacher(job)[0].to(memory_format=torch.channels_last)
        self.mean = torch.tensor(plain_pytorch.NORMALIZE.mean).view(3, 1, 1) * 255
        self.std = torch.tensor(plain_pytorch.NORMALIZE.std).view(3, 1, 1) * 255
        self.optimizer = torch.optim.AdamW(self.student.parameters(), fused=True)
        self.loader = self.load(job)
        self.schedule = torch.optim.lr_scheduler.CosineAnnealingLR(
            self.optimizer, job.epochs * len(self.loader)
        )
        if job.compile:
            self.student.compile()
            self.teacher.compile()

    @staticmethod
    def load(job):
        transform = v2.Compose(
            [v2.RandomResizedCrop(job.px), v2.RandomHorizontalFlip(), v2.PILToTensor()]
        )
        return DataLoader(
            peer_job.folder(job, "train", transform),
            job.batch,
            shuffle=True,
            drop_last=True,
            num_workers=job.workers,
            persistent_workers=job.workers > 0,
        )

    def batches(self):
        self.student.train()
        return self.loader

    def precision(self):
        return torch.autocast("cpu", torch.bfloat16) if self.bf16 else contextlib.nullcontext()

    def step(self, batch, _):
        images, labels = batch
        images = images.to(memory_format=torch.channels_last)
        images = (images - self.mean) / self.std
        with self.precision():
            with torch.inference_mode():
                taught = self.teacher(images)
            logits = self.student(images)
            loss = F.cross_entropy(logits, labels) + kl(logits, taught)
        self.optimizer.zero_grad()
        loss.backward()
        self.optimizer.step()
        self.schedule.step()
        return len(labels)

    def forward(self, images):
        self.student.eval()
        with self.precision():
            return self.student(images.to(memory_format=torch.channels_last))


class Paper:
    """bench/plain_pytorch.py's distillation, with the teacher's own last layer in the place of a
    linear probe."""

    def __init__(self, job):
        net, head = peer_job.load_teacher(job)
        classes = peer_job.classes_of(job)
        self.teacher = plain_pytorch.Split(net, classes)
        self.teacher.head = head
        self.teacher.eval()
        self.student = plain_pytorch.Split(models.mobilenet_v2(), classes)
        self.objective = plain_pytorch.Objective(self.student.dim, self.teacher.dim)
        self.optimizer = torch.optim.AdamW(
            [*self.student.parameters(), *self.objective.parameters()]
        )
        self.loader = DataLoader(
            peer_job.folder(job, "train", plain_pytorch.train_transform(job.px)),
            job.batch,
            shuffle=True,
            drop_last=True,
            num_workers=job.workers,
        )

    def batches(self):
        return self.loader

    def step(self, batch, _):
        images, labels = batch
        plain_pytorch.Job.distill_step(self, (images, labels, None))
        return len(labels)

    def forward(self, images):
        self.student.eval()
        return self.student(images)[1]
