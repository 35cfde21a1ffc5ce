//! People: who they are, and what they are members of. Seen by one person at a time.

use std::future::Future;
use std::pin::Pin;

use identity::{PersonId, TenantId};
use sqlx::postgres::PgConnection;
use sqlx::{PgPool, Postgres, Transaction};
use uuid::Uuid;

use crate::access::Role;

/// A transaction bound to one person by row-level security, and to the organisation that the person works in.
pub(crate) struct PersonTx {
    transaction: Transaction<'static, Postgres>,
    person: PersonId,
}

impl PersonTx {
    pub(crate) const fn person(&self) -> PersonId {
        self.person
    }

    pub(crate) fn connection(&mut self) -> &mut PgConnection {
        &mut self.transaction
    }

    /// Binds the transaction to an organisation too. Whoever calls has seen that the person is, or becomes, a member.
    pub(crate) async fn enter(&mut self, tenant: TenantId) -> Result<(), sqlx::Error> {
        sqlx::query_scalar!("select set_config('app.tenant', $1, true)", tenant.to_string())
            .fetch_one(self.connection())
            .await?;
        Ok(())
    }
}

/// Runs `work` in a transaction of `person` and commits it when it succeeds. The whole runs in a task of its own, as
/// [`pg::in_tenant`] does.
///
/// # Errors
/// What `work` answers, or the database's error in opening or committing.
pub(crate) async fn as_person<T, E, F>(pool: &PgPool, person: PersonId, work: F) -> Result<T, E>
where
    F: for<'t> FnOnce(&'t mut PersonTx) -> Pin<Box<dyn Future<Output = Result<T, E>> + Send + 't>>
        + Send
        + 'static,
    T: Send + 'static,
    E: From<sqlx::Error> + Send + 'static,
{
    let pool = pool.clone();
    let task = tokio::spawn(async move {
        let mut transaction = pool.begin().await?;
        sqlx::query_scalar!("select set_config('app.person', $1, true)", person.to_string())
            .fetch_one(&mut *transaction)
            .await?;
        let mut tx = PersonTx { transaction, person };
        let answer = work(&mut tx).await?;
        tx.transaction.commit().await?;
        Ok(answer)
    });
    task.await.unwrap_or_else(|_| Err(sqlx::Error::WorkerCrashed.into()))
}

/// Whoever has an e-mail address.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) id: PersonId,
    /// A PHC string; `None` = no password is theirs.
    pub(crate) password_hash: Option<String>,
    pub(crate) is_disabled: bool,
}

pub(crate) async fn by_email(pool: &PgPool, email: &str) -> Result<Option<Known>, sqlx::Error> {
    let row = sqlx::query!(
        r#"select id as "id!", password_hash, is_disabled as "is_disabled!" from identity.person_by_email($1)"#,
        email,
    )
    .fetch_optional(pool)
    .await?;
    Ok(row.map(|row| Known {
        id: PersonId::from_uuid(row.id),
        password_hash: row.password_hash,
        is_disabled: row.is_disabled,
    }))
}

/// What somebody may know of themselves.
#[derive(Debug)]
pub(crate) struct Profile {
    pub(crate) email: String,
    pub(crate) name: String,
    pub(crate) is_platform_admin: bool,
    pub(crate) password_hash: Option<String>,
}

/// The transaction's person.
pub(crate) async fn profile(tx: &mut PersonTx) -> Result<Profile, sqlx::Error> {
    let person = tx.person.uuid();
    sqlx::query_as!(
        Profile,
        "select email, name, is_platform_admin, password_hash from identity.person where id = $1",
        person,
    )
    .fetch_one(tx.connection())
    .await
}

/// A person's part in an organisation.
#[derive(Debug, Clone)]
pub(crate) struct Membership {
    pub(crate) tenant: TenantId,
    pub(crate) slug: String,
    pub(crate) name: String,
    pub(crate) role: Role,
}

