//! How a token form enforces each constraint of a grant, or that it cannot: as data, before anything is signed.
//!
//! A [`Plan`] is no second opinion beside the code that lowers a grant. It *is* that code, observed: the grant is lowered
//! with one constraint more and one less, and what the request, form or policy has gained is what enforces it. A form
//! that refuses the constraint says so in the same words as the error.
//!
#![doc = include_str!("table.md")]

mod form;
mod mark;

pub use self::form::{Form, Provider};
#[cfg(feature = "aws")]
pub(crate) use self::mark::MESSAGE;
pub(crate) use self::mark::Mark;

use super::{Constraint, Grant};
use crate::error::IssueError;
use alloc::{borrow::Cow, collections::BTreeSet, vec::Vec};
use core::fmt;

/// How one constraint is enforced.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Enforcement {
    /// The grant does not ask for it.
    NotAsked,
    /// The request line and host that are signed.
    SignedRequest,
    /// Headers that are signed, and that the client has to send exactly.
    SignedHeader,
    /// Parameters of a URL, or fields of a token or a message, that are signed.
    SignedParameter,
    /// Conditions of a signed policy, of a form or of `CloudFront`.
    PolicyCondition,
    /// Permissions that the token names: letters, actions or roles.
    SignedPermission,
    /// Conditions of the policy of a session.
    SessionPolicy,
    /// Something beside the token, which has to be so for the constraint to hold.
    Beside(&'static str),
    /// The form cannot carry it, and the caller [gave it up](Grant::unenforced).
    GivenUp,
    /// The form cannot carry it, so that issuing fails.
    Cannot {
        /// What could enforce it, as [`IssueError::NotEnforceable`] says it.
        instead: &'static str,
    },
    /// The form could carry it and does not take this value, so that issuing fails.
    Invalid {
        /// What the value is.
        what: &'static str,
        /// What is wrong with it.
        why: &'static str,
    },
    /// There is no such token, for the reason that another row gives: the form lacks the action, or the resource.
    NoToken,
}

impl Enforcement {
    /// Whether issuing fails because of it.
    #[must_use]
    pub const fn is_refusal(&self) -> bool {
        matches!(self, Self::Cannot { .. } | Self::Invalid { .. } | Self::NoToken)
    }
}

impl fmt::Display for Enforcement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAsked => f.write_str("not asked"),
            Self::SignedRequest => f.write_str("signed request"),
            Self::SignedHeader => f.write_str("signed header"),
            Self::SignedParameter => f.write_str("signed parameter"),
            Self::PolicyCondition => f.write_str("policy condition"),
            Self::SignedPermission => f.write_str("signed permission"),
            Self::SessionPolicy => f.write_str("session policy"),
            Self::Beside(what) => write!(f, "beside the token: {what}"),
            Self::GivenUp => f.write_str("given up"),
            Self::Cannot { instead } => write!(f, "cannot; {instead}"),
            Self::Invalid { what, why } => write!(f, "{what} is invalid: {why}"),
            Self::NoToken => f.write_str("no token"),
        }
    }
}

/// One constraint, how it is enforced, and by what in the words of the service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    constraint: Constraint,
    enforcement: Enforcement,
    wire: Vec<Cow<'static, str>>,
}

impl Row {
    fn new(constraint: Constraint, enforcement: Enforcement) -> Self {
        Self { constraint, enforcement, wire: Vec::new() }
    }

    /// The row of what these marks enforce. A constraint that leaves none is not enforced by anything.
    fn of(constraint: Constraint, marks: impl Iterator<Item = Mark>) -> Self {
        let (how, wire): (Vec<_>, Vec<_>) = marks.map(|mark| (mark.how, mark.wire)).unzip();
        let nothing = Enforcement::Cannot { instead: "it leaves no mark in the token" };
        Self {
            constraint,
            enforcement: how.into_iter().next().unwrap_or(nothing),
            wire: wire.into_iter().filter(|name| !name.is_empty()).collect(),
        }
    }

    /// The constraint.
    #[must_use]
    pub const fn constraint(&self) -> Constraint {
        self.constraint
    }

    /// How it is enforced.
    #[must_use]
    pub const fn enforcement(&self) -> &Enforcement {
        &self.enforcement
    }

    /// The names on the wire of what enforces it: headers, parameters, condition keys, permissions.
    pub fn wire_names(&self) -> impl Iterator<Item = &str> {
        self.wire.iter().map(|name| &**name)
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:<17} {}", self.constraint, self.enforcement)?;
        for (at, name) in self.wire.iter().enumerate() {
            write!(f, "{} `{name}`", if at == 0 { "" } else { "," })?;
        }
        Ok(())
    }
}

