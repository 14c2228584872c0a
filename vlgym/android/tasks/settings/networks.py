"""Tasks about networks and names."""

from __future__ import annotations

import random
from collections.abc import Iterator

from vlgym.android.tasks.settings.base import NETWORK, Key, SettingsTask, walk
from vlgym.android.tasks.template import Params, Screen, click, enter


class OpenNetwork(SettingsTask):
    """Join an open network."""

    name = "SettingsJoinOpenWifi"
    instruction = "Connect to the Wi-Fi network {network}."
    checkpoints = ("open the settings", "connect to {network}")
    steps = 5

    def draw(self, rng: random.Random) -> Params:
        """Draw the network; Wi-Fi may be off."""
        network, before = rng.sample(("AndroidWifi", "Corner Cafe Guest"), 2)
        return {"network": network, "before": rng.choice((before, "none")), "off": rng.random() < 0.4}

    def begin(self, p: Params) -> dict[Key, str]:
        """Return another connection."""
        return {("global", "wifi_network"): p["before"], ("global", "wifi_on"): "0" if p["off"] else "1"}

    def wanted(self, p: Params) -> dict[Key, str]:
        """Return the connection."""
        return {("global", "wifi_network"): p["network"], ("global", "wifi_on"): "1"}

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Touch it in the list."""
        yield from walk(screen, NETWORK, "Internet")
        if p["off"]:
            yield click("Wi-Fi")
        yield click(p["network"])

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Join and then leave Wi-Fi off, or join nothing."""
        yield from walk(screen, NETWORK, "Internet")
        yield click("Wi-Fi")


class SecuredNetwork(SettingsTask):
    """Join a network with a password."""

    name = "SettingsJoinSecuredWifi"
    instruction = "Connect to the Wi-Fi network Maple Street 12 with the password {password}."
    checkpoints = ("open the settings", "open the password dialog and connect to Maple Street 12")
    steps = 6

    def draw(self, rng: random.Random) -> Params:
        """Draw a password."""
        words = rng.sample(("maple", "winter", "copper", "garden", "violet", "harbor", "meadow", "lantern"), 2)
        return {"password": f"{words[0]}{words[1]}{rng.randrange(10, 100)}"}

    def wanted(self, p: Params) -> dict[Key, str]:
        """Return the connection."""
        return {("global", "wifi_network"): "Maple Street 12"}

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Touch it and give the password."""
        yield from walk(screen, NETWORK, "Internet")
        yield click("Maple Street 12")
        yield enter(p["password"], "Password")
        yield click("Connect")

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Give half of it."""
        yield from self.solve(screen, {"password": p["password"][:6]})


class ForgetNetwork(SettingsTask):
    """Forget the network that the phone is connected to."""

    name = "SettingsForgetWifi"
    instruction = "Make the phone forget the Wi-Fi network {network}, and leave Wi-Fi on."
    checkpoints = ("open the settings", "forget {network}")
    steps = 5

    def draw(self, rng: random.Random) -> Params:
        """Draw the network."""
        return {"network": rng.choice(("AndroidWifi", "Corner Cafe Guest", "Maple Street 12"))}

    def begin(self, p: Params) -> dict[Key, str]:
        """Return the connection."""
        return {("global", "wifi_network"): p["network"]}

    def wanted(self, p: Params) -> dict[Key, str]:
        """Return none."""
        return {("global", "wifi_network"): "none"}

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Open its page and forget it."""
        yield from walk(screen, NETWORK, "Internet")
        yield click(p["network"])
        yield click("Forget")

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Turn Wi-Fi off instead."""
        yield from walk(screen, NETWORK, "Internet")
        yield click("Wi-Fi")


class Rename(SettingsTask):
    """The name of the phone, in general or for Bluetooth."""

    def __init__(self, name: str, steps: int, instruction: str, path: tuple[str, ...], key: Key, button: str) -> None:
        self.name, self.steps, self.instruction, self.path = name, steps, instruction, path
        self.key, self.button = key, button
        self.checkpoints = ("open the settings", "name it {words}")

    def draw(self, rng: random.Random) -> Params:
        """Draw a name."""
        first = rng.choice(("Ada", "Kim", "Noor", "Tomas", "Ines", "Jun", "Mika", "Ravi", "Lena", "Omar"))
        return {"words": f"{first} {rng.choice(('pocket', 'travel phone', 'desk', 'work phone', 'spare'))}"}

    def wanted(self, p: Params) -> dict[Key, str]:
        """Return the name."""
        return {self.key: p["words"]}

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Replace what is in the dialog."""
        yield from walk(screen, *self.path)
        yield f'replace("{p["words"]}")'
        yield click(self.button)

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Add to the old name instead of replacing it."""
        yield from walk(screen, *self.path)
        yield enter(p["words"])
        yield click(self.button)
