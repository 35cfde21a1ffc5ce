//! Preferences from the wire: members with fields of their own, and the JSON as the client sent it.

use pricing::Rate;
use rpc::router::ProviderPreferences;
use serde_json::{Map, Value};

use super::super::Cap;
use super::{BadPreference, Cutoffs, DataCollection, MaxPrice, Preferences, Sort, Thresholds};

type Read<T> = Result<T, BadPreference>;

const SORTS: &str = "price, throughput, latency or exacto";
const PRICES: &str =
    "an object of prices in USD, as numbers or strings: prompt, completion, request, image, audio";
const CUTOFFS: &str = "a number, or an object of numbers: p50, p75, p90, p99";

fn bad(path: &str, expected: &str) -> BadPreference {
    BadPreference { path: path.to_owned(), expected: expected.to_owned() }
}

impl<'a> Preferences<'a> {
    /// Reads preferences. Members of the JSON that have a field of their own on the wire count as that field
    /// says, but for `sort`.
    ///
    /// # Errors
    /// [`BadPreference`] for the first value that means nothing.
    pub fn read(wire: &'a ProviderPreferences) -> Read<Self> {
        let json = members(&wire.json)?;
        let member = |name: &str| json.get(name).filter(|value| !value.is_null());
        let (sort, sorts_across_models) = match member("sort") {
            Some(sent) => sort(sent)?,
            None => (word(&wire.sort)?, false),
        };
        Ok(Self {
            order: &wire.order,
            only: &wire.only,
            ignore: &wire.ignore,
            allow_fallbacks: wire.allow_fallbacks.unwrap_or(true),
            sort,
            default_sort: word(&wire.default_sort)?,
            require_parameters: wire.require_parameters,
            quantizations: &wire.quantizations,
            data_collection: data_collection(&wire.data_collection)?,
            zero_data_retention: wire.zdr,
            distillable: match member("enforce_distillable_text") {
                None => false,
                Some(sent) => {
                    sent.as_bool().ok_or_else(|| bad(".enforce_distillable_text", "true or false"))?
                }
            },
            max_price: member("max_price").map_or(Ok(MaxPrice::default()), max_price)?,
            thresholds: Thresholds {
                min_throughput: cutoffs(member("preferred_min_throughput"), ".preferred_min_throughput")?,
                max_latency: cutoffs(member("preferred_max_latency"), ".preferred_max_latency")?,
            },
            sorts_across_models,
        })
    }
}

fn members(json: &str) -> Read<Map<String, Value>> {
    if json.is_empty() {
        return Ok(Map::new());
    }
    match serde_json::from_str(json) {
        Ok(Value::Object(members)) => Ok(members),
        Ok(Value::Null) => Ok(Map::new()),
        Ok(_) | Err(_) => Err(bad("", "an object")),
    }
}

/// Reads a word, or `{"by", "partition"}`; the latter says whether models are sorted together.
fn sort(sent: &Value) -> Read<(Option<Sort>, bool)> {
    let config = match sent {
        Value::String(text) => return Ok((word(text)?, false)),
        Value::Object(config) => config,
        _ => return Err(bad(".sort", &format!("{SORTS}, or an object of by and partition"))),
    };
    if let Some(odd) = config.keys().find(|name| !matches!(name.as_str(), "by" | "partition")) {
        return Err(bad(&format!(".sort.{odd}"), "absent: sort has the members by and partition"));
    }
    let by = match config.get("by") {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) => word(text)?,
        Some(_) => return Err(bad(".sort.by", SORTS)),
    };
    match config.get("partition") {
        None | Some(Value::Null) => Ok((by, false)),
        Some(Value::String(text)) if text == "model" => Ok((by, false)),
        Some(Value::String(text)) if text == "none" => Ok((by, true)),
        Some(_) => Err(bad(".sort.partition", "model or none")),
    }
}

fn word(text: &str) -> Read<Option<Sort>> {
    match text {
        "" => Ok(None),
        "price" => Ok(Some(Sort::Price)),
        "throughput" => Ok(Some(Sort::Throughput)),
        "latency" => Ok(Some(Sort::Latency)),
        "exacto" => Ok(Some(Sort::Exacto)),
        _ => Err(bad(".sort", SORTS)),
    }
}

fn data_collection(text: &str) -> Read<DataCollection> {
    match text {
        "" | "allow" => Ok(DataCollection::Allow),
        "deny" => Ok(DataCollection::Deny),
        _ => Err(bad(".data_collection", "allow or deny")),
    }
}

/// Caps in USD: of tokens per million, of requests, images and audio tokens per piece, with the caller's markup.
fn max_price(sent: &Value) -> Read<MaxPrice> {
    let caps = sent.as_object().ok_or_else(|| bad(".max_price", PRICES))?;
    let mut read = MaxPrice::default();
    for (name, value) in caps {
        let (cap, of): (_, fn(Rate) -> Cap) = match name.as_str() {
            "prompt" => (&mut read.input, Cap::of_a_million),
            "completion" => (&mut read.output, Cap::of_a_million),
            "request" => (&mut read.request, Cap::of_one),
            "image" => (&mut read.image, Cap::of_one),
            "audio" => (&mut read.audio, Cap::of_one),
            _ => return Err(bad(".max_price", PRICES)),
        };
        let text = match value {
            Value::Null => continue,
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            _ => return Err(bad(&format!(".max_price.{name}"), "a number or a string")),
        };
        let rate: Rate = text
            .trim()
            .parse()
            .map_err(|_| bad(&format!(".max_price.{name}"), "a price in USD, not below 0"))?;
        *cap = Some(of(rate));
    }
    Ok(read)
}

