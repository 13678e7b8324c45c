//! Slugs: the readable names that stand in addresses.

const MAX_SLUG_CHARS: usize = 60;

/// Lower-case letters, digits and single hyphens made of `name`; `item` where nothing is left.
pub fn slug_of(name: &str) -> String {
    let mut slug = String::new();
    for char in name.chars().flat_map(char::to_lowercase) {
        if slug.len() >= MAX_SLUG_CHARS {
            break;
        }
        match char {
            'a'..='z' | '0'..='9' => slug.push(char),
            _ if !slug.is_empty() && !slug.ends_with('-') => slug.push('-'),
            _ => {}
        }
    }
    let slug = slug.trim_end_matches('-');
    if slug.is_empty() { "item".to_owned() } else { slug.to_owned() }
}

/// Whether `text` can stand in an address: 1 to 60 lower-case letters and digits, with single hyphens between them.
pub fn is_slug(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= MAX_SLUG_CHARS
        && text.bytes().all(|it| it.is_ascii_lowercase() || it.is_ascii_digit() || it == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-')
        && !text.contains("--")
}

#[cfg(test)]
mod tests {
    #[test]
    fn slugs_keep_letters_and_digits() {
        for (name, slug) in
            [("Ticket Resolver 2", "ticket-resolver-2"), ("  Ärger! ", "rger"), ("漢字", "item")]
        {
            assert_eq!(super::slug_of(name), slug);
        }
    }
}
