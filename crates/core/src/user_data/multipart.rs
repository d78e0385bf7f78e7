//! MIME documents of several parts, as cloud-init and nodeadm read them: the `NodeConfig` parts, or the one script that
//! calls `bootstrap.sh`. Other parts are nobody's business here.

use super::{Edit, Family, Scan, UserDataError, node_config, shell};
use std::ops::Range;

const NODE_CONFIG: &str = "application/node.eks.aws";
const SHELL: &str = "text/x-shellscript";

/// The boundary of documents written here; it is in no NodeConfig.
const BOUNDARY: &str = "==VPCCNI==";

/// Whether a text is a MIME document.
pub(super) fn is_one(text: &str) -> bool {
    let first = text.lines().find(|line| !line.trim().is_empty());
    let first = first.unwrap_or_default().to_ascii_lowercase();
    first.starts_with("mime-version:") || first.starts_with("content-type:")
}

/// A document that sets nothing but the number of pods: EKS takes no other user data for Amazon Linux 2023.
pub(super) fn document(max_pods: u32) -> String {
    format!(
        "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=\"{BOUNDARY}\"\n\n{}--{BOUNDARY}--\n",
        part(BOUNDARY, max_pods, "\n")
    )
}

fn part(boundary: &str, max_pods: u32, line_break: &str) -> String {
    let text = format!(
        "--{boundary}\nContent-Type: {NODE_CONFIG}\n\n{}",
        node_config::document(max_pods)
    );
    text.replace('\n', line_break)
}

/// Reads a MIME document.
pub(super) fn scan(text: &str, max_pods: u32, family: Family) -> Result<Scan, UserDataError> {
    let document = Document::read(text)?;
    let mut configs = Vec::new();
    let mut calls = Vec::new();
    for part in &document.parts {
        match part.kind.as_str() {
            NODE_CONFIG => {
                part.check()?;
                configs.push(node_config::scan(text, part.body.clone(), max_pods)?);
            }
            SHELL => {
                if text
                    .get(part.body.clone())
                    .is_some_and(|body| body.contains("bootstrap.sh"))
                {
                    part.check()?;
                    calls.extend(shell::scan(text, part.body.clone(), max_pods)?);
                } else if part.encoded {
                    part.check()?;
                }
            }
            kind if kind.starts_with("multipart/") => {
                return Err(UserDataError::of("it has a MIME document in a MIME document"));
            }
            _ => {}
        }
    }
    match (configs.is_empty(), calls.len()) {
        (false, 0) => Ok(last_wins(configs)),
        (true, 1) => Ok(calls.remove(0)),
        (true, 0) if family == Family::Al2023 => {
            let with = part(&document.boundary, max_pods, document.line_break);
            let at = document.end;
            Ok(Scan {
                value: None,
                edits: vec![Edit { at: at..at, with }],
            })
        }
        (true, 0) => Err(UserDataError::of(
            "no part of it is a NodeConfig or calls /etc/eks/bootstrap.sh",
        )),
        _ => Err(UserDataError::of(
            "more than one part of it says how the node is started",
        )),
    }
}

/// nodeadm lays one NodeConfig over the other: all that say a number get the new one, and where none does, the last.
fn last_wins(configs: Vec<Scan>) -> Scan {
    let value = configs.iter().rev().find_map(|scan| scan.value);
    let edits = if value.is_some() {
        let said = configs.into_iter().filter(|scan| scan.value.is_some());
        said.flat_map(|scan| scan.edits).collect()
    } else {
        configs
            .into_iter()
            .last()
            .map(|scan| scan.edits)
            .unwrap_or_default()
    };
    Scan { value, edits }
}

struct Part {
    /// The media type, in lower case.
    kind: String,
    /// Whether its body is encoded.
    encoded: bool,
    body: Range<usize>,
}

impl Part {
    fn check(&self) -> Result<(), UserDataError> {
        if self.encoded {
            return Err(UserDataError::of(format!(
                "its part of type {} is encoded",
                self.kind
            )));
        }
        Ok(())
    }
}

