"""Network & internet, Wi-Fi, connected devices, Bluetooth."""

from __future__ import annotations

from typing import Any, NamedTuple

from vlgym.android.apps.settings.pages import Page
from vlgym.android.ui.dialogs import AlertDialog
from vlgym.android.ui.edit import EditText
from vlgym.android.ui.material import ListItem, MainSwitch, Section, SwitchItem
from vlgym.android.ui.view import MATCH, Column, Row, View
from vlgym.android.ui.widgets import Button, ImageButton, ImageView, TextView


class Network(NamedTuple):
    """A Wi-Fi network in reach."""

    name: str
    secured: bool


NETWORKS = (Network("AndroidWifi", False), Network("Corner Cafe Guest", False), Network("Maple Street 12", True))
SHORTEST_PASSWORD = 8


class NetworkDashboard(Page):
    """Network & internet."""

    title = "Network & internet"

    def rows(self) -> list[View | None]:
        """Return internet, SIM, airplane mode."""
        airplane = bool(self.number("global", "airplane_mode_on"))
        wifi = self.number("global", "wifi_on") in (1, 2)
        summary = connected(self) if wifi and connected(self) else "Wi-Fi is off" if not wifi else "Networks available"
        mobile = bool(self.number("global", "mobile_data", 1))
        return [
            self.link("Internet", summary, "network.NetworkProviderSettings", icon="wifi"),
            SwitchItem(
                "Mobile data",
                mobile and not airplane,
                lambda on: self._mobile(on),
                "T-Mobile",
                icon="network_cell",
                enabled=not airplane,
            ),
            SwitchItem("Airplane mode", airplane, self._airplane, icon="airplanemode_active", id="airplane_mode"),
            SwitchItem(
                "Data Saver",
                bool(self.number("global", "data_saver")),
                self.toggle("global", "data_saver"),
                icon="data_usage",
            ),
        ]

    def _mobile(self, on: bool) -> None:
        self.state.effects.set_mobile_data(on)
        self.host.manager.changed_system()

    def _airplane(self, on: bool) -> None:
        self.state.effects.set_airplane(on)
        self.host.manager.changed_system()


def connected(page: Page) -> str:
    """Return the network the phone is connected to."""
    name = page.state.settings.get("global", "wifi_network", "AndroidWifi") or ""
    return "" if name == "none" else name


class WifiSettings(Page):
    """Internet: the Wi-Fi switch and the networks in reach."""

    title = "Internet"

    def rows(self) -> list[View | None]:
        """Return the switch, then the networks."""
        on = self.number("global", "wifi_on") in (1, 2)
        rows: list[View | None] = [SwitchItem("Wi-Fi", on, self._switch, id="main_toggle_wifi", min_height=72)]
        if not on:
            rows.append(_note("To see available networks, turn on Wi-Fi"))
            return rows
        current = connected(self)
        if current:
            rows += [
                Section("Connected"),
                self._network(next((n for n in NETWORKS if n.name == current), Network(current, True))),
            ]
        rows.append(Section("Available networks"))
        rows += [self._network(network) for network in NETWORKS if network.name != current]
        rows.append(ListItem("Add network", icon="add", on_click=lambda: self.host.show("add")))
        return rows

    def _switch(self, on: bool) -> None:
        self.state.effects.set_wifi(on)
        self.host.manager.changed_system()

    def _network(self, network: Network) -> View:
        current = connected(self) == network.name
        lock = ImageView("lock", size=18) if network.secured else None
        gear = (
            ImageButton("settings", content_desc="Settings", on_click=lambda: self._details(network.name))
            if current
            else lock
        )
        return ListItem(
            network.name,
            "Connected" if current else "",
            icon="signal_wifi_4_bar",
            trailing=gear,
            on_click=lambda: self._details(network.name) if current else self._join(network),
        )

    def _details(self, name: str) -> None:
        self.host.open("wifi.details.WifiNetworkDetailsFragment", network=name)

    def _join(self, network: Network) -> None:
        if network.secured:
            self.host.show("password", network=network.name)
        else:
            self.put("global", "wifi_network", network.name)

    def dialog(self, name: str, args: dict[str, Any]) -> View:
        """Return the dialogs that ask for a network's name and password."""
        host = self.host
        ask = EditText(
            hint="Password",
            kind="password",
            margin=(24, 8),
            id="password",
            on_text=lambda _: host.manager.changed_system(),
        )
        given = ask if name == "password" else EditText(hint="Network name", margin=(24, 8), id="ssid", action="next")

        def join() -> None:
            password = host.find("password").text
            network = args.get("network") or host.find("ssid").text.strip()
            if network and (len(password) >= SHORTEST_PASSWORD or (name == "add" and not password)):
                host.dismiss()
                self.put("global", "wifi_network", network)
            else:
                host.toast(f"The password has at least {SHORTEST_PASSWORD} characters")

        fields = (ask,) if name == "password" else (given, ask)
        buttons = (("Cancel", host.dismiss), ("Connect" if name == "password" else "Save", join))
        return AlertDialog(args.get("network", "Add network"), *fields, buttons=buttons)


