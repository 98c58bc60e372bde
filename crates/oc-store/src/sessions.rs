//! Sessions of the web page, and the forms in them that wait for a provider's consent.

use oc_config::Timestamp;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::sql::{Sql, params};
use crate::{SecretKey, Store, StoreError};

/// Forms of one session that wait at the same time; the oldest go first.
const MOST_DRAFTS: i64 = 20;

/// What a visitor has proved, and what their forms carry.
#[derive(Clone, Debug)]
pub struct Session {
    /// The secret of the user.
    pub user: SecretString,
    /// The secret of the organization.
    pub organization: SecretString,
    /// What every form has to bring along, so that no other page can send one.
    pub form_token: SecretString,
}

impl Store {
    /// Keeps a session until `ends`; `token` is what the browser keeps.
    ///
    /// # Errors
    /// When the storage fails.
    pub async fn begin_session(
        &self,
        token: &SecretString,
        session: &Session,
        ends: Timestamp,
    ) -> Result<(), StoreError> {
        let id = name(token);
        let text = Zeroizing::new(session.to_text());
        let sealed = self.key.seal(&of_session(&id), text.as_bytes())?;
        self.database
            .write(move |sql| {
                let insert = "INSERT INTO session (id, secrets, ends) VALUES (?1, ?2, ?3)";
                sql.execute(insert, params![id, sealed, ends.0])?;
                Ok(())
            })
            .await
    }

    /// The session of a token, unless it has ended.
    ///
    /// # Errors
    /// When the storage fails.
    pub async fn session(
        &self,
        token: &SecretString,
        now: Timestamp,
    ) -> Result<Option<Session>, StoreError> {
        let (id, key) = (name(token), self.key.clone());
        self.database
            .read(move |sql| {
                let select = "SELECT secrets FROM session WHERE id = ?1 AND ends > ?2";
                let found = sql.find(select, params![id, now.0], |row| row.get::<Vec<u8>>(0))?;
                let Some(sealed) = found else { return Ok(None) };
                let text = key.open(&of_session(&id), &sealed)?;
                Session::from_text(&text).map(Some).ok_or(StoreError::Sealed(of_session(&id)))
            })
            .await
    }

    /// Forgets a session and its drafts.
    ///
    /// # Errors
    /// When the storage fails.
    pub async fn end_session(&self, token: &SecretString) -> Result<(), StoreError> {
        let id = name(token);
        self.database
            .write(move |sql| {
                sql.execute("DELETE FROM draft WHERE session_id = ?1", params![id])?;
                sql.execute("DELETE FROM session WHERE id = ?1", params![id])?;
                Ok(())
            })
            .await
    }

    /// Keeps a form of a session until `ends`; `state` finds it.
    ///
    /// # Errors
    /// When the storage fails.
    pub async fn keep_draft(
        &self,
        session: &SecretString,
        state: &SecretString,
        form: &SecretString,
        ends: Timestamp,
    ) -> Result<(), StoreError> {
        let (session, id) = (name(session), name(state));
        let sealed = self.key.seal(&of_draft(&id), form.expose_secret().as_bytes())?;
        self.database
            .write(move |sql| {
                sql.execute(
                    "INSERT INTO draft (id, session_id, form, ends) VALUES (?1, ?2, ?3, ?4)",
                    params![id, session, sealed, ends.0],
                )?;
                sql.execute(
                    "DELETE FROM draft WHERE session_id = ?1 AND id NOT IN
                       (SELECT id FROM draft WHERE session_id = ?1
                        ORDER BY ends DESC, id DESC LIMIT ?2)",
                    params![session, MOST_DRAFTS],
                )?;
                Ok(())
            })
            .await
    }

    /// A form of a session, unless its time is over.
    ///
    /// # Errors
    /// When the storage fails.
    pub async fn draft(
        &self,
        session: &SecretString,
        state: &SecretString,
        now: Timestamp,
    ) -> Result<Option<SecretString>, StoreError> {
        let (session, id, key) = (name(session), name(state), self.key.clone());
        let select = "SELECT form FROM draft WHERE id = ?1 AND session_id = ?2 AND ends > ?3";
        self.database.read(move |sql| open_draft(sql, select, &key, (&id, &session), now)).await
    }

    /// The same, and it is there no more: of two that take it only one gets it.
    ///
    /// # Errors
    /// When the storage fails.
    pub async fn take_draft(
        &self,
        session: &SecretString,
        state: &SecretString,
        now: Timestamp,
    ) -> Result<Option<SecretString>, StoreError> {
        let (session, id, key) = (name(session), name(state), self.key.clone());
        let delete =
            "DELETE FROM draft WHERE id = ?1 AND session_id = ?2 AND ends > ?3 RETURNING form";
        self.database.write(move |sql| open_draft(sql, delete, &key, (&id, &session), now)).await
    }
}

impl Session {
    fn to_text(&self) -> String {
        let Self { user, organization, form_token } = self;
        json!([user.expose_secret(), organization.expose_secret(), form_token.expose_secret()])
            .to_string()
    }

    fn from_text(text: &[u8]) -> Option<Self> {
        let [user, organization, form_token]: [String; 3] = serde_json::from_slice(text).ok()?;
        Some(Self {
            user: user.into(),
            organization: organization.into(),
            form_token: form_token.into(),
        })
    }
}

fn open_draft(
    sql: &Sql,
    statement: &str,
    key: &SecretKey,
    (id, session): (&str, &str),
    now: Timestamp,
) -> Result<Option<SecretString>, StoreError> {
    let found = sql.find(statement, params![id, session, now.0], |row| row.get::<Vec<u8>>(0))?;
    let Some(sealed) = found else { return Ok(None) };
    let form = key.open(&of_draft(id), &sealed)?;
    let text = String::from_utf8(form.to_vec());
    text.map(|text| Some(text.into())).map_err(|_| StoreError::Sealed(of_draft(id)))
}

/// Forgets what has ended.
pub(crate) fn sweep(sql: &Sql, now: Timestamp) -> Result<(), StoreError> {
    sql.execute("DELETE FROM draft WHERE ends <= ?1", params![now.0])?;
    sql.execute("DELETE FROM session WHERE ends <= ?1", params![now.0])?;
    Ok(())
}

/// Tokens have 256 random bits, so that a plain hash is enough to find them by.
fn name(token: &SecretString) -> String {
    let digest = Sha256::digest(token.expose_secret());
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn of_session(id: &str) -> String {
    format!("session/{id}")
}

fn of_draft(id: &str) -> String {
    format!("draft/{id}")
}
