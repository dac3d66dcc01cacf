"""Files that are whole or not there, whatever ends the process or the machine. Does not import torch."""

from __future__ import annotations

import contextlib
import errno
import os
from pathlib import Path


def write_file(path: Path, content: str | bytes) -> None:
    """Write a file whole or not at all, on disk when this returns: temporary name, sync, rename, sync of the folder.

    A process that is killed meanwhile leaves `.<name>.tmp`, which the next call for this name replaces. Only for a path that
    one thread writes at a time.

    Raises:
        OSError: the disk is full, or the folder is not writable; an older file of that name stays.
    """
    temporary = path.with_name(f'.{path.name}.tmp')
    data = content.encode() if isinstance(content, str) else content
    try:
        with temporary.open('wb') as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
        sync_folder(path.parent)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise


def sync_folder(folder: Path) -> None:
    """Wait until the names in a folder are on disk, as far as its file system can tell.

    Raises:
        OSError: the folder cannot be opened, or the disk fails.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    except OSError as error:
        # Some file systems cannot sync a folder; the content of the files is synced anyway.
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(descriptor)
