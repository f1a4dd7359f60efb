//! `kubectl` about objects.

use super::{HIDDEN, Manifest};
use crate::{
    names::FIELD_MANAGER,
    resource::{Commands, Context, Shell},
};

impl Commands for Manifest {
    fn create(&self, _: &Context) -> Vec<Shell> {
        let words = format!("apply --server-side --force-conflicts --field-manager={FIELD_MANAGER} -f -");
        let apply = Shell::kubectl(&words).reading(&self.public());
        if self.is_secret() {
            return vec![Shell::comment(&format!("put the values in for {HIDDEN}, in base64")), apply];
        }
        vec![apply]
    }

    fn delete(&self) -> Vec<Shell> {
        let namespace = self.namespace().map(|name| format!("-n {name} ")).unwrap_or_default();
        let (kind, name) = (self.kind().to_lowercase(), self.name());
        vec![Shell::kubectl(&format!("{namespace}delete {kind} {name}"))]
    }
}
