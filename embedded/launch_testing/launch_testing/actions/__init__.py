"""Actions for launch descriptions of tests."""

from launch._unsupported import unsupported
from launch_pytest.actions import ReadyToTest

__all__ = ['ReadyToTest']

__getattr__ = unsupported(__name__)
