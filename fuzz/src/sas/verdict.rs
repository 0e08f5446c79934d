//! What a token allows, by the slow reading: time, client, permission, reach.

use super::{
    operations::{self, Needs},
    reference::{Facts, KEY, NOW, Place, Rule, Sent, must, policy},
};
use std::collections::BTreeSet;
use valet_key::azure::Service;

/// Ten-millionths of a second since 1970 of a time in ISO 8601.
pub(super) fn ticks(text: &str) -> Option<i64> {
    let number = |text: &str, length: usize| -> Option<i64> {
        (text.len() == length && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok())?
    };
    let is_leap = |year: i64| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let (date, rest) = text.split_at_checked(10)?;
    let parts: Vec<&str> = date.split('-').collect();
    let &[year, month, day] = parts.as_slice() else { return None };
    let (year, month, day) = (number(year, 4)?, number(month, 2)?, number(day, 2)?);
    let months = [31, if is_leap(year) { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let length = *months.get(usize::try_from(month - 1).ok()?)?;
    if year < 1970 || !(1..=length).contains(&day) {
        return None;
    }
    let mut days: i64 = (1970..year).map(|year| if is_leap(year) { 366 } else { 365 }).sum();
    days += months.iter().take(usize::try_from(month - 1).ok()?).sum::<i64>() + day - 1;
    let mut seconds = days * 86_400;
    let mut fraction = 0;
    if !rest.is_empty() {
        let rest = rest.strip_prefix('T')?;
        let hours_and_minutes = |text: &str| {
            let (hours, minutes) = text.split_once(':')?;
            let (hours, minutes) = (number(hours, 2)?, number(minutes, 2)?);
            (hours < 24 && minutes < 60).then_some(hours * 3600 + minutes * 60)
        };
        let (clock, offset) = if let Some(clock) = rest.strip_suffix('Z') {
            (clock, 0)
        } else {
            let (clock, zone) = rest.split_at_checked(rest.len().checked_sub(6)?)?;
            let (sign, zone) = zone.split_at_checked(1)?;
            let sign = match sign {
                "+" => 1,
                "-" => -1,
                _ => return None,
            };
            (clock, sign * hours_and_minutes(zone)?)
        };
        let (minutes, rest) = clock.split_at_checked(5)?;
        seconds += hours_and_minutes(minutes)? - offset;
        if !rest.is_empty() {
            let rest = rest.strip_prefix(':')?;
            let (whole, digits) = rest.split_once('.').map_or((rest, None), |(whole, part)| (whole, Some(part)));
            seconds += number(whole, 2).filter(|second| *second < 60)?;
            if let Some(digits) = digits {
                fraction = number(&format!("{digits:0<7}"), 7).filter(|_| !digits.is_empty())?;
            }
        }
    }
    Some(seconds * 10_000_000 + fraction)
}

/// Whether the token reaches the request, here and now.
pub(super) fn verdict(sent: &Sent<'_>, kind: &str, is_delegated: bool, version: &str, place: &Place) -> Rule<Facts> {
    let now = NOW * 10_000_000;
    let time = |text: &str| ticks(text).ok_or("a time in ISO 8601");
    let stored = match sent.get("si") {
        None => (None, None, None),
        Some(id) => policy(sent.asked.service, id).ok_or("no such policy")?,
    };
    let one = |own: Option<&str>, stored: Option<&'static str>| match (own, stored) {
        (Some(_), Some(_)) => Err("the token and its policy say it"),
        (own, stored) => Ok(own.map(ToOwned::to_owned).or(stored.map(ToOwned::to_owned))),
    };
    let letters = one(sent.get("sp"), stored.0)?.ok_or("no permissions")?;
    let (start, end) = (one(sent.get("st"), stored.1)?, one(sent.get("se"), stored.2)?.ok_or("no end")?);
    if let Some(start) = start {
        must(time(&start)? <= now, "not yet")?;
    }
    let mut end = time(&end)?;
    if is_delegated {
        for (field, value) in ["skoid", "sktid", "skt", "ske", "skv"].into_iter().zip(KEY) {
            must(sent.get(field) == Some(value), "no such key")?;
        }
        must(sent.get("skdutid").is_none(), "a key for the users of no tenant")?;
        must(sent.get("sks") == Some(letter(sent.asked.service)), "a key for another service")?;
        must(time(KEY[2])? <= now && now <= time(KEY[3])?, "the key is over")?;
        end = end.min(time(KEY[3])?);
    }
    must(now <= end, "over")?;

    if let Some(range) = sent.get("sip") {
        let own = sent.asked.address.ok_or("nobody knows the address")?;
        let number = |text: &str| -> Rule<Vec<u8>> {
            let parts = text.split('.').map(|part| part.parse().map_err(|_| "an address"));
            parts.collect::<Rule<Vec<u8>>>().and_then(|parts| must(parts.len() == 4, "four numbers").map(|()| parts))
        };
        let (first, last) = range.split_once('-').unwrap_or((range, range));
        let own = vec![203, 0, 113, own];
        must(number(first)? <= own && own <= number(last)?, "another address")?;
    }
    match sent.get("spr") {
        Some("https") => must(sent.asked.is_https, "plain HTTP")?,
        None | Some("https,http") => {}
        Some(_) => return Err("a protocol"),
    }
    let is_checked = sent.asked.identities_are_checked;
    must(is_checked || (sent.get("suoid").is_none() && sent.get("sduoid").is_none()), "nobody checks the user")?;
    must(sent.get("suoid").is_none() || sent.get("saoid").is_none(), "two agents")?;
    if let Some(scope) = sent.get("ses") {
        let mut scopes = sent.header("x-ms-encryption-scope").into_iter();
        must(!scope.is_empty() && scopes.all(|it| it == scope.as_bytes()), "another encryption scope")?;
    }

    let letters: BTreeSet<char> = read_letters(&letters, kind, version)?;
    let needs = operations::of(sent, place).ok_or("no such operation")?;
    reaches(sent, kind, place, &needs)?;
    must(needs.one_of.chars().any(|letter| letters.contains(&letter)), "no permission")?;
    must(needs.all_of.chars().all(|letter| letters.contains(&letter)), "not every permission")?;
    Ok(Facts {
        container: place.container.clone(),
        name: place.name.clone(),
        must_not_overwrite: needs.makes_new && !letters.contains(&'w'),
        letters,
        expires_at: end.div_euclid(10_000_000),
    })
}

const fn letter(service: Service) -> &'static str {
    match service {
        Service::Blob | Service::DataLake => "b",
        Service::File => "f",
        Service::Queue => "q",
        _ => "t",
    }
}

