//! The caller's organisation and its members.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use chrono::{DateTime, Utc};
use dialect::error::ErrorType;
use http::StatusCode;
use identity::PersonId;
use pg::TenantTx;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use uuid::Uuid;

use super::settings::{self, Defaults};
use super::workspaces::Part;
use super::{Asked, Data, Deleted, Named, Page, Sent, bad, not_found};
use crate::access::{Caller, Role, Who};
use crate::http::reply::{self, Refusal};
use crate::keys;
use crate::people;
use crate::service::App;
use crate::store::{audit, makers, members as stored, organisations, workspaces};

pub(super) fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(show, change))
        .routes(routes!(members))
        .routes(routes!(change_member, remove_member))
}

/// The organization.
#[derive(Debug, Serialize, ToSchema)]
struct Organization {
    id: Uuid,
    slug: String,
    name: String,
    /// What requests get that leave it open and whose workspace says nothing of it.
    default_text_model: Option<String>,
    default_image_model: Option<String>,
    /// `price`, `throughput`, `latency` or `exacto`.
    default_provider_sort: Option<String>,
    /// Null = none.
    #[schema(value_type = Option<Vec<Object>>)]
    default_plugins: Option<Value>,
    /// Why requests go without one of them, which was good when it was set; null = they get all.
    default_plugins_error: Option<String>,
    prevent_plugin_overrides: bool,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

impl From<organisations::Settings> for Organization {
    fn from(known: organisations::Settings) -> Self {
        Self {
            id: known.id,
            slug: known.slug,
            name: known.name,
            default_text_model: known.default_text_model,
            default_image_model: known.default_image_model,
            default_provider_sort: known.default_provider_sort,
            default_plugins: known.default_plugins,
            default_plugins_error: None,
            prevent_plugin_overrides: known.are_plugins_final,
            created_at: known.created_at,
            updated_at: known.updated_at,
        }
    }
}

impl Organization {
    /// Says which default plugins no request gets.
    async fn note_broken(&mut self, app: &App) {
        let kept = (self.default_plugins.as_ref(), &mut self.default_plugins_error);
        settings::note_broken(app, std::iter::once(kept)).await;
    }
}

/// Show the organization
///
/// An addition of this platform.
#[utoipa::path(get, path = "/organization", operation_id = "getOrganization", tag = "Organization",
    responses((status = 200, description = "The organization", body = Data<Organization>)),
    security(("management_key" = ["organization.read"]), ("session" = ["organization.read"])))]
async fn show(State(app): State<Arc<App>>, caller: Caller) -> Result<Response, Refusal> {
    let found: Result<_, sqlx::Error> = pg::in_tenant(&app.pool, caller.tenant, move |tx| {
        Box::pin(async move { organisations::settings(tx).await })
    })
    .await;
    let mut data = found?.map(Organization::from).ok_or_else(not_found)?;
    data.note_broken(&app).await;
    Ok(reply::json(StatusCode::OK, &Data { data }))
}

/// What is to change of an organization. What is not sent stays as it is.
#[derive(Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = ChangeOrganization)]
struct Change {
    /// 1 to 100 characters.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(flatten)]
    defaults: Defaults,
}

impl Change {
    fn apply(&self, to: &mut organisations::Settings) -> Result<(), Refusal> {
        let Self { name, defaults } = self;
        defaults.check()?;
        if let Some(name) = name {
            settings::check_name(name)?;
            to.name.clone_from(name);
        }
        settings::put(&mut to.default_text_model, defaults.default_text_model.as_ref());
        settings::put(&mut to.default_image_model, defaults.default_image_model.as_ref());
        settings::put(&mut to.default_provider_sort, defaults.default_provider_sort.as_ref());
        settings::put(&mut to.default_plugins, defaults.plugins().as_ref());
        settings::put(&mut to.are_plugins_final, defaults.prevent_plugin_overrides.as_ref());
        Ok(())
    }
}

/// Update the organization
///
/// An addition of this platform.
#[utoipa::path(patch, path = "/organization", operation_id = "updateOrganization", tag = "Organization",
    request_body = Change,
    responses((status = 200, description = "The organization as it is now", body = Data<Organization>)),
    security(("management_key" = ["organization.write"]), ("session" = ["organization.write"])))]
