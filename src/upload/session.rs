//! The session: what was begun, what was given out, and what is known to be there.

use super::{
    Protocol, Step, Task, UploadError, WriteAhead,
    grants::Template,
    parts::{Parts, Tag, Ticket},
    plan::{Plan, Room},
};
use crate::{
    clock::Timestamp,
    grant::{Grant, Justification, Lifetime},
    lifetime::{Transfer, refresh_after},
    secret::Secret,
};
use alloc::{string::String, vec::Vec};
use core::fmt;

/// How long a session lives, in seconds: 24 hours.
pub(super) const SESSION: u32 = 24 * 60 * 60;
/// How long the token of a quick request lives, in seconds: starting, committing, looking, giving up.
const QUICK: u32 = 300;
/// How many renewals a token is allowed beyond those that 24 hours take.
const SPARE_RENEWALS: u32 = 8;

/// What is to be uploaded, by whom, and how fast.
///
/// The [`Grant`] is for the object as a whole, made with [`Grant::upload`]: its exact size, its media type, its class, and
/// how long one token may live at most. [`UploadSession`] has an example.
#[derive(Clone, Debug)]
#[must_use]
pub struct Upload {
    protocol: Protocol,
    grant: Grant,
    id: String,
    owner: String,
    bytes_per_second: u64,
    largest: u64,
}

impl Upload {
    /// The speed that is taken for that of the slower clients unless somebody measured it, in bytes per second: 2 Mbit/s.
    pub const USUAL_SPEED: u64 = 256_000;

    /// An upload of what the grant allows. The id is 16 to 64 letters, digits or `-`, and random: it marks the object. The
    /// owner is the user, in whatever words the service has for one.
    ///
    /// Two sessions for one name at a time get in each other's way, so give each upload a name of its own.
    pub fn new(protocol: Protocol, grant: Grant, id: impl Into<String>, owner: impl Into<String>) -> Self {
        Self {
            protocol,
            grant,
            id: id.into(),
            owner: owner.into(),
            bytes_per_second: Self::USUAL_SPEED,
            largest: protocol.most_part(),
        }
    }

    /// The speed that 95 of 100 transfers reach, in bytes per second: at least 1.
    pub const fn speed(mut self, bytes_per_second: u64) -> Self {
        self.bytes_per_second = bytes_per_second;
        self
    }

    /// The largest part, in bytes. [`Protocol::OLD_AZURE_BLOCK`] is one.
    pub const fn largest_part(mut self, bytes: u64) -> Self {
        self.largest = bytes;
        self
    }

    /// Begins the session, of which nothing is at the cloud yet.
    ///
    /// # Errors
    /// [`UploadError::Issue`] for a grant that is none for an upload of an exact size, or says of it what parts cannot carry, and
    /// for an id, an owner or a speed of nothing; [`UploadError::DoesNotFit`] if no part of allowed size can be sent within the
    /// lifetime of the grant: say in the grant why a token may live longer.
    pub fn begin(self, now: Timestamp) -> Result<UploadSession, UploadError> {
        let template = Template::new(self.protocol, self.grant, self.id)?;
        let is_owner = (1..=256).contains(&self.owner.len()) && !self.owner.chars().any(char::is_control);
        if !is_owner {
            let why = "it must be 1 to 256 bytes without control characters";
            return Err(crate::error::IssueError::Invalid { what: "owner of the upload", why }.into());
        }
        let longest = template.grant.lifetime;
        let mut session = UploadSession {
            owner: self.owner,
            begun_at: now,
            speed: self.bytes_per_second,
            pace: self.bytes_per_second,
            largest: self.largest,
            longest,
            state: State::Planned,
            progress: Progress::Chunks(Chunks { received: 0, offered: 0, part: 0, out: None }),
            starts: 0,
            commits: 0,
            tokens_end: now,
            is_given_up: false,
            template,
        };
        session.transfer(1).seconds()?;
        session.progress = session.new_progress()?;
        if session.template.protocol == Protocol::AzureBlocks {
            // Blocks need no upload of their own.
            session.state = State::Uploading(Remote::Blocks);
        }
        Ok(session)
    }
}

