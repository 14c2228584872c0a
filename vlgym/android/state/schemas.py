"""Tables of the system's content providers and of the apps whose databases AndroidWorld reads.

Names and columns are those of AOSP's providers (API 33) and of the apps; constraints and triggers are ours.
"""

TELEPHONY = """
CREATE TABLE canonical_addresses (_id INTEGER PRIMARY KEY AUTOINCREMENT, address TEXT);
CREATE TABLE threads (_id INTEGER PRIMARY KEY AUTOINCREMENT, date INTEGER DEFAULT 0, message_count INTEGER DEFAULT 0,
    recipient_ids TEXT, snippet TEXT, snippet_cs INTEGER DEFAULT 0, read INTEGER DEFAULT 1, archived INTEGER DEFAULT 0,
    type INTEGER DEFAULT 0, error INTEGER DEFAULT 0, has_attachment INTEGER DEFAULT 0);
CREATE TABLE sms (_id INTEGER PRIMARY KEY, thread_id INTEGER, address TEXT, person INTEGER, date INTEGER,
    date_sent INTEGER DEFAULT 0, protocol INTEGER, read INTEGER DEFAULT 0, status INTEGER DEFAULT -1, type INTEGER,
    reply_path_present INTEGER, subject TEXT, body TEXT, service_center TEXT, locked INTEGER DEFAULT 0,
    sub_id INTEGER DEFAULT -1, error_code INTEGER DEFAULT 0, creator TEXT, seen INTEGER DEFAULT 0);
CREATE TABLE pdu (_id INTEGER PRIMARY KEY AUTOINCREMENT, thread_id INTEGER, date INTEGER, date_sent INTEGER DEFAULT 0,
    msg_box INTEGER, read INTEGER DEFAULT 0, sub TEXT, m_type INTEGER, seen INTEGER DEFAULT 0, creator TEXT);
CREATE TABLE attachments (sms_id INTEGER, content_url TEXT, offset INTEGER);
CREATE INDEX typeThreadIdIndex ON sms (type, thread_id);
CREATE TRIGGER sms_thread_made AFTER INSERT ON sms WHEN NEW.thread_id IS NULL AND NEW.address IS NOT NULL BEGIN
    INSERT INTO canonical_addresses (address) SELECT NEW.address
        WHERE NOT EXISTS (SELECT 1 FROM canonical_addresses WHERE address = NEW.address);
    INSERT INTO threads (recipient_ids) SELECT _id FROM canonical_addresses WHERE address = NEW.address
        AND NOT EXISTS (SELECT 1 FROM threads WHERE recipient_ids = CAST(canonical_addresses._id AS TEXT)) LIMIT 1;
    UPDATE sms SET thread_id = (SELECT threads._id FROM threads JOIN canonical_addresses AS who
        ON threads.recipient_ids = CAST(who._id AS TEXT) WHERE who.address = NEW.address) WHERE _id = NEW._id;
END;
CREATE TRIGGER sms_insert_updates_thread AFTER INSERT ON sms WHEN NEW.thread_id IS NOT NULL BEGIN
    UPDATE threads SET date = NEW.date, snippet = NEW.body,
        message_count = (SELECT COUNT(*) FROM sms WHERE thread_id = NEW.thread_id AND type != 3),
        read = NOT EXISTS (SELECT 1 FROM sms WHERE thread_id = NEW.thread_id AND read = 0) WHERE _id = NEW.thread_id;
END;
CREATE TRIGGER sms_update_updates_thread AFTER UPDATE OF thread_id, read, body, type, date ON sms BEGIN
    UPDATE threads SET message_count = (SELECT COUNT(*) FROM sms WHERE thread_id = NEW.thread_id AND type != 3),
        date = (SELECT date FROM sms WHERE thread_id = NEW.thread_id ORDER BY date DESC, _id DESC LIMIT 1),
        snippet = (SELECT body FROM sms WHERE thread_id = NEW.thread_id ORDER BY date DESC, _id DESC LIMIT 1),
        read = NOT EXISTS (SELECT 1 FROM sms WHERE thread_id = NEW.thread_id AND read = 0) WHERE _id = NEW.thread_id;
END;
CREATE TRIGGER sms_delete_updates_thread AFTER DELETE ON sms BEGIN
    DELETE FROM threads WHERE _id = OLD.thread_id AND NOT EXISTS (SELECT 1 FROM sms WHERE thread_id = OLD.thread_id);
    UPDATE threads SET message_count = (SELECT COUNT(*) FROM sms WHERE thread_id = OLD.thread_id AND type != 3),
        date = (SELECT date FROM sms WHERE thread_id = OLD.thread_id ORDER BY date DESC, _id DESC LIMIT 1),
        snippet = (SELECT body FROM sms WHERE thread_id = OLD.thread_id ORDER BY date DESC, _id DESC LIMIT 1),
        read = NOT EXISTS (SELECT 1 FROM sms WHERE thread_id = OLD.thread_id AND read = 0) WHERE _id = OLD.thread_id;
END;
PRAGMA user_version = 68;
"""

