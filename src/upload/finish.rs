//! How an upload ends: the object is made once, what is in doubt is looked at, and what is left is removed.

use super::{
    Protocol, Step, Task, UploadError, UploadSession, WriteAhead,
    grants::AZURE_MARK,
    parts::Tag,
    session::{Progress, Remote, State, checked_id},
};
use crate::{clock::Timestamp, encode, grant::Grant};
use alloc::{
    collections::BTreeMap,
    string::{String, ToString},
    vec::Vec,
};

/// How a session goes on. It is what a service asks of a session that it found in its database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Next {
    /// [`UploadSession::start`].
    Start,
    /// [`UploadSession::parts`], for the client.
    Send,
    /// [`UploadSession::commit`], when the client says that it is done.
    Commit,
    /// [`UploadSession::look`], and then [`UploadSession::seen`].
    Look,
    /// [`UploadSession::give_up`]: its 24 hours are over.
    GiveUp,
    /// [`UploadSession::clean_up`], and then [`UploadSession::cleaned`].
    CleanUp,
    /// Nothing: the object is there, or nothing is.
    Nothing,
}

/// A part, or an uncommitted block, as the cloud lists it.
#[derive(Clone, Copy, Debug)]
pub struct SeenPart<'a> {
    /// The part number of S3 in digits, or the id of a block as it is listed.
    pub name: &'a str,
    /// Its size in bytes.
    pub bytes: u64,
    /// Its `ETag` on S3; a block has none.
    pub etag: Option<&'a str>,
}

/// What somebody saw at the cloud, who asked with the [`Step`] of [`UploadSession::look`].
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Seen<'a> {
    /// The ids of the uploads under way of exactly this name. There may be none.
    Uploads(&'a [&'a str]),
    /// All parts of the upload, or all uncommitted blocks of the blob, from all pages of the list. There may be none.
    Parts(&'a [SeenPart<'a>]),
    /// So many bytes were received: 308 of Cloud Storage.
    Received(u64),
    /// The resumable upload has made its object: 200 or 201 of Cloud Storage.
    Finished,
    /// There is no such upload: `NoSuchUpload` of S3, 404, 410 or 499 of Cloud Storage, `BlobNotFound` of Azure.
    Gone,
    /// There is an object of this name.
    Object {
        /// Its size in bytes.
        bytes: u64,
        /// Its [mark](super::MARK), if it has one.
        mark: Option<&'a str>,
    },
    /// There is no object of this name.
    NoObject,
}

impl UploadSession {
    /// Tells the cloud to make the object, when the client says that it is done and everything is there. The body of the
    /// request is [`commit_body`](Self::commit_body); on Cloud Storage it is the last chunk.
    ///
    /// What is known to be there is what the client said. S3 compares that itself, by the tags and the size. Azure does not, so
    /// its blocks have to be [looked](Self::look) at first.
    ///
    /// # Errors
    /// [`UploadError::Incomplete`]; [`UploadError::LookFirst`] if the cloud was told before, or for the blocks of Azure;
    /// [`UploadError::NotNow`]; [`UploadError::Ended`].
    pub fn commit(&mut self, now: Timestamp) -> Result<WriteAhead<Step>, UploadError> {
        self.still_good(now)?;
        let remote = match &self.state {
            State::Uploading(remote) => remote.clone(),
            State::Committing(..) => return Err(UploadError::LookFirst { what: "the commit" }),
            _ => return Err(self.not_now("be committed")),
        };
        let step = match &self.progress {
            Progress::Chunks(chunks) => {
                let left = self.bytes().saturating_sub(chunks.received);
                if left > chunks.part {
                    return Err(UploadError::Incomplete { number: 1, missing: left });
                }
                self.chunk(&remote, chunks.received..self.bytes(), now, true)?
            }
            Progress::Parts(parts) => {
                if let Some((number, missing)) = parts.missing() {
                    return Err(UploadError::Incomplete { number, missing });
                }
                if self.protocol() == Protocol::AzureBlocks && !parts.looked_at {
                    return Err(UploadError::LookFirst { what: "the blocks, whose sizes nothing else compares" });
                }
                let grant = self.template.commit(remote.upload_id(), self.quick_within_session(now)?);
                let step = Step::with_grant(Task::Commit { bytes: self.bytes()..self.bytes() }, grant, now);
                if self.protocol() == Protocol::AzureBlocks {
                    step.query("comp", "blocklist").header(AZURE_MARK, self.id())
                } else {
                    step
                }
            }
        };
        self.given_out(&step);
        self.commits = self.commits.saturating_add(1);
        self.state = State::Committing(remote, false);
        Ok(WriteAhead::new(step))
    }

