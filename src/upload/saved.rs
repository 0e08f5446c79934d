//! A session in a database: plain fields, a version, and every rule checked again when it is read.

use super::{
    Protocol, UploadSession,
    grants::Template,
    parts::{MOST_OUT, Parts, Tag, Ticket},
    plan::{Plan, STEP, Stretch},
    session::{Chunks, Progress, Remote, SESSION, State, checked_id},
};
use crate::{
    clock::Timestamp,
    grant::{Grant, Lifetime},
    lifetime::Transfer,
    secret::Secret,
};
use alloc::{
    collections::BTreeMap,
    string::{String, ToString},
    vec::Vec,
};
use core::fmt;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// The form that is written, and the only one that is read.
const VERSION: u32 = 1;

/// A session as it is saved together with its session URI, which whoever reads it can finish or give up the upload with.
///
/// It is read as an [`UploadSession`], as the other form is.
///
/// ```
/// use valet_key::gcs::ResumableSession;
/// use valet_key::upload::{Protocol, Upload, UploadError, UploadSession};
/// use valet_key::{clock::Timestamp, grant::Grant};
///
/// let now = Timestamp::from_unix(1_700_000_000)?;
/// let film = Grant::upload("videos", "42/film.mp4").content_type("video/mp4").exact_size(20 << 20);
/// let mut session = Upload::new(Protocol::GcsResumable, film, "3f2c9a7e51d04b88", "user 42").begin(now)?;
/// session.start(now)?.once_saved();
/// let uri = "https://storage.googleapis.com/videos/42/film.mp4?upload_id=ABPtcPo";
/// session.started_resumable(&ResumableSession::from_location(uri, now)?, now)?;
///
/// // As it is, without the secret, which is kept elsewhere.
/// let saved = serde_json::to_string(&session)?;
/// assert!(!saved.contains("ABPtcPo"));
/// let mut session: UploadSession = serde_json::from_str(&saved)?;
/// assert!(matches!(session.parts(1, now), Err(UploadError::SessionUri { .. })));
/// session = session.with_session_uri(uri)?;
/// assert!(session.parts(1, now).is_ok());
///
/// // Or with it, in a place that may hold it.
/// let saved = serde_json::to_string(&session.exposed())?;
/// let mut session: UploadSession = serde_json::from_str(&saved)?;
/// assert!(session.parts(1, now).is_ok());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Exposed<'a>(&'a UploadSession);

impl fmt::Debug for Exposed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Exposed").field(self.0).finish()
    }
}

impl UploadSession {
    /// The session to be saved together with its session URI. Only Cloud Storage has one.
    #[must_use]
    pub const fn exposed(&self) -> Exposed<'_> {
        Exposed(self)
    }
}

impl Serialize for Exposed<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Saved::of(self.0, true).serialize(serializer)
    }
}

