//! Writing down what a plan says. Called inside a write transaction; any error undoes the whole batch.

use rusqlite::{Connection, Params, params};

use crate::domain::budget::Usage;
use crate::domain::time::Timestamp;
use crate::store::envelope::{Recorded, head_seal};
use crate::store::error::StoreError;
use crate::store::plan::Writes;
use crate::store::projections::runs::RunRow;
use crate::store::projections::turns::TurnRow;
use crate::store::projections::work_items::WorkItemRow;
use crate::store::rows::{IdempotencyRow, Lease, LogHead, OutboxRow, ProcessRow, StreamRow};

use super::fault;
use super::read::signed;

/// Number of the stored format: tables and hashes as in `docs/receipts.md`.
pub(super) const FORMAT: i64 = 1;

/// Writes everything a batch comes to.
pub(super) fn writes(connection: &Connection, writes: &Writes) -> Result<(), StoreError> {
    for row in writes.streams.values() {
        stream(connection, row)?;
    }
    for recorded in &writes.events {
        event(connection, recorded)?;
    }
    for row in writes.rows.items.values() {
        work_item(connection, row)?;
    }
    for row in writes.rows.runs.values() {
        run(connection, row)?;
    }
    for row in writes.rows.turns.values() {
        turn(connection, row)?;
    }
    for row in writes.outbox.values() {
        outbox(connection, row)?;
    }
    for row in writes.leases.values() {
        lease(connection, row)?;
    }
    if let Some(row) = &writes.idempotency {
        idempotency(connection, row)?;
    }
    head(connection, &writes.head)
}

/// Makes the head row of a new log.
pub(super) fn insert_head(connection: &Connection, head: &LogHead) -> Result<(), StoreError> {
    put(
        connection,
        "INSERT INTO log_head (id, fmt, log_id, gseq, ghash, ts_ms, epoch, instance, seal)
         VALUES (1, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        params![
            FORMAT,
            head.log_id.as_bytes(),
            signed(head.gseq),
            head.ghash.0,
            head.at.0,
            signed(head.epoch),
            head.instance,
            head_seal(head).0,
        ],
    )
}

/// Moves the head row.
pub(super) fn head(connection: &Connection, head: &LogHead) -> Result<(), StoreError> {
    put(
        connection,
        "UPDATE log_head SET gseq = ?1, ghash = ?2, ts_ms = ?3, epoch = ?4, instance = ?5, seal = ?6",
        params![
            signed(head.gseq),
            head.ghash.0,
            head.at.0,
            signed(head.epoch),
            head.instance,
            head_seal(head).0,
        ],
    )
}

fn stream(connection: &Connection, row: &StreamRow) -> Result<(), StoreError> {
    put(
        connection,
        "INSERT INTO stream (name, seq, hash, created_gseq) VALUES (?1, ?2, ?3, ?4)
         ON CONFLICT (name) DO UPDATE SET seq = excluded.seq, hash = excluded.hash",
        params![row.name.as_str(), signed(row.seq), row.hash.0, signed(row.created_gseq)],
    )
}

fn event(connection: &Connection, event: &Recorded) -> Result<(), StoreError> {
    for text in [event.kind.as_str(), event.actor.as_str()] {
        put(
            connection,
            "INSERT INTO word (text) VALUES (?1) ON CONFLICT DO NOTHING",
            params![text],
        )?;
    }
    put(
        connection,
        "INSERT INTO event (gseq, stream, seq, event_id, ts_ms, clock_ms, type, schema_v, actor, correlation,
             causation, idem_scope, idem_key, payload, salt, payload_sha, prev_hash, hash, ghash)
         VALUES (?1, (SELECT id FROM stream WHERE name = ?2), ?3, ?4, ?5, ?6, (SELECT id FROM word WHERE text = ?7), ?8,
             (SELECT id FROM word WHERE text = ?9), ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19)",
        params![
            signed(event.gseq),
            event.stream.as_str(),
            signed(event.seq),
            event.id.as_bytes(),
            event.at.0,
            instant(event.clock),
            event.kind,
            event.schema_version,
            event.actor,
            event.correlation.as_ref().map(uuid::Uuid::as_bytes),
            event.causation.as_ref().map(uuid::Uuid::as_bytes),
            event.idempotency.as_ref().map(|(scope, _)| scope),
            event.idempotency.as_ref().map(|(_, key)| key),
            event.payload,
            event.salt,
            event.payload.is_none().then_some(event.payload_sha256.0),
            event.prev_hash.0,
            event.hash.0,
            event.ghash.0,
        ],
    )
}

fn work_item(connection: &Connection, row: &WorkItemRow) -> Result<(), StoreError> {
    put(
        connection,
        "INSERT INTO work_item (id, source, status, run, last_run, created_ms, updated_ms, notes, project,
             tracker_state, priority, lane, claim_fence, blocked_class, due_ms, version, record)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)
         ON CONFLICT (id) DO UPDATE SET source = ?2, status = ?3, run = ?4, last_run = ?5, created_ms = ?6,
             updated_ms = ?7, notes = ?8, project = ?9, tracker_state = ?10, priority = ?11, lane = ?12,
             claim_fence = ?13, blocked_class = ?14, due_ms = ?15, version = ?16, record = ?17",
        params![
            row.id,
            row.source,
            row.status,
            row.run.map(|run| run.to_string()),
            row.last_run.map(|run| run.to_string()),
            row.created.0,
            row.updated.0,
            row.notes,
            row.project.as_ref().map(|project| project.as_str()),
            row.tracker_state,
            row.priority,
            row.lane,
            signed(row.fence),
            row.blocked_class,
            instant(row.due),
            signed(row.version),
            row.record,
        ],
    )
}

