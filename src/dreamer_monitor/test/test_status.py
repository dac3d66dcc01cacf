"""The console line."""

import dataclasses

import pytest

from dreamer_monitor.status import Alerts, Status, clock, format_line, in_namespace, losses_of

FULL = Status(
    robot_time=3725.0, env_steps=74500, steps_per_second=19.98, episode_reward=9.1234, running_reward=8.7,
    updates=1000, updates_per_second=3.14, replay_size=74400, weights_updates=12345, weights_age=4.2,
    latency_p50=1.94, latency_p99=6.08, losses={'loss': 12.345, 'image': 1234.5, 'dyn': 0.5},
)


def test_everything_on_a_wide_terminal() -> None:
    assert format_line(FULL, 250) == (
        '1:02:05  74,500 steps 20.0/s  reward 9.12 (5 min 8.70)  3.14 updates/s  replay 74,400  weights 12,345 updates, 4 s old  '
        'actor 1.9/6.1 ms  loss 12.3  image 1234  dyn 0.50'
    )


def test_never_wider_than_the_terminal() -> None:
    status = dataclasses.replace(FULL, alert='ERROR recorder: not recording: No space left on device')
    assert all(len(format_line(status, width)) <= width for width in range(1, 250))


def test_the_least_important_goes_first() -> None:
    line = format_line(FULL, 80)
    assert line == '1:02:05  74,500 steps 20.0/s  reward 9.12 (5 min 8.70)  3.14 updates/s'


def test_an_alert_is_shown_also_on_a_narrow_terminal() -> None:
    status = dataclasses.replace(FULL, alert='ERROR recorder: not recording: No space left on device')
    assert 'ERROR recorder' in format_line(status, 80)
    assert format_line(status, 60).startswith('1:02:05  74,500 steps 20.0/s')


def test_at_the_start() -> None:
    assert format_line(Status(), 80) == '0:00:00  0 steps 0.00/s'
    assert format_line(Status(weights_updates=0), 80).endswith('no weights yet')


@pytest.mark.parametrize(('seconds', 'text'), [(0, '0:00:00'), (59.9, '0:00:59'), (360000, '100:00:00')])
def test_clock(seconds: float, text: str) -> None:
    assert clock(seconds) == text


def test_losses_are_found_by_name() -> None:
    metrics = {'replay_size': 5.0, 'loss/dyn': 1.0, 'loss': 3.0, 'loss/rec': 2.0}
    assert list(losses_of(metrics).items()) == [('loss', 3.0), ('dyn', 1.0), ('rec', 2.0)]


def test_the_worst_alert_wins_and_ends() -> None:
    alerts = Alerts()
    assert alerts.worst(0.0) == ''
    alerts.add('robot_1/driver: gate', 1, '3 commands refused', 0.0)
    alerts.add('robot_1/recorder: recording', 2, 'disk full', 0.0)
    assert alerts.worst(1.0) == 'ERROR recorder: disk full (+1)'
    alerts.add('robot_1/recorder: recording', 0, 'recording', 2.0)
    assert alerts.worst(2.0) == 'WARN driver: 3 commands refused'
    assert alerts.worst(20.0) == ''


@pytest.mark.parametrize(('name', 'namespace', 'own'), [
    ('driver: gate', '/', True),
    ('/driver: gate', '/', True),
    ('robot_1/driver: gate', '/', False),
    ('robot_1/driver: gate', '/robot_1', True),
    ('robot_12/driver: gate', '/robot_1', False),
    ('driver: gate', '/robot_1', False),
    ('lab/robot_1/driver: rate: a/b', '/lab/robot_1', True),
    ('lab/robot_1/driver: gate', '/lab', False),
])
def test_only_reports_of_the_own_namespace_count(name: str, namespace: str, own: bool) -> None:
    assert in_namespace(name, namespace) is own
