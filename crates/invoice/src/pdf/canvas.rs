//! Marks on pages. They are kept until all pages are there, so that each can say how many there are.

use krilla::Document as Pdf;
use krilla::color::rgb;
use krilla::geom::{PathBuilder, Point, Rect};
use krilla::num::NormalizedF32;
use krilla::page::PageSettings;
use krilla::paint::{Fill, FillRule};
use krilla::surface::Surface;

use super::face::{Faces, Weight};

/// A4 in points.
pub(super) const WIDTH: f32 = 595.28;
pub(super) const HEIGHT: f32 = 841.89;

#[derive(Debug, Clone, Copy)]
pub(super) enum Ink {
    Text,
    Quiet,
    Accent,
    Rule,
    Tint,
}

impl Ink {
    const fn rgb(self) -> (u8, u8, u8) {
        match self {
            Self::Text => (0x1b, 0x1f, 0x27),
            Self::Quiet => (0x5f, 0x68, 0x75),
            Self::Accent => (0x14, 0x4a, 0x6b),
            Self::Rule => (0xd5, 0xda, 0xe0),
            Self::Tint => (0xf3, 0xf6, 0xf8),
        }
    }
}

/// Places are points from the page's upper left corner; text stands on `y`.
#[derive(Debug)]
pub(super) enum Mark {
    Text { x: f32, y: f32, size: f32, weight: Weight, ink: Ink, text: String },
    Area { x: f32, y: f32, width: f32, height: f32, ink: Ink },
}

pub(super) type Page = Vec<Mark>;

pub(super) fn draw(pdf: &mut Pdf, page: &Page, faces: &Faces) {
    let Some(settings) = PageSettings::from_wh(WIDTH, HEIGHT) else { return };
    let mut sheet = pdf.start_page_with(settings);
    let mut surface = sheet.surface();
    for mark in page {
        match mark {
            Mark::Text { x, y, size, weight, ink, text } => {
                surface.set_fill(Some(fill(*ink)));
                let shaped = faces.shape(*weight, text);
                let font = faces.font(*weight);
                surface.draw_glyphs(Point::from_xy(*x, *y), &shaped.glyphs, font, &shaped.text, *size, false);
            }
            Mark::Area { x, y, width, height, ink } => area(&mut surface, [*x, *y, *width, *height], *ink),
        }
    }
    surface.finish();
    sheet.finish();
}

fn area(surface: &mut Surface<'_>, [x, y, width, height]: [f32; 4], ink: Ink) {
    let Some(rect) = Rect::from_xywh(x, y, width, height) else { return };
    let mut path = PathBuilder::new();
    path.push_rect(rect);
    if let Some(path) = path.finish() {
        surface.set_fill(Some(fill(ink)));
        surface.draw_path(&path);
    }
}

fn fill(ink: Ink) -> Fill {
    let (red, green, blue) = ink.rgb();
    Fill {
        paint: rgb::Color::new(red, green, blue).into(),
        opacity: NormalizedF32::ONE,
        rule: FillRule::default(),
    }
}
