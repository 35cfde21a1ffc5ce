//! Random passwords, and files that only their owner reads.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use rand::RngExt as _;

use crate::Error;

const DIGITS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";

/// `length` random letters and digits: about 5.2 bits each.
#[must_use]
pub fn random_text(length: usize) -> String {
    let mut rng = rand::rng();
    (0..length).map(|_| char::from(DIGITS[rng.random_range(0..DIGITS.len())])).collect()
}

/// Writes a file that only its owner may read, replacing it whole or not at all.
///
/// # Errors
/// [`Error::Io`] when the folder cannot be written.
pub fn write_secret(path: &Path, content: &str) -> Result<(), Error> {
    let temporary = path.with_extension(format!("{}.new", random_text(6)));
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&temporary)
        .and_then(|mut file| file.write_all(content.as_bytes()))
        .and_then(|()| std::fs::rename(&temporary, path));
    if written.is_err() {
        // What was left half-way must not lie about; the first error is the one that matters.
        let _ = std::fs::remove_file(&temporary);
    }
    written.map_err(Error::io(path))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn a_secret_is_its_owners_alone_and_replaced_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret.json");
        for content in ["first, the longer one", "second"] {
            write_secret(&path, content).unwrap();
            assert_eq!(std::fs::read_to_string(&path).unwrap(), content);
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        assert_ne!(random_text(24), random_text(24));
    }
}
