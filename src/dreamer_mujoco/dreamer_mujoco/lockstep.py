"""When the simulation may take its next step in lockstep."""

from __future__ import annotations

import dataclasses

from dreamer_mujoco.servo import Command


@dataclasses.dataclass
class LockstepGate:
    """Simulated time goes on when the command that answers the published sensors is there, and nothing holds it back.

    Attributes:
        stamp: ns, of the sensors that wait for an answer.
        paced: a step also waits until it is due on the wall clock.
        limit: observations of the stream that the learner allows; None = not asked for.
        paused: by the service.
        due: the wall clock has come to the next step.
        command: the answer, once there.
        step: which step of the stream the answer belongs to.
    """

    stamp: int
    paced: bool = False
    limit: int | None = None
    paused: bool = False
    due: bool = True
    command: Command | None = None
    step: int = 0

    def answers(self, stamp: int, acts: bool = True) -> bool:
        """Whether a command of this stamp is the answer that is still missing.

        Args:
            acts: it carries out an action. One that does not (an emergency stop) takes the place of an answer that waits.
        """
        return stamp == self.stamp and (self.command is None or not acts)

    def offer(self, command: Command, step: int) -> None:
        """Take the answer to the published sensors."""
        self.command, self.step = command, step

    @property
    def ready(self) -> bool:
        """Whether the next step can be simulated now."""
        allowed = self.limit is None or self.step + 1 < self.limit
        return self.command is not None and self.due and allowed and not self.paused

    @property
    def waits_for(self) -> str:
        """What is missing for the next step, for people."""
        if self.paused:
            return 'set_pause'
        if self.command is None:
            return 'joint_command'
        return 'the wall clock' if not self.due else 'step_limit'

    def published(self, stamp: int) -> None:
        """New sensors are out: the answer to the old ones no longer counts."""
        self.stamp = stamp
        self.command = None
        self.due = not self.paced
