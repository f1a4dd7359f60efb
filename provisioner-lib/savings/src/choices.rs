//! What the user may choose of a comparison.

use crate::report::HOURS_PER_MONTH;

/// The user's choices; the defaults are safe to follow.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choices {
    /// Hours of a month in every monthly figure: 730 by default. A year is twelve of these months.
    pub hours_per_month: u32,
    /// Discount on On-Demand prices in percent, 0 to 100, for Savings Plans, reserved capacity or a private agreement.
    /// It applies to today's nodes and to proposed ones. Spot prices have none.
    pub discount_percent: u32,
    /// Size of the biggest node, in vCPUs.
    pub max_vcpus: Option<u32>,
}

impl Default for Choices {
    fn default() -> Self {
        Self { hours_per_month: HOURS_PER_MONTH, discount_percent: 0, max_vcpus: None }
    }
}
