//! What an earlier principal may have planted in the function that all clusters of a region share.

use cast_spot_provisioner::{
    names::FUNCTION,
    resource::{Code, Function, Id, Kind, Resource},
    spec::Request,
};

use crate::{
    account::Account,
    situation::{DEFAULT, completed, release},
};

fn planted(account: &Account, change: impl FnOnce(&mut Function)) {
    account.change(&Id::new(Kind::Function, FUNCTION), |resource| {
        let Resource::Function(function) = resource else { panic!("{resource:?}") };
        change(function);
    });
}

#[tokio::test]
async fn planted_code_is_not_kept_to_go_back_to() {
    let (_, account, _) = DEFAULT.undisturbed().await;
    planted(&account, |function| function.code = Some(Code::known("trojan")));
    let newer = Request { package: Some(release(1)), ..DEFAULT.request("prod") }.validate().unwrap();
    completed(&newer, &account, "over a trojan").await;
    assert!(account.published().is_empty(), "{:?}", account.published());
}
