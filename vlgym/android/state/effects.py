"""What the system does when a setting changes: radios, volumes, brightness, and the lines it logs about them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from vlgym.android.state.device_state import State

WIFI_OFF, WIFI_ON, WIFI_ON_IN_AIRPLANE, WIFI_OFF_BY_AIRPLANE = 0, 1, 2, 3
_STREAMS = {"alarm": "ALARM", "music": "MUSIC", "ring": "RING", "notification": "NOTIFICATION", "system": "SYSTEM",
            "voice": "VOICE_CALL", "bluetooth_sco": "BLUETOOTH_SCO"}  # fmt: skip


FORWARDER = "com.google.androidenv.accessibilityforwarder"
"""Package of android-env's accessibility forwarder."""
_FORWARDER_PORT = "vlgym.forwarder.port"
_THIS_MACHINE = ("10.0.2.2", "127.0.0.1", "localhost")
"""Names of the host that an emulator's apps know; a phone's forwarder is sent nowhere else."""


def send_forests(state: State, host: str, port: int) -> bool:
    """Tell the accessibility forwarder where its server is; return False for what is not a port of this machine."""
    known = FORWARDER in state.packages and host in _THIS_MACHINE and 0 < port < 65536
    if known:
        state.properties[_FORWARDER_PORT] = str(port)
    return known


def forwarder_port(state: State) -> int:
    """Return the port that the forwarder sends the screen's elements to, 0 while it is off."""
    on = f"{FORWARDER}/" in (state.settings.get("secure", "enabled_accessibility_services") or "")
    return int(state.properties.get(_FORWARDER_PORT, "0")) if on else 0


class Effects:
    """Follows the settings of one device. Switches of apps and `svc` go through `set_wifi` and its kin."""

    def __init__(self, state: State) -> None:
        self._state = state
        state.settings.listeners.append(self._changed)

    def set_wifi(self, on: bool, caller: str = "com.android.settings") -> None:
        """Switch Wi-Fi for an app; in airplane mode it is on until that ends."""
        airplane = self._state.settings.number("global", "airplane_mode_on")
        self._log(
            "WifiService", f"setWifiEnabled package={caller} uid={self._uid(caller)} enable={'true' if on else 'false'}"
        )
        value = (WIFI_ON_IN_AIRPLANE if airplane else WIFI_ON) if on else WIFI_OFF
        self._state.settings.put("global", "wifi_on", value)

    def set_bluetooth(self, on: bool, caller: str = "com.android.settings") -> None:
        """Switch Bluetooth for an app."""
        self._log("BluetoothManagerService", f"{'enable' if on else 'disable'}({caller}): mBluetooth = null")
        self._state.settings.put("global", "bluetooth_on", int(on))

    def set_airplane(self, on: bool) -> None:
        """Switch airplane mode."""
        self._state.settings.put("global", "airplane_mode_on", int(on))

    def set_mobile_data(self, on: bool) -> None:
        """Switch mobile data."""
        self._state.settings.put("global", "mobile_data", int(on))

    def _uid(self, package: str) -> int:
        return self._state.packages.state(package).uid if package in self._state.packages else 2000

    def _log(self, tag: str, message: str, priority: str = "I", process: str = "system_server") -> None:
        pid = self._state.processes.pid(process) or self._state.processes.system
        self._state.log.write(tag, message, priority, pid=pid)

    def _changed(self, namespace: str, key: str, value: str | None) -> None:
        self._log("SettingsProvider", f"Notifying for 0: content://settings/{namespace}/{key}", "V")
        if namespace == "global" and key == "airplane_mode_on":
            self._airplane(value == "1")
        elif namespace == "system" and key.startswith("volume_"):
            stream = _STREAMS.get(key[len("volume_") :])
            if stream:
                self._log("vol.Events", f"writeEvent level_changed STREAM_{stream} {value}")
        elif namespace == "system" and key == "screen_brightness" and (value or "").isdigit():
            level = int(value or 0) / 255
            reason = "reason changing to: 'manual', previous reason: 'manual'."
            self._log("DisplayPowerController", f"Brightness [{level:.4f}] {reason}", "V")
        elif namespace == "secure" and key == "ui_night_mode" and value in ("1", "2"):
            self._state.settings.put("secure", "dark_mode", int(value == "2"))

    def _airplane(self, on: bool) -> None:
        settings = self._state.settings
        self._log("PhoneGlobals", f"Turning radio {'off' if on else 'on'} - airplane", process="com.android.phone")
        wifi = settings.number("global", "wifi_on")
        if on and wifi == WIFI_ON:
            settings.put("global", "wifi_on", WIFI_OFF_BY_AIRPLANE)
        elif not on and wifi in (WIFI_ON_IN_AIRPLANE, WIFI_OFF_BY_AIRPLANE):
            settings.put("global", "wifi_on", WIFI_ON)
        bluetooth = settings.number("global", "bluetooth_on")
        if on and bluetooth == 1:
            settings.put("global", "bluetooth_on", 0)
            self._state.properties["vlgym.bluetooth.resume"] = "1"
        elif not on and self._state.properties.pop("vlgym.bluetooth.resume", ""):
            settings.put("global", "bluetooth_on", 1)
