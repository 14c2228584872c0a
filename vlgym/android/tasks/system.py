"""Tasks with the system itself: home screen, shade, quick settings, notifications, recent apps, volume keys."""

from __future__ import annotations

import random
import re
import shlex
from collections.abc import Iterator, Sequence
from typing import Literal

from vlgym.android.tasks.phone import Phone
from vlgym.android.tasks.settings.base import RADIOS, SettingsTask
from vlgym.android.tasks.settings.switches import Switch
from vlgym.android.tasks.template import (
    LAUNCHER,
    Params,
    Screen,
    Template,
    answer,
    click,
    enter,
    launch,
    same_answer,
)

APPS = {
    "Clock": "com.google.android.deskclock",
    "Settings": "com.android.settings",
    "Contacts": "com.google.android.contacts",
    "Calendar": "com.simplemobiletools.calendar.pro",
    "Phone": "com.google.android.dialer",
    "SMS Messenger": "com.simplemobiletools.smsmessenger",
    "Markor": "net.gsantner.markor",
    "Files": "com.google.android.documentsui",
    "Tasks": "org.tasks",
    "Camera": "com.android.camera2",
}
"""Apps that tasks open: label -> package."""
NOTES = (
    ("Dentist", "Your appointment is at {clock} on Thursday"),
    ("Parcel", "Your parcel waits at locker {number}"),
    ("Library", "{number} books are due on Friday"),
    ("Train", "Departure from platform {number} at {clock}"),
    ("Bakery", "Order {number} is ready for pick-up"),
    ("Weather", "Rain from {clock}, {number} degrees"),
    ("Gym", "The course begins at {clock} in room {number}"),
    ("Bike shop", "The repair costs {number} euros"),
)


def open_recents(phone: Phone, labels: Sequence[str]) -> None:
    """Open apps one after the other and go home."""
    for label in labels:
        phone.shell(f"monkey -p {APPS[label]} -c android.intent.category.LAUNCHER 1")
    phone.shell("input keyevent KEYCODE_HOME")


def recent_packages(phone: Phone) -> list[str]:
    """Return the packages of the recent apps, the last used first, without the home screen."""
    found = re.findall(r"Recent #\d+: Task\{.*?A=(?:\d+:)?([\w.]+)", phone.shell("dumpsys activity recents"))
    return [package for package in found if package != LAUNCHER]


def post(phone: Phone, notes: Sequence[Sequence[str]]) -> None:
    """Post notifications, the last one on top."""
    for title, text in notes:
        phone.shell(f"cmd notification post -t {shlex.quote(title)} {shlex.quote(title)} {shlex.quote(text)}")


def posted(phone: Phone) -> list[str]:
    """Return the titles of the notifications that tests and tasks have posted."""
    found = phone.shell("dumpsys notification --noredact").split("NotificationRecord(")[1:]
    titles = (
        re.search(r"android\.title=String \((.*)\)", record) for record in found if "pkg=com.android.shell" in record
    )
    return sorted(match[1] for match in titles if match)


class OpenApp(Template):
    """Start an app."""

    name = "SystemOpenApp"
    app = "system"
    instruction = "Open the app {label}."
    checkpoints = ("show {label}",)
    steps = 2

    def draw(self, rng: random.Random) -> Params:
        """Draw the app."""
        label, wrong = rng.sample(sorted(APPS), 2)
        return {"label": label, "wrong": wrong, "seed": rng.randrange(40)}

    def reached(self, phone: Phone, p: Params, answer: str) -> Sequence[bool]:
        """Judge what is in front."""
        return (phone.foreground().startswith(APPS[p["label"]] + "/"),)

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Touch its icon."""
        yield from launch(screen, p["label"])

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Open another one."""
        yield from launch(screen, p["wrong"])


class SwitchBack(Template):
    """Bring an app back from the recent ones."""

    name = "SystemSwitchApp"
    app = "system"
    instruction = "Open the recent apps and bring {label} back to the front."
    checkpoints = ("show {label}",)
    steps = 3

    def draw(self, rng: random.Random) -> Params:
        """Draw three apps that have been used."""
        labels = rng.sample(sorted(APPS), 3)
        place = rng.randrange(3)
        return {"labels": labels, "label": labels[place], "wrong": labels[place - 1]}

    def setup(self, phone: Phone, p: Params) -> None:
        """Use them."""
        open_recents(phone, p["labels"])

    def reached(self, phone: Phone, p: Params, answer: str) -> Sequence[bool]:
        """Judge what is in front."""
        return (phone.foreground().startswith(APPS[p["label"]] + "/"),)

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Touch its card."""
        yield "press(recents)"
        for _ in range(4):
            if screen.find(p["label"], clickable=True) is not None:
                break
            yield "scroll(right)"
        yield click(p["label"])

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Touch another card."""
        yield from self.solve(screen, {"label": p["wrong"]})


