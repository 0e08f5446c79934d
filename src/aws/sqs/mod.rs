//! SQS: sending, receiving and deleting messages by signed requests.
//!
//! There are three forms. A **URL** is a GET of the query protocol, for clients that can do nothing but follow a link. A
//! **form** is a POST of the query protocol, and **JSON** a POST of the protocol that newer clients speak; both are signed
//! in their headers.
//!
//! Every one of them lives for 15 minutes after its date, whatever a URL says: SQS does not go by `X-Amz-Expires`. Within
//! that time it can be sent as often as one likes.
//!
//! Whatever a request does is fixed by its signature. A signed request to send sends **that message** and no other, and the
//! client that holds it can send it again and again for 15 minutes. To let a client send messages of its own, give it
//! temporary credentials whose session policy allows `sqs:SendMessage` on the one queue.
//!
//! A server that speaks the protocol verifies with [`Queue::expect`], which goes by the same 15 minutes.
//!
//! Source: Amazon SQS Developer Guide, "Making Query API requests"; Amazon SQS API Reference, `SendMessage`,
//! `ReceiveMessage`, `DeleteMessage`.

mod check;
mod message;
mod protocol;
mod queue;

pub use self::{message::MessageRequest, queue::Queue};
