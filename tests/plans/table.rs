//! The table in the documentation is made from the code: `VALET_KEY_WRITE_TABLE=1` writes it anew.

use crate::wish::{ABOUT, ASKS, About, Ask, Wish};
use std::{fmt::Write, fs, path::Path};
use valet_key::grant::{
    Constraint,
    plan::{Enforcement, Form, Plan, Provider, Row},
};

/// What is asked, in the words of the table.
const fn words(ask: Ask) -> Option<&'static str> {
    Some(match ask {
        Ask::Version => "one version of an object",
        Ask::ExactType => "content type, exact",
        Ask::TypePrefix => "content type, its beginning",
        Ask::ExactSize => "size, exact",
        Ask::SizeRange => "size, a range",
        Ask::Checksum => "SHA-256 of the content",
        Ask::Address => "client address, IPv4",
        Ask::AddressRange => "client addresses, a range",
        Ask::Version6 => "client address, IPv6",
        Ask::NotBefore => "not before",
        Ask::ProviderKeys => "encryption, keys of the provider",
        Ask::ManagedKey => "encryption, a managed key or scope",
        Ask::StorageClass => "storage class",
        Ask::Metadata => "metadata",
        Ask::Disposition => "`Content-Disposition` of the answer",
        Ask::ResponseType => "`Content-Type` of the answer",
        Ask::CacheControl => "`Cache-Control` of the answer",
        Ask::SingleUse => "single use",
        Ask::RequestId => "request id in the log",
        Ask::PageSize => "size of a page of a listing",
        Ask::NextPage => "another page of a listing",
        Ask::FiveMinutes => "lifetime of 5 minutes",
        Ask::OneHour => "lifetime of an hour",
        // What Azure writes as a range.
        Ask::Network => return None,
    })
}

fn cell(row: &Row) -> String {
    let how = match row.enforcement() {
        Enforcement::SignedRequest => "request",
        Enforcement::SignedHeader => "header",
        Enforcement::SignedParameter => "parameter",
        Enforcement::PolicyCondition => "condition",
        Enforcement::SignedPermission => "permission",
        Enforcement::SessionPolicy => "session condition",
        Enforcement::Beside(what) => return format!("beside: {what}"),
        _ => return "no".to_owned(),
    };
    let names: Vec<String> = row.wire_names().map(|name| format!("`{name}`")).collect();
    format!("{how} {}", names.join(" ")).trim_end().to_owned()
}

/// The cell of something asked: that of the first action for which the form can do it.
fn cell_of(form: Form, ask: Ask) -> String {
    let mut cells = ABOUT.iter().filter_map(|about| {
        let plan = Wish::new(*about, &[ask]).grant(form).plan(form);
        plan.is_enforceable().then(|| cell(plan.row(ask.constraint())))
    });
    cells.next().unwrap_or_else(|| "no".to_owned())
}

fn action_cell(form: Form, about: About) -> String {
    let plan = Wish::new(about, &[]).grant(form).plan(form);
    if plan.is_enforceable() { cell(plan.row(Constraint::Action)) } else { "no".to_owned() }
}

fn every(form: Form, constraint: Constraint) -> String {
    let plans = ABOUT.iter().map(|about| Wish::new(*about, &[]).grant(form).plan(form));
    plans.into_iter().find(Plan::is_enforceable).map_or("no".to_owned(), |plan| cell(plan.row(constraint)))
}

fn table(text: &mut String, head: &str, forms: &[Form], rows: impl Iterator<Item = (String, Vec<String>)>) {
    let names: Vec<String> = forms.iter().map(|form| format!("`{form:?}`")).collect();
    write!(text, "\n| {head} | {} |\n|---|{}", names.join(" | "), "---|".repeat(forms.len())).unwrap();
    for (name, cells) in rows {
        write!(text, "\n| {name} | {} |", cells.join(" | ")).unwrap();
    }
    text.push('\n');
}

fn document() -> String {
    let mut text = String::from(
        "# What each form carries\n\n\
         A cell says by what, in the words of the service, or \"no\": then issuing fails, unless the constraint was given \
         up.\n",
    );
    for provider in [Provider::Aws, Provider::Gcs, Provider::Azure] {
        let forms: Vec<Form> = Form::ALL.iter().copied().filter(|form| form.provider() == provider).collect();
        write!(text, "\n## {provider}\n").unwrap();
        let cells = |cell: &dyn Fn(Form) -> String| forms.iter().map(|form| cell(*form)).collect::<Vec<_>>();
        let rows = ABOUT.iter().map(|about| (about.words().to_owned(), cells(&|form| action_cell(form, *about))));
        table(&mut text, "action", &forms, rows);
        let rows = [Constraint::Resource, Constraint::Lifetime, Constraint::HttpsOnly];
        let rows = rows.iter().map(|it| (it.to_string(), cells(&|form| every(form, *it))));
        let asked = ASKS.iter().filter_map(|ask| Some((words(*ask)?.to_owned(), cells(&|form| cell_of(form, *ask)))));
        table(&mut text, "constraint", &forms, rows.chain(asked));
    }
    text
}

#[test]
fn the_table_is_that_of_the_code() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/grant/plan/table.md");
    let made = document();
    if std::env::var_os("VALET_KEY_WRITE_TABLE").is_some() {
        fs::write(&path, &made).unwrap();
    }
    assert!(
        fs::read_to_string(&path).unwrap() == made,
        "run it with VALET_KEY_WRITE_TABLE=1, and look at what changed"
    );
    // A header that no table lacks, and a limit that no form has.
    assert!(made.contains("header `content-type`") && made.contains("| single use | no | no |"));
}
