//! The tenant's own credentials: what opens them, and what is said and written down of answers that they served.

use identity::{CredentialId, DataKey, Envelope, KeyOwner, KeyWrapper as _, MasterKey, SealedFor, TenantId};
use rpc::router::Attempt;
use rpc::worker::Start;
use secrecy::SecretString;
use serde_json::{Value, json};

use crate::upstream::{Reply, Upstream, whole};
use crate::world::{INPUT, OUTPUT, World, attempt, master_key, whole_request};

/// What the provider asks for ten tokens in and two out, in nano-USD.
const LIST: i64 = (10 * INPUT + 2 * OUTPUT) / 1_000;

/// A request in a client's dialect, served with the tenant's own credential at a markup.
fn asking(dialect: &str, body: Value, upstream: &Upstream, markup_basis_points: i32) -> Start {
    let own = Attempt { is_byok: true, markup_basis_points, ..attempt(upstream, "own") };
    Start { client_dialect: dialect.to_owned(), body: body.to_string().into(), ..whole_request(vec![own]) }
}

#[tokio::test]
async fn every_dialect_tells_our_fee_and_what_the_provider_asks() {
    let world = World::start().await;
    let said = json!([{ "role": "user", "content": "Say hello to the world." }]);
    let dialects = [
        ("chat", json!({ "model": "m", "messages": said })),
        ("completions", json!({ "model": "m", "prompt": "Say hello to the world." })),
        ("messages", json!({ "model": "m", "max_tokens": 100, "messages": said })),
        ("responses", json!({ "model": "m", "input": "Say hello to the world." })),
    ];
    for (markup, fee) in [(-9_500, LIST / 20), (-10_000, 0)] {
        for (dialect, body) in &dialects {
            let upstream = Upstream::start(vec![whole("Hello world", "stop", 2)]).await;
            let heard = world.run(asking(dialect, body.clone(), &upstream, markup)).await;
            let usage = serde_json::from_str::<Value>(&heard.text).unwrap()["usage"].take();
            let usd = |nanos: i64| pricing::Amount::from_nanos(nanos).to_json_number().as_f64();
            assert_eq!(usage["is_byok"], true, "{dialect}");
            assert_eq!(usage["cost"].as_f64(), usd(fee), "{dialect}");
            let upstream_cost = &usage["cost_details"]["upstream_inference_cost"];
            assert_eq!(upstream_cost.as_f64(), usd(LIST), "{dialect}");
            let last = heard.r#final.unwrap();
            assert_eq!((last.charge, last.provider_cost), (fee, 0), "{dialect}");
        }
    }
    for record in world.notes.records(8).await {
        assert!(record.is_byok && record.markup_basis_points <= -9_500);
        assert_eq!((record.provider_cost, record.upstream_cost, record.absorbed), (0, LIST, 0));
    }
}

const TENANT: &str = "0198c0de-0000-7000-8000-00000000000a";

/// A credential of a tenant in its envelope, under a data key that this master key wraps.
async fn envelope(master: &MasterKey, secret: &str, tenant: &str, provider: &str, record: &str) -> Vec<u8> {
    let (tenant, record) = (tenant.parse().unwrap(), record.parse().unwrap());
    let key = DataKey::generate();
    let of = SealedFor { tenant, provider, record, version: 2 };
    let envelope = Envelope {
        key_version: 1,
        wrapped_key: master.wrap_key(&key, KeyOwner { tenant, version: 1 }).await.unwrap(),
        version: 2,
        sealed: key.seal(&SecretString::from(secret), &of).unwrap(),
    };
    envelope.to_bytes().unwrap()
}

fn holding(upstream: &Upstream, record: &str, sealed: Vec<u8>) -> Attempt {
    Attempt {
        is_byok: true,
        credential_id: record.to_owned(),
        sealed_credential: sealed.into(),
        ..attempt(upstream, "own")
    }
}

fn of_tenant(attempts: Vec<Attempt>) -> Start {
    Start { tenant_id: TENANT.to_owned(), ..whole_request(attempts) }
}

fn id() -> String {
    CredentialId::generate().to_string()
}

