"""Error raised for launch files that cannot be loaded."""


class InvalidLaunchFileError(Exception):
    """A launch file does not exist, cannot be read or does not define a launch description."""


class LaunchFileNotFoundError(InvalidLaunchFileError, FileNotFoundError):
    """A launch file does not exist."""
