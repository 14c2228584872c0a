"""Android's commands: what AndroidEnv's and AndroidWorld's utilities send, and how they read the answers."""

from __future__ import annotations

import io
import re
import struct
import zipfile
import zlib
from itertools import pairwise

import numpy as np
import pytest
from small_device import SmallDevice

SETTINGS = "com.android.settings/com.android.settings.Settings"

ASKED = {
    "com.android.camera2": "ACCESS_COARSE_LOCATION",
    "com.android.chrome": "POST_NOTIFICATIONS",
    "com.dimowner.audiorecorder": "RECORD_AUDIO POST_NOTIFICATIONS",
    "com.simplemobiletools.calendar.pro": "READ_CALENDAR WRITE_CALENDAR POST_NOTIFICATIONS",
    "com.simplemobiletools.gallery.pro": "WRITE_EXTERNAL_STORAGE ACCESS_MEDIA_LOCATION READ_MEDIA_IMAGES "
    "READ_MEDIA_VIDEO POST_NOTIFICATIONS",
}
"""Package -> permissions that AndroidWorld grants it."""


@pytest.fixture
def device() -> SmallDevice:
    found = SmallDevice()
    found.state.rooted = True
    return found


def run(device: SmallDevice, line: str, code: int = 0) -> str:
    result = device.shell(line)
    assert result.code == code, (line, result)
    return result.stdout.decode()


# ---------------------------------------------------------------- activities


def test_am_start_and_stack_list_as_android_env_reads_them(device: SmallDevice) -> None:
    text = run(device, "am start -S -W -n com.android.settings/.Settings --es key value --ez flag true")
    assert not re.search("Error", text)
    assert "Status: ok" in text
    intent = device.seen[-1][2]
    assert intent.extras == {"key": "value", "flag": True}
    line = run(device, "am stack list | grep -E visible=true")
    pattern = r"^\ *taskId=([0-9]*): ([^\s]*) .*visible=true.*topActivity=ComponentInfo{([^\s]*)}$"
    match = re.search(pattern, line.rstrip("\n"))
    assert match is not None
    assert match.group(2) == match.group(3) == SETTINGS
    assert run(device, f"am task lock {match.group(1)}").startswith("Activity manager is in lockTaskMode")


def test_am_start_refuses_what_nobody_answers(device: SmallDevice) -> None:
    refused = device.shell("am start -W -n com.foo/.Bar")
    assert refused.code == 1
    assert b"Error: Activity class {com.foo/com.foo.Bar} does not exist." in refused.stderr
    assert b"Error" in device.shell("am start -a no.such.ACTION").stderr
    assert b"Error" in device.shell("am start -n").stderr


@pytest.mark.parametrize(
    ("line", "component"),
    [
        ("-a android.intent.action.VIEW -d http://", "com.android.chrome/com.google.android.apps.chrome.Main"),
        (
            "-a android.intent.action.VIEW -d content://contacts/people/",
            "com.google.android.contacts/com.android.contacts.activities.PeopleActivity",
        ),
        (
            "-a android.intent.action.VIEW -d content://media/external/images/media/",
            "com.simplemobiletools.gallery.pro/com.simplemobiletools.gallery.pro.activities.MainActivity",
        ),
        (
            "-a android.intent.action.VIEW -d content://com.android.calendar",
            "com.simplemobiletools.calendar.pro/com.simplemobiletools.calendar.pro.activities.MainActivity",
        ),
        (
            "-a android.intent.action.INSERT -t vnd.android.cursor.dir/contact -e name 'Ada L' -e phone 555",
            "com.google.android.contacts/com.android.contacts.activities.ContactEditorActivity",
        ),
        (
            "-a android.intent.action.CALL -d tel:5551234",
            "com.google.android.dialer/com.google.android.dialer.extensions.GoogleDialtactsActivity",
        ),
        (
            "-a android.settings.WIFI_SETTINGS",
            "com.android.settings/com.android.settings.Settings$WifiSettingsActivity",
        ),
        (
            "-a android.intent.action.SENDTO -d smsto:555",
            "com.simplemobiletools.smsmessenger/com.simplemobiletools.smsmessenger.activities.NewConversationActivity",
        ),
    ],
)
def test_intents_find_the_apps_androidworld_expects(device: SmallDevice, line: str, component: str) -> None:
    run(device, f"am start {line}")
    assert device.foreground() == component


