"""What the console knows about a run, and the files it keeps in the run directory."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from dreamer_learning.atomic import write_file
from dreamer_monitor import continuation
from dreamer_monitor.accounting import Accounting, Mean, Rate
from dreamer_monitor.continuation import Continuation
from dreamer_monitor.curve import Curve, draw
from dreamer_monitor.events import Events
from dreamer_monitor.progress import Progress, Row
from dreamer_monitor.status import Alerts, Status, losses_of
from dreamer_monitor.summary import Launch, format_summary
from dreamer_node.storage import making_folders
from dreamer_node.wire import Step

# Names in learner/metrics and actor/metrics.
UPDATES_PER_SECOND, REPLAY_SIZE = 'updates_per_second', 'replay_size'
WEIGHTS_UPDATES, WEIGHTS_AGE = 'weights_updates', 'weights_age_s'
LATENCY_P50, LATENCY_P99 = 'latency_p50_ms', 'latency_p99_ms'


class Monitor:
    """Collects, and writes progress.csv, TensorBoard files, summary.txt and learning_curve.png.

    A file that cannot be written is reported once; the run goes on.

    Args:
        run_dir: made if missing.
        tensorboard: write TensorBoard files.
        steps, duration: this launch ends after so many control steps, or seconds of robot time; 0 = never.
        warn: takes one line of text.
        launch: which launch this is: a console that was killed goes on counting for the same one; '' = a new one.

    Raises:
        ConfigError: the path is no folder.
        OSError: the run directory cannot be written.
    """

    def __init__(
        self, run_dir: Path, tensorboard: bool, steps: int, duration: float, warn: Callable[[str], None], launch: str = ''
    ) -> None:
        self.alerts = Alerts()
        self._run_dir = run_dir
        self._limits = (steps, duration)
        self._warn = warn
        self._warned: set[str] = set()
        self._learner: dict[str, float] = {}
        self._actor: dict[str, float] = {}
        self._updates: int | None = None
        self._weights_noted = 0.0
        self._rate, self._update_rate = Rate(), Rate()
        self._speeds = (0.0, 0.0)
        self._interval, self._interval_episodes = Mean(), Mean()
        self._started = time.monotonic()
        with making_folders(run_dir):
            run_dir.mkdir(parents=True, exist_ok=True)
            self._progress = Progress(run_dir / 'progress.csv')
        self._events = self._open_events() if tensorboard else None
        self._curve = Curve()
        for row in self._progress.earlier:
            self._take_up(row)
        self._launch = launch
        before = continuation.read(run_dir, launch)
        if before is not None:
            self.accounting = Accounting(before.counted)
            self._earlier_time, self._earlier_steps = before.earlier_time, before.earlier_steps
        else:
            last = self._progress.earlier[-1] if self._progress.earlier else None
            self.accounting = Accounting()
            self._earlier_time, self._earlier_steps = (last.robot_time, last.env_steps) if last else (0.0, 0)
        self._kept: Continuation | None = None
        self.keep_counts()

    @property
    def env_steps(self) -> int:
        """Steps of all environments since the run began."""
        return self._earlier_steps + self.accounting.env_steps

    @property
    def robot_time(self) -> float:
        """Seconds since the run began, without the pauses between launches."""
        return self._earlier_time + self.accounting.robot_time

    @property
    def finished(self) -> str:
        """Which limit of this launch is reached, '' if none."""
        steps, duration = self._limits
        if steps and self.accounting.steps >= steps:
            return f'{steps} steps reached'
        if duration and self.accounting.robot_time >= duration - 1e-6:
            return f'{duration:g} s of robot time reached'
        return ''

    def add_step(self, step: Step) -> None:
        """Take an observation."""
        rewards, episodes = self.accounting.add(step)
        self._curve.add(self.robot_time, rewards)
        self._interval.add(rewards.total, rewards.count)
        for episode in episodes:
            self._curve.add_episode(self._earlier_time + episode.end, episode.reward)
            self._interval_episodes.add(episode.reward)
            self._log({'episode/reward': episode.reward, 'episode/return': episode.score,
                       'episode/length': float(episode.steps)})

    def add_learner(self, metrics: Mapping[str, float], updates: int) -> None:
        """Take the learner's metrics; names with a slash are TensorBoard tags, others come under learner/."""
        self._learner |= metrics
        self._updates = updates
        self._log({name if '/' in name else f'learner/{name}': value for name, value in metrics.items()})

    def add_actor(self, metrics: Mapping[str, float], now: float) -> None:
        """Take the actor's metrics; their TensorBoard tags begin with actor/."""
        self._actor = dict(metrics)
        self._weights_noted = now
        self._log({f'actor/{name}': value for name, value in metrics.items()})

    def add_image(self, image: np.ndarray) -> None:
        """Take an imagined future, RGB (height, width, 3) uint8."""
        if self._events is not None:
            self._try('tensorboard', lambda events: events.image('imagination', image, self.env_steps), self._events)

    def status(self, now: float) -> Status:
        """The state of the run. Rates are averaged over the calls of the last ten seconds.

        Args:
            now: monotonic seconds.
        """
        self._speeds = (self._rate.update(now, self.accounting.env_steps), self._update_rate.update(now, self._updates or 0))
        learner, actor = self._learner, self._actor
        updates_per_second = learner.get(UPDATES_PER_SECOND, self._speeds[1] if self._updates is not None else None)
        age = actor.get(WEIGHTS_AGE)
        last = self.accounting.last_episode
        return Status(
            robot_time=self.robot_time,
            env_steps=self.env_steps,
            steps_per_second=self._speeds[0],
            episode_reward=None if last is None else last.reward,
            running_reward=self.accounting.running_reward,
            updates=self._updates,
            updates_per_second=updates_per_second,
            replay_size=_whole(learner.get(REPLAY_SIZE)),
            weights_updates=_whole(actor.get(WEIGHTS_UPDATES)),
            weights_age=None if age is None else age + now - self._weights_noted,
            latency_p50=actor.get(LATENCY_P50),
            latency_p99=actor.get(LATENCY_P99),
            losses=losses_of(learner),
            alert=self.alerts.worst(now),
        )

    def note(self, now: float) -> None:
        """Write a line of progress.csv and the rewards of the time since the last one."""
        status = self.status(now)
        row = Row(
            time.time(), status.robot_time, status.env_steps, status.steps_per_second, self._interval.value,
            self._interval.count, self._interval_episodes.value, status.running_reward, status.updates,
            status.updates_per_second, status.replay_size,
            status.weights_updates, status.weights_age, status.latency_p50, status.latency_p99,
            next(iter(status.losses.values()), None),
        )
        self._interval, self._interval_episodes = Mean(), Mean()
        self.keep_counts()
        self._try('progress.csv', lambda progress: progress.append(row), self._progress)
        numbers = {'reward/5_minutes': status.running_reward, 'rate/env_steps_per_second': status.steps_per_second}
        self._log({name: value for name, value in numbers.items() if value is not None})

    def keep_counts(self) -> None:
        """Write down what a console that is started again in this launch goes on from."""
        now = Continuation(self._launch, self._earlier_steps, self._earlier_time, self.accounting.counted)
        if self._launch and now != self._kept:
            self._kept = now
            self._try(continuation.FILE, lambda run_dir: continuation.write(run_dir, now), self._run_dir)

    def finish(self, reason: str, now: float, over: bool = True) -> str:
        """Write what is left, the curve and the summary; returns the summary.

        Args:
            reason: why the launch ends.
            over: it does end; else the next console goes on counting.
        """
        self.note(now)
        if over:
            self._try(continuation.FILE, continuation.remove, self._run_dir)
        if self._events is not None:
            self._try('tensorboard', lambda events: events.close(), self._events)
        title = f'Learning curve: {self._title()}'
        self._try('learning_curve.png', lambda path: draw(path, self._curve, self.robot_time, title),
                  self._run_dir / 'learning_curve.png')
        done = self.accounting
        launch = Launch(
            reason, done.robot_time, now - self._started, done.env_steps, done.episodes, done.gaps, done.missing
        )
        names = ('learning_curve.png', 'progress.csv', 'tensorboard', 'bags', 'checkpoints')
        files = [name for name in names if (self._run_dir / name).exists()]
        bins = [reward for _, reward in self._curve.bins()]
        text = format_summary(self._run_dir, launch, self.status(now), bins, self._curve.recent(), files)
        self._try('summary.txt', lambda path: write_file(path, text), self._run_dir / 'summary.txt')
        return text

    def _open_events(self) -> Events | None:
        try:
            return Events(self._run_dir / 'tensorboard')
        except (ImportError, OSError) as error:
            self._warn(f'no TensorBoard files: {error}')
            return None

    def _take_up(self, row: Row) -> None:
        if row.reward is not None:
            # A row stands for the time before it.
            self._curve.add(max(row.robot_time - 1e-3, 0.0), Mean(row.reward * row.reward_steps, row.reward_steps))
        if row.episode_reward is not None:
            self._curve.add_episode(row.robot_time, row.episode_reward)

    def _log(self, numbers: Mapping[str, float]) -> None:
        # A version is a time in milliseconds: it says nothing as a curve.
        numbers = {name: value for name, value in numbers.items() if not name.endswith('/weights_version')}
        if self._events is not None and numbers:
            self._try('tensorboard', lambda events: events.numbers(numbers, self.env_steps), self._events)

    def _try(self, name: str, action: Callable[[Any], object], on: object) -> None:
        try:
            action(on)
        except OSError as error:
            if name not in self._warned:
                self._warned.add(name)
                self._warn(f'{self._run_dir / name}: {error.strerror or error}; the run goes on')

    def _title(self) -> str:
        """Task, agent and size of the run where the learner has written them, and the folder's name."""
        try:
            content = yaml.safe_load((self._run_dir / 'run.yaml').read_text(encoding='utf-8'))
            names = [str(content[key]) for key in ('task', 'agent', 'size') if key in content]
        except (OSError, yaml.YAMLError, TypeError):
            names = []
        name = ', '.join([*names, self._run_dir.resolve().name])
        return name.encode('ascii', errors='replace').decode()


def _whole(value: float | None) -> int | None:
    return int(value) if value is not None and math.isfinite(value) else None
