"""Base class of everything that event handlers react to."""


class Event:
    """Something that happened; subclasses set `name` and carry the details."""

    name = 'launch.Event'
