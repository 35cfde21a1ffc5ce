//! The rules of one guardrail, in the API's own names: as they are sent, kept and shown.

use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::ToSchema;

use super::FilterConfig;
use crate::text;

/// The member that only the organisation's policy has.
pub(crate) const ALLOWLIST: &str = "prompt_injection_allowlist";
/// Entries of a list, at most.
const MOST_NAMES: usize = 1_000;
const MOST_FILTERS: usize = 100;
const LONGEST_PATTERN: usize = 100_000;
const LONGEST_LABEL: usize = 100;
const MOST_PHRASES: usize = 200;
const LONGEST_PHRASE: usize = 1_000;
/// Regions that requests may be bound to.
const REGIONS: [&str; 3] = ["global", "eu", "us"];

/// What a guardrail says beside its budget. `None` says nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(default)]
pub(crate) struct Rules {
    /// Models that may be used, by slug or canonical slug; shown as canonical slugs. Null = all.
    pub(crate) allowed_models: Option<Vec<String>>,
    /// Models that may not be used.
    pub(crate) ignored_models: Option<Vec<String>>,
    /// Providers that may be used, by slug. Null = all.
    pub(crate) allowed_providers: Option<Vec<String>>,
    /// Providers that may not be used.
    pub(crate) ignored_providers: Option<Vec<String>>,
    /// Whether models of Anthropic need endpoints that retain nothing.
    pub(crate) enforce_zdr_anthropic: Option<bool>,
    /// Whether models of `OpenAI` need endpoints that retain nothing.
    pub(crate) enforce_zdr_openai: Option<bool>,
    /// Whether models of Google need endpoints that retain nothing.
    pub(crate) enforce_zdr_google: Option<bool>,
    /// Whether models of xAI need endpoints that retain nothing.
    pub(crate) enforce_zdr_xai: Option<bool>,
    /// Whether all other models need endpoints that retain nothing.
    pub(crate) enforce_zdr_other: Option<bool>,
    /// False rules free endpoints out that may publish prompts.
    pub(crate) enable_free_model_publication: Option<bool>,
    /// False rules free endpoints out that may train on requests.
    pub(crate) enable_free_model_training: Option<bool>,
    /// False rules paid endpoints out that may train on requests.
    pub(crate) enable_paid_model_training: Option<bool>,
    /// `eu`, `us`: only endpoints that promise one of these regions; with `global`, any.
    pub(crate) allowed_data_regions: Option<Vec<String>>,
    /// Patterns that requests are searched for.
    pub(crate) content_filters: Option<Vec<Pattern>>,
    /// Filters that the platform brings.
    pub(crate) content_filter_builtins: Option<Vec<Builtin>>,
    /// Phrases that no filter for prompt injection takes offence at; of the organisation's policy only.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(ignore)]
    pub(crate) prompt_injection_allowlist: Option<Vec<String>>,
}

/// A pattern of the organisation's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = ContentFilterEntry)]
pub(crate) struct Pattern {
    /// A regular expression without look-around and back-references.
    pub(crate) pattern: String,
    pub(crate) action: Reaction,
    /// What redacted text is replaced by, and what errors name. At most 100 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) label: Option<String>,
}

/// A filter that the platform brings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[schema(as = ContentFilterBuiltinEntry)]
pub(crate) struct Builtin {
    pub(crate) slug: Slug,
    pub(crate) action: Reaction,
    /// What redacted text is replaced by. Given by the platform: what is sent is ignored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) label: Option<String>,
    /// Of `regex-prompt-injection` only: which messages are searched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) scan_scope: Option<ScanScope>,
}

