"""What the learner has lived through: the replay, how many environment steps there were, and where the last one was."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from dreamer_learning.agent_config import LatentSpec
from dreamer_learning.replay import Replay
from dreamer_learning.spaces import Task
from dreamer_node.wire import CompleteStep


class Unusable(ValueError):
    """A step that must not be trained on."""


class Experience:
    """Fills a replay and counts.

    Attributes:
        env_steps: environment steps of the whole run, E for each observation.
        position: (stream, step) added last.
        refused: steps left out because they do not fit the task.
    """

    def __init__(self, replay: Replay, task: Task, latent: LatentSpec) -> None:
        self.replay = replay
        self._task = task
        self._latent = latent
        self._recorded: dict[int, int] = {}
        self._counted: tuple[int, int] | None = None
        self.env_steps = 0
        self.position: tuple[int, int] | None = None
        self.environments = task.environments
        self.refused = 0

    def restore(self, steps: Iterable[CompleteStep]) -> tuple[int, str]:
        """Read recorded steps into the replay; live messages then bring only what comes after them.

        Returns:
            environment steps read, and the reason of the first one that was left out, or ''.
        """
        read, reason = 0, ''
        for step in steps:
            if step.action is None:
                continue
            try:
                self._store(step, fresh=False)
            except Unusable as error:
                self.refused += 1
                reason = reason or str(error)
                continue
            read += len(step.reward)
            self._recorded[step.stream] = max(step.step, self._recorded.get(step.stream, 0))
        self.env_steps = max(self.env_steps, read)
        return read, reason

    def add(self, step: CompleteStep) -> int:
        """Take one live step; returns the environment steps that count: 0 for one that the run knows already.

        Raises:
            Unusable: it does not fit the task; counted in `refused`.
        """
        if step.step <= self._recorded.get(step.stream, -1):
            return 0
        try:
            self._store(step, fresh=True)
        except Unusable:
            self.refused += 1
            raise
        # Latched messages bring steps again that a checkpoint counted, but that no recorder kept.
        known = self._counted is not None and step.stream == self._counted[0] and step.step <= self._counted[1]
        count = 0 if known else len(step.reward)
        self.env_steps += count
        return count

    def _store(self, step: CompleteStep, fresh: bool) -> None:
        self._check(step)
        assert step.action is not None
        latent = step.latent if self._latent_fits(step) else None
        for env in range(len(step.reward)):
            self.replay.add(
                step.stream, env, step.step,
                {name: step.tensors[name][env] for name in self._task.observation},
                step.action[env], float(step.reward[env]),
                bool(step.is_first[env]), bool(step.is_last[env]), bool(step.is_terminal[env]),
                None if latent is None else {name: tensor[env] for name, tensor in latent.items()},
                online=fresh,
            )
        self.position = (step.stream, step.step)
        self.environments = len(step.reward)

    def _check(self, step: CompleteStep) -> None:
        envs, action = len(step.reward), step.action
        where = f'{step.source}{": " if step.source else ""}stream {step.stream} step {step.step}'
        for name, spec in self._task.observation.items():
            tensor = step.tensors.get(name)
            if tensor is None:
                raise Unusable(f"{where}: tensor '{name}' is missing")
            if tensor.shape != (envs, *spec.shape) or tensor.dtype.name != spec.dtype:
                raise Unusable(
                    f"{where}: tensor '{name}' is {tensor.dtype.name} {list(tensor.shape)}, "
                    f'the task says {spec.dtype} {[envs, *spec.shape]}'
                )
            if not spec.image and not np.isfinite(tensor).all():
                raise Unusable(f"{where}: tensor '{name}' holds NaN or infinity")
        if not np.isfinite(step.reward).all():
            raise Unusable(f'{where}: the reward is NaN or infinite')
        self._check_action(action, envs, where)

    def _check_action(self, action: np.ndarray | None, envs: int, where: str) -> None:
        spec = self._task.action
        shape = (envs,) if spec.discrete else (envs, spec.size)
        if action is None or action.shape != shape:
            raise Unusable(f'{where}: action has shape {None if action is None else action.shape}, the task says {shape}')
        if spec.discrete and not ((action >= 0) & (action < spec.size)).all():
            raise Unusable(f'{where}: action {action.tolist()} is not below {spec.size}')
        if not np.isfinite(action).all():
            raise Unusable(f'{where}: the action holds NaN or infinity')

    def _latent_fits(self, step: CompleteStep) -> bool:
        shapes = {name: tensor.shape[1:] for name, tensor in step.latent.items()}
        fits = shapes == {'deter': (self._latent.deter,), 'stoch': (self._latent.stoch,)}
        return fits and bool(np.isfinite(step.latent['deter']).all())

    def state_dict(self) -> dict[str, Any]:
        return {'env_steps': self.env_steps, 'position': self.position, 'replay': self.replay.state_dict()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.env_steps = int(state['env_steps'])
        position = state['position']
        self._counted = None if position is None else (int(position[0]), int(position[1]))
        self.replay.load_state_dict(state['replay'])
