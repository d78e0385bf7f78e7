//! Go's text conversions, exactly: upstream reads every setting with them.

/// `strconv.ParseBool`.
pub(super) fn parse_bool(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "TRUE" | "true" | "True" => Some(true),
        "0" | "f" | "F" | "FALSE" | "false" | "False" => Some(false),
        _ => None,
    }
}

/// `strconv.Atoi`: base ten, an optional sign, no spaces.
pub(super) fn atoi(text: &str) -> Option<i64> {
    text.parse().ok()
}

/// `strconv.ParseInt(text, 0, 64)`: the base by prefix (`0x`, `0o` or `0`, `0b`), underscores between digits.
pub(super) fn parse_int(text: &str) -> Option<i64> {
    let (negative, unsigned) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let lower = unsigned.to_ascii_lowercase();
    let (radix, digits) = if let Some(rest) = lower.strip_prefix("0x") {
        (16, rest)
    } else if let Some(rest) = lower.strip_prefix("0o") {
        (8, rest)
    } else if let Some(rest) = lower.strip_prefix("0b") {
        (2, rest)
    } else if let Some(rest) = lower.strip_prefix('0').filter(|rest| !rest.is_empty()) {
        (8, rest)
    } else {
        (10, lower.as_str())
    };
    // After a prefix an underscore may come first; a plain decimal must begin with a digit.
    let starts_badly = radix == 10 && digits.starts_with('_');
    let after_prefix = digits.strip_prefix('_').unwrap_or(digits);
    let groups_ok = after_prefix.split('_').all(|group| !group.is_empty());
    if starts_badly || !groups_ok || after_prefix.starts_with(['+', '-']) {
        return None;
    }
    let magnitude = i128::from_str_radix(&after_prefix.replace('_', ""), radix).ok()?;
    i64::try_from(if negative { -magnitude } else { magnitude }).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn booleans_are_gos_words_only() {
        for word in ["1", "t", "T", "TRUE", "true", "True"] {
            assert_eq!(parse_bool(word), Some(true), "{word}");
        }
        for word in ["0", "f", "F", "FALSE", "false", "False"] {
            assert_eq!(parse_bool(word), Some(false), "{word}");
        }
        for word in ["", "yes", "on", "tRUE", " true"] {
            assert_eq!(parse_bool(word), None, "{word}");
        }
    }

    #[test]
    fn numbers_take_a_sign_and_no_spaces() {
        assert_eq!(atoi("+5"), Some(5));
        assert_eq!(atoi("-5"), Some(-5));
        for text in ["", " 5", "5 ", "0x10", "1_0", "9223372036854775808"] {
            assert_eq!(atoi(text), None, "{text}");
        }
    }

    #[test]
    fn any_base_goes_by_the_prefix() {
        let cases = [
            ("0x80", 128),
            ("128", 128),
            ("0200", 128),
            ("0o200", 128),
            ("0b1000_0000", 128),
        ];
        for (text, number) in cases {
            assert_eq!(parse_int(text), Some(number), "{text}");
        }
        assert_eq!(parse_int("0"), Some(0));
        assert_eq!(parse_int("-0X_ff"), Some(-255));
        for text in [
            "",
            "-",
            "0x",
            "_1",
            "1__0",
            "1_",
            "0x-1",
            "08",
            "zz",
            "0xffffffffffffffffff",
        ] {
            assert_eq!(parse_int(text), None, "{text}");
        }
    }
}
