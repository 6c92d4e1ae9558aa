//! Opening the database file: who may read it, how it is kept safe.

use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use crate::store::error::StoreError;

use super::fault;

/// How long a statement waits for another process before it gives up.
const BUSY_TIMEOUT: Duration = Duration::from_secs(10);

/// Bytes per page of a new database. Events have half a kilobyte to two; with the usual 4096 bytes a tenth of each page
/// would be left over.
const PAGE_SIZE: i64 = 8192;

/// Prepared statements kept per connection; larger than the number of different ones.
const STATEMENT_CACHE: usize = 96;

/// Opens the database for writing; creates file and directories (0600, 0700) that are missing.
pub(super) fn open_for_writing(path: &Path) -> Result<Connection, StoreError> {
    create_private(path).map_err(|source| StoreError::Io {
        doing: "create the database file",
        source: source.into(),
    })?;
    refuse_network_file_system(path)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection =
        Connection::open_with_flags(path, flags).map_err(fault::io("open the database"))?;
    configure(&connection)?;
    connection
        .pragma_update(None, "page_size", PAGE_SIZE)
        .and_then(|()| connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(())))
        .and_then(|()| connection.pragma_update(None, "synchronous", "FULL"))
        .and_then(|()| connection.pragma_update(None, "foreign_keys", true))
        .and_then(|()| connection.pragma_update(None, "journal_size_limit", 64 << 20))
        .map_err(fault::io("configure the database"))?;
    Ok(connection)
}

/// Opens an existing database so that nothing can be written through the connection.
pub(super) fn open_for_reading(path: &Path) -> Result<Connection, StoreError> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection =
        Connection::open_with_flags(path, flags).map_err(fault::io("open the database"))?;
    configure(&connection)?;
    connection
        .pragma_update(None, "query_only", true)
        .map_err(fault::io("configure the database"))?;
    Ok(connection)
}

fn configure(connection: &Connection) -> Result<(), StoreError> {
    connection.set_prepared_statement_cache_capacity(STATEMENT_CACHE);
    connection
        .busy_timeout(BUSY_TIMEOUT)
        .and_then(|()| connection.pragma_update(None, "trusted_schema", false))
        .and_then(|()| connection.pragma_update(None, "mmap_size", 0))
        .map_err(fault::io("configure the database"))
}

fn create_private(path: &Path) -> io::Result<()> {
    if let Some(directory) = path.parent().filter(|directory| !directory.exists()) {
        DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
    }
    // The database's own side files take over the mode of the file itself.
    let file: File = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)?;
    file.set_permissions(Permissions::from_mode(0o600))
}

/// Locks and shared memory do not work across machines; better to say so than to lose a log.
#[cfg(target_os = "linux")]
fn refuse_network_file_system(path: &Path) -> Result<(), StoreError> {
    // statfs(2) magic numbers of NFS, SMB, CIFS and SMB2.
    const NETWORK: [u64; 4] = [0x6969, 0x517B, 0xFF53_4D42, 0xFE53_4D42];
    let found = rustix::fs::statfs(path).map_err(|error| StoreError::Io {
        doing: "look at the database's file system",
        source: Box::new(io::Error::from(error)),
    })?;
    // The number's type differs between machines; its lower half does not.
    if NETWORK.contains(&(found.f_type as u64 & 0xFFFF_FFFF)) {
        let source = "it lies on a network file system".into();
        return Err(StoreError::Io { doing: "keep the database safe", source });
    }
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn refuse_network_file_system(_path: &Path) -> Result<(), StoreError> {
    Ok(())
}
