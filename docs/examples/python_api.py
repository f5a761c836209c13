"""Distils a network of torchvision's with the Python package, in types that mypy checks.

python docs/examples/python_api.py photos/ runs/photos
"""

import sys
from pathlib import Path
from typing import Any

import torch
from torchvision.models import resnet18

import retort


def cosine(step: retort.StepView) -> torch.Tensor:
    """A loss of one's own: the angle between the classes' scores of student and teacher."""
    return (1 - torch.cosine_similarity(step.student_logits, step.teacher_logits)).mean()


def tell(epoch: dict[str, Any]) -> None:
    print(f"epoch {epoch['epoch']}: loss {epoch['train_loss']:.3f}")


def main(photos: Path, out: Path) -> None:
    teacher = retort.Network(resnet18(), size=64)  # random weights: nothing is downloaded
    try:
        run = retort.distill(
            photos,
            teacher=teacher,
            student="shufflenet_v2_x0_5",
            out=out,
            epochs=3,
            image_size=32,
            views=3,
            logit_loss=cosine,
            tensorboard=True,
            callbacks=[tell],
            progress=False,
        )
    except retort.Error as error:
        sys.exit(f"{error.where}: {error.what}\n{error.mend}")
    measured: retort.Evaluation = run.evaluate(photos, split="all")
    print(f"accuracy: {measured.accuracy:.1f} % of {measured.images} images")
    found: list[retort.Prediction] = run.predict(sorted(photos.glob("*/*"))[:3], top=2)
    for each in found:
        print(each.path, each.label, [round(share, 2) for _, share in each.top])
    print(retort.export(run, out / "deploy" / "photos.onnx"))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
