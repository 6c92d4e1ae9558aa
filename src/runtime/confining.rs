//! What the operator's wish to confine agents comes to for one turn on this system.

use std::path::{Path, PathBuf};

use crate::domain::failure::{Failure, FailureClass};
use crate::process::sandbox::{
    Confinement, Mode, NEEDED, Network, Support, Wish, git_places, support,
};
use crate::runtime::state_dir::write_private;

/// The wish, and what this system can do about it.
#[derive(Debug, Clone)]
pub struct Confining {
    wish: Wish,
    support: Support,
}

/// Where the agent of a turn has to write.
#[derive(Debug, Clone, Copy)]
pub struct Places<'a> {
    /// Its worktree.
    pub worktree: &'a Path,
    /// Whether it may only read there.
    pub read_only: bool,
    /// Its private home.
    pub home: &'a Path,
    /// The file for its final text, if it leaves one.
    pub answer_file: Option<&'a Path>,
}

impl Confining {
    /// Finds out what this system can do, if anything is wished for.
    #[must_use]
    pub fn new(wish: Wish) -> Self {
        let support = match wish.mode {
            Mode::Off => Support { files: false, network: false },
            Mode::Preferred | Mode::Required => support(),
        };
        if wish.mode == Mode::Preferred && !support.files {
            tracing::warn!("agents run unconfined: {NEEDED}");
        }
        Self { wish, support }
    }

    /// No agent is confined.
    #[must_use]
    pub fn off() -> Self {
        Self::new(Wish::default())
    }

    /// Whether agents are confined.
    ///
    /// # Errors
    /// A configuration failure when they must be and cannot.
    pub fn is_on(&self) -> Result<bool, Failure> {
        let able = self.support.files && (self.wish.ports.is_none() || self.support.network);
        match (self.wish.mode, able) {
            (Mode::Off, _) => Ok(false),
            (Mode::Preferred, _) => Ok(self.support.files),
            (Mode::Required, true) => Ok(true),
            (Mode::Required, false) => Err(Failure::new(
                FailureClass::Configuration,
                "agents must be confined (sandbox.mode) and this system cannot do it; `enact-factory doctor` says why",
            )),
        }
    }

    /// The confinement of a turn; `None` when agents are not confined. Makes the file for the final text: it can only be
    /// made writable when it is there.
    ///
    /// # Errors
    /// As [`Self::is_on`]; an infrastructure failure when that file cannot be made.
    pub fn of_turn(&self, places: Places<'_>) -> Result<Option<Confinement>, Failure> {
        if !self.is_on()? {
            return Ok(None);
        }
        let mut writable: Vec<PathBuf> =
            self.wish.writable.iter().filter(|path| path.exists()).cloned().collect();
        writable.push(places.home.to_owned());
        if let Some(path) = places.answer_file {
            write_private(path, &[]).map_err(|error| Failure::infrastructure(error.to_string()))?;
            writable.push(path.to_owned());
        }
        if !places.read_only {
            writable.push(places.worktree.to_owned());
            writable.extend(git_places(places.worktree));
        }
        let network = match &self.wish.ports {
            Some(ports) if self.support.network => Network::Ports(ports.clone()),
            Some(_) | None => Network::Open,
        };
        Ok(Some(Confinement { writable, network }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: Support = Support { files: false, network: false };
    const FILES: Support = Support { files: true, network: false };
    const ALL: Support = Support { files: true, network: true };

    fn confining(mode: Mode, ports: Option<Vec<u16>>, support: Support) -> Confining {
        Confining {
            wish: Wish { mode, writable: vec!["/".into(), "/not/there".into()], ports },
            support,
        }
    }

    #[test]
    fn a_sandbox_that_is_required_and_not_there_stops_the_turn_and_a_preferred_one_does_not() {
        for (mode, ports, support, on) in [
            (Mode::Off, None, ALL, Some(false)),
            (Mode::Preferred, None, NONE, Some(false)),
            (Mode::Preferred, Some(vec![1]), FILES, Some(true)),
            (Mode::Required, None, NONE, None),
            (Mode::Required, None, FILES, Some(true)),
            (Mode::Required, Some(vec![1]), FILES, None),
            (Mode::Required, Some(vec![1]), ALL, Some(true)),
        ] {
            let found = confining(mode, ports, support).is_on();
            assert_eq!(found.ok(), on, "{mode:?} {support:?}");
        }
        let failure = confining(Mode::Required, None, NONE).is_on().unwrap_err();
        assert_eq!(failure.class, FailureClass::Configuration);
    }

    #[test]
    fn a_coder_writes_in_its_worktree_and_a_critic_does_not() {
        let worktree = tempfile::tempdir().unwrap();
        let corner = tempfile::tempdir().unwrap();
        let pointer = format!("gitdir: {}\n", corner.path().display());
        std::fs::write(worktree.path().join(".git"), pointer).unwrap();
        let confining = confining(Mode::Required, Some(vec![443]), ALL);
        let answer = corner.path().join("answer");
        let of = |read_only| {
            let home = Path::new("/home/of/turn");
            let answer_file = Some(answer.as_path());
            let places = Places { worktree: worktree.path(), read_only, home, answer_file };
            confining.of_turn(places).unwrap().unwrap()
        };
        let shared = ["/".into(), "/home/of/turn".into(), answer.clone()].to_vec();
        assert_eq!(of(true).writable, shared);
        let more = [worktree.path().to_owned(), corner.path().to_owned()];
        assert_eq!(of(false).writable, [shared, more.to_vec()].concat());
        assert_eq!(of(false).network, Network::Ports(vec![443]));
    }
}
