//! An edge gateway: storage of S3, Google Cloud Storage or Azure behind a gate that shares its memory with other gateways.
//!
//! Start as many as you like in front of one Redis. A token for one use is used once, on whichever gateway; what is revoked on
//! one is refused by all; the rate of a subject counts over all of them. Without the Redis none of that can be said, so that every
//! request is refused with a 503 until it is back.
//!
//! ```text
//! redis-server --appendonly yes --appendfsync always &
//! cargo run --example edge_gateway --features tower -- --listen 127.0.0.1:8081 --admin 127.0.0.1:9081 &
//! cargo run --example edge_gateway --features tower -- --listen 127.0.0.1:8082 --admin 127.0.0.1:9082 &
//! curl -X POST '127.0.0.1:9081/revoke/subject/42'
//! ```
//!
//! `GET /token/METHOD/CONTAINER/NAME` on the admin address issues a URL, and `?user=42` or `?use=once` go into it. Whoever
//! reaches that address can do anything: keep it on loopback.
//!
//! A Redis that forgets lets a token be used again. It must not evict (`maxmemory-policy noeviction`, the default: when it is full,
//! it refuses, and so do the gateways), it must write what it was told before it answers (`appendfsync always`), and a replica
//! that takes over without the last writes forgets them.

mod admin;
mod keeper;
mod options;
mod storage;

use crate::{keeper::Shared, options::Options, storage::Store};
use axum::{Extension, Router};
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use std::{net::IpAddr, process::ExitCode, sync::Arc, time::Duration};
use tokio::net::TcpListener;
use valet_key::gateway::{Connection, GateLayer};

/// How long a client may take to send the head of a request.
const HEAD_PATIENCE: Duration = Duration::from_secs(10);

/// The address that a connection comes from.
#[derive(Clone, Copy)]
struct Peer(IpAddr);

#[tokio::main]
async fn main() -> ExitCode {
    let run = async {
        if let Some(options) = Options::from_args(std::env::args().skip(1))? {
            return run(&Arc::new(options)).await;
        }
        println!("{}", options::USAGE);
        Ok(())
    };
    match run.await {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("edge_gateway: {why}");
            ExitCode::FAILURE
        }
    }
}

async fn run(options: &Arc<Options>) -> Result<(), String> {
    let shared = Shared::connect(options).await?;
    let clients = listen(&options.listen).await?;
    let operators = listen(&options.admin).await?;
    let name = options.listen.clone();
    eprintln!("edge {name}: serves {} as {}, administered at {}", options.cloud.name(), options.origin, options.admin);
    tokio::join!(
        serve(clients, edge(options, shared.clone())?),
        serve(operators, admin::router(Arc::clone(options), shared)),
    );
    Ok(())
}

/// The storage behind its gate.
fn edge(options: &Options, shared: Shared) -> Result<Router, String> {
    let ask = move |question| {
        let shared = shared.clone();
        async move { shared.answer(question).await }
    };
    let name = options.listen.clone();
    let layer = GateLayer::asking(Arc::new(options.gate()?), ask)
        .connection(|extensions| Connection { address: extensions.get::<Peer>().map(|peer| peer.0), https: false })
        .watch(move |id, what| match what {
            // Names and codes: nothing of it is a token, and none can be had from it.
            Ok(facts) => eprintln!(
                "edge {name}: {id} {} {:?} {:?} token {} for {:?} -> admitted",
                facts.operation(),
                facts.container(),
                facts.object().unwrap_or_default(),
                facts.fingerprint(),
                facts.subject().unwrap_or_default(),
            ),
            Err(error) => eprintln!("edge {name}: {id} -> refused, {}: {error}", error.code()),
        });
    Ok(Router::new().fallback(storage::serve).layer(Extension(Store::default())).layer(layer))
}

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

async fn listen(address: &str) -> Result<TcpListener, String> {
    TcpListener::bind(address).await.map_err(|error| format!("cannot listen on {address}: {error}"))
}