/// How a token form enforces a grant: one row for each [`Constraint`], in that order.
///
/// It tells of the kinds of things that are asked, not of names: a bucket that the service does not take fails when the
/// token is issued, and the plan does not look at it. Nor does it look at endpoints: it is about the service itself, which lets
/// no token be for one use, even if a gateway stands before it that does. It holds no secret and no value of the grant beside the names of
/// metadata, and displays as a table for logs.
///
/// ```
/// use valet_key::grant::{Constraint, Grant, plan::{Enforcement, Form}};
///
/// let grant = Grant::upload("media", "cat.jpg").content_type("image/jpeg").size(1..=5_000_000);
///
/// let plan = grant.plan(Form::S3PresignedUrl);
/// assert_eq!(plan.row(Constraint::ContentType).wire_names().collect::<Vec<_>>(), ["content-type"]);
/// assert!(matches!(plan.row(Constraint::Size).enforcement(), Enforcement::Cannot { .. }));
/// assert!(!plan.is_enforceable());
///
/// // So which form could?
/// assert!(grant.plan(Form::S3PostPolicy).is_enforceable());
/// assert!(grant.forms_that_carry(Constraint::Size).any(|form| form == Form::S3PostPolicy));
/// println!("{plan}");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    form: Form,
    rows: Vec<Row>,
}

impl Plan {
    /// The form that it is about.
    #[must_use]
    pub const fn form(&self) -> Form {
        self.form
    }

    /// All rows, in the order of [`Constraint`].
    pub fn rows(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter()
    }

    /// The row of a constraint.
    #[must_use]
    pub fn row(&self, constraint: Constraint) -> &Row {
        const NOTHING: &Row =
            &Row { constraint: Constraint::Action, enforcement: Enforcement::NotAsked, wire: Vec::new() };
        // INVARIANT: there is a row for each constraint.
        self.rows.iter().find(|row| row.constraint == constraint).unwrap_or(NOTHING)
    }

    /// Whether the form carries all that is asked for and not given up.
    #[must_use]
    pub fn is_enforceable(&self) -> bool {
        self.refusals().next().is_none()
    }

    /// The rows for which issuing fails.
    pub fn refusals(&self) -> impl Iterator<Item = &Row> {
        self.rows.iter().filter(|row| row.enforcement.is_refusal())
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.form)?;
        let asked = self.rows.iter().filter(|row| row.enforcement != Enforcement::NotAsked);
        for row in asked {
            write!(f, "\n  {row}")?;
        }
        Ok(())
    }
}

impl Grant {
    /// How a token form enforces this grant, constraint by constraint, or that it cannot.
    #[must_use]
    pub fn plan(&self, form: Form) -> Plan {
        let stand_in = mark::stand_in(self, form);
        let common = form.marks(&stand_in);
        let rows = Constraint::ALL.iter().map(|constraint| {
            let row = self.planned(*constraint, form, &stand_in, &common);
            if matches!(row.enforcement, Enforcement::Cannot { .. }) && self.has_given_up(*constraint) {
                return Row::new(*constraint, Enforcement::GivenUp);
            }
            row
        });
        Plan { form, rows: rows.collect() }
    }

    fn planned(
        &self,
        constraint: Constraint,
        form: Form,
        stand_in: &Self,
        common: &Result<BTreeSet<Mark>, IssueError>,
    ) -> Row {
        if !self.asks_for(constraint) {
            return Row::new(constraint, Enforcement::NotAsked);
        }
        let in_every_grant = stand_in.asks_for(constraint);
        let marks =
            if in_every_grant { Ok(None) } else { form.marks(&mark::with(stand_in, self, constraint)).map(Some) };
        match (marks, common) {
            (Ok(Some(marks)), Ok(common)) => Row::of(constraint, marks.difference(common).cloned()),
            (Ok(None), Ok(common)) => Row::of(constraint, common.iter().filter(|mark| mark.of == constraint).cloned()),
            (Err(error), _) => refusal(constraint, &error),
            (_, Err(error)) => refusal(constraint, error),
        }
    }

    /// The forms of all providers that can enforce this constraint for what the grant is about.
    pub fn forms_that_carry(&self, constraint: Constraint) -> impl Iterator<Item = Form> {
        Form::ALL.iter().copied().filter(move |form| {
            let plan = self.plan(*form);
            let enforcement = plan.row(constraint).enforcement();
            !enforcement.is_refusal() && !matches!(enforcement, Enforcement::NotAsked | Enforcement::GivenUp)
        })
    }
}

fn refusal(constraint: Constraint, error: &IssueError) -> Row {
    let enforcement = match error {
        IssueError::NotEnforceable { constraint: refused, instead, .. } if *refused == constraint => {
            Enforcement::Cannot { instead }
        }
        IssueError::Invalid { what, why } => Enforcement::Invalid { what, why },
        _ => Enforcement::NoToken,
    };
    Row::new(constraint, enforcement)
}
