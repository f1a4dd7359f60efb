//! XML of the AWS query protocols: elements, lists, escaping.

/// Text as it may stand in an element.
pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// `<name>text</name>`
pub(super) fn element(name: &str, text: &str) -> String {
    format!("<{name}>{}</{name}>", escape(text))
}

/// `<name>…</name>` around elements.
pub(super) fn nest(name: &str, inner: &str) -> String {
    format!("<{name}>{inner}</{name}>")
}

/// The parameters of a query request.
pub(super) struct Form(Vec<(String, String)>);

impl Form {
    pub(super) fn parse(body: &[u8]) -> Self {
        Self(form_urlencoded::parse(body).into_owned().collect())
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// `prefix.1`, `prefix.2`, …
    pub(super) fn list(&self, prefix: &str) -> Vec<String> {
        (1..).map_while(|number| self.get(&format!("{prefix}.{number}"))).map(str::to_owned).collect()
    }
}
