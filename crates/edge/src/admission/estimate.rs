//! What a request may cost at most, at each of the attempts that its plan allows.

use dialect::canonical::Operation;
use dialect::client::Peek;
use pricing::{Amount, Bound, Markup, OutOfRange, PriceBook};
use rpc::convert::{Malformed, book_in, markup};
use rpc::router::Attempt;

/// Tokens that a chat template adds around one message, and around the whole.
const PER_MESSAGE: u64 = 16;
const PER_REQUEST: u64 = 64;
/// What providers add to the prompt so that a model knows how to call tools or keep to a schema.
const PER_TOOL_USE: u64 = 2_048;
/// The dearest image that any provider counts: eight tiles of a model that counts 5,667 tokens each.
const PER_IMAGE: u64 = 50_000;
/// Longer than the context of any model.
const LONGEST_CONTEXT: u64 = 10_000_000;
/// Completion tokens of an endpoint of which nothing is known; it is asked for no more.
const UNKNOWN_OUTPUT: u64 = 131_072;
/// With fewer completion tokens than this, and than it asks for, a request is not worth executing.
const WORTHWHILE: u64 = 64;

/// Bytes of text that a token has, about.
const BYTES_PER_TOKEN: u64 = 4;
/// Tokens of an image, about.
const USUAL_IMAGE: u64 = 1_000;
/// Completion tokens where a request does not say how many it wants.
const USUAL_OUTPUT: u64 = 1_024;
/// No more completion tokens are expected, whatever a request asks for.
const MOST_EXPECTED: u64 = 8_192;

/// One attempt's prices and limits.
struct Priced {
    book: PriceBook,
    markup: Markup,
    prompt_tokens: u64,
    images: u64,
    /// Per choice.
    completion_tokens: u64,
    /// Nothing but the clamp keeps the endpoint within `completion_tokens`.
    needs_clamp: bool,
}

/// The bounds of a request at all of its attempts.
pub(super) struct Estimate {
    attempts: Vec<Priced>,
    choices: u64,
    pieces: Bound,
    /// Whether a request that is short of money can be served by a shorter answer.
    can_shorten: bool,
}

impl Estimate {
    pub(super) fn of(operation: Operation, peek: &Peek, attempts: &[Attempt]) -> Result<Self, Malformed> {
        let prompt = prompt_tokens(peek);
        // Of several inputs to be embedded or ranked, each has the context to itself.
        let inputs = match operation {
            Operation::Embeddings | Operation::Rerank => u64::from(peek.messages.max(1)),
            _ => 1,
        };
        let has_completion = !matches!(operation, Operation::Embeddings | Operation::Rerank);
        let can_shorten =
            operation == Operation::Chat && !attempts.iter().any(|attempt| attempt.outputs_media);
        let attempts = attempts
            .iter()
            .map(|attempt| {
                let price = attempt.price.as_ref().ok_or(Malformed("attempt.price"))?;
                let book = book_in(price)?;
                // A prompt that does not fit is refused by the endpoint, so none that is served is longer.
                let context = Some(attempt.context_length).filter(|length| *length > 0);
                let wanted = peek.max_tokens.filter(|_| !attempt.outputs_media);
                let known = [wanted, attempt.max_output, context];
                let completion = known.into_iter().flatten().min().filter(|most| *most <= LONGEST_CONTEXT);
                let completion = if has_completion { completion } else { Some(0) };
                Ok(Priced {
                    book,
                    markup: markup(attempt.markup_basis_points),
                    prompt_tokens: context.map_or(prompt, |length| length.saturating_mul(inputs).min(prompt)),
                    images: u64::from(peek.images),
                    completion_tokens: completion.unwrap_or(UNKNOWN_OUTPUT),
                    needs_clamp: can_shorten && completion.is_none(),
                })
            })
            .collect::<Result<_, Malformed>>()?;
        let pieces = Bound {
            pictures: u64::from(peek.pictures),
            characters: peek.characters,
            seconds: peek.seconds,
            search_units: peek.search_units,
            ..Bound::default()
        };
        Ok(Self { attempts, choices: u64::from(peek.choices.max(1)), pieces, can_shorten })
    }

    /// Whether no attempt costs anything.
    pub(super) fn is_free(&self) -> bool {
        self.attempts.iter().all(|attempt| attempt.book.is_free())
    }

    /// The most that the request can cost.
    pub(super) fn bound(&self) -> Result<Amount, OutOfRange> {
        self.dearest(|attempt| attempt.completion_tokens)
    }

    /// The most that the request can cost with so many completion tokens.
    pub(super) fn bound_of(&self, completion_tokens: u64) -> Result<Amount, OutOfRange> {
        self.dearest(|attempt| attempt.completion_tokens.min(completion_tokens))
    }

