"""Places of ROS packages."""

from __future__ import annotations

import difflib
import os

from ament_index_python.packages import (
    PackageNotFoundError,
    get_package_prefix,
    get_package_share_directory,
    get_packages_with_prefixes,
)
from launch.launch_context import LaunchContext
from launch.some_substitutions_type import SomeSubstitutionsType
from launch.substitution import Substitution
from launch.substitutions import SubstitutionFailure
from launch.utilities import normalize_to_list_of_substitutions, perform_substitutions


class MissingPackage(SubstitutionFailure, PackageNotFoundError):
    """A package is not installed."""

    def __str__(self) -> str:
        return str(self.args[0])  # that of PackageNotFoundError, a KeyError, adds quotes


def package_prefix(package: str) -> str:
    """Return the prefix of an installed package; MissingPackage names the nearest one."""
    try:
        return str(get_package_prefix(package))
    except (PackageNotFoundError, ValueError):
        near = difflib.get_close_matches(package, get_packages_with_prefixes(), n=1)
        hint = f", did you mean '{near[0]}'?" if near else ''
        raise MissingPackage(
            f"package '{package}' was not found{hint} "
            f"(AMENT_PREFIX_PATH={os.environ.get('AMENT_PREFIX_PATH', '')})") from None


class FindPackage(Substitution):
    """Base class: something about an installed package."""

    def __init__(self, package: SomeSubstitutionsType) -> None:
        self._package = normalize_to_list_of_substitutions(package)

    @property
    def package(self) -> list[Substitution]:
        """The name of the package."""
        return self._package

    def describe(self) -> str:
        return f"{type(self).__name__}(pkg={' + '.join(sub.describe() for sub in self._package)})"

    def find(self, package_name: str) -> str:
        """Return what is looked for."""
        raise NotImplementedError(f'{type(self).__name__}.find')

    def perform(self, context: LaunchContext) -> str:
        return self.find(perform_substitutions(context, self._package))


class FindPackagePrefix(FindPackage):
    """The prefix that the package is installed in."""

    def find(self, package_name: str) -> str:
        return package_prefix(package_name)


class FindPackageShare(FindPackage):
    """The share folder of the package."""

    def find(self, package_name: str) -> str:
        package_prefix(package_name)
        return str(get_package_share_directory(package_name))


class ExecutableInPackage(FindPackagePrefix):
    """The path of an executable of a package: <prefix>/lib/<package>/<executable>."""

    def __init__(self, executable: SomeSubstitutionsType, package: SomeSubstitutionsType) -> None:
        super().__init__(package)
        self._executable = normalize_to_list_of_substitutions(executable)

    @property
    def executable(self) -> list[Substitution]:
        """The name of the executable."""
        return self._executable

    def describe(self) -> str:
        package = ' + '.join(sub.describe() for sub in self._package)
        executable = ' + '.join(sub.describe() for sub in self._executable)
        return f'ExecInPkg(pkg={package}, exec={executable})'

    def perform(self, context: LaunchContext) -> str:
        executable = perform_substitutions(context, self._executable)
        package = perform_substitutions(context, self._package)
        folder = os.path.join(package_prefix(package), 'lib', package)
        path = os.path.join(folder, executable)
        if os.path.isfile(path) and os.access(path, os.X_OK):
            return path
        there = [name for name in sorted(os.listdir(folder)) if os.access(os.path.join(folder, name), os.X_OK)] \
            if os.path.isdir(folder) else []
        near = difflib.get_close_matches(executable, there, n=1)
        hint = f", did you mean '{near[0]}'?" if near else f'; it has: {", ".join(there) or "none"}'
        raise SubstitutionFailure(f"package '{package}' has no executable '{executable}' in {folder}{hint}")
