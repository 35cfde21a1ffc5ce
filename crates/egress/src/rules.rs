//! What a URL of a client's or a tenant's may be.

use std::net::IpAddr;

use url::{Host, Origin, Url};

use crate::address;

const PORTS: [u16; 2] = [443, 8_443];
const LONGEST: usize = 8 * 1_024;
/// Last labels of names that are not of the public tree.
const PRIVATE_NAMES: [&str; 10] =
    ["localhost", "local", "localdomain", "internal", "intranet", "private", "corp", "home", "lan", "arpa"];

/// What URLs are checked against.
#[derive(Debug)]
pub struct Rules {
    /// Scheme, host and port that an operator vouches for: no rule holds for them.
    origins: Vec<Origin>,
    /// What else may be called without being vouched for.
    pub ports: Vec<u16>,
    pub is_public: fn(IpAddr) -> bool,
}

/// Why a URL may not be named; its text says what would be right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("it is not a URL")]
    Malformed,
    #[error("it is over {LONGEST} bytes long")]
    Length,
    #[error("it must begin with https://")]
    Scheme,
    #[error("it must not hold a user name or a password")]
    User,
    #[error("its port must be 443 or 8443")]
    Port,
    #[error("its host is not on the public internet")]
    Host,
}

/// What an operator vouches for is no origin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no origin such as `http://127.0.0.1:9000`")]
pub struct MalformedOrigin(pub String);

/// A URL within the rules.
#[derive(Debug)]
pub struct Checked {
    pub url: Url,
    /// Whether an operator vouches for where it leads.
    pub is_vouched: bool,
}

impl Rules {
    /// The usual rules, but for the origins that an operator vouches for.
    ///
    /// # Errors
    /// [`MalformedOrigin`] when a text is more or less than an origin.
    pub fn new(origins: &[String]) -> Result<Self, MalformedOrigin> {
        let origins = origins.iter().map(|text| origin(text)).collect::<Result<_, _>>()?;
        Ok(Self { origins, ports: PORTS.to_vec(), is_public: address::is_public })
    }

    /// What a text names, when it may be called.
    ///
    /// # Errors
    /// [`Refusal`] names the first rule that a URL breaks.
    pub fn check(&self, text: &str) -> Result<Checked, Refusal> {
        if text.len() > LONGEST {
            return Err(Refusal::Length);
        }
        // Others may read these differently from the parser here.
        if text.chars().any(|c| c.is_control() || c.is_whitespace() || c == '\\') {
            return Err(Refusal::Malformed);
        }
        self.check_url(Url::parse(text).map_err(|_| Refusal::Malformed)?)
    }

    /// [`Self::check`] for what is parsed already, such as the place of a redirect.
    ///
    /// # Errors
    /// [`Refusal`] names the first rule that a URL breaks.
    pub fn check_url(&self, url: Url) -> Result<Checked, Refusal> {
        let is_vouched = self.origins.contains(&url.origin());
        if !is_vouched && url.scheme() != "https" {
            return Err(Refusal::Scheme);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Refusal::User);
        }
        if is_vouched {
            return Ok(Checked { url, is_vouched });
        }
        if !url.port_or_known_default().is_some_and(|port| self.ports.contains(&port)) {
            return Err(Refusal::Port);
        }
        let may = match url.host() {
            Some(Host::Domain(name)) => is_public_name(name),
            Some(Host::Ipv4(address)) => (self.is_public)(IpAddr::V4(address)),
            Some(Host::Ipv6(address)) => (self.is_public)(IpAddr::V6(address)),
            None => false,
        };
        if may { Ok(Checked { url, is_vouched }) } else { Err(Refusal::Host) }
    }
}

/// A name of one label, or below a private last one, is looked up in the network around this machine.
fn is_public_name(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    match name.rsplit_once('.') {
        Some((_, last)) => !PRIVATE_NAMES.iter().any(|private| last.eq_ignore_ascii_case(private)),
        None => false,
    }
}

fn origin(text: &str) -> Result<Origin, MalformedOrigin> {
    let url = Url::parse(text).ok().filter(|url| {
        let is_bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        let has_user = !url.username().is_empty() || url.password().is_some();
        matches!(url.scheme(), "http" | "https") && is_bare && !has_user
    });
    url.map(|url| url.origin()).ok_or_else(|| MalformedOrigin(text.to_owned()))
}
