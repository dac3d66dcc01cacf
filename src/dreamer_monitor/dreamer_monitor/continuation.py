"""A console that was killed goes on counting where it was: what it counted for the present launch is kept in a file.

A launch is known by the process that started the console: its number and the time at which it began.
"""

from __future__ import annotations

import dataclasses
import json
import os
from pathlib import Path

from dreamer_learning.atomic import write_file
from dreamer_learning.config import ConfigError, build
from dreamer_monitor.accounting import Counted

FILE = '.launch.json'


@dataclasses.dataclass(frozen=True)
class Continuation:
    """What the file holds.

    Attributes:
        launch: which launch it is about, see launch_key.
        earlier_steps, earlier_time: steps of all environments, and seconds of robot time, before this launch.
        counted: in this launch.
    """

    launch: str
    earlier_steps: int
    earlier_time: float
    counted: Counted


def launch_key() -> str:
    """Identifies the process that started this one; '' where the system does not tell (no /proc)."""
    parent = os.getppid()
    try:
        stat = Path(f'/proc/{parent}/stat').read_text(encoding='utf-8', errors='replace')
        # Fields of proc(5) from the third on: the second, the name in brackets, may hold anything. starttime is the 22nd.
        return f"{parent} {stat.rpartition(')')[2].split()[22 - 3]}"
    except (OSError, IndexError):
        return ''


def read(run_dir: Path, launch: str) -> Continuation | None:
    """What a console of this launch has written; None where there is none, or the file cannot be used."""
    if not launch:
        return None
    try:
        found = build(Continuation, json.loads((run_dir / FILE).read_text(encoding='utf-8')), FILE)
    except (OSError, ValueError, ConfigError):
        return None
    return found if found.launch == launch else None


def write(run_dir: Path, continuation: Continuation) -> None:
    """Write the file in one step.

    Raises:
        OSError: it cannot be written; an older one stays.
    """
    write_file(run_dir / FILE, json.dumps(dataclasses.asdict(continuation)) + '\n')


def remove(run_dir: Path) -> None:
    """The launch is over.

    Raises:
        OSError: the file is there and cannot be removed.
    """
    (run_dir / FILE).unlink(missing_ok=True)
