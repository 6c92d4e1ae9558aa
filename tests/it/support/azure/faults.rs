//! What can go wrong with a request.

use serde_json::Value;

/// Which requests a fault is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// All of them.
    Everything,
    /// Those that change something.
    Writes,
    /// Those that change fields of an item.
    Items,
    /// Those that add or change a comment.
    Comments,
    /// Those that upload a file.
    Uploads,
    /// Those that make an item.
    Creations,
    /// Those that change something at a path that ends so.
    At(&'static str),
}

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Nothing is done; this status, with `Retry-After` in seconds if that is not zero.
    Status(u16, u64),
    /// Nothing is done; a page to sign in on, with 203.
    SignInPage,
    /// It is done; the answer asks to be left alone for some seconds.
    Slow(u64),
    /// It is done, and the connection is cut before the answer.
    CutAfterwards,
    /// It is done, and the answer comes only when the service recovers.
    Held,
    /// Somebody else has just saved the item (409).
    Raced,
}

/// What goes wrong with the next requests.
#[derive(Default)]
pub struct Faults {
    waiting: Vec<(Scope, u32, Fault)>,
    /// What people change before the next patch.
    pub edits: Vec<(u64, Vec<(String, Value)>)>,
}

impl Faults {
    /// One more fault.
    pub fn add(&mut self, scope: Scope, times: u32, fault: Fault) {
        self.waiting.push((scope, times, fault));
    }

    /// No faults any more.
    pub fn clear(&mut self) {
        self.waiting.clear();
    }

    /// The fault of a request.
    pub fn next(&mut self, method: &str, path: &str, writes: bool) -> Option<Fault> {
        let is_comment = path.contains("/comments");
        let found = self.waiting.iter_mut().find(|(scope, times, _)| {
            *times > 0
                && match scope {
                    Scope::Everything => true,
                    Scope::Writes => writes,
                    Scope::Items => writes && method == "PATCH" && !is_comment,
                    Scope::Comments => writes && is_comment,
                    Scope::Uploads => writes && path.ends_with("/wit/attachments"),
                    Scope::Creations => method == "POST" && path.contains("/workitems/$"),
                    Scope::At(end) => writes && path.ends_with(end),
                }
        });
        found.map(|(_, times, fault)| {
            *times -= 1;
            *fault
        })
    }
}