async fn change(
    State(app): State<Arc<App>>,
    caller: Caller,
    Sent(sent): Sent<Change>,
) -> Result<Response, Refusal> {
    sent.defaults.check_plugins(&app).await?;
    let entry = caller.does("organization.update", caller.tenant.to_string(), json!(sent));
    let changed: Result<_, Refusal> = pg::in_tenant(&app.pool, caller.tenant, move |tx| {
        Box::pin(async move {
            organisations::hold(tx).await?;
            let mut known = organisations::settings(tx).await?.ok_or_else(not_found)?;
            sent.apply(&mut known)?;
            organisations::update(tx, &known).await?;
            audit::insert(tx.connection(), &entry).await?;
            let shown = organisations::settings(tx).await?.ok_or_else(not_found)?;
            workspaces::tenant_changed(tx).await?;
            Ok(Organization::from(shown))
        })
    })
    .await;
    let mut data = changed?;
    app.announcer.tenant_changed(caller.tenant).await;
    data.note_broken(&app).await;
    Ok(reply::json(StatusCode::OK, &Data { data }))
}

/// A member of the organization.
#[derive(Debug, Serialize, ToSchema)]
struct Member {
    id: Uuid,
    email: String,
    /// The first word of the member's name; null = it is not known.
    first_name: Option<String>,
    /// The rest of it.
    last_name: Option<String>,
    /// `org:admin` for owners and admins, else `org:member`.
    role: &'static str,
    /// `owner`, `admin`, `billing`, `developer` or `viewer`: an addition of this platform.
    organization_role: String,
}

impl From<stored::Member> for Member {
    fn from(known: stored::Member) -> Self {
        let is_admin = Role::named(&known.role).is_some_and(Role::manages);
        let name = known.name.trim();
        let (first, last) = name.split_once(char::is_whitespace).unwrap_or((name, ""));
        let word = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        Self {
            id: known.person,
            first_name: word(first),
            last_name: word(last),
            email: known.email,
            role: if is_admin { "org:admin" } else { "org:member" },
            organization_role: known.role,
        }
    }
}

/// List members of the organization
#[utoipa::path(get, path = "/organization/members", operation_id = "listOrganizationMembers", tag = "Organization",
    params(Part),
    responses((status = 200, description = "A page of members", body = Page<Member>)),
    security(("management_key" = ["members.read"]), ("session" = ["members.read"])))]
async fn members(
    State(app): State<Arc<App>>,
    caller: Caller,
    Asked(part): Asked<Part>,
) -> Result<Response, Refusal> {
    let (offset, limit) = part.rows()?;
    let found: Result<_, sqlx::Error> = pg::in_tenant(&app.pool, caller.tenant, move |tx| {
        Box::pin(async move { Ok((stored::list(tx, offset, limit).await?, stored::count(tx).await?)) })
    })
    .await;
    let (members, total_count) = found?;
    let data = members.into_iter().map(Member::from).collect();
    Ok(reply::json(StatusCode::OK, &Page { data, total_count }))
}

/// The person that a path names.
fn person(text: &str) -> Result<PersonId, Refusal> {
    text.parse().map_err(|_| not_found())
}

/// Refuses whoever is no owner: an admin, or a key, must not make itself one.
fn only_owners(caller: &Caller) -> Result<(), Refusal> {
    if matches!(&caller.who, Who::Person { role: Role::Owner, .. }) {
        return Ok(());
    }
    let message = "Only an owner who is signed in can make, change or remove owners.";
    Err(Refusal::new(ErrorType::PermissionDenied, message))
}

/// Refuses to take away the last owner.
async fn keep_an_owner(tx: &mut TenantTx, person: PersonId) -> Result<(), Refusal> {
    if stored::has_other_owner(tx, person).await? {
        return Ok(());
    }
    Err(bad("This is the last owner. Make somebody else an owner first."))
}

/// Ends what a member set going and may set going no longer, now that this is their role; `None` = they leave.
async fn end_what_they_began(
    tx: &mut TenantTx,
    caller: &Caller,
    (person, role): (PersonId, Option<Role>),
    because: &'static str,
) -> Result<Vec<makers::Disabled>, sqlx::Error> {
    let actor = caller.actor();
    let mut inviters = vec![format!("user:{person}")];
    match role {
        Some(Role::Owner) => return Ok(Vec::new()),
        Some(Role::Admin) => {
            people::withdraw(tx, &actor, (&inviters, Some(Role::Owner)), because).await?;
            return Ok(Vec::new());
        }
        _ => {}
    }
    let disabled = keys::disable_made_by(tx, caller, person, because).await?;
    inviters.extend(disabled.iter().map(|key| format!("key:{}", key.id)));
    people::withdraw(tx, &actor, (&inviters, None), because).await?;
    Ok(disabled)
}

/// Has every edge forget keys that were disabled.
async fn forget(app: &App, disabled: Vec<makers::Disabled>) {
    for key in disabled {
        app.announcer.changed(key.hash).await;
    }
}

#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct ChangeMember {
    /// `owner`, `admin`, `billing`, `developer` or `viewer`.
    role: String,
}

