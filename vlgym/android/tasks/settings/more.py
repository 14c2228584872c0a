"""Tasks about time, apps, and what the settings say."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import Literal

from vlgym.android.tasks.phone import Phone
from vlgym.android.tasks.settings.base import DISPLAY, FONT_SIZES, NETWORK, TIMEOUTS, Key, SettingsTask, put, walk
from vlgym.android.tasks.template import Params, Screen, answer, click, same_answer, seek


class TimeZone(SettingsTask):
    """The time zone."""

    name = "SettingsTimeZone"
    instruction = "Set the time zone of the phone to {zone}."
    checkpoints = ("open the settings", "set the time zone to {zone}")
    steps = 6
    _ZONES = ("Europe/Berlin", "Asia/Tokyo", "America/Chicago", "Europe/Paris", "Asia/Singapore", "America/Denver")

    def draw(self, rng: random.Random) -> Params:
        """Draw a zone and a wrong one."""
        zone, wrong = rng.sample(self._ZONES, 2)
        return {"zone": zone, "wrong": wrong}

    def wanted(self, p: Params) -> dict[Key, str]:
        """Return nothing: the zone is no setting."""
        return {}

    def solved(self, phone: Phone, p: Params) -> bool:
        """Return whether the property says so."""
        return phone.shell("getprop persist.sys.timezone").strip() == p["zone"] and self.untouched(phone, p)

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Choose it in the list."""
        yield from walk(screen, "System", "Date & time", "Time zone", p["zone"])

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Choose another."""
        yield from self.solve(screen, {"zone": p["wrong"]})


class SetDate(SettingsTask):
    """The date."""

    name = "SettingsSetDate"
    instruction = "Set the date of the phone to {month} {day}, {year}."
    checkpoints = ("open the settings", "set the date to {month} {day}")
    steps = 9
    _MONTHS = ("October", "November", "December")

    def draw(self, rng: random.Random) -> Params:
        """Draw a day of the next months."""
        ahead = rng.randrange(3)
        return {
            "ahead": ahead,
            "month": self._MONTHS[ahead],
            "day": rng.randint(16 if not ahead else 1, 28),
            "year": 2023,
        }

    def wanted(self, p: Params) -> dict[Key, str]:
        """Return nothing: the date is no setting."""
        return {}

    def solved(self, phone: Phone, p: Params) -> bool:
        """Return whether the phone's clock says so."""
        now = phone.now()
        return (now.year, now.month, now.day) == (p["year"], 10 + p["ahead"], p["day"]) and self.untouched(phone, p)

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Turn the pages and pick the day."""
        yield from walk(screen, "System", "Date & time", "Date")
        yield from [click("Next month")] * p["ahead"]
        yield click(f"{p['day']} {p['month']} {p['year']}")
        yield click("OK")

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Cancel."""
        for action in self.solve(screen, p):
            yield action if action != click("OK") else click("Cancel")


_APPS = {
    "Clock": "com.google.android.deskclock",
    "Markor": "net.gsantner.markor",
    "Tasks": "org.tasks",
    "Contacts": "com.google.android.contacts",
    "Calendar": "com.simplemobiletools.calendar.pro",
    "SMS Messenger": "com.simplemobiletools.smsmessenger",
}


class AppNotifications(SettingsTask):
    """An app's notifications."""

    name = "SettingsAppNotifications"
    instruction = "Turn off the notifications of the app {label}."
    checkpoints = ("open the settings", "turn off the notifications of {label}")
    steps = 6

    def draw(self, rng: random.Random) -> Params:
        """Draw the app."""
        label, wrong = rng.sample(sorted(_APPS), 2)
        return {"label": label, "wrong": wrong}

    def setup(self, phone: Phone, p: Params) -> None:
        """Let all apps notify."""
        super().setup(phone, p)
        put(phone, {("secure", f"notifications:{package}"): "1" for package in _APPS.values()})

    def wanted(self, p: Params) -> dict[Key, str]:
        """Return that one is quiet and the others are not."""
        return {
            ("secure", f"notifications:{package}"): str(int(label != p["label"])) for label, package in _APPS.items()
        }

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Go to its page."""
        yield from walk(screen, "Apps")
        yield click(next(e.label for e in screen.elements if e.label.startswith("See all")))
        for title in (p["label"], "Notifications", f"All {p['label']} notifications"):
            yield from seek(screen, title)
            yield click(title)

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Silence another app."""
        yield from self.solve(screen, {"label": p["wrong"]})


