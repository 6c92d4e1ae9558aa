//! Do webhooks come to the daemon?

use crate::config::http::HttpSettings;
use crate::config::settings::Settings;
use crate::surfaces::control::client::Client;
use crate::surfaces::control::webhook_views::WebhooksView;

use super::super::format;
use super::Finding;

const AREA: &str = "webhooks";

pub(super) async fn look(settings: &Settings) -> Vec<Finding> {
    let Some(http) = &settings.http else {
        return vec![Finding::ok(AREA, "", "are off: trackers are asked at their intervals")];
    };
    let mut findings = vec![listening(settings, http).await];
    if !http.listen.ip().is_loopback() {
        let text = "other machines reach the port, and nothing on it is encrypted";
        let remedy = "listen on 127.0.0.1 behind a proxy with TLS";
        findings.push(Finding::remark(AREA, http.listen.to_string(), text).remedy(remedy));
    }
    for (source, has_secret, has_tracker) in [
        ("github", http.github_secret.is_some(), settings.github.is_some()),
        ("azdo", http.azdo_login.is_some(), settings.azdo.is_some()),
    ] {
        if has_secret && !has_tracker {
            let text = "there is a webhook secret and no tracker for it: deliveries change nothing";
            findings.push(Finding::remark(AREA, source, text));
        }
    }
    findings
}

async fn listening(settings: &Settings, http: &HttpSettings) -> Finding {
    let subject = http.listen.to_string();
    match webhooks(settings).await {
        Some(Some(view)) => Finding::ok(AREA, subject, format::webhooks(&view)),
        Some(None) => Finding::remark(AREA, subject, "the running daemon does not listen there")
            .remedy("start it again: the port counts at the start"),
        None => match std::net::TcpListener::bind(http.listen) {
            Ok(_free) => {
                Finding::ok(AREA, subject, "is free; the daemon listens there once it runs")
            }
            Err(error) => Finding::stops(AREA, subject, format!("cannot be listened on: {error}"))
                .remedy("stop what listens there, or set `http.listen` to another port"),
        },
    }
}

/// What the running daemon says of its port; `None` when none is running.
async fn webhooks(settings: &Settings) -> Option<Option<WebhooksView>> {
    let mut client = Client::connect(&settings.daemon.state_dir).await.ok()??;
    client.status().await.ok().map(|status| status.webhooks)
}
