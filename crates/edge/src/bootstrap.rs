//! The demo organisations of a platform that starts on its own.

use std::future::Future;
use std::time::{Duration, Instant};

use identity::{ApiKey, KeyId, OpaqueToken, PersonId, TenantId};
use pricing::Amount;
use rpc::Channel;
use rpc::billing::billing_client::BillingClient;
use rpc::billing::{GrantCreditRequest, OpenTenantRequest};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;
use sqlx::PgPool;
use tonic::{Code, Status};
use uuid::Uuid;

use crate::Error;
use crate::access::Role;
use crate::limits::Ceilings;
use crate::people::{Email, Passwords};
use crate::store::keys::{self, NewKey};
use crate::store::people::{self, NewPerson};
use crate::store::{audit, operators, organisations};

/// The same at every start, so that setting up twice changes nothing.
const DEMO: TenantId = TenantId::from_uuid(Uuid::from_u128(0x0192_0000_0000_7000_8000_0000_0000_0001));
const DEMO_MARKUP: TenantId = TenantId::from_uuid(Uuid::from_u128(0x0192_0000_0000_7000_8000_0000_0000_0002));
/// $10.
const CREDIT: Amount = Amount::from_nanos(10_000_000_000);
/// 5 %.
const MARKUP_POINTS: i32 = 500;
/// How long billing is waited for: it may still be connecting to a database that has just started.
const PATIENCE: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(200);

/// The secrets of the demo organisations, made once and kept by the caller.
#[derive(Clone)]
pub struct Demo {
    /// An inference key of the organisation without markup.
    pub api_key: ApiKey,
    /// A management key of the same.
    pub management_key: ApiKey,
    /// An inference key of the organisation with markup.
    pub markup_api_key: ApiKey,
    /// An operator's token.
    pub admin_token: OpaqueToken,
    /// The e-mail address of the platform's first administrator, who owns the organisation without markup.
    pub admin_email: String,
    pub admin_password: SecretString,
}

/// What there is now.
#[derive(Debug, Clone, Copy)]
pub struct Bootstrapped {
    pub demo: TenantId,
    pub demo_markup: TenantId,
}

/// One demo organisation.
struct Organisation {
    tenant: TenantId,
    slug: &'static str,
    name: &'static str,
    markup: i32,
}

/// Creates the demo organisations with their keys and credit, the operator's token, and the platform's first
/// administrator. What exists stays as it is.
///
/// # Errors
/// [`Error::Database`] and [`Error::Billing`] when one of them cannot be reached or refuses; [`Error::Accounts`] when
/// the administrator's address or password cannot be used.
pub async fn bootstrap(pool: &PgPool, billing: &Channel, demo: &Demo) -> Result<Bootstrapped, Error> {
    let plain = Organisation { tenant: DEMO, slug: "demo", name: "Demo", markup: 0 };
    let marked_up = Organisation {
        tenant: DEMO_MARKUP,
        slug: "demo-markup",
        name: "Demo with markup",
        markup: MARKUP_POINTS,
    };
    open(billing, &plain).await?;
    open(billing, &marked_up).await?;
    add(pool, &plain, vec![("Demo", &demo.api_key), ("Demo management", &demo.management_key)]).await?;
    add(pool, &marked_up, vec![("Demo with markup", &demo.markup_api_key)]).await?;
    operators::put(pool, demo.admin_token.hash(), "admin").await?;
    administrator(pool, demo).await?;
    Ok(Bootstrapped { demo: DEMO, demo_markup: DEMO_MARKUP })
}

