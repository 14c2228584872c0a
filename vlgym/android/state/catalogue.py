"""Packages of the phone: component names and database paths are those AndroidWorld and B-MoCA address."""

from __future__ import annotations

from vlgym.android.assets import first_photos
from vlgym.android.state import schemas
from vlgym.android.state.effects import FORWARDER
from vlgym.android.state.intents import ACTION_MAIN, ACTION_VIEW, CATEGORY_HOME, CATEGORY_LAUNCHER
from vlgym.android.state.packages import ActivityInfo, Filter, Package
from vlgym.android.state.samples import first_expenses, first_notes, first_recipes, first_tasks

_LAUNCH = Filter((ACTION_MAIN,), (CATEGORY_LAUNCHER,))
_BROWSABLE = "android.intent.category.BROWSABLE"
_STORAGE = ("android.permission.READ_EXTERNAL_STORAGE", "android.permission.WRITE_EXTERNAL_STORAGE")
_CONTACTS = ("android.permission.READ_CONTACTS", "android.permission.WRITE_CONTACTS")
_PHONE = ("android.permission.CALL_PHONE", "android.permission.READ_CALL_LOG", "android.permission.WRITE_CALL_LOG")
_SMS = ("android.permission.READ_SMS", "android.permission.SEND_SMS", "android.permission.RECEIVE_SMS")
_NOTIFY = "android.permission.POST_NOTIFICATIONS"
_MEDIA = tuple(
    f"android.permission.{name}" for name in ("ACCESS_MEDIA_LOCATION", "READ_MEDIA_IMAGES", "READ_MEDIA_VIDEO")
)
_PLACE = ("android.permission.ACCESS_COARSE_LOCATION", "android.permission.ACCESS_FINE_LOCATION")
_CALENDAR = ("android.permission.READ_CALENDAR", "android.permission.WRITE_CALENDAR")

SETTINGS_PAGES = {
    "android.settings.SETTINGS": ".Settings",
    "android.settings.WIFI_SETTINGS": ".Settings$WifiSettingsActivity",
    "android.settings.BLUETOOTH_SETTINGS": ".Settings$BluetoothSettingsActivity",
    "android.settings.AIRPLANE_MODE_SETTINGS": ".Settings$NetworkDashboardActivity",
    "android.settings.WIRELESS_SETTINGS": ".Settings$NetworkDashboardActivity",
    "android.settings.DISPLAY_SETTINGS": ".Settings$DisplaySettingsActivity",
    "android.settings.SOUND_SETTINGS": ".Settings$SoundSettingsActivity",
    "android.settings.DATE_SETTINGS": ".Settings$DateTimeSettingsActivity",
    "android.settings.MANAGE_APPLICATIONS_SETTINGS": ".Settings$ManageApplicationsActivity",
    "android.settings.APPLICATION_DETAILS_SETTINGS": ".applications.InstalledAppDetailsTop",
    "android.settings.LOCALE_SETTINGS": ".Settings$LanguageAndInputSettingsActivity",
    "android.settings.DEVICE_INFO_SETTINGS": ".Settings$MyDeviceInfoActivity",
}
"""Action of a settings page -> its activity."""


def _settings() -> Package:
    pages: dict[str, list[str]] = {}
    for action, name in SETTINGS_PAGES.items():
        pages.setdefault(name, []).append(action)
    activities = [ActivityInfo(".Settings", "Settings", (_LAUNCH, Filter(tuple(pages.pop(".Settings")))), "singleTask")]
    activities.append(ActivityInfo(".SubSettings", "Settings"))
    for name, actions in pages.items():
        plain = Filter(tuple(actions))
        detailed = Filter(tuple(actions), schemes=("package",))
        activities.append(ActivityInfo(name, "Settings", (detailed,) if "Details" in name else (plain,)))
    return Package("com.android.settings", "Settings", tuple(activities), uid=1000)


def _app(
    name: str,
    label: str,
    activity: str,
    *filters: Filter,
    activities: tuple[ActivityInfo, ...] = (),
    databases: tuple[tuple[str, str], ...] = (),
    permissions: tuple[str, ...] = (),
    samples: tuple[tuple[str, str], ...] = (),
    folders: tuple[str, ...] = (),
    system: bool = False,
) -> Package:
    """Return an app with an icon whose permissions are granted, as `install -g` leaves it."""
    entry = ActivityInfo(activity, label, (_LAUNCH, *filters))
    return Package(
        name, label, (entry, *activities), system=system, permissions=permissions, granted=permissions,
        databases=databases, samples=samples, folders=folders,
    )  # fmt: skip


