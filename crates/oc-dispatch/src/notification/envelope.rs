//! What stands around a notification's message: Open Connectors' members, or a CloudEvent.

use oc_config::NotificationFormat;

use super::{Composer, Text};

/// How a CloudEvent begins; nothing else that is composed here begins so.
const CLOUD_EVENT: &str = r#"{"specversion":"1.0","id":"#;

/// `Content-Type` of a body. Its first member tells the form: what was composed before the form was
/// changed is sent, and sent again, as what it is.
pub(crate) fn content_type(body: &[u8]) -> &'static str {
    if body.starts_with(CLOUD_EVENT.as_bytes()) {
        "application/cloudevents+json; charset=UTF-8"
    } else {
        "application/json"
    }
}

impl Composer<'_> {
    /// Everything before the message; behind it only a brace is to be closed.
    pub(super) fn open(&self, body: &mut Text, id: &str) {
        match self.origin.format {
            NotificationFormat::Elements => {
                body.raw(r#"{"id":"#).text(id);
                body.raw(r#","topic":"elements","severity":"low","action":"event","createdDate":"#);
                body.text(self.poll_date).raw(r#","user":"system","message":"#);
            }
            NotificationFormat::CloudEvents => {
                body.raw(CLOUD_EVENT).text(id);
                let instance = self.origin.instance;
                body.raw(&format!(r#","source":"/elements/api-v2/instances/{instance}","#));
                body.raw(r#""type":"org.open-connectors.records.changed","subject":"#);
                body.text(self.object_type).raw(r#","time":"#).text(self.poll_date);
                body.raw(r#","datacontenttype":"application/json","data":"#);
            }
        }
    }
}
