//! Keeps the claim of an instance that is worked for.

use std::time::Duration;

use oc_config::InstanceId;
use oc_egress::Clock;

use crate::ledger::Ledger;

/// Renews a claim three times in each lease; never ends.
pub(crate) async fn keep_claim(
    ledger: &dyn Ledger,
    clock: &Clock,
    lease: Duration,
    instance: InstanceId,
) {
    loop {
        tokio::time::sleep(lease / 3).await;
        if let Err(error) = ledger.renew(instance, clock.now(), lease).await {
            tracing::warn!(%instance, %error, "The claim of a long poll was not renewed");
        }
    }
}
