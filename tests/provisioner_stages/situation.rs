//! Ways to onboard, the account before it, and runs.

use std::{
    collections::BTreeMap,
    io::{Cursor, Write},
};

use cast_spot_provisioner::{
    apply::Stop,
    facts::AuthenticationMode,
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

/// One way to onboard.
#[expect(clippy::struct_excessive_bools, reason = "independent choices, each with each other")]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Way {
    pub(crate) user: bool,
    pub(crate) least: bool,
    pub(crate) config_map: bool,
    pub(crate) private: bool,
    /// Whether clusters are onboarded already: `stage` in the same region, `far` in another.
    pub(crate) beside: bool,
}

pub(crate) const USUAL: Way =
    Way { user: false, least: false, config_map: false, private: false, beside: false };

/// Each choice with each other one, in as few ways as that takes. Not private beside others: the function stays in
/// the VPC as long as it serves anybody, so what was before does not come back.
pub(crate) const PAIRS: [Way; 7] = [
    USUAL,
    Way { least: true, config_map: true, private: true, ..USUAL },
    Way { user: true, config_map: true, private: true, ..USUAL },
    Way { user: true, least: true, private: true, ..USUAL },
    Way { user: true, least: true, config_map: true, beside: true, ..USUAL },
    Way { least: true, beside: true, ..USUAL },
    Way { user: true, beside: true, ..USUAL },
];

/// Every choice with every other one.
pub(crate) fn ways() -> impl Iterator<Item = Way> {
    (0..16).map(|n| Way {
        user: n & 1 != 0,
        least: n & 2 != 0,
        config_map: n & 4 != 0,
        private: n & 8 != 0,
        beside: false,
    })
}

impl Way {
    /// The account before anything is done about `prod`.
    pub(crate) async fn account(self) -> Account {
        let account = Account::new("eu-west-1", "prod").with_cluster(|cluster| {
            if self.config_map {
                cluster.authentication_mode = AuthenticationMode::ConfigMap;
            }
            if self.private {
                (cluster.public_access, cluster.private_access) = (false, true);
            }
        });
        others::live_in(&account);
        if self.beside {
            // As `prod` is to be: the choices of the function's role are the account's, and the last one holds.
            let shared = Way { least: self.least, ..USUAL };
            for (region, name) in [("eu-west-1", "stage"), ("us-east-1", "far")] {
                let report = run(&shared.spec_of(name), &account.of(region, name)).await.unwrap();
                assert!(report.is_complete(), "{name}: {report:?}");
            }
            // Once more, now that each knows of the other.
            assert!(
                run(&shared.spec_of("stage"), &account.of("eu-west-1", "stage")).await.unwrap().is_complete()
            );
            others::lean_on_ours(&account);
        }
        account.mishap(None);
        account
    }

    pub(crate) fn request(self, cluster: &str) -> Request {
        let role = |text: &str| (!self.user).then(|| text.to_owned());
        Request {
            cluster: cluster.to_owned(),
            mode: if self.user { "user" } else { "role" }.to_owned(),
            principal: role("arn:aws:iam::210987654321:root"),
            external_id: role("e-1"),
            // What is usual is not said.
            least_privilege: self.least.then_some(true),
            package: Some(release(0)),
            ..Request::default()
        }
    }

    pub(crate) fn spec_of(self, cluster: &str) -> Spec {
        self.request(cluster).validate().unwrap()
    }

    /// All choices said, also what is usual: of who chooses anew.
    pub(crate) fn chosen(self) -> Spec {
        Request { least_privilege: Some(self.least), ..self.request("prod") }.validate().unwrap()
    }

    /// With so much in the environment that no endpoint fits into it.
    pub(crate) fn crowded(self) -> Spec {
        let filler = format!("FILLER={}", "x".repeat(3_990));
        Request { settings: vec![filler], ..self.request("prod") }.validate().unwrap()
    }

    pub(crate) fn spec(self) -> Spec {
        self.spec_of("prod")
    }

    /// The account before, and after an onboarding that nothing disturbs, with its writes.
    pub(crate) async fn undisturbed(self) -> (Account, Account, usize) {
        let before = self.account().await;
        let after = before.copy();
        assert!(run(&self.spec(), &after).await.unwrap().is_complete(), "{self:?}");
        assert_eq!(after.broken(), Vec::<String>::new(), "{self:?}");
        let writes = after.counts().1;
        (before, after, writes)
    }
}

/// A zip with the head of a Linux program in it, another one for each release.
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

/// How a run ends.
pub(crate) type Ended = Result<Report, PlanError>;

/// Plans and onboards.
pub(crate) async fn run(spec: &Spec, account: &Account) -> Ended {
    let planned = plan(spec, account).await?;
    onboard(spec, planned, account, &Stop::new(), &mut |_| ()).await
}

/// Plans and offboards.
pub(crate) async fn end(cluster: &str, account: &Account) -> Ended {
    let removal = Removal::of(cluster);
    let planned = offboard::plan(&removal, account).await?;
    offboard(&removal, planned, account, &Stop::new(), &mut |_| ()).await
}

/// A run, or None if who makes it dies on the way.
pub(crate) async fn unless_killed(account: &Account, running: impl Future<Output = Ended>) -> Option<Ended> {
    tokio::select! {
        biased;
        () = account.died() => None,
        ended = running => Some(ended),
    }
}

/// Onboards with nothing in the way, and says how that has ended.
pub(crate) async fn completed(spec: &Spec, account: &Account, what: &str) {
    account.mishap(None);
    let report = run(spec, account).await.unwrap();
    assert!(report.is_complete(), "{what}: {:?}", report.failures().collect::<Vec<_>>());
    assert_eq!(account.broken(), Vec::<String>::new(), "{what}");
    assert!(!account.has_strayed(), "{what}: at every moment, who is served is registered");
}

/// Offboards with nothing in the way.
pub(crate) async fn ended(cluster: &str, account: &Account, what: &str) {
    account.mishap(None);
    let report = end(cluster, account).await.unwrap();
    assert!(report.is_complete(), "{what}: {:?}", report.failures().collect::<Vec<_>>());
    assert_eq!(account.broken(), Vec::<String>::new(), "{what}");
    assert!(!account.has_strayed(), "{what}: at every moment, who is served is registered");
}

/// What differs; whole accounts are too long to read.
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

/// What is not ours, with revisions and dates: nobody has so much as written it anew.
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

/// A report tells what stands: what is done is as wanted, what was not reached is as it was before.
pub(crate) fn tells_the_truth(report: &Report, account: &Account, before: &Account, what: &str) {
    let was: BTreeMap<Place, Resource> = before.all();
    let is: BTreeMap<Place, Resource> = account.all();
    for step in &report.steps {
        let place = account.place(&step.id);
        match step.outcome {
            Outcome::Done => assert_ne!(
                is.contains_key(&place),
                step.action == cast_spot_provisioner::plan::Action::Delete,
                "{what}: {} is said to be done",
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
