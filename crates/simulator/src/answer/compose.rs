//! Composes an answer from the request, its script and a seed.

use serde_json::{Value, json};

use super::{Answer, CALL_OVERHEAD, Call, Citation, Completion, Finish, Usage};
use crate::ask::{Ask, Format, Role, Tool, ToolChoice};
use crate::picture;
use crate::prose::{self, Prose};
use crate::schema::Maker;
use crate::script::Script;
use crate::seed::{Dice, hash_text};
use crate::tokens::{Piece, Tokenizer, total, truncate};

/// No answer is longer, whatever the request says.
const LONGEST: u64 = 200_000;

/// Composes the whole answer. `label` marks texts as simulated; counting and splitting make this slow enough
/// for the blocking pool.
pub(crate) fn compose(ask: &Ask, script: &Script, seed: u64, label: bool) -> Answer {
    let composer = Composer { ask, prompt: ask.prompt(), script, label };
    let completions: Vec<Completion> =
        (0..ask.choices.max(1)).map(|choice| composer.choice(choice, seed)).collect();
    let mut usage = Usage {
        media: ask.turns.iter().map(|turn| turn.media_tokens).sum(),
        audio: ask.turns.iter().map(|turn| turn.audio_tokens).sum(),
        ..Usage::default()
    };
    for completion in &completions {
        usage.reasoning += total(&completion.thoughts);
        usage.completion += completion.tokens();
        usage.completion_image += completion.picture_tokens();
        usage.completion_audio += completion.sound_tokens();
        usage.billed_completion += completion.tokens() - CALL_OVERHEAD * completion.calls.len() as u64;
    }
    Answer { completions, usage, finish: script.finish.clone(), shows_usage: script.no_usage != Some(true) }
}

#[derive(Clone, Copy)]
struct Composer<'a> {
    ask: &'a Ask,
    prompt: &'a str,
    script: &'a Script,
    label: bool,
}

impl Composer<'_> {
    fn choice(&self, choice: usize, seed: u64) -> Completion {
        let dice = Dice::new(seed ^ choice as u64);
        match self.ask.prompts.get(choice) {
            Some(prompt) => Composer { prompt, ..*self }.completion(dice),
            None => self.completion(dice),
        }
    }

    fn completion(&self, mut dice: Dice) -> Completion {
        let mut completion = Completion { thoughts: self.thoughts(&mut dice), ..Completion::default() };
        if self.script.refusal == Some(true) {
            completion.text = Tokenizer::split("I'm sorry, but I can't help with that request.");
            completion.finish = Finish::Refusal;
        } else if self.script.empty == Some(true) {
            completion.thoughts.clear();
        } else {
            completion.calls = self.calls(&mut dice);
            if completion.calls.is_empty() {
                self.write(&mut completion, dice);
                completion.spoken = self.ask.sound.is_some();
            } else {
                self.plan(&mut completion);
                completion.finish = Finish::Calls;
            }
        }
        self.limit(&mut completion);
        completion
    }

    /// Announces the calls.
    fn plan(&self, completion: &mut Completion) {
        if self.ask.plans {
            let names: Vec<&str> = completion.calls.iter().map(|call| call.name.as_str()).collect();
            completion.text = Tokenizer::split(&format!("I will use {} to answer.", names.join(" and ")));
        }
    }

    fn thoughts(&self, dice: &mut Dice) -> Vec<Piece> {
        let asked = self
            .ask
            .reasoning
            .map(|reasoning| (reasoning.tokens * 3 / 4) + dice.below(reasoning.tokens / 4 + 1));
        let Some(tokens) = self.script.reasoning_tokens.or(asked).filter(|tokens| *tokens > 0) else {
            return Vec::new();
        };
        let mut prose = Prose::thoughts(self.prompt, dice.clone());
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
        if self.ask.picture {
            completion.picture =
                Some(picture::png(hash_text(self.prompt), picture::SIDE, picture::SIDE).into());
        }
        completion.citation = self.citation(&completion.words());
    }

    /// The excerpt of the first document, if the text holds it whole.
    fn citation(&self, text: &str) -> Option<Citation> {
        let cited = prose::excerpt(&self.ask.documents.first()?.text);
        let at = text.find(&cited)?;
        let start = text[..at].chars().count();
        Some(Citation { start, end: start + cited.chars().count(), document: 0 })
    }

    /// The text, or its beginning with the number of tokens to reach and what follows.
    fn text(&self, mut dice: Dice) -> (String, Option<(u64, Prose)>) {
        if let Some(text) = &self.script.text {
            return (text.clone(), None);
        }
        let prompt = self.prompt;
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
        let prompt = self.prompt;
        let label = if self.label { "[simulated] " } else { "" };
        if let Some(result) = self.result() {
            return format!("{label}The tool answered: {}", prose::excerpt(&result));
        }
        if let Some(wanted) = prose::wanted(prompt) {
            return format!("{label}{wanted}");
        }
        if let Some(document) = self.ask.documents.first() {
            let cited = prose::excerpt(&document.text);
            return format!("{label}According to {}: {cited} ", document.title);
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
        let names = prose::names(self.prompt);
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
        let prompt = self.prompt.to_lowercase();
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
            completion.citation = None;
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
