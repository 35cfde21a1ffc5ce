//! Every parameter of a list that keeps some rows and not others, and what is no good as one.

use super::*;

#[test]
fn every_filter_keeps_what_it_says() {
    let mut shop = Shop::open();
    let tools =
        |answers, errors| Display { tool_answers: answers, tool_errors: errors, ..Display::default() };
    shop.shown = HashMap::from([(key("acme/ant"), tools(100, 20)), (key("acme/bee"), tools(100, 1))]);
    let (ant, bee, cat, dye, elk) = ("acme/ant", "acme/bee", "best/cat:free", "best/dye", "best/elk");
    let table: &[(&str, &[&str])] = &[
        ("", &[ant, bee, cat]),
        ("nobody_knows=this", &[ant, bee, cat]),
        ("q=", &[ant, bee, cat]),
        ("q=bee", &[bee]),
        ("q=ACME+an", &[ant]),
        ("q=zebra", &[]),
        ("output_modalities=text", &[ant, bee, cat]),
        ("output_modalities=image", &[dye]),
        ("output_modalities=image,embeddings", &[dye, elk]),
        ("output_modalities=all", &[ant, bee, cat, dye, elk]),
        ("input_modalities=image", &[bee, cat]),
        ("input_modalities=text,image", &[bee, cat]),
        ("supported_parameters=tools", &[ant, bee]),
        ("supported_parameters=tools,%20seed", &[ant]),
        ("supported_parameters=size&output_modalities=all", &[dye]),
        ("context=32000", &[bee, cat]),
        ("context=32001", &[bee]),
        ("min_price=1", &[ant, bee]),
        ("max_price=1", &[ant, cat]),
        ("min_price=1&max_price=2.5", &[ant]),
        ("max_price=0", &[cat]),
        ("max_price=0.999999", &[cat]),
        ("max_price=1e30", &[ant, bee, cat]),
        ("min_price=null&max_price=null", &[ant, bee, cat]),
        ("min_output_price=4", &[ant, bee]),
        ("max_output_price=4", &[ant, cat]),
        ("arch=llama", &[ant]),
        ("arch=Llama3", &[ant]),
        ("arch=bee", &[bee]),
        ("arch=GPT", &[bee]),
        ("model_authors=best", &[cat]),
        ("model_authors=Acme,nobody", &[ant, bee]),
        ("providers=south", &[bee]),
        ("providers=NORTH%20Ltd", &[ant, cat]),
        ("distillable=true", &[bee]),
        ("distillable=false", &[ant, cat]),
        ("zdr=true", &[bee]),
        ("region=eu", &[bee]),
        ("region=us", &[cat]),
        ("min_age_days=10", &[ant, cat]),
        ("max_age_days=10", &[ant, bee]),
        ("min_age_days=3&max_age_days=29", &[ant]),
        ("min_intelligence_index=50", &[bee]),
        ("max_intelligence_index=50", &[ant]),
        ("min_coding_index=30", &[ant, bee]),
        ("max_coding_index=30", &[ant]),
        ("min_agentic_index=11", &[ant]),
        ("max_agentic_index=10", &[bee]),
        ("min_tool_success_rate=0.9", &[bee]),
        ("max_tool_success_rate=0.8", &[ant]),
        ("min_tool_success_rate=0", &[ant, bee]),
        ("category=programming", &[bee]),
        ("category=marketing/seo", &[]),
        ("category=legal", &[]),
        ("context=100&providers=north&region=us&sort=newest", &[cat]),
    ];
    for (query, expected) in table {
        assert_eq!(shop.ids(query), *expected, "{query}");
        let total = ids(&shop.list(query)).len();
        assert_eq!(shop.list(query)["total_count"], total, "{query}");
        let count = shop.json(&wanted("count", "", query));
        assert_eq!(count["data"]["count"], total, "{query}");
    }
}

