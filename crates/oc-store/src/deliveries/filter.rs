//! Which deliveries: a `where` over the few fields that a delivery has.

use oc_config::{Condition, Diagnostic, FieldName, InstanceId, Operator, Value};
use serde_json::{Value as Json, json};

use super::{Delivery, Subscription};
use crate::EventStatus;

/// The fields of a delivery...
const FIELDS: [&str; 7] = [
    "channel",
    "status",
    "config.url",
    "subscriptionId",
    "notificationId",
    "createdDate",
    "updatedDate",
];
/// ...and of these, those of its subscription.
const OF_SUBSCRIPTIONS: usize = 4;

/// A condition on deliveries.
#[derive(Clone, Debug, Default)]
pub struct DeliveryFilter(Option<Condition>);

impl DeliveryFilter {
    /// Reads a condition.
    ///
    /// # Errors
    /// What is no condition, or names a field that a delivery does not have.
    pub fn parse(text: &str) -> Result<Self, Diagnostic> {
        let (condition, _) = Condition::parse(text)?;
        check(&condition, &FIELDS)?;
        Ok(Self(Some(condition)))
    }

    /// Reads which queued deliveries are to go on.
    ///
    /// # Errors
    /// Also a condition that is not about queued ones, and one that could choose between deliveries
    /// of one subscription, which keep their order.
    pub fn parse_queued(text: &str) -> Result<Self, Diagnostic> {
        let filter = Self::parse(text)?;
        if let Some(condition) = &filter.0 {
            check(condition, &FIELDS[..OF_SUBSCRIPTIONS])?;
        }
        if filter.status() != Some(EventStatus::Received) {
            return Err(Diagnostic::error("", "status='queued' was expected"));
        }
        Ok(filter)
    }

    /// The only status that can fit.
    pub(super) fn status(&self) -> Option<EventStatus> {
        let text = self.equal("status").find_map(|value| match value {
            Value::Text(text) => Some(text.as_str()),
            _ => None,
        })?;
        EventStatus::ALL.into_iter().find(|status| names(*status).contains(&text))
    }

    /// The only subscription that can fit.
    pub(super) fn subscription(&self) -> Option<InstanceId> {
        self.equal("subscriptionId").find_map(|value| match value {
            Value::Text(text) | Value::Number(text) => text.parse().ok().map(InstanceId),
            _ => None,
        })
    }

    /// Whether a delivery fits.
    pub(super) fn fits(&self, delivery: &Delivery) -> bool {
        let mut row = row(&delivery.subscription, delivery.status);
        row["notificationId"] = Json::from(delivery.notification.to_string());
        row["createdDate"] = Json::from(delivery.created.to_string());
        row["updatedDate"] = Json::from(delivery.updated.to_string());
        self.matches(&row)
    }

    /// Whether the queued deliveries of a subscription fit.
    pub(super) fn fits_queued(&self, subscription: &Subscription) -> bool {
        self.matches(&row(subscription, EventStatus::Received))
    }

    fn matches(&self, row: &Json) -> bool {
        self.0.as_ref().is_none_or(|condition| condition.matches(row))
    }

    /// What a field must be equal to.
    fn equal<'f>(&'f self, name: &'f str) -> impl Iterator<Item = &'f Value> {
        let conjuncts = self.0.as_ref().map(Condition::conjuncts).unwrap_or_default();
        conjuncts.iter().filter_map(move |one| match one {
            Condition::Compare { field, operator: Operator::Equal, value }
                if field.0.join(".") == name =>
            {
                Some(value)
            }
            _ => None,
        })
    }
}

/// A status as deliveries have it. What has arrived counts as `delivered` too.
fn names(status: EventStatus) -> &'static [&'static str] {
    match status {
        EventStatus::New => &["created"],
        EventStatus::Received => &["queued"],
        EventStatus::Dispatched => &["retry"],
        EventStatus::Consumed => &[],
        EventStatus::Notified => &["notified", "delivered"],
    }
}

impl Delivery {
    /// Its status as clients know it.
    pub fn status_name(&self) -> &'static str {
        names(self.status).first().copied().unwrap_or_default()
    }
}

/// An array fulfils a condition when one of its elements does.
fn row(subscription: &Subscription, status: EventStatus) -> Json {
    json!({
        "channel": "webhook",
        "status": names(status),
        "config": {"url": subscription.url},
        "subscriptionId": subscription.instance.0,
    })
}

fn check(condition: &Condition, known: &[&str]) -> Result<(), Diagnostic> {
    match condition {
        Condition::Any(all) | Condition::All(all) => {
            all.iter().try_for_each(|one| check(one, known))
        }
        Condition::Not(inner) => check(inner, known),
        Condition::Compare { field, .. }
        | Condition::In { field, .. }
        | Condition::Like { field, .. }
        | Condition::Null { field, .. } => check_field(field, known),
    }
}

fn check_field(field: &FieldName, known: &[&str]) -> Result<(), Diagnostic> {
    if known.contains(&field.0.join(".").as_str()) {
        return Ok(());
    }
    let message = format!("`{field}` is no field here; the fields are: {}", known.join(", "));
    Err(Diagnostic::error("", message))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subscription(url: &str) -> Subscription {
        Subscription { instance: InstanceId(7), url: Some(url.to_owned()), queued: true }
    }

    #[test]
    fn the_published_condition_chooses_queued_subscriptions_by_their_url() {
        let text = "channel='webhook' and status='queued' and config.url='https://a.example/hook'";
        let filter = DeliveryFilter::parse_queued(text).unwrap();
        assert!(filter.fits_queued(&subscription("https://a.example/hook")));
        assert!(!filter.fits_queued(&subscription("https://b.example/hook")));
        let any = DeliveryFilter::parse_queued("status='queued'").unwrap();
        assert!(any.fits_queued(&subscription("https://b.example/hook")));
    }

    #[test]
    fn other_fields_are_refused_and_the_known_ones_named() {
        let fault = DeliveryFilter::parse("colour='red'").unwrap_err().to_string();
        assert!(fault.contains("`colour`") && fault.contains("config.url"), "{fault}");
        assert!(DeliveryFilter::parse_queued("channel='webhook'").is_err());
        assert!(DeliveryFilter::parse_queued("status='queued' or channel='x'").is_err());
        let one = DeliveryFilter::parse_queued("status='queued' and notificationId='x'");
        assert!(!one.unwrap_err().to_string().contains("notificationId,"));
    }

    #[test]
    fn what_must_be_equal_shortens_the_search() {
        let filter = DeliveryFilter::parse("status='delivered' and subscriptionId=12").unwrap();
        assert_eq!(filter.status(), Some(EventStatus::Notified));
        assert_eq!(filter.subscription(), Some(InstanceId(12)));
        let either = DeliveryFilter::parse("status='queued' or subscriptionId=12").unwrap();
        assert_eq!((either.status(), either.subscription()), (None, None));
    }
}