/// Without the session URI: see [`UploadSession::exposed`].
impl Serialize for UploadSession {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Saved::of(self, false).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for UploadSession {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Saved::deserialize(deserializer)?.read().map_err(de::Error::custom)
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Saved {
    version: u32,
    protocol: SavedProtocol,
    id: String,
    owner: String,
    /// Of the object as a whole.
    grant: Grant,
    begun_at: i64,
    speed: u64,
    pace: u64,
    largest_part: u64,
    longest: u32,
    state: SavedState,
    progress: SavedProgress,
    starts: u32,
    commits: u32,
    tokens_end: i64,
    given_up: bool,
}

#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum SavedProtocol {
    S3Multipart,
    GcsResumable,
    AzureBlocks,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum SavedState {
    Planned,
    Starting,
    Uploading(SavedRemote),
    Committing { remote: SavedRemote, gone: bool },
    Committed,
    CleaningUp(Option<SavedRemote>),
    Over,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum SavedRemote {
    UploadId(String),
    Session {
        /// Only if it was saved on purpose.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        secret_uri: Option<String>,
        sha256: String,
        ends_at: i64,
    },
    Blocks,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
enum SavedProgress {
    Parts {
        /// First number, first byte, byte behind the last, size of a part.
        plan: Vec<(u32, u64, u64, u64)>,
        /// Parts that are there, as runs: first number, how many.
        there: Vec<(u32, u32)>,
        /// Their tags in order, if they have any.
        tags: Vec<String>,
        /// Tokens that are out: number, when it was issued, for how many seconds, how often renewed.
        out: Vec<(u32, i64, u32, u32)>,
        highest: u32,
        looked_at: bool,
    },
    Chunks {
        received: u64,
        offered: u64,
        part: u64,
        out: Option<i64>,
    },
}

impl Saved {
    fn of(session: &UploadSession, with_secret: bool) -> Self {
        let template = &session.template;
        Self {
            version: VERSION,
            protocol: match template.protocol {
                Protocol::S3Multipart => SavedProtocol::S3Multipart,
                Protocol::GcsResumable => SavedProtocol::GcsResumable,
                Protocol::AzureBlocks => SavedProtocol::AzureBlocks,
            },
            id: template.id.clone(),
            owner: session.owner.clone(),
            grant: template.grant.clone(),
            begun_at: session.begun_at.unix(),
            speed: session.speed,
            pace: session.pace,
            largest_part: session.largest,
            longest: session.longest.seconds(),
            state: match &session.state {
                State::Planned => SavedState::Planned,
                State::Starting => SavedState::Starting,
                State::Uploading(remote) => SavedState::Uploading(SavedRemote::of(remote, with_secret)),
                State::Committing(remote, gone) => {
                    SavedState::Committing { remote: SavedRemote::of(remote, with_secret), gone: *gone }
                }
                State::Committed => SavedState::Committed,
                State::CleaningUp(remote) => {
                    SavedState::CleaningUp(remote.as_ref().map(|remote| SavedRemote::of(remote, with_secret)))
                }
                State::Over => SavedState::Over,
            },
            progress: SavedProgress::of(&session.progress),
            starts: session.starts,
            commits: session.commits,
            tokens_end: session.tokens_end.unix(),
            given_up: session.is_given_up,
        }
    }

    /// The session, if everything in it is as a session leaves it.
    fn read(self) -> Result<UploadSession, String> {
        if self.version != VERSION {
            return Err(alloc::format!("version {} of an upload session, and only {VERSION} is read", self.version));
        }
        let protocol = match self.protocol {
            SavedProtocol::S3Multipart => Protocol::S3Multipart,
            SavedProtocol::GcsResumable => Protocol::GcsResumable,
            SavedProtocol::AzureBlocks => Protocol::AzureBlocks,
        };
        let template = Template::new(protocol, self.grant, self.id).map_err(|error| error.to_string())?;
        let time = |seconds| Timestamp::from_unix(seconds).map_err(|error| error.to_string());
        let begun_at = time(self.begun_at)?;
        let longest = Lifetime::from_seconds(self.longest).map_err(|error| error.to_string())?;
        let is_allowed = longest == template.grant.lifetime || template.grant.justification.is_some();
        if longest > Transfer::LONGEST || longest < template.grant.lifetime || !is_allowed {
            return Err("a token of the session may not live so long".into());
        }
        let is_owner = (1..=256).contains(&self.owner.len()) && !self.owner.chars().any(char::is_control);
        if !is_owner || self.pace == 0 || self.pace > self.speed {
            return Err("the owner or the speed of the session is none".into());
        }
        let tokens_end = time(self.tokens_end)?;
        let remote = |remote: SavedRemote| remote.read(protocol);
        let state = match self.state {
            SavedState::Planned if protocol == Protocol::AzureBlocks => return Err("blocks are not started".into()),
            SavedState::Planned => State::Planned,
            SavedState::Starting if protocol == Protocol::AzureBlocks || self.starts == 0 => {
                return Err("an upload that was never started is starting".into());
            }
            SavedState::Starting => State::Starting,
            SavedState::Uploading(saved) => State::Uploading(remote(saved)?),
            SavedState::Committing { remote: saved, gone } => State::Committing(remote(saved)?, gone),
            SavedState::Committed => State::Committed,
            SavedState::CleaningUp(saved) => State::CleaningUp(saved.map(remote).transpose()?),
            SavedState::Over => State::Over,
        };
        let is_committing = matches!(state, State::Committing(..)) && protocol == Protocol::S3Multipart;
        if is_committing && self.commits == 0 {
            return Err("an upload that was never committed is being committed".into());
        }
        if matches!(state, State::CleaningUp(_) | State::Over) && !self.given_up {
            return Err("an upload that was not given up is being cleaned up".into());
        }
        if self.given_up && matches!(state, State::Planned | State::Starting | State::Uploading(_)) {
            return Err("an upload that was given up goes on".into());
        }
        let progress = self.progress.read(protocol, template.bytes)?;
        let is_whole = match &progress {
            Progress::Parts(parts) => parts.missing().is_none(),
            Progress::Chunks(_) => true,
        };
        let was_all = self.commits > 0 || self.given_up || protocol != Protocol::S3Multipart;
        if matches!(state, State::Committing(..)) && !(is_whole || was_all) {
            return Err("parts are missing of an upload that is being committed".into());
        }
        let ends_at = begun_at.saturating_add(SESSION);
        if tokens_end < begun_at || tokens_end > ends_at {
            return Err("a token outlives the session".into());
        }
        Ok(UploadSession {
            template,
            owner: self.owner,
            begun_at,
            speed: self.speed,
            pace: self.pace,
            largest: self.largest_part,
            longest,
            state,
            progress,
            starts: self.starts,
            commits: self.commits,
            tokens_end,
            is_given_up: self.given_up,
        })
    }
}

impl SavedRemote {
    fn of(remote: &Remote, with_secret: bool) -> Self {
        match remote {
            Remote::Upload(id) => Self::UploadId(id.clone()),
            Remote::Session { uri, digest, ends_at } => Self::Session {
                secret_uri: uri.as_ref().filter(|_| with_secret).map(|uri| uri.expose().clone()),
                sha256: hex::encode(digest),
                ends_at: ends_at.unix(),
            },
            Remote::Blocks => Self::Blocks,
        }
    }

    fn read(self, protocol: Protocol) -> Result<Remote, String> {
        match (self, protocol) {
            (Self::UploadId(id), Protocol::S3Multipart) => {
                checked_id(&id).map(Remote::Upload).map_err(|error| error.to_string())
            }
            (Self::Session { secret_uri, sha256, ends_at }, Protocol::GcsResumable) => {
                let digest = crate::encode::from_hex_lower(sha256.as_bytes()).ok_or("no digest of a session URI")?;
                let uri = secret_uri.map(Secret::new);
                if uri.as_ref().is_some_and(|uri| crate::mac::Sha256::digest(uri.expose().as_bytes()) != digest) {
                    return Err("the session URI is another one than it was".into());
                }
                let ends_at = Timestamp::from_unix(ends_at).map_err(|error| error.to_string())?;
                Ok(Remote::Session { uri, digest, ends_at })
            }
            (Self::Blocks, Protocol::AzureBlocks) => Ok(Remote::Blocks),
            _ => Err("the upload is of another protocol".into()),
        }
    }
}

impl SavedProgress {
    fn of(progress: &Progress) -> Self {
        match progress {
            Progress::Parts(parts) => {
                let mut there: Vec<(u32, u32)> = Vec::new();
                for number in parts.there() {
                    match there.last_mut() {
                        Some((first, count)) if first.saturating_add(*count) == number => {
                            *count = count.saturating_add(1);
                        }
                        _ => there.push((number, 1)),
                    }
                }
                let tags = parts.there().filter_map(|number| parts.tag(number)).map(Tag::text);
                Self::Parts {
                    plan: parts.plan.stretches().iter().map(Stretch::as_saved).collect(),
                    there,
                    tags: tags.collect(),
                    out: parts
                        .out
                        .iter()
                        .map(|(number, ticket)| (*number, ticket.issued_at.unix(), ticket.lifetime, ticket.renewed))
                        .collect(),
                    highest: parts.highest,
                    looked_at: parts.looked_at,
                }
            }
            Progress::Chunks(chunks) => Self::Chunks {
                received: chunks.received,
                offered: chunks.offered,
                part: chunks.part,
                out: chunks.out.map(Timestamp::unix),
            },
        }
    }

    fn read(self, protocol: Protocol, bytes: u64) -> Result<Progress, String> {
        match (self, protocol) {
            (Self::Chunks { received, offered, part, out }, Protocol::GcsResumable) => {
                let is_chunk = part >= STEP && part.is_multiple_of(STEP);
                if received > offered || offered > bytes || !is_chunk {
                    return Err("more was received than there is".into());
                }
                let out = out.map(Timestamp::from_unix).transpose().map_err(|error| error.to_string())?;
                Ok(Progress::Chunks(Chunks { received, offered, part, out }))
            }
            (
                Self::Parts { plan, there, tags, out, highest, looked_at },
                Protocol::S3Multipart | Protocol::AzureBlocks,
            ) => {
                let stretches = plan.into_iter().map(Stretch::from_saved).collect();
                let plan = Plan::restored(protocol, bytes, stretches).ok_or("the parts are no plan of the object")?;
                if out.len() > MOST_OUT {
                    return Err("too many tokens are out".into());
                }
                let mut tags = tags.into_iter();
                let mut parts = Parts::new(plan);
                let mut behind = 0;
                for (first, count) in there {
                    let end = first.checked_add(count).ok_or("a part has no such number")?;
                    if first <= behind || count == 0 || end > protocol.most_parts().saturating_add(1) {
                        return Err("the parts that are there are not in order".into());
                    }
                    for number in first..end {
                        if parts.plan.range(number).is_none() {
                            return Err("a part is there that is none of the object".into());
                        }
                        let tag = if protocol == Protocol::S3Multipart { tags.next() } else { None };
                        parts.put(
                            number,
                            Tag::parse(protocol, number, tag.as_deref()).map_err(|error| error.to_string())?,
                        );
                    }
                    behind = end.saturating_sub(1);
                }
                if tags.next().is_some() || highest < parts.highest || highest > protocol.most_parts() {
                    return Err("the parts that are there have other tags or numbers".into());
                }
                parts.highest = highest;
                parts.out = Self::tickets(&parts, out)?;
                parts.looked_at = looked_at;
                Ok(Progress::Parts(parts))
            }
            _ => Err("the progress is of another protocol".into()),
        }
    }

    fn tickets(parts: &Parts, out: Vec<(u32, i64, u32, u32)>) -> Result<BTreeMap<u32, Ticket>, String> {
        let mut tickets = BTreeMap::new();
        for (number, issued_at, lifetime, renewed) in out {
            let issued_at = Timestamp::from_unix(issued_at).map_err(|error| error.to_string())?;
            let is_out = parts.plan.range(number).is_some() && !parts.has(number) && number <= parts.highest;
            let lives = (1..=Transfer::LONGEST.seconds()).contains(&lifetime);
            if !is_out || !lives || tickets.insert(number, Ticket { issued_at, lifetime, renewed }).is_some() {
                return Err("a token is out that cannot be".into());
            }
        }
        Ok(tickets)
    }
}

impl Stretch {
    const fn as_saved(&self) -> (u32, u64, u64, u64) {
        (self.first, self.start, self.end, self.part)
    }

    const fn from_saved((first, start, end, part): (u32, u64, u64, u64)) -> Self {
        Self { first, start, end, part }
    }
}