CONTACTS = """
CREATE TABLE accounts (_id INTEGER PRIMARY KEY AUTOINCREMENT, account_name TEXT, account_type TEXT, data_set TEXT);
CREATE TABLE mimetypes (_id INTEGER PRIMARY KEY AUTOINCREMENT, mimetype TEXT NOT NULL);
CREATE TABLE raw_contacts (_id INTEGER PRIMARY KEY AUTOINCREMENT, account_id INTEGER DEFAULT 1, sourceid TEXT,
    version INTEGER NOT NULL DEFAULT 1, dirty INTEGER NOT NULL DEFAULT 0, deleted INTEGER NOT NULL DEFAULT 0,
    contact_id INTEGER, starred INTEGER NOT NULL DEFAULT 0, pinned INTEGER NOT NULL DEFAULT 0, display_name TEXT,
    display_name_alt TEXT, display_name_source INTEGER NOT NULL DEFAULT 0, sort_key TEXT, phonebook_label TEXT,
    custom_ringtone TEXT, send_to_voicemail INTEGER NOT NULL DEFAULT 0);
CREATE TABLE contacts (_id INTEGER PRIMARY KEY AUTOINCREMENT, name_raw_contact_id INTEGER, photo_id INTEGER,
    custom_ringtone TEXT, send_to_voicemail INTEGER NOT NULL DEFAULT 0, starred INTEGER NOT NULL DEFAULT 0,
    pinned INTEGER NOT NULL DEFAULT 0, has_phone_number INTEGER NOT NULL DEFAULT 0, lookup TEXT,
    contact_last_updated_timestamp INTEGER);
CREATE TABLE data (_id INTEGER PRIMARY KEY AUTOINCREMENT, mimetype_id INTEGER NOT NULL, raw_contact_id INTEGER NOT NULL,
    is_read_only INTEGER NOT NULL DEFAULT 0, is_primary INTEGER NOT NULL DEFAULT 0,
    is_super_primary INTEGER NOT NULL DEFAULT 0, data_version INTEGER NOT NULL DEFAULT 0, data1 TEXT, data2 TEXT,
    data3 TEXT, data4 TEXT, data5 TEXT, data6 TEXT, data7 TEXT, data8 TEXT, data9 TEXT, data10 TEXT, data11 TEXT,
    data12 TEXT, data13 TEXT, data14 TEXT, data15 TEXT);
CREATE TABLE groups (_id INTEGER PRIMARY KEY AUTOINCREMENT, account_id INTEGER, title TEXT, notes TEXT,
    deleted INTEGER NOT NULL DEFAULT 0, group_visible INTEGER NOT NULL DEFAULT 0);
CREATE TABLE phone_lookup (data_id INTEGER PRIMARY KEY, raw_contact_id INTEGER NOT NULL,
    normalized_number TEXT NOT NULL, min_match TEXT NOT NULL);
INSERT INTO accounts (account_name, account_type) VALUES (NULL, NULL);
INSERT INTO mimetypes (mimetype) VALUES ('vnd.android.cursor.item/email_v2'), ('vnd.android.cursor.item/im'),
    ('vnd.android.cursor.item/nickname'), ('vnd.android.cursor.item/organization'),
    ('vnd.android.cursor.item/phone_v2'),
    ('vnd.android.cursor.item/sip_address'), ('vnd.android.cursor.item/name'),
    ('vnd.android.cursor.item/postal-address_v2'), ('vnd.android.cursor.item/identity'),
    ('vnd.android.cursor.item/photo'), ('vnd.android.cursor.item/group_membership'), ('vnd.android.cursor.item/note'),
    ('vnd.android.cursor.item/website');
CREATE VIEW view_raw_contacts AS SELECT raw_contacts.*, accounts.account_name, accounts.account_type FROM raw_contacts
    LEFT JOIN accounts ON raw_contacts.account_id = accounts._id;
CREATE VIEW view_contacts AS SELECT contacts._id, raw_contacts.display_name, raw_contacts.display_name_alt,
    raw_contacts.sort_key, contacts.name_raw_contact_id, contacts.lookup, contacts.starred, contacts.pinned,
    contacts.has_phone_number, contacts.photo_id, contacts.custom_ringtone, contacts.send_to_voicemail,
    contacts.contact_last_updated_timestamp FROM contacts
    JOIN raw_contacts ON contacts.name_raw_contact_id = raw_contacts._id;
CREATE VIEW view_data AS SELECT data._id, data.raw_contact_id, raw_contacts.contact_id, mimetypes.mimetype,
    raw_contacts.display_name, contacts.lookup, contacts.starred, contacts.has_phone_number, data.is_primary,
    data.is_super_primary, data.data1, data.data2, data.data3, data.data4, data.data5, data.data6, data.data7,
    data.data8, data.data9, data.data10, data.data11, data.data12, data.data13, data.data14, data.data15 FROM data
    JOIN mimetypes ON data.mimetype_id = mimetypes._id JOIN raw_contacts ON data.raw_contact_id = raw_contacts._id
    JOIN contacts ON raw_contacts.contact_id = contacts._id WHERE raw_contacts.deleted = 0;
CREATE TRIGGER raw_contact_made AFTER INSERT ON raw_contacts WHEN NEW.contact_id IS NULL BEGIN
    INSERT INTO contacts (name_raw_contact_id, starred, lookup) VALUES (NEW._id, NEW.starred, '0r' || NEW._id);
    UPDATE raw_contacts SET contact_id = last_insert_rowid() WHERE _id = NEW._id;
END;
CREATE TRIGGER data_made AFTER INSERT ON data BEGIN
    UPDATE raw_contacts SET display_name = NEW.data1, sort_key = NEW.data1, display_name_source = 40,
        display_name_alt = CASE WHEN NEW.data3 IS NULL OR NEW.data2 IS NULL THEN NEW.data1
            ELSE NEW.data3 || ', ' || NEW.data2 END, phonebook_label = upper(substr(NEW.data1, 1, 1))
        WHERE _id = NEW.raw_contact_id AND NEW.mimetype_id = 7;
    UPDATE raw_contacts SET display_name = NEW.data1, display_name_alt = NEW.data1, sort_key = NEW.data1,
        display_name_source = 20 WHERE _id = NEW.raw_contact_id AND NEW.mimetype_id = 5 AND display_name IS NULL;
    UPDATE contacts SET has_phone_number = 1 WHERE name_raw_contact_id = NEW.raw_contact_id AND NEW.mimetype_id = 5;
    INSERT INTO phone_lookup
        SELECT NEW._id, NEW.raw_contact_id, number, substr(replace(number, '+', ''), -7) FROM (SELECT
        replace(replace(replace(replace(replace(NEW.data1, '-', ''), ' ', ''), '(', ''), ')', ''), '.', '') AS number)
        WHERE NEW.mimetype_id = 5 AND number IS NOT NULL;
END;
CREATE TRIGGER data_changed AFTER UPDATE OF data1, data2, data3 ON data BEGIN
    UPDATE raw_contacts SET display_name = NEW.data1, sort_key = NEW.data1,
        display_name_alt = CASE WHEN NEW.data3 IS NULL OR NEW.data2 IS NULL THEN NEW.data1
            ELSE NEW.data3 || ', ' || NEW.data2 END, phonebook_label = upper(substr(NEW.data1, 1, 1))
        WHERE _id = NEW.raw_contact_id AND NEW.mimetype_id = 7;
    DELETE FROM phone_lookup WHERE data_id = NEW._id;
    INSERT INTO phone_lookup
        SELECT NEW._id, NEW.raw_contact_id, number, substr(replace(number, '+', ''), -7) FROM (SELECT
        replace(replace(replace(replace(replace(NEW.data1, '-', ''), ' ', ''), '(', ''), ')', ''), '.', '') AS number)
        WHERE NEW.mimetype_id = 5 AND number IS NOT NULL;
END;
CREATE TRIGGER data_gone AFTER DELETE ON data BEGIN
    DELETE FROM phone_lookup WHERE data_id = OLD._id;
    UPDATE contacts SET has_phone_number = EXISTS (SELECT 1 FROM data WHERE raw_contact_id = OLD.raw_contact_id
        AND mimetype_id = 5) WHERE name_raw_contact_id = OLD.raw_contact_id;
END;
CREATE TRIGGER raw_contact_gone AFTER DELETE ON raw_contacts BEGIN
    DELETE FROM data WHERE raw_contact_id = OLD._id;
    DELETE FROM contacts WHERE _id = OLD.contact_id;
END;
CREATE TRIGGER contact_gone AFTER DELETE ON contacts BEGIN
    DELETE FROM raw_contacts WHERE contact_id = OLD._id;
END;
CREATE TRIGGER star_follows AFTER UPDATE OF starred ON contacts BEGIN
    UPDATE raw_contacts SET starred = NEW.starred WHERE contact_id = NEW._id AND starred != NEW.starred;
END;
PRAGMA user_version = 1511;
"""

