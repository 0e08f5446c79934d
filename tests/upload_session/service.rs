//! A service that keeps one session in a database of one row, its client, and everything that can go wrong between them and
//! the cloud.

use crate::cloud::{Answer, CONTAINER, Cloud, NAME, Request, aws_key, azure_key, gcs_key};
use std::collections::BTreeMap;
use std::ops::Range;
use valet_key::aws::SigV4;
use valet_key::azure::Sas;
use valet_key::clock::Timestamp;
use valet_key::gcs::GoogV4;
use valet_key::grant::{Grant, Lifetime};
use valet_key::upload::{Next, Protocol, Seen, SeenPart, Step, Task, Upload, UploadError, UploadSession};
use valet_key::{aws, azure, gcs};

pub(crate) const ID: &str = "3f2c9a7e51d04b88";
const START: i64 = 1_700_000_000;

/// What goes wrong this time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    None,
    /// The service dies before it has saved.
    BeforeSaving,
    /// It dies after it has saved, and before it does what it saved.
    AfterSaving,
    /// The request is done, and its answer gets lost.
    LostAnswer,
}

impl Fault {
    pub(crate) fn of(byte: u8) -> Self {
        match byte % 8 {
            0 => Self::BeforeSaving,
            1 => Self::AfterSaving,
            2 => Self::LostAnswer,
            _ => Self::None,
        }
    }
}

/// What the client has to send.
#[derive(Clone, Debug)]
struct Errand {
    number: u32,
    bytes: Range<u64>,
    request: Request,
    /// What came back, if that was not lost.
    tag: Option<String>,
}

pub(crate) struct World {
    pub(crate) cloud: Cloud,
    row: String,
    session: UploadSession,
    errands: BTreeMap<u64, Errand>,
    /// Bytes of parts that the client was told are safe.
    safe: Vec<Range<u64>>,
    pub(crate) now: Timestamp,
    pub(crate) crashes: u32,
    /// How often looking showed that the object is there.
    pub(crate) found_committed: u32,
}

fn save(session: &UploadSession) -> String {
    serde_json::to_string(&session.exposed()).unwrap()
}

impl World {
    pub(crate) fn new(protocol: Protocol, bytes: u64, speed: u64) -> Self {
        let now = Timestamp::from_unix(START).unwrap();
        let grant = Grant::upload(CONTAINER, NAME).any_content_type().exact_size(bytes);
        let grant = grant.lives(Lifetime::DEFAULT);
        let upload = Upload::new(protocol, grant, ID, "user 42").speed(speed);
        let session = upload.begin(now).unwrap();
        Self {
            cloud: Cloud::new(protocol),
            row: save(&session),
            session,
            errands: BTreeMap::new(),
            safe: Vec::new(),
            now,
            crashes: 0,
            found_committed: 0,
        }
    }

    pub(crate) fn session(&self) -> &UploadSession {
        &self.session
    }

    pub(crate) fn row(&self) -> &str {
        &self.row
    }

    pub(crate) fn pass(&mut self, seconds: u32) {
        self.now = self.now.saturating_add(seconds);
    }

    fn save(&mut self) {
        self.row = save(&self.session);
    }

    /// The service is started again, with what its database has.
    fn crash(&mut self) {
        self.crashes += 1;
        self.session = serde_json::from_str(&self.row).unwrap();
        assert_eq!(save(&self.session), self.row, "what is read is what was saved");
    }

    /// Saves, or dies around it. Whether the service lives.
    fn saved(&mut self, fault: Fault) -> bool {
        if fault != Fault::BeforeSaving {
            self.save();
        }
        if matches!(fault, Fault::BeforeSaving | Fault::AfterSaving) {
            self.crash();
            return false;
        }
        true
    }

