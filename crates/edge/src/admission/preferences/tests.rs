//! What of the preferences is taken, and how what is wrong is named.

use super::*;

fn routed(json: &str, partition: Option<&str>) -> Result<ProviderPreferences, BadRequest> {
    preferences(Some(&RawValue::from_string(json.to_owned()).unwrap()), partition)
}

fn read(json: &str) -> Result<ProviderPreferences, BadRequest> {
    routed(json, None)
}

#[test]
fn reads_what_clients_send_and_names_what_is_wrong() {
    let read_back =
        read(r#"{"order":["groq"],"allow_fallbacks":false,"sort":{"by":"price","partition":"none"}}"#);
    let read_back = read_back.unwrap();
    assert_eq!(
        (read_back.order.as_slice(), read_back.allow_fallbacks),
        (["groq".to_owned()].as_slice(), Some(false))
    );
    assert_eq!(read_back.sort, "price");
    assert_eq!(read("null").unwrap(), ProviderPreferences::default());
    assert_eq!(read(r#"{"sort":"latency","zdr":null,"data_collection":null}"#).unwrap().sort, "latency");
    assert_eq!(read(r#"{"sort":"exacto"}"#).unwrap().sort, "exacto");
    assert_eq!(read(r#"{"sort":{"partition":"model"}}"#).unwrap().sort, "");
    let wrong = read(r#"{"ordre":["groq"]}"#).unwrap_err();
    assert!(wrong.message.contains("ordre"), "{wrong}");
    assert!(read(r#"{"order":"groq"}"#).is_err());
    assert!(read(r#"{"data_collection":"never"}"#).is_err());
    assert!(read("[]").is_err());
}

#[test]
fn members_go_on_as_they_came_once_their_shape_is_right() {
    let json = r#"{"max_price":{"prompt":1,"completion":"2.5","image":null},
        "preferred_min_throughput":{"p50":10,"p99":null},"preferred_max_latency":0.5,
        "quantizations":["fp8","unknown"],"enforce_distillable_text":true}"#;
    let read = read(json).unwrap();
    assert_eq!(
        (read.json.as_str(), read.quantizations.as_slice()),
        (json, ["fp8", "unknown"].map(String::from).as_slice())
    );
}

#[test]
fn the_member_that_is_wrong_is_named() {
    let cases = [
        (r#"{"max_price":5}"#, "`provider.max_price` must be an object of prompt"),
        (r#"{"max_price":{"prompt":"cheap"}}"#, "`provider.max_price.prompt` must be a number"),
        (r#"{"max_price":{"prompt":-1}}"#, "`provider.max_price.prompt` must be a number"),
        (r#"{"max_price":{"prompt":"NaN"}}"#, "`provider.max_price.prompt` must be a number"),
        (r#"{"max_price":{"tokens":1}}"#, "`provider.max_price` must have no `tokens`"),
        (r#"{"preferred_max_latency":"2"}"#, "`provider.preferred_max_latency` must be a number"),
        (r#"{"preferred_max_latency":{"p51":2}}"#, "`provider.preferred_max_latency` must have no `p51`"),
        (r#"{"preferred_min_throughput":{"p50":[]}}"#, "`provider.preferred_min_throughput.p50` must be"),
        (r#"{"quantizations":["fp8","q4"]}"#, "`provider.quantizations[1]` must be one of int4"),
        (r#"{"sort":"cost"}"#, "`provider.sort` must be one of price"),
        (r#"{"sort":{"by":"price","partition":"all"}}"#, "`provider.sort.partition` must be one of model"),
        (r#"{"sort":{"at":"price"}}"#, "`provider.sort` must have `by` and `partition`"),
        (r#"{"sort":7}"#, "`provider.sort` must be a word"),
    ];
    for (json, expected) in cases {
        let refusal = read(json).unwrap_err();
        assert!(refusal.message.starts_with(expected), "{json}: {refusal}");
    }
}

#[test]
fn the_deprecated_route_sorts_across_models_unless_the_sort_says_otherwise() {
    let sort = |json: &str, partition| {
        let json = routed(json, partition).unwrap().json;
        serde_json::from_str::<Value>(&json).unwrap()["sort"].clone()
    };
    assert_eq!(sort(r#"{"sort":"price"}"#, Some("none")).to_string(), r#"{"by":"price","partition":"none"}"#);
    assert_eq!(sort("{}", Some("none")).to_string(), r#"{"partition":"none"}"#);
    let said = r#"{"by":"price","partition":"model"}"#;
    assert_eq!(sort(&format!(r#"{{"sort":{said}}}"#), Some("none")).to_string(), said);
    assert_eq!(sort(r#"{"sort":"price"}"#, Some("model")), "price");
    assert_eq!(preferences(None, Some("none")).unwrap().json, r#"{"sort":{"partition":"none"}}"#);
    assert_eq!(preferences(None, Some("model")).unwrap(), ProviderPreferences::default());
}
