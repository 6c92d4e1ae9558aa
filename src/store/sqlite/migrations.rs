//! The database schema, one numbered step after the other. A step that was released is never edited.

use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::domain::time::Timestamp;
use crate::store::envelope::log_genesis;
use crate::store::error::StoreError;
use crate::store::rows::LogHead;

use super::{fault, record};

/// Number, name and text of each step. Additive only.
const STEPS: &[(i64, &str, &str)] = &[(1, "log", include_str!("migrations/0001_log.sql"))];

/// Brings the schema up to date; makes a new log with `new_log_id` if there is none.
pub(super) fn migrate(connection: &mut Connection, new_log_id: Uuid) -> Result<(), StoreError> {
    migrate_with(connection, new_log_id, STEPS)
}

fn migrate_with(
    connection: &mut Connection,
    new_log_id: Uuid,
    steps: &[(i64, &str, &str)],
) -> Result<(), StoreError> {
    let failed = fault::io("migrate the database");
    let transaction =
        connection.transaction_with_behavior(TransactionBehavior::Immediate).map_err(&failed)?;
    transaction
        .execute_batch(
            "CREATE TABLE IF NOT EXISTS schema_migrations (
                version INTEGER PRIMARY KEY, name TEXT NOT NULL, sha256 BLOB NOT NULL) STRICT",
        )
        .map_err(&failed)?;
    check_with(&transaction, steps)?;
    let applied: i64 = transaction
        .query_row("SELECT coalesce(max(version), 0) FROM schema_migrations", [], |row| row.get(0))
        .map_err(&failed)?;
    for (version, name, sql) in steps.iter().filter(|(version, ..)| *version > applied) {
        transaction.execute_batch(sql).map_err(&failed)?;
        transaction
            .execute(
                "INSERT INTO schema_migrations (version, name, sha256) VALUES (?1, ?2, ?3)",
                params![version, name, checksum(sql)],
            )
            .map_err(&failed)?;
    }
    let head: Option<i64> = transaction
        .query_row("SELECT fmt FROM log_head", [], |row| row.get(0))
        .optional()
        .map_err(&failed)?;
    match head {
        None => record::insert_head(&transaction, &first_head(new_log_id))?,
        Some(record::FORMAT) => {}
        Some(other) => {
            return Err(StoreError::Schema { what: format!("log format {other} is unknown") });
        }
    }
    transaction.commit().map_err(&failed)
}

/// Refuses a database whose schema this version did not make or does not know.
pub(super) fn check(connection: &Connection) -> Result<(), StoreError> {
    check_with(connection, STEPS)?;
    let applied: i64 = connection
        .query_row("SELECT count(*) FROM schema_migrations", [], |row| row.get(0))
        .map_err(fault::io("read the schema version"))?;
    if usize::try_from(applied).ok() == Some(STEPS.len()) {
        return Ok(());
    }
    let what =
        format!("{applied} of {} migrations are applied; start the daemon once", STEPS.len());
    Err(StoreError::Schema { what })
}

fn check_with(connection: &Connection, steps: &[(i64, &str, &str)]) -> Result<(), StoreError> {
    let failed = fault::io("read the schema version");
    let mut statement = connection
        .prepare("SELECT version, sha256 FROM schema_migrations ORDER BY version")
        .map_err(&failed)?;
    let applied = statement
        .query_map([], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, Vec<u8>>(1)?)))
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(&failed)?;
    for (version, sha256) in applied {
        let Some((_, name, sql)) = steps.iter().find(|(number, ..)| *number == version) else {
            let what = format!("migration {version} was made by a newer version");
            return Err(StoreError::Schema { what });
        };
        if sha256 != checksum(sql) {
            let what = format!("migration {version} ({name}) is not the one that was applied");
            return Err(StoreError::Schema { what });
        }
    }
    Ok(())
}

fn checksum(sql: &str) -> Vec<u8> {
    Sha256::digest(sql.as_bytes()).to_vec()
}

fn first_head(log_id: Uuid) -> LogHead {
    LogHead {
        log_id,
        gseq: 0,
        ghash: log_genesis(log_id),
        at: Timestamp(0),
        epoch: 0,
        instance: String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_edited_or_unknown_migration_is_refused() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection, Uuid::nil()).unwrap();
        migrate(&mut connection, Uuid::nil()).unwrap();
        check(&connection).unwrap();

        let edited = [(1, "log", "SELECT 1")];
        let error = migrate_with(&mut connection, Uuid::nil(), &edited).unwrap_err();
        assert!(error.to_string().contains("is not the one that was applied"), "{error}");

        let error = migrate_with(&mut connection, Uuid::nil(), &[]).unwrap_err();
        assert!(error.to_string().contains("made by a newer version"), "{error}");
    }

    #[test]
    fn a_later_step_is_applied_once_to_an_existing_log() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection, Uuid::nil()).unwrap();
        let steps = [STEPS[0], (2, "more", "CREATE TABLE more (id INTEGER PRIMARY KEY) STRICT")];
        migrate_with(&mut connection, Uuid::nil(), &steps).unwrap();
        migrate_with(&mut connection, Uuid::nil(), &steps).unwrap();
        connection.execute("INSERT INTO more VALUES (1)", []).unwrap();
        assert!(check(&connection).is_err());
    }
}
