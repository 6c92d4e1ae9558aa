//! What goes wrong, and how often.

use std::time::Duration;

use serde_json::Value;

/// What happens to a request over REST.
#[derive(Debug, Clone)]
pub enum Fault {
    /// This status, with this text as body and without a word of it done.
    Status(u16),
    /// No answer for that long, then the usual one.
    Late(Duration),
    /// The connection ends and nothing was done.
    LostRequest,
    /// Everything is done, and the connection ends without an answer.
    LostReply,
}

/// A fault for the requests with this method whose path has this in it.
#[derive(Debug, Clone)]
pub struct Planned {
    pub method: String,
    pub part: String,
    pub times: u32,
    pub fault: Fault,
}

/// What is planned.
#[derive(Debug, Default)]
pub struct Faults {
    pub planned: Vec<Planned>,
    /// Heartbeats are not answered.
    pub withhold_acks: bool,
    /// The next events are delivered twice.
    pub twice: u32,
    /// Events are kept here until they are released.
    pub held: Option<Vec<(String, Value, Option<u64>)>>,
    /// Events that are recorded for replay and never sent.
    pub unsent: bool,
    /// The next RESUMEs are refused, as if the session had ended.
    pub refuse_resumes: u32,
}

impl Faults {
    /// The fault of this request, which is used up by that.
    pub fn take(&mut self, method: &str, path: &str) -> Option<Fault> {
        let fits = |it: &&mut Planned| {
            it.times > 0 && it.method == method && path.contains(it.part.as_str())
        };
        let planned = self.planned.iter_mut().find(fits)?;
        planned.times -= 1;
        Some(planned.fault.clone())
    }
}
