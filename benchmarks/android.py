"""Speed of the simulated phone, beside a Chromium page of the same size in the same run, and over the wire.

    python benchmarks/android.py [--quick] [--json FILE] [--no-chromium] [--no-wire]

Pictures are 360 x 800 and drawn at that size. Everything in this process is measured in its CPU time; the Chromium page
and the wire involve other processes and are measured in wall time, the phone in turn with them.

A step of the whole stack is `AndroidEnv.step` of android-env (Coordinator, TaskManager, log, rewards) on a phone in
process: a touch or a lift, 0.1 s of virtual time, and the picture. `redraw` steps are those after which the picture is
another one (counted by its pixels); they walk through the launcher, the settings, the clock, the shade and the
keyboard, pressing, opening, scrolling and typing. `env_` steps are those of `vlgym/Android-v0`, one action each, which
is a touch, a lift, the time that the screen takes to come to rest, the judge, and text and picture of the screen.
`floor_frames_per_s` is what clearing and handing out a picture of that size costs with nothing drawn on it.
"""

from __future__ import annotations

import argparse
import gc
import itertools
import json
import os
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from vlgym.android.device import Device

SIZE = (360, 800)
SETTINGS = "com.android.settings/.Settings"
CLOCK = "com.google.android.deskclock/com.android.deskclock.DeskClock"
PAGE = """<meta name=viewport content="width=device-width"><style>
*{box-sizing:border-box;margin:0}body{font:16px Roboto,sans-serif;background:#f9f9ff;color:#191c20}
h1{font:36px Roboto;padding:80px 24px 24px}.r{display:flex;gap:24px;padding:16px 24px;align-items:center}
.r:active,.on{background:#d6e3ff}i{width:24px;height:24px;border-radius:12px;background:#74777f}
small{display:block;color:#44474e;font-size:14px}</style><h1>Settings</h1><div id=l></div><script>
"Network Connected Apps Notifications Battery Storage Sound Display Wallpaper".split(" ").forEach((t,i)=>{
const r=document.createElement("div");r.className="r"
r.innerHTML=`<i></i><div>${t}<small>Line ${i} of it</small></div>`;
r.onclick=()=>r.classList.toggle("on");l.append(r)})</script>"""
"""A page of settings, about as much on it as on the phone's."""


def seconds(act: Callable[[], object], times: int) -> float:
    """Return CPU seconds of one call."""
    start = time.process_time()
    for _ in range(times):
        act()
    return (time.process_time() - start) / times


# ---------------------------------------------------------------- in process


def floor(times: int) -> float:
    """Return frames per CPU second of a picture with nothing on it."""
    from vlgym.android.ui.frame import Frame

    frame, colours = Frame(*SIZE, SIZE[0] / 1080, SIZE[1] / 2400), itertools.cycle((0xFF000000, 0xFFFFFFFF))
    return 1 / seconds(lambda: frame.show([], next(colours)), times)


def touches(device: Device, rng: random.Random) -> Iterator[tuple[bool, float, float]]:
    """Yield (down?, x, y) of fingers that press, open, scroll and type, on screens that follow one another."""
    while True:
        for open_screen in (
            lambda: device.key(3),
            lambda: device.start_activity(SETTINGS),
            lambda: device.start_activity(CLOCK),
            lambda: device.shell("cmd statusbar expand-settings"),
            lambda: (device.close_system_dialogs(), device.start_activity(SETTINGS), device.tap(540, 500)),
        ):
            device.close_system_dialogs()
            open_screen()
            for _ in range(6):
                x, y = rng.uniform(0.1, 0.9), rng.uniform(0.12, 0.95)
                yield True, x, y  # a tap
                yield False, x, y
                for step in range(6):  # a scroll, finger down all the while
                    yield True, 0.5, 0.75 - 0.06 * step
                yield False, 0.5, 0.39