/// What the cloud calls the upload.
#[derive(Clone)]
pub(super) enum Remote {
    /// The upload id of S3.
    Upload(String),
    /// The session URI of Cloud Storage, if it is at hand, its SHA-256, and its end.
    Session { uri: Option<Secret<String>>, digest: [u8; 32], ends_at: Timestamp },
    /// Nothing: the blocks of a blob.
    Blocks,
}

impl Remote {
    pub(super) fn upload_id(&self) -> Option<&str> {
        match self {
            Self::Upload(id) => Some(id),
            _ => None,
        }
    }
}

/// Where an upload is.
#[derive(Clone)]
pub(super) enum State {
    /// Nothing is at the cloud.
    Planned,
    /// The cloud was told to begin, and may have.
    Starting,
    /// Parts can be sent.
    Uploading(Remote),
    /// The cloud was told to make the object, and may have. Whether the upload is known to be there no more.
    Committing(Remote, bool),
    /// The object is there.
    Committed,
    /// What is left has to be removed.
    CleaningUp(Option<Remote>),
    /// Nothing is left.
    Over,
}

impl State {
    const fn words(&self) -> &'static str {
        match self {
            Self::Planned => "planned",
            Self::Starting => "starting",
            Self::Uploading(_) => "under way",
            Self::Committing(..) => "being committed",
            Self::Committed => "committed",
            Self::CleaningUp(_) => "being cleaned up",
            Self::Over => "over",
        }
    }
}

/// What is there of a resumable upload, one chunk after the other.
#[derive(Clone, Copy)]
pub(super) struct Chunks {
    pub(super) received: u64,
    /// Up to where bytes were given out.
    pub(super) offered: u64,
    /// The size of a chunk.
    pub(super) part: u64,
    /// When the current chunk was given out.
    pub(super) out: Option<Timestamp>,
}

#[derive(Clone)]
pub(super) enum Progress {
    Parts(Parts),
    Chunks(Chunks),
}

