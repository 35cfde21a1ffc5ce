//! What the content of a request holds.

use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::Peek;
use super::skim::{Skim, fingerprint};
use crate::canonical::{Media, Message, Part, PartKind};

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
    /// Of texts and images in their order; 0 where there are none.
    pub(super) fingerprint: u64,
}

impl Weight {
    /// What a text alone weighs.
    pub(super) fn of_text(fingerprint: u64) -> Self {
        let mut weight = Self::default();
        weight.add_text(fingerprint);
        weight
    }

    /// What the texts of a turn weigh.
    pub(super) fn of_texts(turn: &Message) -> Self {
        let mut weight = Self::default();
        turn.for_each_text(|text| weight.add_text(fingerprint(text)));
        weight
    }

    /// Adds a text by its fingerprint. One text is the same whether it stands alone or as the only part.
    pub(super) fn add_text(&mut self, fingerprint: u64) {
        self.fingerprint = match (self.fingerprint, fingerprint) {
            (0, one) | (one, 0) => one,
            (before, more) => xxh3_64_with_seed(&more.to_le_bytes(), before).max(1),
        };
    }

    pub(super) fn of<'a>(parts: impl IntoIterator<Item = &'a Part>) -> Self {
        let mut weight = Self::default();
        for part in parts {
            weight.add_part(&part.kind);
        }
        weight
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.images = self.images.saturating_add(other.images);
        self.image_bytes += other.image_bytes;
        self.media_bytes += other.media_bytes;
        self.has_audio |= other.has_audio;
        self.has_file |= other.has_file;
        self.has_video |= other.has_video;
        self.add_text(other.fingerprint);
    }

    fn add_part(&mut self, part: &PartKind) {
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

    /// Only data that says it is an image leaves the text count: whatever else a provider might read as text
    /// stays in it or in the media count.
    pub(super) fn add_image(&mut self, image: &Media) {
        self.images = self.images.saturating_add(1);
        if let Some((media_type, bytes)) = inline(image)
            && media_type.starts_with("image/")
        {
            self.image_bytes += bytes;
        }
    }

    /// [`Self::add_image`] of a URL that is not kept.
    pub(super) fn add_image_url(&mut self, url: &Skim) {
        self.add_text(url.fingerprint);
        self.images = self.images.saturating_add(1);
        self.image_bytes += url.image_bytes();
    }

    /// Bytes of a body of this length that are none of the media.
    pub(super) fn rest_of(&self, length: usize) -> u64 {
        (length as u64).saturating_sub(self.image_bytes.saturating_add(self.media_bytes))
    }

    /// What admission needs of it, of a body of this length.
    pub(super) fn peek(&self, length: usize) -> Peek {
        Peek {
            images: self.images,
            input_modalities: self.modalities(),
            text_bytes: self.rest_of(length),
            media_bytes: self.media_bytes,
            ..Peek::default()
        }
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
