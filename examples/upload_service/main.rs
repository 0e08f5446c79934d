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

mod demo;
mod gateway;
mod options;
mod store;
mod upload_server;

use options::Options;
use std::{process::ExitCode, sync::Arc};
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
    println!("storage gateway  http://{}/  (S3, path style, region {})", options.gateway, options.region);
    println!("buckets          {}", options.buckets.join(", "));
    println!(
        "files            {}",
        options.data.as_ref().map_or("in memory".into(), |path| path.display().to_string())
    );
    let serving = async {
        tokio::try_join!(axum::serve(upload, server), axum::serve(storage, gateway))
            .map(|_| ())
            .map_err(|error| format!("a server stopped: {error}"))
    };
    if !options.demo {
        println!("\nopen http://{}/ in a browser; stop with Ctrl-C", options.listen);
        serving.await?;
        return Ok(ExitCode::SUCCESS);
    }
    let options = options.clone();
    let demo = tokio::task::spawn_blocking(move || demo::run(&options));
    tokio::select! {
        result = serving => result.map(|()| ExitCode::FAILURE),
        verdict = demo => verdict.map_err(|error| format!("the demonstration broke: {error}"))?,
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
