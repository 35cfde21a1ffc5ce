//! Roles of people in an organisation, and what each is allowed.

use super::Action;

/// A member's part in an organisation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Owner,
    Admin,
    Billing,
    Developer,
    Viewer,
}

impl Role {
    pub(crate) const ALL: [Self; 5] =
        [Self::Owner, Self::Admin, Self::Billing, Self::Developer, Self::Viewer];

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Owner => "owner",
            Self::Admin => "admin",
            Self::Billing => "billing",
            Self::Developer => "developer",
            Self::Viewer => "viewer",
        }
    }

    pub(crate) fn named(text: &str) -> Option<Self> {
        match text {
            "owner" => Some(Self::Owner),
            "admin" => Some(Self::Admin),
            "billing" => Some(Self::Billing),
            "developer" => Some(Self::Developer),
            "viewer" => Some(Self::Viewer),
            _ => None,
        }
    }

    /// Whether somebody in this role manages the organisation: all of its keys, its members, its management keys.
    pub(crate) const fn manages(self) -> bool {
        matches!(self, Self::Owner | Self::Admin)
    }

    /// Whether somebody in this role may do it. What is not listed is denied.
    pub(crate) const fn may(self, action: Action) -> bool {
        use Action as A;
        match self {
            Self::Owner | Self::Admin => true,
            Self::Billing => matches!(
                action,
                A::ReadActivity
                    | A::ReadBudgets
                    | A::WriteBudgets
                    | A::ReadCredits
                    | A::ReadGenerations
                    | A::ReadInvoices
                    | A::ReadKeys
                    | A::ReadMembers
                    | A::ReadOrganization
                    | A::ReadPayments
                    | A::WritePayments
                    | A::Self_
                    | A::ReadWorkspaces
            ),
            Self::Developer => matches!(
                action,
                A::ReadActivity
                    | A::ReadBudgets
                    | A::ReadByok
                    | A::ReadCredits
                    | A::WriteFeedback
                    | A::ReadGenerations
                    | A::ReadGuardrails
                    | A::ReadKeys
                    | A::WriteKeys
                    | A::ReadMembers
                    | A::ReadObservability
                    | A::ReadOrganization
                    | A::ReadPresets
                    | A::WritePresets
                    | A::Self_
                    | A::ReadWorkspaces
            ),
            Self::Viewer => matches!(
                action,
                A::ReadActivity
                    | A::ReadBudgets
                    | A::ReadGenerations
                    | A::ReadGuardrails
                    | A::ReadKeys
                    | A::ReadMembers
                    | A::ReadOrganization
                    | A::ReadPresets
                    | A::Self_
                    | A::ReadWorkspaces
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_read_back() {
        assert!(Role::ALL.iter().all(|role| Role::named(role.as_str()) == Some(*role)));
        assert!(Action::ALL.iter().all(|action| Action::named(action.as_str()) == Some(*action)));
    }

    #[test]
    fn viewers_change_nothing() {
        let writes = Action::ALL.iter().filter(|action| action.as_str().ends_with(".write"));
        assert!(writes.clone().count() > 5);
        assert!(writes.clone().all(|action| !Role::Viewer.may(*action)));
    }
}
