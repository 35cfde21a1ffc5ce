//! The catalogue that decisions are made from, as tables: compressed JSON, without credentials.

use std::io::{self, Read as _};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use identity::PriceVersionId;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::catalogue::{Catalogue, Endpoint, Offer, book_out};
use crate::store::rows::{Credential, Price, Tables};

/// What ids of snapshots follow from.
const NAMESPACE: Uuid = Uuid::from_u128(0x7061_7463_6862_6179_2074_6162_6c65_732e);
/// No catalogue comes near it.
const LARGEST: u64 = 1 << 28;

/// A catalogue as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Snapshot {
    /// Follows from the content.
    pub(crate) id: Uuid,
    pub(crate) version: u64,
    /// Compressed.
    pub(crate) tables: Vec<u8>,
}

impl Snapshot {
    /// # Errors
    /// [`io::Error`] when the tables cannot be written as JSON, which only a bug makes happen.
    pub(crate) fn of(catalogue: &Catalogue) -> io::Result<Self> {
        let json = serde_json::to_vec(&tables(catalogue))?;
        let mut body = GzEncoder::new(Vec::new(), Compression::fast());
        io::Write::write_all(&mut body, &json)?;
        let id = Uuid::new_v5(&NAMESPACE, &json);
        Ok(Self { id, version: catalogue.version(), tables: body.finish()? })
    }
}

/// Reads what was compressed.
///
/// # Errors
/// [`io::Error`] for what is no snapshot.
pub(super) fn read(compressed: &[u8]) -> io::Result<Tables> {
    let mut json = Vec::new();
    GzDecoder::new(compressed).take(LARGEST).read_to_end(&mut json)?;
    Ok(serde_json::from_slice(&json)?)
}

/// The tables from which the same catalogue is built, without what only seeds need. Of credentials there is
/// only that they are there.
fn tables(catalogue: &Catalogue) -> Tables {
    let tables = Tables {
        version: catalogue.version(),
        providers: catalogue.providers().to_vec(),
        credentials: catalogue.credentials().iter().map(blank).collect(),
        models: catalogue.models().iter().map(|model| model.row.clone()).collect(),
        aliases: catalogue.aliases().to_vec(),
        endpoints: catalogue.endpoints().iter().map(|endpoint| endpoint.row.clone()).collect(),
        prices: catalogue.endpoints().iter().filter_map(price).collect(),
        ..Tables::default()
    };
    tables.without_seeds()
}

fn blank(row: &Credential) -> Credential {
    Credential { sealed: Vec::new(), hint: String::new(), ..row.clone() }
}

fn price(endpoint: &Endpoint) -> Option<Price> {
    let (plain, windows) = endpoint.prices.offers().split_first()?;
    let mut book = book_out(&plain.book);
    if let (false, Some(members)) = (windows.is_empty(), book.as_object_mut()) {
        members.insert("windows".to_owned(), windows.iter().map(window).collect());
    }
    Some(Price {
        id: PriceVersionId::from_uuid(plain.id.uuid()),
        endpoint_id: endpoint.id,
        book,
        source: String::new(),
    })
}

fn window(offer: &Offer) -> Value {
    let mut book = book_out(&offer.book);
    if let (Some(window), Some(members)) = (offer.window, book.as_object_mut()) {
        let (start, end) = window.ends();
        members.insert("utc_start".to_owned(), start.into());
        members.insert("utc_end".to_owned(), end.into());
        members.insert("weekdays".to_owned(), json!(window.days()));
    }
    book
}

#[cfg(test)]
mod tests {
    use identity::{CredentialId, EndpointId};

    use super::*;
    use crate::TimeoutConfig;
    use crate::store::rows;

    fn catalogue() -> Catalogue {
        let endpoint = json!({
            "id": EndpointId::from_uuid(Uuid::from_u128(1)), "model": "a/m", "provider": "one",
            "provider_model": "m", "tag": "one", "context_length": 8_000, "implicit_caching": false,
            "quirks": {}, "disabled": false, "seeded": { "tag": "one" },
        });
        let book = json!({
            "base": { "input": 1_000_000, "output": 4_000_000 },
            "tiers": [{ "above_prompt_tokens": 100, "input": 2_000_000 }],
            "windows": [
                { "utc_start": "2200", "utc_end": "0200", "weekdays": [5, 6], "base": { "input": 5 }, "tiers": [] },
                { "utc_start": "0100", "utc_end": "0300", "base": { "output": 7 }, "tiers": [] },
            ],
        });
        let tables = Tables {
            version: 7,
            providers: vec![rows::Provider {
                slug: "one".to_owned(),
                dialect: "openai".to_owned(),
                base_url: "http://127.0.0.1:1".to_owned(),
                credential_required: true,
                ..rows::Provider::default()
            }],
            credentials: vec![Credential {
                id: CredentialId::from_uuid(Uuid::from_u128(3)),
                provider: "one".to_owned(),
                sealed: b"a secret".to_vec(),
                hint: "cret".to_owned(),
                source: "olga".to_owned(),
            }],
            models: vec![rows::Model {
                slug: "a/m".to_owned(),
                canonical_slug: "a/m-1".to_owned(),
                output_modalities: vec!["text".to_owned()],
                ..rows::Model::default()
            }],
            endpoints: vec![serde_json::from_value(endpoint).unwrap()],
            prices: vec![Price {
                id: PriceVersionId::from_uuid(Uuid::from_u128(2)),
                endpoint_id: EndpointId::from_uuid(Uuid::from_u128(1)),
                book,
                source: "olga".to_owned(),
            }],
            ..Tables::default()
        };
        Catalogue::build(tables, TimeoutConfig::default()).unwrap()
    }

    #[test]
    fn what_is_kept_builds_the_same_catalogue_and_keeps_the_same() {
        let catalogue = catalogue();
        let snapshot = Snapshot::of(&catalogue).unwrap();
        let rebuilt = Catalogue::build(read(&snapshot.tables).unwrap(), TimeoutConfig::default()).unwrap();
        assert_eq!(Snapshot::of(&rebuilt).unwrap(), snapshot);
        let (one, two) = (&catalogue.endpoints()[0], &rebuilt.endpoints()[0]);
        for minute in (0..7 * 24 * 60).step_by(30) {
            let (one, two) = (one.prices.at(minute).unwrap(), two.prices.at(minute).unwrap());
            assert_eq!((one.id, &one.book), (two.id, &two.book), "at minute {minute}");
        }
        assert_eq!((one.key, one.unusable), (two.key, two.unusable));
        assert!(two.unusable.is_none() && two.attempt.sealed_credential.is_empty());
    }
}
