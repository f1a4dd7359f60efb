//! What the user may choose of a comparison.

/// The user's choices; the defaults are safe to follow.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Choices {
    /// Size of the biggest node, in vCPUs.
    pub max_vcpus: Option<u32>,
}
