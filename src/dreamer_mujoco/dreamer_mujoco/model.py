"""Turns a robot description into a MuJoCo model: floor, floating base, one PD motor per driven joint, IMU, cameras."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import mujoco
import numpy as np

from dreamer_learning.config import ConfigError
from dreamer_learning.urdf import Urdf
from dreamer_mujoco.config import Conditions, SimulationConfig
from dreamer_mujoco.urdf import for_mujoco

COLLISION_GROUP, VISUAL_GROUP, FLOOR_GROUP = 3, 1, 0
"""Geom groups; MuJoCo draws 0 to 2 unless told otherwise."""

OVERVIEW = 'overview'
"""A camera that follows the robot from the side, for people."""

GYRO, ACCELEROMETER = 'imu_gyro', 'imu_accelerometer'


@dataclasses.dataclass(frozen=True)
class RobotModel:
    """A compiled model and where the robot's parts are in it. J driven joints in the robot's order.

    Attributes:
        qpos, qvel, actuator: indices (J,) of the driven joints.
        base: body id of base_link.
        root: body id of the URDF's root link, which carries the floating base.
        effort_limit: Nm (J,), with the motor strength in it; inf where the URDF gives none.
        imu: slice of sensordata: angular velocity (3), then specific force (3).
        fixed_base: no floating base.
    """

    model: mujoco.MjModel
    qpos: np.ndarray
    qvel: np.ndarray
    base: int
    root: int
    effort_limit: np.ndarray
    imu: slice
    fixed_base: bool


def build_model(path: Path, config: SimulationConfig, conditions: Conditions) -> RobotModel:
    """Load any URDF as a robot on a floor.

    Args:
        path: the URDF.
        config: names of joints and links, and physical parameters.
        conditions: friction, payload, motor strength and slope of this world.

    Raises:
        ConfigError: the URDF does not parse, lacks a joint or link that the configuration names, or touches nothing.
    """
    urdf = Urdf(path)
    efforts = np.array([urdf.driven(name).effort for name in config.joints])
    frames = [(f'cameras: {name}: frame', camera.frame) for name, camera in config.cameras.items()]
    for key, link in [('base_link', config.base_link), ('imu_link', config.imu_link or config.base_link), *frames]:
        urdf.require_link(key, link)
    text, drawn = for_mujoco(urdf)
    try:
        spec = mujoco.MjSpec.from_string(text)
        _shape_geoms(spec, drawn, conditions.friction)
        root = _furnish(spec, efforts, config, conditions)
        model = spec.compile()
    except (ValueError, mujoco.FatalError) as error:
        raise ConfigError(f'{path}: MuJoCo cannot load it: {" ".join(str(error).split())}') from None
    # Of the world is the floor.
    touching = (model.geom_bodyid > 0) & ((model.geom_contype > 0) | (model.geom_conaffinity > 0))
    if not config.fixed_base and not touching.any():
        raise ConfigError(f'{path}: no link has a <collision>: the robot would fall through the floor')
    _require_axes_of_base(path, model, config)
    joints = [model.joint(name) for name in config.joints]
    gyro = int(model.sensor(GYRO).adr[0])
    return RobotModel(
        model=model,
        qpos=np.array([int(joint.qposadr[0]) for joint in joints]),
        qvel=np.array([int(joint.dofadr[0]) for joint in joints]),
        base=model.body(config.base_link).id,
        root=model.body(root).id,
        effort_limit=np.where(efforts == 0.0, np.inf, efforts) * conditions.motor_strength,
        imu=slice(gyro, gyro + 6),
        fixed_base=config.fixed_base,
    )


def _require_axes_of_base(path: Path, model: mujoco.MjModel, config: SimulationConfig) -> None:
    """The message imu holds the orientation of the base and rates in the IMU's frame: both must be the same axes.

    Raises:
        ConfigError: the IMU is turned against the base, or a joint moves it.
    """
    data = mujoco.MjData(model)
    mujoco.mj_kinematics(model, data)
    base, imu = (model.body(name).id for name in (config.base_link, config.imu_link or config.base_link))
    if model.body_weldid[imu] != model.body_weldid[base] or not np.allclose(data.xmat[imu], data.xmat[base], atol=1e-3):
        raise ConfigError(
            f"{path}: imu_link: '{config.imu_link}' must be fixed to '{config.base_link}' and have its axes (x forward, z up)"
        )


def _furnish(spec: mujoco.MjSpec, efforts: np.ndarray, config: SimulationConfig, conditions: Conditions) -> str:
    """Add to the robot what its description does not hold. Returns the name of the root link."""
    spec.option.timestep = config.timestep
    spec.option.integrator = mujoco.mjtIntegrator.mjINT_IMPLICITFAST
    spec.visual.quality.offsamples = 0
    root = spec.worldbody.first_body()
    if not config.fixed_base:
        root.add_freejoint()
    for index, (name, effort) in enumerate(zip(config.joints, efforts)):
        joint = spec.joint(name)
        joint.damping[0] = max(joint.damping[0], config.damping)
        joint.armature = config.armature
        joint.frictionloss = max(joint.frictionloss, config.friction_loss)
        # The motor's own range bounds the torque, so that stronger motors are possible too.
        joint.actfrclimited = mujoco.mjtLimited.mjLIMITED_FALSE
        _add_motor(spec, name, effort * conditions.motor_strength, index)
    base = spec.body(config.base_link)
    if conditions.payload > 0:
        inertia = conditions.payload * 0.1**2 / 6  # a cube of 0.1 m
        base.add_body(
            name='payload', pos=[0, 0, 0.1], mass=conditions.payload, inertia=[inertia] * 3, explicitinertial=True
        )
    _add_imu(spec, config)
    for name, camera in config.cameras.items():
        # A MuJoCo camera looks along -z with y up; an optical frame along +z with y down.
        spec.body(camera.frame).add_camera(
            name=name, quat=[0, 1, 0, 0], fovy=math.degrees(camera.field_of_view),
            resolution=[camera.width, camera.height],
        )
    widths = [640] + [camera.width for camera in config.cameras.values()]
    heights = [480] + [camera.height for camera in config.cameras.values()]
    spec.visual.global_.offwidth, spec.visual.global_.offheight = max(widths), max(heights)
    root.add_camera(
        name=OVERVIEW, mode=mujoco.mjtCamLight.mjCAMLIGHT_TRACK, pos=[0.9, -1.2, 0.55],
        xyaxes=[0.8, 0.6, 0, -0.21, 0.28, 0.937], fovy=32,
    )
    _add_floor(spec, conditions)
    return str(root.name)


def _shape_geoms(spec: mujoco.MjSpec, drawn: set[str], friction: float) -> None:
    for body in spec.bodies:
        for geom in body.geoms:
            if geom.contype == 0 and geom.conaffinity == 0:
                geom.group = VISUAL_GROUP
                continue
            geom.group = COLLISION_GROUP if body.name in drawn else VISUAL_GROUP
            geom.friction[0] = friction
            if geom.type == mujoco.mjtGeom.mjGEOM_CYLINDER and geom.size[1] > 2 * geom.size[0]:
                # Long cylinders collide as capsules of the same length: no rim, and cheaper.
                geom.type = mujoco.mjtGeom.mjGEOM_CAPSULE
                geom.size[1] -= geom.size[0]


def _add_motor(spec: mujoco.MjSpec, joint: str, limit: float, index: int) -> None:
    """An actuator with affine force gain * ctrl + bias0 + bias1 q + bias2 qd: the PD law in MuJoCo's own terms."""
    motor = spec.add_actuator(name=joint, target=joint, trntype=mujoco.mjtTrn.mjTRN_JOINT)
    motor.gaintype = mujoco.mjtGain.mjGAIN_FIXED
    motor.biastype = mujoco.mjtBias.mjBIAS_AFFINE
    motor.gainprm[0] = 0.0
    motor.ctrllimited = mujoco.mjtLimited.mjLIMITED_FALSE
    if limit > 0:
        motor.forcelimited = mujoco.mjtLimited.mjLIMITED_TRUE
        motor.forcerange = [-limit, limit]


