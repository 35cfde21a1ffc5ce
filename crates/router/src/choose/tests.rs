//! The choice over small catalogues written out in full.

mod properties;

use std::collections::HashMap;

use identity::{EndpointId, PriceVersionId};
use pricing::{Class, PriceBook, Rate, Rates};
use serde_json::Map;
use uuid::Uuid;

use super::*;
use crate::TimeoutConfig;
use crate::catalogue::{Modalities, book_out};
use crate::health::{Key, Standing, Standings, State, Uptime};
use crate::store::rows;

const NOW: u64 = 1_700_000_000_000;
const POLICY: Policy = Policy { max_attempts: 16 };

/// A provider's offer of a model: model, tag, price in USD per million tokens of either kind.
type Offer<'a> = (&'a str, &'a str, i64);

fn endpoint_id(at: usize) -> Uuid {
    Uuid::from_u128(at as u128 + 1)
}

fn key(at: usize) -> Key {
    Key { endpoint: endpoint_id(at), credential: Uuid::nil() }
}

fn provider(slug: &str) -> rows::Provider {
    rows::Provider {
        slug: slug.to_owned(),
        name: slug.to_uppercase(),
        dialect: "openai".to_owned(),
        base_url: "http://127.0.0.1:1".to_owned(),
        credential_env: None,
        credential_required: false,
        quirks: Map::new(),
        cancel_stops_billing: true,
        collects_data: Some(false),
        zero_data_retention: false,
        simulated: false,
        disabled: false,
        timeouts: rows::Timeouts::default(),
        seeded: None,
    }
}

fn model(slug: &str) -> rows::Model {
    rows::Model {
        slug: slug.to_owned(),
        canonical_slug: slug.to_owned(),
        name: slug.to_owned(),
        created: 0,
        context_length: 8_000,
        max_output: Some(1_000),
        input_modalities: vec!["text".to_owned()],
        output_modalities: vec!["text".to_owned()],
        supported_parameters: ["temperature", "tools", "max_tokens"].map(str::to_owned).to_vec(),
        tokenizer: "Other".to_owned(),
        hugging_face_id: None,
        quirks: Map::new(),
        first_token_ms: None,
        disabled: false,
        seeded: None,
    }
}

fn tables(offers: &[Offer<'_>]) -> rows::Tables {
    let mut tables = rows::Tables { version: 7, ..rows::Tables::default() };
    for (at, (slug, tag, price)) in offers.iter().enumerate() {
        let owner = tag.split('/').next().unwrap();
        if !tables.models.iter().any(|row| row.slug == *slug) {
            tables.models.push(model(slug));
        }
        if !tables.providers.iter().any(|row| row.slug == owner) {
            tables.providers.push(provider(owner));
        }
        let id = EndpointId::from_uuid(endpoint_id(at));
        tables.endpoints.push(rows::Endpoint {
            id,
            model: (*slug).to_owned(),
            provider: owner.to_owned(),
            provider_model: "m".to_owned(),
            tag: (*tag).to_owned(),
            dialect: None,
            context_length: 8_000,
            max_output: Some(1_000),
            quantization: None,
            quirks: Map::new(),
            deprecation_date: None,
            disabled: false,
            timeouts: rows::Timeouts::default(),
            seeded: None,
        });
        let rate = Rate::from_picos(price * 1_000_000);
        let base = Rates::default().with(Class::Input, rate).with(Class::Output, rate);
        tables.prices.push(rows::Price {
            id: PriceVersionId::from_uuid(endpoint_id(at)),
            endpoint_id: id,
            book: book_out(&PriceBook { base, tiers: Vec::new() }),
            source: "test".to_owned(),
        });
    }
    tables
}

fn build(tables: rows::Tables) -> Catalogue {
    Catalogue::build(tables, TimeoutConfig::default()).unwrap()
}

fn view(standings: &Standings) -> View<'_> {
    View { standings, now_ms: NOW, regain_ms: 10_000, probes: true }
}

