//! The account's rules, and the filters that concern the whole of a model.

use super::*;

#[test]
fn an_accounts_lists_take_out_models_and_providers() {
    let mut rows = tables(&[("a/m", "one", 1), ("a/m", "two/turbo", 2), ("b/n:free", "one", 3)]);
    rows.models[0].canonical_slug = "a/m-2024".to_owned();
    let catalogue = build(rows);
    let models = names(&["a/m", "b/n:free"]);
    let run = |policy| {
        let request =
            Request { models: &models, preferences: wishes(), profile: text(), policy, ..Request::default() };
        attempts(&catalogue, &request, &Standings::new())
    };
    let (by_slug, by_canonical, by_stem) = (names(&["a/m"]), names(&["a/m-2024"]), names(&["b/n"]));
    let (two, turbo) = (names(&["two"]), names(&["two/turbo"]));
    let rules = AccountPolicy::default();
    assert_eq!(run(AccountPolicy { allowed_models: &by_slug, ..rules }).len(), 2);
    assert_eq!(run(AccountPolicy { allowed_models: &by_canonical, ..rules }).len(), 2);
    assert_eq!(run(AccountPolicy { allowed_models: &by_stem, ..rules }), ["one"]);
    assert_eq!(run(AccountPolicy { ignored_models: &by_slug, ..rules }), ["one"]);
    assert_eq!(run(AccountPolicy { allowed_providers: &two, ..rules }), ["two/turbo"]);
    assert_eq!(run(AccountPolicy { ignored_providers: &turbo, ..rules }), ["one", "one"]);
}

#[test]
fn only_intersects_what_the_account_allows_and_ignore_adds_to_it() {
    let catalogue = three();
    let (models, allowed, only) = (names(&["a/m"]), names(&["one", "two"]), names(&["two", "three"]));
    let policy = AccountPolicy { allowed_providers: &allowed, ..AccountPolicy::default() };
    let preferences = Preferences { only: &only, ..wishes() };
    let request = Request { models: &models, preferences, profile: text(), policy, ..Request::default() };
    assert_eq!(attempts(&catalogue, &request, &Standings::new()), ["two"]);
    let ignored = AccountPolicy { ignored_providers: &allowed, ..AccountPolicy::default() };
    let preferences = Preferences { ignore: &only, ..wishes() };
    let request = Request { preferences, policy: ignored, ..request };
    assert!(attempts(&catalogue, &request, &Standings::new()).is_empty());
}

#[test]
fn data_rules_of_account_and_request_add_up() {
    let mut rows = tables(&[("a/m", "one", 1), ("a/m", "two", 2), ("a/m", "three", 3)]);
    rows.endpoints[1].zero_data_retention = Some(true);
    rows.endpoints[2].zero_data_retention = Some(true);
    rows.endpoints[2].collects_data = Some(true);
    let catalogue = build(rows);
    let models = names(&["a/m"]);
    let run = |policy, preferences| {
        let request = Request { models: &models, preferences, profile: text(), policy, ..Request::default() };
        attempts(&catalogue, &request, &Standings::new())
    };
    let zdr = AccountPolicy { zero_data_retention: true, ..AccountPolicy::default() };
    assert_eq!(run(zdr, Preferences { sort: Some(Sort::Price), ..wishes() }), ["two", "three"]);
    let deny = Preferences { data_collection: DataCollection::Deny, ..wishes() };
    assert_eq!(run(zdr, deny), ["two"]);
    let both = AccountPolicy { deny_data_collection: true, ..zdr };
    assert_eq!(run(both, wishes()), ["two"]);
}

#[test]
fn regions_outputs_distillation_and_dates_are_hard() {
    let mut rows = tables(&[("a/m", "one", 1), ("a/m", "two/eu", 2), ("a/m", "three", 3), ("b/n", "one", 4)]);
    rows.endpoints[1].region = Some("eu".to_owned());
    rows.endpoints[2].deprecation_date = Some("2023-11-13".to_owned());
    // The day of the tests' now: still there.
    rows.endpoints[0].deprecation_date = Some("2023-11-14".to_owned());
    rows.models[1].output_modalities.push("image".to_owned());
    rows.models[1].distillable = Some(true);
    let catalogue = build(rows);
    let models = names(&["a/m", "b/n"]);
    let plain = Request {
        models: &models,
        preferences: Preferences { sort: Some(Sort::Price), ..wishes() },
        profile: text(),
        ..Request::default()
    };
    let run = |request: &Request<'_>| attempts(&catalogue, request, &Standings::new());
    assert_eq!(run(&plain), ["one", "two/eu", "one"]);
    assert_eq!(run(&Request { region: Some("EU"), ..plain.clone() }), ["two/eu"]);
    let draws = Profile { outputs: Modalities::of(["text", "image"]), ..text() };
    assert_eq!(run(&Request { profile: draws, ..plain.clone() }).len(), 1);
    let teaches = Preferences { distillable: true, ..wishes() };
    assert_eq!(run(&Request { preferences: teaches, ..plain }).len(), 1);
}

#[test]
fn a_price_cap_counts_what_the_prompt_pays_and_audio_only_where_it_is_taken() {
    let mut rows = tables(&[("a/m", "one", 1), ("b/n", "two", 1)]);
    rows.prices[0].book["tiers"] =
        serde_json::json!([{ "above_prompt_tokens": 100, "input": 9_000_000, "output": 9_000_000 }]);
    rows.prices[1].book["base"]["audio_input"] = 5_000_000.into();
    rows.models[1].input_modalities.push("audio".to_owned());
    let catalogue = build(rows);
    let models = names(&["a/m", "b/n"]);
    let run = |max_price, body_bytes| {
        let preferences = Preferences { max_price, ..wishes() };
        let profile = Profile { body_bytes, ..text() };
        let request = Request { models: &models, preferences, profile, ..Request::default() };
        attempts(&catalogue, &request, &Standings::new())
    };
    let input = MaxPrice { input: Some(cap(1_000_000)), ..MaxPrice::default() };
    assert_eq!((run(input, 400), run(input, 404)), (names(&["one", "two"]), names(&["two"])));
    let audio = MaxPrice { audio: Some(cap(4_000_000)), ..MaxPrice::default() };
    assert_eq!(run(audio, 0), ["one"]);
}
