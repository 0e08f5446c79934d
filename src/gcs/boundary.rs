//! Credential access boundaries: an OAuth token that is good for one bucket or prefix, as data.
//!
//! Source: IAM documentation, "Downscope with Credential Access Boundaries"; Security Token Service API,
//! "token".

use super::endpoint::check_bucket;
use crate::{
    clock::Timestamp,
    encode,
    error::{IssueError, KeyError},
    grant::{Action, Constraint, ContentType, Grant, Resource, Size, plan::Form},
    json::{Value, push_text},
    secret::Secret,
};
use alloc::{format, string::String, vec::Vec};
use core::fmt;

/// The name of this token form in errors.
const FORM: &str = Form::GcsAccessBoundary.name();
/// The most rules that one boundary has.
const MAX_RULES: usize = 10;

/// What a downscoped token may do: at most ten rules, each a few roles on one bucket under one condition.
///
/// The bucket needs uniform bucket-level access, or its ACLs allow more than the boundary.
///
/// ```
/// use valet_key::{clock::Timestamp, gcs::AccessBoundary, grant::{Actions, Grant, Justification}};
///
/// let grant = Grant::under("albums", "42/", Actions::READ)
///     .because(Justification::new("album download, ticket 4711")?);
/// let now = Timestamp::from_unix(1_700_000_000)?;
/// let boundary = AccessBoundary::new(&[grant], now, now.saturating_add(600))?;
/// assert_eq!(
///     boundary.to_json(),
///     "{\"accessBoundary\":{\"accessBoundaryRules\":[{\
///      \"availableResource\":\"//storage.googleapis.com/projects/_/buckets/albums\",\
///      \"availablePermissions\":[\"inRole:roles/storage.objectViewer\"],\
///      \"availabilityCondition\":{\"expression\":\
///      \"resource.name.startsWith('projects/_/buckets/albums/objects/42/')\"}}]}}"
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct AccessBoundary {
    rules: Vec<Rule>,
}

#[derive(Clone, Debug)]
struct Rule {
    bucket: String,
    roles: Vec<&'static str>,
    expression: String,
}

impl AccessBoundary {
    /// The boundary that allows exactly these grants, one to ten, for a source token that ends at
    /// `source_ends`. A boundary has no time of its own, so the source must end within the lifetime of each
    /// grant.
    ///
    /// # Errors
    /// [`IssueError::NotEnforceable`] for whatever a boundary cannot enforce, the lifetime among it,
    /// [`IssueError::Unjustified`] for a long life without a reason, [`IssueError::Unbounded`] for an upload
    /// that neither says nor waives its size and type, and [`IssueError::Invalid`] for names that Cloud
    /// Storage does not take, or no grant or more than ten.
    pub fn new(grants: &[Grant], now: Timestamp, source_ends: Timestamp) -> Result<Self, IssueError> {
        if !(1..=MAX_RULES).contains(&grants.len()) {
            return Err(IssueError::Invalid { what: "access boundary", why: "it must have 1 to 10 rules" });
        }
        for grant in grants {
            if grant.lifetime > grant.classification.cap() && grant.justification.is_none() {
                return Err(IssueError::Unjustified { what: "a lifetime beyond the default" });
            }
            if source_ends.seconds_since(now) > i64::from(grant.lifetime.seconds()) {
                let instead = "a source token that ends within the grant's lifetime can";
                return Err(not_enforceable(Constraint::Lifetime, instead));
            }
        }
        Ok(Self { rules: grants.iter().map(|grant| grant.lowered(Rule::new)).collect::<Result<_, _>>()? })
    }