def stack(steps: int) -> dict[str, float]:
    """Return steps per CPU second of the whole android-env stack, with and without a new picture."""
    from android_env.components import action_type
    from android_env.proto import task_pb2

    from vlgym.android.simulator import make_env

    device = Device()
    env = make_env(task_pb2.Task(id="bench", name="bench"), device, size=SIZE)
    kinds = {True: action_type.ActionType.TOUCH, False: action_type.ActionType.LIFT}
    repeat = {"action_type": np.array(action_type.ActionType.REPEAT), "touch_position": np.zeros(2, np.float32)}
    spent, count = 0.0, 0
    fingers = touches(device, random.Random(0))
    try:
        last, warm = env.reset().observation["pixels"], 400
        while count < steps:
            if warm:  # all screens once: modules are imported, fonts are read
                warm -= 1
                spent, count = 0.0, 0
            down, x, y = next(fingers)
            action = {"action_type": np.array(kinds[down]), "touch_position": np.array([x, y], np.float32)}
            start = time.process_time()
            pixels = env.step(action).observation["pixels"]
            passed = time.process_time() - start
            if pixels is not last and not np.array_equal(pixels, last):
                spent, count = spent + passed, count + 1
            last = pixels
        device.key(3)
        env.step(repeat)
        unchanged = seconds(lambda: env.step(repeat), 20 * steps)
    finally:
        env.close()
    return {"redraw_steps_per_s": count / spent, "unchanged_steps_per_s": 1 / unchanged}


def environment(episodes: int) -> dict[str, float]:
    """Return resets and steps of `vlgym/Android-v0` per CPU second: the oracle's episodes of all templates in turn."""
    from vlgym.android.env import AndroidEnv

    env = AndroidEnv(obs_mode="both", width=SIZE[0], height=SIZE[1])
    policy = env.scripted_policy("oracle")
    spent = {"reset": 0.0, "redraw": 0.0, "still": 0.0}
    count = dict.fromkeys(spent, 0)
    for number, task in enumerate(env.tasks.ids("train")[:episodes]):
        start = time.process_time()
        observation, info = env.reset(seed=number, options={"task": task})
        spent["reset"], count["reset"] = spent["reset"] + time.process_time() - start, count["reset"] + 1
        ended = False
        while not ended:
            action, last = policy(observation, info), observation["image"]
            start = time.process_time()
            observation, _, terminated, truncated, info = env.step(action)
            passed = time.process_time() - start
            kind = "still" if np.array_equal(last, observation["image"]) else "redraw"
            spent[kind], count[kind] = spent[kind] + passed, count[kind] + 1
            ended = terminated or truncated
    env.close()
    return {
        "resets_per_s": count["reset"] / spent["reset"],
        "env_steps_per_s": (count["redraw"] + count["still"]) / (spent["redraw"] + spent["still"]),
        "env_redraw_steps_per_s": count["redraw"] / spent["redraw"],
    }


