//! What holds for every request against every catalogue and every state of health.

use proptest::prelude::*;

use super::*;

const MODELS: [&str; 3] = ["a/m", "b/n", "c/o"];
const TAGS: [&str; 5] = ["one", "two", "two/turbo", "three", "four"];

fn offers() -> impl Strategy<Value = Vec<(usize, usize, i64)>> {
    prop::collection::vec((0..MODELS.len(), 0..TAGS.len(), 0_i64..50), 1..14)
}

fn standing() -> impl Strategy<Value = Standing> {
    let state = prop_oneof![
        Just(State::Closed),
        (NOW - 20_000..NOW + 20_000).prop_map(|until_ms| State::Ejected { until_ms }),
        (NOW - 20_000..NOW).prop_map(|since_ms| State::Recovering { since_ms }),
    ];
    let uptime = prop_oneof![Just(Uptime::Good), Just(Uptime::Degraded), Just(Uptime::Poor)];
    (state, uptime, any::<bool>(), NOW - 5..NOW + 5, NOW - 5..NOW + 5).prop_map(
        |(state, uptime, outage, cooling_until_ms, next_probe_ms)| Standing {
            state,
            uptime,
            outage,
            cooling_until_ms,
            next_probe_ms,
            ..Standing::default()
        },
    )
}

#[derive(Debug)]
struct Case {
    offers: Vec<(usize, usize, i64)>,
    standings: Vec<Option<Standing>>,
    models: Vec<String>,
    order: Vec<String>,
    ignore: Vec<String>,
    sort: Option<Sort>,
    allow_fallbacks: bool,
    max_attempts: usize,
    max_tokens: Option<u64>,
    seed: u64,
}

fn case() -> impl Strategy<Value = Case> {
    let tags = || prop::collection::vec(prop::sample::select(&TAGS[..]).prop_map(str::to_owned), 0..3);
    let name = prop::sample::select(vec!["a/m", "b/n:nitro", "c/o:floor", "no/body"]).prop_map(str::to_owned);
    let sort = prop::sample::select(vec![None, Some(Sort::Price), Some(Sort::Latency)]);
    (
        (offers(), prop::collection::vec(prop::option::of(standing()), 14)),
        (prop::collection::vec(name, 1..4), tags(), tags()),
        (sort, any::<bool>(), 1_usize..20, prop::option::of(900_u64..1_100), any::<u64>()),
    )
        .prop_map(|((offers, standings), (models, order, ignore), rest)| {
            let (sort, allow_fallbacks, max_attempts, max_tokens, seed) = rest;
            Case {
                offers,
                standings,
                models,
                order,
                ignore,
                sort,
                allow_fallbacks,
                max_attempts,
                max_tokens,
                seed,
            }
        })
}

/// The catalogue of a case: the first offer of a model at a tag counts.
fn catalogue(case: &Case) -> Catalogue {
    let mut offers: Vec<Offer<'_>> = Vec::new();
    for (model, tag, price) in &case.offers {
        let (model, tag) = (MODELS[*model], TAGS[*tag]);
        if !offers.iter().any(|offer| (offer.0, offer.1) == (model, tag)) {
            offers.push((model, tag, *price));
        }
    }
    build(tables(&offers))
}

proptest! {
    #[test]
    fn a_plan_repeats_itself_and_accounts_for_every_endpoint(case in case()) {
        let catalogue = catalogue(&case);
        let standings: Standings = case
            .standings
            .iter()
            .enumerate()
            .filter_map(|(at, standing)| Some((key(at), (*standing)?)))
            .collect();
        let request = Request {
            models: &case.models,
            preferences: Preferences {
                order: &case.order,
                ignore: &case.ignore,
                sort: case.sort,
                allow_fallbacks: case.allow_fallbacks,
                ..Preferences::default()
            },
            profile: Profile { max_tokens: case.max_tokens, ..text() },
            explain: true,
            ..Request::default()
        };
        let policy = Policy { max_attempts: case.max_attempts, ..POLICY };
        let once = choose(&request, &catalogue, view(&standings), policy, case.seed);
        prop_assert_eq!(&once, &choose(&request, &catalogue, view(&standings), policy, case.seed));
        let (attempts, exclusions) = match once {
            Ok(plan) => {
                prop_assert!(!plan.attempts.is_empty() && plan.attempts.len() <= case.max_attempts);
                (plan.attempts, plan.exclusions)
            }
            Err(Refusal::NothingLeft { exclusions, .. }) => (Vec::new(), exclusions),
            Err(_) => return Ok(()),
        };
        // Each endpoint of a wanted model is tried once or excluded once, and no other is in the plan.
        let mut seen: Vec<usize> = attempts.iter().map(|pick| pick.endpoint).collect();
        seen.extend(exclusions.iter().filter_map(|exclusion| match exclusion.subject {
            Subject::Endpoint(at) => Some(at),
            Subject::Name(_) => None,
        }));
        seen.sort_unstable();
        let stems: Vec<&str> = case.models.iter().map(|name| name.split(':').next().unwrap()).collect();
        let wanted: Vec<usize> = catalogue
            .endpoints()
            .iter()
            .enumerate()
            .filter(|(_, endpoint)| stems.contains(&endpoint.attempt.model.as_str()))
            .map(|(at, _)| at)
            .collect();
        prop_assert_eq!(seen, wanted);
    }

    #[test]
    fn health_orders_but_never_leaves_nothing_to_try(case in case()) {
        let catalogue = catalogue(&case);
        let ejected = Standing { state: State::Ejected { until_ms: NOW + 1_000 }, ..Standing::default() };
        let standings: Standings = (0..14).map(|at| (key(at), ejected)).collect();
        let request = Request { models: &case.models, preferences: wishes(), profile: text(), ..Request::default() };
        let sick = choose(&request, &catalogue, view(&standings), POLICY, case.seed);
        let well = choose(&request, &catalogue, view(&Standings::new()), POLICY, case.seed);
        match (sick, well) {
            (Ok(sick), Ok(well)) => {
                let sorted = |plan: &Plan<'_>| {
                    let mut attempts: Vec<usize> = plan.attempts.iter().map(|pick| pick.endpoint).collect();
                    attempts.sort_unstable();
                    attempts
                };
                prop_assert_eq!(sorted(&sick), sorted(&well));
            }
            (sick, well) => prop_assert_eq!(sick.is_err(), well.is_err()),
        }
    }
}
