//! Which permission a request needs: a table of service, method, path and query.
//!
//! What is not in the table is refused. Requests that carry others within them (batches) are not in it, since each of those
//! has to be checked for itself; access control lists of containers, shares, queues and tables need the account key.
//!
//! Source: Azure Storage REST reference, "Create an account SAS" (operations by permission), "Create a service SAS" and
//! "Create a user delegation SAS" (permissions for a blob, directory or container), "Permissions for a queue", "Permissions
//! for a table", "Permissions for a file".

#![expect(clippy::match_same_arms, reason = "a table: what belongs together stands together")]

use super::{permissions::Letters, resource::Service};
use crate::grant::Action;

/// What a path names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Level {
    /// The service itself: `srt=s`.
    Service,
    /// A container, share, queue or table: `srt=c`.
    Container,
    /// What is in one: `srt=o`.
    Object,
}

impl Level {
    /// Its letter in `srt`.
    pub(super) const fn letter(self) -> &'static str {
        match self {
            Self::Service => "s",
            Self::Container => "c",
            Self::Object => "o",
        }
    }
}

/// What a request says about itself beside its path.
#[derive(Clone, Copy, Debug)]
pub(super) struct Request<'a> {
    pub(super) service: Service,
    pub(super) level: Level,
    pub(super) method: &'a str,
    /// `restype`, or `resource` in Data Lake Storage; empty if there is none.
    pub(super) restype: &'a str,
    /// `comp`, or `action` in Data Lake Storage; empty if there is none.
    pub(super) comp: &'a str,
    pub(super) features: Features,
}

/// What else matters for permissions.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact about the request, and none excludes another")]
pub(super) struct Features {
    /// `snapshot` is in the query.
    pub(super) names_snapshot: bool,
    /// `versionid` is in the query.
    pub(super) names_version: bool,
    /// `deletetype=permanent` is in the query.
    pub(super) for_good: bool,
    /// `peekonly=true` is in the query.
    pub(super) peeks: bool,
    /// `x-ms-tags` is among the headers.
    pub(super) sets_tags: bool,
    /// `x-ms-immutability-policy-*` or `x-ms-legal-hold` is among the headers.
    pub(super) sets_immutability: bool,
    /// `x-ms-lease-action: break` is among the headers.
    pub(super) breaks_lease: bool,
    /// `If-Match` is among the headers.
    pub(super) has_if_match: bool,
    /// `x-ms-rename-source` is among the headers.
    pub(super) renames: bool,
}

impl Features {
    pub(super) const NONE: Self = Self {
        names_snapshot: false,
        names_version: false,
        for_good: false,
        peeks: false,
        sets_tags: false,
        sets_immutability: false,
        breaks_lease: false,
        has_if_match: false,
        renames: false,
    };
}

impl Request<'_> {
    /// The action of a grant that it is, if a grant can be for it.
    pub(super) fn action(&self) -> Option<Action> {
        use Level::{Container as C, Object as O};
        if self.features.sets_immutability {
            return None;
        }
        Some(match (self.service, self.level, self.method, self.restype, self.comp) {
            (Service::Blob, C, "GET", "container", "list")
            | (Service::DataLake, C, "GET", "filesystem", "")
            | (Service::File, C | O, "GET", "directory", "list") => Action::List,
            (Service::Blob | Service::DataLake | Service::File, O, "GET", "", "") => Action::Read,
            (Service::Blob | Service::DataLake | Service::File, O, "HEAD", "", "" | "metadata")
            | (Service::Blob | Service::File, O, "GET", "", "metadata") => Action::Head,
            (Service::Blob, O, "PUT", "", "") | (Service::DataLake, O, "PUT", "file", "") => Action::Upload,
            (Service::File, O, "PUT", "", "" | "range") => Action::Upload,
            // Of a version or for good it is more than a grant to delete means.
            (Service::Blob, O, "DELETE", "", "") if self.features.for_good || self.features.names_version => {
                return None;
            }
            (Service::Blob | Service::DataLake | Service::File, O, "DELETE", "", "") => Action::Delete,
            (Service::Blob, O, "PUT", "", "block") => Action::UploadPart,
            (Service::Blob, O, "PUT", "", "blocklist") => Action::CompleteMultipart,
            (Service::Blob, O, "GET", "", "blocklist") => Action::ListParts,
            (Service::Blob, O, "PUT", "", "appendblock") | (Service::DataLake, O, "PATCH", "", "append" | "flush") => {
                Action::Append
            }
            (Service::Blob, O, "GET", "", "tags") => Action::ReadTags,
            (Service::Blob, O, "PUT", "", "tags") => Action::WriteTags,
            (Service::Queue, O, "POST", "", "") => Action::Send,
            (Service::Queue, O, "GET", "", "") | (Service::Queue, O, "PUT" | "DELETE", "message", "") => {
                Action::Receive
            }
            _ => return None,
        })
    }
}

