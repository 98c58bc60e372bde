//! What `user` has done, as it is printed. Secrets are printed here, once, and nowhere else.

use std::io::Write as _;
use std::time::Duration;

use oc_config::Timestamp;
use oc_store::{Listed, Organization, User};
use secrecy::{ExposeSecret, SecretString};
use serde_json::{Value as Json, json};

/// What has been done.
pub(super) enum Shown {
    Added {
        user: User,
        of: Organization,
        secret: SecretString,
        /// The organization's, when it is new.
        organization: Option<SecretString>,
    },
    Users(Vec<Listed>),
    Rotated {
        what: &'static str,
        id: i64,
        secret: SecretString,
        overlap: Duration,
    },
    Removed {
        id: i64,
        organization_too: bool,
        instances: u64,
    },
}

impl Shown {
    pub(super) fn print(&self, as_json: bool) -> anyhow::Result<()> {
        let lines = if as_json { self.json() } else { self.words() };
        let mut out = std::io::stdout().lock();
        lines.iter().try_for_each(|line| writeln!(out, "{line}"))?;
        Ok(())
    }

    fn json(&self) -> Vec<String> {
        let one = |line: Json| vec![line.to_string()];
        match self {
            Self::Added { user, of, secret, organization } => one(json!({
                "user": json_of(user), "organization": {"id": of.id.0, "name": of.name},
                "userSecret": secret.expose_secret(),
                "organizationSecret": organization.as_ref().map(ExposeSecret::expose_secret),
            })),
            Self::Users(users) => users.iter().map(|one| listed(one).to_string()).collect(),
            Self::Rotated { what, id, secret, overlap } => one(json!({
                *what: id, "secret": secret.expose_secret(), "overlapSeconds": overlap.as_secs(),
            })),
            Self::Removed { id, organization_too, instances } => one(json!({
                "user": id, "organizationRemoved": organization_too, "instancesDeleted": instances,
            })),
        }
    }

    fn words(&self) -> Vec<String> {
        match self {
            Self::Added { user, of, secret, organization } => {
                let of_organization = organization.as_ref().map(ExposeSecret::expose_secret);
                let header = format!(
                    "  Authorization: User {}, Organization {}",
                    secret.expose_secret(),
                    of_organization.unwrap_or("(the one it has)")
                );
                let added =
                    format!("user {} was added to organization {} ({})", user.id, of.id.0, of.name);
                vec![added, SHOWN_ONCE.to_owned(), String::new(), header]
            }
            Self::Users(users) => users.iter().map(row).collect(),
            Self::Rotated { what, id, secret, overlap } => {
                let before = if overlap.is_zero() {
                    "the one before is refused now".to_owned()
                } else {
                    format!("the one before is good for {}", humantime::format_duration(*overlap))
                };
                let rotated = format!("{what} {id} has another secret; {before}");
                vec![rotated, String::new(), format!("  {}", secret.expose_secret())]
            }
            Self::Removed { id, organization_too, instances } => {
                let mut lines = vec![format!("user {id} was removed")];
                if *organization_too {
                    lines.push(format!(
                        "it was the last one; the organization is gone too, with {instances} instances"
                    ));
                }
                lines
            }
        }
    }
}

const SHOWN_ONCE: &str = "the secrets are shown only now; calls carry them as";

fn json_of(user: &User) -> Json {
    json!({"id": user.id, "email": user.email, "firstName": user.first_name,
        "lastName": user.last_name})
}

fn listed(one: &Listed) -> Json {
    let mut line = json_of(&one.user);
    line["organizationId"] = one.organization.id.0.into();
    line["organization"] = one.organization.name.clone().into();
    line["instances"] = one.instances.into();
    line["formerSecretEnds"] = one.former_secret_ends.map(Timestamp::to_seconds_text).into();
    line
}

fn row(one: &Listed) -> String {
    let User { id, email, first_name, last_name, .. } = &one.user;
    let ends = one.former_secret_ends.map(Timestamp::to_seconds_text);
    let ends = ends.map(|ends| format!("  (the secret before ends {ends})")).unwrap_or_default();
    format!(
        "{id:>4}  {email:30}  {:30}  {} ({})  {} instances{ends}",
        format!("{first_name} {last_name}"),
        one.organization.name,
        one.organization.id.0,
        one.instances
    )
}