    pub(super) fn roles(&self) -> impl Iterator<Item = &'static str> {
        self.rules.iter().flat_map(|rule| rule.roles.iter().copied())
    }

    /// The JSON of the `options` field.
    #[must_use]
    pub fn to_json(&self) -> String {
        let mut json = String::from("{\"accessBoundary\":{\"accessBoundaryRules\":[");
        for (at, rule) in self.rules.iter().enumerate() {
            if at > 0 {
                json.push(',');
            }
            json.push_str("{\"availableResource\":");
            push_text(&mut json, &format!("//storage.googleapis.com/projects/_/buckets/{}", rule.bucket));
            json.push_str(",\"availablePermissions\":[");
            for (at, role) in rule.roles.iter().enumerate() {
                if at > 0 {
                    json.push(',');
                }
                push_text(&mut json, &format!("inRole:roles/storage.{role}"));
            }
            json.push_str("],\"availabilityCondition\":{\"expression\":");
            push_text(&mut json, &rule.expression);
            json.push_str("}}");
        }
        json.push_str("]}}");
        json
    }

    /// The body of the token exchange, `application/x-www-form-urlencoded`, to post to
    /// [`EXCHANGE_URL`](Self::EXCHANGE_URL). It holds the source token: do not log it.
    #[must_use]
    pub fn exchange_body(&self, source_token: &Secret<String>) -> Secret<String> {
        let mut body = String::new();
        for (name, value) in [
            ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
            ("subject_token_type", "urn:ietf:params:oauth:token-type:access_token"),
            ("requested_token_type", "urn:ietf:params:oauth:token-type:access_token"),
            ("subject_token", source_token.expose()),
            ("options", &self.to_json()),
        ] {
            if !body.is_empty() {
                body.push('&');
            }
            body.push_str(name);
            body.push('=');
            body.extend(encode::component(value.as_bytes()));
        }
        Secret::new(body)
    }

    /// Where the exchange is posted.
    pub const EXCHANGE_URL: &'static str = "https://sts.googleapis.com/v1/token";
}

fn not_enforceable(constraint: Constraint, instead: &'static str) -> IssueError {
    IssueError::NotEnforceable { constraint, form: FORM, instead }
}

impl Rule {
    fn new(grant: &Grant) -> Result<Self, IssueError> {
        check_bucket(&grant.container)?;
        grant.refuse_misplaced(not_enforceable)?;
        let asked = |asked: bool, constraint, instead| {
            if asked { Err(not_enforceable(constraint, instead)) } else { Ok(()) }
        };
        asked(matches!(grant.size, Some(Size::Range(_))), Constraint::Size, "a signed URL or a POST policy can")?;
        let typed = matches!(grant.content_type, Some(ContentType::Exact(_) | ContentType::Prefix(_)));
        asked(typed, Constraint::ContentType, "a signed URL or a POST policy can")?;
        asked(grant.sha256.is_some(), Constraint::Checksum, "a signed URL can")?;
        asked(grant.encryption.is_some(), Constraint::Encryption, "a signed URL can")?;
        asked(grant.storage_class.is_some(), Constraint::StorageClass, "a signed URL can")?;
        asked(!grant.metadata.is_empty(), Constraint::Metadata, "a signed URL can")?;
        asked(!grant.response_headers.is_empty(), Constraint::ResponseHeaders, "a signed URL can")?;
        asked(grant.client_address.is_some(), Constraint::ClientAddress, "a VPC Service Controls perimeter can")?;
        asked(grant.not_before.is_some(), Constraint::NotBefore, "a gateway can")?;
        asked(grant.listing.is_some(), Constraint::Listing, "a signed URL can")?;
        asked(grant.single_use, Constraint::SingleUse, "a gateway with replay protection can")?;
        asked(grant.request_id.is_some(), Constraint::RequestId, "a signed URL can with a signed header")?;
        let uploads = grant.actions.iter().any(|action| matches!(action, Action::Upload | Action::Create));
        if uploads && grant.size.is_none() {
            return Err(IssueError::Unbounded { constraint: Constraint::Size });
        }
        if uploads && grant.content_type.is_none() {
            return Err(IssueError::Unbounded { constraint: Constraint::ContentType });
        }
        let mut roles: Vec<&'static str> = Vec::new();
        for action in grant.actions.iter() {
            let role = match action {
                // SPEC: the viewer of objects may list them too, which the condition confines.
                Action::Read | Action::Head | Action::List => "objectViewer",
                // A creator cannot overwrite, since that deletes.
                Action::Create => "objectCreator",
                Action::Upload => "objectUser",
                _ => {
                    let why = "no role allows that alone: a signed URL can";
                    return Err(not_enforceable(Constraint::Action, why));
                }
            };
            // SPEC: `objectUser` also reads and deletes, which was not asked for.
            if role == "objectUser" {
                return Err(not_enforceable(
                    Constraint::Action,
                    "overwriting needs a role that deletes: ask for `Create`, or use a signed URL",
                ));
            }
            if !roles.contains(&role) {
                roles.push(role);
            }
        }
        let lists = grant.actions.contains(Action::List);
        let expression = match &grant.resource {
            Resource::Object { name, version: None } if !lists => {
                super::endpoint::check_object(name)?;
                format!("resource.name == {}", cel(&grant.container, name))
            }
            Resource::Prefix(prefix) => {
                if !(prefix.ends_with('/') || grant.open_prefix) {
                    let why = "it must not be empty, and must end with `/`: see `allow_open_prefix`";
                    return Err(IssueError::Invalid { what: "prefix", why });
                }
                super::endpoint::check_object(prefix)?;
                let named = format!("resource.name.startsWith({})", cel(&grant.container, prefix));
                if lists {
                    let listed = cel_text(prefix);
                    format!(
                        "{named} || api.getAttribute('storage.googleapis.com/objectListPrefix', '').startsWith({listed})"
                    )
                } else {
                    named
                }
            }
            _ => {
                let why = "a boundary names an object or a prefix: a signed URL does the rest";
                return Err(not_enforceable(Constraint::Resource, why));
            }
        };
        Ok(Self { bucket: grant.container.clone(), roles, expression })
    }
}