/// What a request needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Needs {
    /// Any one of these letters.
    pub(super) any: &'static str,
    /// All of these as well.
    pub(super) all: &'static str,
    /// Whether only an account SAS can do it.
    pub(super) account_only: bool,
    /// The kind of resource that an account SAS must be for.
    pub(super) level: Level,
    /// Whether the request makes something new, so that `c` without `w` must not overwrite.
    pub(super) creates: bool,
}

impl Needs {
    const fn any(any: &'static str, level: Level) -> Self {
        Self { any, all: "", account_only: false, level, creates: false }
    }

    const fn account(any: &'static str, level: Level) -> Self {
        Self { account_only: true, ..Self::any(any, level) }
    }

    const fn create(level: Level) -> Self {
        Self { creates: true, ..Self::any("cw", level) }
    }

    const fn and(self, all: &'static str) -> Self {
        Self { all, ..self }
    }

    pub(super) const fn are_met(&self, letters: Letters) -> bool {
        letters.has_any(Letters::of(self.any)) && letters.has_all(Letters::of(self.all))
    }

    /// For errors: letters of which one would do, and those that are needed besides.
    pub(super) fn words(&self) -> &'static str {
        match (self.any, self.all) {
            ("cw", "t") => "one of `cw`, and `t`",
            ("cw", "i") => "one of `cw`, and `i`",
            ("cw", "ti") => "one of `cw`, and `ti`",
            ("w", "t") => "`wt`",
            ("w", "i") => "`wi`",
            ("w", "ti") => "`wti`",
            ("a", "u") => "`au`",
            (any, _) => any,
        }
    }
}

/// What a request needs, or nothing if there is no such request.
pub(super) fn needs(request: &Request<'_>) -> Option<Needs> {
    match request.service {
        Service::Blob => blob(request),
        Service::DataLake => data_lake(request),
        Service::File => file(request),
        Service::Queue => queue(request),
        Service::Table => table(request),
    }
}

/// Operations on a service itself, which all services have.
fn service(request: &Request<'_>) -> Option<Needs> {
    use Level::Service as S;
    Some(match (request.method, request.restype, request.comp) {
        ("GET", "", "list") => Needs::account("l", S),
        ("GET", "service", "properties" | "stats") => Needs::account("r", S),
        ("PUT", "service", "properties") => Needs::account("w", S),
        _ => return None,
    })
}

/// Operations on a container or share.
fn container(request: &Request<'_>) -> Option<Needs> {
    use Level::Container as C;
    Some(match (request.method, request.comp) {
        ("PUT", "") => Needs::account("cw", C),
        ("GET" | "HEAD", "" | "metadata") => Needs::account("r", C),
        ("PUT", "metadata") => Needs::account("w", C),
        ("PUT", "lease") if request.features.breaks_lease => Needs::account("dw", C),
        ("PUT", "lease") => Needs::account("w", C),
        ("DELETE", "") => Needs::account("d", C),
        _ => return None,
    })
}

fn blob(request: &Request<'_>) -> Option<Needs> {
    use Level::{Container as C, Object as O};
    Some(match (request.level, request.method, request.restype, request.comp) {
        (Level::Service, "GET", "", "blobs") => Needs::account("f", O),
        (Level::Service, ..) => return service(request),
        (C, "GET", "container", "list") => Needs::any("l", C),
        (C, "GET", "container", "blobs") => Needs::any("f", C),
        (C, _, "container", _) => return container(request),
        (O, _, "", _) => return one_blob(request),
        _ => return None,
    })
}

