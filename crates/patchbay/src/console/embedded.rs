//! The console in the binary, of a build with `--features embed-console`. `console/dist` must be built before.

use std::borrow::Cow;

use bytes::Bytes;
use edge::Files;
use rust_embed::RustEmbed;

#[derive(RustEmbed)]
#[folder = "../../console/dist/"]
struct Dist;

/// All files. None is copied: they stay where the binary was loaded.
pub(super) fn files() -> std::io::Result<Files> {
    let files = Dist::iter().filter_map(|path| {
        let content = match Dist::get(&path)?.data {
            Cow::Borrowed(bytes) => Bytes::from_static(bytes),
            Cow::Owned(bytes) => Bytes::from(bytes),
        };
        Some((path.into_owned(), content))
    });
    Files::new(files)
}