/// What the transaction's person is a member of, by name.
pub(crate) async fn memberships(tx: &mut PersonTx) -> Result<Vec<Membership>, sqlx::Error> {
    let person = tx.person.uuid();
    let rows = sqlx::query!(
        "select o.id, o.slug, o.name, m.role from identity.member m
         join identity.organisation o on o.id = m.tenant_id
         where m.person_id = $1 order by o.name, o.id",
        person,
    )
    .fetch_all(tx.connection())
    .await?;
    let memberships = rows.into_iter().filter_map(|row| {
        let (tenant, role) = (TenantId::from_uuid(row.id), Role::named(&row.role)?);
        Some(Membership { tenant, slug: row.slug, name: row.name, role })
    });
    Ok(memberships.collect())
}

/// Somebody new.
#[derive(Debug)]
pub(crate) struct NewPerson {
    pub(crate) email: String,
    pub(crate) name: String,
    pub(crate) password_hash: Option<String>,
    pub(crate) is_platform_admin: bool,
    /// The issuer who vouches for them, and as whom.
    pub(crate) vouched_by: Option<(String, String)>,
}

/// Adds the transaction's person. A unique violation says that the e-mail address is somebody's.
pub(crate) async fn insert(tx: &mut PersonTx, new: &NewPerson) -> Result<(), sqlx::Error> {
    let person = tx.person.uuid();
    let vouched_by = new.vouched_by.as_ref();
    let (issuer, subject) = vouched_by.map(|(issuer, subject)| (issuer.as_str(), subject.as_str())).unzip();
    sqlx::query!(
        "insert into identity.person (id, email, name, password_hash, is_platform_admin, oidc_issuer, oidc_subject)
         values ($1, $2, $3, $4, $5, $6, $7)",
        person,
        new.email,
        new.name,
        new.password_hash.as_deref(),
        new.is_platform_admin,
        issuer,
        subject,
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Makes the transaction's person a member of the organisation that it has entered, unless they are one. Whether they
/// were not.
pub(crate) async fn join(tx: &mut PersonTx, tenant: TenantId, role: Role) -> Result<bool, sqlx::Error> {
    let person = tx.person.uuid();
    let done = sqlx::query!(
        "insert into identity.member (tenant_id, person_id, role) values ($1, $2, $3)
         on conflict (tenant_id, person_id) do nothing",
        tenant.uuid(),
        person,
        role.as_str(),
    )
    .execute(tx.connection())
    .await?;
    Ok(done.rows_affected() == 1)
}

/// Makes the transaction's person, a member, also one of these workspaces; those that are gone are passed over.
pub(crate) async fn join_workspaces(
    tx: &mut PersonTx,
    tenant: TenantId,
    workspaces: &[Uuid],
) -> Result<(), sqlx::Error> {
    let person = tx.person.uuid();
    sqlx::query!(
        "insert into identity.workspace_member (workspace_id, person_id, tenant_id)
         select w.id, $2, w.tenant_id from identity.workspace w where w.tenant_id = $1 and w.id = any($3)
         on conflict (workspace_id, person_id) do nothing",
        tenant.uuid(),
        person,
        workspaces,
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}

pub(crate) async fn rename(tx: &mut PersonTx, name: &str) -> Result<(), sqlx::Error> {
    let person = tx.person.uuid();
    sqlx::query!("update identity.person set name = $2, updated_at = now() where id = $1", person, name)
        .execute(tx.connection())
        .await?;
    Ok(())
}

/// `hash` is a PHC string.
pub(crate) async fn set_password(tx: &mut PersonTx, hash: &str) -> Result<(), sqlx::Error> {
    let person = tx.person.uuid();
    sqlx::query!(
        "update identity.person set password_hash = $2, updated_at = now() where id = $1",
        person,
        hash
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}

pub(crate) async fn signed_in(tx: &mut PersonTx) -> Result<(), sqlx::Error> {
    let person = tx.person.uuid();
    sqlx::query!("update identity.person set last_sign_in_at = now() where id = $1", person)
        .execute(tx.connection())
        .await?;
    Ok(())
}