fn one_blob(request: &Request<'_>) -> Option<Needs> {
    use Level::Object as O;
    let features = request.features;
    let with_properties = |needs: Needs| match (features.sets_tags, features.sets_immutability) {
        (false, false) => needs,
        (true, false) => needs.and("t"),
        (false, true) => needs.and("i"),
        (true, true) => needs.and("ti"),
    };
    Some(match (request.method, request.comp) {
        ("GET" | "HEAD", "" | "metadata") | ("GET", "blocklist" | "pagelist") | ("POST", "query") => Needs::any("r", O),
        ("GET" | "PUT", "tags") => Needs::any("t", O),
        ("PUT", "tier") => Needs::any("w", O),
        ("PUT" | "DELETE", "immutabilityPolicies") | ("PUT", "legalhold") => Needs::any("i", O),
        ("DELETE", "") => match (features.for_good, features.names_version) {
            (true, _) => Needs::any("y", O),
            (false, true) => Needs::any("x", O),
            (false, false) => Needs::any("d", O),
        },
        // The content of a snapshot or version stays what it was.
        _ if features.names_snapshot || features.names_version => return None,
        ("PUT", "") => with_properties(Needs::create(O)),
        ("PUT", "blocklist") => with_properties(Needs::any("w", O)),
        ("PUT", "lease") if features.breaks_lease => Needs::any("dw", O),
        ("PUT", "block" | "page" | "properties" | "metadata" | "lease" | "copy" | "expiry" | "undelete") => {
            Needs::any("w", O)
        }
        ("PUT", "appendblock" | "seal") => Needs::any("aw", O),
        ("PUT", "snapshot" | "incrementalcopy") => Needs::any("cw", O),
        _ => return None,
    })
}

fn data_lake(request: &Request<'_>) -> Option<Needs> {
    use Level::{Container as C, Object as O};
    // A rename takes a source away, which a signature over the target does not cover.
    if request.features.renames {
        return None;
    }
    Some(match (request.level, request.method, request.restype, request.comp) {
        (Level::Service, "GET", "account", "") => Needs::account("l", Level::Service),
        (C, "GET", "filesystem", "") => Needs::any("l", C),
        (C, "PUT", "filesystem", "") => Needs::account("cw", C),
        (C, "HEAD", "filesystem", "") => Needs::account("r", C),
        (C, "PATCH", "filesystem", "") => Needs::account("w", C),
        (C, "DELETE", "filesystem", "") => Needs::account("d", C),
        (O, "PUT", "file" | "directory", "") => Needs::create(O),
        (O, "PATCH", "", "append") => Needs::any("aw", O),
        (O, "PATCH", "", "flush" | "setProperties") => Needs::any("w", O),
        (O, "PATCH", "", "setAccessControl" | "setAccessControlRecursive") => Needs::any("p", O),
        (O, "GET" | "HEAD", "", "") => Needs::any("r", O),
        (O, "HEAD", "", "getStatus") => Needs::any("er", O),
        (O, "HEAD", "", "getAccessControl") => Needs::any("e", O),
        (O, "DELETE", "", "") => Needs::any("d", O),
        _ => return None,
    })
}

fn file(request: &Request<'_>) -> Option<Needs> {
    use Level::{Container as C, Object as O};
    Some(match (request.level, request.method, request.restype, request.comp) {
        (Level::Service, ..) => return service(request),
        (C | O, "GET", "directory", "list") => Needs::any("l", C),
        (C, "GET", "share", "stats") => Needs::account("r", C),
        (C, "PUT", "share", "properties") => Needs::account("w", C),
        (C, "PUT", "share", "snapshot") => Needs::account("cw", C),
        (C, _, "share", _) => return container(request),
        (O, "PUT", "directory", "") => Needs::create(O),
        (O, "GET" | "HEAD", "directory", "" | "metadata") => Needs::any("r", O),
        (O, "PUT", "directory", "metadata" | "properties") => Needs::any("w", O),
        (O, "DELETE", "directory", "") => Needs::any("d", O),
        (O, "PUT", "", "") => Needs::create(O),
        (O, "GET" | "HEAD", "", "" | "metadata") | (O, "GET", "", "rangelist") => Needs::any("r", O),
        (O, "PUT", "", "range" | "properties" | "metadata" | "lease" | "copy") => Needs::any("w", O),
        (O, "DELETE", "", "") => Needs::any("d", O),
        _ => return None,
    })
}

fn queue(request: &Request<'_>) -> Option<Needs> {
    use Level::{Container as C, Object as O};
    Some(match (request.level, request.method, request.restype, request.comp) {
        (Level::Service, ..) => return service(request),
        (C, "PUT", "", "") => Needs::account("cw", C),
        (C, "DELETE", "", "") => Needs::account("d", C),
        (C, "GET" | "HEAD", "", "metadata") => Needs::any("r", C),
        (C, "PUT", "", "metadata") => Needs::account("w", C),
        // `/queue/messages`
        (O, "POST", "", "") => Needs::any("a", O),
        (O, "GET", "", "") if request.features.peeks => Needs::any("r", O),
        (O, "GET", "", "") => Needs::any("p", O),
        // `/queue/messages/id`: the level says that a message is named.
        (O, "PUT", "message", "") => Needs::any("u", O),
        (O, "DELETE", "message", "") => Needs::any("p", O),
        (O, "DELETE", "", "") => Needs::account("d", O),
        _ => return None,
    })
}

