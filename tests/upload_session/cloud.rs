//! Clouds in memory: what they keep of uploads, and what they answer. Bytes are ranges of the file that is uploaded.
//!
//! Every request that needs a token is verified by this crate before it does anything.

use std::collections::BTreeMap;
use std::ops::Range;
use valet_key::clock::Timestamp;
use valet_key::error::VerifyError;
use valet_key::upload::{MARK, Protocol};
use valet_key::view::RequestView;
use valet_key::{aws, azure, gcs};

pub(crate) const CONTAINER: &str = "videos";
pub(crate) const NAME: &str = "42/film.mp4";
pub(crate) const ACCOUNT: &str = "myaccount";
const STEP: u64 = 256 << 10;

type Bytes = Range<u64>;

/// A request as it arrives.
#[derive(Clone, Debug, Default)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) url: String,
    pub(crate) headers: Vec<(String, Vec<u8>)>,
    pub(crate) body: Bytes,
    /// The parts of a commit, by number and tag, or by block id.
    pub(crate) listed: Vec<(String, String)>,
    /// How much of a chunk arrives, in steps of 256 KiB; all of it if nothing is said.
    pub(crate) cut_off: Option<u64>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// An upload id, a session URI, an `ETag`.
    Yes(String),
    Uploads(Vec<String>),
    Parts(Vec<(String, u64, String)>),
    Received(u64),
    Finished,
    Object {
        bytes: u64,
        mark: Option<String>,
        etag: String,
    },
    /// The upload, or the object, is not here.
    NotHere,
    Refused(String),
}

#[derive(Clone, Debug)]
pub(crate) struct Object {
    pub(crate) content: Vec<Bytes>,
    pub(crate) mark: Option<String>,
    etag: String,
}

impl Object {
    fn bytes(&self) -> u64 {
        self.content.iter().map(|bytes| bytes.end - bytes.start).sum()
    }
}

#[derive(Default)]
struct Multipart {
    mark: Option<String>,
    parts: BTreeMap<u16, (Bytes, String)>,
}

#[derive(Default)]
struct Resumable {
    mark: Option<String>,
    received: u64,
    total: u64,
    is_finished: bool,
}

/// One of the three, with one name in it.
pub(crate) struct Cloud {
    protocol: Protocol,
    uploads: BTreeMap<String, Multipart>,
    sessions: BTreeMap<String, Resumable>,
    blocks: BTreeMap<String, Bytes>,
    pub(crate) object: Option<Object>,
    /// How often an object was made of an upload.
    pub(crate) commits: u32,
    /// Verified tokens for parts, each for one part and no more.
    pub(crate) narrow: u32,
    /// Requests that were refused for their token, by code.
    pub(crate) refused: BTreeMap<&'static str, u32>,
    counter: u32,
}

impl Cloud {
    pub(crate) fn new(protocol: Protocol) -> Self {
        Self {
            protocol,
            uploads: BTreeMap::new(),
            sessions: BTreeMap::new(),
            blocks: BTreeMap::new(),
            object: None,
            commits: 0,
            narrow: 0,
            refused: BTreeMap::new(),
            counter: 0,
        }
    }

    fn fresh(&mut self, what: &str) -> String {
        self.counter += 1;
        format!("{what}-{:032x}", self.counter)
    }

    /// Whether nothing of any upload is left, and no object that one has made.
    pub(crate) fn is_clean(&self, mark: &str) -> bool {
        let is_open = |session: &Resumable| !session.is_finished && session.received > 0;
        self.uploads.is_empty()
            && !self.sessions.values().any(is_open)
            && self.blocks.is_empty()
            && self.object.as_ref().is_none_or(|object| object.mark.as_deref() != Some(mark))
    }

