//! How a destination is reached: texts by their names, as the public API has them for each kind.

use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Map, Value};

use super::send::{is_header, is_own_header};

/// Characters of a text.
const LONGEST: usize = 4_096;
const MOST_HEADERS: usize = 20;
const MASKED: &str = "********";

/// What a destination speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Langfuse,
    OtelCollector,
    S3,
    Webhook,
}

impl Kind {
    pub(crate) const ALL: [Self; 4] = [Self::Langfuse, Self::OtelCollector, Self::S3, Self::Webhook];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Langfuse => "langfuse",
            Self::OtelCollector => "otel-collector",
            Self::S3 => "s3",
            Self::Webhook => "webhook",
        }
    }

    pub(crate) fn named(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text)
    }

    /// What its configuration is sealed as.
    pub(crate) const fn sealed_as(self) -> &'static str {
        match self {
            Self::Langfuse => "destination:langfuse",
            Self::OtelCollector => "destination:otel-collector",
            Self::S3 => "destination:s3",
            Self::Webhook => "destination:webhook",
        }
    }

    /// The member that names where it is, if one does.
    pub(crate) const fn address(self) -> &'static str {
        match self {
            Self::Langfuse => "baseUrl",
            Self::OtelCollector | Self::S3 => "endpoint",
            Self::Webhook => "url",
        }
    }

    /// Its texts. `headers` are every kind's.
    const fn members(self) -> &'static [Member] {
        match self {
            Self::Langfuse => &LANGFUSE,
            Self::OtelCollector => &COLLECTOR,
            Self::S3 => &S3,
            Self::Webhook => &WEBHOOK,
        }
    }
}

const LANGFUSE: [Member; 3] = [
    Member::open("baseUrl", Need::Default("https://us.cloud.langfuse.com")),
    Member::secret("publicKey", Need::Always),
    Member::secret("secretKey", Need::Always),
];

const COLLECTOR: [Member; 1] = [Member::open("endpoint", Need::Always)];

const S3: [Member; 8] = [
    Member::open("bucketName", Need::Always),
    Member::open("endpoint", Need::Never),
    Member::open("pathTemplate", Need::Default("{prefix}/{date}")),
    Member::open("prefix", Need::Default("openrouter-traces")),
    Member::open("region", Need::Never),
    Member::secret("accessKeyId", Need::Always),
    Member::secret("secretAccessKey", Need::Always),
    Member::secret("sessionToken", Need::Never),
];

const WEBHOOK: [Member; 2] =
    [Member::open("url", Need::Always), Member::open("method", Need::Default("POST"))];

#[derive(Clone, Copy)]
enum Need {
    Always,
    Default(&'static str),
    Never,
}

#[derive(Clone, Copy)]
struct Member {
    name: &'static str,
    need: Need,
    is_secret: bool,
}

impl Member {
    const fn open(name: &'static str, need: Need) -> Self {
        Self { name, need, is_secret: false }
    }

    const fn secret(name: &'static str, need: Need) -> Self {
        Self { name, need, is_secret: true }
    }
}

/// A configuration with its secrets. Has no `Debug`.
#[derive(Clone, PartialEq)]
pub(crate) struct Configuration {
    kind: Kind,
    members: Map<String, Value>,
}

impl Configuration {
    pub(crate) fn new(kind: Kind, sent: Map<String, Value>) -> Result<Self, String> {
        Self { kind, members: Map::new() }.changed(sent)
    }

    /// What [`Self::to_text`] wrote.
    pub(crate) fn open(kind: Kind, text: &SecretString) -> Option<Self> {
        Some(Self { kind, members: serde_json::from_str(text.expose_secret()).ok()? })
    }

    /// To be sealed.
    pub(crate) fn to_text(&self) -> SecretString {
        Value::Object(self.members.clone()).to_string().into()
    }

    pub(crate) const fn kind(&self) -> Kind {
        self.kind
    }

