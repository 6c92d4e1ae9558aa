//! Feeding a verification from one read transaction.

use rusqlite::{Connection, params};

use crate::domain::ids::EffectKey;
use crate::store::envelope::head_seal;
use crate::store::error::StoreError;
use crate::store::projections::Rows;
use crate::store::verify::{Level, Problem, Tables, Verification, VerifyOptions, VerifyReport};

use super::cells::{Cells, Damage};
use super::{fault, read, record};

/// Checks the log as `connection`'s transaction sees it.
pub(super) fn verify(
    connection: &Connection,
    options: VerifyOptions,
) -> Result<VerifyReport, StoreError> {
    let (head, seal, format) = read::sealed_head(connection)?;
    let mut tables = Tables::default();
    if seal != head_seal(&head) || format != record::FORMAT {
        let what = "the head row is not the one that was stored".to_owned();
        tables.unreadable.push(Problem { level: Level::Log, gseq: Some(head.gseq), what });
    }
    let mut verification = Verification::new(options, head);
    feed_events(connection, &mut verification)?;
    feed_tables(connection, &mut tables)?;
    if verification.wants_rows() {
        feed_rows(connection, &mut tables)?;
    }
    Ok(verification.finish(&tables))
}

fn feed_events(connection: &Connection, verification: &mut Verification) -> Result<(), StoreError> {
    let failed = fault::io("read the events");
    // From the very beginning when everything is checked: also what is numbered 0 or less.
    let after = match verification.starts_after() {
        0 => i64::MIN,
        after => read::signed(after),
    };
    let mut statement = connection
        .prepare("SELECT * FROM receipt WHERE gseq > ?1 ORDER BY gseq")
        .map_err(&failed)?;
    let mut found = statement.query(params![after]).map_err(&failed)?;
    while let Some(row) = found.next().map_err(&failed)? {
        let cells = Cells(row);
        match cells.event() {
            Ok(event) => verification.event(&event),
            Err(what) => verification.unreadable(cells.number("gseq").unwrap_or(0), &what),
        }
    }
    Ok(())
}

fn feed_tables(connection: &Connection, tables: &mut Tables) -> Result<(), StoreError> {
    let mut bad = Vec::new();
    let read = |row: &Cells<'_, '_>| row.stream();
    tables.streams = readable(connection, "stream", Level::Log, read, &mut bad)?;
    let read = |row: &Cells<'_, '_>| row.idempotency();
    tables.idempotency = readable(connection, "idem", Level::Log, read, &mut bad)?;
    let read = |row: &Cells<'_, '_>| row.text("effect_key").map(EffectKey);
    tables.effects = readable(connection, "outbox", Level::Projection, read, &mut bad)?;
    tables.unreadable.append(&mut bad);
    Ok(())
}

fn feed_rows(connection: &Connection, tables: &mut Tables) -> Result<(), StoreError> {
    let mut bad = Vec::new();
    let level = Level::Projection;
    let items = readable(connection, "work_item", level, |row| row.work_item(), &mut bad)?;
    let runs = readable(connection, "run", level, |row| row.run(), &mut bad)?;
    let turns = readable(connection, "turn", level, |row| row.turn(), &mut bad)?;
    tables.rows = Rows {
        items: items.into_iter().map(|row| (row.id.clone(), row)).collect(),
        runs: runs.into_iter().map(|row| (row.run.clone(), row)).collect(),
        turns: turns.into_iter().map(|row| ((row.run.clone(), row.turn), row)).collect(),
    };
    tables.unreadable.append(&mut bad);
    Ok(())
}

/// Every readable row of a table; the others become problems.
fn readable<T>(
    connection: &Connection,
    table: &str,
    level: Level,
    read: impl Fn(&Cells<'_, '_>) -> Result<T, Damage>,
    bad: &mut Vec<Problem>,
) -> Result<Vec<T>, StoreError> {
    let sql = format!("SELECT * FROM {table}");
    let rows = read::rows(connection, &sql, [], |row| Ok(read(row)))?;
    let mut good = Vec::with_capacity(rows.len());
    for row in rows {
        match row {
            Ok(row) => good.push(row),
            Err(what) => {
                let what = format!("unreadable row of table `{table}`: {what}");
                bad.push(Problem { level, gseq: None, what });
            }
        }
    }
    Ok(good)
}
