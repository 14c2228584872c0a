"""Pictures without a display: MuJoCo's own OpenGL over EGL or OSMesa, tuned for many small observations.

What makes it cheap on a CPU: no shadow map, no reflections, no multisampling, one OpenGL context per thread and scene
for all of its copies, and scenes of few triangles.
"""

from __future__ import annotations

import atexit
import ctypes
import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from vlgym.core.errors import MissingDependencyError, did_you_mean, require

WIDTH, HEIGHT = 640, 480
"""Largest picture, pixels."""

STAGES = 16
"""Scenes of which a thread keeps what drawing needs."""

LIBRARIES = {"egl": ("libEGL.so.1", "libOpenGL.so.0"), "osmesa": ("libOSMesa.so.8",)}
"""What each way of drawing loads."""

PACKAGES = {"egl": "libegl1 libegl-mesa0 libgl1-mesa-dri libopengl0", "osmesa": "libosmesa6"}
"""Debian's packages of them."""

Picture = NDArray[np.uint8]

_own = threading.local()
atexit.register(lambda: vars(_own).clear())  # OSMesa's contexts complain when the interpreter is gone before them


def backend() -> str:
    """Return "egl" or "osmesa": what MUJOCO_GL asks for, or else the first that this machine has.

    Raises:
        MissingDependencyError: there is neither; the sentence names the packages.
    """
    asked = os.environ.get("MUJOCO_GL", "").lower()
    candidates = [asked] if asked in LIBRARIES else list(LIBRARIES)
    for name in candidates:
        if all(_loads(library) for library in LIBRARIES[name]):
            return name
    needed, packages = " or ".join(candidates).upper(), " (or ".join(PACKAGES[name] for name in candidates)
    raise MissingDependencyError(
        f"Drawing pictures needs {needed}: apt-get install {packages}{')' * (len(candidates) - 1)}."
    )


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True


def _context() -> Any:
    """Make an OpenGL context for this thread."""
    name = backend()
    os.environ.setdefault(
        "LP_NUM_THREADS", "0"
    )  # Mesa's own threads cost more than they bring, and do not survive fork
    module = require(f"mujoco.{name}", extra="mujoco", purpose="A camera")
    try:
        context = module.GLContext(WIDTH, HEIGHT)
        context.make_current()
    except Exception as error:  # each backend has its own errors
        raise MissingDependencyError(
            f"{name.upper()} gives no context ({error}): apt-get install {PACKAGES[name]}."
        ) from error
    return context


@dataclass(frozen=True, slots=True, eq=False)
class Look:
    """How a scene is drawn otherwise than its model says; the model, and with it the physics, stays as it is.

    Attributes:
        colours: float32 [ngeom, 3], red, green and blue of the geoms in [0, 1].
        light: factor on all lamps.
        tilt: (3,) added to the direction of the lamps that have one.
        place, forward, up: (3,) pose of the camera: metres, unit vectors.
        zoom: factor on the size of what is seen.
    """

    colours: NDArray[np.float32]
    light: float
    tilt: NDArray[np.float64]
    place: NDArray[np.float64]
    forward: NDArray[np.float64]
    up: NDArray[np.float64]
    zoom: float

    def dress(self, scene: Any, kind: int) -> None:
        """Change an MjvScene that was just updated; the next update undoes it. `kind`: MuJoCo's number of geoms."""
        for k in range(scene.ngeom):
            geom = scene.geoms[k]
            if geom.objtype == kind:
                geom.rgba[:3] = self.colours[geom.objid]
        for k in range(scene.nlight):
            lamp = scene.lights[k]
            lamp.ambient[:] *= self.light
            lamp.diffuse[:] *= self.light
            if not lamp.headlight:
                lamp.dir[:] = (lamp.dir + self.tilt) / np.linalg.norm(lamp.dir + self.tilt)
        for eye in scene.camera:  # left and right; what is drawn is their mean
            eye.pos[:], eye.forward[:], eye.up[:] = self.place, self.forward, self.up
            eye.frustum_top, eye.frustum_bottom = eye.frustum_top / self.zoom, eye.frustum_bottom / self.zoom


