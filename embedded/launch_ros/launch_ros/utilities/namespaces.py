"""Names and namespaces of nodes."""

from __future__ import annotations

import re

from launch.substitutions import SubstitutionFailure

_NAME = re.compile(r'[A-Za-z_][A-Za-z0-9_]*')


def is_namespace_absolute(namespace: str) -> bool:
    """Return whether the namespace begins with a slash."""
    return namespace.startswith('/')


def prefix_namespace(base: str | None, namespace: str | None) -> str | None:
    """Return `namespace` within `base`; an absolute one stays as it is; None where both are None."""
    if namespace is None:
        joined = base
    elif not base or is_namespace_absolute(namespace):
        joined = namespace
    else:
        joined = f"{base.rstrip('/')}/{namespace}"
    if joined is None or joined == '/':
        return joined
    return joined.rstrip('/')


def make_namespace_absolute(namespace: str | None) -> str | None:
    """Return the namespace with a slash before it; None stays None."""
    if namespace is None or is_namespace_absolute(namespace):
        return namespace
    return f'/{namespace}'


def validate_node_name(name: str) -> None:
    """Raise SubstitutionFailure unless `name` is a valid node name."""
    if _NAME.fullmatch(name) is None:
        raise SubstitutionFailure(
            f"'{name}' is not a valid node name: letters, digits and _ only, not beginning with a digit")


def validate_namespace(namespace: str) -> None:
    """Raise SubstitutionFailure unless `namespace` is a valid absolute namespace."""
    parts = namespace.split('/')[1:]
    if namespace != '/' and not all(_NAME.fullmatch(part) for part in parts):
        raise SubstitutionFailure(
            f"'{namespace}' is not a valid namespace: parts of letters, digits and _ between slashes")