class CloseApp(SwitchBack):
    """Swipe one app away."""

    name = "SystemCloseApp"
    instruction = "Close {label} in the recent apps and leave the others there."
    checkpoints = ("close {label}",)
    steps = 3

    def reached(self, phone: Phone, p: Params, answer: str) -> Sequence[bool]:
        """Judge the recent apps."""
        left = {APPS[label] for label in p["labels"] if label != p["label"]}
        return (set(recent_packages(phone)) == left,)

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Swipe its card up."""
        yield "press(recents)"
        for _ in range(4):
            if screen.find(p["label"], clickable=True) is not None:
                break
            yield "scroll(right)"
        yield f"scroll[{p['label']}](down)"


class CloseAll(SwitchBack):
    """Swipe everything away."""

    name = "SystemCloseAllApps"
    instruction = "Close all recent apps."
    checkpoints = ("close all recent apps",)
    steps = 2

    def reached(self, phone: Phone, p: Params, answer: str) -> Sequence[bool]:
        """Judge the recent apps."""
        return (not recent_packages(phone),)

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Clear all."""
        yield "press(recents)"
        yield click("Clear all")

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Close one only."""
        yield "press(recents)"
        yield "scroll(down)"


class QuickSetting(Switch):
    """A tile of the quick settings."""

    app = "system"
    instruction = "Use the quick settings to turn {words} {state}."
    checkpoints: tuple[str, ...] = ("turn {words} {state}",)
    _TILES = {
        "Wi-Fi": "Internet",
        "Bluetooth": "Bluetooth",
        "Do Not Disturb": "Do Not Disturb",
        "airplane mode": "Airplane mode",
        "the dark theme": "Dark theme",
        "Battery Saver": "Battery Saver",
    }

    def reached(self, phone: Phone, p: Params, answer: str) -> Sequence[bool]:
        """Judge the setting."""
        return (self.solved(phone, p),)

    def _touch(self, screen: Screen, tile: str) -> Iterator[str]:
        yield "scroll(up)"
        if screen.find(tile) is None:
            yield "scroll(up)"
        yield click(tile)

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Pull the shade down and touch the tile."""
        yield from self._touch(screen, self._TILES[p["words"]])

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Touch another tile."""
        yield from self._touch(screen, next(tile for words, tile in self._TILES.items() if words != p["words"]))


class Flashlight(Template):
    """The torch."""

    name = "SystemFlashlight"
    app = "system"
    instruction = "Turn the flashlight {state}."
    checkpoints = ("turn the flashlight {state}",)
    steps = 2

    def draw(self, rng: random.Random) -> Params:
        """Draw which way."""
        return {"state": rng.choice(("on", "off"))}

    def setup(self, phone: Phone, p: Params) -> None:
        """Set it the other way."""
        phone.put_setting("secure", "flashlight_enabled", "0" if p["state"] == "on" else "1")

    def reached(self, phone: Phone, p: Params, answer: str) -> Sequence[bool]:
        """Judge."""
        return (phone.setting("secure", "flashlight_enabled") == ("1" if p["state"] == "on" else "0"),)

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Touch its tile."""
        yield "scroll(up)"
        yield click("Flashlight")

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Touch the tile beside it."""
        yield "scroll(up)"
        yield click("Bluetooth")


class NoteTask(Template):
    """Base of the tasks about notifications."""

    app = "system"

    def draw(self, rng: random.Random) -> Params:
        """Draw three notifications and one of them."""
        notes = [
            [
                title,
                text.format(
                    clock=f"{rng.randrange(8, 20):02d}:{rng.randrange(0, 60, 5):02d}", number=rng.randint(2, 60)
                ),
            ]
            for title, text in rng.sample(NOTES, 3)
        ]
        return {"notes": notes, "title": notes[(place := rng.randrange(3))][0], "text": notes[place][1]}

    def setup(self, phone: Phone, p: Params) -> None:
        """Post them."""
        post(phone, p["notes"])


class ClearNotes(NoteTask):
    """Clear all notifications."""

    name = "SystemClearNotifications"
    instruction = "Clear all notifications."
    checkpoints = ("clear all notifications",)
    steps = 2

    def reached(self, phone: Phone, p: Params, answer: str) -> Sequence[bool]:
        """Judge: none is left."""
        return (not posted(phone),)

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Pull the shade down and clear."""
        yield "scroll(up)"
        yield click("Clear all")

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Open one of them."""
        yield "scroll(up)"
        yield click(screen.get(p["title"]).label)


class DismissNote(NoteTask):
    """Swipe one notification away."""

    name = "SystemDismissNotification"
    instruction = "Dismiss the notification titled {title} and keep the others."
    checkpoints = ("dismiss the notification {title}",)
    steps = 2

    def reached(self, phone: Phone, p: Params, answer: str) -> Sequence[bool]:
        """Judge: the others are left."""
        return (posted(phone) == sorted(title for title, _ in p["notes"] if title != p["title"]),)

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Swipe it to the side."""
        yield "scroll(up)"
        yield f"scroll[{screen.get(p['title']).index}](left)"

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Swipe another one away."""
        yield from self.solve(screen, {"title": next(t for t, _ in p["notes"] if t != p["title"])})


class AskNote(NoteTask):
    """Read a notification."""

    name = "SystemReadNotification"
    instruction = "What does the notification titled {title} say? Answer with its whole text."
    checkpoints = ("answer",)
    steps = 2
    ends: Literal["state", "answer", "done"] = "answer"

    def reached(self, phone: Phone, p: Params, answer: str) -> Sequence[bool]:
        """Judge the answer; all notifications are left."""
        return (same_answer(answer, p["text"]) and len(posted(phone)) == 3,)

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Pull the shade down and read."""
        yield "scroll(up)"
        yield answer(p["text"])

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Read another one."""
        yield "scroll(up)"
        yield answer(next(text for title, text in p["notes"] if title != p["title"]))


class Volume(SettingsTask):
    """The volume keys."""

    name = "SystemVolumeKeys"
    app = "system"
    instruction = "{Verb} the media volume by {count} with the volume keys."
    checkpoints = ("{verb} the media volume by {count}",)
    steps = 5

    def draw(self, rng: random.Random) -> Params:
        """Draw which way and how far."""
        verb = rng.choice(("raise", "lower"))
        return {"verb": verb, "Verb": verb.capitalize(), "count": rng.randint(2, 5), "before": rng.randint(5, 10)}

    def begin(self, p: Params) -> dict[tuple[str, str], str]:
        """Return the volume to begin with."""
        return {("system", "volume_music"): str(p["before"])}

    def wanted(self, p: Params) -> dict[tuple[str, str], str]:
        """Return the volume in the end."""
        return {("system", "volume_music"): str(p["before"] + p["count"] * (1 if p["verb"] == "raise" else -1))}

    def reached(self, phone: Phone, p: Params, answer: str) -> Sequence[bool]:
        """Judge."""
        return (self.solved(phone, p),)

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Press the key."""
        yield from [f"press(volume_{'up' if p['verb'] == 'raise' else 'down'})"] * p["count"]

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Press it once too few."""
        yield from list(self.solve(screen, p))[:-1]


class SearchApp(Template):
    """Find an app by typing."""

    name = "SystemSearchApp"
    app = "system"
    instruction = "Search the apps of this phone for {words} and open the app that is found."
    checkpoints = ("show the app {label}",)
    steps = 3
    _WORDS = {
        "Pro Expense": "expense",
        "Broccoli": "broc",
        "Markor": "mark",
        "Audio Recorder": "record",
        "Gallery": "gall",
    }
    _PACKAGES = {
        "Pro Expense": "com.arduia.expense",
        "Broccoli": "com.flauschcode.broccoli",
        "Markor": "net.gsantner.markor",
        "Audio Recorder": "com.dimowner.audiorecorder",
        "Gallery": "com.simplemobiletools.gallery.pro",
    }

    def draw(self, rng: random.Random) -> Params:
        """Draw the app."""
        label, wrong = rng.sample(sorted(self._WORDS), 2)
        return {"label": label, "words": self._WORDS[label], "wrong": self._WORDS[wrong], "seed": rng.randrange(40)}

    def reached(self, phone: Phone, p: Params, answer: str) -> Sequence[bool]:
        """Judge what is in front."""
        return (phone.foreground().startswith(self._PACKAGES[p["label"]] + "/"),)

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Type and touch what is found."""
        yield click("Search")
        yield enter(p["words"])
        yield click(next(e.label for e in screen.elements if e.clickable and not e.editable))

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Look for another one."""
        yield from self.solve(screen, {"words": p["wrong"]})


class AskDate(Template):
    """Read the home screen."""

    name = "SystemAskDate"
    app = "system"
    instruction = "Which day of the week does the home screen show?"
    checkpoints = ("answer",)
    steps = 1
    ends: Literal["state", "answer", "done"] = "answer"

    def draw(self, rng: random.Random) -> Params:
        """Draw the day."""
        return {"day": rng.randint(16, 28)}

    def setup(self, phone: Phone, p: Params) -> None:
        """Set the date."""
        phone.shell(f"date 10{p['day']:02d}12002023.00")

    def reached(self, phone: Phone, p: Params, answer: str) -> Sequence[bool]:
        """Judge the answer."""
        return (same_answer(answer.partition(",")[0], f"{phone.now():%A}"),)

    def solve(self, screen: Screen, p: Params) -> Iterator[str]:
        """Read it."""
        yield answer(next(e.text for e in screen.elements if "," in e.text).partition(",")[0])

    def near_miss(self, screen: Screen, p: Params) -> Iterator[str]:
        """Answer with the month."""
        yield answer("October")


TEMPLATES: tuple[Template, ...] = (
    OpenApp(),
    SwitchBack(),
    CloseApp(),
    CloseAll(),
    QuickSetting("SystemQuickSetting", 2, *QuickSetting._TILES, loose=RADIOS),
    Flashlight(),
    ClearNotes(),
    DismissNote(),
    AskNote(),
    Volume(),
    SearchApp(),
    AskDate(),
)