class Stage:
    """What drawing a scene needs, made once per thread and scene."""

    def __init__(self, model: Any, hide: tuple[int, ...] = ()) -> None:
        mujoco = require("mujoco", extra="mujoco", purpose="A camera")
        self.context = _context()
        model.vis.quality.offsamples = model.vis.quality.shadowsize = 0
        self.mujoco, self.model = mujoco, model
        self.gpu = mujoco.MjrContext(model, mujoco.mjtFontScale.mjFONTSCALE_100.value)
        mujoco.mjr_setBuffer(mujoco.mjtFramebuffer.mjFB_OFFSCREEN.value, self.gpu)
        self.scene, self.option = mujoco.MjvScene(model, maxgeom=model.ngeom + 64), mujoco.MjvOption()
        for group in hide:
            self.option.geomgroup[group] = 0
        flags = mujoco.mjtRndFlag
        for flag in (flags.mjRND_SHADOW, flags.mjRND_REFLECTION, flags.mjRND_SKYBOX, flags.mjRND_HAZE):
            self.scene.flags[flag.value] = 0


class Camera:
    """A fixed camera of a scene; `frame` draws one of its copies."""

    def __init__(self, stage: Stage, number: int, width: int, height: int) -> None:
        mujoco = stage.mujoco
        self._stage, self._shape = stage, (height, width, 3)
        self._rect = mujoco.MjrRect(0, 0, width, height)
        self._eye = mujoco.MjvCamera()
        self._eye.type, self._eye.fixedcamid = mujoco.mjtCamera.mjCAMERA_FIXED.value, number
        self._all = mujoco.mjtCatBit.mjCAT_ALL.value

    def frame(self, data: Any, look: Look | None = None) -> Picture:
        """Return the picture of a state (an MjData with current kinematics), uint8 [H, W, 3]."""
        self._stage.context.make_current()
        out = np.empty(self._shape, np.uint8)
        self._draw(data, look, out)
        return out[::-1].copy()  # OpenGL's first row is the lowest

    def batch(self, states: Sequence[Any], looks: Sequence[Look] | None = None) -> Picture:
        """Return the pictures of states, uint8 [N, H, W, 3]; `looks` [N]: how each is drawn."""
        self._stage.context.make_current()
        out = np.empty((len(states), *self._shape), np.uint8)
        for k, data in enumerate(states):
            self._draw(data, looks[k] if looks else None, out[k])
        return np.ascontiguousarray(out[:, ::-1])

    def _draw(self, data: Any, look: Look | None, out: Picture) -> None:
        stage, mujoco = self._stage, self._stage.mujoco
        mujoco.mj_camlight(stage.model, data)
        mujoco.mjv_updateScene(stage.model, data, stage.option, None, self._eye, self._all, stage.scene)
        if look is not None:
            look.dress(stage.scene, int(mujoco.mjtObj.mjOBJ_GEOM))
        mujoco.mjr_render(self._rect, stage.scene, stage.gpu)
        mujoco.mjr_readPixels(out, None, self._rect, stage.gpu)


def camera(model: Any, name: str, width: int, height: int, hide: tuple[int, ...] = ()) -> Camera:
    """Return this thread's camera of a scene.

    Args:
        model: the MjModel.
        name: of a fixed camera.
        width: pixels.
        height: pixels.
        hide: groups of geoms that are not drawn.

    Raises:
        ValueError: no such camera, or the picture is larger than `WIDTH` x `HEIGHT`.
        MissingDependencyError: nothing can draw on this machine.
    """
    if not (1 <= width <= WIDTH and 1 <= height <= HEIGHT):
        raise ValueError(f"Pictures are at most {WIDTH} x {HEIGHT} pixels, got {width} x {height}.")
    known = [model.cam(i).name for i in range(model.ncam)]
    if name not in known:
        raise ValueError(f"Unknown camera {name!r}; known: {', '.join(known)}.{did_you_mean(name, known)}")
    if getattr(_own, "process", None) != os.getpid():  # a forked child cannot use its parent's contexts
        _own.process, _own.stages = os.getpid(), {}
    stages: dict[tuple[int, tuple[int, ...]], tuple[Stage, dict[Any, Camera]]] = _own.stages
    place = (id(model), hide)  # a stage keeps its model alive, so the number is not given twice
    if place not in stages:
        if len(stages) >= STAGES:
            stages.pop(next(iter(stages)))
        stages[place] = (Stage(model, hide), {})
    stage, cameras = stages[place]
    if (name, width, height) not in cameras:
        cameras[name, width, height] = Camera(stage, known.index(name), width, height)
    return cameras[name, width, height]
