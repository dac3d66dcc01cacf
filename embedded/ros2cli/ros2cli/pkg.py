"""`ros2 pkg`: list, prefix, executables, xml; create says what to install."""

from __future__ import annotations

import os
from argparse import ArgumentParser, Namespace
from pathlib import Path
from xml.etree import ElementTree

from ament_index_python import PackageNotFoundError, get_package_prefix, get_packages_with_prefixes

from ros2cli.absent import absent
from ros2cli.command import CommandError, Verb, nearest

NOT_FOUND = "Package not found: '{}'"   # in the words of `ros2 pkg prefix` and `ros2 pkg xml`


def package_prefix(package: str, complaint: str = "Package '{}' not found") -> Path:
    """The install prefix of a package.

    Raises:
        CommandError: not installed; says so by `complaint` and names the nearest one that is.
    """
    try:
        return Path(get_package_prefix(package))
    except (PackageNotFoundError, ValueError) as error:
        raise CommandError(complaint.format(package) + nearest(package, get_packages_with_prefixes())) from error


def executables(package: str) -> list[Path]:
    """The executable files under PREFIX/lib/PACKAGE, sorted."""
    folder = package_prefix(package) / 'lib' / package
    files = [path for path in folder.rglob('*') if path.is_file() and os.access(path, os.X_OK)]
    return sorted(path for path in files if not any(part.startswith('.') for part in path.relative_to(folder).parts))


def _list(_options: Namespace) -> None:
    for package in sorted(get_packages_with_prefixes()):
        print(package)


def _package_argument(parser: ArgumentParser) -> None:
    parser.add_argument('package_name', help='The package name')


def _prefix_arguments(parser: ArgumentParser) -> None:
    _package_argument(parser)
    parser.add_argument('--share', action='store_true', help='Show share directory for the package')


def _prefix(options: Namespace) -> None:
    prefix = package_prefix(options.package_name, NOT_FOUND)
    print(prefix / 'share' / options.package_name if options.share else prefix)


def _executables_arguments(parser: ArgumentParser) -> None:
    parser.add_argument('package_name', nargs='?', help='The package name')
    parser.add_argument('--full-path', action='store_true', help='Show full path of each executable')


def _executables(options: Namespace) -> None:
    packages = [options.package_name] if options.package_name else sorted(get_packages_with_prefixes())
    for package in packages:
        for path in executables(package):
            print(path if options.full_path else f'{package} {path.name}')


def _xml_arguments(parser: ArgumentParser) -> None:
    _package_argument(parser)
    parser.add_argument('-t', '--tag', help="The XML tag to output (e.g. 'version')")


def _xml(options: Namespace) -> None:
    path = package_prefix(options.package_name, NOT_FOUND) / 'share' / options.package_name / 'package.xml'
    if not path.is_file():
        raise CommandError(f'Package XML manifest not found: {path}')
    try:
        root = ElementTree.parse(path).getroot()
    except ElementTree.ParseError as error:
        raise CommandError(f'{path}: {error}') from error
    if options.tag is None:
        ElementTree.dump(root)
        return
    elements = root.findall(options.tag)
    if not elements:
        tags = {element.tag for element in root}
        raise CommandError(f"XML tag not found: '{options.tag}'{nearest(options.tag, tags)}")
    for element in elements:
        print(element.text)


VERBS = {
    'create': absent('pkg create', 'Create a new ROS 2 package', 'ros-jazzy-ros2pkg'),
    'list': Verb('Output a list of available packages', _list),
    'prefix': Verb('Output the prefix path of a package', _prefix, _prefix_arguments),
    'executables': Verb('Output a list of package specific executables', _executables, _executables_arguments),
    'xml': Verb('Output the XML of the package manifest or a specific tag', _xml, _xml_arguments),
}
