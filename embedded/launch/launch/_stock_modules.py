"""Import paths: modules of ours under the names that modules with the same content have in stock launch."""

import sys
from types import ModuleType


def provide(package: str, **modules: ModuleType) -> None:
    """Make `import package.name` give the module, for each name."""
    for name, module in modules.items():
        sys.modules[f'{package}.{name}'] = module
        setattr(sys.modules[package], name, module)