CALL_LOG = """
CREATE TABLE calls (_id INTEGER PRIMARY KEY AUTOINCREMENT, number TEXT, presentation INTEGER NOT NULL DEFAULT 1,
    post_dial_digits TEXT NOT NULL DEFAULT '', via_number TEXT NOT NULL DEFAULT '', date INTEGER, duration INTEGER,
    data_usage INTEGER, type INTEGER, features INTEGER NOT NULL DEFAULT 0, subscription_component_name TEXT,
    subscription_id TEXT, new INTEGER, name TEXT, numbertype INTEGER, numberlabel TEXT, countryiso TEXT,
    voicemail_uri TEXT, is_read INTEGER, geocoded_location TEXT, lookup_uri TEXT, matched_number TEXT,
    normalized_number TEXT, photo_id INTEGER NOT NULL DEFAULT 0, photo_uri TEXT, formatted_number TEXT,
    last_modified INTEGER DEFAULT 0, missed_reason INTEGER NOT NULL DEFAULT 0);
PRAGMA user_version = 10;
"""

CALENDAR = """
CREATE TABLE Calendars (_id INTEGER PRIMARY KEY, account_name TEXT, account_type TEXT, name TEXT,
    calendar_displayName TEXT, calendar_color INTEGER, calendar_access_level INTEGER,
    visible INTEGER NOT NULL DEFAULT 1,
    sync_events INTEGER NOT NULL DEFAULT 0, calendar_timezone TEXT, ownerAccount TEXT, isPrimary INTEGER);
CREATE TABLE Events (_id INTEGER PRIMARY KEY AUTOINCREMENT, calendar_id INTEGER NOT NULL, title TEXT,
    eventLocation TEXT, description TEXT, eventColor INTEGER, eventStatus INTEGER, dtstart INTEGER, dtend INTEGER,
    eventTimezone TEXT, duration TEXT, allDay INTEGER NOT NULL DEFAULT 0, hasAlarm INTEGER NOT NULL DEFAULT 0,
    rrule TEXT, rdate TEXT, exrule TEXT, exdate TEXT, lastDate INTEGER, organizer TEXT, availability INTEGER DEFAULT 0,
    accessLevel INTEGER DEFAULT 0, deleted INTEGER NOT NULL DEFAULT 0, dirty INTEGER);
CREATE TABLE Reminders (_id INTEGER PRIMARY KEY, event_id INTEGER, minutes INTEGER, method INTEGER NOT NULL DEFAULT 0);
CREATE TRIGGER event_gone AFTER DELETE ON Events BEGIN DELETE FROM Reminders WHERE event_id = OLD._id; END;
INSERT INTO Calendars (account_name, account_type, name, calendar_displayName, calendar_color, calendar_access_level,
    calendar_timezone, ownerAccount, isPrimary) VALUES ('Phone', 'LOCAL', 'Phone', 'Phone', -14575885, 700, 'UTC',
    'Phone', 1);
PRAGMA user_version = 600;
"""