def test_recents_are_removed_as_androidworld_removes_them(device: SmallDevice) -> None:
    for name in ("com.android.settings/.Settings", "net.gsantner.markor/.activity.MainActivity"):
        run(device, f"am start -n {name}")
    ids = re.findall(r"id=(\d+)", run(device, "dumpsys activity recents"))
    assert {"2", "3"} <= set(ids)  # the pattern also finds a user id, which names no task
    for number in ids:
        run(device, f"am stack remove {number}")
    assert [task["activities"] for task in device.stack()] == [[device.state.packages.home()]]


def test_monkey_starts_a_package(device: SmallDevice) -> None:
    assert "Events injected: 1" in run(device, "monkey -p net.gsantner.markor 1")
    assert device.foreground().startswith("net.gsantner.markor/")
    run(device, "monkey -p no.such.package 1", 252)


def test_clipper_works_in_front_only(device: SmallDevice) -> None:
    assert "result=0" in run(device, "am broadcast -a clipper.set -e text hidden")
    run(device, "am start -n ca.zgrs.clipper/.Main")
    assert "result=-1" in run(device, "am broadcast -a clipper.set -e text 'some words'")
    text = run(device, "am broadcast -a clipper.get")
    assert re.search(r'Broadcast completed: result=-1, data="(.*)"', text).group(1) == "some words"  # type: ignore[union-attr]


def test_dumpsys_activity_has_the_view_hierarchy(device: SmallDevice) -> None:
    run(device, "am start -n com.android.settings/.Settings")
    lines = run(device, "dumpsys activity com.android.settings com.android.settings").splitlines()
    depth = {line.lstrip(): len(line) - len(line.lstrip()) for line in lines}
    place = next(n for n, line in enumerate(lines) if line.strip() == "View Hierarchy:")
    names = [line.strip().partition("{")[0].partition("@")[0] for line in lines[place + 1 :]]
    assert names == ["DecorView", "android.widget.FrameLayout", "android.widget.TextView"]
    steps = [len(line) - len(line.lstrip()) for line in lines[place:]]
    assert [b - a for a, b in pairwise(steps)] == [2, 2, 2]
    assert depth["View Hierarchy:"] <= 6  # AppScreenChecker looks three levels down


# ---------------------------------------------------------------- display and input


def test_screen_size_and_rotation_as_androidworld_reads_them(device: SmallDevice) -> None:
    assert re.search(r"Physical size: (\d+)x(\d+)", run(device, "wm size")).groups() == ("1080", "2400")  # type: ignore[union-attr]
    assert re.findall(r"logicalFrame=\[0, 0, (\d+), (\d+)\]", run(device, "dumpsys input | grep logicalFrame"))
    assert re.findall(
        r"physicalFrame=\[(\d+), (\d+), (\d+), (\d+)\]", run(device, "dumpsys input | grep physicalFrame")
    )
    device.rotation = 1
    assert re.findall(r"mCurrentRotation=ROTATION_(\d+)", run(device, "dumpsys window | grep mCurrentRotation")) == [
        "90"
    ]
    orientation = [
        match.group(2)
        for line in run(device, "dumpsys input").split("\n")
        if (match := re.match(r"\s+(SurfaceOrientation|InputDeviceOrientation):\s+.*(\d)", line))
    ]
    assert orientation[0] == "1"


@pytest.mark.parametrize(
    ("line", "seen"),
    [
        ("input tap 10 20.5", [("tap", 10.0, 20.5)]),
        ("input touchscreen tap 1 2", [("tap", 1.0, 2.0)]),
        ("input swipe 1 2 3 4", [("swipe", 1.0, 2.0, 3.0, 4.0, 0.3)]),
        ("input swipe 5 6 5 6 1000", [("swipe", 5.0, 6.0, 5.0, 6.0, 1.0)]),
        ("input text hello%sworld", [("text", "hello world")]),
        ("input text 'a b'", [("text", "a b")]),
        ("input keyevent KEYCODE_ENDCALL", [("key", 6, False)]),
        ("input keyevent 66 BACK", [("key", 66, False), ("key", 4, False)]),
        ("input keyevent --longpress HOME", [("key", 3, True)]),
        ("input keycombination 113 29 && input keyevent 67", [("chord", 113, 29), ("key", 67, False)]),
        ("input motionevent DOWN 3 4", [("down", 3.0, 4.0)]),
    ],
)
def test_input(device: SmallDevice, line: str, seen: list[tuple[object, ...]]) -> None:
    run(device, line)
    assert device.seen == seen


