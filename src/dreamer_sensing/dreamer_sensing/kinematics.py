"""Forward kinematics and Jacobians of the robot's feet, from its URDF.

Shapes: F feet, D depth (movable joints from the base to a foot, padded to the longest chain), J joints of the robot.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from dreamer_learning.config import ConfigError, nearest
from dreamer_learning.urdf import Joint, Urdf


class FootKinematics:
    """All feet at once, each a serial chain of revolute joints from the base to a foot link.

    Args:
        urdf: path of the URDF.
        base_link: link in whose frame everything is expressed.
        feet: names of the foot links.
        joints: names of the robot's joints in the order of the joint angles.

    Raises:
        ConfigError: not a URDF, an unknown link or joint, no chain, or a chain with a sliding joint.
    """

    def __init__(self, urdf: Path, base_link: str, feet: Sequence[str], joints: Sequence[str]) -> None:
        robot = Urdf(urdf)
        for key, name in [('base_link', base_link), *(('feet', foot) for foot in feet)]:
            robot.require_link(key, name)
        by_child = {joint.child: joint for joint in robot.joints.values()}
        chains = [_chain(urdf, by_child, base_link, foot) for foot in feet]
        order = list(joints)
        for chain in chains:
            for joint in chain:
                if joint.kind != 'fixed' and joint.name not in order:
                    raise ConfigError(f"{urdf}: joint '{joint.name}' is not in joints; {nearest(joint.name, order)}")
        count, depth = len(feet), max(sum(joint.kind != 'fixed' for joint in chain) for chain in chains)
        self._index = np.zeros((count, depth), np.intp)
        self._offset = np.zeros((count, depth, 3, 1))
        self._axis = np.zeros((count, depth, 3, 1))
        self._fixed = np.tile(np.eye(3), (count, depth, 1, 1))
        self._tip = np.zeros((count, 3, 1))
        for foot, chain in enumerate(chains):
            self._fill(foot, chain, order)
        # Rodrigues: rotation of joint frame and joint = fixed + sin(q) fixed K + (1 - cos(q)) fixed K K.
        skew = np.zeros((count, depth, 3, 3))
        x, y, z = (self._axis[..., i, 0] for i in range(3))
        skew[..., 0, 1], skew[..., 0, 2], skew[..., 1, 2] = -z, y, -x
        skew[..., 1, 0], skew[..., 2, 0], skew[..., 2, 1] = z, -y, x
        self._sine = self._fixed @ skew
        self._versine = self._sine @ skew

    @property
    def index(self) -> np.ndarray:
        """(F, D) index of each foot's joints in the robot's order; padding repeats joint 0 with a zero Jacobian."""
        return self._index

    def _fill(self, foot: int, chain: list[Joint], order: list[str]) -> None:
        # Fixed joints are folded into the offset and rotation of the next movable one, or into the tip.
        offset, rotation, level = np.zeros(3), np.eye(3), 0
        for joint in chain:
            offset, rotation = offset + rotation @ joint.offset, rotation @ joint.rotation
            if joint.kind == 'fixed':
                continue
            self._index[foot, level] = order.index(joint.name)
            self._offset[foot, level, :, 0] = offset
            self._fixed[foot, level] = rotation
            self._axis[foot, level, :, 0] = joint.axis
            offset, rotation, level = np.zeros(3), np.eye(3), level + 1
        self._tip[foot, :, 0] = offset

    def compute(self, position: np.ndarray, extension: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Where the feet are and how they move.

        Args:
            position: (J,) joint angles, rad.
            extension: (3,) in the base frame, added to each foot: from its centre to the point that touches the floor,
                taken as part of the last link.

        Returns:
            Points (F, 3) in the base frame, m, and Jacobians (F, 3, D): velocity of the point per joint velocity.
        """
        angle = position[self._index][..., None, None]
        local = self._fixed + np.sin(angle) * self._sine + (1.0 - np.cos(angle)) * self._versine
        depth = local.shape[1]
        rotation = local[:, 0]
        origin = self._offset[:, 0]
        origins, axes = [origin], [rotation @ self._axis[:, 0]]
        for level in range(1, depth):
            origin = origin + rotation @ self._offset[:, level]
            rotation = rotation @ local[:, level]
            origins.append(origin)
            axes.append(rotation @ self._axis[:, level])
        point = origin + rotation @ self._tip
        if extension is not None:
            point = point + extension[:, None]
        axis = np.concatenate(axes, axis=2)
        arm = point - np.concatenate(origins, axis=2)
        return point[:, :, 0], _cross(axis, arm)


def _cross(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Cross products over axis 1 of (F, 3, D); several times faster than np.cross for small arrays."""
    result = np.empty_like(a)
    result[:, 0] = a[:, 1] * b[:, 2] - a[:, 2] * b[:, 1]
    result[:, 1] = a[:, 2] * b[:, 0] - a[:, 0] * b[:, 2]
    result[:, 2] = a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]
    return result


def _chain(path: Path, by_child: dict[str, Joint], base: str, foot: str) -> list[Joint]:
    """Joints from the base to a foot."""
    chain: list[Joint] = []
    link = foot
    while link != base:
        joint = by_child.get(link)
        if joint is None or joint in chain:
            raise ConfigError(f"{path}: feet: no chain of joints from '{base}' to '{foot}'")
        if joint.kind not in ('revolute', 'continuous', 'fixed'):
            raise ConfigError(
                f"{path}: joint '{joint.name}' on the way to '{foot}' is '{joint.kind}'; legs have revolute joints"
            )
        chain.append(joint)
        link = joint.parent
    chain.reverse()
    if all(joint.kind == 'fixed' for joint in chain):
        raise ConfigError(f"{path}: feet: no movable joint between '{base}' and '{foot}'")
    return chain
