//! What people say to an agent at work: taken to its keeper in a task, put on record with what became of it, and answered.

use std::sync::Arc;

use tokio::sync::oneshot;

use crate::domain::bounds;
use crate::domain::command::Command;
use crate::domain::ids::{ItemId, RunId};
use crate::domain::run::Reception;
use crate::pipeline::input::Input as RunInput;
use crate::runtime::keeper::{client, wire};
use crate::store::error::StoreError;

use super::super::engine::{Input, Reply};
use super::{Dispatcher, LoopMessage};

/// Name of the tasks.
const STEERING: &str = "steer";

/// An instruction that was taken to an agent, and who waits for the answer.
pub struct Instructed {
    item: ItemId,
    run: RunId,
    by: String,
    text: String,
    reception: Reception,
    reply: oneshot::Sender<Reply>,
}

impl Dispatcher {
    /// Takes an instruction to the agent at work it is meant for. Gives back a command that is no such instruction.
    pub(super) fn steer(
        &mut self,
        command: Command,
        actor: &str,
        reply: oneshot::Sender<Reply>,
    ) -> Option<(Command, oneshot::Sender<Reply>)> {
        let Command::Steer { target, text } = &command else { return Some((command, reply)) };
        let Some((item, run, turn)) = self.engine.turn_of(target) else {
            return Some((command, reply));
        };
        if text.len() > bounds::NOTE_BYTES {
            return Some((command, reply));
        }
        let (text, by) = (text.clone(), actor.to_owned());
        let (ports, sender) = (Arc::clone(&self.ports), self.sender.clone());
        let stop = self.stop_all.child_token();
        self.tasks.spawn(STEERING, async move {
            let taken = async {
                let scratch = ports.dirs.turn(run, turn).map_err(std::io::Error::other)?;
                let id = ports.ids.random().to_string();
                client::steer(&scratch, &id, &text).await
            };
            let taken = tokio::select! {
                () = stop.cancelled() => return,
                taken = taken => taken,
            };
            let reception = match taken {
                Ok(wire::Reception::Injected {}) => Reception::Injected { turn },
                Ok(wire::Reception::NextTurn {}) => Reception::NextTurn,
                Ok(wire::Reception::NotDelivered { reason }) => Reception::NotDelivered { reason },
                Err(error) => Reception::NotDelivered {
                    reason: format!("what keeps the agent does not answer: {error}"),
                },
            };
            let text = ports.redactor.redact(&text).into_owned();
            let instructed = Instructed { item, run, by, text, reception, reply };
            // The loop is gone only when the daemon is.
            let _gone = sender.send(LoopMessage::Instructed(Box::new(instructed))).await;
        });
        None
    }

    /// Puts on record what became of an instruction, and answers.
    pub(super) async fn instructed(&mut self, instructed: Instructed) -> Result<(), StoreError> {
        let Instructed { item, run, by, text, reception, reply } = instructed;
        let (accepted, message) = match &reception {
            Reception::Injected { turn } => (true, format!("injected at turn {turn}")),
            Reception::NextTurn => (true, "queued for the next turn".to_owned()),
            Reception::NotDelivered { reason } => {
                (false, format!("not delivered: {reason}; `follow-up` gives it to the next turn"))
            }
        };
        let input = RunInput::Instructed { by, text, reception };
        let _no_command = self.handle(Input::Run { run, key: None, settles: false, input }).await?;
        // A surface that hung up does not want the answer any more.
        let _hung_up = reply.send(Reply { accepted, message, item: Some(item), run: Some(run) });
        Ok(())
    }
}
