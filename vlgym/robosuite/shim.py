"""robosuite 1.5.2 on the MuJoCo that is installed.

From MuJoCo 3.10 on two calls of robosuite fail: ``mj_fullM`` wants the MjData, and enums of 4.0 are not found in tuples
by NumPy integers. Both are mended in the two modules concerned, at import, and only where the version needs it.
"""

from __future__ import annotations

import importlib.util
import logging
import re
import threading
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np

from vlgym.core.errors import MissingDependencyError, require

PINS = 'pip install "robosuite==1.5.2" "mujoco>=3.3,<5" "numpy>=1.26"'


class _Patched:
    """A module with some names replaced."""

    def __init__(self, module: ModuleType, **names: Any) -> None:
        self._module = module
        self.__dict__.update(names)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._module, name)


def load() -> ModuleType:
    """Import robosuite, mended where this MuJoCo needs it.

    Raises:
        MissingDependencyError: robosuite is absent, or a package beside it is of a version that it cannot work with;
            the sentence names the pins.
    """
    if importlib.util.find_spec("robosuite") is None:
        raise MissingDependencyError('robosuite is not installed: pip install "vlgym[robosuite]".')
    mujoco = require("mujoco", extra="robosuite", purpose="robosuite")
    version = _version(mujoco.__version__)
    if not (3, 3) <= version < (5, 0):
        raise MissingDependencyError(f"robosuite does not work with mujoco {mujoco.__version__}: {PINS}.")
    if _version(np.__version__) < (1, 26):
        raise MissingDependencyError(f"robosuite does not work with numpy {np.__version__}: {PINS}.")
    logging.getLogger("robosuite_logs").addFilter(_grave)  # its level is set anew by the import
    try:
        import robosuite
        from robosuite.controllers.parts import controller
        from robosuite.utils import binding_utils
    except Exception as error:  # numba and others refuse foreign versions each in their own way
        raise MissingDependencyError(f"robosuite cannot be imported ({error}): {PINS}.") from error
    if version >= (3, 10) and not isinstance(controller.mujoco, _Patched):
        _mend(mujoco, controller, binding_utils)
    found: ModuleType = robosuite
    return found


def _grave(record: logging.LogRecord) -> bool:
    return record.levelno >= logging.ERROR


def _mend(mujoco: ModuleType, controller: Any, binding_utils: Any) -> None:
    own = threading.local()
    update = controller.Controller.update

    def remember(self: Any, *args: Any, **kwargs: Any) -> Any:
        own.data = self.sim.data._data
        return update(self, *args, **kwargs)

    def full_mass(model: Any, matrix: Any, inertia: Any) -> None:
        mujoco.mj_fullM(model, own.data, matrix)

    names = ("mjJNT_FREE", "mjJNT_BALL", "mjJNT_SLIDE", "mjJNT_HINGE")
    joints = SimpleNamespace(**{name: int(getattr(mujoco.mjtJoint, name)) for name in names})
    if not hasattr(binding_utils.MjData, "qM"):  # its name before 4.0; `full_mass` does not look at it
        binding_utils.MjData.qM = property(lambda self: None)
    controller.Controller.update = remember
    controller.mujoco = _Patched(mujoco, mj_fullM=full_mass)
    binding_utils.mujoco = _Patched(mujoco, mjtJoint=joints)


def _version(text: str) -> tuple[int, int]:
    numbers = re.findall(r"\d+", text)
    return int(numbers[0]), int(numbers[1])
