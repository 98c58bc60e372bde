//! `notification.webhook.failure.policy`: what a failed delivery means for what comes behind it.

use std::str::FromStr;

use super::Reader;

/// The key that chooses a policy.
const KEY: &str = "notification.webhook.failure.policy";

/// What becomes of a notification that has not arrived (notifications.md, "Delivery").
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FailurePolicy {
    /// It is sent again after the retry schedule, and queues after its last failure.
    #[default]
    Retry,
    /// It queues at its first failure.
    Queue,
}

impl FailurePolicy {
    /// What can be chosen, for messages.
    pub const EXPECTED: &str = "retry or queue";
}

impl FromStr for FailurePolicy {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.trim().to_ascii_lowercase().as_str() {
            "retry" => Ok(Self::Retry),
            "queue" => Ok(Self::Queue),
            _ => Err(Self::EXPECTED),
        }
    }
}

impl Reader<'_> {
    /// The instance's own policy; `None` leaves it to the operator.
    pub(super) fn failure_policy(&mut self) -> Option<FailurePolicy> {
        let text = self.configuration.get(KEY)?;
        let policy = text.parse();
        if let Err(expected) = policy {
            self.fault(KEY, &format!("`{text}` was found; {expected} was expected"));
        }
        policy.ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_is_read_in_any_case_and_another_word_is_refused() {
        assert_eq!(" Queue".parse(), Ok(FailurePolicy::Queue));
        assert_eq!("RETRY".parse(), Ok(FailurePolicy::Retry));
        assert_eq!("drop".parse::<FailurePolicy>(), Err("retry or queue"));
    }
}
