//! Decisions that are kept: made again to the byte, told, compared under other rules, and deleted in time.

use std::collections::BTreeMap;

use identity::GenerationId;
use router::choose::mix;
use rpc::Fault;
use rpc::pricing::MarkupOverride;
use rpc::router::{
    AccountPolicy, Attempt, BrowseRequest, ListDecisionsRequest, Observation, OwnCredential, PlanRequest,
    PlanResponse, PriceChange, Profile, ProviderPreferences, PutProviderRequest, ReadDecisionRequest,
    ReplayDecisionsRequest, StickRequest,
};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::catalogue::{offer, price};
use crate::support::eventually;
use crate::support::platform::{Router, Surroundings, cheapest};

const MODELS: [&str; 8] = [
    "openai/gpt-4o",
    "openai/gpt-4o:nitro",
    "meta-llama/llama-3.3-70b-instruct",
    "meta-llama/llama-3.3-70b-instruct:floor",
    "deepseek/deepseek-chat",
    "anthropic/claude-3.5-sonnet",
    "mistralai/mistral-nemo",
    "nobody/nothing",
];

/// A request with an id, so that its decision is kept.
fn kept(request: PlanRequest) -> (GenerationId, PlanRequest) {
    let id = GenerationId::generate();
    (id, PlanRequest { generation_id: id.uuid().to_string(), ..request })
}

async fn read(router: &Router, id: GenerationId) -> Result<Value, Fault> {
    let request = ReadDecisionRequest { generation_id: id.to_string() };
    let answer = router.client.clone().read_decision(request).await;
    let answer = answer.map_err(|status| Fault::from_status(&status))?.into_inner();
    Ok(serde_json::from_slice(&answer.body_json).unwrap())
}

async fn list(router: &Router, request: ListDecisionsRequest) -> Value {
    let answer = router.client.clone().list_decisions(request).await.unwrap().into_inner();
    serde_json::from_slice(&answer.body_json).unwrap()
}

async fn replay(router: &Router, request: ReplayDecisionsRequest) -> Result<Value, Fault> {
    Ok(steps(router, request).await?.1)
}

/// How far a replay said it was, and its report.
async fn steps(router: &Router, request: ReplayDecisionsRequest) -> Result<(Vec<(u64, u64)>, Value), Fault> {
    let answer = router.client.clone().replay_decisions(request).await;
    let mut steps = answer.map_err(|status| Fault::from_status(&status))?.into_inner();
    let mut told = Vec::new();
    loop {
        let step = steps.message().await.map_err(|status| Fault::from_status(&status))?.unwrap();
        if !step.body_json.is_empty() {
            return Ok((told, serde_json::from_slice(&step.body_json).unwrap()));
        }
        told.push((step.done, step.total));
    }
}

/// Numbers under a bound, the same in every run.
struct Dice(u64);

impl Dice {
    fn under(&mut self, bound: usize) -> usize {
        self.0 += 1;
        usize::try_from(mix(self.0) % bound as u64).unwrap()
    }

    fn one_in(&mut self, bound: usize) -> bool {
        self.under(bound) == 0
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.under(from.len())]
    }
}

fn request(dice: &mut Dice) -> PlanRequest {
    let models = (0..=dice.under(3)).map(|_| dice.pick(&MODELS).to_owned()).collect();
    let mut parameters = vec!["temperature".to_owned()];
    if dice.one_in(2) {
        parameters.push("tools".to_owned());
    }
    let own = |provider: &str, is_fallback| OwnCredential {
        credential_id: Uuid::from_u128(77).to_string(),
        provider: provider.to_owned(),
        sealed: b"tenant-secret".to_vec().into(),
        is_fallback,
        ..OwnCredential::default()
    };
    PlanRequest {
        tenant_id: Uuid::from_u128(5).to_string(),
        models,
        provider: Some(ProviderPreferences {
            sort: dice.pick(&["", "", "price", "throughput", "latency"]).to_owned(),
            ignore: if dice.one_in(4) { vec!["deepinfra".to_owned()] } else { Vec::new() },
            zdr: dice.one_in(8),
            allow_fallbacks: dice.one_in(6).then_some(false),
            ..ProviderPreferences::default()
        }),
        profile: Some(Profile {
            body_bytes: 400 + dice.under(4_000) as u64,
            messages: 2,
            input_modalities: vec!["text".to_owned()],
            parameters,
            max_tokens: dice.one_in(2).then_some(100),
            ..Profile::default()
        }),
        markup_basis_points: 500,
        markup_overrides: if dice.one_in(2) {
            vec![over("openai", 3_000), over("groq", 0)]
        } else {
            Vec::new()
        },
        seed: mix(dice.0),
        sticky_key: if dice.one_in(2) {
            vec![u8::try_from(dice.under(4)).unwrap(); 16].into()
        } else {
            Vec::new().into()
        },
        service_tier: dice.pick(&["", "", "flex", "priority"]).to_owned(),
        own: if dice.one_in(3) {
            vec![own(dice.pick(&["openai", "groq", "deepinfra"]), dice.one_in(2))]
        } else {
            Vec::new()
        },
        policy: dice
            .one_in(4)
            .then(|| AccountPolicy { deny_data_collection: true, ..AccountPolicy::default() }),
        explain: dice.one_in(3),
        ..PlanRequest::default()
    }
}