    fn token(&self, step: &Step) -> Request {
        let now = self.now;
        let url = match (step.session_uri(), self.session.protocol()) {
            (Some(uri), _) => {
                let method = if *step.task() == Task::Cancel { "DELETE" } else { "PUT" };
                return Request {
                    method: method.into(),
                    url: uri.into(),
                    headers: headers(step),
                    ..Request::default()
                };
            }
            (None, Protocol::S3Multipart) => {
                let endpoint = aws::Endpoint::aws(aws::Region::new("eu-west-1").unwrap());
                aws_key().presign(&step.s3(&endpoint).unwrap(), now).unwrap()
            }
            (None, Protocol::GcsResumable) => {
                gcs_key().signed_url(&step.gcs(&gcs::Endpoint::google()).unwrap(), now).unwrap()
            }
            (None, _) => azure_key().issue(&step.azure(&azure::Endpoint::azure()).unwrap(), now).unwrap(),
        };
        assert!(url.expires_at() <= step.ends_at());
        let mut text = url.expose().to_owned();
        for (name, value) in step.params() {
            let value = value.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
            text.extend(["&", *name, "=", value.as_str()]);
        }
        let mut headers = headers(step);
        headers.extend(url.required_headers().iter().cloned());
        Request { method: url.method().into(), url: text, headers, ..Request::default() }
    }

    fn ask(&mut self, step: &Step) -> Answer {
        let request = self.token(step);
        self.cloud.request(&request, self.now)
    }

    /// Does one thing that the session says is next. Whether there was any.
    pub(crate) fn serve(&mut self, fault: Fault, wants: usize) -> bool {
        match self.session.next(self.now) {
            Next::Start => self.start(fault),
            Next::Send => self.send(fault, wants),
            Next::Commit => self.commit(fault),
            Next::Look => self.look(fault),
            Next::GiveUp => self.give_up(fault),
            Next::CleanUp => self.clean_up(fault),
            Next::Nothing => return false,
            other => panic!("{other:?}"),
        }
        true
    }

    fn start(&mut self, fault: Fault) {
        let step = self.session.start(self.now).unwrap();
        if !self.saved(fault) {
            return;
        }
        let answer = self.ask(&step.once_saved());
        if fault == Fault::LostAnswer {
            return self.crash();
        }
        let Answer::Yes(id) = answer else { panic!("{answer:?}") };
        if self.session.protocol() == Protocol::S3Multipart {
            self.session.started(&id, self.now).unwrap();
        } else {
            let uri = gcs::ResumableSession::from_location(&id, self.now).unwrap();
            self.session.started_resumable(&uri, self.now).unwrap();
        }
        self.save();
    }

    fn send(&mut self, fault: Fault, wants: usize) {
        let steps = match self.session.parts(wants, self.now) {
            Ok(steps) => steps,
            Err(UploadError::DoesNotFit { .. } | UploadError::Ended { .. } | UploadError::TooManyRefreshes { .. }) => {
                return self.pass(24 * 3600);
            }
            Err(other) => panic!("{other}"),
        };
        if !self.saved(fault) {
            return;
        }
        for step in steps.once_saved() {
            let Task::Part { number, bytes } = step.task().clone() else { panic!("{step:?}") };
            assert!(step.ends_at() <= self.session.ends_at());
            for safe in &self.safe {
                assert!(safe.end <= bytes.start || bytes.end <= safe.start, "what is there is asked for again");
            }
            let mut request = self.token(&step);
            request.body = bytes.clone();
            if self.session.protocol() == Protocol::S3Multipart {
                assert!(request.url.contains(&format!("partNumber={number}&uploadId=")));
            }
            // The list may get lost on its way to the client.
            if fault != Fault::LostAnswer {
                self.errands.insert(bytes.start, Errand { number, bytes, request, tag: None });
            }
        }
    }

    /// The client does one of its errands: sends the bytes, or tells the service what it got for them.
    pub(crate) fn client(&mut self, which: usize, fault: Fault, cut_off: Option<u64>, takes: u32) {
        if self.errands.is_empty() {
            return;
        }
        let at = *self.errands.keys().nth(which % self.errands.len()).unwrap();
        let mut errand = self.errands.remove(&at).unwrap();
        errand.request.cut_off = cut_off;
        if errand.tag.is_none() {
            let begun = self.now;
            self.pass(takes);
            match self.cloud.request(&errand.request, begun) {
                Answer::Yes(tag) => errand.tag = Some(tag),
                Answer::Received(bytes) => errand.tag = Some(bytes.to_string()),
                Answer::Finished => errand.tag = Some(errand.bytes.end.to_string()),
                // The token is over, or the upload is: the service is asked again.
                Answer::Refused(_) | Answer::NotHere => return,
                other => panic!("{other:?}"),
            }
            if fault == Fault::LostAnswer {
                errand.tag = None;
            }
            self.errands.insert(at, errand);
            return;
        }
        self.tell(&errand, fault);
        // What the client is not told is safe, it tells again.
        if fault != Fault::None && self.cloud.commits == 0 {
            self.errands.insert(at, errand);
        }
    }

