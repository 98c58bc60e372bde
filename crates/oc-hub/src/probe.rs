//! Which of some known records the provider still has (salesloft.md, "Reading changes well").

use http::StatusCode;
use oc_config::{Condition, FieldName, HubCall, OperationKind, Value};

use crate::client::{Asked, Client, Effort};
use crate::object::{encoded, unknown_method};
use crate::plan::{Plan, resource};
use crate::request::{below_base, read_page, request_url};
use crate::{HubError, Page, Picker, Target};

/// The records with some ids, in one request; those that are not there are left out of the answer.
pub(crate) async fn find(
    client: &Client,
    target: &Target,
    name: &str,
    (list, ids): (&str, &[String]),
    fields: &Picker,
) -> Result<Page, HubError> {
    let resource = resource(&target.connector, name)?;
    let condition = Condition::In {
        field: FieldName(vec![list.to_owned()]),
        values: ids.iter().cloned().map(Value::Text).collect(),
        negated: false,
    };
    let (resource_name, condition) = (name.to_owned(), Some(condition));
    let call = HubCall { resource: resource_name, condition, ..HubCall::default() };
    let plan = Plan::of(&target.connector, &call, None)?;
    let url = request_url(target, &resource.order, &plan, &plan.filters, 1)?;
    let read = |response| read_page(target, resource, &plan.filters, fields, response);
    let effort = Effort::spare(client.retry);
    Ok(client.send(target, &Asked::get(&url, 1), effort, read).await?.read)
}

/// Whether there is no such record. One that is hidden is not gone.
pub(crate) async fn is_gone(
    client: &Client,
    target: &Target,
    name: &str,
    id: &str,
) -> Result<bool, HubError> {
    let resource = resource(&target.connector, name)?;
    let one = resource.operations.get(&OperationKind::One);
    let one = one.ok_or_else(|| unknown_method(name, resource, OperationKind::One))?;
    let url = below_base(target, &one.path(&encoded(Some(id))?))?;
    let effort = Effort::spare(client.retry);
    match client.send(target, &Asked::get(&url, 1), effort, |_| Ok(())).await {
        Ok(_) => Ok(false),
        Err(HubError::Provider { status, .. }) => match status {
            StatusCode::NOT_FOUND | StatusCode::GONE => Ok(true),
            StatusCode::FORBIDDEN => Ok(false),
            _ => Err(HubError::Provider { status, text: None }),
        },
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests;
