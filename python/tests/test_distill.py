from __future__ import annotations

import logging
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from conftest import CLASSES, QUICK, Small, picture
from torch import nn

import retort


@pytest.fixture(scope="module")
def run(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> retort.Run:
    torch.manual_seed(0)
    teacher = retort.Network(Small(), size=32)
    out = tmp_path_factory.mktemp("runs") / "first"
    return retort.distill(photos, teacher=teacher, student="shufflenet_v2_x0_5", out=out, **QUICK)


def test_a_run_says_what_came_out(run: retort.Run) -> None:
    assert 0 <= run.test_accuracy <= 100
    assert run.summary["teacher"]["arch"] == "object:Small"
    assert run.report.exists() and run.onnx.exists()
    assert [line["epoch"] for line in run.metrics] == [1, 2]
    assert "<table>" in run._repr_html_()


def test_a_loaded_run_is_the_same(run: retort.Run) -> None:
    assert retort.load(run.folder).summary == run.summary
    with pytest.raises(retort.Error, match="summary.json"):
        retort.load(run.folder / "checkpoints")


def test_predictions_of_paths_and_objects_agree(run: retort.Run, photos: Path) -> None:
    import numpy

    path, image = photos / "circle" / "1.png", picture("circle", 1)
    found = run.predict([path, image, numpy.asarray(image)], top=3)
    assert found[0].path == str(path) and found[1].path is None
    assert found[0].top == found[1].top == found[2].top
    assert {name for name, _ in found[0].top} == set(CLASSES)
    broken = run.predict(photos / "none.png")[0]
    assert broken.error and not broken.top


def test_evaluation(run: retort.Run, photos: Path) -> None:
    assert run.evaluate().accuracy == pytest.approx(run.test_accuracy)
    assert run.evaluate(photos, split="all").images == 48
    with pytest.raises(retort.UsageError, match="--split: is 'tset'"):
        run.evaluate(split="tset")


def test_export(run: retort.Run, tmp_path: Path) -> None:
    assert run.export(tmp_path / "a.onnx").read_bytes() == run.onnx.read_bytes()
    assert run.export(tmp_path / "a.safetensors").exists()
    with pytest.raises(retort.UsageError, match="is of no kind"):
        run.export(tmp_path / "a.tflite")


def test_the_student_is_torchvisions_with_the_trained_weights(
    run: retort.Run, photos: Path
) -> None:
    pytest.importorskip("torchvision")
    student = run.student
    assert type(student).__name__ == "ShuffleNetV2" and not student.training
    image = picture("square", 3).resize((32, 32))
    import numpy

    pixels = torch.tensor(numpy.asarray(image)).permute(2, 0, 1)[None].float() / 255
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    logits = student((pixels - mean[:, None, None]) / std[:, None, None])
    assert logits.shape == (1, 3)


def test_the_same_call_again_trains_nothing(run: retort.Run, photos: Path) -> None:
    torch.manual_seed(0)
    before = run.weights.stat().st_mtime_ns
    seen: list[dict] = []
    retort.distill(
        photos,
        teacher=retort.Network(Small(), size=32),
        student="shufflenet_v2_x0_5",
        out=run.folder,
        callbacks=[seen.append],
        **QUICK,
    )
    assert run.weights.stat().st_mtime_ns == before and not seen
    other = Small()  # with other weights: another teacher
    with pytest.raises(retort.Error, match="--force"):
        retort.distill(
            photos,
            teacher=retort.Network(other, size=32),
            student="shufflenet_v2_x0_5",
            out=run.folder,
            **QUICK,
        )


def test_a_teacher_is_given_back_as_it_was(small: Small, photos: Path, tmp_path: Path) -> None:
    small.train()
    small.body[1].eval()
    small.fc.weight.requires_grad_(False)
    before = {name: each.clone() for name, each in small.state_dict().items()}
    retort.fit_teacher(photos, teacher=retort.Network(small, size=32), threads=1, progress=False)
    assert small.training and not small.body[1].training
    assert small.body[0].weight.requires_grad and not small.fc.weight.requires_grad
    assert all(torch.equal(before[name], each) for name, each in small.state_dict().items())


def test_a_fitted_teacher(small: Small, photos: Path) -> None:
    fitted = retort.fit_teacher(
        photos, teacher=retort.Network(small, size=32), threads=1, progress=False, views=2, epochs=2
    )
    assert fitted.classes == list(CLASSES)
    assert fitted.train_features.shape[1] == 24
    assert fitted.logits(fitted.val_features).shape == (len(fitted.val_labels), 3)


def test_callbacks_get_every_epoch(small: Small, photos: Path, tmp_path: Path) -> None:
    seen: list[dict] = []
    run = retort.distill(
        photos, teacher="none", out=tmp_path / "run", callbacks=[seen.append], **QUICK
    )
    assert seen == run.metrics

    def fails(_: dict) -> None:
        raise LookupError("no such board")

    with pytest.raises(retort.Error, match="no such board") as caught:
        retort.distill(photos, teacher="none", out=tmp_path / "b", callbacks=[fails], **QUICK)
    assert isinstance(caught.value.__cause__, LookupError)


def test_tensorboard_reads_every_epoch(photos: Path, tmp_path: Path) -> None:
    events = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    run = retort.distill(photos, teacher="none", out=tmp_path / "run", tensorboard=True, **QUICK)
    board = events.EventAccumulator(str(run.folder / "tensorboard")).Reload()
    names = set(run.metrics[0]) - {"epoch", "step", "terms"} | {"terms/cross_entropy"}
    assert set(board.Tags()["scalars"]) == {
        f"{section}/{name}" for section in ("epoch", "image_steps") for name in names
    }
    images = run.summary["image_steps"] / len(run.metrics)
    for name in names - {"terms/cross_entropy"}:
        values = [pytest.approx(line[name]) for line in run.metrics]
        by_epoch, by_images = board.Scalars(f"epoch/{name}"), board.Scalars(f"image_steps/{name}")
        assert [each.value for each in by_epoch] == values
        assert [each.value for each in by_images] == values
        assert [each.step for each in by_epoch] == [1, 2]
        assert [each.step for each in by_images] == [images, 2 * images]


def test_progress_is_a_bar_of_tqdm(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tqdm = pytest.importorskip("tqdm.auto")
    bars: list[Any] = []

    class Bar(tqdm.tqdm):
        def __init__(self, *arguments: object, **more: object) -> None:
            super().__init__(*arguments, **more)
            bars.append(self)

    monkeypatch.setattr(tqdm, "tqdm", Bar)
    quick = {**QUICK, "progress": True}
    retort.distill(photos, teacher="none", out=tmp_path / "run", **quick)
    training = next(bar for bar in bars if bar.desc == "training")
    assert training.n == training.total and "loss" in training.postfix
    assert all(bar.disable or bar.leave is False for bar in bars)


def test_a_run_goes_on_in_a_thread(small: Small, photos: Path, tmp_path: Path) -> None:
    """Python threads run on: the library holds the interpreter's lock only in calls to it."""
    done: list[retort.Run] = []

    def work() -> None:
        done.append(
            retort.distill(
                photos, teacher=retort.Network(small, size=32), out=tmp_path / "run", **QUICK
            )
        )

    thread = threading.Thread(target=work)
    thread.start()
    turns, longest, last = 0, 0.0, time.monotonic()
    while thread.is_alive():
        time.sleep(0.001)
        now = time.monotonic()
        turns, longest, last = turns + 1, max(longest, now - last), now
    assert done and done[0].report.exists()
    assert turns > 100 and longest < 2.0


def test_a_module_as_student(photos: Path, tmp_path: Path) -> None:
    torch.manual_seed(3)
    begun = Small(classes=7)
    before = begun.body[0].weight.clone()
    run = retort.distill(
        photos,
        teacher="none",
        student=retort.Network(begun, size=32),
        out=tmp_path / "run",
        lr=0.01,
        epochs=3,
        threads=1,
        progress=False,
    )
    assert torch.equal(begun.body[0].weight, before)  # a copy was trained
    student = run.student
    assert student.fc.out_features == 3
    assert not torch.equal(student.body[0].weight, before)
    assert student.body[1].num_batches_tracked > 0
    assert set(student.state_dict()) == set(begun.state_dict())
    assert run.onnx.exists()
    with pytest.raises(retort.Error, match="student="):
        retort.load(run.folder).student  # noqa: B018
    again = retort.load(run.folder, student=retort.Network(begun, size=32)).student
    assert torch.equal(again.fc.weight, student.fc.weight)


def test_a_run_is_stopped_by_the_users_code_and_goes_on(photos: Path, tmp_path: Path) -> None:
    class Breaks(Small):
        looks = 0

        def forward(self, images: torch.Tensor) -> torch.Tensor:
            Breaks.looks += 1
            if Breaks.looks == 8:
                raise RuntimeError("out of luck")
            return super().forward(images)

    with pytest.raises(retort.Error, match="out of luck") as caught:
        retort.distill(
            photos, teacher=retort.Network(Breaks(), size=32), out=tmp_path / "run", **QUICK
        )
    assert isinstance(caught.value.__cause__, RuntimeError)


def test_messages_go_to_logging(
    photos: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    logger = logging.getLogger("retort")
    logger.addHandler(caplog.handler)
    logger.setLevel(logging.INFO)
    retort.distill(photos, teacher="none", out=tmp_path / "run", **QUICK)
    logger.removeHandler(caplog.handler)
    assert any("3 classes" in message for message in caplog.messages)


def test_a_comparison(small: Small, photos: Path, tmp_path: Path) -> None:
    compared = retort.compare(
        photos,
        teacher=retort.Network(small, size=32),
        student="shufflenet_v2_x0_5",
        out=tmp_path / "compare",
        seeds=1,
        arm=["scratch", "distill"],
        **QUICK,
    )
    assert {row["arm"].split()[0] for row in compared.rows} == {"scratch", "distill"}
    assert len(compared.table) == 2 and compared.report.exists()
    pandas = pytest.importorskip("pandas")
    assert isinstance(compared.table, pandas.DataFrame)
    assert compared.table["accuracy"].between(0, 100).all()


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"epoch": 3}, "epochs"),
        ({"epochs": -1}, "epochs"),
        ({"loss": "alignuniform"}, "alignuniform"),
        ({"teacher_head": "kept"}, "kept"),
        ({"teacher": "missing.pth"}, "missing.pth"),
    ],
)
def test_wrong_options_are_named(options: dict, says: str, photos: Path, tmp_path: Path) -> None:
    with pytest.raises(retort.Error, match=says) as caught:
        retort.distill(photos, **{"teacher": "none", "out": tmp_path / "run", **options})
    assert caught.value.what and str(caught.value)


