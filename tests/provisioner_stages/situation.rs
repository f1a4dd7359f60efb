//! Scenarios of onboarding, the account before them, runs, and assertions.

use std::{
    collections::BTreeMap,
    io::{Cursor, Write},
};

use cast_spot_provisioner::{
    apply::CancelToken,
    facts::{AuthenticationMode, Cluster},
    names::{self, TAG_MANAGED},
    offboard::{self, Removal, offboard},
    onboard::{PlanError, onboard, plan},
    report::{Outcome, Report},
    resource::Resource,
    spec::{Request, Spec},
};

use crate::{
    account::{Account, Place},
    others,
};

/// The choices of one onboarding.
#[expect(clippy::struct_excessive_bools, reason = "independent choices, each with each other")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Scenario {
    pub(crate) user: bool,
    pub(crate) documented: bool,
    pub(crate) config_map: bool,
    pub(crate) private: bool,
    /// Whether other clusters are already onboarded: `stage` in the same region, `far` in another.
    pub(crate) beside: bool,
}

pub(crate) const DEFAULT: Scenario =
    Scenario { user: false, documented: false, config_map: false, private: false, beside: false };

/// All pairs of choices, in as few scenarios as possible. Not private beside others: the
/// function's security group stays while it serves any cluster, so offboarding would not restore the account.
pub(crate) const PAIRS: [Scenario; 7] = [
    DEFAULT,
    Scenario { documented: true, config_map: true, private: true, ..DEFAULT },
    Scenario { user: true, config_map: true, private: true, ..DEFAULT },
    Scenario { user: true, documented: true, private: true, ..DEFAULT },
    Scenario { user: true, documented: true, config_map: true, beside: true, ..DEFAULT },
    Scenario { documented: true, beside: true, ..DEFAULT },
    Scenario { user: true, beside: true, ..DEFAULT },
];

/// All combinations of choices.
pub(crate) fn scenarios() -> impl Iterator<Item = Scenario> {
    (0..16).map(|n| Scenario {
        user: n & 1 != 0,
        documented: n & 2 != 0,
        config_map: n & 4 != 0,
        private: n & 8 != 0,
        beside: false,
    })
}

impl Scenario {
    /// The account before `prod` is onboarded.
    pub(crate) async fn account(self) -> Account {
        let account = Account::new("eu-west-1", "prod").with_cluster(|cluster| {
            if self.config_map {
                cluster.authentication_mode = AuthenticationMode::ConfigMap;
            }
            if self.private {
                make_private(cluster);
            }
        });
        others::seed_foreign(&account);
        if self.beside {
            for (region, name) in [("eu-west-1", "stage"), ("us-east-1", "far")] {
                let report = run(&DEFAULT.spec_of(name), &account.of(region, name)).await.unwrap();
                assert!(report.is_complete(), "{name}: {report:?}");
            }
            // Once more, now that both are registered.
            assert!(
                run(&DEFAULT.spec_of("stage"), &account.of("eu-west-1", "stage"))
                    .await
                    .unwrap()
                    .is_complete()
            );
            others::attach_foreign(&account);
        }
        account.inject(None);
        account
    }

    pub(crate) fn request(self, cluster: &str) -> Request {
        let role = |text: &str| (!self.user).then(|| text.to_owned());
        Request {
            cluster: cluster.to_owned(),
            mode: if self.user { "user" } else { "role" }.to_owned(),
            principal: role("arn:aws:iam::210987654321:root"),
            external_id: role("e-1"),
            // Defaults are left out.
            documented_privilege: self.documented.then_some(true),
            package: Some(release(0)),
            ..Request::default()
        }
    }

    pub(crate) fn spec_of(self, cluster: &str) -> Spec {
        self.request(cluster).validate().unwrap()
    }

    /// All choices explicit, defaults too: a changed choice.
    pub(crate) fn chosen(self) -> Spec {
        Request { documented_privilege: Some(self.documented), ..self.request("prod") }.validate().unwrap()
    }

    pub(crate) fn spec(self) -> Spec {
        self.spec_of("prod")
    }

    /// The account before and after an undisturbed onboarding, and the number of its writes.
    pub(crate) async fn undisturbed(self) -> (Account, Account, usize) {
        let before = self.account().await;
        let after = before.copy();
        assert!(run(&self.spec(), &after).await.unwrap().is_complete(), "{self:?}");
        assert_eq!(after.broken(), Vec::<String>::new(), "{self:?}");
        let writes = after.counts().1;
        (before, after, writes)
    }
}

/// Gives it so long a certificate authority that its endpoint does not fit into the environment.
pub(crate) fn make_long(cluster: &mut Cluster) {
    cluster.certificate_authority = "x".repeat(4_000);
}

