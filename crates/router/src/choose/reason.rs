//! Why an endpoint is not in a plan.

/// Why an endpoint, or a name, is not in a plan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reason {
    // The catalogue's own: whatever the request.
    UnknownModel,
    Disabled,
    UnsupportedDialect,
    /// Its base URL still has a placeholder in it.
    NotConfigured,
    NoCredential,
    NoPrice,
    /// The model is made for something else.
    OtherOperation,
    /// The endpoint's dialect has no way to ask for it.
    UnsupportedOperation,
    /// Its deprecation date has passed.
    Deprecated,
    /// A router found no model that will do.
    NoCandidate,
    /// It falls short of what a router was asked for.
    Capability,
    /// Of another class of service than the request is for.
    ServiceTier,
    // The account's rules.
    ModelNotAllowed,
    ModelIgnored,
    ProviderNotAllowed,
    ProviderIgnored,
    AccountZeroDataRetention,
    AccountDataCollection,
    AccountRegion,
    // The request's hard wishes.
    Region,
    NotInOnly,
    Ignored,
    NotInOrder,
    Quantization,
    ContextLength,
    MaxTokens,
    InputModality,
    OutputModality,
    Distillable,
    RequireParameters,
    DataCollection,
    ZeroDataRetention,
    MaxPrice,
    // Others of the same model do better.
    Tools,
    ResponseFormat,
    Verbosity,
    /// The tenant's own credential is always used with this provider.
    OwnKeyOnly,
    // The plan is long enough.
    NoFallbacks,
    PlanFull,
}

impl Reason {
    /// The reason's name in plans and explanations.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::UnknownModel => "unknown_model",
            Self::Disabled => "disabled",
            Self::UnsupportedDialect => "unsupported_dialect",
            Self::NotConfigured => "not_configured",
            Self::NoCredential => "no_credential",
            Self::NoPrice => "no_price",
            Self::OtherOperation => "other_operation",
            Self::UnsupportedOperation => "unsupported_operation",
            Self::Deprecated => "deprecated",
            Self::NoCandidate => "no_candidate",
            Self::Capability => "capability",
            Self::ServiceTier => "service_tier",
            Self::ModelNotAllowed => "model_not_allowed",
            Self::ModelIgnored => "model_ignored",
            Self::ProviderNotAllowed => "provider_not_allowed",
            Self::ProviderIgnored => "provider_ignored",
            Self::AccountZeroDataRetention => "account_zdr",
            Self::AccountDataCollection => "account_data_collection",
            Self::AccountRegion => "account_region",
            Self::Region => "region",
            Self::NotInOnly => "not_in_only",
            Self::Ignored => "ignored",
            Self::NotInOrder => "not_in_order",
            Self::Quantization => "quantization",
            Self::ContextLength => "context_length",
            Self::MaxTokens => "max_tokens",
            Self::InputModality => "input_modality",
            Self::OutputModality => "output_modality",
            Self::Distillable => "not_distillable",
            Self::RequireParameters => "require_parameters",
            Self::DataCollection => "data_collection",
            Self::ZeroDataRetention => "zdr",
            Self::MaxPrice => "max_price",
            Self::Tools => "no_tools",
            Self::ResponseFormat => "no_response_format",
            Self::Verbosity => "no_verbosity",
            Self::OwnKeyOnly => "own_key_only",
            Self::NoFallbacks => "no_fallbacks",
            Self::PlanFull => "plan_full",
        }
    }

    /// Whether a guardrail's list of models or providers excludes: that is forbidden, not absent.
    #[must_use]
    pub const fn is_forbidden(self) -> bool {
        matches!(
            self,
            Self::ModelNotAllowed | Self::ModelIgnored | Self::ProviderNotAllowed | Self::ProviderIgnored
        )
    }

    /// Whether a guardrail excludes, and not the request itself.
    #[must_use]
    pub const fn is_of_account(self) -> bool {
        self.is_forbidden()
            || matches!(
                self,
                Self::AccountZeroDataRetention | Self::AccountDataCollection | Self::AccountRegion
            )
    }

    /// The public name of the request's constraint that excludes, where it is one: a value of
    /// `availability.excluded_by`, and the request's field.
    #[must_use]
    pub const fn constraint(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::ServiceTier => Some(("service_tier", "service_tier")),
            Self::ModelNotAllowed => Some(("allowed_models", "guardrail.allowed_models")),
            Self::ModelIgnored => Some(("allowed_models", "guardrail.ignored_models")),
            Self::ProviderNotAllowed => Some(("allowed_providers", "guardrail.allowed_providers")),
            Self::ProviderIgnored => Some(("allowed_providers", "guardrail.ignored_providers")),
            Self::AccountZeroDataRetention => Some(("data_policy:zdr", "guardrail.enforce_zdr")),
            Self::AccountDataCollection => Some(("data_policy:training", "guardrail.data_collection")),
            Self::AccountRegion => Some(("data_region", "guardrail.allowed_data_regions")),
            Self::Region => Some(("data_region", "region")),
            Self::NotInOnly => Some(("allowed_providers", "provider.only")),
            Self::Ignored => Some(("allowed_providers", "provider.ignore")),
            Self::NotInOrder => Some(("allowed_providers", "provider.order")),
            Self::Quantization => Some(("quantization", "provider.quantizations")),
            Self::ContextLength => Some(("context_length", "messages")),
            Self::MaxTokens => Some(("context_length", "max_tokens")),
            Self::InputModality => Some(("input_modalities", "messages")),
            Self::OutputModality => Some(("output_modalities", "modalities")),
            Self::Distillable => Some(("distillable", "provider.enforce_distillable_text")),
            Self::RequireParameters => Some(("require_parameters", "provider.require_parameters")),
            Self::DataCollection => Some(("data_policy:training", "provider.data_collection")),
            Self::ZeroDataRetention => Some(("data_policy:zdr", "provider.zdr")),
            Self::MaxPrice => Some(("max_price", "provider.max_price")),
            _ => None,
        }
    }
}
