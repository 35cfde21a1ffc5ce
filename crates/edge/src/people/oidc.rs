//! Signing in with an account elsewhere: OpenID Connect's code flow, with state, nonce and proof key kept here.

mod issuer;

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use dialect::error::ErrorType;
use identity::{KeyHash, OpaqueToken, PersonId, TenantId};
use rpc::Fault;
use sha2::{Digest as _, Sha256};
use url::Url;

use self::issuer::{Claims, Issuer, IssuerError};
use super::accept::{Entrance, enter};
use super::{Client, Email, Error, Opened, guessing, open};
use crate::access::{Outside, Role, Turn};
use crate::config::OidcConfig;
use crate::http::reply::{Refusal, UserFacing as _};
use crate::limits::Rule;
use crate::service::App;
use crate::store::oidc::{self, Attempt};
use crate::store::people::{self, NewPerson};

/// How long somebody may take at the issuer.
pub(crate) const LASTS: Duration = Duration::from_secs(600);
/// Attempts of one network in an hour: each is written down.
const PER_CLIENT: u64 = 600;

/// What is configured cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OidcConfigError {
    #[error("edge.oidc.issuer is no https URL")]
    Issuer,
    #[error("edge.oidc.client_id is missing")]
    Client,
    #[error("edge.oidc.default_role and edge.oidc.organization must be set together, to a role and an id")]
    Default,
    #[error("there is no TLS")]
    Tls(#[from] rustls::Error),
}

/// Why nobody is signed in.
#[derive(Debug, thiserror::Error)]
pub(crate) enum OidcError {
    #[error("no issuer is configured")]
    None,
    #[error("the attempt is not known in this browser, or too old")]
    Attempt,
    #[error("the issuer refused")]
    Refused,
    #[error("the issuer cannot be used")]
    Issuer(#[from] IssuerError),
    #[error("nobody here has this account")]
    Unknown,
}

impl OidcError {
    pub(super) fn refusal(self) -> Refusal {
        match self {
            Self::None => Refusal::new(ErrorType::NotFound, "No issuer is configured here."),
            Self::Attempt => Refusal::new(
                ErrorType::InvalidRequest,
                "This sign-in did not begin in this browser, or took too long.",
            ),
            Self::Refused => Refusal::new(ErrorType::PermissionDenied, "The issuer did not sign you in."),
            Self::Unknown => Refusal::new(
                ErrorType::PermissionDenied,
                "Nobody here has this account. Ask for an invitation.",
            ),
            Self::Issuer(error) => {
                tracing::warn!(error = %error, "the issuer of sign-ins cannot be used");
                match error {
                    IssuerError::Silent => {
                        Fault::unavailable("The sign-in service does not answer. Try again shortly.")
                            .refusal()
                    }
                    _ => Refusal::new(ErrorType::ProviderUnavailable, "The issuer cannot be used right now."),
                }
            }
        }
    }
}

/// Sign-in with the configured issuer, when there is one.
pub(crate) struct Oidc {
    issuer: Option<Issuer>,
    redirect_uri: String,
    /// Where somebody comes in whom nobody invited.
    default: Option<(TenantId, Role)>,
}

/// An attempt that begins: where the browser goes, and what it must bring back.
pub(crate) struct Begun {
    pub(crate) location: String,
    pub(crate) state: OpaqueToken,
}

impl Oidc {
    /// # Errors
    /// [`OidcConfigError`].
    pub(crate) fn new(config: &OidcConfig, base: &str) -> Result<Self, OidcConfigError> {
        let redirect_uri = format!("{base}/account/v1/oidc/callback");
        if config.issuer.is_empty() {
            return Ok(Self { issuer: None, redirect_uri, default: None });
        }
        let url = Url::parse(&config.issuer).map_err(|_| OidcConfigError::Issuer)?;
        let is_local = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
        if url.scheme() != "https" && !(url.scheme() == "http" && is_local) {
            return Err(OidcConfigError::Issuer);
        }
        if config.client_id.is_empty() {
            return Err(OidcConfigError::Client);
        }
        let default = default(config)?;
        Ok(Self { issuer: Some(Issuer::new(config.clone())?), redirect_uri, default })
    }

