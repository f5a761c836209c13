"""The library's log in Python: messages go to logging, progress to tqdm."""

from __future__ import annotations

import importlib.util
import logging
import warnings
from typing import Any

logger = logging.getLogger("retort")


def _to_be_seen() -> None:
    """Shows messages on the terminal where the program has not set up logging."""
    if logger.hasHandlers() or logger.level != logging.NOTSET:
        return
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter("%(message)s"))
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False


class Log:
    """The log that the extension calls: `info`, `warn`, `progress`."""

    def __init__(self, progress: bool) -> None:
        self._shows = progress and importlib.util.find_spec("tqdm") is not None
        self._bar: Any = None
        _to_be_seen()

    def __enter__(self) -> Log:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def info(self, message: str) -> None:
        self._say(logging.INFO, message)

    def warn(self, message: str) -> None:
        self._say(logging.WARNING, message)

    def progress(
        self,
        task: str,
        unit: str,
        done: int,
        total: int,
        rate: float,
        seconds_left: float,
        detail: str,
    ) -> None:
        if not self._shows:
            logger.debug("%s: %d of %d %s, %.0f/s %s", task, done, total, unit, rate, detail)
            return
        if self._bar is None or self._bar.desc != task or self._bar.total != total:
            with warnings.catch_warnings():  # tqdm warns where a notebook has no ipywidgets
                warnings.simplefilter("ignore")
                from tqdm.auto import tqdm
            self._close()
            self._bar = tqdm(
                total=total, desc=task, unit=unit, leave=False, unit_scale=unit == "bytes"
            )
            self._bar.desc = task
        self._bar.set_postfix_str(detail, refresh=False)
        self._bar.update(done - self._bar.n)

    def _say(self, level: int, message: str) -> None:
        if self._bar is not None:
            self._bar.clear()
        logger.log(level, "%s", message)

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None
