//! Records and witnesses as workers and edges make them.

use identity::{EndpointId, GenerationId, PriceVersionId};
use pricing::{Class, Markup, PriceBook, Rate, Rates, Usage};
use rpc::billing::witness::Outcome;
use rpc::billing::{Granted, OpenLeases, Witness};
use rpc::convert;
use rpc::events::{RecordKey, UsageBatch, UsageRecord};
use rpc::worker::{AttemptOutcome, LeaseUse};

use super::{Client, Customer};

/// A price of one nano-USD a token in and two out.
pub(crate) fn book() -> PriceBook {
    PriceBook {
        base: Rates::default()
            .with(Class::Input, Rate::from_picos(1_000))
            .with(Class::Output, Rate::from_picos(2_000)),
        tiers: Vec::new(),
    }
}

/// A usage that comes to `nanos` at [`book`]'s price.
pub(crate) fn worth(nanos: i64) -> Usage {
    let nanos = u64::try_from(nanos).unwrap();
    Usage::default().with(Class::Input, nanos % 2).with(Class::Output, nanos / 2)
}

/// A worker's confirmed record of a first execution that came to `nanos`.
pub(crate) fn record(customer: &Customer, granted: &Granted, nanos: i64) -> UsageRecord {
    let usage = worth(nanos);
    let due = pricing::charge(&book(), Markup::NONE, &usage).unwrap().nanos();
    assert_eq!(due, nanos);
    UsageRecord {
        generation_id: GenerationId::generate().uuid().to_string(),
        execution: 1,
        worker_id: "worker-1".to_owned(),
        tenant_id: customer.tenant.to_string(),
        key_id: customer.key.to_string(),
        leases: granted.leases.clone(),
        reserved: granted.amount,
        price: Some(convert::price_out(PriceVersionId::generate(), &book())),
        usage: Some(convert::usage_out(&usage)),
        charge: due.min(granted.amount),
        absorbed: (due - granted.amount).max(0),
        provider_cost: due,
        confirmed: true,
        model: "openai/gpt-4o".to_owned(),
        provider: "openai".to_owned(),
        provider_name: "OpenAI".to_owned(),
        endpoint_id: EndpointId::generate().to_string(),
        provider_response_id: format!("resp-{}", GenerationId::generate()),
        finish_reason: "stop".to_owned(),
        streamed: true,
        received_at_ms: 1_790_000_000_000,
        latency_ms: 12,
        generation_time_ms: 34,
        attempts: vec![attempt(0, 200, "ok")],
        deltas: 3,
        ..UsageRecord::default()
    }
}

/// A part of a shared grant, as one request has it: `amount` reserved under each of its leases.
pub(crate) fn part(granted: &Granted, amount: i64) -> Granted {
    let leases = granted.leases.iter().map(|lease| LeaseUse { amount, ..lease.clone() });
    Granted { leases: leases.collect(), amount, ..granted.clone() }
}

pub(crate) fn attempt(n: u32, status: u32, outcome: &str) -> AttemptOutcome {
    AttemptOutcome {
        n,
        endpoint_id: EndpointId::generate().to_string(),
        provider_name: "OpenAI".to_owned(),
        model: "openai/gpt-4o".to_owned(),
        status,
        outcome: outcome.to_owned(),
        latency_ms: 5,
        error_type: String::new(),
    }
}

/// Another execution of the same generation.
pub(crate) fn again(record: &UsageRecord, execution: u32, nanos: i64) -> UsageRecord {
    UsageRecord {
        execution,
        usage: Some(convert::usage_out(&worth(nanos))),
        charge: nanos,
        provider_cost: nanos,
        provider_response_id: format!("resp-{}", GenerationId::generate()),
        ..record.clone()
    }
}

/// The edge's word on the generation of `record`.
pub(crate) fn witness(record: &UsageRecord, outcome: Outcome) -> Witness {
    Witness {
        generation_id: record.generation_id.clone(),
        tenant_id: record.tenant_id.clone(),
        key_id: record.key_id.clone(),
        leases: record.leases.clone(),
        execution: record.execution,
        outcome: outcome.into(),
        charge: record.charge,
        usage: record.usage,
        source: record.source,
        deltas: record.deltas,
        price: record.price.clone(),
        markup_basis_points: record.markup_basis_points,
        model: record.model.clone(),
        provider: record.provider.clone(),
        endpoint_id: record.endpoint_id.clone(),
        streamed: record.streamed,
        received_at_ms: record.received_at_ms,
        workspace_id: record.workspace_id.clone(),
        user_id: record.user_id.clone(),
        is_byok: record.is_byok,
        upstream_cost: record.upstream_cost,
        reserved: record.reserved,
    }
}

pub(crate) async fn settle(client: &Client, records: &[UsageRecord]) -> Vec<RecordKey> {
    let batch = UsageBatch { worker_id: "worker-1".to_owned(), records: records.to_vec() };
    client.clone().settle_batch(batch).await.unwrap().into_inner().keys
}

/// A grant of no account, as free requests have it.
pub(crate) fn nothing_reserved() -> Granted {
    Granted { leases: Vec::<LeaseUse>::new(), ..Granted::default() }
}

/// What a worker says of the leases that it holds something under.
pub(crate) async fn report_open(client: &Client, worker: &str, granted: &[&Granted]) {
    let leases = granted.iter().flat_map(|granted| granted.leases.iter());
    let open = OpenLeases {
        worker_id: worker.to_owned(),
        lease_ids: leases.map(|lease| lease.lease_id.clone()).collect(),
        ..OpenLeases::default()
    };
    client.clone().report_open(open).await.unwrap();
}