/// Limits the API server of a cluster to its VPC.
pub(crate) fn make_private(cluster: &mut Cluster) {
    (cluster.public_access, cluster.private_access) = (false, true);
}

/// A zip with the head of a Linux program, different for each release.
pub(crate) fn release(number: u8) -> Vec<u8> {
    let mut program = vec![0x7f, b'E', b'L', b'F', 2];
    program.resize(18, 0);
    program.extend([0x3e, 0]);
    program.extend((number > 0).then_some(number));
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    zip.start_file("bootstrap", zip::write::SimpleFileOptions::default()).unwrap();
    zip.write_all(&program).unwrap();
    zip.finish().unwrap().into_inner()
}

/// The result of a run.
pub(crate) type Ended = Result<Report, PlanError>;

/// Plans and onboards.
pub(crate) async fn run(spec: &Spec, account: &Account) -> Ended {
    let planned = plan(spec, account).await?;
    onboard(spec, planned, account, &CancelToken::new(), &mut |_| ()).await
}

/// Plans and offboards.
pub(crate) async fn end(cluster: &str, account: &Account) -> Ended {
    let removal = Removal::of(cluster);
    let planned = offboard::plan(&removal, account).await?;
    offboard(&removal, planned, account, &CancelToken::new(), &mut |_| ()).await
}

/// The result of a run, or `None` if it is killed.
pub(crate) async fn unless_killed(account: &Account, running: impl Future<Output = Ended>) -> Option<Ended> {
    tokio::select! {
        biased;
        () = account.died() => None,
        ended = running => Some(ended),
    }
}

/// Onboards without faults, and asserts that all is done and works.
pub(crate) async fn completed(spec: &Spec, account: &Account, what: &str) {
    account.inject(None);
    let report = run(spec, account).await.unwrap();
    assert!(report.is_complete(), "{what}: {:?}", report.failures().collect::<Vec<_>>());
    assert_eq!(account.broken(), Vec::<String>::new(), "{what}");
    assert!(!account.served_unregistered(), "{what}: every served cluster is registered at every moment");
}

/// Offboards without faults, and asserts that all is done.
pub(crate) async fn ended(cluster: &str, account: &Account, what: &str) {
    account.inject(None);
    let report = end(cluster, account).await.unwrap();
    assert!(report.is_complete(), "{what}: {:?}", report.failures().collect::<Vec<_>>());
    assert_eq!(account.broken(), Vec::<String>::new(), "{what}");
    assert!(!account.served_unregistered(), "{what}: every served cluster is registered at every moment");
}

/// Asserts that two accounts hold the same; shows only what differs.
pub(crate) fn same(found: &Account, wanted: &Account, what: &str) {
    let (found, wanted) = (found.all(), wanted.all());
    let differs = |place: &&Place| found.get(*place) != wanted.get(*place);
    let places: std::collections::BTreeSet<&Place> = found.keys().chain(wanted.keys()).collect();
    let lines: Vec<String> = places
        .into_iter()
        .filter(differs)
        .map(|place| format!("{place:?}\n  is {:?}\n  not {:?}", found.get(place), wanted.get(place)))
        .collect();
    assert!(lines.is_empty(), "{what}\n{}", lines.join("\n"));
}

/// Asserts that foreign resources have not been written, by their revisions and dates.
pub(crate) fn untouched(found: &Account, before: &Account, what: &str) {
    let of_others = |account: &Account| {
        let mut objects = account.objects();
        objects.retain(|(_, id), object| !is_ours(&object.resource) && id.name.contains("theirs"));
        objects
    };
    assert_eq!(of_others(found), of_others(before), "{what}");
}

pub(crate) fn is_ours(resource: &Resource) -> bool {
    resource.tags().is_some_and(|tags| tags.contains_key(TAG_MANAGED))
}

/// Asserts that a report is true: done steps have taken effect, steps not reached have not.
pub(crate) fn tells_the_truth(report: &Report, account: &Account, before: &Account, what: &str) {
    let was: BTreeMap<Place, Resource> = before.all();
    let is: BTreeMap<Place, Resource> = account.all();
    for step in &report.steps {
        let place = account.place(&step.id);
        match step.outcome {
            Outcome::Done => assert_ne!(
                is.contains_key(&place),
                step.action == cast_spot_provisioner::plan::Action::Delete,
                "{what}: {} is reported as done",
                step.id
            ),
            Outcome::NotReached => {
                assert_eq!(is.get(&place), was.get(&place), "{what}: {} was not reached", step.id);
            }
            Outcome::Kept | Outcome::Failed { .. } => {}
        }
    }
    assert!(report.steps.iter().any(|step| step.id.name.contains(names::FUNCTION)));
}