SIMPLE_CALENDAR = """
CREATE TABLE `events` (`id` INTEGER PRIMARY KEY AUTOINCREMENT, `start_ts` INTEGER NOT NULL, `end_ts` INTEGER NOT NULL,
    `title` TEXT NOT NULL, `location` TEXT NOT NULL, `description` TEXT NOT NULL, `reminder_1_minutes` INTEGER NOT NULL,
    `reminder_2_minutes` INTEGER NOT NULL, `reminder_3_minutes` INTEGER NOT NULL, `reminder_1_type` INTEGER NOT NULL,
    `reminder_2_type` INTEGER NOT NULL, `reminder_3_type` INTEGER NOT NULL, `repeat_interval` INTEGER NOT NULL,
    `repeat_rule` INTEGER NOT NULL, `repeat_limit` INTEGER NOT NULL, `repetition_exceptions` TEXT NOT NULL,
    `attendees` TEXT NOT NULL, `import_id` TEXT NOT NULL, `time_zone` TEXT NOT NULL, `flags` INTEGER NOT NULL,
    `event_type` INTEGER NOT NULL, `parent_id` INTEGER NOT NULL, `last_updated` INTEGER NOT NULL,
    `source` TEXT NOT NULL, `availability` INTEGER NOT NULL, `color` INTEGER NOT NULL, `type` INTEGER NOT NULL);
CREATE UNIQUE INDEX `index_events_id` ON `events` (`id`);
CREATE TABLE `event_types` (`id` INTEGER PRIMARY KEY AUTOINCREMENT, `title` TEXT NOT NULL, `color` INTEGER NOT NULL,
    `caldav_calendar_id` INTEGER NOT NULL, `caldav_display_name` TEXT NOT NULL, `caldav_email` TEXT NOT NULL,
    `type` INTEGER NOT NULL);
CREATE UNIQUE INDEX `index_event_types_id` ON `event_types` (`id`);
CREATE TABLE `widgets` (`id` INTEGER PRIMARY KEY AUTOINCREMENT, `widget_id` INTEGER NOT NULL,
    `period` INTEGER NOT NULL);
CREATE TABLE `tasks` (`id` INTEGER PRIMARY KEY AUTOINCREMENT, `task_id` INTEGER NOT NULL, `start_ts` INTEGER NOT NULL,
    `flags` INTEGER NOT NULL);
INSERT INTO event_types VALUES (1, 'Regular event', -10711, 0, '', '', 0);
PRAGMA user_version = 8;
"""

