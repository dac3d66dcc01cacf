"""Handlers for events about nodes."""

from launch._unsupported import unsupported

from .on_state_transition import OnStateTransition

__all__ = ['OnStateTransition']

__getattr__ = unsupported(__name__)
