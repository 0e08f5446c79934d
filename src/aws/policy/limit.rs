//! The bounds of an application in the words of IAM: what a key can do at most, whoever has it.

use super::{
    lower::{Lowered, not_enforceable},
    write::{self, Atom, Conditions, Deny},
};
use crate::{
    aws::{Region, sts::SessionPolicy},
    error::IssueError,
    grant::{Action, Actions, Constraint, Grant, Justification, Lifetime, Resource},
    policy::{Bounds, Pattern},
};
use alloc::{
    string::{String, ToString},
    vec,
    vec::Vec,
};

/// A session that can do what [`Bounds`] permit, and nothing else: for the key that issues tokens.
///
/// A bug in the issuer, or somebody who has its key, then stays within the same bounds.
///
/// | of the bounds | in the policy |
/// |---|---|
/// | containers, prefixes, objects, actions | as in a policy from grants |
/// | client addresses | `IpAddress aws:SourceIp` |
/// | HTTPS | `Bool aws:SecureTransport true` |
/// | the cap of the least sensitive class that is allowed | URLs and forms of S3: `s3:signatureAge` |
/// | size, media type of uploads, lifetimes for a queue | refused, unless [`Self::unenforced`] |
///
/// A name with dot segments is a name like others to S3, and justifications are for people: neither is in the policy.
///
/// ```
/// use valet_key::aws::{Region, policy::SessionBounds};
/// use valet_key::{grant::{Actions, Classification, Lifetime}, policy::Bounds};
///
/// let bounds = Bounds::new()
///     .under("albums", "42/", Actions::READ)?
///     .at_least(Classification::Confidential)
///     .client_address("198.51.100.0/24")?;
/// assert_eq!(
///     SessionBounds::new(&bounds, Region::new("eu-west-1")?).to_policy()?.as_str(),
///     "{\"Version\":\"2012-10-17\",\"Statement\":[\
///      {\"Effect\":\"Allow\",\"Action\":\"s3:GetObject\",\"Resource\":\"arn:aws:s3:::albums/42/*\",\"Condition\":{\
///      \"Bool\":{\"aws:SecureTransport\":\"true\"},\
///      \"IpAddress\":{\"aws:SourceIp\":\"198.51.100.0/24\"}}},\
///      {\"Effect\":\"Deny\",\"Action\":\"s3:*\",\"Resource\":\"*\",\"Condition\":{\
///      \"NumericGreaterThan\":{\"s3:signatureAge\":\"900000\"}}}]}"
/// );
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct SessionBounds<'a> {
    bounds: &'a Bounds,
    region: Region,
    given_up: Vec<(Constraint, Justification)>,
}

impl<'a> SessionBounds<'a> {
    /// For a session that is used in this region. Its partition is that of all ARNs.
    #[must_use]
    pub const fn new(bounds: &'a Bounds, region: Region) -> Self {
        Self { bounds, region, given_up: Vec::new() }
    }

    /// Gives up that the policy enforces a limit which it has no words for: [`Constraint::Size`],
    /// [`Constraint::ContentType`], or [`Constraint::Lifetime`] of what is for a queue. [`Bounds::permits`] still holds to it.
    #[must_use]
    pub fn unenforced(mut self, limit: Constraint, why: Justification) -> Self {
        self.given_up.push((limit, why));
        self
    }

    /// What was given up, and why.
    #[must_use]
    pub fn given_up(&self) -> &[(Constraint, Justification)] {
        &self.given_up
    }

    fn is_given_up(&self, limit: Constraint) -> bool {
        self.given_up.iter().any(|(other, _)| *other == limit)
    }