def _add_imu(spec: mujoco.MjSpec, config: SimulationConfig) -> None:
    spec.body(config.imu_link or config.base_link).add_site(name='imu', group=4)
    for name, kind in ((GYRO, mujoco.mjtSensor.mjSENS_GYRO), (ACCELEROMETER, mujoco.mjtSensor.mjSENS_ACCELEROMETER)):
        spec.add_sensor(name=name, type=kind, objtype=mujoco.mjtObj.mjOBJ_SITE, objname='imu')


def _add_floor(spec: mujoco.MjSpec, conditions: Conditions) -> None:
    spec.add_texture(
        name='floor', type=mujoco.mjtTexture.mjTEXTURE_2D, builtin=mujoco.mjtBuiltin.mjBUILTIN_CHECKER,
        rgb1=[0.55, 0.60, 0.64], rgb2=[0.44, 0.49, 0.53], width=128, height=128,
    )
    spec.add_texture(
        name='sky', type=mujoco.mjtTexture.mjTEXTURE_SKYBOX, builtin=mujoco.mjtBuiltin.mjBUILTIN_GRADIENT,
        rgb1=[0.75, 0.82, 0.90], rgb2=[0.95, 0.96, 0.97], width=64, height=384,
    )
    material = spec.add_material(name='floor', texrepeat=[2, 2], texuniform=True)
    material.textures[mujoco.mjtTextureRole.mjTEXROLE_RGB] = 'floor'
    half = conditions.slope / 2
    spec.worldbody.add_geom(
        name='floor', type=mujoco.mjtGeom.mjGEOM_PLANE, size=[0, 0, 0.5], material='floor', group=FLOOR_GROUP,
        quat=[math.cos(half), 0, -math.sin(half), 0], friction=[conditions.friction, 0.005, 0.0001],
    )
    spec.worldbody.add_light(pos=[0, 0, 4], dir=[0.2, 0.3, -1], type=mujoco.mjtLightType.mjLIGHT_DIRECTIONAL)