/// What a service keeps of one upload in parts, from its begin to its end.
///
/// ```text
///             start           started           commit           committed
///   Planned ────────▶ Starting ──────▶ Uploading ──────▶ Committing ──────▶ Committed
///                         │  look ▲       │  look ▲ parts, acknowledge │ look
///                         └───────┘       └───────┘                    └─▶ Committed, or Uploading again
///   from anywhere, and after 24 hours: give_up ──▶ CleaningUp ── cleaned ──▶ Over
/// ```
///
/// It does nothing itself. Each method that leads to a request at the cloud changes the session, and returns the request as a
/// [`Step`] inside of a [`WriteAhead`]: save the session, then make the request. After a crash the saved session knows what
/// may have been done, and [`next`](Self::next) says how to go on: what is in doubt is looked at, never done a second time.
///
/// ```
/// use valet_key::aws::{Endpoint, Region, SigV4, StaticKey};
/// use valet_key::upload::{Next, Protocol, Seen, Task, Upload, UploadError};
/// use valet_key::{clock::Timestamp, grant::Grant};
///
/// let now = Timestamp::from_unix(1_700_000_000)?;
/// let endpoint = Endpoint::aws(Region::new("eu-west-1")?);
/// let key = StaticKey::new("AKIAIOSFODNN7EXAMPLE", "secret")?;
/// let save = |_session: &_| { /* one row of a database */ };
///
/// // 20 MiB, so parts of 8, 8 and 4 MiB: each can be sent in the 15 minutes of its token at 2 Mbit/s.
/// let film = Grant::upload("videos", "42/film.mp4").content_type("video/mp4").exact_size(20 << 20);
/// let mut session = Upload::new(Protocol::S3Multipart, film, "3f2c9a7e51d04b88", "user 42").begin(now)?;
///
/// let start = session.start(now)?;
/// save(&session);
/// let url = key.presign(&start.once_saved().s3(&endpoint)?, now)?; // the service posts to it
/// session.started("upload-1", now)?;
///
/// // The client asks for two parts, sends them, and says what it got for them.
/// let parts = session.parts(2, now)?;
/// save(&session);
/// for part in parts.once_saved() {
///     let Task::Part { number, bytes } = part.task() else { unreachable!() };
///     let url = key.presign(&part.s3(&endpoint)?, now)?;
///     assert!(url.expose().contains(&format!("partNumber={number}")));
///     assert_eq!(part.refresh_at().unix(), now.unix() + 720);
///     session.acknowledge(*number, bytes.end - bytes.start, Some("9e107d9d372bb6826bd81d3542a419d6"), now)?;
/// }
/// assert!(matches!(session.commit(now), Err(UploadError::Incomplete { number: 3, missing: 4_194_304 })));
/// let last = session.parts(9, now)?.once_saved();
/// assert_eq!(last.len(), 1);
/// session.acknowledge(3, 4 << 20, Some("e4d909c290d0fb1ca068ffaddf22cbd0"), now)?;
///
/// // The client is done. Two steps: say that the object will be made, make it.
/// let commit = session.commit(now)?;
/// save(&session);
/// let url = key.presign(&commit.once_saved().s3(&endpoint)?, now)?; // with `session.commit_body()` as its body
/// assert!(session.commit_body().unwrap().contains("<PartNumber>3</PartNumber>"));
///
/// // Had the service died here, it would look before it does anything else.
/// assert_eq!(session.next(now), Next::Look);
/// assert!(matches!(session.commit(now), Err(UploadError::LookFirst { .. })));
/// session.committed()?;
/// assert_eq!(session.next(now), Next::Nothing);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct UploadSession {
    pub(super) template: Template,
    pub(super) owner: String,
    pub(super) begun_at: Timestamp,
    /// In bytes per second, as it was expected.
    pub(super) speed: u64,
    /// In bytes per second, as it was measured, and never more than was expected.
    pub(super) pace: u64,
    pub(super) largest: u64,
    /// How long a token may live.
    pub(super) longest: Lifetime,
    pub(super) state: State,
    pub(super) progress: Progress,
    /// How often the cloud was told to begin.
    pub(super) starts: u32,
    /// How often the cloud was told to make the object.
    pub(super) commits: u32,
    /// The last second at which a token of this session is good.
    pub(super) tokens_end: Timestamp,
    pub(super) is_given_up: bool,
}