fn over(provider: &str, basis_points: i32) -> MarkupOverride {
    MarkupOverride { provider: provider.to_owned(), model: String::new(), basis_points }
}

/// What somebody saw of an endpoint, good or bad, so that states of all kinds come about.
fn observation(dice: &mut Dice, attempt: &Attempt) -> Observation {
    let seen = Observation {
        endpoint_id: attempt.endpoint_id.clone(),
        credential_id: attempt.credential_id.clone(),
        ..Observation::default()
    };
    match dice.under(4) {
        0 => Observation { faults: 5, consecutive_faults: 5, ..seen },
        1 => Observation { rate_limits: 1, cooldown_ms: 40, ..seen },
        _ => Observation {
            successes: 3,
            first_token_ms_sum: 100 + dice.under(900) as u64,
            output_tokens_sum: 200,
            generation_ms_sum: 1_000 + dice.under(3_000) as u64,
            ..seen
        },
    }
}

async fn stick(router: &Router, sent: &PlanRequest, plan: &PlanResponse) {
    let word = StickRequest {
        sticky_key: sent.sticky_key.clone(),
        name: plan.name.clone(),
        endpoint_id: plan.attempts.last().unwrap().endpoint_id.clone(),
        credential_id: plan.attempts.last().unwrap().credential_id.clone(),
    };
    router.client.clone().stick(word).await.unwrap();
}

/// The plan as it was answered, in the words of the kept one.
fn places(plan: &PlanResponse) -> Vec<Value> {
    let place = |attempt: &Attempt| {
        json!([
            attempt.endpoint_id,
            attempt.credential_id,
            attempt.price.as_ref().unwrap().id,
            attempt.probe,
            attempt.is_byok
        ])
    };
    plan.attempts.iter().map(place).collect()
}

fn told(decision: &Value) -> Vec<Value> {
    let place = |attempt: &Value| {
        let text = |name: &str| attempt[name].as_str().unwrap_or_default().to_owned();
        json!([
            text("endpoint_id"),
            text("credential_id"),
            text("price_id"),
            attempt["probe"],
            attempt["is_byok"]
        ])
    };
    decision["plan"]["attempts"].as_array().unwrap().iter().map(place).collect()
}

