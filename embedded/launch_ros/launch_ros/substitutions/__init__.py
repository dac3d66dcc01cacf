"""Values that depend on installed ROS packages."""

from launch._unsupported import unsupported

from .packages import ExecutableInPackage, FindPackage, FindPackagePrefix, FindPackageShare

__all__ = ['ExecutableInPackage', 'FindPackage', 'FindPackagePrefix', 'FindPackageShare']

__getattr__ = unsupported(__name__)
