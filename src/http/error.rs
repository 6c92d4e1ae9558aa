//! Why there is no answer.

use std::time::Duration;

use thiserror::Error;

/// Why a request has no answer. An answer with a bad status is an answer.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum HttpError {
    /// The address is none that can be asked, or the system has no usable certificates.
    #[error("{address:?} cannot be asked: {reason}")]
    Unusable {
        /// The address as it was configured.
        address: String,
        /// What is wrong.
        reason: String,
    },
    /// No connection, or one that broke.
    #[error("{host} is out of reach: {reason}")]
    Unreachable {
        /// Which host.
        host: String,
        /// Why.
        reason: String,
        /// The request may have arrived all the same: a write may have been done.
        maybe_done: bool,
    },
    /// It took too long. A write may have been done.
    #[error("{host} has not answered within {} s", after.as_secs())]
    TimedOut {
        /// Which host.
        host: String,
        /// How long was waited.
        after: Duration,
    },
    /// The answer is larger than anything this program asks for. A write has been done.
    #[error("the answer of {host} is larger than {most} bytes")]
    TooLarge {
        /// Which host.
        host: String,
        /// The bound, in bytes.
        most: usize,
    },
    /// The service wants to be left alone for a while; nothing was sent.
    #[error("{host} wants to be left alone for {} s", wait.as_secs().max(1))]
    Limited {
        /// Which host.
        host: String,
        /// For how long from now.
        wait: Duration,
    },
}

impl HttpError {
    /// Whether a write may have been done although there is no answer: look before doing it again.
    #[must_use]
    pub fn maybe_done(&self) -> bool {
        match self {
            Self::Unusable { .. } | Self::Limited { .. } => false,
            Self::Unreachable { maybe_done, .. } => *maybe_done,
            Self::TimedOut { .. } | Self::TooLarge { .. } => true,
        }
    }
}