def test_drag_and_drop_holds_moves_and_lifts(device: SmallDevice) -> None:
    before = device.state.clock.now_us
    run(device, "input draganddrop 10 10 110 10 4000")
    assert device.seen[0] == ("down", 10.0, 10.0)
    assert device.seen[-1] == ("up", 110.0, 10.0)
    assert device.state.clock.now_us - before >= 4_000_000


@pytest.mark.parametrize("line", ["input tap 1", "input keyevent NOSUCH", "input nosuch", "input", "input text"])
def test_input_refuses(device: SmallDevice, line: str) -> None:
    run(device, line, 255)
    assert device.seen == []


def test_screencap_is_a_png_of_the_screen(device: SmallDevice) -> None:
    data = device.shell("screencap -p").stdout
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", data[16:24])
    (size,) = struct.unpack(">I", data[33:37])
    rows = np.frombuffer(zlib.decompress(data[41 : 41 + size]), np.uint8).reshape(height, 1 + 3 * width)
    assert (rows[:, 1:].reshape(height, width, 3) == device.screenshot()).all()
    raw = device.shell("screencap").stdout
    assert struct.unpack("<2I", raw[:8]) == (width, height)
    assert len(raw) == 16 + 4 * width * height


def test_uiautomator_dump(device: SmallDevice) -> None:
    text = run(device, "uiautomator dump /sdcard/window_dump.xml")
    assert text == "UI hierchary dumped to: /sdcard/window_dump.xml\n"
    assert run(device, "cat /sdcard/window_dump.xml") == device.hierarchy()


# ---------------------------------------------------------------- settings, packages, content


def test_settings(device: SmallDevice) -> None:
    assert run(device, "settings get system nosuch") == "null\n"
    run(device, "settings put system nosuch 'a b'")
    assert run(device, "settings get system nosuch") == "a b\n"
    assert "nosuch=a b\n" in run(device, "settings list system")
    assert run(device, "settings delete system nosuch") == "Deleted 1 rows\n"
    assert run(device, "settings delete system nosuch") == "Deleted 0 rows\n"
    run(device, "settings put system screen_brightness 7; settings reset system untrusted_defaults")
    assert run(device, "settings get system screen_brightness") == "102\n"
    run(device, "settings get nosuch key", 255)


def test_radios(device: SmallDevice) -> None:
    run(device, "svc wifi disable")
    assert run(device, "settings get global wifi_on") == "0\n"
    run(device, "svc wifi enable; svc bluetooth enable; settings put global airplane_mode_on 1")
    run(device, "am broadcast -a android.intent.action.AIRPLANE_MODE --ez state true")
    assert run(device, "settings get global wifi_on; settings get global bluetooth_on") == "3\n0\n"
    run(device, "cmd connectivity airplane-mode disable")
    assert run(device, "settings get global wifi_on; settings get global bluetooth_on") == "1\n1\n"
    log = run(device, "logcat -d -v tag WifiService:I PhoneGlobals:I '*:S'")
    assert re.search(r"setWifiEnabled package=com.android.shell uid=2000 enable=false", log)
    assert re.search(r"Turning radio off .*airplane", log)


def test_packages(device: SmallDevice) -> None:
    names = re.findall(r"^package:(.*)$", run(device, "pm list packages"), re.MULTILINE)
    assert {"com.android.settings", "net.gsantner.markor", "org.tasks"} <= set(names)
    assert names == sorted(names)
    assert "package:com.android.settings" not in run(device, "pm list packages -3")
    assert "feature:android.hardware.wifi" in run(device, "pm list features")
    assert run(device, "pm path org.tasks").startswith("package:/data/app/")
    run(device, "pm grant org.tasks android.permission.POST_NOTIFICATIONS")
    run(device, "pm grant org.tasks android.permission.CAMERA", 255)
    for package, names in ASKED.items():
        for name in names.split():
            run(device, f"pm grant {package} android.permission.{name}")
    assert run(device, "cmd package resolve-activity --brief -a android.settings.SETTINGS").endswith(
        "com.android.settings/.Settings\n"
    )


