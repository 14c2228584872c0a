"""The three settings tables and the system properties."""

from __future__ import annotations

from collections.abc import Callable

from vlgym.core.errors import did_you_mean

NAMESPACES = ("system", "secure", "global")

DEFAULTS: dict[str, dict[str, str]] = {
    "system": {
        "accelerometer_rotation": "0",
        "alarm_alert": "content://media/internal/audio/media/12",
        "dim_screen": "1",
        "dtmf_tone": "1",
        "font_scale": "1.0",
        "haptic_feedback_enabled": "1",
        "hide_rotation_lock_toggle_for_accessibility": "0",
        "lockscreen_sounds_enabled": "1",
        "mode_ringer_streams_affected": "166",
        "mute_streams_affected": "111",
        "notification_light_pulse": "1",
        "notification_sound": "content://media/internal/audio/media/31",
        "pointer_location": "0",
        "pointer_speed": "0",
        "ringtone": "content://media/internal/audio/media/44",
        "screen_brightness": "102",
        "screen_brightness_float": "0.39763778",
        "screen_brightness_mode": "0",
        "screen_off_timeout": "1800000",
        "show_touches": "0",
        "sound_effects_enabled": "1",
        "time_12_24": "24",
        "user_rotation": "0",
        "vibrate_when_ringing": "0",
        "volume_alarm": "6",
        "volume_bluetooth_sco": "7",
        "volume_music": "5",
        "volume_notification": "5",
        "volume_ring": "5",
        "volume_system": "7",
        "volume_voice": "4",
    },
    "secure": {
        "accessibility_display_inversion_enabled": "0",
        "accessibility_enabled": "0",
        "android_id": "3f0c8a7de1b95246",
        "bluetooth_name": "Android phone",
        "dark_mode": "0",
        "default_input_method": "com.google.android.inputmethod.latin/com.android.inputmethod.latin.LatinIME",
        "dialer_default_application": "com.google.android.dialer",
        "display_density_forced": "",
        "enabled_accessibility_services": "",
        "install_non_market_apps": "1",
        "location_mode": "3",
        "lockscreen.disabled": "1",
        "navigation_mode": "2",
        "night_display_activated": "0",
        "screensaver_enabled": "0",
        "selected_spell_checker": "",
        "show_ime_with_hard_keyboard": "1",
        "sms_default_application": "com.simplemobiletools.smsmessenger",
        "ui_night_mode": "1",
        "user_setup_complete": "1",
        "voice_interaction_service": "",
    },
    "global": {
        "adb_enabled": "1",
        "airplane_mode_on": "0",
        "airplane_mode_radios": "cell,bluetooth,uwb,wifi,wimax",
        "animator_duration_scale": "1.0",
        "auto_time": "0",
        "auto_time_zone": "0",
        "bluetooth_on": "1",
        "boot_count": "1",
        "data_roaming": "0",
        "development_settings_enabled": "1",
        "device_name": "Android phone",
        "device_provisioned": "1",
        "heads_up_notifications_enabled": "1",
        "low_power": "0",
        "mobile_data": "1",
        "mode_ringer": "2",
        "policy_control": "",
        "stay_on_while_plugged_in": "1",
        "transition_animation_scale": "1.0",
        "usb_mass_storage_enabled": "1",
        "wifi_on": "1",
        "wifi_scan_always_enabled": "0",
        "window_animation_scale": "1.0",
        "zen_mode": "0",
    },
}
"""Settings of a fresh device; an empty value means that the row is absent."""


