"""The programs under /system/bin."""

from collections.abc import Callable

from vlgym.android.shell.call import Call
from vlgym.android.shell.commands import (
    activity,
    content,
    dumpsys,
    files,
    find,
    gestures,
    listing,
    logs,
    packages,
    screen,
    search,
    sed,
    services,
    sqlite,
    system,
    text,
    tools,
)

COMMANDS: dict[str, Callable[[Call], int]] = {
    name: program
    for module in (
        activity,
        content,
        dumpsys,
        files,
        find,
        gestures,
        listing,
        logs,
        packages,
        screen,
        search,
        sed,
        services,
        sqlite,
        system,
        text,
        tools,
    )
    for name, program in module.COMMANDS.items()
}
"""Name -> program; what `ls /system/bin` lists."""
