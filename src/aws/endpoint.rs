//! Where a request goes: region, partition, bucket, and the host and path that follow from them.

use super::{canonical::S3_EXPRESS, key::is_name};
use crate::{
    error::{IssueError, VerifyError},
    origin::Origin,
};
use alloc::{borrow::ToOwned, format, string::String};

/// A region, such as `eu-west-1`: 1 to 40 letters, digits, `-` or `_`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Region(String);

impl Region {
    /// Checks the name.
    ///
    /// # Errors
    /// [`IssueError::Invalid`] for anything else.
    pub fn new(name: &str) -> Result<Self, IssueError> {
        if is_name(name) {
            Ok(Self(name.to_owned()))
        } else {
            Err(IssueError::Invalid { what: "region", why: "it must be 1 to 40 letters, digits, `-` or `_`" })
        }
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The partition that the region belongs to, by its name.
    #[must_use]
    pub fn partition(&self) -> Partition {
        const BY_PREFIX: [(&str, Partition); 7] = [
            ("cn-", Partition::AwsCn),
            ("us-gov-", Partition::AwsUsGov),
            ("us-iso-", Partition::AwsIso),
            ("us-isob-", Partition::AwsIsoB),
            ("eu-isoe-", Partition::AwsIsoE),
            ("us-isof-", Partition::AwsIsoF),
            ("eusc-", Partition::AwsEusc),
        ];
        BY_PREFIX
            .iter()
            .find(|(prefix, _)| self.0.starts_with(prefix))
            .map_or(Partition::Aws, |(_, partition)| *partition)
    }
}

/// A group of regions with its own accounts, ARNs and domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Partition {
    /// `aws`
    Aws,
    /// `aws-cn`
    AwsCn,
    /// `aws-us-gov`
    AwsUsGov,
    /// `aws-iso`
    AwsIso,
    /// `aws-iso-b`
    AwsIsoB,
    /// `aws-iso-e`
    AwsIsoE,
    /// `aws-iso-f`
    AwsIsoF,
    /// `aws-eusc`
    AwsEusc,
}

impl Partition {
    /// Its name, the second part of an ARN.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Aws => "aws",
            Self::AwsCn => "aws-cn",
            Self::AwsUsGov => "aws-us-gov",
            Self::AwsIso => "aws-iso",
            Self::AwsIsoB => "aws-iso-b",
            Self::AwsIsoE => "aws-iso-e",
            Self::AwsIsoF => "aws-iso-f",
            Self::AwsEusc => "aws-eusc",
        }
    }

    /// The domain that its hosts end in.
    #[must_use]
    pub const fn domain(self) -> &'static str {
        match self {
            Self::Aws | Self::AwsUsGov => "amazonaws.com",
            Self::AwsCn => "amazonaws.com.cn",
            Self::AwsIso => "c2s.ic.gov",
            Self::AwsIsoB => "sc2s.sgov.gov",
            Self::AwsIsoE => "cloud.adc-e.uk",
            Self::AwsIsoF => "csp.hci.ic.gov",
            Self::AwsEusc => "amazonaws.eu",
        }
    }
}

/// Where S3, or something that speaks its protocol, is reached.
///
/// The bucket goes into the host where that works and into the path where it does not: a bucket with
/// dots breaks the TLS certificate of `*.s3.amazonaws.com`, and one that is no DNS label cannot be a
/// host at all.
///
/// ```
/// use valet_key::aws::{Endpoint, Region, UrlRequest, SigV4, StaticKey};
/// use valet_key::{clock::Timestamp, grant::Grant};
///
/// let key = StaticKey::new("AKIAIOSFODNN7EXAMPLE", "secret")?;
/// let now = Timestamp::from_unix(1_700_000_000)?;
/// let show = |endpoint: &Endpoint, bucket: &str| -> Result<String, Box<dyn std::error::Error>> {
///     let url = key.presign(&UrlRequest::at(endpoint, &Grant::read(bucket, "a b.txt"))?, now)?;
///     Ok(url.expose().split('?').next().unwrap_or_default().to_owned())
/// };
/// let ireland = Endpoint::aws(Region::new("eu-west-1")?);
/// assert_eq!(show(&ireland, "photos")?, "https://photos.s3.eu-west-1.amazonaws.com/a%20b.txt");
/// assert_eq!(show(&ireland, "www.example.com")?, "https://s3.eu-west-1.amazonaws.com/www.example.com/a%20b.txt");
/// let access_point = "arn:aws:s3:eu-west-1:123456789012:accesspoint/reader";
/// assert_eq!(
///     show(&ireland, access_point)?,
///     "https://reader-123456789012.s3-accesspoint.eu-west-1.amazonaws.com/a%20b.txt"
/// );
/// let minio = Endpoint::custom("https://minio.example:9000", Region::new("us-east-1")?)?;
/// assert_eq!(show(&minio, "photos")?, "https://minio.example:9000/photos/a%20b.txt");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Source: Amazon S3 User Guide, "Virtual hosting of general purpose buckets", "Dual-stack endpoints",
/// "Transfer Acceleration" and "Referencing access points".
#[derive(Clone, Debug)]
pub struct Endpoint {
    region: Region,
    at: At,
    style: Option<Style>,
    is_behind_gate: bool,
}

