"""Was the action that answered an observation carried out? Told by the driver's commands."""

from __future__ import annotations


class Execution:
    """Follows one stream's actions to the commands that carry them out.

        observation   n-2      n-1      n          made now: n follows from n-1 only if the robot did what n-1 was answered
        command       ACTIVE   ?                   with. n-1 may still be on its way, n-2 may not: it counts as missing.

    A step is carried out when every command for it is ACTIVE; that includes the soft start, whose gains are small at first.
    Until the first command is heard nothing is known, and nothing is missing.

    Attributes:
        next: step of the next observation.
        heard: commands.
        refused: steps that were answered with a command that does not act (hold, damp).
        missing: steps without any command.
    """

    def __init__(self, stream: int) -> None:
        self._stream = stream
        self._active: dict[int, bool] = {}
        self.next = 0
        self._judge_from: int | None = None
        self.heard = 0
        self.refused = 0
        self.missing = 0

    def command(self, stream: int, step: int, active: bool) -> None:
        """A command for a step; of another stream it says only that commands can be heard.

        Args:
            active: it carries the action out.
        """
        self.heard += 1
        own = stream == self._stream and step < self.next
        if self._judge_from is None:
            self._judge_from = step if own else self.next
        if own and step >= self._judge_from:
            self._active[step] = active and self._active.get(step, True)

    def observe(self, step: int) -> bool:
        """Observation `step` is about to be made; False where it does not follow from the one before."""
        follows = True
        self.next = step + 1
        if self._judge_from is None:
            return True
        for earlier in range(self._judge_from, step):
            active = self._active.pop(earlier, None)
            if active is None and earlier == step - 1:
                break
            self.refused += active is False
            self.missing += active is None
            follows = follows and active is True
            self._judge_from = earlier + 1
        return follows
