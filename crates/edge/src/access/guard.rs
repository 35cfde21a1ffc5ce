//! The layer in front of the documented routes.

use std::collections::HashMap;
use std::sync::Arc;

use axum::Router;
use axum::extract::{MatchedPath, Request};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse as _, Response};
use dialect::error::ErrorType;
use http::HeaderMap;
use identity::{KeyHash, KeyKind};
use serde_json::Value;
use utoipa::openapi::OpenApi;
use utoipa::openapi::path::Operation;
use utoipa_axum::router::OpenApiRouter;

use super::calls::{self, Party};
use super::session;
use super::{Action, Caller, Operator, Role, Session, Who};
use crate::auth;
use crate::http::layers::unkept;
use crate::http::reply::Refusal;
use crate::service::App;
use crate::store;

/// A credential that an operation takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scheme {
    InferenceKey,
    ManagementKey,
    Session,
    OperatorToken,
}

impl Scheme {
    fn named(text: &str) -> Option<Self> {
        match text {
            "inference_key" => Some(Self::InferenceKey),
            "management_key" => Some(Self::ManagementKey),
            "session" => Some(Self::Session),
            "operator_token" => Some(Self::OperatorToken),
            _ => None,
        }
    }

    const fn of_key(kind: KeyKind) -> Self {
        match kind {
            KeyKind::Inference => Self::InferenceKey,
            KeyKind::Management => Self::ManagementKey,
        }
    }
}

/// How one operation may be called.
#[derive(Debug, Clone, Default)]
struct Rule {
    is_public: bool,
    schemes: Vec<Scheme>,
    /// What it is, where roles matter.
    action: Option<Action>,
}

impl Rule {
    /// Reads the `security` of an operation in a document. What cannot be read allows nothing.
    fn of(operation: &Value) -> Self {
        let mut rule = Self::default();
        for way in operation["security"].as_array().into_iter().flatten().filter_map(Value::as_object) {
            rule.is_public |= way.is_empty();
            for (scheme, scopes) in way {
                rule.schemes.extend(Scheme::named(scheme));
                rule.action = rule.action.or_else(|| Action::named(scopes[0].as_str()?));
            }
        }
        rule
    }

    fn takes(&self, scheme: Scheme) -> bool {
        self.schemes.contains(&scheme)
    }

    /// What a body may have in bytes.
    fn longest_body(&self, app: &App) -> usize {
        let http = &app.config.http;
        match self.action {
            _ if self.takes(Scheme::OperatorToken) => http.max_body_bytes.get(),
            Some(Action::WritePresets) => LONGEST_PRESET.min(http.max_body_bytes.get()),
            _ => http.max_admin_body_bytes.get(),
        }
    }
}

/// Bytes of a request for a model that a preset is made of, of which it keeps the settings.
const LONGEST_PRESET: usize = 2 << 20;

/// The rule of each operation, by method and path as the document has it.
#[derive(Debug, Default)]
struct Rules(HashMap<(String, String), Rule>);

impl Rules {
    fn of(document: &OpenApi) -> Self {
        let document = serde_json::to_value(document).unwrap_or_default();
        let paths = document["paths"].as_object().into_iter().flatten();
        let operations = paths.flat_map(|(path, item)| {
            let operations = item.as_object().into_iter().flatten();
            operations
                .map(move |(method, operation)| ((method.to_uppercase(), path.clone()), Rule::of(operation)))
        });
        Self(operations.collect())
    }
}

/// People of which roles may call an operation of a document; `None` where it takes no sessions.
pub(crate) fn roles(operation: &Operation) -> Option<Vec<&'static str>> {
    let rule = Rule::of(&serde_json::to_value(operation).ok()?);
    let action = rule.action.filter(|_| rule.takes(Scheme::Session))?;
    Some(Role::ALL.iter().filter(|role| role.may(action)).map(|role| role.as_str()).collect())
}

