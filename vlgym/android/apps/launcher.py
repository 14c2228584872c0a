"""The home screen: a workspace with the date, icons and a dock, and the drawer with all apps."""

from __future__ import annotations

from vlgym.android.state.intents import FLAG_NEW_TASK, Intent, full_component
from vlgym.android.state.packages import Package
from vlgym.android.ui.activity import Activity
from vlgym.android.ui.edit import EditText
from vlgym.android.ui.material import AppIcon, Empty
from vlgym.android.ui.scroll import RecyclerView
from vlgym.android.ui.view import MATCH, Column, FrameLayout, Row, Space, View
from vlgym.android.ui.widgets import ImageView, TextView

DOCK = ("com.google.android.dialer", "com.simplemobiletools.smsmessenger", "com.android.chrome", "com.android.camera2")
WORKSPACE = (
    "com.google.android.deskclock",
    "com.simplemobiletools.calendar.pro",
    "com.google.android.contacts",
    "com.android.settings",
)
INK = 0xFFFFFFFF


class Launcher(Activity):
    """The home screen. Saved: "drawer", whether all apps are shown, and "query", what is searched there."""

    @property
    def background(self) -> str:  # type: ignore[override]
        """Nothing: the wallpaper shows; the drawer is opaque."""
        return "surface_container" if self.saved.get("drawer") else ""

    @property
    def bars(self) -> str:  # type: ignore[override]
        """Light ink on the wallpaper."""
        return "on_surface" if self.saved.get("drawer") else "white"

    @property
    def tick_ms(self) -> int:
        """The date changes at midnight."""
        return 0 if self.saved.get("drawer") else 60_000

    def on_create(self) -> View:
        """Return workspace or drawer."""
        return self._drawer() if self.saved.get("drawer") else self._workspace()

    def on_new_intent(self) -> None:
        """Home pressed at home: back to the workspace."""
        self._open_drawer(False)

    def on_back(self) -> bool:
        """Close the drawer."""
        self._open_drawer(False)
        return True

    def on_key(self, code: int, sign: str) -> bool:
        """Open the drawer with its key."""
        if code == 284:
            self._open_drawer(True)
        return code == 284

    def _open_drawer(self, opened: bool) -> None:
        if bool(self.saved.get("drawer")) != opened:
            self.saved.clear()
            if opened:
                self.saved["drawer"] = True
            self.manager.hide_keyboard()
            self.manager.drop_window(self.window.name)
            self.manager.changed_system()

    # ------------------------------------------------------------ workspace

    def _swiped(self, side: str) -> bool:
        if side == "up":
            self._open_drawer(True)
        elif side == "down":
            self.manager.open_shade("notifications")
        return side in ("up", "down")

    def _workspace(self) -> View:
        moment = self.state.clock.local()
        glance = TextView(
            f"{moment:%A, %B} {moment.day}",
            style="headline_small",
            colour=INK,
            id="smartspace_date",
            margin=(8, 20),
            on_click=lambda: self._launch("com.simplemobiletools.calendar.pro"),
        )
        search = Row(
            ImageView("search", colour="on_surface_variant"),
            Space(width=12),
            TextView("Search apps", style="body_large", colour="on_surface_variant", weight=1),
            width=MATCH,
            height=52,
            radius=26,
            background="surface_container",
            padding=(18, 0),
            id="search_container_hotseat",
            content_desc="Search",
            on_click=self._search,
        )
        page = Column(
            glance,
            Space(weight=1),
            self._icons(WORKSPACE),
            Space(height=16),
            self._icons(DOCK),
            Space(height=20),
            search,
            width=MATCH,
            height=MATCH,
            padding=(16, 16, 16, 12),
        )
        return FrameLayout(page, width=MATCH, height=MATCH, on_swipe=self._swiped, id="workspace", content_desc="Home")

    def _icons(self, names: tuple[str, ...]) -> View:
        packages = self.state.packages
        cells = [self._cell(packages[name], INK) for name in names if name in packages]
        for cell in cells:
            cell.weight = 1
        return Row(*cells, width=MATCH, height=104)

    def _cell(self, package: Package, ink: str | int) -> View:
        return Column(
            AppIcon(package.name, 60),
            TextView(package.label, style="body_small", colour=ink, lines=1, id="icon", padding=(2, 6)),
            align="center",
            height=MATCH,
            width=MATCH,
            content_desc=package.label,
            radius=16,
            ripple=False,
            on_click=lambda: self._launch(package.name),
            on_long_click=lambda: self._details(package.name),
        )

    def _launch(self, name: str) -> None:
        if name in self.state.packages:
            self._open_drawer(False)
            self.manager.launch(name)

    def _details(self, name: str) -> None:
        page = full_component("com.android.settings/.applications.InstalledAppDetailsTop")
        self.start(Intent(component=page, extras={"package": name}, flags=FLAG_NEW_TASK))

    # ------------------------------------------------------------ drawer

    def _search(self) -> None:
        self._open_drawer(True)
        self.manager.focus("fallback_search_view")

    def _drawer_swiped(self, side: str) -> bool:
        if side == "down":
            self._open_drawer(False)
        return side == "down"

    def _found(self) -> list[Package]:
        query = self.saved.get("query", "").strip().lower()
        return [p for p in self.state.packages.launchable() if all(word in p.label.lower() for word in query.split())]

    def _drawer(self) -> View:
        found = self._found()
        field = EditText(
            hint="Search apps",
            action="search",
            box="filled",
            radius=28,
            id="fallback_search_view",
            margin=(16, 12),
            on_text=lambda text: self.set(query=text),
            on_submit=lambda _: self._launch_first(),
        )
        grid: View = RecyclerView(
            len(found),
            lambda place: self._cell(found[place], "on_surface"),
            item_height=112,
            columns=4,
            width=MATCH,
            weight=1,
            padding=(12, 4),
            id="apps_list_view",
        )
        if not found:
            grid = Empty("No apps found")
            grid.weight = 1
        return Column(field, grid, width=MATCH, height=MATCH, on_swipe=self._drawer_swiped)

    def _launch_first(self) -> None:
        found = self._found()
        if found and self.saved.get("query"):
            self._launch(found[0].name)