#[tokio::test]
async fn every_decision_is_made_again_to_the_byte_by_another_router() {
    let surroundings = Surroundings::seeded().await;
    let router = surroundings
        .router_with(surroundings.database.pool(), |config| {
            // Short enough for probes and recoveries to come about in a test.
            config.health.ejection_ms = 20;
            config.health.probe_every_ms = 20;
            config.health.regain_ms = 200;
        })
        .await;
    router.ready().await;
    let mut dice = Dice(1);
    let mut plans = BTreeMap::new();
    let (mut probes, mut held, mut own, mut refused) = (0, 0, 0, 0);
    for round in 0..400 {
        let (id, sent) = kept(request(&mut dice));
        let plan = router.plan(sent.clone()).await;
        match &plan {
            Ok(plan) => {
                probes += usize::from(plan.attempts[0].probe);
                own += usize::from(plan.attempts[0].is_byok);
                router.observe(observation(&mut dice, &plan.attempts[0])).await;
                if !sent.sticky_key.is_empty() {
                    held += 1;
                    stick(&router, &sent, plan).await;
                }
            }
            Err(_) => refused += 1,
        }
        plans.insert(id, plan);
        if round % 20 == 0 {
            // Ejections end with time.
            tokio::time::sleep(std::time::Duration::from_millis(30)).await;
        }
    }
    assert!(probes > 0 && held > 0 && own > 0 && refused > 0, "{probes} {held} {own} {refused}");
    router.counted("router_decisions_kept_total 400").await;
    // The other one never saw any of it, and has the catalogue from the database alone.
    let other = surroundings.router().await;
    // Each of these reads the whole catalogue anew.
    for (id, plan) in plans.iter().step_by(20) {
        let decision = read(&other, *id).await.unwrap();
        assert_eq!(decision["replay"], json!({ "identical": true }), "{decision}");
        match plan {
            Ok(plan) => {
                assert_eq!(told(&decision), places(plan));
                assert_eq!(decision["plan"]["name"], plan.name);
                let endpoints = decision["explanation"]["endpoints"].as_array().unwrap();
                let first = endpoints.iter().find(|endpoint| endpoint["position"] == 1).unwrap();
                assert_eq!(first["id"], plan.attempts[0].endpoint_id);
            }
            Err(fault) => {
                assert_eq!(decision["plan"]["message"], fault.message);
                assert_eq!(decision["explanation"]["refused"]["message"], fault.message);
                assert!(decision["refused"].is_string());
            }
        }
    }
    let (told, replayed) = steps(&other, ReplayDecisionsRequest::default()).await.unwrap();
    assert_eq!(told.first(), Some(&(0, 400)), "it says how much there is before it begins");
    assert!(told.is_sorted() && told.iter().all(|(done, total)| done <= total), "{told:?}");
    let count = |member: &str| replayed[member].as_u64();
    assert_eq!(
        (count("decisions"), count("identical"), count("unreadable")),
        (Some(400), Some(400), Some(0))
    );
    assert_eq!((count("first_choice_changed"), count("order_changed")), (Some(0), Some(0)));
    assert_eq!(replayed["estimated_cost_nanos"]["before"], replayed["estimated_cost_nanos"]["after"]);
    assert_eq!(replayed["refused"]["before"], replayed["refused"]["after"]);
}

#[tokio::test]
async fn overrides_decide_what_is_cheapest_and_what_it_is_said_to_have_cost() {
    let surroundings = Surroundings::seeded().await;
    let router = surroundings.router().await;
    router.ready().await;
    offer(&router, "acme/rocket", "cheap", 1_000_000).await;
    let dear = offer(&router, "acme/rocket", "dear", 5_000_000).await;
    eventually("both endpoints", async || {
        (router.tags(cheapest("acme/rocket")).await.len() == 2).then_some(())
    })
    .await;
    let (id, mut sent) = kept(cheapest("acme/rocket"));
    let profile = sent.profile.as_mut().unwrap();
    (profile.body_bytes, profile.max_tokens) = (400, Some(50));
    // Six dollars instead of one.
    sent.markup_overrides = vec![over("cheap", 50_000)];
    let plan = router.plan(sent.clone()).await.unwrap();
    let markups: Vec<i32> = plan.attempts.iter().map(|attempt| attempt.markup_basis_points).collect();
    assert_eq!((plan.attempts[0].endpoint_id.as_str(), markups), (dear.as_str(), vec![0, 50_000]));

    let shown = BrowseRequest {
        resource: "model".to_owned(),
        name: "acme/rocket".to_owned(),
        markup_overrides: sent.markup_overrides,
        ..BrowseRequest::default()
    };
    let shown = router.client.clone().browse(shown).await.unwrap().into_inner();
    let shown: Value = serde_json::from_slice(&shown.body).unwrap();
    assert_eq!(shown["data"]["pricing"]["prompt"], "0.000005", "the caller's cheapest heads the row");

    router.counted("router_decisions_kept_total 1").await;
    let report = replay(&router, ReplayDecisionsRequest::default()).await.unwrap();
    assert_eq!((&report["decisions"], &report["identical"]), (&json!(1), &json!(1)));
    assert_eq!(report["estimated_cost_nanos"], json!({ "before": "750000", "after": "750000" }));
    let plain = ReplayDecisionsRequest { markup_basis_points: Some(0), ..ReplayDecisionsRequest::default() };
    let report = replay(&router, plain).await.unwrap();
    assert_eq!(report["first_choice_changed"], 1);
    assert_eq!(report["estimated_cost_nanos"], json!({ "before": "750000", "after": "150000" }));
    let told = read(&router, id).await.unwrap();
    let over = json!([{ "provider": "cheap", "model": "", "basis_points": 50_000 }]);
    assert_eq!(told["request"]["markup_overrides"], over);
}

