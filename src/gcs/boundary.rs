//! Credential access boundaries: what an OAuth token is to be good for, as data.
//!
//! Source: IAM documentation, "Downscope with Credential Access Boundaries".

use super::endpoint::check_bucket;
use crate::{
    clock::Timestamp,
    error::IssueError,
    grant::{Action, Actions, Constraint, ContentType, Grant, Resource, Size, plan::Form},
    json::push_text,
    policy::{BRINGS_CONTENT, Bounds, Pattern, SETS_CONTENT_TYPE},
    post::is_dotted,
};
use alloc::{borrow::ToOwned, format, string::String, vec::Vec};

/// The name of this token form in errors.
const FORM: &str = Form::GcsAccessBoundary.name();
/// The most rules that one boundary has.
const MAX_RULES: usize = 10;
/// The most conditions of one rule: a condition of IAM has at most 12 logical operators.
const MAX_CONDITIONS: usize = 13;
/// More grants than any boundary can hold, so that nobody waits for the answer.
const MAX_GRANTS: usize = 1000;

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
    /// The boundary that allows exactly these grants, for a source token that ends at `source_ends`. A boundary
    /// has no time of its own, so the source must end within the lifetime of each grant.
    ///
    /// Grants for one bucket share rules, of which each has the room for 13 names or prefixes, and there are ten.
    ///
    /// # Errors
    /// [`IssueError::NotEnforceable`] for whatever a boundary cannot enforce, the lifetime among it,
    /// [`IssueError::Unjustified`] for a long life without a reason, [`IssueError::Unbounded`] for an upload
    /// that neither says nor waives its size and type, [`IssueError::Invalid`] for names that Cloud
    /// Storage does not take, or no grant, and [`IssueError::TooLong`] with the number of rules if they are more than ten:
    /// then ask for a token for each part of the grants.
    pub fn new(grants: &[Grant], now: Timestamp, source_ends: Timestamp) -> Result<Self, IssueError> {
        if grants.is_empty() {
            return Err(IssueError::Invalid { what: "access boundary", why: "it must allow at least one grant" });
        }
        if grants.len() > MAX_GRANTS {
            return Err(IssueError::TooLong {
                what: "the grants of an access boundary",
                found: grants.len(),
                limit: MAX_GRANTS,
            });
        }
        let mut parts = Vec::new();
        for grant in grants {
            if grant.lifetime > grant.classification.cap() && grant.justification.is_none() {
                return Err(IssueError::Unjustified { what: "a lifetime beyond the default" });
            }
            if source_ends.seconds_since(now) > i64::from(grant.lifetime.seconds()) {
                let instead = "a source token that ends within the grant's lifetime can";
                return Err(not_enforceable(Constraint::Lifetime, instead));
            }
            parts.extend(grant.lowered(Part::all_of)?);
        }
        Self::of(parts)
    }

    /// The boundary that allows what [`Bounds`] permit, for the source token of the service that issues: it ends at
    /// `source_ends`, which must lie within the longest lifetime of the bounds.
    ///
    /// A name with dot segments is a name like others to Cloud Storage, and justifications are for people: neither is in
    /// the boundary.
    ///
    /// # Errors
    /// [`IssueError::NotEnforceable`] for a limit and an action that a boundary cannot enforce: the size and media type of
    /// uploads, client addresses, a listing of a whole bucket whose objects may not be read; [`IssueError::Invalid`] for
    /// names that Cloud Storage does not take, and for bounds within which nothing is allowed; and [`IssueError::TooLong`]
    /// with the number of rules if they are more than ten.
    ///
    /// ```
    /// use valet_key::{clock::Timestamp, gcs::AccessBoundary, grant::Actions, policy::Bounds};
    ///
    /// let bounds = Bounds::new().under("albums", "42/", Actions::READ)?;
    /// let now = Timestamp::from_unix(1_700_000_000)?;
    /// let boundary = AccessBoundary::within(&bounds, now, now.saturating_add(3600))?;
    /// assert!(boundary.to_json().contains("resource.name.startsWith('projects/_/buckets/albums/objects/42/')"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn within(bounds: &Bounds, now: Timestamp, source_ends: Timestamp) -> Result<Self, IssueError> {
        let mut parts = Vec::new();
        let brings = |actions: Actions, some: &[Action]| some.iter().any(|action| actions.contains(*action));
        if bounds.addresses.is_some() {
            return Err(not_enforceable(Constraint::ClientAddress, PERIMETER));
        }
        for (bucket, names, actions) in bounds.reach.iter() {
            check_bucket(bucket)?;
            if bounds.largest_upload.is_some() && brings(actions, &BRINGS_CONTENT) {
                return Err(not_enforceable(Constraint::Size, "a signed URL or a POST policy can"));
            }
            if bounds.content_types.is_some() && brings(actions, &SETS_CONTENT_TYPE) {
                return Err(not_enforceable(Constraint::ContentType, "a signed URL or a POST policy can"));
            }
            if !names.text().is_empty() {
                super::endpoint::check_object(names.text())?;
            }
            let (named, listed) = match names {
                Pattern::Exact(name) => (is_named(bucket, name), None),
                // The condition for a listing of everything is true of everything, so that its role reads all.
                Pattern::Prefix(all) if all.is_empty() && !actions.contains(Action::Read) => {
                    (is_under(bucket, all), None)
                }
                Pattern::Prefix(prefix) => (is_under(bucket, prefix), Some(lists_under(prefix))),
            };
            parts.extend(Part::of(bucket, actions, &named, listed.as_deref())?);
        }
        if parts.is_empty() {
            return Err(IssueError::Invalid { what: "access boundary", why: "the bounds allow nothing" });
        }
        if source_ends.seconds_since(now) > i64::from(bounds.longest_of_all().seconds()) {
            return Err(not_enforceable(Constraint::Lifetime, "a source token that ends within the bounds can"));
        }
        Self::of(parts)
    }

    fn of(parts: Vec<Part>) -> Result<Self, IssueError> {
        let rules = rules(parts);
        if rules.len() > MAX_RULES {
            let what = "the rules of an access boundary";
            return Err(IssueError::TooLong { what, found: rules.len(), limit: MAX_RULES });
        }
        Ok(Self { rules })
    }

    /// Whether a condition tests what has this name.
    pub(super) fn tests(&self, name: &str) -> bool {
        self.rules.iter().any(|rule| rule.expression.contains(name))
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
}