_CONTACT_TYPES = (
    "vnd.android.cursor.dir/contact",
    "vnd.android.cursor.dir/raw_contact",
    "vnd.android.cursor.dir/person",
)
_CONTACT_ITEMS = ("vnd.android.cursor.item/contact", "vnd.android.cursor.item/raw_contact")
_EDIT = ("android.intent.action.INSERT", "android.intent.action.EDIT", "android.intent.action.INSERT_OR_EDIT")

SYSTEM = (
    Package("android", "Android System", uid=1000),
    Package("com.android.shell", "Shell", uid=2000),
    Package("com.android.systemui", "System UI"),
    Package("com.android.phone", "Phone Services", uid=1001, providers=("telephony",)),
    Package(
        "com.android.providers.telephony", "Phone and Messaging Storage", uid=1001,
        databases=(("mmssms.db", schemas.TELEPHONY),), providers=("sms", "mms", "mms-sms"),
    ),
    Package(
        "com.android.providers.contacts", "Contacts Storage",
        databases=(("contacts2.db", schemas.CONTACTS), ("calllog.db", schemas.CALL_LOG)),
        providers=("com.android.contacts", "contacts", "call_log"),
    ),
    Package(
        "com.android.providers.calendar", "Calendar Storage", databases=(("calendar.db", schemas.CALENDAR),),
        providers=("com.android.calendar",),
    ),
    Package("com.android.providers.settings", "Settings Storage", uid=1000, providers=("settings",)),
    Package("com.android.providers.downloads", "Download Manager", providers=("downloads",)),
    Package(
        "com.google.android.providers.media.module", "Media Storage", providers=("media",),
        files=(*first_photos(), *first_notes("/storage/emulated/0/Documents/Markor")),
    ),
    Package("com.google.android.inputmethod.latin", "Gboard"),
    Package("com.google.android.webview", "Android System WebView"),
    Package(FORWARDER, "Accessibility Forwarder", system=False),
)  # fmt: skip
"""What has no icon."""

