"""Calls that mypy must refuse: --strict names an ignored error that is none.

scripts/check_wheel.sh runs it; nothing here is executed.
"""

import retort

run = retort.distill("photos", teacher="none", out="run", epochs=3, loss="crd", tensorboard=True)
run.summary["classes"]
retort.distill("photos", teacher="none", out="run", epochs="ten")  # type: ignore[arg-type]
retort.distill("photos", teacher="none", out="run", epoch=3)  # type: ignore[call-arg]
retort.distill("photos", out="run")  # type: ignore[call-arg]
retort.compare("photos", out="run", tensorboard=1.5)  # type: ignore[arg-type]
run.test_accuracy + 1  # type: ignore[operator]
retort.predict(run, ["a.jpg"])[0].labels  # type: ignore[attr-defined]