/// The full name of an object, or the beginning of one, as a CEL text.
fn cel(bucket: &str, name: &str) -> String {
    cel_text(&format!("projects/_/buckets/{bucket}/objects/{name}"))
}

/// A CEL text in single quotes, with everything escaped that could end it or be read in another way.
///
/// Source: Common Expression Language, language definition, "String and Bytes Values".
fn cel_text(text: &str) -> String {
    let mut quoted = String::from("'");
    for c in text.chars() {
        match c {
            '\'' => quoted.push_str("\\'"),
            '\\' => quoted.push_str("\\\\"),
            c if c.is_control() => {
                let code = format!("\\u{:04x}", u32::from(c));
                quoted.push_str(&code);
            }
            c => quoted.push(c),
        }
    }
    quoted.push('\'');
    quoted
}

/// A downscoped OAuth token.
#[derive(Clone)]
pub struct DownscopedToken {
    token: Secret<String>,
    expires_at: Timestamp,
}

impl DownscopedToken {
    /// Reads the answer of the exchange, received at `now`. Without an `expires_in` in it, the token ends with
    /// its source; with one, with whichever ends first.
    ///
    /// # Errors
    /// [`KeyError::Holder`] if it is no such answer; what it says is not quoted.
    pub fn read_answer(answer: &str, now: Timestamp, source_ends: Timestamp) -> Result<Self, KeyError> {
        let failed = |why: &str| KeyError::Holder(format!("the answer of the token exchange {why}"));
        if answer.len() > 64 << 10 {
            return Err(failed("is larger than 64 KiB"));
        }
        let members =
            Value::parse(answer).ok().and_then(Value::into_object).ok_or_else(|| failed("is not one JSON object"))?;
        let (mut token, mut lifetime) = (None, None);
        for (name, value) in members {
            match (name.as_str(), value) {
                ("access_token", Value::Text(text)) => token = Some(Secret::new(text)),
                ("expires_in", Value::Number(number)) => {
                    lifetime =
                        Some(number.parse::<u32>().map_err(|_| failed("must have `expires_in` in whole seconds"))?);
                }
                ("token_type", Value::Text(kind)) if !kind.eq_ignore_ascii_case("bearer") => {
                    return Err(failed("must be of the type `Bearer`"));
                }
                ("access_token" | "expires_in" | "token_type", value)
                    if !matches!(value, Value::Text(_)) || name == "expires_in" =>
                {
                    return Err(failed("has a member of another kind than it should"));
                }
                _ => {}
            }
        }
        let token = token
            .filter(|token| !token.expose().is_empty() && token.expose().bytes().all(|byte| byte.is_ascii_graphic()));
        let token = token.ok_or_else(|| failed("must have `access_token`, as visible ASCII"))?;
        let expires_at = lifetime.map_or(source_ends, |seconds| now.saturating_add(seconds).min(source_ends));
        Ok(Self { token, expires_at })
    }

    /// The token, for the `Authorization: Bearer` header of the one client that it is for. Do not log it.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.token.expose()
    }

    /// The last second at which it is good.
    #[must_use]
    pub const fn expires_at(&self) -> Timestamp {
        self.expires_at
    }
}

