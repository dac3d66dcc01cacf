"""Nodes that keep files: which failures a user must mend, and which may pass by themselves."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from rclpy.node import Node

from dreamer_learning.config import ConfigError
from dreamer_node.runtime import run_node


@contextlib.contextmanager
def making_folders(folder: Path) -> Iterator[None]:
    """A path that can never become this folder is a ConfigError; a full disk or a missing permission stays an OSError.

    Raises:
        ConfigError: a part of the path is a file.
    """
    try:
        yield
    except (FileExistsError, NotADirectoryError) as error:
        raise ConfigError(f'run_dir: {error.filename or folder}: {error.strerror}') from None


def run_storing_node(factory: Callable[[], Node]) -> int:
    """`run_node` for a node that writes files; returns the exit code.

    A disk that cannot be written when the node starts ends it with one line and exit code 1: launch starts it again, and
    the robot's control loop goes on meanwhile.
    """
    try:
        return run_node(factory)
    except OSError as error:
        name = '' if error.filename is None else f'{error.filename}: '
        print(f'error: {name}{error.strerror or error}', file=sys.stderr, flush=True)
        return 1
