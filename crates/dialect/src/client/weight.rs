//! What the content of a request holds beside text.

use crate::canonical::{Media, Part, PartKind};

/// Images and other media, and how much of a body they are. It is never more than they are: what is not known
/// to be a medium counts as text.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Weight {
    pub(super) images: u32,
    /// Base64 of inline images.
    pub(super) image_bytes: u64,
    /// Base64 of inline audio, video and files.
    pub(super) media_bytes: u64,
    pub(super) has_audio: bool,
    pub(super) has_file: bool,
    pub(super) has_video: bool,
}

impl Weight {
    pub(super) fn of<'a>(parts: impl IntoIterator<Item = &'a Part>) -> Self {
        let mut weight = Self::default();
        for part in parts {
            weight.add(&part.kind);
        }
        weight
    }

    fn add(&mut self, part: &PartKind) {
        match part {
            PartKind::Image { source, .. } => self.add_image(source),
            PartKind::Audio { data, .. } => {
                self.has_audio = true;
                self.media_bytes += data.len() as u64;
            }
            PartKind::File { source, .. } => {
                self.has_file = true;
                self.media_bytes += inline(source).map_or(0, |(_, bytes)| bytes);
            }
            PartKind::Other(value) => {
                let kind = value["type"].as_str().unwrap_or_default();
                self.has_video |= kind == "video_url" || kind == "input_video";
            }
            PartKind::Text(_) => {}
        }
    }

    /// Only data that says it is an image leaves the text.
    pub(super) fn add_image(&mut self, image: &Media) {
        self.images = self.images.saturating_add(1);
        if let Some((media_type, bytes)) = inline(image)
            && media_type.starts_with("image/")
        {
            self.image_bytes += bytes;
        }
    }

    /// Bytes of a body that are none of the media.
    pub(super) fn rest_of(&self, body: &[u8]) -> u64 {
        (body.len() as u64).saturating_sub(self.image_bytes.saturating_add(self.media_bytes))
    }

    pub(super) fn modalities(&self) -> Vec<&'static str> {
        super::body::set(&[
            ("text", true),
            ("image", self.images > 0),
            ("audio", self.has_audio),
            ("file", self.has_file),
            ("video", self.has_video),
        ])
    }
}

fn inline(media: &Media) -> Option<(&str, u64)> {
    match media {
        Media::Inline { media_type, data } => Some((media_type, data.len() as u64)),
        Media::Url(_) | Media::Id(_) => None,
    }
}
