"""timm's distillation for the part `peers` of bench/run.py.

The package on PyPI has no train.py, neither as a wheel nor as a source archive. This is that
script's loop written anew around what the package does have: its task (LogitDistillationTask), its
loaders with their prefetcher, its optimiser and its schedule. It does what the script does with
--kd-model-name, --opt adamw --lr 1e-3 --sched cosine --warmup-epochs 0 and --channels-last, with
label smoothing 0.1 and colour jitter 0.4, and with bf16 where the processor has it.
"""

import contextlib

import peer_job
import timm
import torch
from timm import loss, optim, scheduler, task
from timm.data import create_dataset, create_loader


class Timm:
    def __init__(self, job):
        self.bf16 = job.bf16
        student = timm.create_model("mobilenetv2_100", num_classes=peer_job.classes_of(job))
        self.student = student.to(memory_format=torch.channels_last)
        teacher = peer_job.load_teacher(job)[0].to(memory_format=torch.channels_last)
        self.task = task.LogitDistillationTask(
            self.student,
            task.DistillationTeacher(teacher),
            criterion=loss.LabelSmoothingCrossEntropy(0.1),
            temperature=4.0,
        )
        if job.compile:
            self.task.compile()
        self.loader = create_loader(
            create_dataset("", root=f"{job.data}/train", is_training=True),
            input_size=(3, job.px, job.px),
            batch_size=job.batch,
            is_training=True,
            num_workers=job.workers,
            persistent_workers=job.workers > 0,
            device=torch.device("cpu"),
        )
        self.optimizer = optim.create_optimizer_v2(student, "adamw", lr=1e-3, weight_decay=2e-5)
        self.updates = 0
        self.schedule, _ = scheduler.create_scheduler_v2(
            self.optimizer,
            "cosine",
            num_epochs=job.epochs,
            step_on_epochs=False,
            updates_per_epoch=len(self.loader),
        )

    def precision(self):
        return torch.autocast("cpu", torch.bfloat16) if self.bf16 else contextlib.nullcontext()

    def batches(self):
        self.task.train()
        return self.loader

    def step(self, batch, _):
        images, labels = batch
        images = images.contiguous(memory_format=torch.channels_last)
        with self.precision():
            value = self.task(images, labels)["loss"]
        self.optimizer.zero_grad()
        value.backward()
        self.optimizer.step()
        self.updates += 1
        self.schedule.step_update(self.updates)
        return len(labels)

    def forward(self, images):
        self.student.eval()
        with self.precision():
            return self.task.get_eval_model()(images.to(memory_format=torch.channels_last))