class Settings:
    """`settings get|put|delete|list|reset` as an object.

    Attributes:
        listeners: called as f(namespace, key, value or None) after each change; None means deleted. They hear of
            nothing when a snapshot is restored.
        changes: goes up with every change.
    """

    def __init__(self) -> None:
        self._tables = {space: {k: v for k, v in rows.items() if v} for space, rows in DEFAULTS.items()}
        self.listeners: list[Callable[[str, str, str | None], None]] = []
        self.changes = 0

    def _table(self, namespace: str) -> dict[str, str]:
        if namespace not in self._tables:
            raise KeyError(f"Invalid namespace '{namespace}'{did_you_mean(namespace, NAMESPACES)}")
        return self._tables[namespace]

    def get(self, namespace: str, key: str, default: str | None = None) -> str | None:
        """Return a value, or the default if there is no such row."""
        return self._table(namespace).get(key, default)

    def number(self, namespace: str, key: str, default: int = 0) -> int:
        """Return a value as a whole number; what is none reads as the default, as in `Settings.System.getInt`."""
        try:
            return int(self._table(namespace).get(key, default))
        except ValueError:
            return default

    def put(self, namespace: str, key: str, value: str | int) -> None:
        """Set a value and tell the listeners, also where the value is the old one."""
        self._table(namespace)[key] = str(value)
        self._tell(namespace, key, str(value))

    def delete(self, namespace: str, key: str) -> int:
        """Remove a row; return how many there were."""
        if self._table(namespace).pop(key, None) is None:
            return 0
        self._tell(namespace, key, None)
        return 1

    def reset(self, namespace: str) -> None:
        """Set a table back to that of a fresh device."""
        table, fresh = self._table(namespace), {k: v for k, v in DEFAULTS[namespace].items() if v}
        for key in [key for key in table if key not in fresh]:
            self.delete(namespace, key)
        for key, value in fresh.items():
            if table.get(key) != value:
                self.put(namespace, key, value)

    def list(self, namespace: str) -> dict[str, str]:
        """Return a table, keys sorted."""
        return dict(sorted(self._table(namespace).items()))

    def _tell(self, namespace: str, key: str, value: str | None) -> None:
        self.changes += 1
        for listener in list(self.listeners):
            listener(namespace, key, value)

    def export(self) -> dict[str, dict[str, str]]:
        """Return the tables as plain data."""
        return self._tables

    def load(self, data: dict[str, dict[str, str]]) -> None:
        """Take over what `export` returned."""
        self._tables = data
        self.changes += 1


def properties(width: int, height: int, density: int) -> dict[str, str]:
    """Return the system properties of a fresh device, as `getprop` lists them."""
    build = "TE1A.220922.034"
    return {
        "debug.sf.nobootanimation": "1",
        "dev.bootcomplete": "1",
        "gsm.current.phone-type": "1",
        "gsm.network.type": "LTE",
        "gsm.operator.alpha": "T-Mobile",
        "gsm.operator.numeric": "310260",
        "gsm.sim.state": "READY",
        "init.svc.adbd": "running",
        "init.svc.bootanim": "stopped",
        "persist.sys.locale": "en-US",
        "persist.sys.timezone": "UTC",
        "qemu.sf.lcd_density": str(density),
        "ro.adb.secure": "0",
        "ro.board.platform": "",
        "ro.boot.qemu": "1",
        "ro.build.characteristics": "emulator",
        "ro.build.date.utc": "1663804800",
        "ro.build.fingerprint": f"vlgym/sim_phone/sim_phone:13/{build}/1:userdebug/dev-keys",
        "ro.build.id": build,
        "ro.build.type": "userdebug",
        "ro.build.version.codename": "REL",
        "ro.build.version.incremental": "1",
        "ro.build.version.release": "13",
        "ro.build.version.sdk": "33",
        "ro.build.version.security_patch": "2022-09-05",
        "ro.debuggable": "1",
        "ro.hardware": "ranchu",
        "ro.kernel.qemu": "1",
        "ro.product.brand": "vlgym",
        "ro.product.cpu.abi": "x86_64",
        "ro.product.cpu.abilist": "x86_64,arm64-v8a",
        "ro.product.device": "sim_phone",
        "ro.product.locale": "en-US",
        "ro.product.manufacturer": "vlgym",
        "ro.product.model": "Simulated phone",
        "ro.product.name": "sim_phone",
        "ro.secure": "1",
        "ro.serialno": "VLGYM0SIM",
        "ro.sf.lcd_density": str(density),
        "sys.boot_completed": "1",
        "vlgym.display.size": f"{width}x{height}",
    }
