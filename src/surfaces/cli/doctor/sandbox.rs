//! Whether agents can be confined as the configuration wants it.

use crate::process::sandbox::{Mode, NEEDED, NEEDED_FOR_NETWORK, Support, Wish, support};

use super::Finding;

const AREA: &str = "sandbox";

pub(super) fn look(wish: &Wish) -> Vec<Finding> {
    findings(wish, support())
}

fn findings(wish: &Wish, support: Support) -> Vec<Finding> {
    let network = wish.ports.is_none() || support.network;
    let needed = if support.files { NEEDED_FOR_NETWORK } else { NEEDED };
    let mut found = vec![match (wish.mode, support.files && network) {
        (Mode::Off, can) => {
            let can = if can { "can" } else { "cannot" };
            Finding::ok(AREA, "", format!("agents are not confined; this system {can} do it"))
        }
        (Mode::Preferred | Mode::Required, true) => {
            Finding::ok(AREA, "", "agents are confined by the operating system (tried out)")
        }
        (Mode::Preferred, false) => {
            Finding::remark(AREA, "", format!("agents run unconfined: {needed}"))
        }
        (Mode::Required, false) => {
            Finding::stops(AREA, "", format!("no agent is started: {needed}"))
                .remedy("set sandbox.mode to \"preferred\", or use a system that can")
        }
    }];
    if wish.mode != Mode::Off {
        let missing = wish.writable.iter().filter(|path| !path.exists());
        found.extend(missing.map(|path| {
            Finding::remark(AREA, path.display().to_string(), "is not there to be written to")
                .remedy("create it, or take it out of sandbox.writable")
        }));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::Verdict;
    use super::*;

    #[test]
    fn only_a_required_sandbox_that_is_not_there_stops() {
        let wish = |mode, ports| Wish { mode, writable: vec!["/nowhere/at/all".into()], ports };
        let none = Support { files: false, network: false };
        let files = Support { files: true, network: false };
        let all = Support { files: true, network: true };
        for (mode, ports, support, verdicts) in [
            (Mode::Off, None, none, &[Verdict::Ok][..]),
            (Mode::Preferred, None, none, &[Verdict::Remark, Verdict::Remark]),
            (Mode::Preferred, None, files, &[Verdict::Ok, Verdict::Remark]),
            (Mode::Required, None, files, &[Verdict::Ok, Verdict::Remark]),
            (Mode::Required, Some(vec![443]), files, &[Verdict::Stops, Verdict::Remark]),
            (Mode::Required, Some(vec![443]), all, &[Verdict::Ok, Verdict::Remark]),
        ] {
            let found = findings(&wish(mode, ports), support);
            let said: Vec<Verdict> = found.iter().map(|it| it.verdict).collect();
            assert_eq!(said, verdicts, "{mode:?} {support:?}");
        }
    }
}
