"""The training thread: takes steps in, trains, and hands out weights, pictures and checkpoints between two updates.

It is a thread and not a process: torch lets go of the interpreter inside its operations, so the node's callbacks get in
between, and steps need not be sent a second time. Replay, agent and counters belong to
this thread alone; the node puts steps into a queue.
"""

from __future__ import annotations

import itertools
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any, Protocol

import numpy as np
import torch

from dreamer_learner.experience import Unusable
from dreamer_learner.saving import Saved, Saver
from dreamer_learner.session import Session
from dreamer_learner.updater import TrainingFailed
from dreamer_learner.video import render
from dreamer_learning import weights
from dreamer_node.wire import CompleteStep


class Outlet(Protocol):
    """Where results go. Called from the training thread."""

    def publish_weights(self, data: bytes, updates: int, env_steps: int) -> None: ...
    def publish_image(self, image: np.ndarray) -> None: ...
    def image_wanted(self) -> bool: ...
    def publish_limit(self, observations: int) -> None: ...
    def extra_state(self) -> dict[str, Any]: ...
    def info(self, text: str) -> None: ...
    def error(self, text: str) -> None: ...


class _SaveRequest:
    """A person asks for a checkpoint and waits."""

    def __init__(self) -> None:
        self.done = threading.Event()
        self.saved = Saved(False, 'training has ended')


class Timer:
    """True once every `period` seconds of wall time."""

    def __init__(self, period: float) -> None:
        self._period = period
        self._next = time.monotonic() + period

    def due(self) -> bool:
        now = time.monotonic()
        if now < self._next:
            return False
        self._next = now + self._period
        return True


