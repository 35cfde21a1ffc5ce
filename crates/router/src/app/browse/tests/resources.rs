//! Rows, endpoints, providers and feeds.

use super::*;
use crate::health::{Pace, State, Stretch, Uptime};

fn row(shop: &Shop, name: &str) -> Value {
    shop.json(&wanted("model", name, ""))["data"].clone()
}

fn endpoints(shop: &Shop, name: &str) -> Value {
    shop.json(&wanted("endpoints", name, ""))["data"].clone()
}

#[test]
fn every_name_of_a_model_leads_to_its_row() {
    let shop = Shop::open();
    for (name, id) in [
        ("acme/ant", "acme/ant"),
        ("acme/ant-2023", "acme/ant"),
        ("acme/bug", "acme/ant"),
        ("acme/ant:nitro", "acme/ant"),
        ("acme/bug:floor:online", "acme/ant"),
        ("best/cat:free", "best/cat:free"),
        ("best/cat:free:nitro", "best/cat:free"),
        ("~acme/bee-latest", "~acme/bee-latest"),
        ("openrouter/auto", "openrouter/auto"),
        ("best/dye", "best/dye"),
    ] {
        assert_eq!(row(&shop, name)["id"], id, "{name}");
        assert_eq!(endpoints(&shop, name)["id"], id, "{name}");
    }
    for name in ["acme/nobody", "best/cat:paid", "acme/ant:free", "~acme/ant-latest", "openrouter/nobody"] {
        for resource in ["model", "endpoints", "image_endpoints"] {
            let fault = shop.ask(&wanted(resource, name, "")).unwrap_err();
            assert_eq!((fault.status, fault.error_type.as_str()), (404, "not_found"), "{resource} {name}");
            assert!(fault.message.contains(name));
        }
    }
}

#[test]
fn the_alias_of_a_family_mirrors_its_newest_model() {
    let shop = Shop::open();
    let (alias, target) = (row(&shop, "~acme/bee-latest"), row(&shop, "acme/bee"));
    assert_eq!(alias["alias_target"], json!({ "slug": "acme/bee", "name": "ACME/BEE" }));
    assert_eq!((&alias["name"], &alias["pricing"]), (&json!("ACME/BEE (latest)"), &target["pricing"]));
    assert_eq!(alias["links"]["details"], "/api/v1/models/~acme/bee-latest/endpoints");
    assert!(target.get("alias_target").is_none());
    assert_eq!(endpoints(&shop, "~acme/bee-latest")["endpoints"], endpoints(&shop, "acme/bee")["endpoints"]);
}

#[test]
fn router_models_are_as_wide_as_what_they_choose_from() {
    let shop = Shop::open();
    let auto = row(&shop, "openrouter/auto");
    assert_eq!(auto["pricing"], json!({ "prompt": "-1", "completion": "-1" }));
    assert_eq!(
        (&auto["context_length"], &auto["architecture"]["tokenizer"]),
        (&json!(128_000), &json!("Router"))
    );
    assert_eq!(auto["architecture"]["modality"], "text+image->text");
    let free = row(&shop, "openrouter/free");
    assert_eq!((&free["pricing"]["prompt"], &free["context_length"]), (&json!("0"), &json!(32_000)));
    assert_eq!(endpoints(&shop, "openrouter/free")["endpoints"], json!([]));
    let mut poor = tables();
    poor.models.retain(|model| model.slug == "acme/bee");
    poor.endpoints.retain(|endpoint| endpoint.model == "acme/bee");
    poor.aliases.clear();
    let shop = Shop::with(poor);
    assert!(!ids(&shop.list("")).contains(&"openrouter/free".to_owned()), "there is nothing free");
}

#[test]
fn only_what_can_be_called_is_listed() {
    let mut tables = tables();
    tables.prices.remove(0);
    tables.models[1].disabled = true;
    tables.providers[0].credential_required = true;
    let shop = Shop::with(tables);
    assert_eq!(ids(&shop.list("output_modalities=all")).first().map(String::as_str), Some("best/dye"));
    assert_eq!(shop.ask(&wanted("model", "acme/bee", "")).unwrap_err().status, 404);
}

