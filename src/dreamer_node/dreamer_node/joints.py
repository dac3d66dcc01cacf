"""Joint messages by name, whatever their order. J joints of a robot."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dreamer_learning.config import nearest
from dreamer_node.refusals import Refused


class JointOrder:
    """Brings the arrays of joint messages into the robot's order.

    Args:
        joints: J names in the robot's order.
        exact: names that are not the robot's are refused; else they are left out.

    Attributes:
        extra: names in the last message that are not the robot's.
    """

    def __init__(self, joints: Sequence[str], exact: bool = False) -> None:
        self._joints = list(joints)
        self._exact = exact
        self._names: list[str] | None = None
        self._index = np.zeros(0, np.intp)
        self.extra: list[str] = []

    def follow(self, names: Sequence[str]) -> None:
        """Take the names of a message, whose arrays `arrange` is given next; as good as free while they stay the same.

        Raises:
            Refused: 'missing_joint', 'repeated_joint', or 'unknown_joint' where the names have to be exact; the message
                before stays in force.
        """
        if names == self._names:
            return
        names = list(names)
        extra = [name for name in names if name not in self._joints]
        if extra and self._exact:
            raise Refused('unknown_joint', f"unknown joint '{extra[0]}'; {nearest(extra[0], self._joints)}")
        # Before what is missing: a name in the place of another one is there twice.
        for name in self._joints:
            if names.count(name) > 1:
                raise Refused('repeated_joint', f"joint '{name}' is there {names.count(name)} times")
        missing = [name for name in self._joints if name not in names]
        if missing:
            quoted = ', '.join(f"'{name}'" for name in missing)
            raise Refused('missing_joint', f'joint {quoted} is missing in the message; {nearest(missing[0], names)}')
        self._names, self.extra = names, extra
        self._index = np.array([names.index(name) for name in self._joints], np.intp)

    def arrange(self, kind: str, values: Sequence[float]) -> np.ndarray:
        """One array of the message as (J,) float64 in the robot's order.

        Args:
            kind: its name, for messages.

        Raises:
            Refused: 'length', it has not one value for each name.
        """
        count = len(self._names or ())
        if len(values) != count:
            raise Refused('length', f'{kind} has {len(values)} values for {count} joint names')
        return np.array(values, np.float64)[self._index]