    pub(crate) fn request(&mut self, request: &Request, now: Timestamp) -> Answer {
        let answer = match self.protocol {
            Protocol::S3Multipart => self.s3(request, now),
            Protocol::GcsResumable => self.gcs(request, now),
            _ => self.azure(request, now),
        };
        answer.unwrap_or_else(|error| {
            *self.refused.entry(error.code()).or_default() += 1;
            Answer::Refused(error.to_string())
        })
    }

    fn s3(&mut self, sent: &Request, now: Timestamp) -> Result<Answer, VerifyError> {
        use aws::Operation as O;
        let endpoint = aws::Endpoint::aws(aws::Region::new("eu-west-1").unwrap());
        let ring = aws::KeyRing::new().with(aws_key());
        let (host, target) = split(&sent.url);
        let lines = lines(sent, host);
        let view = RequestView::new(&sent.method, target, &lines);
        let verified = aws::Verifier::new(ring, aws::Expect::new("eu-west-1", "s3")).verify(&view, now)?;
        let asked = verified.s3_request(&endpoint)?;
        assert_eq!(asked.bucket(), Some(CONTAINER));
        if let Some(key) = asked.key() {
            assert_eq!(key, NAME);
        }
        let text = |name: &str| verified.header(name).next().map(|value| String::from_utf8(value.to_vec()).unwrap());
        let id = asked.upload_id().unwrap_or_default().to_owned();
        Ok(match asked.operation() {
            O::CreateMultipartUpload => {
                let id = self.fresh("upload");
                let upload = Multipart { mark: text(&format!("x-amz-meta-{MARK}")), ..Multipart::default() };
                self.uploads.insert(id.clone(), upload);
                Answer::Yes(id)
            }
            O::UploadPart => {
                // The token is for one part of one upload, and of one size.
                let size: u64 = text("content-length").unwrap().parse().unwrap();
                assert_eq!(size, sent.body.end - sent.body.start);
                let number = asked.part_number().unwrap();
                self.narrow += 1;
                let tag = self.fresh("")[1..].to_owned();
                let Some(upload) = self.uploads.get_mut(&id) else { return Ok(Answer::NotHere) };
                // The same bytes get the same tag.
                let tag = match upload.parts.get(&number) {
                    Some((bytes, tag)) if *bytes == sent.body => tag.clone(),
                    _ => tag,
                };
                upload.parts.insert(number, (sent.body.clone(), tag.clone()));
                Answer::Yes(format!("\"{tag}\""))
            }
            O::ListParts => match self.uploads.get(&id) {
                None => Answer::NotHere,
                Some(upload) => {
                    let part = |(number, (bytes, tag)): (&u16, &(Bytes, String))| {
                        (number.to_string(), bytes.end - bytes.start, format!("\"{tag}\""))
                    };
                    Answer::Parts(upload.parts.iter().map(part).collect())
                }
            },
            O::ListMultipartUploads => Answer::Uploads(self.uploads.keys().cloned().collect()),
            O::AbortMultipartUpload => match self.uploads.remove(&id) {
                Some(_) => Answer::Yes(String::new()),
                None => Answer::NotHere,
            },
            O::CompleteMultipartUpload => {
                let Some(upload) = self.uploads.get(&id) else { return Ok(Answer::NotHere) };
                let mut content = Vec::new();
                for (index, (number, tag)) in sent.listed.iter().enumerate() {
                    let part = number.parse().ok().and_then(|number: u16| upload.parts.get(&number));
                    let Some((bytes, known)) = part else { return Ok(Answer::Refused("InvalidPart".into())) };
                    if known != tag {
                        return Ok(Answer::Refused("InvalidPart".into()));
                    }
                    if bytes.end - bytes.start < 5 << 20 && index + 1 < sent.listed.len() {
                        return Ok(Answer::Refused("EntityTooSmall".into()));
                    }
                    content.push(bytes.clone());
                }
                let mark = upload.mark.clone();
                let object = Object { content, mark, etag: self.fresh("object") };
                if text("x-amz-mp-object-size").unwrap() != object.bytes().to_string() {
                    return Ok(Answer::Refused("InvalidRequest".into()));
                }
                self.uploads.remove(&id);
                self.make(object)
            }
            O::HeadObject => self.head(),
            O::DeleteObject => self.delete(sent),
            other => panic!("{other:?}"),
        })
    }

