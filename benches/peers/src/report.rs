//! Writes `RESULTS.md` and `results.svg` from what the other modes printed.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs, io,
    path::{Path, PathBuf},
};
use valet_key_peers::{Operation, operations};

const LOCK: &str = include_str!("../Cargo.lock");

/// Everyone who is measured, and what was done for each.
const PEERS: [(&str, &str); 10] = [
    (
        "aws-sigv4",
        "`http_request::sign` with the parameters made before (warm) or each time (cold), and `apply_to_request_http1x` on \
      an `http::Request`. It keeps no derived key: warm and cold derive it alike",
    ),
    ("azure_storage_sas", "`SasBuilder`, which is made for each token; it returns a query and no URL"),
    (
        "object_store",
        "`Signer::signed_url` on a store and with a `Path` that exist (warm) or are made each time (cold), with \
      `aws-lc-rs`, its default; `AwsAuthorizer` for headers. It asks the clock itself",
    ),
    (
        "reqsign-aws-v4",
        "`RequestSigner::sign_request` with the credential at hand, which skips the look-up that its `Signer` does; \
      the parts of the request are cloned. It asks the clock itself and keeps no derived key",
    ),
    (
        "reqsign-azure-storage",
        "the same, and the pairs of `ServiceSharedAccessSignature`. The delegation key comes from its own cache",
    ),
    ("reqsign-google", "the same. It asks the clock itself"),
    (
        "rusty-s3",
        "`GetObject::sign_with_time` on a bucket and credentials that exist (warm) or are made each time (cold); hashing by \
      `sha2`, its default. It keeps no derived key",
    ),
    (
        "s3s-sigv4",
        "its functions put together as its documentation shows, with the derived key kept. Decoding, the time, the comparison, \
      and the URL are the caller's, and written here as plainly as they can be. It asks for Rust 1.96 and was built with \
      `--ignore-rust-version`",
    ),
    (
        "scratchstack-aws-signature",
        "`sigv4_validate_request` with a clone of the request, which it takes by value; the key from a service \
      that keeps it, or that derives it each time",
    ),
    ("sha2", "the floor: `block_api::compress256` on blocks that are laid out already"),
];

#[derive(Default)]
struct Row {
    best: f64,
    median: f64,
    allocations: u64,
    bytes: u64,
    instructions: Option<(u64, u64)>,
}

/// Reads `measured.tsv`, `allocated.tsv`, and `counted.tsv` with callgrind's parts, if there are some.
pub(crate) fn write(directory: &Path) -> io::Result<()> {
    let mut rows: BTreeMap<(String, String), Row> = BTreeMap::new();
    let mut rounds = 0;
    for line in fs::read_to_string(directory.join("measured.tsv"))?.lines() {
        let [operation, name, best, median, of] = fields(line)?;
        let row = rows.entry((operation.to_owned(), name.to_owned())).or_default();
        (row.best, row.median) = (number(best)?, number(median)?);
        rounds = rounds.max(number(of)?);
    }
    for line in fs::read_to_string(directory.join("allocated.tsv"))?.lines() {
        let [operation, name, count, bytes] = fields(line)?;
        let row = rows.entry((operation.to_owned(), name.to_owned())).or_default();
        (row.allocations, row.bytes) = (number(count)?, number(bytes)?);
    }
    let counted = fs::read_to_string(directory.join("counted.tsv")).unwrap_or_default();
    for (at, line) in counted.lines().enumerate() {
        let [operation, name, calls] = fields(line)?;
        let part = Part::read(&directory.join(format!("callgrind.{}", at + 1)))?;
        let calls: u64 = number(calls)?;
        let row = rows.entry((operation.to_owned(), name.to_owned())).or_default();
        row.instructions = Some((part.total / calls, (part.total - part.hashing) / calls));
    }
    let operations = operations();
    let home = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    fs::write(home.join("RESULTS.md"), results(&operations, &rows, rounds, !counted.is_empty()))?;
    fs::write(home.join("results.svg"), plot(&operations, &rows))
}

fn fields<const N: usize>(line: &str) -> io::Result<[&str; N]> {
    let fields: Vec<&str> = line.split('\t').collect();
    fields.try_into().map_err(|_| io::Error::other(format!("not {N} fields: {line}")))
}

fn number<T: std::str::FromStr>(text: &str) -> io::Result<T> {
    text.parse().map_err(|_| io::Error::other(format!("not a number: {text}")))
}

/// One part of callgrind's output.
struct Part {
    total: u64,
    /// In functions that compress blocks of SHA-256. Callgrind knows no SHA instructions, so that everyone's
    /// code falls back on another, and not all on the same.
    hashing: u64,
}