#[derive(Clone, Debug)]
enum At {
    Aws { dual_stack: bool, fips: bool, accelerate: bool },
    Custom(Origin),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Style {
    Path,
    VirtualHost,
}

impl Endpoint {
    /// S3 in that region.
    #[must_use]
    pub const fn aws(region: Region) -> Self {
        Self {
            region,
            at: At::Aws { dual_stack: false, fips: false, accelerate: false },
            style: None,
            is_behind_gate: false,
        }
    }

    /// Another server that speaks the S3 protocol, such as `https://minio.example:9000`; path style
    /// unless told otherwise.
    ///
    /// # Errors
    /// [`IssueError::Invalid`] if the origin is not a scheme and a host with an optional port.
    pub fn custom(origin: &str, region: Region) -> Result<Self, IssueError> {
        Ok(Self { region, at: At::Custom(Origin::parse(origin)?), style: None, is_behind_gate: false })
    }

    /// Puts the bucket into the path.
    #[must_use]
    pub const fn path_style(mut self) -> Self {
        self.style = Some(Style::Path);
        self
    }

    /// Puts the bucket into the host, or fails where that cannot work.
    #[must_use]
    pub const fn virtual_hosted(mut self) -> Self {
        self.style = Some(Style::VirtualHost);
        self
    }

    /// The hosts that also have IPv6 addresses. Without effect on a custom endpoint.
    #[must_use]
    pub const fn dual_stack(mut self) -> Self {
        if let At::Aws { dual_stack, .. } = &mut self.at {
            *dual_stack = true;
        }
        self
    }

    /// The hosts with FIPS 140 validated cryptography. Without effect on a custom endpoint.
    #[must_use]
    pub const fn fips(mut self) -> Self {
        if let At::Aws { fips, .. } = &mut self.at {
            *fips = true;
        }
        self
    }

    /// S3 Transfer Acceleration. Without effect on a custom endpoint.
    #[must_use]
    pub const fn accelerate(mut self) -> Self {
        if let At::Aws { accelerate, .. } = &mut self.at {
            *accelerate = true;
        }
        self
    }

    /// Says that every request to it passes a [`Gate`](crate::gateway::Gate) before it is served. So a grant for a
    /// [single use](crate::grant::Grant::single_use) becomes a URL with the signed parameter `x-use=once`, which makes the gate
    /// count its uses.
    ///
    /// S3 itself ignores that parameter, as it does all that begin with `x-`. Where a request can reach it beside the gate, under
    /// the host and the key of the URL, the URL is good until it expires, as often as anybody likes: sign with a key that the
    /// gate knows and the cloud does not.
    ///
    /// Without effect on an endpoint of S3 itself, which has a host below the domain of the region's
    /// [partition](Partition::domain).
    #[must_use]
    pub fn behind_gate(mut self) -> Self {
        let domain = self.region.partition().domain();
        self.is_behind_gate = matches!(&self.at, At::Custom(origin) if !origin.is_within(domain));
        self
    }

    pub(super) const fn is_behind_gate(&self) -> bool {
        self.is_behind_gate
    }

    /// The region that requests are signed for.
    #[must_use]
    pub const fn region(&self) -> &Region {
        &self.region
    }

