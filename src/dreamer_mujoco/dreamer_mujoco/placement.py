"""Puts a robot on the floor: rotations, and the height at which its lowest part touches."""

from __future__ import annotations

import math

import mujoco
import numpy as np

from dreamer_mujoco.model import RobotModel

CLEARANCE = 0.002
"""m between the lowest part and the floor before settling."""


def rotation(roll: float, pitch: float, yaw: float) -> np.ndarray:
    """Quaternion (4,) w x y z of roll, pitch, yaw (rad) about the fixed x, y, z axes."""
    cr, sr = math.cos(roll / 2), math.sin(roll / 2)
    cp, sp = math.cos(pitch / 2), math.sin(pitch / 2)
    cy, sy = math.cos(yaw / 2), math.sin(yaw / 2)
    return np.array(
        [
            cr * cp * cy + sr * sp * sy,
            sr * cp * cy - cr * sp * sy,
            cr * sp * cy + sr * cp * sy,
            cr * cp * sy - sr * sp * cy,
        ]
    )


def quaternion_multiply(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Product (4,) of two quaternions w x y z."""
    result = np.zeros(4)
    mujoco.mju_mulQuat(result, left, right)
    return result


def place(robot: RobotModel, data: mujoco.MjData, orientation: np.ndarray) -> None:
    """Move the floating base above the world's origin so that the lowest collision geom just clears the floor.

    Args:
        orientation: (4,) w x y z of the root link.
    """
    model = robot.model
    address = model.jnt_qposadr[model.body_jntadr[robot.root]]
    data.qpos[address : address + 3] = 0.0
    data.qpos[address + 3 : address + 7] = orientation
    mujoco.mj_kinematics(model, data)
    floor = model.geom('floor').id
    normal = data.geom_xmat[floor].reshape(3, 3)[:, 2]
    lowest = min(
        _lowest(model, data, geom, normal)
        for geom in range(model.ngeom)
        if geom != floor and (model.geom_contype[geom] or model.geom_conaffinity[geom])
    )
    data.qpos[address : address + 3] = (CLEARANCE - lowest) * normal


def _lowest(model: mujoco.MjModel, data: mujoco.MjData, geom: int, normal: np.ndarray) -> float:
    """Smallest coordinate along `normal` of a geom: exact for spheres, capsules, cylinders, boxes; a bound for others."""
    kind = int(model.geom_type[geom])
    size = model.geom_size[geom]
    axes = data.geom_xmat[geom].reshape(3, 3)
    along = axes.T @ normal
    height = float(data.geom_xpos[geom] @ normal)
    if kind == mujoco.mjtGeom.mjGEOM_SPHERE:
        return height - float(size[0])
    if kind == mujoco.mjtGeom.mjGEOM_CAPSULE:
        return height - float(size[0] + size[1] * abs(along[2]))
    if kind == mujoco.mjtGeom.mjGEOM_CYLINDER:
        return height - float(size[0] * math.hypot(along[0], along[1]) + size[1] * abs(along[2]))
    centre, half = model.geom_aabb[geom, :3], model.geom_aabb[geom, 3:]
    return height + float(centre @ along - half @ np.abs(along))
