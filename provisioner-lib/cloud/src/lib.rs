//! Access to AWS and Kubernetes, shared by the provisioner and savings: credentials, region, TLS and time limits; the
//! caller, the cluster and its API server; the meaning of errors. It decides nothing and writes nothing.

mod access;
mod cluster;
mod connection;
mod error;
mod https;
mod identity;
mod kube_error;
mod kubeconfig;
mod mfa;
mod profile;
mod sdk_error;
#[cfg(any(test, feature = "test"))]
pub mod wire;

pub use access::Access;
pub use cluster::{AuthenticationMode, Cluster};
pub use connection::{Connection, limits};
pub use error::{Error, ErrorKind, with_causes};
pub use https::{exchange, fetch, get, is_local_http};
pub use identity::Identity;
pub use kube_error::{from_kube, is_not_found};
pub use kubeconfig::{Kubeconfig, KubeconfigFile, read_kubeconfig};
pub use mfa::MfaDevice;
pub use sdk_error::{Failure, code_and_message, from_sdk, is_absent, listed, ok_if_absent, optional};