    /// The origin of a bucket or access point, and the path that stands before object names.
    pub(super) fn locate(&self, bucket: &str) -> Result<(Origin, String), IssueError> {
        let invalid = |why| Err(IssueError::Invalid { what: "endpoint", why });
        if bucket.starts_with("arn:") {
            return self.locate_access_point(bucket);
        }
        check_bucket(bucket)?;
        if let (Some(zone), At::Aws { fips, dual_stack, accelerate }) = (zone_of(bucket), &self.at) {
            if *accelerate || self.style == Some(Style::Path) {
                return invalid("a directory bucket is part of the host name, and has no acceleration");
            }
            return Ok((Origin::https(self.zonal_host(zone, *fips, *dual_stack)).below(bucket), "/".into()));
        }
        let label = is_dns_name(bucket);
        let dotted = bucket.contains('.');
        let in_path = |origin: Origin| Ok((origin, format!("/{bucket}/")));
        match &self.at {
            At::Custom(origin) if self.style == Some(Style::VirtualHost) => {
                if !label || (dotted && origin.is_https()) {
                    return invalid("the bucket cannot be part of the host name: use path style");
                }
                Ok((origin.below(bucket), "/".into()))
            }
            At::Custom(origin) => in_path(origin.clone()),
            At::Aws { accelerate: true, fips, dual_stack } => {
                if *fips || !label || dotted || self.style == Some(Style::Path) {
                    return invalid("acceleration needs a bucket without dots in the host name, and no FIPS");
                }
                Ok((Origin::https(accelerated_host(*dual_stack)).below(bucket), "/".into()))
            }
            At::Aws { fips, dual_stack, .. } => {
                let origin = Origin::https(self.regional_host("s3", *fips, *dual_stack));
                match self.style {
                    Some(Style::VirtualHost) if !label || dotted => {
                        invalid("the bucket cannot be part of the host name: use path style")
                    }
                    Some(Style::Path) => in_path(origin),
                    None if !label || dotted => in_path(origin),
                    _ => Ok((origin.below(bucket), "/".into())),
                }
            }
        }
    }

    /// The bucket or access point that a host and a path name, and the encoded name of the object behind it, which is
    /// empty if there is none: what [`locate`](Self::locate) made them from.
    ///
    /// S3 takes a bucket in the host and in the path alike; another server takes it where this endpoint puts it. The host of an
    /// access point that spans regions does not say which account it is of, so that no ARN can be made of it.
    pub(super) fn find<'p>(&self, host: &str, path: &'p str) -> Result<(Option<String>, &'p str), VerifyError> {
        let path = path.strip_prefix('/').unwrap_or(path);
        let below = |base: &str| {
            let label = host.len().checked_sub(base.len()).and_then(|cut| host.split_at_checked(cut));
            let (label, _) = label.filter(|(_, end)| end.eq_ignore_ascii_case(base))?;
            label.strip_suffix('.').filter(|label| is_dns_name(label))
        };
        let (in_host, in_path, base) = match &self.at {
            At::Custom(origin) => {
                let in_host = self.style == Some(Style::VirtualHost);
                (in_host, !in_host, origin.host().to_owned())
            }
            At::Aws { accelerate: true, dual_stack, .. } => (true, false, accelerated_host(*dual_stack)),
            At::Aws { fips, dual_stack, .. } => {
                let point = below(&self.regional_host("s3-accesspoint", *fips, *dual_stack));
                if let Some((name, account)) = point.and_then(|label| label.rsplit_once('-')) {
                    let (region, partition) = (self.region.as_str(), self.region.partition().as_str());
                    let arn = format!("arn:{partition}:s3:{region}:{account}:accesspoint/{name}");
                    return AccessPoint::parse(&arn).map(|_| (Some(arn.clone()), path)).ok_or(VerifyError::Host);
                }
                let directory = host.split_once('.').and_then(|(label, base)| Some((label, zone_of(label)?, base)));
                if let Some((bucket, zone, base)) = directory {
                    let ours = self.style != Some(Style::Path)
                        && base.eq_ignore_ascii_case(&self.zonal_host(zone, *fips, *dual_stack));
                    return if ours { Ok((Some(bucket.to_owned()), path)) } else { Err(VerifyError::Host) };
                }
                let base = self.regional_host("s3", *fips, *dual_stack);
                (self.style != Some(Style::Path), self.style != Some(Style::VirtualHost), base)
            }
        };
        if let Some(bucket) = below(&base).filter(|_| in_host) {
            return Ok((Some(bucket.to_owned()), path));
        }
        if !in_path || !host.eq_ignore_ascii_case(&base) {
            return Err(VerifyError::Host);
        }
        let (bucket, name) = path.split_once('/').unwrap_or((path, ""));
        if path.is_empty() {
            return Ok((None, name));
        }
        match check_bucket(bucket) {
            // A directory bucket is nowhere but in its own host.
            Ok(()) if self.service_of(bucket) == S3_EXPRESS => Err(VerifyError::Host),
            Ok(()) => Ok((Some(bucket.to_owned()), name)),
            Err(_) => Err(VerifyError::Operation { why: "the first segment of the path is no bucket" }),
        }
    }