#[test]
fn the_top_provider_is_the_cheapest_of_the_usual_tier() {
    let mut tables = tables();
    let told = told();
    for (at, tag, tier, usd) in [(50, "south/flex", Some("flex"), 1), (51, "south", None, 2)] {
        let mut own = rows::Endpoint { tag: tag.to_owned(), ..endpoint(at, &told[1]) };
        own.service_tier = tier.map(str::to_owned);
        own.context_length = 64_000;
        tables.endpoints.push(own);
        tables.prices.push(price(at, (usd, usd)));
    }
    let shop = Shop::with(tables);
    let bee = row(&shop, "acme/bee");
    assert_eq!(bee["pricing"]["prompt"], "0.000002");
    assert_eq!(bee["top_provider"]["context_length"], 64_000);
    let listed = endpoints(&shop, "acme/bee")["endpoints"].clone();
    let tiers: Vec<&Value> = listed.as_array().unwrap().iter().map(|one| &one["service_tier"]).collect();
    assert_eq!(tiers, [&Value::Null, &json!("flex"), &Value::Null]);
}

#[test]
fn speed_is_for_callers_with_a_key_and_uptime_for_all() {
    let mut shop = Shop::open();
    let shown = Display {
        uptime_5m: Some(99.123_456),
        uptime_1d: Some(100.0),
        latency_30m: quantiles(250.5),
        throughput_30m: quantiles(40.0),
        ..Display::default()
    };
    shop.shown.insert(key("acme/ant"), shown);
    let ask = |authenticated| BrowseRequest { authenticated, ..wanted("endpoints", "acme/ant", "") };
    let stranger = shop.json(&ask(false))["data"]["endpoints"][0].clone();
    assert_eq!(
        (&stranger["latency_last_30m"], &stranger["throughput_last_30m"]),
        (&Value::Null, &Value::Null)
    );
    let uptimes = ["uptime_last_5m", "uptime_last_30m", "uptime_last_1d"].map(|name| stranger[name].clone());
    assert_eq!(uptimes, [json!(99.123), Value::Null, json!(100.0)]);
    let known = shop.json(&ask(true))["data"]["endpoints"][0].clone();
    let latency = json!({ "p50": 250.5, "p75": 251.5, "p90": 252.5, "p99": 253.5 });
    assert_eq!(known["latency_last_30m"], latency);
    assert_eq!(known["throughput_last_30m"]["p99"], 43.0);
}

#[test]
fn a_history_tells_a_strangers_uptime_alone() {
    let mut shop = Shop::open();
    let stretch = Stretch {
        from_ms: NOW - NOW % 900_000 - 900_000,
        successes: 2,
        faults: 1,
        rate_limits: 4,
        pace: Pace { latency_p50: Some(250.5), latency_p90: Some(300.0), throughput_p50: None },
    };
    shop.days.insert(key("acme/ant"), vec![stretch]);
    // With a tenant's own credential: nobody else's matter.
    let own = Key { credential: Uuid::from_u128(99), ..key("acme/ant") };
    shop.days.insert(own, vec![stretch; 2]);
    let ask = |name, authenticated| BrowseRequest { authenticated, ..wanted("history", name, "") };
    let known = shop.json(&ask("acme/bug", true))["data"].clone();
    assert_eq!((&known["id"], &known["bucket_seconds"]), (&json!("acme/ant"), &json!(900)));
    assert_eq!(known["to"], "2023-11-14T22:15:00.000Z", "the running quarter of an hour is in it");
    assert_eq!(known["from"], "2023-11-13T22:15:00.000Z");
    let bucket = json!({
        "at": "2023-11-14T21:45:00.000Z", "uptime": 66.667, "successes": 2, "faults": 1, "rate_limits": 4,
        "latency_p50": 250.5, "latency_p90": 300.0, "throughput_p50": null,
    });
    let north = json!([{ "tag": "north", "provider_name": "NORTH Ltd", "buckets": [bucket] }]);
    assert_eq!(known["endpoints"], north);
    let stranger = shop.json(&ask("acme/ant", false))["data"]["endpoints"][0]["buckets"][0].clone();
    let uptime_alone = json!({
        "at": "2023-11-14T21:45:00.000Z", "uptime": 66.667, "successes": null, "faults": null, "rate_limits": null,
        "latency_p50": null, "latency_p90": null, "throughput_p50": null,
    });
    assert_eq!(stranger, uptime_alone);
    assert_eq!(shop.json(&ask("acme/bee", true))["data"]["endpoints"][0]["buckets"], json!([]));
    assert_eq!(shop.json(&ask("openrouter/free", true))["data"]["endpoints"], json!([]));
    assert_eq!(shop.ask(&ask("acme/nobody", true)).unwrap_err().status, 404);
}