/// What happens when a filter finds something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = ContentFilterAction)]
pub(crate) enum Reaction {
    Redact,
    Block,
    Flag,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
#[schema(as = ContentFilterBuiltinSlug)]
pub(crate) enum Slug {
    Email,
    Phone,
    Ssn,
    CreditCard,
    IpAddress,
    PersonName,
    Address,
    RegexPromptInjection,
}

impl Slug {
    const fn label(self) -> &'static str {
        match self {
            Self::Email => "[EMAIL]",
            Self::Phone => "[PHONE]",
            Self::Ssn => "[SSN]",
            Self::CreditCard => "[CREDIT_CARD]",
            Self::IpAddress => "[IP_ADDRESS]",
            Self::PersonName => "[PERSON_NAME]",
            Self::Address => "[ADDRESS]",
            Self::RegexPromptInjection => "[PROMPT_INJECTION]",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = PromptInjectionScanScope)]
pub(crate) enum ScanScope {
    UserOnly,
    AllMessages,
}

impl Rules {
    /// Members of this struct by their names, all but [`ALLOWLIST`].
    pub(crate) const NAMES: [&str; 15] = [
        "allowed_models",
        "ignored_models",
        "allowed_providers",
        "ignored_providers",
        "enforce_zdr_anthropic",
        "enforce_zdr_openai",
        "enforce_zdr_google",
        "enforce_zdr_xai",
        "enforce_zdr_other",
        "enable_free_model_publication",
        "enable_free_model_training",
        "enable_paid_model_training",
        "allowed_data_regions",
        "content_filters",
        "content_filter_builtins",
    ];

    /// What is said of each group of authors, by the names that the router has for them.
    const fn groups(&self) -> [(&'static str, Option<bool>); 5] {
        [
            ("anthropic", self.enforce_zdr_anthropic),
            ("openai", self.enforce_zdr_openai),
            ("google", self.enforce_zdr_google),
            ("xai", self.enforce_zdr_xai),
            ("other", self.enforce_zdr_other),
        ]
    }

    /// Groups of authors whose models need endpoints that retain nothing.
    pub(crate) fn zdr_groups(&self) -> impl Iterator<Item = &'static str> {
        self.groups().into_iter().filter(|(_, flag)| *flag == Some(true)).map(|(name, _)| name)
    }

    /// What all groups agree on.
    pub(crate) fn enforce_zdr(&self) -> Option<bool> {
        let first = self.enforce_zdr_anthropic;
        self.groups().into_iter().all(|(_, flag)| flag == first).then_some(first).flatten()
    }

    /// Gives the built-in filters the labels that they have.
    pub(crate) fn label(&mut self) {
        for builtin in self.content_filter_builtins.iter_mut().flatten() {
            builtin.label = Some(builtin.slug.label().to_owned());
        }
    }

    /// What the content filters are built from.
    ///
    /// # Errors
    /// When the filters do not know what these rules ask for.
    pub(crate) fn filters(&self) -> Result<FilterConfig, serde_json::Error> {
        serde_json::from_value(json!({
            "builtin": self.content_filter_builtins.as_deref().unwrap_or_default(),
            "custom": self.content_filters.as_deref().unwrap_or_default(),
            "allowlist": self.prompt_injection_allowlist.as_deref().unwrap_or_default(),
        }))
    }

    /// Whether everything is within its bounds; else what is not.
    pub(crate) fn check(&self) -> Result<(), String> {
        let lists = [
            ("allowed_models", &self.allowed_models),
            ("ignored_models", &self.ignored_models),
            ("allowed_providers", &self.allowed_providers),
            ("ignored_providers", &self.ignored_providers),
            ("allowed_data_regions", &self.allowed_data_regions),
        ];
        for (member, list) in lists {
            let length = list.as_ref().map(Vec::len);
            if length.is_some_and(|length| length == 0 || length > MOST_NAMES) {
                return Err(format!("{member}: name 1 to {MOST_NAMES}, or use null for no rule"));
            }
        }
        let mut regions = self.allowed_data_regions.iter().flatten();
        if let Some(odd) = regions.find(|region| !REGIONS.contains(&region.as_str())) {
            return Err(format!("allowed_data_regions: `{odd}` is none: use {}", REGIONS.join(", ")));
        }
        self.check_filters()
    }

