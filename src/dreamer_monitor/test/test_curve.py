"""The learning curve."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from dreamer_monitor.accounting import Mean
from dreamer_monitor.chart import HEIGHT, WIDTH, label, ticks
from dreamer_monitor.curve import BINS, EPISODES, Curve, draw, render, time_unit


def test_bins_average_all_steps_of_five_minutes() -> None:
    curve = Curve()
    curve.add(0.0, Mean(2.0, 2))
    curve.add(299.9, Mean(12.0, 2))
    curve.add(300.0, Mean(5.0, 1))
    curve.add(1000.0, Mean())
    curve.add(1300.0, Mean(8.0, 4))
    assert curve.bins() == [(0.0, 3.5), (300.0, 5.0), (1200.0, 2.0)]


def test_a_short_rest_counts_to_the_five_minutes_before_it() -> None:
    curve = Curve()
    for second in range(601):
        curve.add(float(second), Mean(2.0 if second < 600 else 302.0, 1))
    assert curve.bins() == [(0.0, 2.0), (300.0, pytest.approx(2.0 + 300 / 301))]
    assert curve.recent() == pytest.approx(2.0 + 300 / 291)  # to 10 s: the newest slot holds one second
    for second in range(601, 760):
        curve.add(float(second), Mean(8.0, 1))
    assert [start for start, _ in curve.bins()] == [0.0, 300.0, 600.0]
    alone = Curve()
    alone.add(3.0, Mean(4.0, 1))
    assert alone.bins() == [(0.0, 4.0)]
    assert alone.recent() == 4.0
    assert Curve().recent() is None


def test_the_png_has_both_series(tmp_path: Path) -> None:
    curve = Curve()
    for index in range(40):
        curve.add(index * 30.0, Mean(float(index), 1))
        curve.add_episode(index * 30.0, float(index))
    draw(tmp_path / 'curve.png', curve, 1200.0, 'a title')
    image = cv2.imread(str(tmp_path / 'curve.png'))
    assert image is not None
    assert image.shape == (HEIGHT, WIDTH, 3)
    for color in (BINS, EPISODES):
        assert np.count_nonzero(np.all(np.abs(image.astype(int) - color) < 8, axis=2)) > 100
    assert [path.name for path in tmp_path.iterdir()] == ['curve.png']


@pytest.mark.parametrize('rewards', [[], [5.0], [0.0, 0.0], [-3.0, 1e6], [1e-6, 2e-6]])
def test_any_rewards_can_be_drawn(rewards: list[float]) -> None:
    curve = Curve()
    for index, reward in enumerate(rewards):
        curve.add(index * 400.0, Mean(reward))
        curve.add_episode(index * 400.0, reward)
    assert render(curve, 0.0, 'title').shape == (HEIGHT, WIDTH, 3)


@pytest.mark.parametrize(
    ('low', 'high', 'expected'),
    [(0.0, 10.0, [0, 2, 4, 6, 8, 10]), (4.1, 9.7, [4, 5, 6, 7, 8, 9, 10]), (0.0, 60.0, [0, 10, 20, 30, 40, 50, 60])],
)
def test_ticks_are_round_and_enclose(low: float, high: float, expected: list[float]) -> None:
    assert ticks(low, high, 7) == pytest.approx(expected)


def test_labels() -> None:
    assert [label(tick, [0.0, 2.5, 5.0]) for tick in (0.0, 2.5, 5.0)] == ['0.0', '2.5', '5.0']
    assert label(10.0, [0.0, 10.0]) == '10'
    assert label(-0.0, [0.0, 1.0]) == '0'


@pytest.mark.parametrize(('end', 'unit'), [(100.0, 's'), (3600.0, 'min'), (20000.0, 'h')])
def test_unit(end: float, unit: str) -> None:
    assert time_unit(end)[0] == unit