def test_pm_clear_gives_fresh_data(device: SmallDevice) -> None:
    database = device.state.app_database("org.tasks", "database")
    database.execute("UPDATE tasks SET title = 'x'")
    zero = dict.fromkeys(
        "importance dueDate hideUntil created modified completed deleted estimatedSeconds elapsedSeconds "
        "timerStart notificationFlags lastNotified collapsed parent".split(),
        0,
    )
    database.insert("tasks", {"title": "buy milk", **zero})
    titles = run(device, "sqlite3 /data/data/org.tasks/databases/database 'SELECT title FROM tasks'").splitlines()
    assert titles[-1] == "buy milk"
    assert set(titles[:-1]) == {"x"}
    assert run(device, "pm clear org.tasks") == "Success\n"
    assert database.execute("SELECT * FROM tasks") == []
    assert run(device, "pm clear no.such", 1) == "Failed\n"


def apk(package: str, label: str) -> bytes:
    """Return an APK with a binary manifest of one launcher activity."""
    strings = [
        "package",
        "versionCode",
        "name",
        "label",
        "manifest",
        "application",
        "activity",
        "intent-filter",
        "action",
        "category",
        "uses-permission",
        package,
        label,
        ".Main",
        "android.intent.action.MAIN",
        "android.intent.category.LAUNCHER",
        "android.permission.CAMERA",
    ]

    def chunk(kind: int, head: bytes, body: bytes = b"") -> bytes:
        return struct.pack("<HHI", kind, 8 + len(head), 8 + len(head) + len(body)) + head + body

    def start(tag: str, **values: str | int) -> bytes:
        body = b""
        for name, value in values.items():
            text = strings.index(value) if isinstance(value, str) else -1
            kind = 3 if isinstance(value, str) else 0x10
            body += struct.pack(
                "<iiiHBBi", -1, strings.index(name), text, 8, 0, kind, text if isinstance(value, str) else value
            )
        node = struct.pack("<iiHHHHHH", -1, strings.index(tag), 20, 20, len(values), 0, 0, 0)
        return chunk(0x0102, struct.pack("<ii", 1, -1), node + body)

    def end(tag: str) -> bytes:
        return chunk(0x0103, struct.pack("<ii", 1, -1), struct.pack("<ii", -1, strings.index(tag)))

    encoded = [bytes([len(text), len(text)]) + text.encode() + b"\0" for text in strings]
    offsets = [sum(map(len, encoded[:place])) for place in range(len(encoded))]
    table = struct.pack(f"<{len(offsets)}I", *offsets)
    pool_head = struct.pack("<5I", len(strings), 0, 0x100, 28 + len(table), 0)
    body = chunk(0x0001, pool_head, table + b"".join(encoded))
    body += start("manifest", package=package, versionCode=7) + start(
        "uses-permission", name="android.permission.CAMERA"
    )
    body += end("uses-permission") + start("application", label=label) + start("activity", name=".Main")
    body += start("intent-filter") + start("action", name="android.intent.action.MAIN") + end("action")
    body += start("category", name="android.intent.category.LAUNCHER") + end("category")
    body += end("intent-filter") + end("activity") + end("application") + end("manifest")
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("AndroidManifest.xml", struct.pack("<HHI", 3, 8, 8 + len(body)) + body)
    return file.getvalue()


def test_an_apk_is_installed_and_removed(device: SmallDevice) -> None:
    device.state.files.write("/data/local/tmp/a.apk", apk("com.example.thing", "Thing"))
    assert run(device, "pm install -r -t -g /data/local/tmp/a.apk") == "Success\n"
    assert "package:com.example.thing\n" in run(device, "pm list packages")
    package = device.state.packages["com.example.thing"]
    assert (package.label, package.version[0], package.launcher) == (
        "Thing",
        7,
        "com.example.thing/com.example.thing.Main",
    )
    assert device.state.packages.state("com.example.thing").granted == ("android.permission.CAMERA",)
    snapshot = device.state.snapshot()
    run(device, "am start -n com.example.thing/.Main")
    assert run(device, "pm uninstall com.example.thing") == "Success\n"
    assert "com.example.thing" not in run(device, "pm list packages")
    device.state.restore(snapshot)
    assert device.state.packages["com.example.thing"] == package
    device.state.files.write("/data/local/tmp/b.apk", b"no archive")
    assert b"INSTALL_PARSE_FAILED" in device.shell("pm install /data/local/tmp/b.apk").stderr