#[tokio::test]
async fn another_price_changes_the_report_as_computed_by_hand() {
    let surroundings = Surroundings::seeded().await;
    let router = surroundings.router().await;
    router.ready().await;
    let cheap = offer(&router, "acme/rocket", "cheap", 1_000_000).await;
    let dear = offer(&router, "acme/rocket", "dear", 5_000_000).await;
    eventually("both endpoints", async || {
        (router.tags(cheapest("acme/rocket")).await.len() == 2).then_some(())
    })
    .await;
    let mut last = None;
    for _ in 0..3 {
        let (id, mut sent) = kept(cheapest("acme/rocket"));
        sent.markup_basis_points = 1_000;
        let profile = sent.profile.as_mut().unwrap();
        (profile.body_bytes, profile.max_tokens) = (400, Some(50));
        assert_eq!(router.plan(sent).await.unwrap().attempts[0].endpoint_id, cheap);
        last = Some(id);
    }
    router.counted("router_decisions_kept_total 3").await;
    let change = ReplayDecisionsRequest {
        prices: vec![PriceChange {
            endpoint_id: cheap.clone(),
            price: Some(price(9_000_000, 9_000_000)),
            ..PriceChange::default()
        }],
        ..ReplayDecisionsRequest::default()
    };
    let report = replay(&router, change.clone()).await.unwrap();
    assert_eq!(report["decisions"], 3);
    assert_eq!(report["first_choice_changed"], 3);
    // 100 prompt tokens and 50 of an answer, at 1,000 and at 5,000 nano-dollars, three times, 10 % on top.
    assert_eq!(report["estimated_cost_nanos"], json!({ "before": "495000", "after": "2475000" }));
    let providers = report["providers"].as_array().unwrap();
    assert_eq!(providers.len(), 2);
    assert_eq!(providers[0]["provider"], "cheap");
    assert_eq!(
        providers[0]["before"],
        json!({ "first_choices": 3, "share": 1.0, "estimated_cost_nanos": "495000" })
    );
    assert_eq!(
        providers[0]["after"],
        json!({ "first_choices": 0, "share": 0.0, "estimated_cost_nanos": "0" })
    );
    assert_eq!(providers[1]["after"]["estimated_cost_nanos"], "2475000");
    assert_eq!(report["models"][0]["model"], "acme/rocket");
    assert_eq!(report["examples"].as_array().unwrap().len(), 3);
    assert_eq!(report["examples"][0]["after"]["endpoint_id"], dear);
    assert_eq!(report["unmatched"], json!([]));
    // The same without a markup, and by name.
    let named = PriceChange {
        model: "acme/rocket".to_owned(),
        provider: "dear".to_owned(),
        price: Some(price(500_000, 500_000)),
        ..PriceChange::default()
    };
    let named =
        ReplayDecisionsRequest { prices: vec![named], markup_basis_points: Some(0), ..Default::default() };
    let report = replay(&router, named).await.unwrap();
    assert_eq!(report["estimated_cost_nanos"], json!({ "before": "495000", "after": "225000" }));
    // Without the provider, without both, and with what is not there.
    let without = |disable: &[&str]| ReplayDecisionsRequest {
        disable: disable.iter().map(|name| (*name).to_owned()).collect(),
        ..ReplayDecisionsRequest::default()
    };
    let report = replay(&router, without(&["cheap", "nobody"])).await.unwrap();
    assert_eq!((&report["first_choice_changed"], &report["unmatched"]), (&json!(3), &json!(["nobody"])));
    let report = replay(&router, without(&["cheap", &dear])).await.unwrap();
    assert_eq!(report["refused"], json!({ "before": 0, "after": 3 }));
    assert_eq!(report["estimated_cost_nanos"]["after"], "0");
    assert!(report["examples"][0]["after"]["refused"].is_string());
    let policy = |json: &str| ReplayDecisionsRequest { policy_json: json.to_owned(), ..Default::default() };
    let report = replay(&router, policy(r#"{"max_attempts":1}"#)).await.unwrap();
    assert_eq!((&report["first_choice_changed"], &report["order_changed"]), (&json!(0), &json!(3)));
    let fault = replay(&router, policy(r#"{"max_tries":1}"#)).await.unwrap_err();
    assert!(fault.status == 400 && fault.message.contains("max_tries"), "{}", fault.message);
    // Bounded in number and in time.
    let report = replay(&router, ReplayDecisionsRequest { limit: 2, ..change.clone() }).await.unwrap();
    assert_eq!((&report["decisions"], &report["is_cut"]), (&json!(2), &json!(true)));
    let report = replay(&router, ReplayDecisionsRequest { until_ms: 1, ..change }).await.unwrap();
    assert_eq!(
        (&report["decisions"], &report["estimated_latency_p50_ms"]["before"]),
        (&json!(0), &Value::Null)
    );
    assert_eq!(read(&router, last.unwrap()).await.unwrap()["replay"]["identical"], true);
}

#[tokio::test]
async fn lists_are_filtered_and_paged_and_dry_runs_are_not_in_them() {
    let surroundings = Surroundings::seeded().await;
    let router = surroundings.router().await;
    router.ready().await;
    let tenants = [Uuid::from_u128(1).to_string(), Uuid::from_u128(2).to_string()];
    let mut ids = Vec::new();
    for at in 0..5 {
        let model = if at == 4 { "nobody/nothing" } else { "openai/gpt-4o" };
        let (id, sent) = kept(PlanRequest { tenant_id: tenants[at % 2].clone(), ..cheapest(model) });
        let _ = router.plan(sent.clone()).await;
        let dry = kept(PlanRequest { dry_run: true, ..sent }).1;
        let _ = router.plan(dry).await;
        ids.push(id.to_string());
        // So that each has a moment of its own.
        tokio::time::sleep(std::time::Duration::from_millis(3)).await;
    }
    router.counted("router_decisions_kept_total 5").await;
    let listed = |list: &Value| -> Vec<String> {
        let id = |row: &Value| row["generation_id"].as_str().unwrap().to_owned();
        list["data"].as_array().unwrap().iter().map(id).collect()
    };
    ids.reverse();
    let all = list(&router, ListDecisionsRequest::default()).await;
    assert_eq!((listed(&all), &all["next"]), (ids.clone(), &Value::Null));
    assert_eq!(all["data"][0]["refused"], "model_not_found");
    assert_eq!(all["data"][1]["model"], "openai/gpt-4o");
    let page = list(&router, ListDecisionsRequest { limit: 2, ..Default::default() }).await;
    assert_eq!((listed(&page), page["next"].as_str()), (ids[..2].to_vec(), Some(ids[1].as_str())));
    let after = ListDecisionsRequest { after: ids[1].clone(), ..Default::default() };
    assert_eq!(listed(&list(&router, after).await), ids[2..]);
    let of = ListDecisionsRequest { tenant_id: tenants[1].clone(), ..Default::default() };
    assert_eq!(listed(&list(&router, of).await), [ids[1].clone(), ids[3].clone()]);
    let provider = all["data"][1]["provider"].as_str().unwrap().to_owned();
    let of = ListDecisionsRequest { provider, model: "openai/gpt-4o".to_owned(), ..Default::default() };
    assert_eq!(listed(&list(&router, of).await), ids[1..]);
    let later = ListDecisionsRequest { since_ms: u64::from(u32::MAX) * 1_000, ..Default::default() };
    assert!(listed(&list(&router, later).await).is_empty());
    assert_eq!(read(&router, GenerationId::generate()).await.unwrap_err().status, 404);
}

#[tokio::test]
async fn a_dry_run_tells_why_there_is_no_plan() {
    let surroundings = Surroundings::seeded().await;
    let router = surroundings.router().await;
    router.ready().await;
    let mut sent = PlanRequest { explain: true, dry_run: true, ..cheapest("openai/gpt-4o") };
    let plan = router.plan(sent.clone()).await.unwrap();
    assert!(!plan.attempts.is_empty() && plan.explanation_json.contains("\"selected\":true"));
    sent.provider.as_mut().unwrap().only = vec!["nobody".to_owned()];
    let refused = router.plan(sent.clone()).await.unwrap();
    assert!(refused.attempts.is_empty());
    let told: Value = serde_json::from_str(&refused.explanation_json).unwrap();
    assert_eq!(told["refused"]["status"], 404);
    let endpoints = told["endpoints"].as_array().unwrap();
    assert!(endpoints.iter().any(|endpoint| endpoint["reason"] == "not_in_only"), "{told}");
    assert!(router.plan(PlanRequest { dry_run: false, ..sent }).await.is_err());
}

#[tokio::test]
async fn no_secret_is_kept() {
    let surroundings = Surroundings::seeded().await;
    let router = surroundings.router().await;
    router.ready().await;
    offer(&router, "acme/rocket", "acme", 1_000_000).await;
    let provider = PutProviderRequest {
        slug: "acme".to_owned(),
        base_url: "http://127.0.0.1:9/v1".to_owned(),
        dialect: "openai".to_owned(),
        credential: Some("sk-very-secret-wxyz".to_owned()),
        actor: "olga".to_owned(),
        ..PutProviderRequest::default()
    };
    router.client.clone().put_provider(provider).await.unwrap();
    let sealed = eventually("the credential", async || {
        let plan = router.plan(cheapest("acme/rocket")).await.ok()?;
        Some(plan.attempts[0].sealed_credential.clone()).filter(|sealed| !sealed.is_empty())
    })
    .await;
    let own = OwnCredential {
        credential_id: Uuid::from_u128(9).to_string(),
        provider: "acme".to_owned(),
        sealed: b"sealed-by-the-tenant".to_vec().into(),
        ..OwnCredential::default()
    };
    let (id, sent) = kept(PlanRequest {
        own: vec![own],
        sticky_key: b"0123456789abcdef".to_vec().into(),
        ..cheapest("acme/rocket")
    });
    router.plan(sent).await.unwrap();
    router.counted("router_decisions_kept_total 1").await;
    let pool = surroundings.database.pool();
    let mut kept: Vec<u8> = Vec::new();
    let columns: (Vec<u8>, Vec<u8>, Vec<u8>) =
        sqlx::query_as("select request, inputs, outcome from catalog.decision")
            .fetch_one(&pool)
            .await
            .unwrap();
    for column in [columns.0, columns.1, columns.2] {
        kept.extend(column);
    }
    let tables: Vec<u8> =
        sqlx::query_scalar("select tables from catalog.snapshot").fetch_one(&pool).await.unwrap();
    std::io::Read::read_to_end(&mut flate2::read::GzDecoder::new(tables.as_slice()), &mut kept).unwrap();
    let holds = |secret: &[u8]| kept.windows(secret.len()).any(|window| window == secret);
    assert!(holds(b"acme/rocket"));
    let hex: String = sealed.iter().map(|byte| format!("{byte:02x}")).collect();
    for secret in [&sealed[..], hex.as_bytes(), b"sealed-by-the-tenant", b"0123456789abcdef", b"wxyz"] {
        assert!(!holds(secret));
    }
    assert_eq!(read(&router, id).await.unwrap()["replay"]["identical"], true);
}

#[tokio::test]
async fn old_decisions_go_and_with_the_last_of_them_its_catalogue() {
    let surroundings = Surroundings::seeded().await;
    let router = surroundings.router().await;
    router.ready().await;
    let (old, sent) = kept(cheapest("openai/gpt-4o"));
    router.plan(sent).await.unwrap();
    router.counted("router_decisions_kept_total 1").await;
    surroundings
        .database
        .tamper(
            "update catalog.decision set at = at - interval '8 days';
                 update catalog.snapshot set written_at = written_at - interval '8 days'",
        )
        .await;
    // Another catalogue, so that the old one is of no use to the new decision.
    offer(&router, "acme/rocket", "acme", 1_000_000).await;
    eventually("the new model", async || router.plan(cheapest("acme/rocket")).await.ok()).await;
    let (new, sent) = kept(cheapest("acme/rocket"));
    router.plan(sent).await.unwrap();
    router.counted("router_decisions_kept_total 2").await;
    let other = surroundings.router().await;
    eventually("the retention", async || read(&other, old).await.err()).await;
    assert_eq!(read(&other, new).await.unwrap()["replay"]["identical"], true);
    let pool = surroundings.database.pool();
    eventually("the old catalogue to go", async || {
        let count: i64 =
            sqlx::query_scalar("select count(*) from catalog.snapshot").fetch_one(&pool).await.unwrap();
        (count == 1).then_some(())
    })
    .await;
}
