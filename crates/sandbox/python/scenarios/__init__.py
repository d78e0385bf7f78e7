"""What is called of the sandbox, one function a story. Each starts in an empty world.

A new action needs a line in one of them: the walk fails for an action that no scenario got an answer from. Take the `aws`
that you are given: every raw answer of its clients is held against the model by itself.
"""

import importlib
import pkgutil

SCENARIOS = []


def scenario(function):
    """Marks a function that is given an `aws.Aws`."""
    SCENARIOS.append(function)
    return function


def load():
    """All scenarios, in the order of their files."""
    for module in sorted(info.name for info in pkgutil.iter_modules(__path__)):
        importlib.import_module(f"{__name__}.{module}")
    return SCENARIOS
