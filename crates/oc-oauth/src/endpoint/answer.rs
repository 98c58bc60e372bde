//! What a token endpoint answered.

use std::collections::BTreeMap;
use std::time::Duration;

use http::header::DATE;
use oc_config::{OAuth2, Timestamp};
use oc_egress::Response;
use secrecy::SecretString;
use serde_json::{Map, Value as Json};

use super::TokenFault;
use crate::TokenSet;

const LONGEST_TEXT: usize = 4 * 1024;

pub(super) fn read(
    response: &Response,
    provider: &OAuth2,
    old: Option<&SecretString>,
    now: Timestamp,
    secrets: &[&str],
) -> Result<(TokenSet, Option<Timestamp>), TokenFault> {
    let status = response.status;
    let parsed = serde_json::from_slice::<Map<String, Json>>(&response.body);
    if status.is_success() {
        let members =
            parsed.map_err(|_| TokenFault::Lost("the answer is no JSON object".to_owned()))?;
        return Ok((tokens(members, provider, old, now)?, provider_time(response)));
    }
    if status.is_server_error() || matches!(status.as_u16(), 408 | 429) {
        return Err(TokenFault::Unavailable(format!("it answered {status}")));
    }
    let code = parsed.as_ref().ok().and_then(|members| members.get("error")?.as_str());
    let dead = code.is_some_and(|code| provider.dead.iter().any(|known| known == code));
    Err(TokenFault::Refused { text: without(&response.body, secrets), dead })
}

fn tokens(
    mut members: Map<String, Json>,
    provider: &OAuth2,
    old: Option<&SecretString>,
    now: Timestamp,
) -> Result<TokenSet, TokenFault> {
    let mut secret = |name: &str| match members.remove(name) {
        Some(Json::String(text)) if !text.is_empty() => Some(SecretString::from(text)),
        _ => None,
    };
    let refresh = secret("refresh_token").or_else(|| old.cloned());
    let access = secret("access_token")
        .ok_or_else(|| TokenFault::Lost("the answer holds no access_token".to_owned()))?;
    let life = members.remove("expires_in").as_ref().and_then(seconds).unwrap_or(provider.lifetime);
    let life = provider.refresh_interval.map_or(life, |interval| interval.min(life));
    let text = |(name, value): (String, Json)| match value {
        Json::String(text) => Some((name, text)),
        Json::Number(_) | Json::Bool(_) => Some((name, value.to_string())),
        _ => None,
    };
    let others: BTreeMap<_, _> = members.into_iter().filter_map(text).collect();
    Ok(TokenSet { access, refresh, obtained_at: now, expires_at: now.plus(life), others })
}

/// `expires_in` as a number or as text; what is neither counts as missing.
fn seconds(value: &Json) -> Option<Duration> {
    let seconds = match value {
        Json::Number(number) => number.as_f64()?,
        Json::String(text) => text.trim().parse().ok()?,
        _ => return None,
    };
    Duration::try_from_secs_f64(seconds).ok().filter(|life| !life.is_zero())
}

fn provider_time(response: &Response) -> Option<Timestamp> {
    let date = response.headers.get(DATE)?.to_str().ok()?;
    let at = httpdate::parse_http_date(date).ok()?;
    Some(Timestamp::from(time::OffsetDateTime::from(at)))
}

/// The provider's words as they are, but for our secrets should it repeat them.
pub(crate) fn without(body: &[u8], secrets: &[&str]) -> String {
    let kept = &body[..body.len().min(LONGEST_TEXT)];
    let text = String::from_utf8_lossy(kept).into_owned();
    let long = secrets.iter().filter(|secret| secret.len() >= 4);
    long.fold(text, |text, secret| text.replace(secret, "********"))
}
