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

/// The URLs that a part names, in whichever form it names them. The name of a file at a provider that looks like a
/// URL is one for some providers.
pub(super) fn urls_of(part: &PartKind) -> Vec<&str> {
    match part {
        PartKind::Image { source: Media::Url(url), .. } | PartKind::File { source: Media::Url(url), .. } => {
            vec![url]
        }
        PartKind::Image { source: Media::Id(id), .. } | PartKind::File { source: Media::Id(id), .. }
            if id.contains(':') =>
        {
            vec![id]
        }
        PartKind::Other(Value::Object(members)) => {
            members.iter().flat_map(|(name, value)| urls_in(name, value)).collect()
        }
        _ => Vec::new(),
    }
}

/// Of a part that is not known: `video_url` and its like, whatever its type; `image`, `video` and `audio` where
/// they hold URLs; `{"source": {"type": "url", "url": …}}`.
fn urls_in<'a>(name: &str, value: &'a Value) -> Vec<&'a str> {
    let mut urls = match value {
        Value::String(url) => vec![url.as_str()],
        Value::Object(object) => object.get("url").and_then(Value::as_str).into_iter().collect(),
        Value::Array(list) => return list.iter().flat_map(|value| urls_in(name, value)).collect(),
        _ => Vec::new(),
    };
    match name {
        "image" | "video" | "audio" => urls.retain(|url| url.contains("://")),
        "source" if value["type"] == "url" => {}
        name if name.ends_with("_url") => {}
        _ => urls.clear(),
    }
    urls
}

pub(super) fn is_data(url: &str) -> bool {
    url.get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("data:"))
}
