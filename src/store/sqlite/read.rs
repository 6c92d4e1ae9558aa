//! Reading rows. Every function runs inside a transaction of its caller.

use rusqlite::{Connection, OptionalExtension, Params, params};

use crate::domain::budget::ledger::Spending;
use crate::domain::ids::{ItemId, OPS_STREAM, ProjectId, StreamId};
use crate::domain::item_record::ItemRecord;
use crate::domain::ops::OpsState;
use crate::domain::time::Timestamp;
use crate::store::envelope::{Hash, Recorded};
use crate::store::error::StoreError;
use crate::store::projections::fold_run;
use crate::store::projections::ops::fold_ops;
use crate::store::projections::runs::RunState;
use crate::store::projections::turns::TurnRow;
use crate::store::projections::work_items::WorkItemRow;
use crate::store::rows::{Lease, LogHead, OutboxRow, ProcessRow};

use super::cells::{Cells, Damage};
use super::fault;

/// Every row of a query; a damaged one is an error.
pub(super) fn rows<T>(
    connection: &Connection,
    sql: &str,
    values: impl Params,
    read: impl Fn(&Cells<'_, '_>) -> Result<T, Damage>,
) -> Result<Vec<T>, StoreError> {
    let failed = fault::io("read from the database");
    let mut statement = connection.prepare_cached(sql).map_err(&failed)?;
    let mut found = statement.query(values).map_err(&failed)?;
    let mut list = Vec::new();
    while let Some(row) = found.next().map_err(&failed)? {
        list.push(read(&Cells(row)).map_err(|what| StoreError::Corrupt { what })?);
    }
    Ok(list)
}

/// The first row of a query.
pub(super) fn first<T>(
    connection: &Connection,
    sql: &str,
    values: impl Params,
    read: impl Fn(&Cells<'_, '_>) -> Result<T, Damage>,
) -> Result<Option<T>, StoreError> {
    let failed = fault::io("read from the database");
    let mut statement = connection.prepare_cached(sql).map_err(&failed)?;
    let mut found = statement.query(values).map_err(&failed)?;
    match found.next().map_err(&failed)? {
        Some(row) => read(&Cells(row)).map(Some).map_err(|what| StoreError::Corrupt { what }),
        None => Ok(None),
    }
}

/// The head with its seal and format as stored.
pub(super) fn sealed_head(connection: &Connection) -> Result<(LogHead, Hash, i64), StoreError> {
    first(connection, "SELECT * FROM log_head", [], |row| row.head())?
        .ok_or_else(|| StoreError::Corrupt { what: "the head row is missing".to_owned() })
}

pub(super) fn head(connection: &Connection) -> Result<LogHead, StoreError> {
    sealed_head(connection).map(|(head, ..)| head)
}

pub(super) fn stream_events(
    connection: &Connection,
    stream: &StreamId,
    from_seq: u64,
    limit: usize,
) -> Result<Vec<Recorded>, StoreError> {
    rows(
        connection,
        "SELECT * FROM receipt WHERE gseq IN (
             SELECT gseq FROM event WHERE stream = (SELECT id FROM stream WHERE name = ?1) AND seq >= ?2
             ORDER BY seq LIMIT ?3)
         ORDER BY seq",
        params![stream.as_str(), signed(from_seq), bound(limit)],
        |row| row.event(),
    )
}

pub(super) fn log_events(
    connection: &Connection,
    after_gseq: u64,
    limit: usize,
) -> Result<Vec<Recorded>, StoreError> {
    rows(
        connection,
        "SELECT * FROM receipt WHERE gseq > ?1 ORDER BY gseq LIMIT ?2",
        params![signed(after_gseq), bound(limit)],
        |row| row.event(),
    )
}

pub(super) fn stream_names(
    connection: &Connection,
    prefix: &str,
) -> Result<Vec<StreamId>, StoreError> {
    rows(
        connection,
        "SELECT name FROM stream WHERE name >= ?1 AND substr(name, 1, length(?1)) = ?1 ORDER BY name",
        params![prefix],
        |row| row.text("name").map(StreamId),
    )
}

pub(super) fn items(connection: &Connection) -> Result<Vec<ItemRecord>, StoreError> {
    let records = rows(connection, "SELECT id, record FROM work_item ORDER BY id", [], |row| {
        Ok((row.text("id")?, row.text("record")?))
    })?;
    records.iter().map(|(id, record)| WorkItemRow::parse_record(id, record)).collect()
}

pub(super) fn item(connection: &Connection, id: &ItemId) -> Result<Option<ItemRecord>, StoreError> {
    let sql = "SELECT record FROM work_item WHERE id = ?1";
    first(connection, sql, params![id.as_str()], |row| row.text("record"))?
        .map(|record| WorkItemRow::parse_record(id.as_str(), &record))
        .transpose()
}

