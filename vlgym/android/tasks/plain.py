"""Templates whose oracle needs only ``click[...]``, ``type("...")``, ``scroll(...)``, ``back()`` and ``wait()``.

For policies that speak no more than that, such as the small ones that are trained from scratch.
"""

from __future__ import annotations

PLAIN = frozenset(
    """
    SettingsWifi SettingsBluetooth SettingsAirplaneMode SettingsMobileData SettingsDarkTheme SettingsDoNotDisturb
    SettingsLocation SettingsSwitch SettingsThreeSwitches SettingsFiveSwitches SettingsScreenTimeout
    SettingsLanguage SettingsNavigation SettingsJoinOpenWifi SettingsJoinSecuredWifi SettingsForgetWifi
    SettingsTimeZone SettingsSetDate SettingsAppNotifications SettingsUninstallApp ClockAddAlarm
    ClockAddLabelledAlarm ClockAddRepeatingAlarm ClockSwitchAlarm ClockAllAlarmsOff ClockDeleteAlarm
    ClockChangeAlarmTime ClockStartTimer ClockDeleteTimer ClockStopwatch ClockLaps ClockAddCity SystemOpenApp
    SystemQuickSetting SystemFlashlight SystemClearNotifications SystemSearchApp ContactsAddContact
    ContactsAddFullContact ContactsAddTwo ContactsStar ContactsDelete ContactsAddEmailAndCompany DialerCallContact
    DialerDialNumber DialerCallAndHangUp DialerCallTwo DialerCallBack DialerClearHistory DialerSaveCaller
    MessagesSend MessagesSendToContact MessagesReply MessagesReplyToLatest MessagesSendToSeveral MessagesMarkAllRead
    MessagesSaveSender CalendarAddEvent CalendarAddFullEvent CalendarAddWeeklyEvent CalendarDeleteEvent
    CalendarMoveTime CalendarMoveDay CalendarSetReminder CalendarSkipOccurrence MarkorCreateNote MarkorCreateFolder
    MarkorTickItem MarkorMergeNotes FilesNewFolder TasksAdd TasksAddDetailed TasksComplete TasksCompleteThree
    TasksDelete TasksSetPriority TasksReschedule TasksSetTime TasksAddTag TasksMoveToNewList TasksClearCompleted
    ExpenseAdd ExpenseAddThree ExpenseDelete ExpenseDeleteDuplicates ExpenseChangeCategory RecipeAdd RecipeAddTwo
    RecipeDeleteWith RecipeFavorite RecipeCategorise RecipeNewCategory BrowserDeleteBookmark
    BrowserRemoveFromHistory BrowserClearHistory BrowserCloseTab BrowserTidyUp CameraTakePhoto CameraTakeVideo
    CameraRecordVideoOfLength CameraTakeTimedSelfie CameraTakePhotoWithSettings CameraSetUp CameraTakeSeveral
    GalleryDeletePhoto GalleryFavoritePhoto GallerySaveCopyOfReceipt GalleryRestorePhoto GallerySortBy
    RecorderRecordAudio RecorderRecordLength RecorderDeleteRecord RecorderBookmarkRecord RecorderRestoreRecord
    RecorderSetFormat
    """.split()
)
