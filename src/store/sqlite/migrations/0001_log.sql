-- The log. `docs/receipts.md` defines every hash byte for byte.

CREATE TABLE log_head (
    id       INTEGER PRIMARY KEY CHECK (id = 1),
    fmt      INTEGER NOT NULL,
    log_id   BLOB    NOT NULL,
    gseq     INTEGER NOT NULL,
    ghash    BLOB    NOT NULL,
    ts_ms    INTEGER NOT NULL,
    epoch    INTEGER NOT NULL,
    instance TEXT    NOT NULL,
    seal     BLOB    NOT NULL
) STRICT;

-- Events name their stream by number: a name of forty bytes in each row and in its index is a tenth of the whole log.
CREATE TABLE stream (
    id           INTEGER PRIMARY KEY,
    name         TEXT    NOT NULL UNIQUE,
    seq          INTEGER NOT NULL,
    hash         BLOB    NOT NULL,
    created_gseq INTEGER NOT NULL
) STRICT;

-- Likewise the types of events and those who decided: a few words, repeated in every row.
CREATE TABLE word (
    id   INTEGER PRIMARY KEY,
    text TEXT    NOT NULL UNIQUE
) STRICT;

-- The digest of a payload is kept only when the payload is gone: until then it follows from payload and salt.
CREATE TABLE event (
    gseq        INTEGER PRIMARY KEY,
    stream      INTEGER NOT NULL REFERENCES stream (id),
    seq         INTEGER NOT NULL,
    event_id    BLOB    NOT NULL UNIQUE,
    ts_ms       INTEGER NOT NULL,
    clock_ms    INTEGER,
    type        INTEGER NOT NULL REFERENCES word (id),
    schema_v    INTEGER NOT NULL,
    actor       INTEGER NOT NULL REFERENCES word (id),
    correlation BLOB,
    causation   BLOB,
    idem_scope  TEXT,
    idem_key    TEXT,
    payload     TEXT,
    salt        BLOB,
    payload_sha BLOB,
    prev_hash   BLOB    NOT NULL,
    hash        BLOB    NOT NULL,
    ghash       BLOB    NOT NULL,
    UNIQUE (stream, seq),
    CHECK ((payload IS NULL) = (payload_sha IS NOT NULL))
) STRICT;

-- Events as they were hashed, with names and words for numbers; null where one is missing.
CREATE VIEW receipt AS
SELECT event.gseq, stream.name AS stream, event.seq, event_id, ts_ms, clock_ms, kind.text AS type, schema_v,
       decider.text AS actor, correlation, causation, idem_scope, idem_key, payload, salt, payload_sha, prev_hash,
       event.hash, ghash
FROM event
LEFT JOIN stream ON stream.id = event.stream
LEFT JOIN word AS kind ON kind.id = event.type
LEFT JOIN word AS decider ON decider.id = event.actor;

CREATE TRIGGER event_is_never_deleted BEFORE DELETE ON event
BEGIN
    SELECT RAISE(ABORT, 'receipts are never deleted');
END;

-- The one permitted change takes the payload and its salt away together and leaves the digest, which then has to fit the
-- event's hash.
CREATE TRIGGER event_is_never_changed BEFORE UPDATE ON event
WHEN NOT (
    NEW.payload IS NULL AND NEW.salt IS NULL AND NEW.payload_sha IS NOT NULL
    AND (OLD.payload_sha IS NULL OR NEW.payload_sha = OLD.payload_sha)
    AND NEW.gseq = OLD.gseq AND NEW.stream = OLD.stream AND NEW.seq = OLD.seq
    AND NEW.event_id = OLD.event_id AND NEW.ts_ms = OLD.ts_ms AND NEW.clock_ms IS OLD.clock_ms
    AND NEW.type = OLD.type AND NEW.schema_v = OLD.schema_v AND NEW.actor = OLD.actor
    AND NEW.correlation IS OLD.correlation AND NEW.causation IS OLD.causation
    AND NEW.idem_scope IS OLD.idem_scope AND NEW.idem_key IS OLD.idem_key
    AND NEW.prev_hash = OLD.prev_hash AND NEW.hash = OLD.hash AND NEW.ghash = OLD.ghash
)
BEGIN
    SELECT RAISE(ABORT, 'receipts are never changed');
END;

CREATE TABLE idem (
    scope      TEXT    NOT NULL,
    key        TEXT    NOT NULL,
    req_sha    BLOB    NOT NULL,
    first_gseq INTEGER NOT NULL,
    last_gseq  INTEGER NOT NULL,
    ts_ms      INTEGER NOT NULL,
    PRIMARY KEY (scope, key)
) STRICT, WITHOUT ROWID;

-- What is still to be done, and who may do it.

