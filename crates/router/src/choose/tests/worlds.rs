//! Random catalogues, states of health and requests.

mod run;

use proptest::prelude::*;

use super::*;
use crate::catalogue::Tier;
pub(super) use run::with_case;

const MODELS: [&str; 3] = ["a/m", "b/n", "c/o:free"];
const TAGS: [&str; 8] = ["one", "two", "two/turbo", "three", "four", "one/flex", "two/priority", "four/eu"];
/// This one's endpoints can only be reached with a credential, and the platform has none.
const KEYED: &str = "four";
const PARAMETERS: [&str; 3] = ["temperature", "tools", "seed"];

#[derive(Debug, Clone)]
struct OfferCase {
    model: usize,
    tag: usize,
    price: i64,
    caches: bool,
    quantization: Option<&'static str>,
    zero_data_retention: Option<bool>,
    collects_data: Option<bool>,
    short: bool,
    parameters: Option<Vec<&'static str>>,
    deprecation_date: Option<&'static str>,
    disabled: bool,
}

#[derive(Debug, Clone)]
struct OwnCase {
    provider: &'static str,
    is_fallback: bool,
    is_exclusive: bool,
    models: Vec<String>,
}

#[derive(Debug, Clone)]
struct WishCase {
    models: Vec<String>,
    order: Vec<String>,
    only: Vec<String>,
    ignore: Vec<String>,
    allow_fallbacks: bool,
    sort: Option<Sort>,
    across: bool,
    quantizations: Vec<String>,
    tier: TierWish,
    thresholds: Thresholds,
    is_long: bool,
    is_big: bool,
}

#[derive(Debug, Clone)]
struct RuleCase {
    allowed_models: Vec<String>,
    ignored_models: Vec<String>,
    allowed_providers: Vec<String>,
    ignored_providers: Vec<String>,
    zdr: (bool, bool),
    deny: (bool, bool),
    region: Option<&'static str>,
    distillable: bool,
    image: bool,
    cap: Option<i64>,
    parameters: Vec<&'static str>,
    require: bool,
}

#[derive(Debug, Clone)]
pub(super) struct Case {
    offers: Vec<OfferCase>,
    wish: WishCase,
    rule: RuleCase,
    own: Vec<OwnCase>,
    /// Basis points where no override fits, and overrides.
    markups: (i32, Vec<MarkupOverride>),
    /// An endpoint and the place of a credential; 0 = the platform's.
    held: Option<(usize, usize)>,
    /// Endpoint, place of the credential, and how it stands.
    pub(super) standings: Vec<(usize, usize, Standing)>,
    seed: u64,
}

/// Mostly nothing: each rule alone must leave something for the others.
fn rarely<T: Clone + std::fmt::Debug + 'static>(
    some: impl Strategy<Value = T> + 'static,
    none: T,
) -> impl Strategy<Value = T> {
    prop_oneof![30 => Just(none), 1 => some]
}

fn tags(most: usize) -> impl Strategy<Value = Vec<String>> {
    rarely(
        prop::collection::vec(prop::sample::select(&TAGS[..]).prop_map(str::to_owned), 1..=most),
        Vec::new(),
    )
}

fn slugs() -> impl Strategy<Value = Vec<String>> {
    let names = prop::sample::select(vec!["a/m", "b/n", "c/o", "c/o:free"]);
    rarely(prop::collection::vec(names.prop_map(str::to_owned), 1..3), Vec::new())
}

fn offer() -> impl Strategy<Value = OfferCase> {
    let dates = prop::sample::select(vec!["2023-11-13", "2023-11-14", "2030-01-01"]).prop_map(Some);
    let quantization =
        prop::sample::select(vec![None, Some("fp8"), Some("mxfp8"), Some("nvfp4"), Some("bf16")]);
    let parameters = prop::sample::subsequence(PARAMETERS.to_vec(), 1..=3).prop_map(Some);
    (
        (0..MODELS.len(), 0..TAGS.len(), 0_i64..6, any::<bool>(), quantization),
        (any::<Option<bool>>(), any::<Option<bool>>(), any::<bool>()),
        (rarely(parameters, None), rarely(dates, None), rarely(Just(true), false)),
    )
        .prop_map(|(what, data, rest)| OfferCase {
            model: what.0,
            tag: what.1,
            price: what.2,
            caches: what.3,
            quantization: what.4,
            zero_data_retention: data.0,
            collects_data: data.1,
            short: data.2,
            parameters: rest.0,
            deprecation_date: rest.1,
            disabled: rest.2,
        })
}

pub(super) fn standing() -> impl Strategy<Value = Standing> {
    let state = prop_oneof![
        4 => Just(State::Closed),
        1 => (NOW - 9..NOW + 9).prop_map(|until_ms| State::Ejected { until_ms }),
        // Long enough ago to have its whole share again: what else it has is drawn.
        1 => Just(State::Recovering { since_ms: NOW - 20_000 }),
    ];
    let uptime = prop_oneof![Just(Uptime::Good), Just(Uptime::Degraded), Just(Uptime::Poor)];
    let times = prop_oneof![3 => Just(0), 1 => NOW - 5..NOW + 5];
    let speed = prop::sample::select(vec![100.0, 800.0, 3_000.0]);
    (
        state,
        uptime,
        any::<bool>(),
        (times.clone(), times),
        (speed, prop::sample::select(vec![10.0, 50.0, 90.0])),
    )
        .prop_map(
            |(state, uptime, outage, (cooling_until_ms, next_probe_ms), (latency_ms, throughput))| Standing {
                state,
                uptime,
                outage,
                cooling_until_ms,
                next_probe_ms,
                latency_ms,
                throughput,
                ..Standing::default()
            },
        )
}

