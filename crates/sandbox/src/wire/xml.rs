//! Writing the XML of the Query protocols. Reading it is the SDK's part, and the proof.

use quick_xml::escape::escape;
use std::fmt::{self, Display, Write};

/// Escapes what is written to it on its way into a text: a page of a thousand interfaces has a hundred thousand texts,
/// and none of them is to be a string of its own first.
struct Escaped<'t>(&'t mut String);

impl Write for Escaped<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.push_str(&escape(text));
        Ok(())
    }
}

/// An XML text that grows.
#[derive(Debug, Default)]
pub(crate) struct Xml(String);

impl Xml {
    /// An element with text.
    pub(crate) fn text(&mut self, name: &str, value: impl Display) -> &mut Self {
        self.open(name);
        // Writing to a text cannot fail.
        write!(Escaped(&mut self.0), "{value}").unwrap_or_default();
        self.close(name);
        self
    }

    /// An element with text, where there is one.
    pub(crate) fn maybe(&mut self, name: &str, value: Option<impl Display>) -> &mut Self {
        if let Some(value) = value {
            self.text(name, value);
        }
        self
    }

    /// Text alone, inside an element that is open.
    pub(crate) fn plain(&mut self, text: &str) -> &mut Self {
        self.0.push_str(&escape(text));
        self
    }

    /// An element with elements.
    pub(crate) fn element(&mut self, name: &str, body: impl FnOnce(&mut Self)) -> &mut Self {
        self.open(name);
        body(self);
        self.close(name);
        self
    }

    /// An element around what was written before.
    pub(crate) fn raw(&mut self, name: &str, body: &Self) -> &mut Self {
        self.open(name);
        self.0.push_str(&body.0);
        self.close(name);
        self
    }

    /// A list in the way of the other Query services: one `member` for each.
    pub(crate) fn members<T>(
        &mut self,
        name: &str,
        items: impl IntoIterator<Item = T>,
        body: impl FnMut(&mut Self, T),
    ) -> &mut Self {
        self.list(name, "member", items, body)
    }

    /// A list in the way of EC2: one `item` for each.
    pub(crate) fn set<T>(
        &mut self,
        name: &str,
        items: impl IntoIterator<Item = T>,
        body: impl FnMut(&mut Self, T),
    ) -> &mut Self {
        self.list(name, "item", items, body)
    }

    fn list<T>(
        &mut self,
        name: &str,
        each: &str,
        items: impl IntoIterator<Item = T>,
        mut body: impl FnMut(&mut Self, T),
    ) -> &mut Self {
        self.element(name, |xml| {
            for item in items {
                xml.element(each, |xml| body(xml, item));
            }
        })
    }

    fn open(&mut self, name: &str) {
        self.0.push('<');
        self.0.push_str(name);
        self.0.push('>');
    }

    fn close(&mut self, name: &str) {
        self.0.push_str("</");
        self.0.push_str(name);
        self.0.push('>');
    }

    pub(crate) fn into_text(self) -> String {
        self.0
    }
}

/// The body of an EC2 answer in its envelope.
pub(crate) fn ec2_response(action: &str, request_id: &str, body: Xml) -> String {
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<{action}Response \
         xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/\"><requestId>{request_id}</requestId>{}</{action}Response>",
        body.into_text()
    )
}

/// An EC2 error.
pub(crate) fn ec2_error(code: &str, message: &str, request_id: &str) -> String {
    let mut xml = Xml::default();
    xml.element("Response", |xml| {
        xml.element("Errors", |xml| {
            xml.element("Error", |xml| {
                xml.text("Code", code).text("Message", message);
            });
        });
        xml.text("RequestID", request_id);
    });
    format!("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{}", xml.into_text())
}

/// The error of the other Query services.
pub(crate) fn query_error(code: &str, message: &str, client_fault: bool, request_id: &str) -> String {
    let mut xml = Xml::default();
    xml.element("ErrorResponse", |xml| {
        xml.element("Error", |xml| {
            xml.text("Type", if client_fault { "Sender" } else { "Receiver" })
                .text("Code", code)
                .text("Message", message);
        });
        xml.text("RequestId", request_id);
    });
    xml.into_text()
}
