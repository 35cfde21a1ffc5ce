//! The organisations' own credentials for providers.

use chrono::{DateTime, Utc};
use identity::{CredentialId, Envelope, KeyHash, KeyId};
use pg::TenantTx;
use rpc::router::OwnCredential;
use uuid::Uuid;

use crate::byok::{OwnCredentials, Sealed};

/// What may be said of a credential, and is shown of it.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    pub(crate) name: Option<String>,
    pub(crate) disabled: bool,
    pub(crate) is_fallback: bool,
    pub(crate) is_required: bool,
    pub(crate) is_byok_only: bool,
    pub(crate) declared_zdr: Option<bool>,
    pub(crate) declared_region: Option<String>,
    /// `None` = behind the provider's others.
    pub(crate) sort_order: Option<i32>,
    pub(crate) allowed_models: Option<Vec<String>>,
    pub(crate) allowed_key_hashes: Option<Vec<KeyHash>>,
    pub(crate) allowed_person_ids: Option<Vec<Uuid>>,
}

/// A credential as it is stored, but for what is sealed.
#[derive(Debug, Clone)]
pub(crate) struct Credential {
    pub(crate) id: CredentialId,
    /// `None` = every workspace.
    pub(crate) workspace: Option<Uuid>,
    pub(crate) provider: String,
    pub(crate) label: String,
    pub(crate) version: u32,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) settings: Settings,
}

/// Which credentials are asked for.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    /// Those of this workspace and of every workspace.
    pub(crate) workspace: Uuid,
    pub(crate) provider: Option<String>,
    pub(crate) offset: i64,
    pub(crate) limit: i64,
}

/// A credential of the list as its row has it.
struct Row {
    id: Uuid,
    workspace_id: Option<Uuid>,
    provider: String,
    name: Option<String>,
    label: String,
    version: i32,
    disabled: bool,
    is_fallback: bool,
    is_required: bool,
    is_byok_only: bool,
    declared_zdr: Option<bool>,
    declared_region: Option<String>,
    sort_order: i32,
    allowed_models: Option<Vec<String>>,
    allowed_key_hashes: Option<Vec<Vec<u8>>>,
    allowed_person_ids: Option<Vec<Uuid>>,
    created_at: DateTime<Utc>,
}

impl From<Row> for Credential {
    fn from(row: Row) -> Self {
        let hashes =
            |hashes: Vec<Vec<u8>>| hashes.into_iter().filter_map(|hash| hash.try_into().ok().map(KeyHash));
        Self {
            id: CredentialId::from_uuid(row.id),
            workspace: row.workspace_id,
            provider: row.provider,
            label: row.label,
            version: unsigned(row.version),
            created_at: row.created_at,
            settings: Settings {
                name: row.name,
                disabled: row.disabled,
                is_fallback: row.is_fallback,
                is_required: row.is_required,
                is_byok_only: row.is_byok_only,
                declared_zdr: row.declared_zdr,
                declared_region: row.declared_region,
                sort_order: Some(row.sort_order),
                allowed_models: row.allowed_models,
                allowed_key_hashes: row.allowed_key_hashes.map(|all| hashes(all).collect()),
                allowed_person_ids: row.allowed_person_ids,
            },
        }
    }
}

fn unsigned(number: i32) -> u32 {
    // The columns admit none below 1.
    u32::try_from(number).unwrap_or(0)
}

fn signed(number: u32) -> i32 {
    i32::try_from(number).unwrap_or(i32::MAX)
}

fn bytes(hashes: Option<&Vec<KeyHash>>) -> Option<Vec<Vec<u8>>> {
    hashes.map(|hashes| hashes.iter().map(|hash| hash.0.to_vec()).collect())
}

/// A page of the list, with how many there are in all.
pub(crate) async fn list(tx: &mut TenantTx, wanted: &Wanted) -> Result<(Vec<Credential>, i64), sqlx::Error> {
    let tenant = tx.tenant().uuid();
    let total = sqlx::query_scalar!(
        r#"select count(*) as "count!" from identity.provider_credential
           where tenant_id = $1 and (workspace_id is null or workspace_id = $2) and ($3::text is null or provider = $3)"#,
        tenant,
        wanted.workspace,
        wanted.provider.as_deref(),
    )
    .fetch_one(tx.connection())
    .await?;
    let rows = sqlx::query_as!(
        Row,
        "select id, workspace_id, provider, name, label, version, disabled, is_fallback, is_required, is_byok_only,
                declared_zdr, declared_region, sort_order, allowed_models, allowed_key_hashes, allowed_person_ids,
                created_at
         from identity.provider_credential
         where tenant_id = $1 and (workspace_id is null or workspace_id = $2) and ($3::text is null or provider = $3)
         order by provider, is_fallback, sort_order, created_at, id
         offset $4 limit $5",
        tenant,
        wanted.workspace,
        wanted.provider.as_deref(),
        wanted.offset,
        wanted.limit,
    )
    .fetch_all(tx.connection())
    .await?;
    Ok((rows.into_iter().map(Credential::from).collect(), total))
}

