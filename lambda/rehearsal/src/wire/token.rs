//! EKS bearer tokens, checked as aws-iam-authenticator does it, but for the signature.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use jiff::{SignedDuration, Timestamp, civil::DateTime, tz::TimeZone};

/// A token is good for so long after it was signed.
const LIFETIME: SignedDuration = SignedDuration::from_mins(15);

/// Refuses a bad token, with the reason.
pub(super) fn check(authorization: Option<&str>, now: Timestamp) -> Result<(), &'static str> {
    let token = authorization.and_then(|header| header.strip_prefix("Bearer ")).ok_or("no bearer token")?;
    let encoded = token.strip_prefix("k8s-aws-v1.").ok_or("not an EKS token")?;
    let url = URL_SAFE_NO_PAD.decode(encoded).map_err(|_| "not base64url without padding")?;
    let url = String::from_utf8(url).map_err(|_| "not text")?;
    let (address, query) = url.split_once('?').ok_or("no query")?;
    let host = address.strip_prefix("https://sts.").ok_or("not an STS address")?;
    if !host.trim_end_matches('/').ends_with(".amazonaws.com") {
        return Err("not an STS address");
    }
    let parameter = |name: &str| {
        let mut pairs = form_urlencoded::parse(query.as_bytes());
        pairs.find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    };
    if parameter("Action").as_deref() != Some("GetCallerIdentity") {
        return Err("not GetCallerIdentity");
    }
    let headers = parameter("X-Amz-SignedHeaders").ok_or("no X-Amz-SignedHeaders")?;
    if !headers.split(';').any(|name| name == "x-k8s-aws-id") {
        return Err("x-k8s-aws-id is not signed");
    }
    let expires = parameter("X-Amz-Expires").and_then(|seconds| seconds.parse::<u32>().ok());
    if expires.is_none_or(|seconds| seconds > 900) {
        return Err("X-Amz-Expires is not within 0 to 900");
    }
    let date = parameter("X-Amz-Date").ok_or("no X-Amz-Date")?;
    let signed = DateTime::strptime("%Y%m%dT%H%M%SZ", date).map_err(|_| "X-Amz-Date is not a date")?;
    let signed = signed.to_zoned(TimeZone::UTC).map_err(|_| "X-Amz-Date is not a date")?.timestamp();
    let age = now.duration_since(signed);
    if age > LIFETIME {
        return Err("expired");
    }
    if age < -LIFETIME {
        return Err("signed in the future");
    }
    Ok(())
}
