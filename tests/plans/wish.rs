//! Grants of every kind: what they are about, and any of the things that can be asked of them.

use crate::why;
use proptest::{prelude::*, sample::subsequence};
use valet_key::{
    clock::Timestamp,
    grant::{
        Action, Actions, Constraint, ContentDisposition, CopySource, Encryption, Grant, Lifetime, Listing,
        ResponseHeader,
        plan::{Form, Provider, Row},
    },
};

/// What is uploaded, and sent.
pub(crate) const BODY: &[u8] = b"hello";
/// SHA-256 of it.
pub(crate) const DIGEST: &str = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";
pub(crate) const NAME: &str = "users/42/cat.jpg";
pub(crate) const FOLDER: &str = "users/42/";
pub(crate) const UPLOAD: &str = "upload-1";
pub(crate) const ID: &str = "6c84fb90-12c4-11e1-840d-7b25c5ee775a";
pub(crate) const SCOPE: &str = "scope1";
pub(crate) const CLASS: &str = "COOL";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum About {
    Read,
    Head,
    Upload,
    Create,
    Delete,
    UploadPart,
    StartMultipart,
    CompleteMultipart,
    ListParts,
    Abort,
    Copy,
    CopyPart,
    ReadTags,
    WriteTags,
    DeleteTags,
    List,
    ListVersions,
    ListUploads,
    ReadUnder,
    UploadUnder,
    ReadAndList,
    Append,
    Send,
    Receive,
}

pub(crate) const ABOUT: [About; 24] = [
    About::Read,
    About::Head,
    About::Upload,
    About::Create,
    About::Delete,
    About::UploadPart,
    About::StartMultipart,
    About::CompleteMultipart,
    About::ListParts,
    About::Abort,
    About::Copy,
    About::CopyPart,
    About::ReadTags,
    About::WriteTags,
    About::DeleteTags,
    About::List,
    About::ListVersions,
    About::ListUploads,
    About::ReadUnder,
    About::UploadUnder,
    About::ReadAndList,
    About::Append,
    About::Send,
    About::Receive,
];

impl About {
    pub(crate) fn is_queue(self) -> bool {
        matches!(self, Self::Send | Self::Receive)
    }