    /// The body of the request that makes the object, in XML: the parts with their tags, or the blocks. A resumable upload has
    /// none, and neither has one whose parts are not all there.
    ///
    /// The blocks are asked for as `Uncommitted`, so that Azure makes no second object of blocks that it made one of.
    #[must_use]
    pub fn commit_body(&self) -> Option<String> {
        let Progress::Parts(parts) = &self.progress else { return None };
        if parts.missing().is_some() {
            return None;
        }
        let mut xml = String::new();
        if self.protocol() == Protocol::S3Multipart {
            xml.push_str("<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">");
            for number in parts.there() {
                let tag = parts.tag(number).map(Tag::text).unwrap_or_default();
                xml.extend(["<Part><PartNumber>", &number.to_string(), "</PartNumber><ETag>\""]);
                encode::push_xml(&mut xml, tag.chars());
                xml.push_str("\"</ETag></Part>");
            }
            xml.push_str("</CompleteMultipartUpload>");
        } else {
            xml.push_str("<?xml version=\"1.0\" encoding=\"utf-8\"?><BlockList>");
            for number in parts.there() {
                xml.extend(["<Uncommitted>", &self.template.block_id(number), "</Uncommitted>"]);
            }
            xml.push_str("</BlockList>");
        }
        Some(xml)
    }

    /// The cloud has said that the object is there, in answer to the commit. On S3, read the body of the answer: one with status
    /// 200 can still say that it failed.
    ///
    /// # Errors
    /// [`UploadError::NotNow`].
    pub fn committed(&mut self) -> Result<(), UploadError> {
        let State::Committing(..) = self.state else { return Err(self.not_now("have been committed")) };
        self.state = State::Committed;
        Ok(())
    }

    /// How the session goes on.
    #[must_use]
    pub fn next(&self, now: Timestamp) -> Next {
        let is_over = now > self.ends_at();
        match (&self.state, &self.progress) {
            (State::Committed, _) if self.may_have_strays() => Next::CleanUp,
            (State::Committed | State::Over, _) => Next::Nothing,
            (State::CleaningUp(_), _) => Next::CleanUp,
            (State::Committing(..), _) => Next::Look,
            _ if is_over => Next::GiveUp,
            (State::Planned, _) => Next::Start,
            (State::Starting, _) if self.protocol() == Protocol::GcsResumable => Next::Start,
            (State::Starting, _) => Next::Look,
            (State::Uploading(_), Progress::Chunks(chunks)) => {
                if self.bytes().saturating_sub(chunks.received) <= chunks.part { Next::Commit } else { Next::Send }
            }
            (State::Uploading(_), Progress::Parts(parts)) => match parts.missing() {
                Some(_) => Next::Send,
                None if self.protocol() == Protocol::AzureBlocks && !parts.looked_at => Next::Look,
                None => Next::Commit,
            },
        }
    }

    /// The request that finds out how things are. It changes nothing, there or here, and may be made at any time, after the end
    /// of the session too.
    ///
    /// # Errors
    /// [`UploadError::NotNow`] if nothing can be found out; [`UploadError::SessionUri`] if it was not saved.
    pub fn look(&self, now: Timestamp) -> Result<Step, UploadError> {
        let quick = self.quick();
        let with = |task, grant| Step::with_grant(task, grant, now);
        let remote = match &self.state {
            State::Starting if self.protocol() == Protocol::S3Multipart => {
                return Ok(with(Task::LookForUploads, self.template.look_for_uploads(quick)));
            }
            State::Committing(_, true) => {
                let step = with(Task::LookAtObject, self.template.look_at_object(quick));
                return Ok(step);
            }
            State::Uploading(remote) | State::Committing(remote, false) => remote,
            _ => return Err(self.not_now("look at anything")),
        };
        if let Remote::Session { .. } = remote {
            let step = self.at_session(remote, Task::LookAtParts, now)?;
            return Ok(step.header("content-range", &alloc::format!("bytes */{}", self.bytes())));
        }
        let step = with(Task::LookAtParts, self.template.look_at_parts(remote.upload_id(), quick));
        let is_azure = self.protocol() == Protocol::AzureBlocks;
        Ok(if is_azure { step.query("comp", "blocklist").query("blocklisttype", "uncommitted") } else { step })
    }

    /// What was seen. It is believed over everything that the client said, so it must not come from the client.
    ///
    /// Save the session then. [`next`](Self::next) says how it goes on.
    ///
    /// # Errors
    /// [`UploadError::Answer`] for no answer to what [`look`](Self::look) asks, and for one that contradicts itself;
    /// [`UploadError::ObjectSize`] for an object of this session that has another size, which only somebody with a token of it can
    /// have made: give it up; [`UploadError::NotNow`].
    pub fn seen(&mut self, seen: &Seen<'_>) -> Result<(), UploadError> {
        match (self.state.clone(), seen) {
            (State::Starting, Seen::Uploads(ids)) if self.protocol() == Protocol::S3Multipart => self.seen_uploads(ids),
            (State::Uploading(remote) | State::Committing(remote, false), seen) => self.seen_upload(remote, seen),
            (State::Committing(remote, true), seen) => self.seen_object(remote, seen),
            (State::Starting, _) => Err(UploadError::Answer { why: "uploads were looked for" }),
            _ => Err(self.not_now("see anything")),
        }
    }

    /// One of them is taken over, and the others are given up in the end.
    fn seen_uploads(&mut self, ids: &[&str]) -> Result<(), UploadError> {
        self.state = match ids.first() {
            Some(id) => State::Uploading(Remote::Upload(checked_id(id)?)),
            None => State::Planned,
        };
        if ids.len() > 1 {
            self.starts = self.starts.max(2);
        }
        Ok(())
    }

    fn seen_upload(&mut self, remote: Remote, seen: &Seen<'_>) -> Result<(), UploadError> {
        let was_committed = self.commits > 0;
        match (seen, self.protocol()) {
            (Seen::Parts(parts), Protocol::S3Multipart) => {
                self.seen_parts(parts)?;
                self.go_on(State::Uploading(remote));
            }
            (Seen::Parts(_) | Seen::Gone, Protocol::AzureBlocks) => {
                let blocks = if let Seen::Parts(blocks) = seen { *blocks } else { &[] };
                self.seen_parts(blocks)?;
                // Blocks disappear when they are committed, so that all of them are there or it has to be asked for the object.
                let is_all = !blocks.is_empty() && self.received() == self.bytes();
                if was_committed && !is_all {
                    self.state = State::Committing(remote, true);
                } else {
                    self.go_on(State::Uploading(remote));
                }
            }
            (Seen::Received(bytes), Protocol::GcsResumable) => {
                self.seen_received(*bytes)?;
                self.go_on(State::Uploading(remote));
            }
            (Seen::Finished, Protocol::GcsResumable) => self.state = State::Committed,
            (Seen::Gone, Protocol::S3Multipart | Protocol::GcsResumable) => {
                // Whoever has the session URI of Cloud Storage can make the object without being told to.
                if was_committed || self.protocol() == Protocol::GcsResumable {
                    self.state = State::Committing(remote, true);
                } else {
                    self.lost()?;
                }
            }
            _ => return Err(UploadError::Answer { why: "the upload was looked at" }),
        }
        Ok(())
    }

    fn seen_object(&mut self, remote: Remote, seen: &Seen<'_>) -> Result<(), UploadError> {
        match seen {
            Seen::Object { bytes, mark: Some(mark) } if *mark == self.id() => {
                if *bytes == self.bytes() {
                    self.state = State::Committed;
                } else if self.is_given_up {
                    self.state = State::CleaningUp(Some(remote));
                } else {
                    return Err(UploadError::ObjectSize { found: *bytes, expected: self.bytes() });
                }
                Ok(())
            }
            // Somebody else's, which may have replaced ours.
            Seen::Object { .. } | Seen::NoObject => match remote {
                Remote::Blocks => {
                    self.go_on(State::Uploading(remote));
                    Ok(())
                }
                _ => self.lost(),
            },
            _ => Err(UploadError::Answer { why: "the object was looked at" }),
        }
    }

    /// The upload is there, and the object is not made.
    fn go_on(&mut self, state: State) {
        self.state = match state {
            State::Uploading(remote) if self.is_given_up => State::CleaningUp(Some(remote)),
            state => state,
        };
    }

    /// The upload is gone, and made no object: it begins anew.
    fn lost(&mut self) -> Result<(), UploadError> {
        if self.is_given_up {
            self.state = State::CleaningUp(None);
            return Ok(());
        }
        self.progress = self.new_progress()?;
        self.state = State::Planned;
        Ok(())
    }

    fn seen_parts(&mut self, seen: &[SeenPart<'_>]) -> Result<(), UploadError> {
        let protocol = self.protocol();
        let mut found = BTreeMap::new();
        for part in seen {
            let number = match protocol {
                Protocol::S3Multipart => {
                    Some(part.name.parse().map_err(|_| UploadError::Answer { why: "a part has a number" })?)
                }
                _ => self.template.block_number(part.name),
            };
            // What is not of this plan is not of this object.
            let Some(number) = number else { continue };
            let tag = Tag::parse(protocol, number, part.etag)?;
            if found.insert(number, (part.bytes, tag)).is_some() {
                return Err(UploadError::Answer { why: "a part is listed twice" });
            }
        }
        let Progress::Parts(parts) = &mut self.progress else {
            return Err(UploadError::Answer { why: "there are no parts" });
        };
        parts.forget();
        for (number, (bytes, tag)) in found {
            if parts.bytes(number) == Some(bytes) {
                parts.put(number, tag);
            }
        }
        parts.looked_at = true;
        Ok(())
    }

    fn seen_received(&mut self, bytes: u64) -> Result<(), UploadError> {
        let most = self.bytes();
        let Progress::Chunks(chunks) = &mut self.progress else {
            return Err(UploadError::Answer { why: "there are no chunks" });
        };
        if bytes > most {
            return Err(UploadError::Received { found: bytes, least: 0, most });
        }
        chunks.received = bytes;
        chunks.offered = chunks.offered.max(bytes);
        chunks.out = None;
        Ok(())
    }

    /// Gives the upload up: because its user does not want it any more, or because its 24 hours are over. Nothing that it was
    /// does come back. If it may have been committed, it has to be [looked](Self::look) at before it is cleaned up, and
    /// may turn out to be committed.
    ///
    /// # Errors
    /// [`UploadError::NotNow`] for one that is committed or given up.
    pub fn give_up(&mut self) -> Result<WriteAhead<Next>, UploadError> {
        let next = match &self.state {
            State::Planned if self.starts == 0 => {
                self.state = State::Over;
                Next::Nothing
            }
            State::Planned | State::Starting => {
                self.state = State::CleaningUp(None);
                Next::CleanUp
            }
            // The holder of a session URI may have sent the last chunk without being told to.
            State::Uploading(remote) if self.commits == 0 && !matches!(remote, Remote::Session { .. }) => {
                self.state = State::CleaningUp(Some(remote.clone()));
                Next::CleanUp
            }
            State::Uploading(_) | State::Committing(..) if !self.is_given_up => Next::Look,
            _ => return Err(self.not_now("be given up")),
        };
        self.is_given_up = true;
        if let (Next::Look, State::Uploading(remote)) = (next, &self.state) {
            self.state = State::Committing(remote.clone(), false);
        }
        Ok(WriteAhead::new(next))
    }

    /// Whether uploads can be left that nobody knows the id of.
    fn may_have_strays(&self) -> bool {
        self.protocol() == Protocol::S3Multipart && self.starts > 1
    }

    /// What has to be done so that nothing is left, in this order. Each of them may be done any number of times.
    ///
    /// As long as tokens of this session are out, what they allow can still happen: clean up at once, and again after
    /// [`tokens_end_at`](Self::tokens_end_at). When the session ended by itself, none are.
    ///
    /// # Errors
    /// [`UploadError::NotNow`] for a session that nothing has to be removed of; [`UploadError::SessionUri`] if it was not saved.
    pub fn clean_up(&self, now: Timestamp) -> Result<Vec<Step>, UploadError> {
        let quick = self.quick();
        let with = |task, grant| Step::with_grant(task, grant, now);
        let sweep = || with(Task::Sweep, self.template.look_for_uploads(quick));
        let remote = match &self.state {
            State::CleaningUp(remote) => remote.as_ref(),
            State::Committed if self.may_have_strays() => None,
            _ => return Err(self.not_now("be cleaned up")),
        };
        let mut steps = Vec::new();
        match (self.protocol(), remote) {
            (Protocol::S3Multipart, remote) => {
                if let Some(id) = remote.and_then(Remote::upload_id) {
                    steps.push(with(Task::Abort { upload_id: id.into() }, self.abort(id)?));
                }
                steps.push(sweep());
            }
            (Protocol::GcsResumable, Some(Remote::Session { uri, ends_at, .. })) => {
                let uri = uri.clone().ok_or(UploadError::SessionUri {
                    problem: "was not saved with the session: add it, or leave it to its end",
                })?;
                steps.push(Step::with_uri(Task::Cancel, uri, *ends_at));
            }
            // What nobody has the URI of holds nothing.
            (Protocol::GcsResumable, _) => {}
            (Protocol::AzureBlocks, _) => {
                let drop = with(Task::DropBlocks, self.template.drop_blocks(quick));
                steps.push(drop.header(AZURE_MARK, self.id()));
            }
        }
        let can_have_object = self.protocol() != Protocol::S3Multipart || self.commits > 0;
        if can_have_object && !self.is_committed() && remote.is_some() {
            steps.push(with(Task::LookAtObject, self.template.look_at_object(quick)));
            steps.push(with(Task::DeleteOwn, self.template.delete(quick)));
        }
        Ok(steps)
    }

    /// Leave to give up an upload of this name that a [sweep](Task::Sweep) found.
    ///
    /// # Errors
    /// [`UploadError::Answer`] for what is no upload id.
    pub fn abort(&self, upload_id: &str) -> Result<Grant, UploadError> {
        Ok(self.template.abort(&checked_id(upload_id)?, self.quick()))
    }

    /// Everything on the list of [`clean_up`](Self::clean_up) has been done, and what it should remove is gone.
    ///
    /// # Errors
    /// [`UploadError::TokensOut`] as long as a token is out, except for what was committed; [`UploadError::NotNow`].
    pub fn cleaned(&mut self, now: Timestamp) -> Result<(), UploadError> {
        match &self.state {
            State::Committed if self.may_have_strays() => {
                self.starts = 1;
                Ok(())
            }
            State::CleaningUp(_) if now <= self.tokens_end => Err(UploadError::TokensOut { until: self.tokens_end }),
            State::CleaningUp(_) => {
                self.state = State::Over;
                Ok(())
            }
            _ => Err(self.not_now("have been cleaned up")),
        }
    }

    /// Whether it was given up. It may turn out to be committed all the same.
    #[must_use]
    pub const fn is_given_up(&self) -> bool {
        self.is_given_up
    }

    /// Whether the object is there.
    #[must_use]
    pub const fn is_committed(&self) -> bool {
        matches!(self.state, State::Committed)
    }
}