    fn make(&mut self, object: Object) -> Answer {
        self.object = Some(object);
        self.commits += 1;
        Answer::Yes(String::new())
    }

    fn head(&self) -> Answer {
        self.object.as_ref().map_or(Answer::NotHere, |object| Answer::Object {
            bytes: object.bytes(),
            mark: object.mark.clone(),
            etag: object.etag.clone(),
        })
    }

    fn delete(&mut self, sent: &Request) -> Answer {
        let wanted = sent.headers.iter().find(|(name, _)| name == "if-match").expect("a conditional delete");
        match &self.object {
            None => Answer::NotHere,
            Some(object) if object.etag.as_bytes() == wanted.1 => {
                self.object = None;
                Answer::Yes(String::new())
            }
            Some(_) => Answer::Refused("PreconditionFailed".into()),
        }
    }

    fn gcs(&mut self, sent: &Request, now: Timestamp) -> Result<Answer, VerifyError> {
        let (host, target) = split(&sent.url);
        if let Some((_, uri)) = target.split_once("upload_id=") {
            return Ok(self.session(uri, sent));
        }
        let lines = lines(sent, host);
        let view = RequestView::new(&sent.method, target, &lines);
        let ring = gcs::KeyRing::new().with(gcs_key());
        let verified = gcs::Verifier::new(ring, gcs::Expect::new()).verify(&view, now)?;
        assert_eq!(verified.decoded_path()?, format!("/{CONTAINER}/{NAME}"));
        Ok(match verified.method() {
            "POST" => {
                assert!(verified.starts_resumable());
                let total = *verified.size().unwrap().end();
                let mark = verified.header(&format!("x-goog-meta-{MARK}")).next().unwrap();
                let mark = Some(String::from_utf8(mark.to_vec()).unwrap());
                let id = self.fresh("session");
                self.sessions.insert(id.clone(), Resumable { mark, total, ..Resumable::default() });
                self.narrow += 1;
                Answer::Yes(format!("https://storage.googleapis.com/{CONTAINER}/{NAME}?upload_id={id}"))
            }
            "HEAD" => self.head(),
            "DELETE" => self.delete(sent),
            other => panic!("{other}"),
        })
    }

    fn session(&mut self, id: &str, sent: &Request) -> Answer {
        let Some(session) = self.sessions.get_mut(id) else { return Answer::NotHere };
        if sent.method == "DELETE" {
            if session.is_finished {
                return Answer::NotHere;
            }
            self.sessions.remove(id);
            return Answer::Yes(String::new());
        }
        if session.is_finished {
            return Answer::Finished;
        }
        let range = sent.headers.iter().find(|(name, _)| name == "content-range").unwrap();
        let range = String::from_utf8(range.1.clone()).unwrap();
        let (bytes, total) = range.strip_prefix("bytes ").unwrap().split_once('/').unwrap();
        assert_eq!(total.parse(), Ok(session.total));
        if bytes != "*" {
            let (first, last) = bytes.split_once('-').unwrap();
            let (first, last): (u64, u64) = (first.parse().unwrap(), last.parse().unwrap());
            assert_eq!(sent.body, first..last + 1);
            assert!(last + 1 == session.total || (last + 1 - first).is_multiple_of(STEP));
            if first > session.received {
                return Answer::Refused("503".into());
            }
            let arrived = sent.cut_off.map_or(last + 1, |steps| (first + steps * STEP).min(last + 1));
            session.received = session.received.max(arrived);
        }
        if session.received < session.total || (bytes == "*" && session.total > 0) {
            return Answer::Received(session.received);
        }
        session.is_finished = true;
        let (total, mark) = (session.total, session.mark.clone());
        let object = Object { content: std::iter::once(0..total).collect(), mark, etag: self.fresh("object") };
        self.make(object);
        Answer::Finished
    }

