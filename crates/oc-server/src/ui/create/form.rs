//! The form itself, in the order in which an instance is thought of.

use maud::{Markup, html};

use super::polling::{self, DATES, MAIN, Polled};
use super::request::{Entry, Place};
use super::{PRESSED, Subject};
use crate::ui::fields::Fields;
use crate::ui::layout::heading;
use crate::ui::visitor::Visitor;

const CALLBACK: &str = "event.notification.callback.url";
const SIGNATURE: &str = "event.notification.signature.key";
const INTERVAL: &str = "event.poller.refresh_interval";
const ENABLED: &str = "event.notification.enabled";
const KIND: &str = "event.vendor.type";

/// A form as it is filled in.
pub(super) struct Form<'a> {
    pub(super) visitor: &'a Visitor,
    pub(super) subject: &'a Subject,
    pub(super) fields: &'a Fields,
    /// What was wrong with it.
    pub(super) fault: Option<&'a Markup>,
}

impl Form<'_> {
    pub(super) fn show(&self, title: &str) -> Markup {
        html! {
            (heading(title, &html! {}))
            @if let Some(fault) = self.fault {
                div.notice.bad role="alert" tabindex="-1" autofocus {
                    p { strong { "Nothing was saved." } } (fault)
                }
            }
            form.stack.wide method="post" action=(self.subject.place()) autocomplete="off" {
                (self.visitor.form_token())
                // Enter sends the form, and does not switch its view.
                button.first-press name=(PRESSED) value="update" tabindex="-1" aria-hidden="true" {}
                fieldset.panel.stack { legend { h2 { "Account" } } (self.account()) }
                fieldset.panel.stack { legend { h2 { "Events" } } (self.events()) }
                fieldset.panel.stack #polling { legend { h2 { "Polling" } } (self.polling()) }
                fieldset.panel.stack { legend { h2 { "Tags" } } (self.tags()) }
                (self.buttons())
            }
        }
    }

    fn account(&self) -> Markup {
        let of = |place| self.subject.entries.iter().filter(move |one| one.place() == place);
        html! {
            div.field {
                label for="name" { "Name" }
                input #name name="name" value=(self.fields.exact("name")) required maxlength="256";
            }
            @for entry in of(Place::Main) { (self.entry(entry)) }
            @if self.subject.connector.is_oauth() {
                div.field {
                    label for="callback" { "Callback URL" }
                    div.beside {
                        input #callback value=(self.subject.callback) readonly aria-describedby="callback-help";
                        button type="button" data-copies="callback" { "Copy" }
                    }
                    span.help #callback-help {
                        "Enter it at " (self.subject.connector.name) " as the redirect URL of your application."
                    }
                }
            }
            details {
                summary { "Show optional fields" }
                div.stack.inner {
                    (signature_key(self.fields.exact(SIGNATURE), false))
                    button.fit type="button" hx-post="/ui/signature-key" hx-target="#signature-key"
                        hx-swap="outerHTML" { "Make a signature key" }
                    @for entry in of(Place::Optional) { (self.entry(entry)) }
                }
            }
        }
    }

    fn events(&self) -> Markup {
        let kinds = [("polling", "Polling"), ("webhook", "Webhook, and polling beside it")];
        let key = &self.subject.connector.key;
        html! {
            (self.check(ENABLED, "Events Enabled", ""))
            @if self.subject.has_webhooks {
                div.field {
                    label for="kind" { "Event Type" }
                    select #kind name=(KIND) {
                        @for (value, name) in kinds {
                            option value=(value) selected[self.fields.text(KIND).starts_with(value)] { (name) }
                        }
                    }
                }
            }
            div.field {
                label for="notify" { "Event Notification Callback URL" }
                div.beside {
                    input #notify name=(CALLBACK) type="url" value=(self.fields.exact(CALLBACK))
                        placeholder="https://" aria-describedby="notify-help";
                    button type="button" hx-post={ "/ui/connectors/" (key) "/callback-test" }
                        hx-target="#tested" hx-disabled-elt="this" { "Send a test" }
                }
                span.help #notify-help { "Without it events are only kept." }
                div #tested role="status" {}
            }
            div.field {
                label for="interval" { "Event poller refresh interval (mins)" }
                div.beside {
                    input #interval-slider type="range" min="1" max="120" data-mirrors="interval"
                        value=(self.fields.exact(INTERVAL)) aria-label="Interval, by slider";
                    input.number #interval name=(INTERVAL) inputmode="decimal" required
                        value=(self.fields.exact(INTERVAL)) data-mirrored="interval-slider";
                }
            }
        }
    }

    /// Fields or code; the preview below follows whatever is typed.
    fn polling(&self) -> Markup {
        let code = polling::shows_code(self.fields);
        let key = &self.subject.connector.key;
        let label = if code { "Show as fields" } else { "</> Edit as JSON" };
        html! {
            input type="hidden" name=(polling::VIEW) value=(if code { "code" } else { "fields" });
            button.fit name=(PRESSED) value="switch" formnovalidate hx-post=(self.subject.place())
                hx-target="#polling" hx-select="#polling" hx-swap="outerHTML" { (label) }
            div.stack hx-post={ "/ui/connectors/" (key) "/preview" } hx-trigger="load, input delay:400ms"
                hx-target="#preview" hx-sync="this:replace" {
                @if code {
                    div.field {
                        label for="code" { "Configuration as JSON" }
                        textarea.code #code name=(polling::KEY) rows="16" spellcheck="false" {
                            (self.fields.exact(polling::KEY))
                        }
                    }
                } @else {
                    fieldset {
                        legend { "Select the resources to poll" }
                        @for (at, one) in polling::read(self.fields).iter().enumerate() { (resource(at, one)) }
                    }
                }
            }
            div aria-live="polite" {
                h3 { "What will be asked at the next poll" }
                div #preview { p.soft { "The preview needs scripts." } }
            }
        }
    }

    fn tags(&self) -> Markup {
        html! {
            div.field {
                label for="tags" { "Tags, one a line" }
                textarea #tags name="tags" rows="2" { (self.fields.exact("tags")) }
            }
        }
    }

    fn buttons(&self) -> Markup {
        let subject = self.subject;
        html! {
            div.buttons {
                @if let Some(id) = subject.instance {
                    button.main name=(PRESSED) value="update" { "Update" }
                    @if subject.connector.is_oauth() {
                        button name=(PRESSED) value="authenticate" { "Re-Authenticate" }
                    }
                    a.button.quiet href={ (crate::ui::HOME) "/" (id) } { "Cancel" }
                } @else {
                    button.main name=(PRESSED) value="update" { "Create Instance" }
                    a.button.quiet href="/ui/connectors" { "Cancel" }
                }
            }
        }
    }

    fn entry(&self, entry: &Entry) -> Markup {
        let Entry { key, name, description, .. } = entry;
        if entry.is_flag() {
            return self.check(key, name, description);
        }
        let help = Some(description).filter(|text| !text.is_empty() && *text != name);
        let described = help.map(|_| format!("{key}-help"));
        let value = self.fields.exact(key);
        html! {
            div.field {
                label for=(key) { (name) }
                @if entry.multiline {
                    // It begins on a line of its own, as browsers leave the first one out.
                    textarea.secret[entry.secret] id=(key) name=(key) rows="3" required[entry.required]
                        spellcheck="false" aria-describedby=[described.as_deref()] { "\n" (value) }
                } @else {
                    input id=(key) name=(key) value=(value) required[entry.required]
                        type=(if entry.secret { "password" } else { "text" })
                        autocomplete=(if entry.secret { "new-password" } else { "off" })
                        aria-describedby=[described.as_deref()];
                }
                @if let Some(help) = help { span.help id={ (key) "-help" } { (help) } }
            }
        }
    }

    /// A box that is empty is sent as well, by the hidden field before it.
    fn check(&self, key: &str, name: &str, help: &str) -> Markup {
        let is_on = self.fields.last(key).trim().eq_ignore_ascii_case("true");
        html! {
            div.field {
                div.check {
                    input type="hidden" name=(key) value="false";
                    input id=(key) type="checkbox" name=(key) value="true" checked[is_on];
                    label for=(key) { (name) }
                }
                @if !help.is_empty() { span.help { (help) } }
            }
        }
    }
}

