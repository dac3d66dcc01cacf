"""What a command is made of, and how it reports a user's mistake."""

from __future__ import annotations

import difflib
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Callable, Iterable
from dataclasses import dataclass


class CommandError(Exception):
    """A mistake of the user or a thing that is not there: printed as it stands, exit code 1."""


def no_arguments(_parser: ArgumentParser) -> None:
    """For verbs that take none."""


@dataclass(frozen=True)
class Verb:
    """One verb: its line in the help, its arguments, and what it does.

    `run` returns the exit code (None = 0) and raises CommandError. `rest` names a list argument that also takes the words
    after an option: argparse fills an argument of any number of words only up to the first option. With `takes_anything`
    arguments that it does not know are no mistake.
    """

    help: str
    run: Callable[[Namespace], int | None]
    add_arguments: Callable[[ArgumentParser], None] = no_arguments
    rest: str = ''
    takes_anything: bool = False


def nearest(name: str, known: Iterable[str]) -> str:
    """'; did you mean ...?' for the known name that is most like it, or nothing."""
    matches = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
    return f"; did you mean '{matches[0]}'?" if matches else ''


def positive_float(text: str) -> float:
    """An argparse type: a number above zero."""
    value = _number(text)
    if not 0.0 < value < float('inf'):
        raise ArgumentTypeError(f"'{text}' is not a positive number")
    return value


def unsigned_float(text: str) -> float:
    """An argparse type: a number, not negative."""
    value = _number(text)
    if not 0.0 <= value < float('inf'):
        raise ArgumentTypeError(f"'{text}' is not a number of zero or more")
    return value


def positive_int(text: str) -> int:
    """An argparse type: a whole number above zero."""
    if unsigned_int(text) == 0:
        raise ArgumentTypeError(f"'{text}' is not a positive whole number")
    return int(text)


def unsigned_int(text: str) -> int:
    """An argparse type: a whole number, not negative."""
    if not (text.isascii() and text.isdigit()):
        raise ArgumentTypeError(f"'{text}' is not a whole number of zero or more")
    return int(text)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError as error:
        raise ArgumentTypeError(f"'{text}' is not a number") from error