EXPENSE = """
CREATE TABLE `category` (`category_id` INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, `name` TEXT NOT NULL,
    `img` TEXT NOT NULL);
CREATE TABLE `expense` (`expense_id` INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, `name` TEXT, `amount` INTEGER NOT NULL,
    `category` INTEGER NOT NULL, `note` TEXT, `created_date` INTEGER NOT NULL, `modified_date` INTEGER NOT NULL);
CREATE TABLE `backup` (`backup_id` INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, `name` TEXT NOT NULL,
    `file_path` TEXT NOT NULL, `created_date` INTEGER NOT NULL, `item_total` INTEGER NOT NULL,
    `worker_id` TEXT NOT NULL, `is_completed` INTEGER NOT NULL);
INSERT INTO category VALUES (1, 'Others', 'others'), (2, 'Income', 'income'), (3, 'Food', 'food'),
    (4, 'Housing', 'housing'), (5, 'Social', 'social'), (6, 'Entertainment', 'entertainment'),
    (7, 'Transportation', 'transportation'), (8, 'Clothes', 'clothes'), (9, 'Health Care', 'health_care'),
    (10, 'Education', 'education'), (11, 'Donation', 'donation');
PRAGMA user_version = 4;
"""

RECIPES = """
CREATE TABLE `recipes` (`recipeId` INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, `title` TEXT, `imageName` TEXT,
    `description` TEXT, `servings` TEXT, `preparationTime` TEXT, `source` TEXT, `ingredients` TEXT, `directions` TEXT,
    `favorite` INTEGER NOT NULL);
CREATE TABLE `categories` (`categoryId` INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, `name` TEXT);
CREATE TABLE `recipes_with_categories` (`recipeId` INTEGER NOT NULL, `categoryId` INTEGER NOT NULL,
    PRIMARY KEY (`recipeId`, `categoryId`));
CREATE TRIGGER recipe_gone AFTER DELETE ON recipes BEGIN
    DELETE FROM recipes_with_categories WHERE recipeId = OLD.recipeId;
END;
PRAGMA user_version = 2;
"""