class WifiDetails(Page):
    """One network."""

    title = "Network details"

    def rows(self) -> list[View | None]:
        """Return what can be done with the network and how it is connected."""
        name = self.host.arguments.get("network", "")
        current = connected(self) == name
        head = Column(
            ImageView("signal_wifi_4_bar", size=40, colour="primary"),
            TextView(name, style="headline_small"),
            TextView("Connected" if current else "Saved", style="body_medium", colour="on_surface_variant"),
            width=MATCH,
            align="center",
            spacing=8,
            padding=(0, 8),
        )
        act = Button(
            "Disconnect" if current else "Connect", kind="tonal", on_click=lambda: self._connect(name, not current)
        )
        forget = Button("Forget", kind="tonal", on_click=lambda: self._forget(name))
        return [
            head,
            Row(forget, act, width=MATCH, align="center", spacing=12, height=64),
            ListItem("Signal strength", "Excellent", icon="network_wifi"),
            ListItem("Frequency", "2.4 GHz", icon="info"),
            ListItem("IP address", "10.0.2.16" if current else "Unavailable", icon="language"),
        ]

    def _connect(self, name: str, on: bool) -> None:
        self.put("global", "wifi_network", name if on else "none")

    def _forget(self, name: str) -> None:
        if connected(self) == name:
            self.put("global", "wifi_network", "none")
        self.host.finish()


class ConnectedDevices(Page):
    """Connected devices."""

    title = "Connected devices"

    def rows(self) -> list[View | None]:
        """Return pairing and connection preferences."""
        on = bool(self.number("global", "bluetooth_on"))
        page = "connecteddevice.BluetoothDashboardFragment"
        return [
            ListItem(
                "Pair new device", "" if on else "Bluetooth will turn on to pair", icon="add", on_click=self._pair
            ),
            Section("Connection preferences"),
            self.link("Bluetooth", "On" if on else "Off", page, icon="bluetooth"),
            SwitchItem("NFC", bool(self.number("global", "nfc_on")), self.toggle("global", "nfc_on"), icon="nfc"),
        ]

    def _pair(self) -> None:
        self.state.effects.set_bluetooth(True)
        self.host.open("connecteddevice.BluetoothDashboardFragment")


class BluetoothSettings(Page):
    """Bluetooth: the switch and the phone's name."""

    title = "Bluetooth"

    def rows(self) -> list[View | None]:
        """Return the switch and the name."""
        on = bool(self.number("global", "bluetooth_on"))
        name = self.state.settings.get("secure", "bluetooth_name", "Android phone") or ""
        rows: list[View | None] = [MainSwitch("Use Bluetooth", on, self._switch)]
        if on:
            rows += [
                ListItem("Device name", name, icon="smartphone", on_click=lambda: self.host.ask("rename")),
                Section("Available devices"),
                _note(f"{name} is visible to nearby devices. None were found."),
            ]
        else:
            rows.append(
                _note("When Bluetooth is turned on, your device can communicate with other nearby Bluetooth devices.")
            )
        return rows

    def on_open(self) -> None:
        """Log as AOSP does."""
        controller = "com.android.settings.bluetooth.BluetoothDeviceRenamePreferenceController"
        self.host.log("PrefCtrlListHelper", f"Could not find Context-only controller for pref: {controller}", "D")

    def _switch(self, on: bool) -> None:
        self.state.effects.set_bluetooth(on)
        self.host.manager.changed_system()

    def dialog(self, name: str, args: dict[str, Any]) -> View:
        """Return the dialog that renames the phone."""
        current = self.state.settings.get("secure", "bluetooth_name", "") or ""
        host = self.host

        def rename() -> None:
            text = host.find("edittext").text.strip()
            host.dismiss()
            if text:
                self.put("secure", "bluetooth_name", text)

        field = EditText(current, hint="Device name", margin=(24, 8), id="edittext")
        return AlertDialog("Rename this device", field, buttons=(("Cancel", host.dismiss), ("Rename", rename)))


def _note(text: str) -> View:
    return Row(
        ImageView("info"),
        TextView(text, style="body_medium", colour="on_surface_variant", weight=1),
        width=MATCH,
        padding=(24, 16),
        spacing=20,
    )