#[test]
fn a_status_says_how_an_endpoint_stands() {
    let mut shop = Shop::open();
    let mut status = |standing: Standing| {
        shop.standings.insert(key("acme/ant"), standing);
        endpoints(&shop, "acme/ant")["endpoints"][0]["status"].as_i64().unwrap()
    };
    let usual = Standing::default();
    assert_eq!(status(usual), 0);
    assert_eq!(status(Standing { uptime: Uptime::Degraded, ..usual }), -1);
    assert_eq!(status(Standing { outage: true, ..usual }), -1);
    assert_eq!(status(Standing { state: State::Recovering { since_ms: NOW }, ..usual }), -1);
    assert_eq!(status(Standing { uptime: Uptime::Poor, ..usual }), -2);
    assert_eq!(status(Standing { cooling_until_ms: NOW + 1, ..usual }), -3);
    assert_eq!(status(Standing { cooling_until_ms: NOW, ..usual }), 0);
    assert_eq!(status(Standing { state: State::Ejected { until_ms: NOW + 1 }, ..usual }), -5);
    let mut tables = tables();
    tables.endpoints.push(rows::Endpoint { provider: "north".to_owned(), ..endpoint(60, &told()[1]) });
    tables.prices.push(price(60, (1, 1)));
    tables.providers[0].credential_required = true;
    let shown = endpoints(&Shop::with(tables), "acme/bee")["endpoints"].clone();
    let statuses: Vec<i64> =
        shown.as_array().unwrap().iter().map(|one| one["status"].as_i64().unwrap()).collect();
    assert_eq!(statuses, [0, -10], "what waits for a credential is shown, and nothing serves it");
}

#[test]
fn tool_choices_are_those_that_the_endpoint_takes() {
    let mut tables = tables();
    tables.models[1].supported_parameters.push("tool_choice".to_owned());
    let shop = Shop::with(tables.clone());
    let choices = |shop: &Shop, name| endpoints(shop, name)["endpoints"][0]["supports_tool_choice"].clone();
    let all = |value: [bool; 4]| json!({ "auto": value[0], "none": value[1], "required": value[2], "function": value[3] });
    assert_eq!(choices(&shop, "acme/bee"), all([true; 4]));
    assert_eq!(choices(&shop, "acme/ant"), all([true, false, false, false]));
    assert_eq!(choices(&shop, "best/cat:free"), all([false; 4]));
    tables.providers[1].dialect = "ollama".to_owned();
    assert_eq!(choices(&Shop::with(tables), "acme/bee"), all([true, true, false, false]));
}

#[test]
fn endpoints_without_retention_have_a_list_of_their_own() {
    let shop = Shop::open();
    let listed = shop.json(&wanted("zdr", "", ""));
    let models: Vec<&Value> = listed["data"].as_array().unwrap().iter().map(|one| &one["model_id"]).collect();
    assert_eq!(models, ["acme/bee"]);
}

