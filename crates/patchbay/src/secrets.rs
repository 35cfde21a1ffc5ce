//! The secrets of a data directory, made once and kept.

use std::path::Path;

use anyhow::Context as _;
use identity::{ApiKey, KeyKind, MalformedKey, MasterKey, OpaqueToken};
use rpc::ServiceKeys;
use secrecy::ExposeSecret as _;
use serde::{Deserialize, Serialize};

use crate::config::Config;
use crate::data_dir::DataDir;

/// All of them, in the clear: the file is its owner's alone.
#[derive(Clone, Serialize, Deserialize)]
pub(crate) struct Secrets {
    /// Base64 of PKCS#8.
    pub(crate) signing_key: String,
    /// 64 hex digits.
    pub(crate) master_key: String,
    pub(crate) api_key: String,
    pub(crate) management_key: String,
    /// The key of the second demo organisation, which pays a markup.
    pub(crate) markup_api_key: String,
    pub(crate) admin_token: String,
    pub(crate) admin_password: String,
}

impl Secrets {
    /// Those of a data directory, under the service keys that the configuration gives.
    pub(crate) fn of(config: &Config, data_dir: &DataDir) -> anyhow::Result<Self> {
        let mut secrets = Self::load_or_make(&data_dir.secrets())?;
        let given = [
            (&config.services.signing_key, &mut secrets.signing_key),
            (&config.services.master_key, &mut secrets.master_key),
        ];
        for (configured, kept) in given {
            if !configured.expose_secret().is_empty() {
                configured.expose_secret().clone_into(kept);
            }
        }
        Ok(secrets)
    }

    /// Reads the file, or makes it when it is absent.
    pub(crate) fn load_or_make(path: &Path) -> anyhow::Result<Self> {
        if path.exists() {
            let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
            return serde_json::from_str(&text).with_context(|| {
                format!("{} is damaged; without it the data beside it cannot be used", path.display())
            });
        }
        let secrets = Self::generate()?;
        backing::write_secret(path, &serde_json::to_string_pretty(&secrets)?)?;
        Ok(secrets)
    }

    pub(crate) fn api_key(&self) -> Result<ApiKey, MalformedKey> {
        ApiKey::parse(&self.api_key)
    }

    pub(crate) fn management_key(&self) -> Result<ApiKey, MalformedKey> {
        ApiKey::parse(&self.management_key)
    }

    pub(crate) fn markup_api_key(&self) -> Result<ApiKey, MalformedKey> {
        ApiKey::parse(&self.markup_api_key)
    }

    fn generate() -> anyhow::Result<Self> {
        let key = |kind| ApiKey::generate(kind).expose().to_owned();
        Ok(Self {
            signing_key: ServiceKeys::generate()?.expose_secret().to_owned(),
            master_key: MasterKey::generate_hex(),
            api_key: key(KeyKind::Inference),
            management_key: key(KeyKind::Management),
            markup_api_key: key(KeyKind::Inference),
            admin_token: OpaqueToken::generate("pb-admin-").expose().to_owned(),
            admin_password: backing::random_text(20),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_start_finds_the_same_secrets_and_a_damaged_file_is_not_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secrets.json");
        let first = Secrets::load_or_make(&path).unwrap();
        let second = Secrets::load_or_make(&path).unwrap();
        assert_eq!(first.api_key, second.api_key);
        assert!(ApiKey::parse(&first.markup_api_key).is_ok());
        std::fs::write(&path, "{").unwrap();
        assert!(Secrets::load_or_make(&path).is_err());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "{");
    }
}
