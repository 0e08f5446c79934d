//! Whether one grant allows more than another.

use super::{Constraint, ContentType, Grant, Resource, Size};

impl Grant {
    /// The first thing in which this grant allows more than `other`, or tells another thing of an upload or download; nothing if
    /// whatever it allows, `other` allows too.
    ///
    /// For whoever renews a token: what was allowed once is allowed again, and nothing beside it. Neither the request id nor the
    /// justification makes a grant broader.
    ///
    /// ```
    /// use valet_key::grant::{Constraint, Grant, Lifetime};
    ///
    /// let first = Grant::read("photos", "cat.jpg");
    /// assert_eq!(first.clone().lives(Lifetime::minutes(5)?).exceeds(&first), None);
    /// assert_eq!(first.exceeds(&first.clone().lives(Lifetime::minutes(5)?)), Some(Constraint::Lifetime));
    /// assert_eq!(Grant::delete("photos", "cat.jpg").exceeds(&first), Some(Constraint::Action));
    /// # Ok::<(), valet_key::error::GrantError>(())
    /// ```
    #[must_use]
    pub fn exceeds(&self, other: &Self) -> Option<Constraint> {
        // Whoever adds a field has to say here what it means.
        let Self {
            actions,
            container,
            resource,
            lifetime,
            classification,
            justification: _,
            content_type,
            size,
            sha256,
            encryption,
            storage_class,
            metadata,
            response_headers,
            client_address,
            not_before,
            single_use,
            request_id: _,
            dot_segments,
            open_prefix,
            source,
            listing,
            given_up,
            stray_version,
        } = self;
        let more = [
            (Constraint::Action, actions.iter().any(|action| !other.actions.contains(action))),
            (Constraint::Resource, *container != other.container),
            (Constraint::Resource, !lies_in(resource, &other.resource)),
            (Constraint::Resource, *source != other.source || *stray_version != other.stray_version),
            (Constraint::Resource, (*dot_segments && !other.dot_segments) || (*open_prefix && !other.open_prefix)),
            (Constraint::Lifetime, *lifetime > other.lifetime),
            (Constraint::Lifetime, *classification < other.classification),
            (Constraint::ContentType, !is_type_in(content_type.as_ref(), other.content_type.as_ref())),
            (Constraint::Size, !is_size_in(size.as_ref(), other.size.as_ref())),
            (Constraint::Checksum, is_other(sha256.as_ref(), other.sha256.as_ref())),
            (Constraint::Encryption, *encryption != other.encryption),
            (Constraint::StorageClass, *storage_class != other.storage_class),
            (Constraint::Metadata, *metadata != other.metadata),
            (Constraint::ResponseHeaders, *response_headers != other.response_headers),
            (Constraint::ClientAddress, is_other(client_address.as_ref(), other.client_address.as_ref())),
            (Constraint::NotBefore, *not_before < other.not_before),
            (Constraint::SingleUse, !single_use && other.single_use),
            (Constraint::Listing, *listing != other.listing),
        ];
        let insists = |constraint: &Constraint| other.asks_for(*constraint) && !other.has_given_up(*constraint);
        let dropped = given_up.iter().map(|(constraint, _)| *constraint).find(insists);
        more.into_iter().find_map(|(constraint, is_more)| is_more.then_some(constraint)).or(dropped)
    }
}

/// Whether it is anything but what was asked for before, if something was.
fn is_other<T: PartialEq>(this: Option<&T>, other: Option<&T>) -> bool {
    other.is_some_and(|other| this != Some(other))
}

fn lies_in(this: &Resource, other: &Resource) -> bool {
    match (this, other) {
        (Resource::Object { name, version }, Resource::Object { name: other, version: other_version }) => {
            // What is there now is another thing than what was there before: who may delete the one, hides it, and who may delete the
            // other, destroys it.
            name == other && version == other_version
        }
        (Resource::Object { name, version: None } | Resource::Prefix(name), Resource::Prefix(prefix)) => {
            name.starts_with(prefix)
        }
        _ => this == other,
    }
}

fn is_type_in(this: Option<&ContentType>, other: Option<&ContentType>) -> bool {
    match (this, other) {
        (_, None | Some(ContentType::Any)) => true,
        (Some(ContentType::Exact(this) | ContentType::Prefix(this)), Some(ContentType::Prefix(other))) => {
            this.starts_with(other.as_str())
        }
        (Some(ContentType::Exact(this)), Some(ContentType::Exact(other))) => this == other,
        _ => false,
    }
}