    /// A text of the configuration; empty where there is none.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.members.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    pub(crate) fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        let headers = self.members.get("headers").and_then(Value::as_object);
        headers.into_iter().flatten().filter_map(|(name, value)| Some((name.as_str(), value.as_str()?)))
    }

    /// The configuration with what was sent written over it. Null takes a member away; a secret as it is shown leaves
    /// it as it is.
    ///
    /// # Errors
    /// What is wrong, without a part of a secret.
    pub(crate) fn changed(&self, sent: Map<String, Value>) -> Result<Self, String> {
        let (kind, mut members) = (self.kind, self.members.clone());
        for (name, value) in sent {
            if name == "headers" {
                self.change_headers(&mut members, value)?;
                continue;
            }
            let Some(member) = kind.members().iter().find(|member| member.name == name) else {
                let known: Vec<&str> = kind.members().iter().map(|member| member.name).collect();
                let (kind, known) = (kind.as_str(), known.join(", "));
                return Err(format!("config: {kind} takes {known} and headers; one name is none of them"));
            };
            match value {
                Value::Null => drop(members.remove(member.name)),
                Value::String(text) if member.is_secret && self.is_as_shown(member.name, &text) => {}
                Value::String(text) if text.trim().is_empty() && !matches!(member.need, Need::Always) => {
                    drop(members.remove(member.name));
                }
                Value::String(text) if is_text(text.trim()) => {
                    drop(members.insert(member.name.to_owned(), text.trim().into()));
                }
                _ => return Err(format!("config.{}: use a text of 1 to {LONGEST} characters", member.name)),
            }
        }
        for member in kind.members() {
            match member.need {
                _ if members.contains_key(member.name) => {}
                Need::Always => return Err(format!("config.{}: {} needs it", member.name, kind.as_str())),
                Need::Default(text) => drop(members.insert(member.name.to_owned(), text.into())),
                Need::Never => {}
            }
        }
        let changed = Self { kind, members };
        changed.check()?;
        Ok(changed)
    }

    fn change_headers(&self, members: &mut Map<String, Value>, sent: Value) -> Result<(), String> {
        let wrong = || format!("config.headers: use an object of at most {MOST_HEADERS} texts");
        let sent = match sent {
            Value::Null => Map::new(),
            Value::Object(sent) if sent.len() <= MOST_HEADERS => sent,
            _ => return Err(wrong()),
        };
        let mut headers = Map::new();
        for (name, value) in sent {
            let Value::String(text) = value else { return Err(wrong()) };
            let before = self.headers().find(|(known, _)| *known == name).map(|(_, text)| text);
            let text = match before {
                Some(before) if mask(before) == text => before.to_owned(),
                _ => text,
            };
            if is_own_header(&name) {
                return Err("config.headers: one of them is not yours to set".to_owned());
            }
            if !is_header(&name, &text) || text.len() > LONGEST {
                return Err("config.headers: one of them is malformed".to_owned());
            }
            drop(headers.insert(name, text.into()));
        }
        if headers.is_empty() {
            drop(members.remove("headers"));
        } else {
            drop(members.insert("headers".to_owned(), headers.into()));
        }
        Ok(())
    }

    fn is_as_shown(&self, name: &str, text: &str) -> bool {
        let before = self.text(name);
        !before.is_empty() && mask(before) == text
    }

