//! An answer as the order of things that a stream says, before any dialect shapes them.

use bytes::Bytes;

use crate::answer::{Answer, Call, Completion, Finish, call_overhead, sound_tokens};
use crate::seed::Dice;
use crate::tokens::Piece;

/// One thing that a stream says.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    Open,
    Thought {
        choice: usize,
        text: String,
    },
    /// All thoughts of the choice, which are signed now.
    ThoughtsEnd {
        thoughts: String,
    },
    Text {
        choice: usize,
        text: String,
    },
    /// The sound of the text just said.
    Sound {
        choice: usize,
        text: String,
    },
    /// A PNG.
    Picture {
        choice: usize,
        png: Bytes,
    },
    Call {
        choice: usize,
        index: usize,
        name: String,
    },
    Arguments {
        choice: usize,
        index: usize,
        text: String,
    },
    CallEnd {
        choice: usize,
        index: usize,
        call: Call,
    },
    Finish {
        choice: usize,
        finish: Finish,
    },
    /// What follows the last choice: usage and end marks.
    Close,
}

/// A step with the generated tokens it carries.
#[derive(Debug, Clone)]
pub(crate) struct Paced {
    pub(crate) step: Step,
    pub(crate) tokens: u64,
}

/// How many tokens a dialect puts in one chunk: between the two.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Grouping(pub(crate) u64, pub(crate) u64);

/// The steps of a streamed answer. A chunk ends at each of `breakpoints` (tokens of a choice).
pub(crate) fn steps(answer: &Answer, grouping: Grouping, breakpoints: &[u64], seed: u64) -> Vec<Paced> {
    let choices: Vec<Vec<Paced>> = answer
        .completions
        .iter()
        .enumerate()
        .map(|(choice, completion)| {
            let dice = Dice::new(seed ^ choice as u64);
            Chopper { choice, grouping, breakpoints, dice, passed: 0, steps: Vec::new() }.chop(completion)
        })
        .collect();
    let mut all = vec![Paced { step: Step::Open, tokens: 0 }];
    all.extend(interleaved(choices));
    all.push(Paced { step: Step::Close, tokens: 0 });
    all
}

/// One step of each choice in turn, as providers send several choices.
fn interleaved(choices: Vec<Vec<Paced>>) -> Vec<Paced> {
    let mut sources: Vec<_> = choices.into_iter().map(Vec::into_iter).collect();
    let mut all = Vec::new();
    loop {
        let before = all.len();
        for source in &mut sources {
            all.extend(source.next());
        }
        if all.len() == before {
            return all;
        }
    }
}

struct Chopper<'a> {
    choice: usize,
    grouping: Grouping,
    breakpoints: &'a [u64],
    dice: Dice,
    passed: u64,
    steps: Vec<Paced>,
}

impl Chopper<'_> {
    fn chop(mut self, completion: &Completion) -> Vec<Paced> {
        let choice = self.choice;
        self.groups(&completion.thoughts, |text| Step::Thought { choice, text });
        if !completion.thoughts.is_empty() {
            self.push(Step::ThoughtsEnd { thoughts: completion.thinking() }, 0);
        }
        if completion.spoken {
            self.spoken(&completion.text);
        } else {
            self.groups(&completion.text, |text| Step::Text { choice, text });
        }
        if let Some(png) = &completion.picture {
            self.push(Step::Picture { choice, png: png.clone() }, completion.picture_tokens());
        }
        for (index, call) in completion.calls.iter().enumerate() {
            self.push(Step::Call { choice, index, name: call.name.clone() }, call_overhead());
            self.groups(&call.pieces, |text| Step::Arguments { choice, index, text });
            self.push(Step::CallEnd { choice, index, call: call.clone() }, 0);
        }
        self.push(Step::Finish { choice, finish: completion.finish.clone() }, 0);
        self.steps
    }

    /// Text, each piece followed by its sound.
    fn spoken(&mut self, pieces: &[Piece]) {
        let choice = self.choice;
        for Piece { text, tokens } in pieces {
            self.push(Step::Text { choice, text: text.clone() }, *tokens);
            self.push(Step::Sound { choice, text: text.clone() }, sound_tokens(*tokens));
        }
    }

    fn groups(&mut self, pieces: &[Piece], step: impl Fn(String) -> Step) {
        let mut text = String::new();
        let mut tokens = 0;
        let mut wanted = self.group_size();
        for piece in pieces {
            text.push_str(&piece.text);
            tokens += piece.tokens;
            if tokens >= wanted || self.breakpoints.contains(&(self.passed + tokens)) {
                self.push(step(std::mem::take(&mut text)), tokens);
                tokens = 0;
                wanted = self.group_size();
            }
        }
        if !text.is_empty() {
            self.push(step(text), tokens);
        }
    }

    fn group_size(&mut self) -> u64 {
        let Grouping(least, most) = self.grouping;
        least + self.dice.below(most.saturating_sub(least) + 1)
    }

    fn push(&mut self, step: Step, tokens: u64) {
        self.passed += tokens;
        self.steps.push(Paced { step, tokens });
    }
}