    fn check_filters(&self) -> Result<(), String> {
        let patterns = self.content_filters.as_deref().unwrap_or_default();
        let builtins = self.content_filter_builtins.as_deref().unwrap_or_default();
        if patterns.len() > MOST_FILTERS {
            return Err(format!("content_filters: use at most {MOST_FILTERS}"));
        }
        if builtins.len() > MOST_FILTERS {
            return Err(format!("content_filter_builtins: use at most {MOST_FILTERS}"));
        }
        for (at, filter) in patterns.iter().enumerate() {
            if !(1..=LONGEST_PATTERN).contains(&filter.pattern.chars().count()) {
                return Err(format!("content_filters[{at}].pattern: use 1 to {LONGEST_PATTERN} characters"));
            }
            let (member, label) = (format!("content_filters[{at}].label"), filter.label.as_deref());
            text::optional_line(&member, label.unwrap_or_default(), LONGEST_LABEL)
                .map_err(|bad| bad.to_string())?;
        }
        let phrases = self.prompt_injection_allowlist.as_deref().unwrap_or_default();
        if phrases.len() > MOST_PHRASES
            || phrases.iter().any(|phrase| phrase.trim().is_empty() || phrase.len() > LONGEST_PHRASE)
        {
            return Err(format!(
                "{ALLOWLIST}: use at most {MOST_PHRASES} phrases of 1 to {LONGEST_PHRASE} bytes"
            ));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: serde_json::Value) -> Rules {
        serde_json::from_value(json).unwrap()
    }

    #[test]
    fn every_member_goes_by_its_name() {
        let all = Rules { prompt_injection_allowlist: Some(Vec::new()), ..Rules::default() };
        let written = serde_json::to_value(all).unwrap();
        let mut names: Vec<&str> = written.as_object().unwrap().keys().map(String::as_str).collect();
        let mut known = [&Rules::NAMES[..], &[ALLOWLIST]].concat();
        names.sort_unstable();
        known.sort_unstable();
        assert_eq!(names, known);
    }

    #[test]
    fn all_groups_agree_or_nothing_is_said_of_all() {
        let mut rules = Rules::default();
        assert_eq!(rules.enforce_zdr(), None);
        rules.enforce_zdr_xai = Some(true);
        assert_eq!((rules.enforce_zdr(), rules.zdr_groups().collect::<Vec<_>>()), (None, vec!["xai"]));
        let members = ["anthropic", "openai", "google", "xai", "other"];
        let all = members.into_iter().map(|group| (format!("enforce_zdr_{group}"), json!(true)));
        let all = read(serde_json::Value::Object(all.collect()));
        assert_eq!((all.enforce_zdr(), all.zdr_groups().count()), (Some(true), 5));
    }

    #[test]
    fn what_is_out_of_bounds_is_named() {
        let long = "x".repeat(LONGEST_PATTERN + 1);
        for (bad, named) in [
            (json!({ "allowed_models": [] }), "allowed_models"),
            (json!({ "ignored_providers": [] }), "ignored_providers"),
            (json!({ "allowed_data_regions": ["mars"] }), "mars"),
            (
                json!({ "content_filters": [{ "pattern": "", "action": "flag" }] }),
                "content_filters[0].pattern",
            ),
            (
                json!({ "content_filters": [{ "pattern": long, "action": "flag" }] }),
                "content_filters[0].pattern",
            ),
            (
                json!({ "content_filters": [{ "pattern": "a", "action": "flag", "label": "x".repeat(101) }] }),
                "content_filters[0].label",
            ),
            (json!({ ALLOWLIST: [" "] }), ALLOWLIST),
            (json!({ ALLOWLIST: vec!["x"; 201] }), ALLOWLIST),
        ] {
            let said = read(bad.clone()).check().unwrap_err();
            assert!(said.contains(named), "{said} does not name {named}");
        }
        let good = json!({ "allowed_models": ["a/m"], "allowed_data_regions": ["eu", "global"],
            "content_filters": [{ "pattern": "a+", "action": "redact", "label": null }] });
        read(good).check().unwrap();
    }
}