struct Document {
    boundary: String,
    parts: Vec<Part>,
    /// Where the closing boundary begins.
    end: usize,
    line_break: &'static str,
}

impl Document {
    fn read(text: &str) -> Result<Self, UserDataError> {
        let (headers, body) = headers(text, 0..text.len());
        let kind = headers.get("content-type").unwrap_or_default();
        let boundary = boundary(kind)
            .ok_or_else(|| UserDataError::of("its Content-Type is not multipart with a boundary"))?;
        let (open, close) = (format!("--{boundary}"), format!("--{boundary}--"));
        let mut parts = Vec::new();
        let mut begun: Option<usize> = None;
        let mut at = body.start;
        for raw in text.get(body).unwrap_or_default().split_inclusive('\n') {
            let (start, line) = (at, raw.trim_end());
            at += raw.len();
            if line != open && line != close {
                continue;
            }
            if let Some(from) = begun.take() {
                parts.push(read_part(text, from..start));
            }
            if line == close {
                let line_break = if raw_breaks_by_crlf(text) { "\r\n" } else { "\n" };
                return Ok(Self {
                    boundary,
                    parts,
                    end: start,
                    line_break,
                });
            }
            begun = Some(at);
        }
        Err(UserDataError::of("its last part is not closed"))
    }
}

fn raw_breaks_by_crlf(text: &str) -> bool {
    text.split_inclusive('\n')
        .next()
        .is_some_and(|line| line.ends_with("\r\n"))
}

fn read_part(text: &str, within: Range<usize>) -> Part {
    let (headers, body) = headers(text, within);
    let kind = headers.get("content-type").unwrap_or_default();
    let kind = kind
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    let content = text.get(body.clone()).unwrap_or_default();
    let encoding = headers.get("content-transfer-encoding").unwrap_or_default();
    let encoding = encoding.trim().to_ascii_lowercase();
    Part {
        kind: if kind.is_empty() && content.trim_start().starts_with("#!") {
            SHELL.to_owned()
        } else {
            kind
        },
        encoded: !matches!(encoding.as_str(), "" | "7bit" | "8bit" | "binary"),
        body,
    }
}

/// Headers by their names in lower case, folded lines joined.
#[derive(Default)]
struct Headers(Vec<(String, String)>);

impl Headers {
    fn get(&self, name: &str) -> Option<&str> {
        let found = self.0.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// The headers at the start of a range, and the range of what follows the empty line behind them.
fn headers(text: &str, within: Range<usize>) -> (Headers, Range<usize>) {
    let mut read = Headers::default();
    let mut at = within.start;
    for raw in text.get(within.clone()).unwrap_or_default().split_inclusive('\n') {
        let line = raw.trim_end();
        // Text that is no header before the empty line is the body of a part without headers.
        let folded = raw.starts_with([' ', '\t']) && !line.is_empty();
        let header = line
            .split_once(':')
            .filter(|(name, _)| !name.contains(char::is_whitespace));
        match (folded, header) {
            _ if line.is_empty() && read.0.is_empty() => {}
            _ if line.is_empty() => return (read, at + raw.len()..within.end),
            (true, _) => {
                if let Some((_, value)) = read.0.last_mut() {
                    value.push(' ');
                    value.push_str(line.trim());
                }
            }
            (false, Some((name, value))) => {
                read.0.push((name.to_ascii_lowercase(), value.trim().to_owned()));
            }
            (false, None) => break,
        }
        at += raw.len();
    }
    (read, at..within.end)
}

/// The boundary of a multipart content type.
fn boundary(kind: &str) -> Option<String> {
    let mut fields = kind.split(';').map(str::trim);
    let media = fields.next()?.to_ascii_lowercase();
    if !media.starts_with("multipart/") {
        return None;
    }
    let value = fields.find_map(|field| {
        let (name, value) = field.split_once('=')?;
        name.trim()
            .eq_ignore_ascii_case("boundary")
            .then(|| value.trim().trim_matches('"'))
    })?;
    (!value.is_empty()).then(|| value.to_owned())
}
