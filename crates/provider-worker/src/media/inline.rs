//! The URLs of a request replaced by bytes.

use std::collections::HashMap;
use std::sync::atomic::AtomicUsize;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use dialect::canonical::{Media, Part, PartKind};
use futures::future::try_join_all;
use serde_json::Value;

use super::fetch::Fetched;
use super::sniff::{self, Wanted};
use super::{Cause, Error, Fetcher};

/// Files longer than this are encoded where that holds up nobody else.
const LARGE: usize = 64 * 1024;

/// One place in a request that holds media.
pub(crate) struct Slot<'a> {
    pub(crate) media: &'a mut Media,
    pub(crate) wanted: Wanted,
}

impl<'a> Slot<'a> {
    /// The place of an image or a file.
    pub(crate) fn of(part: &'a mut Part) -> Option<Self> {
        match &mut part.kind {
            PartKind::Image { source, .. } => Some(Self { media: source, wanted: Wanted::Image }),
            PartKind::File { source, .. } => Some(Self { media: source, wanted: Wanted::File }),
            PartKind::Text(_) | PartKind::Audio { .. } | PartKind::Other(_) => None,
        }
    }
}

impl Fetcher {
    /// Fetches the remote ones of some media, each URL once and all at the same time.
    ///
    /// # Errors
    /// [`Error`] of the first that cannot be had.
    pub(crate) async fn inline(&self, slots: Vec<Slot<'_>>) -> Result<(), Error> {
        let mut remote: Vec<(Slot<'_>, String)> = Vec::new();
        for slot in slots {
            if let Media::Url(url) = &*slot.media
                && !is_data(url)
            {
                let url = url.clone();
                remote.push((slot, url));
            }
        }
        let mut urls: Vec<&str> = remote.iter().map(|(_, url)| url.as_str()).collect();
        urls.sort_unstable();
        urls.dedup();
        if urls.len() > self.limits.count {
            return Err(Error::of("", Cause::TooMany(self.limits.count)));
        }
        let left = AtomicUsize::new(self.limits.request);
        let fetched = try_join_all(urls.iter().map(|url| self.fetch(url, &left))).await?;
        let fetched: HashMap<String, Fetched> = urls.into_iter().map(str::to_owned).zip(fetched).collect();
        for (slot, url) in remote {
            if let Some(fetched) = fetched.get(&url) {
                *slot.media = encoded(fetched, slot.wanted).await.map_err(|cause| Error::of(&url, cause))?;
            }
        }
        Ok(())
    }
}

async fn encoded(fetched: &Fetched, wanted: Wanted) -> Result<Media, Cause> {
    let media_type = sniff::media_type(fetched, wanted)?;
    let bytes = fetched.bytes.clone();
    let data = if bytes.len() > LARGE {
        tokio::task::spawn_blocking(move || STANDARD.encode(&bytes)).await.map_err(|_| Cause::Late)?
    } else {
        STANDARD.encode(&bytes)
    };
    Ok(Media::Inline { media_type, data })
}

/// The URL that a part names, in whichever form it names it.
pub(super) fn url_of(part: &PartKind) -> Option<&str> {
    match part {
        PartKind::Image { source: Media::Url(url), .. } | PartKind::File { source: Media::Url(url), .. } => {
            Some(url)
        }
        PartKind::Other(value) => url_in(value),
        _ => None,
    }
}

/// `{"type": "video_url", "video_url": {"url": …}}`, the same with a plain text, and
/// `{"source": {"type": "url", "url": …}}`.
fn url_in(part: &Value) -> Option<&str> {
    let named = match part.get("type").and_then(Value::as_str) {
        Some("input_video") => part.get("video_url"),
        Some(kind) if kind.ends_with("_url") => part.get(kind),
        _ => part.get("source").filter(|source| source.get("type").is_some_and(|kind| kind == "url")),
    }?;
    named.as_str().or_else(|| named.get("url")?.as_str())
}

pub(super) fn is_data(url: &str) -> bool {
    url.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("data:"))
}
