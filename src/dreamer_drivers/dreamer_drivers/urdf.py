"""Joint limits from a URDF file."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from dreamer_learning.config import ConfigError, nearest


@dataclasses.dataclass(frozen=True)
class JointLimits:
    """Limits of J joints.

    Attributes:
        lower, upper: (J,) rad (m for prismatic joints); -inf and inf for continuous joints.
        effort: (J,) Nm (N); inf where the URDF gives none.
        velocity: (J,) rad/s (m/s); inf where the URDF gives none.
    """

    lower: np.ndarray
    upper: np.ndarray
    effort: np.ndarray
    velocity: np.ndarray


def read_limits(path: Path, joints: Sequence[str]) -> JointLimits:
    """The limits of the named joints, in the order of the names (URDF specification, element joint/limit).

    Raises:
        ConfigError: no such file, not XML, a joint that is missing or cannot move, or limits that are no numbers.
    """
    try:
        root = ElementTree.parse(path).getroot()
    except OSError as error:
        raise ConfigError(f'{path}: cannot read the URDF: {error.strerror}') from None
    except ElementTree.ParseError as error:
        raise ConfigError(f'{path}: the URDF is not valid XML: {error}') from None
    if root.tag != 'robot':
        raise ConfigError(f'{path}: a URDF starts with <robot>, not <{root.tag}>')
    elements = {element.get('name', ''): element for element in root.findall('joint')}
    rows = []
    for joint in joints:
        if joint not in elements:
            raise ConfigError(f"{path}: no joint '{joint}'; {nearest(joint, elements)}")
        rows.append(_limits_of(elements[joint], f"{path}: joint '{joint}'"))
    return JointLimits(*np.array(rows, np.float64).reshape(-1, 4).T)


def _limits_of(element: ElementTree.Element, source: str) -> tuple[float, float, float, float]:
    kind = element.get('type')
    if kind not in ('revolute', 'continuous', 'prismatic'):
        raise ConfigError(f"{source}: type '{kind}' cannot be driven; allowed: revolute, continuous, prismatic")
    limit = element.find('limit')
    if limit is None:
        if kind == 'continuous':
            return -math.inf, math.inf, math.inf, math.inf
        raise ConfigError(f'{source}: missing <limit lower= upper=>')
    effort, velocity = _number(limit, 'effort', source, math.inf), _number(limit, 'velocity', source, math.inf)
    if kind == 'continuous':
        return -math.inf, math.inf, effort, velocity
    # The specification's default for lower and upper is 0.
    lower, upper = _number(limit, 'lower', source, 0.0), _number(limit, 'upper', source, 0.0)
    if not lower < upper:
        raise ConfigError(f'{source}: limit lower {lower} is not below upper {upper}')
    return lower, upper, effort, velocity


def _number(limit: ElementTree.Element, key: str, source: str, default: float) -> float:
    text = limit.get(key)
    if text is None:
        return default
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if math.isnan(value):
        raise ConfigError(f"{source}: limit {key}='{text}' is not a number")
    return value