class Trainer:
    """Runs from `start` to `stop`.

    Args:
        exact: each step is taken in only after the updates that the steps before it paid for, so that the same steps
            give the same parameters; the environment is told how far it may go. Otherwise steps come in as they arrive.
        recorded: steps of earlier sessions, read in the thread before anything else.
        periods: seconds between publications of weights, checkpoints and pictures.

    Attributes:
        failure: what ended the thread, if not `stop`.
    """

    def __init__(
        self,
        session: Session,
        saver: Saver,
        outlet: Outlet,
        recorded: Callable[[], Iterable[CompleteStep]],
        periods: tuple[float, float, float],
        threads: int,
        exact: bool,
    ) -> None:
        self._session = session
        self._updater, self._experience, self._credit = session.updater, session.experience, session.credit
        self._saver, self._outlet, self._recorded = saver, outlet, recorded
        self._publish_due, self._save_due, self._video_due = (Timer(period) for period in periods)
        self._threads, self._exact = threads, exact
        self._steps: deque[CompleteStep] = deque()
        self._wake = threading.Event()
        self._stopping = False
        self._published = False
        self._limit: int | None = None
        self._live = False  # a step has come since the start
        self._said_unusable = False
        self._request: _SaveRequest | None = None
        self._saved = self._progress()
        self.failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name='training', daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def put(self, step: CompleteStep) -> None:
        """Hand over one step. Returns at once."""
        self._steps.append(step)
        self._wake.set()

    def stop(self) -> None:
        """End after the update in progress, and save. Steps still in the queue are in the bags.

        A first update that is being compiled takes up to a minute and is not waited for: before it nothing was learned.
        """
        self._stopping = True
        self._wake.set()
        while self._thread.is_alive() and not self._updater.compiling:
            self._thread.join(0.1)

    def save(self, timeout: float) -> Saved:
        """Have a checkpoint written between two updates.

        Args:
            timeout: seconds to wait for it; after that it is written all the same.
        """
        request = self._request or _SaveRequest()
        self._request = request
        self._wake.set()
        if not self._thread.is_alive():
            return Saved(False, 'training has ended')
        if not request.done.wait(timeout):
            return Saved(False, f'the checkpoint is being written, and was not on disk after {timeout:g} s; call again')
        return request.saved

    def state_dict(self) -> dict[str, Any]:
        """Everything that a checkpoint holds."""
        return {**self._outlet.extra_state(), **self._session.state_dict()}

    def _run(self) -> None:
        try:
            torch.set_num_threads(self._threads)
            self._restore()
            if not self._stopping:
                self._work()
        except TrainingFailed as failure:
            self.failure = TrainingFailed(f'{failure}; {self._saver.kept()}')
        except BaseException as failure:  # told to the node, which ends the process
            self.failure = failure
        finally:
            self._answer(Saved(False, 'training has ended'))

    def _work(self) -> None:
        while not self._stopping:
            self._take_in()
            if self._credit.due():
                self._train()
            elif not self._steps:
                self._wake.wait(0.1)
                self._wake.clear()
            self._between_updates()
        if not self._exact:
            self._take_in()
        self._save_changes()

    def _restore(self) -> None:
        # Before the bags: without weights an actor that starts now would act at random until they are read.
        if self._updater.agent.updates or self._session.ready:
            self._publish()
        start = time.monotonic()
        read, reason = self._experience.restore(itertools.takewhile(lambda _: not self._stopping, self._recorded()))
        if reason:
            self._outlet.error(f'recorded steps left out: {self._experience.refused}, the first because of {reason}')
        if read:
            self._outlet.info(f'read {read} recorded steps in {time.monotonic() - start:.1f} s')
        # Steps that came after the checkpoint are paid for as if they had just come.
        self._credit.add(max(0, self._experience.env_steps - self._credit.steps))
        self._tell_limit()

    def _take_in(self) -> None:
        while self._steps:
            step = self._steps.popleft()
            try:
                self._credit.add(self._experience.add(step))
            except Unusable as error:
                if not self._said_unusable:
                    self._said_unusable = True
                    self._outlet.error(f'step left out: {error} (counted, not said again)')
                continue
            self._live = True
            while self._exact and not self._stopping and self._credit.due():
                self._train()
                self._between_updates()
        self._tell_limit()

    def _train(self) -> None:
        if self._updater.update():
            self._credit.spend()
        else:
            self._credit.postpone(self._updater.agent.config.replay.length)
        self._tell_limit()

    def _between_updates(self) -> None:
        updater = self._updater
        if updater.agent.updates and updater.sound and (self._publish_due.due() or not self._published):
            self._publish()
        if self._save_due.due():
            self._save_changes()
        if self._request is not None:
            self._answer(self._save())
        if self._outlet.image_wanted() and self._video_due.due():
            report = updater.predict()
            if report is not None:
                self._outlet.publish_image(render(report))

    def _publish(self) -> None:
        self._published = True
        agent = self._updater.agent
        self._outlet.publish_weights(weights.dump(agent.policy_parameters()), agent.updates, self._experience.env_steps)

    def _save_changes(self) -> None:
        if self._progress() != self._saved:
            self._save()

    def _save(self) -> Saved:
        if not self._updater.sound:
            return Saved(False, 'the last update was not finite; the previous checkpoint stays')
        saved = self._saver.save(self.state_dict(), self._updater.agent.updates)
        if saved.good:
            self._saved = self._progress()
        else:
            self._outlet.error(saved.text)
        return saved

    def _progress(self) -> tuple[int, int]:
        return self._updater.agent.updates, self._experience.env_steps

    def _answer(self, saved: Saved) -> None:
        request, self._request = self._request, None
        if request is not None:
            request.saved = saved
            request.done.set()

    def _tell_limit(self) -> None:
        """Observations that the stream may count before an update is due that was not made yet."""
        allowed = self._credit.allowed()
        # Before a step has come it is not known which stream is counted, and what passed before this node could hear it.
        if not self._exact or math.isinf(allowed) or not self._live:
            return
        experience = self._experience
        seen = 0 if experience.position is None else experience.position[1] + 1
        # Rounded up: with several environments a message, the one that makes the update due must come.
        limit = seen + max(0, math.ceil((allowed - experience.env_steps) / experience.environments))
        if limit != self._limit:
            self._limit = limit
            self._outlet.publish_limit(limit)
