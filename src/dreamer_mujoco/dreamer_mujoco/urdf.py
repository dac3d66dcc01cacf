"""Reads a URDF into a form that MuJoCo's importer keeps whole, and says clearly what is wrong with it."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

from dreamer_learning.config import ConfigError, nearest

DRIVABLE = ('revolute', 'continuous', 'prismatic')
MESH_FORMATS = ('.stl', '.obj', '.msh')


@dataclasses.dataclass(frozen=True)
class Urdf:
    """A robot description that passed the checks.

    Attributes:
        path: where it came from, for messages.
        text: XML for MuJoCo's importer.
        effort, velocity: joint name -> limit; missing where the file gives none.
        drawn: links with a visual that MuJoCo can draw.
    """

    path: Path
    text: str
    effort: dict[str, float]
    velocity: dict[str, float]
    drawn: frozenset[str]


def read_urdf(path: Path, joints: Sequence[str], links: Sequence[str]) -> Urdf:
    """Check a URDF and prepare it for MuJoCo.

    Args:
        path: the file; xacro has to be expanded before.
        joints: names that must be driven joints of the robot.
        links: names that must be links of the robot.

    Raises:
        ConfigError: no such file, not a URDF, a missing joint, link or mesh.
    """
    root = _parse(path)
    types = {str(item.get('name')): str(item.get('type')) for item in root.findall('joint')}
    for name in joints:
        if name not in types:
            raise ConfigError(f"{path}: no joint '{name}'; {nearest(name, [k for k, v in types.items() if v in DRIVABLE])}")
        if types[name] not in DRIVABLE:
            raise ConfigError(f"{path}: joint '{name}' is of type '{types[name]}'; a driven one is {', '.join(DRIVABLE)}")
    known = [str(item.get('name')) for item in root.findall('link')]
    for name in links:
        if name not in known:
            raise ConfigError(f"{path}: no link '{name}'; {nearest(name, known)}")
    drawn = _prepare_meshes(path, root)
    for old in root.findall('mujoco'):
        root.remove(old)
    extension = ElementTree.SubElement(root, 'mujoco')
    # MuJoCo's URDF defaults drop all visuals and melt fixed links (feet, frames) into their parents.
    ElementTree.SubElement(extension, 'compiler', discardvisual='false', fusestatic='false', strippath='false')
    return Urdf(
        path=path,
        text=ElementTree.tostring(root, encoding='unicode'),
        effort=_limits(path, root, 'effort'),
        velocity=_limits(path, root, 'velocity'),
        drawn=frozenset(drawn),
    )


def _parse(path: Path) -> ElementTree.Element:
    try:
        root = ElementTree.parse(path).getroot()
    except OSError as error:
        raise ConfigError(f'{path}: cannot be read: {error.strerror}') from None
    except ElementTree.ParseError as error:
        raise ConfigError(f'{path}: not valid XML: {error}') from None
    if root.tag != 'robot':
        raise ConfigError(f"{path}: not a URDF: the root element is '{root.tag}', not 'robot'")
    if any('www.ros.org' in str(item.tag) and 'xacro' in str(item.tag) for item in root.iter()):
        raise ConfigError(f'{path}: this is xacro; expand it first: xacro FILE.xacro > FILE.urdf')
    return root


def _limits(path: Path, root: ElementTree.Element, key: str) -> dict[str, float]:
    limits: dict[str, float] = {}
    for joint in root.findall('joint'):
        limit = joint.find('limit')
        text = None if limit is None else limit.get(key)
        if text is None:
            continue
        try:
            limits[str(joint.get('name'))] = float(text)
        except ValueError:
            raise ConfigError(f"{path}: joint '{joint.get('name')}': {key} limit '{text}' is not a number") from None
    return limits


def _prepare_meshes(path: Path, root: ElementTree.Element) -> set[str]:
    """Resolve mesh file names; drop visuals in formats that MuJoCo lacks. Returns the links that have a visual left."""
    drawn: set[str] = set()
    for link in root.findall('link'):
        for kind in ('visual', 'collision'):
            for item in link.findall(kind):
                mesh = item.find('geometry/mesh')
                name = '' if mesh is None else mesh.get('filename', '')
                if mesh is None or Path(name).suffix.lower() in MESH_FORMATS:
                    if mesh is not None:
                        mesh.set('filename', str(_mesh_file(path, name)))
                    if kind == 'visual':
                        drawn.add(str(link.get('name')))
                elif kind == 'visual':
                    link.remove(item)
                else:
                    raise ConfigError(
                        f"{path}: link '{link.get('name')}': collision mesh '{name}' is not one of {', '.join(MESH_FORMATS)}"
                    )
    return drawn


def _mesh_file(path: Path, name: str) -> Path:
    """The file of a mesh: relative to the URDF, file://, or package:// (a folder of that name above the URDF, or installed)."""
    if name.startswith('package://'):
        package, _, inner = name.removeprefix('package://').partition('/')
        folders = [parent for parent in path.resolve().parents if parent.name == package]
        candidates = [folder / inner for folder in folders] + _installed(package, inner)
    else:
        candidates = [path.resolve().parent / name.removeprefix('file://')]
    for candidate in candidates:
        if candidate.is_file():
            return candidate
    raise ConfigError(f"{path}: mesh '{name}' not found")


def _installed(package: str, inner: str) -> list[Path]:
    try:
        from ament_index_python.packages import PackageNotFoundError, get_package_share_directory
    except ImportError:
        return []
    try:
        return [Path(get_package_share_directory(package)) / inner]
    except (PackageNotFoundError, ValueError):  # ValueError: not a package's name at all
        return []
