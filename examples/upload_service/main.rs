//! The Valet Key pattern on loopback: an upload server that issues tokens, and a storage gateway that
//! verifies them and keeps the files.
//!
//! ```text
//! browser ──1 "may I?"──▶ upload server      checks the user, signs, never sees the file
//! browser ◀─2 token────── upload server
//! browser ──3 file──────▶ storage gateway    verifies the token, holds the body to it, stores
//! browser ◀─4 done─────── storage gateway
//! ```
//!
//! The two share a key, a list of what was revoked, and nothing else. Run it and open the printed page, or add `--demo` to run the
//! client and its attacks without a browser.

mod audit;
mod azure;
mod client;
mod cloud;
mod demo;
mod desk;
mod diagnosis;
mod form;
mod gateway;
mod options;
mod parts;
mod resumable;
mod rules;
mod s3;
mod savings;
mod store;
mod traffic;
mod upload_server;

use axum::{Extension, Router};
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use options::Options;
use std::{net::IpAddr, process::ExitCode, sync::Arc, time::Duration};
use tokio::{net::TcpListener, task::JoinSet};
use traffic::Meter;
use upload_server::Shared;
use valet_key::gateway::RevocationList;

#[tokio::main]
async fn main() -> ExitCode {
    let options = match Options::from_args(std::env::args().skip(1)) {
        Ok(Some(options)) => options,
        Ok(None) => {
            println!("{}", options::USAGE);
            return ExitCode::SUCCESS;
        }
        Err(problem) => {
            eprintln!("{problem}\n\n{}", options::USAGE);
            return ExitCode::from(2);
        }
    };
    match run(options).await {
        Ok(code) => code,
        Err(problem) => {
            eprintln!("{problem}");
            ExitCode::from(2)
        }
    }
}

async fn run(mut places: Vec<Options>) -> Result<ExitCode, String> {
    let first = places.first().ok_or("there is no cloud")?.clone();
    let upload = listen(&first.listen, "--listen").await?;
    // Port 0 picks one, so the addresses are what the listeners say.
    let address_of_page = address(&upload)?;
    let mut listeners = Vec::new();
    for place in &mut places {
        let listener = listen(&place.gateway, "--gateway").await?;
        place.listen.clone_from(&address_of_page);
        place.gateway = address(&listener)?;
        listeners.push(listener);
    }
    let meters = places.iter().map(|place| Meter::new(format!("gateway of {}", place.cloud.title())));
    let meters = std::iter::once(Meter::new("upload server")).chain(meters).collect();
    let shared = Arc::new(Shared { log: Arc::default(), revoked: Arc::new(RevocationList::new(10_000)), meters });
    let server = shared.meters[0].over(upload_server::router(&places, shared.clone())?);
    println!("upload server    http://{address_of_page}/");
    let mut serving = JoinSet::new();
    serving.spawn(serve(upload, server));
    for ((place, listener), meter) in places.iter().zip(listeners).zip(&shared.meters[1..]) {
        let store = store::Store::open(place.data.as_deref(), &place.buckets)?;
        let gateway = meter.over(gateway::router(place, store, shared.clone())?);
        println!("storage gateway  http://{}/  ({}, path style)", place.gateway, place.cloud.title());
        serving.spawn(serve(listener, gateway));
    }
    println!("buckets          {}", first.buckets.join(", "));
    let files = first.data.as_ref().map_or("in memory".into(), |path| path.display().to_string());
    println!("files            {files}");
    if !first.demo {
        println!("\nopen http://{address_of_page}/ in a browser; stop with Ctrl-C");
        serving.join_next().await;
        return Err("a server stopped".to_owned());
    }
    let demo = tokio::task::spawn_blocking(move || demo::run(&places));
    tokio::select! {
        _ = serving.join_next() => Err("a server stopped".to_owned()),
        verdict = demo => verdict.map_err(|error| format!("the demonstration broke: {error}"))?,
    }
}

/// How long a client may take to send the head of a request.
const HEAD_PATIENCE: Duration = Duration::from_secs(10);

/// The address that a connection comes from.
#[derive(Clone, Copy)]
struct Peer(IpAddr);

/// Serves every connection on its own, and drops the ones that send no request.
async fn serve(listener: TcpListener, router: Router) {
    loop {
        let Ok((stream, peer)) = listener.accept().await else {
            // Out of descriptors, most likely: it passes when connections close.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let service = TowerToHyperService::new(router.clone().layer(Extension(Peer(peer.ip()))));
        tokio::spawn(async move {
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEAD_PATIENCE)
                .serve_connection(TokioIo::new(stream), service);
            if let Err(error) = connection.await {
                eprintln!("a connection ended early: {error}");
            }
        });
    }
}

async fn listen(address: &str, flag: &str) -> Result<TcpListener, String> {
    TcpListener::bind(address)
        .await
        .map_err(|error| format!("cannot listen on {address}: {error}. Choose another address with {flag}, or port 0"))
}

fn address(listener: &TcpListener) -> Result<String, String> {
    listener.local_addr().map(|address| address.to_string()).map_err(|error| error.to_string())
}
