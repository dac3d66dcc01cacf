"""Turns the use of a name that stock launch has and this package lacks into a clear ImportError."""

import importlib
from collections.abc import Callable
from types import ModuleType


def unsupported(module_name: str) -> Callable[[str], ModuleType]:
    """
    Return a module-level ``__getattr__`` for `module_name`.

    Submodules are still found by attribute access; private names raise AttributeError as usual.
    """

    def module_getattr(name: str) -> ModuleType:
        if name.startswith('_'):
            raise AttributeError(f'module {module_name!r} has no attribute {name!r}')
        full_name = f'{module_name}.{name}'
        try:
            return importlib.import_module(full_name)
        except ModuleNotFoundError as error:
            if error.name != full_name and error.name != module_name:
                raise
        package = module_name.partition('.')[0]
        raise ImportError(
            f'{full_name} is not part of the embedded {package}; install ROS 2 for it', name=module_name)

    return module_getattr