    /// A client that has a session URI sends all the rest, without being told to.
    pub(crate) fn finish_alone(&mut self) {
        let Some(errand) = self.errands.values().find(|errand| errand.request.url.contains("upload_id=")) else {
            return;
        };
        let total = self.session.bytes();
        let first = errand.bytes.start;
        let range = format!("bytes {first}-{}/{total}", total - 1);
        let headers = vec![("content-range".to_owned(), range.into_bytes())];
        let request = Request { headers, body: first..total, ..errand.request.clone() };
        self.cloud.request(&request, self.now);
    }

    fn tell(&mut self, errand: &Errand, fault: Fault) {
        let tag = errand.tag.clone().unwrap();
        let bytes = errand.bytes.end - errand.bytes.start;
        let said = match self.session.protocol() {
            Protocol::GcsResumable => self.session.received_up_to(tag.parse().unwrap(), self.now),
            Protocol::S3Multipart => self.session.acknowledge(errand.number, bytes, Some(&tag), self.now),
            _ => self.session.acknowledge(errand.number, bytes, None, self.now),
        };
        match said {
            Ok(then) => {
                if self.saved(fault) {
                    then.once_saved();
                    if self.session.protocol() != Protocol::GcsResumable {
                        self.safe.push(errand.bytes.clone());
                    }
                }
            }
            // Late: the part was cut anew, the upload goes another way, or more was received since.
            Err(
                UploadError::UnknownPart { .. }
                | UploadError::PartSize { .. }
                | UploadError::NotNow { .. }
                | UploadError::Ended { .. }
                | UploadError::Received { .. },
            ) => {}
            Err(other) => panic!("{other}"),
        }
    }

    fn commit(&mut self, fault: Fault) {
        let step = match self.session.commit(self.now) {
            Ok(step) => step,
            Err(UploadError::Ended { .. }) => return,
            Err(other) => panic!("{other}"),
        };
        if !self.saved(fault) {
            return;
        }
        let step = step.once_saved();
        let Task::Commit { bytes } = step.task().clone() else { panic!("{step:?}") };
        let mut request = self.token(&step);
        request.body = bytes;
        request.listed = listed(&self.session.commit_body().unwrap_or_default());
        let answer = self.cloud.request(&request, self.now);
        if fault == Fault::LostAnswer {
            return self.crash();
        }
        match answer {
            Answer::Yes(_) | Answer::Finished => {
                self.session.committed().unwrap();
                self.save();
            }
            // What it is about, looking will show.
            Answer::Received(_) | Answer::NotHere | Answer::Refused(_) => {}
            other => panic!("{other:?}"),
        }
    }

    fn look(&mut self, fault: Fault) {
        let step = self.session.look(self.now).unwrap();
        let answer = self.ask(&step);
        if fault == Fault::LostAnswer {
            return self.crash();
        }
        let mut ids = Vec::new();
        let mut parts = Vec::new();
        let is_object = *step.task() == Task::LookAtObject;
        let seen = match &answer {
            Answer::Uploads(found) => {
                ids.extend(found.iter().map(String::as_str));
                Seen::Uploads(&ids)
            }
            Answer::Parts(found) => {
                let etag = |tag| if self.session.protocol() == Protocol::S3Multipart { Some(tag) } else { None };
                let part = |(name, bytes, tag): &'_ (String, u64, String)| (name.clone(), *bytes, tag.clone());
                let owned: Vec<_> = found.iter().map(part).collect();
                parts.extend(owned);
                let listed: Vec<SeenPart<'_>> = parts
                    .iter()
                    .map(|(name, bytes, tag)| SeenPart { name, bytes: *bytes, etag: etag(tag.as_str()) })
                    .collect();
                self.session.seen(&Seen::Parts(&listed)).unwrap();
                self.saved(fault);
                return;
            }
            Answer::Received(bytes) => Seen::Received(*bytes),
            Answer::Finished => Seen::Finished,
            Answer::NotHere if is_object => Seen::NoObject,
            Answer::NotHere => Seen::Gone,
            Answer::Object { bytes, mark, .. } => Seen::Object { bytes: *bytes, mark: mark.as_deref() },
            other => panic!("{other:?}"),
        };
        self.session.seen(&seen).unwrap();
        self.found_committed += u32::from(self.session.is_committed());
        self.saved(fault);
    }