const PERIMETER: &str = "a VPC Service Controls perimeter can";

fn not_enforceable(constraint: Constraint, instead: &'static str) -> IssueError {
    IssueError::NotEnforceable { constraint, form: FORM, instead }
}

fn refuse_what_no_boundary_can_carry(grant: &Grant) -> Result<(), IssueError> {
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
    asked(grant.client_address.is_some(), Constraint::ClientAddress, PERIMETER)?;
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
    Ok(())
}

/// What one action of a grant needs: a role on a bucket, under a condition.
struct Part {
    bucket: String,
    role: &'static str,
    condition: String,
}

impl Part {
    fn all_of(grant: &Grant) -> Result<Vec<Self>, IssueError> {
        refuse_what_no_boundary_can_carry(grant)?;
        let (named, listed) = conditions(grant)?;
        Self::of(&grant.container, grant.actions, &named, listed.as_deref())
    }

    /// What the actions need, each under the condition on names or on listings.
    fn of(bucket: &str, actions: Actions, named: &str, listed: Option<&str>) -> Result<Vec<Self>, IssueError> {
        let part = |action| {
            let (role, condition) = match action {
                Action::Read => ("objectViewer", named),
                // SPEC: one permission, `storage.objects.get`, is for content and metadata.
                Action::Head if actions.contains(Action::Read) => ("objectViewer", named),
                Action::Head => {
                    let why = "a role that reads metadata reads content too: a signed URL can";
                    return Err(not_enforceable(Constraint::Action, why));
                }
                // The viewer of objects may list them too, and a listing has no object name. What only lists reads nothing.
                Action::List => {
                    let why = "a listing is of a prefix: a signed URL does the rest";
                    ("objectViewer", listed.ok_or_else(|| not_enforceable(Constraint::Resource, why))?)
                }
                // A creator cannot overwrite, since that deletes.
                Action::Create => ("objectCreator", named),
                // SPEC: `objectUser` also reads and deletes, which was not asked for.
                Action::Upload => {
                    let why = "overwriting needs a role that deletes: ask for `Create`, or use a signed URL";
                    return Err(not_enforceable(Constraint::Action, why));
                }
                _ => {
                    let why = "no role allows that alone: a signed URL can";
                    return Err(not_enforceable(Constraint::Action, why));
                }
            };
            Ok(Self { bucket: bucket.to_owned(), role, condition: condition.to_owned() })
        };
        actions.iter().map(part).collect()
    }
}

