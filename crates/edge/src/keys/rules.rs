//! What may be said of a key.

use std::net::IpAddr;
use std::time::Duration;

use chrono::{DateTime, FixedOffset, Utc};
use identity::KeyKind;
use ipnet::{IpNet, Ipv4Net};
use pricing::Amount;
use serde::Deserialize;
use utoipa::ToSchema;

use super::Error;
use crate::limits::Ceilings;
use crate::text;

/// How long a key's former secret may stay in force.
pub(crate) const MAX_OVERLAP: Duration = Duration::from_secs(7 * 86_400);

const MAX_NAME: usize = 200;
const MAX_ADDRESSES: usize = 100;
/// As billing has it.
const MAX_LIMIT: Amount = Amount::from_nanos(i64::MAX / 4);

/// What a key is for.
#[derive(Debug, Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Kind {
    #[default]
    Inference,
    Management,
}

impl From<Kind> for KeyKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Inference => Self::Inference,
            Kind::Management => Self::Management,
        }
    }
}

/// When a key's limit begins anew: at UTC midnight, on Monday, or on the first.
#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Reset {
    Daily,
    Weekly,
    Monthly,
}

impl Reset {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Daily => "daily",
            Self::Weekly => "weekly",
            Self::Monthly => "monthly",
        }
    }

    pub(crate) fn named(text: &str) -> Option<Self> {
        [Self::Daily, Self::Weekly, Self::Monthly].into_iter().find(|reset| reset.as_str() == text)
    }
}

fn invalid(message: impl Into<String>) -> Error {
    Error::Invalid(message.into())
}

pub(super) fn name(name: &str) -> Result<(), Error> {
    text::line("name", name, MAX_NAME).map_err(|bad| invalid(bad.to_string()))
}

/// A limit in USD, as it is written.
pub(crate) fn limit(text: &str) -> Result<Amount, Error> {
    let amount: Option<Amount> = text.parse().ok();
    amount.filter(|amount| (Amount::ZERO..=MAX_LIMIT).contains(amount)).ok_or_else(|| {
        invalid(format!("limit: `{text}` is no amount: use USD with up to nine decimals, such as 12.5"))
    })
}

/// Limits of requests, tokens and concurrency, each from 1.
pub(crate) fn ceilings(ceilings: Ceilings) -> Result<Ceilings, Error> {
    let named = [
        ("rate_limit_rpm", ceilings.requests_per_minute),
        ("rate_limit_tpm", ceilings.tokens_per_minute),
        ("max_concurrent", ceilings.concurrent),
    ];
    let is_wrong = |limit: u32| limit == 0 || i32::try_from(limit).is_err();
    match named.iter().find(|(_, limit)| limit.is_some_and(is_wrong)) {
        Some((name, _)) => Err(invalid(format!("{name}: use a number from 1 to {}, or null", i32::MAX))),
        None => Ok(ceilings),
    }
}

/// A time in UTC that is still to come. Other zones are refused.
pub(crate) fn expiry(text: &str) -> Result<DateTime<Utc>, Error> {
    let time: Option<DateTime<FixedOffset>> = DateTime::parse_from_rfc3339(text).ok();
    let time = time
        .filter(|time| time.offset().local_minus_utc() == 0)
        .map(|time| time.to_utc())
        .ok_or_else(|| invalid("expires_at: use RFC 3339 in UTC, such as 2127-12-31T23:59:59Z"))?;
    if time <= Utc::now() {
        return Err(invalid(format!("expires_at: `{text}` has passed: use a time to come, or leave it out")));
    }
    Ok(time)
}

/// Addresses and networks, each in its shortest form.
pub(crate) fn addresses(texts: &[String]) -> Result<Vec<IpNet>, Error> {
    if texts.is_empty() || texts.len() > MAX_ADDRESSES {
        return Err(invalid(format!(
            "allowed_ips: use 1 to {MAX_ADDRESSES} addresses or networks, or null for any"
        )));
    }
    let mut networks: Vec<IpNet> = texts.iter().map(|text| network(text)).collect::<Result<_, _>>()?;
    networks.sort_unstable();
    networks.dedup();
    Ok(networks)
}

fn network(text: &str) -> Result<IpNet, Error> {
    let network: Option<IpNet> = text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from));
    let network = network.ok_or_else(|| {
        invalid(format!("allowed_ips: `{text}` is neither an address nor a network such as 203.0.113.0/24"))
    })?;
    Ok(canonical(network).trunc())
}

/// IPv4 as IPv4, however it is written: so are the addresses that it is held against.
fn canonical(network: IpNet) -> IpNet {
    match network {
        IpNet::V6(six) if six.prefix_len() >= 96 => {
            let four = six.addr().to_ipv4_mapped();
            let four = four.and_then(|four| Ipv4Net::new(four, six.prefix_len() - 96).ok());
            four.map_or(network, IpNet::V4)
        }
        IpNet::V4(_) | IpNet::V6(_) => network,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_taken_as_they_are_written() {
        for (text, nanos) in [("0", 0), ("12.5", 12_500_000_000), ("0.000000001", 1), ("1e-9", 1)] {
            assert_eq!(limit(text).map(Amount::nanos).ok(), Some(nanos), "{text}");
        }
        for text in ["", "-1", "0.0000000001", "NaN", "2400000000", "1e300"] {
            assert!(limit(text).is_err(), "{text}");
        }
    }

    #[test]
    fn keys_expire_in_utc_and_later_than_now() {
        assert!(expiry("2127-12-31T23:59:59Z").is_ok() && expiry("2127-12-31T23:59:59+00:00").is_ok());
        assert!(expiry("2020-01-01T00:00:00Z").unwrap_err().to_string().contains("has passed"));
        for text in ["2127-12-31T23:59:59+01:00", "2127-12-31", "tomorrow", ""] {
            assert!(expiry(text).is_err(), "{text}");
        }
    }

    #[test]
    fn addresses_are_kept_in_their_shortest_form() {
        let kept = |texts: &[&str]| {
            let texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
            addresses(&texts).map(|all| all.iter().map(ToString::to_string).collect::<Vec<_>>()).ok()
        };
        let shortest = ["10.0.0.0/8", "192.0.2.7/32", "2001:db8::/32", "::1/128"];
        let written = ["192.0.2.7", "2001:db8:1::/32", "10.1.2.3/8", "::ffff:10.0.0.0/104", "::1"];
        let mut found = kept(&written).unwrap();
        found.sort_unstable();
        assert_eq!(found, shortest);
        for wrong in ["", "example.com", "10.0.0.0/33", "10.0.0.1:80"] {
            assert_eq!(kept(&[wrong]), None, "{wrong}");
        }
        assert_eq!(kept(&[]), None);
        assert_eq!(kept(&["10.0.0.1"; 101]), None);
    }
}