    /// What it is about, in words.
    pub(crate) const fn words(self) -> &'static str {
        match self {
            Self::Read => "read an object",
            Self::Head => "read its metadata alone",
            Self::Upload => "create or overwrite an object",
            Self::Create => "create and not overwrite",
            Self::Delete => "delete an object",
            Self::UploadPart => "upload a part",
            Self::StartMultipart => "begin a multipart upload",
            Self::CompleteMultipart => "complete it",
            Self::ListParts => "list its parts",
            Self::Abort => "give it up",
            Self::Copy => "copy an object",
            Self::CopyPart => "copy a part",
            Self::ReadTags => "read tags",
            Self::WriteTags => "replace tags",
            Self::DeleteTags => "remove tags",
            Self::List => "list a prefix",
            Self::ListVersions => "list versions",
            Self::ListUploads => "list uploads",
            Self::ReadUnder => "read under a prefix",
            Self::UploadUnder => "upload under a prefix",
            Self::ReadAndList => "read and list a prefix",
            Self::Append => "append under a prefix",
            Self::Send => "send to a queue",
            Self::Receive => "receive from a queue",
        }
    }

    fn grant(self, container: &str) -> Grant {
        let source = || CopySource::new("source", "from.jpg");
        let under = |actions: Actions| Grant::under(container, FOLDER, actions).because(why());
        let grant = match self {
            Self::Read => Grant::read(container, NAME),
            Self::Head => Grant::head(container, NAME),
            Self::Upload => Grant::upload(container, NAME),
            Self::Create => Grant::create(container, NAME),
            Self::Delete => Grant::delete(container, NAME),
            Self::UploadPart => Grant::upload_part(container, NAME, UPLOAD, 7),
            Self::StartMultipart => Grant::start_multipart(container, NAME),
            Self::CompleteMultipart => Grant::complete_multipart(container, NAME, UPLOAD),
            Self::ListParts => Grant::list_parts(container, NAME, UPLOAD),
            Self::Abort => Grant::abort(container, NAME, UPLOAD),
            Self::Copy => Grant::copy(source(), container, NAME).because(why()),
            Self::CopyPart => Grant::copy_part(source().bytes(0..=9), container, NAME, UPLOAD, 7).because(why()),
            Self::ReadTags => Grant::read_tags(container, NAME),
            Self::WriteTags => Grant::write_tags(container, NAME),
            Self::DeleteTags => Grant::delete_tags(container, NAME),
            Self::List => under(Actions::LIST),
            Self::ListVersions => under(Action::ListVersions.into()),
            Self::ListUploads => under(Action::ListUploads.into()),
            Self::ReadUnder => under(Actions::READ),
            Self::UploadUnder => under(Actions::UPLOAD),
            Self::ReadAndList => under(Actions::READ | Actions::LIST),
            Self::Append => under(Action::Append.into()),
            Self::Send => Grant::send(container),
            Self::Receive => Grant::receive(container),
        };
        // Nothing is bound but what is asked for below.
        grant.any_size().any_content_type()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ask {
    Version,
    ExactType,
    TypePrefix,
    ExactSize,
    SizeRange,
    Checksum,
    Address,
    Network,
    AddressRange,
    Version6,
    NotBefore,
    ProviderKeys,
    ManagedKey,
    StorageClass,
    Metadata,
    Disposition,
    ResponseType,
    CacheControl,
    SingleUse,
    RequestId,
    PageSize,
    NextPage,
    FiveMinutes,
    OneHour,
}

pub(crate) const ASKS: [Ask; 24] = [
    Ask::Version,
    Ask::ExactType,
    Ask::TypePrefix,
    Ask::ExactSize,
    Ask::SizeRange,
    Ask::Checksum,
    Ask::Address,
    Ask::Network,
    Ask::AddressRange,
    Ask::Version6,
    Ask::NotBefore,
    Ask::ProviderKeys,
    Ask::ManagedKey,
    Ask::StorageClass,
    Ask::Metadata,
    Ask::Disposition,
    Ask::ResponseType,
    Ask::CacheControl,
    Ask::SingleUse,
    Ask::RequestId,
    Ask::PageSize,
    Ask::NextPage,
    Ask::FiveMinutes,
    Ask::OneHour,
];

impl Ask {
    /// The constraint that it comes to.
    pub(crate) const fn constraint(self) -> Constraint {
        match self {
            Self::Version => Constraint::Resource,
            Self::ExactType | Self::TypePrefix => Constraint::ContentType,
            Self::ExactSize | Self::SizeRange => Constraint::Size,
            Self::Checksum => Constraint::Checksum,
            Self::Address | Self::Network | Self::AddressRange | Self::Version6 => Constraint::ClientAddress,
            Self::NotBefore => Constraint::NotBefore,
            Self::ProviderKeys | Self::ManagedKey => Constraint::Encryption,
            Self::StorageClass => Constraint::StorageClass,
            Self::Metadata => Constraint::Metadata,
            Self::Disposition | Self::ResponseType | Self::CacheControl => Constraint::ResponseHeaders,
            Self::SingleUse => Constraint::SingleUse,
            Self::RequestId => Constraint::RequestId,
            Self::PageSize | Self::NextPage => Constraint::Listing,
            Self::FiveMinutes | Self::OneHour => Constraint::Lifetime,
        }
    }

    fn of(self, grant: Grant, form: Form) -> Grant {
        let digest = || std::array::from_fn(|at| u8::from_str_radix(&DIGEST[2 * at..2 * at + 2], 16).unwrap());
        let value = |header| grant.clone().response_header(header, "no-cache");
        match self {
            Self::Version => grant.clone().version(match form.provider() {
                Provider::Azure => "2026-01-01T00:00:00.0000000Z",
                _ => "17",
            }),
            Self::ExactType => grant.content_type("image/png"),
            Self::TypePrefix => grant.content_type_prefix("image/"),
            Self::ExactSize => grant.exact_size(5),
            Self::SizeRange => grant.size(1..=10),
            Self::Checksum => grant.sha256(digest()),
            Self::Address => grant.client_address("192.0.2.7"),
            // Azure knows ranges and no networks, the others networks: of S3 policies both.
            Self::Network if form.provider() == Provider::Azure => grant.client_address("192.0.2.0-192.0.2.255"),
            Self::Network => grant.client_address("192.0.2.0/24"),
            Self::AddressRange => grant.client_address("192.0.2.1-192.0.2.9"),
            Self::Version6 => grant.client_address("2001:db8::7"),
            Self::NotBefore => grant.not_before(Timestamp::from_unix(crate::NOW + 60).unwrap()),
            Self::ProviderKeys => grant.encrypted(Encryption::Provider),
            Self::ManagedKey => grant.encrypted(Encryption::ManagedKey(SCOPE.to_owned())),
            Self::StorageClass => grant.storage_class(CLASS),
            Self::Metadata => grant.metadata("owner", "42"),
            Self::Disposition => grant.disposition(&ContentDisposition::attachment("cat.jpg")),
            Self::ResponseType => value(ResponseHeader::ContentType),
            Self::CacheControl => value(ResponseHeader::CacheControl),
            Self::SingleUse => grant.single_use(),
            Self::RequestId => grant.request_id(ID),
            Self::PageSize => grant.listing(Listing::new().at_most(100)),
            Self::NextPage => grant.listing(Listing::new().continuing("1ueGcxLPRx1Tr/XYExHnhbYLgveDs2J/wm36Hy4vbOwM=")),
            Self::FiveMinutes => grant.lives(Lifetime::minutes(5).unwrap()),
            Self::OneHour => grant.lives(Lifetime::minutes(60).unwrap()),
        }
    }
}

/// Something to grant.
#[derive(Clone, Debug)]
pub(crate) struct Wish {
    pub(crate) about: About,
    /// At most one for each constraint, in the order of [`ASKS`].
    pub(crate) asks: Vec<Ask>,
    pub(crate) given_up: Vec<Constraint>,
}

impl Wish {
    pub(crate) fn new(about: About, asks: &[Ask]) -> Self {
        Self { about, asks: asks.to_vec(), given_up: Vec::new() }
    }

    pub(crate) fn has(&self, ask: Ask) -> bool {
        self.asks.contains(&ask)
    }

    /// As a grant whose names the form takes.
    pub(crate) fn grant(&self, form: Form) -> Grant {
        let grant = self.about.grant(crate::issue::container(form, self.about)).because(why());
        let grant = self.asks.iter().fold(grant, |grant, ask| ask.of(grant, form));
        self.given_up.iter().fold(grant, |grant, constraint| grant.unenforced(*constraint, why()).unwrap())
    }

    /// Without what the form refuses, if it is asked for at all.
    pub(crate) fn fitted(mut self, form: Form) -> Self {
        let refused: Vec<Constraint> = self.grant(form).plan(form).refusals().map(Row::constraint).collect();
        self.asks.retain(|ask| !refused.contains(&ask.constraint()));
        self
    }
}

/// Any wish with at most one ask for a constraint, and anything given up that can be.
pub(crate) fn any_wish() -> impl Strategy<Value = Wish> {
    // Most can be asked of an upload.
    let about = prop_oneof![
        1 => prop::sample::select(ABOUT.to_vec()),
        1 => prop::sample::select(vec![About::Read, About::Upload, About::Upload, About::Create]),
    ];
    let never = [Constraint::Action, Constraint::Resource, Constraint::Lifetime, Constraint::HttpsOnly];
    let given_up: Vec<Constraint> = Constraint::ALL.iter().copied().filter(|it| !never.contains(it)).collect();
    let most = given_up.len();
    let asks = subsequence(ASKS.to_vec(), 0..=8);
    (about, asks, prop_oneof![3 => Just(Vec::new()), 1 => subsequence(given_up, 0..=most)]).prop_map(
        |(about, asks, given_up)| {
            let first = |(at, ask): &(usize, &Ask)| asks[..*at].iter().all(|it| it.constraint() != ask.constraint());
            let asks = asks.iter().enumerate().filter(first).map(|(_, ask)| *ask).collect();
            Wish { about, asks, given_up }
        },
    )
}