impl Part {
    fn read(path: &Path) -> io::Result<Self> {
        let text = fs::read_to_string(path)?;
        let mut names: BTreeMap<&str, bool> = BTreeMap::new();
        let mut part = Self { total: 0, hashing: 0 };
        let (mut is_hashing, mut is_call) = (false, false);
        for line in text.lines() {
            if let Some(total) = line.strip_prefix("totals: ") {
                part.total = number(total.trim())?;
            } else if let Some(function) = line.strip_prefix("fn=").or_else(|| line.strip_prefix("cfn=")) {
                let (id, name) = function.split_once(' ').unwrap_or((function, ""));
                let known = names.entry(id).or_insert_with(|| is_compression(name));
                if line.starts_with("fn=") {
                    is_hashing = *known;
                }
            } else if line.starts_with("calls=") {
                // The next line is what the called function cost.
                is_call = true;
            } else if line.starts_with(|first: char| first.is_ascii_digit() || "+-*".contains(first)) {
                if is_hashing && !is_call {
                    let cost = line.split(' ').next_back().unwrap_or_default();
                    part.hashing += number::<u64>(cost)?;
                }
                is_call = false;
            }
        }
        Ok(part)
    }
}

fn is_compression(function: &str) -> bool {
    let name = function.to_ascii_lowercase();
    name.contains("sha256_block") || name.contains("sha256_compress") || name.contains("compress256") || {
        name.contains("sha2") && name.contains("compress")
    }
}

fn results(operations: &[Operation], rows: &BTreeMap<(String, String), Row>, rounds: u32, is_counted: bool) -> String {
    let mut out = String::new();
    let variable = |name: &str| std::env::var(name).unwrap_or_else(|_| "unknown".to_owned());
    let (processor, features) = processor();
    let _ = writeln!(
        out,
        "# Measured beside its peers\n\n\
         Written by `benches/peers/run` on {}; do not edit.\n\n\
         - Machine: {processor}, {} logical processors, {}\n\
         - Of the instructions that matter it has: {features}\n\
         - Compiler: {}, release profile with `lto = \"thin\"` and one codegen unit, for everyone\n\
         - Up to {rounds} rounds for each operation. In each round everyone has a turn of about 100 microseconds, and another \
         one begins\n",
        variable("PEERS_DATE"),
        std::thread::available_parallelism().map_or(0, usize::from),
        variable("PEERS_SYSTEM"),
        variable("PEERS_RUSTC"),
    );
    out.push_str(
        "Times are of this one run on a machine that others may have used at the same time: compare within a table, and read \
         the ratios. *Floor* is what the hashing or the signature alone takes with everything laid out before, in the same rounds. \
         Ratios are of the best times. *Allocations* are of one call, after a first one.\n\n",
    );
    if is_counted {
        out.push_str(
            "*Instructions* are of one call, counted by callgrind, without those that compress SHA-256 blocks: callgrind knows no \
             SHA instructions, and what is run in their place differs between libraries. They repeat where times do not.\n\n",
        );
    }
    out.push_str(
        "Before anything is timed, everyone's output was compared with ours for the same key, object, lifetime and time; who reads the \
         clock was compared with what we make for the time in its output. *Differs* says in what an output that means the same was \
         not the same bytes. Who verifies had to accept the honest request and refuse it with one byte changed.\n",
    );
    for operation in operations {
        let of = |name: &str| rows.get(&(operation.name.to_owned(), name.to_owned()));
        let Some(floor) = of("floor") else { continue };
        let ours = operation.contenders.iter().filter(|contender| is_ours(contender.name));
        let ours = ours.filter_map(|contender| of(contender.name)).map(|row| row.best).next().unwrap_or(f64::NAN);
        let _ = writeln!(
            out,
            "\n## {}\n\nFloor: {}.\n\n\
             | who | best ns | median ns | to the floor | to ours | allocations | bytes | instructions | differs |\n\
             |---|---:|---:|---:|---:|---:|---:|---:|---|\n\
             | floor | {:.0} | {:.0} | 1.00 | {:.2} | | | | |",
            operation.name,
            operation.floor_is,
            floor.best,
            floor.median,
            floor.best / ours,
        );
        for contender in &operation.contenders {
            let Some(row) = of(contender.name) else { continue };
            let instructions = row.instructions.map(|(_, beside)| beside.to_string()).unwrap_or_default();
            let _ = writeln!(
                out,
                "| {} | {:.0} | {:.0} | {:.2} | {:.2} | {} | {} | {instructions} | {} |",
                contender.name,
                row.best,
                row.median,
                row.best / floor.best,
                row.best / ours,
                row.allocations,
                row.bytes,
                contender.differs,
            );
        }
        if operation.contenders.iter().all(|contender| is_ours(contender.name)) {
            out.push_str("\nNone of the peers does this.\n");
        }
    }
    out.push_str("\n## Who was measured, and how\n\n| crate | version | what was called |\n|---|---|---|\n");
    for (name, how) in PEERS {
        let _ = writeln!(out, "| {name} | {} | {how} |", version(name));
    }
    out.push_str(
        "\nFutures are driven by `pollster::block_on`; none of them waits for anything here. What a peer takes as its input (a URI, a \
         path, an `http::Request`) was made before the clock started, and only cloned where it is consumed. The peers that want a \
         network were given one that answers from memory.\n\n\
         Not measured:\n\n\
         - scratchstack-aws-signature on presigned URLs: it refuses all of them (`scratchstack_refuses_every_presigned_url` in \
         `tests/facts`).\n\
         - azure_storage_sas on service SAS: it has only user delegation.\n\
         - object_store with the table of the other Azure tokens: it always writes a start and never a protocol, which makes another \
         string to sign. It has tables of its own, beside ours with the same fields.\n\
         - HMAC keys of GCS: none of the peers signs `GOOG4-HMAC-SHA256`.\n\
         - Verifying shared access signatures and Google's URLs: none of the peers does.\n",
    );
    out
}