def test_an_object_of_another_program(run: retort.Run, tmp_path: Path) -> None:
    with pytest.raises(retort.UsageError, match="give it again"):
        retort.distill(tmp_path, teacher="object:Small-00000000", out=tmp_path / "run")


def test_a_module_without_rows_of_features(photos: Path, tmp_path: Path) -> None:
    with pytest.raises(retort.UsageError, match="no layer 'fcc'"):
        retort.distill(
            photos, teacher=retort.Network(Small(), features="fcc"), out=tmp_path / "run"
        )
    half = retort.Network(Small().half(), size=32)
    with pytest.raises(retort.UsageError, match="float16"):
        retort.distill(photos, teacher=half, out=tmp_path / "run")
    with pytest.raises(retort.UsageError, match="no torch.nn.Module"):
        retort.Network(nn.Linear)


class Projected(nn.Module):
    """A loss that learns: the student's features, projected onto the teacher's."""

    def __init__(self) -> None:
        super().__init__()
        self.onto = nn.Linear(1024, 24)

    def forward(self, step: retort.StepView) -> torch.Tensor:
        return (self.onto(step.student_features) - step.teacher_features).pow(2).mean()


def test_a_loss_of_ones_own(small: Small, photos: Path, tmp_path: Path) -> None:
    seen: list[tuple] = []

    def matched(step: retort.StepView) -> torch.Tensor:
        seen.append((step.student_logits.shape, step.teacher_features.shape, step.labels.dtype))
        return (step.student_logits - step.teacher_logits).pow(2).mean()

    learned = Projected()
    before = learned.onto.weight.clone()
    run = retort.distill(
        photos,
        teacher=retort.Network(small, size=32),
        student="shufflenet_v2_x0_5",
        out=tmp_path / "run",
        loss=learned,
        logit_loss=matched,
        **QUICK,
    )
    assert seen and all(each[1][1] == 24 and each[2] == torch.int64 for each in seen)
    assert torch.equal(learned.onto.weight, before)  # a copy was trained
    assert any("matched" in name for name in run.metrics[0]["terms"])

    def wrong(step: retort.StepView) -> torch.Tensor:
        return step.student_logits

    with pytest.raises(retort.Error, match="numbers, not one"):
        retort.distill(
            photos,
            teacher=retort.Network(small, size=32),
            out=tmp_path / "wrong",
            logit_loss=wrong,
            **QUICK,
        )
