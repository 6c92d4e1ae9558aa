//! What goes wrong between a client and the service.

use std::time::Duration;

use serde_json::{Value, json};

use super::faults::{Fault, Planned};
use super::limits::{Scope, Storm};
use super::world::Out;
use super::{Discord, Part};

impl Discord {
    fn tell_all(&self, out: impl Fn() -> Out) {
        for connection in self.world().connections.values() {
            let _gone = connection.send(out());
        }
    }

    /// The gateway asks every client to come back (op 7).
    pub fn asks_to_reconnect(&self) {
        let frame = json!({ "op": 7, "s": null, "t": null, "d": null }).to_string();
        self.tell_all(|| Out::Frame(frame.clone()));
    }

    /// The gateway ends every session (op 9), or only lets it be taken up again.
    pub fn invalidates(&self, resumable: bool) {
        let frame = json!({ "op": 9, "s": null, "t": null, "d": resumable }).to_string();
        if !resumable {
            self.forgets_sessions();
        }
        self.tell_all(|| Out::Frame(frame.clone()));
    }

    /// The gateway asks for a heartbeat (op 1).
    pub fn asks_for_heartbeat(&self) {
        let frame = json!({ "op": 1, "s": null, "t": null, "d": null }).to_string();
        self.tell_all(|| Out::Frame(frame.clone()));
    }

    /// The gateway closes every connection, with this code or without one.
    pub fn closes(&self, code: Option<u16>) {
        if matches!(code, Some(4006 | 4007 | 4009)) {
            self.forgets_sessions();
        }
        self.tell_all(|| Out::Close(code));
    }

    /// Every connection of the gateway is reset.
    pub fn aborts(&self) {
        self.tell_all(|| Out::Abort);
    }

    /// Heartbeats are answered, or not.
    pub fn answers_heartbeats(&self, answers: bool) {
        self.world().faults.withhold_acks = !answers;
    }

    /// No session can be taken up again.
    pub fn forgets_sessions(&self) {
        self.world().sessions.clear();
    }

    /// The next RESUMEs are refused.
    pub fn refuses_resumes(&self, times: u32) {
        self.world().faults.refuse_resumes = times;
    }

    /// The next messages and interactions are delivered twice.
    pub fn delivers_twice(&self, times: u32) {
        self.world().faults.twice = times;
    }

    /// Events are kept back until [`Discord::releases`].
    pub fn holds(&self) {
        self.world().faults.held.get_or_insert_with(Vec::new);
    }

    /// Delivers what was kept back, the last first if so wished.
    pub fn releases(&self, reversed: bool) {
        let mut world = self.world();
        let mut held = world.faults.held.take().unwrap_or_default();
        if reversed {
            held.reverse();
        }
        for (name, data, channel) in held {
            world.dispatch(&name, data, channel);
        }
    }

    /// Events are recorded for those who resume, and not sent: the silent gateway.
    pub fn falls_silent(&self, silent: bool) {
        self.world().faults.unsent = silent;
    }

    /// An event as it is given, sense or not.
    pub fn sends(&self, name: &str, data: &Value) {
        let mut world = self.world();
        let open: Vec<String> = world.sessions.keys().cloned().collect();
        for session in open {
            world.send(&session, name, data);
        }
    }

    /// Something goes wrong `times` times with requests of this method that have `part` in their path.
    pub fn fails(&self, method: &str, part: &str, times: u32, fault: Fault) {
        let planned = Planned { method: method.to_owned(), part: part.to_owned(), times, fault };
        self.world().faults.planned.push(planned);
    }

    /// Nothing goes wrong with requests any more.
    pub fn recovers(&self) {
        let mut world = self.world();
        world.faults.planned.clear();
        world.limits.calm();
    }

    /// The next requests that have `part` in their path are refused with 429.
    pub fn storms(&self, times: u32, part: &str, scope: Scope, retry_after: Duration) {
        let storm = Storm { times, part: part.to_owned(), scope, retry_after };
        self.world().limits.storm(storm);
    }

    /// The size of a bucket: its route as in `POST /channels/{}/messages`, and so many requests in that time.
    pub fn limits(&self, route: &str, requests: u32, window: Duration) {
        self.world().limits.set(route, requests, window);
    }

    /// No limits on the rate of requests.
    pub fn lifts_limits(&self) {
        self.world().limits.off = true;
    }

    /// One side refuses connections and drops those there are. Sessions are kept.
    pub fn goes_down(&self, part: Part) {
        let _sent = self.side(part).wished.send(false);
        self.settles(part, false);
        if part == Part::Gateway {
            let mut world = self.world();
            world.connections.clear();
            for session in world.sessions.values_mut() {
                session.connection = None;
            }
        }
    }

    /// It takes connections again, at the same port.
    pub fn comes_back(&self, part: Part) {
        let _sent = self.side(part).wished.send(true);
        self.settles(part, true);
    }

    fn settles(&self, part: Part, up: bool) {
        while self.listens(part) != up {
            crate::support::factory::looking::pause(Duration::from_millis(2));
        }
    }
}