    /// Completion tokens that an answer can have at most.
    pub(super) fn longest(&self) -> u64 {
        self.attempts.iter().map(|attempt| attempt.completion_tokens).max().unwrap_or(0)
    }

    /// The least that is worth reserving.
    pub(super) fn floor(&self) -> Result<Amount, OutOfRange> {
        let least = if self.can_shorten { WORTHWHILE } else { u64::MAX };
        self.dearest(|attempt| attempt.completion_tokens.min(least))
    }

    /// Completion tokens per choice that `amount` pays for at every attempt.
    pub(super) fn affordable(&self, amount: Amount) -> Result<Option<u64>, OutOfRange> {
        let mut fewest: Option<u64> = None;
        for attempt in &self.attempts {
            let limits = self.limits(attempt, attempt.completion_tokens);
            let all = pricing::affordable_output(&attempt.book, attempt.markup, limits, amount)?.unwrap_or(0);
            let each = (all / self.choices).max(1);
            fewest = Some(fewest.map_or(each, |fewest| fewest.min(each)));
        }
        Ok(fewest)
    }

    /// The clamp that a request needs even when all of its bound is reserved.
    pub(super) fn needed_clamp(&self) -> Option<u64> {
        self.attempts
            .iter()
            .filter(|attempt| attempt.needs_clamp)
            .map(|attempt| attempt.completion_tokens)
            .min()
    }

    fn dearest(&self, completion: impl Fn(&Priced) -> u64) -> Result<Amount, OutOfRange> {
        self.attempts.iter().try_fold(Amount::ZERO, |dearest, attempt| {
            let limits = self.limits(attempt, completion(attempt));
            Ok(dearest.max(pricing::bound(&attempt.book, attempt.markup, limits)?))
        })
    }

    fn limits(&self, attempt: &Priced, completion_per_choice: u64) -> Bound {
        Bound {
            prompt_tokens: attempt.prompt_tokens,
            images: attempt.images,
            completion_tokens: completion_per_choice.saturating_mul(self.choices),
            ..self.pieces
        }
    }
}

/// One token per byte of text, plus what templates and media may add.
fn prompt_tokens(peek: &Peek) -> u64 {
    // Of audio, video and files it is only known that they fit into the context.
    if peek.input_modalities.iter().any(|modality| !matches!(*modality, "text" | "image")) {
        return LONGEST_CONTEXT;
    }
    let tools = if peek
        .parameters
        .iter()
        .any(|name| matches!(*name, "tools" | "response_format" | "structured_outputs"))
    {
        PER_TOOL_USE
    } else {
        0
    };
    peek.text_bytes
        .saturating_add(u64::from(peek.messages).saturating_mul(PER_MESSAGE))
        .saturating_add(u64::from(peek.images).saturating_mul(PER_IMAGE))
        .saturating_add(PER_REQUEST)
        .saturating_add(tools)
}

/// About how many tokens a request takes, for limits that are corrected by what it took: a token for four bytes of
/// text, and of the completion what is asked for, or [`USUAL_OUTPUT`].
pub(super) fn expected_tokens(operation: Operation, peek: &Peek) -> u64 {
    let prompt = peek.text_bytes.div_ceil(BYTES_PER_TOKEN) + u64::from(peek.images) * USUAL_IMAGE;
    let completion = match operation {
        Operation::Embeddings | Operation::Rerank => 0,
        _ => peek.max_tokens.unwrap_or(USUAL_OUTPUT).min(MOST_EXPECTED),
    };
    prompt.saturating_add(completion.saturating_mul(u64::from(peek.choices.max(1))))
}

#[cfg(test)]
mod tests {
    use pricing::{Class, Rate, Rates};

    use super::*;

    fn attempt(input: i64, output: i64, max_output: Option<u64>) -> Attempt {
        let base = Rates::default()
            .with(Class::Input, Rate::from_picos(input))
            .with(Class::Output, Rate::from_picos(output));
        let book = PriceBook { base, tiers: Vec::new() };
        Attempt {
            price: Some(rpc::convert::price_out(identity::PriceVersionId::generate(), &book)),
            context_length: 8_000,
            max_output,
            ..Attempt::default()
        }
    }

    fn peek(text_bytes: u64, max_tokens: Option<u64>) -> Peek {
        Peek { text_bytes, max_tokens, choices: 1, messages: 1, ..Peek::default() }
    }

