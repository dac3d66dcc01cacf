"""Replay memory: a ring of steps in RAM, and windows of consecutive steps drawn from it.

A row is one step of one environment: observation, reward and flags of t, the action chosen at t, and the latent that the
policy (later the learner) had at t. Rows of all environments share one ring in order of arrival; each row knows the row after
it in its segment. A segment is an unbroken run of steps of one (stream, environment): a new stream, or a jump of the step
number, starts another one, and no window crosses from one into the next. Windows may contain episode boundaries (is_first).

    ring   ... [s=7,e=0] [s=7,e=1] [s=8,e=0] [s=8,e=1] ...     rows in order of arrival, serial number modulo capacity
                    '---- next ----->'                          window of e=0: follow `next`

Source: DreamerV3's replay: uniform windows, one start per step; an online queue gives every fresh, non-overlapping window
once soon after it arrived; the latent of the step before a window, refreshed after each update, starts the recurrence (no
burn-in).
"""

from __future__ import annotations

import dataclasses
import threading
from collections import deque
from collections.abc import Mapping

import numpy as np

from dreamer_learning.batch import OBSERVATION
from dreamer_learning.spaces import Task

NONE = -1


class ReplayEmpty(RuntimeError):
    """No window of the wanted length is stored yet."""


@dataclasses.dataclass(frozen=True)
class LatentSpec:
    """Stored latent of one step: deter (D) float16 and stoch (S) uint8 class numbers."""

    deter: int
    stoch: int


@dataclasses.dataclass
class _Lane:
    """The end of one environment's data: segment and step number last added, rows since the last online window."""

    segment: int
    step: int
    serial: int
    fresh: deque[int]


