"""The table of environments: adding one is a folder and a line here. Nothing is imported until `gymnasium.make`."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from vlgym.core.errors import UnknownNameError, did_you_mean

NAMESPACE = "vlgym"


@dataclass(frozen=True, slots=True)
class EnvRow:
    """One registered id.

    Attributes:
        name: id without the namespace, e.g. "WebShop-v0".
        entry_point: "module:Class", imported at `make`.
        tags: names the command line accepts for it (``--env webshop``).
        extra: extra of the package that the environment's heaviest mode needs; "" if none.
        vector_entry_point: "module:Class" of a native batch, reached by `gymnasium.make_vec`; "" if none.
        kwargs: defaults passed to the class.
    """

    name: str
    entry_point: str
    tags: tuple[str, ...] = ()
    extra: str = ""
    vector_entry_point: str = ""
    kwargs: dict[str, Any] = field(default_factory=dict)

    @property
    def id(self) -> str:
        return f"{NAMESPACE}/{self.name}"


_PHONE, _PHONES = "vlgym.android.env:AndroidEnv", "vlgym.android.vector:AndroidVectorEnv"
_DESK, _DESKS = "vlgym.desk.env:DeskEnv", "vlgym.desk.vector:DeskVectorEnv"

_ARM, _ARMS = "vlgym.manipulation.env:ArmEnv", "vlgym.manipulation.vector:ArmVectorEnv"

_ARM_TASKS = {
    "PegInsert": "peg-insert",
    "PegPickInsert": "peg-pick-insert",
    "NutOnPeg": "nut-on-peg",
    "Lift": "lift",
    "Stack": "stack",
    "Door": "door",
}

_ROBOSUITE_TASKS = {
    "Lift": "lift",
    "Stack": "stack",
    "NutAssemblySquare": "nut-assembly-square",
    "PickPlaceCan": "pick-place-can",
    "Door": "door",
    "TwoArmPegInHole": "two-arm-peg-in-hole",
}

_PHONE_FAMILIES = (
    *("settings", "clock", "system", "contacts", "dialer", "messages", "calendar", "markor", "files", "tasks"),
    *("expense", "recipe", "browser", "camera", "gallery", "recorder", "across"),
)

ENVS: tuple[EnvRow, ...] = (
    EnvRow(
        "WebShop-v0",
        "vlgym.webshop.env:WebShopEnv",
        tags=("webshop",),
        extra="web",
        vector_entry_point="vlgym.webshop.vector:WebShopVectorEnv",
    ),
    EnvRow("Desk-v0", _DESK, tags=("desk",), vector_entry_point=_DESKS),
    EnvRow("DeskShort-v0", _DESK, tags=("desk-short",), vector_entry_point=_DESKS, kwargs={"lengths": (1, 3)}),
    EnvRow("DeskMedium-v0", _DESK, tags=("desk-medium",), vector_entry_point=_DESKS, kwargs={"lengths": (4, 8)}),
    EnvRow("DeskLong-v0", _DESK, tags=("desk-long",), vector_entry_point=_DESKS, kwargs={"lengths": (9, 15)}),
    EnvRow("Android-v0", _PHONE, tags=("android",), extra="android", vector_entry_point=_PHONES),
    *(
        EnvRow(
            f"Android{family.capitalize()}-v0",
            _PHONE,
            tags=(f"android-{family}",),
            extra="android",
            vector_entry_point=_PHONES,
            kwargs={"families": (family,)},
        )
        for family in _PHONE_FAMILIES
    ),
    *(
        EnvRow(f"{task}-v0", _ARM, tags=(tag,), extra="mujoco", vector_entry_point=_ARMS, kwargs={"task": task})
        for task, tag in _ARM_TASKS.items()
    ),
    EnvRow(
        "PickPlace-v0",
        _ARM,
        tags=("pick-place",),
        extra="mujoco",
        vector_entry_point="vlgym.manipulation.words:ArmWordsVectorEnv",
        kwargs={"task": "PickPlace", "action_mode": "text"},
    ),
    *(
        EnvRow(
            f"Robosuite-{task}-v0",
            "vlgym.robosuite.env:RobosuiteEnv",
            tags=(f"robosuite-{tag}",),
            extra="robosuite",
            kwargs={"task": task},
        )
        for task, tag in _ROBOSUITE_TASKS.items()
    ),
)

SITES: dict[str, str] = {
    "shop.test": "vlgym.webshop.site:WebShopSite",
    "town.test": "vlgym.android.apps.browser.town:TownSite",
    "search.test": "vlgym.android.apps.browser.search:SearchSite",
}
"""Host of a site that a phone's browser reaches -> "module:Class" of a `vlgym.core.site.Site`, imported at a visit."""


def env_id(name: str) -> str:
    """Return the Gymnasium id of an environment given by id, name ("WebShop-v0") or tag ("webshop").

    Any other Gymnasium id that is registered, or that names its module ("package.module:Id-v0"), stands for itself.

    Raises:
        UnknownNameError: no such environment, or a tag that several share.
    """
    import gymnasium

    exact = [row.id for row in ENVS if name in (row.id, row.name)]
    tagged = [row.id for row in ENVS if name in row.tags]
    if exact or len(tagged) == 1:
        return (exact or tagged)[0]
    if tagged:
        raise UnknownNameError(f"Tag {name!r} names {len(tagged)} environments: {', '.join(tagged)}. Give one of them.")
    if name in gymnasium.registry or ":" in name:
        return name
    tags = sorted(tag for row in ENVS for tag in row.tags)
    near = did_you_mean(name, [*tags, *(row.id for row in ENVS)])
    raise UnknownNameError(f"Unknown environment {name!r}.{near} Known: {', '.join(tags)}.")
