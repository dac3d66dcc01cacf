import errno
import os
from pathlib import Path

import numpy as np
import pytest
import torch

from dreamer_learning import checkpoint
from dreamer_learning.checkpoint import CheckpointError


def payload(step: int) -> dict:
    return {
        'step': step, 'ratio': 0.1, 'text': 'ä', 'nothing': None, 'big': 2**80,
        'nested': {'weights': torch.full((3, 2), float(step)), 'rng': torch.Generator().get_state()},
        'array': np.arange(4, dtype=np.uint8), 'list': [1, torch.zeros(1), 'x'], 'scalar': torch.tensor(2.5),
        'numpy': np.float64(0.25),
    }


def same(a: object, b: object) -> bool:
    if isinstance(a, dict):
        return isinstance(b, dict) and a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    if isinstance(a, list):
        return isinstance(b, list) and len(a) == len(b) and all(map(same, a, b))
    if isinstance(a, torch.Tensor):
        return isinstance(b, torch.Tensor) and a.dtype == b.dtype and torch.equal(a, b)
    if isinstance(a, np.ndarray):
        return isinstance(b, np.ndarray) and a.dtype == b.dtype and np.array_equal(a, b)
    return a == b


def write(folder: Path, *steps: int) -> None:
    for step in steps:
        checkpoint.save(folder / checkpoint.name(step), payload(step))


def test_round_trip_keeps_values_and_types(tmp_path: Path) -> None:
    write(tmp_path, 7)
    assert same(payload(7), checkpoint.load(tmp_path / checkpoint.name(7)))
    assert [path.name for path in tmp_path.iterdir()] == ['checkpoint-000000000007.safetensors']


def test_an_outline_has_what_is_no_tensor(tmp_path: Path) -> None:
    write(tmp_path, 7)
    content = checkpoint.outline(tmp_path / checkpoint.name(7))
    assert (content['step'], content['text'], content['numpy']) == (7, 'ä', 0.25)
    with pytest.raises(CheckpointError, match='nowhere: not a complete checkpoint'):
        checkpoint.outline(tmp_path / 'nowhere')


def test_latest_intact_is_taken_and_a_truncated_one_is_passed_over(tmp_path: Path) -> None:
    write(tmp_path, 9, 10, 11)
    newest = tmp_path / checkpoint.name(11)
    newest.write_bytes(newest.read_bytes()[:-5])
    loaded = checkpoint.load_latest(tmp_path)
    assert loaded is not None
    assert loaded.payload['step'] == 10
    assert len(loaded.warnings) == 1
    assert newest.name in loaded.warnings[0]


def test_altered_bytes_are_noticed(tmp_path: Path) -> None:
    write(tmp_path, 1)
    path = tmp_path / checkpoint.name(1)
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data)
    with pytest.raises(CheckpointError, match='checksum'):
        checkpoint.load(path)
    with pytest.raises(CheckpointError, match='none of the 1 checkpoints is intact'):
        checkpoint.load_latest(tmp_path)


@pytest.mark.parametrize('content', [b'', b'\x80\x04\x95pickle', b'\x10' + b'\0' * 7 + b'{}'])
def test_other_files_are_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / checkpoint.name(1)
    path.write_bytes(content)
    with pytest.raises(CheckpointError, match='not a complete checkpoint'):
        checkpoint.load(path)


def test_empty_or_missing_folder_has_no_checkpoint(tmp_path: Path) -> None:
    assert checkpoint.load_latest(tmp_path) is None
    assert checkpoint.load_latest(tmp_path / 'none') is None


def test_prune_keeps_the_newest(tmp_path: Path) -> None:
    write(tmp_path, 1, 2, 30)
    checkpoint.prune(tmp_path, 2)
    assert sorted(path.name for path in tmp_path.iterdir()) == [checkpoint.name(2), checkpoint.name(30)]


def test_prune_removes_what_a_killed_writer_left_but_not_what_is_being_written(tmp_path: Path) -> None:
    write(tmp_path, 1)
    newest = (tmp_path / checkpoint.name(1)).stat().st_mtime_ns
    for name, age in (('.checkpoint-000000000000.safetensors.tmp', -1), ('.checkpoint-000000000002.safetensors.tmp', 1)):
        (tmp_path / name).write_bytes(b'half')
        os.utime(tmp_path / name, ns=(newest, newest + age * 10**9))
    checkpoint.prune(tmp_path, 3)
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names == ['.checkpoint-000000000002.safetensors.tmp', checkpoint.name(1)]
    checkpoint.prune(tmp_path / 'none', 3)


def test_full_disk_is_a_clear_error_and_the_old_checkpoint_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, 5)
    before = (tmp_path / checkpoint.name(5)).read_bytes()

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, 'fsync', full)
    with pytest.raises(CheckpointError, match='No space left on device; the previous checkpoint stays'):
        checkpoint.save(tmp_path / checkpoint.name(5), payload(6))
    assert [path.name for path in tmp_path.iterdir()] == [checkpoint.name(5)]
    assert (tmp_path / checkpoint.name(5)).read_bytes() == before


def test_objects_that_need_pickle_are_refused(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"'a/b' is a set"):
        checkpoint.save(tmp_path / checkpoint.name(1), {'a': {'b': {1}}})
