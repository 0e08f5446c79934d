//! What of a grant stands in a session policy, for plans.

use super::{SessionGrants, lower::Lowered};
use crate::{
    aws::Region,
    clock::Timestamp,
    error::IssueError,
    grant::{
        Constraint, Grant,
        plan::{Enforcement, Mark},
    },
};
use alloc::vec::Vec;

impl SessionGrants {
    /// Lowers a grant, and tells what that put into the policy.
    pub(in crate::aws) fn marks(grant: &Grant, region: &Region) -> Result<Vec<Mark>, IssueError> {
        let atoms = grant.lowered(|grant| Lowered { grant, region, https_only: true }.atoms(Timestamp::EPOCH))?;
        let mut marks = alloc::vec![
            Mark::new(Constraint::Resource, Enforcement::SessionPolicy, "Resource"),
            Mark::new(Constraint::Lifetime, Enforcement::SessionPolicy, "aws:CurrentTime"),
        ];
        for atom in &atoms {
            marks.push(Mark::new(Constraint::Action, Enforcement::SignedPermission, atom.action));
            marks.extend(atom.conditions.keys().filter_map(|key| {
                let of = match key {
                    "aws:SecureTransport" => Constraint::HttpsOnly,
                    "s3:versionid" => Constraint::Resource,
                    // Every grant has an end, and a start shares its key.
                    "aws:CurrentTime" if grant.not_before.is_none() => return None,
                    "aws:CurrentTime" => Constraint::NotBefore,
                    _ => Constraint::Action,
                };
                Some(Mark::new(of, Enforcement::SessionPolicy, key))
            }));
            if atom.prefix.is_some() {
                marks.push(Mark::new(Constraint::Resource, Enforcement::SessionPolicy, "s3:prefix"));
            }
        }
        Ok(marks)
    }
}
