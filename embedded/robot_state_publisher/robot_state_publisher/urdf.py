"""The kinematic part of a URDF: links, joints, and which joint moves with which.

Format: the URDF specification of ROS (http://wiki.ros.org/urdf/XML), elements `link` and `joint`.
"""

from __future__ import annotations

import difflib
import math
from dataclasses import dataclass
from xml.etree import ElementTree

Vector = tuple[float, float, float]

MOVING = ('revolute', 'continuous', 'prismatic')
JOINT_TYPES = (*MOVING, 'fixed', 'floating', 'planar')


class UrdfError(ValueError):
    """A robot description that cannot be used; the message names the element and what is allowed."""


@dataclass(frozen=True)
class Mimic:
    """position = multiplier * position of `joint` + offset (rad or m)."""

    joint: str
    multiplier: float
    offset: float


@dataclass(frozen=True)
class Joint:
    """One joint.

    `xyz` (m) and `rpy` (rad, about fixed axes) place it in its parent link; `axis` is a unit vector in the joint's frame.
    """

    name: str
    type: str
    parent: str
    child: str
    xyz: Vector = (0.0, 0.0, 0.0)
    rpy: Vector = (0.0, 0.0, 0.0)
    axis: Vector = (1.0, 0.0, 0.0)
    mimic: Mimic | None = None

    @property
    def moves(self) -> bool:
        return self.type in MOVING

    @property
    def static(self) -> bool:
        """Planar joints are published at rest, as the stock node does; floating joints are left to whoever knows them."""
        return self.type in ('fixed', 'planar')


@dataclass(frozen=True)
class Robot:
    """A tree of links; `joints` by name in the order of the file."""

    name: str
    root: str
    links: tuple[str, ...]
    joints: dict[str, Joint]


def parse_urdf(xml: str) -> Robot:
    """The robot that a URDF document describes.

    Raises:
        UrdfError: not well-formed, an element or attribute missing or malformed, or the links do not form one tree.
    """
    if not xml.strip():
        raise UrdfError('it is empty')
    try:
        document = ElementTree.fromstring(xml)
    except (ElementTree.ParseError, ValueError) as error:
        raise UrdfError(f'not well-formed XML: {error}') from error
    if document.tag != 'robot':
        raise UrdfError(f"the outermost element is <{document.tag}>, expected <robot>")
    links = _unique([_attribute(element, 'name', 'link') for element in document.findall('link')], 'link')
    if not links:
        raise UrdfError('the robot has no link')
    parsed = [_parse_joint(element) for element in document.findall('joint')]
    _unique([joint.name for joint in parsed], 'joint')
    joints = {joint.name: joint for joint in parsed}
    _check_references(joints, links)
    return Robot(document.get('name', ''), _root_of_tree(joints, links), tuple(links), joints)


def _parse_joint(element: ElementTree.Element) -> Joint:
    name = _attribute(element, 'name', 'joint')
    where = f"joint '{name}'"
    kind = _attribute(element, 'type', where)
    if kind not in JOINT_TYPES:
        raise UrdfError(f"{where}: type '{kind}' is unknown{_nearest(kind, JOINT_TYPES)}; allowed: {', '.join(JOINT_TYPES)}")
    if kind in ('revolute', 'prismatic') and element.find('limit') is None:
        raise UrdfError(f'{where}: a {kind} joint needs a <limit>')
    origin = element.find('origin')
    axis = element.find('axis')
    return Joint(
        name=name,
        type=kind,
        parent=_attribute(_child(element, 'parent', where), 'link', f'{where}: <parent>'),
        child=_attribute(_child(element, 'child', where), 'link', f'{where}: <child>'),
        xyz=_vector(origin, 'xyz', where),
        rpy=_vector(origin, 'rpy', where),
        axis=(1.0, 0.0, 0.0) if axis is None or kind not in MOVING else _unit(_vector(axis, 'xyz', where), where),
        mimic=_parse_mimic(element.find('mimic'), where),
    )


def _parse_mimic(element: ElementTree.Element | None, where: str) -> Mimic | None:
    if element is None:
        return None
    return Mimic(
        joint=_attribute(element, 'joint', f'{where}: <mimic>'),
        multiplier=_number(element.get('multiplier', '1'), f'{where}: mimic multiplier'),
        offset=_number(element.get('offset', '0'), f'{where}: mimic offset'),
    )


def _check_references(joints: dict[str, Joint], links: list[str]) -> None:
    for joint in joints.values():
        for role, link in (('parent', joint.parent), ('child', joint.child)):
            if link not in links:
                raise UrdfError(f"joint '{joint.name}': {role} link '{link}' does not exist{_nearest(link, links)}")
        if joint.mimic is not None and joint.mimic.joint not in joints:
            other = joint.mimic.joint
            raise UrdfError(f"joint '{joint.name}': mimics joint '{other}', which does not exist{_nearest(other, joints)}")


def _root_of_tree(joints: dict[str, Joint], links: list[str]) -> str:
    children: dict[str, list[str]] = {}
    parent_joint: dict[str, str] = {}
    for joint in joints.values():
        if joint.child in parent_joint:
            raise UrdfError(
                f"link '{joint.child}' is the child of two joints: '{parent_joint[joint.child]}' and '{joint.name}'"
            )
        parent_joint[joint.child] = joint.name
        children.setdefault(joint.parent, []).append(joint.child)
    roots = [link for link in links if link not in parent_joint]
    if len(roots) > 1:
        raise UrdfError('more than one link has no parent joint: ' + ', '.join(f"'{link}'" for link in roots))
    reached: set[str] = set()
    pending = list(roots)
    while pending:
        link = pending.pop()
        reached.add(link)
        pending.extend(children.get(link, []))
    circular = [link for link in links if link not in reached]
    if circular:
        raise UrdfError('these links form a loop: ' + ', '.join(f"'{link}'" for link in circular))
    return roots[0]


def _unique(names: list[str], what: str) -> list[str]:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise UrdfError(f"two {what}s are named '{name}'")
        seen.add(name)
    return names


def _child(element: ElementTree.Element, tag: str, where: str) -> ElementTree.Element:
    child = element.find(tag)
    if child is None:
        raise UrdfError(f'{where}: <{tag}> is missing')
    return child


def _attribute(element: ElementTree.Element, key: str, where: str) -> str:
    value = element.get(key)
    if not value:
        raise UrdfError(f"{where}: attribute '{key}' is missing")
    return value


def _number(text: str, where: str) -> float:
    try:
        value = float(text)
    except ValueError as error:
        raise UrdfError(f"{where}: '{text}' is not a number") from error
    if not math.isfinite(value):
        raise UrdfError(f"{where}: '{text}' is not finite")
    return value


def _vector(element: ElementTree.Element | None, key: str, where: str) -> Vector:
    text = None if element is None else element.get(key)
    if text is None:
        return (0.0, 0.0, 0.0)
    numbers = [_number(part, f'{where}: {key}') for part in text.split()]
    if len(numbers) != 3:
        raise UrdfError(f"{where}: {key} '{text}' has {len(numbers)} numbers, expected 3")
    return (numbers[0], numbers[1], numbers[2])


def _unit(vector: Vector, where: str) -> Vector:
    length = math.hypot(*vector)
    if length == 0.0:
        raise UrdfError(f'{where}: the axis has no direction')
    return (vector[0] / length, vector[1] / length, vector[2] / length)


def _nearest(name: str, allowed: list[str] | tuple[str, ...] | dict[str, Joint]) -> str:
    matches = difflib.get_close_matches(name, list(allowed), n=1)
    return f" (nearest: '{matches[0]}')" if matches else ''