#[tokio::test]
async fn a_tenants_credential_opens_for_its_own_record_alone() {
    let world = World::start().await;
    let upstream = Upstream::start(vec![whole("Hello world", "stop", 2)]).await;
    let own = attempt(&upstream, "own");
    let (provider, record, stranger) = (own.provider.as_str(), id(), TenantId::generate().to_string());
    let key = master_key();
    let good = envelope(&key, "sk-mine", TENANT, provider, &record).await;
    let swapped = [
        // Another tenant's row under this tenant's id, and another record's, provider's and kind of secret's.
        holding(&upstream, &record, envelope(&key, "sk-theirs", &stranger, provider, &record).await),
        holding(&upstream, &record, envelope(&key, "sk-other", TENANT, provider, &id()).await),
        holding(&upstream, &record, envelope(&key, "sk-other", TENANT, "elsewhere", &record).await),
        holding(&upstream, &record, key.seal("sk-platform", &record).unwrap()),
        holding(&upstream, &record, good.iter().rev().copied().collect()),
        Attempt { is_byok: false, ..holding(&upstream, &record, good.clone()) },
    ];
    for bad in swapped {
        let told = world.run(of_tenant(vec![bad])).await.error().to_string();
        assert!(told.contains("cannot be used at present") && !told.contains("sk-"), "{told}");
    }
    assert!(upstream.seen().is_empty(), "nothing was shown to anybody");
    let heard = world.run(of_tenant(vec![holding(&upstream, &record, good)])).await;
    assert!(heard.text.contains("Hello world"), "{}", heard.text);
    assert_eq!(upstream.seen()[0].headers["authorization"], "Bearer sk-mine");
}

#[tokio::test]
async fn both_outer_keys_open_while_one_is_exchanged_for_the_other() {
    let next = MasterKey::generate_hex();
    let master_key = MasterKey::from_hex(&next).unwrap().with_previous(&"5a".repeat(32)).unwrap();
    let world = World::with_key(master_key).await;
    let (old, new, record) = (crate::world::master_key(), MasterKey::from_hex(&next).unwrap(), id());
    let upstream = Upstream::start((0..12).map(|_| whole("Hello", "stop", 1)).collect()).await;
    let provider = attempt(&upstream, "own").provider;
    let before = envelope(&old, "sk-mine", TENANT, &provider, &record).await;
    let after = envelope(&new, "sk-mine", TENANT, &provider, &record).await;
    let platform = id();
    let platforms = Attempt {
        credential_id: platform.clone(),
        sealed_credential: old.seal("sk-mine", &platform).unwrap().into(),
        ..attempt(&upstream, "platform")
    };
    for turn in 0..12 {
        let attempt = match turn % 3 {
            0 => holding(&upstream, &record, before.clone()),
            1 => holding(&upstream, &record, after.clone()),
            _ => platforms.clone(),
        };
        let heard = world.run(of_tenant(vec![attempt])).await;
        assert!(heard.text.contains("Hello"), "{turn}: {}", heard.text);
    }
    assert!(upstream.seen().iter().all(|seen| seen.headers["authorization"] == "Bearer sk-mine"));
}

#[tokio::test]
async fn a_tenant_is_told_that_its_own_key_is_refused() {
    let world = World::start().await;
    let record = id();
    let body =
        json!({ "error": { "message": "Incorrect API key provided: sk-mine", "code": "invalid_api_key" } });
    let refusals = (0..2).map(|_| Reply::Status { status: 401, headers: Vec::new(), body: body.clone() });
    let upstream = Upstream::start(refusals.collect()).await;
    let provider = attempt(&upstream, "own").provider;
    let sealed = envelope(&master_key(), "sk-mine", TENANT, &provider, &record).await;
    let own = holding(&upstream, &record, sealed);
    let told = world.run(of_tenant(vec![own])).await.error().to_string();
    assert!(told.contains("refuses your own key: Incorrect API key provided: [redacted]"), "{told}");
    let told = world.run(of_tenant(vec![attempt(&upstream, "platform")])).await.error().to_string();
    assert!(
        told.contains("cannot be used at present"),
        "the platform's own account is nobody's business: {told}"
    );
}
