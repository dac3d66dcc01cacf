"""Helpers for launch descriptions of tests."""

from launch._unsupported import unsupported

from .keep_alive import KeepAliveProc

__all__ = ['KeepAliveProc']

__getattr__ = unsupported(__name__)