APPS = (
    Package(
        "com.google.android.apps.nexuslauncher", "Launcher",
        (
            ActivityInfo(
                ".NexusLauncherActivity", "Launcher", (Filter((ACTION_MAIN,), (CATEGORY_HOME,)),), "singleTask"
            ),
        ),
    ),
    _settings(),
    _app(
        "com.google.android.deskclock", "Clock", "com.android.deskclock.DeskClock",
        Filter(("android.intent.action.SET_ALARM", "android.intent.action.SHOW_ALARMS",
                "android.intent.action.SET_TIMER", "android.intent.action.SHOW_TIMERS")),
        system=True, permissions=(_NOTIFY,), databases=(("alarms.db", schemas.CLOCK),),
    ),
    _app(
        "com.google.android.contacts", "Contacts", "com.android.contacts.activities.PeopleActivity",
        Filter((ACTION_VIEW, "android.intent.action.PICK"), types=_CONTACT_TYPES),
        Filter((ACTION_VIEW,), schemes=("content",), authorities=("contacts", "com.android.contacts")),
        system=True, permissions=(*_CONTACTS, "android.permission.CALL_PHONE"),
        activities=(
            ActivityInfo("com.android.contacts.activities.ContactEditorActivity", "Contacts",
                         (Filter(_EDIT, types=(*_CONTACT_TYPES, *_CONTACT_ITEMS)),)),
            ActivityInfo("com.android.contacts.quickcontact.QuickContactActivity", "Contacts",
                         (Filter((ACTION_VIEW,), types=_CONTACT_ITEMS),)),
        ),
    ),
    _app(
        "com.google.android.dialer", "Phone", "com.google.android.dialer.extensions.GoogleDialtactsActivity",
        Filter(("android.intent.action.DIAL",)),
        Filter(("android.intent.action.DIAL", "android.intent.action.CALL", ACTION_VIEW), (_BROWSABLE,), ("tel",)),
        system=True, permissions=(*_PHONE, *_CONTACTS),
        activities=(ActivityInfo("com.android.incallui.InCallActivity", "Phone"),),
    ),
    _app(
        "com.simplemobiletools.smsmessenger", "SMS Messenger", ".activities.MainActivity",
        permissions=(*_SMS, *_CONTACTS, _NOTIFY),
        activities=(
            ActivityInfo(".activities.NewConversationActivity", "SMS Messenger", (
                Filter((ACTION_VIEW, "android.intent.action.SENDTO"), (_BROWSABLE,), ("sms", "smsto", "mms", "mmsto")),
                Filter(("android.intent.action.SEND",), types=("text/plain",)),
            )),
            ActivityInfo(".activities.ThreadActivity", "SMS Messenger"),
        ),
    ),
    _app(
        "com.simplemobiletools.calendar.pro", "Calendar", ".activities.MainActivity",
        Filter((ACTION_VIEW,), schemes=("content",), authorities=("com.android.calendar",)),
        databases=(("events.db", schemas.SIMPLE_CALENDAR),), permissions=(*_CALENDAR, _NOTIFY),
        activities=(ActivityInfo(".activities.EventActivity", "Calendar", (
            Filter(("android.intent.action.INSERT", "android.intent.action.EDIT"),
                   types=("vnd.android.cursor.dir/event", "vnd.android.cursor.item/event")),)),),
    ),
    _app(
        "net.gsantner.markor", "Markor", ".activity.MainActivity", permissions=_STORAGE,
        activities=(ActivityInfo(".activity.DocumentActivity", "Markor", (
            Filter((ACTION_VIEW, "android.intent.action.EDIT"), schemes=("file", "content"), types=("text/*",)),)),),
    ),
    _app("com.google.android.documentsui", "Files", "com.android.documentsui.files.FilesActivity", system=True),
    _app(
        "org.tasks", "Tasks", "com.todoroo.astrid.activity.MainActivity",
        databases=(("database", schemas.TASKS),), samples=(("database", first_tasks()),),
        permissions=(_NOTIFY,),
    ),
    _app(
        "com.arduia.expense", "Pro Expense", ".ui.MainActivity",
        databases=(("accounting.db", schemas.EXPENSE),), samples=(("accounting.db", first_expenses()),),
    ),
    _app(
        "com.flauschcode.broccoli", "Broccoli", ".MainActivity",
        databases=(("broccoli", schemas.RECIPES),), samples=(("broccoli", first_recipes()),),
    ),
    _app(
        "com.android.chrome", "Chrome", "com.google.android.apps.chrome.Main",
        Filter((ACTION_VIEW,), (_BROWSABLE,), ("http", "https")),
        Filter((ACTION_VIEW,), (_BROWSABLE,), ("file", "content"), ("text/html",)), system=True,
        activities=(ActivityInfo("org.chromium.chrome.browser.history.HistoryActivity", "Chrome"),),
        databases=(("app_chrome/Default/History", schemas.BROWSER_HISTORY), ("browser.db", schemas.BROWSER)),
        permissions=(_NOTIFY,),
    ),
    _app(
        "com.android.camera2", "Camera", "com.android.camera.CameraLauncher",
        Filter(("android.media.action.STILL_IMAGE_CAMERA", "android.media.action.IMAGE_CAPTURE",
                "android.media.action.VIDEO_CAMERA", "android.media.action.VIDEO_CAPTURE")),
        system=True, permissions=("android.permission.CAMERA", "android.permission.RECORD_AUDIO", *_PLACE, *_STORAGE),
        databases=(("camera.db", schemas.CAMERA),),
    ),
    _app(
        "com.simplemobiletools.gallery.pro", "Gallery", ".activities.MainActivity",
        Filter((ACTION_VIEW, "android.intent.action.PICK"), types=("vnd.android.cursor.dir/image",)),
        databases=(("gallery.db", schemas.GALLERY),), permissions=(*_STORAGE, *_MEDIA, _NOTIFY),
        activities=(
            ActivityInfo(".activities.MediaActivity", "Gallery"),
            ActivityInfo(".activities.PhotoVideoActivity", "Gallery", (
                Filter((ACTION_VIEW,), schemes=("file", "content"), types=("image/*", "video/*")),)),
        ),
    ),
    _app(
        "com.dimowner.audiorecorder", "Audio Recorder", ".app.welcome.WelcomeActivity",
        databases=(("records.db", schemas.RECORDS),),
        folders=("/storage/emulated/0/Android/data/com.dimowner.audiorecorder/files/Music/records",),
        permissions=("android.permission.RECORD_AUDIO", *_STORAGE, _NOTIFY),
        activities=(
            ActivityInfo(".app.main.MainActivity", "Audio Recorder"),
            ActivityInfo(".app.records.RecordsActivity", "Audio Recorder"),
            ActivityInfo(".app.settings.SettingsActivity", "Audio Recorder"),
        ),
    ),
    _app("ca.zgrs.clipper", "Clipper", ".Main"),
)  # fmt: skip
"""What a launcher shows, and the launcher."""

PACKAGES = (*SYSTEM, *APPS)
