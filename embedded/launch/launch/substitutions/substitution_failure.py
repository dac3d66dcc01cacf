"""Error raised by substitutions."""


class SubstitutionFailure(RuntimeError):
    """A substitution has no value."""