/// The condition that an object has the granted name, and that a listing has the granted prefix.
fn conditions(grant: &Grant) -> Result<(String, Option<String>), IssueError> {
    if let Resource::Object { name, .. } | Resource::Prefix(name) = &grant.resource
        && !grant.dot_segments
        && is_dotted(name)
    {
        return Err(super::sign::dot_segment());
    }
    match &grant.resource {
        Resource::Object { name, version: None } => {
            super::endpoint::check_object(name)?;
            Ok((is_named(&grant.container, name), None))
        }
        Resource::Prefix(prefix) => {
            if !(prefix.ends_with('/') || grant.open_prefix) {
                let why = "it must not be empty, and must end with `/`: see `allow_open_prefix`";
                return Err(IssueError::Invalid { what: "prefix", why });
            }
            super::endpoint::check_object(prefix)?;
            Ok((is_under(&grant.container, prefix), Some(lists_under(prefix))))
        }
        _ => {
            let why = "a boundary names an object or a prefix: a signed URL does the rest";
            Err(not_enforceable(Constraint::Resource, why))
        }
    }
}

/// The fewest rules that the parts can be written in without allowing more.
///
/// INVARIANT: a rule gives every one of its roles under any one of its conditions, so that parts are put together along one of
/// the two, when all else is equal.
fn rules(parts: Vec<Part>) -> Vec<Rule> {
    let mut by_role: Vec<(String, &'static str, Vec<String>)> = Vec::new();
    for Part { bucket, role, condition } in parts {
        match by_role.iter_mut().find(|(other, same, _)| (other.as_str(), *same) == (bucket.as_str(), role)) {
            Some((_, _, conditions)) if conditions.contains(&condition) => {}
            Some((_, _, conditions)) => conditions.push(condition),
            None => by_role.push((bucket, role, alloc::vec![condition])),
        }
    }
    let mut rules: Vec<Rule> = Vec::new();
    for (bucket, role, conditions) in by_role {
        for conditions in conditions.chunks(MAX_CONDITIONS) {
            let expression = conditions.join(" || ");
            match rules.iter_mut().find(|rule| rule.bucket == bucket && rule.expression == expression) {
                Some(rule) => rule.roles.push(role),
                None => rules.push(Rule { bucket: bucket.clone(), roles: alloc::vec![role], expression }),
            }
        }
    }
    rules
}

fn is_named(bucket: &str, name: &str) -> String {
    format!("resource.name == {}", cel(bucket, name))
}

fn is_under(bucket: &str, prefix: &str) -> String {
    format!("resource.name.startsWith({})", cel(bucket, prefix))
}

fn lists_under(prefix: &str) -> String {
    format!("api.getAttribute('storage.googleapis.com/objectListPrefix', '').startsWith({})", cel_text(prefix))
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grant::Justification;

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
            Grant::read("photos", "a/../b"),
            Grant::head("photos", "a"),
        ] {
            assert!(boundary(core::slice::from_ref(&grant)).is_err(), "{grant:?}");
        }
        assert!(boundary(&[Grant::create("photos", "a").any_size().any_content_type()]).is_ok());
        assert!(boundary(&[]).is_err());
        let late = AccessBoundary::new(&[Grant::read("photos", "a")], NOW, NOW.saturating_add(901));
        assert!(matches!(late, Err(IssueError::NotEnforceable { constraint: Constraint::Lifetime, .. })));
        assert!(boundary(&[Grant::read("photos", "a/../b").allow_dot_segments()]).is_ok());
        let buckets =
            |count: usize| -> Vec<Grant> { (0..count).map(|at| Grant::read(format!("photos-{at}"), "a")).collect() };
        assert!(boundary(&buckets(10)).is_ok());
        let over = boundary(&buckets(11)).unwrap_err();
        assert_eq!(over, IssueError::TooLong { what: "the rules of an access boundary", found: 11, limit: 10 });
        let many = boundary(&alloc::vec![Grant::read("photos", "a"); 1001]).unwrap_err();
        assert!(matches!(many, IssueError::TooLong { found: 1001, limit: 1000, .. }));
    }
}
