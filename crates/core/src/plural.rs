//! Numbers in sentences: one node is, two nodes are.

use std::fmt::Display;

/// A number with what it counts: `1 node`, `2 nodes`, `0 addresses`.
pub fn counted<N: Display + PartialEq + From<u8>>(number: N, one: &str) -> String {
    let ending = match (number == N::from(1), one.ends_with('s') || one.ends_with('x')) {
        (true, _) => "",
        (false, true) => "es",
        (false, false) => "s",
    };
    format!("{number} {one}{ending}")
}

/// The word that goes with a number: `is` or `are`.
pub fn agreeing<'a, N: PartialEq + From<u8>>(number: &N, one: &'a str, several: &'a str) -> &'a str {
    if *number == N::from(1) { one } else { several }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_is_one() {
        let nodes = [0_u32, 1, 2, 11].map(|number| counted(number, "node"));
        assert_eq!(nodes, ["0 nodes", "1 node", "2 nodes", "11 nodes"]);
        assert_eq!(counted(3_usize, "address"), "3 addresses");
        assert_eq!(counted(2_i64, "prefix"), "2 prefixes");
        assert_eq!(
            [0_u32, 1, 2].map(|number| agreeing(&number, "is", "are")),
            ["are", "is", "are"]
        );
    }
}
