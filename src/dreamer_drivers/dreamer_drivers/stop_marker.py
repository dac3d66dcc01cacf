"""The emergency stop on disk: a file that is there while the stop is latched, so that it outlives the driver's process."""

from __future__ import annotations

import os
import tempfile
import urllib.parse
from pathlib import Path

from dreamer_learning.atomic import sync_folder, write_file


def state_folder(value: str) -> Path:
    """The folder named by the parameter `state_dir`; empty means ROS_HOME, or ~/.ros where that is not set."""
    return Path(os.path.expanduser(value or os.environ.get('ROS_HOME') or '~/.ros'))


def marker_name(node: str, domain: int, backend: str, robot: str) -> str:
    """File name of a driver's emergency stop: another driver's is another one, also where they share a folder.

    Args:
        node: fully qualified name, unique in its ROS domain.
        domain: ROS_DOMAIN_ID.
        backend, robot: the driver's parameters: a simulation and a real robot may take turns under one name.
    """
    own = urllib.parse.quote(robot, safe='')
    return f'domain_{domain}.{node.strip("/").replace("/", ".")}.{backend}.{own}.emergency_stop'


class StopMarker:
    """One driver's file. What cannot be written is no reason to move or to fail: it is told in `error`.

    Args:
        path: of the file. Its presence counts, not its content. Its folder is made when it is missing.
        node: fully qualified name of the driver, for who reads the file.

    Attributes:
        path: of the file.
        present: the file is there, or it cannot be known whether it is.
        error: why the file's state is not known or not as it should be; empty when all is well.
    """

    def __init__(self, path: Path, node: str) -> None:
        self.path = path
        self.present = False
        self.error = ''
        self._node = node
        self._look('from before the start cannot be ruled out')
        if self.present:
            return
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            tempfile.TemporaryFile(dir=path.parent).close()
        except OSError as error:
            self._fail('would be forgotten at a restart', error)

    def set(self) -> None:
        """Have the file on disk when this returns; costs a look at the disk where it is there already."""
        self._look('may not be on disk')
        if self.present:
            return
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            text = f'emergency stop of {self._node}; the service clear_emergency_stop removes this file\n'
            write_file(self.path, text)
        except OSError as error:
            self._fail('would be forgotten at a restart', error)
        else:
            self.present, self.error = True, ''

    def clear(self) -> None:
        """Remove the file."""
        try:
            self.path.unlink(missing_ok=True)
            sync_folder(self.path.parent)
        except OSError as error:
            # Without a folder there is no file that could come back.
            if self.present:
                self._fail('would be in force again after a restart', error)
        else:
            self.present, self.error = False, ''

    def _look(self, unknown: str) -> None:
        """Bring `present` up to date, and `error` where that is about it; `unknown`: what it means that neither can be known."""
        try:
            os.lstat(self.path)
        except (FileNotFoundError, NotADirectoryError):
            self.present = False
        except OSError as error:
            # Who cannot know that the robot may move must not move it.
            self.present = True
            self._fail(unknown, error)
        else:
            self.present, self.error = True, ''

    def _fail(self, consequence: str, error: OSError) -> None:
        self.error = f'state_dir: an emergency stop {consequence}: {self.path}: {error.strerror or error}'
