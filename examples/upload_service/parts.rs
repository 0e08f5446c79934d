//! Large files, in parts: the client sends each with a token of its own, and the upload server begins and finishes the
//! upload at the cloud.

use crate::{
    client::{self, Answer},
    cloud::Cloud,
    desk::{self, Caller, Failure, Place, random_id},
    rules::PLAIN_HTTP,
    upload_server::{Server, content_type, headers, text},
};
use axum::{Json, extract::State};
use serde_json::{Value, json};
use std::{collections::HashMap, sync::Arc};
use tokio::sync::Mutex;
use valet_key::{
    clock::{Clock, SystemClock},
    gcs::ResumableSession,
    grant::{Grant, Justification},
    issuer::{Issued, Lease},
    multi::{self, Token},
    token::BearerUrl,
    upload::{Next, Protocol, Step, Task, Upload, UploadSession},
};

/// Files of more bytes than this go in parts.
pub(crate) const WHOLE: u64 = 8 << 20;
/// The most uploads under way.
const MOST: usize = 1000;

/// The uploads under way. A real service keeps each in a row of a database and saves it before it does anything: the
/// session says when.
#[derive(Default)]
pub(crate) struct Sessions(Mutex<HashMap<String, Arc<Mutex<Running>>>>);

struct Running {
    session: UploadSession,
    place: usize,
    /// The part whose token is out, if it has one.
    lease: Option<(u32, Lease)>,
    parts: usize,
}

impl Sessions {
    async fn add(&self, running: Running) -> Result<Arc<Mutex<Running>>, Failure> {
        let mut all = self.0.lock().await;
        if all.len() >= MOST {
            return Err(Failure::Asked("too many uploads are under way"));
        }
        let id = running.session.id().to_owned();
        let running = Arc::new(Mutex::new(running));
        all.insert(id, running.clone());
        Ok(running)
    }

    async fn get(&self, asked: &Value) -> Result<Arc<Mutex<Running>>, Failure> {
        let all = self.0.lock().await;
        all.get(text(asked, "upload")).cloned().ok_or(Failure::NotFound("there is no such upload"))
    }
}

type Told = Result<Json<Value>, Failure>;

/// Begins an upload, and tells the client what to send first.
pub(crate) async fn begin(State(server): State<Arc<Server>>, caller: Caller, Json(asked): Json<Value>) -> Told {
    let at = server.desk.place(&asked)?;
    let place = &server.desk.places[at];
    let bucket = text(&asked, "bucket");
    let size = asked["size"].as_u64().filter(|size| *size > 0).ok_or(Failure::Asked("a file has at least one byte"))?;
    let key = server.new_key(&caller, text(&asked, "name"));
    let class = crate::rules::Rule::of(bucket).class_of(content_type(&asked));
    let whole = Grant::upload(bucket, key)
        .exact_size(size)
        .content_type(content_type(&asked))
        .classified(class)
        .lives(class.cap())
        .because(Justification::new(PLAIN_HTTP)?);
    place.must_permit(&server.desk, &caller, &whole)?;
    let whole = desk::given_up(place.cloud, whole)?;
    let upload = Upload::new(place.cloud.protocol(), whole, random_id(), caller.subject.user());
    let session = upload.begin(SystemClock.now())?;
    let running = server.sessions.add(Running { session, place: at, lease: None, parts: 0 }).await?;
    let mut running = running.lock().await;
    go_on(&server, &caller, &mut running).await
}

/// The client has sent something.
pub(crate) async fn sent(State(server): State<Arc<Server>>, caller: Caller, Json(asked): Json<Value>) -> Told {
    let running = server.sessions.get(&asked).await?;
    let mut running = running.lock().await;
    let (session, now) = (running.session.of(caller.subject.user())?, SystemClock.now());
    let number = asked["number"].as_u64().and_then(|number| u32::try_from(number).ok());
    match (session.protocol(), asked["received"].as_u64(), number) {
        // What a client says of the last chunk is looked at.
        (Protocol::GcsResumable, None, _) => {}
        (Protocol::GcsResumable, Some(bytes), _) => session.received_up_to(bytes, now)?.once_saved(),
        (_, _, Some(number)) => {
            let bytes = asked["bytes"].as_u64().unwrap_or_default();
            let etag = asked["etag"].as_str().filter(|_| session.protocol() == Protocol::S3Multipart);
            session.acknowledge(number, bytes, etag, now)?.once_saved();
        }
        (_, _, None) => return Err(Failure::Asked("a part has a number")),
    }
    go_on(&server, &caller, &mut running).await
}

/// The client needs a new token for the part that it is sending.
pub(crate) async fn renew(State(server): State<Arc<Server>>, caller: Caller, Json(asked): Json<Value>) -> Told {
    let running = server.sessions.get(&asked).await?;
    let mut running = running.lock().await;
    let running = &mut *running;
    let place = &server.desk.places[running.place];
    let session = running.session.of(caller.subject.user())?;
    let number = asked["number"].as_u64().and_then(|number| u32::try_from(number).ok()).unwrap_or_default();
    let step = session.refresh(number, SystemClock.now())?.once_saved();
    let grant = step.grant().ok_or(Failure::Asked("a session URI needs no new token"))?;
    let lease = running.lease.as_mut().filter(|(leased, _)| *leased == number);
    let (_, lease) = lease.ok_or(Failure::Asked("no token of that part is out"))?;
    // The session would give a slow client more time. A token that follows another here never lives longer.
    let grant = grant.clone().lives(grant.lifetime().min(lease.grant().lifetime()));
    let id = session.id().to_owned();
    let issued = place.parts.refresh(lease, &caller.ask(&grant).session(&id))?;
    Ok(Json(step_told(session, &step, Some(&issued))))
}

