//! The expressions of `maxPodsExpression`: whole numbers, names, `+ - * / %`, comparisons, `&&`, `||`, `!`, `?:`,
//! `min` and `max`; the part of CEL such a formula needs. Overflow and division by zero are errors, as in CEL.

/// Why an expression gives no number of pods.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExpressionError {
    /// It does not compile.
    #[error("expression: {0}")]
    DoesNotCompile(String),
    /// It compiles and cannot be computed.
    #[error("expression: {0}")]
    NotComputable(&'static str),
    /// Its result is no number of pods.
    #[error("expression gives {0}, which is not from 1 to 2147483647")]
    OutOfRange(i64),
}

/// Computes the number of pods.
pub(super) fn evaluate(expression: &str, variables: &[(&str, u32)]) -> Result<u32, ExpressionError> {
    let mut parser = Parser {
        tokens: tokens(expression)?,
        at: 0,
        variables,
    };
    let value = parser.ternary()?;
    if let Some(token) = parser.tokens.get(parser.at) {
        return Err(unexpected(token));
    }
    let number = number(value?)?;
    match u32::try_from(number) {
        Ok(pods) if (1..=2_147_483_647).contains(&number) => Ok(pods),
        _ => Err(ExpressionError::OutOfRange(number)),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Value {
    Number(i64),
    Truth(bool),
}

/// The outer result says whether the text compiles, the inner one whether the value can be computed: in a branch that
/// is not taken the second does not matter.
type Parsed = Result<Computed, ExpressionError>;
type Computed = Result<Value, ExpressionError>;

fn unexpected(token: &str) -> ExpressionError {
    ExpressionError::DoesNotCompile(format!("unexpected {token:?}"))
}

fn number(value: Value) -> Result<i64, ExpressionError> {
    match value {
        Value::Number(number) => Ok(number),
        Value::Truth(_) => Err(ExpressionError::NotComputable(
            "a truth value stands where a number is needed",
        )),
    }
}

fn truth(value: Value) -> Result<bool, ExpressionError> {
    match value {
        Value::Truth(truth) => Ok(truth),
        Value::Number(_) => Err(ExpressionError::NotComputable(
            "a number stands where a truth value is needed",
        )),
    }
}

fn tokens(expression: &str) -> Result<Vec<&str>, ExpressionError> {
    let mut tokens = Vec::new();
    let mut rest = expression.trim_start();
    while let Some(first) = rest.chars().next() {
        let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let length = if is_word(first) {
            rest.find(|c| !is_word(c)).unwrap_or(rest.len())
        } else if ["<=", ">=", "==", "!=", "&&", "||"]
            .iter()
            .any(|two| rest.starts_with(two))
        {
            2
        } else if "+-*/%()<>?:,!".contains(first) {
            1
        } else {
            return Err(unexpected(&first.to_string()));
        };
        let (token, after) = rest.split_at(length);
        tokens.push(token);
        rest = after.trim_start();
    }
    Ok(tokens)
}

struct Parser<'a> {
    tokens: Vec<&'a str>,
    at: usize,
    variables: &'a [(&'a str, u32)],
}

/// Operators by how strongly they bind, the weakest first.
const LEVELS: [&[&str]; 5] = [
    &["||"],
    &["&&"],
    &["<", "<=", ">", ">=", "==", "!="],
    &["+", "-"],
    &["*", "/", "%"],
];

impl<'a> Parser<'a> {
    fn take(&mut self, wanted: &str) -> bool {
        let found = self.tokens.get(self.at) == Some(&wanted);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, wanted: &str) -> Result<(), ExpressionError> {
        if self.take(wanted) {
            return Ok(());
        }
        let found = self.tokens.get(self.at).copied().unwrap_or("the end");
        Err(ExpressionError::DoesNotCompile(format!(
            "{wanted:?} is missing before {found:?}"
        )))
    }

