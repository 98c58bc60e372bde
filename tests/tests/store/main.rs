//! What every store has to keep, over PostgreSQL.

#[path = "../../../crates/oc-store/tests/conformance/audit.rs"]
mod audit;
#[path = "../../../crates/oc-store/tests/conformance/backlog.rs"]
mod backlog;
#[path = "../../../crates/oc-store/tests/conformance/contents.rs"]
mod contents;
mod copied;
mod crashed;
#[path = "../../../crates/oc-store/tests/conformance/events.rs"]
mod events;
#[path = "../../../crates/oc-store/tests/conformance/house.rs"]
mod house;
#[path = "../../../crates/oc-store/tests/conformance/instances.rs"]
mod instances;
#[path = "../../../crates/oc-store/tests/conformance/ledger.rs"]
mod ledger;
#[path = "../../../crates/oc-store/tests/conformance/listing.rs"]
mod listing;
mod nodes;
#[path = "../../../crates/oc-store/tests/conformance/notices.rs"]
mod notices;
#[path = "../../../crates/oc-store/tests/conformance/outbox.rs"]
mod outbox;
mod place;
#[path = "../../../crates/oc-store/tests/conformance/probes.rs"]
mod probes;
#[path = "../../../crates/oc-store/tests/conformance/sessions.rs"]
mod sessions;
#[path = "../../../crates/oc-store/tests/conformance/slow.rs"]
mod slow;
#[path = "../../../crates/oc-store/tests/conformance/tasks.rs"]
mod tasks;
#[path = "../../../crates/oc-store/tests/conformance/tenants.rs"]
mod tenants;
#[path = "../../../crates/oc-store/tests/conformance/turns.rs"]
mod turns;
#[path = "../../../crates/oc-store/tests/conformance/vault.rs"]
mod vault;
#[path = "../../../crates/oc-store/tests/conformance/webhooks.rs"]
mod webhooks;