CREATE TABLE outbox (
    effect_key   TEXT    PRIMARY KEY,
    gseq         INTEGER NOT NULL,
    kind         TEXT    NOT NULL,
    payload      TEXT    NOT NULL,
    state        TEXT    NOT NULL CHECK (state IN ('pending', 'done', 'dead')),
    attempts     INTEGER NOT NULL,
    not_before   INTEGER NOT NULL,
    last_error   TEXT,
    settled_gseq INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX outbox_open ON outbox (gseq) WHERE state = 'pending';
CREATE INDEX outbox_parked ON outbox (gseq) WHERE state = 'dead' AND kind = 'update_tracker';

CREATE TABLE lease (
    resource    TEXT    PRIMARY KEY,
    holder      TEXT,
    fence       INTEGER NOT NULL,
    acquired_ms INTEGER NOT NULL,
    expires_ms  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE process (
    run        TEXT    NOT NULL,
    turn       INTEGER NOT NULL,
    pid        INTEGER NOT NULL,
    start_time TEXT    NOT NULL,
    PRIMARY KEY (run, turn)
) STRICT, WITHOUT ROWID;

-- Rows derived from events; `receipts verify` compares them with a rebuild.

CREATE TABLE work_item (
    id            TEXT    PRIMARY KEY,
    source        TEXT    NOT NULL,
    status        TEXT    NOT NULL CHECK (status IN
                      ('pending', 'in_flight', 'waiting_human', 'done', 'failed', 'cancelled')),
    run           TEXT,
    last_run      TEXT,
    created_ms    INTEGER NOT NULL,
    updated_ms    INTEGER NOT NULL,
    notes         TEXT,
    project       TEXT,
    tracker_state TEXT    NOT NULL,
    priority      TEXT    NOT NULL,
    lane          TEXT    NOT NULL,
    claim_fence   INTEGER NOT NULL,
    blocked_class TEXT,
    due_ms        INTEGER,
    version       INTEGER NOT NULL,
    record        TEXT    NOT NULL
) STRICT;
CREATE INDEX work_item_status ON work_item (status, updated_ms DESC);

CREATE TABLE run (
    run         TEXT    PRIMARY KEY,
    item        TEXT    NOT NULL,
    project     TEXT    NOT NULL,
    repository  TEXT    NOT NULL,
    attempt     INTEGER NOT NULL,
    phase       TEXT    NOT NULL,
    round       INTEGER NOT NULL,
    outcome     TEXT,
    started_ms  INTEGER NOT NULL,
    finished_ms INTEGER,
    version     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX run_item ON run (item);
CREATE INDEX run_started ON run (started_ms, project);
CREATE INDEX run_finished ON run (repository, finished_ms, run) WHERE finished_ms IS NOT NULL;
CREATE INDEX run_open ON run (started_ms) WHERE finished_ms IS NULL;

CREATE TABLE turn (
    run                TEXT    NOT NULL,
    turn               INTEGER NOT NULL,
    stage              TEXT    NOT NULL,
    round              INTEGER NOT NULL,
    agent              TEXT    NOT NULL,
    model              TEXT,
    session            TEXT    NOT NULL,
    started_ms         INTEGER NOT NULL,
    ended_ms           INTEGER,
    ending             TEXT,
    duration_ms        INTEGER NOT NULL,
    input_tokens       INTEGER NOT NULL,
    output_tokens      INTEGER NOT NULL,
    cache_read_tokens  INTEGER NOT NULL,
    cache_write_tokens INTEGER NOT NULL,
    cost_micro_usd     INTEGER NOT NULL,
    unpriced_calls     INTEGER NOT NULL,
    PRIMARY KEY (run, turn)
) STRICT, WITHOUT ROWID;
CREATE INDEX turn_ended ON turn (ended_ms);

-- For readers that know agent-state's two tables. Its columns come first, ours after them.

CREATE VIEW work_items AS
SELECT id,
       source                             AS kind,
       json_extract(record, '$.item')     AS payload,
       status,
       CASE WHEN run IS NOT NULL THEN 'run/' || run END AS owner_agent,
       created_ms                         AS created_at,
       updated_ms                         AS updated_at,
       notes,
       project, tracker_state, priority, lane, run AS run_id, last_run AS last_run_id,
       claim_fence, blocked_class, due_ms, version
FROM work_item;

CREATE VIEW events AS
SELECT gseq  AS id,
       ts_ms AS ts,
       CASE type
           WHEN 'work_item.created'   THEN 'work_item_created'
           WHEN 'work_item.claimed'   THEN 'work_item_claimed'
           WHEN 'work_item.resolved'  THEN 'work_item_resolved'
           WHEN 'work_item.annotated' THEN 'work_item_annotated'
           ELSE type
       END   AS type,
       actor,
       CASE
           WHEN stream GLOB 'work/*' THEN substr(stream, 6)
           WHEN stream GLOB 'run/*'  THEN (SELECT item FROM run WHERE run.run = substr(stream, 5))
       END   AS work_item_id,
       payload
FROM receipt;
