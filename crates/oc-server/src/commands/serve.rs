//! `serve`: the API, the poller and the dispatcher in one process.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use clap::{Args, ValueEnum};
use secrecy::{ExposeSecret, SecretString};
use tokio::net::TcpSocket;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::api;
use crate::app::{App, DRAIN, catalogue};
use crate::caller_secret;
use crate::secret_key_file;
use crate::settings::Settings;
use crate::telemetry::Telemetry;
use crate::traces::Exporter;

const SWEEP_EVERY: Duration = Duration::from_secs(600);
/// How long a stop waits at its end for refreshes and traces.
const LAST: Duration = Duration::from_secs(1);
/// How many connections wait to be accepted; the system may keep fewer.
const BACKLOG: u32 = 1_024;
/// How long it tries to tell other servers that it has gone.
const LEAVE: Duration = Duration::from_secs(2);

#[derive(Args, Default)]
pub(crate) struct Options {
    /// Check the settings and connector definitions, and start nothing
    #[arg(long)]
    check: bool,
    /// Which parts to run [default: all]; health and metrics are answered with each of them
    #[arg(long, value_delimiter = ',')]
    role: Vec<Role>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Role {
    Api,
    Poll,
    Dispatch,
}

impl Options {
    fn roles(&self) -> Vec<Role> {
        let is_asked = |role: &Role| self.role.is_empty() || self.role.contains(role);
        Role::value_variants().iter().copied().filter(is_asked).collect()
    }
}

pub(crate) async fn run(
    options: &Options,
    mut settings: Settings,
    exporter: Option<Exporter>,
) -> anyhow::Result<ExitCode> {
    if options.check {
        catalogue(&settings)?;
        if settings.database.file().is_none_or(Path::exists) {
            secret_key_file::load(&settings)?;
        }
        eprintln!("the settings are good");
        return Ok(ExitCode::SUCCESS);
    }
    let stop = stop_signal()?;
    let telemetry = Telemetry::start()?;
    let roles = options.roles();
    let socket = bind(&mut settings)?;
    let app = tokio::select! {
        app = connected(settings, &roles) => app?,
        () = stop.cancelled() => {
            tracing::info!("Stopped before it had started");
            return Ok(ExitCode::SUCCESS);
        }
    };
    first_user(&app).await?;
    let last = CancellationToken::new();
    let exporting = exporter.map(|exporter| tokio::spawn(exporter.run(last.clone())));
    let mut parts = JoinSet::new();
    parts.spawn(telemetry.clone().keep_up(stop.clone()));
    let listener = socket.listen(BACKLOG)?;
    let url = &app.settings.public_url;
    tracing::info!(address = %listener.local_addr()?, %url, "Listening");
    if roles.contains(&Role::Api) {
        parts.spawn(api::serve(listener, app.clone(), telemetry, stop.clone()));
    } else {
        parts.spawn(api::serve_health(listener, app.clone(), telemetry, stop.clone()));
    }
    begin(&roles, &app, &stop, &mut parts)?;
    tracing::info!(?roles, "Started");
    let failed = tokio::select! {
        () = stop.cancelled() => false,
        error = app.store.outdated() => {
            tracing::error!(%error, "A newer server has changed the database");
            // What is under way could not be recorded; the newer servers do it again.
            parts.abort_all();
            true
        }
        // A part runs until it is told to stop: whatever has ended one, the others cannot do its work.
        _ = parts.join_next() => !stop.is_cancelled(),
    };
    if failed {
        tracing::error!("The program ends, as it cannot do its work; see above");
        stop.cancel();
    }
    tracing::info!("Stopping");
    app.unfinished.close();
    let ended = tokio::time::timeout(DRAIN, async {
        while parts.join_next().await.is_some() {}
        app.unfinished.wait().await;
    });
    if ended.await.is_err() {
        tracing::warn!("Not everything under way has ended; it is done again after the next start");
        parts.abort_all();
    }
    last.cancel();
    let traces = async {
        if let Some(exporting) = exporting {
            // Traces are no reason to be killed.
            let _ = tokio::time::timeout(LAST, exporting).await;
        }
    };
    tokio::join!(app.tokens.settle(LAST), traces);
    leave(&app).await;
    tracing::info!("Stopped");
    Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Takes the address before anything else is done: what the program tells of itself depends on it.
/// Nobody is let in before it listens.
fn bind(settings: &mut Settings) -> anyhow::Result<TcpSocket> {
    let address = settings.listen;
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    // As std does: what a server before this one has left behind does not hold it up.
    socket.set_reuseaddr(true)?;
    socket.bind(address).with_context(|| format!("OC_LISTEN: {address} cannot be listened on"))?;
    settings.listens_on(socket.local_addr()?);
    Ok(socket)
}

/// With everything that it needs from others.
async fn connected(settings: Settings, roles: &[Role]) -> anyhow::Result<App> {
    // What does not answer may be waited for.
    tracing::info!(database = %settings.database, "Starting");
    let mut app = App::build(settings).await?;
    if roles.contains(&Role::Dispatch) {
        app.connect_queue().await?;
    }
    Ok(app)
}

/// Begins what works without being asked.
fn begin(
    roles: &[Role],
    app: &App,
    stop: &CancellationToken,
    parts: &mut JoinSet<()>,
) -> anyhow::Result<()> {
    if roles.contains(&Role::Poll) {
        parts.spawn(app.poller().run(stop.clone()));
        parts.spawn(app.caretaker().run(stop.clone()));
        parts.spawn(app.subscriber().run(stop.clone()));
        parts.spawn(app.intake().run(stop.clone()));
    }
    if roles.contains(&Role::Dispatch) {
        parts.spawn(app.dispatcher().run(stop.clone()));
        if let Some(queue) = app.queue.clone() {
            parts.spawn(queue.run(stop.clone()));
        }
        parts.spawn(sweep(app.clone(), stop.clone()));
        if let Some(herald) = app.herald()? {
            parts.spawn(herald.run(stop.clone()));
        }
    }
    Ok(())
}

/// Lets other servers have at once what this one had claimed.
async fn leave(app: &App) {
    match tokio::time::timeout(LEAVE, app.store.leave()).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(%error, "Claims are held until they end by themselves"),
        Err(_) => tracing::warn!("Claims are held until they end by themselves"),
    }
}

/// Makes the first user, and prints once what has been made up.
async fn first_user(app: &App) -> anyhow::Result<()> {
    let (user, organization) = (&app.settings.user_secret, &app.settings.organization_secret);
    let generated = (caller_secret::generate(), caller_secret::generate());
    let made = app
        .store
        .ensure_first_user(user.as_ref(), organization.as_ref(), (&generated.0, &generated.1))
        .await
        .context("the first user cannot be stored")?;
    if made && (user.is_none() || organization.is_none()) {
        let show = |given: &Option<SecretString>, made: &SecretString| match given {
            Some(_) => "(the one you have set)".to_owned(),
            None => made.expose_secret().to_owned(),
        };
        eprintln!(
            "\nThe first user was made. These secrets are shown only now; calls carry them as\n\n  Authorization: User {}, Organization {}\n",
            show(user, &generated.0),
            show(organization, &generated.1)
        );
    }
    Ok(())
}

/// Takes away what is too old, now and then.
async fn sweep(app: App, stop: CancellationToken) {
    while !stop.is_cancelled() {
        match app.store.sweep(app.clock.now(), app.settings.event_retention).await {
            Ok(swept) => tracing::debug!(swept.notifications, swept.fingerprints, "Swept"),
            Err(error) => tracing::warn!(%error, "What is too old could not be swept away"),
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(SWEEP_EVERY) => {}
        }
    }
}

/// Cancelled by SIGTERM or SIGINT; a second signal ends the process at once.
fn stop_signal() -> anyhow::Result<CancellationToken> {
    let stop = CancellationToken::new();
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let cancel = stop.clone();
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            if cancel.is_cancelled() {
                std::process::exit(1);
            }
            cancel.cancel();
        }
    });
    Ok(stop)
}
