//! Lines of JSON in a file that every call appends to. Rotation is the host's; a file that cannot be written stops
//! nothing, since a pod matters more than a line.

use serde_json::json;
use std::fmt::Display;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

/// How much a line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// What each call does.
    Debug,
    /// What each call did.
    Info,
    /// What went wrong and was dealt with.
    Warn,
    /// Why a call failed.
    Error,
    /// Nothing is this bad: with it the file stays empty.
    Fatal,
}

impl Level {
    /// Reads a setting; what is not known is taken as the default, which shows all.
    fn read(text: &str) -> Self {
        match text.to_ascii_lowercase().as_str() {
            "info" => Self::Info,
            "warn" | "warning" => Self::Warn,
            "error" => Self::Error,
            "fatal" => Self::Fatal,
            _ => Self::Debug,
        }
    }

    fn text(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warn => "warn",
            Self::Error => "error",
            Self::Fatal => "fatal",
        }
    }
}

#[derive(Debug)]
enum Sink {
    File(File),
    Stderr,
    Nowhere,
}

/// The log of one call.
#[derive(Debug)]
pub struct Log {
    sink: Sink,
    least: Level,
    subject: String,
}

impl Log {
    /// Opens the log; `subject` is in each line. Standard output belongs to the result, so it is never a log.
    pub fn open(file: &str, level: &str, subject: String) -> Self {
        let sink = match file {
            "" | "stderr" | "stdout" => Sink::Stderr,
            path => open_file(Path::new(path)).map_or(Sink::Nowhere, Sink::File),
        };
        Self {
            sink,
            least: Level::read(level),
            subject,
        }
    }

    /// A log that keeps nothing.
    pub fn none() -> Self {
        Self {
            sink: Sink::Nowhere,
            least: Level::Fatal,
            subject: String::new(),
        }
    }

    /// What a call does.
    pub fn debug(&self, message: impl Display) {
        self.write(Level::Debug, &message);
    }

    /// What a call did.
    pub fn info(&self, message: impl Display) {
        self.write(Level::Info, &message);
    }

    /// What went wrong and was dealt with.
    pub fn warn(&self, message: impl Display) {
        self.write(Level::Warn, &message);
    }

    /// Why a call failed.
    pub fn error(&self, message: impl Display) {
        self.write(Level::Error, &message);
    }

    fn write(&self, level: Level, message: &dyn Display) {
        if level < self.least || matches!(self.sink, Sink::Nowhere) {
            return;
        }
        let mut line = json!({
            "ts": timestamp(SystemTime::now()),
            "level": level.text(),
            "container": self.subject,
            "msg": message.to_string(),
        })
        .to_string();
        line.push('\n');
        // One write: lines of calls at the same time do not mix in a file opened for appending.
        let written = match &self.sink {
            Sink::File(file) => (&*file).write_all(line.as_bytes()),
            Sink::Stderr => io::stderr().write_all(line.as_bytes()),
            Sink::Nowhere => Ok(()),
        };
        // A full disk must not keep a pod from starting, and there is nowhere left to complain.
        written.unwrap_or_default();
    }
}

fn open_file(path: &Path) -> Option<File> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).ok()?;
    }
    OpenOptions::new().create(true).append(true).open(path).ok()
}

/// RFC 3339 in UTC with milliseconds.
fn timestamp(now: SystemTime) -> String {
    let since = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    let (days, second) = (since.as_secs() / 86_400, since.as_secs() % 86_400);
    let (year, month, day) = civil(days);
    let (hour, minute, second) = (second / 3600, second / 60 % 60, second % 60);
    let millis = since.subsec_millis();
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{millis:03}Z")
}

/// The date of a day after 1970-01-01. Years begin in March here, so that a leap day is their last.
fn civil(days: u64) -> (u64, u64, u64) {
    const DAYS_OF_400_YEARS: u64 = 146_097;
    let shifted = days + 719_468;
    let (era, day) = (shifted / DAYS_OF_400_YEARS, shifted % DAYS_OF_400_YEARS);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let from_march = (5 * day + 2) / 153;
    let month = if from_march < 10 {
        from_march + 3
    } else {
        from_march - 9
    };
    let day = day - (153 * from_march + 2) / 5 + 1;
    (year + era * 400 + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn dates_are_right_around_leap_days() {
        for (seconds, wanted) in [
            (0, "1970-01-01T00:00:00.007Z"),
            (951_782_399, "2000-02-28T23:59:59.007Z"),
            (951_782_400, "2000-02-29T00:00:00.007Z"),
            (4_107_542_400, "2100-03-01T00:00:00.007Z"),
            (1_798_761_599, "2026-12-31T23:59:59.007Z"),
        ] {
            let now = UNIX_EPOCH + Duration::from_secs(seconds) + Duration::from_millis(7);
            assert_eq!(timestamp(now), wanted);
        }
    }

    #[test]
    fn lines_are_appended_from_the_level_on() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/plugin.log");
        for _ in 0..2 {
            let log = Log::open(path.to_str().unwrap(), "WARN", "c1".to_owned());
            log.info("not this");
            log.warn("a \"quoted\" line\nof two");
        }
        let text = fs::read_to_string(path).unwrap();
        let lines: Vec<serde_json::Value> = text
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        assert_eq!(lines.len(), 2, "{text}");
        assert_eq!(
            (&lines[1]["level"], &lines[1]["container"], &lines[1]["msg"]),
            (&json!("warn"), &json!("c1"), &json!("a \"quoted\" line\nof two"))
        );
    }

    #[test]
    fn a_file_that_cannot_be_opened_is_no_error() {
        let log = Log::open("/proc/none/plugin.log", "", String::new());
        assert!(matches!(log.sink, Sink::Nowhere));
        log.error("lost");
    }
}
