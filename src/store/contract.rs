//! What every store must do. Each case runs against the log in memory and the one in a file.

mod append;
mod properties;
mod rows;
mod work;

use std::sync::Arc;

use tempfile::TempDir;

use super::Store;
use super::in_memory::InMemoryStore;
use super::samples::{id, salts};
use super::sqlite::SqliteStore;
use super::verify::VerifyOptions;

/// A store under test, with whatever must live as long as it.
pub(super) struct Bench {
    pub(super) store: Arc<dyn Store>,
    _directory: Option<TempDir>,
}

pub(super) fn in_memory() -> Bench {
    Bench { store: Arc::new(InMemoryStore::new(id(0xFFFF), salts())), _directory: None }
}

pub(super) fn sqlite() -> Bench {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("state/log.db");
    let store = SqliteStore::open(&path, id(0xFFFF), salts()).unwrap();
    Bench { store: Arc::new(store), _directory: Some(directory) }
}

pub(super) async fn assert_sound(store: &dyn Store) {
    let report = store.verify(VerifyOptions::default()).await.unwrap();
    assert_eq!(report.problems, Vec::new());
    assert_eq!(report.events, store.head().await.unwrap().gseq);
}

/// One test per backend for each case.
macro_rules! on_every_store {
    ($($case:ident),* $(,)?) => {
        mod in_memory {
            $(#[tokio::test]
            async fn $case() {
                super::$case(crate::store::contract::in_memory()).await;
            })*
        }
        mod sqlite {
            $(#[tokio::test]
            async fn $case() {
                super::$case(crate::store::contract::sqlite()).await;
            })*
        }
    };
}
use on_every_store;