class Replay:
    """Thread-safe for one thread that adds and one that samples and updates.

    Args:
        capacity: rows kept; the oldest are overwritten.
        task: shapes and types of observation and action.
        latent_spec: sizes of the stored latent.
        seed: of the sampling.
        online_length: length of the windows of the online queue; 0 = no queue.
    """

    def __init__(self, capacity: int, task: Task, latent_spec: LatentSpec, seed: int = 0, online_length: int = 0) -> None:
        self.capacity, self.task, self.online_length = capacity, task, online_length
        self._observation = {
            name: np.zeros((capacity, *spec.shape), spec.dtype) for name, spec in task.observation.items()
        }
        action = task.action
        self._action = np.zeros(capacity, np.int32) if action.discrete else np.zeros((capacity, action.size), np.float32)
        self._reward = np.zeros(capacity, np.float32)
        self._flags = {name: np.zeros(capacity, bool) for name in ('is_first', 'is_last', 'is_terminal')}
        self._deter = np.zeros((capacity, latent_spec.deter), np.float16)
        self._stoch = np.zeros((capacity, latent_spec.stoch), np.uint8)
        self._has_latent = np.zeros(capacity, bool)
        self._next = np.full(capacity, NONE, np.int64)  # serial of the following row in the segment
        self._previous = np.full(capacity, NONE, np.int64)
        self._segment = np.zeros(capacity, np.int64)
        self._position = np.zeros(capacity, np.int64)  # place in the segment
        self._ends = np.zeros(64, np.int64)  # position of each segment's last row
        self._lanes: dict[tuple[int, int], _Lane] = {}
        self._online: deque[int] = deque()
        self._random = np.random.default_rng(seed)
        self._lock = threading.Lock()
        self._count = 0
        self.segments = 0

    def __len__(self) -> int:
        """Rows stored."""
        return min(self._count, self.capacity)

    @property
    def added(self) -> int:
        """Rows ever added."""
        return self._count

    def add(self, stream: int, env: int, step: int, obs: Mapping[str, np.ndarray], action: np.ndarray | int | float,
            reward: float, is_first: bool, is_last: bool, is_terminal: bool,
            latent: Mapping[str, np.ndarray] | None = None) -> None:
        """Store one step of one environment.

        Args:
            stream, env, step: what identifies the step; steps of one (stream, env) come in order.
            obs: name -> array of the task's shape.
            action: (A) or a choice, chosen at this step.
            reward: earned by arriving at this step.
            latent: 'deter' (D) and 'stoch' (S), or None.

        Raises:
            ValueError: a tensor is missing or of the wrong shape; nothing is stored.
        """
        values = self._checked(obs, action)
        with self._lock:
            serial = self._count
            row = serial % self.capacity
            self._link(stream, env, step, serial, is_first)
            for name, value in values.items():
                self._observation[name][row] = value
            self._action[row] = action
            self._reward[row] = reward
            for name, flag in zip(self._flags, (is_first, is_last, is_terminal)):
                self._flags[name][row] = flag
            self._has_latent[row] = latent is not None
            if latent is not None:
                self._deter[row], self._stoch[row] = latent['deter'], latent['stoch']
            self._count += 1

    def _checked(self, obs: Mapping[str, np.ndarray], action: np.ndarray | int | float) -> dict[str, np.ndarray]:
        values = {}
        for name, spec in self.task.observation.items():
            if name not in obs:
                raise ValueError(f"replay: observation '{name}' is missing")
            value = np.asarray(obs[name])
            if value.shape != spec.shape:
                raise ValueError(f"replay: observation '{name}' has shape {value.shape}, expected {spec.shape}")
            values[name] = value
        if np.shape(action) != self._action.shape[1:]:
            raise ValueError(f'replay: action has shape {np.shape(action)}, expected {self._action.shape[1:]}')
        return values

    def _link(self, stream: int, env: int, step: int, serial: int, is_first: bool) -> None:
        row = serial % self.capacity
        lane = self._lanes.get((stream, env))
        self._next[row] = NONE
        joined = lane is not None and step == lane.step + 1 and lane.serial >= serial - self.capacity + 1
        if lane is None or not joined:
            self._lanes = {key: old for key, old in self._lanes.items() if key[0] == stream}
            lane = self._lanes[stream, env] = _Lane(self.segments, step, serial, deque())
            self.segments += 1
            if lane.segment >= len(self._ends):
                self._ends = np.concatenate([self._ends, np.zeros_like(self._ends)])
            self._previous[row], self._position[row] = NONE, 0
        else:
            before = lane.serial % self.capacity
            self._next[before] = serial
            self._previous[row], self._position[row] = lane.serial, self._position[before] + 1
            if is_first:  # the episode before was cut off here
                self._flags['is_last'][before] = True
        lane.step, lane.serial = step, serial
        self._segment[row] = lane.segment
        self._ends[lane.segment] = self._position[row]
        if self.online_length:
            lane.fresh.append(serial)
            if len(lane.fresh) == self.online_length:
                self._online.append(lane.fresh[0])
                lane.fresh.clear()

    def sample(self, batch: int, length: int) -> dict[str, np.ndarray]:
        """Windows of consecutive steps: fresh ones of the online queue first, the others uniform over all starts.

        Returns:
            the entries of batch.py's table.

        Raises:
            ReplayEmpty: no window of this length is stored.
        """
        with self._lock:
            starts = self._online_starts(batch, length)
            serials = self._follow(np.concatenate([starts, self._uniform_starts(batch - len(starts), length)]), length)
            return self._gather(serials)

    def ready(self, length: int) -> bool:
        """Whether a window of this length is stored."""
        with self._lock:
            return len(self._valid(np.arange(self._oldest(), self._count), length)) > 0

    def _oldest(self) -> int:
        return max(0, self._count - self.capacity)

    def _online_starts(self, batch: int, length: int) -> np.ndarray:
        starts: list[int] = []
        while length == self.online_length and self._online and len(starts) < batch:
            start = self._online.popleft()
            if start >= self._oldest():
                starts.append(start)
        return np.array(starts, np.int64)

    def _valid(self, serials: np.ndarray, length: int) -> np.ndarray:
        rows = serials % self.capacity
        return serials[self._ends[self._segment[rows]] - self._position[rows] >= length - 1]

    def _uniform_starts(self, count: int, length: int) -> np.ndarray:
        """Rejection keeps the draw uniform over all valid starts; when most rows are invalid, list the valid ones."""
        found = np.empty(0, np.int64)
        for _ in range(4):
            if len(found) >= count:
                break
            draw = self._random.integers(self._oldest(), max(self._count, 1), size=2 * count)
            found = np.concatenate([found, self._valid(draw, length) if self._count else found])
        if len(found) < count:
            valid = self._valid(np.arange(self._oldest(), self._count), length)
            if not len(valid):
                raise ReplayEmpty(f'replay: no {length} consecutive steps among {len(self)} stored')
            found = self._random.choice(valid, count)
        return found[:count]

    def _follow(self, starts: np.ndarray, length: int) -> np.ndarray:
        serials = np.empty((len(starts), length), np.int64)
        serials[:, 0] = starts
        for t in range(1, length):
            serials[:, t] = self._next[serials[:, t - 1] % self.capacity]
        return serials

    def _gather(self, serials: np.ndarray) -> dict[str, np.ndarray]:
        rows = serials % self.capacity
        before = self._previous[rows[:, 0]]
        stored = before >= self._oldest()
        before = np.where(stored, before, 0) % self.capacity
        valid = stored & self._has_latent[before] & ~self._flags['is_first'][rows[:, 0]]
        action = self._action[before]
        action[~stored] = 0
        result = {OBSERVATION + name: array[rows] for name, array in self._observation.items()}
        result.update({name: array[rows] for name, array in self._flags.items()})
        result.update({
            'action': self._action[rows], 'reward': self._reward[rows], 'previous_action': action,
            'context_deter': np.where(valid[:, None], self._deter[before], np.float16(0)),
            'context_stoch': np.where(valid[:, None], self._stoch[before], np.uint8(0)),
            'context_valid': valid, 'index': serials,
        })
        return result

    def update_latents(self, index: np.ndarray, deter: np.ndarray, stoch: np.ndarray) -> None:
        """Replace stored latents by newer ones: index (B, T) of a sample, deter (B, T, D), stoch (B, T, S)."""
        with self._lock:
            flat = np.asarray(index).reshape(-1)
            alive = flat >= self._oldest()
            rows = flat[alive] % self.capacity
            self._deter[rows] = np.asarray(deter).reshape(len(flat), -1)[alive]
            self._stoch[rows] = np.asarray(stoch).reshape(len(flat), -1)[alive]
            self._has_latent[rows] = True

    def describe(self) -> str:
        """Capacity and memory, in words."""
        arrays = [*self._observation.values(), *self._flags.values(), self._action, self._reward, self._deter, self._stoch,
                  self._has_latent, self._next, self._previous, self._segment, self._position]
        row = sum(array.nbytes for array in arrays) // self.capacity
        latent = (self._deter.nbytes + self._stoch.nbytes) // self.capacity
        return (f'replay: {self.capacity:,} steps of {row:,} bytes ({latent:,} of them latent), '
                f'{row * self.capacity / 2**30:.2f} GiB when full')

    def state_dict(self) -> dict[str, object]:
        """The position of the sampler: random state. The rows themselves live in the recorded bags."""
        return {'random': self._random.bit_generator.state, 'added': self._count}

    def load_state_dict(self, state: Mapping[str, object]) -> None:
        """Take over the random state; rows are added again by whoever reads the bags."""
        self._random.bit_generator.state = state['random']  # type: ignore[assignment]
