//! Where secrets begin and end, in one pass.
//!
//! Two things run side by side: a reader of names, which sees all of the text, and a value that is being left
//! out, which ends by the rule of the place where it began. Names are looked for within values too, since a value
//! that was taken for too long must not swallow the name of the next secret.

use super::{
    names::{Kind, Scheme, Word},
    unit::{Reader, Unit},
};

/// A value of fewer characters is no secret where only length tells. One less may show of any secret.
const LONG: u16 = 16;
/// More than any port has.
const LONGER_THAN_PORT: u16 = 6;
/// More than any scheme of `Authorization` has.
const LONGEST_SCHEME: u16 = 32;
/// More than any private key has, 16384 bits included.
const LONGEST_PEM: u16 = 32 << 10;

/// What becomes of the next bytes of the text that have not been decided about.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    /// They stay.
    Keep(usize),
    /// They go.
    Drop(usize),
    /// Here stands that something went.
    Mark,
}

/// Where a value ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// Before what stands in no credential.
    Word,
    /// Before the same quote that began it.
    Quote(Unit),
    /// With the line.
    Line,
    /// Before the next tag.
    Tag,
    /// Before the end of the user or the host of a URL.
    Authority,
    /// Behind the last line of a private key.
    Pem { is_last_line: bool },
}

#[derive(Clone, Copy, Debug)]
struct Value {
    end: End,
    /// The spelling of the sign before it: what is encoded more often belongs to the value.
    level: u8,
    /// How long it must be to go, until it is.
    threshold: Option<u16>,
    is_scheme: bool,
    is_marked: bool,
    characters: u16,
    /// All so far were letters or brackets: `Some(`, `b`.
    is_wrapper: bool,
}

impl Value {
    const fn new(end: End, level: u8) -> Self {
        Self { end, level, threshold: None, is_scheme: false, is_marked: false, characters: 0, is_wrapper: true }
    }

    const fn of(kind: Kind, end: End, level: u8) -> Self {
        let threshold = if matches!(kind, Kind::IfLong) { Some(LONG) } else { None };
        Self { threshold, ..Self::new(end, level) }
    }

    /// Cannot be ended by what is found within it.
    const fn is_enclosed(&self) -> bool {
        matches!(self.end, End::Quote(_) | End::Line | End::Tag)
    }
}

/// What the reader of names waits for.
#[derive(Clone, Copy, Debug)]
enum Wait {
    /// A name.
    Name,
    /// A sign that says that a value follows the name.
    Sign { kind: Kind, in_list: bool, is_closed: bool },
    /// The value.
    Value { kind: Kind, level: u8, end: End },
    /// `:` behind the id of a key.
    Colon { kind: Kind, is_colon_seen: bool },
    /// `![CDATA[` behind `<`.
    Section,
}

enum Found {
    Nothing,
    /// A value that begins with this character.
    Here(Value),
    /// A value that begins behind it.
    Behind(Value),
}

#[derive(Clone, Copy, Debug)]
enum Tag {
    Outside,
    /// Between `<` and `>`, with the kind of the element's content.
    Inside(Option<Kind>),
}

/// How much of a URL is there, as far as that tells a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Url {
    None,
    Colon,
    Slash,
    /// Behind `://`, with nothing so far but a name.
    Name,
}

#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact about what was read, and none excludes another")]
struct Names {
    word: Word,
    is_in_word: bool,
    /// The character before the word, and the last one.
    before: u8,
    last: u8,
    wait: Wait,
    tag: Tag,
    /// Behind `name=` or `"name":`, and the kind of the field that is named there.
    is_field_name: bool,
    field: Option<Kind>,
    newlines: u8,
    /// Behind the beginning of a user delegation key, whose secret is called `Value`.
    is_in_delegation: bool,
    /// An Event Grid token has `r` and `e` before `s`.
    has_r_or_e: bool,
    url: Url,
    /// How much of `-----BEGIN ... PRIVATE KEY-----` is there.
    pem: u8,
    /// How much of `signature found in the HTTP request '...'` is there.
    quoted_signature: u8,
}

