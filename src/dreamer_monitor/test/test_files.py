"""What the monitor keeps in the run directory."""

import csv
from pathlib import Path

import numpy as np
import pytest
from made import made

from dreamer_learning.config import ConfigError
from dreamer_monitor.monitor import Monitor
from dreamer_monitor.progress import FIELDS, Progress, Row
from dreamer_monitor.status import format_line


def monitor(run_dir: Path, warnings: list[str] | None = None, **limits: float) -> Monitor:
    steps, duration = int(limits.get('steps', 0)), limits.get('duration', 0.0)
    return Monitor(run_dir, False, steps, duration, (warnings if warnings is not None else []).append)


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline='') as file:
        return list(csv.DictReader(file))


def test_progress_is_continued_by_the_next_launch(tmp_path: Path) -> None:
    first = monitor(tmp_path)
    for step in range(101):
        first.add_step(made(step, reward=3.0))
        if step == 50:
            first.note(1.0)
    first.finish('stopped', 2.0)
    second = monitor(tmp_path)
    assert second.env_steps == 101
    assert second.robot_time == pytest.approx(5.0)
    for step in range(21):
        second.add_step(made(step, reward=6.0, stream=9))
    text = second.finish('stopped', 3.0)
    written = rows(tmp_path / 'progress.csv')
    assert [int(row['env_steps']) for row in written] == [51, 101, 122]
    assert [float(row['robot_time']) for row in written] == pytest.approx([2.5, 5.0, 6.0])
    assert [float(row['reward']) for row in written] == pytest.approx([3.0, 3.0, 6.0])
    assert int(written[0]['reward_steps']) + int(written[1]['reward_steps']) == 90
    # 90 rewards of 3 and 18 of 6: the curve goes on where it was.
    assert 'reward       3.50 per step in the last 5 minutes' in text
    assert (tmp_path / 'learning_curve.png').is_file()
    assert (tmp_path / 'summary.txt').read_text() == text


def test_a_console_that_was_killed_goes_on_with_its_launch(tmp_path: Path) -> None:
    def begin(launch: str) -> Monitor:
        return Monitor(tmp_path, False, 100, 0.0, print, launch)

    earlier = begin('77 1')
    for step in range(30):
        earlier.add_step(made(step, stream=1))
    earlier.finish('stopped', 1.0)
    killed = begin('78 2')
    for step in range(40):
        killed.add_step(made(step, stream=2))
    killed.note(1.0)
    for step in range(40, 70):
        killed.add_step(made(step, stream=2))
    again = begin('78 2')
    assert (again.accounting.steps, again.env_steps, again.finished) == (40, 70, '')
    for step in range(75, 99):
        again.add_step(made(step, stream=2))
    assert (again.accounting.steps, again.env_steps, again.robot_time) == (99, 129, pytest.approx(29 * 0.05 + 98 * 0.05))
    again.add_step(made(99, stream=2))
    assert again.finished == '100 steps reached'
    again.note(2.0)
    assert begin('78 2').finished == '100 steps reached'
    # Another launch counts anew, and so does the next one of the same process after an end.
    assert begin('79 3').accounting.steps == 0
    last = begin('79 3')
    last.add_step(made(0, stream=3))
    last.finish('stopped', 3.0)
    assert begin('79 3').accounting.steps == 0


@pytest.mark.parametrize('text', ['', '{', '[]', '{"launch": "78 2"}', '{"launch": "78 2", "earlier_steps": "x"}'])
def test_counts_that_cannot_be_read_are_begun_anew(tmp_path: Path, text: str) -> None:
    (tmp_path / '.launch.json').write_text(text)
    assert Monitor(tmp_path, False, 0, 0.0, print, '78 2').accounting.steps == 0


def test_a_line_that_was_cut_short_is_removed(tmp_path: Path) -> None:
    path = tmp_path / 'progress.csv'
    row = Row(1.0, 2.0, 3, 4.0, None, 0, None, None)
    Progress(path).append(row)
    whole = path.read_bytes()
    path.write_bytes(whole + b'5.0,6.0,7')
    progress = Progress(path)
    assert progress.earlier == [row]
    assert path.read_bytes() == whole
    progress.append(row)
    assert len(rows(path)) == 2


