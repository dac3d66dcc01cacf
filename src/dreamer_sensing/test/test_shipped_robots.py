"""The robots and tasks of the suite fit what sensing asks for."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from dreamer_learning.robots import joint_ranges
from dreamer_learning.spaces import load_task
from dreamer_sensing.observer import Observer
from dreamer_sensing.settings import load_sensing

CONFIG = Path(__file__).parents[3] / 'config'


def test_a1_walk() -> None:
    config, urdf = load_sensing(CONFIG, 'a1')
    observer = Observer(load_task(CONFIG, 'a1_walk'), config, urdf)
    lower, upper = joint_ranges(config.action_range, config.joints)
    standing = lower + (np.tile([0.0, -0.2, 1.0], 4) / 2 + 0.5) * (upper - lower)
    rest, forces = np.zeros(12), np.array([0.0, 0.0, 9.81])
    for orientation, expected in [((0, 0, 0, 1), 9.0), ((1, 0, 0, 0), 5.0)]:
        observer.cut()
        for time in (0.0, 0.05):
            step = observer.observe(time, standing, rest, rest, orientation, np.zeros(3), forces)
        # Lying on its back no foot carries; the IMU would say that it falls, but the reward does not look at it.
        assert abs(step.reward - expected) < 1e-6
