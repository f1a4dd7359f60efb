//! What goes wrong with calls: where, when, how.

/// An API of the world.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Api {
    /// Amazon EC2.
    Ec2,
    /// Amazon EC2 Auto Scaling.
    AutoScaling,
    /// Amazon EKS.
    Eks,
    /// The clusters' API servers.
    Kubernetes,
}

impl Api {
    /// Its name in traces and call counts.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Ec2 => "ec2",
            Self::AutoScaling => "autoscaling",
            Self::Eks => "eks",
            Self::Kubernetes => "kubernetes",
        }
    }
}

/// One fault. The first in the list that fits a call is what happens to it.
#[derive(Debug, Clone, PartialEq)]
pub struct Fault {
    /// Where.
    pub api: Api,
    /// In which cluster, for the API servers and EKS; `None`: all.
    pub cluster: Option<String>,
    /// Which operation (`DescribeInstances`, `create pods/eviction`); `None`: all.
    pub operation: Option<String>,
    /// First millisecond.
    pub from_ms: u64,
    /// First millisecond that is well again (`u64::MAX`: never).
    pub until_ms: u64,
    /// Share of the calls that it hits, in percent, seeded.
    pub percent: u8,
    /// Most calls that it hits; `None`: no limit.
    pub times: Option<u32>,
    /// What happens.
    pub kind: FaultKind,
}

/// What happens to a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FaultKind {
    /// Throttled: EC2 RequestLimitExceeded, Auto Scaling Throttling, API server 429 with Retry-After 1
    /// and no cause.
    Throttled,
    /// 503.
    Unavailable,
    /// 503 with so many seconds of Retry-After, as API servers answer. AWS names no time: there it is
    /// [`Self::Unavailable`].
    UnavailableFor(u32),
    /// 500.
    InternalError,
    /// Not allowed: AWS UnauthorizedOperation or AccessDenied, API server 403 of RBAC.
    Forbidden,
    /// An admission webhook of the API server denies the request with this status code, and says so: 400
    /// where the webhook names none, 403 or 500 where it does. With 422 a ValidatingAdmissionPolicy refuses it.
    /// AWS has no such answer: there it is [`Self::Forbidden`].
    Denied(u16),
    /// Another writer changes the PodDisruptionBudget's status for so many milliseconds. The API server tries
    /// again by itself for ten seconds, then answers 504 with Retry-After 10. It spends the disruption even if
    /// the caller has hung up meanwhile, and deletes the pod only if it has not. Evictions that no budget rules
    /// meet no conflict.
    ConflictFor(u64),
    /// The same, for patches that touch labels or annotations only.
    DeniedMetadata(u16),
    /// The caller is not known (401), as API servers answer also while STS throttles their authenticator.
    Unauthorized,
    /// The connection fails.
    Refused,
    /// The effect happens, and the connection breaks before the answer.
    AnswerLost,
    /// A watch's resourceVersion is too old (410).
    Expired,
    /// The answer takes so many milliseconds longer (`u64::MAX`: never comes). The effect happens after
    /// the wait, if the caller still waits.
    Hang(u64),
}

/// An error of AWS: status, code, message.
pub(crate) type AwsError<'a> = (u16, &'a str, &'a str);

impl FaultKind {
    /// The fault at a service of AWS that has these errors for throttling, missing permission, its own errors and outages.
    pub(crate) fn at_aws(
        self,
        [throttled, denied, internal, unavailable]: [AwsError<'_>; 4],
    ) -> AwsError<'_> {
        match self {
            Self::Throttled => throttled,
            Self::Forbidden | Self::Denied(_) | Self::Unauthorized => denied,
            Self::InternalError => internal,
            _ => unavailable,
        }
    }
}

impl Fault {
    /// Every call to `api`, for good.
    #[must_use]
    pub fn always(api: Api, kind: FaultKind) -> Self {
        Self {
            api,
            cluster: None,
            operation: None,
            from_ms: 0,
            until_ms: u64::MAX,
            percent: 100,
            times: None,
            kind,
        }
    }

    /// Only this operation.
    #[must_use]
    pub fn on(mut self, operation: &str) -> Self {
        self.operation = Some(operation.to_owned());
        self
    }

    /// Only in this cluster.
    #[must_use]
    pub fn in_cluster(mut self, cluster: &str) -> Self {
        self.cluster = Some(cluster.to_owned());
        self
    }

    /// Only in this window: `from_ms` included, `until_ms` not.
    #[must_use]
    pub fn between(mut self, from_ms: u64, until_ms: u64) -> Self {
        self.from_ms = from_ms;
        self.until_ms = until_ms;
        self
    }

    /// Only so many calls.
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.times = Some(times);
        self
    }

    /// Only a share of the calls.
    #[must_use]
    pub fn percent(mut self, percent: u8) -> Self {
        self.percent = percent;
        self
    }

    /// Whether it lasts at this time.
    pub(crate) fn covers(&self, at_ms: u64) -> bool {
        (self.from_ms..self.until_ms).contains(&at_ms)
    }

    /// All of the API servers, for all calls.
    pub(crate) fn is_outage(&self) -> bool {
        self.api == Api::Kubernetes
            && self.cluster.is_none()
            && self.operation.is_none()
            && self.percent >= 100
            && self.times.is_none()
    }
}
