//! Asks the configured server who it is.

use std::time::Duration;

use crate::domain::failure::FailureClass;
use crate::domain::time::Timestamp;

use super::super::AgentSettings;
use super::super::probe::problem::Problem;
use super::wire::client::Client;

/// How long the server may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// What is known of the server of an agent.
pub(in crate::agents) struct Server {
    /// Whether it takes the key; `None` when it cannot be told.
    pub(in crate::agents) logged_in: Option<bool>,
    /// What somebody should look at.
    pub(in crate::agents) problems: Vec<Problem>,
}

/// Asks for the list of models, which costs nothing. A server that cannot be reached is no reason to give up the agent.
pub(in crate::agents) async fn ask(settings: &AgentSettings) -> Server {
    let mut server = Server { logged_in: None, problems: Vec::new() };
    let Some(url) = settings.base_url.as_deref() else {
        return server;
    };
    let own = &settings.responses;
    let client = match Client::new(url, own.api, own.key.clone(), PATIENCE) {
        Ok(client) => client,
        Err(trouble) => {
            server.problems.push(Problem::BadServer { reason: trouble.message });
            return server;
        }
    };
    match client.models(Timestamp::default()).await {
        Ok(models) => {
            server.logged_in = own.key.is_some().then_some(true);
            if let Some(model) = &settings.model
                && !models.is_empty()
                && !models.contains(model)
            {
                server.problems.push(Problem::UnknownModel { model: model.clone() });
            }
        }
        Err(trouble) if trouble.class == FailureClass::Authentication => {
            server.logged_in = Some(false);
            server.problems.push(Problem::KeyRefused { reason: trouble.message });
        }
        Err(trouble) => server.problems.push(Problem::Unreachable { reason: trouble.message }),
    }
    server
}
