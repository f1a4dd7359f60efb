//! Settings of the handler.

/// Names of the environment variables that an operator may choose (docs/configuration.md). The others follow from the
/// clusters that the function serves.
pub const NAMES: [&str; 8] = [
    "AWS_LAMBDA_LOG_LEVEL",
    "CAST_SPOT_DRY_RUN",
    "CAST_SPOT_LOG_FORMAT",
    "CAST_SPOT_MARGIN_SECONDS",
    "CAST_SPOT_PDB_POLICY",
    "CAST_SPOT_REPLACEMENT",
    "CAST_SPOT_REPLACE_STOPPED",
    "CAST_SPOT_STAY",
];
