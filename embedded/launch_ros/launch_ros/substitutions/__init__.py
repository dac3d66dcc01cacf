"""Values that depend on installed ROS packages."""

from launch._stock_modules import provide
from launch._unsupported import unsupported
from launch.frontend.named_substitutions import register, with_arguments

from . import packages
from .packages import ExecutableInPackage, FindPackage, FindPackagePrefix, FindPackageShare

__all__ = ['ExecutableInPackage', 'FindPackage', 'FindPackagePrefix', 'FindPackageShare']

register('exec-in-pkg', with_arguments(ExecutableInPackage, 'executable', 'package', required=2))
register('find-pkg-prefix', with_arguments(FindPackagePrefix, 'package', required=1))
register('find-pkg-share', with_arguments(FindPackageShare, 'package', required=1))

provide(__name__, executable_in_package=packages, find_package=packages)

__getattr__ = unsupported(__name__)
