//! What a server is spared that hands out tokens instead of carrying the files, from what really went through.

use crate::traffic::{Counts, Meter};
use serde_json::{Value, json};
use std::sync::Arc;

/// What it costs that 1 GB goes through a server, in USD: list prices of AWS in us-east-1 for a load balancer before it
/// (0.008, the hour of one LCU, which takes 1 GB) and a NAT gateway behind it (0.045). From the pages "Elastic Load Balancing
/// pricing" and "Amazon VPC pricing".
pub(crate) const DEFAULT_PRICE: f64 = 0.053;

/// The assumption in words.
pub(crate) fn assumption(price: f64) -> String {
    format!(
        "Assumed: USD {price} for each GB that goes through a server, by default the list prices of AWS (us-east-1) for a \
         load balancer before it, 0.008, and a NAT gateway behind it, 0.045. Whoever has neither saves only the load. \
         --proxy-price sets another."
    )
}

/// The figures of the page: what, and how much.
pub(crate) fn of(meters: &[Arc<Meter>], price: f64) -> Value {
    let Some((server, gateways)) = meters.split_first() else { return json!([]) };
    let server = server.counts();
    let gateways = gateways.iter().fold(Counts::default(), |sum, meter| sum.and(meter.counts()));
    let (own, carried) = (server.bytes_in + server.bytes_out, gateways.bytes_in + gateways.bytes_out);
    // A proxy takes each byte in and sends it on.
    let proxied = own + 2 * carried;
    let spared = (200 * carried).checked_div(proxied).unwrap_or_default();
    #[expect(clippy::cast_precision_loss, reason = "money, to be looked at")]
    let cost = carried as f64 / 1e9 * price * 1e6;
    let millis = |micros: u64| format!("{} ms", micros.div_ceil(1000));
    json!([
        { "what": "Bytes through the upload server", "value": own.to_string() },
        { "what": "Bytes through the gateways", "value": carried.to_string() },
        { "what": "Bytes that a proxy would have moved", "value": proxied.to_string() },
        { "what": "Load saved", "value": format!("{spared} %") },
        { "what": "The upload server was busy for", "value": millis(server.busy_micros) },
        { "what": "The gateways were busy for", "value": millis(gateways.busy_micros) },
        { "what": "Saved if this happens a million times", "value": format!("USD {cost:.2}") },
    ])
}