/// The field of the signature key; one that was just made can be read, as the receiver needs it.
pub(super) fn signature_key(value: &str, is_new: bool) -> Markup {
    html! {
        div.field #signature-key {
            label for="signature" { "Callback Notification Signature Key" }
            div.beside {
                input #signature name=(SIGNATURE) value=(value) autocomplete="new-password"
                    type=(if is_new { "text" } else { "password" });
                @if is_new { button type="button" data-copies="signature" { "Copy" } }
            }
            @if is_new { span.help role="status" { "Give it to your receiver now; later it is masked." } }
        }
    }
}

fn resource(at: usize, one: &Polled) -> Markup {
    let id = |key: &str| Polled::field(at, key);
    let values: Vec<&str> = one.values.iter().map(String::as_str).collect();
    let (main, dates) = values.split_at(MAIN.len().min(values.len()));
    let rest = serde_json::Value::Object(one.rest.clone());
    html! {
        div.resource {
            input type="hidden" name=(id("name")) value=(one.name);
            input type="hidden" name=(id("rest")) value=(rest);
            div.check {
                input id=(id("on")) type="checkbox" name=(id("on")) value="true" checked[one.is_chosen];
                label for=(id("on")) { (one.name) }
            }
            details {
                summary aria-label={ "Edit " (one.name) } { span aria-hidden="true" { "✎ " } "Edit" }
                div.stack.inner {
                    @for ((key, label), value) in MAIN.iter().zip(main) { (text(&id(key), label, value)) }
                    details {
                        summary { "Advanced Filtering" }
                        div.stack.inner.pairs {
                            @for ((key, label), value) in DATES.iter().zip(dates) {
                                (text(&id(key), label, value))
                            }
                        }
                    }
                }
            }
        }
    }
}

fn text(id: &str, label: &str, value: &str) -> Markup {
    html! {
        div.field {
            label for=(id) { (label) }
            input.code id=(id) name=(id) value=(value) spellcheck="false";
        }
    }
}
