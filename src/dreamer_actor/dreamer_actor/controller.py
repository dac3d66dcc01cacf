"""From observation to action: the recurrent state, exploration, retries and gaps of one stream of steps."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Generic, Literal, Protocol, TypeVar

import numpy as np

from dreamer_actor.checks import check_observation
from dreamer_actor.exploration import RandomPolicy
from dreamer_learning.spaces import Task
from dreamer_node.refusals import Refused

Mode = Literal['train', 'eval']


class ActingPolicy(Protocol):
    """The part of dreamer_learning.policy.Policy that acts."""

    def initial(self, envs: int) -> Any: ...

    def act(
        self, carry: Any, obs: Mapping[str, np.ndarray], is_first: np.ndarray, mode: Mode
    ) -> tuple[np.ndarray, Any, dict[str, np.ndarray]]: ...


PolicyT = TypeVar('PolicyT', bound=ActingPolicy)


@dataclasses.dataclass(frozen=True)
class Answer:
    """The action for one observation; E environments.

    Attributes:
        action: float32 (E, A) or int32 (E,).
        version: of the weights that chose it; 0 = random.
        latent: recurrent state after the observation; empty for random actions.
        repeated: answer to a retry, the same as before.
    """

    stream: int
    step: int
    action: np.ndarray
    version: int
    latent: dict[str, np.ndarray]
    repeated: bool = False


class Controller(Generic[PolicyT]):
    """Answers observations one by one.

    Random until a policy is installed, and in training for the first `prefill` environment steps. The recurrent state
    starts anew where is_first says so, at a gap of the step number, in a new stream, and when the policy takes over
    from random actions: it would otherwise be a memory of something else.
    """

    def __init__(self, task: Task, seed: int, prefill: int, mode: Mode) -> None:
        self._task = task
        self._random = RandomPolicy(task.action, seed, task.control_rate)
        self._prefill = prefill if mode == 'train' else 0
        self._mode = mode
        self._policy: PolicyT | None = None
        self._version = 0
        self._carry: Any = None
        self._environments = 0
        self._last: Answer | None = None
        self.env_steps = 0
        self.gaps = 0
        self.retries = 0

    @property
    def version(self) -> int:
        """Version of the installed policy, also while it does not act yet."""
        return self._version

    def install(self, policy: PolicyT, version: int, env_steps: int) -> PolicyT | None:
        """Use this policy from the next step on; returns the one before. The recurrent state goes on.

        Args:
            env_steps: environment steps that the learner had seen; an actor that starts again does not explore again.
        """
        old, self._policy, self._version = self._policy, policy, version
        self.env_steps = max(self.env_steps, env_steps)
        return old

    def answer(self, stream: int, step: int, tensors: Mapping[str, np.ndarray], is_first: np.ndarray) -> Answer:
        """The action for an observation of E environments.

        Args:
            tensors: name -> (E, ...).
            is_first: (E,) bool.

        Raises:
            Refused: the observation does not fit the task or is older than one already answered, there is no policy yet in
                evaluation, or the policy's action is not finite (a retry is answered from a fresh recurrent state).
        """
        last = self._last
        if last is not None and last.stream == stream and step <= last.step:
            return self._repeat(last, step)
        observation = check_observation(self._task, tensors, len(is_first))
        follows = last is not None and (last.stream, last.step + 1) == (stream, step)
        if last is not None and last.stream == stream and not follows:
            self.gaps += 1
        answer = self._decide(stream, step, observation, is_first, follows)
        self.env_steps += len(is_first)
        self._last = answer
        return answer

    def _repeat(self, last: Answer, step: int) -> Answer:
        if step < last.step:
            raise Refused('observation_stale', f'observation step {step} came after step {last.step}')
        self.retries += 1
        return dataclasses.replace(last, repeated=True)

    def _decide(
        self, stream: int, step: int, observation: dict[str, np.ndarray], is_first: np.ndarray, follows: bool
    ) -> Answer:
        environments = len(is_first)
        if self._policy is None and self._mode == 'eval':
            raise Refused('no_policy', 'no policy is there yet, and evaluation does not act at random')
        if self._policy is None or self.env_steps < self._prefill:
            self._carry = None
            return Answer(stream, step, self._random.act(environments), 0, {})
        if self._carry is None or self._environments != environments:
            self._carry = self._policy.initial(environments)
            self._environments = environments
            follows = False
        first = is_first if follows else np.ones(environments, bool)
        action, self._carry, latent = self._policy.act(self._carry, observation, first, self._mode)
        if not np.isfinite(action).all():
            self._carry = None
            raise Refused('action_not_finite', f'the policy of version {self._version} chose an action of NaN or infinity')
        return Answer(stream, step, action, self._version, latent)