    /// The policy.
    ///
    /// # Errors
    /// [`IssueError::NotEnforceable`] for a limit, and for an action, that IAM has no words for; [`IssueError::Invalid`] for
    /// names that AWS does not take, and for bounds within which nothing is allowed; [`IssueError::TooLong`] with the number
    /// of characters if they are more than 2,048.
    pub fn to_policy(&self) -> Result<SessionPolicy, IssueError> {
        let conditions = self.conditions()?;
        let (mut allowed, mut all) = (Vec::new(), None::<Actions>);
        for (container, names, actions) in self.bounds.reach.iter() {
            all = Some(all.map_or(actions, |all| all | actions));
            allowed.extend(self.area(container, names, actions, &conditions)?);
        }
        let all = all.ok_or_else(nothing)?;
        let brings = |actions: &[Action]| actions.iter().any(|action| all.contains(*action));
        let can = "a presigned URL or a POST policy can, when `Bounds::permits` was asked before";
        if self.bounds.largest_upload.is_some()
            && brings(&crate::policy::BRINGS_CONTENT)
            && !self.is_given_up(Constraint::Size)
        {
            return Err(not_enforceable(Constraint::Size, can));
        }
        if self.bounds.content_types.is_some()
            && brings(&crate::policy::SETS_CONTENT_TYPE)
            && !self.is_given_up(Constraint::ContentType)
        {
            return Err(not_enforceable(Constraint::ContentType, can));
        }
        let longest = self.bounds.longest_of_all().min(Lifetime::WEEK);
        let objects = || -> Vec<Atom> { allowed.iter().filter(|atom| atom.is_of_s3()).cloned().collect() };
        let older = match Deny::older_signatures(longest, &allowed) {
            // It is given up for what has no words for it: the objects beside a queue have.
            Err(_) if self.is_given_up(Constraint::Lifetime) => match objects() {
                objects if objects.is_empty() => None,
                objects => Some(Deny::older_signatures(longest, &objects)?),
            },
            older => Some(older?),
        };
        SessionPolicy::new(write::document(allowed, older.as_ref()))
    }

    fn conditions(&self) -> Result<Conditions, IssueError> {
        let mut conditions = Conditions::default();
        if self.bounds.requires_https() {
            conditions.add("Bool", "aws:SecureTransport", vec!["true".to_string()]);
        }
        if let Some(addresses) = &self.bounds.addresses {
            let networks: Vec<String> = addresses.iter().flat_map(|range| range.networks()).collect();
            if networks.is_empty() {
                return Err(nothing());
            }
            conditions.add("IpAddress", "aws:SourceIp", networks);
        }
        Ok(conditions)
    }

    fn lowered<'b>(&'b self, grant: &'b Grant) -> Lowered<'b> {
        Lowered { grant, region: &self.region, https_only: self.bounds.requires_https() }
    }

    fn area(
        &self,
        container: &str,
        names: &Pattern,
        actions: Actions,
        conditions: &Conditions,
    ) -> Result<Vec<Atom>, IssueError> {
        let of_queue = |action: &Action| matches!(action, Action::Send | Action::Receive | Action::Manage);
        let set = |wanted: &dyn Fn(&Action) -> bool| {
            actions.iter().filter(wanted).map(Actions::from).reduce(|all, one| all | one)
        };
        let mut atoms = Vec::new();
        if let Some(queue) = set(&of_queue) {
            let mut grant = Grant::send(container);
            grant.actions = queue;
            atoms.extend(self.lowered(&grant).on_queue(conditions)?);
        }
        if let Some(objects) = set(&|action| !of_queue(action)) {
            // No grant of anybody's: what the lowering reads of it are its container and actions.
            let mut grant = Grant::read(container, names.text());
            grant.actions = objects;
            atoms.extend(match names {
                Pattern::Exact(name) => self.lowered(&grant).on_one(name, None, conditions)?,
                Pattern::Prefix(prefix) => {
                    grant.resource = Resource::Prefix(prefix.clone());
                    self.lowered(&grant).under(prefix, conditions)?
                }
            });
        }
        Ok(atoms)
    }
}

fn nothing() -> IssueError {
    IssueError::Invalid { what: "session policy", why: "the bounds allow nothing" }
}