fn table(request: &Request<'_>) -> Option<Needs> {
    use Level::{Container as C, Object as O};
    // SPEC: an update that names an entity tag needs `u` alone; without one it may insert.
    let update = if request.features.has_if_match { Needs::any("u", O) } else { Needs::any("a", O).and("u") };
    Some(match (request.level, request.method, request.restype, request.comp) {
        (Level::Service, ..) => return service(request),
        // `/Tables` and `/Tables('name')`: the kind says that it is about tables.
        (C, "GET", "tables", "") => Needs::account("l", C),
        (C, "POST", "tables", "") => Needs::account("cw", C),
        (C, "DELETE", "tables", "") => Needs::account("d", C),
        (O, "GET" | "HEAD", "", "") | (C, "GET", "", "") => Needs::any("r", O),
        (C, "POST", "", "") => Needs::any("a", O),
        (O, "PUT" | "MERGE" | "PATCH", "", "") => update,
        (O, "DELETE", "", "") => Needs::any("d", O),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(service: Service, level: Level, method: &str, restype: &str, comp: &str) -> Option<Needs> {
        needs(&Request { service, level, method, restype, comp, features: Features::NONE })
    }

    #[test]
    fn operations_need_the_documented_permissions() {
        use Level::{Container as C, Object as O, Service as S};
        for (service, level, method, restype, comp, any, account_only) in [
            (Service::Blob, S, "GET", "", "list", "l", true),
            (Service::Blob, S, "GET", "", "blobs", "f", true),
            (Service::Blob, S, "GET", "service", "properties", "r", true),
            (Service::Blob, S, "GET", "service", "stats", "r", true),
            (Service::Blob, S, "PUT", "service", "properties", "w", true),
            (Service::Blob, C, "GET", "container", "list", "l", false),
            (Service::Blob, C, "GET", "container", "blobs", "f", false),
            (Service::Blob, C, "PUT", "container", "", "cw", true),
            (Service::Blob, C, "GET", "container", "", "r", true),
            (Service::Blob, C, "HEAD", "container", "metadata", "r", true),
            (Service::Blob, C, "PUT", "container", "metadata", "w", true),
            (Service::Blob, C, "PUT", "container", "lease", "w", true),
            (Service::Blob, C, "DELETE", "container", "", "d", true),
            (Service::Blob, O, "GET", "", "", "r", false),
            (Service::Blob, O, "HEAD", "", "", "r", false),
            (Service::Blob, O, "GET", "", "metadata", "r", false),
            (Service::Blob, O, "GET", "", "blocklist", "r", false),
            (Service::Blob, O, "GET", "", "pagelist", "r", false),
            (Service::Blob, O, "POST", "", "query", "r", false),
            (Service::Blob, O, "GET", "", "tags", "t", false),
            (Service::Blob, O, "PUT", "", "tags", "t", false),
            (Service::Blob, O, "PUT", "", "tier", "w", false),
            (Service::Blob, O, "PUT", "", "immutabilityPolicies", "i", false),
            (Service::Blob, O, "DELETE", "", "immutabilityPolicies", "i", false),
            (Service::Blob, O, "PUT", "", "legalhold", "i", false),
            (Service::Blob, O, "DELETE", "", "", "d", false),
            (Service::Blob, O, "PUT", "", "", "cw", false),
            (Service::Blob, O, "PUT", "", "block", "w", false),
            (Service::Blob, O, "PUT", "", "blocklist", "w", false),
            (Service::Blob, O, "PUT", "", "page", "w", false),
            (Service::Blob, O, "PUT", "", "metadata", "w", false),
            (Service::Blob, O, "PUT", "", "lease", "w", false),
            (Service::Blob, O, "PUT", "", "appendblock", "aw", false),
            (Service::Blob, O, "PUT", "", "seal", "aw", false),
            (Service::Blob, O, "PUT", "", "snapshot", "cw", false),
            (Service::DataLake, S, "GET", "account", "", "l", true),
            (Service::DataLake, C, "GET", "filesystem", "", "l", false),
            (Service::DataLake, C, "PUT", "filesystem", "", "cw", true),
            (Service::DataLake, C, "HEAD", "filesystem", "", "r", true),
            (Service::DataLake, C, "PATCH", "filesystem", "", "w", true),
            (Service::DataLake, C, "DELETE", "filesystem", "", "d", true),
            (Service::DataLake, O, "PUT", "file", "", "cw", false),
            (Service::DataLake, O, "PUT", "directory", "", "cw", false),
            (Service::DataLake, O, "PATCH", "", "append", "aw", false),
            (Service::DataLake, O, "PATCH", "", "flush", "w", false),
            (Service::DataLake, O, "PATCH", "", "setProperties", "w", false),
            (Service::DataLake, O, "PATCH", "", "setAccessControl", "p", false),
            (Service::DataLake, O, "PATCH", "", "setAccessControlRecursive", "p", false),
            (Service::DataLake, O, "GET", "", "", "r", false),
            (Service::DataLake, O, "HEAD", "", "getStatus", "er", false),
            (Service::DataLake, O, "HEAD", "", "getAccessControl", "e", false),
            (Service::DataLake, O, "DELETE", "", "", "d", false),
            (Service::File, S, "GET", "", "list", "l", true),
            (Service::File, C, "GET", "directory", "list", "l", false),
            (Service::File, C, "GET", "share", "stats", "r", true),
            (Service::File, C, "PUT", "share", "properties", "w", true),
            (Service::File, C, "PUT", "share", "snapshot", "cw", true),
            (Service::File, C, "PUT", "share", "", "cw", true),
            (Service::File, C, "DELETE", "share", "", "d", true),
            (Service::File, O, "PUT", "directory", "", "cw", false),
            (Service::File, O, "GET", "directory", "", "r", false),
            (Service::File, O, "HEAD", "directory", "metadata", "r", false),
            (Service::File, O, "PUT", "directory", "metadata", "w", false),
            (Service::File, O, "DELETE", "directory", "", "d", false),
            (Service::File, O, "PUT", "", "", "cw", false),
            (Service::File, O, "GET", "", "", "r", false),
            (Service::File, O, "GET", "", "rangelist", "r", false),
            (Service::File, O, "PUT", "", "range", "w", false),
            (Service::File, O, "DELETE", "", "", "d", false),
            (Service::Queue, S, "GET", "", "list", "l", true),
            (Service::Queue, C, "PUT", "", "", "cw", true),
            (Service::Queue, C, "DELETE", "", "", "d", true),
            (Service::Queue, C, "GET", "", "metadata", "r", false),
            (Service::Queue, C, "PUT", "", "metadata", "w", true),
            (Service::Queue, O, "POST", "", "", "a", false),
            (Service::Queue, O, "GET", "", "", "p", false),
            (Service::Queue, O, "PUT", "message", "", "u", false),
            (Service::Queue, O, "DELETE", "message", "", "p", false),
            (Service::Queue, O, "DELETE", "", "", "d", true),
            (Service::Table, S, "GET", "service", "properties", "r", true),
            (Service::Table, C, "GET", "tables", "", "l", true),
            (Service::Table, C, "POST", "tables", "", "cw", true),
            (Service::Table, C, "DELETE", "tables", "", "d", true),
            (Service::Table, O, "GET", "", "", "r", false),
            (Service::Table, C, "GET", "", "", "r", false),
            (Service::Table, C, "POST", "", "", "a", false),
            (Service::Table, O, "DELETE", "", "", "d", false),
        ] {
            let found = of(service, level, method, restype, comp).unwrap();
            assert_eq!((found.any, found.account_only), (any, account_only), "{service:?} {method} {restype} {comp}");
            assert_eq!((found.words(), found.all), (any, ""));
        }
    }

    #[test]
    fn a_lease_is_broken_by_whoever_may_delete() {
        for (level, restype) in [(Level::Container, "container"), (Level::Object, "")] {
            for (breaks_lease, any) in [(true, "dw"), (false, "w")] {
                let features = Features { breaks_lease, ..Features::NONE };
                let request =
                    Request { service: Service::Blob, level, method: "PUT", restype, comp: "lease", features };
                assert_eq!(needs(&request).unwrap().any, any);
            }
        }
    }

    #[test]
    fn a_request_is_the_action_of_a_grant_or_of_none() {
        use Level::{Container as C, Object as O};
        let action = |service, level, method, restype, comp, features| {
            Request { service, level, method, restype, comp, features }.action()
        };
        for (service, level, method, restype, comp, expected) in [
            (Service::Blob, C, "GET", "container", "list", Some(Action::List)),
            (Service::DataLake, C, "GET", "filesystem", "", Some(Action::List)),
            (Service::File, C, "GET", "directory", "list", Some(Action::List)),
            (Service::Blob, O, "GET", "", "", Some(Action::Read)),
            (Service::Blob, O, "HEAD", "", "", Some(Action::Head)),
            (Service::File, O, "GET", "", "metadata", Some(Action::Head)),
            (Service::Blob, O, "PUT", "", "", Some(Action::Upload)),
            (Service::DataLake, O, "PUT", "file", "", Some(Action::Upload)),
            (Service::File, O, "PUT", "", "range", Some(Action::Upload)),
            (Service::Blob, O, "DELETE", "", "", Some(Action::Delete)),
            (Service::Blob, O, "PUT", "", "block", Some(Action::UploadPart)),
            (Service::Blob, O, "PUT", "", "blocklist", Some(Action::CompleteMultipart)),
            (Service::Blob, O, "GET", "", "blocklist", Some(Action::ListParts)),
            (Service::Blob, O, "PUT", "", "appendblock", Some(Action::Append)),
            (Service::DataLake, O, "PATCH", "", "flush", Some(Action::Append)),
            (Service::Blob, O, "GET", "", "tags", Some(Action::ReadTags)),
            (Service::Blob, O, "PUT", "", "tags", Some(Action::WriteTags)),
            (Service::Queue, O, "POST", "", "", Some(Action::Send)),
            (Service::Queue, O, "GET", "", "", Some(Action::Receive)),
            (Service::Queue, O, "DELETE", "message", "", Some(Action::Receive)),
            (Service::Blob, O, "PUT", "", "tier", None),
            (Service::Table, O, "GET", "", "", None),
        ] {
            let found = action(service, level, method, restype, comp, Features::NONE);
            assert_eq!(found, expected, "{service:?} {method} {restype} {comp}");
            let immutable = Features { sets_immutability: true, ..Features::NONE };
            assert_eq!(action(service, level, method, restype, comp, immutable), None);
        }
        // To delete a version, or for good, is more than a grant to delete means.
        for features in
            [Features { for_good: true, ..Features::NONE }, Features { names_version: true, ..Features::NONE }]
        {
            assert_eq!(action(Service::Blob, O, "DELETE", "", "", features), None);
            assert_eq!(action(Service::Blob, O, "GET", "", "", features), Some(Action::Read));
        }
    }

    #[test]
    fn what_only_the_account_key_can_do_needs_no_permission_of_any_token() {
        use Level::{Container as C, Object as O, Service as S};
        for (service, level, method, restype, comp) in [
            (Service::Blob, C, "PUT", "container", "acl"),
            (Service::Blob, C, "GET", "container", "acl"),
            (Service::Blob, S, "POST", "service", "userdelegationkey"),
            (Service::Blob, S, "POST", "", "batch"),
            (Service::Blob, O, "POST", "", ""),
            (Service::Blob, O, "PUT", "", "unheard-of"),
            (Service::Queue, C, "PUT", "", "acl"),
            (Service::Table, C, "PUT", "", "acl"),
            (Service::File, C, "PUT", "share", "acl"),
            (Service::File, S, "GET", "directory", "list"),
            (Service::Queue, S, "POST", "", ""),
            (Service::Table, S, "GET", "", ""),
            (Service::Blob, S, "GET", "", ""),
        ] {
            assert_eq!(of(service, level, method, restype, comp), None, "{service:?} {method} {restype} {comp}");
        }
    }

    #[test]
    fn deleting_a_version_or_for_good_needs_its_own_letter() {
        let mut request = Request {
            service: Service::Blob,
            level: Level::Object,
            method: "DELETE",
            restype: "",
            comp: "",
            features: Features { names_version: true, ..Features::NONE },
        };
        assert_eq!(needs(&request).unwrap().any, "x");
        request.features.for_good = true;
        assert_eq!(needs(&request).unwrap().any, "y");
    }

    #[test]
    fn an_upsert_needs_both_letters() {
        let mut request = Request {
            service: Service::Table,
            level: Level::Object,
            method: "MERGE",
            restype: "",
            comp: "",
            features: Features::NONE,
        };
        let upsert = needs(&request).unwrap();
        assert!(
            !upsert.are_met(Letters::of("u")) && !upsert.are_met(Letters::of("a")) && upsert.are_met(Letters::of("au"))
        );
        request.features.has_if_match = true;
        assert!(needs(&request).unwrap().are_met(Letters::of("u")));
    }
}
