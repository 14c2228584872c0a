"""The camera's screen: viewfinder, shutter, modes and settings."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from vlgym.android.apps.camera.model import FLASHES, PACKAGE, RATIOS, TIMERS, ZOOMS, Camera
from vlgym.android.apps.media import clip_picture, decode, draw_image, length_words
from vlgym.android.apps.scenes import HEIGHT, WIDTH, picture
from vlgym.android.state.intents import ACTION_VIEW, Intent
from vlgym.android.ui.activity import Activity
from vlgym.android.ui.dialogs import AlertDialog, ChoiceDialog
from vlgym.android.ui.material import ListItem, SwitchItem
from vlgym.android.ui.paint import Painter
from vlgym.android.ui.view import MATCH, FrameLayout, LinearLayout, Row, Space, View
from vlgym.android.ui.widgets import ImageButton, Picture, TextView

PHOTO, VIDEO = 0, 1
_WHITE, _AMBER, _RED = 0xFFFFFFFF, 0xFFFFD36B, 0xFFE5484D
_FLASH_ICONS = ("flash_auto", "flash_on", "flash_off")


def _draw_scene(canvas: Any, scene: Any, x: float, y: float, scale: float) -> None:
    canvas.translate(x, y)
    canvas.scale(scale, scale)
    canvas.translate(-WIDTH / 2, -HEIGHT / 2)
    canvas.drawPicture(scene)


class CameraLauncher(Activity):
    """The camera. Saved: "mode" photo or video; "focus", where the finger last asked for sharpness (x, y in 0..1)."""

    background = "black"
    bars = "white"

    @property
    def camera(self) -> Camera:
        """The camera's settings and shutter."""
        return Camera(self.manager)

    @property
    def mode(self) -> int:
        """Photo or video."""
        return int(self.saved.get("mode", PHOTO))

    @property
    def tick_ms(self) -> int:
        """A recording and a countdown move with every second."""
        camera = self.camera
        return 1000 if camera.recording_ms >= 0 or camera.preferences.get("countdown") else 0

    def on_start(self) -> None:
        """Open in the mode that the intent asks for."""
        self.camera.wake()
        self.saved["mode"] = VIDEO if "VIDEO" in self.intent.action else PHOTO

    def on_new_intent(self) -> None:
        """Follow a new intent."""
        self.on_start()

    # ------------------------------------------------------------ screen

    def on_create(self) -> View:
        """Return the viewfinder between its two rows of buttons."""
        pieces = (self._top(), self._finder(), self._modes(), self._bottom())
        return LinearLayout(*pieces, vertical=not self.is_wide, width=MATCH, height=MATCH)

    @property
    def is_wide(self) -> bool:
        """Whether the phone lies on its side: then the bars stand at the sides of the viewfinder."""
        metrics = self.manager.metrics
        return metrics.width > metrics.height

    def _line(self, *children: View, thick: float, name: str, spacing: float = 0.0, align: str = "") -> LinearLayout:
        """Return a bar of buttons along the short side of the screen, so many dp thick."""
        wide = self.is_wide
        bar = LinearLayout(
            *children,
            vertical=wide,
            spacing=spacing,
            align=align or ("center_horizontal" if wide else "center_vertical"),
            width=thick if wide else MATCH,
            height=MATCH if wide else thick,
            id=name,
        )
        return bar

    def _tool(self, icon: str, label: str, act: Callable[[], object], *, lit: bool = False) -> View:
        return ImageButton(
            icon,
            content_desc=label,
            on_click=act,
            colour=_AMBER if lit else _WHITE,
            id=label.partition(",")[0].lower().replace(" ", "_"),
        )

    def _top(self) -> View:
        camera = self.camera
        if camera.recording_ms >= 0:
            return self._line(thick=64, name="")
        flash, timer = camera.choice("flash", FLASHES), TIMERS[camera.choice("timer", TIMERS)]
        grid = camera.on("grid")
        tools = [
            self._tool(
                _FLASH_ICONS[flash], f"Flash, {FLASHES[flash]}", lambda: self._turn("flash", FLASHES), lit=flash == 1
            ),
            self._tool(
                "timer",
                f"Timer, {f'{timer} seconds' if timer else 'off'}",
                lambda: self._turn("timer", TIMERS),
                lit=timer > 0,
            ),
            self._tool(
                "grid_view", f"Grid, {'on' if grid else 'off'}", lambda: self._put("grid", int(not grid)), lit=grid
            ),
            self._tool("settings", "Settings", lambda: self.show("settings")),
        ]
        row: list[View] = [Space(weight=1)]
        for tool in tools:
            row += [tool, Space(weight=1)]
        return self._line(*row, thick=64, name="mode_options_bar")

    def _finder(self) -> View:
        camera = self.camera
        scene, zoom, grid, focus = picture(*camera.scene()), camera.zoom(), camera.on("grid"), self.saved.get("focus")

        def draw(p: Painter, left: int, top: int, width: int, height: int) -> None:
            scale = max(width / WIDTH, height / HEIGHT) * zoom
            p.clip(left, top, left + width, top + height)
            p.other(
                _draw_scene, left, top, left + width, top + height, scene, left + width / 2, top + height / 2, scale
            )
            line = self.manager.metrics.dp(1)
            for third in (1, 2) if grid else ():
                x, y = left + width * third / 3, top + height * third / 3
                p.rect(x, top, x + line, top + height, 0x99FFFFFF)
                p.rect(left, y, left + width, y + line, 0x99FFFFFF)
            if focus:
                x, y = left + focus[0] * width, top + focus[1] * height
                p.circle(x, y, self.manager.metrics.dp(32), _AMBER, self.manager.metrics.dp(2))
            p.unclip()

        finder = Picture(draw, width=MATCH, height=MATCH, id="preview_content", content_desc="Viewfinder", ripple=False)
        finder.on_drag = self._point
        frame = FrameLayout(finder, self._zooms(), self._over(), weight=1, id="viewfinder_frame")
        frame.width = frame.height = MATCH
        return frame

    def _zooms(self) -> View:
        chosen = self.camera.choice("zoom", ZOOMS)
        chips = [
            TextView(
                f"{zoom}×",
                style="label_large",
                colour=_AMBER if place == chosen else _WHITE,
                align="center",
                width=48,
                height=48,
                radius=24,
                background=0x99202124 if place == chosen else 0x66202124,
                selected=place == chosen,
                content_desc=f"Zoom {zoom}×",
                on_click=partial(self._put, "zoom", place),
            )
            for place, zoom in enumerate(ZOOMS)
        ]
        return Row(*chips, spacing=8, gravity="bottom|center_horizontal", margin=(0, 0, 0, 16), id="zoom_bar")

    def _over(self) -> View | None:
        """Return what lies over the scene: the length of the recording, or the countdown."""
        camera, length = self.camera, self.camera.recording_ms
        if length >= 0:
            dot = View(width=12, height=12, radius=6, background=_AMBER if camera.is_paused else _RED)
            return Row(
                dot,
                TextView(length_words(length), style="title_medium", colour=_WHITE, id="recording_time"),
                spacing=8,
                padding=(16, 8),
                radius=20,
                background=0x99202124,
                gravity="top|center_horizontal",
                margin=(0, 16, 0, 0),
            )
        until = camera.preferences.get("countdown")
        if not until:
            return None
        left = max(0, -(-(int(until) - self.state.clock.uptime_ms) // 1000))
        return TextView(str(left), style="display_large", colour=_WHITE, gravity="center", id="remaining_seconds")

    def _modes(self) -> View:
        cells: list[View] = []
        if self.camera.recording_ms >= 0:
            return self._line(thick=64, name="")
        for number, label in enumerate(("Video", "Photo")):
            mode = (VIDEO, PHOTO)[number]
            chosen = self.mode == mode
            cells.append(
                TextView(
                    label,
                    style="title_small",
                    align="center",
                    height=40,
                    padding=(24, 0),
                    radius=20,
                    colour=0xFF202124 if chosen else _WHITE,
                    background=_WHITE if chosen else "",
                    selected=chosen,
                    content_desc=f"{label} mode",
                    on_click=partial(self.set, mode=mode),
                )
            )
        return self._line(*cells, thick=96 if self.is_wide else 64, align="center", spacing=8, name="mode_list")

    def _bottom(self) -> View:
        camera, length = self.camera, self.camera.recording_ms
        if length >= 0:
            paused = camera.is_paused
            side: View = ImageButton(
                "play_arrow" if paused else "pause",
                content_desc="Resume recording" if paused else "Pause recording",
                colour=_WHITE,
                size=32,
                width=64,
                height=64,
                background=0x33FFFFFF,
                on_click=self._rest,
                id="pause_record",
            )
        else:
            side = ImageButton(
                "flip_camera_android",
                content_desc="Switch to back camera" if camera.on("front") else "Switch to front camera",
                colour=_WHITE,
                size=28,
                width=64,
                height=64,
                background=0x33FFFFFF,
                on_click=lambda: self._put("front", int(not camera.on("front"))),
                id="camera_toggle_button",
            )
        gaps = [Space(weight=1) for _ in range(4)]
        parts = (gaps[0], self._thumbnail(), gaps[1], self._shutter(length >= 0), gaps[2], side, gaps[3])
        return self._line(*parts, thick=128, name="bottom_bar")

    def _thumbnail(self) -> View:
        latest = self.camera.latest()
        if not latest or self.camera.recording_ms >= 0:
            return Space(width=64, height=64)
        data = self.state.files.read(latest)
        image = decode(clip_picture(data) if latest.endswith(".mp4") else data)

        def draw(p: Painter, left: int, top: int, width: int, height: int) -> None:
            p.clip(left, top, left + width, top + height, width / 2)
            if image is not None:
                draw_image(p, image, left, top, width, height, crop=True)
            p.unclip()
            edge = self.manager.metrics.dp(2)
            p.circle(left + width / 2, top + height / 2, (width - edge) / 2, _WHITE, edge)

        return Picture(
            draw, width=64, height=64, radius=32, content_desc="Open last photo", on_click=self._review, id="thumbnail"
        )

    def _shutter(self, recording: bool) -> View:
        label = "Stop recording" if recording else ("Shutter", "Record video")[self.mode]
        inner = _WHITE if self.mode == PHOTO else _RED
        mark: View = View(width=60, height=60, radius=30, background=inner, gravity="center")
        if recording:
            mark = View(width=28, height=28, radius=6, background=inner, gravity="center")
        return FrameLayout(
            View(width=80, height=80, radius=40, border=_WHITE, gravity="center"),
            View(width=78, height=78, radius=39, border=_WHITE, gravity="center"),
            mark,
            width=80,
            height=80,
            radius=40,
            content_desc=label,
            on_click=self.press,
            id="shutter_button",
            android_class="android.widget.ImageView",
        )

    # ------------------------------------------------------------ doing

    def _put(self, key: str, value: int) -> None:
        self.camera.preferences.put(key, value)
        self.saved.pop("focus", None)
        self.invalidate()

    def _turn(self, key: str, options: tuple[object, ...]) -> None:
        self.camera.turn(key, options)
        self.invalidate()

    def _point(self, kind: str, x: float, y: float) -> None:
        """Take a finger on the viewfinder: a tap focuses, a swipe to the side changes the mode."""
        if kind == "down":
            self.saved["touch"] = [x, y]
        elif kind == "up":
            first = self.saved.pop("touch", [x, y])
            if abs(x - first[0]) > 0.2 and self.camera.recording_ms < 0:
                self.set(mode=PHOTO if x < first[0] else VIDEO)
            elif abs(y - first[1]) < 0.1:
                self.set(focus=[round(x, 4), round(y, 4)])

    def press(self) -> None:
        """Press the shutter."""
        camera = self.camera
        seconds = TIMERS[camera.choice("timer", TIMERS)]
        if self.mode == PHOTO and camera.preferences.get("countdown"):
            camera.preferences.put("countdown", "")
            self.manager.alarms.cancel(PACKAGE, "timer")
        elif self.mode == PHOTO and seconds:
            until = self.state.clock.uptime_ms + seconds * 1000
            camera.preferences.put("countdown", until)
            self.manager.alarms.set(PACKAGE, "timer", until, up=True)
        else:
            self.expose()
        self.invalidate()

    def expose(self) -> None:
        """Take the photo, or begin or end the video."""
        camera = self.camera
        camera.preferences.put("countdown", "")
        self.saved.pop("focus", None)
        if self.mode == VIDEO and camera.recording_ms < 0:
            camera.record()
            return
        path = camera.stop() if self.mode == VIDEO else camera.shoot()
        if not path:
            self.toast("Not enough storage space")
        elif self.intent.action.endswith("_CAPTURE"):
            self.finish(path)

    def _rest(self) -> None:
        camera = self.camera
        if camera.is_paused:
            camera.record()
        else:
            camera.pause()
        self.invalidate()

    def _review(self) -> None:
        latest = self.camera.latest()
        kind = "video/mp4" if latest.endswith(".mp4") else "image/jpeg"
        self.start(Intent(ACTION_VIEW, data=f"file://{latest}", type=kind))

    def on_back(self) -> bool:
        """End a recording or a countdown first."""
        if self.camera.recording_ms >= 0 or self.camera.preferences.get("countdown"):
            self.press()
            return True
        return False

    def on_key(self, code: int, sign: str) -> bool:
        """The camera key and enter press the shutter."""
        if code in (27, 66):
            self.press()
        return code in (27, 66)

    # ------------------------------------------------------------ settings

    def on_dialog(self, name: str, args: dict[str, Any]) -> View:
        """Return the settings, or the choice of a picture's shape."""
        camera = self.camera
        ratio = camera.choice("ratio", RATIOS)
        if name == "ratio":
            return ChoiceDialog(
                "Aspect ratio",
                RATIOS,
                ratio,
                lambda place: self.then(lambda: self._put("ratio", place))(),
                self.dismiss,
            )

        def switch(key: str, default: bool = False) -> dict[str, Any]:
            return {
                "checked": camera.on(key, default),
                "on_change": lambda on: self._put(key, int(on)),
            }

        return AlertDialog(
            "Settings",
            ListItem(
                "Aspect ratio", RATIOS[ratio], icon="crop", on_click=self.then(lambda: self.show("ratio")), id="ratio"
            ),
            SwitchItem("Grid lines", **switch("grid"), icon="grid_view"),
            SwitchItem("Save location", **switch("location"), icon="location_on_outline"),
            SwitchItem("Camera sounds", **switch("sounds", True), icon="volume_up"),
            buttons=(("Done", self.dismiss),),
            wide=True,
        )
