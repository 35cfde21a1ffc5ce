//! The organisations and workspaces that somebody may have a key in.

use identity::{PersonId, TenantId};
use uuid::Uuid;

use crate::access::{Action, Caller, Session, Who};
use crate::http::reply::Refusal;
use crate::keys::{Manager, Reach};
use crate::oauth;
use crate::service::App;
use crate::store::auth_codes;
use crate::store::people::{self, Membership};

/// A workspace to choose.
#[derive(Debug)]
pub(super) struct Place {
    /// As the form sends it back.
    pub(super) value: String,
    pub(super) name: String,
    pub(super) is_chosen: bool,
    workspace: Uuid,
}

pub(super) struct Organisation {
    pub(super) name: String,
    pub(super) places: Vec<Place>,
    caller: Caller,
}

/// An organisation in which one's role makes no keys.
pub(super) struct Barred {
    pub(super) organisation: String,
    pub(super) role: &'static str,
}

pub(super) struct Choices {
    pub(super) email: String,
    pub(super) organisations: Vec<Organisation>,
    pub(super) barred: Vec<Barred>,
}

impl Choices {
    /// What a session's person may choose of. The workspace that the app would like comes chosen, else the default one of
    /// the organisation that the session works in.
    ///
    /// # Errors
    /// A 400 when the wanted workspace is none of theirs.
    pub(super) async fn of(app: &App, session: &Session, wanted: Option<Uuid>) -> Result<Self, Refusal> {
        let found: Result<_, sqlx::Error> = people::as_person(&app.pool, session.person, |tx| {
            Box::pin(async { Ok((people::profile(tx).await?, people::memberships(tx).await?)) })
        })
        .await;
        let (profile, memberships) = found?;
        let mut choices = Self { email: profile.email, organisations: Vec::new(), barred: Vec::new() };
        for one in memberships {
            if one.role.may(Action::WriteKeys) {
                choices.organisations.push(Organisation::of(app, session.person, one).await?);
            } else {
                choices.barred.push(Barred { organisation: one.name, role: one.role.as_str() });
            }
        }
        if choices.organisations.is_empty() {
            return Ok(choices);
        }
        choices.choose(session.membership.map(|(tenant, _)| tenant), wanted)?;
        Ok(choices)
    }

    fn choose(&mut self, here: Option<TenantId>, wanted: Option<Uuid>) -> Result<(), oauth::Error> {
        let places = self.organisations.iter_mut().flat_map(|one| {
            let is_here = Some(one.caller.tenant) == here;
            one.places.iter_mut().map(move |place| (is_here, place))
        });
        let mut chosen = match wanted {
            None => places.filter(|(is_here, _)| *is_here),
            Some(wanted) => {
                let mut places = places;
                let found = places.find(|(_, place)| place.workspace == wanted);
                found.ok_or(oauth::Error::Workspace)?.1.is_chosen = true;
                return Ok(());
            }
        };
        if let Some((_, place)) = chosen.next() {
            place.is_chosen = true;
        }
        Ok(())
    }

    /// What the form sent back, if it is one of these.
    pub(super) fn chosen(&self, value: &str) -> Option<(Caller, Uuid)> {
        self.organisations.iter().find_map(|one| {
            let place = one.places.iter().find(|place| place.value == value)?;
            Some((one.caller.clone(), place.workspace))
        })
    }
}

impl Organisation {
    async fn of(app: &App, person: PersonId, one: Membership) -> Result<Self, sqlx::Error> {
        let tenant = one.tenant;
        let caller = Caller { tenant, who: Who::Person { id: person, role: one.role } };
        let reaches_all = matches!(Manager::of(&caller).reach, Reach::All);
        let found = pg::in_tenant(&app.pool, tenant, move |tx| {
            Box::pin(async move { auth_codes::workspaces(tx, person, reaches_all).await })
        })
        .await?;
        let places = found.into_iter().map(|(workspace, name)| Place {
            value: format!("{tenant}.{workspace}"),
            name,
            is_chosen: false,
            workspace,
        });
        Ok(Self { name: one.name, places: places.collect(), caller })
    }
}