impl UploadSession {
    /// Its id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.template.id
    }

    /// Whose it is.
    #[must_use]
    pub fn owner(&self) -> &str {
        &self.owner
    }

    /// The session, if it is this user's. Ask before anything is done on behalf of a client.
    ///
    /// # Errors
    /// [`UploadError::NotOwner`].
    pub fn of(&mut self, user: &str) -> Result<&mut Self, UploadError> {
        if self.owner == user { Ok(self) } else { Err(UploadError::NotOwner) }
    }

    /// How it gets to its cloud.
    #[must_use]
    pub const fn protocol(&self) -> Protocol {
        self.template.protocol
    }

    /// The bucket or container.
    #[must_use]
    pub fn container(&self) -> &str {
        &self.template.grant.container
    }

    /// The name of the object.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.template.name
    }

    /// The size of the object in bytes.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        self.template.bytes
    }

    /// How many bytes are there, as far as is known.
    #[must_use]
    pub fn received(&self) -> u64 {
        match (&self.state, &self.progress) {
            (State::Committed, _) => self.bytes(),
            (_, Progress::Parts(parts)) => parts.received(),
            (_, Progress::Chunks(chunks)) => chunks.received,
        }
    }

    /// The last second at which the session is of use: 24 hours after it began. No token of it lives longer.
    #[must_use]
    pub fn ends_at(&self) -> Timestamp {
        self.begun_at.saturating_add(SESSION)
    }

    /// The last second at which a token that was given out is good.
    #[must_use]
    pub const fn tokens_end_at(&self) -> Timestamp {
        self.tokens_end
    }

    /// The speed that the lifetimes of the next tokens are reckoned with, in bytes per second: as it was expected, or as the
    /// acknowledged parts came in, if that is less.
    #[must_use]
    pub const fn pace(&self) -> u64 {
        self.pace
    }

    /// Why a token may live longer than its class allows, if somebody said so.
    #[must_use]
    pub const fn justification(&self) -> Option<&Justification> {
        self.template.grant.justification.as_ref()
    }

    /// Lets the tokens that follow live up to this long, four hours at most, and puts the reason into their grants.
    ///
    /// # Errors
    /// [`UploadError::Issue`] for more than four hours; [`UploadError::Ended`].
    pub fn extend(&mut self, longest: Lifetime, why: Justification, now: Timestamp) -> Result<(), UploadError> {
        self.still_good(now)?;
        if longest > Transfer::LONGEST {
            let why = "a token of an upload lives four hours at most: it can be renewed";
            return Err(crate::error::IssueError::Invalid { what: "lifetime", why }.into());
        }
        self.longest = longest.max(self.longest);
        self.template.grant.justification = Some(why);
        Ok(())
    }

    pub(super) fn still_good(&self, now: Timestamp) -> Result<(), UploadError> {
        if now > self.ends_at() { Err(UploadError::Ended { at: self.ends_at() }) } else { Ok(()) }
    }

    pub(super) const fn not_now(&self, asked: &'static str) -> UploadError {
        UploadError::NotNow { state: self.state.words(), asked }
    }

    fn transfer(&self, bytes: u64) -> Transfer {
        Transfer::new(bytes, self.pace).service_maximum(self.longest)
    }

    fn room(&self, bytes: u64, numbers: u32) -> Room {
        Room {
            protocol: self.template.protocol,
            bytes,
            numbers,
            fits: self.transfer(0).largest_part(),
            plain: self.transfer(0).classified(self.template.grant.classification).largest_part(),
            largest: self.largest,
        }
    }

    pub(super) fn new_progress(&self) -> Result<Progress, UploadError> {
        let room = self.room(self.bytes(), self.protocol().most_parts());
        Ok(match self.protocol() {
            Protocol::GcsResumable => {
                Progress::Chunks(Chunks { received: 0, offered: 0, part: room.part()?, out: None })
            }
            _ => Progress::Parts(Parts::new(Plan::new(&room)?)),
        })
    }

    /// What is left of the session, at least a second of which must be.
    fn within_session(&self, lifetime: Lifetime, now: Timestamp) -> Result<Lifetime, UploadError> {
        let left = u32::try_from(self.ends_at().seconds_since(now)).unwrap_or_default();
        let left = Lifetime::from_seconds(left).map_err(|_| UploadError::Ended { at: self.ends_at() })?;
        Ok(lifetime.min(left))
    }

    /// For a request that takes no time to speak of.
    pub(super) fn quick(&self) -> Lifetime {
        Lifetime::from_seconds(QUICK).unwrap_or(Lifetime::DEFAULT).min(self.longest)
    }

    /// For one that changes something, and so must not outlive the session.
    pub(super) fn quick_within_session(&self, now: Timestamp) -> Result<Lifetime, UploadError> {
        self.within_session(self.quick(), now)
    }

    /// A session URI is no token: it ends when it is given up.
    pub(super) fn given_out(&mut self, step: &Step) {
        if step.grant().is_some() {
            self.tokens_end = self.tokens_end.max(step.ends_at());
        }
    }

    /// Tells the cloud to begin.
    ///
    /// # Errors
    /// [`UploadError::LookFirst`] if it was told before and S3 may have an upload that nobody knows the id of;
    /// [`UploadError::NotNow`]; [`UploadError::Ended`].
    pub fn start(&mut self, now: Timestamp) -> Result<WriteAhead<Step>, UploadError> {
        self.still_good(now)?;
        match (&self.state, self.protocol()) {
            // A session of Cloud Storage that nobody knows the URI of holds nothing, and is gone after a week.
            (State::Planned, _) | (State::Starting, Protocol::GcsResumable) => {}
            (State::Starting, _) => return Err(UploadError::LookFirst { what: "the start of the upload" }),
            _ => return Err(self.not_now("start")),
        }
        let grant = self.template.start(self.quick_within_session(now)?);
        let step = Step::with_grant(Task::Start, grant, now);
        self.given_out(&step);
        self.state = State::Starting;
        self.starts = self.starts.saturating_add(1);
        Ok(WriteAhead::new(step))
    }

    /// S3 has begun an upload with this id. Save the session before any part is sent.
    ///
    /// # Errors
    /// [`UploadError::Answer`] for what is no upload id; [`UploadError::NotNow`]; [`UploadError::Ended`].
    #[cfg(feature = "aws")]
    pub fn started(&mut self, upload_id: &str, now: Timestamp) -> Result<(), UploadError> {
        self.still_good(now)?;
        let (State::Starting, Protocol::S3Multipart) = (&self.state, self.protocol()) else {
            return Err(self.not_now("have an upload id"));
        };
        self.state = State::Uploading(Remote::Upload(checked_id(upload_id)?));
        Ok(())
    }

    /// Cloud Storage has begun a session. Save this one, with [`exposed`](Self::exposed) if nothing else keeps the URI.
    ///
    /// # Errors
    /// [`UploadError::NotNow`]; [`UploadError::Ended`].
    #[cfg(feature = "gcs")]
    pub fn started_resumable(&mut self, uri: &crate::gcs::ResumableSession, now: Timestamp) -> Result<(), UploadError> {
        self.still_good(now)?;
        let (State::Starting, Protocol::GcsResumable) = (&self.state, self.protocol()) else {
            return Err(self.not_now("have a session URI"));
        };
        self.state = State::Uploading(Remote::Session {
            uri: Some(Secret::new(uri.expose().into())),
            digest: crate::mac::Sha256::digest(uri.expose().as_bytes()),
            ends_at: uri.expires_at(),
        });
        Ok(())
    }

    /// The next parts, at most so many, for the client to send at the same time. Of a resumable upload it is one at a time, and
    /// its last chunk is what [`commit`](Self::commit) gives.
    ///
    /// Nothing is left to give out when the list is empty: everything is there, or on its way. A part whose token ended before
    /// it came is given out again, with a longer life or in smaller pieces.
    ///
    /// # Errors
    /// [`UploadError::DoesNotFit`] if the client is so slow that no part of allowed size fits in the life of a token: see
    /// [`extend`](Self::extend); [`UploadError::TooManyRefreshes`]; [`UploadError::SessionUri`] if it was not saved;
    /// [`UploadError::NotNow`]; [`UploadError::Ended`].
    pub fn parts(&mut self, most: usize, now: Timestamp) -> Result<WriteAhead<Vec<Step>>, UploadError> {
        self.still_good(now)?;
        self.within_session(self.longest, now)?;
        let State::Uploading(remote) = &self.state else { return Err(self.not_now("send parts")) };
        let remote = remote.clone();
        match self.progress {
            Progress::Chunks(chunks) => self.next_chunk(&remote, chunks, most, now),
            Progress::Parts(_) => self.next_parts(&remote, most, now),
        }
    }

    fn next_parts(
        &mut self,
        remote: &Remote,
        most: usize,
        now: Timestamp,
    ) -> Result<WriteAhead<Vec<Step>>, UploadError> {
        let mut steps = Vec::new();
        while steps.len() < most {
            let Some(number) = self.next_number(now) else { break };
            match self.fitting(number, now).and_then(|number| self.give_out(remote, number, now)) {
                Ok(step) => steps.push(step),
                Err(error) if steps.is_empty() => return Err(error),
                Err(_) => break,
            }
        }
        Ok(WriteAhead::new(steps))
    }

    fn next_number(&self, now: Timestamp) -> Option<u32> {
        match &self.progress {
            Progress::Parts(parts) => parts.next(now),
            Progress::Chunks(_) => None,
        }
    }

    /// A part that can be sent within the life of its token, at the place of this one: itself, or a smaller one.
    fn fitting(&mut self, number: u32, now: Timestamp) -> Result<u32, UploadError> {
        let longest = self.longest.seconds();
        let Progress::Parts(parts) = &self.progress else { return Err(UploadError::UnknownPart { number }) };
        let Some(range) = parts.plan.range(number) else { return Err(UploadError::UnknownPart { number }) };
        let bytes = range.end.saturating_sub(range.start);
        // A client that had all the time there is, and did not make it, gets half as much to send.
        let was_slow = parts.out.get(&number).is_some_and(|ticket| ticket.lifetime >= longest);
        let fits = self.transfer(0).largest_part();
        let half = (bytes / 2).max(self.protocol().least_part());
        if bytes <= fits && !(was_slow && half < bytes) {
            return Ok(number);
        }
        let can_cut = parts.can_cut(number, now);
        let left = self.bytes().saturating_sub(range.start);
        let room = self.room(left, self.protocol().most_parts().saturating_sub(parts.highest));
        let cut = match (was_slow, can_cut) {
            (_, false) => Err(UploadError::DoesNotFit { least: bytes, fits }),
            (false, true) => room.part(),
            (true, true) => Room { fits: fits.min(half), ..room }.part(),
        };
        match cut {
            Ok(part) => {
                let Progress::Parts(parts) = &mut self.progress else {
                    return Err(UploadError::UnknownPart { number });
                };
                let first = parts.highest.saturating_add(1);
                parts.cut(number, part);
                Ok(first)
            }
            // It may only have slept.
            Err(_) if bytes <= fits => Ok(number),
            Err(error) => Err(error),
        }
    }

    /// Puts a token for a part on the books.
    fn give_out(&mut self, remote: &Remote, number: u32, now: Timestamp) -> Result<Step, UploadError> {
        let unknown = UploadError::UnknownPart { number };
        let Progress::Parts(parts) = &self.progress else { return Err(unknown) };
        let range = parts.plan.range(number).ok_or(unknown)?;
        let bytes = range.end.saturating_sub(range.start);
        let before = parts.out.get(&number).copied();
        let mut lifetime = self.transfer(bytes).lifetime(None)?;
        let mut renewed = 0;
        if let Some(ticket) = before {
            // One that is renewed in its time took longer than was reckoned.
            let was_slow = now >= ticket.issued_at.saturating_add(refresh_after(ticket.lifetime));
            let longer = ticket.lifetime.saturating_mul(if was_slow { 2 } else { 1 });
            lifetime = lifetime.max(Lifetime::from_seconds(longer).unwrap_or(lifetime).min(self.longest));
            renewed = ticket.renewed.saturating_add(1);
            let limit = SESSION.div_ceil(lifetime.seconds()).saturating_add(SPARE_RENEWALS);
            if renewed > limit {
                return Err(UploadError::TooManyRefreshes { number, limit });
            }
        }
        let lifetime = self.within_session(lifetime, now)?;
        let grant = self.template.part(remote.upload_id(), number, bytes, lifetime);
        let mut step = Step::with_grant(Task::Part { number, bytes: range }, grant, now);
        if self.protocol() == Protocol::AzureBlocks {
            step = step.query("comp", "block").query("blockid", &self.template.block_id(number));
        }
        self.given_out(&step);
        if let Progress::Parts(parts) = &mut self.progress {
            let ticket = Ticket { issued_at: now, lifetime: lifetime.seconds(), renewed };
            parts.out.insert(number, ticket);
            parts.highest = parts.highest.max(number);
            parts.looked_at = false;
        }
        Ok(step)
    }

    fn next_chunk(
        &mut self,
        remote: &Remote,
        chunks: Chunks,
        most: usize,
        now: Timestamp,
    ) -> Result<WriteAhead<Vec<Step>>, UploadError> {
        let left = self.bytes().saturating_sub(chunks.received);
        let part = self.room(left, u32::MAX).part().unwrap_or(chunks.part).min(chunks.part);
        if most == 0 || left <= part {
            return Ok(WriteAhead::new(Vec::new()));
        }
        let bytes = chunks.received..chunks.received.saturating_add(part);
        let step = self.chunk(remote, bytes.clone(), now, false)?;
        self.progress =
            Progress::Chunks(Chunks { offered: chunks.offered.max(bytes.end), part, out: Some(now), ..chunks });
        Ok(WriteAhead::new([step].into()))
    }

    /// The request that sends these bytes of a resumable upload.
    pub(super) fn chunk(
        &self,
        remote: &Remote,
        bytes: core::ops::Range<u64>,
        now: Timestamp,
        is_last: bool,
    ) -> Result<Step, UploadError> {
        let task = if is_last {
            Task::Commit { bytes: bytes.clone() }
        } else {
            Task::Part { number: 1, bytes: bytes.clone() }
        };
        let step = self.at_session(remote, task, now)?;
        let total = self.bytes();
        let range = match bytes.end.checked_sub(1) {
            Some(last) if !bytes.is_empty() => alloc::format!("bytes {}-{last}/{total}", bytes.start),
            _ => alloc::format!("bytes */{total}"),
        };
        Ok(step.header("content-range", &range))
    }

    /// A request to the session URI.
    pub(super) fn at_session(&self, remote: &Remote, task: Task, now: Timestamp) -> Result<Step, UploadError> {
        let Remote::Session { uri, ends_at, .. } = remote else {
            return Err(UploadError::SessionUri { problem: "is not one that this protocol has" });
        };
        let uri = uri.clone().ok_or(UploadError::SessionUri { problem: "was not saved with the session: add it" })?;
        if now > *ends_at {
            return Err(UploadError::SessionUri { problem: "is over" });
        }
        Ok(Step::with_uri(task, uri, (*ends_at).min(self.ends_at())))
    }

    /// A new token for a part whose old one is over, or is at [`Step::refresh_at`]. It allows what the old one did, for a longer
    /// time where the client turned out to be slow.
    ///
    /// # Errors
    /// [`UploadError::UnknownPart`] for a part that was not given out or is there; [`UploadError::TooManyRefreshes`];
    /// [`UploadError::Issue`] with [`NeedsParts`](crate::error::IssueError::NeedsParts) if it cannot be sent within the life of a
    /// token any more: see [`extend`](Self::extend), or let it run out and ask for [`parts`](Self::parts);
    /// [`UploadError::NotNow`]; [`UploadError::Ended`].
    pub fn refresh(&mut self, number: u32, now: Timestamp) -> Result<WriteAhead<Step>, UploadError> {
        self.still_good(now)?;
        let State::Uploading(remote) = &self.state else { return Err(self.not_now("renew a token")) };
        let is_out = matches!(&self.progress, Progress::Parts(parts) if parts.out.contains_key(&number));
        if !is_out {
            return Err(UploadError::UnknownPart { number });
        }
        let remote = remote.clone();
        self.give_out(&remote, number, now).map(WriteAhead::new)
    }

    /// The client says that it sent a part: its number, its size, and its `ETag` on S3, in quotes or not. Save the session, then
    /// answer the client.
    ///
    /// A client may say the same twice. What it says of a part that it did not send comes out when the object is made: S3
    /// compares tags and size, and the blocks of Azure have to be looked at first.
    ///
    /// # Errors
    /// [`UploadError::UnknownPart`] for a part that was not given out; [`UploadError::PartSize`]; [`UploadError::OtherTag`] for a
    /// second tag, after which [`look`](Self::look) shows which one is right; [`UploadError::Tag`]; [`UploadError::NotNow`];
    /// [`UploadError::Ended`].
    pub fn acknowledge(
        &mut self,
        number: u32,
        bytes: u64,
        etag: Option<&str>,
        now: Timestamp,
    ) -> Result<WriteAhead<()>, UploadError> {
        self.still_good(now)?;
        let (State::Uploading(_), Progress::Parts(parts)) = (&self.state, &mut self.progress) else {
            return Err(self.not_now("receive parts"));
        };
        let expected = parts.bytes(number).filter(|_| number <= parts.highest);
        let expected = expected.ok_or(UploadError::UnknownPart { number })?;
        if bytes != expected {
            return Err(UploadError::PartSize { number, found: bytes, expected });
        }
        let tag = Tag::parse(self.template.protocol, number, etag)?;
        if parts.has(number) {
            let is_same = parts.tag(number).unwrap_or(&Tag::None) == &tag;
            return if is_same { Ok(WriteAhead::new(())) } else { Err(UploadError::OtherTag { number }) };
        }
        let issued_at = parts.out.get(&number).map(|ticket| ticket.issued_at);
        parts.put(number, tag);
        if let Some(issued_at) = issued_at {
            self.measure(bytes, issued_at, now);
        }
        Ok(WriteAhead::new(()))
    }

    /// The client says how much Cloud Storage has received, from the `Range` header of its answer 308: one more than the last
    /// byte that it names, and nothing without it. Save the session, then answer the client.
    ///
    /// # Errors
    /// [`UploadError::Received`] for less than was said before, or more than was given out; [`UploadError::NotNow`];
    /// [`UploadError::Ended`].
    pub fn received_up_to(&mut self, bytes: u64, now: Timestamp) -> Result<WriteAhead<()>, UploadError> {
        self.still_good(now)?;
        let (State::Uploading(_), Progress::Chunks(chunks)) = (&self.state, &mut self.progress) else {
            return Err(self.not_now("receive chunks"));
        };
        let (least, most) = (chunks.received, chunks.offered);
        if !(least..=most).contains(&bytes) {
            return Err(UploadError::Received { found: bytes, least, most });
        }
        chunks.received = bytes;
        if let Some(issued_at) = chunks.out.take() {
            self.measure(bytes.saturating_sub(least), issued_at, now);
        }
        Ok(WriteAhead::new(()))
    }

    /// Takes a part into account for how fast the client is: a quarter of the new pace.
    fn measure(&mut self, bytes: u64, issued_at: Timestamp, now: Timestamp) {
        if bytes == 0 {
            return;
        }
        let took = u64::try_from(now.seconds_since(issued_at)).unwrap_or_default().max(1);
        let measured = (bytes / took).clamp(1, self.speed);
        let pace = (u128::from(self.pace) * 3 + u128::from(measured)) / 4;
        self.pace = u64::try_from(pace).unwrap_or(self.speed).max(1);
    }

    /// Gives back the session URI to a session that was saved without it.
    ///
    /// # Errors
    /// [`UploadError::SessionUri`] for another one than it had; [`UploadError::NotNow`] for a session that has none.
    #[cfg(feature = "gcs")]
    pub fn with_session_uri(mut self, given: &str) -> Result<Self, UploadError> {
        let refused = self.not_now("have a session URI");
        let (State::Uploading(remote) | State::Committing(remote, _) | State::CleaningUp(Some(remote))) =
            &mut self.state
        else {
            return Err(refused);
        };
        match remote {
            Remote::Session { uri, digest, .. } if *digest == crate::mac::Sha256::digest(given.as_bytes()) => {
                *uri = Some(Secret::new(given.into()));
                Ok(self)
            }
            Remote::Session { .. } => Err(UploadError::SessionUri { problem: "is another one than it was" }),
            _ => Err(refused),
        }
    }
}

/// An upload id that a URL can carry.
pub(super) fn checked_id(upload_id: &str) -> Result<String, UploadError> {
    if (1..=1024).contains(&upload_id.len()) && !upload_id.chars().any(char::is_control) {
        return Ok(upload_id.into());
    }
    Err(UploadError::Answer { why: "an upload id has 1 to 1024 bytes without control characters" })
}

impl fmt::Debug for UploadSession {
    /// What identifies the upload at its cloud is not shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UploadSession")
            .field("id", &self.id())
            .field("container", &self.container())
            .field("name", &self.name())
            .field("state", &self.state.words())
            .field("received", &self.received())
            .field("bytes", &self.bytes())
            .field("ends_at", &self.ends_at())
            .finish_non_exhaustive()
    }
}
