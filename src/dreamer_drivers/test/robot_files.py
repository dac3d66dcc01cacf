"""Configuration, task and URDF of a robot of two joints, in a folder of their own."""

from __future__ import annotations

from pathlib import Path

ROBOT = """urdf: twig/twig.urdf
base_link: base
joints: [hip_joint, knee_joint]
action_range:
  'h*_joint': {lower: -1.0, upper: 1.0, fraction: [0.1, 0.9]}
  'k*_joint': {lower: -2.0, upper: 2.0, fraction: [0.25, 0.875]}
driver:
  groups:
    hip: {joints: 'hip_*', kp: 80.0, kd: 1.0, damping: 3.0}
    knee: {joints: 'knee_*', kp: 40.0, kd: 2.0, damping: 4.0}
  cutoff: 0.0
  max_deviation: 0.2
  soft_start: 0.0
sensing: {}
"""
TASK = """robot: twig
control_rate: 20.0
episode_length: 10
reward: none
observation: {proprioception: {shape: [4]}}
action: {size: 2}
"""
URDF = """<robot name="twig">
  <joint name="hip_joint" type="revolute"><limit lower="-1" upper="1" effort="10" velocity="10"/></joint>
  <joint name="knee_joint" type="revolute"><limit lower="-2" upper="2" effort="10" velocity="10"/></joint>
</robot>
"""


def write_robot(folder: Path, robot: str = ROBOT, task: str = TASK, urdf: str = URDF) -> Path:
    """Write the three files; returns the config_dir."""
    files = {'config/robots/twig.yaml': robot, 'config/tasks/twig_task.yaml': task, 'urdf/twig/twig.urdf': urdf}
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return folder / 'config'