fn is_ours(name: &str) -> bool {
    name.starts_with("valet-key")
}

/// The model, and which instructions for hashing it has.
fn processor() -> (String, String) {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let of = |key: &str| {
        info.lines()
            .find(|line| line.starts_with(key))
            .and_then(|line| line.split_once(':'))
            .map_or_else(|| "unknown".to_owned(), |(_, value)| value.trim().to_owned())
    };
    let flags = of("flags");
    let found: Vec<&str> =
        flags.split(' ').filter(|flag| ["sha_ni", "avx2", "avx512f", "bmi2", "adx"].contains(flag)).collect();
    (of("model name"), if found.is_empty() { "none".to_owned() } else { found.join(", ") })
}

/// The highest version of a crate in the lock file, which is the one that is called here.
fn version(name: &str) -> String {
    let mut lines = LOCK.lines();
    let mut found: Vec<&str> = Vec::new();
    while let Some(line) = lines.next() {
        if line == format!("name = \"{name}\"") {
            found.extend(
                lines.next().and_then(|line| line.strip_prefix("version = \"")).map(|rest| rest.trim_end_matches('"')),
            );
        }
    }
    let of = |version: &str| -> Vec<u32> { version.split('.').map(|part| part.parse().unwrap_or(0)).collect() };
    found.into_iter().max_by_key(|version| of(version)).unwrap_or("unknown").to_owned()
}

const BAR: f64 = 17.0;
const LEFT: f64 = 330.0;
const WIDTH: f64 = 420.0;

/// Bars of the ratio to the floor, on a logarithmic scale from 1.
fn plot(operations: &[Operation], rows: &BTreeMap<(String, String), Row>) -> String {
    let mut body = String::new();
    let mut most: f64 = 10.0;
    let ratio = |operation: &str, name: &str| -> Option<f64> {
        let of = |name: &str| rows.get(&(operation.to_owned(), name.to_owned()));
        Some(of(name)?.best / of("floor")?.best)
    };
    for operation in operations {
        for contender in &operation.contenders {
            most = most.max(ratio(operation.name, contender.name).unwrap_or(1.0));
        }
    }
    let top = most.log10().ceil();
    let across = |ratio: f64| WIDTH * ratio.max(1.0).log10() / top;
    let mut y = 62.0;
    for operation in operations {
        let _ = writeln!(body, "<text x=\"12\" y=\"{:.1}\" class=\"head\">{}</text>", y + 12.0, operation.name);
        y += BAR + 3.0;
        for contender in &operation.contenders {
            let Some(ratio) = ratio(operation.name, contender.name) else { continue };
            let class = if is_ours(contender.name) { "ours" } else { "peer" };
            let long = across(ratio).max(1.5);
            let _ = writeln!(
                body,
                "<text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>\
                 <rect x=\"{LEFT}\" y=\"{:.1}\" width=\"{long:.1}\" height=\"{:.1}\" class=\"{class}\"/>\
                 <text x=\"{:.1}\" y=\"{:.1}\">{}</text>",
                LEFT - 6.0,
                y + 12.0,
                contender.name,
                y + 2.0,
                BAR - 4.0,
                LEFT + long + 5.0,
                y + 12.0,
                if ratio < 100.0 { format!("{ratio:.2}") } else { format!("{ratio:.0}") },
            );
            y += BAR;
        }
        y += 8.0;
    }
    let mut grid = String::new();
    let mut mark = 1.0;
    while f64::log10(mark) <= top {
        for step in [1.0, 2.0, 5.0] {
            let at = mark * step;
            if at.log10() <= top + 1e-9 {
                let x = LEFT + across(at);
                let _ = writeln!(
                    grid,
                    "<line x1=\"{x:.1}\" y1=\"52\" x2=\"{x:.1}\" y2=\"{:.1}\" class=\"grid\"/>\
                     <text x=\"{x:.1}\" y=\"46\" text-anchor=\"middle\">{at}</text>",
                    y - 4.0
                );
            }
        }
        mark *= 10.0;
    }
    let height = y + 8.0;
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"820\" height=\"{height:.0}\" viewBox=\"0 0 820 {height:.0}\">\n\
         <style>text{{font:12px sans-serif;fill:#222}}.head{{font-weight:bold}}.title{{font:bold 15px sans-serif}}\
         .ours{{fill:#0b7a53}}.peer{{fill:#8f9bb3}}.grid{{stroke:#ddd}}</style>\n\
         <rect width=\"820\" height=\"{height:.0}\" fill=\"#fff\"/>\n\
         <text x=\"12\" y=\"22\" class=\"title\">Time, as a multiple of the floor (logarithmic; shorter is faster)</text>\n\
         {grid}{body}</svg>\n"
    )
}