/// The routes of `api` behind the rules of its own document, to be nested at `base`; and the document.
pub(crate) fn guard(
    app: &Arc<App>,
    base: &'static str,
    api: OpenApiRouter<Arc<App>>,
) -> (Router<Arc<App>>, OpenApi) {
    let (router, document) = api.split_for_parts();
    let rules = Arc::new(Rules::of(&document));
    let app = Arc::clone(app);
    let layer = from_fn(move |path: MatchedPath, request: Request, next: Next| {
        let (app, rules) = (Arc::clone(&app), Arc::clone(&rules));
        async move {
            let path = path.as_str().strip_prefix(base).unwrap_or(path.as_str());
            let method =
                if request.method() == http::Method::HEAD { "GET" } else { request.method().as_str() };
            let Some(rule) = rules.0.get(&(method.to_owned(), path.to_owned())) else {
                // A method that the path does not have: the router says so itself.
                return next.run(request).await;
            };
            serve(&app, rule, request, next).await.unwrap_or_else(|refusal| refusal.into_response())
        }
    });
    (router.route_layer(layer).route_layer(from_fn(unkept)), document)
}

/// Answers a request that everybody may send, as an operation that is open to everybody.
///
/// # Errors
/// As for operations.
pub(crate) async fn serve_anybody(app: &Arc<App>, request: Request, next: Next) -> Result<Response, Refusal> {
    serve(app, &Rule { is_public: true, ..Rule::default() }, request, next).await
}

/// Answers a request that may call the operation.
async fn serve(app: &Arc<App>, rule: &Rule, mut request: Request, next: Next) -> Result<Response, Refusal> {
    let party = pass(app, rule, &mut request).await?;
    let (mut request, place) = calls::enter(app, (party, rule.longest_body(app)), request).await?;
    // The body may have been long in coming: what was taken from its sender meanwhile is taken from this call too.
    if !rule.is_public && !request.method().is_safe() {
        pass(app, rule, &mut request).await?;
    }
    calls::answer(app, (request, place), next).await
}

/// Lets a request pass that may call the operation, with whoever calls in it. As whose call it counts.
async fn pass(app: &App, rule: &Rule, request: &mut Request) -> Result<Party, Refusal> {
    let stranger = Party::of_stranger(request)?;
    if rule.is_public {
        return Ok(stranger);
    }
    let headers = request.headers();
    if auth::has_key(headers) {
        if rule.takes(Scheme::OperatorToken) {
            let operator = operator(app, headers, stranger).await?;
            let party = Party::Operator(operator.actor.clone());
            request.extensions_mut().insert(operator);
            return Ok(party);
        }
        let context = auth::authenticate(&app.keys, &*request).await?;
        if !rule.takes(Scheme::of_key(context.key.kind)) {
            return Err(auth::Error::WrongKind(context.key.kind).into());
        }
        if context.key.app.is_some() && rule.action.is_some_and(Action::is_closed_to_apps) {
            let message = "An app got this key: it calls models, and the presets that it names in requests are not \
                           shown to it. Use a key that you made yourself.";
            return Err(Refusal::new(ErrorType::PermissionDenied, message));
        }
        let tenant = context.tenant();
        let party = match context.key.kind {
            KeyKind::Inference => Party::Key(context.key.id),
            KeyKind::Management => Party::Organization(tenant),
        };
        request.extensions_mut().insert(Caller { tenant, who: Who::Key(context) });
        return Ok(party);
    }
    let Some(secret) = session::secret(headers, app.config.sessions.cookie()) else {
        return Err(auth::Error::Missing.into());
    };
    if !session::is_own_page(request.method(), headers, secret) {
        let message = format!("Send the session's token in the header `{}`.", session::CSRF);
        return Err(Refusal::new(ErrorType::PermissionDenied, message));
    }
    enter(rule, &session_of(app, secret, stranger).await?.ok_or(auth::Error::Unknown)?, request)
}