fn read_letters(text: &str, kind: &str, version: &str) -> Rule<BTreeSet<char>> {
    let known = match kind {
        "account" => "rwdxylacuptfi",
        "b" | "bs" | "bv" => "racwdxyltmeopi",
        "c" | "d" => "racwdxyltfmeopi",
        "s" => "rcwdl",
        "f" => "rcwd",
        "queue" => "raup",
        _ => "raud",
    };
    let letters: BTreeSet<char> = text.chars().collect();
    must(!letters.is_empty() && letters.len() == text.len(), "each letter once")?;
    must(letters.iter().all(|letter| known.contains(*letter)), "an unknown letter")?;
    if matches!(kind, "b" | "bs" | "bv" | "c" | "d") {
        for (since, young) in [("2019-10-10", "xy"), ("2019-12-12", "tf"), ("2020-02-10", "meop"), ("2020-08-04", "i")]
        {
            must(version >= since || !young.chars().any(|letter| letters.contains(&letter)), "a younger letter")?;
        }
    }
    Ok(letters)
}

/// The kind of resource and what is in the token of the range that it covers.
fn reaches(sent: &Sent<'_>, kind: &str, place: &Place, needs: &Needs) -> Rule {
    if kind == "account" {
        let of = |field: &str, known: &str, wanted: char| {
            let text = sent.get(field).ok_or("a field of an account SAS")?;
            let each: BTreeSet<char> = text.chars().collect();
            must(each.len() == text.len() && each.iter().all(|letter| known.contains(*letter)), "letters")?;
            must(each.contains(&wanted), "the account SAS does not reach so far")
        };
        of("ss", "bqtf", letter(sent.asked.service).chars().next().unwrap())?;
        return of("srt", "sco", needs.level);
    }
    must(!needs.is_for_accounts, "only with an account SAS")?;
    must(place.level != 's', "the service itself")?;
    must(place.special != "tables", "the list of tables")?;
    let (snapshot, version) = (sent.get("snapshot"), sent.get("versionid"));
    match kind {
        "b" => must(snapshot.is_none() && version.is_none(), "a part that is not signed")?,
        "bs" => must(version.is_none() && snapshot.is_some_and(|it| !it.is_empty()), "the snapshot")?,
        "bv" => must(snapshot.is_none() && version.is_some_and(|it| !it.is_empty()), "the version")?,
        _ => {}
    }
    match kind {
        "b" | "bs" | "bv" | "f" => must(place.level == 'o', "more than one object"),
        "d" => must(place.level == 'o' || sent.get("directory").is_some(), "more than a directory"),
        "table" => in_range(sent, place),
        _ => Ok(()),
    }
}

fn in_range(sent: &Sent<'_>, place: &Place) -> Rule {
    must(sent.or_empty("tn").eq_ignore_ascii_case(&place.container), "another table")?;
    let (spk, srk, epk, erk) = (sent.get("spk"), sent.get("srk"), sent.get("epk"), sent.get("erk"));
    must(spk.is_some() || srk.is_none(), "a row without its partition")?;
    must(epk.is_some() || erk.is_none(), "a row without its partition")?;
    let Some(keys) = &place.keys else { return Ok(()) };
    let (partition, row) = entity(keys).ok_or("an entity")?;
    let is_before =
        spk.is_some_and(|spk| *partition < *spk || (partition == spk && srk.is_some_and(|srk| *row < *srk)));
    let is_behind =
        epk.is_some_and(|epk| *partition > *epk || (partition == epk && erk.is_some_and(|erk| *row > *erk)));
    must(!is_before && !is_behind, "an entity out of range")
}

/// `PartitionKey='…',RowKey='…'`, in which a quote is written twice.
fn entity(keys: &str) -> Option<(String, String)> {
    let keys = keys.strip_prefix("PartitionKey='")?;
    let read = |text: &str| -> Option<(String, String)> {
        let mut letters = text.chars().peekable();
        let mut value = String::new();
        loop {
            match letters.next()? {
                '\'' if letters.peek() == Some(&'\'') => {
                    letters.next();
                    value.push('\'');
                }
                '\'' => return Some((value, letters.collect())),
                letter => value.push(letter),
            }
        }
    };
    let (partition, rest) = read(keys)?;
    let rest = rest.trim_start_matches(' ').strip_prefix(',')?.trim_start_matches(' ').strip_prefix("RowKey='")?;
    let (row, rest) = read(rest)?;
    rest.is_empty().then_some((partition, row))
}
