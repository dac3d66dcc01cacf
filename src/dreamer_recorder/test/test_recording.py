"""Rotation, duplicates, a full disk, the lock."""

import resource
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml
from steps import messages, stock_read

from dreamer_learning.config import ConfigError
from dreamer_node.testing import wait_for
from dreamer_recorder.mcap import Message
from dreamer_recorder.reader import read_steps
from dreamer_recorder.recording import Recording
from dreamer_recorder.scan import files_in_order, is_finished


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Recording]]:
    started: list[Recording] = []

    def make(size: int = 1 << 20, period: float = 0.01, said: list[tuple[str, str]] | None = None) -> Recording:
        started.append(Recording(tmp_path, size, period, lambda *args: None if said is None else said.append(args)))
        return started[-1]

    yield make
    for recording in started:
        if recording.alive:
            recording.close()


def put(recording: Recording, items: list[Message]) -> None:
    for item in items:
        recording.add(item.topic, item.data, item.time)


def test_rotation(tmp_path: Path, start: Callable[..., Recording]) -> None:
    recording = start(size=4096)
    for first in range(0, 40, 4):
        put(recording, messages(first, first + 4))
        wait_for(lambda first=first: recording.status.messages == 2 * (first + 4), 'the flush')
    recording.close()
    files = files_in_order(tmp_path)
    assert len(files) > 2
    assert {path.parent.name for path in files} == {'steps_0001'}
    assert all(is_finished(path) and path.stat().st_size < 16384 for path in files)
    content = yaml.safe_load((tmp_path / 'steps_0001' / 'metadata.yaml').read_text())['rosbag2_bagfile_information']
    assert content['relative_file_paths'] == [path.name for path in files]
    assert sum(item['message_count'] for item in content['files']) == content['message_count'] == 80
    assert len(stock_read(tmp_path / 'steps_0001')) == 80
    assert [step.step for step in read_steps(tmp_path)] == list(range(40))


def test_duplicates_and_gaps_are_counted(tmp_path: Path, start: Callable[..., Recording]) -> None:
    recording = start()
    put(recording, messages(0, 10) + messages(5, 12) + messages(15, 18))
    recording.close()
    status = recording.status
    assert (status.messages, status.duplicates, status.gaps, status.missing) == (30, 10, 1, 3)
    assert [step.step for step in read_steps(tmp_path)] == [*range(12), *range(15, 18)]


def test_a_restart_knows_what_was_recorded(tmp_path: Path, start: Callable[..., Recording]) -> None:
    first = start()
    put(first, messages(0, 30))
    first.close()
    second = start()
    put(second, messages(20, 35) + messages(40, 41))
    second.close()
    status = second.status
    assert (status.messages, status.duplicates, status.gaps, status.missing) == (12, 20, 1, 5)
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_dir()) == ['steps_0001', 'steps_0002']
    assert [step.step for step in read_steps(tmp_path)] == [*range(35), 40]


def test_nothing_recorded_leaves_no_bag(tmp_path: Path, start: Callable[..., Recording]) -> None:
    start().close()
    assert [path.name for path in tmp_path.iterdir()] == ['.lock']


def test_a_file_can_be_read_while_it_is_written(tmp_path: Path, start: Callable[..., Recording]) -> None:
    recording = start()
    put(recording, messages(0, 10))
    wait_for(lambda: recording.status.messages == 20, 'the flush')
    assert [step.step for step in read_steps(tmp_path)] == list(range(10))
    put(recording, messages(10, 20))
    recording.close()
    assert [step.step for step in read_steps(tmp_path)] == list(range(20))


def test_a_full_disk_stops_recording_until_there_is_space(tmp_path: Path, start: Callable[..., Recording]) -> None:
    said: list[tuple[str, str]] = []
    recording = start(said=said)
    put(recording, messages(0, 10))
    wait_for(lambda: recording.status.messages == 20, 'the flush')
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (recording.status.bytes + 100, limits[1]))
    try:
        put(recording, messages(10, 20))
        wait_for(lambda: recording.status.error != '', 'the error')
        put(recording, messages(20, 30))
        wait_for(lambda: recording.status.pending == 40, 'another try')
        assert [step.step for step in read_steps(tmp_path)] == list(range(10))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    wait_for(lambda: recording.status.error == '', 'recording again')
    recording.close()
    assert [level for level, _ in said] == ['error', 'info']
    assert 'goes on when there is space' in said[0][1]
    assert recording.status.lost == 0
    assert [step.step for step in read_steps(tmp_path)] == list(range(30))
    assert len(stock_read(tmp_path / 'steps_0001')) == 60


def test_memory_is_bounded_while_the_disk_is_full(
    tmp_path: Path, start: Callable[..., Recording], monkeypatch: pytest.MonkeyPatch
) -> None:
    items = messages(0, 20)
    monkeypatch.setattr('dreamer_recorder.recording.KEPT_BYTES', sum(len(item.data) for item in items[-10:]))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    recording = start()
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, limits[1]))
    try:
        put(recording, items)
        wait_for(lambda: recording.status.lost == 30, 'the oldest to be dropped')
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    wait_for(lambda: recording.status.messages == 10, 'the newest on disk')
    recording.close()
    assert [step.step for step in read_steps(tmp_path)] == list(range(15, 20))


def test_times_never_run_back(tmp_path: Path, start: Callable[..., Recording]) -> None:
    recording = start()
    items = messages(0, 6)
    for item in items:
        recording.add(item.topic, item.data, 2 * 10**18 - item.time)
    recording.close()
    assert len(stock_read(tmp_path / 'steps_0001')) == 12
    assert [step.step for step in read_steps(tmp_path)] == list(range(6))


def test_a_second_recorder_is_refused(tmp_path: Path, start: Callable[..., Recording]) -> None:
    first = start()
    with pytest.raises(ConfigError, match='another recorder'):
        start()
    first.close()
    start()


def test_a_run_directory_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / 'file').touch()
    with pytest.raises(ConfigError, match='run_dir'):
        Recording(tmp_path / 'file' / 'bags', 1 << 20, 1.0, print)


def test_a_disk_that_is_full_at_the_start_is_no_configuration_error(
    tmp_path: Path, start: Callable[..., Recording]
) -> None:
    recording = start()
    put(recording, messages(0, 4))
    recording.close()
    (path,) = files_in_order(tmp_path)
    path.write_bytes(path.read_bytes()[:-40])
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    # The cut file cannot be finished.
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))
    try:
        with pytest.raises(OSError, match='File too large'):
            start()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    start().close()
    assert is_finished(path)