/// Does what is for the upload server to do, up to what is for the client.
async fn go_on(server: &Server, caller: &Caller, running: &mut Running) -> Told {
    let place = &server.desk.places[running.place];
    let Running { session, lease, parts, .. } = running;
    loop {
        let now = SystemClock.now();
        match session.next(now) {
            Next::Start => {
                let step = session.start(now)?.once_saved();
                let answer = perform(place, caller, session.id(), &step, String::new()).await?;
                let missing = || Failure::Cloud("an upload without an id".into());
                if place.cloud == Cloud::Gcs {
                    let location = answer.header("location").ok_or_else(missing)?;
                    let uri = ResumableSession::from_location(location, now).map_err(|_| missing())?;
                    session.started_resumable(&uri, now)?;
                } else {
                    session.started(&answer.element("UploadId").ok_or_else(missing)?, now)?;
                }
            }
            Next::Send => {
                let steps = session.parts(1, now)?.once_saved();
                let step = steps.first().ok_or(Failure::Asked("every part is on its way"))?;
                *parts += 1;
                return for_client(place, caller, session, lease, step);
            }
            Next::Commit => {
                let step = session.commit(now)?.once_saved();
                if matches!(step.task(), Task::Commit { bytes } if !bytes.is_empty()) {
                    *parts += 1;
                    return for_client(place, caller, session, lease, &step);
                }
                let body = session.commit_body().unwrap_or_default();
                let answer = perform(place, caller, session.id(), &step, body).await?;
                if !answer.is_success() || answer.element("Error").is_some() {
                    return Err(Failure::Cloud(format!("{} in answer to the commit", answer.status)));
                }
                session.committed()?;
            }
            Next::Look => {
                let step = session.look(now)?;
                let answer = perform(place, caller, session.id(), &step, String::new()).await?;
                let seen = answer.seen(step.task(), session.protocol(), |seen| session.seen(seen));
                seen.map_err(Failure::Cloud)??;
            }
            Next::Nothing if session.is_committed() => {
                return Ok(Json(
                    json!({ "done": true, "key": session.name(), "parts": *parts, "bytes": session.bytes() }),
                ));
            }
            _ => return Err(Failure::Asked("the upload is over")),
        }
    }
}

/// What the client has to send, with the token for it.
fn for_client(
    place: &Place,
    caller: &Caller,
    session: &UploadSession,
    lease: &mut Option<(u32, Lease)>,
    step: &Step,
) -> Told {
    let (Some(grant), Task::Part { number, .. }) = (step.grant(), step.task()) else {
        return Ok(Json(step_told(session, step, None)));
    };
    let (issued, leased) = place.parts.issue_leased(&caller.ask(grant).session(session.id()))?;
    *lease = Some((*number, leased));
    Ok(Json(step_told(session, step, Some(&issued))))
}

fn step_told(session: &UploadSession, step: &Step, issued: Option<&Issued<Token>>) -> Value {
    let (number, bytes) = match step.task() {
        Task::Part { number, bytes } => (*number, bytes.clone()),
        Task::Commit { bytes } => (0, bytes.clone()),
        _ => (0, 0..0),
    };
    let mut all = issued.map(|issued| headers(issued.token())).unwrap_or_default();
    all.extend(step.headers().iter().map(|(name, value)| ((*name).to_owned(), value.as_str().into())));
    let url = issued.map_or(step.session_uri(), |issued| Some(issued.token().expose_url())).unwrap_or_default();
    json!({
        "upload": session.id(), "number": number, "from": bytes.start, "to": bytes.end, "all": session.bytes(),
        "method": issued.map_or("PUT", |issued| issued.token().method()), "url": with_params(url, step), "headers": all,
        "is_session_uri": issued.is_none(), "now": SystemClock.now().unix(),
        "expires_at": step.ends_at().unix(), "refresh_at": step.refresh_at().unix(),
    })
}

fn with_params(url: &str, step: &Step) -> String {
    let params = step.params().iter().map(|(name, value)| format!("&{name}={}", crate::s3::escaped_component(value)));
    format!("{url}{}", params.collect::<String>())
}

/// Makes a request of the upload server's own.
async fn perform(place: &Place, caller: &Caller, id: &str, step: &Step, body: String) -> Result<Answer, Failure> {
    let mut all: Vec<(String, String)> =
        step.headers().iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    let (method, url) = match (step.grant(), step.session_uri()) {
        (Some(grant), _) => {
            let url = token(place, caller, id, step, grant)?;
            let required = url.required_headers().iter();
            all.extend(required.map(|(name, value)| (name.clone(), String::from_utf8_lossy(value).into_owned())));
            (url.method().to_owned(), with_params(url.expose(), step))
        }
        (None, Some(uri)) => ("PUT".to_owned(), uri.to_owned()),
        (None, None) => return Err(Failure::Asked("a step without a permission")),
    };
    client::send((&method, &url), all.into_iter(), body).await.map_err(Failure::Cloud)
}

/// A token for one request of the upload server's own.
fn token(place: &Place, caller: &Caller, id: &str, step: &Step, grant: &Grant) -> Result<BearerUrl, Failure> {
    let ask = caller.ask(grant).session(id);
    if let (multi::Cloud::Gcs { key, endpoint }, Task::Start) = (&place.signer, step.task()) {
        // The same leave as for a whole file takes another request here.
        let pass = place.parts.authorise(&ask)?;
        let url = key.signed_url(&step.gcs(endpoint)?, pass.at())?;
        return Ok(pass.complete(url)?.into_token());
    }
    let issued = place.parts.issue(&ask)?;
    issued.token().bearer_url().cloned().ok_or(Failure::Asked("a form where a URL was expected"))
}