TASKS = """
CREATE TABLE `tasks` (`_id` INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, `title` TEXT, `importance` INTEGER NOT NULL,
    `dueDate` INTEGER NOT NULL, `hideUntil` INTEGER NOT NULL, `created` INTEGER NOT NULL, `modified` INTEGER NOT NULL,
    `completed` INTEGER NOT NULL, `deleted` INTEGER NOT NULL, `notes` TEXT, `estimatedSeconds` INTEGER NOT NULL,
    `elapsedSeconds` INTEGER NOT NULL, `timerStart` INTEGER NOT NULL, `notificationFlags` INTEGER NOT NULL,
    `lastNotified` INTEGER NOT NULL, `recurrence` TEXT, `repeat_from` INTEGER NOT NULL DEFAULT 0, `calendarUri` TEXT,
    `remoteId` TEXT, `collapsed` INTEGER NOT NULL, `parent` INTEGER NOT NULL, `order` INTEGER,
    `read_only` INTEGER NOT NULL DEFAULT 0);
CREATE INDEX `active_and_visible` ON `tasks` (`completed`, `deleted`, `hideUntil`);
CREATE TABLE `alarms` (`_id` INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, `task` INTEGER NOT NULL,
    `time` INTEGER NOT NULL, `type` INTEGER NOT NULL DEFAULT 0, `repeat` INTEGER NOT NULL DEFAULT 0,
    `interval` INTEGER NOT NULL DEFAULT 0);
CREATE TABLE `tagdata` (`_id` INTEGER PRIMARY KEY AUTOINCREMENT, `remoteId` TEXT, `name` TEXT, `color` INTEGER,
    `tagOrdering` TEXT, `td_icon` INTEGER, `td_order` INTEGER NOT NULL);
CREATE TABLE `tags` (`_id` INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, `task` INTEGER NOT NULL, `name` TEXT,
    `tag_uid` TEXT, `task_uid` TEXT);
CREATE TABLE `caldav_lists` (`cdl_id` INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, `cdl_account` TEXT, `cdl_uuid` TEXT,
    `cdl_name` TEXT, `cdl_color` INTEGER NOT NULL, `cdl_ctag` TEXT, `cdl_url` TEXT, `cdl_icon` INTEGER,
    `cdl_order` INTEGER NOT NULL, `cdl_access` INTEGER NOT NULL, `cdl_last_sync` INTEGER NOT NULL);
CREATE TABLE `caldav_tasks` (`cd_id` INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, `cd_task` INTEGER NOT NULL,
    `cd_calendar` TEXT, `cd_remote_id` TEXT, `cd_object` TEXT, `cd_etag` TEXT, `cd_last_sync` INTEGER NOT NULL,
    `cd_deleted` INTEGER NOT NULL, `cd_remote_parent` TEXT);
INSERT INTO caldav_lists VALUES (1, 'local', 'default', 'Default list', 0, NULL, NULL, -1, 0, 0, 0);
PRAGMA user_version = 86;
"""

PREFERENCES = """
CREATE TABLE preferences (key TEXT PRIMARY KEY, value TEXT NOT NULL);
"""
"""What an app keeps in its shared preferences; a table of ours, so that it is read like everything else."""

CAMERA = (
    PREFERENCES
    + """
CREATE TABLE pictures (_id INTEGER PRIMARY KEY AUTOINCREMENT, path TEXT NOT NULL, lens TEXT NOT NULL,
    flash TEXT NOT NULL, timer_s INTEGER NOT NULL, zoom REAL NOT NULL, ratio TEXT NOT NULL,
    length_ms INTEGER NOT NULL);
"""
)
"""The camera's settings and how each picture was taken (what EXIF would say); ours."""

BROWSER_HISTORY = """
CREATE TABLE urls (id INTEGER PRIMARY KEY AUTOINCREMENT, url LONGVARCHAR, title LONGVARCHAR,
    visit_count INTEGER DEFAULT 0 NOT NULL, typed_count INTEGER DEFAULT 0 NOT NULL, last_visit_time INTEGER NOT NULL,
    hidden INTEGER DEFAULT 0 NOT NULL);
CREATE TABLE visits (id INTEGER PRIMARY KEY AUTOINCREMENT, url INTEGER NOT NULL, visit_time INTEGER NOT NULL,
    from_visit INTEGER, transition INTEGER DEFAULT 0 NOT NULL, segment_id INTEGER,
    visit_duration INTEGER DEFAULT 0 NOT NULL);
CREATE INDEX urls_url_index ON urls (url);
CREATE INDEX visits_url_index ON visits (url);
"""
"""Chromium's history: times in microseconds since 1601."""