impl Names {
    const fn new() -> Self {
        Self {
            word: Word::new(),
            is_in_word: false,
            before: b'\n',
            last: b'\n',
            wait: Wait::Name,
            tag: Tag::Outside,
            is_field_name: false,
            field: None,
            newlines: 0,
            is_in_delegation: false,
            has_r_or_e: false,
            url: Url::None,
            pem: 0,
            quoted_signature: 0,
        }
    }

    fn see(&mut self, unit: Unit) -> Found {
        let found = if unit.is_word() { self.see_letter(unit) } else { self.see_sign(unit) };
        self.last = unit.byte;
        found
    }

    fn see_letter(&mut self, unit: Unit) -> Found {
        self.newlines = 0;
        if self.url != Url::Name {
            self.url = Url::None;
        }
        if !self.is_in_word {
            self.is_in_word = true;
            self.word.clear();
            self.before = self.last;
        }
        self.word.push(unit.byte);
        match self.wait {
            Wait::Value { kind, level, end } => {
                self.wait = Wait::Name;
                return Found::Here(Self::value(kind, end, level));
            }
            Wait::Colon { kind, is_colon_seen: true } => {
                self.wait = Wait::Name;
                return Found::Here(Value::of(kind, End::Word, 0));
            }
            Wait::Colon { is_colon_seen: false, .. } | Wait::Name => {}
            Wait::Sign { .. } | Wait::Section => self.wait = Wait::Name,
        }
        if self.pem == 2 && self.word.len() == 8 && self.word.ends_with(b"key-----") {
            self.pem = 0;
            return Found::Behind(Value::new(End::Pem { is_last_line: false }, 0));
        }
        if self.word.begins_a_secret() {
            return Found::Behind(Value::new(End::Word, u8::MAX));
        }
        Found::Nothing
    }

    fn value(kind: Kind, end: End, level: u8) -> Value {
        match kind {
            Kind::Line => Value::new(if end == End::Word { End::Line } else { end }, level),
            Kind::Authorization => Value { threshold: Some(LONGEST_SCHEME), is_scheme: true, ..Value::new(end, level) },
            kind => Value::of(kind, end, level),
        }
    }

    fn see_sign(&mut self, unit: Unit) -> Found {
        if self.is_in_word {
            self.is_in_word = false;
            if let Some(found) = self.end_of_word(unit) {
                return found;
            }
        }
        let byte = unit.byte;
        match byte {
            b'\n' => self.newlines = self.newlines.saturating_add(1),
            b'\r' => {}
            _ => self.newlines = 0,
        }
        if unit.byte.is_ascii_whitespace() || unit.is_quote() {
            self.has_r_or_e = false;
        } else if byte != b'+' {
            self.pem = 0;
        }
        if self.quoted_signature == 2 && unit.is_quote() {
            self.quoted_signature = 0;
            self.wait = Wait::Name;
            return Found::Behind(Value::new(End::Quote(unit), unit.level));
        }
        if self.newlines == 2
            && let Some(kind) = self.field.take()
        {
            self.wait = Wait::Name;
            return Found::Behind(Value { is_wrapper: false, ..Value::of(kind, End::Line, unit.level) });
        }
        match byte {
            b'<' => self.tag = Tag::Inside(None),
            b'>' => {
                if let Tag::Inside(Some(kind)) = core::mem::replace(&mut self.tag, Tag::Outside) {
                    let kind = if kind == Kind::OutsideProse { Kind::Always } else { kind };
                    self.wait = Wait::Value { kind, level: unit.level, end: End::Tag };
                    return Found::Nothing;
                }
            }
            _ => {}
        }
        let is_password = self.see_url(byte);
        match self.go_on(unit) {
            // It is one if an `@` follows, or else a port.
            Found::Nothing if is_password => {
                self.wait = Wait::Name;
                Found::Behind(Value { threshold: Some(LONGER_THAN_PORT), ..Value::new(End::Authority, unit.level) })
            }
            found => found,
        }
    }

    /// Whether a password may follow: `scheme://user:`.
    fn see_url(&mut self, byte: u8) -> bool {
        let before = self.url;
        self.url = match (before, byte) {
            (Url::Colon, b'/') => Url::Slash,
            (Url::Slash, b'/') | (Url::Name, b'.' | b'~' | b'%' | b'+' | b'!' | b'$' | b'*' | b'=') => Url::Name,
            (Url::Name, _) => Url::None,
            (_, b':') => Url::Colon,
            _ => Url::None,
        };
        before == Url::Name && byte == b':'
    }

