//! What goes where on which page.

mod head;
mod table;

use super::canvas::{HEIGHT, Ink, Mark, Page, WIDTH};
use super::face::{Faces, Weight};
use crate::sheet::{Sheet, Total};

pub(super) const LEFT: f32 = 56.0;
pub(super) const RIGHT: f32 = WIDTH - 56.0;
/// Nothing but the foot stands below.
const BOTTOM: f32 = HEIGHT - 66.0;
/// Where pages after the first begin.
const TOP: f32 = 92.0;

/// Sets the whole sheet.
pub(super) fn lay_out(sheet: &Sheet, faces: &Faces) -> Vec<Page> {
    let mut flow = Flow { sheet, faces, pages: vec![Page::new()], y: 0.0 };
    head::letterhead(&mut flow);
    for table in &sheet.tables {
        table::set(&mut flow, table);
    }
    flow.totals();
    flow.notes();
    flow.feet();
    flow.pages
}

/// The pages so far, and how far down the last one is filled.
struct Flow<'s> {
    sheet: &'s Sheet,
    faces: &'s Faces,
    pages: Vec<Page>,
    y: f32,
}

impl Flow<'_> {
    fn mark(&mut self, mark: Mark) {
        if let Some(page) = self.pages.last_mut() {
            page.push(mark);
        }
    }

    fn text(&mut self, x: f32, y: f32, size: f32, weight: Weight, ink: Ink, text: &str) {
        if !text.is_empty() {
            self.mark(Mark::Text { x, y, size, weight, ink, text: text.to_owned() });
        }
    }

    /// Text that ends at `right`.
    fn text_to(&mut self, right: f32, y: f32, size: f32, weight: Weight, ink: Ink, text: &str) {
        let x = right - self.faces.width(weight, size, text);
        self.text(x, y, size, weight, ink, text);
    }

    fn rule(&mut self, x: f32, y: f32, width: f32, height: f32, ink: Ink) {
        self.mark(Mark::Area { x, y, width, height, ink });
    }

    /// Whether so many points are left on this page.
    fn has_room(&self, height: f32) -> bool {
        self.y + height <= BOTTOM
    }

    fn turn(&mut self) {
        self.pages.push(Page::new());
        let name = format!("{} {}", self.sheet.title, self.number());
        let issuer = self.sheet.issuer.name.clone();
        self.text(LEFT, 56.0, 8.0, Weight::Strong, Ink::Accent, &issuer);
        self.text_to(RIGHT, 56.0, 8.0, Weight::Regular, Ink::Quiet, &name);
        self.rule(LEFT, 64.0, RIGHT - LEFT, 0.5, Ink::Rule);
        self.y = TOP;
    }

    fn number(&self) -> &str {
        self.sheet.facts.iter().find(|(label, _)| label == "Number").map_or("", |(_, value)| value)
    }

    /// Lines that are no wider than `width`: broken after spaces, dashes and slashes, and within words that are wider
    /// still.
    fn broken(&self, weight: Weight, size: f32, text: &str, width: f32) -> Vec<String> {
        let fits = |text: &str| self.faces.width(weight, size, text.trim_end()) <= width;
        let mut lines = Vec::new();
        let mut line = String::new();
        for word in text.split_inclusive([' ', '-', '/']) {
            if fits(&format!("{line}{word}")) {
                line.push_str(word);
                continue;
            }
            if !line.is_empty() {
                lines.push(std::mem::take(&mut line));
            }
            for sign in word.chars() {
                line.push(sign);
                if line.chars().count() > 1 && !fits(&line) {
                    line.pop();
                    lines.push(std::mem::replace(&mut line, sign.to_string()));
                }
            }
        }
        lines.push(line);
        lines.into_iter().map(|line| line.trim_end().to_owned()).collect()
    }

    /// The totals, their points below each other.
    fn totals(&mut self) {
        const STEP: f32 = 17.0;
        const SIZE: f32 = 9.5;
        let sheet = self.sheet;
        let height = f32::from(u16::try_from(sheet.totals.len()).unwrap_or(u16::MAX)) * STEP + 8.0;
        if !self.has_room(height) {
            self.turn();
        }
        self.y += 8.0;
        let weight = |total: &Total| if total.is_strong { Weight::Strong } else { Weight::Regular };
        let split = |total: &Total| {
            let at = total.value.find('.').unwrap_or(total.value.len());
            (total.value[..at].to_owned(), total.value[at..].to_owned())
        };
        let decimals =
            sheet.totals.iter().map(|total| self.faces.width(weight(total), SIZE, &split(total).1));
        let point = RIGHT - decimals.fold(0.0, f32::max);
        for total in &sheet.totals {
            let (whole, fraction) = split(total);
            let ink = if total.is_strong { Ink::Text } else { Ink::Quiet };
            if total.is_strong {
                self.rule(RIGHT - 225.0, self.y - 12.5, 225.0, 0.5, Ink::Rule);
            }
            self.text(RIGHT - 225.0, self.y, SIZE, weight(total), ink, &total.label);
            self.text_to(point, self.y, SIZE, weight(total), Ink::Text, &whole);
            self.text(point, self.y, SIZE, weight(total), Ink::Text, &fraction);
            self.y += STEP;
        }
    }

    fn notes(&mut self) {
        const SIZE: f32 = 8.0;
        const STEP: f32 = 11.5;
        self.y += 12.0;
        for (heading, lines) in &self.sheet.notes {
            let lines: Vec<String> = lines
                .iter()
                .flat_map(|line| self.broken(Weight::Regular, SIZE, line, RIGHT - LEFT - 92.0))
                .collect();
            let height = f32::from(u16::try_from(lines.len()).unwrap_or(u16::MAX)) * STEP;
            if !self.has_room(height) {
                self.turn();
            }
            self.text(LEFT, self.y, SIZE, Weight::Strong, Ink::Text, heading);
            for line in &lines {
                self.text(LEFT + 92.0, self.y, SIZE, Weight::Regular, Ink::Quiet, line);
                self.y += STEP;
            }
            self.y += 5.0;
        }
    }

    /// The foot of every page, now that it is known how many there are.
    fn feet(&mut self) {
        let (faces, sheet, count) = (self.faces, self.sheet, self.pages.len());
        let y = HEIGHT - 42.0;
        for (place, page) in self.pages.iter_mut().enumerate() {
            page.push(Mark::Area { x: LEFT, y: y - 14.0, width: RIGHT - LEFT, height: 0.5, ink: Ink::Rule });
            let mut foot = |x: f32, text: String| {
                page.push(Mark::Text { x, y, size: 7.5, weight: Weight::Regular, ink: Ink::Quiet, text });
            };
            foot(LEFT, sheet.footer.clone());
            let pages = format!("Page {} of {count}", place + 1);
            foot(RIGHT - faces.width(Weight::Regular, 7.5, &pages), pages);
        }
    }
}