    #[test]
    fn the_dearest_attempt_bounds_and_the_cheapest_clamp_holds() {
        let attempts = [attempt(1_000, 2_000, None), attempt(2_000, 8_000, Some(1_000))];
        let estimate = Estimate::of(Operation::Chat, &peek(920, None), &attempts).unwrap();
        // 920 bytes + 16 + 64 = 1,000 prompt tokens. First: 8,000 completion tokens, second: 1,000.
        assert_eq!(estimate.bound().unwrap(), Amount::from_nanos(1_000 + 16_000));
        assert_eq!(estimate.floor().unwrap(), Amount::from_nanos(2_000 + 512));
        // The first affords (9,000 - 1,000) / 2, the second (9,000 - 2,000) / 8.
        assert_eq!(estimate.affordable(Amount::from_nanos(9_000)).unwrap(), Some(875));
        assert_eq!(estimate.needed_clamp(), None);
    }

    #[test]
    fn a_prompt_is_never_longer_than_the_context() {
        let attempts = [attempt(1_000, 0, None)];
        let estimate = Estimate::of(Operation::Chat, &peek(1_000_000, Some(0)), &attempts).unwrap();
        assert_eq!(estimate.bound().unwrap(), Amount::from_nanos(8_000));
    }

    #[test]
    fn an_endpoint_of_which_nothing_is_known_is_clamped() {
        let unknown = Attempt { context_length: 0, ..attempt(0, 1_000, None) };
        let estimate = Estimate::of(Operation::Chat, &peek(10, None), &[unknown]).unwrap();
        assert_eq!(estimate.needed_clamp(), Some(UNKNOWN_OUTPUT));
        assert!(!estimate.is_free());
        let unknown = Attempt { context_length: 0, ..attempt(0, 1_000, None) };
        let absurd = Estimate::of(Operation::Chat, &peek(10, Some(u64::MAX)), &[unknown]).unwrap();
        assert_eq!(absurd.needed_clamp(), Some(UNKNOWN_OUTPUT));
    }

    #[test]
    fn several_inputs_have_the_context_each_and_no_completion() {
        let attempts = [attempt(1_000, 1_000_000, None)];
        let peek = Peek { messages: 2, ..peek(1_000_000, None) };
        let estimate = Estimate::of(Operation::Embeddings, &peek, &attempts).unwrap();
        assert_eq!(estimate.bound().unwrap(), Amount::from_nanos(16_000));
        assert_eq!(estimate.floor().unwrap(), estimate.bound().unwrap());
    }

    #[test]
    fn what_is_priced_by_the_piece_is_reserved_whole() {
        let base = Rates::default().with(Class::Character, Rate::from_picos(15_000));
        let book = PriceBook { base, tiers: Vec::new() };
        let price = Some(rpc::convert::price_out(identity::PriceVersionId::generate(), &book));
        let attempts = [Attempt { price, context_length: 4_096, ..Attempt::default() }];
        let peek = Peek { characters: 1_000, ..peek(1_000, None) };
        let estimate = Estimate::of(Operation::Speech, &peek, &attempts).unwrap();
        assert_eq!(estimate.bound().unwrap(), Amount::from_nanos(15_000));
        assert_eq!(estimate.floor().unwrap(), estimate.bound().unwrap());
    }

    #[test]
    fn images_in_an_answer_keep_to_no_limit() {
        let drawing = Attempt { outputs_media: true, ..attempt(0, 1_000, Some(4_000)) };
        let estimate = Estimate::of(Operation::Chat, &peek(10, Some(16)), &[drawing]).unwrap();
        assert_eq!(estimate.bound().unwrap(), Amount::from_nanos(4_000));
        assert_eq!(estimate.floor().unwrap(), estimate.bound().unwrap());
    }

    #[test]
    fn a_limit_on_tokens_expects_what_is_asked_for_within_bounds() {
        let expected = |max_tokens| expected_tokens(Operation::Chat, &peek(401, max_tokens));
        assert_eq!((expected(Some(50)), expected(None)), (101 + 50, 101 + USUAL_OUTPUT));
        assert_eq!(expected(Some(u64::MAX)), 101 + MOST_EXPECTED);
        assert_eq!(expected_tokens(Operation::Embeddings, &peek(401, None)), 101);
        let twice = Peek { choices: 2, images: 1, ..peek(400, Some(50)) };
        assert_eq!(expected_tokens(Operation::Chat, &twice), 100 + USUAL_IMAGE + 100);
    }

    #[test]
    fn choices_multiply_the_completion() {
        let attempts = [attempt(0, 1_000, Some(100))];
        let peek = Peek { choices: 3, ..peek(1, Some(50)) };
        let estimate = Estimate::of(Operation::Chat, &peek, &attempts).unwrap();
        assert_eq!(estimate.bound().unwrap(), Amount::from_nanos(150));
        assert_eq!(estimate.affordable(Amount::from_nanos(75)).unwrap(), Some(25));
    }
}
