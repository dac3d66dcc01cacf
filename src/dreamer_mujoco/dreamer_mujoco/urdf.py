"""Makes a URDF fit for MuJoCo's importer."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

from dreamer_learning.config import ConfigError
from dreamer_learning.urdf import Urdf

MESH_FORMATS = ('.stl', '.obj', '.msh')


def for_mujoco(urdf: Urdf) -> tuple[str, set[str]]:
    """XML that MuJoCo's importer keeps whole, and the links with a visual that MuJoCo can draw.

    Raises:
        ConfigError: a missing mesh, or a collision mesh in a format that MuJoCo lacks.
    """
    root = urdf.root
    drawn = _prepare_meshes(urdf.path, root)
    for old in root.findall('mujoco'):
        root.remove(old)
    extension = ElementTree.SubElement(root, 'mujoco')
    # MuJoCo's URDF defaults drop all visuals and melt fixed links (feet, frames) into their parents.
    ElementTree.SubElement(extension, 'compiler', discardvisual='false', fusestatic='false', strippath='false')
    return ElementTree.tostring(root, encoding='unicode'), drawn


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
