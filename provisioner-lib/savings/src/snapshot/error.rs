//! What is wrong with a file of a snapshot.

/// Schema of the file. Fields may be added to it, but not removed, and none changes its meaning.
pub const SCHEMA: &str = "cast-spot.snapshot/1";

/// A file that cannot be read as objects of a cluster.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FileError {
    /// It has no content.
    #[error("the file is empty")]
    Empty,
    /// UTF-16.
    #[error("the text is UTF-16, not UTF-8")]
    Utf16,
    /// Neither UTF-8 nor gzip.
    #[error("the text is not UTF-8: {0}")]
    NotText(String),
    /// It begins as gzip.
    #[error("not gzip: {0}")]
    Gzip(String),
    /// The document with this number begins as JSON.
    #[error("document {0} is not JSON: {1}")]
    Json(usize, String),
    /// Text that is neither JSON nor YAML.
    #[error("neither JSON, nor YAML: {0}")]
    Yaml(String),
    /// Documents of something else.
    #[error("neither a snapshot (schema {SCHEMA}) nor objects of `kubectl get … -o json`, but {0}")]
    Other(String),
    /// A second file of `--save-snapshot`.
    #[error("a second snapshot of --save-snapshot: each has a cluster at one moment")]
    Second,
    /// Fields with a wrong type or value.
    #[error("{}", .0.join("; "))]
    Fields(Vec<String>),
}

impl FileError {
    pub(super) fn field(fault: &impl ToString) -> Self {
        Self::Fields(vec![fault.to_string()])
    }

    /// The remedy.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Utf16 => {
                "PowerShell 5 writes UTF-16 for `>`; `kubectl … | Out-File -Encoding utf8 FILE` writes UTF-8"
            }
            Self::Second => "give one of them, and files of `kubectl get … -o json` beside it",
            Self::Fields(_) => "`kubectl get … -o json` prints objects as Kubernetes has them",
            Self::Json(..) => "the file may be cut off; `jq . FILE` shows where",
            _ => {
                "`kubectl get nodes,pods,deploy,rs,sts,ds,jobs,pdb,pv,pvc,sc,csinodes,ns -A -o json` prints what is \
                 read, and `cast-spot savings --save-snapshot FILE` writes it"
            }
        }
    }
}
