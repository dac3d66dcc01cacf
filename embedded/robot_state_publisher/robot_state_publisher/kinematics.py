"""Where a joint puts its child link, as a translation (m) and a quaternion (x, y, z, w)."""

from __future__ import annotations

import math
from dataclasses import dataclass

from robot_state_publisher.urdf import Joint, Vector

Quaternion = tuple[float, float, float, float]


@dataclass(frozen=True)
class JointFrame:
    """A joint with its constant rotation computed once."""

    joint: Joint
    rotation: Quaternion   # child frame at position 0, in the parent link
    direction: Vector      # the joint's axis in the parent link

    @classmethod
    def of(cls, joint: Joint) -> JointFrame:
        rotation = quaternion_from_rpy(joint.rpy)
        return cls(joint, rotation, rotate(rotation, joint.axis))

    def pose(self, position: float) -> tuple[Vector, Quaternion]:
        """Pose of the child link in the parent link at a position (rad, or m for a prismatic joint)."""
        joint = self.joint
        if joint.type == 'prismatic':
            x, y, z = joint.xyz
            dx, dy, dz = self.direction
            return (x + position * dx, y + position * dy, z + position * dz), self.rotation
        if not joint.moves:
            return joint.xyz, self.rotation
        half = 0.5 * position
        sine = math.sin(half)
        turn = (sine * joint.axis[0], sine * joint.axis[1], sine * joint.axis[2], math.cos(half))
        return joint.xyz, multiply(self.rotation, turn)


def quaternion_from_rpy(rpy: Vector) -> Quaternion:
    """Rotation about the fixed x, then y, then z axis (URDF specification, element `origin`)."""
    (sr, cr), (sp, cp), (sy, cy) = ((math.sin(0.5 * angle), math.cos(0.5 * angle)) for angle in rpy)
    return multiply(multiply((0.0, 0.0, sy, cy), (0.0, sp, 0.0, cp)), (sr, 0.0, 0.0, cr))


def multiply(a: Quaternion, b: Quaternion) -> Quaternion:
    """The Hamilton product: rotation b, then a."""
    ax, ay, az, aw = a
    bx, by, bz, bw = b
    return (
        aw * bx + ax * bw + ay * bz - az * by,
        aw * by - ax * bz + ay * bw + az * bx,
        aw * bz + ax * by - ay * bx + az * bw,
        aw * bw - ax * bx - ay * by - az * bz,
    )


def rotate(q: Quaternion, v: Vector) -> Vector:
    """A vector turned by a unit quaternion."""
    x, y, z, _ = multiply(multiply(q, (v[0], v[1], v[2], 0.0)), (-q[0], -q[1], -q[2], q[3]))
    return (x, y, z)
