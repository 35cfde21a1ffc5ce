//! Who is left out, and with what reason.

use super::*;

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
    let cap = MaxPrice { input: Some(cap(1_000_000)), ..MaxPrice::default() };
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
    rows.providers[1].dialect = "smoke-signals".to_owned();
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