    fn azure(&mut self, sent: &Request, now: Timestamp) -> Result<Answer, VerifyError> {
        let (host, target) = split(&sent.url);
        let lines = lines(sent, host);
        let view = RequestView::new(&sent.method, target, &lines).over_https();
        let mut ring = azure::KeyRing::new();
        ring.insert(azure_key()).unwrap();
        let expect = azure::Expect::new(ACCOUNT, azure::Service::Blob).unwrap();
        let verified = azure::Verifier::new(ring, expect).verify(&view, now)?;
        assert_eq!((verified.container()?, verified.name()?), (CONTAINER.to_owned(), NAME.to_owned()));
        let mark = sent.headers.iter().find(|(name, _)| name == &format!("x-ms-meta-{MARK}"));
        let mark = mark.map(|(_, value)| String::from_utf8(value.clone()).unwrap());
        let size = sent.body.end - sent.body.start;
        Ok(match (verified.method(), verified.operation()) {
            ("PUT", "block") => {
                assert_eq!(verified.permissions(), "cw");
                let (_, id) = target.split_once("blockid=").unwrap();
                let id = id.split('&').next().unwrap().replace("%2B", "+").replace("%2F", "/").replace("%3D", "=");
                assert!(self.blocks.keys().all(|other| other.len() == id.len()) && size > 0);
                self.narrow += 1;
                self.blocks.insert(id, sent.body.clone());
                Answer::Yes(String::new())
            }
            ("GET", "blocklist") => {
                let block = |(id, bytes): (&String, &Bytes)| (id.clone(), bytes.end - bytes.start, String::new());
                Answer::Parts(self.blocks.iter().map(block).collect())
            }
            ("PUT", "blocklist") => {
                let mut content = Vec::new();
                for (id, kind) in &sent.listed {
                    assert_eq!(kind, "Uncommitted");
                    let Some(bytes) = self.blocks.get(id) else {
                        return Ok(Answer::Refused("InvalidBlockList".into()));
                    };
                    content.push(bytes.clone());
                }
                self.blocks.clear();
                let object = Object { content, mark, etag: self.fresh("object") };
                self.make(object)
            }
            ("PUT", "") => {
                if self.object.is_some() {
                    return Ok(Answer::Refused("BlobAlreadyExists".into()));
                }
                assert!(verified.must_not_overwrite() && size == 0);
                self.blocks.clear();
                self.object = Some(Object { content: Vec::new(), mark, etag: self.fresh("object") });
                Answer::Yes(String::new())
            }
            ("GET" | "HEAD", "") => self.head(),
            ("DELETE", "") => self.delete(sent),
            other => panic!("{other:?}"),
        })
    }
}

pub(crate) fn aws_key() -> aws::StaticKey {
    aws::StaticKey::new("AKIAIOSFODNN7EXAMPLE", "secret").unwrap()
}

pub(crate) fn gcs_key() -> gcs::HmacKey {
    gcs::HmacKey::new("GOOG1EXAMPLE", "secret").unwrap()
}

pub(crate) fn azure_key() -> azure::AccountKey {
    azure::AccountKey::new(ACCOUNT, "c2VjcmV0").unwrap()
}

/// Host and target of a URL.
pub(crate) fn split(url: &str) -> (&str, &str) {
    let rest = url.strip_prefix("https://").unwrap();
    rest.split_at(rest.find('/').unwrap())
}

fn lines<'a>(sent: &'a Request, host: &'a str) -> Vec<(&'a str, &'a [u8])> {
    let mut lines: Vec<(&str, &[u8])> = vec![("host", host.as_bytes())];
    lines.extend(sent.headers.iter().map(|(name, value)| (name.as_str(), value.as_slice())));
    lines
}
