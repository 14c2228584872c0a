"""The emulator console, a line protocol on the port below adbd's: `telnet localhost 5554`, `adb emu ...`.

Source: the emulator's documented console commands; answers are a text, then "OK" or "KO: reason".
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

from vlgym.android.wire import modem
from vlgym.android.wire.inputs import KEYCODES, NAMES
from vlgym.core.errors import VlgymError, did_you_mean

if TYPE_CHECKING:
    from vlgym.android.device import Device
    from vlgym.android.wire.server import Snapshots

_READY = "Android Console: type 'help' for a list of commands\n"
BANNER = (
    "Android Console: Authentication required\r\n"
    "Android Console: type 'auth <auth_token>' to authenticate\r\n"
    "Android Console: you can find your <auth_token> in \r\n"
    "'~/.emulator_console_auth_token'\r\nOK\r\n"
)
"""What an emulator says first; `adb emu` skips it up to the second OK, so that it has to be there although any token,
and none, will do: the console of a simulated device guards nothing."""
MAX_LINE = 64 << 10
_EV_KEY = 1


class Console:
    """The commands of one device's console.

    Args:
        device: the device.
        snapshots: what `avd snapshot` lists.
        shutdown: called by `kill`.
        name: what `avd name` answers.
    """

    def __init__(self, device: Device, snapshots: Snapshots, shutdown: Callable[[], None], name: str) -> None:
        self._device, self._snapshots, self._shutdown, self._name = device, snapshots, shutdown, name

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one client until it quits."""
        try:
            writer.write(BANNER.encode())
            while line := await reader.readline():  # ValueError: a line beyond MAX_LINE
                words = line.decode("utf-8", "replace").strip()
                if words in ("quit", "exit"):
                    break
                if words:
                    writer.write((await asyncio.to_thread(self.answer, words)).encode())
                    await writer.drain()
                if words == "kill":
                    self._shutdown()
                    break
        except (ConnectionError, ValueError):
            pass
        finally:
            writer.close()

    def answer(self, line: str) -> str:
        """Run a command line and return the whole answer."""
        name, _, rest = line.partition(" ")
        command = _COMMANDS.get(name)
        if command is None:
            return f"KO: unknown command, try 'help'{did_you_mean(name, _COMMANDS)}\r\n"
        try:
            text = command(self, rest.strip())
        except (ValueError, LookupError, VlgymError) as error:
            return f"KO: {error.args[0] if error.args else error}\r\n"
        return text.replace("\n", "\r\n") + "OK\r\n"

    # ------------------------------------------------------------ commands

    def _help(self, rest: str) -> str:
        return "Android console commands:\n" + "".join(f"    {name}\n" for name in sorted([*_COMMANDS, "quit"])) + "\n"

    def _nothing(self, rest: str) -> str:
        return ""

    def _auth(self, rest: str) -> str:
        return _READY

    def _ping(self, rest: str) -> str:
        return "I am alive!\n"

    def _sms(self, rest: str) -> str:
        what, _, message = rest.partition(" ")
        number, _, text = message.partition(" ")
        if what != "send" or not number:
            raise ValueError("usage: sms send <phonenumber> <text message>")
        modem.receive_sms(self._device, number, text)
        return ""

    def _gsm(self, rest: str) -> str:
        what, _, number = rest.partition(" ")
        if what == "list":
            call = self._device.state.call
            states = ("idle", "incoming", "active")
            return f"inbound from {call['number']} : {states[call['state']]}\n" if call["state"] else ""
        if what not in ("call", "accept", "cancel", "busy"):
            raise ValueError("usage: gsm list | call <phonenumber> | accept | cancel | busy")
        modem.change_call(self._device, what, number)
        return ""

    def _avd(self, rest: str) -> str:
        words = rest.split()
        if words == ["name"]:
            return f"{self._name}\n"
        if words == ["status"]:
            return "virtual device is running\n"
        if words in (["start"], ["stop"]):
            return ""  # time is virtual: there is nothing to halt
        if words == ["snapshot", "list"]:
            rows = "".join(f"{name:<24}{size:>12}\n" for name, size in self._snapshots.sizes().items())
            return f"{'ID':<24}{'BYTES':>12}\n{rows}"
        if len(words) == 3 and words[0] == "snapshot" and words[1] in ("save", "load", "del", "delete"):
            action = {"save": self._snapshots.save, "load": self._snapshots.load}.get(words[1], self._snapshots.delete)
            action(words[2])
            return ""
        raise ValueError("usage: avd name | status | start | stop | snapshot list|save|load|delete [name]")

    def _event(self, rest: str) -> str:
        what, _, arguments = rest.partition(" ")
        if what == "text" and arguments:
            self._device.text(arguments)
        elif what == "send" and arguments:
            for event in arguments.split():
                self._send(event)
        else:
            raise ValueError("usage: event text <message> | send EV_KEY:<code>:<value> ...")
        return ""

    def _send(self, event: str) -> None:
        """Take a raw event ``type:code:value``; only keys are known."""
        kind, _, rest = event.partition(":")
        code, _, value = rest.partition(":")
        if kind not in ("EV_KEY", str(_EV_KEY)) or value not in ("0", "1"):
            raise ValueError(f"{event!r} is no key event such as EV_KEY:KEY_HOME:1")
        name = NAMES["evdev"].get(int(code)) if code.isdecimal() else code.removeprefix("KEY_")
        if name not in KEYCODES:
            raise ValueError(f"unknown key {code!r}")
        if value == "1":
            self._device.key(KEYCODES[name])

    def _rotate(self, rest: str) -> str:
        """Turn the device by a quarter, as the sensors would report it."""
        device = self._device
        with device.lock:
            turned = (device.rotation + 1) % 4
            device.shell(f"settings put system accelerometer_rotation 0; settings put system user_rotation {turned}")
        return ""


_COMMANDS: dict[str, Callable[[Console, str], str]] = {
    "help": Console._help,
    "h": Console._help,
    "?": Console._help,
    "auth": Console._auth,
    "ping": Console._ping,
    "kill": Console._nothing,  # answered first, then `serve` stops the device
    "sms": Console._sms,
    "gsm": Console._gsm,
    "avd": Console._avd,
    "event": Console._event,
    "rotate": Console._rotate,
}
