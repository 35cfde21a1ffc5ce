//! What the model says: composed from the request, its script and a seed, before any dialect shapes it.

use serde_json::{Value, json};

use crate::ask::{Ask, Format, Role, Tool, ToolChoice};
use crate::cache::CacheUse;
use crate::prose::{self, Prose};
use crate::schema::Maker;
use crate::script::Script;
use crate::seed::Dice;
use crate::tokens::{Piece, Tokenizer, total, truncate};

/// No answer is longer, whatever the request says.
const LONGEST: u64 = 200_000;
/// A message costs this many tokens beside its text, and so does the start of the answer.
const TURN_OVERHEAD: u64 = 4;
const ANSWER_OVERHEAD: u64 = 3;
/// What a call costs beside its arguments.
const CALL_OVERHEAD: u64 = 5;

/// Why the model stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Finish {
    Stop,
    /// At this stop sequence.
    Sequence(String),
    Length,
    Calls,
    Refusal,
}

#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) name: String,
    pub(crate) arguments: Value,
    /// The arguments as the text that is streamed; cut short when the length ran out.
    pub(crate) pieces: Vec<Piece>,
    pub(crate) complete: bool,
}

/// One choice.
#[derive(Debug, Clone)]
pub(crate) struct Completion {
    pub(crate) thoughts: Vec<Piece>,
    pub(crate) text: Vec<Piece>,
    pub(crate) calls: Vec<Call>,
    pub(crate) finish: Finish,
}

/// Tokens as the model's maker would count them. `prompt` includes the cached part, `completion` the thoughts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize)]
pub struct Usage {
    pub prompt: u64,
    pub cache_read: u64,
    pub cache_write_5m: u64,
    pub cache_write_1h: u64,
    pub completion: u64,
    pub reasoning: u64,
    /// The part of `prompt` that is images and files.
    pub media: u64,
}

#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) completions: Vec<Completion>,
    pub(crate) usage: Usage,
    /// A native finish reason that the script prescribes.
    pub(crate) finish: Option<String>,
    pub(crate) shows_usage: bool,
}

/// Token counts of the parts of a prompt: of the tools together, and of each turn.
pub(crate) fn count_prompt(tokenizer: &Tokenizer, ask: &Ask) -> (u64, Vec<u64>) {
    let tools = ask.tools.iter().map(|tool| tokenizer.count(&tool.declaration) + TURN_OVERHEAD).sum();
    let turn = |turn: &crate::ask::Turn| {
        // The text without its directives is echoed, the text as sent is counted.
        let said = if turn.extra.contains("[[sim:") { 0 } else { tokenizer.count(&turn.text) };
        said + tokenizer.count(&turn.extra) + turn.media_tokens + TURN_OVERHEAD
    };
    (tools, ask.turns.iter().map(turn).collect())
}

/// Composes the whole answer. `label` marks texts as simulated; counting and splitting make this slow enough
/// for the blocking pool.
pub(crate) fn compose(ask: &Ask, script: &Script, seed: u64, label: bool) -> Answer {
    let composer = Composer { ask, script, label };
    let completions: Vec<Completion> =
        (0..ask.choices.max(1)).map(|choice| composer.completion(Dice::new(seed ^ choice as u64))).collect();
    let mut usage = Usage { media: ask.turns.iter().map(|turn| turn.media_tokens).sum(), ..Usage::default() };
    for completion in &completions {
        usage.reasoning += total(&completion.thoughts);
        usage.completion += completion.tokens();
    }
    Answer { completions, usage, finish: script.finish.clone(), shows_usage: script.no_usage != Some(true) }
}

impl Answer {
    /// Fills in what the prompt cost.
    pub(crate) fn charge_prompt(&mut self, tools: u64, turns: &[u64], cached: CacheUse) {
        self.usage.prompt = tools + turns.iter().sum::<u64>() + ANSWER_OVERHEAD;
        self.usage.cache_read = cached.read;
        self.usage.cache_write_5m = cached.written_5m;
        self.usage.cache_write_1h = cached.written_1h;
    }
}

impl Completion {
    fn tokens(&self) -> u64 {
        let calls: u64 = self.calls.iter().map(|call| total(&call.pieces) + CALL_OVERHEAD).sum();
        total(&self.thoughts) + total(&self.text) + calls
    }

    pub(crate) fn words(&self) -> String {
        words(&self.text)
    }

    pub(crate) fn thinking(&self) -> String {
        words(&self.thoughts)
    }
}

