//! The files of the console, all in memory: about two megabytes.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use bytes::Bytes;
use sha2::{Digest as _, Sha256};

/// The page that all addresses of the console begin with.
pub(super) const INDEX: &str = "index.html";
const ASSETS: &str = "assets";
/// No console is larger; a folder that is, is another one.
const LARGEST: u64 = 64 * 1024 * 1024;

/// What `npm run build` wrote, by path without a leading slash.
pub struct Files(BTreeMap<String, File>);

/// One file, and the same compressed where the build did that.
pub(super) struct File {
    pub(super) path: String,
    pub(super) media_type: &'static str,
    /// Of the content as it is, without quotes.
    pub(super) tag: String,
    pub(super) plain: Bytes,
    pub(super) gzip: Option<Bytes>,
    pub(super) brotli: Option<Bytes>,
}

impl Files {
    /// Of paths with their content; what ends with `.gz` or `.br` is another file, compressed. Files whose path has a
    /// part that begins with a dot are none of the console's.
    ///
    /// # Errors
    /// [`io::ErrorKind::NotFound`] when there is no `index.html`.
    pub fn new(files: impl IntoIterator<Item = (String, Bytes)>) -> io::Result<Self> {
        let shown = |path: &str| !path.split('/').any(|part| part.starts_with('.'));
        let mut sent: BTreeMap<String, Bytes> = files.into_iter().filter(|(path, _)| shown(path)).collect();
        if !sent.contains_key(INDEX) {
            return Err(io::Error::new(io::ErrorKind::NotFound, "there is no index.html"));
        }
        let originals: Vec<String> = sent.keys().filter(|path| !is_compressed(path)).cloned().collect();
        let files = originals.into_iter().filter_map(|path| {
            let plain = sent.remove(&path)?;
            let gzip = sent.remove(&format!("{path}.gz"));
            let brotli = sent.remove(&format!("{path}.br"));
            Some((path.clone(), File::new(path, plain, gzip, brotli)))
        });
        Ok(Self(files.collect()))
    }

    /// The files of a folder itself and those below its `assets`.
    ///
    /// # Errors
    /// When a file cannot be read, when there is no `index.html`, or when it is too much to be a console.
    pub fn read(folder: &Path) -> io::Result<Self> {
        // Looked for first: nothing else of a folder that is none of the console's is read.
        std::fs::metadata(folder.join(INDEX))?;
        let mut files = Vec::new();
        let mut left = LARGEST;
        read_into(folder, "", &mut files, &mut left)?;
        Self::new(files)
    }

    pub(super) fn get(&self, path: &str) -> Option<&File> {
        self.0.get(path)
    }
}

impl File {
    fn new(path: String, plain: Bytes, gzip: Option<Bytes>, brotli: Option<Bytes>) -> Self {
        let digest = hex::encode(Sha256::digest(&plain));
        let tag = digest.get(..32).unwrap_or(&digest).to_owned();
        Self { media_type: media_type(&path), tag, path, plain, gzip, brotli }
    }

    /// Whether its name changes with its content.
    pub(super) fn is_asset(&self) -> bool {
        self.path.split_once('/').is_some_and(|(folder, _)| folder == ASSETS)
    }

    pub(super) fn is_index(&self) -> bool {
        self.path == INDEX
    }
}

fn read_into(folder: &Path, below: &str, files: &mut Vec<(String, Bytes)>, left: &mut u64) -> io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let Ok(name) = entry.file_name().into_string() else { continue };
        let (path, name) = (entry.path(), format!("{below}{name}"));
        // Through links, which is how a cluster mounts a folder.
        let found = std::fs::metadata(&path)?;
        if found.is_dir() && (name == ASSETS || !below.is_empty()) {
            read_into(&path, &format!("{name}/"), files, left)?;
        } else if found.is_file() {
            *left = left.checked_sub(found.len()).ok_or_else(|| {
                io::Error::new(io::ErrorKind::FileTooLarge, "the folder holds more than a console")
            })?;
            files.push((name, std::fs::read(&path)?.into()));
        }
    }
    Ok(())
}

fn is_compressed(path: &str) -> bool {
    [".gz", ".br"].iter().any(|ending| path.ends_with(ending))
}

/// What a file is, by its name's ending.
fn media_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map_or("", |(_, ending)| ending) {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "webp" => "image/webp",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}
