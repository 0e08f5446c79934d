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
//! The two share a key and nothing else. Run it and open the printed page, or add `--demo` to run the
//! client and its attacks without a browser.

mod azure;
mod cloud;
mod demo;
mod form;
mod gateway;
mod options;
mod s3;
mod store;
mod upload_server;

use axum::{Extension, Router};
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use options::Options;
use std::{net::IpAddr, process::ExitCode, sync::Arc, time::Duration};
use tokio::net::TcpListener;

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

async fn run(mut options: Options) -> Result<ExitCode, String> {
    let upload = listen(&options.listen, "--listen").await?;
    let storage = listen(&options.gateway, "--gateway").await?;
    // Port 0 picks one, so the addresses are what the listeners say.
    options.listen = address(&upload)?;
    options.gateway = address(&storage)?;
    let options = Arc::new(options);
    let store = store::Store::open(options.data.as_deref(), &options.buckets)?;
    let gateway = gateway::router(&options, store)?;
    let server = upload_server::router(&options)?;
    println!("upload server    http://{}/", options.listen);
    println!("storage gateway  http://{}/  ({}, path style)", options.gateway, options.cloud.title());
    println!("buckets          {}", options.buckets.join(", "));
    println!(
        "files            {}",
        options.data.as_ref().map_or("in memory".into(), |path| path.display().to_string())
    );
    let serving = async {
        tokio::join!(serve(upload, server), serve(storage, gateway));
    };
    if !options.demo {
        println!("\nopen http://{}/ in a browser; stop with Ctrl-C", options.listen);
        serving.await;
        return Ok(ExitCode::SUCCESS);
    }
    let options = options.clone();
    let demo = tokio::task::spawn_blocking(move || demo::run(&options));
    tokio::select! {
        () = serving => Err("a server stopped".to_owned()),
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
