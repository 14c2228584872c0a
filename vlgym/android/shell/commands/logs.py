"""logcat and log."""

from __future__ import annotations

import re

from vlgym.android.shell.call import Call
from vlgym.android.state.log import BUFFERS, logcat_lines, parse_logcat


def logcat(call: Call) -> int:
    """Print the log as it is now; following it is the doors' business, which see `parse_logcat`."""
    try:
        options = parse_logcat(call.words, call.shell.variables.get("ANDROID_LOG_TAGS", ""))
    except ValueError as error:
        return call.fail(str(error))
    log = call.state.log
    if options.clear:
        log.clear(options.buffers)
        return 0
    if options.size:
        for name in options.buffers:
            call.line(
                f"{name}: ring buffer is 256 KiB (0 B consumed, 0 B readable), "
                "max entry is 5120 B, max payload is 4068 B"
            )
        return 0
    entries = [entry for entry in log.entries(options.buffers) if options.wants(entry)]
    if options.pattern:
        try:
            entries = [entry for entry in entries if re.search(options.pattern, entry.message)]
        except re.error as error:
            return call.fail(f"bad regex: {error}")
    if options.tail >= 0:
        entries = entries[max(len(entries) - options.tail, 0) :]
    if options.max_count:
        entries = entries[: options.max_count]
    for name in BUFFERS:
        if any(entry.buffer == name for entry in entries):
            call.line(f"--------- beginning of {name}")
    for entry in entries:
        call.write(logcat_lines(entry, options, call.state.clock))
    return 0


def log(call: Call) -> int:
    """Write a line into the log: ``log [-p PRIORITY] [-t TAG] MESSAGE``."""
    flags, words = call.options("", "pt", stop=True)
    priority = flags.get("p", "i").upper()[:1]
    if priority not in "VDIWEF" or not words:
        call.error("usage: log [-p CHAR] [-t TAG] MESSAGE...")
        return 1
    call.state.log.write(
        flags.get("t", "log"), " ".join(words), priority, pid=call.shell.pid, uid=call.user.uid, buffer="main"
    )
    return 0


COMMANDS = {"logcat": logcat, "log": log, "logger": log}
