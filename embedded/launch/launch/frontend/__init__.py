"""XML and YAML launch files are not covered: every name of this module is a clear ImportError."""

from .._unsupported import unsupported

__getattr__ = unsupported(__name__)