/// Update a member of the organization
///
/// An addition of this platform. Owners are made and changed by owners who are signed in, and one is always left. Who is
/// made less than an admin loses the management keys that they made, which are disabled. Open invitations that they could
/// not make any more are taken back.
#[utoipa::path(patch, path = "/organization/members/{user_id}", operation_id = "updateOrganizationMember",
    tag = "Organization",
    params(("user_id" = String, Path, description = "The user's id")),
    request_body = ChangeMember,
    responses((status = 200, description = "The member as it is now", body = Data<Member>)),
    security(("management_key" = ["members.write"]), ("session" = ["members.write"])))]
async fn change_member(
    State(app): State<Arc<App>>,
    caller: Caller,
    Named(user): Named<String>,
    Sent(sent): Sent<ChangeMember>,
) -> Result<Response, Refusal> {
    let person = person(&user)?;
    let role = Role::named(&sent.role)
        .ok_or_else(|| bad("role: use one of owner, admin, billing, developer, viewer"))?;
    let tenant = caller.tenant;
    let changed: Result<_, Refusal> = pg::in_tenant(&app.pool, tenant, move |tx| {
        Box::pin(async move {
            let owner_remains = keep_an_owner(tx, person).await;
            let known = stored::hold(tx, person).await?.ok_or_else(not_found)?;
            let was = Role::named(&known.role);
            if was == Some(Role::Owner) || role == Role::Owner {
                only_owners(&caller)?;
            }
            if was == Some(Role::Owner) && role != Role::Owner {
                owner_remains?;
            }
            stored::set_role(tx, person, role).await?;
            let details = json!({ "role": role.as_str(), "was": known.role });
            audit::insert(tx.connection(), &caller.does("member.update", person.to_string(), details))
                .await?;
            let disabled = end_what_they_began(tx, &caller, (person, Some(role)), "member.update").await?;
            Ok((Member::from(stored::Member { role: role.as_str().to_owned(), ..known }), disabled))
        })
    })
    .await;
    let (data, disabled) = changed?;
    forget(&app, disabled).await;
    Ok(reply::json(StatusCode::OK, &Data { data }))
}

/// Remove a member from the organization
///
/// An addition of this platform. A member who made keys for calling models that live stays: delete the keys first. The
/// management keys that they made are disabled, and their open invitations taken back. One owner is always left.
#[utoipa::path(delete, path = "/organization/members/{user_id}", operation_id = "removeOrganizationMember",
    tag = "Organization",
    params(("user_id" = String, Path, description = "The user's id")),
    responses((status = 200, description = "The user is no member any more", body = Deleted)),
    security(("management_key" = ["members.write"]), ("session" = ["members.write"])))]
async fn remove_member(
    State(app): State<Arc<App>>,
    caller: Caller,
    Named(user): Named<String>,
) -> Result<Response, Refusal> {
    let person = person(&user)?;
    let tenant = caller.tenant;
    let removed: Result<_, Refusal> = pg::in_tenant(&app.pool, tenant, move |tx| {
        Box::pin(async move {
            let owner_remains = keep_an_owner(tx, person).await;
            let known = stored::hold(tx, person).await?.ok_or_else(not_found)?;
            if Role::named(&known.role) == Some(Role::Owner) {
                only_owners(&caller)?;
                owner_remains?;
            }
            let keys = stored::live_keys(tx, person).await?;
            if keys > 0 {
                return Err(bad(format!("The member has {keys} live API keys. Delete them first.")));
            }
            stored::remove(tx, person).await?;
            let details = json!({ "role": known.role });
            audit::insert(tx.connection(), &caller.does("member.remove", person.to_string(), details))
                .await?;
            Ok(end_what_they_began(tx, &caller, (person, None), "member.remove").await?)
        })
    })
    .await;
    forget(&app, removed?).await;
    Ok(reply::json(StatusCode::OK, &Deleted { deleted: true }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_told_as_two() {
        let shown = |name: &str, role: &str| {
            Member::from(stored::Member {
                person: Uuid::nil(),
                email: "a@b".to_owned(),
                name: name.to_owned(),
                role: role.to_owned(),
            })
        };
        let ada = shown(" Ada  King Lovelace ", "owner");
        assert_eq!(
            (ada.first_name.as_deref(), ada.last_name.as_deref()),
            (Some("Ada"), Some("King Lovelace"))
        );
        assert_eq!((ada.role, ada.organization_role.as_str()), ("org:admin", "owner"));
        let nobody = shown("", "viewer");
        assert_eq!((nobody.first_name, nobody.last_name, nobody.role), (None, None, "org:member"));
    }
}
