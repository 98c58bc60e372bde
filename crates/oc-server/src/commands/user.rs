//! `user`: organizations and users with their secrets.

mod shown;

use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use clap::{Args, Subcommand};
use oc_config::Timestamp;
use oc_store::{By, Listed, NewUser, OrganizationId, Removal, Store};

use super::database;
use crate::caller_secret;
use crate::settings::Settings;
use shown::Shown;

#[derive(Args)]
pub(crate) struct Options {
    #[command(subcommand)]
    action: Action,
    /// Print JSON, one object a line
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Subcommand)]
enum Action {
    /// Adds a user and prints the secrets; the only time that they are shown
    #[command(
        after_help = "Example: oc-server user add --organization Acme --email jane@acme.example --first-name Jane --last-name Doe"
    )]
    Add(Add),
    /// Lists users and their organizations
    #[command(after_help = "Example: oc-server user list --json")]
    List,
    /// Gives a user, or an organization, another secret and prints it
    #[command(
        after_help = "Examples: oc-server user rotate jane@acme.example --overlap 1h\n          oc-server user rotate --organization Acme"
    )]
    Rotate(Rotate),
    /// Removes a user, whose secrets are refused at once; the last one takes the organization along
    #[command(after_help = "Example: oc-server user remove jane@acme.example")]
    Remove(Remove),
}

#[derive(Args)]
struct Add {
    /// The organization's name; one that is new is made
    #[arg(long, value_name = "NAME", value_parser = name)]
    organization: String,
    /// How to reach the user
    #[arg(long, default_value = "", hide_default_value = true)]
    email: String,
    #[arg(long, default_value = "", hide_default_value = true)]
    first_name: String,
    #[arg(long, default_value = "", hide_default_value = true)]
    last_name: String,
}

#[derive(Args)]
struct Rotate {
    /// The user's number or email address
    #[arg(required_unless_present = "organization")]
    user: Option<String>,
    /// The organization's name or number, to give it another secret
    #[arg(long, value_name = "NAME", conflicts_with = "user")]
    organization: Option<String>,
    /// For how long the secret before stays good; 0s ends it at once
    #[arg(long, default_value = "24h", value_parser = humantime::parse_duration)]
    overlap: Duration,
}

#[derive(Args)]
struct Remove {
    /// The user's number or email address
    user: String,
    /// Also delete the organization's instances, when this is its last user
    #[arg(long)]
    force: bool,
}

fn name(text: &str) -> Result<String, String> {
    let text = text.trim();
    if text.is_empty() { Err("a name was expected".to_owned()) } else { Ok(text.to_owned()) }
}

pub(crate) async fn run(options: &Options, settings: &Settings) -> anyhow::Result<ExitCode> {
    let store = database::open(settings, "user").await?;
    let now = store.clock().now();
    let shown = match &options.action {
        Action::Add(new) => add(&store, new, now).await,
        Action::List => Ok(Shown::Users(store.users(now).await?)),
        Action::Rotate(which) => rotate(&store, which, settings, now).await,
        Action::Remove(which) => remove(&store, which, now).await,
    };
    store.leave().await?;
    shown?.print(options.json)?;
    Ok(ExitCode::SUCCESS)
}

async fn add(store: &Store, add: &Add, now: Timestamp) -> anyhow::Result<Shown> {
    let new = NewUser {
        organization: add.organization.clone(),
        email: add.email.clone(),
        first_name: add.first_name.clone(),
        last_name: add.last_name.clone(),
        secret: caller_secret::generate(),
        organization_secret: caller_secret::generate(),
    };
    let secrets = (new.secret.clone(), new.organization_secret.clone());
    let added = store.add_user(new, By::operator(), now).await?;
    let organization = added.organization_is_new.then_some(secrets.1);
    Ok(Shown::Added { user: added.user, of: added.organization, secret: secrets.0, organization })
}

async fn rotate(
    store: &Store,
    which: &Rotate,
    settings: &Settings,
    now: Timestamp,
) -> anyhow::Result<Shown> {
    let (users, secret) = (store.users(now).await?, caller_secret::generate());
    let is_set = |variable: &str| format!("{variable} says what this secret is; change it there");
    let (overlap, by) = (which.overlap, By::operator());
    if let Some(text) = &which.organization {
        let id = organization(&users, text)?;
        ensure!(
            id.0 != 1 || settings.organization_secret.is_none(),
            is_set("OC_ORGANIZATION_SECRET")
        );
        store.rotate_organization(id, &secret, overlap, by, now).await?;
        return Ok(Shown::Rotated { what: "organization", id: id.0, secret, overlap });
    }
    let id = user(&users, which.user.as_deref().unwrap_or_default())?;
    ensure!(id != 1 || settings.user_secret.is_none(), is_set("OC_USER_SECRET"));
    store.rotate_user(id, &secret, overlap, by, now).await?;
    Ok(Shown::Rotated { what: "user", id, secret, overlap })
}

async fn remove(store: &Store, which: &Remove, now: Timestamp) -> anyhow::Result<Shown> {
    let id = user(&store.users(now).await?, &which.user)?;
    match store.remove_user(id, which.force, By::operator(), now).await? {
        Removal::Done { organization_too, instances } => {
            Ok(Shown::Removed { id, organization_too, instances })
        }
        Removal::Missing => bail!("there is no user {id}"),
        Removal::LastUser { instances } => bail!(
            "user {id} is the last one of an organization with {instances} instances, which nobody could reach any more; delete them, add another user, or delete them with --force"
        ),
    }
}

/// A user by number or email address.
fn user(users: &[Listed], text: &str) -> anyhow::Result<i64> {
    let number: Option<i64> = text.parse().ok();
    if let Some(found) = users.iter().find(|one| Some(one.user.id) == number) {
        return Ok(found.user.id);
    }
    let by_email = users.iter().filter(|one| one.user.email.eq_ignore_ascii_case(text));
    let ids: Vec<i64> = by_email.map(|one| one.user.id).collect();
    match ids.as_slice() {
        [] => bail!("there is no user `{text}`; `oc-server user list` shows them"),
        [id] => Ok(*id),
        several => bail!("several users have the address {text}; name one of {several:?}"),
    }
}

/// An organization by name or number.
fn organization(users: &[Listed], text: &str) -> anyhow::Result<OrganizationId> {
    let all = || users.iter().map(|one| &one.organization);
    let by_name = all().find(|one| one.name == text);
    let found = by_name.or_else(|| all().find(|one| one.id.0.to_string() == text));
    let found = found.map(|one| one.id);
    found.with_context(|| format!("there is no organization `{text}`; `user list` shows them"))
}
