"""Replay memory: a ring of steps in RAM, and windows of consecutive steps drawn from it.

Memory is taken as rows come (storage.py); only the links between rows, 33 bytes each, are laid out for the whole capacity.

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
from typing import Any

import numpy as np

from dreamer_learning import parallel
from dreamer_learning.agent_config import AgentConfig, LatentSpec
from dreamer_learning.batch import OBSERVATION
from dreamer_learning.config import ConfigError
from dreamer_learning.mirror import Mirror
from dreamer_learning.spaces import Task
from dreamer_learning.storage import ChunkedRows, available_memory

NONE = -1
SETTING = 'replay.capacity'
MEMORY_SHARE = 0.5
"""Part of the memory available at the start that the rows may take."""
LEAST = 1024
"""Rows that are kept however little memory there is."""
FLAGS = ('is_first', 'is_last', 'is_terminal')
LATENT = ('deter', 'stoch')
LINK_BYTES = 4 * 8 + 1


class ReplayEmpty(RuntimeError):
    """No window of the wanted length is stored yet."""


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
        capacity: rows kept; the oldest are overwritten. Fewer where the memory does not suffice, see `describe`.
        task: shapes and types of observation and action.
        latent_spec: sizes of the stored latent.
        seed: of the sampling.
        online_length: length of the windows of the online queue; 0 = no queue.
        memory: bytes that the rows may take; None = half of what is available now, divided among processes that train together.
        recent: half of the windows are drawn from as many newest rows; 0 = all windows from all rows. May change later.
        mirrored: probability that a window is seen as in a mirror, where the task says how (mirror.py).

    Raises:
        ConfigError: no memory, here and in `add`.
    """

    def __init__(self, capacity: int, task: Task, latent_spec: LatentSpec, seed: int = 0, online_length: int = 0,
                 memory: int | None = None, recent: int = 0, mirrored: float = 0.0) -> None:
        self.task, self._online_length, self.recent = task, online_length, recent
        self._mirrored, self._mirror = mirrored, Mirror.of(task) if mirrored else None
        self._asked, self.capacity = capacity, capacity
        action = task.action
        self._action_shape: tuple[int, ...] = () if action.discrete else (action.size,)
        columns: dict[str, tuple[tuple[int, ...], str]] = {
            OBSERVATION + name: (spec.shape, spec.dtype) for name, spec in task.observation.items()
        }
        columns['action'] = (self._action_shape, 'int32' if action.discrete else 'float32')
        columns['reward'] = ((), 'float32')
        columns.update(dict.fromkeys(FLAGS, ((), 'bool')))
        self._step = tuple(columns)
        columns['deter'], columns['stoch'] = ((latent_spec.deter,), 'float16'), ((latent_spec.stoch,), 'uint8')
        self._rows = ChunkedRows(capacity, columns, SETTING)
        self._limit(memory)
        try:
            self._next, self._previous, self._segment, self._position = (
                np.zeros(self.capacity, np.int64) for _ in range(4))
            self._has_latent = np.zeros(self.capacity, bool)
        except MemoryError:
            raise ConfigError(f'{SETTING} {capacity}: no memory for so many rows; choose a smaller one') from None
        self._ends = np.zeros(64, np.int64)  # position of each segment's last row
        self._begins: list[tuple[int, int, int]] = []  # stream, environment and step of each segment's first row
        self._lanes: dict[tuple[int, int], _Lane] = {}
        self._online: deque[int] = deque()
        self._random = np.random.default_rng(seed)
        self._lock = threading.Lock()
        self._count = 0
        self.segments = 0

    def _limit(self, memory: int | None) -> None:
        """Lower the capacity to what the memory holds."""
        if memory is None:
            available = available_memory()
            if available is None:
                return
            memory = int(MEMORY_SHARE * parallel.memory_share() * available)
        fitting = max(memory // self._row_bytes(), LEAST)
        self.capacity = self._rows.capacity = min(self._asked, fitting)

    def _row_bytes(self) -> int:
        return self._rows.row_bytes() + LINK_BYTES

    def reseed(self, seed: int) -> None:
        """Sample from new random numbers."""
        self._random = np.random.default_rng(seed)

    def __len__(self) -> int:
        """Rows stored."""
        return min(self._count, self.capacity)

    def add(self, stream: int, env: int, step: int, obs: Mapping[str, np.ndarray], action: np.ndarray | int | float,
            reward: float, is_first: bool, is_last: bool, is_terminal: bool,
            latent: Mapping[str, np.ndarray] | None = None, online: bool = True) -> None:
        """Store one step of one environment.

        Args:
            stream, env, step: what identifies the step; steps of one (stream, env) come in order.
            obs: name -> array of the task's shape.
            action: (A) or a choice, chosen at this step.
            reward: earned by arriving at this step.
            latent: 'deter' (D) and 'stoch' (S), or None.
            online: whether the online queue takes the step in; not where it is an old one, read again.

        Raises:
            ValueError: a tensor is missing or of the wrong shape; nothing is stored.
            ConfigError: no memory; nothing is stored.
        """
        values = self._checked(obs, action)
        values.update(action=action, reward=reward, is_first=is_first, is_last=is_last, is_terminal=is_terminal)
        if latent is not None:
            values.update((name, latent[name]) for name in LATENT)
        with self._lock:
            serial = self._count
            row = serial % self.capacity
            self._rows.write(row, values)
            self._has_latent[row] = latent is not None
            self._link(stream, env, step, serial, is_first, online)
            self._count += 1

    def _checked(self, obs: Mapping[str, np.ndarray], action: np.ndarray | int | float) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for name, spec in self.task.observation.items():
            if name not in obs:
                raise ValueError(f"replay: observation '{name}' is missing")
            value = np.asarray(obs[name])
            if value.shape != spec.shape:
                raise ValueError(f"replay: observation '{name}' has shape {value.shape}, expected {spec.shape}")
            values[OBSERVATION + name] = value
        if np.shape(action) != self._action_shape:
            raise ValueError(f'replay: action has shape {np.shape(action)}, expected {self._action_shape}')
        return values

    def _link(self, stream: int, env: int, step: int, serial: int, is_first: bool, online: bool) -> None:
        row = serial % self.capacity
        lane = self._lanes.get((stream, env))
        self._next[row] = NONE
        joined = lane is not None and step == lane.step + 1 and lane.serial >= serial - self.capacity + 1
        if lane is None or not joined:
            self._lanes = {key: old for key, old in self._lanes.items() if key[0] == stream}
            lane = self._lanes[stream, env] = _Lane(self.segments, step, serial, deque())
            self.segments += 1
            self._begins.append((stream, env, step))
            if lane.segment >= len(self._ends):
                self._ends = np.concatenate([self._ends, np.zeros_like(self._ends)])
            self._previous[row], self._position[row] = NONE, 0
        else:
            before = lane.serial % self.capacity
            self._next[before] = serial
            self._previous[row], self._position[row] = lane.serial, self._position[before] + 1
            if is_first:  # the episode before was cut off here
                self._rows.write(before, {'is_last': True})
        lane.step, lane.serial = step, serial
        self._segment[row] = lane.segment
        self._ends[lane.segment] = self._position[row]
        if not online:
            lane.fresh.clear()
        elif self._online_length:
            lane.fresh.append(serial)
            if len(lane.fresh) == self._online_length:
                self._online.append(lane.fresh[0])
                lane.fresh.clear()

    @classmethod
    def of(cls, config: AgentConfig, task: Task, seed: int) -> Replay:
        """As an agent's configuration wants it."""
        own = config.replay
        return cls(own.capacity, task, config.latent_spec, seed, own.length if own.online else 0, recent=own.recent,
                   mirrored=own.mirrored)

    def sample(self, batch: int, length: int) -> dict[str, np.ndarray]:
        """Windows of consecutive steps: fresh ones of the online queue first, half of the others from the newest `recent` steps,
        the rest uniform over all starts.

        Returns:
            the entries of batch.py's table.

        Raises:
            ReplayEmpty: no window of this length is stored.
        """
        with self._lock:
            starts = self._online_starts(batch, length)
            missing = batch - len(starts)
            recent = missing // 2 if self.recent else 0
            drawn = [self._uniform_starts(recent, length, max(self._oldest(), self._count - self.recent)),
                     self._uniform_starts(missing - recent, length, self._oldest())]
            result = self._gather(self._follow(np.concatenate([starts, *drawn]), length))
            result['mirrored'] = np.zeros(batch, bool)
            if self._mirror is not None:
                result['mirrored'] = self._random.random(batch) < self._mirrored
                self._mirror.apply(result, result['mirrored'])
            return result

    def _oldest(self) -> int:
        return max(0, self._count - self.capacity)

    def _online_starts(self, batch: int, length: int) -> np.ndarray:
        starts: list[int] = []
        while length == self._online_length and self._online and len(starts) < batch:
            start = self._online.popleft()
            if start >= self._oldest():
                starts.append(start)
        return np.array(starts, np.int64)

    def _valid(self, serials: np.ndarray, length: int) -> np.ndarray:
        rows = serials % self.capacity
        return serials[self._ends[self._segment[rows]] - self._position[rows] >= length - 1]

    def _uniform_starts(self, count: int, length: int, oldest: int) -> np.ndarray:
        """Of the steps from `oldest` on. Rejection keeps the draw uniform over all valid starts; when most rows are invalid, list
        the valid ones."""
        found = np.empty(0, np.int64)
        for _ in range(4):
            if len(found) >= count:
                break
            draw = self._random.integers(oldest, max(self._count, 1), size=2 * count)
            found = np.concatenate([found, self._valid(draw, length) if self._count else found])
        if len(found) < count:
            valid = self._valid(np.arange(oldest, self._count), length)
            if not len(valid) and oldest > self._oldest():
                return self._uniform_starts(count, length, self._oldest())
            if not len(valid):
                raise ReplayEmpty(f'replay: no {length} consecutive steps among {len(self)} stored')
            found = self._random.choice(valid, count)
        return found[:count]

    def _follow(self, starts: np.ndarray, length: int) -> np.ndarray:
        """Serial numbers (N, T) of the windows that begin at `starts`.

        Environments mostly take turns, so the rows of a window are mostly as far apart as its first two. A guess is right where
        segment and place in the segment are those wanted; the other windows are followed link by link.
        """
        steps = np.arange(length)
        first = starts % self.capacity
        apart = self._next[first] - starts
        serials = starts[:, None] + apart[:, None] * steps
        rows = serials % self.capacity
        right = self._segment[rows] == self._segment[first][:, None]
        right &= self._position[rows] == self._position[first][:, None] + steps
        wrong = np.flatnonzero(~right.all(1))
        for t in range(1, length if len(wrong) else 0):
            serials[wrong, t] = self._next[serials[wrong, t - 1] % self.capacity]
        return serials

    def _gather(self, serials: np.ndarray) -> dict[str, np.ndarray]:
        rows = serials % self.capacity
        before = self._previous[rows[:, 0]]
        stored = before >= self._oldest()
        before = np.where(stored, before, 0) % self.capacity
        result = self._rows.read(self._step, rows)
        valid = stored & self._has_latent[before] & ~result['is_first'][:, 0]
        context = self._rows.read(('action', *LATENT), before)
        context['action'][~stored] = 0
        for name in LATENT:
            context[name][~valid] = 0
        result.update({
            'previous_action': context['action'], 'context_deter': context['deter'], 'context_stoch': context['stoch'],
            'context_valid': valid, 'index': serials,
        })
        return result

    def locate(self, serial: int) -> tuple[int, int, int] | None:
        """Stream, environment and step of a row by its serial number, as `add` was told; None where it is not stored any more."""
        with self._lock:
            if not self._oldest() <= serial < self._count:
                return None
            row = serial % self.capacity
            stream, env, first = self._begins[self._segment[row]]
            return stream, env, first + int(self._position[row])

    def update_latents(self, index: np.ndarray, mirrored: np.ndarray, deter: np.ndarray, stoch: np.ndarray) -> None:
        """Replace stored latents by newer ones: index (B, T) and mirrored (B) of a sample, deter (B, T, D), stoch (B, T, S).

        Those of mirrored windows are of steps that nobody made, and are left out.
        """
        with self._lock:
            flat = np.asarray(index).reshape(-1)
            alive = (flat >= self._oldest()) & ~np.repeat(mirrored, np.shape(index)[1])
            rows = flat[alive] % self.capacity
            self._rows.replace(rows, {
                name: np.asarray(values).reshape(len(flat), -1)[alive] for name, values in (('deter', deter), ('stoch', stoch))
            })
            self._has_latent[rows] = True

    def describe(self) -> str:
        """Capacity and memory, in words."""
        row, latent = self._row_bytes(), self._rows.row_bytes(LATENT)
        text = (f'replay: {self.capacity:,} steps of {row:,} bytes ({latent:,} of them latent), '
                f'{row * self.capacity / 2**30:.2f} GiB when full')
        if self.capacity < self._asked:
            text += f'; {SETTING} {self._asked:,} is lowered to what the memory holds'
        return text

    def state_dict(self) -> dict[str, object]:
        """The position of the sampler: random state. The rows themselves live in the recorded bags."""
        return {'random': self._random.bit_generator.state}

    def load_state_dict(self, state: Mapping[str, object]) -> None:
        """Take over the random state; rows are added again by whoever reads the bags."""
        self._random.bit_generator.state = state['random']  # type: ignore[assignment]