    fn go_on(&mut self, unit: Unit) -> Found {
        let byte = unit.byte;
        self.wait = match self.wait {
            Wait::Sign { kind, in_list, is_closed } => match byte {
                _ if unit.is_quote() => Wait::Sign { kind, in_list, is_closed: true },
                b']' | b' ' | b'\t' => Wait::Sign { kind, in_list, is_closed },
                b'=' | b':' => Wait::Value { kind, level: unit.level, end: End::Word },
                // `("authorization", "Bearer ...")`, where the quotes hold the name and nothing else.
                b',' if in_list && is_closed => Wait::Value { kind, level: unit.level, end: End::Word },
                _ => Wait::Name,
            },
            Wait::Value { kind, level, end } => return self.before_value(unit, kind, level, end),
            Wait::Colon { kind, is_colon_seen: false } => match byte {
                b':' => Wait::Colon { kind, is_colon_seen: true },
                _ if byte.is_ascii_whitespace() || unit.is_quote() || ends_word(byte) => Wait::Name,
                _ => Wait::Colon { kind, is_colon_seen: false },
            },
            Wait::Colon { kind, is_colon_seen: true } => {
                self.wait = Wait::Name;
                if unit.is_quote() || ends_word(byte) {
                    return Found::Nothing;
                }
                return Found::Here(Value::of(kind, End::Word, 0));
            }
            Wait::Section if byte == b'!' => {
                self.wait = Wait::Name;
                return Found::Here(Value::new(End::Tag, unit.level));
            }
            Wait::Section | Wait::Name => Wait::Name,
        };
        Found::Nothing
    }

    fn before_value(&mut self, unit: Unit, kind: Kind, level: u8, end: End) -> Found {
        if unit.is_quote() {
            self.wait = Wait::Name;
            let kind = if kind == Kind::OutsideProse { Kind::Always } else { kind };
            return Found::Behind(Self::value(kind, End::Quote(unit), unit.level));
        }
        match unit.byte {
            b'<' if end == End::Tag => self.wait = Wait::Section,
            b'=' | b':' | b'>' | b'[' | b'(' | b'{' | b'|' => {}
            byte if byte.is_ascii_whitespace() => {}
            byte if unit.level <= level && ends_word(byte) => self.wait = Wait::Name,
            _ => {
                self.wait = Wait::Name;
                return Found::Here(Self::value(kind, end, level));
            }
        }
        Found::Nothing
    }

    /// The word is complete, and `unit` stands behind it.
    fn end_of_word(&mut self, unit: Unit) -> Option<Found> {
        let byte = unit.byte;
        if byte == b'.' && (self.word.is(b"k8sawsv1") || self.word.is(b"ya29")) {
            return Some(Found::Behind(Value::new(End::Word, u8::MAX)));
        }
        self.pem = match self.pem {
            _ if self.word.ends_with(b"-----begin") => 1,
            0 => 0,
            _ if self.word.is(b"private") => 2,
            1 => 1,
            _ => 0,
        };
        self.quoted_signature = match self.quoted_signature {
            _ if self.word.is(b"signature") => 1,
            1 if self.word.is(b"found") => 2,
            1 => 0,
            so_far => so_far,
        };
        if byte == b'=' && (self.word.is(b"r") || self.word.is(b"e")) {
            self.has_r_or_e = true;
        }
        let mut kind = self.word.kind();
        if kind == Some(Kind::IfLong) && self.has_r_or_e {
            kind = Some(Kind::Always);
        }
        if kind == Some(Kind::OutsideProse) && byte == b':' {
            kind = Some(Kind::IfLong);
        }
        if self.word.is(b"userdelegationkey") {
            self.is_in_delegation = self.before != b'/';
        } else if self.word.is(b"signedversion") {
            self.is_in_delegation = true;
        } else if self.is_in_delegation && self.word.is(b"value") {
            self.is_in_delegation = false;
            kind = Some(Kind::Always);
        }
        if matches!(self.tag, Tag::Inside(None)) && self.before != b'/' {
            self.tag = Tag::Inside(kind);
        }
        let is_field_name = self.is_field_name;
        if is_field_name {
            self.field = kind;
        } else if self.word.is(b"value") && self.field.is_some() {
            kind = self.field.take();
        }
        // Also where the field is itself called that, since this may be the beginning of the next one.
        self.is_field_name = self.word.is(b"name");
        let in_list = !is_field_name && matches!(self.before, b'"' | b'\'' | b'`');
        match kind {
            Some(kind) => self.wait = Wait::Sign { kind, in_list, is_closed: false },
            None if unit.is_blank() => return self.after_scheme(),
            None => {}
        }
        None
    }

