//! Grant tickets: a permission to ask for tokens, which its holder can narrow offline and pass on.
//!
//! ```text
//! issue    Grant ──▶ TicketRequest ──issue(key, nonce, now)──▶ Ticket ──narrow(caveat)──▶ Ticket, by anybody who holds it
//! swap     text ──TicketKeys::redeem(now)──▶ Verified<Redeemable> ──grant(asked)──▶ Grant ──▶ a token of any cloud
//! step up  Verified<Redeemable> + SecondCheck ──step_up(asked)──▶ Grant, for what the ticket alone does not give
//! ```
//!
//! A ticket is a chain of HMACs: the first is made with the key over what the issuer allows, and each *caveat* with the
//! HMAC before it as the key, which is then forgotten. Whoever holds a ticket can therefore add a caveat and nobody can
//! take one off. Only first-party caveats exist here, each of a known kind, and each must lie within what stands before
//! it, so that the order of reading cannot matter.
//!
//! ```
//! use valet_key::grant::{Action, Actions, Grant, Justification, Lifetime};
//! use valet_key::ticket::{Caveat, Ticket, TicketKey, TicketKeys, TicketRequest};
//! use valet_key::{clock::Timestamp, secret::Secret};
//!
//! let now = Timestamp::from_unix(1_700_000_000)?;
//! let key = TicketKey::new("2023-11", &Secret::new([7; 32]))?; // 32 random bytes
//!
//! // The service lets a user read and list an album.
//! let album = Grant::under("albums", "42/", Actions::READ | Actions::LIST)
//!     .because(Justification::new("album of user 42")?);
//! let nonce = [1; 16]; // 16 random bytes
//! let ticket = TicketRequest::new(&album, "user-42").issue(&key, nonce, now)?;
//!
//! // The user hands on a narrower one, without the service.
//! let for_printer = Ticket::parse(ticket.expose())?
//!     .narrow(Caveat::Actions(Action::Read.into()))?
//!     .narrow(Caveat::Object("42/cat.jpg".into()))?
//!     .narrow(Caveat::ExpiresAt(now.saturating_add(300)))?;
//! assert!(for_printer.narrow(Caveat::Object("42/dog.jpg".into())).is_err());
//!
//! // The service swaps it for a grant, and that for a token.
//! let keys = TicketKeys::new(key);
//! let redeemed = keys.redeem(for_printer.expose(), now)?;
//! assert_eq!(redeemed.subject(), "user-42");
//! let asked = Grant::read("albums", "42/cat.jpg").lives(Lifetime::minutes(5)?);
//! assert!(redeemed.grant(asked).is_ok());
//! let redeemed = keys.redeem(for_printer.expose(), now)?;
//! assert!(redeemed.grant(Grant::read("albums", "42/dog.jpg").lives(Lifetime::minutes(5)?)).is_err());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What goes wrong with tokens of this kind, and what is done here
//!
//! | mistake | here |
//! |---|---|
//! | a caveat that the verifier does not know counts as met | unknown kinds are refused |
//! | the last caveat of a kind counts, so that a later one widens | every caveat must lie within all before it |
//! | two texts that are joined can be split elsewhere | every field has its length in front, and every HMAC its purpose |
//! | one key signs tickets and something else | the keys of tickets and of second checks are derived apart |
//! | several spellings of one ticket, of which one is revoked | one spelling, and revocation goes by the chain |
//! | a revoked or used ticket comes back with one more caveat | a ticket has an id for every link, and the id of a single use is that of the link which asks for it |
//! | very long chains | at most 16 caveats and 8,192 characters |
//! | a caveat about a request that nobody checks | what a caveat says goes into the grant, and issuing fails if a token cannot carry it |
//! | discharge tokens that are bound to the wrong ticket | there are none; a [`SecondCheck`] is for one ticket, subject and object |
//!
//! A caveat can only be relied on by whoever added it and those behind: the holder of an earlier ticket still has that.
//!
//! Source: A. Birgisson, J. Gibbs Politz, U. Erlingsson, A. Taly, M. Vrable, M. Lentczner, "Macaroons: Cookies with
//! Contextual Caveats for Decentralized Authorization in the Cloud", NDSS 2014; for an id of every link, the specification of
//! Biscuit, "Revocation identifiers".

mod canonical;
mod caveat;
mod fields;
mod key;
mod limits;
mod sign;
mod step_up;
mod verify;

pub use self::{
    caveat::Caveat,
    key::{TicketKey, TicketKeys},
    sign::{Ticket, TicketRequest},
    step_up::{CheckRequest, PassedCheck, SecondCheck},
    verify::{ExchangeError, Redeemable, Use},
};
