//! What a database error means to the port.

use rusqlite::ErrorCode;

use crate::store::error::StoreError;

/// Turns a database error met while `doing` something into the port's error.
pub(super) fn io(doing: &'static str) -> impl Fn(rusqlite::Error) -> StoreError {
    move |error| match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreError::Busy,
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            StoreError::Corrupt { what: error.to_string() }
        }
        _ => StoreError::Io { doing, source: Box::new(error) },
    }
}