    fn issuer(&self) -> Result<&Issuer, OidcError> {
        self.issuer.as_ref().ok_or(OidcError::None)
    }
}

fn default(config: &OidcConfig) -> Result<Option<(TenantId, Role)>, OidcConfigError> {
    match (config.organization.as_str(), config.default_role.as_str()) {
        ("", "") => Ok(None),
        (organization, role) => {
            let tenant = organization.parse().map_err(|_| OidcConfigError::Default)?;
            Ok(Some((tenant, Role::named(role).ok_or(OidcConfigError::Default)?)))
        }
    }
}

fn per_client(client: &Client) -> Rule {
    Rule {
        scope: format!("oidc:{}", client.network()),
        limit: PER_CLIENT,
        window: Duration::from_secs(3_600),
        name: "sign-ins with the issuer from here",
    }
}

/// Begins an attempt.
///
/// # Errors
/// [`Error::Oidc`], [`Error::Limited`], [`Error::Database`].
pub(crate) async fn begin(app: &App, client: &Client, turn: &Turn) -> Result<Begun, Error> {
    let oidc = &app.people.oidc;
    let issuer = oidc.issuer()?;
    app.limits.spend(&per_client(client)).await?;
    let known = turn.outside(app, Outside::Configured, issuer.fresh()).await?.map_err(OidcError::Issuer)?;
    let mut location = Url::parse(&known.metadata.authorization_endpoint)
        .map_err(|error| OidcError::Issuer(IssuerError::Unreachable(error.to_string())))?;
    let secret = || OpaqueToken::generate("");
    let (state, nonce, verifier) = (secret(), secret(), secret());
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.expose()));
    location
        .query_pairs_mut()
        .append_pair("response_type", "code")
        .append_pair("client_id", &issuer.config().client_id)
        .append_pair("redirect_uri", &oidc.redirect_uri)
        .append_pair("scope", &issuer.config().scopes)
        .append_pair("state", state.expose())
        .append_pair("nonce", nonce.expose())
        .append_pair("code_challenge", &challenge)
        .append_pair("code_challenge_method", "S256");
    let attempt = Attempt { nonce: nonce.expose().to_owned(), verifier: verifier.expose().to_owned() };
    oidc::begin(&app.pool, state.hash(), &attempt, LASTS).await?;
    Ok(Begun { location: location.into(), state })
}

/// Signs in whomever the issuer vouches for, where somebody here is known, invited, or let in by default.
///
/// # Errors
/// [`Error::Oidc`], [`Error::Database`].
pub(crate) async fn finish(
    app: &App,
    (state, code): (&str, &str),
    client: &Client,
    turn: &Turn,
) -> Result<Opened, Error> {
    let oidc = &app.people.oidc;
    let issuer = oidc.issuer()?;
    let look = async { Ok(oidc::take(&app.pool, KeyHash::of(state)).await?.ok_or(OidcError::Attempt)?) };
    let attempt = guessing::bounded(app, client.address, Error::is_guess, look).await?;
    let exchange = issuer.exchange(code, &attempt.verifier, &attempt.nonce, &oidc.redirect_uri);
    let claims = turn.outside(app, Outside::Configured, exchange).await?.map_err(OidcError::Issuer)?;
    let (person, tenant) = whoever(app, issuer.config(), &claims).await?;
    open(app, person, tenant, client).await
}

/// The person whom the issuer vouches for, and where they came in just now.
async fn whoever(
    app: &App,
    config: &OidcConfig,
    claims: &Claims,
) -> Result<(PersonId, Option<TenantId>), Error> {
    match oidc::person(&app.pool, &config.issuer, &claims.sub).await? {
        Some((person, false)) => return Ok((person, None)),
        Some((_, true)) => return Err(OidcError::Unknown.into()),
        None => {}
    }
    let email =
        claims.verified_email().and_then(|email| Email::parse(email).ok()).ok_or(OidcError::Unknown)?;
    match people::by_email(&app.pool, email.as_str()).await? {
        Some(known) if known.is_disabled => Err(OidcError::Unknown.into()),
        Some(known) => link(app, known.id, config, claims).await.map(|()| (known.id, None)),
        None => newcomer(app, config, claims, &email).await,
    }
}

/// Somebody known by their address, who comes with this account for the first time.
async fn link(app: &App, person: PersonId, config: &OidcConfig, claims: &Claims) -> Result<(), Error> {
    let (issuer, subject) = (config.issuer.clone(), claims.sub.clone());
    people::as_person(&app.pool, person, move |tx| {
        Box::pin(async move {
            // Another account has their place already.
            if oidc::link(tx, &issuer, &subject).await? { Ok(()) } else { Err(OidcError::Unknown.into()) }
        })
    })
    .await
}

/// Somebody new, who was invited or is let in by default.
async fn newcomer(
    app: &App,
    config: &OidcConfig,
    claims: &Claims,
    email: &Email,
) -> Result<(PersonId, Option<TenantId>), Error> {
    let entrance = match oidc::invitation(&app.pool, email.as_str()).await? {
        Some((id, tenant)) => Entrance::Invitation { id, tenant },
        None => {
            let (tenant, role) = app.people.oidc.default.ok_or(OidcError::Unknown)?;
            Entrance::Default { tenant, role }
        }
    };
    let name: String =
        claims.name.as_deref().unwrap_or_default().chars().filter(|c| !c.is_control()).take(200).collect();
    let new = NewPerson {
        email: email.as_str().to_owned(),
        name,
        password_hash: None,
        is_platform_admin: false,
        vouched_by: Some((config.issuer.clone(), claims.sub.clone())),
    };
    let person = PersonId::generate();
    let tenant = entrance.tenant();
    enter(app, person, entrance, Some(new)).await?;
    Ok((person, Some(tenant)))
}
