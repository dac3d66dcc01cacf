"""Whatever comes in, what goes out is safe."""

from typing import Any

import numpy as np
from gate_fixture import LOWER, UPPER, make_gate
from hypothesis import given, settings
from hypothesis import strategies as st

from dreamer_drivers.command import Measurement, Mode

ANY = st.floats(width=32, allow_nan=True, allow_infinity=True)
VALUES = st.one_of(st.floats(-1.5, 1.5, width=32), ANY)
ANGLES = st.one_of(st.floats(-2.2, 2.2), st.floats(allow_nan=True, allow_infinity=True))
TIME_STEPS = st.one_of(st.floats(0, 0.3), st.floats(-5, 5))
EVENTS = st.one_of(
    st.tuples(st.just('action'), st.lists(VALUES, min_size=2, max_size=2), TIME_STEPS),
    st.tuples(st.just('action'), st.lists(VALUES, max_size=3), TIME_STEPS),
    st.tuples(st.just('measure'), st.lists(ANGLES, min_size=2, max_size=2), st.lists(ANGLES, min_size=2, max_size=2)),
    st.tuples(st.just('wait'), TIME_STEPS),
    st.tuples(st.just('stop'), st.booleans()),
    st.tuples(st.just('clear')),
    st.tuples(st.just('reset')),
    st.tuples(st.just('tilt'), ANGLES, ANGLES),
)
# A torque can only be bounded where there is a command_rate.
RATES = st.sampled_from([(0.0, 0.0), (20.0, 0.0), (20.0, 4.0), (200.0, 0.0), (200.0, 4.0)])
GATES = {'rates': RATES, 'cutoff': st.sampled_from([0.0, 1.5]), 'fall_angle': st.sampled_from([0.0, 1.0])}
SPEEDS = st.sampled_from([np.inf, 2.0])


class Harness:
    """Applies events to a gate and checks each command."""

    def __init__(self, rates: tuple[float, float], **values: float) -> None:
        self.gate = make_gate(*rates, **values)
        self.now = 10.0
        self.measured: np.ndarray | None = None

    def apply(self, event: tuple[Any, ...]) -> None:
        kind, arguments = event[0], event[1:]
        if kind == 'action':
            self.gate.submit(np.array(arguments[0], np.float32), self.now + arguments[1], self.now)
        elif kind == 'measure':
            position = np.array(arguments[0])
            if self.gate.measure(Measurement(self.now, position, np.array(arguments[1]))).accepted:
                self.measured = position
        elif kind == 'wait':
            self.now += arguments[0]
        elif kind == 'stop':
            self.gate.emergency_stop(arguments[0])
        elif kind == 'clear':
            self.gate.clear_emergency_stop()
        elif kind == 'reset':
            self.gate.reset()
        else:
            self.gate.tilt(*arguments, self.now)

    def check(self) -> None:
        command = self.gate.command(self.now)
        assert np.isfinite(command.position).all()
        assert (command.position >= LOWER).all()
        assert (command.position <= UPPER).all()
        assert ((command.kp >= 0) & (command.kp <= [80, 40])).all()
        assert ((command.kd > 0) & (command.kd <= [3, 4])).all()
        if command.mode is Mode.DAMP:
            assert not command.kp.any()
        else:
            assert not self.gate.stopped
            assert self.measured is not None
            if self.gate.config.command_period:
                assert np.abs(command.position - self.measured).max() <= 0.2 + 1e-9


@settings(max_examples=300, deadline=None, derandomize=True)
@given(events=st.lists(EVENTS, max_size=40), arguments=st.fixed_dictionaries(GATES), speed=SPEEDS)
def test_commands_are_always_safe(events: list[tuple[Any, ...]], arguments: dict[str, Any], speed: float) -> None:
    harness = Harness(**arguments, speed=speed)
    harness.check()
    for event in events:
        harness.apply(event)
        harness.check()


@settings(max_examples=100, deadline=None, derandomize=True)
@given(
    actions=st.lists(st.lists(VALUES, min_size=2, max_size=2), min_size=5, max_size=60),
    poses=st.lists(st.tuples(st.floats(-1.1, 1.1), st.floats(-2.1, 2.1)), min_size=1, max_size=60),
    arguments=st.fixed_dictionaries(GATES),
)
def test_a_running_robot_is_always_safe(actions: list, poses: list, arguments: dict[str, Any]) -> None:
    harness = Harness(**arguments)
    for step, action in enumerate(actions):
        harness.apply(('measure', poses[step % len(poses)], (0.0, 0.0)))
        harness.apply(('tilt', 0.9, -0.9))
        harness.apply(('action', action, 0.0))
        for _ in range(4):
            harness.check()
            harness.apply(('wait', 0.0125))
    assert any(not np.isfinite(action).all() for action in actions) or harness.gate.mode is Mode.ACTIVE
