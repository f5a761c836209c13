"""Errors that say what is wrong, where it is, and how to mend it."""

from __future__ import annotations


class _Parts(BaseException):
    """An error's text in parts, as in the library."""

    def __init__(self, text: str, what: str = "", where: str = "", mend: str = "") -> None:
        super().__init__(text)
        self.what = what or text
        self.where = where
        self.mend = mend

    def __reduce__(self) -> tuple[type, tuple[str, str, str, str]]:
        return type(self), (str(self), self.what, self.where, self.mend)


class Error(_Parts, Exception):
    """An error that retort raises on purpose."""


class UsageError(Error, ValueError):
    """A request that cannot be meant: a value out of range, an unknown name."""


class Interrupted(_Parts, KeyboardInterrupt):
    """Ctrl-C stopped a job. Its progress is kept: the same call with resume=True continues."""


def usage(what: str, where: str = "", mend: str = "") -> UsageError:
    text = (f"{where}: " if where else "") + what + (f"\n  to mend it: {mend}" if mend else "")
    return UsageError(text, what, where, mend)
