"""Tasks in the browser: reading, booking and buying on sites, tabs, bookmarks, history, files."""

from __future__ import annotations

from vlgym.android.tasks.browser.keeping import (
    AddBookmark,
    ClearHistory,
    CloseTab,
    DeleteBookmark,
    ForgetPage,
    TidyUp,
    TwoTabs,
)
from vlgym.android.tasks.browser.shopping import AskProductPrice, BuyProduct
from vlgym.android.tasks.browser.town import AskOpening, AskPrice, BookCheaper, BookVisit, OpenPlace, ReadFile
from vlgym.android.tasks.template import Template

TEMPLATES: tuple[Template, ...] = (
    *(OpenPlace(), AskOpening(), AskPrice(), BookVisit(), AddBookmark(), DeleteBookmark(), ForgetPage()),
    *(ClearHistory(), CloseTab(), TwoTabs(), BuyProduct(), AskProductPrice(), ReadFile()),
    *(BookCheaper(), TidyUp()),
)
