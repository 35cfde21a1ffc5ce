//! The parameters of a list, read from a URL's query.

use std::ops::RangeInclusive;
use std::str::FromStr;

use pricing::Rate;
use rpc::Fault;

use super::filter::{Bounds, Filter};
use super::sort::Sort;

const CATEGORIES: [&str; 12] = [
    "programming",
    "roleplay",
    "marketing",
    "marketing/seo",
    "technology",
    "science",
    "translation",
    "legal",
    "finance",
    "health",
    "trivia",
    "academia",
];
const INPUTS: [&str; 5] = ["text", "image", "file", "audio", "video"];
const OUTPUTS: [&str; 9] =
    ["text", "image", "embeddings", "audio", "video", "rerank", "speech", "transcription", "all"];

/// Rows of a page where `offset` is given and `limit` is not, and at most.
const PAGE: usize = 500;
const PAGE_LIMIT: usize = 1_000;

/// What of which list is wanted.
#[derive(Debug, Default)]
pub(super) struct Query {
    pub(super) filter: Filter,
    pub(super) sort: Option<Sort>,
    /// `None` = everything.
    pub(super) page: Option<Page>,
    pub(super) feed: Option<Feed>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Page {
    pub(super) offset: usize,
    pub(super) limit: usize,
}

/// The list is wanted as a feed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Feed {
    /// Items lead to a chat instead of the model's details.
    pub(super) chat_links: bool,
}

/// A query's names and values, in their order.
#[derive(Debug, Clone)]
pub(super) struct Pairs(Vec<(String, String)>);

impl Query {
    /// Reads every parameter; names that are not known are passed over.
    ///
    /// # Errors
    /// [`Fault`] naming the parameter that is no good.
    pub(super) fn read(pairs: &Pairs) -> Result<Self, Fault> {
        let feed = pairs.flag("use_rss").then(|| Feed { chat_links: pairs.flag("use_rss_chat_links") });
        Ok(Self {
            filter: filter(pairs)?,
            sort: pairs.word("sort", &Sort::ALL.map(Sort::as_str))?.and_then(Sort::named),
            page: page(pairs)?,
            feed,
        })
    }

    /// Reads the page alone.
    ///
    /// # Errors
    /// As [`Query::read`].
    pub(super) fn read_page(pairs: &Pairs) -> Result<Self, Fault> {
        Ok(Self { page: page(pairs)?, ..Self::default() })
    }
}

fn page(pairs: &Pairs) -> Result<Option<Page>, Fault> {
    let offset = pairs.number("offset", 0..=usize::MAX, "an integer from 0 on")?;
    let limit = pairs.number("limit", 1..=PAGE_LIMIT, "an integer from 1 to 1000")?;
    let is_paged = offset.is_some() || limit.is_some();
    Ok(is_paged.then(|| Page { offset: offset.unwrap_or(0), limit: limit.unwrap_or(PAGE) }))
}

fn filter(pairs: &Pairs) -> Result<Filter, Fault> {
    Ok(Filter {
        words: pairs.text("q").unwrap_or_default().split_whitespace().map(str::to_lowercase).collect(),
        category: pairs.word("category", &CATEGORIES)?.map(str::to_owned),
        parameters: pairs.list("supported_parameters"),
        inputs: pairs.words("input_modalities", &INPUTS)?,
        outputs: pairs.words("output_modalities", &OUTPUTS)?,
        context: pairs.number("context", 1..=u64::MAX, "an integer from 1 on")?,
        prompt_price: Bounds { min: pairs.dollars("min_price")?, max: pairs.dollars("max_price")? },
        completion_price: Bounds {
            min: pairs.dollars("min_output_price")?,
            max: pairs.dollars("max_output_price")?,
        },
        architecture: pairs.text("arch").map(str::to_lowercase),
        authors: lower(pairs.list("model_authors")),
        providers: lower(pairs.list("providers")),
        distillable: pairs.word("distillable", &["true", "false"])?.map(|word| word == "true"),
        zero_data_retention: pairs.word("zdr", &["true"])?.is_some(),
        region: pairs.word("region", &["eu", "us"])?.map(str::to_owned),
        age_days: pairs.bounds("age_days", "an integer from 0 on", u64::MAX)?,
        intelligence: pairs.bounds("intelligence_index", "a number from 0 on", f64::MAX)?,
        coding: pairs.bounds("coding_index", "a number from 0 on", f64::MAX)?,
        agentic: pairs.bounds("agentic_index", "a number from 0 on", f64::MAX)?,
        tool_success: pairs.bounds("tool_success_rate", "a number from 0 to 1", 1.0)?,
    })
}

