//! Signing in with a user secret and an organization secret, and out again.

use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::header::SET_COOKIE;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};
use secrecy::SecretString;

use super::fields::Fields;
use super::layout::Page;
use super::problem::{Problem, sentence};
use super::visitor::{self, Submitted};
use super::{HOME, Ui};

/// The largest form.
const LARGEST: usize = 16 << 10;

/// `GET /ui/sign-in`.
pub(super) async fn show(uri: Uri) -> Response {
    let query = Fields::read(uri.query().unwrap_or_default().as_bytes());
    page(next(&query), None)
}

/// `POST /ui/sign-in`: the API says whether the secrets are good, and how often one may be wrong.
pub(super) async fn enter(State(ui): State<Ui>, request: Request) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    if !visitor::is_own_page(&ui, &parts.headers) {
        return Err(Problem::Forged);
    }
    let body = axum::body::to_bytes(body, LARGEST).await;
    let fields = Fields::read(&body.unwrap_or_else(|_| Bytes::new()));
    let secret = |name| SecretString::from(fields.text(name));
    let (user, organization) = (secret("user"), secret("organization"));
    let wrong =
        || page(next(&fields), Some("The user secret or the organization secret is wrong."));
    let Some(api) = ui.api.caller((&user, &organization), &parts.extensions) else {
        return Ok(with_status(wrong(), StatusCode::UNAUTHORIZED));
    };
    match api.get("/instances/count").await {
        Ok(_) => {
            let cookie = visitor::begin(&ui, user, organization).await?;
            Ok(([(SET_COOKIE, cookie)], Redirect::to(next(&fields))).into_response())
        }
        Err(refused) if refused.status == StatusCode::UNAUTHORIZED => {
            Ok(with_status(wrong(), refused.status))
        }
        Err(refused) => {
            let words = sentence(&refused.message);
            Ok(with_status(page(next(&fields), Some(&words)), refused.status))
        }
    }
}

/// `POST /ui/sign-out`.
pub(super) async fn leave(
    State(ui): State<Ui>,
    Submitted { visitor, .. }: Submitted,
) -> Result<Response, Problem> {
    let cookie = visitor::end(&ui, &visitor).await?;
    Ok(([(SET_COOKIE, cookie)], Redirect::to("/ui/sign-in")).into_response())
}

/// Where to go on: a page of ours, and no other.
fn next(fields: &Fields) -> &str {
    let asked = fields.text("next");
    let is_ours = asked.starts_with("/ui/") && asked.bytes().all(|byte| byte.is_ascii_graphic());
    if is_ours { asked } else { HOME }
}

fn page(next: &str, fault: Option<&str>) -> Response {
    Page::new("Sign in").show(&form(next, fault))
}

fn form(next: &str, fault: Option<&str>) -> Markup {
    let described = fault.map(|_| "fault");
    html! {
        div.narrow {
            h1 { "Sign in" }
            p.soft {
                "With the secrets that calls to the API carry. "
                "They were printed when the server started for the first time, or given by "
                code { "oc-server user add" } "."
            }
            @if let Some(fault) = fault { p.notice.bad #fault role="alert" { (fault) } }
            form.stack method="post" action="/ui/sign-in" {
                input type="hidden" name="next" value=(next);
                // What a password manager keeps the secrets under.
                input type="text" name="username" autocomplete="username" value="Open Connectors" hidden;
                div.field {
                    label for="user" { "User secret" }
                    input #user name="user" type="password" required autofocus
                        autocomplete="current-password" aria-describedby=[described];
                }
                div.field {
                    label for="organization" { "Organization secret" }
                    input #organization name="organization" type="password" required
                        autocomplete="current-password" aria-describedby=[described];
                }
                button.main { "Sign in" }
            }
        }
    }
}

fn with_status(mut response: Response, status: StatusCode) -> Response {
    *response.status_mut() = status;
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_sent_to_another_site() {
        let next_of = |text: &str| {
            let query: String = url::form_urlencoded::byte_serialize(text.as_bytes()).collect();
            next(&Fields::read(format!("next={query}").as_bytes())).to_owned()
        };
        assert_eq!(next_of("/ui/instances/7?done=enabled"), "/ui/instances/7?done=enabled");
        for bad in ["https://evil.example", "//evil.example", "/elements", "/ui/\r\nx: y", ""] {
            assert_eq!(next_of(bad), HOME, "{bad}");
        }
    }
}