#[test]
fn prices_are_compared_as_the_caller_pays_them() {
    let shop = Shop::open();
    let marked = |query| BrowseRequest { markup_basis_points: 1_000, ..wanted("models", "", query) };
    let prompt = |list: &Value| list["data"][0]["pricing"]["prompt"].clone();
    assert_eq!(prompt(&shop.json(&marked("q=ant"))), "0.0000011");
    assert!(!ids(&shop.json(&marked("max_price=1"))).contains(&"acme/ant".to_owned()));
    assert!(ids(&shop.json(&marked("max_price=1.1&min_price=1.1"))).contains(&"acme/ant".to_owned()));
}

#[test]
fn what_is_no_good_is_refused_by_name() {
    let shop = Shop::open();
    for (name, values) in [
        ("offset", &["-1", "x", "1.5"][..]),
        ("limit", &["0", "1001", "-1", "x"]),
        ("category", &["cooking"]),
        ("sort", &["price", "Newest"]),
        ("output_modalities", &["smell", "text,smell"]),
        ("input_modalities", &["smell", "all"]),
        ("context", &["0", "x", "1e3"]),
        ("min_price", &["-1", "x", "NaN", "inf"]),
        ("max_price", &["-0.5", "x"]),
        ("min_output_price", &["x"]),
        ("max_output_price", &["x"]),
        ("distillable", &["yes"]),
        ("zdr", &["false", "1"]),
        ("region", &["asia"]),
        ("min_age_days", &["-1", "1.5"]),
        ("max_age_days", &["x"]),
        ("min_intelligence_index", &["x", "-1"]),
        ("max_coding_index", &["x"]),
        ("min_agentic_index", &["x"]),
        ("min_tool_success_rate", &["1.1", "-0.1", "x"]),
        ("max_tool_success_rate", &["2"]),
    ] {
        for value in values {
            for resource in ["models", "user", "count"] {
                let fault = shop.ask(&wanted(resource, "", &format!("{name}={value}"))).unwrap_err();
                assert_eq!((fault.status, fault.error_type.as_str()), (400, "invalid_request"));
                assert!(fault.message.starts_with(&format!("`{name}` must ")), "{}", fault.message);
            }
        }
    }
    let fault = shop.ask(&wanted("embeddings", "", "limit=0")).unwrap_err();
    assert!(fault.message.contains("`limit`"));
}

#[test]
fn pages_cover_the_list_and_lead_to_one_another() {
    let shop = Shop::open();
    let whole = shop.list("output_modalities=all&sort=newest&x=a%20b");
    assert!(whole["links"]["next"].is_null());
    let (mut query, mut seen) = ("output_modalities=all&sort=newest&x=a%20b&limit=2".to_owned(), Vec::new());
    loop {
        let page = shop.list(&query);
        assert_eq!(page["total_count"], whole["total_count"]);
        seen.extend(ids(&page));
        let Some(next) = page["links"]["next"].as_str() else { break };
        let (path, following) = next.split_once('?').unwrap();
        assert_eq!(path, "/api/v1/models");
        assert_eq!(
            following,
            format!("output_modalities=all&sort=newest&x=a+b&offset={}&limit=2", seen.len())
        );
        query = following.to_owned();
    }
    assert_eq!(seen, ids(&whole));
    assert_eq!(ids(&shop.list("offset=1")), ids(&shop.list(""))[1..], "an offset alone has a limit of 500");
    assert!(ids(&shop.list("offset=99999999999")).is_empty());
}

#[test]
fn a_limit_that_is_not_given_is_500() {
    let mut tables = tables();
    for at in 0..600 {
        let slug = format!("many/model-{at:03}");
        let told = Told { outputs: &["text"], inputs: &["text"], provider: "north", ..Told::default() };
        let at = at + 100;
        tables.models.push(rows::Model { slug: slug.clone(), canonical_slug: slug.clone(), ..model(&told) });
        tables.endpoints.push(rows::Endpoint { model: slug, ..endpoint(at, &told) });
        tables.prices.push(price(at, (1, 1)));
    }
    let shop = Shop::with(tables);
    assert_eq!(ids(&shop.list("offset=0")).len(), 500);
    assert!(ids(&shop.list("")).len() > 600);
    assert_eq!(shop.list("offset=0")["links"]["next"], "/api/v1/models?offset=500&limit=500");
}