pub(super) fn run(
    connection: &Connection,
    stream: &StreamId,
) -> Result<Option<RunState>, StoreError> {
    Ok(fold_run(stream, &stream_events(connection, stream, 1, usize::MAX)?))
}

pub(super) fn open_runs(connection: &Connection) -> Result<Vec<RunState>, StoreError> {
    runs(
        connection,
        "SELECT run FROM run WHERE finished_ms IS NULL ORDER BY started_ms, run",
        params![],
    )
}

pub(super) fn runs_of(connection: &Connection, item: &ItemId) -> Result<Vec<RunState>, StoreError> {
    runs(
        connection,
        "SELECT run FROM run WHERE item = ?1 ORDER BY started_ms, run",
        params![item.as_str()],
    )
}

pub(super) fn recent_runs(
    connection: &Connection,
    repository: &str,
    limit: usize,
) -> Result<Vec<RunState>, StoreError> {
    runs(
        connection,
        "SELECT run FROM run WHERE repository = ?1 AND finished_ms IS NOT NULL
         ORDER BY finished_ms DESC, run DESC LIMIT ?2",
        params![repository, i64::try_from(limit).unwrap_or(i64::MAX)],
    )
}

fn runs(
    connection: &Connection,
    sql: &str,
    values: impl Params,
) -> Result<Vec<RunState>, StoreError> {
    let ids = rows(connection, sql, values, |row| row.text("run"))?;
    let states = ids.into_iter().map(|id| run(connection, &StreamId(format!("run/{id}"))));
    states.filter_map(Result::transpose).collect()
}

pub(super) fn repositories(connection: &Connection) -> Result<Vec<String>, StoreError> {
    let sql = "SELECT DISTINCT repository FROM run ORDER BY repository";
    rows(connection, sql, [], |row| row.text("repository"))
}

pub(super) fn turns(connection: &Connection, run: &str) -> Result<Vec<TurnRow>, StoreError> {
    let sql = "SELECT * FROM turn WHERE run = ?1 ORDER BY turn";
    rows(connection, sql, params![run], |row| row.turn())
}

pub(super) fn ops(connection: &Connection) -> Result<OpsState, StoreError> {
    let events = stream_events(connection, &StreamId::new(OPS_STREAM), 1, usize::MAX)?;
    Ok(fold_ops(&events))
}

pub(super) fn open_effects(connection: &Connection) -> Result<Vec<OutboxRow>, StoreError> {
    let sql = "SELECT * FROM outbox WHERE state = 'pending' ORDER BY gseq, effect_key";
    rows(connection, sql, [], |row| row.outbox())
}

pub(super) fn parked_updates(
    connection: &Connection,
    limit: usize,
) -> Result<Vec<OutboxRow>, StoreError> {
    let sql = "SELECT * FROM (SELECT * FROM outbox WHERE state = 'dead' AND kind = 'update_tracker'
                              ORDER BY gseq DESC, effect_key DESC LIMIT ?1)
               ORDER BY gseq, effect_key";
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    rows(connection, sql, params![limit], |row| row.outbox())
}

pub(super) fn starts_since(
    connection: &Connection,
    since: Timestamp,
) -> Result<Vec<(Timestamp, ProjectId)>, StoreError> {
    let sql =
        "SELECT started_ms, project FROM run WHERE started_ms >= ?1 ORDER BY started_ms, project";
    rows(connection, sql, params![since.0], |row| {
        Ok((row.instant("started_ms")?, ProjectId(row.text("project")?)))
    })
}

pub(super) fn spending_since(
    connection: &Connection,
    since: Timestamp,
) -> Result<Vec<Spending>, StoreError> {
    let sql = "SELECT turn.*, run.project FROM turn JOIN run ON run.run = turn.run
               WHERE ended_ms >= ?1 ORDER BY ended_ms, turn.run, turn";
    rows(connection, sql, params![since.0], |row| {
        let (at, project) = (row.instant("ended_ms")?, ProjectId(row.text("project")?));
        let turn = row.turn()?;
        Ok(Spending { at, project, agent: turn.agent, usage: turn.usage })
    })
}

pub(super) fn leases(connection: &Connection) -> Result<Vec<Lease>, StoreError> {
    rows(connection, "SELECT * FROM lease ORDER BY resource", [], |row| row.lease())
}

pub(super) fn processes(connection: &Connection) -> Result<Vec<ProcessRow>, StoreError> {
    rows(connection, "SELECT * FROM process ORDER BY run, turn", [], |row| row.process())
}

/// Whether a query finds anything.
pub(super) fn any(
    connection: &Connection,
    sql: &str,
    values: impl Params,
) -> Result<bool, StoreError> {
    connection
        .prepare_cached(sql)
        .and_then(|mut statement| statement.query_row(values, |_| Ok(())).optional())
        .map(|found| found.is_some())
        .map_err(fault::io("read from the database"))
}

/// A number as SQLite has it; larger ones do not occur.
pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn bound(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}
