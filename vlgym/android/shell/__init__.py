"""The device's shell: mksh's language, toybox's tools, Android's commands; the host is out of its reach."""

from vlgym.android.shell.interpreter import Shell, ShellResult

__all__ = ["Shell", "ShellResult"]
