//! Addresses with a query.

/// `path` with those of `pairs` that hold something.
pub fn href<'a>(path: &str, pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.extend_pairs(pairs.into_iter().filter(|it| !it.1.is_empty()));
    match query.finish() {
        query if query.is_empty() => path.to_owned(),
        query => format!("{path}?{query}"),
    }
}

#[cfg(test)]
mod tests {
    use super::href;

    #[test]
    fn empty_values_are_left_out_and_others_written_safely() {
        assert_eq!(href("/audit", []), "/audit");
        assert_eq!(href("/audit", [("q", ""), ("actor", "")]), "/audit");
        assert_eq!(href("/audit", [("q", "a&b=\"c\""), ("n", "1")]), "/audit?q=a%26b%3D%22c%22&n=1");
    }
}
