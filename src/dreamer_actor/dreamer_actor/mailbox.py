"""Takes new weights apart beside the control loop, so that putting them to use is the exchange of two references.

Two policies of the same shape take turns: one acts, into the other one a thread of its own reads, checks and copies new
weights. A thread rather than the idle time after an action: how long the idle time is, nobody knows (in lockstep there is
none), and the work is almost all in calls that release the interpreter. The thread keeps its priority: with a lower one
it could hold the interpreter's lock while other processes take its core, and the control loop would wait for both.
"""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Generic, Protocol, TypeVar

from dreamer_node.refusals import Refused


class LoadablePolicy(Protocol):
    """The part of dreamer_learning.policy.Policy that takes weights."""

    def load(self, parameters: Mapping[str, Any]) -> None: ...


PolicyT = TypeVar('PolicyT', bound=LoadablePolicy)
ReadyT = TypeVar('ReadyT')


@dataclasses.dataclass(frozen=True)
class Announcement:
    """A PolicyWeights message without its header."""

    version: int
    agent: str
    config_hash: str
    updates: int
    env_steps: int
    data: Any


@dataclasses.dataclass(frozen=True)
class Loaded(Generic[ReadyT]):
    """A policy that holds checked weights."""

    policy: ReadyT
    version: int
    updates: int
    env_steps: int


class WeightMailbox(Generic[PolicyT]):
    """The newest good weights, ready to act with.

    Args:
        policies: two policies to take turns.
        agent, config_hash: of this actor; weights of others are refused.
        parse: bytes -> parameters, ValueError for what cannot be read.
        refuse: called with each Refused, from either thread.
    """

    def __init__(
        self,
        policies: tuple[PolicyT, PolicyT],
        agent: str,
        config_hash: str,
        parse: Callable[[Any], Mapping[str, Any]],
        refuse: Callable[[Refused], None],
    ) -> None:
        self._agent = agent
        self._hash = config_hash
        self._parse = parse
        self._refuse = refuse
        self._idle = list(policies)
        self._ready: Loaded[PolicyT] | None = None
        self._waiting: Announcement | None = None
        self._version = 0
        self._closed = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name='weights', daemon=True)
        self._thread.start()

    def offer(self, announcement: Announcement) -> None:
        """Look at an announcement's labels and leave the rest to the thread. Returns at once."""
        try:
            if not self._wanted(announcement):
                return
        except Refused as refused:
            self._refuse(refused)
            return
        with self._changed:
            self._waiting = announcement
            self._changed.notify_all()

    def take(self) -> Loaded[PolicyT] | None:
        """The loaded policy, once. Give the policy that acted before to `give_back`."""
        # Without the lock: this runs before every action, and a missed one is found before the next.
        if self._ready is None:
            return None
        with self._changed:
            ready, self._ready = self._ready, None
            return ready

    def give_back(self, policy: PolicyT) -> None:
        """A policy that no longer acts."""
        with self._changed:
            self._idle.append(policy)
            self._changed.notify_all()

    def forget_version(self) -> None:
        """Accept any version next: the learner is gone, and its successor's clock may be behind."""
        with self._changed:
            self._version = 0

    def wait_idle(self, timeout: float) -> bool:
        """Wait until nothing is left to read; False after `timeout` seconds."""
        deadline = time.monotonic() + timeout
        with self._changed:
            while self._waiting is not None:
                if not self._changed.wait(deadline - time.monotonic()):
                    return False
        return True

    def close(self) -> None:
        """End the thread."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._thread.join(timeout=5.0)

    def _wanted(self, new: Announcement) -> bool:
        if new.agent != self._agent:
            raise Refused('weights_agent', f"weights are of agent '{new.agent}', this actor runs '{self._agent}'")
        if new.config_hash != self._hash:
            raise Refused(
                'weights_config_hash',
                f'weights have config hash {new.config_hash}, this actor has {self._hash}: agent, size or task differ',
            )
        if new.version < self._version:
            raise Refused('weights_version', f'weights version {new.version} is older than {self._version}')
        return new.version > self._version

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._closed and not (self._waiting is not None and (self._idle or self._ready)):
                    self._changed.wait()
                if self._closed:
                    return
                new = self._waiting
                # Loaded but never taken: newer weights go into the same policy.
                policy = self._idle.pop() if self._idle else self._reclaim()
            assert new is not None
            loaded = self._load(policy, new)
            with self._changed:
                if loaded is None:
                    self._idle.append(policy)
                else:
                    if self._ready is not None:
                        self._idle.append(self._ready.policy)
                    self._ready = loaded
                    self._version = new.version
                if self._waiting is new:
                    self._waiting = None
                self._changed.notify_all()

    def _reclaim(self) -> PolicyT:
        assert self._ready is not None
        policy, self._ready = self._ready.policy, None
        return policy

    def _load(self, policy: PolicyT, new: Announcement) -> Loaded[PolicyT] | None:
        try:
            policy.load(self._parse(new.data))
        except Exception as error:
            # Whatever the bytes made the libraries do: the thread lives on, and the next weights are read.
            reason = error if isinstance(error, ValueError) else f'{type(error).__name__}: {error}'
            self._refuse(Refused('weights_unreadable', f'weights version {new.version}: {reason}'))
            return None
        return Loaded(policy, new.version, new.updates, new.env_steps)
