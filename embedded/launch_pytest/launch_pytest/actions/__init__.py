"""Actions for launch descriptions of tests."""

from launch._unsupported import unsupported

from .ready_to_test import ReadyToTest

__all__ = ['ReadyToTest']

__getattr__ = unsupported(__name__)
