//! Contained panics: a leg, a cluster or a notice that panics takes no other with it.

use std::{any::Any, panic::AssertUnwindSafe};

use futures_util::FutureExt;

use crate::report::INTERNAL_ERROR;

/// Runs `work`; where it panics, `failed` turns the message into its result.
pub(crate) async fn guarded<T>(work: impl Future<Output = T>, failed: impl FnOnce(String) -> T) -> T {
    let result = AssertUnwindSafe(work).catch_unwind().await;
    result.unwrap_or_else(|panic| failed(panic_message(panic.as_ref())))
}

fn panic_message(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(ToString::to_string);
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
    format!("{INTERNAL_ERROR}: {text}")
}
