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

/// The endpoints that an account's rules leave of these models, the cheapest of each first.
fn ruled(catalogue: &Catalogue, models: &[String], policy: AccountPolicy<'_>) -> Vec<String> {
    let preferences = Preferences { sort: Some(Sort::Price), ..wishes() };
    let request = Request { models, preferences, profile: text(), policy, ..Request::default() };
    attempts(catalogue, &request, &Standings::new())
}

/// Status, constraint and message of a refusal.
fn refused(
    catalogue: &Catalogue,
    policy: AccountPolicy<'_>,
    preferences: Preferences<'_>,
) -> (u16, String, String) {
    let models = names(&["a/m"]);
    let request = Request { models: &models, preferences, profile: text(), policy, ..Request::default() };
    let fault: rpc::Fault =
        choose(&request, catalogue, view(&Standings::new()), POLICY, 1).unwrap_err().into();
    let availability: serde_json::Value = serde_json::from_str(&fault.availability.unwrap()).unwrap();
    let field = availability["constraint"]["field"].as_str().unwrap().to_owned();
    (fault.status, field, fault.message)
}

fn list(own: &[&str]) -> rpc::router::AllowList {
    rpc::router::AllowList { names: names(own) }
}

#[test]
fn each_of_several_lists_has_to_allow() {
    let catalogue =
        build(tables(&[("a/m", "one", 1), ("a/m", "two/eu", 2), ("b/n", "one", 3), ("b/n:free", "two", 4)]));
    let models = names(&["a/m", "b/n", "b/n:free"]);
    let of_models = |model_lists: &[_]| {
        ruled(&catalogue, &models, AccountPolicy { model_lists, ..AccountPolicy::default() })
    };
    let of_providers = |provider_lists: &[_]| {
        ruled(&catalogue, &models, AccountPolicy { provider_lists, ..AccountPolicy::default() })
    };
    assert_eq!(of_models(&[list(&["a/m", "b/n"]), list(&["b/n"])]), ["one", "two"]);
    assert_eq!(of_models(&[list(&["b/n"]), list(&["b/n:free"])]), ["two"], "a stem has its variants");
    assert!(of_models(&[list(&["a/m"]), list(&["b/n"])]).is_empty());
    assert!(of_models(&[list(&[])]).is_empty(), "nothing is allowed where nothing is named");
    assert_eq!(of_providers(&[list(&["two", "one"]), list(&["two/eu", "three"])]), ["two/eu"]);
    assert!(of_providers(&[list(&["one"]), list(&["two"])]).is_empty());
}

#[test]
fn uses_of_data_are_denied_by_what_is_paid_and_by_whose_model_it_is() {
    let mut rows =
        tables(&[("openai/m", "one", 1), ("x-ai/n", "two", 0), ("c/o", "three", 0), ("c/o", "four", 2)]);
    for (at, (collects, retains)) in
        [(true, true), (true, true), (false, true), (true, false)].into_iter().enumerate()
    {
        rows.endpoints[at].collects_data = Some(collects);
        rows.endpoints[at].zero_data_retention = Some(!retains);
    }
    let catalogue = build(rows);
    let models = names(&["openai/m", "x-ai/n", "c/o"]);
    let denied = |denied| ruled(&catalogue, &models, AccountPolicy { denied, ..AccountPolicy::default() });
    let none = DeniedUses::default();
    assert_eq!(denied(none), ["one", "two", "three", "four"]);
    assert_eq!(denied(DeniedUses { free_training: true, ..none }), ["one", "three", "four"]);
    assert_eq!(denied(DeniedUses { free_publication: true, ..none }), ["one", "three", "four"]);
    assert_eq!(denied(DeniedUses { paid_training: true, ..none }), ["two", "three"]);
    let zdr = |groups: &[&str]| {
        ruled(&catalogue, &models, AccountPolicy { zdr_groups: &names(groups), ..AccountPolicy::default() })
    };
    assert_eq!(zdr(&["openai"]), ["two", "three", "four"]);
    assert_eq!(zdr(&["xai", "anthropic"]), ["one", "three", "four"]);
    assert_eq!(zdr(&["other"]), ["one", "two", "four"]);
}

#[test]
fn data_regions_are_those_that_every_list_names() {
    let mut rows = tables(&[("a/m", "one", 1), ("a/m", "two/eu", 2), ("a/m", "three/us", 3)]);
    rows.endpoints[1].region = Some("eu".to_owned());
    rows.endpoints[2].region = Some("us".to_owned());
    let catalogue = build(rows);
    let models = names(&["a/m"]);
    let run = |region_lists: &[_]| {
        ruled(&catalogue, &models, AccountPolicy { region_lists, ..AccountPolicy::default() })
    };
    assert_eq!(run(&[list(&["global"])]).len(), 3);
    assert_eq!(run(&[list(&["global", "eu"]), list(&["EU", "us"])]), ["two/eu", "three/us"]);
    assert!(run(&[list(&["eu"]), list(&["us"])]).is_empty());
}

#[test]
fn what_a_guardrail_forbids_is_forbidden_and_what_a_request_rules_out_is_absent() {
    let catalogue = build(tables(&[("a/m", "one", 1), ("a/m", "two", 2)]));
    let none = AccountPolicy::default();
    let (others, one, two) = (names(&["b/n"]), names(&["one"]), names(&["two"]));
    let (status, field, message) =
        refused(&catalogue, AccountPolicy { model_lists: &[list(&["b/n"])], ..none }, wishes());
    assert_eq!((status, field.as_str()), (403, "guardrail.allowed_models"));
    assert_eq!(message, "A guardrail does not allow a/m: `allowed_models` does not list the model.");
    let ignored = AccountPolicy { ignored_providers: &one, provider_lists: &[list(&["one"])], ..none };
    let (status, field, _) = refused(&catalogue, ignored, wishes());
    assert_eq!((status, field.as_str()), (403, "guardrail.allowed_providers, guardrail.ignored_providers"));
    let ignored = AccountPolicy { ignored_providers: &one, ..none };
    let (status, ..) = refused(&catalogue, ignored, Preferences { only: &one, ..wishes() });
    assert_eq!(status, 404, "the request's own list leaves nothing of what is allowed");
    let only = Preferences { only: &others, ..wishes() };
    assert_eq!(refused(&catalogue, AccountPolicy { ignored_providers: &two, ..none }, only).0, 404);
    let (status, field, _) =
        refused(&catalogue, AccountPolicy { zero_data_retention: true, ..none }, wishes());
    assert_eq!(
        (status, field.as_str()),
        (404, "guardrail.enforce_zdr"),
        "data policies have a word of their own"
    );
    assert_eq!(
        refused(&catalogue, AccountPolicy { region_lists: &[list(&["eu"])], ..none }, wishes()).0,
        403
    );
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
