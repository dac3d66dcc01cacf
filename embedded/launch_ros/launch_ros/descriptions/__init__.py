"""Descriptions of parameters."""

from launch._unsupported import unsupported

from ..parameter_descriptions import Parameter, ParameterFile, ParameterValue

__all__ = ['Parameter', 'ParameterFile', 'ParameterValue']

__getattr__ = unsupported(__name__)
