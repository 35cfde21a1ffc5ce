//! The last good catalogue on disk: what a router starts from while the database or billing is away, or holds
//! only what is refused.
//!
//! The file is one line that says what it is, with a proof under the master key, and the tables as JSON,
//! compressed. The proof tells a file that is damaged, changed or of another installation. Credentials in it
//! are sealed, as in the database.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, BufWriter, IntoInnerError, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::Path;

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use identity::{MasterKey, SealError};
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::store::rows::Tables;

/// Raised whenever an earlier program could not read what is written.
const FORMAT: &str = "patchbay catalogue 1";
/// What a proof is sealed for.
const CONTEXT: &str = "catalogue snapshot";
/// No catalogue comes near it.
const LARGEST: u64 = 1 << 28;
/// Bytes of JSON that are compressed at a time.
const PIECE: usize = 1 << 16;

/// A snapshot that cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    #[error("the snapshot file failed")]
    File(#[from] io::Error),
    #[error("the file is no snapshot of this program's format")]
    Foreign,
    #[error("the snapshot is damaged, or was written under another master key")]
    Proof,
    #[error("the snapshot cannot be sealed")]
    Seal(#[source] SealError),
    #[error("the snapshot's tables are not as this program knows them")]
    Tables(#[from] serde_json::Error),
}

#[derive(Serialize)]
struct Written<'a> {
    tables: &'a Tables,
}

#[derive(Deserialize)]
struct Read {
    tables: Tables,
}

/// Writes the file in one step: whoever reads it finds the old or the new one, whole.
pub(crate) fn write(path: &Path, tables: &Tables, key: &MasterKey) -> Result<(), Error> {
    let bytes = encode(tables, key)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    if let Some(folder) = folder {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&name)?;
    file.write_all(&bytes)?;
    file.sync_all()?;
    std::fs::rename(&name, path)?;
    // The name is durable only once its folder is.
    File::open(folder.unwrap_or_else(|| Path::new(".")))?.sync_all()?;
    Ok(())
}

/// Reads what was kept; `None` when nothing was.
pub(crate) fn read(path: &Path, key: &MasterKey) -> Result<Option<Tables>, Error> {
    match std::fs::read(path) {
        Ok(bytes) => decode(&bytes, key).map(Some),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}

fn encode(tables: &Tables, key: &MasterKey) -> Result<Vec<u8>, Error> {
    // JSON comes a word at a time, and every write costs the encoder a buffer that it clears.
    let encoder = GzEncoder::new(Vec::new(), Compression::fast());
    let mut body = BufWriter::with_capacity(PIECE, encoder);
    serde_json::to_writer(&mut body, &Written { tables })?;
    let body = body.into_inner().map_err(IntoInnerError::into_error)?.finish()?;
    let proof = key.seal(&digest(&body), CONTEXT).map_err(Error::Seal)?;
    let mut bytes = format!("{FORMAT} {}\n", hex::encode(proof)).into_bytes();
    bytes.extend(body);
    Ok(bytes)
}

fn decode(bytes: &[u8], key: &MasterKey) -> Result<Tables, Error> {
    let end = bytes.iter().position(|byte| *byte == b'\n').ok_or(Error::Foreign)?;
    let (line, body) = bytes.split_at(end);
    let body = body.get(1..).unwrap_or_default();
    let line = std::str::from_utf8(line).map_err(|_| Error::Foreign)?;
    let proof = line.strip_prefix(FORMAT).and_then(|rest| rest.strip_prefix(' ')).ok_or(Error::Foreign)?;
    let proof = hex::decode(proof).map_err(|_| Error::Proof)?;
    let proven = key.open(&proof, CONTEXT).map_err(|_| Error::Proof)?;
    if proven.expose_secret() != digest(body) {
        return Err(Error::Proof);
    }
    let mut json = Vec::new();
    GzDecoder::new(body).take(LARGEST).read_to_end(&mut json)?;
    Ok(serde_json::from_slice::<Read>(&json)?.tables)
}

fn digest(body: &[u8]) -> String {
    hex::encode(Sha256::digest(body))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use identity::{CredentialId, EndpointId, PriceVersionId};
    use serde_json::json;

    use super::*;
    use crate::store::rows;

    fn key() -> MasterKey {
        MasterKey::from_hex(&MasterKey::generate_hex()).unwrap()
    }

    fn tables() -> Tables {
        let scores = rows::Scores { coding: Some(0.25), ..rows::Scores::default() };
        let timeouts = rows::Timeouts { stall_ms: Some(5), ..rows::Timeouts::default() };
        Tables {
            version: 7,
            read_at: chrono::Utc::now(),
            providers: vec![rows::Provider { timeouts, ..rows::Provider::default() }],
            credentials: vec![rows::Credential {
                id: CredentialId::generate(),
                provider: "acme".to_owned(),
                sealed: vec![0, 1, 255],
                hint: String::new(),
                source: "olga".to_owned(),
            }],
            models: vec![rows::Model { scores, ..rows::Model::default() }],
            aliases: vec![rows::Alias { alias: "a/b".to_owned(), model: "c/d".to_owned() }],
            endpoints: Vec::new(),
            prices: vec![rows::Price {
                id: PriceVersionId::generate(),
                endpoint_id: EndpointId::generate(),
                book: json!({ "base": { "input": 1 }, "tiers": [] }),
                source: "olga".to_owned(),
            }],
        }
    }

    #[test]
    fn what_is_written_reads_back_and_is_for_its_owner_alone() {
        let (folder, key, tables) = (tempfile::tempdir().unwrap(), key(), tables());
        let path = folder.path().join("deep/router-0.snapshot");
        assert!(read(&path, &key).unwrap().is_none());
        write(&path, &Tables { version: 6, ..tables.clone() }, &key).unwrap();
        write(&path, &tables, &key).unwrap();
        assert_eq!(read(&path, &key).unwrap(), Some(tables));
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(std::fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "nothing else is left");
    }

    #[test]
    fn what_is_damaged_foreign_or_of_another_format_is_told_apart() {
        let (ours, theirs) = (key(), key());
        let whole = encode(&tables(), &ours).unwrap();
        assert!(matches!(decode(&whole, &theirs), Err(Error::Proof)));
        for cut in 0..whole.len() {
            assert!(decode(&whole[..cut], &ours).is_err(), "cut at {cut}");
        }
        let mut changed = whole.clone();
        *changed.last_mut().unwrap() ^= 1;
        assert!(matches!(decode(&changed, &ours), Err(Error::Proof)));
        let text = b"patchbay catalogue 0 00\n{}";
        assert!(matches!(decode(text, &ours), Err(Error::Foreign)));
    }
}
