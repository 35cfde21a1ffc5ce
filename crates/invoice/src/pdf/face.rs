//! The two weights that documents are set in, and how wide text is in them.

use krilla::text::{Font, GlyphId, KrillaGlyph, Tag};
use rustybuzz::{Face as Shaper, UnicodeBuffer, Variation};

/// IBM Plex Sans; its licence lies beside it.
const FONT: &[u8] = include_bytes!("../../fonts/IBMPlexSans.ttf");

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Weight {
    Regular,
    Strong,
}

pub(super) struct Faces {
    regular: Face,
    strong: Face,
}

struct Face {
    font: Font,
    shaper: Shaper<'static>,
}

/// Text as glyphs; `width` is in parts of its size.
pub(super) struct Shaped {
    pub text: String,
    pub glyphs: Vec<KrillaGlyph>,
    pub width: f32,
}

impl Faces {
    /// `None` when the file is no font, which a test would have told.
    pub(super) fn load() -> Option<Self> {
        Some(Self { regular: Face::at(400.0)?, strong: Face::at(600.0)? })
    }

    pub(super) fn font(&self, weight: Weight) -> Font {
        self.face(weight).font.clone()
    }

    fn face(&self, weight: Weight) -> &Face {
        match weight {
            Weight::Regular => &self.regular,
            Weight::Strong => &self.strong,
        }
    }

    /// Points that `text` is wide in this size.
    pub(super) fn width(&self, weight: Weight, size: f32, text: &str) -> f32 {
        self.shape(weight, text).width * size
    }

    /// What the font has no sign for is set as a question mark: a PDF that is to last may have no holes.
    pub(super) fn shape(&self, weight: Weight, text: &str) -> Shaped {
        let face = self.face(weight);
        let text: String = text
            .chars()
            .map(|sign| if face.shaper.glyph_index(sign).is_some() { sign } else { '?' })
            .collect();
        let mut buffer = UnicodeBuffer::new();
        buffer.push_str(&text);
        buffer.guess_segment_properties();
        let set = rustybuzz::shape(&face.shaper, &[], buffer);
        let (infos, places) = (set.glyph_infos(), set.glyph_positions());
        let em = f32::from(u16::try_from(face.shaper.units_per_em()).unwrap_or(1_000));
        #[allow(clippy::cast_precision_loss, reason = "units of a font are small")]
        let part = |units: i32| units as f32 / em;
        let mut glyphs = Vec::with_capacity(infos.len());
        let mut width = 0.0;
        for (place, info) in infos.iter().enumerate() {
            let start = info.cluster as usize;
            let next = infos[place + 1..].iter().map(|info| info.cluster as usize).find(|next| *next > start);
            let position = &places[place];
            width += part(position.x_advance);
            glyphs.push(KrillaGlyph::new(
                GlyphId::new(info.glyph_id),
                part(position.x_advance),
                part(position.x_offset),
                part(position.y_offset),
                part(position.y_advance),
                start..next.unwrap_or(text.len()),
                None,
            ));
        }
        Shaped { text, glyphs, width }
    }
}

impl Face {
    fn at(weight: f32) -> Option<Self> {
        let font = Font::new_variable(FONT.into(), 0, &[(Tag::new(b"wght"), weight)])?;
        let mut shaper = Shaper::from_slice(FONT, 0)?;
        let axis = rustybuzz::ttf_parser::Tag::from_bytes(b"wght");
        shaper.set_variations(&[Variation { tag: axis, value: weight }]);
        Some(Self { font, shaper })
    }
}