def test_a_file_with_other_columns_is_set_aside(tmp_path: Path) -> None:
    path = tmp_path / 'progress.csv'
    path.write_text('a,b\n1,2\n')
    assert Progress(path).earlier == []
    assert path.read_text() == ','.join(FIELDS) + '\n'
    assert (tmp_path / 'progress.1.csv').read_text() == 'a,b\n1,2\n'


def test_limits(tmp_path: Path) -> None:
    by_steps, by_time = monitor(tmp_path / 'a', steps=5), monitor(tmp_path / 'b', duration=0.2)
    for step in range(4):
        by_steps.add_step(made(step))
        by_time.add_step(made(step))
    assert by_steps.finished == by_time.finished == ''
    by_steps.add_step(made(4))
    by_time.add_step(made(4))
    assert by_steps.finished == '5 steps reached'
    assert by_time.finished == '0.2 s of robot time reached'


def test_the_status_comes_from_both_nodes(tmp_path: Path) -> None:
    run = monitor(tmp_path)
    run.status(0.0)
    run.add_learner({'loss': 2.0, 'loss/dyn': 1.0, 'replay_size': 500.0, 'weights_version': 1.7e12}, updates=40)
    run.add_actor({'latency_p50_ms': 1.5, 'latency_p99_ms': 4.0, 'weights_updates': 38.0, 'weights_age_s': 3.0}, now=8.0)
    for step in range(21):
        run.add_step(made(step))
    status = run.status(10.0)
    assert status.updates_per_second == pytest.approx(4.0)
    assert status.steps_per_second == pytest.approx(2.1)
    assert (status.weights_updates, status.weights_age) == (38, pytest.approx(5.0))
    run.add_actor({'weights_updates': 0.0}, now=11.0)
    assert run.status(12.0).weights_age is None, 'an actor that came back has no weights yet'
    assert status.losses == {'loss': 2.0, 'dyn': 1.0}
    assert status.replay_size == 500.0
    assert status.episode_reward == pytest.approx(1.0)


def test_numbers_that_are_none_do_no_harm(tmp_path: Path) -> None:
    run = monitor(tmp_path)
    nan = float('nan')
    run.add_learner({'loss': nan, 'replay_size': nan, 'weights_version': nan}, updates=1)
    run.add_actor({'latency_p50_ms': nan, 'weights_updates': nan}, now=0.0)
    for step in range(20):
        run.add_step(made(step, reward=nan))
    status = run.status(1.0)
    assert status.weights_updates is None
    assert 'loss nan' in format_line(status, 200)
    run.finish('stopped', 2.0)
    assert len(monitor(tmp_path)._progress.earlier) == 1


def test_tensorboard_files(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    run = Monitor(tmp_path, True, 0, 0.0, print)
    for step in range(10):
        run.add_step(made(step, reward=4.0))
    run.add_learner({'loss/dyn': 1.25}, updates=1)
    run.add_actor({'latency_p50_ms': 2.0}, now=0.0)
    run.add_image(np.full((4, 6, 3), (255, 0, 0), np.uint8))
    run.finish('stopped', 1.0)
    read = EventAccumulator(str(tmp_path / 'tensorboard'))
    read.Reload()
    assert {'loss/dyn', 'actor/latency_p50_ms', 'episode/reward', 'reward/5_minutes'} <= set(read.Tags()['scalars'])
    (event,) = read.Scalars('episode/reward')
    assert (event.step, event.value) == (10, 4.0)
    (image,) = read.Images('imagination')
    assert (image.width, image.height) == (6, 4)


def test_a_full_disk_is_reported_once(tmp_path: Path) -> None:
    import resource

    warnings: list[str] = []
    run = monitor(tmp_path, warnings)
    before = (tmp_path / 'progress.csv').read_bytes()
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) + 5, limits[1]))
    try:
        run.note(1.0)
        run.note(2.0)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert len(warnings) == 1
    assert 'progress.csv' in warnings[0]
    assert (tmp_path / 'progress.csv').read_bytes() == before
    run.note(3.0)
    assert len(rows(tmp_path / 'progress.csv')) == 1


def test_a_run_directory_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / 'file').touch()
    with pytest.raises(ConfigError, match='run_dir'):
        monitor(tmp_path / 'file' / 'run')