    fn regional_host(&self, service: &str, fips: bool, dual_stack: bool) -> String {
        let fips = if fips { "-fips" } else { "" };
        let stack = if dual_stack { ".dualstack" } else { "" };
        format!("{service}{fips}{stack}.{}.{}", self.region.as_str(), self.region.partition().domain())
    }

    fn zonal_host(&self, zone: &str, fips: bool, dual_stack: bool) -> String {
        let fips = if fips { "-fips" } else { "" };
        let stack = if dual_stack { ".dualstack" } else { "" };
        format!("s3express{fips}-{zone}{stack}.{}.{}", self.region.as_str(), self.region.partition().domain())
    }

    /// The service that requests for a bucket are signed for. A custom endpoint is S3, whatever its buckets are called.
    pub(super) fn service_of(&self, bucket: &str) -> &'static str {
        match self.at {
            At::Aws { .. } if zone_of(bucket).is_some() => S3_EXPRESS,
            _ => "s3",
        }
    }

    /// Whether that is an access point which spans regions.
    pub(super) fn is_multi_region(bucket: &str) -> bool {
        bucket.starts_with("arn:") && bucket.split(':').nth(3) == Some("")
    }

    fn locate_access_point(&self, arn: &str) -> Result<(Origin, String), IssueError> {
        let invalid = |why| IssueError::Invalid { what: "access point", why };
        let At::Aws { fips, dual_stack, accelerate: false } = &self.at else {
            return Err(invalid("it needs an AWS endpoint without acceleration"));
        };
        if Self::is_multi_region(arn) {
            // Its alias stands in every region, so that only a signature for a region set reaches it.
            let alias = alias_of(arn).filter(|_| !fips && !dual_stack).ok_or(invalid(
                "one of many regions is `arn:aws:s3::<account>:accesspoint/<alias>.mrap`, without FIPS or dual stack",
            ))?;
            return Ok((Origin::https(format!("{alias}.mrap.accesspoint.s3-global.amazonaws.com")), "/".into()));
        }
        let Some(point) = AccessPoint::parse(arn) else {
            return Err(invalid(
                "it must be `arn:<partition>:s3:<region>:<account>:accesspoint/<name>` with 12 digits and a name of 3 to \
                 50 lower-case letters, digits or `-`",
            ));
        };
        let AccessPoint { partition, region, account, name } = point;
        if region != self.region.as_str() || partition != self.region.partition().as_str() {
            return Err(invalid("its region and partition must be those of the endpoint"));
        }
        let host = self.regional_host("s3-accesspoint", *fips, *dual_stack);
        Ok((Origin::https(host).below(&format!("{name}-{account}")), "/".into()))
    }
}

fn accelerated_host(dual_stack: bool) -> String {
    let stack = if dual_stack { ".dualstack" } else { "" };
    format!("s3-accelerate{stack}.amazonaws.com")
}

/// The parts of an access point's ARN.
#[derive(Clone, Copy)]
pub(super) struct AccessPoint<'a> {
    partition: &'a str,
    region: &'a str,
    account: &'a str,
    name: &'a str,
}

impl<'a> AccessPoint<'a> {
    pub(super) fn parse(arn: &'a str) -> Option<Self> {
        let mut parts = arn.splitn(6, ':');
        let (Some("arn"), Some(partition), Some("s3"), Some(region), Some(account), Some(resource)) =
            (parts.next(), parts.next(), parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return None;
        };
        let name = resource.strip_prefix("accesspoint/").or_else(|| resource.strip_prefix("accesspoint:"))?;
        Self { partition, region, account, name }.checked()
    }

    fn checked(self) -> Option<Self> {
        let named = is_dns_name(self.name) && !self.name.contains('.') && self.name.len() <= 50;
        let owned = is_account(self.account);
        (named && owned && is_name(self.region) && is_name(self.partition)).then_some(self)
    }
}

/// The alias of an access point that spans regions, which there are in one partition only.
fn alias_of(arn: &str) -> Option<&str> {
    let (account, resource) = arn.strip_prefix("arn:aws:s3::")?.split_once(':')?;
    let alias = resource.strip_prefix("accesspoint/")?.strip_suffix(".mrap")?;
    (is_account(account) && is_dns_name(alias) && !alias.contains('.')).then_some(alias)
}

