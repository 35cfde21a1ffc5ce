//! An answer given once more is the same answer under another name.

use dialect::client::Dialect;
use proptest::prelude::*;
use serde_json::Value;

use super::checks::clients::{DIALECTS, frames, written};
use super::round_trips::answer;

/// Where an answer's own id and time stand.
const NAMES: [&str; 3] = ["/id", "/response/id", "/message/id"];
const TIMES: [&str; 2] = ["/created", "/response/created_at"];

/// Every leaf of `before` must stand in `after`, but for the name, the time and the numbers of the usage.
fn compare(path: &str, before: &Value, after: &Value) {
    match (before, after) {
        (Value::Object(old), Value::Object(new)) => {
            assert_eq!(old.keys().collect::<Vec<_>>(), new.keys().collect::<Vec<_>>(), "at {path}");
            for (name, value) in old {
                compare(&format!("{path}/{name}"), value, &new[name]);
            }
        }
        (Value::Array(old), Value::Array(new)) => {
            assert_eq!(old.len(), new.len(), "at {path}");
            old.iter().zip(new).for_each(|(old, new)| compare(path, old, new));
        }
        _ if NAMES.contains(&path) => assert_eq!(after, "gen-new"),
        _ if TIMES.contains(&path) || (path == "/created_at") => assert_eq!(after, 77),
        (Value::Number(_), Value::Number(number)) if path.contains("/usage/") => {
            assert_eq!(number.as_u64(), Some(0), "at {path}");
        }
        _ => assert_eq!(before, after, "at {path}"),
    }
}

fn check(dialect: Dialect, bytes: &[u8], stream: bool) {
    let again = dialect.replayed(bytes, stream, "gen-new", 77);
    if !stream {
        let read = |bytes: &[u8]| serde_json::from_slice::<Value>(bytes).unwrap();
        return compare("", &read(bytes), &read(&again));
    }
    let (old, new) = (frames(bytes), frames(&again));
    assert_eq!(old.len(), new.len());
    for ((old_name, old), (new_name, new)) in old.iter().zip(&new) {
        assert_eq!(old_name, new_name);
        compare("", old.as_ref().unwrap(), new.as_ref().unwrap());
    }
    // Event by event, it comes to the same.
    let text = std::str::from_utf8(bytes).unwrap();
    let by_event: Vec<u8> = text
        .split_inclusive("\n\n")
        .flat_map(|event| dialect.replayed(event.as_bytes(), true, "gen-new", 77))
        .collect();
    assert_eq!(by_event, again);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_replayed_answer_differs_in_name_time_and_usage_alone(events in answer(), stream: bool) {
        for dialect in DIALECTS {
            check(dialect, &written(dialect, &events, stream), stream);
        }
    }

    #[test]
    fn what_is_no_answer_is_left_alone(text in "[a-z:{}\"\n ]{0,60}") {
        for dialect in DIALECTS {
            let again = dialect.replayed(text.as_bytes(), true, "gen-new", 77);
            prop_assert_eq!(text.matches('\n').count(), again.iter().filter(|byte| **byte == b'\n').count());
        }
    }
}
