//! What is on record, read from the log like any other reader would.

use enact_factory::domain::agent::Stage;
use enact_factory::domain::budget::Usage;
use enact_factory::domain::event::Event;
use enact_factory::domain::ids::{ItemId, RunId};
use enact_factory::domain::run::Outcome;
use enact_factory::pipeline::state::RunState;
use enact_factory::store::StoreReader;
use enact_factory::store::envelope::Recorded;
use enact_factory::store::sqlite::SqliteReader;

use super::Factory;

/// More events than any test makes.
const ALL: usize = 100_000;

/// The head of the log, kept open.
pub(crate) struct Head {
    reader: SqliteReader,
    runtime: tokio::runtime::Runtime,
}

impl Head {
    /// Number of the last event.
    pub(crate) fn now(&self) -> u64 {
        self.runtime.block_on(self.reader.head()).map_or(0, |head| head.gseq)
    }
}

impl Factory {
    /// Every event so far, in order; none before there is a log.
    pub(crate) fn events(&self) -> Vec<Recorded> {
        self.read(|reader| Box::pin(async move { reader.read_all(0, ALL).await.expect("events") }))
            .unwrap_or_default()
    }

    /// What happened to the newest run of a local item, in order.
    pub(crate) fn run_events(&self, item: &str) -> Vec<Event> {
        let Some(run) = self.runs(item).pop() else { return Vec::new() };
        self.events_of(run.id)
    }

    /// What happened to a run, in order.
    pub(crate) fn events_of(&self, run: RunId) -> Vec<Event> {
        let stream = run.stream();
        let events = self.events().into_iter().filter(|recorded| recorded.stream == stream);
        events.filter_map(|recorded| recorded.event.known().cloned()).collect()
    }

    /// The runs of a local item, oldest first.
    pub(crate) fn runs(&self, item: &str) -> Vec<RunState> {
        let id = ItemId(format!("local/{item}"));
        self.read(move |reader| Box::pin(async move { reader.runs_of(&id).await.expect("runs") }))
            .unwrap_or_default()
    }

    /// How the runs of a local item ended, oldest first; absent for one that has not.
    pub(crate) fn outcomes(&self, item: &str) -> Vec<Option<Outcome>> {
        self.runs(item).into_iter().map(|run| run.outcome).collect()
    }

    /// The stages of all turns of a local item, in order.
    pub(crate) fn stages(&self, item: &str) -> Vec<(Stage, u32)> {
        let runs = self.runs(item);
        runs.iter().flat_map(|run| run.turns.iter().map(|turn| (turn.stage, turn.round))).collect()
    }

    /// What each finished turn of a local item used, in order.
    pub(crate) fn turn_usages(&self, item: &str) -> Vec<Usage> {
        let runs = self.runs(item);
        let turns = runs.iter().flat_map(|run| run.turns.iter());
        turns.filter_map(|turn| turn.report.as_ref().map(|report| report.usage)).collect()
    }

    /// A look at the highest event number that is cheap to repeat; `None` before there is a log.
    pub(crate) fn head(&self) -> Option<Head> {
        let reader = SqliteReader::open_reader(&self.state().join("factory.db")).ok()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        Some(Head { reader, runtime: runtime.expect("a runtime") })
    }

    fn read<T>(
        &self,
        question: impl FnOnce(SqliteReader) -> std::pin::Pin<Box<dyn Future<Output = T>>>,
    ) -> Option<T> {
        let reader = SqliteReader::open_reader(&self.state().join("factory.db")).ok()?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        Some(runtime.expect("a runtime").block_on(question(reader)))
    }
}