#[test]
fn lists_of_one_kind_hold_that_kind() {
    let shop = Shop::open();
    assert_eq!(ids(&shop.json(&wanted("embeddings", "", "output_modalities=text&q=zebra"))), ["best/elk"]);
    assert_eq!(ids(&shop.json(&wanted("videos", "", ""))), Vec::<String>::new());
    let images = shop.json(&wanted("images", "", ""));
    assert_eq!(ids(&images), ["best/dye"]);
    let dye = &images["data"][0];
    assert_eq!(
        (&dye["supports_streaming"], &dye["endpoints"]),
        (&json!(true), &json!("/api/v1/images/models/best/dye/endpoints"))
    );
    let record = shop.json(&wanted("image_endpoints", "best/dye", ""))["endpoints"][0].clone();
    let parameters = json!({ "n": { "type": "range", "min": 1, "max": 10 }, "size": { "type": "boolean" } });
    assert_eq!((&record["supported_parameters"], &record["provider_tag"]), (&parameters, &json!("south")));
    let fault = shop.ask(&wanted("image_endpoints", "acme/ant", "")).unwrap_err();
    assert_eq!(fault.status, 404);
}

#[test]
fn rules_of_an_account_narrow_everything() {
    let shop = Shop::open();
    let usable = |policy: AccountPolicy| {
        let listed =
            shop.json(&BrowseRequest { policy: Some(policy), ..wanted("user", "", "output_modalities=all") });
        ids(&listed)
            .into_iter()
            .filter(|id| !id.contains("openrouter") && !id.contains('~'))
            .collect::<Vec<_>>()
    };
    let names = |names: &[&str]| owned(names);
    let none = AccountPolicy::default;
    assert_eq!(usable(none()).len(), 6);
    assert_eq!(
        usable(AccountPolicy { allowed_models: names(&["acme/bug", "acme/bee-2023"]), ..none() }),
        ["acme/ant", "acme/bee", "patchbay/cheapest"]
    );
    assert_eq!(
        usable(AccountPolicy { ignored_models: names(&["~acme/bee-latest"]), ..none() })[..2],
        ["acme/ant", "best/cat:free"]
    );
    assert_eq!(
        usable(AccountPolicy { allowed_providers: names(&["NORTH"]), ..none() })[..2],
        ["acme/ant", "best/cat:free"]
    );
    assert_eq!(
        usable(AccountPolicy { ignored_providers: names(&["south"]), ..none() })[..2],
        ["acme/ant", "best/cat:free"]
    );
    assert_eq!(usable(AccountPolicy { zdr: true, ..none() }), ["acme/bee", "patchbay/cheapest"]);
    assert!(
        usable(AccountPolicy { deny_data_collection: true, ..none() }).is_empty(),
        "nobody says that he does not"
    );
    let list = |own: &[&str]| rpc::router::AllowList { names: names(own) };
    let (bee, cat) = (list(&["acme/bee"]), list(&["best/cat:free"]));
    assert_eq!(
        usable(AccountPolicy { model_lists: vec![bee.clone()], ..none() }),
        ["acme/bee", "patchbay/cheapest"]
    );
    assert!(usable(AccountPolicy { model_lists: vec![bee, cat], ..none() }).is_empty());
    let policy = Some(AccountPolicy { ignored_providers: names(&["south"]), ..none() });
    let providers = shop.json(&BrowseRequest { policy, ..wanted("providers", "", "") });
    assert_eq!(providers["data"].as_array().unwrap().len(), 1);
    assert_eq!(usable(none()).len(), 6, "nobody else's list changed");
}

#[test]
fn providers_say_what_is_known_of_them() {
    let shop = Shop::open();
    let listed = shop.json(&wanted("providers", "", ""));
    let north = json!({
        "name": "NORTH Ltd", "slug": "north", "privacy_policy_url": null, "terms_of_service_url": null,
        "status_page_url": null, "headquarters": "DE", "datacenters": null,
    });
    assert_eq!(listed["data"][0], north);
}