/// A number is the median's bound.
fn cutoffs(sent: Option<&Value>, path: &str) -> Read<Cutoffs> {
    let number =
        |value: &Value| value.as_f64().filter(|number| *number >= 0.0).ok_or_else(|| bad(path, CUTOFFS));
    let bounds = match sent {
        None => return Ok(Cutoffs::default()),
        Some(Value::Object(bounds)) => bounds,
        Some(value) => return Ok(Cutoffs { p50: Some(number(value)?), ..Cutoffs::default() }),
    };
    let mut read = Cutoffs::default();
    for (name, value) in bounds {
        let bound = match name.as_str() {
            "p50" => &mut read.p50,
            "p75" => &mut read.p75,
            "p90" => &mut read.p90,
            "p99" => &mut read.p99,
            _ => return Err(bad(path, CUTOFFS)),
        };
        if !value.is_null() {
            *bound = Some(number(value)?);
        }
    }
    Ok(read)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<Preferences<'static>, String> {
        let wire = ProviderPreferences { json: json.to_owned(), ..ProviderPreferences::default() };
        Preferences::read(Box::leak(Box::new(wire))).map_err(|bad| bad.to_string())
    }

    #[test]
    fn null_is_not_set() {
        let all = r#"{"sort":null,"max_price":null,"preferred_min_throughput":null,
            "preferred_max_latency":null,"enforce_distillable_text":null}"#;
        for json in
            ["", "null", "{}", all, r#"{"sort":{"by":null,"partition":null},"max_price":{"prompt":null}}"#]
        {
            let read = read(json).unwrap();
            assert_eq!(
                (read.sort, read.sorts_across_models, read.distillable),
                (None, false, false),
                "{json}"
            );
            assert_eq!((read.max_price, read.thresholds), Default::default(), "{json}");
        }
    }

    #[test]
    fn sort_is_a_word_or_an_object() {
        let sort = |json| read(json).map(|read| (read.sort, read.sorts_across_models)).unwrap();
        assert_eq!(sort(r#"{"sort":"exacto"}"#), (Some(Sort::Exacto), false));
        assert_eq!(sort(r#"{"sort":{"by":"price"}}"#), (Some(Sort::Price), false));
        assert_eq!(sort(r#"{"sort":{"by":"latency","partition":"none"}}"#), (Some(Sort::Latency), true));
        assert_eq!(sort(r#"{"sort":{"partition":"model"}}"#), (None, false));
    }

    #[test]
    fn caps_are_of_a_million_tokens_or_of_one_piece() {
        let caps = read(
            r#"{"max_price":{"prompt":1.1,"completion":"2.2","request":0.011,"image":"1e-2","audio":0}}"#,
        );
        let expected = MaxPrice {
            input: Some(Cap::of_one(Rate::from_picos(1_100_000))),
            output: Some(Cap::of_one(Rate::from_picos(2_200_000))),
            request: Some(Cap::of_one(Rate::from_picos(11_000_000_000))),
            image: Some(Cap::of_one(Rate::from_picos(10_000_000_000))),
            audio: Some(Cap::of_one(Rate::ZERO)),
        };
        assert_eq!(caps.unwrap().max_price, expected);
    }

    #[test]
    fn a_threshold_is_the_medians_or_one_per_share() {
        let read = read(r#"{"preferred_min_throughput":50,"preferred_max_latency":{"p90":2.5,"p50":null}}"#)
            .unwrap();
        assert_eq!(read.thresholds.min_throughput, Cutoffs { p50: Some(50.0), ..Cutoffs::default() });
        assert_eq!(read.thresholds.max_latency, Cutoffs { p90: Some(2.5), ..Cutoffs::default() });
    }

    #[test]
    fn what_means_nothing_is_named() {
        for (json, message) in [
            ("[]", "`provider` must be an object"),
            (r#"{"sort":"cheap"}"#, "`provider.sort` must be price, throughput, latency or exacto"),
            (r#"{"sort":{"partition":"all"}}"#, "`provider.sort.partition` must be model or none"),
            (
                r#"{"sort":{"bye":"price"}}"#,
                "`provider.sort.bye` must be absent: sort has the members by and partition",
            ),
            (
                r#"{"enforce_distillable_text":1}"#,
                "`provider.enforce_distillable_text` must be true or false",
            ),
            (
                r#"{"max_price":{"prompt":"-1"}}"#,
                "`provider.max_price.prompt` must be a price in USD, not below 0",
            ),
        ] {
            assert_eq!(read(json).unwrap_err(), message);
        }
        for json in [
            r#"{"sort":1}"#,
            r#"{"max_price":{"tokens":1}}"#,
            r#"{"max_price":2}"#,
            r#"{"max_price":{"prompt":"cheap"}}"#,
            r#"{"preferred_max_latency":"fast"}"#,
            r#"{"preferred_max_latency":-1}"#,
            r#"{"preferred_min_throughput":{"p42":1}}"#,
        ] {
            assert!(read(json).is_err(), "{json}");
        }
    }
}