    fn check(&self) -> Result<(), String> {
        if self.kind == Kind::Webhook && !matches!(self.text("method"), "POST" | "PUT") {
            return Err("config.method: use POST or PUT".to_owned());
        }
        let bucket = self.text("bucketName");
        let is_named = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.');
        if self.kind == Kind::S3
            && !((3..=63).contains(&bucket.len()) && bucket.bytes().all(is_named) && !bucket.contains(".."))
        {
            return Err("config.bucketName: use 3 to 63 of a-z, 0-9, `-` and `.`".to_owned());
        }
        let region = self.text("region");
        if !region.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-')) {
            return Err("config.region: use a-z, 0-9 and `-`".to_owned());
        }
        let keys = ["accessKeyId", "secretAccessKey", "sessionToken", "publicKey", "secretKey"];
        match keys.into_iter().find(|name| !self.text(name).bytes().all(|byte| byte.is_ascii_graphic())) {
            Some(name) => Err(format!("config.{name}: use visible ASCII characters")),
            None => Ok(()),
        }
    }

    /// The configuration as it may be shown.
    pub(crate) fn shown(&self) -> Value {
        let mut shown = self.members.clone();
        for member in self.kind.members().iter().filter(|member| member.is_secret) {
            if let Some(Value::String(text)) = shown.get_mut(member.name) {
                *text = mask(text);
            }
        }
        if let Some(Value::Object(headers)) = shown.get_mut("headers") {
            for value in headers.values_mut() {
                *value = mask(value.as_str().unwrap_or_default()).into();
            }
        }
        shown.into()
    }
}

fn is_text(text: &str) -> bool {
    !text.is_empty() && text.chars().count() <= LONGEST && !text.chars().any(char::is_control)
}

/// A secret's first and last characters, where it is long enough for that to say nothing.
fn mask(secret: &str) -> String {
    let all: Vec<char> = secret.chars().collect();
    if all.len() < 24 {
        return MASKED.to_owned();
    }
    let (first, rest) = all.split_at(4);
    let last = rest.get(rest.len() - 4..).unwrap_or_default();
    format!("{}...{}", first.iter().collect::<String>(), last.iter().collect::<String>())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn map(value: Value) -> Map<String, Value> {
        serde_json::from_value(value).unwrap()
    }

    fn read(kind: Kind, value: Value) -> Result<Configuration, String> {
        Configuration::new(kind, map(value))
    }

    #[test]
    fn secrets_are_masked_and_a_mask_that_is_sent_back_changes_nothing() {
        let secret = "sk-lf-0123456789-0123456789-AbCd";
        let sent = json!({ "publicKey": "pk", "secretKey": secret, "headers": { "X-A": secret } });
        let made = read(Kind::Langfuse, sent).unwrap();
        let shown = made.shown();
        assert_eq!(
            shown,
            json!({ "baseUrl": "https://us.cloud.langfuse.com", "publicKey": "********",
                    "secretKey": "sk-l...AbCd", "headers": { "X-A": "sk-l...AbCd" } })
        );
        assert!(made.changed(map(shown)).unwrap() == made);
        let changed = made.changed(map(json!({ "secretKey": "other", "headers": null }))).unwrap();
        assert_eq!((changed.text("secretKey"), changed.headers().count()), ("other", 0));
        assert!(Configuration::open(Kind::Langfuse, &made.to_text()).unwrap() == made);
    }

    #[test]
    fn what_is_wrong_is_named_without_secrets() {
        for (kind, config, part) in [
            (Kind::Webhook, json!({}), "config.url"),
            (Kind::Webhook, json!({ "url": "https://a.b", "method": "GET" }), "config.method"),
            (Kind::Webhook, json!({ "url": 7 }), "config.url"),
            (Kind::Webhook, json!({ "url": "https://a.b", "secret": "s" }), "url, method and headers"),
            (Kind::OtelCollector, json!({ "endpoint": "https://a.b", "headers": { "Host": "x" } }), "yours"),
            (
                Kind::OtelCollector,
                json!({ "endpoint": "https://a.b", "headers": { "a b": "x" } }),
                "malformed",
            ),
            (Kind::Langfuse, json!({ "publicKey": "p", "secretKey": "s\u{e4}" }), "config.secretKey"),
            (
                Kind::S3,
                json!({ "bucketName": "A", "accessKeyId": "a", "secretAccessKey": "s" }),
                "bucketName",
            ),
        ] {
            let error = read(kind, config.clone()).err().unwrap();
            assert!(error.contains(part), "{config}: {error}");
        }
    }
}