fn is_size_in(this: Option<&Size>, other: Option<&Size>) -> bool {
    match (this, other) {
        (_, None | Some(Size::Any)) => true,
        (Some(Size::Range(this)), Some(Size::Range(other))) => {
            other.start() <= this.start() && this.end() <= other.end()
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        clock::Timestamp,
        grant::{
            Actions, Classification, ContentDisposition, CopySource, Encryption, Justification, Lifetime, Listing,
        },
    };

    fn why() -> Justification {
        Justification::new("a test").unwrap()
    }

    fn upload() -> Grant {
        Grant::upload("media", "42/cat.jpg").content_type_prefix("image/").size(1..=1000)
    }

    #[test]
    fn the_same_and_whatever_is_narrower_exceeds_nothing() {
        let time = Timestamp::from_unix(1_700_000_000).unwrap();
        let first = upload();
        for same in [
            first.clone(),
            first.clone().request_id("another"),
            first.clone().because(why()),
            first.clone().content_type("image/png"),
            first.clone().content_type_prefix("image/svg"),
            first.clone().exact_size(7),
            first.clone().sha256([1; 32]),
            first.clone().client_address("192.0.2.1"),
            first.clone().not_before(time),
            first.clone().single_use(),
            first.clone().classified(Classification::Pii),
            first.clone().lives(Lifetime::minutes(1).unwrap()),
        ] {
            assert_eq!(same.exceeds(&first), None, "{same:?}");
        }
        let folder = Grant::under("media", "42/", Actions::READ | Actions::LIST).because(why());
        for part in
            [Grant::read("media", "42/cat.jpg"), Grant::under("media", "42/2026/", Actions::LIST).because(why())]
        {
            assert_eq!(part.exceeds(&folder), None, "{part:?}");
        }
    }

    #[test]
    fn whatever_is_broader_or_other_is_told() {
        let time = Timestamp::from_unix(1_700_000_000).unwrap();
        let first = upload();
        let narrow = upload()
            .content_type("image/png")
            .exact_size(7)
            .sha256([1; 32])
            .client_address("192.0.2.1")
            .not_before(time)
            .single_use()
            .classified(Classification::Pii);
        let folder = Grant::under("media", "42/", Actions::READ | Actions::LIST).because(why());
        for (grant, other, expected) in std::vec![
            (Grant::create("media", "42/cat.jpg"), first.clone(), Constraint::Action),
            (Grant::upload("medea", "42/cat.jpg"), first.clone(), Constraint::Resource),
            (Grant::upload("media", "42/cat.jpg2"), first.clone(), Constraint::Resource),
            (Grant::read("media", "420/cat.jpg"), folder.clone(), Constraint::Resource),
            (Grant::delete("media", "42/cat.jpg"), folder.clone(), Constraint::Action),
            (Grant::under("media", "4", Actions::READ).because(why()), folder.clone(), Constraint::Resource),
            (folder.clone(), Grant::read("media", "42/"), Constraint::Action),
            (Grant::read("media", "a"), Grant::read("media", "a").version("7"), Constraint::Resource),
            (Grant::delete("media", "a").version("7"), Grant::delete("media", "a"), Constraint::Resource),
            (
                Grant::read("media", "42/a").version("7"),
                Grant::under("media", "42/", Actions::READ).because(why()),
                Constraint::Resource,
            ),
            (Grant::read("media", "a").version("8"), Grant::read("media", "a").version("7"), Constraint::Resource),
            (first.clone().allow_dot_segments(), first.clone(), Constraint::Resource),
            (folder.clone().allow_open_prefix(), folder.clone(), Constraint::Resource),
            (
                Grant::copy(CopySource::new("a", "b"), "media", "c").because(why()),
                Grant::copy(CopySource::new("a", "x"), "media", "c").because(why()),
                Constraint::Resource,
            ),
            (
                Grant::upload_part("media", "a", "id", 2),
                Grant::upload_part("media", "a", "id", 1),
                Constraint::Resource,
            ),
            (first.clone().lives(Lifetime::WEEK), first.clone(), Constraint::Lifetime),
            (narrow.clone().classified(Classification::Public), narrow.clone(), Constraint::Lifetime),
            (first.clone().any_content_type(), first.clone(), Constraint::ContentType),
            (first.clone().content_type("text/html"), first.clone(), Constraint::ContentType),
            (narrow.clone().content_type_prefix("image/png"), narrow.clone(), Constraint::ContentType),
            (first.clone().size(0..=1000), first.clone(), Constraint::Size),
            (first.clone().size(1..=1001), first.clone(), Constraint::Size),
            (first.clone().any_size(), first.clone(), Constraint::Size),
            (narrow.clone().sha256([2; 32]), narrow.clone(), Constraint::Checksum),
            (first.clone().encrypted(Encryption::Provider), first.clone(), Constraint::Encryption),
            (first.clone().storage_class("GLACIER"), first.clone(), Constraint::StorageClass),
            (first.clone().metadata("a", "b"), first.clone(), Constraint::Metadata),
            (
                Grant::read("media", "a").disposition(&ContentDisposition::inline("a.html")),
                Grant::read("media", "a"),
                Constraint::ResponseHeaders,
            ),
            (narrow.clone().client_address("192.0.2.2"), narrow.clone(), Constraint::ClientAddress),
            (narrow.clone().not_before(time.saturating_sub(1)), narrow.clone(), Constraint::NotBefore),
            (folder.clone().listing(Listing::default()), folder.clone(), Constraint::Listing),
        ] {
            assert_eq!(grant.exceeds(&other), Some(expected), "{grant:?} and {other:?}");
        }
        let given_up = first.clone().unenforced(Constraint::Size, why()).unwrap();
        assert_eq!(given_up.exceeds(&first), Some(Constraint::Size));
        assert_eq!((given_up.exceeds(&given_up), first.exceeds(&given_up)), (None, None));
        // What is only there or not: the same grant without it.
        assert_eq!(upload().content_type("image/png").exact_size(7).exceeds(&narrow), Some(Constraint::Lifetime));
        let bare = || upload().content_type("image/png").exact_size(7).classified(Classification::Pii);
        assert_eq!(bare().exceeds(&narrow), Some(Constraint::Checksum));
        let bare = || bare().sha256([1; 32]);
        assert_eq!(bare().exceeds(&narrow), Some(Constraint::ClientAddress));
        let bare = || bare().client_address("192.0.2.1");
        assert_eq!(bare().exceeds(&narrow), Some(Constraint::NotBefore));
        assert_eq!(bare().not_before(time).exceeds(&narrow), Some(Constraint::SingleUse));
    }
}
