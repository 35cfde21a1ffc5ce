use std::time::{Duration, SystemTime};

use aws_lc_rs::{digest, hmac};
use bytes::Bytes;
use http::Request;
use secrecy::SecretString;

use super::super::Error;
use super::super::aws::{Keys, Scope, sign};

const ID: &str = "AKIDEXAMPLE";
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY";
/// 2015-08-30 12:36:00 UTC, the moment of Amazon's published examples.
const MOMENT: u64 = 1_440_938_160;

async fn signed(
    mut request: Request<Bytes>,
    service: &str,
    token: Option<&str>,
) -> Result<Request<Bytes>, Error> {
    let (id, secret) = (SecretString::from(ID), SecretString::from(SECRET));
    let token = token.map(SecretString::from);
    let keys = Keys { access_key_id: &id, secret_access_key: &secret, session_token: token.as_ref() };
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(MOMENT);
    sign(&mut request, &keys, Scope { service, region: "us-east-1", time }).await?;
    Ok(request)
}

#[tokio::test]
async fn amazons_published_examples_get_their_published_signatures() {
    for (method, signature) in [
        ("GET", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
        ("POST", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
    ] {
        let request = Request::builder().method(method).uri("https://example.amazonaws.com/");
        let request = signed(request.body(Bytes::new()).unwrap(), "service", None).await.unwrap();
        assert_eq!(request.headers()["x-amz-date"], "20150830T123600Z");
        let expected = format!(
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, \
             SignedHeaders=host;x-amz-date, Signature={signature}"
        );
        assert_eq!(request.headers()["authorization"], expected);
    }
}

#[tokio::test]
async fn the_path_is_encoded_once_more_for_the_signature() {
    let body = r#"{"messages":[]}"#;
    let request = Request::post(
        "https://bedrock-runtime.us-east-1.amazonaws.com/model/anthropic.claude-v2%3A1/converse",
    )
    .header("content-type", "application/json")
    .body(Bytes::from_static(body.as_bytes()))
    .unwrap();
    let request = signed(request, "bedrock", Some("token")).await.unwrap();
    assert_eq!(request.headers()["x-amz-security-token"], "token");
    let names = "content-type;host;x-amz-date;x-amz-security-token";
    let canonical = format!(
        "POST\n/model/anthropic.claude-v2%253A1/converse\n\ncontent-type:application/json\n\
         host:bedrock-runtime.us-east-1.amazonaws.com\nx-amz-date:20150830T123600Z\n\
         x-amz-security-token:token\n\n{names}\n{}",
        sha256(body)
    );
    let scope = "20150830/us-east-1/bedrock/aws4_request";
    let string = format!("AWS4-HMAC-SHA256\n20150830T123600Z\n{scope}\n{}", sha256(&canonical));
    let key = ["20150830", "us-east-1", "bedrock", "aws4_request", string.as_str()]
        .into_iter()
        .fold(format!("AWS4{SECRET}").into_bytes(), |key, part| hmac(&key, part));
    let expected =
        format!("AWS4-HMAC-SHA256 Credential={ID}/{scope}, SignedHeaders={names}, Signature={}", hex(&key));
    assert_eq!(request.headers()["authorization"], expected);
}

#[tokio::test]
async fn what_cannot_be_signed_is_refused() {
    let request = |uri: &str| Request::post(uri).body(Bytes::new()).unwrap();
    let token = signed(request("https://h.example/"), "bedrock", Some("to\nken")).await;
    assert!(matches!(token.unwrap_err(), Error::Header));
    let relative = signed(request("/model/m/converse"), "bedrock", None).await;
    assert!(matches!(relative.unwrap_err(), Error::Signature(_)));
}

#[tokio::test]
async fn a_long_body_is_signed_like_a_short_one() {
    let body = Bytes::from(vec![b'a'; 1_000_000]);
    let request = || Request::post("https://example.amazonaws.com/").body(body.clone()).unwrap();
    let (one, two) =
        (signed(request(), "s", None).await.unwrap(), signed(request(), "s", None).await.unwrap());
    assert_eq!(one.headers()["authorization"], two.headers()["authorization"]);
    let empty = Request::post("https://example.amazonaws.com/").body(Bytes::new()).unwrap();
    let empty = signed(empty, "s", None).await.unwrap();
    assert_ne!(one.headers()["authorization"], empty.headers()["authorization"]);
}

fn hmac(key: &[u8], text: &str) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes()).as_ref().to_vec()
}

fn sha256(text: &str) -> String {
    hex(digest::digest(&digest::SHA256, text.as_bytes()).as_ref())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
