//! HTTPS with Mozilla's root certificates and those of a bundle, through the proxy that the environment names.

use std::{sync::OnceLock, time::Duration};

use aws_smithy_http_client::{
    Builder, Connector,
    proxy::ProxyConfig,
    tls::{Provider as Tls, TlsContext, TrustStore, rustls_provider::CryptoMode},
};
use aws_smithy_runtime_api::client::{
    http::{HttpConnector, HttpConnectorSettings, SharedHttpClient},
    orchestrator::HttpRequest,
    runtime_components::RuntimeComponents,
};
use aws_smithy_types::{body::SdkBody, byte_stream::ByteStream};
use aws_types::os_shim_internal::Fs;
use base64::{Engine, prelude::BASE64_STANDARD};
use rustls::{
    RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};

use crate::error::{Error, ErrorKind, with_causes};

/// Limit of one exchange outside the SDKs.
const ANSWER: Duration = Duration::from_secs(30);

/// The bundle of the first connection, for exchanges that belong to no SDK.
static BUNDLE: OnceLock<Option<String>> = OnceLock::new();

/// Certificates beside Mozilla's (PEM), as `AWS_CA_BUNDLE` and `ca_bundle` name them: the authority of a proxy that
/// inspects, of an endpoint of one's own.
pub(crate) async fn bundle(source: &str, path: &str, fs: &Fs) -> Result<String, Error> {
    let fault = |problem: String| {
        Error::other("TLS", format!("{source} {path}: {problem}")).hint(
            "name a file of certificates in PEM; `openssl x509 -in FILE -noout -subject` shows the first one",
        )
    };
    let pem = fs.read_to_end(path).await.map_err(|error| fault(error.to_string()))?;
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    let certificates = certificates.map_err(|error| fault(error.to_string()))?;
    if certificates.is_empty() {
        return Err(fault("there is no certificate in it".to_owned()));
    }
    let mut roots = RootCertStore::empty();
    for (place, certificate) in certificates.into_iter().enumerate() {
        roots.add(certificate).map_err(|error| fault(format!("certificate {}: {error}", place + 1)))?;
    }
    Ok(String::from_utf8_lossy(&pem).into_owned())
}

/// TLS that trusts Mozilla's root certificates and those of `bundle`.
fn tls_context(bundle: Option<&str>) -> Result<TlsContext, String> {
    let mut pem = String::new();
    for root in webpki_root_certs::TLS_SERVER_ROOT_CERTS {
        pem.push_str("-----BEGIN CERTIFICATE-----\n");
        pem.push_str(&BASE64_STANDARD.encode(root));
        pem.push_str("\n-----END CERTIFICATE-----\n");
    }
    pem.push_str(bundle.unwrap_or_default());
    let roots = TrustStore::empty().with_pem_certificate(pem);
    TlsContext::builder().with_trust_store(roots).build().map_err(|error| error.to_string())
}

/// Sends one request outside the SDKs. Returns status and body of the answer, or why there is none.
pub async fn exchange(request: http::Request<SdkBody>) -> Result<(u16, Vec<u8>), String> {
    exchange_within(ANSWER, request).await
}

/// Reads `url`. Returns status and body of the answer, or why there is none within the limit.
pub async fn get(url: &str, limit: Duration) -> Result<(u16, Vec<u8>), String> {
    let request = http::Request::get(url).body(SdkBody::empty()).map_err(|error| error.to_string())?;
    exchange_within(limit, request).await
}

async fn exchange_within(limit: Duration, request: http::Request<SdkBody>) -> Result<(u16, Vec<u8>), String> {
    // A proxy would get what is only meant for this machine.
    let proxy = if is_local_http(request.uri()) { ProxyConfig::disabled() } else { ProxyConfig::from_env() };
    let request = HttpRequest::try_from(request).map_err(|error| error.to_string())?;
    let bundle = BUNDLE.get().and_then(Option::as_deref);
    let connector = connector(tls_context(bundle)?, proxy, None, None);
    let exchange = async {
        let response = connector.call(request).await.map_err(|error| with_causes(&error))?;
        let status = response.status().as_u16();
        let body = ByteStream::new(response.into_body()).collect().await;
        Ok((status, body.map_err(|error| with_causes(&error))?.to_vec()))
    };
    let late = |_| format!("no answer within {} s", limit.as_secs());
    tokio::time::timeout(limit, exchange).await.map_err(late)?
}

/// Whether a call without encryption stays within this machine.
#[must_use]
pub fn is_local_http(address: &http::Uri) -> bool {
    let is_local = |host| ["127.0.0.1", "localhost", "[::1]"].contains(&host);
    address.scheme_str() == Some("http") && address.host().is_some_and(is_local)
}

/// Downloads `url`, which an answer to `call` has named and signed.
pub async fn fetch(call: &str, url: &str) -> Result<Vec<u8>, Error> {
    let unreachable = |words: String| {
        let host = url.split('/').nth(2).unwrap_or_default();
        Error::new(ErrorKind::Unreachable, call, format!("{host}: {words}"))
            .hint("check the way to S3, where Lambda keeps its zips, and HTTPS_PROXY")
    };
    match get(url, ANSWER).await.map_err(unreachable)? {
        (200, body) => Ok(body),
        (status, _) => Err(unreachable(format!("HTTP {status}"))),
    }
}

/// The HTTP client of all SDKs, which trusts `bundle`, too.
pub(crate) fn client(bundle: Option<String>) -> Result<SharedHttpClient, String> {
    let tls = tls_context(bundle.as_deref())?;
    BUNDLE.get_or_init(|| bundle);
    Ok(Builder::new().build_with_connector_fn(move |settings, components| {
        connector(tls.clone(), ProxyConfig::from_env(), settings, components)
    }))
}

fn connector(
    tls: TlsContext,
    proxy: ProxyConfig,
    settings: Option<&HttpConnectorSettings>,
    components: Option<&RuntimeComponents>,
) -> Connector {
    let mut connector = Connector::builder()
        .proxy_config(proxy)
        .tls_provider(Tls::Rustls(CryptoMode::AwsLc))
        .tls_context(tls)
        .connector_settings(settings.cloned().unwrap_or_default());
    connector.set_sleep_impl(components.and_then(RuntimeComponents::sleep_impl));
    connector.build()
}

#[cfg(test)]
mod tests {
    use std::{
        io::{Read, Write},
        net::TcpListener,
    };

    use super::*;

    /// The proxy comes from the environment, so the call is made by a child.
    #[tokio::test]
    async fn a_call_within_the_machine_uses_no_proxy() {
        if let Some(address) = std::env::args().find(|argument| argument.starts_with("http://")) {
            let request = http::Request::get(address).body(SdkBody::empty()).unwrap();
            assert_eq!(exchange(request).await, Ok((200, b"ok".to_vec())));
            return;
        }
        let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let server = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}/", server.local_addr().unwrap());
        std::thread::spawn(move || {
            let (mut stream, _) = server.accept().unwrap();
            let _ = stream.read(&mut [0; 4096]);
            stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").unwrap();
        });
        let name = std::thread::current().name().unwrap().to_owned();
        let mut child = std::process::Command::new(std::env::current_exe().unwrap());
        child.args([&name, "--exact", &address]);
        for variable in ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"] {
            child.env(variable, format!("http://{closed}"));
        }
        let output = child.output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && text.contains("1 passed"), "{text}");
    }

    #[test]
    fn the_https_client_is_built_from_the_fixed_roots() {
        client(None).unwrap();
    }
}