fn wish() -> impl Strategy<Value = WishCase> {
    let names = prop::sample::select(vec!["a/m", "b/n", "a/m:nitro", "b/n:floor", "c/o:free", "no/body"]);
    let sorts = prop::sample::select(vec![Sort::Price, Sort::Latency, Sort::Throughput]).prop_map(Some);
    let quantizations = prop::collection::vec(
        prop::sample::select(vec!["fp8", "fp4", "unknown"]).prop_map(str::to_owned),
        1..3,
    );
    let tiers = prop::sample::select(vec![
        TierWish::Usual,
        TierWish::Only(Tier::Flex),
        TierWish::Only(Tier::Priority),
    ]);
    let bounds =
        (prop::option::of(Just(40.0)), prop::option::of(Just(0.5))).prop_map(|(throughput, latency)| {
            Thresholds {
                min_throughput: Cutoffs { p50: throughput, ..Cutoffs::default() },
                max_latency: Cutoffs { p90: latency, ..Cutoffs::default() },
            }
        });
    (
        (prop::collection::vec(names.prop_map(str::to_owned), 1..4), tags(3), tags(4), tags(2)),
        (
            rarely(Just(false), true),
            rarely(sorts, None),
            rarely(Just(true), false),
            rarely(quantizations, Vec::new()),
        ),
        (
            prop_oneof![3 => Just(TierWish::Auto), 1 => tiers],
            bounds,
            rarely(Just(true), false),
            rarely(Just(true), false),
        ),
    )
        .prop_map(
            |((models, order, only, ignore), (allow_fallbacks, sort, across, quantizations), rest)| {
                let (tier, thresholds, is_long, is_big) = rest;
                WishCase {
                    models,
                    order,
                    only,
                    ignore,
                    allow_fallbacks,
                    sort,
                    across,
                    quantizations,
                    tier,
                    thresholds,
                    is_long,
                    is_big,
                }
            },
        )
}

fn rule() -> impl Strategy<Value = RuleCase> {
    let flag = || rarely(Just(true), false);
    let providers = || {
        let names = prop::sample::select(vec!["one", "two", "three", "four", "two/turbo"]);
        rarely(prop::collection::vec(names.prop_map(str::to_owned), 1..4), Vec::new())
    };
    (
        (slugs(), slugs(), providers(), providers()),
        (flag(), flag(), flag(), flag(), rarely(Just(Some("eu")), None)),
        (flag(), flag(), rarely((0_i64..6_000_000).prop_map(Some), None)),
        (rarely(prop::sample::subsequence(PARAMETERS.to_vec(), 1..=3), Vec::new()), any::<bool>()),
    )
        .prop_map(
            |(lists, (zdr, zdr_rule, deny, deny_rule, region), (distillable, image, cap), parameters)| {
                RuleCase {
                    allowed_models: lists.0,
                    ignored_models: lists.1,
                    allowed_providers: lists.2,
                    ignored_providers: lists.3,
                    zdr: (zdr, zdr_rule),
                    deny: (deny, deny_rule),
                    region,
                    distillable,
                    image,
                    cap,
                    parameters: parameters.0,
                    require: parameters.1,
                }
            },
        )
}

fn own() -> impl Strategy<Value = OwnCase> {
    let provider = prop::sample::select(vec!["one", "two", "four"]);
    (provider, any::<bool>(), rarely(Just(true), false), slugs()).prop_map(
        |(provider, is_fallback, is_exclusive, mut models)| {
            // A stem means its variants too, which the reference leaves out.
            models.retain(|slug| slug != "c/o");
            OwnCase { provider, is_fallback, is_exclusive, models }
        },
    )
}

fn markups() -> impl Strategy<Value = (i32, Vec<MarkupOverride>)> {
    let providers = prop::sample::select(vec!["", "", "one", "two", "three", "four"]);
    let models = prop::sample::select(vec!["", "", "a/m", "b/n", "c/o"]);
    let points = || prop::sample::select(vec![0, 1, 500, 5_000, 10_000, 20_000]);
    let over =
        (providers, models, points()).prop_map(|(provider, model, points)| over(provider, model, points));
    let overrides = prop_oneof![1 => Just(Vec::new()), 3 => prop::collection::vec(over, 1..6)];
    (points(), overrides)
}

pub(super) fn case() -> impl Strategy<Value = Case> {
    (
        prop::collection::vec(offer(), 8..24),
        wish(),
        rule(),
        prop_oneof![2 => Just(Vec::new()), 1 => prop::collection::vec(own(), 1..4)],
        markups(),
        prop::option::of((0_usize..20, 0_usize..3)),
        prop::collection::vec((0_usize..20, 0_usize..4, standing()), 0..24),
        any::<u64>(),
    )
        .prop_map(|(offers, wish, rule, own, markups, held, standings, seed)| Case {
            offers,
            wish,
            rule,
            own,
            markups,
            held,
            standings,
            seed,
        })
}
