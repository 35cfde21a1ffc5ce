//! The names in braces of an endpoint's address: `{region}`, `{location}`, `{project}` and `{resource}`.

use std::borrow::Cow;

use serde_json::{Map, Value};

use super::{Credential, Error};

const NAMES: [&str; 4] = ["region", "location", "project", "resource"];
const LONGEST: usize = 64;
/// Vertex AI's host, which follows no template at its locations of more than one region.
const VERTEX: &str = "{location}-aiplatform.googleapis.com";
/// What a simulated provider is told, where nobody says better.
const SIMULATED: &str = "simulated";

/// What an endpoint and its credential say of where the endpoint is.
pub(crate) struct Places<'a> {
    pub(crate) quirks: &'a Map<String, Value>,
    pub(crate) credential: Option<&'a Credential>,
    pub(crate) simulated: bool,
}

impl Places<'_> {
    /// A template with its names filled in.
    ///
    /// # Errors
    /// [`Error::Unfilled`] when nothing says what a name stands for, [`Error::Place`] when it stands for a text
    /// that might lead elsewhere.
    pub(crate) fn fill<'t>(&self, template: &'t str) -> Result<Cow<'t, str>, Error> {
        let mut filled = Cow::Borrowed(template);
        if !template.contains('{') {
            return Ok(filled);
        }
        if filled.contains(VERTEX) {
            let host = vertex_host(self.need("location")?);
            filled = Cow::Owned(filled.replace(VERTEX, &host));
        }
        for name in NAMES {
            let braced = format!("{{{name}}}");
            if filled.contains(&braced) {
                filled = Cow::Owned(filled.replace(&braced, self.need(name)?));
            }
        }
        Ok(filled)
    }

    /// The region that requests to `host` are signed for; a host of Amazon's names it itself.
    ///
    /// # Errors
    /// [`Error::Place`] as [`Self::fill`].
    pub(crate) fn region<'h>(&'h self, host: &'h str) -> Result<Option<&'h str>, Error> {
        let of_amazon = [".amazonaws.com", ".amazonaws.com.cn", ".api.aws"];
        let named = of_amazon.iter().any(|end| host.ends_with(end)).then(|| host.split('.').nth(1)).flatten();
        match self.value("region")? {
            Some(region) => Ok(Some(region)),
            None => Ok(named.or(self.simulated.then_some(SIMULATED))),
        }
    }

    fn need(&self, name: &'static str) -> Result<&str, Error> {
        match self.value(name)? {
            Some(value) => Ok(value),
            None if self.simulated => Ok(SIMULATED),
            None => Err(Error::Unfilled(name)),
        }
    }

    /// The endpoint's own word counts before its credential's.
    fn value(&self, name: &'static str) -> Result<Option<&str>, Error> {
        let quirk = match self.quirks.get(name) {
            None | Some(Value::Null) => None,
            Some(Value::String(text)) => Some(text.as_str()),
            Some(_) => return Err(Error::Place(name)),
        };
        match quirk.or_else(|| self.of_credential(name)) {
            Some(value) if is_place(value) => Ok(Some(value)),
            Some(_) => Err(Error::Place(name)),
            None => Ok(None),
        }
    }

    fn of_credential(&self, name: &str) -> Option<&str> {
        let members = &self.credential?.members;
        match name {
            "region" => members.region.as_deref(),
            // Accounts of Vertex AI are often written down with a region.
            "location" => members.location.as_deref().or(members.region.as_deref()),
            "project" => members.project.as_deref().or(members.project_id.as_deref()),
            "resource" => members.resource.as_deref(),
            _ => None,
        }
    }
}

fn vertex_host(location: &str) -> String {
    match location {
        "global" => "aiplatform.googleapis.com".to_owned(),
        "us" | "eu" => format!("aiplatform.{location}.rep.googleapis.com"),
        region => format!("{region}-aiplatform.googleapis.com"),
    }
}

fn is_place(value: &str) -> bool {
    (1..=LONGEST).contains(&value.len())
        && value.bytes().all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
}
