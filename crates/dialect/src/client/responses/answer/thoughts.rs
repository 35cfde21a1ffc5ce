//! Reasoning: texts, summaries and what a provider needs back.

use super::Answer;
use super::frames::Field;
use super::items::{Item, Piece, Status, Text, Thought};
use crate::canonical::{ReasoningDetail, ReasoningKind};

impl Answer {
    pub(super) fn reasoning(&mut self, detail: ReasoningDetail, out: &mut Vec<u8>) {
        if self.envelope.exclude_reasoning {
            return;
        }
        let at = self.open_thought(&detail, out);
        let Some(thought) = self.thought_mut(at) else { return };
        thought.format = detail.format.or(thought.format.take());
        thought.signature = detail.signature.or(thought.signature.take());
        let content = detail.content.unwrap_or_default();
        match detail.kind {
            ReasoningKind::Text => self.think(at, Text::Content, detail.index, &content, out),
            ReasoningKind::Summary => self.think(at, Text::Summary, detail.index, &content, out),
            ReasoningKind::Encrypted => thought.encrypted.get_or_insert_default().push_str(&content),
        }
    }

    pub(super) fn close_reasoning(&mut self, at: usize, out: &mut Vec<u8>) {
        self.close_thought_text(at, out);
        let status = if self.is_cut { Status::Incomplete } else { Status::Completed };
        if let Some(thought) = self.thought_mut(at) {
            thought.status = status;
        }
        self.item_done(at, out);
    }

    /// The item that a piece belongs to: pieces of one id are one item, and so are those without an id of one
    /// block.
    fn open_thought(&mut self, detail: &ReasoningDetail, out: &mut Vec<u8>) -> usize {
        let is_same = |item: &Item| match item {
            Item::Reasoning(thought) => {
                thought.given == detail.id && (detail.id.is_some() || thought.index == detail.index)
            }
            _ => false,
        };
        if let Some(at) = self.open.filter(|at| is_same(&self.items[*at])) {
            return at;
        }
        let thought = Thought {
            id: detail.id.clone().unwrap_or_else(|| self.made_up("rs")),
            given: detail.id.clone(),
            index: detail.index,
            content: Vec::new(),
            summary: Vec::new(),
            encrypted: None,
            signature: None,
            format: detail.format.clone(),
            is_kept_whole: self.echo.wants_encrypted,
            writing: None,
            status: Status::InProgress,
        };
        let at = self.add(Item::Reasoning(thought), out);
        self.open = Some(at);
        at
    }

    fn think(&mut self, at: usize, kind: Text, index: u32, text: &str, out: &mut Vec<u8>) {
        if text.is_empty() {
            return;
        }
        let Some(thought) = self.thought_mut(at) else { return };
        if thought.writing != Some((kind, index)) {
            self.close_thought_text(at, out);
            self.begin_thought_text(at, kind, index, out);
        }
        let Some(thought) = self.thought_mut(at) else { return };
        if let Some(known) = thought.texts_mut(kind).last_mut() {
            known.push_str(text);
        }
        self.write_thought(kind.delta(), at, kind, ("delta", Field::Text(text)), out);
    }

    fn begin_thought_text(&mut self, at: usize, kind: Text, index: u32, out: &mut Vec<u8>) {
        let Some(thought) = self.thought_mut(at) else { return };
        thought.writing = Some((kind, index));
        thought.texts_mut(kind).push(String::new());
        if kind == Text::Summary {
            let part = Field::Piece(Piece::Thought(kind, ""));
            self.write_thought("response.reasoning_summary_part.added", at, kind, ("part", part), out);
        }
    }

    fn close_thought_text(&mut self, at: usize, out: &mut Vec<u8>) {
        let Some((kind, _)) = self.thought_mut(at).and_then(|thought| thought.writing.take()) else { return };
        let Some(Item::Reasoning(thought)) = self.items.get(at) else { return };
        let text = thought.texts(kind).last().cloned().unwrap_or_default();
        self.write_thought(kind.done(), at, kind, ("text", Field::Text(&text)), out);
        if kind == Text::Summary {
            let part = Field::Piece(Piece::Thought(kind, &text));
            self.write_thought("response.reasoning_summary_part.done", at, kind, ("part", part), out);
        }
    }

    /// Writes an event about the text that was begun last.
    fn write_thought(
        &mut self,
        event: &'static str,
        at: usize,
        kind: Text,
        field: (&'static str, Field<'_>),
        out: &mut Vec<u8>,
    ) {
        let Some(Item::Reasoning(thought)) = self.items.get(at) else { return };
        let place = thought.texts(kind).len().saturating_sub(1);
        let fields = [
            ("item_id", Field::Text(&thought.id)),
            ("output_index", Field::Index(at)),
            (kind.place(), Field::Index(place)),
            field,
        ];
        self.frames.write(out, event, &fields);
    }

    fn thought_mut(&mut self, at: usize) -> Option<&mut Thought> {
        match self.items.get_mut(at) {
            Some(Item::Reasoning(thought)) => Some(thought),
            _ => None,
        }
    }
}

impl Thought {
    fn texts(&self, kind: Text) -> &[String] {
        match kind {
            Text::Content => &self.content,
            Text::Summary => &self.summary,
        }
    }

    fn texts_mut(&mut self, kind: Text) -> &mut Vec<String> {
        match kind {
            Text::Content => &mut self.content,
            Text::Summary => &mut self.summary,
        }
    }
}

impl Text {
    const fn place(self) -> &'static str {
        match self {
            Self::Content => "content_index",
            Self::Summary => "summary_index",
        }
    }

    const fn delta(self) -> &'static str {
        match self {
            Self::Content => "response.reasoning_text.delta",
            Self::Summary => "response.reasoning_summary_text.delta",
        }
    }

    const fn done(self) -> &'static str {
        match self {
            Self::Content => "response.reasoning_text.done",
            Self::Summary => "response.reasoning_summary_text.done",
        }
    }
}
