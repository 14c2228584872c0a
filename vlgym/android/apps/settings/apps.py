"""Apps: the list, one app's page, its storage and its notifications."""

from __future__ import annotations

from typing import Any

from vlgym.android.apps.settings.pages import Page
from vlgym.android.state.packages import Package
from vlgym.android.ui.dialogs import AlertDialog
from vlgym.android.ui.material import AppIcon, ListItem, MainSwitch, Section
from vlgym.android.ui.view import MATCH, Column, Row, View
from vlgym.android.ui.widgets import Button, TextView

_APP = "applications.appinfo.AppInfoDashboardFragment"


def _shown(page: Page) -> list[Package]:
    packages = [package for package in page.state.packages.all() if package.launcher]
    return sorted(packages, key=lambda package: package.label.lower())


def _size(page: Page, package: Package) -> str:
    """Return the size of a package with its data as a person reads it."""
    used = 1_000_000 * (4 + sum(package.name.encode()) % 90) + data_bytes(page, package.name)
    return f"{used / 1e6:.1f} MB"


def data_bytes(page: Page, name: str) -> int:
    """Return how many bytes an app's data take."""
    files, folder = page.state.files, page.state.packages[name].data_dir
    if not files.exists(folder):
        return 0
    return sum(stat.size for _, stat in files.walk(folder) if stat.is_file)


class AppDashboard(Page):
    """Apps."""

    title = "Apps"

    def rows(self) -> list[View | None]:
        """Return the recently opened apps and the way to all."""
        home = self.state.packages.home().partition("/")[0]
        opened = [task["activities"][0]["component"].partition("/")[0] for task in self.host.manager.tasks.all]
        recent = [
            name
            for name in dict.fromkeys(opened)
            if name in self.state.packages and name not in (home, self.host.package)
        ]
        count = len(_shown(self))
        return [
            Section("Recently opened apps") if recent else None,
            *(_row(self, self.state.packages[name], "") for name in recent[:4]),
            self.link(
                f"See all {count} apps", "", "applications.manageapplications.ManageApplications", icon="chevron_right"
            ),
            Section("General"),
            ListItem("Default apps", "Chrome, Phone, and SMS Messenger", icon="apps"),
        ]


def _row(page: Page, package: Package, summary: str) -> View:
    return ListItem(
        package.label,
        summary,
        lead=AppIcon(package.name, 40),
        on_click=lambda: page.host.open(_APP, package=package.name),
    )


class ManageApplications(Page):
    """All apps."""

    title = "All apps"

    def rows(self) -> list[View | None]:
        """Return the apps by name."""
        return [_row(self, package, self._summary(package)) for package in _shown(self)]

    def _summary(self, package: Package) -> str:
        return _size(self, package) if self.state.packages.state(package.name).enabled else "Disabled"


class _AppPage(Page):
    """A page about the app in the arguments."""

    @property
    def package(self) -> Package | None:
        """The app, None if it is gone."""
        name = str(self.host.arguments.get("package", ""))
        return next((package for package in self.state.packages.all() if package.name == name), None)

    def head(self, package: Package) -> View:
        """Return icon and name."""
        return Column(
            AppIcon(package.name, 56),
            TextView(package.label, style="headline_small", id="entity_header_title"),
            width=MATCH,
            align="center",
            spacing=12,
            padding=(0, 0, 0, 12),
        )

    def about(self, package: Package) -> list[View | None]:
        """Return the rows about an app."""
        raise NotImplementedError

    def rows(self) -> list[View | None]:
        """Return the rows, or a note if the app is gone."""
        package = self.package
        if package is None:
            return [
                TextView("The app was not found in the list of installed apps.", style="body_large", padding=(24, 8))
            ]
        return [self.head(package), *self.about(package)]


