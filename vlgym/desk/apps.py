"""The apps of the desktop: what there is to see and to set. Adding an app is adding an entry to `_CATALOGUE`.

An app is a window of a few pages; a page is a handful of fields. A field is one of

    toggle   on or off
    choice   one of a few options, picked from a list that opens
    entry    a short text

and holds a string. A field is known by its path, such as "Settings/Display/Dark mode".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Field:
    """One thing that can be set.

    Attributes:
        path: "App/Page/Name".  app, page, name: its parts.  number: its place among all fields.
        kind: "toggle", "choice" or "entry".
        options: the values it can take; none for an entry.
        steps: actions it takes to set it, once its page is shown.
    """

    path: str
    app: str
    page: str
    name: str
    number: int
    kind: str
    options: tuple[str, ...]

    @property
    def steps(self) -> int:
        """A toggle is clicked; a list is opened and picked from; an entry is clicked and written in."""
        return 1 if self.kind == "toggle" else 2


SWITCH = ("off", "on")
WORDS = tuple(
    "amber beach cedar dune ember fern grove harbor island jasmine kite lagoon meadow north ocean prairie quartz "
    "river summit tulip valley willow".split()
)
"""Entries hold two of these."""

_PEOPLE = ("Alice", "Bob", "Carol", "David", "Emma")
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday")

_CATALOGUE: dict[str, dict[str, dict[str, Any]]] = {
    # app: {page: {field: SWITCH, a tuple of options, or "entry"}}
    "Settings": {
        "Display": {
            "Dark mode": SWITCH,
            "Text size": ("Small", "Medium", "Large", "Huge"),
            "Night light": SWITCH,
            "Wallpaper": ("Forest", "Ocean", "City", "Plain"),
        },
        "Sound": {
            "Mute": SWITCH,
            "Output": ("Speaker", "Headphones", "Monitor"),
            "Key clicks": SWITCH,
            "Alerts": ("Bell", "Chime", "Drum", "Silent"),
        },
        "Network": {"Wireless": SWITCH, "Bluetooth": SWITCH, "Flight mode": SWITCH, "Device name": "entry"},
    },
    "Mail": {
        "Message": {"Recipient": _PEOPLE, "Copy": _PEOPLE, "Subject": "entry", "Urgent": SWITCH},
        "Delivery": {
            "Send time": ("Now", "Tonight", "Tomorrow", "Weekend"),
            "Receipt": SWITCH,
            "Encrypt": SWITCH,
            "Folder": ("Sent", "Archive", "Drafts"),
        },
        "Style": {"Font": ("Sans", "Serif", "Typewriter"), "Signature": SWITCH, "Bold": SWITCH, "Footer": "entry"},
    },
    "Contacts": {
        "Person": {"Nickname": "entry", "Group": ("Family", "Friends", "Work", "Club"), "Favorite": SWITCH},
        "Address": {"Street": "entry", "City": ("Lisbon", "Oslo", "Vienna", "Cairo", "Boston"), "Private": SWITCH},
        "Calls": {"Ringtone": ("Bell", "Piano", "Guitar", "Waves"), "Block": SWITCH, "Voice mail": SWITCH},
    },
    "Calendar": {
        "Event": {"Title": "entry", "Day": _DAYS, "Hour": ("Morning", "Noon", "Evening", "Night"), "All day": SWITCH},
        "Guests": {"Invite": _PEOPLE, "Private": SWITCH, "Replies": SWITCH},
        "Alarm": {"Reminder": SWITCH, "Repeat": ("Never", "Daily", "Weekly", "Monthly"), "Vibrate": SWITCH},
    },
    "Files": {
        "Documents": {"Budget": SWITCH, "Report": SWITCH, "Letter": SWITCH, "Invoice": SWITCH, "Recipe": SWITCH},
        "Pictures": {"Beach": SWITCH, "Garden": SWITCH, "Birthday": SWITCH, "Concert": SWITCH},
        "Actions": {
            "Action": ("Copy", "Move", "Delete", "Compress"),
            "Target": ("Archive", "Backup", "Desktop", "Shared"),
            "Rename": "entry",
            "Replace": SWITCH,
        },
    },
}


def _fields() -> dict[str, Field]:
    found: dict[str, Field] = {}
    for app, pages in _CATALOGUE.items():
        for page, fields in pages.items():
            for name, values in fields.items():
                kind = "entry" if values == "entry" else "toggle" if values == SWITCH else "choice"
                options = () if kind == "entry" else values
                path = f"{app}/{page}/{name}"
                found[path] = Field(path, app, page, name, len(found), kind, options)
    return found


PAGES: dict[str, tuple[str, ...]] = {app: tuple(pages) for app, pages in _CATALOGUE.items()}
"""App -> its pages; a window opens on the first."""

FIELDS: dict[str, Field] = _fields()
"""Path -> field, in the order of the screen."""

ON_PAGE: dict[tuple[str, str], tuple[Field, ...]] = {
    (app, page): tuple(field for field in FIELDS.values() if (field.app, field.page) == (app, page))
    for app, pages in PAGES.items()
    for page in pages
}
"""(app, page) -> its fields."""