/// The zone of a directory bucket or of an access point to one, which its name ends in: `<name>--<zone>--x-s3`.
fn zone_of(bucket: &str) -> Option<&str> {
    let name = bucket.strip_suffix("--x-s3").or_else(|| bucket.strip_suffix("--xa-s3"))?;
    let (base, zone) = name.rsplit_once("--")?;
    (!base.is_empty() && !zone.is_empty() && is_dns_name(bucket) && !bucket.contains('.')).then_some(zone)
}

fn is_account(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// A bucket name that some S3 accepts: 3 to 255 letters, digits, `.`, `-` or `_`.
pub(super) fn check_bucket(name: &str) -> Result<(), IssueError> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
    if (3..=255).contains(&name.len()) && name.bytes().all(plain) && name.bytes().any(|b| b.is_ascii_alphanumeric()) {
        return Ok(());
    }
    Err(IssueError::Invalid { what: "bucket name", why: "it must be 3 to 255 letters, digits, `.`, `-` or `_`" })
}

/// Whether a bucket name follows the general rules and so can be part of a host.
fn is_dns_name(name: &str) -> bool {
    (3..=63).contains(&name.len())
        && name.split('.').all(|label| {
            let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
            !label.is_empty() && label.bytes().all(inner) && !label.starts_with('-') && !label.ends_with('-')
        })
        && name.parse::<core::net::Ipv4Addr>().is_err()
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    fn locate(endpoint: &Endpoint, bucket: &str) -> Option<String> {
        endpoint.locate(bucket).ok().map(|(origin, path)| format!("{origin}{path}"))
    }

    #[test]
    fn what_was_located_is_found_again() {
        let aws = || Endpoint::aws(Region::new("eu-west-1").unwrap());
        let custom = || Endpoint::custom("https://minio.example:9000", Region::new("us-east-1").unwrap()).unwrap();
        let point = "arn:aws:s3:eu-west-1:123456789012:accesspoint/a-reader";
        for (endpoint, buckets) in [
            (aws(), ["abc", "www.example.com", point]),
            (aws().path_style(), ["abc", "Upper_case", point]),
            (aws().virtual_hosted(), ["abc", "a-b", point]),
            (aws().fips().dual_stack(), ["abc", "a-b", point]),
            (aws().accelerate().dual_stack(), ["abc", "a-b", "s3"]),
            (custom(), ["abc", "www.example.com", "Upper_case"]),
            (custom().virtual_hosted(), ["abc", "a-b", "s3"]),
        ] {
            for bucket in buckets {
                let Ok((origin, prefix)) = endpoint.locate(bucket) else {
                    assert_eq!(bucket, "s3", "too short for a bucket");
                    continue;
                };
                let path = format!("{prefix}a/b%20c");
                let host = origin.host().to_ascii_uppercase();
                assert_eq!(
                    endpoint.find(origin.host(), &path),
                    Ok((Some(bucket.to_owned()), "a/b%20c")),
                    "{endpoint:?}"
                );
                assert_eq!(endpoint.find(&host, &path).is_ok(), prefix != "/", "the case of a bucket counts");
                assert!(endpoint.find(&format!("x{host}"), &path).is_err(), "{host}");
            }
        }
        // A directory bucket has a host of its own, and no other.
        let (zonal, directory) = ("s3express-euw1-az1.eu-west-1.amazonaws.com", "abc--euw1-az1--x-s3");
        assert_eq!(aws().find(&format!("{directory}.{zonal}"), "/a/b"), Ok((Some(directory.into()), "a/b")));
        for (host, path) in [
            (format!("{directory}.s3.eu-west-1.amazonaws.com"), "/a".to_owned()),
            ("s3.eu-west-1.amazonaws.com".to_owned(), format!("/{directory}/a")),
            (format!("abc--euw1-az2--x-s3.{zonal}"), "/a".to_owned()),
            (zonal.to_owned(), format!("/{directory}/a")),
        ] {
            assert!(aws().find(&host, &path).is_err(), "{host}{path}");
        }
        // Amazon takes both places, another server the one that it is told of.
        assert_eq!(aws().find("s3.eu-west-1.amazonaws.com", "/abc"), Ok((Some("abc".into()), "")));
        assert_eq!(aws().find("s3.eu-west-1.amazonaws.com", "/"), Ok((None, "")));
        for (endpoint, host, path) in [
            (aws(), "abc.s3.us-east-1.amazonaws.com", "/a"),
            (aws(), ".s3.eu-west-1.amazonaws.com", "/a"),
            (aws(), "s3.eu-west-1.amazonaws.com", "/ab/a"),
            (aws(), "s3.eu-west-1.amazonaws.com", "//a"),
            (aws(), "s3.eu-west-1.amazonaws.com", "/a%62c/a"),
            (aws().path_style(), "abc.s3.eu-west-1.amazonaws.com", "/a"),
            (aws().virtual_hosted(), "s3.eu-west-1.amazonaws.com", "/abc/a"),
            (aws(), "reader-12.s3-accesspoint.eu-west-1.amazonaws.com", "/a"),
            (custom(), "abc.minio.example:9000", "/abc/a"),
            (custom(), "minio.example", "/abc/a"),
        ] {
            assert!(endpoint.find(host, path).is_err(), "{host}{path}");
        }
    }

    #[test]
    fn buckets_go_where_they_work() {
        let aws = |region: &str| Endpoint::aws(Region::new(region).unwrap());
        let url = |text: &str| Some(text.to_string());
        assert_eq!(locate(&aws("cn-north-1"), "abc"), url("https://abc.s3.cn-north-1.amazonaws.com.cn/"));
        assert_eq!(
            locate(&aws("us-gov-west-1").fips(), "abc"),
            url("https://abc.s3-fips.us-gov-west-1.amazonaws.com/")
        );
        assert_eq!(
            locate(&aws("eu-west-1").dual_stack(), "abc"),
            url("https://abc.s3.dualstack.eu-west-1.amazonaws.com/")
        );
        assert_eq!(locate(&aws("eu-west-1").accelerate(), "abc"), url("https://abc.s3-accelerate.amazonaws.com/"));
        assert_eq!(locate(&aws("eu-west-1"), "Upper_case"), url("https://s3.eu-west-1.amazonaws.com/Upper_case/"));
        assert_eq!(locate(&aws("eu-west-1"), "192.168.0.1"), url("https://s3.eu-west-1.amazonaws.com/192.168.0.1/"));
        assert_eq!(locate(&aws("eu-west-1").virtual_hosted(), "a.dotted.bucket"), None);
        assert_eq!(locate(&aws("eu-west-1").accelerate(), "a.dotted.bucket"), None);
        let directory = "photos--usw2-az1--x-s3";
        let zonal = "https://photos--usw2-az1--x-s3.s3express-usw2-az1.us-west-2.amazonaws.com/";
        assert_eq!(locate(&aws("us-west-2"), directory), url(zonal));
        assert_eq!(
            locate(&aws("us-west-2").fips().dual_stack(), "reader--usw2-az1--xa-s3"),
            url("https://reader--usw2-az1--xa-s3.s3express-fips-usw2-az1.dualstack.us-west-2.amazonaws.com/")
        );
        for endpoint in [aws("us-west-2").path_style(), aws("us-west-2").accelerate()] {
            assert_eq!(locate(&endpoint, directory), None);
        }
        // Nearly one, and one that another server serves.
        assert_eq!(locate(&aws("us-west-2"), "photos--x-s3"), url("https://photos--x-s3.s3.us-west-2.amazonaws.com/"));
        let other = Endpoint::custom("https://minio.example", Region::new("us-west-2").unwrap()).unwrap();
        assert_eq!(locate(&other, directory), url("https://minio.example/photos--usw2-az1--x-s3/"));
        let multi_region = "arn:aws:s3::123456789012:accesspoint/mfzwi23gnjvgw.mrap";
        let global = "https://mfzwi23gnjvgw.mrap.accesspoint.s3-global.amazonaws.com/";
        assert_eq!(locate(&aws("eu-west-1"), multi_region), url(global));
        assert_eq!(locate(&aws("eu-west-1").fips(), multi_region), None);
        for (from, to) in [("aws", "aws-cn"), (".mrap", ""), ("/", ":"), ("12:", "1:"), ("zwi23", ".")] {
            assert_eq!(locate(&aws("eu-west-1"), &multi_region.replacen(from, to, 1)), None, "{from} {to}");
        }
        for bucket in ["ab", "", "a/b", "...", "a b c", "arn:aws:s3:us-east-1:123456789012:accesspoint/reader"] {
            assert_eq!(locate(&aws("eu-west-1"), bucket), None, "{bucket}");
        }
    }
}