def resident() -> float:
    """Return MiB of memory that this process has in use."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def memory(devices: int) -> float:
    """Return MiB of each further phone, with an app open and a picture of it drawn."""

    def make() -> Device:
        device = Device()
        for app in (SETTINGS, CLOCK):
            device.start_activity(app)
            device.advance(1.0)
            device.screenshot(SIZE)
        return device

    kept = [make() for _ in range(4)]
    gc.collect()
    before = resident()
    kept += [make() for _ in range(devices)]
    gc.collect()
    return (resident() - before) / devices


def snapshots(times: int) -> dict[str, float]:
    """Return milliseconds of CPU for a snapshot and for a restore, from and to a phone that is elsewhere."""
    device = Device()
    device.start_activity(SETTINGS)
    device.screenshot(SIZE)
    first = device.snapshot()
    device.tap(540, 900)
    device.advance(1.0)
    device.shell("settings put system font_scale 1.15; echo hi > /sdcard/Download/a.txt")
    second = device.snapshot()
    both = (first, second)
    turn = iter(range(10**9))
    return {
        "restore_ms": 1000 * seconds(lambda: device.restore(both[next(turn) % 2]), times),
        "restore_and_draw_ms": 1000
        * seconds(lambda: (device.restore(both[next(turn) % 2]), device.screenshot(SIZE)), times),
        "snapshot_ms": 1000 * seconds(device.snapshot, times),
        "snapshot_kb": len(first) / 1000,
    }


# ---------------------------------------------------------------- beside others


def phone_taps() -> Iterator[None]:
    """Touch, lift and draw, over and over; every picture is another one."""
    device = Device()
    device.start_activity(SETTINGS)
    device.advance(1.0)
    rng, last, rows = random.Random(0), None, itertools.cycle(range(700, 2200, 300))
    while True:
        x, y = rng.uniform(100, 980), next(rows) + rng.uniform(0, 80)  # another row each time
        device.touch("down", x, y)
        device.advance(0.05)
        picture = device.screenshot(SIZE)
        device.touch("move", x, y - 100)  # no tap: the page stays
        device.touch("up", x, y - 100)
        assert picture is not last
        last = picture
        yield


def spent_by(root: int) -> float:
    """Return CPU seconds of a process and all its descendants so far."""
    parents, used = {}, {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            parents[int(entry.name)] = int(fields[1])
            used[int(entry.name)] = sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
    total = 0.0
    for pid in used:
        above = pid
        while above not in (0, 1, root):
            above = parents.get(above, 0)
        total += used[pid] if above == root else 0.0
    return total


def chromium(rounds: int) -> dict[str, float]:
    """Return how many times as fast as a Chromium page the phone takes a touch and gives a picture.

    `chromium_ratio` compares CPU seconds: of this process for the phone, of the browser's processes alone for the page
    (not of the driver between). `chromium_wall_ratio` is what a clock says; other work on the machine is in it.
    """
    from playwright.sync_api import sync_playwright

    from vlgym.core.browser import find_executable

    phone, spent = phone_taps(), {"phone": 0.0, "page": 0.0}
    used = {"phone": 0.0, "page": 0.0}
    with sync_playwright() as playwright:
        path = find_executable()
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        root = browser_process()
        context = browser.new_context(viewport={"width": 360, "height": 800}, has_touch=True, is_mobile=True)
        page = context.new_page()
        page.set_content(PAGE)
        rng = random.Random(0)

        def touch() -> None:
            page.touchscreen.tap(rng.uniform(40, 320), rng.uniform(180, 760))
            page.screenshot(type="jpeg")

        clocks = {"page": lambda: spent_by(root), "phone": time.process_time}
        for number in range(rounds + 1):
            for name, act, times in (("page", touch, 20), ("phone", lambda: next(phone), 100)):
                start, cpu = time.perf_counter(), clocks[name]()
                for _ in range(times):
                    act()
                if number:  # the first round warms both up
                    spent[name] += (time.perf_counter() - start) / times
                    used[name] += (clocks[name]() - cpu) / times
        browser.close()
    return {
        "chromium_ratio": used["page"] / used["phone"],
        "chromium_wall_ratio": spent["page"] / spent["phone"],
        "chromium_steps_per_cpu_s": rounds / used["page"],
        "chromium_steps_per_wall_s": rounds / spent["page"],
        "phone_steps_per_cpu_s": rounds / used["phone"],
    }


def browser_process() -> int:
    """Return the pid of the browser that this process's driver has just started."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                words = (entry / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if any(word.startswith(b"--remote-debugging-pipe") for word in words):
                found.append(int(entry.name))
    mine = [pid for pid in found if is_below(pid, os.getpid())]
    return min(mine)


def is_below(pid: int, root: int) -> bool:
    """Return whether a process descends from another."""
    while pid not in (0, 1, root):
        try:
            pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            return False
    return pid == root


def wire(steps: int) -> dict[str, float]:
    """Return steps per second (adb `input tap`, gRPC picture) and milliseconds of an adb call, in wall time."""
    from vlgym.android.adb import AdbBackend

    backend = AdbBackend("sim-wire")
    try:
        backend.reset()
        backend.hands.launch("Settings")
        backend.hands.wait(1.0)
        start = time.perf_counter()
        for _ in range(steps):
            backend.phone.shell("true")
        call = (time.perf_counter() - start) / steps
        start = time.perf_counter()
        for number in range(steps):
            backend.hands.swipe(0.5, 0.7, 0.5, (0.6, 0.8)[number % 2], 0.05)
            backend.screenshot(*SIZE)
        spent = time.perf_counter() - start
    finally:
        backend.close()
    return {"wire_steps_per_s": steps / spent, "adb_call_ms": 1000 * call}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a few seconds")
    parser.add_argument("--json", type=Path, help="write the metrics to this file")
    parser.add_argument("--no-chromium", action="store_true", help="do without the browser")
    parser.add_argument("--no-wire", action="store_true", help="do without adb")
    options = parser.parse_args()
    size = 1 if options.quick else 5
    metrics = {"mib_per_device": memory(16 * size), "floor_frames_per_s": floor(200 * size)}
    metrics |= stack(200 * size)
    metrics |= environment(60 * size)
    metrics |= snapshots(100 * size)
    if not options.no_chromium:
        metrics |= chromium(2 * size)
    if not options.no_wire:
        metrics |= wire(60 * size)
    print("| metric | value |\n| --- | ---: |")
    for name, value in metrics.items():
        print(f"| {name} | {value:,.3f} |")
    if options.json:
        options.json.write_text(json.dumps(metrics, indent=1) + "\n")


if __name__ == "__main__":
    main()