def test_content_of_messages_and_calls(device: SmallDevice) -> None:
    assert run(device, "content query --uri content://sms/sent").startswith("No result found.")
    run(
        device,
        "content insert --uri content://sms/sent --bind address:s:+1555 --bind 'body:s:Hello, World' --bind read:i:1",
    )
    row = run(device, "content query --uri content://sms/sent")
    assert row.startswith("Row: 0 _id=1, thread_id=1, address=+1555, person=NULL, date=1697384040000")
    assert "body=Hello, World" in row
    assert run(device, "content query --uri content://sms/inbox").startswith("No result found.")
    database = "/data/data/com.android.providers.telephony/databases/mmssms.db"
    run(device, f'sqlite3 {database} "DELETE FROM sms;"; sqlite3 {database} "DELETE FROM threads;"')
    assert run(device, "content query --uri content://sms").startswith("No result found.")
    run(device, "content insert --uri content://call_log/calls --bind number:s:5 --bind type:i:2")
    run(device, "content delete --uri content://call_log/calls")
    assert run(device, "content query --uri content://call_log/calls").startswith("No result found.")
    run(device, "content query --uri content://nosuch/x", 1)
    run(device, "content query --uri content://sms --projection nosuch", 1)


def test_contacts_as_androidworld_lists_and_clears_them(device: SmallDevice) -> None:
    base = "content://com.android.contacts"
    run(device, f"content insert --uri {base}/raw_contacts --bind account_type:n:")
    for kind, value in (("name", "Ada Lovelace"), ("phone_v2", "+44 20-555")):
        run(
            device,
            f"content insert --uri {base}/data --bind raw_contact_id:i:1 "
            f"--bind mimetype:s:vnd.android.cursor.item/{kind} --bind 'data1:s:{value}'",
        )
    text = run(device, "content query --uri content://contacts/phones/ --projection display_name:number")
    assert re.findall(r"display_name=(.*), number=(.*)", text) == [("Ada Lovelace", "+44 20-555")]
    text = run(device, f"content query --uri {base}/phone_lookup/%2B4420555 --projection display_name")
    assert "Ada Lovelace" in text
    assert run(device, "pm clear com.android.providers.contacts") == "Success\n"
    assert run(device, "content query --uri content://contacts/phones/").startswith("No result found.")


def test_media_follows_the_files(device: SmallDevice) -> None:
    run(
        device,
        "rm -r /sdcard/DCIM/* /sdcard/Pictures/*; echo x > /sdcard/DCIM/a.jpg; echo y > /sdcard/Download/b.txt; "
        "mkdir -p /sdcard/.t; echo z > /sdcard/.t/c.jpg",
    )
    text = run(device, "content query --uri content://media/external/images/media --projection _display_name:_data")
    assert text == "Row: 0 _display_name=a.jpg, _data=/storage/emulated/0/DCIM/a.jpg\n"
    run(device, "content delete --uri content://media/external/images/media --where \"_display_name='a.jpg'\"")
    assert run(device, "ls /sdcard/DCIM") == ""


# ---------------------------------------------------------------- clock, files, databases, log


def test_date_as_androidworld_sets_it(device: SmallDevice) -> None:
    assert run(device, "date") == "Sun Oct 15 15:34:00 UTC 2023\n"
    run(device, "date 101612002023.30")
    assert run(device, "date +%s") == "1697457630\n"
    run(device, "date 1015153423.00")
    assert run(device, "date '+%Y-%m-%d %H:%M:%S'") == "2023-10-15 15:34:00\n"
    assert run(device, "service call alarm 3 s16 Europe/Zurich; date").endswith("Sun Oct 15 17:34:00 CEST 2023\n")
    assert run(device, "getprop persist.sys.timezone") == "Europe/Zurich\n"
    device.state.rooted = False
    run(device, "date 101612002023.30", 1)