impl fmt::Debug for DownscopedToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DownscopedToken").field("expires_at", &self.expires_at).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grant::{Actions, Justification};

    const NOW: Timestamp = Timestamp::EPOCH;

    fn boundary(grants: &[Grant]) -> Result<AccessBoundary, IssueError> {
        AccessBoundary::new(grants, NOW, NOW.saturating_add(900))
    }

    fn expression(grant: Grant) -> Result<String, IssueError> {
        boundary(&[grant]).map(|boundary| boundary.rules[0].expression.clone())
    }

    #[test]
    fn names_cannot_break_out_of_the_condition() {
        let hostile = "a') || true || ('\\";
        assert_eq!(
            expression(Grant::read("photos", hostile)).unwrap(),
            "resource.name == 'projects/_/buckets/photos/objects/a\\') || true || (\\'\\\\'"
        );
        let why = || Justification::new("test").unwrap();
        assert_eq!(
            expression(Grant::under("photos", "o'/", Actions::READ | Actions::LIST).because(why())).unwrap(),
            "resource.name.startsWith('projects/_/buckets/photos/objects/o\\'/') || \
             api.getAttribute('storage.googleapis.com/objectListPrefix', '').startsWith('o\\'/')"
        );
        assert_eq!(cel_text("\u{7}"), "'\\u0007'");
        assert!(expression(Grant::under("photos", "", Actions::READ).because(why())).is_err());
        assert!(expression(Grant::under("photos", "open", Actions::READ).because(why())).is_err());
    }

    #[test]
    fn what_a_boundary_cannot_hold_is_an_error() {
        for grant in [
            Grant::upload("photos", "a").any_size().any_content_type(),
            Grant::create("photos", "a").exact_size(1).any_content_type(),
            Grant::create("photos", "a").any_size(),
            Grant::delete("photos", "a"),
            Grant::read("photos", "a").version("1"),
            Grant::read("photos", "a").single_use(),
            Grant::read("photos", "a").client_address("192.0.2.1"),
            Grant::read("photos", "a").request_id("r"),
            Grant::read("Photos", "a"),
        ] {
            assert!(boundary(core::slice::from_ref(&grant)).is_err(), "{grant:?}");
        }
        assert!(boundary(&[Grant::create("photos", "a").any_size().any_content_type()]).is_ok());
        assert!(boundary(&[]).is_err());
        let late = AccessBoundary::new(&[Grant::read("photos", "a")], NOW, NOW.saturating_add(901));
        assert!(matches!(late, Err(IssueError::NotEnforceable { constraint: Constraint::Lifetime, .. })));
        assert!(boundary(&alloc::vec![Grant::read("photos", "a"); 11]).is_err());
    }

    #[test]
    fn the_exchange_is_a_form_and_its_answer_is_read_strictly() {
        let boundary = boundary(&[Grant::read("photos", "a")]).unwrap();
        let body = boundary.exchange_body(&Secret::from("ya29.secret+/"));
        assert!(body.expose().starts_with("grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange&"));
        assert!(body.expose().contains("&subject_token=ya29.secret%2B%2F&options=%7B%22accessBoundary%22"));
        let now = Timestamp::from_unix(1_000).unwrap();
        let ends = now.saturating_add(3600);
        let read = |answer: &str| DownscopedToken::read_answer(answer, now, ends);
        assert_eq!(read("{\"access_token\":\"t\",\"expires_in\":60}").unwrap().expires_at().unix(), 1_060);
        assert_eq!(read("{\"access_token\":\"t\",\"token_type\":\"Bearer\"}").unwrap().expires_at(), ends);
        assert_eq!(read("{\"access_token\":\"t\",\"expires_in\":9999}").unwrap().expires_at(), ends);
        for answer in [
            "",
            "{}",
            "{\"access_token\":\"\"}",
            "{\"access_token\":\"a b\"}",
            "{\"access_token\":1}",
            "{\"access_token\":\"t\",\"access_token\":\"u\"}",
            "{\"access_token\":\"t\",\"expires_in\":-1}",
            "{\"access_token\":\"t\",\"expires_in\":\"60\"}",
            "{\"access_token\":\"t\",\"token_type\":\"mac\"}",
        ] {
            assert!(read(answer).is_err(), "{answer}");
        }
    }
}
