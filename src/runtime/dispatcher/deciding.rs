//! Deciding about what effects report, storing the decisions, and only then acting on them.

use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::domain::agent::TurnEnding;
use crate::domain::event::Event;
use crate::domain::ids::{EffectKey, RunId};
use crate::domain::run::Interruption;
use crate::pipeline::input::Input as RunInput;
use crate::store::batch::Batch;
use crate::store::error::StoreError;

use super::super::effects::{Done, Message};
use super::super::engine::{Handled, Input, Reply, problem_source};
use super::{Dispatcher, concerns_planning};

/// What the engine decided and nobody has acted on yet: nothing in here may leave the loop before the batches are stored.
#[derive(Default)]
pub(super) struct Decided {
    batches: Vec<Batch>,
    stop: Vec<RunId>,
    go: Vec<(oneshot::Sender<bool>, bool)>,
}

impl Decided {
    /// Adds a decision; the answer is its reply, which waits for the batches like everything else.
    pub(super) fn add(&mut self, handled: Handled) -> Option<Reply> {
        if let Some(reason) = handled.ignored {
            tracing::debug!(reason, "an input changed nothing");
        }
        self.batches.extend(handled.batch);
        self.stop.extend(handled.stop);
        handled.reply
    }
}

impl Dispatcher {
    /// Lets the engine decide, stores the decision, and only then acts on it.
    pub(super) async fn handle(&mut self, input: Input) -> Result<Option<Reply>, StoreError> {
        if let Input::NotObserved { source, message } = &input
            && self.engine.is_news(source, message)
        {
            tracing::warn!(
                source,
                message,
                "a tracker cannot be read; it is tried again and again"
            );
        }
        if let Input::PullRequestRead { watched, result } = &input
            && let Err(unread) = result.as_ref()
            && self.engine.is_news(&problem_source(&watched.project), &unread.message)
        {
            tracing::warn!(item.id = %watched.item, message = unread.message, "a pull request cannot be read; it is tried again and again");
        }
        let handled = self.engine.handle(input, self.ports.clock.now());
        let mut decided = Decided::default();
        let reply = decided.add(handled);
        self.commit(decided).await?;
        Ok(reply)
    }

    /// Plans. How long that took, storing aside.
    pub(super) async fn plan(&mut self) -> Result<Duration, StoreError> {
        let begun = Instant::now();
        let handled = self.engine.handle(Input::Plan, self.ports.clock.now());
        let took = begun.elapsed();
        let mut decided = Decided::default();
        let _no_command = decided.add(handled);
        self.commit(decided).await?;
        Ok(took)
    }

    /// Decides about a message of an effect.
    pub(super) fn take(&mut self, message: Message, decided: &mut Decided) {
        match message {
            Message::TurnPrepared { key, run, turn, go } => {
                let number = turn.turn;
                let begun = !self.stopping && {
                    let input = RunInput::TurnPrepared(turn);
                    self.decide(Input::Run { run, key: Some(key), settles: false, input }, decided);
                    self.turn_is_in_flight(run, number)
                };
                decided.go.push((go, begun));
            }
            Message::Over { key, run, done } => self.effect_over(key, run, *done, decided),
        }
    }

    /// Decides about the end of an effect.
    pub(super) fn effect_over(
        &mut self,
        key: EffectKey,
        run: Option<RunId>,
        done: Done,
        decided: &mut Decided,
    ) {
        match (done, run) {
            (Done::Stopped, _) => self.give_back(&key, decided),
            (Done::Run(input), Some(run)) if self.stopping && was_cancelled(&input) => {
                let now = self.ports.clock.now();
                let handled = self.engine.take_over(run, Interruption::Shutdown, None, now);
                let _no_command = decided.add(handled);
                self.give_back(&key, decided);
            }
            (Done::Run(input), Some(run)) => {
                self.decide(Input::Run { run, key: Some(key), settles: true, input }, decided);
            }
            (Done::Run(_), None) => {}
            (Done::Claimed(result), _) => self.decide(Input::Claimed { key, result }, decided),
            (Done::Released(result), _) => self.decide(Input::Released { key, result }, decided),
            (Done::Tracker(result), _) => {
                self.decide(Input::TrackerWritten { key, result }, decided);
            }
            (Done::Created(result), _) => {
                self.decide(Input::PartCreated { key, result }, decided);
            }
        }
    }

    fn give_back(&mut self, key: &EffectKey, decided: &mut Decided) {
        let handled = self.engine.give_back(key, self.ports.clock.now());
        let _no_command = decided.add(handled);
    }

    fn decide(&mut self, input: Input, decided: &mut Decided) {
        let handled = self.engine.handle(input, self.ports.clock.now());
        let _no_command = decided.add(handled);
    }

    pub(super) fn turn_is_in_flight(&self, run: RunId, turn: u32) -> bool {
        self.engine
            .run(run)
            .and_then(|state| state.turn_in_flight())
            .is_some_and(|record| record.turn == turn)
    }

    /// Stores what was decided, and only then acts on it.
    pub(super) async fn commit(&mut self, decided: Decided) -> Result<(), StoreError> {
        self.dirty |= decided.batches.iter().any(concerns_planning);
        if !decided.batches.is_empty() {
            let refused = refusals(&decided.batches);
            let appended = self.ports.store.append_all(decided.batches).await?;
            for (agent, message) in refused {
                tracing::warn!(agent.name = %agent, message, "an agent is not let in by its provider; sign it in, then run `enact-factory agent {agent} ok`");
            }
            if let Some(last) = appended.last() {
                self.head.send_replace(last.last_gseq);
            }
        }
        for run in decided.stop {
            if let Some(token) = self.stop_runs.get(&run) {
                token.cancel();
            }
        }
        for (go, begun) in decided.go {
            // Whoever asked is gone when its run was stopped.
            let _gone = go.send(begun);
        }
        Ok(())
    }
}

/// Agents that were found refused just now, and what they said.
fn refusals(batches: &[Batch]) -> Vec<(String, String)> {
    let streams = batches.iter().flat_map(|batch| &batch.streams);
    let events = streams.flat_map(|stream| &stream.events).map(|new| &new.event);
    let refused = events.filter_map(|event| match event {
        Event::AgentRefused { agent, message, .. } => Some((agent.clone(), message.clone())),
        _ => None,
    });
    refused.collect()
}

fn was_cancelled(input: &RunInput) -> bool {
    matches!(input, RunInput::TurnFinished(turn) if turn.report.ending == TurnEnding::Cancelled)
}
