//! The blocks of a page that are results of a program: each begins with a line `table` and the name
//! of the result, in a comment, and ends with a line `end`.

/// Returns the page with the content of each block replaced by the result of its name.
///
/// # Errors
///
/// If a name has no result, or a block has no end.
pub fn replace(page: &str, result: impl Fn(&str) -> Option<String>) -> Result<String, String> {
    let mut parts = page.split(START);
    let mut replaced = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (name, content) = part.split_once(" -->\n").unwrap_or((part, ""));
        let (_, rest) = content
            .split_once(END)
            .ok_or_else(|| format!("the table {name} has no end"))?;
        let result = result(name).ok_or_else(|| format!("no result for the table {name}"))?;
        replaced += &format!("{START}{name} -->\n\n{}\n\n{END}{rest}", result.trim());
    }
    Ok(replaced)
}

const START: &str = "<!-- table: ";
const END: &str = "<!-- end -->\n";

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use super::*;

    fn result(name: &str) -> Option<String> {
        ["a", "b"]
            .contains(&name)
            .then(|| format!("| result of {name} |\n"))
    }

    #[test]
    fn blocks_are_replaced_and_the_rest_stays() {
        let page = "Before.\n<!-- table: a -->\nold\n<!-- end -->\nBetween.\n\n<!-- table: b -->\n<!-- end -->\n";
        let new = "Before.\n<!-- table: a -->\n\n| result of a |\n\n<!-- end -->\nBetween.\n\n<!-- table: b -->\n\n| result of b |\n\n<!-- end -->\n";
        assert_eq!(replace(page, result).as_deref(), Ok(new));
        assert_eq!(replace(new, result).as_deref(), Ok(new));
        assert_eq!(replace("No block.\n", result).as_deref(), Ok("No block.\n"));
    }

    #[test]
    fn faults_of_a_page_are_errors() {
        let error = |page| replace(page, result).expect_err("an error");
        let page = "<!-- table: c -->\n<!-- end -->\n";
        assert_eq!(error(page), "no result for the table c");
        // The end belongs to the second block.
        let page = "<!-- table: a -->\n<!-- table: b -->\n<!-- end -->\n";
        assert_eq!(error(page), "the table a has no end");
        let page = "<!-- table: b -->\nold\n";
        assert_eq!(error(page), "the table b has no end");
    }

    /// A figure in a table of the page is a figure that was measured, and not edited by hand.
    #[test]
    fn the_tables_of_the_page_are_the_results() {
        let benches = Path::new(env!("CARGO_MANIFEST_DIR"));
        let page = fs::read_to_string(benches.join("../BENCHMARKS.md")).expect("BENCHMARKS.md");
        let read = |name: &str| fs::read_to_string(benches.join(format!("results/{name}.md"))).ok();
        let replaced = replace(&page, read).expect("results");
        assert!(
            replaced == page,
            "a table of BENCHMARKS.md differs from its result; `benches/run report` writes it"
        );
        for name in ["types", "turn", "client", "build", "load", "gateway"] {
            assert!(page.contains(&format!("{START}{name} -->")), "{name}");
        }
    }
}
