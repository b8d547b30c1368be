//! Commands in hints: whole, with the URL or the path as it was understood, and quoted for a shell, so
//! that a person can copy them.

/// A command as a hint shows it, between backticks: `` `queue dead list 'sqlite:q.db?queue=a'` ``.
pub fn command<'w>(words: impl IntoIterator<Item = &'w str>) -> String {
    format!("`{}`", line(words))
}

/// A command that reads a file, as a hint shows it: `` `publish < 'my readings.jsonl'` ``.
pub fn command_on<'w>(words: impl IntoIterator<Item = &'w str>, file: &str) -> String {
    format!("`{} < {}`", line(words), line([file]))
}

fn line<'w>(words: impl IntoIterator<Item = &'w str>) -> String {
    let words: Vec<_> = words.into_iter().collect();
    // What holds a zero byte cannot be typed either way.
    shlex::try_join(words.iter().copied()).unwrap_or_else(|_| words.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_quoted_for_a_shell() {
        for (url, shown) in [
            ("sqlite:q.db", "sqlite:q.db"),
            ("sqlite:q.db?queue=a&topic=b", "'sqlite:q.db?queue=a&topic=b'"),
            ("sqlite:it's.db", "\"sqlite:it's.db\""),
            ("sqlite:$HOME `x`.db", "'sqlite:$HOME `x`.db'"),
        ] {
            assert_eq!(command(["queue", "stats", url]), format!("`queue stats {shown}`"));
        }
        assert_eq!(command_on(["publish"], "my r.jsonl"), "`publish < 'my r.jsonl'`");
    }
}