#[test]
fn a_feed_escapes_what_names_hold() {
    let mut tables = tables();
    tables.models[0].name = "Ant & <Bee> \u{1}\"x\" ]]>".to_owned();
    let shop = Shop::with(tables);
    let feed = |query: &str| {
        let answer = shop.ask(&wanted("models", "", query)).unwrap();
        assert_eq!(answer.content_type, "application/rss+xml");
        String::from_utf8(answer.body.to_vec()).unwrap()
    };
    let plain = feed("use_rss=true&q=acme/ant");
    assert!(
        plain.starts_with("<?xml version=\"1.0\" encoding=\"UTF-8\"?><rss version=\"2.0\"><channel>"),
        "{plain}"
    );
    assert!(plain.contains("<title>Ant &amp; &lt;Bee&gt; "), "{plain}");
    assert!(!plain.contains('\u{1}') && !plain.contains("]]>"));
    assert!(plain.contains("<link>/api/v1/models/acme/ant/endpoints</link>"));
    assert!(plain.contains("<pubDate>Sat, 4 Nov 2023 22:13:20 +0000</pubDate>"), "{plain}");
    assert_eq!(plain.matches("<item>").count(), 1);
    let chat = feed("use_rss=1&use_rss_chat_links=true&q=best/cat");
    assert!(chat.contains("<link>/chat?models=best/cat:free</link>"), "{chat}");
    assert_eq!(shop.ask(&wanted("models", "", "use_rss=false")).unwrap().content_type, "application/json");
    let mut reader = quick_xml::Reader::from_str(&plain);
    while reader.read_event().unwrap() != quick_xml::events::Event::Eof {}
}

#[test]
fn a_row_is_written_once_for_all_who_pay_the_same() {
    let shop = Shop::open();
    let view = |points| {
        let markup = rpc::Markups::new(points, &[]);
        shop.loaded.views.get(&shop.loaded.catalogue, markup, None)
    };
    let (one, two, other) = (view(0), view(0), view(500));
    assert!(std::sync::Arc::ptr_eq(&one, &two) && !std::sync::Arc::ptr_eq(&one, &other));
}

#[test]
fn every_price_has_the_markup_of_its_own_endpoint() {
    let shop = Shop::open();
    let over = |provider: &str, model: &str, basis_points| rpc::pricing::MarkupOverride {
        provider: provider.to_owned(),
        model: model.to_owned(),
        basis_points,
    };
    let overrides = vec![over("", "acme/bee", 2_000), over("south", "", 5_000)];
    let asked = |resource, name| BrowseRequest {
        markup_basis_points: 1_000,
        markup_overrides: overrides.clone(),
        ..wanted(resource, name, "output_modalities=all")
    };
    let list = shop.json(&asked("models", ""));
    let prompt = |slug: &str| {
        let rows = list["data"].as_array().unwrap();
        rows.iter().find(|row| row["id"] == slug).unwrap()["pricing"]["prompt"].clone()
    };
    assert_eq!(prompt("acme/ant"), "0.0000011");
    assert_eq!(prompt("acme/bee"), "0.0000036");
    assert_eq!(prompt("best/elk"), "0.0000075");
    let endpoints = shop.json(&asked("endpoints", "acme/bee"));
    assert_eq!(endpoints["data"]["endpoints"][0]["pricing"]["completion"], "0.0000108");
    let capped = BrowseRequest { query: "max_price=3.5".to_owned(), ..asked("models", "") };
    assert!(!shop.json(&capped)["data"].as_array().unwrap().iter().any(|row| row["id"] == "acme/bee"));
    // Written once for each list of overrides.
    let view =
        |overrides| shop.loaded.views.get(&shop.loaded.catalogue, rpc::Markups::new(1_000, overrides), None);
    let (one, two, none) = (view(&overrides), view(&overrides), view(&[]));
    assert!(std::sync::Arc::ptr_eq(&one, &two) && !std::sync::Arc::ptr_eq(&one, &none));
}
