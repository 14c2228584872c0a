"""Scenes: the Panda of envs_assets with a task's parts put into it, compiled once per process."""

from __future__ import annotations

import hashlib
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from vlgym.core.errors import CatalogueError, require

TIMESTEP = 0.005
"""Seconds of one physics step; 10 of them make one control step of 20 Hz."""

_FRAME = f"""<mujoco model="arm">
  <compiler angle="radian" autolimits="true"/>
  <option timestep="{TIMESTEP}" integrator="implicitfast" cone="elliptic" impratio="10">
    <flag autoreset="disable"/>
  </option>
  <size memory="4M"/>
  <visual>
    <global offwidth="640" offheight="480"/>
    <quality shadowsize="0" offsamples="0"/>
    <headlight ambient="0.35 0.35 0.35" diffuse="0.5 0.5 0.5" specular="0.1 0.1 0.1"/>
    <map znear="0.02" zfar="20"/>
  </visual>
  <asset>
    <material name="table" rgba="0.55 0.43 0.33 1"/>
  </asset>
  <worldbody>
    <light name="sun" pos="0.3 -0.8 2" dir="0.1 0.4 -1" directional="true" diffuse="0.5 0.5 0.5" castshadow="false"/>
    <camera name="front" pos="1.05 0 0.55" xyaxes="0 1 0 -0.64 0 0.77" fovy="36"/>
    <camera name="side" pos="0.5 -0.75 0.42" xyaxes="1 0 0 0 0.45 0.9" fovy="42"/>
    <camera name="top" pos="0.5 0 1.0" xyaxes="0 1 0 -1 0 0" fovy="42"/>
    <geom name="table" type="plane" size="0.6 0.6 0.02" pos="0.45 0 0" material="table" friction="0.8 0.02 0.0001"/>
  </worldbody>
</mujoco>"""


@dataclass(frozen=True, slots=True)
class Parts:
    """What a task adds to the arm, as MJCF elements.

    Attributes:
        world: children of the world body.
        tool: children of the hand's body.
        equality: children of ``<equality>``.
        tip: position of the tool's tip in the hand's frame, metres.
        gripper: whether the fingers move; otherwise they stand at `opening`.
        opening: half the distance of fixed fingers, metres.
    """

    world: str = ""
    tool: str = ""
    equality: str = ""
    tip: tuple[float, float, float] = (0.0, 0.0, 0.1029)
    gripper: bool = True
    opening: float = 0.04


@dataclass(frozen=True, slots=True)
class Scene:
    """A compiled scene.

    Attributes:
        model: the MjModel, shared by all copies of the scene.
        xml: its MJCF.
        hash: hexadecimal digest of the MJCF and its meshes: equal digests are equal physics under equal MuJoCo.
    """

    model: Any
    xml: str
    hash: str


@lru_cache(maxsize=32)
def build(parts: Parts) -> Scene:
    """Compile a scene.

    Raises:
        MissingDependencyError: MuJoCo is not installed.
        CatalogueError: a file of the arm is missing or damaged.
    """
    mujoco = require("mujoco", extra="mujoco", purpose="The arm")
    folder = assets_folder()
    try:
        arm = ET.fromstring((folder / "panda.xml").read_text(encoding="utf-8"))
        names = [str(mesh.get("file")) for mesh in arm.iter("mesh")]
        meshes = {name: (folder / "meshes" / name).read_bytes() for name in names}
    except (OSError, ET.ParseError) as error:
        raise CatalogueError(f"The arm's model in {folder} is incomplete ({error}); reinstall vlgym.") from error
    xml = compose(arm, parts)
    try:
        model = mujoco.MjModel.from_xml_string(xml, meshes)
    except ValueError as error:
        raise CatalogueError(f"MuJoCo {mujoco.__version__} refuses the scene: {error}") from error
    digest = hashlib.sha256(xml.encode())
    for name in names:
        digest.update(meshes[name])
    return Scene(model, xml, digest.hexdigest())


def assets_folder() -> Path:
    """Return the folder of the arm's model and meshes."""
    import envs_assets

    return Path(next(iter(envs_assets.__path__))) / "panda"


def compose(arm: ET.Element, parts: Parts) -> str:
    """Return the MJCF of the arm on its table with the parts added."""
    root = ET.fromstring(_FRAME)
    if not parts.gripper:
        _fix_fingers(arm, parts.opening)
    hand = next(body for body in arm.iter("body") if body.get("name") == "hand")
    hand.append(ET.Element("site", name="tip", pos=_numbers(parts.tip), size="0.002", rgba="0 0 0 0"))
    hand.extend(_elements(parts.tool))
    for section in arm:
        own = root.find(section.tag)
        if own is None:
            root.append(section)
        else:
            own.extend(list(section))
    world, equality = root.find("worldbody"), root.find("equality")
    assert world is not None
    world.extend(_elements(parts.world))
    if equality is None:
        equality = ET.SubElement(root, "equality")
    equality.extend(_elements(parts.equality))
    return ET.tostring(root, encoding="unicode")


def _fix_fingers(arm: ET.Element, opening: float) -> None:
    for name in ("tendon", "equality"):
        section = arm.find(name)
        assert section is not None
        arm.remove(section)
    actuators = arm.find("actuator")
    assert actuators is not None
    actuators.remove(next(servo for servo in actuators if servo.get("name") == "grip"))
    for body in arm.iter("body"):
        if str(body.get("name")).endswith("_finger"):
            joint = body.find("joint")
            assert joint is not None
            body.remove(joint)
            side = 1.0 if body.get("name") == "left_finger" else -1.0
            body.set("pos", _numbers((0.0, side * opening, 0.0584)))
            for geom in body.iter("geom"):  # nothing slips in a fixed grip, so nothing need touch
                geom.set("contype", "0")
                geom.set("conaffinity", "0")


def _elements(text: str) -> list[ET.Element]:
    return list(ET.fromstring(f"<parts>{text}</parts>"))


def _numbers(values: tuple[float, ...]) -> str:
    return " ".join(f"{value:.6g}" for value in values)
