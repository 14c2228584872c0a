"""Tasks in the gallery: files in folders, favourites, the recycle bin, and what pictures show."""

from __future__ import annotations

from vlgym.android.tasks.gallery.files import CopyReceipt, ShootAndName, TidyUp
from vlgym.android.tasks.gallery.photos import (
    DeletePhoto,
    LikePhoto,
    MoveToNewFolder,
    RenamePhoto,
    RestorePhoto,
    SortFolders,
)
from vlgym.android.tasks.gallery.questions import AskClipLength, AskCount, ReadReceipt
from vlgym.android.tasks.template import Template

TEMPLATES: tuple[Template, ...] = (
    *(DeletePhoto(), LikePhoto(), RenamePhoto(), CopyReceipt(), ReadReceipt(), AskClipLength(), AskCount()),
    *(MoveToNewFolder(), RestorePhoto(), SortFolders(), TidyUp(), ShootAndName()),
)