pub(crate) async fn find(tx: &mut TenantTx, id: CredentialId) -> Result<Option<Credential>, sqlx::Error> {
    let tenant = tx.tenant().uuid();
    let row = sqlx::query_as!(
        Row,
        "select id, workspace_id, provider, name, label, version, disabled, is_fallback, is_required, is_byok_only,
                declared_zdr, declared_region, sort_order, allowed_models, allowed_key_hashes, allowed_person_ids,
                created_at
         from identity.provider_credential where tenant_id = $1 and id = $2",
        tenant,
        id.uuid(),
    )
    .fetch_optional(tx.connection())
    .await?;
    Ok(row.map(Credential::from))
}

/// The workspace that is meant where none is named.
pub(crate) async fn default_workspace(tx: &mut TenantTx) -> Result<Option<Uuid>, sqlx::Error> {
    let tenant = tx.tenant().uuid();
    sqlx::query_scalar!("select id from identity.workspace where tenant_id = $1 and is_default", tenant)
        .fetch_optional(tx.connection())
        .await
}

/// How many the tenant has.
pub(crate) async fn count(tx: &mut TenantTx) -> Result<i64, sqlx::Error> {
    let tenant = tx.tenant().uuid();
    sqlx::query_scalar!(
        r#"select count(*) as "count!" from identity.provider_credential where tenant_id = $1"#,
        tenant
    )
    .fetch_one(tx.connection())
    .await
}