class AppDetails(_AppPage):
    """App info."""

    title = "App info"

    def about(self, package: Package) -> list[View | None]:
        """Return buttons and links."""
        name = package.name
        running = bool(self.state.processes.pid(name))
        enabled = self.state.packages.state(name).enabled
        removable = "Disable" if enabled else "Enable"
        buttons = [
            Button(
                "Open",
                kind="tonal",
                icon="open_in_new",
                on_click=lambda: self.host.manager.launch(name),
                enabled=bool(package.launcher) and enabled,
                id="button1",
                padding=(14, 0),
            ),
            Button(
                removable if package.system else "Uninstall",
                kind="tonal",
                id="button2",
                padding=(14, 0),
                icon="block" if package.system else "delete",
                on_click=lambda: self._remove(package),
            ),
            Button(
                "Force stop",
                kind="tonal",
                icon="report",
                enabled=running,
                id="button3",
                padding=(14, 0),
                on_click=lambda: self.host.show("stop"),
            ),
        ]
        allowed = self.number("secure", f"notifications:{name}", 1)
        granted = [p.rpartition(".")[2].replace("_", " ").capitalize() for p in self.state.packages.state(name).granted]
        return [
            Row(*buttons, width=MATCH, align="center", spacing=8, min_height=64),
            self.link(
                "Notifications", "On" if allowed else "Off", "notification.app.AppNotificationSettings", package=name
            ),
            ListItem("Permissions", ", ".join(granted) or "No permissions granted"),
            self.link(
                "Storage & cache",
                f"{_size(self, package)} used in internal storage",
                "applications.AppStorageSettings",
                package=name,
            ),
            ListItem("Version", f"version {package.version[1]}"),
        ]

    def _remove(self, package: Package) -> None:
        if not package.system:
            self.host.show("uninstall")
        elif self.state.packages.state(package.name).enabled:
            self.host.show("disable")
        else:
            self.state.packages.state(package.name).enabled = True
            self.host.manager.changed_system()

    def dialog(self, name: str, args: dict[str, Any]) -> View:
        """Return the questions before what cannot be undone."""
        package, host = self.package, self.host
        label = package.label if package else ""
        title, words, act = {
            "stop": ("Force stop?", "If you force stop an app, it may misbehave.", self._stop),
            "uninstall": (label, "Do you want to uninstall this app?", self._uninstall),
            "disable": (
                "Disable app?",
                "If you disable this app, Android and other apps may no longer function as intended.",
                self._disable,
            ),
        }[name]
        positive = "OK" if name != "disable" else "Disable app"
        return AlertDialog(title, message=words, buttons=(("Cancel", host.dismiss), (positive, host.then(act))))

    def _stop(self) -> None:
        if self.package is not None:
            self.host.manager.force_stop(self.package.name)
            self.state.processes.kill(self.package.name, "stop " + self.package.name)
            self.host.manager.changed_system()

    def _uninstall(self) -> None:
        if self.package is not None:
            name = self.package.name
            self.host.manager.force_stop(name)
            self.state.uninstall(name)
            self.host.finish()

    def _disable(self) -> None:
        if self.package is not None:
            self._stop()
            self.state.packages.state(self.package.name).enabled = False
            self.host.manager.changed_system()


class AppStorage(_AppPage):
    """Storage & cache of an app."""

    title = "Storage"

    def about(self, package: Package) -> list[View | None]:
        """Return the buttons that clear, and the sizes."""
        clear = Button(
            "Clear storage", kind="tonal", icon="delete", on_click=lambda: self.host.show("clear"), id="button1"
        )
        cache = Button(
            "Clear cache", kind="tonal", icon="cached", id="button2", on_click=lambda: self.host.toast("Cache cleared")
        )
        kilobytes = data_bytes(self, package.name) / 1000
        return [
            Row(clear, cache, width=MATCH, align="center", spacing=12, min_height=64),
            Section("Space used"),
            ListItem("User data", f"{kilobytes:.1f} kB"),
            ListItem("Total", _size(self, package)),
        ]

    def dialog(self, name: str, args: dict[str, Any]) -> View:
        """Return the question before data are cleared."""
        words = "This app’s data will be permanently deleted, including files and settings"
        return AlertDialog(
            "Clear app data?",
            message=words,
            buttons=(("Cancel", self.host.dismiss), ("Delete", self.host.then(self._clear))),
        )

    def _clear(self) -> None:
        if self.package is not None:
            self.host.manager.force_stop(self.package.name)
            self.state.clear(self.package.name)
            self.host.manager.changed_system()


class AppNotifications(_AppPage):
    """Notifications of an app."""

    title = "Notifications"

    def about(self, package: Package) -> list[View | None]:
        """Return the switch."""
        key = f"notifications:{package.name}"
        on = bool(self.number("secure", key, 1))
        return [MainSwitch(f"All {package.label} notifications", on, self.toggle("secure", key))]