    fn next(&mut self) -> Result<&'a str, ExpressionError> {
        let token = self.tokens.get(self.at).copied();
        self.at += 1;
        token.ok_or_else(|| ExpressionError::DoesNotCompile("it ends too early".to_owned()))
    }

    fn ternary(&mut self) -> Parsed {
        let condition = self.level(0)?;
        if !self.take("?") {
            return Ok(condition);
        }
        let then = self.ternary()?;
        self.expect(":")?;
        let otherwise = self.ternary()?;
        Ok(condition
            .and_then(truth)
            .and_then(|holds| if holds { then } else { otherwise }))
    }

    fn level(&mut self, level: usize) -> Parsed {
        let Some(operators) = LEVELS.get(level) else {
            return self.unary();
        };
        let mut left = self.level(level + 1)?;
        while let Some(operator) = operators.iter().find(|operator| self.take(operator)) {
            let right = self.level(level + 1)?;
            left = apply(operator, left, right);
        }
        Ok(left)
    }

    fn unary(&mut self) -> Parsed {
        if self.take("-") {
            let overflow = ExpressionError::NotComputable("the number is too large");
            let value = self.unary()?;
            return Ok(value
                .and_then(number)
                .and_then(|value| value.checked_neg().ok_or(overflow))
                .map(Value::Number));
        }
        if self.take("!") {
            return Ok(self.unary()?.and_then(truth).map(|value| Value::Truth(!value)));
        }
        self.primary()
    }

    fn primary(&mut self) -> Parsed {
        let token = self.next()?;
        if token == "(" {
            let value = self.ternary()?;
            self.expect(")")?;
            return Ok(value);
        }
        if matches!(token, "min" | "max") && self.take("(") {
            return self.extreme(token == "max");
        }
        if let Some((_, value)) = self.variables.iter().find(|(name, _)| *name == token) {
            return Ok(Ok(Value::Number(i64::from(*value))));
        }
        match token {
            "true" => Ok(Ok(Value::Truth(true))),
            "false" => Ok(Ok(Value::Truth(false))),
            _ => token
                .parse()
                .map(|value| Ok(Value::Number(value)))
                .map_err(|_| unexpected(token)),
        }
    }

    fn extreme(&mut self, greatest: bool) -> Parsed {
        let mut best = self.ternary()?.and_then(number);
        while self.take(",") {
            let other = self.ternary()?.and_then(number);
            best = best.and_then(|best| {
                other.map(|other| {
                    if greatest {
                        best.max(other)
                    } else {
                        best.min(other)
                    }
                })
            });
        }
        self.expect(")")?;
        Ok(best.map(Value::Number))
    }
}

fn apply(operator: &str, left: Computed, right: Computed) -> Computed {
    match operator {
        // Either side decides alone, even if the other cannot be computed.
        "||" | "&&" => {
            let deciding = operator == "||";
            match (left.and_then(truth), right.and_then(truth)) {
                (Ok(one), _) | (_, Ok(one)) if one == deciding => Ok(Value::Truth(deciding)),
                (left, right) => left.and(right).map(Value::Truth),
            }
        }
        "==" => Ok(Value::Truth(left? == right?)),
        "!=" => Ok(Value::Truth(left? != right?)),
        _ => arithmetic(operator, number(left?)?, number(right?)?),
    }
}

fn arithmetic(operator: &str, left: i64, right: i64) -> Computed {
    let result = match operator {
        "<" => return Ok(Value::Truth(left < right)),
        "<=" => return Ok(Value::Truth(left <= right)),
        ">" => return Ok(Value::Truth(left > right)),
        ">=" => return Ok(Value::Truth(left >= right)),
        "/" | "%" if right == 0 => return Err(ExpressionError::NotComputable("division by zero")),
        "+" => left.checked_add(right),
        "-" => left.checked_sub(right),
        "*" => left.checked_mul(right),
        "/" => left.checked_div(right),
        _ => left.checked_rem(right),
    };
    result
        .map(Value::Number)
        .ok_or(ExpressionError::NotComputable("the number is too large"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(expression: &str) -> Result<u32, ExpressionError> {
        evaluate(expression, &[("enis", 3), ("ips", 10)])
    }

    #[test]
    fn operators_bind_as_usual() {
        for (expression, pods) in [
            ("2 + 3 * 4", 14),
            ("(2+3)*4", 20),
            ("20 - 3 - 2", 15),
            ("7 / 2 * 10 + 7 % 4", 33),
            ("enis * (ips - 1) + 2", 29),
            ("-1 + 2", 1),
            ("enis < 3 ? 1 : enis == 3 ? 2 : 3", 2),
            ("min(9, ips, 110)", 9),
            ("max(9, ips)", 10),
            ("true && !(enis >= 4) || false ? 5 : 6", 5),
            // A branch that is not taken is not computed.
            ("enis != 0 ? 8 : 1 / 0", 8),
            ("true || 1 / 0 == 1 ? 4 : 5", 4),
        ] {
            assert_eq!(of(expression), Ok(pods), "{expression}");
        }
    }

    #[test]
    fn texts_that_do_not_compile() {
        for expression in [
            "",
            "1 +",
            "(1",
            "1 2",
            "unknown + 1",
            "1 $ 2",
            "1 ? 2",
            "min()",
            "1.5",
            "99999999999999999999",
        ] {
            let error = of(expression).unwrap_err();
            assert!(
                matches!(error, ExpressionError::DoesNotCompile(_)),
                "{expression}: {error}"
            );
        }
    }

    #[test]
    fn values_that_cannot_be_computed() {
        for expression in [
            "1 / 0",
            "1 % 0",
            "1 ? 2 : 3",
            "true + 1",
            "!1",
            "9223372036854775807 + 1",
            "1 < 2",
        ] {
            let error = of(expression).unwrap_err();
            assert!(
                matches!(error, ExpressionError::NotComputable(_)),
                "{expression}: {error}"
            );
        }
    }

    #[test]
    fn results_that_are_no_number_of_pods() {
        for (expression, number) in [("0", 0), ("1 - 2", -1), ("2147483647 + 1", 2_147_483_648)] {
            assert_eq!(
                of(expression),
                Err(ExpressionError::OutOfRange(number)),
                "{expression}"
            );
        }
    }
}
