//! Names on the bus: streams, subjects and the rule that assigns tenants to shards.

use identity::TenantId;

/// The JetStream stream that carries usage from workers to billing.
pub const USAGE_STREAM: &str = "PATCHBAY_USAGE";

/// Every subject of [`USAGE_STREAM`].
pub const USAGE_ALL: &str = "patchbay.usage.>";

/// Observations of endpoint health, from workers to every router.
pub const HEALTH: &str = "patchbay.health";

/// Keys whose cached context is out of date, one edge to all: the payload is a key's hash in hex, or empty
/// for every key.
pub const KEYS_CHANGED: &str = "patchbay.keys.changed";

/// What each edge answered in the last seconds, to all of them.
pub const TRAFFIC: &str = "patchbay.traffic";

/// What a tenant is told of its balances and limits: the payload is the notice as JSON.
#[must_use]
pub fn notices(tenant: TenantId) -> String {
    format!("patchbay.notices.{tenant}")
}

/// How many shards usage is split into; each has one durable consumer.
pub const SHARDS: u64 = 8;

/// The subject of one shard's usage.
#[must_use]
pub fn usage(shard: u64) -> String {
    format!("patchbay.usage.{shard}")
}

/// The durable consumer of one shard.
#[must_use]
pub fn usage_consumer(shard: u64) -> String {
    format!("settle-{shard}")
}

/// Where billing tells one worker what is settled.
#[must_use]
pub fn settled(worker_id: &str) -> String {
    format!("patchbay.settled.{worker_id}")
}

/// The shard of a tenant: the same in every process and version.
#[must_use]
pub fn shard(tenant: TenantId) -> u64 {
    let (high, low) = tenant.uuid().as_u64_pair();
    (high ^ low) % SHARDS
}
