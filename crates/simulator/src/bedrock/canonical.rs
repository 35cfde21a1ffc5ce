//! Signature version 4, from the request as it arrived.

use std::fmt::Write as _;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::hmac;

use crate::payload::Payload;
use crate::prepare::Arrived;

/// How access keys begin whose secret is known.
pub(super) const KNOWN: &str = "AKIASIM";

/// The secret of an access key, where it is known.
pub(super) fn secret(access_key: &str) -> Option<String> {
    access_key.starts_with(KNOWN).then(|| format!("secret-of-{access_key}"))
}

/// The signature in hexadecimal that the request should have. `scope` is day, region, service and end; `time` the
/// value of `x-amz-date`; `headers` the names that are signed.
pub(super) fn sign(arrived: &Arrived, secret: &str, scope: &[&str], time: &str, headers: &[&str]) -> String {
    let request = hex::encode(digest(&SHA256, canonical(arrived, headers).as_bytes()));
    let text = format!("AWS4-HMAC-SHA256\n{time}\n{}\n{request}", scope.join("/"));
    let start = format!("AWS4{secret}").into_bytes();
    let key = scope.iter().fold(start, |key, part| mac(&key, part));
    hex::encode(mac(&key, &text))
}

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes()).as_ref().to_vec()
}

// Writing to a text cannot fail.
fn canonical(arrived: &Arrived, names: &[&str]) -> String {
    let call = &arrived.call;
    let mut query: Vec<&str> = call.query.split('&').filter(|pair| !pair.is_empty()).collect();
    query.sort_unstable();
    let mut text = format!("{}\n{}\n{}\n", call.method, encoded(&call.path), query.join("&"));
    for name in names {
        let values = call.headers.get_all(*name).iter().filter_map(|value| value.to_str().ok());
        let values: Vec<String> =
            values.map(|value| value.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
        let _ = writeln!(text, "{name}:{}", values.join(","));
    }
    let body: &[u8] = if let Payload::Json(bytes) = &arrived.payload { bytes } else { &[] };
    let _ = write!(text, "\n{}\n{}", names.join(";"), hex::encode(digest(&SHA256, body)));
    text
}

/// The path, whose percent signs are encoded once more.
fn encoded(path: &str) -> String {
    let mut text = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"/-._~".contains(&byte) {
            text.push(char::from(byte));
        } else {
            let _ = write!(text, "%{byte:02X}");
        }
    }
    text
}