fn lower(names: Vec<String>) -> Vec<String> {
    names.iter().map(|name| name.to_lowercase()).collect()
}

impl Pairs {
    pub(super) fn of(query: &str) -> Self {
        let pairs = url::form_urlencoded::parse(query.as_bytes());
        Self(pairs.map(|(name, value)| (name.into_owned(), value.into_owned())).collect())
    }

    /// The same list from another row on.
    pub(super) fn at(&self, page: Page) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        for (name, value) in self.0.iter().filter(|(name, _)| name != "offset" && name != "limit") {
            query.append_pair(name, value);
        }
        query.append_pair("offset", &page.offset.to_string());
        query.append_pair("limit", &page.limit.to_string());
        query.finish()
    }

    /// The last value that is not empty.
    fn text(&self, wanted: &str) -> Option<&str> {
        let own = self.0.iter().rev().filter(|(name, _)| name == wanted);
        own.map(|(_, value)| value.trim()).find(|value| !value.is_empty())
    }

    fn flag(&self, name: &str) -> bool {
        self.text(name).is_some_and(|value| matches!(value, "true" | "1"))
    }

    /// Comma-separated values, of all that bear the name.
    fn list(&self, wanted: &str) -> Vec<String> {
        let own = self.0.iter().filter(|(name, _)| name == wanted);
        let values = own.flat_map(|(_, value)| value.split(','));
        values.map(str::trim).filter(|value| !value.is_empty()).map(str::to_owned).collect()
    }

    fn word<'a>(&'a self, name: &str, words: &[&str]) -> Result<Option<&'a str>, Fault> {
        match self.text(name) {
            Some(value) if !words.contains(&value) => {
                Err(must(name, &format!("be one of {}", words.join(", "))))
            }
            value => Ok(value),
        }
    }

    fn words(&self, name: &str, words: &[&str]) -> Result<Vec<String>, Fault> {
        let list = self.list(name);
        if list.iter().all(|value| words.contains(&value.as_str())) {
            Ok(list)
        } else {
            Err(must(name, &format!("be a comma-separated list of {}", words.join(", "))))
        }
    }

    fn number<T: FromStr + PartialOrd>(
        &self,
        name: &str,
        range: RangeInclusive<T>,
        what: &str,
    ) -> Result<Option<T>, Fault> {
        let Some(text) = self.text(name).filter(|text| *text != "null") else { return Ok(None) };
        let number = text.parse::<T>().ok().filter(|number| range.contains(number));
        number.map(Some).ok_or_else(|| must(name, &format!("be {what}")))
    }

    /// `min_<name>` and `max_<name>`.
    fn bounds<T: FromStr + PartialOrd + Default + Copy>(
        &self,
        name: &str,
        what: &str,
        limit: T,
    ) -> Result<Bounds<T>, Fault> {
        let bound = |which: &str| self.number(&format!("{which}_{name}"), T::default()..=limit, what);
        Ok(Bounds { min: bound("min")?, max: bound("max")? })
    }

    /// Dollars per million tokens, as pico-USD per token times a million.
    fn dollars(&self, name: &str) -> Result<Option<i64>, Fault> {
        let number = self.number(name, 0.0..=f64::MAX, "a number of USD per million tokens from 0 on")?;
        // By way of decimals: what stands in the list as 0.07 is neither above nor below 0.07.
        let rate = |number: f64| format!("{number:.12}").parse::<Rate>().map_or(i64::MAX, Rate::picos);
        Ok(number.map(rate))
    }
}

fn must(name: &str, what: &str) -> Fault {
    Fault::invalid(format!("`{name}` must {what}."))
}
