//! Servers that somebody else wrote against this crate: started by `tests/interop/aws_servers.sh`, which says where they are.
//!
//! A case that is accepted shows that our signature is right; one that is refused has exactly one thing changed. What a
//! server does not look at is not asked of it: see [`Server::overlooks`].

mod forms;
mod messages;
mod objects;
#[cfg(feature = "legacy")]
mod old;
mod server;
mod sessions;
mod streams;

use server::{Check, Server};

#[test]
fn servers_accept_what_is_signed_and_refuse_what_is_not() {
    let servers = [Server::seaweedfs(), Server::rclone(), Server::ministack(), Server::radosgw(), Server::swift()];
    let servers: Vec<Server> = servers.into_iter().flatten().collect();
    if servers.is_empty() {
        println!("not asked: no server is named in the environment; tests/interop/aws_servers.sh starts them");
        return;
    }
    let mut surprises = Vec::new();
    for mut server in servers {
        objects::presigned(&mut server);
        objects::signed_headers(&mut server);
        if server.looks_at(Check::Streams) {
            streams::in_chunks(&mut server);
        }
        if server.looks_at(Check::Forms) {
            forms::posted(&mut server);
        }
        #[cfg(feature = "legacy")]
        if server.looks_at(Check::OldUrls) {
            old::presigned(&mut server);
        }
        if server.name == "MiniStack" {
            sessions::assumed(&mut server);
            sessions::granted(&mut server);
            messages::sent(&mut server);
        }
        println!("{}: {} cases, {} surprises", server.name, server.cases, server.surprises.len());
        surprises.extend(server.surprises.into_iter().map(|surprise| format!("{}: {surprise}", server.name)));
    }
    assert!(surprises.is_empty(), "{}", surprises.join("\n"));
}
