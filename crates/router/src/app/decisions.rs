//! Kept decisions: listed, told, and made again under other rules.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use identity::GenerationId;
use serde_json::{Value, json};
use tokio::sync::mpsc;
use uuid::Uuid;

use crate::Error;
use crate::decide::{Changes, Decision, Report, Unreadable, summary};
use crate::service::Inner;
use crate::store::decisions::{self, Filter, Stored};

/// Decisions of a list.
const PAGE: u32 = 50;
const LONGEST_PAGE: u32 = 500;
/// Decisions that one replay takes, and how many of them are read at once.
const REPLAYED: u32 = 100_000;
const AT_ONCE: u32 = 500;

/// Which decisions are made again.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Span {
    pub(crate) since: Option<DateTime<Utc>>,
    /// The first moment that is not in it.
    pub(crate) until: Option<DateTime<Utc>>,
    /// Zero = as many as one replay takes.
    pub(crate) limit: u32,
}

/// The newest decisions first, as `{"data": [..], "next": id}`; `next` where there is more.
///
/// # Errors
/// [`Error::Database`].
pub(crate) async fn list_decisions(inner: &Inner, filter: &Filter, limit: u32) -> Result<Value, Error> {
    let limit = if limit == 0 { PAGE } else { limit.min(LONGEST_PAGE) };
    let mut rows = decisions::list(&inner.deps.pool, filter, i64::from(limit) + 1).await?;
    let length = usize::try_from(limit).unwrap_or(usize::MAX);
    let has_more = rows.len() > length;
    rows.truncate(length);
    let last = rows.last().filter(|_| has_more);
    let next = last.map(|row| GenerationId::from_uuid(row.generation).to_string());
    Ok(json!({ "data": rows.iter().map(summary).collect::<Vec<_>>(), "next": next }))
}

/// One decision with everything there is to say of it.
///
/// # Errors
/// [`Error::NotFound`] when it was not kept or is kept no more.
pub(crate) async fn read_decision(inner: &Inner, generation: GenerationId) -> Result<Value, Error> {
    let gone = || Error::NotFound { kind: "decision of the generation", name: generation.to_string() };
    let row = decisions::one(&inner.deps.pool, generation).await?.ok_or_else(gone)?;
    let tables = decisions::snapshot(&inner.deps.pool, row.snapshot).await?.ok_or(Unreadable::Gone)?;
    let telling = move || {
        let decision = Decision::read(row)?;
        Ok(decision.told(&decision.catalogue(&tables)?))
    };
    tokio::task::spawn_blocking(telling).await.map_err(|_| Error::Lost)?
}

/// How far a replay is.
#[derive(Debug)]
pub(crate) enum Replayed {
    /// Decisions that were made again, of how many.
    Progress { done: u32, total: u32 },
    /// What it came to. Nothing follows.
    Report(Value),
}

/// Steps that whoever asked has not read yet.
const STEPS: usize = 4;

/// Makes decisions again under changed rules; the report, which comes last, says what that changes. It stops early
/// when the caller goes away.
///
/// # Errors
/// [`Error::Refused`] for rules that are none, and while too many replays run.
pub(crate) fn replay_decisions(
    inner: &Arc<Inner>,
    changes: Changes,
    span: Span,
) -> Result<mpsc::Receiver<Result<Replayed, Error>>, Error> {
    // What is wrong with the rules is said before anything is read.
    changes.rules(&inner.rules()).map_err(|error| Error::Refused(format!("policy: {error}")))?;
    if inner.replays.available_permits() == 0 {
        return Err(Error::Refused("decisions are being made again already; wait for it to end".to_owned()));
    }
    let owned = Arc::clone(inner);
    let (steps, told) = mpsc::channel(STEPS);
    inner.deps.tasks.spawn(async move {
        let outcome = tokio::select! {
            () = steps.closed() => return,
            () = owned.deps.tasks.shutdown().begun() => Err(Error::Lost),
            outcome = run(&owned, changes, span, &steps) => outcome.map(Replayed::Report),
        };
        let _ = steps.send(outcome).await;
    });
    Ok(told)
}

async fn run(
    inner: &Inner,
    changes: Changes,
    span: Span,
    steps: &mpsc::Sender<Result<Replayed, Error>>,
) -> Result<Value, Error> {
    let _place = inner.replays.acquire().await.map_err(|_| Error::Lost)?;
    let limit = if span.limit == 0 { REPLAYED } else { span.limit.min(REPLAYED) };
    let total = decisions::count(&inner.deps.pool, (span.since, span.until), limit.into()).await?;
    let total = u32::try_from(total).unwrap_or(limit);
    // A step that nobody reads in time is not waited for: another follows.
    let tell = |done: u32| drop(steps.try_send(Ok(Replayed::Progress { done: done.min(total), total })));
    tell(0);
    let mut report = Report::new(changes);
    let (mut left, mut after, mut has_more) = (limit, None, false);
    while left > 0 {
        let wanted = left.min(AT_ONCE);
        let rows = decisions::page(&inner.deps.pool, (span.since, span.until), after, wanted.into()).await?;
        let count = u32::try_from(rows.len()).unwrap_or(u32::MAX);
        after = rows.last().map(|row| (row.at, row.generation));
        let snapshots = fetch(inner, &report, &rows).await?;
        let work = move || {
            report.take(rows, &snapshots);
            report
        };
        report = tokio::task::spawn_blocking(work).await.map_err(|_| Error::Lost)?;
        left = left.saturating_sub(count);
        tell(limit.saturating_sub(left));
        has_more = count == wanted;
        if !has_more {
            break;
        }
    }
    let mut told = report.told();
    let text = |bound: Option<DateTime<Utc>>| bound.map(|bound| bound.to_rfc3339());
    told["since"] = json!(text(span.since));
    told["until"] = json!(text(span.until));
    told["limit"] = limit.into();
    // There may be decisions of the span beyond the limit.
    told["is_cut"] = has_more.into();
    Ok(told)
}

/// The compressed catalogues of decisions that the report does not have.
async fn fetch(
    inner: &Inner,
    report: &Report,
    rows: &[Stored],
) -> Result<BTreeMap<Uuid, Arc<Vec<u8>>>, Error> {
    let mut snapshots = BTreeMap::new();
    for row in rows {
        if report.lacks(row.snapshot)
            && !snapshots.contains_key(&row.snapshot)
            && let Some(tables) = decisions::snapshot(&inner.deps.pool, row.snapshot).await?
        {
            snapshots.insert(row.snapshot, Arc::new(tables));
        }
    }
    Ok(snapshots)
}