pub(crate) async fn insert(
    tx: &mut TenantTx,
    credential: &Credential,
    sealed: &Sealed,
) -> Result<(), sqlx::Error> {
    let (tenant, settings) = (tx.tenant().uuid(), &credential.settings);
    let hashes = bytes(settings.allowed_key_hashes.as_ref());
    sqlx::query!(
        "insert into identity.provider_credential
             (id, tenant_id, workspace_id, provider, name, label, version, key_version, sealed, disabled, is_fallback,
              is_required, is_byok_only, declared_zdr, declared_region, sort_order, allowed_models,
              allowed_key_hashes, allowed_person_ids)
         values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15,
                 coalesce($16, (select coalesce(max(c.sort_order) + 1, 0) from identity.provider_credential c
                                where c.tenant_id = $2 and c.provider = $4)),
                 $17, $18, $19)",
        credential.id.uuid(),
        tenant,
        credential.workspace,
        credential.provider,
        settings.name.as_deref(),
        credential.label,
        signed(credential.version),
        signed(sealed.key_version),
        sealed.bytes,
        settings.disabled,
        settings.is_fallback,
        settings.is_required,
        settings.is_byok_only,
        settings.declared_zdr,
        settings.declared_region.as_deref(),
        settings.sort_order,
        settings.allowed_models.as_deref(),
        hashes.as_deref(),
        settings.allowed_person_ids.as_deref(),
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Writes what is said of a credential.
pub(crate) async fn update(tx: &mut TenantTx, credential: &Credential) -> Result<(), sqlx::Error> {
    let (tenant, settings) = (tx.tenant().uuid(), &credential.settings);
    let hashes = bytes(settings.allowed_key_hashes.as_ref());
    sqlx::query!(
        "update identity.provider_credential
         set name = $3, disabled = $4, is_fallback = $5, is_required = $6, is_byok_only = $7, declared_zdr = $8,
             declared_region = $9, sort_order = coalesce($10, sort_order), allowed_models = $11,
             allowed_key_hashes = $12, allowed_person_ids = $13, label = $14, updated_at = now()
         where tenant_id = $1 and id = $2",
        tenant,
        credential.id.uuid(),
        settings.name.as_deref(),
        settings.disabled,
        settings.is_fallback,
        settings.is_required,
        settings.is_byok_only,
        settings.declared_zdr,
        settings.declared_region.as_deref(),
        settings.sort_order,
        settings.allowed_models.as_deref(),
        hashes.as_deref(),
        settings.allowed_person_ids.as_deref(),
        credential.label,
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Writes what is sealed over what was.
pub(crate) async fn reseal(
    tx: &mut TenantTx,
    id: CredentialId,
    version: u32,
    sealed: &Sealed,
) -> Result<(), sqlx::Error> {
    let tenant = tx.tenant().uuid();
    sqlx::query!(
        "update identity.provider_credential set version = $3, key_version = $4, sealed = $5, updated_at = now()
         where tenant_id = $1 and id = $2",
        tenant,
        id.uuid(),
        signed(version),
        signed(sealed.key_version),
        sealed.bytes,
    )
    .execute(tx.connection())
    .await?;
    Ok(())
}

/// Deletes a credential with what is sealed; whether there was one.
pub(crate) async fn delete(tx: &mut TenantTx, id: CredentialId) -> Result<bool, sqlx::Error> {
    let tenant = tx.tenant().uuid();
    let deleted = sqlx::query!(
        "delete from identity.provider_credential where tenant_id = $1 and id = $2",
        tenant,
        id.uuid(),
    )
    .execute(tx.connection())
    .await?;
    Ok(deleted.rows_affected() > 0)
}

/// What is sealed of one credential, and the record that it is sealed for.
#[derive(Debug)]
pub(crate) struct Kept {
    pub(crate) id: CredentialId,
    pub(crate) provider: String,
    pub(crate) version: u32,
    pub(crate) sealed: Sealed,
}

/// Every credential of the tenant as it is sealed.
pub(crate) async fn all_sealed(tx: &mut TenantTx) -> Result<Vec<Kept>, sqlx::Error> {
    let tenant = tx.tenant().uuid();
    let rows = sqlx::query!(
        "select id, provider, version, key_version, sealed from identity.provider_credential where tenant_id = $1",
        tenant,
    )
    .fetch_all(tx.connection())
    .await?;
    let read = rows.into_iter().map(|row| Kept {
        id: CredentialId::from_uuid(row.id),
        provider: row.provider,
        version: unsigned(row.version),
        sealed: Sealed { key_version: unsigned(row.key_version), bytes: row.sealed },
    });
    Ok(read.collect())
}

/// Whether all of these are API keys and members of the tenant.
pub(crate) async fn knows(
    tx: &mut TenantTx,
    hashes: Option<&Vec<KeyHash>>,
    persons: Option<&Vec<Uuid>>,
) -> Result<(bool, bool), sqlx::Error> {
    let (tenant, hashes) = (tx.tenant().uuid(), bytes(hashes).unwrap_or_default());
    let row = sqlx::query!(
        r#"select not exists (select from unnest($2::bytea[]) wanted where not exists (
                      select from identity.api_key a
                      where a.tenant_id = $1 and a.hash = wanted and a.deleted_at is null)) as "hashes!",
                  not exists (select from unnest($3::uuid[]) wanted where not exists (
                      select from identity.member m
                      where m.tenant_id = $1 and m.person_id = wanted)) as "persons!""#,
        tenant,
        hashes.as_slice(),
        persons.map(Vec::as_slice).unwrap_or_default(),
    )
    .fetch_one(tx.connection())
    .await?;
    Ok((row.hashes, row.persons))
}

/// The credentials that an API key may use, each in an envelope, in the order in which they are to be tried.
pub(crate) async fn of_key(tx: &mut TenantTx, key: KeyId) -> Result<OwnCredentials, sqlx::Error> {
    let tenant = tx.tenant().uuid();
    let rows = sqlx::query!(
        "select c.id, c.provider, c.version, c.key_version, c.sealed, k.wrapped, c.is_fallback, c.is_required,
                c.is_byok_only, c.declared_zdr, c.declared_region, c.allowed_models
         from identity.api_key a
         join identity.provider_credential c on c.tenant_id = a.tenant_id
         join identity.tenant_key k on k.tenant_id = c.tenant_id and k.version = c.key_version
         where a.tenant_id = $1 and a.id = $2 and not c.disabled
           and (c.workspace_id is null or c.workspace_id = a.workspace_id)
           and (c.allowed_models is null or cardinality(c.allowed_models) > 0)
           and (c.allowed_key_hashes is null or a.hash = any (c.allowed_key_hashes))
           and (c.allowed_person_ids is null or a.creator_person_id = any (c.allowed_person_ids))
         order by c.sort_order, c.created_at, c.id",
        tenant,
        key.uuid(),
    )
    .fetch_all(tx.connection())
    .await?;
    let own = rows.into_iter().filter_map(|row| {
        let envelope = Envelope {
            key_version: unsigned(row.key_version),
            wrapped_key: row.wrapped,
            version: unsigned(row.version),
            sealed: row.sealed,
        };
        Some(OwnCredential {
            credential_id: row.id.to_string(),
            provider: row.provider,
            sealed: envelope.to_bytes().ok()?.into(),
            is_fallback: row.is_fallback,
            is_exclusive: row.is_required,
            models: row.allowed_models.unwrap_or_default(),
            is_provider_exclusive: row.is_byok_only,
            declared_zdr: row.declared_zdr,
            declared_region: region(row.declared_region.as_deref()).to_owned(),
        })
    });
    Ok(OwnCredentials(own.collect()))
}

/// A declared region as endpoints name theirs.
fn region(declared: Option<&str>) -> &str {
    match declared {
        Some("europe") => "eu",
        Some("us") => "us",
        _ => "",
    }
}
