//! What is done, as roles are allowed it.

macro_rules! actions {
    ($($(#[$doc:meta])* $name:ident = $text:literal),* $(,)?) => {
        /// One kind of thing that an operation does. Named in the documentation of each operation, as a scope.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub(crate) enum Action {
            $($(#[$doc])* $name),*
        }

        impl Action {
            pub(crate) const ALL: &[Self] = &[$(Self::$name),*];

            pub(crate) const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text),*
                }
            }

            pub(crate) fn named(text: &str) -> Option<Self> {
                match text {
                    $($text => Some(Self::$name),)*
                    _ => None,
                }
            }
        }
    };
}

impl Action {
    /// Whether keys that apps got for somebody may not do it, where other keys of their kind may.
    pub(super) const fn is_closed_to_apps(self) -> bool {
        matches!(self, Self::ReadPresets | Self::WritePresets)
    }
}

actions! {
    /// Usage by day, and analytics.
    ReadActivity = "activity.read",
    ReadAudit = "audit.read",
    ReadBudgets = "budgets.read",
    WriteBudgets = "budgets.write",
    ReadByok = "byok.read",
    WriteByok = "byok.write",
    /// What was sent to models and came back, where it is kept.
    ReadContent = "content.read",
    ReadCredits = "credits.read",
    /// What is said of generations.
    WriteFeedback = "feedback.write",
    ReadGenerations = "generations.read",
    ReadGuardrails = "guardrails.read",
    WriteGuardrails = "guardrails.write",
    ReadInvoices = "invoices.read",
    ReadKeys = "keys.read",
    WriteKeys = "keys.write",
    ReadMembers = "members.read",
    WriteMembers = "members.write",
    ReadObservability = "observability.read",
    WriteObservability = "observability.write",
    ReadOrganization = "organization.read",
    WriteOrganization = "organization.write",
    ReadPayments = "payments.read",
    /// Buying credit, payment methods, the billing profile.
    WritePayments = "payments.write",
    ReadPresets = "presets.read",
    WritePresets = "presets.write",
    /// Of oneself: one's own sessions, name and password.
    Self_ = "self",
    ReadWorkspaces = "workspaces.read",
    WriteWorkspaces = "workspaces.write",
}