/// The text of pieces.
pub(crate) fn words(pieces: &[Piece]) -> String {
    pieces.iter().map(|piece| piece.text.as_str()).collect()
}

/// What a call's opening costs, which is sent with it.
pub(crate) const fn call_overhead() -> u64 {
    CALL_OVERHEAD
}

struct Composer<'a> {
    ask: &'a Ask,
    script: &'a Script,
    label: bool,
}

impl Composer<'_> {
    fn completion(&self, mut dice: Dice) -> Completion {
        let mut completion = Completion {
            thoughts: self.thoughts(&mut dice),
            text: Vec::new(),
            calls: Vec::new(),
            finish: Finish::Stop,
        };
        if self.script.refusal == Some(true) {
            completion.text = Tokenizer::split("I'm sorry, but I can't help with that request.");
            completion.finish = Finish::Refusal;
        } else if self.script.empty == Some(true) {
            completion.thoughts.clear();
        } else {
            completion.calls = self.calls(&mut dice);
            if completion.calls.is_empty() {
                self.write(&mut completion, dice);
            } else {
                completion.finish = Finish::Calls;
            }
        }
        self.limit(&mut completion);
        completion
    }

    fn thoughts(&self, dice: &mut Dice) -> Vec<Piece> {
        let asked = self
            .ask
            .reasoning
            .map(|reasoning| (reasoning.tokens * 3 / 4) + dice.below(reasoning.tokens / 4 + 1));
        let Some(tokens) = self.script.reasoning_tokens.or(asked).filter(|tokens| *tokens > 0) else {
            return Vec::new();
        };
        let mut prose = Prose::thoughts(self.ask.prompt(), dice.clone());
        exactly(tokens, String::new(), &mut prose)
    }

    fn write(&self, completion: &mut Completion, dice: Dice) {
        let (text, padded) = self.text(dice);
        completion.text = match padded {
            Some((tokens, mut prose)) => exactly(tokens, text, &mut prose),
            None => Tokenizer::split(&text),
        };
        // The earliest stop sequence ends the text before it.
        let text = completion.words();
        let hit = self
            .ask
            .stop
            .iter()
            .filter(|stop| !stop.is_empty())
            .filter_map(|stop| text.find(stop.as_str()).map(|at| (at, stop)))
            .min_by_key(|(at, _)| *at);
        if let Some((at, stop)) = hit {
            completion.text = Tokenizer::split(&text[..at]);
            completion.finish = Finish::Sequence(stop.clone());
        }
    }

    /// The text, or its beginning with the number of tokens to reach and what follows.
    fn text(&self, mut dice: Dice) -> (String, Option<(u64, Prose)>) {
        if let Some(text) = &self.script.text {
            return (text.clone(), None);
        }
        let prompt = self.ask.prompt();
        let names = prose::names(prompt);
        match &self.ask.format {
            Format::Schema(schema) => return (Maker::new(schema, dice, &names).make().to_string(), None),
            Format::Object => {
                let mut prose = Prose::answer(prompt, dice);
                let answer = json!({"answer": prose.sentence(), "question": prose::excerpt(prompt), "simulated": true});
                return (answer.to_string(), None);
            }
            Format::Text => {}
        }
        let opening = self.opening();
        if self.script.tokens.is_none() && (prose::wanted(prompt).is_some() || self.result().is_some()) {
            return (opening, None);
        }
        let tokens = self.script.tokens.unwrap_or_else(|| 60 + dice.below(100));
        (opening, Some((tokens.min(LONGEST), Prose::answer(prompt, dice))))
    }

    /// The words that refer to the request itself.
    fn opening(&self) -> String {
        let prompt = self.ask.prompt();
        let label = if self.label { "[simulated] " } else { "" };
        if let Some(result) = self.result() {
            return format!("{label}The tool answered: {}", prose::excerpt(&result));
        }
        if let Some(wanted) = prose::wanted(prompt) {
            return format!("{label}{wanted}");
        }
        let images: u64 = self.ask.turns.iter().map(|turn| turn.images).sum();
        let seen = match images {
            0 => String::new(),
            1 => " I looked at the image.".to_owned(),
            several => format!(" I looked at the {several} images."),
        };
        format!("{label}You asked: \"{}\".{seen} ", prose::excerpt(prompt))
    }

    /// The results of tools, when they are the last word.
    fn result(&self) -> Option<String> {
        let last = self.ask.turns.iter().rposition(|turn| turn.role != Role::Tool)?;
        let results: Vec<&str> = self.ask.turns[last + 1..].iter().map(|turn| turn.text.as_str()).collect();
        (!results.is_empty()).then(|| results.join("; "))
    }

    fn calls(&self, dice: &mut Dice) -> Vec<Call> {
        let chosen = self.chosen_tools(dice);
        let names = prose::names(self.ask.prompt());
        let call = |tool: &Tool| {
            let mut call_dice = Dice::new(dice.roll());
            // The answer is the same whether the hints were used by an earlier call or not.
            let arguments = match &tool.schema {
                Value::Object(_) => Maker::new(&tool.schema, Dice::new(call_dice.roll()), &names).make(),
                _ => json!({}),
            };
            let arguments = if arguments.is_object() { arguments } else { json!({}) };
            let pieces = Tokenizer::split(&arguments.to_string());
            Call { name: tool.name.clone(), arguments, pieces, complete: true }
        };
        chosen.into_iter().map(call).collect()
    }

    fn chosen_tools(&self, dice: &mut Dice) -> Vec<&Tool> {
        let tools = &self.ask.tools;
        if tools.is_empty() || self.result().is_some() {
            return Vec::new();
        }
        let wanted = if self.ask.parallel { self.script.tools.unwrap_or(1) } else { 1 };
        let named = self.script.tool.as_deref().or(match &self.ask.tool_choice {
            ToolChoice::Named(name) => Some(name.as_str()),
            _ => None,
        });
        if let Some(name) = named {
            let found = tools.iter().find(|tool| tool.name == name);
            return found.map_or_else(Vec::new, |tool| vec![tool; wanted]);
        }
        let mut chosen = match self.ask.tool_choice {
            ToolChoice::Nothing => return Vec::new(),
            _ => self.mentioned(),
        };
        if !self.ask.parallel {
            chosen.truncate(1);
        }
        let forced = self.ask.tool_choice == ToolChoice::Required || self.script.tools.is_some();
        if forced && chosen.is_empty() {
            chosen.push(&tools[dice.index(tools.len())]);
        }
        let mut round = tools.iter().cycle();
        while !chosen.is_empty() && chosen.len() < wanted {
            chosen.extend(round.next());
        }
        chosen
    }

    /// The tools that the prompt asks for: by name, or by every longer word of their name.
    fn mentioned(&self) -> Vec<&Tool> {
        let prompt = self.ask.prompt().to_lowercase();
        let asks = |tool: &&Tool| {
            let name = tool.name.to_lowercase();
            let mut parts =
                name.split(|character: char| !character.is_alphanumeric()).filter(|part| part.len() > 3);
            prompt.contains(&name)
                || (parts.clone().next().is_some() && parts.all(|part| prompt.contains(part)))
        };
        let mut found: Vec<&Tool> = self.ask.tools.iter().filter(asks).take(8).collect();
        if found.is_empty()
            && ["use a tool", "use the tool", "call a tool", "call the tool"]
                .iter()
                .any(|wish| prompt.contains(wish))
        {
            found.extend(self.ask.tools.first());
        }
        found
    }

    /// Cuts the answer where the allowed tokens end: thoughts, text and calls count, in this order.
    fn limit(&self, completion: &mut Completion) {
        let mut left = self.ask.max_tokens.unwrap_or(LONGEST);
        let mut cut = truncate(&mut completion.thoughts, left);
        left = left.saturating_sub(total(&completion.thoughts));
        cut |= truncate(&mut completion.text, left);
        left = left.saturating_sub(total(&completion.text));
        let calls = std::mem::take(&mut completion.calls);
        for mut call in calls {
            if left < CALL_OVERHEAD {
                cut = true;
                break;
            }
            left -= CALL_OVERHEAD;
            call.complete = !truncate(&mut call.pieces, left);
            cut |= !call.complete;
            left = left.saturating_sub(total(&call.pieces));
            completion.calls.push(call);
        }
        if cut {
            completion.finish = Finish::Length;
        }
    }
}

/// A text of exactly so many tokens that begins with `opening` and goes on in `prose`.
fn exactly(tokens: u64, opening: String, prose: &mut Prose) -> Vec<Piece> {
    let mut pieces = Tokenizer::split(opening.trim_end());
    let mut spaced = !opening.is_empty();
    let mut count = total(&pieces);
    while count < tokens {
        let sentence = prose.sentence();
        let lead = if spaced && !sentence.starts_with(' ') { " " } else { "" };
        spaced = true;
        let more = Tokenizer::split(&format!("{lead}{sentence}"));
        count += total(&more);
        pieces.extend(more);
    }
    truncate(&mut pieces, tokens);
    pieces
}
