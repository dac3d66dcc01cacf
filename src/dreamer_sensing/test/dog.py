"""A four-legged robot with the dimensions of an A1: its URDF, its configuration, two tasks."""

from __future__ import annotations

import numpy as np

LEGS = [f'{name}_{joint}_joint' for name in ('FR', 'FL', 'RR', 'RL') for joint in ('hip', 'thigh', 'calf')]
HIP_X, HIP_Y, HIP_OFFSET, LINK = 0.183, 0.047, 0.0838, 0.2
STANDING = np.tile([0.0, 0.9, -1.8], 4)

ROBOT = f"""
urdf: dog/dog.urdf
base_link: trunk
joints: [{', '.join(LEGS)}]
action_range:
  '*_hip_joint': {{lower: -0.8029, upper: 0.8029, fraction: [0.01, 0.99]}}
  '*_thigh_joint': {{lower: -1.0472, upper: 4.1888, fraction: [0.01, 0.90]}}
  '*_calf_joint': {{lower: -2.6965, upper: -0.9163, fraction: [0.01, 0.60]}}
sensing:
  feet: [FR_foot, FL_foot, RR_foot, RL_foot]
"""
TASK = """
robot: dog
control_rate: 20.0
episode_length: 250
reward: a1_walk
observation: {proprioception: {shape: [16]}}
action: {size: 12}
"""
IMAGE_TASK = TASK.replace('[16]}}', '[16]}, image: {shape: [2, 2, 3], dtype: uint8}}')


def urdf() -> str:
    """The robot's URDF: masses and shapes play no part here."""
    parts = ['<robot name="dog"><link name="trunk"/>']
    for front, side, leg in [(1, -1, 'FR'), (1, 1, 'FL'), (-1, -1, 'RR'), (-1, 1, 'RL')]:
        origins = {
            'hip': ('trunk', f'{front * HIP_X} {side * HIP_Y} 0', '1 0 0'),
            'thigh': (f'{leg}_hip', f'0 {side * HIP_OFFSET} 0', '0 1 0'),
            'calf': (f'{leg}_thigh', f'0 0 {-LINK}', '0 1 0'),
        }
        for name, (parent, xyz, axis) in origins.items():
            parts.append(
                f'<link name="{leg}_{name}"/><joint name="{leg}_{name}_joint" type="revolute"><parent link="{parent}"/>'
                f'<child link="{leg}_{name}"/><origin xyz="{xyz}"/><axis xyz="{axis}"/></joint>'
            )
        parts.append(
            f'<link name="{leg}_foot"/><joint name="{leg}_foot_joint" type="fixed"><parent link="{leg}_calf"/>'
            f'<child link="{leg}_foot"/><origin xyz="0 0 {-LINK}"/></joint>'
        )
    return ''.join([*parts, '</robot>'])
