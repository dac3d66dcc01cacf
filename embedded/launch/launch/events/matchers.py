"""Predicates that say which action an event is for."""

from .basic import matches_action

__all__ = ['matches_action']
