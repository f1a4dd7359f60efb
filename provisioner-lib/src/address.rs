//! Addresses that a secret is sent to, checked with the parser that the calls go through.

use cast_spot_cloud::is_local_http;
use http::Uri;

const NOT_HTTPS: &str = "not an https:// address";

/// Why a secret may not be sent to `address`: it has to be encrypted, or to stay within this machine.
#[must_use]
pub fn problem(address: &str) -> Option<&'static str> {
    if address.contains(['?', '#']) {
        return Some("an address with a query or a fragment");
    }
    let Some(uri) = address.parse::<Uri>().ok().filter(|_| address.is_ascii()) else {
        return Some(NOT_HTTPS);
    };
    let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else { return Some(NOT_HTTPS) };
    if authority.as_str().contains('@') {
        return Some("an address with a user name");
    }
    let host = authority.host();
    let is_host = |c: char| c.is_ascii_alphanumeric() || ".-[:]".contains(c);
    let port = authority.port_u16().map_or_else(String::new, |port| format!(":{port}"));
    if host.is_empty() || !host.chars().all(is_host) || authority.as_str() != format!("{host}{port}") {
        return Some("not the address of a host");
    }
    (scheme != "https" && !is_local_http(&uri)).then_some(NOT_HTTPS)
}

/// The address without the parts that may be secret: user name, password, query and fragment.
#[must_use]
pub fn shown(address: &str) -> String {
    let (scheme, rest) = address.split_once("://").unwrap_or(("", address));
    let end = rest.find(['?', '#']).unwrap_or(rest.len());
    let (rest, cut) = (&rest[..end], if end < rest.len() { "…" } else { "" });
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host =
        authority.rsplit_once('@').map_or_else(|| authority.to_owned(), |(_, host)| format!("…@{host}"));
    let scheme = if scheme.is_empty() { String::new() } else { format!("{scheme}://") };
    format!("{scheme}{host}{path}{cut}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_leaves_the_machine_encrypted_only() {
        for address in [
            "https://api.example.com",
            "https://api.example.com:8443/base/",
            "https://[2001:db8::1]/",
            "http://127.0.0.1:8080",
            "http://localhost",
            "http://localhost:1/base",
            "http://[::1]:8080",
        ] {
            assert_eq!(problem(address), None, "{address}");
        }
        for (address, words) in [
            ("http://localhost.example.com", NOT_HTTPS),
            ("http://api.example.com", NOT_HTTPS),
            ("http://127.1", NOT_HTTPS),
            ("http://0177.0.0.1", NOT_HTTPS),
            ("http://[::ffff:127.0.0.1]", NOT_HTTPS),
            ("ftp://127.0.0.1", NOT_HTTPS),
            ("https://", NOT_HTTPS),
            ("api.example.com", NOT_HTTPS),
            ("https://api.example.com\\@evil.example", NOT_HTTPS),
            ("https://a b", NOT_HTTPS),
            ("http://localhost:1@evil.example", "with a user name"),
            ("https://localhost@evil.example", "with a user name"),
            ("https://api.example.com?a=b", "with a query"),
            ("https://api.example.com/#a", "with a query"),
            ("https://api.example.com:", "of a host"),
            ("https://api.example.com:99999", "of a host"),
            ("https://:443", "of a host"),
            ("https://a%2fb", NOT_HTTPS),
            ("https://a,b", "of a host"),
        ] {
            let found = problem(address);
            assert!(found.is_some_and(|problem| problem.contains(words)), "{address}: {found:?}");
        }
    }

    #[test]
    fn secret_parts_of_an_address_are_not_shown() {
        for (address, expected) in [
            ("https://me:pa55@api.example.com/a?token=s3cret", "https://…@api.example.com/a…"),
            ("https://pa@55@b#s3cret", "https://…@b…"),
            ("me:pa55@b", "…@b"),
            ("https://api.example.com:8443/@a", "https://api.example.com:8443/@a"),
        ] {
            assert_eq!(shown(address), expected);
        }
    }
}
