//! The bearer token of EKS: a presigned STS GetCallerIdentity, signed locally; the control plane sends it
//! to STS. (EKS: aws-iam-authenticator, "API Authorization from Outside a Cluster".)

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use aws_config::SdkConfig;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SignatureLocation, SigningSettings, sign},
    sign::v4::SigningParams,
};
use aws_smithy_async::time::SharedTimeSource;
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use cast_spot_infra::partitions::Partition;
use tower::BoxError;

/// Header that binds the token to one cluster.
const CLUSTER_HEADER: &str = "x-k8s-aws-id";

/// EKS takes a token for 15 minutes from its signature; it is renewed well before.
const RENEW_AFTER: Duration = Duration::from_mins(10);

/// A younger token is not the reason why its caller is not known: another one would be the same question to STS.
const KEEP_FOR: Duration = Duration::from_mins(1);

/// Signs tokens for one cluster.
#[derive(Debug, Clone)]
pub(super) struct Signer {
    cluster: String,
    region: String,
    credentials: Option<SharedCredentialsProvider>,
    clock: SharedTimeSource,
    token: Arc<Mutex<Option<Token>>>,
}

#[derive(Debug, Clone)]
struct Token {
    text: String,
    signed: SystemTime,
    until: SystemTime,
}

impl Signer {
    pub(super) fn new(sdk: &SdkConfig, cluster: &str) -> Self {
        Self {
            cluster: cluster.to_owned(),
            region: sdk.region().map(ToString::to_string).unwrap_or_default(),
            credentials: sdk.credentials_provider(),
            clock: sdk.time_source().unwrap_or_default(),
            token: Arc::default(),
        }
    }

    /// A token that is good for five minutes at least, or as long as its credentials.
    pub(super) async fn token(&self) -> Result<String, BoxError> {
        let now = self.clock.now();
        let last = self.token.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(token) = last
            && now < token.until
        {
            return Ok(token.text);
        }
        let provider = self.credentials.as_ref().ok_or("no AWS credentials configured")?;
        let credentials = provider.provide_credentials().await?;
        let until = now + RENEW_AFTER;
        let until = credentials.expiry().map_or(until, |expiry| until.min(expiry));
        let text = self.sign(credentials, now)?;
        *self.token.lock().unwrap_or_else(PoisonError::into_inner) =
            Some(Token { text: text.clone(), signed: now, until });
        Ok(text)
    }

    /// Drops the token that the API server did not accept, unless it is a young one.
    pub(super) fn forget_old(&self) {
        let now = self.clock.now();
        let mut token = self.token.lock().unwrap_or_else(PoisonError::into_inner);
        *token = token.take().filter(|token| now < token.signed + KEEP_FOR);
    }

    fn sign(
        &self,
        credentials: aws_credential_types::Credentials,
        now: SystemTime,
    ) -> Result<String, BoxError> {
        let (region, domain) = (&self.region, Partition::of_region_or_aws(&self.region).dns_suffix);
        let url = format!("https://sts.{region}.{domain}/?Action=GetCallerIdentity&Version=2011-06-15");
        let mut settings = SigningSettings::default();
        settings.signature_location = SignatureLocation::QueryParams;
        settings.expires_in = Some(Duration::from_mins(1));
        let identity = credentials.into();
        let params = SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name("sts")
            .time(now)
            .settings(settings)
            .build()?;
        let headers = [(CLUSTER_HEADER, self.cluster.as_str())].into_iter();
        let request = SignableRequest::new("GET", &url, headers, SignableBody::Bytes(&[]))?;
        let (instructions, _signature) = sign(request, &params.into())?.into_parts();
        let mut request = http::Request::get(&url).body(())?;
        instructions.apply_to_request_http1x(&mut request);
        Ok(format!("k8s-aws-v1.{}", BASE64_URL_SAFE_NO_PAD.encode(request.uri().to_string())))
    }
}

#[cfg(test)]
mod tests {
    use aws_credential_types::Credentials;

    use super::*;

    fn url(region: &str) -> String {
        let sdk = SdkConfig::builder().region(aws_config::Region::new(region.to_owned())).build();
        let credentials = Credentials::new("AKIDEXAMPLE", "secret", Some("session".into()), None, "test");
        let now = SystemTime::UNIX_EPOCH + Duration::from_hours(498_705);
        let token = Signer::new(&sdk, "prod").sign(credentials, now).unwrap();
        let encoded = token.strip_prefix("k8s-aws-v1.").unwrap();
        assert!(!encoded.contains('='), "padding");
        String::from_utf8(BASE64_URL_SAFE_NO_PAD.decode(encoded).unwrap()).unwrap()
    }

    #[test]
    fn the_token_is_a_presigned_call_bound_to_the_cluster() {
        let url = url("eu-west-1");
        assert!(url.starts_with("https://sts.eu-west-1.amazonaws.com/?"), "{url}");
        for part in [
            "Action=GetCallerIdentity",
            "Version=2011-06-15",
            "X-Amz-Algorithm=AWS4-HMAC-SHA256",
            "X-Amz-Expires=60",
            "X-Amz-SignedHeaders=host%3Bx-k8s-aws-id",
            "X-Amz-Security-Token=session",
            "X-Amz-Signature=",
        ] {
            assert!(url.contains(part), "{part} not in {url}");
        }
    }

    #[test]
    fn each_partition_has_its_own_domain() {
        for (region, domain) in [
            ("eu-west-1", "amazonaws.com"),
            ("us-gov-west-1", "amazonaws.com"),
            ("cn-north-1", "amazonaws.com.cn"),
            ("eusc-de-east-1", "amazonaws.eu"),
            ("us-iso-east-1", "c2s.ic.gov"),
            ("us-isob-east-1", "sc2s.sgov.gov"),
            ("eu-isoe-west-1", "cloud.adc-e.uk"),
            ("us-isof-south-1", "csp.hci.ic.gov"),
            ("ap-newest-9", "amazonaws.com"),
        ] {
            let url = url(region);
            assert!(url.starts_with(&format!("https://sts.{region}.{domain}/?")), "{url}");
        }
    }
}
