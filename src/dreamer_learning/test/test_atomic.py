import errno
import os
from pathlib import Path

import pytest

from dreamer_learning.atomic import write_file


def failing(monkeypatch: pytest.MonkeyPatch, code: int, call: int) -> None:
    """Let the n-th fsync fail: 1 is that of the file, 2 that of its folder."""
    sync, calls = os.fsync, []

    def fsync(descriptor: int) -> None:
        calls.append(descriptor)
        if len(calls) == call:
            raise OSError(code, os.strerror(code))
        sync(descriptor)

    monkeypatch.setattr(os, 'fsync', fsync)


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / 'a.txt'
    # What a killed process left is in nobody's way.
    (tmp_path / '.a.txt.tmp').write_text('a longer text than the new one')
    write_file(path, 'old')
    write_file(path, 'né')
    assert path.read_text(encoding='utf-8') == 'né'
    write_file(path, b'\x00\xff')
    assert path.read_bytes() == b'\x00\xff'
    assert list(tmp_path.iterdir()) == [path]


def test_a_failed_write_keeps_the_old_file_and_leaves_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / 'a.txt'
    write_file(path, 'old')
    with pytest.raises(UnicodeEncodeError):
        write_file(path, '\ud800')
    failing(monkeypatch, errno.ENOSPC, 1)
    with pytest.raises(OSError, match='No space left'):
        write_file(path, 'new')
    assert path.read_text() == 'old'
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_cannot_be_synced_is_fine_but_a_failing_disk_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / 'a.txt'
    failing(monkeypatch, errno.EINVAL, 2)
    write_file(path, 'new')
    assert path.read_text() == 'new'
    failing(monkeypatch, errno.EIO, 2)
    with pytest.raises(OSError, match='Input/output error'):
        write_file(path, 'newer')