BROWSER = (
    PREFERENCES
    + """
CREATE TABLE tabs (_id INTEGER PRIMARY KEY AUTOINCREMENT, trail TEXT NOT NULL, place INTEGER NOT NULL DEFAULT 0);
CREATE TABLE bookmarks (_id INTEGER PRIMARY KEY AUTOINCREMENT, title TEXT NOT NULL, url TEXT NOT NULL UNIQUE,
    added INTEGER NOT NULL);
CREATE TABLE storage (host TEXT PRIMARY KEY, data TEXT NOT NULL);
"""
)
"""Tabs, bookmarks and what sites remember of their visitor (JSON); ours."""

GALLERY = """
CREATE TABLE `media` (`id` INTEGER PRIMARY KEY AUTOINCREMENT, `filename` TEXT NOT NULL, `full_path` TEXT NOT NULL,
    `parent_path` TEXT NOT NULL, `last_modified` INTEGER NOT NULL, `date_taken` INTEGER NOT NULL,
    `size` INTEGER NOT NULL, `type` INTEGER NOT NULL, `video_duration` INTEGER NOT NULL, `is_favorite` INTEGER NOT NULL,
    `deleted_ts` INTEGER NOT NULL, `media_store_id` INTEGER NOT NULL);
CREATE UNIQUE INDEX `index_media_full_path` ON `media` (`full_path`);
CREATE TABLE `favorites` (`id` INTEGER PRIMARY KEY AUTOINCREMENT, `full_path` TEXT NOT NULL, `filename` TEXT NOT NULL,
    `parent_path` TEXT NOT NULL);
CREATE TABLE preferences (key TEXT PRIMARY KEY, value TEXT NOT NULL);
PRAGMA user_version = 10;
"""

RECORDS = """
CREATE TABLE records (_id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL, duration LONG NOT NULL,
    created LONG NOT NULL, added LONG NOT NULL, removed LONG DEFAULT 0, path TEXT NOT NULL, format TEXT NOT NULL,
    size LONG NOT NULL, sample_rate INTEGER NOT NULL, channel_count INTEGER NOT NULL, bitrate INTEGER NOT NULL,
    bookmark INTEGER NOT NULL DEFAULT 0, waveform_processed INTEGER NOT NULL DEFAULT 0, data_str BLOB);
CREATE TABLE preferences (key TEXT PRIMARY KEY, value TEXT NOT NULL);
PRAGMA user_version = 5;
"""

CLOCK = """
CREATE TABLE alarm_templates (_id INTEGER PRIMARY KEY, hour INTEGER NOT NULL, minutes INTEGER NOT NULL,
  daysofweek INTEGER NOT NULL, enabled INTEGER NOT NULL, vibrate INTEGER NOT NULL, label TEXT NOT NULL, ringtone TEXT,
  delete_after_use INTEGER NOT NULL DEFAULT 0);
CREATE TABLE alarm_instances (_id INTEGER PRIMARY KEY, year INTEGER NOT NULL, month INTEGER NOT NULL,
  day INTEGER NOT NULL, hour INTEGER NOT NULL, minutes INTEGER NOT NULL, vibrate INTEGER NOT NULL, label TEXT NOT NULL,
  ringtone TEXT, alarm_state INTEGER NOT NULL, alarm_id INTEGER REFERENCES alarm_templates(_id) ON DELETE CASCADE);
CREATE TABLE timers (_id INTEGER PRIMARY KEY, length_ms INTEGER NOT NULL, total_ms INTEGER NOT NULL,
  left_ms INTEGER NOT NULL, started_ms INTEGER NOT NULL DEFAULT 0, state TEXT NOT NULL, label TEXT NOT NULL DEFAULT '');
CREATE TABLE stopwatch (_id INTEGER PRIMARY KEY CHECK (_id = 1), state TEXT NOT NULL, started_ms INTEGER NOT NULL,
  accumulated_ms INTEGER NOT NULL);
CREATE TABLE laps (_id INTEGER PRIMARY KEY, total_ms INTEGER NOT NULL);
CREATE TABLE cities (_id INTEGER PRIMARY KEY, zone TEXT NOT NULL UNIQUE);
INSERT INTO alarm_templates VALUES (1, 8, 30, 31, 0, 1, '', NULL, 0), (2, 9, 0, 96, 0, 1, '', NULL, 0);
INSERT INTO stopwatch VALUES (1, 'RESET', 0, 0);
"""
"""Alarms as the AOSP clock keeps them (days: Monday is bit 0); timers, stopwatch and cities are ours, times in ms
of uptime."""
