//! One row of a table: what is promised, the endpoints it takes, what is asked and what is expected.
//!
//! In every text of a row `{t}` stands for the author of the row's own models and `{a}` to `{z}` for the slugs of
//! its own providers.

use serde_json::{Value, json};

use super::check::Check;

/// One promise.
pub(crate) struct Row {
    /// In the user's words.
    pub(crate) name: &'static str,
    pub(crate) models: Vec<(&'static str, Value)>,
    pub(crate) offers: Vec<Offer>,
    pub(crate) providers: Vec<(char, Value)>,
    /// Asked with a key of an organisation of its own, which pays this many dollars first.
    pub(crate) own_credit: Option<&'static str>,
    pub(crate) steps: Vec<Step>,
}

/// One endpoint.
pub(crate) struct Offer {
    /// The model's name behind `{t}/`.
    pub(crate) model: &'static str,
    pub(crate) provider: char,
    /// Dollars per million tokens, prompt and completion alike.
    pub(crate) price: &'static str,
    /// Further members, as the operator's API takes them.
    pub(crate) members: Value,
    /// What the simulator does to its answers.
    pub(crate) script: Option<Value>,
}

/// Requests that are sent at once, and what is expected of their answers.
pub(crate) struct Step {
    pub(crate) method: Method,
    pub(crate) body: Value,
    pub(crate) headers: Vec<(&'static str, String)>,
    pub(crate) has_key: bool,
    pub(crate) times: usize,
    /// One after the other, not several at a time.
    pub(crate) is_orderly: bool,
    /// Asked again until it is as expected: what was seen takes a moment to reach every router.
    pub(crate) is_patient: bool,
    pub(crate) checks: Vec<Check>,
}

#[derive(Clone, Copy)]
pub(crate) enum Method {
    Get(&'static str),
    Post(&'static str),
}

pub(crate) fn row(name: &'static str) -> Row {
    Row {
        name,
        models: Vec::new(),
        offers: Vec::new(),
        providers: Vec::new(),
        own_credit: None,
        steps: Vec::new(),
    }
}

/// A model at a provider at so many dollars per million tokens.
pub(crate) fn offer(model: &'static str, provider: char, price: &'static str) -> Offer {
    Offer { model, provider, price, members: json!({}), script: None }
}

impl Offer {
    pub(crate) fn with(self, members: Value) -> Self {
        Self { members, ..self }
    }

    pub(crate) fn suffers(self, script: Value) -> Self {
        Self { script: Some(script), ..self }
    }
}

impl Row {
    pub(crate) fn offers(mut self, offers: impl IntoIterator<Item = Offer>) -> Self {
        self.offers.extend(offers);
        self
    }

    /// The model `m` at the providers `a`, `b` and so on, at these prices.
    pub(crate) fn at_prices(self, prices: &[&'static str]) -> Self {
        self.offers(('a'..).zip(prices).map(|(provider, price)| offer("m", provider, price)))
    }

    /// Members of a model, which has the usual ones otherwise.
    pub(crate) fn model(mut self, name: &'static str, members: Value) -> Self {
        self.models.push((name, members));
        self
    }

    /// Members of a provider of this row alone.
    pub(crate) fn provider(mut self, letter: char, members: Value) -> Self {
        self.providers.push((letter, members));
        self
    }

    pub(crate) fn with_own_credit(self, dollars: &'static str) -> Self {
        Self { own_credit: Some(dollars), ..self }
    }

    /// A chat completion of `{t}/m` with these members laid over.
    pub(crate) fn asks(self, members: Value) -> Self {
        let body = json!({
            "model": "{t}/m",
            // So that little money is held meanwhile.
            "max_tokens": 200,
            "messages": [{"role": "user", "content": "Say hello."}],
        });
        self.posts("/chat/completions", laid_over(body, members))
    }

    pub(crate) fn posts(self, path: &'static str, body: Value) -> Self {
        let step = Step {
            method: Method::Post(path),
            body,
            headers: Vec::new(),
            has_key: true,
            times: 1,
            is_orderly: false,
            is_patient: false,
            checks: Vec::new(),
        };
        self.step(step).header("x-openrouter-metadata", "enabled")
    }

    pub(crate) fn gets(self, path: &'static str) -> Self {
        let step = Step {
            method: Method::Get(path),
            body: Value::Null,
            headers: Vec::new(),
            has_key: true,
            times: 1,
            is_orderly: false,
            is_patient: true,
            checks: Vec::new(),
        };
        self.step(step)
    }

    /// Requests that only show the platform how endpoints do.
    pub(crate) fn warm(self, times: usize, members: Value) -> Self {
        self.asks(members).times(times)
    }

    fn step(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }

    fn last(mut self, change: impl FnOnce(&mut Step)) -> Self {
        if let Some(step) = self.steps.last_mut() {
            change(step);
        }
        self
    }

    pub(crate) fn header(self, name: &'static str, value: &str) -> Self {
        self.last(|step| {
            step.headers.retain(|(known, _)| *known != name);
            step.headers.push((name, value.to_owned()));
        })
    }

    pub(crate) fn without_metadata(self) -> Self {
        self.header("x-openrouter-metadata", "disabled")
    }

    pub(crate) fn without_key(self) -> Self {
        self.last(|step| step.has_key = false)
    }

    pub(crate) fn times(self, times: usize) -> Self {
        self.last(|step| step.times = times)
    }

    pub(crate) fn one_by_one(self) -> Self {
        self.last(|step| step.is_orderly = true)
    }

    pub(crate) fn in_a_while(self) -> Self {
        self.last(|step| step.is_patient = true)
    }

    pub(crate) fn expects(self, check: Check) -> Self {
        self.last(|step| step.checks.push(check))
    }
}

/// Members with others laid over; `null` takes one away.
fn laid_over(mut body: Value, members: Value) -> Value {
    if let (Value::Object(body), Value::Object(members)) = (&mut body, members) {
        body.extend(members);
        body.retain(|_, value| !value.is_null());
    }
    body
}