    /// A scheme that stands somewhere in a text.
    fn after_scheme(&mut self) -> Option<Found> {
        let kind = if self.word.is(b"aws") || self.word.is(b"goog1") { Kind::IfLong } else { Kind::Always };
        self.wait = match self.word.scheme()? {
            Scheme::IdAndSignature => Wait::Colon { kind, is_colon_seen: false },
            Scheme::Opaque => Wait::Value { kind: Kind::IfLong, level: 0, end: End::Word },
            Scheme::Fields => return None,
        };
        Some(Found::Nothing)
    }

    /// A scheme that stands where one must.
    fn after_required_scheme(&mut self, scheme: Scheme) {
        match scheme {
            Scheme::IdAndSignature => self.wait = Wait::Colon { kind: Kind::Always, is_colon_seen: false },
            Scheme::Opaque => self.wait = Wait::Value { kind: Kind::Always, level: 0, end: End::Word },
            Scheme::Fields => self.wait = Wait::Name,
        }
    }
}

/// What stands in no credential, whatever its alphabet.
const fn ends_word(byte: u8) -> bool {
    byte.is_ascii_whitespace()
        || byte.is_ascii_control()
        || matches!(byte, b'&' | b'"' | b'\'' | b'`' | b'<' | b'>' | b',' | b';' | b')' | b']' | b'}' | b'#' | b'\\')
}

/// Reads a text in any pieces and decides about each of its bytes, in order and within some hundred bytes.
#[derive(Clone, Debug)]
pub(super) struct Scanner {
    reader: Reader,
    decisions: Decisions,
}

impl Scanner {
    pub(super) const fn new() -> Self {
        Self { reader: Reader::new(), decisions: Decisions { names: Names::new(), value: None, held: 0 } }
    }

    pub(super) fn read(&mut self, text: &[u8], tell: &mut impl FnMut(Step)) {
        let Self { reader, decisions } = self;
        for byte in text {
            reader.push(*byte, &mut |unit, len| decisions.decide(unit, len, tell));
        }
    }

    pub(super) fn finish(&mut self, tell: &mut impl FnMut(Step)) {
        let Self { reader, decisions } = self;
        reader.finish(&mut |unit, len| decisions.decide(unit, len, tell));
        if decisions.value.is_some_and(|value| value.is_scheme) {
            decisions.leave_out(tell);
        }
        decisions.settle(tell);
    }
}

#[derive(Clone, Debug)]
struct Decisions {
    names: Names,
    /// What is being left out.
    value: Option<Value>,
    /// Bytes of it that wait until it is long enough.
    held: usize,
}

impl Decisions {
    fn decide(&mut self, unit: Unit, len: usize, tell: &mut impl FnMut(Step)) {
        let scheme = self.scheme(unit, tell);
        if self.is_end(unit) {
            let is_password = self.value.is_some_and(|value| value.end == End::Authority) && unit.byte == b'@';
            if is_password {
                self.leave_out(tell);
            }
            self.settle(tell);
        }
        let found = self.names.see(unit);
        if let Some(scheme) = scheme {
            self.names.after_required_scheme(scheme);
        }
        match found {
            Found::Nothing => self.put(unit, len, tell),
            Found::Here(value) => {
                self.begin(value, tell);
                self.put(unit, len, tell);
            }
            Found::Behind(value) => {
                self.put(unit, len, tell);
                self.begin(value, tell);
            }
        }
        if let Some(Value { end: End::Pem { is_last_line }, .. }) = &mut self.value {
            let word = &self.names.word;
            *is_last_line |= word.ends_with(b"-----end");
            // The second is what an earlier reading left.
            if (*is_last_line && word.ends_with(b"key-----")) || word.ends_with(b"key-----redacted") {
                self.settle(tell);
            }
        }
    }

