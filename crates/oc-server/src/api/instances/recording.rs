//! The recording of an authentication that asked for one with `providerData.debug`.

use oc_config::{Connector, InstanceRequest};
use oc_oauth::{TokenEndpoint, Transcript};
use oc_store::{OrganizationId, Trace};
use uuid::Uuid;

use crate::api::elements::TraceRecord;
use crate::api::error::ApiError;
use crate::app::App;

/// A token endpoint, and what is said to it when that is to be kept.
pub(super) struct Recording {
    endpoint: TokenEndpoint,
    transcript: Option<Transcript>,
}

impl Recording {
    pub(super) fn begin(app: &App, request: &InstanceRequest) -> Self {
        let is_wanted = request.provider_data.as_ref().is_some_and(|data| data.debug);
        let transcript = is_wanted.then(Transcript::default);
        let endpoint = match &transcript {
            Some(transcript) => app.endpoint.recorded(transcript),
            None => app.endpoint.clone(),
        };
        Self { endpoint, transcript }
    }

    pub(super) fn endpoint(&self) -> &TokenEndpoint {
        &self.endpoint
    }

    /// Keeps what was recorded, however it ended.
    pub(super) async fn end(
        &self,
        app: &App,
        organization: OrganizationId,
        connector: &Connector,
        failed: Option<&ApiError>,
    ) -> Option<Uuid> {
        let Some(transcript) = &self.transcript else { return None };
        let (id, created) = (Uuid::now_v7(), app.clock.now());
        let failure = failed.map(|failed| failed.message.clone());
        let record = TraceRecord::new(id, created, &connector.key, failure, transcript.exchanges());
        let trace = Trace {
            id,
            organization,
            connector: connector.key.clone(),
            created,
            record: record.to_text(),
        };
        // Tokens that were just granted are worth more than their recording.
        if let Err(error) = app.store.keep_trace(trace).await {
            tracing::error!(%error, "A recorded authentication could not be kept");
            return None;
        }
        Some(id)
    }
}