    pub(crate) fn give_up(&mut self, fault: Fault) {
        let next = self.session.give_up().unwrap();
        if self.saved(fault) {
            assert_eq!(next.once_saved(), self.session.next(self.now));
        }
    }

    fn clean_up(&mut self, fault: Fault) {
        let mut etag = None;
        for step in self.session.clean_up(self.now).unwrap() {
            match step.task() {
                Task::DeleteOwn => {
                    let Some(etag) = etag.take() else { continue };
                    let mut request = self.token(&step);
                    request.headers.push(("if-match".into(), String::into_bytes(etag)));
                    self.cloud.request(&request, self.now);
                }
                Task::LookAtObject => {
                    if let Answer::Object { mark: Some(mark), etag: found, .. } = self.ask(&step) {
                        etag = (mark == ID).then_some(found);
                    }
                }
                Task::Sweep => {
                    let Answer::Uploads(ids) = self.ask(&step) else { panic!("no list of uploads") };
                    for id in ids {
                        let endpoint = aws::Endpoint::aws(aws::Region::new("eu-west-1").unwrap());
                        let request = aws::UrlRequest::at(&endpoint, &self.session.abort(&id).unwrap()).unwrap();
                        let url = aws_key().presign(&request, self.now).unwrap();
                        let (method, url) = (url.method().into(), url.expose().into());
                        self.cloud.request(&Request { method, url, ..Request::default() }, self.now);
                    }
                }
                _ => {
                    self.ask(&step);
                }
            }
            if fault == Fault::LostAnswer {
                return self.crash();
            }
        }
        match self.session.cleaned(self.now) {
            Ok(()) => {
                self.saved(fault);
            }
            Err(UploadError::TokensOut { until }) => self.now = until.saturating_add(1),
            Err(other) => panic!("{other}"),
        }
    }

    /// Everything goes well from here.
    pub(crate) fn settle(&mut self) {
        for _ in 0..500 {
            let had_errands = !self.errands.is_empty();
            for _ in 0..4 {
                self.client(0, Fault::None, None, 1);
            }
            if !self.serve(Fault::None, 4) {
                return;
            }
            if !had_errands && self.errands.is_empty() && self.session.next(self.now) == Next::Send {
                // Tokens that got lost have to end.
                self.pass(450);
            }
        }
        panic!("the upload does not come to an end: {:?}", self.session);
    }
}

fn headers(step: &Step) -> Vec<(String, Vec<u8>)> {
    step.headers().iter().map(|(name, value)| ((*name).to_owned(), value.clone().into_bytes())).collect()
}

/// Number and tag, or id and kind, of each part in the body of a commit.
fn listed(xml: &str) -> Vec<(String, String)> {
    let between = |text: &str, from: &str, to: &str| {
        text.split_once(from).and_then(|(_, rest)| rest.split_once(to)).map(|(value, _)| value.to_owned())
    };
    let parts = xml.split("<Part>").skip(1).map(|part| {
        let number = between(part, "<PartNumber>", "</PartNumber>").unwrap();
        (number, between(part, "<ETag>\"", "\"</ETag>").unwrap())
    });
    let blocks = xml.split("<Uncommitted>").skip(1).map(|block| {
        let (id, _) = block.split_once("</Uncommitted>").unwrap();
        (id.to_owned(), "Uncommitted".to_owned())
    });
    parts.chain(blocks).collect()
}
