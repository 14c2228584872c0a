"""HTML files of the phone as pages of blocks: headings, paragraphs, lists, links. Scripts and styles are left out."""

from __future__ import annotations

from html.parser import HTMLParser

from vlgym.core.site import Block, Heading, Link, Page, Paragraph, Rule

_BLOCKS = {"p", "div", "li", "tr", "dt", "dd", "blockquote", "pre", "section", "article", "ul", "ol", "table", "body"}
_SILENT = {"script", "style", "head", "template"}
MAX_BLOCKS = 2000


class _Reader(HTMLParser):
    """Gathers blocks."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.blocks: list[Block] = []
        self.title = ""
        self._words: list[str] = []
        self._kind = ""
        self._link: str | None = None
        self._silent = 0
        self._in_title = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Begin a block, a link or something that is not shown."""
        if tag == "title":
            self._in_title = True
        elif tag in _SILENT:
            self._silent += 1
        elif tag == "a":
            self.flush()
            self._link = dict(attrs).get("href") or ""
        elif tag == "hr":
            self.flush()
            self.blocks.append(Rule())
        elif tag == "br":
            self.flush()
        elif tag in _BLOCKS or (len(tag) == 2 and tag[0] == "h" and tag[1].isdigit()):
            self.flush()
            self._kind = tag
        elif tag in ("td", "th"):
            self._words.append(" ")

    def handle_endtag(self, tag: str) -> None:
        """End what was begun."""
        if tag == "title":
            self._in_title = False
        elif tag in _SILENT:
            self._silent = max(self._silent - 1, 0)
        elif tag == "a" or tag in _BLOCKS or tag[:1] == "h":
            self.flush()

    def handle_data(self, data: str) -> None:
        """Gather words."""
        if self._in_title:
            self.title += data
        elif not self._silent:
            self._words.append(data)

    def flush(self) -> None:
        """Close the block under way."""
        text = " ".join("".join(self._words).split())
        self._words = []
        if text and len(self.blocks) < MAX_BLOCKS:
            if self._link is not None:
                self.blocks.append(Link(text, self._link))
            elif self._kind[:1] == "h" and self._kind[1:].isdigit():
                self.blocks.append(Heading(text, 1 if self._kind == "h1" else 2))
            else:
                self.blocks.append(Paragraph(text, "bullet" if self._kind == "li" else "plain"))
        self._link, self._kind = None, ""


def read_page(data: bytes, name: str) -> Page:
    """Return the page of an HTML (or plain text) file."""
    text = data.decode("utf-8", "replace")
    if not name.lower().endswith((".html", ".htm")):
        return Page(name, tuple(Paragraph(line) for line in text.splitlines() if line.strip())[:MAX_BLOCKS])
    reader = _Reader()
    reader.feed(text)
    reader.close()
    reader.flush()
    return Page(" ".join(reader.title.split()) or name, tuple(reader.blocks))
