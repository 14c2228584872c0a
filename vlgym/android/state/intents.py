"""Intents as the activity manager writes them into the log."""

from __future__ import annotations

from vlgym.android.intent import Intent, short

_SECRET = ("tel", "sip", "sms", "smsto", "mailto")


def describe(intent: Intent) -> str:
    """Return an intent as ``{act=... dat=... cmp=...}``, numbers and addresses hidden as Android hides them."""
    parts = [
        (f"act={intent.action}", intent.action),
        (f"cat=[{','.join(intent.categories)}]", intent.categories),
        (f"dat={_shown(intent.data)}", intent.data),
        (f"typ={intent.type}", intent.type),
        (f"flg=0x{intent.flags:x}", intent.flags),
        (f"pkg={intent.package}", intent.package),
        (f"cmp={short(intent.component)}", intent.component),
        ("(has extras)", intent.extras),
    ]
    return "{" + " ".join(text for text, value in parts if value) + "}"


def _shown(uri: str) -> str:
    scheme, colon, rest = uri.partition(":")
    if colon and scheme in _SECRET:
        return scheme + ":" + "".join("x" if sign.isalnum() else sign for sign in rest)
    if colon and rest.startswith("//") and scheme in ("http", "https", "ftp", "rtsp"):
        host, slash, _ = rest[2:].partition("/")
        return f"{scheme}://{host}" + ("/..." if slash else "")
    return uri
