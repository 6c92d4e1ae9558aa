//! How this daemon takes items in their trackers.

use crate::runtime::effects::Ports;
use crate::runtime::engine::Leasing;
use crate::runtime::state_dir::StateDir;

/// What this daemon calls itself where it takes items: in every start of it the same.
pub(super) fn holder(dirs: &StateDir) -> String {
    format!("factory-{}", dirs.instance.chars().take(8).collect::<String>())
}

/// Whose items are taken, and for how long.
pub(super) fn of(ports: &Ports) -> Leasing {
    let leased = ports.trackers.iter().filter(|(_, tracker)| tracker.leases());
    Leasing { sources: leased.map(|(source, _)| source.clone()).collect(), span: ports.lease }
}
