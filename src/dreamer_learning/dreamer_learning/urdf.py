"""A robot's URDF: its links, joints and limits. Does not import torch."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from dreamer_learning.config import ConfigError, nearest

DRIVABLE = ('revolute', 'continuous', 'prismatic')


class Joint:
    """One joint. A value is checked when it is asked for: what nobody needs may be missing or wrong.

    Attributes:
        name: of the joint.
        kind: its type, for example 'revolute'.

    Raises:
        ConfigError: by each property, naming file, joint and value.
    """

    def __init__(self, path: Path, element: ElementTree.Element) -> None:
        self.name = element.get('name', '')
        self.kind = element.get('type', '')
        self._element = element
        self._source = f"{path}: joint '{self.name}'"

    @property
    def parent(self) -> str:
        """Name of the link that holds the joint."""
        return self._link('parent')

    @property
    def child(self) -> str:
        """Name of the link that the joint moves."""
        return self._link('child')

    @property
    def offset(self) -> np.ndarray:
        """(3,) origin of the joint frame in the parent link, m."""
        return self._numbers('origin', 'xyz', '0 0 0')

    @property
    def rotation(self) -> np.ndarray:
        """(3, 3) from the joint frame to the parent link."""
        return _rotation(*self._numbers('origin', 'rpy', '0 0 0').tolist())

    @property
    def axis(self) -> np.ndarray:
        """(3,) unit vector in the joint frame."""
        direction = self._numbers('axis', 'xyz', '1 0 0')
        length = float(np.linalg.norm(direction))
        if length == 0.0:
            raise ConfigError(f'{self._source}: axis is zero')
        return direction / length

    @property
    def limits(self) -> tuple[float, float]:
        """Lowest and highest position, rad (m where prismatic); -inf and inf where continuous."""
        if self.kind == 'continuous':
            return -math.inf, math.inf
        if self._element.find('limit') is None:
            raise ConfigError(f'{self._source}: missing <limit lower= upper=>')
        # The specification's default for both is 0.
        lower, upper = self._limit('lower'), self._limit('upper')
        if not lower < upper:
            raise ConfigError(f'{self._source}: limit lower {lower} is not below upper {upper}')
        return lower, upper

    @property
    def effort(self) -> float:
        """Highest torque, Nm (N where prismatic); 0 where the file gives none."""
        return self._limit('effort')

    @property
    def speed(self) -> float:
        """Highest speed, rad/s (m/s where prismatic); 0 where the file gives none."""
        return self._limit('velocity')

    def _link(self, tag: str) -> str:
        element = self._element.find(tag)
        if element is None:
            raise ConfigError(f'{self._source}: missing <{tag} link=>')
        return element.get('link', '')

    def _limit(self, key: str) -> float:
        element = self._element.find('limit')
        text = '0' if element is None else element.get(key, '0')
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if math.isnan(value):
            raise ConfigError(f"{self._source}: limit {key}='{text}' is not a number")
        return value

    def _numbers(self, tag: str, key: str, default: str) -> np.ndarray:
        element = self._element.find(tag)
        text = default if element is None else element.get(key, default)
        try:
            values = np.array([float(item) for item in text.split()])
        except ValueError:
            values = np.empty(0)
        if len(values) != 3 or not np.isfinite(values).all():
            raise ConfigError(f"{self._source}: {key} is '{text}'; it must be three numbers")
        return values


class Urdf:
    """A robot description.

    Args:
        path: the file; xacro has to be expanded before.

    Attributes:
        path: of the file.
        root: the element <robot>.
        links: names.
        joints: by name.

    Raises:
        ConfigError: no such file, not XML, not a URDF.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        self.root = _parse(self.path)
        self.links = [link.get('name', '') for link in self.root.findall('link')]
        self.joints = {joint.name: joint for joint in (Joint(self.path, item) for item in self.root.findall('joint'))}

    def require_link(self, key: str, name: str) -> None:
        """Make sure that a link exists.

        Args:
            key: of the configuration that names it, for messages.

        Raises:
            ConfigError: it does not.
        """
        if name not in self.links:
            raise ConfigError(f"{self.path}: {key}: no link '{name}'; {nearest(name, self.links)}")

    def driven(self, name: str) -> Joint:
        """A joint that a motor can move.

        Raises:
            ConfigError: no such joint, or one that cannot be driven.
        """
        joint = self.joints.get(name)
        if joint is None:
            drivable = [other.name for other in self.joints.values() if other.kind in DRIVABLE]
            raise ConfigError(f"{self.path}: no joint '{name}'; {nearest(name, drivable)}")
        if joint.kind not in DRIVABLE:
            allowed = ', '.join(DRIVABLE)
            raise ConfigError(f"{self.path}: joint '{name}': type '{joint.kind}' cannot be driven; allowed: {allowed}")
        return joint

    def limits(self, joints: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """Lowest and highest positions (J,) and (J,) of driven joints, see Joint.limits.

        Raises:
            ConfigError: a joint that is missing, cannot be driven or has no limits.
        """
        lower, upper = np.array([self.driven(name).limits for name in joints]).reshape(-1, 2).T
        return lower, upper

    def speeds(self, joints: Sequence[str]) -> np.ndarray:
        """(J,) by which positions of driven joints change at most: inf where the file gives no speed above 0, and where they are
        continuous and may begin anew at a full turn.

        Raises:
            ConfigError: a joint that is missing or cannot be driven.
        """
        driven = [self.driven(name) for name in joints]
        return np.array([joint.speed if joint.kind != 'continuous' and joint.speed > 0 else math.inf for joint in driven])


def _parse(path: Path) -> ElementTree.Element:
    try:
        root = ElementTree.parse(path).getroot()
    except OSError as error:
        raise ConfigError(f'{path}: cannot be read: {error.strerror}') from None
    # LookupError and ValueError: an encoding that does not exist, or that the parser lacks.
    except (ElementTree.ParseError, LookupError, ValueError) as error:
        raise ConfigError(f'{path}: not valid XML: {error}') from None
    if root.tag != 'robot':
        raise ConfigError(f"{path}: not a URDF: the root element is '{root.tag}', not 'robot'")
    if any('www.ros.org' in str(item.tag) and 'xacro' in str(item.tag) for item in root.iter()):
        raise ConfigError(f'{path}: this is xacro; expand it first: xacro FILE.xacro > FILE.urdf')
    return root


def _rotation(roll: float, pitch: float, yaw: float) -> np.ndarray:
    """URDF's fixed-axis roll, pitch, yaw as a matrix: Rz(yaw) Ry(pitch) Rx(roll)."""
    cr, sr, cp, sp = math.cos(roll), math.sin(roll), math.cos(pitch), math.sin(pitch)
    cy, sy = math.cos(yaw), math.sin(yaw)
    return np.array([
        [cy * cp, cy * sp * sr - sy * cr, cy * sp * cr + sy * sr],
        [sy * cp, sy * sp * sr + cy * cr, sy * sp * cr - cy * sr],
        [-sp, cp * sr, cp * cr],
    ])