fn run(connection: &Connection, row: &RunRow) -> Result<(), StoreError> {
    put(
        connection,
        "INSERT INTO run (run, item, project, repository, attempt, phase, round, outcome, started_ms, finished_ms,
             version)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
         ON CONFLICT (run) DO UPDATE SET item = ?2, project = ?3, repository = ?4, attempt = ?5, phase = ?6,
             round = ?7, outcome = ?8, started_ms = ?9, finished_ms = ?10, version = ?11",
        params![
            row.run,
            row.item.as_str(),
            row.project.as_str(),
            row.repository,
            row.attempt,
            row.phase,
            row.round,
            row.outcome,
            row.started.0,
            instant(row.finished),
            signed(row.version),
        ],
    )
}

fn turn(connection: &Connection, row: &TurnRow) -> Result<(), StoreError> {
    let Usage {
        input_tokens,
        output_tokens,
        cache_read_tokens,
        cache_write_tokens,
        cost_micro_usd,
        unpriced_calls,
    } = row.usage;
    put(
        connection,
        "INSERT OR REPLACE INTO turn (run, turn, stage, round, agent, model, session, started_ms, ended_ms,
             ending, duration_ms, input_tokens, output_tokens, cache_read_tokens, cache_write_tokens,
             cost_micro_usd, unpriced_calls)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)",
        params![
            row.run,
            row.turn,
            row.stage,
            row.round,
            row.agent,
            row.model,
            row.session,
            row.started.0,
            instant(row.ended),
            row.ending,
            signed(row.duration_ms),
            signed(input_tokens),
            signed(output_tokens),
            signed(cache_read_tokens),
            signed(cache_write_tokens),
            signed(cost_micro_usd),
            unpriced_calls,
        ],
    )
}

fn outbox(connection: &Connection, row: &OutboxRow) -> Result<(), StoreError> {
    let payload = serde_json::to_string(&row.effect)
        .map_err(|source| StoreError::Encode { what: row.key.to_string(), source })?;
    put(
        connection,
        "INSERT INTO outbox (effect_key, gseq, kind, payload, state, attempts, not_before, last_error, settled_gseq)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)
         ON CONFLICT (effect_key) DO UPDATE SET state = ?5, attempts = ?6, not_before = ?7, last_error = ?8,
             settled_gseq = ?9",
        params![
            row.key.as_str(),
            signed(row.gseq),
            row.effect.kind(),
            payload,
            row.state.word(),
            row.attempts,
            row.not_before.0,
            row.last_error,
            row.settled_gseq.map(signed),
        ],
    )
}

fn lease(connection: &Connection, row: &Lease) -> Result<(), StoreError> {
    put(
        connection,
        "INSERT INTO lease (resource, holder, fence, acquired_ms, expires_ms) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (resource) DO UPDATE SET holder = ?2, fence = ?3, acquired_ms = ?4, expires_ms = ?5",
        params![row.resource, row.holder, signed(row.fence), row.acquired.0, row.expires.0],
    )
}

fn idempotency(connection: &Connection, row: &IdempotencyRow) -> Result<(), StoreError> {
    put(
        connection,
        "INSERT INTO idem (scope, key, req_sha, first_gseq, last_gseq, ts_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        params![
            row.scope,
            row.key,
            row.request_sha256,
            signed(row.first_gseq),
            signed(row.last_gseq),
            row.at.0,
        ],
    )
}

/// Moves the expiry of a holder's leases.
pub(super) fn renewal(
    connection: &Connection,
    holder: &str,
    expires: Timestamp,
) -> Result<u64, StoreError> {
    let renewed = connection
        .execute("UPDATE lease SET expires_ms = ?2 WHERE holder = ?1", params![holder, expires.0])
        .map_err(fault::io("renew leases"))?;
    Ok(renewed as u64)
}

/// Remembers an agent's process.
pub(super) fn process(connection: &Connection, row: &ProcessRow) -> Result<(), StoreError> {
    put(
        connection,
        "INSERT OR REPLACE INTO process (run, turn, pid, start_time) VALUES (?1, ?2, ?3, ?4)",
        params![row.run.to_string(), row.turn, row.pid, row.start_time],
    )
}

/// Forgets an agent's process.
pub(super) fn no_process(connection: &Connection, run: &str, turn: u32) -> Result<(), StoreError> {
    put(connection, "DELETE FROM process WHERE run = ?1 AND turn = ?2", params![run, turn])
}

fn put(connection: &Connection, sql: &str, values: impl Params) -> Result<(), StoreError> {
    connection
        .prepare_cached(sql)
        .and_then(|mut statement| statement.execute(values))
        .map(|_| ())
        .map_err(fault::io("write to the database"))
}

fn instant(at: Option<Timestamp>) -> Option<i64> {
    at.map(|at| at.0)
}
