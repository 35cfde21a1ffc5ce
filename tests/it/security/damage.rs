//! What is done to a good body: to its values, then to its bytes.

use serde_json::{Value, json};

use crate::drills::chance::Chance;

/// What stands in a value's place.
const STRANGERS: usize = 22;

fn stranger(chance: &mut Chance) -> Value {
    match chance.within(0, STRANGERS as u64) {
        0 => Value::Null,
        1 => json!(true),
        2 => json!(-1),
        3 => json!(0),
        4 => json!(i64::MAX),
        5 => json!(i64::MIN),
        6 => json!(u64::MAX),
        7 => json!(1e308),
        8 => json!(-0.000_000_000_000_1),
        9 => json!(""),
        // No text of PostgreSQL holds this one.
        10 => json!("a\u{0}b"),
        11 => json!("x".repeat(70_000)),
        12 => json!("\u{202e}\u{feff}\u{1f4a5}"),
        13 => json!([]),
        14 => json!({}),
        15 => json!(vec![json!("x"); 3_000]),
        16 => nested(60),
        17 => json!("99999999999999999999999999999999999999.999999999999"),
        18 => json!("9999-12-31T23:59:59.999999999Z"),
        19 => json!("-infinity"),
        20 => json!("../../../../etc/passwd"),
        _ => json!("$2\r\nx-injected: 1\r\n\r\n"),
    }
}

fn nested(depth: usize) -> Value {
    (0..depth).fold(json!(1), |inner, _| json!([inner]))
}

/// How many values there are in a value, itself included.
fn count(value: &Value) -> u64 {
    match value {
        Value::Array(all) => 1 + all.iter().map(count).sum::<u64>(),
        Value::Object(all) => 1 + all.values().map(count).sum::<u64>(),
        _ => 1,
    }
}

/// Puts `new` in the place of the value that is number `at`.
fn put(value: &mut Value, at: &mut u64, new: &Value) {
    if *at == 0 {
        value.clone_from(new);
    }
    *at = at.wrapping_sub(1);
    match value {
        Value::Array(all) if *at != u64::MAX => all.iter_mut().for_each(|one| put(one, at, new)),
        Value::Object(all) if *at != u64::MAX => all.values_mut().for_each(|one| put(one, at, new)),
        _ => {}
    }
}

/// A body that is wrong somewhere, or, now and then, strange but right.
pub(super) fn damaged(mut body: Value, chance: &mut Chance) -> Vec<u8> {
    for _ in 0..chance.within(0, 3) {
        let mut at = chance.within(0, count(&body));
        let new = stranger(chance);
        put(&mut body, &mut at, &new);
    }
    let mut bytes = body.to_string().into_bytes();
    let place = usize::try_from(chance.within(0, bytes.len().max(1) as u64)).unwrap_or(0);
    match chance.within(0, 14) {
        0 => bytes.truncate(place),
        1 => bytes[place] ^= 0x80,
        2 => bytes[place] = u8::try_from(chance.within(0, 256)).unwrap_or(0),
        3 => bytes.extend_from_slice(b"}{"),
        4 => drop(bytes.splice(0..0, *b"\xef\xbb\xbf")),
        5 => bytes = br#"{"model":"\ud800","name":"\udfff","slug":"\ud800\ud800"}"#.to_vec(),
        6 => bytes = format!(r#"{{"name":{}1{}}}"#, "[".repeat(5_000), "]".repeat(5_000)).into_bytes(),
        7 => bytes = bytes.repeat(2),
        8 => bytes = String::from_utf8_lossy(&bytes).replace(":1", ":1e999").into_bytes(),
        _ => {}
    }
    bytes
}
