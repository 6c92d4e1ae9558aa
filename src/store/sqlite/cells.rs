//! Table cells to domain values, strictly: a cell that does not hold what it must is an error with its column's name.

use rusqlite::Row;
use uuid::Uuid;

use crate::domain::budget::Usage;
use crate::domain::ids::ItemId;
use crate::domain::ids::{EffectKey, ProjectId, RunId, StreamId};
use crate::domain::time::Timestamp;
use crate::store::codec;
use crate::store::envelope::{Hash, Recorded, payload_digest};
use crate::store::projections::runs::RunRow;
use crate::store::projections::turns::TurnRow;
use crate::store::projections::work_items::WorkItemRow;
use crate::store::rows::{
    IdempotencyRow, Lease, LogHead, OutboxRow, OutboxState, ProcessRow, StreamRow,
};

/// What is wrong with a row.
pub(super) type Damage = String;

/// One row, read by column name.
pub(super) struct Cells<'row, 'statement>(pub(super) &'row Row<'statement>);

impl Cells<'_, '_> {
    fn get<T: rusqlite::types::FromSql>(&self, column: &str) -> Result<T, Damage> {
        self.0.get(column).map_err(|error| format!("column `{column}`: {error}"))
    }

    pub(super) fn number(&self, column: &str) -> Result<u64, Damage> {
        let signed: i64 = self.get(column)?;
        u64::try_from(signed).map_err(|_| format!("column `{column}`: {signed} is negative"))
    }

    fn small(&self, column: &str) -> Result<u32, Damage> {
        let number = self.number(column)?;
        u32::try_from(number).map_err(|_| format!("column `{column}`: {number} is too large"))
    }

    pub(super) fn text(&self, column: &str) -> Result<String, Damage> {
        self.get(column)
    }

    pub(super) fn instant(&self, column: &str) -> Result<Timestamp, Damage> {
        self.get(column).map(Timestamp)
    }

    fn instant_or_none(&self, column: &str) -> Result<Option<Timestamp>, Damage> {
        Ok(self.get::<Option<i64>>(column)?.map(Timestamp))
    }

    fn bytes<const N: usize>(&self, column: &str) -> Result<[u8; N], Damage> {
        self.bytes_or_none(column)?.ok_or_else(|| format!("column `{column}` is empty"))
    }

    fn bytes_or_none<const N: usize>(&self, column: &str) -> Result<Option<[u8; N]>, Damage> {
        let Some(bytes) = self.get::<Option<Vec<u8>>>(column)? else { return Ok(None) };
        let length = bytes.len();
        let exact = <[u8; N]>::try_from(bytes);
        exact.map(Some).map_err(|_| format!("column `{column}` has {length} bytes, not {N}"))
    }

    fn hash(&self, column: &str) -> Result<Hash, Damage> {
        self.bytes(column).map(Hash)
    }

    fn uuid_or_none(&self, column: &str) -> Result<Option<Uuid>, Damage> {
        Ok(self.bytes_or_none(column)?.map(Uuid::from_bytes))
    }

    fn run_or_none(&self, column: &str) -> Result<Option<RunId>, Damage> {
        let text: Option<String> = self.get(column)?;
        text.map(|text| parse_run(column, &text)).transpose()
    }

    pub(super) fn head(&self) -> Result<(LogHead, Hash, i64), Damage> {
        let head = LogHead {
            log_id: Uuid::from_bytes(self.bytes("log_id")?),
            gseq: self.number("gseq")?,
            ghash: self.hash("ghash")?,
            at: self.instant("ts_ms")?,
            epoch: self.number("epoch")?,
            instance: self.get("instance")?,
        };
        Ok((head, self.hash("seal")?, self.get("fmt")?))
    }

    pub(super) fn stream(&self) -> Result<StreamRow, Damage> {
        Ok(StreamRow {
            name: StreamId(self.get("name")?),
            seq: self.number("seq")?,
            hash: self.hash("hash")?,
            created_gseq: self.number("created_gseq")?,
        })
    }

    pub(super) fn event(&self) -> Result<Recorded, Damage> {
        let kind: String = self.get("type")?;
        let version = self.small("schema_v")?;
        let schema_version =
            u16::try_from(version).map_err(|_| format!("schema version {version} is too large"))?;
        let payload: Option<String> = self.get("payload")?;
        let salt: Option<[u8; 16]> = self.bytes_or_none("salt")?;
        let scope: Option<String> = self.get("idem_scope")?;
        let key: Option<String> = self.get("idem_key")?;
        if scope.is_some() != key.is_some() {
            return Err("only one of `idem_scope` and `idem_key` is there".to_owned());
        }
        Ok(Recorded {
            gseq: self.number("gseq")?,
            stream: StreamId(self.get("stream")?),
            seq: self.number("seq")?,
            id: Uuid::from_bytes(self.bytes("event_id")?),
            at: self.instant("ts_ms")?,
            clock: self.instant_or_none("clock_ms")?,
            actor: self.get("actor")?,
            correlation: self.uuid_or_none("correlation")?,
            causation: self.uuid_or_none("causation")?,
            idempotency: scope.zip(key),
            payload_sha256: match (&payload, &salt, self.bytes_or_none("payload_sha")?) {
                (Some(payload), Some(salt), None) => payload_digest(salt, payload.as_bytes()),
                (None, None, Some(digest)) => Hash(digest),
                _ => return Err("`payload` and `salt` or `payload_sha` must be there".to_owned()),
            },
            salt,
            prev_hash: self.hash("prev_hash")?,
            hash: self.hash("hash")?,
            ghash: self.hash("ghash")?,
            event: codec::decode(&kind, schema_version, payload.as_deref()),
            kind,
            schema_version,
            payload,
        })
    }

