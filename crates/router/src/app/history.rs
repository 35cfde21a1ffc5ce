//! What was and what is to be, as operators read it.

use chrono::{DateTime, Utc};
use identity::EndpointId;
use serde_json::{Value, json};

use super::price_text::price_text;
use crate::Error;
use crate::catalogue::Schedule;
use crate::service::Inner;
use crate::store::{self, PastPrice};

/// Changes in one answer.
const PAGE: u32 = 100;
const LARGEST_PAGE: u32 = 500;

/// Every price that an endpoint had, has, or is to have, the latest to take effect first.
///
/// # Errors
/// [`Error`] when there is no such endpoint or the database is away.
pub(crate) async fn list_prices(inner: &Inner, endpoint: EndpointId) -> Result<Value, Error> {
    let prices = store::prices(&inner.deps.pool, endpoint).await?;
    if prices.is_empty() && !inner.current.load().catalogue.endpoints().iter().any(|row| row.id == endpoint) {
        return Err(Error::NotFound { kind: "endpoint", name: endpoint.to_string() });
    }
    let now = Utc::now();
    let current = prices.iter().find(|price| price.withdrawn_at.is_none() && price.effective_at <= now);
    let current = current.map(|price| price.id);
    let data: Vec<Value> = prices.iter().map(|one| price(one, current == Some(one.id), now)).collect();
    Ok(json!({ "endpoint_id": endpoint.to_string(), "data": data }))
}

fn price(price: &PastPrice, is_current: bool, now: DateTime<Utc>) -> Value {
    let state = if price.withdrawn_at.is_some() {
        "withdrawn"
    } else if is_current {
        "in_effect"
    } else if price.effective_at > now {
        "upcoming"
    } else {
        "past"
    };
    let schedule = Schedule::read(price.id, &price.book);
    let mut text = schedule.and_then(|schedule| price_text(&schedule)).unwrap_or_else(|| json!({}));
    text["id"] = price.id.to_string().into();
    text["state"] = state.into();
    text["source"] = price.source.clone().into();
    text["effective_at"] = json!(price.effective_at);
    text["created_at"] = json!(price.created_at);
    text["withdrawn_at"] = json!(price.withdrawn_at);
    text
}

/// A page of the record of changes, newest first.
///
/// # Errors
/// [`Error`] when the database is away.
pub(crate) async fn list_changes(
    inner: &Inner,
    subject: Option<&str>,
    after: Option<i64>,
    limit: u32,
) -> Result<Value, Error> {
    let limit = if limit == 0 { PAGE } else { limit.min(LARGEST_PAGE) };
    let mut changes = store::changes(&inner.deps.pool, subject, after, limit.saturating_add(1)).await?;
    let has_more = changes.len() > usize::try_from(limit).unwrap_or(usize::MAX);
    changes.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    let next = changes.last().filter(|_| has_more).map(|change| change.id);
    let data: Vec<Value> = changes
        .into_iter()
        .map(|change| {
            json!({
                "id": change.id,
                "catalogue_version": change.version,
                "at": change.at,
                "actor": change.actor,
                "action": change.action,
                "subject": change.subject,
                "before": change.before,
                "after": change.after,
            })
        })
        .collect();
    Ok(json!({ "data": data, "next": next }))
}