/// The session in force with this secret, that comes from a stranger's network.
///
/// # Errors
/// A [`Refusal`] when too many are being asked for, or nobody can tell.
pub(crate) async fn session_of(app: &App, secret: &str, from: Party) -> Result<Option<Session>, Refusal> {
    let ask = store::sessions::by_secret(&app.pool, secret, app.config.sessions.idle_ms.get());
    look_up(app, (secret, from), ask, |session| Party::Person(session.person)).await
}

/// Asks the database whose a secret is.
async fn look_up<T>(
    app: &App,
    (secret, from): (&str, Party),
    ask: impl Future<Output = Result<Option<T>, sqlx::Error>>,
    whose: impl Fn(&T) -> Party,
) -> Result<Option<T>, Refusal> {
    let hash = KeyHash::of(secret);
    let place = app.calls.look_up(hash, from).await;
    let _place = place.inspect_err(|_| app.metrics.call_refused("unknown"))?;
    let found = ask.await?;
    app.calls.met(hash, found.as_ref().map(whose));
    Ok(found)
}

/// What a person may call, and as whose call it counts.
fn enter(rule: &Rule, session: &Session, request: &mut Request) -> Result<Party, Refusal> {
    let mut party = match session.membership {
        Some((tenant, _)) => Party::Organization(tenant),
        None => Party::Person(session.person),
    };
    if rule.takes(Scheme::OperatorToken) {
        if !session.is_platform_admin {
            return Err(Refusal::new(
                ErrorType::PermissionDenied,
                "Only operators can perform this operation.",
            ));
        }
        let actor = format!("user:{}", session.person);
        party = Party::Operator(actor.clone());
        request.extensions_mut().insert(Operator { actor });
    } else if !rule.takes(Scheme::Session) {
        return Err(Refusal::new(
            ErrorType::PermissionDenied,
            "This operation takes an API key, not a session.",
        ));
    } else if rule.action != Some(Action::Self_) {
        let Some((tenant, role)) = session.membership else {
            let message = "Choose an organization first: this session works in none.";
            return Err(Refusal::new(ErrorType::PermissionDenied, message));
        };
        let action = rule.action.filter(|action| role.may(*action));
        let Some(_) = action else {
            let message =
                format!("Your role `{}` does not allow this. Ask an owner or admin.", role.as_str());
            return Err(Refusal::new(ErrorType::PermissionDenied, message));
        };
        let who = Who::Person { id: session.person, role };
        request.extensions_mut().insert(Caller { tenant, who });
    }
    request.extensions_mut().insert(session.clone());
    Ok(party)
}

async fn operator(app: &App, headers: &HeaderMap, stranger: Party) -> Result<Operator, Refusal> {
    let secret = auth::bearer(headers).ok_or(auth::Error::Missing)?;
    let ask = store::operators::by_hash(&app.pool, KeyHash::of(secret));
    let actor = |name: &String| format!("operator:{name}");
    let name = look_up(app, (secret, stranger), ask, |name| Party::Operator(actor(name))).await?;
    Ok(Operator { actor: actor(&name.ok_or(auth::Error::Unknown)?) })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_operation_that_says_nothing_takes_nobody() {
        let rule = Rule::of(&json!({}));
        assert!(!rule.is_public && rule.schemes.is_empty());
        let rule = Rule::of(&json!({ "security": [{ "of_no_kind": ["keys.read"] }] }));
        assert!(!rule.is_public && rule.schemes.is_empty());
    }

    #[test]
    fn everybody_is_said_in_so_many_words() {
        assert!(Rule::of(&json!({ "security": [{}] })).is_public);
    }

    #[test]
    fn the_ways_of_an_operation_are_read() {
        let security =
            json!({ "security": [{ "management_key": ["keys.read"] }, { "session": ["keys.read"] }] });
        let rule = Rule::of(&security);
        assert!(rule.takes(Scheme::ManagementKey) && rule.takes(Scheme::Session));
        assert!(!rule.takes(Scheme::InferenceKey));
        assert_eq!(rule.action, Some(Action::ReadKeys));
    }
}
