//! Objects in buckets that speak S3: where they lie, and requests signed as version 4 of Amazon's signatures has it.

use std::time::SystemTime;

use aws_credential_types::Credentials;
use aws_sigv4::http_request::{
    PayloadChecksumKind, PercentEncodingMode, SignableBody, SignableRequest, SigningSettings,
    UriPathNormalizationMode, sign as sign_request,
};
use aws_sigv4::sign::v4;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::Request;

use super::Configuration;
use super::send::Fault;

const REGION: &str = "us-east-1";

/// Of a name's bytes, what goes into a path as it is.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte)
}

fn region(configuration: &Configuration) -> &str {
    match configuration.text("region") {
        "" => REGION,
        region => region,
    }
}

/// An object's name: the template with its variables filled in, then the trace and the time.
pub(super) fn name(
    configuration: &Configuration,
    (trace_id, key_name): (&str, &str),
    at: DateTime<Utc>,
) -> String {
    // A name of somebody's must not lead elsewhere.
    let key_name = key_name.replace(['/', '\\'], "_");
    let folder = configuration
        .text("pathTemplate")
        .replace("{prefix}", configuration.text("prefix"))
        .replace("{date}", &at.format("%Y-%m-%d").to_string())
        .replace("{year}", &at.format("%Y").to_string())
        .replace("{month}", &at.format("%m").to_string())
        .replace("{day}", &at.format("%d").to_string())
        .replace("{apiKeyName}", &key_name);
    let pieces = folder.split('/').filter(|piece| !matches!(*piece, "" | "." | ".."));
    let file = format!("{trace_id}-{}.json", at.timestamp_millis());
    pieces.chain([file.as_str()]).collect::<Vec<_>>().join("/")
}

/// Where an object is put: below the endpoint that is configured, else at Amazon's.
pub(super) fn url(configuration: &Configuration, name: &str) -> String {
    let (bucket, region) = (configuration.text("bucketName"), region(configuration));
    let base = match configuration.text("endpoint") {
        // A certificate of `*.s3...` covers one label.
        "" if bucket.contains('.') => format!("https://s3.{region}.amazonaws.com/{bucket}"),
        "" => format!("https://{bucket}.s3.{region}.amazonaws.com"),
        endpoint => format!("{}/{bucket}", endpoint.trim_end_matches('/')),
    };
    let mut path = String::new();
    for piece in name.split('/') {
        path.push('/');
        for byte in piece.bytes() {
            if is_plain(byte) {
                path.push(char::from(byte));
            } else {
                path.push('%');
                path.push_str(&hex::encode_upper([byte]));
            }
        }
    }
    base + &path
}

/// Signs a request with all its headers.
///
/// # Errors
/// [`Fault::Signature`].
pub(super) fn sign(
    request: &mut Request<Bytes>,
    configuration: &Configuration,
    time: SystemTime,
) -> Result<(), Fault> {
    let token = Some(configuration.text("sessionToken").to_owned()).filter(|token| !token.is_empty());
    let (id, secret) = (configuration.text("accessKeyId"), configuration.text("secretAccessKey"));
    let identity = Credentials::new(id, secret, token, None, "patchbay").into();
    let mut settings = SigningSettings::default();
    settings.percent_encoding_mode = PercentEncodingMode::Single;
    settings.payload_checksum_kind = PayloadChecksumKind::XAmzSha256;
    settings.uri_path_normalization_mode = UriPathNormalizationMode::Disabled;
    let parameters = v4::SigningParams::builder()
        .identity(&identity)
        .region(region(configuration))
        .name("s3")
        .time(time)
        .settings(settings)
        .build()
        .map_err(|_| Fault::Signature)?
        .into();
    let uri = request.uri().to_string();
    let headers = request.headers().iter().map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
    let headers: Vec<(&str, &str)> = headers.collect::<Option<_>>().ok_or(Fault::Signature)?;
    let body = SignableBody::Bytes(request.body());
    let signable = SignableRequest::new(request.method().as_str(), &uri, headers.into_iter(), body)
        .map_err(|_| Fault::Signature)?;
    let (instructions, _) = sign_request(signable, &parameters).map_err(|_| Fault::Signature)?.into_parts();
    instructions.apply_to_request_http1x(request);
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value, json};

    use super::super::Kind;
    use super::*;

    fn bucket(more: &Value) -> Configuration {
        let mut config = json!({ "bucketName": "traces", "accessKeyId": "AKIDEXAMPLE",
            "secretAccessKey": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY" });
        for (name, value) in more.as_object().unwrap() {
            config[name] = value.clone();
        }
        let config: Map<String, Value> = serde_json::from_value(config).unwrap();
        Configuration::new(Kind::S3, config).unwrap()
    }

    #[test]
    fn objects_lie_where_the_template_says_and_never_elsewhere() {
        let at = DateTime::from_timestamp_millis(1_767_225_600_000).unwrap();
        let usual = bucket(&json!({}));
        let named = name(&usual, ("ab", "key"), at);
        assert_eq!(named, "openrouter-traces/2026-01-01/ab-1767225600000.json");
        assert_eq!(url(&usual, &named), format!("https://traces.s3.us-east-1.amazonaws.com/{named}"));
        let own = bucket(&json!({ "endpoint": "https://minio.example.com/", "prefix": "../a b",
            "pathTemplate": "{prefix}/{year}/{month}/{day}/{apiKeyName}" }));
        let named = name(&own, ("ab", "../k"), at);
        assert_eq!(named, "a b/2026/01/01/.._k/ab-1767225600000.json");
        let wanted =
            "https://minio.example.com/traces/a%20b/2026/01/01/.._k/ab-1767225600000.json".to_owned();
        assert_eq!(url(&own, &named), wanted);
        let dotted = bucket(&json!({ "bucketName": "a.b.c", "region": "eu-west-1" }));
        assert_eq!(url(&dotted, "x"), "https://s3.eu-west-1.amazonaws.com/a.b.c/x");
    }

    #[test]
    fn a_signature_names_its_scope_and_the_hash_of_the_body() {
        let config = bucket(&json!({ "sessionToken": "lent", "region": "eu-west-1" }));
        let mut request = Request::put(url(&config, "x")).body(Bytes::from_static(b"{}")).unwrap();
        sign(&mut request, &config, SystemTime::UNIX_EPOCH).unwrap();
        let header = |name: &str| request.headers()[name].to_str().unwrap().to_owned();
        assert!(header("authorization").contains("AKIDEXAMPLE/19700101/eu-west-1/s3/aws4_request"));
        assert_eq!(
            header("x-amz-content-sha256"),
            "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
        );
        assert_eq!(header("x-amz-security-token"), "lent");
    }
}
