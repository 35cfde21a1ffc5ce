//! Writes the documents of an answer, the best first.

use pricing::Class;
use serde::Serialize;
use serde_json::{Number, Value};

use crate::canonical::{Document, Event, RerankRequest};
use crate::client::error;
use crate::client::usage::CostDetails;
use crate::client::wire::append;
use crate::client::{AnswerEncoder, Bill, Envelope, PublicError};

pub(super) struct Answer {
    envelope: Envelope,
    documents: Vec<Document>,
    /// Results at most.
    most: usize,
    ranked: Vec<(u32, f64)>,
}

#[derive(Serialize)]
struct Body<'a> {
    id: &'a str,
    model: &'a str,
    provider: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    simulated: Option<bool>,
    results: Vec<Row<'a>>,
    usage: Usage,
    #[serde(skip_serializing_if = "Option::is_none")]
    openrouter_metadata: Option<&'a Value>,
}

#[derive(Serialize)]
struct Row<'a> {
    index: u32,
    relevance_score: f64,
    document: DocumentBody<'a>,
}

#[derive(Serialize)]
struct DocumentBody<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    image: Option<&'a str>,
}

#[derive(Serialize)]
struct Usage {
    #[serde(skip_serializing_if = "Option::is_none")]
    search_units: Option<u64>,
    total_tokens: u64,
    cost: Number,
    is_byok: bool,
    cost_details: CostDetails,
}

impl Answer {
    pub(super) fn new(envelope: Envelope, request: &RerankRequest) -> Self {
        let most = request.top_n.and_then(|most| usize::try_from(most).ok()).unwrap_or(usize::MAX);
        Self { envelope, documents: request.documents.clone(), most, ranked: Vec::new() }
    }

    fn document(&self, index: u32) -> Option<&Document> {
        self.documents.get(usize::try_from(index).ok()?)
    }
}

impl Usage {
    fn of(bill: &Bill) -> Self {
        let usage = &bill.usage;
        Self {
            search_units: Some(usage.get(Class::SearchUnit)).filter(|units| *units > 0),
            total_tokens: usage.prompt_tokens().unwrap_or(u64::MAX),
            cost: bill.cost.to_json_number(),
            is_byok: bill.is_byok,
            cost_details: CostDetails::of(bill),
        }
    }
}

impl AnswerEncoder for Answer {
    fn event(&mut self, event: Event, _out: &mut Vec<u8>) {
        // What is of no document, or has no score, is no result.
        if let Event::Ranked { index, score } = event
            && score.is_finite()
            && self.document(index).is_some()
        {
            self.ranked.push((index, score));
        }
    }

    fn finish(&mut self, bill: &Bill, out: &mut Vec<u8>) {
        self.ranked.sort_by(|(_, one), (_, other)| other.total_cmp(one));
        let results = self.ranked.iter().take(self.most).filter_map(|(index, score)| {
            let document = self.document(*index)?;
            let document = DocumentBody { text: document.text.as_deref(), image: document.image.as_deref() };
            Some(Row { index: *index, relevance_score: *score, document })
        });
        append(
            out,
            &Body {
                id: &self.envelope.id,
                model: &self.envelope.model,
                provider: &self.envelope.provider,
                simulated: self.envelope.simulated.then_some(true),
                results: results.collect(),
                usage: Usage::of(bill),
                openrouter_metadata: self.envelope.routing.as_ref(),
            },
        );
    }

    fn fail(&mut self, error: &PublicError, _bill: Option<&Bill>, out: &mut Vec<u8>) {
        out.extend(error::body(error));
    }
}