def test_files_as_androidworld_handles_them(device: SmallDevice) -> None:
    folder = "/storage/emulated/0/Documents/Markor"
    run(device, f"mkdir -p {folder}; rm -r {folder}/*; echo 'it'\"'\"'s' > {folder}/note.md")
    line = run(device, f"ls {folder} -ll -au").split("\n")
    parts = next(row for row in line if row.startswith("-")).split(None, 8)
    assert parts[4:] == ["5", "2023-10-15", "15:34:00.000000000", "+0000", "note.md"]
    assert f"{folder}/note.md" in run(device, f"find {folder} -type f -o -type d").split("\n")
    script = f'\n  if [ -d "{folder}" ]; then\n      echo "Exists"\n  else\n      echo "Does not exist"\n  fi\n  '
    assert run(device, script) == "Exists\n"
    run(device, f"rm -r {folder}/*")
    assert run(device, f"ls -1 {folder}") == ""


def test_app_snapshots_as_androidworld_takes_them(device: SmallDevice) -> None:
    data, saved = "/data/data/com.arduia.expense", "/data/data/android_world/snapshots/com.arduia.expense"
    insert = (
        "INSERT INTO expense (name, amount, category, note, created_date, modified_date) VALUES ('{}', 1, 1, '', 0, 0)"
    )
    database = device.state.app_database("com.arduia.expense", "accounting.db")
    database.execute("DELETE FROM expense")
    database.execute(insert.format("tea"))
    run(device, f"mkdir -p {saved}; cp -a {data}/. {saved}/")
    database.execute(insert.format("coffee"))
    run(device, f"rm -r {data}/*; cp -a {saved}/. {data}/; restorecon -RD {data}; chmod 777 -R {data}")
    assert database.execute("SELECT name FROM expense") == [("tea",)]
    assert run(device, f'sqlite3 {data}/databases/accounting.db "SELECT name, amount FROM expense"') == "tea|1\n"


def test_sqlite3_stays_in_its_database(device: SmallDevice) -> None:
    path = "/data/local/tmp/t.db"
    made = "CREATE TABLE t (a, b); INSERT INTO t VALUES (1, NULL), (2.5, x'41'); SELECT * FROM t"
    assert run(device, f'sqlite3 {path} "{made}"') == "1|\n2.5|A\n"
    for sql in (
        "ATTACH '/etc/passwd' AS p",
        "VACUUM INTO '/tmp/copy.db'",
        "SELECT readfile('/etc/passwd')",
        "PRAGMA temp_store_directory = '/tmp'",
        "SELECT load_extension('x')",
    ):
        refused = device.shell(f'sqlite3 {path} "{sql}"')
        assert refused.code == 1, sql
        assert refused.stdout == b""
    assert run(device, f"sqlite3 -header -csv {path} 'SELECT a FROM t'") == "a\r\n1\r\n2.5\r\n"
    assert run(device, f"sqlite3 {path} .tables") == "t\n"
    assert run(device, f"sqlite3 {path} 'SELEC'", 1) == ""
    assert "INSERT INTO t VALUES(1,NULL);" in run(device, f"sqlite3 {path} .dump")


def test_logcat(device: SmallDevice) -> None:
    run(device, "logcat -b all -c")
    run(device, "log -p w -t MyTag 'some reward: 1.5'; log -t Other noise")
    line = run(device, "export ANDROID_LOG_TAGS=''; exec logcat '-d' '-v' 'epoch' 'MyTag:W' '*:S'").split("\n")[1]
    match = re.match(r"^\s+(\d+\.\d{3})\s+(\d+)\s+(\d+) ([VDIWEFS]) (\S+)\s*: (.*)$", line)
    assert match is not None
    assert match.groups() == ("1697384040.000", "4021", "4021", "W", "MyTag", "some reward: 1.5")
    assert run(device, "logcat -d -s Nothing") == ""
    assert run(device, "logcat -d -v brief -t 1").endswith("I/Other   ( 4021): noise\n")
    run(device, "logcat -d -v nosuch", 1)


def test_call_state(device: SmallDevice) -> None:
    assert re.search(r"mCallState=(\d)", run(device, "dumpsys telephony.registry")).group(1) == "0"  # type: ignore[union-attr]
    device.state.call = {"state": 1, "number": "555", "since_ms": 0}
    assert re.search(r"mCallState=(\d)", run(device, "dumpsys telephony.registry")).group(1) == "1"  # type: ignore[union-attr]