async fn open(billing: &Channel, organisation: &Organisation) -> Result<(), Error> {
    let refused = |status| Error::Billing(Box::new(status));
    let tenant = OpenTenantRequest {
        tenant_id: organisation.tenant.to_string(),
        plan: organisation.slug.to_owned(),
        markup_basis_points: organisation.markup,
    };
    patiently(|| {
        let (mut billing, tenant) = (BillingClient::new(billing.clone()), tenant.clone());
        async move { billing.open_tenant(tenant).await }
    })
    .await
    .map_err(refused)?;
    let credit = GrantCreditRequest {
        tenant_id: organisation.tenant.to_string(),
        amount: CREDIT.nanos(),
        kind: "promotion".to_owned(),
        reason: "Demo credit".to_owned(),
        source_id: format!("demo-credit-{}", organisation.slug),
        expires_at_ms: 0,
    };
    patiently(|| {
        let (mut billing, credit) = (BillingClient::new(billing.clone()), credit.clone());
        async move { billing.grant_credit(credit).await }
    })
    .await
    .map_err(refused)?;
    Ok(())
}

/// Calls again while billing is not reachable. Only for calls that change nothing when repeated.
async fn patiently<T, C>(mut call: impl FnMut() -> C) -> Result<T, Status>
where
    C: Future<Output = Result<T, Status>>,
{
    let deadline = Instant::now() + PATIENCE;
    loop {
        match call().await {
            Err(status) if status.code() == Code::Unavailable && Instant::now() < deadline => {
                tokio::time::sleep(PAUSE).await;
            }
            outcome => return outcome,
        }
    }
}

async fn add(
    pool: &PgPool,
    organisation: &Organisation,
    named: Vec<(&'static str, &ApiKey)>,
) -> Result<(), Error> {
    let (slug, name) = (organisation.slug, organisation.name);
    let new: Vec<NewKey> = named
        .into_iter()
        .map(|(name, key)| NewKey {
            id: KeyId::generate(),
            hash: key.hash(),
            kind: key.kind(),
            label: key.label(),
            name: name.to_owned(),
            workspace: None,
            creator: None,
            app: None,
            made_by: "bootstrap".to_owned(),
            ceilings: Ceilings::default(),
            limit: None,
            limit_reset: None,
            allowed_ips: None,
            expires_at: None,
        })
        .collect();
    pg::in_tenant(pool, organisation.tenant, move |tx| {
        Box::pin(async move {
            organisations::insert(tx, slug, name).await?;
            for key in &new {
                keys::insert(tx, key).await?;
            }
            Ok::<_, sqlx::Error>(())
        })
    })
    .await?;
    Ok(())
}

/// Adds the first administrator as an owner of the organisation without markup, unless there is somebody with this
/// address.
async fn administrator(pool: &PgPool, demo: &Demo) -> Result<(), Error> {
    let unusable = |error: crate::people::Error| Error::Accounts(Box::new(error));
    let email = Email::parse(&demo.admin_email).map_err(unusable)?;
    if people::by_email(pool, email.as_str()).await?.is_some() {
        return Ok(());
    }
    let password = demo.admin_password.expose_secret().to_owned();
    let password_hash = Passwords::new(1).hash(password).await.map_err(unusable)?;
    let new = NewPerson {
        email: email.as_str().to_owned(),
        name: "Administrator".to_owned(),
        password_hash: Some(password_hash),
        is_platform_admin: true,
        vouched_by: None,
    };
    let added: Result<(), sqlx::Error> = people::as_person(pool, PersonId::generate(), move |tx| {
        Box::pin(async move {
            people::insert(tx, &new).await?;
            tx.enter(DEMO).await?;
            people::join(tx, DEMO, Role::Owner).await?;
            let entry = audit::Entry {
                tenant: Some(DEMO),
                actor: "bootstrap".to_owned(),
                action: "person.create",
                target: format!("user:{}", tx.person()),
                details: json!({ "is_platform_admin": true, "role": Role::Owner.as_str() }),
            };
            audit::insert(tx.connection(), &entry).await?;
            Ok(())
        })
    })
    .await;
    match added {
        // Another process was faster.
        Err(error) if pg::class(&error) == pg::Class::Conflict => Ok(()),
        outcome => Ok(outcome?),
    }
}