    pub(super) fn idempotency(&self) -> Result<IdempotencyRow, Damage> {
        Ok(IdempotencyRow {
            scope: self.get("scope")?,
            key: self.get("key")?,
            request_sha256: self.bytes("req_sha")?,
            first_gseq: self.number("first_gseq")?,
            last_gseq: self.number("last_gseq")?,
            at: self.instant("ts_ms")?,
        })
    }

    pub(super) fn outbox(&self) -> Result<OutboxRow, Damage> {
        let payload: String = self.get("payload")?;
        let state: String = self.get("state")?;
        Ok(OutboxRow {
            key: EffectKey(self.get("effect_key")?),
            effect: serde_json::from_str(&payload)
                .map_err(|error| format!("column `payload`: {error}"))?,
            gseq: self.number("gseq")?,
            state: OutboxState::parse(&state).ok_or_else(|| format!("no state `{state}`"))?,
            attempts: self.small("attempts")?,
            not_before: self.instant("not_before")?,
            last_error: self.get("last_error")?,
            settled_gseq: self
                .get::<Option<i64>>("settled_gseq")?
                .map(|_| self.number("settled_gseq"))
                .transpose()?,
        })
    }

    pub(super) fn lease(&self) -> Result<Lease, Damage> {
        Ok(Lease {
            resource: self.get("resource")?,
            holder: self.get("holder")?,
            fence: self.number("fence")?,
            acquired: self.instant("acquired_ms")?,
            expires: self.instant("expires_ms")?,
        })
    }

    pub(super) fn process(&self) -> Result<ProcessRow, Damage> {
        let run: String = self.get("run")?;
        Ok(ProcessRow {
            run: parse_run("run", &run)?,
            turn: self.small("turn")?,
            pid: self.small("pid")?,
            start_time: self.get("start_time")?,
        })
    }

    pub(super) fn work_item(&self) -> Result<WorkItemRow, Damage> {
        Ok(WorkItemRow {
            id: self.get("id")?,
            source: self.get("source")?,
            status: self.get("status")?,
            run: self.run_or_none("run")?,
            last_run: self.run_or_none("last_run")?,
            created: self.instant("created_ms")?,
            updated: self.instant("updated_ms")?,
            notes: self.get("notes")?,
            project: self.get::<Option<String>>("project")?.map(ProjectId),
            tracker_state: self.get("tracker_state")?,
            priority: self.get("priority")?,
            lane: self.get("lane")?,
            fence: self.number("claim_fence")?,
            blocked_class: self.get("blocked_class")?,
            due: self.instant_or_none("due_ms")?,
            version: self.number("version")?,
            record: self.get("record")?,
        })
    }

    pub(super) fn run(&self) -> Result<RunRow, Damage> {
        Ok(RunRow {
            run: self.get("run")?,
            item: ItemId(self.get("item")?),
            project: ProjectId(self.get("project")?),
            repository: self.get("repository")?,
            attempt: self.small("attempt")?,
            phase: self.get("phase")?,
            round: self.small("round")?,
            outcome: self.get("outcome")?,
            started: self.instant("started_ms")?,
            finished: self.instant_or_none("finished_ms")?,
            version: self.number("version")?,
        })
    }

    pub(super) fn turn(&self) -> Result<TurnRow, Damage> {
        Ok(TurnRow {
            run: self.get("run")?,
            turn: self.small("turn")?,
            stage: self.get("stage")?,
            round: self.small("round")?,
            agent: self.get("agent")?,
            model: self.get("model")?,
            session: self.get("session")?,
            started: self.instant("started_ms")?,
            ended: self.instant_or_none("ended_ms")?,
            ending: self.get("ending")?,
            duration_ms: self.number("duration_ms")?,
            usage: Usage {
                input_tokens: self.number("input_tokens")?,
                output_tokens: self.number("output_tokens")?,
                cache_read_tokens: self.number("cache_read_tokens")?,
                cache_write_tokens: self.number("cache_write_tokens")?,
                cost_micro_usd: self.number("cost_micro_usd")?,
                unpriced_calls: self.small("unpriced_calls")?,
            },
        })
    }
}

fn parse_run(column: &str, text: &str) -> Result<RunId, Damage> {
    Uuid::parse_str(text).map(RunId).map_err(|error| format!("column `{column}`: {error}"))
}