fn text() -> Profile {
    Profile { body_bytes: 400, messages: 1, inputs: Modalities::of(["text"]), ..Profile::default() }
}

fn wishes<'a>() -> Preferences<'a> {
    Preferences { allow_fallbacks: true, ..Preferences::default() }
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// The tags of the chosen endpoints, in order.
fn tags(catalogue: &Catalogue, plan: &Plan<'_>) -> Vec<String> {
    plan.attempts.iter().map(|at| catalogue.endpoints()[*at].attempt.tag.clone()).collect()
}

/// The tag of every excluded endpoint with the reason.
fn excluded(catalogue: &Catalogue, exclusions: &[Exclusion<'_>]) -> Vec<(String, Reason)> {
    let tag = |exclusion: &Exclusion<'_>| match exclusion.subject {
        Subject::Endpoint(at) => (catalogue.endpoints()[at].attempt.tag.clone(), exclusion.reason),
        Subject::Name(name) => (name.to_owned(), exclusion.reason),
    };
    exclusions.iter().map(tag).collect()
}

fn run(
    catalogue: &Catalogue,
    models: &[&str],
    preferences: Preferences<'_>,
    profile: Profile,
    standings: &Standings,
    seed: u64,
) -> (Vec<String>, Vec<(String, Reason)>, &'static str) {
    let models = names(models);
    let request = Request { models: &models, preferences, profile };
    let plan = choose(&request, catalogue, view(standings), POLICY, seed).unwrap();
    (tags(catalogue, &plan), excluded(catalogue, &plan.exclusions), plan.strategy)
}

fn refuse(
    catalogue: &Catalogue,
    models: &[&str],
    preferences: Preferences<'_>,
    profile: Profile,
) -> rpc::Fault {
    let models = names(models);
    let request = Request { models: &models, preferences, profile };
    choose(&request, catalogue, view(&Standings::new()), POLICY, 1).unwrap_err().into()
}

fn three() -> Catalogue {
    build(tables(&[("a/m", "one", 1), ("a/m", "two", 2), ("a/m", "three", 3)]))
}

#[test]
fn the_first_is_drawn_by_the_inverse_square_of_its_price_and_the_rest_follow_by_price() {
    let catalogue = three();
    let mut first: HashMap<String, f64> = HashMap::new();
    let rounds = 20_000;
    for seed in 0..rounds {
        let (tags, ..) = run(&catalogue, &["a/m"], wishes(), text(), &Standings::new(), seed);
        let mut rest = tags.clone();
        *first.entry(rest.remove(0)).or_default() += 1.0;
        let order = ["one", "two", "three"].map(str::to_owned);
        assert_eq!(rest, order.into_iter().filter(|tag| *tag != tags[0]).collect::<Vec<_>>());
    }
    // Weights 1, 1/4, 1/9.
    let total = 1.0 + 1.0 / 4.0 + 1.0 / 9.0;
    for (tag, weight) in [("one", 1.0), ("two", 1.0 / 4.0), ("three", 1.0 / 9.0)] {
        let share = first[tag] / f64::from(u32::try_from(rounds).unwrap());
        assert!((share - weight / total).abs() < 0.015, "{tag}: {share}");
    }
}

#[test]
fn an_outage_sends_an_endpoint_behind_the_stable_ones() {
    let catalogue = three();
    let standings = Standings::from([(key(1), Standing { outage: true, ..Standing::default() })]);
    for seed in 0..200 {
        let (tags, ..) = run(&catalogue, &["a/m"], wishes(), text(), &standings, seed);
        assert_eq!(tags[2], "two");
    }
}

#[test]
fn poor_uptime_ranks_behind_degraded_and_degraded_behind_good() {
    let catalogue = three();
    let standing = |uptime| Standing { uptime, ..Standing::default() };
    let standings = Standings::from([(key(0), standing(Uptime::Poor)), (key(1), standing(Uptime::Degraded))]);
    let (tags, ..) = run(&catalogue, &["a/m"], wishes(), text(), &standings, 1);
    assert_eq!(tags, ["three", "two", "one"]);
}

#[test]
fn the_ejected_come_last_and_when_all_are_ejected_all_are_tried() {
    let catalogue = build(tables(&[("a/m", "one", 1), ("a/m", "two", 2), ("b/n", "three", 3)]));
    let ejected = Standing { state: State::Ejected { until_ms: NOW + 1 }, ..Standing::default() };
    let mut standings = Standings::from([(key(0), ejected)]);
    let both = ["a/m", "b/n"];
    assert_eq!(run(&catalogue, &both, wishes(), text(), &standings, 1).0, ["two", "three", "one"]);
    let order = names(&["one"]);
    let ordered = Preferences { order: &order, ..wishes() };
    assert_eq!(run(&catalogue, &["a/m"], ordered, text(), &standings, 1).0, ["two", "one"]);
    standings.extend([(key(1), ejected), (key(2), ejected)]);
    let (tags, exclusions, _) = run(&catalogue, &both, wishes(), text(), &standings, 1);
    assert_eq!((tags.len(), exclusions.len()), (3, 0));
}

#[test]
fn a_half_open_endpoint_is_probed_once_and_then_left_last() {
    let catalogue = build(tables(&[("a/m", "one", 1), ("a/m", "two", 1_000)]));
    let half_open =
        Standing { state: State::Ejected { until_ms: NOW }, next_probe_ms: NOW, ..Standing::default() };
    let standings = Standings::from([(key(0), half_open)]);
    let models = names(&["a/m"]);
    let request = Request { models: &models, preferences: wishes(), profile: text() };
    let plan = choose(&request, &catalogue, view(&standings), POLICY, 1).unwrap();
    assert!(plan.is_probe);
    assert_eq!(tags(&catalogue, &plan), ["one", "two"]);
    let unclaimed = View { probes: false, ..view(&standings) };
    let plan = choose(&request, &catalogue, unclaimed, POLICY, 1).unwrap();
    assert!(!plan.is_probe);
    assert_eq!(tags(&catalogue, &plan), ["two", "one"]);
    let taken = Standings::from([(key(0), Standing { next_probe_ms: NOW + 1, ..half_open })]);
    let plan = choose(&request, &catalogue, view(&taken), POLICY, 1).unwrap();
    assert_eq!(tags(&catalogue, &plan), ["two", "one"]);
}

#[test]
fn a_recovering_endpoint_regains_its_share() {
    let catalogue = build(tables(&[("a/m", "one", 1), ("a/m", "two", 1_000)]));
    let share = |since_ms| {
        let recovering = Standing { state: State::Recovering { since_ms }, ..Standing::default() };
        let standings = Standings::from([(key(0), recovering)]);
        let first = |seed: &u64| run(&catalogue, &["a/m"], wishes(), text(), &standings, *seed).0[0] == "one";
        (0..1_000).filter(first).count()
    };
    assert!((50..200).contains(&share(NOW)), "{}", share(NOW));
    assert!((400..600).contains(&share(NOW - 5_000)), "{}", share(NOW - 5_000));
    assert_eq!(share(NOW - 10_000), 1_000);
}

#[test]
fn a_rate_limited_endpoint_waits_behind_the_others() {
    let catalogue = three();
    let standings =
        Standings::from([(key(0), Standing { cooling_until_ms: NOW + 1, ..Standing::default() })]);
    for sort in [None, Some(Sort::Price)] {
        let (tags, ..) = run(&catalogue, &["a/m"], Preferences { sort, ..wishes() }, text(), &standings, 3);
        assert_eq!(tags[2], "one");
    }
}

#[test]
fn sorts_put_the_best_first_every_time() {
    let catalogue = three();
    let standings = Standings::from([
        (key(0), Standing { throughput: 10.0, latency_ms: 100.0, ..Standing::default() }),
        (key(1), Standing { throughput: 90.0, latency_ms: 900.0, ..Standing::default() }),
        (key(2), Standing { throughput: 60.0, latency_ms: 50.0, ..Standing::default() }),
    ]);
    for seed in 0..50 {
        let sorted = |sort| {
            let (tags, _, strategy) = run(
                &catalogue,
                &["a/m"],
                Preferences { sort: Some(sort), ..wishes() },
                text(),
                &standings,
                seed,
            );
            (tags.join(" "), strategy)
        };
        assert_eq!(sorted(Sort::Price), ("one two three".to_owned(), "price"));
        assert_eq!(sorted(Sort::Throughput), ("two three one".to_owned(), "throughput"));
        assert_eq!(sorted(Sort::Latency), ("three one two".to_owned(), "latency"));
        let variant = |name| run(&catalogue, &[name], wishes(), text(), &standings, seed).0.join(" ");
        assert_eq!(variant("a/m:nitro"), "two three one");
        assert_eq!(variant("a/m:floor"), "one two three");
        assert_eq!(variant("a/m:online:floor"), "one two three");
    }
}

#[test]
fn a_static_variant_is_a_model_of_its_own() {
    let catalogue = build(tables(&[("a/m", "one", 1), ("a/m:free", "two", 0)]));
    assert_eq!(run(&catalogue, &["a/m:free"], wishes(), text(), &Standings::new(), 1).0, ["two"]);
    assert_eq!(run(&catalogue, &["a/m:free:nitro"], wishes(), text(), &Standings::new(), 1).0, ["two"]);
    assert_eq!(
        refuse(&catalogue, &["a/m:thinking"], wishes(), text()).message,
        "a/m:thinking is not a valid model ID"
    );
}

#[test]
fn the_first_models_endpoints_precede_the_seconds_unless_sorted_together() {
    let catalogue = build(tables(&[("a/m", "one", 5), ("a/m", "two", 6), ("b/n", "three", 1)]));
    let models = ["a/m", "nobody/knows", "b/n", "a/m:floor"];
    let (tags, exclusions, _) = run(&catalogue, &models, wishes(), text(), &Standings::new(), 1);
    assert_eq!(tags[2], "three");
    assert_eq!(exclusions, [("nobody/knows".to_owned(), Reason::UnknownModel)]);
    let together = Preferences { sort: Some(Sort::Price), sorts_across_models: true, ..wishes() };
    assert_eq!(run(&catalogue, &models, together, text(), &Standings::new(), 1).0, ["three", "one", "two"]);
}

#[test]
fn order_goes_first_and_alone_when_fallbacks_are_off() {
    let catalogue = three();
    let order = names(&["three", "TWO"]);
    let ordered = Preferences { order: &order, ..wishes() };
    let (tags, _, strategy) = run(&catalogue, &["a/m"], ordered.clone(), text(), &Standings::new(), 1);
    assert_eq!((tags.join(" ").as_str(), strategy), ("three two one", "order"));
    let alone = Preferences { allow_fallbacks: false, ..ordered };
    let (tags, exclusions, _) = run(&catalogue, &["a/m"], alone, text(), &Standings::new(), 1);
    assert_eq!((tags, exclusions), (names(&["three", "two"]), vec![("one".to_owned(), Reason::NotInOrder)]));
    let no_fallbacks =
        Preferences { allow_fallbacks: false, sort: Some(Sort::Price), ..Preferences::default() };
    let (tags, exclusions, _) = run(&catalogue, &["a/m"], no_fallbacks, text(), &Standings::new(), 1);
    assert_eq!(tags, ["one"]);
    assert_eq!(exclusions.iter().map(|(_, reason)| *reason).collect::<Vec<_>>(), [Reason::NoFallbacks; 2]);
}

#[test]
fn a_base_slug_means_every_variant_and_a_tag_one() {
    let catalogue = build(tables(&[("a/m", "one", 1), ("a/m", "one/turbo", 2), ("a/m", "two", 3)]));
    let only = |name: &str| {
        let only = names(&[name]);
        run(
            &catalogue,
            &["a/m"],
            Preferences { only: &only, sort: Some(Sort::Price), ..wishes() },
            text(),
            &Standings::new(),
            1,
        )
        .0
    };
    assert_eq!(only("one"), ["one", "one/turbo"]);
    assert_eq!(only("one/turbo"), ["one/turbo"]);
    let ignore = names(&["one"]);
    assert_eq!(
        run(&catalogue, &["a/m"], Preferences { ignore: &ignore, ..wishes() }, text(), &Standings::new(), 1)
            .0,
        ["two"]
    );
}

#[test]
fn every_hard_filter_says_why() {
    let mut rows = tables(&[("a/m", "plain", 1), ("a/m", "odd", 2)]);
    rows.providers[1].collects_data = None;
    rows.endpoints[1].quantization = Some("mxfp4".to_owned());
    rows.endpoints[1].max_output = Some(500);
    rows.endpoints[1].context_length = 100;
    rows.providers[0].zero_data_retention = true;
    rows.models[0].supported_parameters.push("seed".to_owned());
    rows.endpoints[1].quirks.insert("drop".to_owned(), serde_json::json!(["seed"]));
    let catalogue = build(rows);
    let why = |preferences, profile| {
        let (tags, exclusions, _) = run(&catalogue, &["a/m"], preferences, profile, &Standings::new(), 1);
        assert_eq!(tags.len() + exclusions.len(), 2);
        exclusions
    };
    let odd = |reason| vec![("odd".to_owned(), reason)];
    let (fp4, unknown) = (names(&["fp4"]), names(&["unknown", "fp16"]));
    assert_eq!(
        why(Preferences { quantizations: &fp4, ..wishes() }, text()),
        [("plain".to_owned(), Reason::Quantization)]
    );
    assert_eq!(why(Preferences { quantizations: &unknown, ..wishes() }, text()), odd(Reason::Quantization));
    let deny = Preferences { data_collection: DataCollection::Deny, ..wishes() };
    assert_eq!(why(deny, text()), odd(Reason::DataCollection));
    assert_eq!(
        why(Preferences { zero_data_retention: true, ..wishes() }, text()),
        odd(Reason::ZeroDataRetention)
    );
    assert_eq!(why(wishes(), Profile { max_tokens: Some(501), ..text() }), odd(Reason::MaxTokens));
    assert_eq!(why(wishes(), Profile { max_tokens: Some(500), ..text() }), []);
    // 1,600 bytes may be a hundred tokens; a byte count that could still fit excludes nobody.
    assert_eq!(why(wishes(), Profile { body_bytes: 1_615, ..text() }), []);
    assert_eq!(why(wishes(), Profile { body_bytes: 1_616, ..text() }), odd(Reason::ContextLength));
    let cap = MaxPrice { input: Some(1_000_000), ..MaxPrice::default() };
    assert_eq!(why(Preferences { max_price: cap, ..wishes() }, text()), odd(Reason::MaxPrice));
    let parameters = catalogue.parameters().set(["seed", "temperature"]);
    let require = Preferences { require_parameters: true, ..wishes() };
    assert_eq!(why(require, Profile { parameters, ..text() }), odd(Reason::RequireParameters));
    assert_eq!(why(wishes(), Profile { parameters, ..text() }), []);
}

#[test]
fn tools_keep_only_the_endpoints_that_know_them_unless_none_does() {
    let mut rows = tables(&[("a/m", "one", 1), ("a/m", "two", 2), ("b/n", "one", 1)]);
    rows.endpoints[0].quirks.insert("drop".to_owned(), serde_json::json!(["tools"]));
    rows.models[1].supported_parameters = names(&["temperature"]);
    let catalogue = build(rows);
    let profile = Profile { parameters: catalogue.parameters().set(["tools"]), ..text() };
    let (tags, exclusions, _) = run(&catalogue, &["a/m", "b/n"], wishes(), profile, &Standings::new(), 1);
    assert_eq!(tags, ["two", "one"]);
    assert_eq!(exclusions, [("one".to_owned(), Reason::Tools)]);
}

#[test]
fn what_cannot_be_reached_is_excluded_with_the_catalogues_reason() {
    let mut rows = tables(&[
        ("a/m", "ok", 1),
        ("a/m", "b", 1),
        ("a/m", "c", 1),
        ("a/m", "d", 1),
        ("a/m", "e", 1),
        ("a/m", "f", 1),
    ]);
    rows.providers[1].dialect = "bedrock".to_owned();
    rows.endpoints[2].disabled = true;
    rows.providers[3].base_url = "https://{resource}.example.com".to_owned();
    rows.providers[4].credential_required = true;
    rows.prices.pop();
    let catalogue = build(rows);
    let (tags, exclusions, _) = run(&catalogue, &["a/m"], wishes(), text(), &Standings::new(), 1);
    assert_eq!(tags, ["ok"]);
    let reasons: Vec<Reason> = exclusions.into_iter().map(|(_, reason)| reason).collect();
    let expected = [
        Reason::UnsupportedDialect,
        Reason::Disabled,
        Reason::NotConfigured,
        Reason::NoCredential,
        Reason::NoPrice,
    ];
    assert_eq!(reasons, expected);
}

#[test]
fn refusals_speak_the_public_vocabulary() {
    let mut rows = tables(&[("a/m", "one", 1), ("a/e", "one", 1), ("a/off", "one", 1)]);
    rows.models[1].output_modalities = names(&["embeddings"]);
    rows.models[2].disabled = true;
    let catalogue = build(rows);
    let code = |fault: &rpc::Fault| {
        let availability: serde_json::Value =
            serde_json::from_str(fault.availability.as_ref().unwrap()).unwrap();
        for field in ["code", "retryable", "requested_models", "docs_url"] {
            assert!(availability.get(field).is_some(), "{field}");
        }
        (fault.status, availability["code"].as_str().unwrap().to_owned(), availability)
    };
    let fault = refuse(&catalogue, &["nobody/knows"], wishes(), text());
    assert_eq!(fault.message, "nobody/knows is not a valid model ID");
    assert_eq!((code(&fault).0, code(&fault).1.as_str()), (400, "model_not_found"));
    let fault = refuse(&catalogue, &["a/e"], wishes(), text());
    assert_eq!((code(&fault).0, code(&fault).1.as_str()), (400, "wrong_endpoint"));
    let fault = refuse(&catalogue, &["a/off"], wishes(), text());
    assert_eq!((code(&fault).0, code(&fault).1.as_str()), (404, "no_endpoints"));
    let only = names(&["nobody"]);
    let fault = refuse(&catalogue, &["a/m"], Preferences { only: &only, ..wishes() }, text());
    let (status, name, body) = code(&fault);
    assert_eq!((status, name.as_str()), (404, "constraint_filtered"));
    assert_eq!(body["excluded_by"], serde_json::json!(["allowed_providers"]));
    assert_eq!(body["constraint"]["field"], "provider.only");
    let fault = refuse(&catalogue, &["a/m"], Preferences { zero_data_retention: true, ..wishes() }, text());
    assert_eq!(code(&fault).1, "privacy_restricted");
    let image = Profile { inputs: Modalities::of(["text", "image"]), ..text() };
    let fault = refuse(&catalogue, &["a/m"], wishes(), image);
    assert_eq!((code(&fault).1.as_str(), fault.error_type.as_str()), ("constraint_filtered", "not_found"));
    assert_eq!(refuse(&catalogue, &[], wishes(), text()).status, 400);
}

#[test]
fn long_prompts_are_compared_by_the_price_they_pay() {
    let mut rows = tables(&[("a/m", "one", 1), ("a/m", "two", 2)]);
    rows.prices[0].book["tiers"] =
        serde_json::json!([{ "above_prompt_tokens": 1_000, "input": 9_000_000, "output": 9_000_000 }]);
    let catalogue = build(rows);
    let cheapest = |body_bytes| {
        run(&catalogue, &["a/m:floor"], wishes(), Profile { body_bytes, ..text() }, &Standings::new(), 1).0[0]
            .clone()
    };
    assert_eq!(cheapest(4_000), "one");
    assert_eq!(cheapest(4_008), "two");
}
