PRAGMA application_id = 1347703345;
PRAGMA user_version = 1;
BEGIN TRANSACTION;
CREATE TABLE annotations (
    uid TEXT NOT NULL,
    series_uid TEXT NOT NULL REFERENCES documents,
    place INTEGER NOT NULL,   -- drawing order within the series
    sop_uid TEXT NOT NULL,
    frame INTEGER NOT NULL,
    subtype TEXT NOT NULL,
    body TEXT NOT NULL,       -- JSON of the whole annotation
    PRIMARY KEY (series_uid, uid)
) STRICT;
INSERT INTO "annotations" VALUES('a1','1.2.3.1',1,'1.2.3.4',0,'SDH','{"uid":"a1","sop_uid":"1.2.3.4","frame":0,"subtype":"SDH","outline":[[10.0,20.0],[30.0,20.0],[30.0,45.5],[10.0,45.5]],"source":"manual","model_id":"","reviewed":true,"holes":[]}');
INSERT INTO "annotations" VALUES('a2','1.2.3.1',2,'1.2.3.5',0,'IPH','{"uid":"a2","sop_uid":"1.2.3.5","frame":0,"subtype":"IPH","outline":[[10.0,20.0],[30.0,20.0],[30.0,45.5],[10.0,45.5]],"source":"manual","model_id":"","reviewed":true,"holes":[]}');
CREATE TABLE documents (
    series_uid TEXT PRIMARY KEY,
    study_uid TEXT NOT NULL,
    version INTEGER NOT NULL  -- journal number of the edit that made this state
) STRICT;
INSERT INTO "documents" VALUES('1.2.3.1','1.2.3',2);
CREATE TABLE findings (
    series_uid TEXT NOT NULL,
    model_id TEXT NOT NULL,
    time TEXT NOT NULL,
    study_scores TEXT NOT NULL,
    volume_ml TEXT NOT NULL,
    cautions TEXT NOT NULL,
    seconds REAL NOT NULL,
    slice_scores BLOB NOT NULL,  -- float32, little endian, (slices, 6)
    shape TEXT NOT NULL,         -- JSON: (slices, rows, columns) of the masks
    masks BLOB NOT NULL,         -- zlib of the uint8 masks
    PRIMARY KEY (series_uid, model_id)
) STRICT;
INSERT INTO "findings" VALUES('1.2.3.1','flagship-1','2026-11-21T22:51:47.268+00:00','{"any": 0.75, "SDH": 0.5}','{"SDH": 1.5}','["a kernel"]',2.0,X'0000803E0000803E0000803E0000803E0000803E0000803E0000803E0000803E0000803E0000803E0000803E0000803E','[2, 4, 4]',X'78016360C002585818184018080000A80011');
CREATE TABLE journal (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    time TEXT NOT NULL,       -- UTC, ISO 8601
    reader TEXT NOT NULL,
    action TEXT NOT NULL,
    series_uid TEXT NOT NULL,
    before TEXT NOT NULL,     -- JSON of what the edit touched, as it was
    after TEXT NOT NULL       -- and as it became
) STRICT;
INSERT INTO "journal" VALUES(1,'2026-11-21T22:51:47.212+00:00','A. Reader','draw SDH','1.2.3.1','{"annotations":{"a1":null}}','{"annotations":{"a1":{"uid":"a1","sop_uid":"1.2.3.4","frame":0,"subtype":"SDH","outline":[[10.0,20.0],[30.0,20.0],[30.0,45.5],[10.0,45.5]],"source":"manual","model_id":"","reviewed":true,"holes":[]}}}');
INSERT INTO "journal" VALUES(2,'2026-11-21T22:51:47.222+00:00','A. Reader','draw IPH','1.2.3.1','{"annotations":{"a2":null},"reviewed_slices":[]}','{"annotations":{"a2":{"uid":"a2","sop_uid":"1.2.3.5","frame":0,"subtype":"IPH","outline":[[10.0,20.0],[30.0,20.0],[30.0,45.5],[10.0,45.5]],"source":"manual","model_id":"","reviewed":true,"holes":[]}},"reviewed_slices":["1.2.3.5"]}');
CREATE TABLE reviewed_slices (
    series_uid TEXT NOT NULL REFERENCES documents,
    sop_uid TEXT NOT NULL,
    PRIMARY KEY (series_uid, sop_uid)
) STRICT, WITHOUT ROWID;
INSERT INTO "reviewed_slices" VALUES('1.2.3.1','1.2.3.5');
CREATE TABLE series (
    series_uid TEXT PRIMARY KEY,
    study_uid TEXT NOT NULL REFERENCES studies,
    facts TEXT NOT NULL,
    files TEXT NOT NULL,      -- JSON: paths in slice order
    seen TEXT NOT NULL
) STRICT;
CREATE TABLE settings (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL          -- JSON
) STRICT;
INSERT INTO "settings" VALUES('window','"bone"');
CREATE TABLE studies (
    study_uid TEXT PRIMARY KEY,
    facts TEXT NOT NULL,      -- JSON of what the scan said about patient and study
    seen TEXT NOT NULL        -- UTC, ISO 8601
) STRICT;
CREATE INDEX series_of_study ON series (study_uid);
CREATE INDEX annotations_of_series ON annotations (series_uid, place);
CREATE INDEX journal_of_series ON journal (series_uid, seq);
CREATE TRIGGER journal_is_kept BEFORE DELETE ON journal
    BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
CREATE TRIGGER journal_is_final BEFORE UPDATE ON journal
    BEGIN SELECT RAISE(ABORT, 'the journal is append-only'); END;
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('journal',2);
COMMIT;