class Uninstall(SettingsTask):
    """Remove an app."""

    name = "SettingsUninstallApp"
    instruction = "Uninstall the app {label}."
    checkpoints = ("open the settings", "uninstall {label}")
    steps = 7
    _LABELS = ("Markor", "Tasks", "SMS Messenger")

    def draw(self, rng: random.Random) -> Params:
        """Draw the app."""
        label, wrong = rng.sample(self._LABELS, 2)
        return {"label": label, "wrong": wrong}

    def wanted(self, p: Params) -> dict[Key, str]:
        """Return nothing: apps are no settings."""
        return {}

    def solved(self, phone: Phone, p: Params) -> bool:
        """Return whether that app and no other is gone."""
        found = phone.shell("pm list packages").split()
        gone = {label for label, package in _APPS.items() if f"package:{package}" not in found}
        return gone == {p["label"]} and self.untouched(phone, p)

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Go to its page and remove it."""
        yield from walk(screen, "Apps")
        yield click(next(e.label for e in screen.elements if e.label.startswith("See all")))
        for title in (p["label"], "Uninstall", "OK"):
            yield from seek(screen, title)
            yield click(title)

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Remove another one."""
        yield from self.solve(screen, {"label": p["wrong"]})


class Ask(SettingsTask):
    """Something to read."""

    name = "SettingsAskAbout"
    instruction = "{question}"
    checkpoints = ("open the settings", "answer")
    steps = 3
    ends: Literal["state", "answer", "done"] = "answer"
    _QUESTIONS: dict[str, tuple[tuple[str, ...], str]] = {
        "What is the build number of this phone?": (("About phone",), "Build number"),
        "Which Android version does this phone run?": (("About phone",), "Android version"),
        "What is the Wi-Fi MAC address of this phone?": (("About phone",), "Wi-Fi MAC address"),
        "From which date is the Android security update of this phone?": (("About phone",), "Android security update"),
        "Which model is this phone?": (("About phone",), "Model"),
        "What is the name of this device?": (("About phone",), "Device name"),
        "After how long without activity does the screen turn off? Answer as the settings say it.": (
            (DISPLAY,),
            "Screen timeout",
        ),
        "Which font size is set?": ((DISPLAY,), "Font size"),
        "To which Wi-Fi network is the phone connected?": ((NETWORK,), "Internet"),
    }

    def draw(self, rng: random.Random) -> Params:
        """Draw the question and what varies of the answers."""
        return {
            "question": rng.choice(list(self._QUESTIONS)),
            "name": rng.choice(("Pocket phone", "Noor's phone", "Lab phone", "Phone 7", "Kitchen phone")),
            "network": rng.choice(("AndroidWifi", "Corner Cafe Guest", "Maple Street 12")),
            "size": rng.choice(list(FONT_SIZES)),
            "wait": rng.choice(list(TIMEOUTS)),
        }

    def begin(self, p: Params) -> dict[Key, str]:
        """Return what varies."""
        return {
            ("global", "device_name"): p["name"],
            ("global", "wifi_network"): p["network"],
            ("system", "font_scale"): FONT_SIZES[p["size"]],
            ("system", "screen_off_timeout"): TIMEOUTS[p["wait"]],
        }

    def wanted(self, p: Params) -> dict[Key, str]:
        """Return nothing."""
        return {}

    def truth(self, phone: Phone, p: Params) -> str:
        """Return the right answer."""
        shell = {"Build number": "ro.build.id", "Android version": "ro.build.version.release"}
        shell |= {"Android security update": "ro.build.version.security_patch", "Model": "ro.product.model"}
        title = self._QUESTIONS[p["question"]][1]
        fixed = {
            "Device name": p["name"],
            "Internet": p["network"],
            "Font size": p["size"],
            "Screen timeout": p["wait"],
        }
        fixed["Wi-Fi MAC address"] = "02:15:b2:00:00:00"
        return fixed[title] if title in fixed else phone.shell(f"getprop {shell[title]}").strip()

    def reached(self, phone: Phone, p: Params, answer: str) -> Sequence[bool]:
        """Judge the answer."""
        opened = phone.foreground().startswith("com.android.settings/")
        right = bool(answer) and same_answer(answer, self.truth(phone, p)) and self.untouched(phone, p)
        return (opened, right)

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Go there, read, answer."""
        path, title = self._QUESTIONS[p["question"]]
        yield from walk(screen, *path)
        yield from seek(screen, title)
        row = screen.get(title)
        said = row.words[-1] if len(row.words) > 1 else screen.elements[row.index + 1].words[0]
        yield answer(said.removeprefix("After ").removesuffix(" of inactivity"))

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Answer with the title."""
        path, title = self._QUESTIONS[p["question"]]
        yield from walk(screen, *path)
        yield answer(title)
