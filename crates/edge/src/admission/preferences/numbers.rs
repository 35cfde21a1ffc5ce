//! Members of the preferences that are numbers, checked for their shape.

use dialect::error::BadRequest;
use serde_json::Value;

use super::must;

/// What may have a price: tokens by the million, the rest by the piece.
const PRICED: [&str; 5] = ["prompt", "completion", "request", "image", "audio"];
const PERCENTILES: [&str; 4] = ["p50", "p75", "p90", "p99"];

/// Caps on prices in USD, as numbers or as text.
///
/// # Errors
/// [`BadRequest`] naming the cap that is wrong.
pub(super) fn max_price(sent: Option<&Value>) -> Result<(), BadRequest> {
    let caps = match sent {
        None | Some(Value::Null) => return Ok(()),
        Some(Value::Object(caps)) => caps,
        Some(_) => return Err(must("max_price", &format!("be an object of {}", PRICED.join(", ")))),
    };
    for (name, cap) in caps {
        if !PRICED.contains(&name.as_str()) {
            return Err(must("max_price", &format!("have no `{name}`, but {}", PRICED.join(", "))));
        }
        let is_price = match cap {
            Value::Null => true,
            Value::Number(_) => is_amount(cap.as_f64()),
            Value::String(text) => is_amount(text.parse().ok()),
            _ => false,
        };
        if !is_price {
            return Err(must(&format!("max_price.{name}"), "be a number of at least 0, or one as text"));
        }
    }
    Ok(())
}

/// A number, or numbers by percentile.
///
/// # Errors
/// [`BadRequest`] naming the number that is wrong.
pub(super) fn threshold(member: &str, sent: Option<&Value>) -> Result<(), BadRequest> {
    match sent {
        None | Some(Value::Null) => Ok(()),
        Some(number @ Value::Number(_)) if is_amount(number.as_f64()) => Ok(()),
        Some(Value::Object(percentiles)) => {
            for (name, value) in percentiles {
                if !PERCENTILES.contains(&name.as_str()) {
                    return Err(must(member, &format!("have no `{name}`, but {}", PERCENTILES.join(", "))));
                }
                if !value.is_null() && !is_amount(value.as_f64()) {
                    return Err(must(&format!("{member}.{name}"), "be a number of at least 0"));
                }
            }
            Ok(())
        }
        Some(_) => {
            let shape = format!("be a number of at least 0, or an object of {}", PERCENTILES.join(", "));
            Err(must(member, &shape))
        }
    }
}

fn is_amount(number: Option<f64>) -> bool {
    number.is_some_and(|number| number.is_finite() && number >= 0.0)
}
