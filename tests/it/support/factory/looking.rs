//! Looking at a factory until something is so; never waiting for time alone.

use std::sync::mpsc;
use std::time::{Duration, Instant};

use super::status::{Picture, Why};
use super::{BOUND, Factory};

/// Pause between two looks at a condition.
const LOOK: Duration = Duration::from_millis(40);

impl Factory {
    /// What `status --json` says, if it says anything.
    pub(crate) fn picture(&self) -> Option<Picture> {
        let said = self.cli(&["status", "--json"]);
        if said.code != 0 {
            return None;
        }
        let picture = serde_json::from_str(&said.out);
        Some(picture.unwrap_or_else(|error| panic!("{error}: {}", said.out)))
    }

    /// What `why <item> --json` says.
    pub(crate) fn why(&self, item: &str) -> Why {
        let said = self.cli_ok(&["why", item, "--json"]);
        serde_json::from_str(&said.out).unwrap_or_else(|error| panic!("{error}: {}", said.out))
    }

    /// Waits until `found` finds something.
    pub(crate) fn until<T>(
        &mut self,
        what: &str,
        bound: Duration,
        found: impl FnMut(&mut Self) -> Option<T>,
    ) -> T {
        self.look_for(what, bound, LOOK, found)
    }

    /// The same with looks close behind each other; they must be cheap.
    pub(crate) fn until_close<T>(
        &mut self,
        what: &str,
        found: impl FnMut(&mut Self) -> Option<T>,
    ) -> T {
        self.look_for(what, BOUND, Duration::from_millis(3), found)
    }

    /// The same with time between the looks, for those that are dear and long.
    pub(crate) fn until_sometime<T>(
        &mut self,
        what: &str,
        found: impl FnMut(&mut Self) -> Option<T>,
    ) -> T {
        self.look_for(what, BOUND, Duration::from_millis(300), found)
    }

    fn look_for<T>(
        &mut self,
        what: &str,
        bound: Duration,
        between: Duration,
        mut found: impl FnMut(&mut Self) -> Option<T>,
    ) -> T {
        let started = Instant::now();
        loop {
            if let Some(value) = found(self) {
                return value;
            }
            if let Some(status) = self.daemon_ended() {
                panic!("the daemon ended by itself ({status}), and still not: {what}");
            }
            if started.elapsed() > bound {
                let picture = self.picture();
                panic!("after {bound:?} still not: {what}\n{picture:#?}");
            }
            pause(between);
        }
    }

    /// Waits until `holds`, without a pause between two looks.
    pub(crate) fn busy_until(&self, what: &str, mut holds: impl FnMut() -> bool) {
        let started = Instant::now();
        while !holds() {
            assert!(started.elapsed() < BOUND, "after {BOUND:?} still not: {what}");
            std::hint::spin_loop();
        }
    }

    /// Waits until `holds` is true of the daemon's picture.
    pub(crate) fn wait_until(
        &mut self,
        what: &str,
        mut holds: impl FnMut(&Picture) -> bool,
    ) -> Picture {
        self.until(what, BOUND, |factory| factory.picture().filter(&mut holds))
    }

    /// Waits until all of these items have that status.
    pub(crate) fn wait_for(&mut self, items: &[&str], status: &str) -> Picture {
        self.wait_until(&format!("{items:?} are {status}"), |picture| {
            items.iter().all(|item| picture.find(item).is_some_and(|found| found.status == status))
        })
    }

    /// Waits until these items are done, their files say so, and nothing is left to do.
    pub(crate) fn wait_until_done(&mut self, items: &[&str]) -> Picture {
        let picture = self.wait_for(items, "done");
        self.wait_until_quiet();
        picture
    }

    /// Waits until no effect is open: trackers are written, worktrees dealt with.
    pub(crate) fn wait_until_quiet(&mut self) {
        self.wait_until("nothing is left to do", |picture| picture.status.open_effects == 0);
    }

    /// Waits until a file below the directory of the script exists.
    pub(crate) fn wait_for_file(&mut self, name: &str) {
        let path = self.root().join(name);
        self.until(&format!("{name} exists"), BOUND, |_| path.exists().then_some(()));
    }
}

/// A pause between two looks; not a substitute for a condition.
pub(crate) fn pause(time: Duration) {
    let (_never_sends, receiver) = mpsc::channel::<()>();
    let _timed_out = receiver.recv_timeout(time);
}