    /// The first word of an `Authorization` that has just ended: kept if it is a known scheme.
    fn scheme(&mut self, unit: Unit, tell: &mut impl FnMut(Step)) -> Option<Scheme> {
        let value = self.value.as_mut().filter(|value| value.is_scheme && !unit.is_word())?;
        let is_word = self.names.is_in_word && self.names.word.len() == usize::from(value.characters);
        let scheme = self.names.word.scheme().filter(|_| is_word && unit.is_blank());
        if scheme.is_some() {
            self.settle(tell);
        } else {
            self.leave_out(tell);
        }
        scheme
    }

    /// Nothing of the value may be kept, nor of what follows it if it is not enclosed.
    fn leave_out(&mut self, tell: &mut impl FnMut(Step)) {
        let Some(value) = &mut self.value else { return };
        value.is_scheme = false;
        value.threshold = None;
        if value.end == End::Word {
            value.end = End::Line;
        }
        if self.held > 0 {
            value.is_marked = true;
            tell(Step::Mark);
            tell(Step::Drop(core::mem::take(&mut self.held)));
        }
    }

    fn is_end(&mut self, unit: Unit) -> bool {
        let Some(value) = &mut self.value else { return false };
        let (byte, is_outside) = (unit.byte, unit.level <= value.level);
        match value.end {
            End::Word => {
                // `Some("...")`, `b'...'`.
                let is_prefix = value.characters <= 2 || matches!(self.names.last, b'(' | b'[' | b'{');
                if unit.is_quote() && value.is_wrapper && is_prefix && value.characters > 0 {
                    value.end = End::Quote(unit);
                    value.level = unit.level;
                    return false;
                }
                is_outside && ends_word(byte)
            }
            End::Quote(quote) => {
                let is_line_end = byte == b'\n' && unit.level == 0 && unit.slashes == 0;
                is_line_end || (byte == quote.byte && is_outside && unit.slashes <= quote.slashes)
            }
            End::Line => is_outside && matches!(byte, b'\n' | b'\r'),
            End::Authority => is_outside && (matches!(byte, b'/' | b'?' | b'@') || ends_word(byte)),
            End::Tag => is_outside && byte == b'<',
            End::Pem { .. } => {
                let is_too_long = value.characters > LONGEST_PEM && byte.is_ascii();
                unit.is_quote() || matches!(byte, b'<' | b'{' | b'}') || is_too_long
            }
        }
    }

    fn begin(&mut self, value: Value, tell: &mut impl FnMut(Step)) {
        let is_pem = matches!(value.end, End::Pem { .. });
        let stays = |outer: &Value| {
            !is_pem && (value.threshold.is_some() || (outer.is_enclosed() && outer.threshold.is_none()))
        };
        let is_marked = match &self.value {
            Some(outer) if stays(outer) => return,
            Some(outer) => outer.is_marked,
            None => false,
        };
        self.settle(tell);
        self.value = Some(Value { is_marked, ..value });
    }

    /// Ends the value. What is still held was too short to be a secret.
    fn settle(&mut self, tell: &mut impl FnMut(Step)) {
        self.value = None;
        if self.held > 0 {
            tell(Step::Keep(core::mem::take(&mut self.held)));
        }
    }

    fn put(&mut self, unit: Unit, len: usize, tell: &mut impl FnMut(Step)) {
        let Some(value) = &mut self.value else { return tell(Step::Keep(len)) };
        value.characters = value.characters.saturating_add(1);
        value.is_wrapper &= unit.byte.is_ascii_alphabetic() || matches!(unit.byte, b'(' | b'[' | b'{' | b':');
        if value.threshold.is_some_and(|threshold| value.characters < threshold) {
            self.held += len;
            return;
        }
        value.threshold = None;
        if !core::mem::replace(&mut value.is_marked, true) {
            tell(Step::Mark);
        }
        tell(Step::Drop(core::mem::take(&mut self.held) + len));
    }
}
