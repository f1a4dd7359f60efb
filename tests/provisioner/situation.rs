//! Requests of all kinds, and runs of them.

use std::io::{Cursor, Write};

use cast_spot_provisioner::{
    apply::Stop,
    facts::AuthenticationMode,
    offboard::{self, offboard},
    onboard::{PlanError, onboard, plan},
    report::Report,
    spec::{Request, Spec},
};

use crate::account::Account;

/// One way to onboard.
#[expect(clippy::struct_excessive_bools, reason = "choices that have nothing to do with one another")]
#[derive(Debug, Clone, Copy)]
pub(crate) struct Way {
    pub(crate) user: bool,
    pub(crate) least: bool,
    pub(crate) config_map: bool,
    pub(crate) private: bool,
}

/// Every choice, each with each.
pub(crate) fn ways() -> impl Iterator<Item = Way> {
    (0..16).map(|n| Way { user: n & 1 != 0, least: n & 2 != 0, config_map: n & 4 != 0, private: n & 8 != 0 })
}

pub(crate) const USUAL: Way = Way { user: false, least: false, config_map: false, private: false };

impl Way {
    /// An account with such a cluster.
    pub(crate) fn account(self) -> Account {
        let mut account = Account::with_others();
        self.shape(&mut account);
        account
    }

    pub(crate) fn shape(self, account: &mut Account) {
        if self.config_map {
            account.cluster.authentication_mode = AuthenticationMode::ConfigMap;
        }
        if self.private {
            (account.cluster.public_access, account.cluster.private_access) = (false, true);
        }
    }

    pub(crate) fn request(self, cluster: &str) -> Request {
        let role = |text: &str| (!self.user).then(|| text.to_owned());
        Request {
            cluster: cluster.to_owned(),
            mode: if self.user { "user" } else { "role" }.to_owned(),
            principal: role("arn:aws:iam::210987654321:root"),
            external_id: role("e-1"),
            least_privilege: self.least,
            package: Some(package()),
            ..Request::default()
        }
    }

    pub(crate) fn spec(self) -> Spec {
        self.request("prod").validate().unwrap()
    }
}

/// A zip with the head of a Linux program in it.
fn package() -> Vec<u8> {
    let mut program = vec![0x7f, b'E', b'L', b'F', 2];
    program.resize(18, 0);
    program.extend([0x3e, 0]);
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    zip.start_file("bootstrap", zip::write::SimpleFileOptions::default()).unwrap();
    zip.write_all(&program).unwrap();
    zip.finish().unwrap().into_inner()
}

/// Plans and onboards.
pub(crate) async fn run(spec: &Spec, account: &Account) -> Result<Report, PlanError> {
    let planned = plan(spec, account).await?;
    onboard(spec, planned, account, &Stop::new(), &mut |_| ()).await
}

/// Plans and offboards.
pub(crate) async fn end(cluster: &str, account: &Account) -> Result<Report, PlanError> {
    let planned = offboard::plan(cluster, account).await?;
    offboard(cluster, planned, account, &Stop::new(), &mut |_| ()).await
}
