"""What several benchmarks share: checked options, a folder that is free, a warning, the end of a log."""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import yaml

from dreamer_learning.config import SEEDS, ConfigError

Number = TypeVar('Number', int, float)


def number(least: Number, most: float = math.inf) -> Callable[[str], Number]:
    """The type of an option, for argparse: a finite number of the type of `least`, within bounds that belong to it."""
    kind = type(least)
    bounds = f'at least {least}' if most == math.inf else f'from {least} to {most}'

    def convert(text: str) -> Number:
        try:
            value = kind(text)
            if math.isfinite(value) and least <= value <= most:
                return value
        except (ValueError, OverflowError):
            pass
        raise argparse.ArgumentTypeError(f'{text}: {"an integer" if kind is int else "a number"}, {bounds}')
    return convert


seed = number(0, int(SEEDS.high))


def mapping(option: str, text: str) -> dict[str, Any]:
    """The YAML mapping that an option gives.

    Raises:
        ConfigError: it is none. The message names the option.
    """
    try:
        value = yaml.safe_load(text) or {}
    except yaml.YAMLError as error:
        raise ConfigError(f'{option}: not valid YAML: {" ".join(str(error).split())}') from None
    if not isinstance(value, dict) or not all(isinstance(key, str) for key in value):
        raise ConfigError(f'{option} {text}: a mapping with text keys, for example {{replay: {{batch: 8}}}}')
    return value


def check_free(progress: Path) -> None:
    """
    Raises:
        ConfigError: the progress file of a run is there already.
    """
    if progress.exists():
        raise ConfigError(f'--out: {progress.parent} holds a run already; choose another folder, or remove that run')


def info(line: str) -> None:
    print(line, flush=True)


def warn(line: str) -> None:
    print(f'warning: {line}', file=sys.stderr, flush=True)


def tail(path: Path, lines: int = 15) -> str:
    """The last lines of a log, indented."""
    return '\n'.join('  | ' + line for line in path.read_text(errors='replace').splitlines()[-lines:])
