//! Who manages keys.

use identity::{KeyHash, KeyId, KeyKind, PersonId, TenantId};
use pg::TenantTx;
use serde_json::Value;
use uuid::Uuid;

use super::{Draft, Error};
use crate::access::{Caller, Operator, Who};
use crate::store::auth_codes::Giver;
use crate::store::keys::{self as store, Key};
use crate::store::{audit, makers};

const NO_MANAGEMENT_KEYS: &str = "Only owners, admins and management keys make management keys.";

/// Somebody who manages keys of one organisation.
#[derive(Debug, Clone)]
pub(crate) struct Manager {
    pub(crate) tenant: TenantId,
    /// As the audit log names them.
    pub(crate) actor: String,
    pub(crate) reach: Reach,
    who: Maker,
}

/// Who makes keys.
#[derive(Debug, Clone, Copy)]
enum Maker {
    Member(PersonId),
    /// A management key, and whom it is of.
    Key(KeyId, Option<PersonId>),
    Operator,
}

/// Which keys somebody may change.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Reach {
    All,
    /// Inference keys that this person created.
    Own(PersonId),
}

impl Manager {
    /// A management key or a member. Owners and admins reach every key, developers their own.
    pub(crate) fn of(caller: &Caller) -> Self {
        let (reach, who) = match &caller.who {
            Who::Key(context) => (Reach::All, Maker::Key(context.key.id, context.key.creator)),
            Who::Person { id, role } if role.manages() => (Reach::All, Maker::Member(*id)),
            Who::Person { id, .. } => (Reach::Own(*id), Maker::Member(*id)),
        };
        Self { tenant: caller.tenant, actor: caller.actor(), reach, who }
    }

    /// An operator, at work for an organisation.
    pub(crate) fn operator(operator: &Operator, tenant: TenantId) -> Self {
        Self { tenant, actor: operator.actor.clone(), reach: Reach::All, who: Maker::Operator }
    }

    /// Whoever allowed something before that is done only now.
    pub(crate) fn absent(tenant: TenantId, giver: Giver) -> Self {
        match giver {
            Giver::Key(key) => {
                let who = Maker::Key(key, None);
                Self { tenant, actor: format!("key:{key}"), reach: Reach::All, who }
            }
            Giver::Person(id, role) => Self::of(&Caller { tenant, who: Who::Person { id, role } }),
        }
    }

    /// Whom a new key is for. Whoever answers for a management key answers for those that it makes.
    pub(super) fn creator(&self, draft: &Draft) -> Result<Option<PersonId>, Error> {
        if let Reach::Own(person) = self.reach {
            if draft.kind == KeyKind::Management {
                return Err(Error::Forbidden(NO_MANAGEMENT_KEYS));
            }
            if draft.creator.is_some_and(|creator| creator != person) {
                return Err(Error::Forbidden(
                    "Only owners, admins and management keys make keys for others.",
                ));
            }
        }
        let own = match self.who {
            Maker::Key(..) if draft.kind == KeyKind::Inference => None,
            _ => self.person(),
        };
        Ok(draft.creator.or(own))
    }

    /// Who they are, or whose key they have.
    pub(super) const fn person(&self) -> Option<PersonId> {
        match self.who {
            Maker::Member(person) => Some(person),
            Maker::Key(_, creator) => creator,
            Maker::Operator => None,
        }
    }

    /// Refuses a management key for `creator` to whom that was taken from since they asked; nobody takes it from them
    /// until the transaction ends.
    pub(super) async fn still_manages(
        &self,
        tx: &mut TenantTx,
        creator: Option<PersonId>,
    ) -> Result<(), Error> {
        // Members before keys, as whoever demotes one holds them: else the two would wait for each other.
        let people: Vec<Uuid> = self.person().into_iter().chain(creator).map(PersonId::uuid).collect();
        let managing = makers::hold_managing(tx, &people).await?;
        let may = match self.who {
            Maker::Member(person) => managing.contains(&person.uuid()),
            Maker::Key(key, _) => makers::hold_key(tx, key).await?,
            Maker::Operator => true,
        };
        if may { Ok(()) } else { Err(Error::Forbidden(NO_MANAGEMENT_KEYS)) }
    }

    /// A key to be changed: nobody else changes it before the transaction ends.
    pub(super) async fn locked(&self, tx: &mut TenantTx, name: KeyHash) -> Result<Key, Error> {
        let key = store::lock(tx, name).await?.ok_or(Error::NotFound)?;
        let is_in_reach = match self.reach {
            Reach::All => true,
            Reach::Own(person) => key.kind == KeyKind::Inference && key.creator == Some(person),
        };
        if is_in_reach {
            Ok(key)
        } else {
            Err(Error::Forbidden("You may change keys that you created, no others."))
        }
    }

    /// Writes down what was done to a key.
    pub(super) async fn did(
        &self,
        tx: &mut TenantTx,
        action: &'static str,
        key: KeyHash,
        details: Value,
    ) -> Result<(), sqlx::Error> {
        let (tenant, actor) = (Some(self.tenant), self.actor.clone());
        let entry = audit::Entry { tenant, actor, action, target: key.to_string(), details };
        audit::insert(tx.connection(), &entry).await
    }
}
