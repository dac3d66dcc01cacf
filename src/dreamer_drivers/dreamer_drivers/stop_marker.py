"""The emergency stop on disk: a file that is there while the stop is latched, so that it outlives the driver's process."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from dreamer_learning.atomic import sync_folder, write_file


def state_folder(value: str) -> Path:
    """The folder named by the parameter `state_dir`; empty means ROS_HOME, or ~/.ros where that is not set."""
    return Path(os.path.expanduser(value or os.environ.get('ROS_HOME') or '~/.ros'))


class StopMarker:
    """One driver's file. What cannot be read or written is no reason to move or to fail: it is told in `error`.

    Args:
        folder: made when it is missing.
        node: fully qualified name of the driver, which is unique on its robot: /a/driver has a.driver.emergency_stop.

    Attributes:
        path: of the file. Its presence counts, not its content.
        present: the file is there.
        error: why the file's state is not known or not as it should be; empty when all is well.
    """

    def __init__(self, folder: Path, node: str) -> None:
        self.path = folder / f'{node.strip("/").replace("/", ".")}.emergency_stop'
        self.present = False
        self.error = ''
        self._node = node
        try:
            self.present = self.path.exists()
            folder.mkdir(parents=True, exist_ok=True)
            tempfile.TemporaryFile(dir=folder).close()
        except OSError as error:
            self._fail('would be forgotten at a restart', error)

    def set(self) -> None:
        """Have the file on disk when this returns; costs nothing where it is there already."""
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

    def _fail(self, consequence: str, error: OSError) -> None:
        self.error = f'state_dir: an emergency stop {consequence}: {self.path}: {error.strerror or error}'
