//! A daemon in this process, with its control socket.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::config::http::HttpSettings;
use crate::config::settings::Settings;
use crate::daemon::{Daemon, Parts, Setup};
use crate::runtime::handle::DaemonHandle;
use crate::runtime::recovery::Recovered;
use crate::store::StoreReader;
use crate::surfaces::control::server::{ControlServer, Standing};
use crate::surfaces::http::hooks::{Hooks, Secrets};
use crate::surfaces::http::router;
use crate::surfaces::http::secrets::Login;
use crate::surfaces::http::server::{Bounds, HttpServer};

use super::discord;
use super::entry::Context;
use super::errors::CliError;

/// A daemon that is ready to run and can be talked to while it does.
pub(super) struct Hosted {
    daemon: Daemon,
    server: ControlServer,
    http: Option<(HttpServer, Arc<Hooks>)>,
    discord: Option<discord::Wanted>,
    standing: Standing,
}

/// What a daemon is made from.
pub(super) fn setup(context: &Context, settings: Settings) -> Setup {
    Setup {
        settings,
        environment: context.surroundings.variables.clone(),
        program: context.surroundings.program.clone(),
    }
}

impl Hosted {
    /// Takes the state directory.
    pub(super) async fn open(
        context: &Context,
        setup: &Setup,
        standing: Standing,
    ) -> Result<Self, CliError> {
        let daemon = Daemon::open(setup).await?;
        let daemon = match standing {
            Standing::Permanent => daemon,
            Standing::Temporary => daemon.for_one_task(),
        };
        let elsewhere = context.surroundings.short_directory();
        let server = ControlServer::bind(&daemon.parts().dirs.root, &elsewhere)?;
        let settings = setup.settings.http.as_ref().filter(|_| standing == Standing::Permanent);
        let http = match settings {
            Some(settings) => Some(listen(settings, &daemon).await?),
            None => None,
        };
        let discord = match standing {
            Standing::Permanent => discord::Wanted::from(&setup.settings),
            Standing::Temporary => None,
        };
        Ok(Self { daemon, server, http, discord, standing })
    }

    /// Where HTTP is listened to, if it is.
    pub(super) fn http_address(&self) -> Option<SocketAddr> {
        self.http.as_ref().map(|(server, _)| server.address())
    }

    /// What was found and done at the start.
    pub(super) fn recovered(&self) -> &Recovered {
        &self.daemon.recovered
    }

    /// The door to the loop.
    pub(super) fn handle(&self) -> DaemonHandle {
        self.daemon.handle()
    }

    /// What surfaces beside the loop need.
    pub(super) fn parts(&self) -> Parts {
        self.daemon.parts()
    }

    /// Runs until `shutdown`. The socket is served until the loop has ended, so that followers see the end of their runs.
    pub(super) async fn run(self, shutdown: CancellationToken) -> Result<(), CliError> {
        let Self { daemon, server, http, discord, standing } = self;
        let (parts, handle) = (daemon.parts(), daemon.handle());
        let store: Arc<dyn StoreReader> = parts.store.clone();
        let stop = CancellationToken::new();
        let serving = server.serve(daemon.handle(), store, standing, stop.clone());
        let running = async {
            let ended = daemon.run(shutdown).await;
            stop.cancel();
            ended
        };
        let listening = async {
            if let Some((server, hooks)) = http {
                server.serve(router(hooks), stop.clone()).await;
            }
        };
        let chatting = discord::serve(discord, &parts, handle, stop.clone());
        let (ended, (), (), ()) = tokio::join!(
            Box::pin(running),
            Box::pin(serving),
            Box::pin(listening),
            Box::pin(chatting)
        );
        ended.map_err(CliError::from)
    }
}

async fn listen(
    settings: &HttpSettings,
    daemon: &Daemon,
) -> Result<(HttpServer, Arc<Hooks>), CliError> {
    let bounds = Bounds::default();
    let server = HttpServer::bind(settings.listen, bounds).await?;
    let login = settings.azdo_login.clone();
    let secrets = Secrets {
        github: settings.github_secret.clone(),
        azure_devops: login.map(|(user, password)| Login { user, password }),
    };
    let (hints, clock) = (daemon.handle().hints(), Arc::clone(&daemon.parts().ports.clock));
    hints.open(server.address().to_string(), secrets.sources());
    Ok((server, Arc::new(Hooks::new(secrets, hints, clock, bounds))))
}
